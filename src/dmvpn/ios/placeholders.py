"""Placeholders of templates: `$TUNNEL`, `{{ key }}`, `<hub>`, `[WAN-IP]`, `192.0.2.x`, in lines that want values."""

from __future__ import annotations

import re
from typing import Final

from dmvpn.ios.redaction import without_keys

_OF_TEMPLATES: Final = re.compile(
    r"\{\{[^{}]{1,80}\}\}|\{%[^%]{1,80}%\}|\$\{\w[\w.-]{0,60}\}"
    r"|(?<!\S)(?:\$[A-Z][A-Z0-9_]{2,60}|\\?<[A-Za-z][\w .:/-]{0,60}>"
    r"|\\?\[[A-Z][A-Z0-9 ._-]{1,60}\]|%[A-Z][A-Z0-9_]{2,60}%)"
    r"(?!\S)"
)
_OF_ADDRESSES: Final = re.compile(
    r"(?<![\w.:])(?=[\d.]{0,12}[xX])(?:[xX]{1,3}|\d{1,3})(?:\.(?:[xX]{1,3}|\d{1,3})){3}(?![\w.])"
)
#: Forms that a name or a key may have as well: they count in a line that was refused.
_OF_OTHERS: Final = re.compile(
    r"(?<!\S)(?:\$[A-Za-z]\w{1,60}|\{[A-Za-z_][\w.-]{0,60}\}|@[A-Za-z_]\w{1,60}@|__[A-Z]\w{1,60}__|%\(\w{1,60}\)[sd]"
    r"|<<[\w .-]{1,60}>>|\[\[[\w .-]{1,60}\]\]|%\w{1,60}%|\[[A-Za-z][\w .-]{1,60}\])(?!\S)"
)
_DASH: Final = re.compile("(?<=[a-z0-9])[\u2010-\u2014](?=[a-z0-9])")
#: Most lines have none of these.
_MAY_BE: Final = re.compile(r"[$<\[{%@]|__|[xX]\.|\.[xX]")
#: The text after these words is for people.
_TEXTS: Final = ("description", "remark", "banner", "title", "alias", "event", "action", "username")


def placeholder_in(line: str, *, refused: bool = False) -> str:
    """Return the first placeholder of a line; "" if there is none, or it is a text for people. refused: the line was
    refused.
    """
    if _MAY_BE.search(line) is None or line.lstrip().lower().startswith(_TEXTS):
        return ""
    found = _OF_TEMPLATES.search(line) or _OF_ADDRESSES.search(line) or (_OF_OTHERS.search(line) if refused else None)
    return found[0].lstrip("\\") if found is not None else ""


def as_meant(line: str) -> str:
    """Return the line with `-` for the blanks in its placeholders, as `<shared secret>` is one value, and for dashes in
    its words, which an editor of texts makes of hyphens.
    """
    return _OF_TEMPLATES.sub(lambda found: "-".join(found[0].split()), _DASH.sub("-", line))


def refusal(line: str) -> tuple[str, ...]:
    """Return the message for a line that was refused; nothing if no placeholder is in it."""
    name = placeholder_in(line, refused=True)
    return (f"% A template's placeholder is here, put a value in its place: {_said(line, name)}",) if name else ()


def warning(line: str) -> tuple[str, ...]:
    """Return the message for a line that was accepted."""
    name = placeholder_in(line)
    return (f"% Warning: a template's placeholder is taken as it is: {_said(line, name)}",) if name else ()


def _said(line: str, name: str) -> str:
    """Return the word as it is printed: a key may look like a placeholder, and is never shown."""
    return name if name in without_keys(line) else "that of a key"
