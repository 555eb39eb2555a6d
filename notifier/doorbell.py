"""Redis is a doorbell: it wakes a worker sooner than its next look. Nothing is lost when it does not ring."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import Any

from arq.connections import ArqRedis, RedisSettings, create_pool
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

QUEUE = "huiyin:notices"
JOB = "wake"
_PAUSE_S = 5.0  # after a failure, so that a dead Redis cannot slow intake down


def serialize(job: dict[str, Any]) -> bytes:
    """JSON instead of arq's pickle: whoever can write to Redis must not be able to run code here."""
    return json.dumps(job, default=str).encode()


def deserialize(job: bytes) -> dict[str, Any]:
    return dict(json.loads(job))


def settings(url: str) -> RedisSettings:
    """From `redis://host:port/0` or `unix:///path/to/socket`."""
    base = RedisSettings(unix_socket_path=url.removeprefix("unix://")) if url.startswith("unix:") else None
    lasting: dict[str, Any] = {"retry_on_timeout": True, "retry_on_error": [ConnectionError, TimeoutError, OSError]}
    return replace(base or RedisSettings.from_dsn(url), conn_timeout=1, conn_retries=0, **lasting)


class Doorbell:
    def __init__(self, redis: RedisSettings, clock: Callable[[], float] = monotonic) -> None:
        self._settings, self._clock = redis, clock
        self._pool: ArqRedis | None = None
        self._silent_until = 0.0

    async def ring(self, notice_id: str, attempt: int = 0) -> bool:
        """Tell the workers that something is due. Never raises; False when nobody could be told."""
        if self._clock() < self._silent_until:
            return False
        try:
            pool = await self._connected()
            await pool.enqueue_job(JOB, notice_id, _job_id=f"n:{notice_id}:{attempt}", _queue_name=QUEUE)
        except (RedisError, OSError, TimeoutError) as error:
            self._silent_until = self._clock() + _PAUSE_S
            log.warning("doorbell is out of order", extra={"reason": type(error).__name__})
            await self.close()
            return False
        return True

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()

    async def _connected(self) -> ArqRedis:
        if self._pool is None:
            self._pool = await create_pool(
                self._settings, job_serializer=serialize, job_deserializer=deserialize, default_queue_name=QUEUE
            )
        return self._pool
