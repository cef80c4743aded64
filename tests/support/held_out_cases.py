"""The cases of `held_out`: faults that people make at night, and networks that look odd and work.

They come from the field and from Cisco's guides, not from the rules of the doctor or of lint. Each is a block of
`tests/scenarios/held_out.txt`, a change to a built-in scenario or to a drawn network (`held_out.DRAWN`): its name, the
network, the story, `truth: ROUTER ~ TEXT` for each fault, `apart: LAN, LAN`, and steps. A step is one of these:

    SPOKE1: interface Tunnel0 / ip mtu 1300            lines of a configuration
    SPOKE1# clear crypto session                       a command
    wire SPOKE1:GigabitEthernet0/1: loss 30, block esp from HUB
    host H1: 10.1.1.9                                  another gateway, from the start on
    nat NAT1: symmetric, off SPOKE1, wait 60
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from support.conformance import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """A case. why: the story. truths: for each fault, patterns of the router and of a finding's text; (): healthy.

    apart: LANs that the case cuts off on purpose: rows with them are not measured.
    """

    name: str
    network: str
    why: str
    steps: tuple[str, ...]
    truths: tuple[tuple[str, str], ...] = ()
    apart: tuple[str, ...] = ()


def _case(name: str, where: str, *lines: str) -> HeldOut:
    told: dict[str, list[str]] = {"why": [], "truth": [], "apart": []}
    steps: list[str] = []
    for line in lines:
        label, _, text = line.partition(": ")
        told.get(label, steps).append(text if label in told else line)
    return HeldOut(
        name=name,
        network=where.removeprefix("in "),
        why=told["why"][0],
        steps=tuple(steps),
        truths=tuple((router, text) for router, _, text in (one.partition(" ~ ") for one in told["truth"])),
        apart=tuple(one for listed in told["apart"] for one in listed.split(", ")),
    )


_BLOCKS: Final = (ROOT / "tests" / "scenarios" / "held_out.txt").read_text("utf-8").rstrip("\n").split("\n\n")
_CASES: Final = tuple(_case(*block.split("\n")) for block in _BLOCKS)
FAULTS: Final = tuple(one for one in _CASES if one.truths)
HEALTHY: Final = tuple(one for one in _CASES if not one.truths)
