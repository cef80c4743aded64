"""Configuration lines that the doctor may print.

The lines remove no protection, shut nothing down, and are few. Of a finding with other lines, from whichever check,
only a description in words remains: the decision to make.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.tools.doctor.verdicts import Finding

#: Most lines that change the configuration.
MOST_LINES: Final = 5
#: The same, where the lines are the router's own: a process gets another table or number, or lines are as before.
MOST_MOVED: Final = 24
#: Lines that only open a section.
_OPENING: Final = (
    *("interface ", "router ", "address-family ", "af-interface ", "topology ", "crypto ", "peer ", "key "),
    *("ip access-list ", "object-group "),
)
#: Lines that begin like one of these, and change something.
_NO_HEADING: Final = ("crypto isakmp key ", "key-string ")
#: Words of lines that admit or refuse peers or packets: `no` before them admits all. Entries of lists are not among
#: them: the checks of lists choose entries that open least.
_SECURES: Final = frozenset(("protection", "authentication", "password", "crypto", "key", "key-string", "ttl-security"))
_PROTECTS: Final = _SECURES | {"access-group", "access-class", "verify", "bind"}
#: Placeholder of a secret in a hidden configuration.
_HIDDEN: Final = "<removed>"
_ALIKE: Final = "protect both ends alike; lines that take protection away are not shown"
_MUCH: Final = "compare its lines with those of a router that works: there is more to change than is shown"


def permitted(finding: Finding, most: int = MOST_LINES) -> Finding:
    """Return the finding with its lines, if they may be shown. most: lines that change something."""
    finding = replace(finding, fix=tuple(line.replace(_HIDDEN, SECRET) for line in finding.fix))
    if any(_lets_in(line) and not _applies_again(line, finding.fix) for line in finding.fix):
        return replace(finding, fix=(), order=finding.order or _ALIKE)
    most = MOST_MOVED if finding.cause in (Cause.TABLE, Cause.AUTONOMOUS_SYSTEM) else most
    if "shutdown" in finding.fix or len(list(changing_lines(finding.fix))) > most:
        return replace(finding, fix=(), order=finding.order or _MUCH)
    return finding


def changing_lines(lines: Iterable[str]) -> Iterable[str]:
    """Return the lines that change something, without those that only open a section."""
    return (line for line in lines if not line.startswith(_OPENING) or line.startswith(_NO_HEADING))


def takes_security(line: str) -> bool:
    """Return whether the line removes encryption or authentication."""
    return _removes(line, _SECURES)


def _lets_in(line: str) -> bool:
    return _removes(line, _PROTECTS)


def _removes(line: str, protects: frozenset[str]) -> bool:
    """Return whether the line removes a protection against strangers.

    A tunnel's key separates tunnels, and protects nothing.
    """
    words = line.split()
    return words[:1] == ["no"] and not protects.isdisjoint(words) and words[1:3] != ["tunnel", "key"]


def _applies_again(line: str, lines: Iterable[str]) -> bool:
    """Return whether the line takes an access list from a port, and another line applies that list at its right side
    or port, or a key from a chain that gets another one.
    """
    words = line.split()
    if words[1] == "key":
        return any(one.startswith("key-string ") for one in lines)
    return words[1:3] == ["ip", "access-group"] and any(one.split()[:3] == words[1:4] for one in lines)
