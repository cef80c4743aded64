"""Legal IOS lines that mean nothing here: the table `known.txt`, for the router and for lint.

A line of that file is a group, a mode, or a command; a command belongs to the group above it:

    group STANDING NAME: MEANING          what the next commands are about, and what their absence means for a DMVPN
    mode NAME PROMPT [PARENT [EXIT]]      a mode that such lines open, inside the global one if none is named
    MODE ORDER FLAGS SYNTAX [=> OPENS]    a command; the syntax is that of every other command

EXIT: the line that ends such a section. STANDING: `silent`, `kept`, `restricts`, `diverts`, `apart` or `protects`
(`groups.py`). FLAGS: `-` none, `n` its `no` form is kept too, `*` there may be several, `+` both, and any words may
follow; then SYNTAX may be several beginnings with ` / ` between them.
Lines of features are preferred to these.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.ios.config_line import ConfigLine, Mode
from dmvpn.ios.errors import slip_of
from dmvpn.ios.groups import UNKNOWN, LineGroup, LineStanding
from dmvpn.ios.values import ValueType, register_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RELEASE = re.compile(r"\d{1,2}\.\d[\w.()]*\Z")
_FLAGS: Final = frozenset("-n*+")


def _release(text: str) -> tuple[str, str] | None:
    return (text, text) if _RELEASE.match(text) else None


#: "17.9", "15.2(4)M": not the 2 of `version 2`, which belongs to RIP and may stray into the global section.
register_type(ValueType("release", "WORD", _release))

#: An unknown line, and the section of the lines below it. No grammar has it.
UNKNOWN_MODE: Final = Mode("unknown", "config-unknown")
UNKNOWN_LINE: Final = ConfigLine(
    "unknown", "{text:line}", "", key=("text",), order=990, opens=UNKNOWN_MODE.name, group=UNKNOWN
)

#: How the syntax of a line ends behind whose beginning anything may follow.
FREE: Final = " [ {what:line} ]"
_HELP: Final = "Kept for the record; has no effect here"


def is_free(line: ConfigLine) -> bool:
    """Return whether anything may follow its words. Then it is looked up by them; all other lines are read by their
    grammar.
    """
    return line.syntax.endswith(FREE) and not any(mark in line.syntax.removesuffix(FREE) for mark in "([{|")


#: By the first word of a line of a routing section: words behind its second one that secure or filter, or name the
#: peers. Such a line must be understood: if it were kept without effect, wrong peers or no peers would be accepted.
_NOT_TO_MISS: Final = {
    "neighbor": frozenset(
        {"remote-as", "peer-group", "password", "route-map", "prefix-list", "filter-list", "distribute-list"}
        | {"ttl-security", "maximum-prefix"}
    ),
    "area": frozenset({"authentication", "stub", "nssa", "range", "filter-list", "virtual-link"}),
}
#: Of these those of which nothing may be amiss behind them either; of the others IOS has more forms than we do.
_WHOLE: Final = _NOT_TO_MISS["neighbor"] | {"authentication"}
#: Words of lines of interfaces that keep users or packets away.
_GUARDS: Final = frozenset(
    ("access-group", "authentication", "authentication-key", "message-digest-key", "traffic-filter", "verify")
)
_FEW: Final = 6


def is_slip_of_routing(words: Sequence[str]) -> bool:
    """Return whether it is a line about a neighbor or an area with a slip in a word that names the neighbor, secures or
    filters.

    words: in lower case.
    """
    if len(words) < 2 or words[0] not in _NOT_TO_MISS or ":" in words[1]:
        return False
    if words[0] == "neighbor" and words[1][0].isdigit() and words[1].count(".") == 3:
        try:
            IPv4Address(words[1])
        except ValueError:
            return True
    return any(word in _WHOLE or slip_of(word, _NOT_TO_MISS[words[0]]) for word in words[2:3])


def guards(line: str) -> bool:
    """Return whether it is a line of an interface about who or what may come in, or one with a slip in that."""
    words = line.lower().split(None, _FEW)
    if words[0] not in ("ip", "ipv6", "ospfv3", "bfd"):
        return False
    return any(word in _GUARDS or slip_of(word, _GUARDS) for word in words[1:_FEW])


@lru_cache(maxsize=1)
def known_lines() -> tuple[str, ...]:
    """Return the lines of `known.txt`, for `Configurator`."""
    path = os.path.join(os.path.dirname(__file__), "known.txt")
    with open(path, encoding="utf-8") as file:
        return tuple(file.read().splitlines())


@lru_cache(maxsize=1)
def known_commands() -> tuple[tuple[ConfigLine, ...], tuple[Mode, ...]]:
    """Return the commands and modes of `known.txt`; always the same objects, because they are keys into trees."""
    commands, modes = read_known(known_lines())
    return tuple(commands), tuple(modes)


def known_command(mode: str, beginning: str) -> ConfigLine:
    """Return the command of `known.txt` whose syntax begins so. Raises KeyError."""
    found = (
        line for line in known_commands()[0] if line.mode == mode and f"{line.syntax} ".startswith(beginning + " ")
    )
    line = next(found, None)
    if line is None:
        raise KeyError(f"{mode}: {beginning}")
    return line


def read_known(lines: Sequence[str]) -> tuple[list[ConfigLine], list[Mode]]:
    """Return the commands and modes that such lines describe. Raises ValueError for a malformed one."""
    commands: list[ConfigLine] = []
    modes: list[Mode] = []
    group: LineGroup | None = None
    for line in lines:
        words = line.split(None, 3)
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "group":
            group = _group(line)
        elif words[0] == "mode" and len(words) in (3, 4):
            parent, _, exit_word = (words[3] if len(words) == 4 else "global").partition(" ")
            modes.append(Mode(words[1], words[2], parent, exit_word.strip() or None))
        elif len(words) == 4 and words[1].isdigit() and set(words[2]) <= _FLAGS:
            commands += _commands(words[0], int(words[1]), words[2], words[3], group)
        else:
            raise ValueError(f"not a known line: {line!r}")
    return commands, modes


def _group(line: str) -> LineGroup:
    _, standing, rest = line.split(None, 2)
    name, _, meaning = rest.partition(":")
    return LineGroup(name.strip(), LineStanding(standing), meaning.strip())


def _commands(mode: str, order: int, flags: str, rest: str, group: LineGroup | None) -> Iterator[ConfigLine]:
    text, _, opens = rest.partition(" => ")
    free = "+" in flags
    for beginning in text.split(" / ") if free else (text,):
        yield ConfigLine(
            mode,
            beginning.strip() + FREE if free else text,
            _HELP,
            key=() if free or "*" in flags else None,
            order=order,
            opens=opens.strip() or None,
            keep_no=free or "n" in flags,
            group=group,
        )
