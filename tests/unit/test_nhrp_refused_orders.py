"""An order that the data plane has refused is given again; what it then holds goes when NHRP forgets it."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.effects import ClearAdjacency, RemoveTunnel, SetAdjacency
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import (
    ClockSet,
    ConfigurationEntered,
    EffectFailed,
    EnteredLine,
    Event,
    LinesEntered,
    LinkChanged,
    Tick,
)
from dmvpn.router.router import Router

PORT, TUNNEL = "interface GigabitEthernet0/0", "interface Tunnel1"
ADDRESS = "ip address 192.0.2.1 255.255.255.0"
#: More than are restored in one event. The data plane refuses the last one once.
MAPS = [(IPv4Address("10.0.0.10") + n, IPv4Address("198.18.0.10") + n) for n in range(2000)]
REFUSED, NBMA = MAPS[-1]


class Hub:
    """A router, and what its data plane holds."""

    def __init__(self) -> None:
        self.router = Router(SeededEntropy(1))
        self.now = 0.0
        self.refused: list[float] = []
        self.held: set[object] = set()
        lines = "".join(f" ip nhrp map {tunnel} {nbma}\n" for tunnel, nbma in MAPS)
        text = f"{PORT}\n {ADDRESS}\n{TUNNEL}\n ip address 10.0.0.1 255.255.0.0\n ip nhrp network-id 1\n{lines}"
        text += " tunnel source GigabitEthernet0/0\n tunnel mode gre multipoint\n"
        self.handle(ClockSet(1.8e9))
        self.handle(ConfigurationEntered(text, by="startup", saved=True))
        self.handle(LinkChanged("GigabitEthernet0/0", up=True))

    def handle(self, event: Event) -> None:
        failed = []
        for effect in self.router.handle(event, self.now):
            if isinstance(effect, RemoveTunnel):
                self.held.clear()
            elif isinstance(effect, ClearAdjacency):
                self.held.discard(effect.next_hop)
            elif isinstance(effect, SetAdjacency) and effect.next_hop == REFUSED and not self.refused:
                self.refused.append(self.now)
                failed.append(EffectFailed(effect, 12, "no memory"))
            elif isinstance(effect, SetAdjacency):
                self.held.add(effect.next_hop)
        for each in failed:
            self.handle(each)

    def enter(self, section: str, line: str) -> None:
        self.handle(LinesEntered((EnteredLine((), section), EnteredLine((section,), line))))

    def run_until(self, end: float) -> None:
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.handle(Tick())
        self.now = end


@pytest.mark.lengthy
def test_what_is_ordered_again_while_all_is_restored_goes_when_its_line_goes() -> None:
    """It stayed in the data plane for good, where nothing knew of it."""
    hub = Hub()
    hub.run_until(0.9)
    (refused,) = hub.refused
    assert REFUSED not in hub.held
    hub.run_until(refused + 1.0 - 0.0005)  # it is ordered again after a second
    hub.enter(PORT, "no ip address")
    hub.enter(PORT, ADDRESS)
    hub.run_until(refused + 1.0)
    assert REFUSED in hub.held
    hub.enter(TUNNEL, f"no ip nhrp map {REFUSED} {NBMA}")
    hub.run_until(refused + 60.0)
    assert REFUSED not in hub.held
    assert len(hub.held) == len(MAPS) - 1
