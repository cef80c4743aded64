"""The doctor on facts made by hand: what the two ends say together, and what it makes of their words and silence."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from dmvpn.base.causes import Cause
from dmvpn.base.facts import PeerFacts, ReasonFacts, reason_facts
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.numbers import TransformType
from dmvpn.features.ike.reasons import AlgorithmKind, IkeReason
from dmvpn.features.interface.facts import InterfaceFacts
from dmvpn.features.ipsec.reasons import IpsecReason
from dmvpn.features.nhrp.facts import ServerFacts
from dmvpn.network.terms.table import Table
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.shells.facts import GatewayFacts, LabFacts, LinkFacts
from dmvpn.tools.doctor import Finding, Scene, examine
from dmvpn.tools.doctor.ike_clues import clue
from dmvpn.tools.doctor.probes import Probe, ProbeResult
from dmvpn.tools.doctor.probes import ProbePurpose as ProbeKind
from dmvpn.tools.doctor.registration import keys
from dmvpn.tools.doctor.sas import agreements
from support.reasons import because

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.terms import Odd, Term
    from dmvpn.network.overlay import EndPair
    from dmvpn.network.terms.table import Witness

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
        lines: tuple[str, ...] = (
            "crypto ipsec profile DMVPN",
            f"interface {tunnel.name}",
            f" tunnel key {tunnel.key or 0}",
        )
        lines += (f" tunnel protection ipsec profile {tunnel.protection}",) if tunnel.protection else ()
        facts = {"interfaces": _wired(address), "routes": (_route(),), "tunnels": (tunnel,), "configuration": lines}
        return RouterFacts.model_validate(facts)

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
    refused = reason_facts(Reason(IkeReason.PROOF_REFUSED))
    spoke = _tunnel(SPOKE, "192.168.100.31", servers=_server(), unsecured=(PeerFacts(nbma=HUB, reason=refused),))
    reason = reason_facts(Reason(IkeReason.OTHER_KEY, ("172.16.31.1", "DMVPN")))
    hub = _tunnel(HUB, "192.168.100.11", unsecured=(PeerFacts(nbma=SPOKE, reason=reason),))
    finding = _one(_lab(spoke, hub))
    assert finding.cause is Cause.PSK
    assert finding.evidence == (f"R31 says: {refused}", f"R11 says: {reason}")


def test_the_server_knows_a_router_behind_nat_by_its_public_address() -> None:
    spoke = _tunnel(SPOKE, "192.168.100.31", servers=_server())
    reason = reason_facts(Reason(IkeReason.NO_KEY, ("P", "KR", PUBLIC)))
    hub = _tunnel(HUB, "192.168.100.11", unsecured=(PeerFacts(nbma=PUBLIC, reason=reason),))
    finding = _one(_lab(spoke, hub, nat=True))
    assert (finding.cause, finding.router) == (Cause.PSK_MISSING, "R11")
    assert "address 203.0.113.7" in finding.fix


@pytest.mark.parametrize(
    ("reason", "more", "fix"),
    [
        (
            Reason(IkeReason.NO_MATCH, ("ikev2", str(SPOKE))),
            (),
            ("crypto ipsec profile DMVPN", "set ikev2-profile <name>"),
        ),
        (
            Reason(IkeReason.UNABLE, ("P", "none")),
            ("crypto ikev2 profile P", " match identity remote any", " authentication remote pre-share"),
            ("crypto ikev2 profile P", "authentication local pre-share", "keyring local <name>"),
        ),
    ],
)
def test_a_server_without_a_whole_ike_profile_gets_the_lines_that_lint_has(
    reason: Reason, more: tuple[str, ...], fix: tuple[str, ...]
) -> None:
    """The doctor gave lines that take the identity of the spoke, for a profile that was not there."""
    said = PeerFacts(nbma=SPOKE, reason=reason_facts(reason))
    spoke, hub = (
        _tunnel(SPOKE, "192.168.100.31", servers=_server()),
        _tunnel(HUB, "192.168.100.11", unsecured=(said,)),
    )
    lines = (
        *("crypto ipsec transform-set TS esp-gcm 256", "crypto ipsec profile DMVPN", " set transform-set TS"),
        *("interface Tunnel100", " tunnel key 100", " tunnel protection ipsec profile DMVPN", *more),
    )
    lab = _lab(spoke, hub)
    routers = {name: one.model_copy(update={"configuration": lines}) for name, one in lab.routers.items() if one}
    finding = _one(lab.model_copy(update={"routers": routers}))
    assert (finding.cause, finding.router, finding.fix) == (Cause.PROFILE, "R11", fix)


def test_a_reason_that_the_doctor_does_not_know_is_handed_on_and_decides_nothing() -> None:
    bad = reason_facts(because("a bad day"))
    spoke = _tunnel(SPOKE, "192.168.100.31", servers=_server(), unsecured=(PeerFacts(nbma=HUB, reason=bad),))
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


def test_a_hub_that_differs_from_its_clients_is_compared_with_each_of_them_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each client asked all others again: 300 spokes made 90,000 comparisons."""
    asked: list[object] = []
    odd = Table.odd

    def counted(table: Table[Any], term: Term[Any, Any], pairs: Iterable[EndPair], witness: Witness) -> Odd:
        asked.append(term)
        return odd(table, term, pairs, witness)

    monkeypatch.setattr(Table, "odd", counted)
    lab = _lab(_tunnel(SPOKE, "192.168.100.31", servers=_server(secured=True)), _tunnel(HUB, "192.168.100.11", key=9))
    spoke = lab.routers["R31"]
    assert spoke is not None
    more = {f"R{number}": spoke.model_copy(update={"hostname": f"R{number}"}) for number in range(32, 40)}
    scene = Scene(lab.model_copy(update={"routers": {**lab.routers, **more}}))
    found = [one for client in scene.clients() for one in keys(scene, client) if isinstance(one, Finding)]
    assert {(one.cause, one.router) for one in found} == {(Cause.KEY, "R11")}
    assert len(asked) == 1


def test_a_tunnel_with_an_ike_profile_of_its_own_has_the_pfs_of_its_ipsec_profile() -> None:
    """The doctor said that a spoke with `... profile DMVPN ikev2-profile OWN` had no PFS, though it has."""
    spoke = _tunnel(SPOKE, "192.168.100.31", servers=_server(secured=True), protection="DMVPN ikev2-profile OWN")
    lab = _lab(spoke, _tunnel(HUB, "192.168.100.11"))
    with_pfs, without = ("crypto ipsec profile DMVPN", " set pfs group19"), ("crypto ipsec profile DMVPN",)

    def causes(mine: tuple[str, ...], theirs: tuple[str, ...]) -> set[Cause]:
        lines = {"R31": mine, "R11": theirs}
        routers = {
            name: facts.model_copy(update={"configuration": (*lines[name], *facts.configuration[1:])})
            for name, facts in lab.routers.items()
            if facts is not None
        }
        scene = Scene(lab.model_copy(update={"routers": routers}))
        found = [one for client in scene.clients("R31") for one in agreements(scene, client)]
        return {one.cause for one in found if isinstance(one, Finding)}

    assert causes(with_pfs, with_pfs) == set()
    assert causes(without, with_pfs) == {Cause.PFS}


def test_silence_is_blamed_on_a_filter_only_where_a_wire_is_seen_to_swallow_packets() -> None:
    """Pings pass, both ends are alike, and the server does not answer: that may be anything."""
    spoke = _tunnel(SPOKE, "192.168.100.31", servers=_server(secured=True), protection="")
    lab = _lab(spoke, _tunnel(HUB, "192.168.100.11", protection=""))
    ping = Probe(kind=ProbeKind.UNDERLAY, router="R31", target=HUB, source="GigabitEthernet0/1")
    through = Probe(kind=ProbeKind.TUNNEL, router="R31", target=ip_address("192.168.100.11"), source="Tunnel100")
    answers = {ping: ProbeResult("!!!!!"), through: ProbeResult(".....")}
    finding = examine(Scene(lab, lab, answers), "R31").findings[0]
    assert finding.cause is Cause.UNDECIDED
    assert any("5 of 5 came back" in evidence for evidence in finding.evidence)


_GROUP = Reason(IkeReason.MISMATCH, (AlgorithmKind(TransformType.KE), "ECP_384", "none"))
_ENCRYPTION = Reason(IkeReason.MISMATCH, (AlgorithmKind(TransformType.ENCR), "AES_CBC_256", "AES_CBC_128"))
_OTHER_KEY = Reason(IkeReason.OTHER_KEY, ("192.0.2.1", "P"))


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (Reason(IkeReason.NO_KEY, ("P", "KR", "192.0.2.1")), Cause.PSK_MISSING),
        (Reason(IkeReason.NO_MATCH, ("ikev2", "192.0.2.1")), Cause.IKE_IDENTITY),
        (Reason(IkeReason.NO_CHILD, (_GROUP,)), Cause.PFS),
        (Reason(IkeReason.NO_CHILD, (Reason(IkeReason.NOT_OFFERED, (_GROUP,)),)), Cause.PFS),
        (Reason(IkeReason.NO_CHILD_FOR, ("192.0.2.1", _ENCRYPTION)), Cause.TRANSFORM),
        (_ENCRYPTION, Cause.IKE_PROPOSAL),
        (_GROUP, Cause.IKE_PROPOSAL),
        (Reason(IkeReason.PROOF_REFUSED), None),
        (Reason(IkeReason.NO_CHILD, (Reason(IkeReason.NONE_ACCEPTED, ("AES_CBC_128",)),)), None),
        (Reason(IkeReason.NO_ANSWER_AND, ("IKE_AUTH", 5, "192.0.2.1", _OTHER_KEY)), None),
        (Reason(IkeReason.FAILED_AS_RESPONDER, (Reason(IkeReason.REFUSED, ("X",)), _OTHER_KEY)), Cause.PSK),
        (Reason(IpsecReason.SA_GONE, (Reason(IkeReason.NOT_BELIEVED, ("CN=R31", "expired")),)), Cause.CERTIFICATE),
    ],
)
def test_what_the_reasons_of_ike_mean(reason: Reason, cause: Cause | None) -> None:
    """A refusal without a reason means several things, so it means nothing; the second half of a reason counts, too."""
    traveled = ReasonFacts.model_validate_json(reason_facts(reason).model_dump_json())
    found = clue(traveled)
    assert (found.cause if found is not None else None) is cause
