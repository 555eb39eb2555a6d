"""The site's own secret: signs reply addresses, tracking secrets and forms. Made once, never leaves the folder."""

import secrets
from pathlib import Path

from casefile.errors import ConfigError

_NAME = "site.key"
_BYTES = 32


def make_key(folder: Path) -> None:
    """Unless there is one: a new key would make all tokens that are out there worthless."""
    path = folder / _NAME
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(_BYTES) + "\n", encoding="ascii")


def site_key(folder: Path) -> bytes:
    """Raises ConfigError when it is missing, malformed, or readable by others."""
    path = folder / _NAME
    if not path.is_file():
        raise ConfigError(str(path), "there is no key", "Restore it from a backup; for a new site run huiyin init")
    if path.stat().st_mode & 0o077:
        raise ConfigError(str(path), "can be read by others", f"Run: chmod 600 {path}")
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError as error:
        raise ConfigError(str(path), "is not a key in hexadecimal", "Restore it from a backup") from error
    if len(key) < _BYTES:
        raise ConfigError(str(path), f"has fewer than {_BYTES} bytes", "Restore it from a backup")
    return key
