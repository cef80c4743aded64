"""A simulated world as a `Bench`: for those who break it, examine it and change it in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered
from dmvpn.labs.copied import Breakable
from dmvpn.shells.lab.badness import HARMLESS
from dmvpn.tools.troubles.orders import Impair, KillRouter, Run, SetNat, Type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.shells.simulator import Simulator
    from dmvpn.tools.troubles.orders import Order
    from support.world import World


class WorldBench(Breakable):
    """See `dmvpn.tools.troubles.orders.Bench`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.fixed = 0

    @property
    def simulator(self) -> Simulator:
        """The network."""
        return self.world.sim

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """Return what commands print that are typed at once; a dead router says nothing."""
        nodes = self.world.sim.routers
        asked = [number for number, (router, _) in enumerate(questions) if nodes[router].alive]
        said = self.world.do_at_once([(questions[number][0], questions[number][1:]) for number in asked])
        answers = dict(zip(asked, said, strict=True))
        return [answers.get(number, "") for number in range(len(questions))]

    def configure(self, router: str, lines: Sequence[str]) -> None:
        """Type lines in configuration mode. A caller that removes protection may be heard in clear."""
        if any("no tunnel protection" in line for line in lines):
            self.world.sim.overhear = None
        said = self.world.do(router, "configure terminal", *lines, "end")
        if "Invalid input" in said or "Incomplete" in said:
            raise UserError(f"{router}: {said}")

    def undo(self, orders: Sequence[Order]) -> None:
        """Take orders back: everything that they touched is as the scenario says."""
        sim, scenario = self.world.sim, self.world.scenario
        for order in orders:
            match order:
                case Type(router=router):
                    sim.post(router, ConfigurationEntered(scenario.configurations[router]))
                case Impair(link=link):
                    self.impair(link, HARMLESS)
                case KillRouter(router=router):
                    sim.boot(router, scenario.configurations[router])
                case SetNat(gateway=gateway):
                    self.set_nat(gateway, scenario.lab.gateways[gateway].kind)
                case Run():
                    pass

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.world.run_for(seconds)
