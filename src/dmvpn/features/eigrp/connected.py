"""Our own destinations: the subnets of interfaces that take part, RFC 7868 §3.3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.notices import RouteSource
from dmvpn.base.redistribution import Covered
from dmvpn.features.eigrp.dual import Dual, Message
from dmvpn.features.eigrp.topology import UNREACHABLE, Origin, Report, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.context import Context
    from dmvpn.base.notices import InterfaceState
    from dmvpn.features.eigrp.model import Network


class Connected:
    """What one process knows because it is there. Every interface is a source of its own."""

    def __init__(self, context: Context, dual: Dual, autonomous_system: int) -> None:
        self._context = context
        self._covered = Covered(RouteSource.EIGRP, str(autonomous_system))
        self._dual = dual
        self._sources: dict[str, Source] = {}

    def refresh(self, state: InterfaceState, networks: Iterable[Network]) -> None:
        """Look at an interface that is up and like this: those of its subnets count whose address a `network`
        covers.
        """
        source = self._sources.get(state.name)
        if source is None:
            source = self._sources[state.name] = Source(Origin.CONNECTED, state.name, absolute=True)
        networks = tuple(networks)
        covered = [
            Prefix.of(address, length)
            for address, length in state.addresses
            if any(network.matches(address) for network in networks)
        ]
        self._context.out.extend(self._covered.tell(state.name, tuple(covered)))
        now, report = self._context.now, Report(self._dual.scale.link(state))
        for prefix in [prefix for prefix in source.prefixes if prefix not in covered]:
            self._dual.receive(prefix, source, UNREACHABLE, Message.UPDATE, now)
        for prefix in covered:
            destination = self._dual.table.get(prefix)
            known = destination.paths.get(source) if destination else None
            if known is None or known.report != report:
                self._dual.receive(prefix, source, report, Message.UPDATE, now)

    def forget(self, name: str) -> None:
        """Forget an interface that takes no part any more."""
        self._context.out.extend(self._covered.tell(name, ()))
        source = self._sources.pop(name, None)
        if source is not None:
            self._dual.forget(source, self._context.now)
