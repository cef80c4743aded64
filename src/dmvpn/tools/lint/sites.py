"""What a configuration does not say of a router: whether a translator stands before it, and what kind of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.dataplane.nat.flows import NatKind
    from dmvpn.shells.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a router stands. nat: what kind of translator is before it, None: none. public: its address outside.

    interface: the router's towards it; "": whichever. ours: it runs this program, so it can be told a peer's port.
    """

    nat: NatKind | None = None
    public: IPv4Address | None = None
    interface: str = ""
    ours: bool = True


def sites_of(scenario: Scenario) -> dict[str, Site]:
    """The sites of a scenario's routers, by configuration name."""
    from dmvpn.shells.scenario import INSIDE  # who asks for rules alone need not wait for the reader of scenarios

    sites = {name: Site() for name in scenario.configurations}
    for ends, _ in scenario.segments():
        for gateway, port in ends:
            spec = scenario.lab.gateways.get(gateway)
            if spec is None or port != INSIDE:
                continue
            for router, interface in ends:
                if router in sites:
                    sites[router] = Site(nat=spec.kind, public=spec.public.ip, interface=interface)
    return sites
