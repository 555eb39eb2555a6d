"""One JSON object a line on stderr: ids, states and reasons; never an address, a name or a text that somebody wrote."""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName", "color_message"}
_UNSEEN = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")  # ends or turns a line in a terminal; JSON leaves it
_CHATTY = ("arq", "alembic", "uvicorn", "aioimaplib", "aiosmtplib", "httpx")


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "part": record.name,
            "event": _event(record),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[1]:
            line["trace"] = _trace(record.exc_info[1])
        return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(line, ensure_ascii=False, default=str))


def _event(record: logging.LogRecord) -> str:
    """asyncio prints whole tasks below its first line, with what their errors say."""
    message = record.getMessage()
    return message.partition("\n")[0] if record.name == "asyncio" else message


def _trace(error: BaseException) -> list[str]:
    """Where it came from, cause first. Without what the errors say: a database or a parser quotes what it was given."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return [*(_trace(before) if before else []), *frames, type(error).__name__]


def configure(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
