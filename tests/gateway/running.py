"""`huiyin` as its own process, as an operator runs it, and a customer's plain HTTP."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

ROOT = Path(__file__).parents[2]
START_S, STOP_S = 40.0, 30.0
_NUMBER = re.compile(r"HY-\d{4}-\d{6}")
_SECRET = re.compile(r"\b[a-z2-7]{5}(?:-[a-z2-7]{5}){3}\b")


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-P", "-m", "gateway", *map(str, words)]


def environment(settings: dict[str, str] | None = None) -> dict[str, str]:
    """Ours, without what another run may have left, and with `settings`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUIYIN_")}
    return kept | {"PYTHONPATH": str(ROOT)} | (settings or {})


def huiyin(
    *words: str | Path, stdin: bytes | None = None, settings: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """A command that ends by itself."""
    return subprocess.run(
        command(*words), input=stdin, capture_output=True, env=environment(settings), timeout=60, check=False
    )


class Running:
    """A command that runs until it is stopped; `log` is all that it has written."""

    def __init__(self, log: Path, *words: str | Path, settings: dict[str, str] | None = None) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command(*words), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(settings)
            )

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ready(self, port: int) -> None:
        """Returns once it takes complaints."""
        end = time.monotonic() + START_S
        while not self._is_ready(port):
            if not self.alive or time.monotonic() > end:
                raise AssertionError(f"not ready\n{self.log}")
            time.sleep(0.1)

    def stop(self) -> int:
        """Its exit code after SIGTERM, within the promised time."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)

    def _is_ready(self, port: int) -> bool:
        try:
            return get(port, "/readyz").status == http.HTTPStatus.OK
        except OSError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.alive:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def number(self) -> str:
        return _first(_NUMBER, self.text)

    @property
    def secret(self) -> str:
        return _first(_SECRET, self.text)

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def get(port: int, path: str) -> Answer:
    return _request(port, "GET", path, b"", {})


def submit(port: int, fields: dict[str, str]) -> Answer:
    """The public form."""
    return post_form(port, "/complaints", fields)


def post_form(port: int, path: str, fields: dict[str, str]) -> Answer:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return _request(port, "POST", path, urlencode(fields).encode(), kind)


def post_json(port: int, document: object, key: str = "") -> Answer:
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    return _request(port, "POST", "/api/v1/complaints", json.dumps(document).encode(), headers)


def _request(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=40)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read().decode("utf-8"))
    finally:
        connection.close()


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    assert found, f"no {pattern.pattern} in {text[:500]}"
    return found[0]
