"""The doctor on OSPF's facts made by hand: it survives values that no configuration line can say."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dmvpn.base.causes import Cause
from dmvpn.base.facts import NeighborFacts, reason_facts
from dmvpn.base.reasons import Reason
from dmvpn.features.interface.facts import InterfaceFacts
from dmvpn.features.nhrp.facts import ServerFacts
from dmvpn.features.ospf.facts import OspfFacts, OspfInterfaceFacts
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.shells.facts import LabFacts
from dmvpn.tools.doctor import Finding, Scene, protocols

HUB, SPOKE = ip_address("172.16.11.1"), ip_address("172.16.31.1")
HUB_INSIDE, SPOKE_INSIDE = ip_address("192.168.100.11"), ip_address("192.168.100.31")


def _router(address: object, inside: object, other: object, *, network: str, ip_mtu: int, nhs: bool) -> RouterFacts:
    server = ServerFacts(address=HUB_INSIDE, nbma=HUB, wanted=True, responding=True, refused=False, secured=False)
    tunnel = TunnelFacts.model_validate(
        {
            "name": "Tunnel0",
            "up": True,
            "addresses": (inside,),
            "source": address,
            "source_interface": "GigabitEthernet0/1",
            "destination": None,
            "key": None,
            "ip_mtu": ip_mtu,
            "nhrp": True,
            "servers": (server,) if nhs else (),
        }
    )
    port = OspfInterfaceFacts(name="Tunnel0", area=0, network=network, cost=1000, speaks=True)
    process = OspfFacts.model_validate({"process": 1, "router_id": inside, "interfaces": (port,)})
    why = reason_facts(Reason(OspfReason.MTU, (65511, 1300)))
    neighbor = NeighborFacts.model_validate(
        {"protocol": "ospf 1", "interface": "Tunnel0", "address": other, "up": False, "age": 60.0, "reason": why}
    )
    wired = {"name": "GigabitEthernet0/1", "enabled": True, "line": True, "addresses": (f"{address}/30",)}
    interfaces = (InterfaceFacts.model_validate(wired),)
    lines = (
        *("interface Tunnel0", f" ip address {inside} 255.255.255.0", f" ip ospf network {network}"),
        *(" ip ospf 1 area 0", "router ospf 1"),
    )
    return RouterFacts(
        interfaces=interfaces, tunnels=(tunnel,), ospf=(process,), neighbors=(neighbor,), configuration=lines
    )


def _found(networks: tuple[str, str], ip_mtus: tuple[int, int]) -> Finding:
    """Return what the doctor says; spoke first."""
    spoke = _router(SPOKE, SPOKE_INSIDE, HUB_INSIDE, network=networks[0], ip_mtu=ip_mtus[0], nhs=True)
    hub = _router(HUB, HUB_INSIDE, SPOKE_INSIDE, network=networks[1], ip_mtu=ip_mtus[1], nhs=False)
    scene = Scene(LabFacts(routers={"S1": spoke, "HUB1": hub}, gateways={}, links=()))
    (client,) = scene.clients("S1")
    (finding,) = protocols.ospf(scene, client)
    assert isinstance(finding, Finding)
    return finding


@pytest.mark.parametrize(("octets", "line"), [(1400, "ip mtu 1400"), (65511, "no ip mtu")])
def test_an_mtu_larger_than_any_line_says_is_one_that_the_router_computes(octets: int, line: str) -> None:
    """The doctor ended in a traceback where the hub's tunnel left by a port that takes packets of 65535 octets."""
    finding = _found(("point-to-multipoint", "point-to-multipoint"), (1300, octets))
    assert (finding.cause, finding.router, finding.fix) == (Cause.MTU, "S1", ("interface Tunnel0", line))


@pytest.mark.parametrize(
    ("network", "fix"),
    [
        ("broadcast", ("interface Tunnel0", "ip ospf network broadcast")),
        (
            "point-to-multipoint non-broadcast",
            ("interface Tunnel0", "ip ospf network point-to-multipoint non-broadcast"),
        ),
    ],
)
def test_a_spoke_gets_the_network_type_of_its_hub(network: str, fix: tuple[str, ...]) -> None:
    finding = _found(("point-to-point", network), (1400, 1400))
    assert (finding.cause, finding.router, finding.fix) == (Cause.OSPF_NETWORK_TYPE, "S1", fix)
    assert network in finding.what
