"""docs/reference/shows.md: the shows that people and tools ask of every DMVPN router, and what each says here.

python -m support.words_page    (from the folder tests) writes it beside its own.

`test_every_show` runs each one, in text and as JSON, on the router that is named with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.face.language import exec_parser
from dmvpn.ios.begun import summary
from dmvpn.ios.exec_parser import Match
from dmvpn.router.features import FEATURES
from support.conformance import ROOT
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = ROOT / "docs" / "reference" / "shows.md"
_PRIVILEGED: Final = 15


class Show(NamedTuple):
    """A command. says: a part of what it prints on its router; "" where it rightly prints nothing of its own."""

    command: str
    says: str


class Router(NamedTuple):
    """A router of a scenario, and what is asked there. note: what readers wonder about."""

    scenario: str
    name: str
    title: str
    shows: tuple[Show, ...]
    note: str = ""


def _router(place: str, *lines: str) -> Router:
    """Return what a block of `shows.txt` says: NAME of SCENARIO: TITLE, lines COMMAND => SAYS, and lines note: TEXT."""
    where, _, title = place.partition(": ")
    name, _, scenario = where.partition(" of ")
    parted = (line.partition("=>") for line in lines if not line.startswith("note: "))
    shows = tuple(Show(command.strip(), says.strip()) for command, _, says in parted)
    note = "\n".join(line.removeprefix("note: ") for line in lines if line.startswith("note: "))
    return Router(scenario, name, title, shows, note)


ROUTERS: Final = tuple(_router(*block.splitlines()) for block in file_text("shows.txt").split("\n\n"))
#: What tools ask, and is rightly refused: they take the error for the answer.
REFUSED: Final = (
    ("show vlan", "a router has no VLANs: Ansible learns from the error that this is none of the switches"),
    ("show switch virtual", "it is no stack of switches"),
    ("show env temperature status", "there is no hardware whose temperature is known"),
    ("show bgp ipv4 multicast neighbors", "BGP has no such address family here"),
    ("show bgp ipv6 multicast neighbors", "BGP has no such address family here"),
    ("show bgp ipv4 mdt all neighbors", "BGP has no such address family here"),
)
_HEAD: Final = file_text("shows.md")


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_tables(), *_refused()]) + "\n"


def _tables() -> Iterator[str]:
    for router in ROUTERS:
        yield f"## {router.title[0].upper()}{router.title[1:]}: {router.name} of `{router.scenario}`"
        yield ""
        if router.note:
            yield router.note
            yield ""
        yield "| command | shows |"
        yield "| --- | --- |"
        for show in router.shows:
            yield f"| `{show.command}` | {_what(show.command)} |"
        yield ""


def _refused() -> Iterator[str]:
    yield "## Refused"
    yield ""
    yield "These answer `% Invalid input detected`, and tools take that for the answer."
    yield ""
    yield "| command | because |"
    yield "| --- | --- |"
    yield from (f"| `{command}` | {why} |" for command, why in REFUSED)


def _what(command: str) -> str:
    match = exec_parser(FEATURES).match(command, _PRIVILEGED)
    assert isinstance(match, Match), command
    return summary(match.command).replace("|", "\\|")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
