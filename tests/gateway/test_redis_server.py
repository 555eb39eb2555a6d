import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from casefile.errors import ConfigError
from gateway.redis_server import RedisServer, find_server
from tests.gateway.running import ROOT

OWNER = """
import sys, time
from pathlib import Path
from gateway.redis_server import RedisServer
RedisServer(Path(sys.argv[1])).start()
print("started", flush=True)
time.sleep(60)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path)
    yield made
    made.stop()


def client(server: RedisServer) -> Redis:
    return Redis.from_url(server.url)


def soon(look: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not (seen := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return seen


def test_it_answers_on_a_socket_that_only_we_can_reach(server: RedisServer, tmp_path: Path) -> None:
    assert not server.answers()
    server.start()
    path = Path(server.url.removeprefix("unix://"))
    assert server.answers()
    assert path.parent.stat().st_mode & 0o077 == 0
    with client(server) as redis:
        assert redis.config_get("port") == {"port": "0"}
        assert redis.config_get("appendonly") == {"appendonly": "yes"}
    server.stop()
    assert not server.answers()
    assert not path.parent.exists()


def test_what_was_queued_survives_a_restart(server: RedisServer) -> None:
    server.start()
    with client(server) as redis:
        redis.set("queued", "yes")
    server.stop()
    server.start()
    with client(server) as redis:
        assert redis.get("queued") == b"yes"


def test_a_folder_that_lies_deep_is_no_trouble(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 8)
    server = RedisServer(deep)
    server.start()
    assert server.answers()
    server.stop()


def test_a_second_process_of_the_site_joins_and_leaves_it_running(server: RedisServer, tmp_path: Path) -> None:
    server.start()
    second = RedisServer(tmp_path)
    second.start()
    assert second.url == server.url
    assert second.answers()
    second.stop()
    assert server.answers()


def test_two_sites_have_two_servers(server: RedisServer, tmp_path: Path) -> None:
    server.start()
    other = RedisServer(tmp_path / "other")
    other.start()
    assert other.url != server.url
    other.stop()
    assert server.answers()


def test_it_ends_with_the_process_that_started_it_however_that_dies(server: RedisServer, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"started\n"
        assert server.answers()
        owner.send_signal(signal.SIGKILL)
    assert soon(lambda: not server.answers())
    server.start()
    assert server.answers(), "what the dead process left behind is no obstacle"


@pytest.mark.slow
def test_a_lock_without_a_server_is_told(server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    with (tmp_path / "redis" / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match=r"another process of this site holds the lock.*set `redis` in"):
            server.start()


def test_a_broken_file_is_told_at_once_with_its_log(server: RedisServer, tmp_path: Path) -> None:
    server.start()
    with client(server) as redis:
        redis.set("queued", "yes")
    server.stop()
    manifest = next((tmp_path / "redis" / "appendonlydir").glob("*.manifest"))
    manifest.write_text("nonsense")
    began = time.monotonic()
    with pytest.raises(ConfigError, match=f"See {tmp_path}/redis/log") as caught:
        server.start()
    assert (caught.value.where, caught.value.what) == ("redis", "it ended at once")
    assert time.monotonic() - began < 5
    assert "manifest" in (tmp_path / "redis" / "log").read_text()


def test_a_folder_that_cannot_be_written_is_told(server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "redis").write_text("a file")
    with pytest.raises(ConfigError, match=r"redis: cannot be written .*Mend its permissions"):
        server.start()


def test_a_server_on_the_path_goes_before_the_bundled_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    bundled = find_server()
    assert bundled.is_file()
    for name in ("redis-server", "valkey-server"):
        shutil.copy(bundled, tmp_path / name)
        assert find_server() == tmp_path / name
