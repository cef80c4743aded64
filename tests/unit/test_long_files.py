"""Long files, of whatever lines: the work grows as they do."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING

import pytest

from dmvpn.ios import ConfigSession, ConfigTree, Places
from dmvpn.ios.errors import without_keys
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support.work import calls

if TYPE_CHECKING:
    from collections.abc import Callable

LANGUAGE = configurator(FEATURES)
SHORT = 75
FACTOR = 8


def word(chance: random.Random) -> str:
    return "".join(chance.choice(string.ascii_lowercase) for _ in range(chance.randint(2, 9)))


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def host(number: int) -> str:
    return f"host {address(number)}"


def rubbish(count: int) -> list[str]:
    chance = random.Random(4)
    return [" ".join(word(chance) for _ in range(3)) for _ in range(count)]


#: Lines by kind; the function makes about so many.
KINDS: dict[str, Callable[[int], list[str]]] = {
    "words": rubbish,
    "in an interface": lambda count: ["interface Loopback0", *(f" {line}" for line in rubbish(count))],
    "in a tunnel": lambda count: ["interface Tunnel0", *(f" {line}" for line in rubbish(count))],
    "no": lambda count: [f"no ip {line}" for line in rubbish(count)],
    "kept": lambda count: [f"ntp server {address(number)}" for number in range(count)],
    "access list": lambda count: [
        "ip access-list extended A",
        *(f" permit ip {host(number)} any" for number in range(count)),
    ],
    "remarks": lambda count: [
        "ip access-list standard A",
        *(line for number in range(count // 2) for line in (f" remark {number}", f" permit {host(number)}")),
    ],
    "numbered access list": lambda count: [
        "ip access-list extended A",
        *(f" {10 * number + 10} permit ip {host(number)} any" for number in range(count)),
    ],
    "access list that is changed": lambda count: [
        "ip access-list standard A",
        *(
            line
            for number in range(count // 2)
            for line in (f" permit {host(number)}", f" no permit {host(number - 1)}")
        ),
    ],
    "access-list 101": lambda count: [f"access-list 101 permit ip {host(number)} any" for number in range(count)],
    "prefix list": lambda count: [f"ip prefix-list P permit {address(number)}/32" for number in range(count)],
    "numbered prefix list": lambda count: [
        f"ip prefix-list P seq {5 * number + 5} permit {address(number)}/32" for number in range(count)
    ],
    "many prefix lists": lambda count: [
        f"ip prefix-list P{number} permit {address(number)}/32" for number in range(count)
    ],
    "route map": lambda count: [
        line
        for number in range(count // 2)
        for line in (f"route-map M permit {number + 1}", f" match ip address prefix-list P{number}")
    ],
    "key chain": lambda count: [
        "key chain K",
        *(line for number in range(count // 2) for line in (f" key {number}", "  key-string X")),
    ],
    "static routes": lambda count: [
        f"ip route {address(number)} 255.255.255.255 192.0.2.{number % 200 + 1}" for number in range(count)
    ],
    "EIGRP networks": lambda count: [
        "router eigrp 1",
        *(f" network {address(number)} 0.0.0.0" for number in range(count)),
    ],
    "tunnels": lambda count: [
        line
        for number in range(count // 4)
        for line in (
            f"interface Tunnel{number}",
            f" ip address {address(number * 256 + 1)} 255.255.255.0",
            f" ip nhrp network-id {number + 1}",
            " tunnel mode gre multipoint",
        )
    ],
    "loopbacks": lambda count: [
        line
        for number in range(count // 2)
        for line in (f"interface Loopback{number}", f" ip address {address(number)} 255.255.255.255")
    ],
    "deeper and deeper": lambda count: [" " * number + f"frobnicate {number}" for number in range(count)],
    "kept sections": lambda count: [
        line for number in range(count // 2) for line in (f"ip sla {number + 1}", f" icmp-echo {address(number)}")
    ],
}


@pytest.mark.lengthy
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_eight_times_as_long_is_eight_times_the_work(kind: str) -> None:
    """A list of 20,000 entries took minutes: each entry looked at all before it."""

    def read(lines: list[str]) -> int:
        text = "\n".join(lines)

        def all_of_it() -> None:
            tree = LANGUAGE.parse_text(text, places=Places()).tree
            tree.render()
            for feature in FEATURES:
                if feature.model is not None:
                    feature.model(tree)

        return calls(all_of_it)

    make = KINDS[kind]
    read(make(8))  # what is made when it is first used
    short, long = read(make(SHORT)), read(make(SHORT * FACTOR))
    assert long < 1.5 * FACTOR * short, f"{short} calls, then {long}"


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("kind", "most"), [("words", 250), ("in an interface", 280), ("in a tunnel", 240), ("no", 420)]
)
def test_a_line_that_nobody_knows_is_read_with_few_steps(kind: str, most: int) -> None:
    """200,000 of them took 20 s: each was looked up in every section around it, word by word, and twice.

    The search for secrets, which no message may repeat, does not count: it has steps for each language of a process.
    """
    text = "\n".join(KINDS[kind](1000))
    language = configurator.__wrapped__(FEATURES)  # the one that all share remembers what others have read
    language.parse_text("\n".join(KINDS[kind](20)))
    steps = calls(lambda: language.parse_text(text))
    searching = calls(lambda: [without_keys(line) for line in text.splitlines()])
    assert steps - searching < most * 1000, (steps, searching)


@pytest.mark.parametrize("mode", ["", "interface Ethernet0/0", "interface Tunnel0", "router eigrp 1", "line vty 0 4"])
@pytest.mark.parametrize(
    ("line", "column"),
    [("zzz 1 2", 0), ("  zzz", 2), ("intervace Tunnel0", 5), ("crypt0 isakmp policy 1", 5), ("xno", 0)],
)
def test_the_caret_is_where_a_line_stops_being_one_however_often_it_comes(mode: str, line: str, column: int) -> None:
    """Lines that nobody knows are told by their first word alone."""
    session = ConfigSession(LANGUAGE, ConfigTree())
    session.enter(mode)
    for _ in range(2):
        caret, words, _ = session.enter(line).output_lines
        assert caret.index("^") == column
        assert words == "% Invalid input detected at '^' marker."
