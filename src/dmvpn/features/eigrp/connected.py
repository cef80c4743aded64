"""The contribution of the participating interfaces to DUAL: subnets, RFC 7868 §3.3, summaries, and link cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.notices import RouteSource
from dmvpn.base.redistribution import Covered
from dmvpn.features.eigrp.dual import Dual, Message
from dmvpn.features.eigrp.topology import UNREACHABLE, Origin, PathSource, Report

if TYPE_CHECKING:
    from dmvpn.base.notices import InterfaceState
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.state import State
    from dmvpn.features.eigrp.summary import Summaries


class Connected:
    """Destinations known from the interfaces of one process. Each interface is a source of its own."""

    def __init__(self, state: State, dual: Dual, summaries: Summaries) -> None:
        self._state = state
        self._context = state.context
        self._covered = Covered(RouteSource.EIGRP, str(state.autonomous_system))
        self._dual = dual
        self._summaries = summaries
        self._sources: dict[str, PathSource] = {}

    def refresh(self, state: InterfaceState) -> None:
        """Update the subnets of an interface that is up: those with an address covered by a `network` statement."""
        source = self._sources.get(state.name)
        if source is None:
            source = self._sources[state.name] = PathSource(Origin.CONNECTED, state.name, absolute=True)
        covered = [
            Prefix.of(address, length)
            for address, length in state.addresses
            if any(network.matches(address) for network in self._state.settings.networks)
        ]
        self._context.emit(*self._covered.tell(state.name, tuple(covered)))
        now, report = self._context.now, Report(self._dual.scale.link(state))
        for prefix in [prefix for prefix in source.prefixes if prefix not in covered]:
            self._dual.receive(prefix, source, UNREACHABLE, Message.UPDATE, now)
        for prefix in covered:
            destination = self._dual.table.get(prefix)
            known = destination.paths.get(source) if destination else None
            if known is None or known.report != report:
                self._dual.receive(prefix, source, report, Message.UPDATE, now)

    def forget(self, name: str) -> None:
        """Forget an interface that no longer takes part."""
        self._context.emit(*self._covered.tell(name, ()))
        source = self._sources.pop(name, None)
        if source is not None:
            self._dual.forget(source, self._context.now)

    def relink(self, interface: EigrpInterface) -> None:
        """Compute the paths of the neighbors on an interface again because its cost changed."""
        for neighbor in interface.neighbors.values():
            self._dual.relink(neighbor.source, interface.link, self._context.now)

    def summarize(self) -> None:
        """Set the summaries of the interfaces that EIGRP runs on; other interfaces have no neighbor to receive them."""
        settings = (interface.settings for interface in self._state.interfaces.values())
        self._summaries.configure(
            (summary for each in settings for summary in each.summaries), self._state.settings.summary_metrics
        )
