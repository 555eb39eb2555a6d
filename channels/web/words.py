"""The words that people read, in every language we speak: one `texts.yaml` per room, key -> language -> text."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ruamel.yaml import YAML
from starlette.requests import Request

from casefile.errors import ConfigError

LANGUAGES = ("zh", "en")
COOKIE = "huiyin_lang"


class Words:
    """Looks a text up and fills in its values. Raises KeyError for a key that no file has."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._texts: dict[str, Mapping[str, str]] = {}
        for file in files:
            self._add(file)

    def __call__(self, language: str, key: str, **values: object) -> str:
        return self._texts[key][language].format_map(values)

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def _add(self, file: Path) -> None:
        for key, text in YAML(typ="safe").load(file.read_text("utf-8")).items():
            where = f"{file}: {key}"
            if key in self._texts:
                raise ConfigError(where, "this key is in another file already", "Rename one of the two")
            if not isinstance(text, dict) or set(text) != set(LANGUAGES):
                raise ConfigError(where, f"holds {text!r}", f"Give it a text for each of {', '.join(LANGUAGES)}")
            self._texts[key] = text


def pick_language(request: Request, default: str = "zh") -> str:
    """What the address asks for, else what was chosen before, else what the browser prefers."""
    for asked in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if asked in LANGUAGES:
            return asked
    return _preferred(request.headers.get("accept-language", "")) or default


def _preferred(header: str) -> str | None:
    """The best of our languages in an Accept-Language header (RFC 9110 section 12.5.4)."""
    best, best_weight = None, 0.0
    for entry in header[:500].split(","):
        tag, _, parameter = entry.partition(";")
        language = tag.strip().lower().partition("-")[0]
        weight = _weight(parameter)
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
