"""Reading policy packs: a file that is not right in every point is refused, with its line."""

from importlib.resources import files
from pathlib import Path

from policy.lint import lint
from policy.vocabulary import Pack
from policy.yaml import Document

__all__ = ["Pack", "builtin_packs", "load_pack"]


def load_pack(path: Path) -> Pack:
    """Raises ConfigError for the first thing that is wrong."""
    return _checked(Document.read(path))


def builtin_packs() -> dict[str, Pack]:
    """The packs that come with Huiyin, by id."""
    sources = sorted((s for s in files("policy").joinpath("packs").iterdir() if s.name.endswith(".yaml")), key=str)
    packs = (_checked(Document(source.name, source.read_text(encoding="utf-8"))) for source in sources)
    return {pack.id: pack for pack in packs}


def _checked(document: Document) -> Pack:
    pack = document.build(Pack)
    document.check(lint(pack))
    return pack
