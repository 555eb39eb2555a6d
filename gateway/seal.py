"""Values that travel through a browser and must come back as they were, in time and for the same purpose."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

Value = str | int


class Seal:
    """`life` counts from the moment of sealing."""

    def __init__(self, key: bytes, purpose: str, life: timedelta, now: Callable[[], datetime]) -> None:
        signing = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        self._serializer = URLSafeSerializer(key, salt=f"huiyin.{purpose}", signer_kwargs=signing)
        self._life_s, self._now = int(life.total_seconds()), now

    def close(self, *values: Value) -> str:
        return str(self._serializer.dumps([self._now_s(), *values]))

    def open(self, sealed: str) -> tuple[Value, ...] | None:
        """None for what was not sealed here for this purpose, and for what is too old."""
        try:
            at, *values = self._serializer.loads(sealed)
        except BadData:
            return None
        return tuple(values) if self._now_s() - at < self._life_s else None

    def _now_s(self) -> int:
        return int(self._now().timestamp())
