"""Networks in which somebody typed something, as blocks of a text file that a blank line ends.

what happened                                   the name of the case
in NETWORK; phase=2; spokes=5                   a network, and what differs from its plan
replace S1: 'a' -> 'b'                          what differs in a configuration from the start
S1: interface Tunnel0 / ip mtu 1300             lines typed at a router
fault: psk@S1,S2,HUB1                           or a fault of the catalog
wire S1:GigabitEthernet0/1: mtu=1340            a bad wire
finds S1, MTU: words                            what the doctor says first: router, cause, and words of it
"""

from __future__ import annotations

from ast import literal_eval
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmvpn.base.findings import Cause
from support.conformance import ROOT

if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True, slots=True)
class Typed:
    """A case. settings: of the plan. lines: by router. wires: what is bad of them, by link. finds: "": nothing.

    replaced: router, and what stands in the place of what from the start.
    """

    network: str
    settings: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, tuple[str, ...]] = field(default_factory=dict)
    wires: dict[str, dict[str, Any]] = field(default_factory=dict)
    replaced: list[tuple[str, str, str]] = field(default_factory=list)
    finds: str = ""

    def change(self, name: str, text: str) -> str:
        """Return a configuration as it is from the start."""
        for router, old, new in self.replaced:
            assert name != router or old in text, (name, old)
            text = text.replace(old, new) if name == router else text
        return text

    @property
    def fault(self) -> str:
        """The fault of the catalog."""
        return self.lines["fault"][0]

    @property
    def found(self) -> tuple[str, Cause, str]:
        """The router that is named first, the cause, and words of the finding."""
        place, _, words = self.finds.partition(": ")
        router, _, cause = place.partition(", ")
        return router, Cause[cause], words


def read(name: str) -> dict[str, Typed]:
    """Return the cases of `tests/scenarios/typed/NAME.txt`, by what happened."""
    blocks = (ROOT / "tests" / "scenarios" / "typed" / f"{name}.txt").read_text("utf-8").rstrip("\n").split("\n\n")
    return dict(_case(*block.split("\n")) for block in blocks)


def _case(what: str, where: str, *lines: str) -> tuple[str, Typed]:
    network, _, settings = where.removeprefix("in ").partition("; ")
    case = Typed(network, _values(settings))
    finds = ""
    for line in lines:
        key, _, text = line.partition(": ")
        if key.startswith("finds "):
            finds = line.removeprefix("finds ")
        elif key.startswith("replace "):
            old, _, new = text.partition(" -> ")
            case.replaced.append((key.removeprefix("replace "), literal_eval(old), literal_eval(new)))
        elif key.startswith("wire "):
            case.wires[key.removeprefix("wire ")] = _values(text)
        else:
            case.lines[key] = tuple(text.split(" / "))
    return what, Typed(case.network, case.settings, case.lines, case.wires, case.replaced, finds)


def _values(text: str) -> dict[str, Any]:
    pairs = (one.split("=", 1) for one in text.split("; ") if one)
    return {name: literal_eval(value) for name, value in pairs}
