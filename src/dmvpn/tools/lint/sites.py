"""The sites of a scenario's routers, as its description has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.network.overlay import Site

if TYPE_CHECKING:
    from dmvpn.shells.scenario import Scenario


def sites_of(scenario: Scenario) -> dict[str, Site]:
    """Return the sites of a scenario's routers, by configuration name."""
    from dmvpn.shells.lab_model import INSIDE  # rules alone need no reader of scenarios

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
