"""A lab that runs, as a place for lessons and exercises: a `Bench` of `tools/troubles`, a `Ground` of exercises."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.face import client
from dmvpn.labs import orders
from dmvpn.labs.prompts import Prompts
from dmvpn.shells.lab.badness import HARMLESS
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.lessons import fixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.shells.lab.badness import Badness


class LabBench(Prompts):
    """See the module's docstring."""

    def configure(self, router: str, lines: Sequence[str]) -> None:
        """Type lines in configuration mode. Raises UserError if the router refuses one."""
        output = io.BytesIO()
        if client.execute(self._folder.management(router), ["configure terminal", *lines, "end"], output):
            raise UserError(f"{router} refuses: {output.getvalue().decode().strip()}")

    def impair(self, link: str, badness: Badness) -> None:
        """Make a wire this bad, and nothing is to be seen of that."""
        orders.impair(self._folder, link, badness, hidden=True)

    def kill(self, router: str) -> None:
        """End a router."""
        orders.kill(self._folder, router)

    def set_nat(self, gateway: str, kind: str) -> None:
        """Change the kind of a translator, and nothing is to be seen of that."""
        orders.rebind(self._folder, gateway, kind=kind, hidden=True)

    def badness(self, link: str) -> Badness:
        """Return the impairment of a wire, except an impairment hidden by `lab break`."""
        status, scenario = orders.status(self._folder), orders.scenario(self._folder)
        for name, (ends, _) in zip(status.links, scenario.segments(), strict=False):
            if Scenario.end(link) in ends and name in status.impaired:
                return status.impaired[name]
        return HARMLESS

    def restore(self, link: str, badness: Badness) -> None:
        """Restore a wire; the status of the lab shows it."""
        orders.impair(self._folder, link, badness)

    @property
    def fixed(self) -> int:
        """How many troubles were fixed here."""
        return fixed(self._folder.path)
