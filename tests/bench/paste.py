"""What it costs to enter lines at a prompt: editor, language, models and machines; no data plane, no kernel.

A line is typed in the section of a tunnel, beside so many static routes. A paste is of static routes, beside a thousand
that are there; it comes in the pieces that a management socket reads.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bench.figures import Figure
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered
from dmvpn.face.session import ConsoleSession
from dmvpn.router.router import Router
from dmvpn.shells.handle import Handle

if TYPE_CHECKING:
    from dmvpn.base.events import Event

PIECE: Final = 1 << 16
RUNS: Final = 5
_SITE: Final = (
    "hostname R1\ninterface GigabitEthernet0/1\n ip address 192.0.2.2 255.255.255.0\ninterface Tunnel0\n"
    " ip address 10.0.0.1 255.255.255.0\n tunnel source GigabitEthernet0/1\n tunnel mode gre multipoint\n"
)


def measure(*, quick: bool) -> list[Figure]:
    """One line beside many, and a long paste."""
    typed = {size: tuple(_typed(size)) for size in ((1_000, 10_000) if quick else (1_000, 10_000, 50_000))}
    alone = typed[1_000]
    figures = [
        Figure(
            name=f"a line beside {size:,} others",
            unit="µs",
            values=values,
            baseline=alone if size > 1_000 else (),
            against="beside 1,000" if size > 1_000 else "",
        )
        for size, values in typed.items()
    ]
    count = 2_000 if quick else 10_000
    pastes = tuple(_pasted(count) for _ in range(1 if quick else 3))
    goal = None if quick else 2.0
    return [*figures, Figure(name=f"{count:,} lines pasted", unit="s", values=pastes, goal=goal)]


def _routes(first: int, count: int, end: str) -> str:
    numbers = range(first, first + count)
    return "".join(f"ip route 10.{n >> 8}.{n & 255}.0 255.255.255.0 192.0.2.1{end}" for n in numbers)


def _terminal(routes: int) -> ConsoleSession:
    router = Router(SeededEntropy(1))

    def post(event: Event) -> None:
        router.handle(event, 0.0)

    post(ConfigurationEntered(_SITE + _routes(0, routes, "\n")))
    terminal = ConsoleSession(Handle(lambda: router, lambda: 0.0, post, lambda _name, _octets: None), 1)
    terminal.start()
    terminal.feed(b"configure terminal\r")
    return terminal


def _typed(beside: int) -> list[float]:
    """Microseconds of processor time."""
    terminal = _terminal(beside)
    terminal.feed(b"interface Tunnel0\r")
    spent: list[float] = []
    for number in range(10 * RUNS):
        begun = time.process_time()
        terminal.feed(f"ip mtu {1300 + number}\r".encode())
        spent.append(1e6 * (time.process_time() - begun))
    return spent


def _pasted(count: int) -> float:
    """Seconds of processor time."""
    terminal = _terminal(1_000)
    octets = _routes(1_000, count, "\r").encode()
    begun = time.process_time()
    for place in range(0, len(octets), PIECE):
        terminal.feed(octets[place : place + PIECE])
        terminal.take_output()
    return time.process_time() - begun
