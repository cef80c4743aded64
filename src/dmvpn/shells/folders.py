"""Folders of configurations: their files, and what lies in them that will not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIX: Final = ".cfg"
#: Files that an error names.
_NAMED: Final = 4


def read_text(path: Path) -> str:
    """The text of a file. Raises UserError."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text: {error}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error


def configurations_in(folder: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """The configurations of a folder by file name, and notes about files that look like some. Raises UserError."""
    found = {path.stem: read_text(path) for path in sorted(folder.glob(f"*{_SUFFIX}"))}
    if not found:
        raise UserError(f"{folder}: no router configuration (*{_SUFFIX}) in this folder{_instead(folder)}")
    return found, tuple(
        f"{path.name} is left out: the files of routers end with {_SUFFIX}, in small letters"
        for path in sorted(folder.iterdir())
        if path.suffix != _SUFFIX and path.suffix.lower() == _SUFFIX
    )


def _instead(folder: Path) -> str:
    """What is there, as part of a sentence."""
    others = [path.name for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    if not others:
        return ""
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f", but {', '.join(others[:_NAMED])}{more}: rename what is one to NAME{_SUFFIX}"
