"""The wires, routers and translators of a simulated network, as a lab breaks them and restores them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, cast, get_args

from dmvpn.base.errors import UserError
from dmvpn.dataplane.translator import NatKind
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.network import Impairment

if TYPE_CHECKING:
    from dmvpn.shells.simulator import Simulator


class Breakable(ABC):
    """A part of a `Bench` (tools/troubles): a class with a simulator inherits the changes to it from here."""

    @property
    @abstractmethod
    def simulator(self) -> Simulator:
        """The network."""

    def impair(self, link: str, badness: Badness) -> None:
        """Make a wire this bad."""
        self.simulator.segment_of(*Scenario.end(link)).impairment = Impairment.of(badness)

    def badness(self, link: str) -> Badness:
        """Return how bad a wire is now."""
        return Badness.read(self.simulator.segment_of(*Scenario.end(link)).impairment.filters.described())

    def restore(self, link: str, badness: Badness) -> None:
        """Make a wire what it was."""
        self.impair(link, badness)

    def kill(self, router: str) -> None:
        """End a router."""
        self.simulator.kill(router)

    def set_nat(self, gateway: str, kind: str) -> None:
        """Change the kind of a translator. Raises UserError for an unknown kind."""
        if kind not in get_args(NatKind):
            raise UserError(f"{kind}: no kind of NAT")
        self.simulator.gateways[gateway].change_kind(cast("NatKind", kind))
