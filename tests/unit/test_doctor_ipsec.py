"""The doctor on facts made by hand: what the two ends say together, and what it makes of their words and silence."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

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
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import Finding, Scene, examine
from dmvpn.tools.doctor.ipsec import clue
from dmvpn.tools.doctor.probes import Kind, Outcome, Probe

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
        "mss": 1360,
        "ip_mtu": 1400,
        "nhrp": True,
        "protection": "DMVPN",
        **more,
    }
    return TunnelFacts.model_validate(facts)


def _wired(address: object) -> tuple[InterfaceFacts, ...]:
    port = {"name": "GigabitEthernet0/1", "enabled": True, "line": True, "addresses": (f"{address}/30",)}
    return (InterfaceFacts.model_validate(port),)


def _route() -> dict[str, object]:
    hop = {"address": "172.16.31.2", "interface": "GigabitEthernet0/1"}
    return {"prefix": "0.0.0.0/0", "source": "static", "distance": 1, "metric": 0, "next_hops": (hop,)}


def _lab(spoke: TunnelFacts, hub: TunnelFacts, *, nat: bool = False) -> LabFacts:
    gateway = GatewayFacts.model_validate({"private": "172.16.31.0/24", "public": str(PUBLIC), "flows": ()})
    wire = LinkFacts(name="wire", ends=(("R31", "GigabitEthernet0/1"), ("NAT1", "inside")), cut=False)

    def router(address: object, tunnel: TunnelFacts) -> RouterFacts:
        return RouterFacts.model_validate({"interfaces": _wired(address), "routes": (_route(),), "tunnels": (tunnel,)})

    return LabFacts(
        routers={"R31": router(SPOKE, spoke), "R11": router(HUB, hub)},
        gateways={"NAT1": gateway} if nat else {},
        links=(wire,) if nat else (),
    )


def _server(*, secured: bool = False) -> tuple[ServerFacts, ...]:
    server = ServerFacts(
        address=ip_address("192.168.100.11"), nbma=HUB, wanted=True, responding=False, refused=False, secured=secured
    )
    return (server,)


def _one(lab: LabFacts) -> Finding:
    return examine(Scene(lab), "R31").findings[0]


def test_both_ends_say_why_ike_does_not_come_to_an_end() -> None:
    refused = "the peer refuses us: authentication failed (pre-shared key, identity or certificate); see its log"
    spoke = _tunnel(SPOKE, "192.168.100.31", servers=_server(), unsecured=(PeerFacts(nbma=HUB, reason=refused),))
    reason = "pre-shared key: 172.16.31.1 has another one than profile DMVPN"
    hub = _tunnel(HUB, "192.168.100.11", unsecured=(PeerFacts(nbma=SPOKE, reason=reason),))
    finding = _one(_lab(spoke, hub))
    assert finding.cause is Cause.PSK
    assert finding.evidence == (f"R31 says: {refused}", f"R11 says: {reason}")


def test_the_server_knows_a_router_behind_nat_by_its_public_address() -> None:
    spoke = _tunnel(SPOKE, "192.168.100.31", servers=_server())
    reason = "keyring KR has no key for 203.0.113.7"
    hub = _tunnel(HUB, "192.168.100.11", unsecured=(PeerFacts(nbma=PUBLIC, reason=reason),))
    finding = _one(_lab(spoke, hub, nat=True))
    assert (finding.cause, finding.router) == (Cause.PSK_MISSING, "R11")
    assert "address 203.0.113.7" in finding.fix


def test_words_that_nobody_knows_are_handed_on_and_decide_nothing() -> None:
    spoke = _tunnel(SPOKE, "192.168.100.31", servers=_server(), unsecured=(PeerFacts(nbma=HUB, reason="a bad day"),))
    finding = _one(_lab(spoke, _tunnel(HUB, "192.168.100.11")))
    assert finding.cause is Cause.IKE
    assert finding.evidence == ("R31 says: a bad day",)


def test_one_end_protects_and_the_other_does_not() -> None:
    protected = _tunnel(SPOKE, "192.168.100.31", servers=_server())
    in_clear = _tunnel(SPOKE, "192.168.100.31", servers=_server(secured=True), protection="")
    hub, clear_hub = (_tunnel(HUB, "192.168.100.11", protection=profile) for profile in ("DMVPN", ""))
    findings = [_one(_lab(protected, clear_hub)), _one(_lab(in_clear, hub))]
    assert [(finding.cause, finding.router) for finding in findings] == [
        (Cause.UNPROTECTED, "R11"),
        (Cause.UNPROTECTED, "R31"),
    ]


def test_with_ipsec_the_next_question_is_the_key() -> None:
    spoke = _tunnel(SPOKE, "192.168.100.31", servers=_server(secured=True), key=101)
    assert _one(_lab(spoke, _tunnel(HUB, "192.168.100.11"))).cause is Cause.KEY


def test_silence_is_blamed_on_a_filter_only_where_a_wire_is_seen_to_swallow_packets() -> None:
    """Pings pass, both ends are alike, and the server does not answer: that may be anything."""
    spoke = _tunnel(SPOKE, "192.168.100.31", servers=_server(secured=True), protection="")
    lab = _lab(spoke, _tunnel(HUB, "192.168.100.11", protection=""))
    ping = Probe(kind=Kind.UNDERLAY, router="R31", target=HUB, source="GigabitEthernet0/1")
    through = Probe(kind=Kind.TUNNEL, router="R31", target=ip_address("192.168.100.11"), source="Tunnel100")
    answers = {ping: Outcome("!!!!!"), through: Outcome(".....")}
    finding = examine(Scene(lab, lab, answers), "R31").findings[0]
    assert finding.cause is Cause.UNDECIDED
    assert any("5 of 5 came back" in evidence for evidence in finding.evidence)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("ikev2 profile P: keyring KR has no key for 192.0.2.1", Cause.PSK_MISSING),
        ("no ikev2 profile of a protected tunnel matches the identity 192.0.2.1", Cause.IKE_IDENTITY),
        ("no child SA: group: ours ECP_384; the peer's none", Cause.PFS),
        ("no child SA for 192.0.2.1: encryption: ours AES_CBC_256; the peer's AES_CBC_128", Cause.TRANSFORM),
        ("encryption: ours AES_CBC_256; the peer's AES_CBC_128", Cause.IKE_PROPOSAL),
        ("the peer refuses us: authentication failed (pre-shared key, identity or certificate)", None),
        ("no child SA: the peer accepts none of our transforms (AES_CBC_128), or not our mode", None),
        ("the peer refuses us: x (when it begins: pre-shared key: 192.0.2.1 has another one)", Cause.PSK),
    ],
)
def test_what_the_words_of_ike_mean(reason: str, cause: Cause | None) -> None:
    """A refusal without a reason means several things, so it means nothing; the second half of a reason counts, too."""
    found = clue(reason)
    assert (found.cause if found is not None else None) is cause
