"""A configuration file that a command puts into effect: like any file, it may come from any source.

    text_of(octets)     the configuration of one router; raises ValueError for any other content
    told(taken)         the notes on a file besides its errors
    unknown_lines(result), refusals(lines), without(lines)
                        the unknown lines, their messages, and the text without them

The rules for imported files apply: configurations of other devices or of several routers, and files that are not text,
are refused; lines that would restrict traffic, or may have protected a tunnel, are named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.ios import Fate
from dmvpn.ios.config_line import UNKNOWN
from dmvpn.ios.errors import CliError, ErrorKind, without_keys
from dmvpn.ios.parts import other_device, parts_of
from dmvpn.ios.transcript import decode
from dmvpn.router.intake import report

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from dmvpn.ios import ConfigResult
    from dmvpn.ios.section import Section, Statement
    from dmvpn.router.intake import EnteredText

_FEWEST_NAMED: Final = 5
#: Octets of the largest configuration that a command reads: the router does nothing else meanwhile.
LARGEST: Final = 2 << 20


def text_of(octets: bytes) -> str:
    """Return the configuration in a file. Raises ValueError, which says what else the file contains."""
    if len(octets) > LARGEST:
        raise ValueError(f"{len(octets)} octets; a configuration has at most {LARGEST}")
    text = decode(octets)
    device = other_device(text)
    if device:
        raise ValueError(f"this is of {device}; only IOS and IOS XE are read")
    parts = parts_of(text)
    if len(parts) > 1:
        names = ", ".join(part.name or "one without a name" for part in parts[:_FEWEST_NAMED])
        raise ValueError(f"the configurations of {len(parts)} routers are in it: {names}")
    return parts[0].text


def told(taken: EnteredText) -> Iterator[str]:
    """Yield the lines that are left out, and the tunnels that stay down for these lines or for errors."""
    yield from report(taken, fates=(Fate.LEFT_OUT,))
    yield from taken.why_held()


def unknown_lines(result: ConfigResult) -> tuple[str, ...]:
    """Return the lines of a file that no table lists, each once."""
    return tuple({one.text.strip(): None for one in result.entries if one.fate is Fate.KEPT and one.group is UNKNOWN})


def refusals(lines: Iterable[str]) -> Iterator[str]:
    """Yield the messages for unknown lines, each with the caret under its first word."""
    for line in lines:
        yield from (without_keys(line), *CliError(ErrorKind.INVALID, line, 0).lines())


def without(lines: Collection[str]) -> Callable[[Section], Iterator[Statement]]:
    """Read a section without such lines."""

    def read(section: Section) -> Iterator[Statement]:
        return (one for one in section.statements() if one.line.group is not UNKNOWN or one.text.strip() not in lines)

    return read
