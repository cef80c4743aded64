"""Headings that name routers: `! ===== R1 =====`, `SPOKE-2:`, `## Hub`, `Step 2: tunnel (SPOKE-A)`, `### R1, R2 and R3
(alike)`.

    heading_of(line)          the router that a heading names, in texts whose routers have no hostname
    hosts_of(text)            the names that hostnames and prompts of a text give routers
    heading_for(line, hosts)  which of these a heading names, and whether it may as well be a comment

`! R2` above an interface may say where its wire leads, so it is a heading only if something else shows that it is.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAME: Final = re.compile(
    r"(?:r|rt|rtr|router|hub|spoke|branch|br|site|edge|isp|hq|core|csr|pe|ce|dc|sw)(?:[-_]?\d[\w-]*|[-_][a-z])"
    r"|[a-z]\w{0,15}[-_](?:r|rtr|router|hub|spoke|edge|gw)[-_]?\d*|(?:hub|spoke|branch|hq|isp|edge)[-_]?[\w-]{0,16}",
    re.IGNORECASE,
)
#: Of the names in a heading, the router's name, not its role: "R2 (Spoke1)".
_DEVICE: Final = re.compile(r"(?:r|rt|rtr|router|csr)[-_]?\d[\w-]*", re.IGNORECASE)
#: Two words that are a name: "PEER A", "Spoke 2".
_TWO: Final = re.compile(r"(?:PEER|ROUTER|Router|HUB|Hub|SPOKE|Spoke|SITE|Site|BRANCH|Branch) (?:[A-Z]|\d{1,3})")
#: Separators between the names of several routers, and the text about them.
_AND: Final = re.compile(r"\s*(?:,|/|&|\+|\b(?:and|y|e|et|und|и)\b)\s*")
_SAID: Final = re.compile(r"\([^()]{0,60}\)")
_MARK: Final = " & "
_SEVERAL: Final = re.compile(r"! == ([\w.-]{1,63}(?: & [\w.-]{1,63}){1,19}) ==")
#: What surrounds the name in a heading: rules, marks of comments and of Markdown.
_AROUND: Final = "!#*=-/_:~[](){}<>.,+`'\"|\\ \t"
_TAG: Final = re.compile(r"</?[a-z][^>]{0,40}>", re.IGNORECASE)
_LONGEST: Final = 120
#: More words are a sentence about routers.
_WORDS: Final = 4
#: A name at the end of a heading: `Tunnel of the branch (SPOKE-A)`, and how headings begin that have one.
_IN_BRACKETS: Final = re.compile(r"\(([\w.-]{2,63})\)[\s:*_`=#~-]*$")
_MOST_WORDS: Final = 12
_BEGINS: Final = re.compile(r"[A-Z0-9#*=_~`-]|!.{0,8}[=*#_~-]{2}")
#: Lines of a configuration that begin with a capital letter.
_COMMAND: Final = re.compile(
    r"(?:int\w*|ip|router|crypto|host\w*|line|access-list|route-map|key|vrf|no|ipv6|tunnel|desc\w*|banner|network)\s",
    re.IGNORECASE,
)
#: Marks that make a comment of a configuration a heading.
_RULE: Final = re.compile(r"[=*#_~-]{2}")
#: A hostname in a configuration, or typed, and a prompt of the configuration or with a usual command behind it.
_HOST: Final = re.compile(
    r"^[ \t\ufeff]{0,16}(?:[\w.:@/-]{1,63}\([a-z][\w-]{0,62}\)#[ \t]{0,8})?"
    r"hostname[ \t]{1,8}\"?([A-Za-z][\w.-]{0,62})"
    r"|^[ \t\ufeff]{0,16}([A-Za-z][\w.-]{0,62})"
    r"(?:\([a-z][\w-]{0,62}\)#|#[ \t]{0,8}(?:conf|sh|wr|ping|cop|clear|debug))",
    re.MULTILINE | re.IGNORECASE,
)


class Heading(NamedTuple):
    """A line that names routers. is_firm: it is a heading whatever the lines below it are."""

    names: tuple[str, ...] = ()
    is_firm: bool = False


NO_HEADING: Final = Heading()
_NO_HOSTS: Final[Mapping[str, str]] = MappingProxyType({})


def hosts_of(text: str) -> dict[str, str]:
    """Return the names that hostnames and prompts give routers, by their small letters."""
    return {name.lower(): name for found in _HOST.finditer(text) if (name := found[1] or found[2])}


def heading_for(line: str, hosts: Mapping[str, str]) -> Heading:
    """Return which of these hosts a line in or between configurations is the heading of."""
    if not line or len(line) > _LONGEST or line[0] in " \t":
        return NO_HEADING
    bare = line.strip(_AROUND)
    is_firm = _RULE.search(line) is not None if line[0] == "!" else bare != line.strip()
    if bare.lower() in hosts:
        return Heading((hosts[bare.lower()],), is_firm)
    several = _several(line, lambda name: name.lower() in hosts)
    if several:
        return Heading(tuple(hosts[name.lower()] for name in several), is_firm)
    name = _in_brackets(line)
    if name.lower() in hosts:
        return Heading((hosts[name.lower()],), line[0] != "!" or is_firm)
    name = heading_of(line) or next(iter(marked_by(line)), "")
    return Heading((name,)) if name else NO_HEADING


def _in_brackets(line: str) -> str:
    """Return the name in brackets at the end of a heading; "" if none is there, or the line is one of configuration."""
    found = _IN_BRACKETS.search(line)
    if found is None or not _BEGINS.match(line) or _COMMAND.match(line) or len(line.split()) > _MOST_WORDS:
        return ""
    return found[1]


def heading_of(line: str, *, is_prose: bool = False, hosts: Mapping[str, str] = _NO_HOSTS) -> str:
    """Return the router that a heading names, "" for other lines.

    is_prose: the line is outside of any configuration, so a few words beside the name do not matter.
    hosts: names of routers, in addition to names that look like a router's (`hosts_of`).
    """
    if not line or len(line) > _LONGEST or (line[0] in " \t" and not is_prose):
        return ""
    text = _TAG.sub(" ", line) if is_prose else line
    in_brackets = _in_brackets(text.strip()) if is_prose else ""
    if in_brackets.lower() in hosts:
        return in_brackets
    return _among(text, _WORDS if is_prose else 1, hosts) or (in_brackets if _NAME.fullmatch(in_brackets) else "")


def _among(text: str, most: int, hosts: Mapping[str, str]) -> str:
    """Return the router that a few words name; "" if none, or several."""
    words = [bare for word in text.split() if (bare := word.strip(_AROUND))]
    if _TWO.fullmatch(" ".join(words)):
        return "-".join(words)
    if not words or len(words) > most:
        return ""
    known = list(dict.fromkeys(word for word in words if word.lower() in hosts))
    if len(known) == 1:
        return known[0]
    names = list(dict.fromkeys(word for word in words if _NAME.fullmatch(word) and len(word) > 1))
    # "R5 - Branch", "R2 (Spoke1)": the one with a number, or of a device, is the name; the other says what it is.
    numbered = [name for name in names if any(letter.isdigit() for letter in name)]
    devices = [name for name in numbered if _DEVICE.fullmatch(name)]
    found = next((some for some in (names, numbered, devices) if len(some) == 1), [""])
    return found[0]


def several_of(line: str, hosts: Mapping[str, str] = _NO_HOSTS) -> tuple[str, ...]:
    """Return the routers that a heading of prose names together: the lines below it belong to the configuration of
    each.
    """
    if len(line) > _LONGEST or not line.startswith("#"):
        return ()
    return _several(line, lambda name: name.lower() in hosts or _DEVICE.fullmatch(name) is not None)


def _several(line: str, is_router: Callable[[str], bool]) -> tuple[str, ...]:
    names = [part.strip(_AROUND) for part in _AND.split(_SAID.sub(" ", line).strip(_AROUND))]
    return tuple(dict.fromkeys(names)) if len(names) > 1 and all(map(is_router, names)) else ()


def mark_of(names: tuple[str, ...]) -> str:
    """Return the comment that stands for a heading of these routers."""
    return f"! == {_MARK.join(names)} ==" if names else ""


def marked_by(line: str) -> tuple[str, ...]:
    """Return the routers of the comment that `mark_of` made."""
    found = _SEVERAL.fullmatch(line)
    return tuple(found[1].split(_MARK)) if found is not None else ()
