"""A doorbell that rings when Redis is there, and costs nothing when it is not."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest

from notifier.doorbell import QUEUE, Doorbell, deserialize, serialize, settings
from tests.servers.redis import RedisServer


@dataclass
class Stopwatch:
    at: float = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_url_or_a_socket() -> None:
    assert settings("unix:///run/huiyin/redis.sock").unix_socket_path == "/run/huiyin/redis.sock"
    plain = settings("redis://:secret@redis.bank.example:6380/3")
    assert (plain.host, plain.port, plain.database, plain.password) == ("redis.bank.example", 6380, 3, "secret")


async def test_a_ring_is_one_job_and_so_is_ringing_again(redis_server: RedisServer) -> None:
    bell = Doorbell(settings(redis_server.url))
    assert await bell.ring("n1")
    assert await bell.ring("n1")
    assert redis_server.call("ZRANGE", QUEUE, "0", "-1") == [b"n:n1:0"]
    assert await bell.ring("n1", attempt=1)
    assert redis_server.call("ZCARD", QUEUE) == 2
    await bell.close()


async def test_what_is_in_redis_is_json_and_no_more_than_an_id(redis_server: RedisServer) -> None:
    bell = Doorbell(settings(redis_server.url))
    await bell.ring("n1")
    job = json.loads(redis_server.call("GET", "arq:job:n:n1:0"))
    assert job["a"] == ["n1"]
    await bell.close()


def test_jobs_survive_the_journey() -> None:
    job = {"f": "wake", "a": ["n1"], "t": 1}
    assert deserialize(serialize(job)) == job
    assert deserialize(serialize({"at": datetime(2026, 3, 2, tzinfo=UTC)})) == {"at": "2026-03-02 00:00:00+00:00"}
    with pytest.raises(ValueError, match="codec"):
        deserialize(b"\x80\x04\x95pickle")


async def test_without_redis_it_neither_raises_nor_holds_anybody_up(tmp_path: Path) -> None:
    bell = Doorbell(settings(f"unix://{tmp_path}/none.sock"))
    began = monotonic()
    assert [await bell.ring(f"n{n}") for n in range(100)] == [False] * 100
    assert monotonic() - began < 3
    await bell.close()


async def test_after_a_failure_it_pauses_and_then_rings_again(redis_server: RedisServer) -> None:
    clock = Stopwatch()
    bell = Doorbell(settings(redis_server.url), clock)
    assert await bell.ring("n1")
    redis_server.stop()
    assert not await bell.ring("n2")
    redis_server.start()
    clock.at = 4.9
    assert not await bell.ring("n3")
    clock.at = 5.1
    assert await bell.ring("n4")
    await bell.close()


async def test_closing_twice_is_closing(redis_server: RedisServer) -> None:
    bell = Doorbell(settings(redis_server.url))
    await bell.ring("n1")
    await bell.close()
    await bell.close()
