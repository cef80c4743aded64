"""The routers that a copy needs: all of a small network; of a large one servers, providers and sites in question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.shells.lab_model import INSIDE
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.shells.facts import LabFacts

#: Routers of a copy, those of providers not counted, up to which it has all.
MOST: Final = 50
#: Of a larger network: sites in question, and others that these talk with.
_SITES, _OTHERS = 8, 2


def reduced(scenario: Scenario, facts: LabFacts, named: Iterable[str]) -> Scenario:
    """Return the scenario, reduced to the routers that the copy needs. facts: of the network, to find the servers.

    named: the routers in question.
    """
    overlay = [name for name in scenario.configurations if scenario.role(name) != "provider"]
    if len(overlay) <= MOST:
        return scenario
    sites = [name for name in dict.fromkeys(named) if name in overlay][:_SITES]
    servers = {name for name, _ in Scene(facts).servers()}
    others = [name for name in overlay if name not in servers and name not in sites][:_OTHERS]
    providers = [name for name in scenario.configurations if name not in overlay]
    return without_others(scenario, {*providers, *servers, *sites, *others})


def without_others(scenario: Scenario, kept: Iterable[str]) -> Scenario:
    """Return the scenario with these routers alone, and with the hosts and translators on their wires."""
    lab, routers = scenario.lab, set(kept)
    hosts = {name: host for name, host in lab.hosts.items() if scenario.end(host.link)[0] in routers}
    inside = {
        node
        for link in lab.links
        for node, port in map(scenario.end, link.ends)
        if port == INSIDE and any(scenario.end(end)[0] in routers for end in link.ends)
    }
    stays = {*routers, *hosts, *(name for name in lab.gateways if name in inside)}
    links = []
    for link in lab.links:
        ends = [end for end in link.ends if scenario.end(end)[0] in stays]
        if len(ends) > 1 or (len(link.ends) == 1 and ends):
            links.append(link.model_copy(update={"ends": ends}))
    update = {
        "links": links,
        "hosts": hosts,
        "gateways": {name: spec for name, spec in lab.gateways.items() if name in stays},
        "routers": {name: spec for name, spec in lab.routers.items() if name in routers},
    }
    texts = {name: text for name, text in scenario.configurations.items() if name in routers}
    certificates = {name: one for name, one in scenario.certificates.items() if name in routers}
    return Scenario(scenario.name, lab.model_copy(update=update), texts, certificates)
