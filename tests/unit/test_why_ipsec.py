"""`dmvpn lab why` on protected tunnels: what the two ends say together."""

from __future__ import annotations

from ipaddress import ip_address

from dmvpn.shells.facts import (
    GatewayFacts,
    InterfaceFacts,
    LabFacts,
    LinkFacts,
    PeerFacts,
    RouterFacts,
    ServerFacts,
    TunnelFacts,
)
from dmvpn.tools.why import Cause, Finding, explain

HUB, SPOKE, PUBLIC = (ip_address(text) for text in ("172.16.11.1", "172.16.31.1", "203.0.113.7"))


def _tunnel(source: object, address: str, **more: object) -> TunnelFacts:
    facts: dict[str, object] = {
        "name": "Tunnel100",
        "up": True,
        "addresses": (ip_address(address),),
        "source": source,
        "source_interface": "GigabitEthernet0/1",
        "destination": None,
        "key": 100,
        "nhrp": True,
        "protection": "DMVPN",
        **more,
    }
    return TunnelFacts.model_validate(facts)


def _wired(address: object) -> tuple[InterfaceFacts, ...]:
    port = {"name": "GigabitEthernet0/1", "enabled": True, "line": True, "addresses": (f"{address}/30",)}
    return (InterfaceFacts.model_validate(port),)


def _lab(spoke: TunnelFacts, hub: TunnelFacts, *, nat: bool = False) -> LabFacts:
    gateway = GatewayFacts.model_validate({"private": "172.16.31.0/24", "public": str(PUBLIC), "flows": ()})
    wire = LinkFacts(name="wire", ends=(("R31", "GigabitEthernet0/1"), ("NAT1", "inside")), cut=False)
    return LabFacts(
        routers={
            "R31": RouterFacts(interfaces=_wired(SPOKE), tunnels=(spoke,)),
            "R11": RouterFacts(interfaces=_wired(HUB), tunnels=(hub,)),
        },
        gateways={"NAT1": gateway} if nat else {},
        links=(wire,) if nat else (),
    )


def _server(*, secured: bool = False) -> tuple[ServerFacts, ...]:
    server = ServerFacts(
        address=ip_address("192.168.100.11"), nbma=HUB, wanted=True, responding=False, refused=False, secured=secured
    )
    return (server,)


def _one(lab: LabFacts) -> Finding:
    (finding,) = explain(lab, "R31")
    return finding


def test_both_ends_say_why_ike_does_not_come_to_an_end() -> None:
    spoke = _tunnel(
        SPOKE, "192.168.100.31", servers=_server(), unsecured=(PeerFacts(nbma=HUB, reason="authentication failed"),)
    )
    hub = _tunnel(
        HUB, "192.168.100.11", unsecured=(PeerFacts(nbma=SPOKE, reason="the pre-shared keys of 172.16.31.1 differ"),)
    )
    finding = _one(_lab(spoke, hub))
    assert finding.cause is Cause.IKE
    assert finding.what == (
        "there is no IPsec with R11 yet; R31 says: authentication failed; "
        "R11 says: the pre-shared keys of 172.16.31.1 differ"
    )


def test_the_server_knows_a_router_behind_nat_by_its_public_address() -> None:
    spoke = _tunnel(SPOKE, "192.168.100.31", servers=_server())
    hub = _tunnel(HUB, "192.168.100.11", unsecured=(PeerFacts(nbma=PUBLIC, reason="no proposal fits"),))
    assert _one(_lab(spoke, hub, nat=True)).what.endswith("R11 says: no proposal fits")


def test_one_end_protects_and_the_other_does_not() -> None:
    protected = _tunnel(SPOKE, "192.168.100.31", servers=_server())
    in_clear = _tunnel(SPOKE, "192.168.100.31", servers=_server(secured=True), protection="")
    hub, clear_hub = (_tunnel(HUB, "192.168.100.11", protection=profile) for profile in ("DMVPN", ""))
    findings = [_one(_lab(protected, clear_hub)), _one(_lab(in_clear, hub))]
    assert [finding.cause for finding in findings] == [Cause.PROTECTION] * 2
    assert [finding.remedy.split(":")[0] for finding in findings] == ["on R11", "on R31"]


def test_with_ipsec_the_next_question_is_the_key() -> None:
    spoke = _tunnel(SPOKE, "192.168.100.31", servers=_server(secured=True), key=101)
    assert _one(_lab(spoke, _tunnel(HUB, "192.168.100.11"))).cause is Cause.KEY
