"""What it costs to enter lines at a prompt: editor, language, models and machines; no data plane, no kernel.

A line is typed into a list that has so many entries, and into the section of a tunnel beside that list. A paste is of
static routes, or of entries of all lists in turn, beside a thousand static routes; it comes in the pieces that a
management socket reads. Rubbish is lines that nobody understands, at a prompt and as a file.
"""

from __future__ import annotations

import statistics
import time
from itertools import count, islice
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.figures import Figure
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered
from dmvpn.face.session import ConsoleSession
from dmvpn.router.entered_text import take_in
from dmvpn.router.router import Router
from dmvpn.shells.handle import Handle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dmvpn.base.events import Event

PIECE: Final = 1 << 16
RUNS: Final = 5
_SITE: Final = (
    "hostname R1\ninterface GigabitEthernet0/1\n ip address 192.0.2.2 255.255.255.0\ninterface Tunnel0\n"
    " ip address 10.0.0.1 255.0.0.0\n tunnel source GigabitEthernet0/1\n tunnel mode gre multipoint\n"
    " ip nhrp network-id 1\n"
)


class _List(NamedTuple):
    """A list. head: the line that opens it, "" for none. entry: the lines of the n-th entry."""

    name: str
    head: str
    entry: Callable[[int], str]


LISTS: Final = (
    _List("static routes", "", lambda n: f"ip route {_address(n << 8)} 255.255.255.0 192.0.2.1"),
    _List("loopbacks", "", lambda n: f"interface Loopback{n}\n ip address 11{_address(n)[2:]} 255.255.255.255"),
    _List("entries of a prefix list", "", lambda n: f"ip prefix-list P permit {_address(n << 8)}/24"),
    _List("entries of an access list", "ip access-list extended A", lambda n: f" permit ip host {_address(n)} any"),
    _List("lines of a numbered list", "", lambda n: f"access-list 10 permit host {_address(n)}"),
    _List("entries of a route map", "", lambda n: f"route-map M permit {n + 1}\n set metric {n + 1}"),
    _List("keys of a key chain", "key chain K", lambda n: f" key {n}\n  key-string k{n}"),
    _List("peers of a keyring", "crypto ikev2 keyring K", lambda n: f" peer P{n}\n  address {_address(n)}"),
    _List("keys of isakmp", "", lambda n: f"crypto isakmp key k{n} address {_address(n)}"),
    _List("maps of NHRP", "interface Tunnel0", lambda n: f" ip nhrp map {_address(n + 10)} 172{_address(n)[2:]}"),
    _List("neighbors of BGP", "router bgp 65000", lambda n: f" neighbor {_address(n + 1)} remote-as 65001"),
    _List("host names", "", lambda n: f"ip host h{n} {_address(n)}"),
    _List("networks of BGP", "router bgp 65000", lambda n: f" network {_address(n << 8)} mask 255.255.255.0"),
)
_STATIC: Final = LISTS[0].entry
#: Beside these another line is measured, too.
_BESIDE: Final = LISTS[:2]
#: Entries of one list that follow each other in a paste of all kinds.
_BLOCK: Final = 20


def measure(*, quick: bool) -> list[Figure]:
    """One line beside and in each list, and long pastes."""
    figures = []
    for listed in LISTS[:2] if quick else LISTS:
        first: dict[str, tuple[float, ...]] = {}
        for size in (1_000, 10_000) if quick else (1_000, 10_000, 50_000):
            for where, values in _typed(listed, size).items():
                baseline = first.setdefault(where, values)
                figures.append(
                    Figure(
                        name=f"a line {where} {size:,} {listed.name}",
                        unit="µs",
                        values=values,
                        baseline=baseline if size > 1_000 else (),
                        against="1,000" if size > 1_000 else "",
                    )
                )
    length = 2_000 if quick else 10_000
    runs = range(1 if quick else 3)
    figures.append(
        Figure(
            name=f"{length:,} lines pasted",
            unit="s",
            values=tuple(_pasted(map(_STATIC, range(1_000, 1_000 + length))) for _ in runs),
            goal=None if quick else 2.0,
        )
    )
    figures.append(
        Figure(
            name=f"{length:,} lines of all kinds pasted",
            unit="s",
            values=tuple(_pasted(islice(_mixed(), length)) for _ in runs),
            goal=None if quick else 2.0,
        )
    )
    rubbish = 20_000 if quick else 200_000
    figures.append(
        Figure(
            name=f"{rubbish:,} lines of rubbish pasted",
            unit="s",
            values=tuple(_pasted(_rubbish(rubbish)) for _ in runs),
        )
    )
    figures.append(
        Figure(
            name=f"{rubbish:,} lines of rubbish in a file",
            unit="s",
            values=tuple(_read(_rubbish(rubbish)) for _ in runs),
            goal=None if quick else 10.0,
        )
    )
    return figures


def _address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _mixed() -> Iterator[str]:
    """Lines of all lists, as in a configuration: some of each, and again."""
    for block in count(0, _BLOCK):
        for listed in LISTS:
            yield from (listed.head,) if listed.head else ()
            for number in range(block, block + _BLOCK):
                yield from listed.entry(1_000 + number).split("\n")


def _rubbish(count: int) -> Iterable[str]:
    return (f"gizmo {number} spin {number * 7919 % 10_007} widgets" for number in range(count))


def _terminal(lines: Iterable[str]) -> ConsoleSession:
    router = Router(SeededEntropy(1))

    def post(event: Event) -> None:
        router.handle(event, 0.0)

    post(ConfigurationEntered(_SITE + "\n".join(lines) + "\n"))
    terminal = ConsoleSession(Handle(lambda: router, lambda: 0.0, post, lambda _name, _octets: None), 1)
    terminal.start()
    terminal.feed(b"configure terminal\r")
    return terminal


def _typed(listed: _List, size: int) -> dict[str, tuple[float, ...]]:
    """Microseconds of processor time: of lines of a tunnel beside the list, of lines in the list."""
    terminal = _terminal((listed.head, *map(listed.entry, range(size))))
    found: dict[str, tuple[float, ...]] = {}
    if listed in _BESIDE:
        terminal.feed(b"interface Tunnel0\r")
        found["beside"] = tuple(_spent(terminal, f"ip mtu {1300 + number}") for number in range(4 * RUNS))
    terminal.feed(f"{listed.head}\r".encode())
    entries = [listed.entry(number).split("\n") for number in range(size, size + 4 * RUNS)]
    found["into"] = tuple(statistics.mean(_spent(terminal, line) for line in lines) for lines in entries)
    return found


def _spent(terminal: ConsoleSession, line: str) -> float:
    begun = time.process_time()
    terminal.feed(f"{line}\r".encode())
    return 1e6 * (time.process_time() - begun)


def _pasted(lines: Iterable[str]) -> float:
    """Seconds of processor time."""
    terminal = _terminal(map(_STATIC, range(1_000)))
    octets = "".join(f"{line}\r" for line in lines).encode()
    begun = time.process_time()
    for place in range(0, len(octets), PIECE):
        terminal.feed(octets[place : place + PIECE])
        terminal.take_output()
    return time.process_time() - begun


def _read(lines: Iterable[str]) -> float:
    """Seconds of processor time."""
    text = _SITE + "\n".join(lines) + "\n"
    begun = time.process_time()
    take_in(text)
    return time.process_time() - begun
