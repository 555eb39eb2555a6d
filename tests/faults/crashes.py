"""Keeping processes alive that are killed again and again, until the work is done in spite of it."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.faults.zygote import KILL, Died, put_down, start


@dataclass
class Crashes:
    """Each process is armed at one place only, so that who dies says where. `seed` makes a run repeatable."""

    target: Callable[..., None]
    data: Path
    places: Sequence[str]
    chance: float
    seed: int
    at_once: int = 1
    counted: Counter[str] = field(default_factory=Counter)
    lives: int = 0
    _running: dict[BaseProcess, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)

    async def until(self, done: Callable[[], Awaitable[bool]], wanted: int, limit_s: float) -> None:
        """After `wanted` crashes the processes are armed no more, and may finish."""
        try:
            async with asyncio.timeout(limit_s):
                while not await done():
                    self._bury()
                    while len(self._running) < self.at_once:
                        self._start(armed=self.counted.total() < wanted)
                    await asyncio.sleep(0.01)
        finally:
            for process in self._running:
                put_down(process)

    def extra_arguments(self) -> tuple[object, ...]:
        return ()

    def _start(self, *, armed: bool) -> None:
        place = self._draw.choice(self.places)
        failpoints = f"{place}=kill:{self.chance}" if armed else ""
        process = start(self.target, self.data, failpoints, self._draw.getrandbits(32), *self.extra_arguments())
        self._running[process] = place
        self.lives += 1

    def _bury(self) -> None:
        for process in [process for process in self._running if not process.is_alive()]:
            place = self._running.pop(process)
            if process.exitcode != KILL:
                raise Died(f"process {process.pid} ended with {process.exitcode}, see {self.data}/processes.log")
            self.counted[place] += 1
