"""What neighbors on an interface may learn of a destination, RFC 7868 §5.4: summaries, stub, split horizon, lists, next
hop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.features.eigrp.dual import candidate
from dmvpn.features.eigrp.packet import ExternalProtocol
from dmvpn.features.eigrp.tlv import StubFlag
from dmvpn.features.eigrp.topology import WITHDRAWN, Advert, Origin

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.state import State
    from dmvpn.features.eigrp.topology import Destination, Path


class Policy:
    """The advertisement rules of one process."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._context = state.context

    def advert(self, interface: EigrpInterface, destination: Destination | None) -> Advert:
        """Return the advert of `destination` for all neighbors on `interface`, as of now."""
        if destination is None:
            return WITHDRAWN
        path = destination.current
        if path is None or self._is_withheld(interface, destination, path):
            return WITHDRAWN
        metric, distribution = path.metric, self._state.settings.distribution
        if distribution.says(inwards=False):
            policies = self._context.ports.policies.of_routes()
            route = candidate(destination.prefix, path.report, path.source.interface)
            if not distribution.permits(policies, route, interface.name, inwards=False):
                return WITHDRAWN
            offset = distribution.offset(policies, route, interface.name, inwards=False)
            metric = self._state.settings.scale.farther(metric, offset)
        originator = self._state.router_id if path.source.is_local else path.report.originator
        return Advert(metric, _next_hop(interface, destination, path), originator, path.report.external)

    def _is_withheld(self, interface: EigrpInterface, destination: Destination, path: Path) -> bool:
        settings, prefix = interface.settings, destination.prefix
        if path.source.origin is Origin.SUMMARY:
            if all(summary.prefix != prefix for summary in settings.summaries):
                return True
        elif self.summary_over(interface, path, prefix) is not None:
            return True
        if settings.split_horizon and leads_over(interface, destination, path):
            return True
        stub = self._state.settings.stub
        if stub is None or is_sent_by_stub(path, stub):
            return False
        return not self._leaks(self._state.settings.stub_leaks, interface, path, prefix)

    def summary_over(self, interface: EigrpInterface, path: Path, prefix: Prefix) -> Prefix | None:
        """Return the summary that replaces the prefix on this interface and does not leak it, None without one."""
        for one in interface.settings.summaries:
            if one.prefix != prefix and prefix in one.prefix and not self._leaks(one.leaks, interface, path, prefix):
                return one.prefix
        return None

    def _leaks(self, name: str, interface: EigrpInterface, path: Path, prefix: Prefix) -> bool:
        """Return whether a leak map permits the prefix. `match interface` means the interface of the advertisement."""
        if not name:
            return False
        policies = self._context.ports.policies.of_routes()
        return policies.mapped(name, candidate(prefix, path.report, interface.name)) is not None

    def leaks(self, interface: EigrpInterface) -> bool:
        """Return whether any leak map applies here."""
        return bool(self._state.settings.stub_leaks) or any(summary.leaks for summary in interface.settings.summaries)


def leads_over(interface: EigrpInterface, destination: Destination, path: Path) -> bool:
    """Return whether any successor is on this interface, for split horizon, RFC 7868 §5.4.2."""
    if path.source.interface == interface.name:
        return True
    if destination.is_active or len(destination.paths) < 2:
        return False
    return any(successor.source.interface == interface.name for successor in destination.successors)


def is_sent_by_stub(path: Path, stub: StubFlag) -> bool:
    """Return whether a stub with these flags sends a path."""
    external = path.report.external
    protocol = external.protocol if external else 0
    match path.source.origin:
        case Origin.CONNECTED:
            return StubFlag.CONNECTED in stub
        case Origin.SUMMARY:
            return StubFlag.SUMMARY in stub
        case Origin.REDISTRIBUTED if protocol == ExternalProtocol.STATIC and StubFlag.STATIC in stub:
            return True
        case Origin.REDISTRIBUTED if protocol == ExternalProtocol.CONNECTED and StubFlag.CONNECTED in stub:
            return True
        case Origin.REDISTRIBUTED:
            return StubFlag.REDISTRIBUTED in stub
        case _:
            return False


def _next_hop(interface: EigrpInterface, destination: Destination, path: Path) -> IPv4Address:
    """Return unspecified for ourselves; with `no next-hop-self`, the neighbor on the same interface that packets can be
    sent to directly.

    `no-ecmp-mode` searches all successors for one on this interface, not only the first.
    """
    settings = interface.settings
    if settings.next_hop_self:
        return UNSPECIFIED
    paths = [path] if settings.ecmp_mode else [path, *destination.successors]
    return next((way.report.next_hop for way in paths if way.source.interface == interface.name), UNSPECIFIED)
