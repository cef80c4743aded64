"""The doctor on facts made by hand: what the two ends say together, and what it makes of their words and silence."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_address, ip_interface
from typing import TYPE_CHECKING, Any

import pytest

from dmvpn.base.facts import NeighborFacts, PeerFacts, ReasonFacts, reason_facts
from dmvpn.base.filters import PortFilters
from dmvpn.base.findings import Cause
from dmvpn.base.notices import LogKind
from dmvpn.base.reasons import Reason
from dmvpn.features.filter.facts import FilterFacts as PortFacts
from dmvpn.features.filter.reasons import FilterReason
from dmvpn.features.ike.numbers import TransformType
from dmvpn.features.ike.reasons import AlgorithmKind, IkeReason
from dmvpn.features.interface.facts import InterfaceFacts
from dmvpn.features.ipsec.reasons import IpsecReason
from dmvpn.features.nhrp.facts import ServerFacts
from dmvpn.features.nhrp.messages import nhs_up
from dmvpn.features.ospf.facts import OspfFacts, OspfInterfaceFacts
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.features.rib.facts import RouteFacts
from dmvpn.features.system.facts import LogFacts
from dmvpn.features.system.messages import configured, restarted
from dmvpn.network.terms.table import Table
from dmvpn.router.facts import FilterFacts, KernelFacts, RouterFacts, TunnelFacts
from dmvpn.shells.facts import GatewayFacts, HostFacts, LabFacts, LinkFacts
from dmvpn.tools.doctor import protocols
from dmvpn.tools.doctor.examine import examine
from dmvpn.tools.doctor.ipsec import agreements, clue
from dmvpn.tools.doctor.protocols import not_before
from dmvpn.tools.doctor.registration import keys
from dmvpn.tools.doctor.scene import Client, Probe, ProbeResult, Scene
from dmvpn.tools.doctor.scene import ProbePurpose as ProbeKind
from dmvpn.tools.doctor.verdicts import Finding
from dmvpn.tools.doctor.visit import suspect
from support.texts import because

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
        port = {"name": "GigabitEthernet0/1", "enabled": True, "line": True, "addresses": (f"{address}/30",)}
        facts = {
            "interfaces": (InterfaceFacts.model_validate(port),),
            "routes": (_route(),),
            "tunnels": (tunnel,),
            "configuration": lines,
        }
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


# The doctor compares what a router ordered of the kernel with what is there.

LOST = KernelFacts(what="route 10.4.4.0/24 via 192.168.100.11, Tunnel100", there="missing")
STRANGE = KernelFacts(what="route 203.0.113.0/24 via 10.0.1.2, eth0", there="nobody ordered it", unordered=True)


def scene(*kernel: KernelFacts) -> Scene:
    return Scene(LabFacts(routers={"R41": RouterFacts(tunnels=(), kernel=kernel)}, gateways={}, links=()))


def test_a_route_that_the_kernel_lost_is_found_and_named() -> None:
    (finding,) = examine(scene(STRANGE, LOST)).findings
    assert (finding.cause, finding.router, finding.blocks) == (Cause.KERNEL_TABLES, "R41", True)
    assert finding.evidence == (
        "route 10.4.4.0/24 via 192.168.100.11, Tunnel100: missing",
        "route 203.0.113.0/24 via 10.0.1.2, eth0: nobody ordered it",
    )
    assert finding.order.startswith("ip monitor")


def test_what_nobody_ordered_is_said_and_breaks_nothing() -> None:
    (finding,) = examine(scene(STRANGE)).findings
    assert finding.advice


def test_many_differences_are_counted() -> None:
    (finding,) = examine(scene(*(LOST,) * 20)).findings
    assert finding.evidence[-1] == "and 12 more"


def test_a_router_that_runs_alone_is_told_too() -> None:
    (hypothesis,) = suspect(scene(LOST), "R41").hypotheses
    assert hypothesis.cause is Cause.KERNEL_TABLES


def test_where_all_is_there_nothing_is_said() -> None:
    assert examine(scene()).findings == ()


def with_routes(*routes: tuple[str, str], aside: str) -> Scene:
    """R41 beside the host 10.4.4.100 of another router; packets to `aside` go another way."""
    known = tuple(
        RouteFacts(prefix=IPv4Network(prefix), source=source, distance=90, metric=1) for prefix, source in routes
    )
    kernel = KernelFacts(what="route", there="packets take another route", aside=IPv4Network(aside))
    router = RouterFacts(tunnels=(), kernel=(kernel,), routes=known)
    hosts = {"H": HostFacts(address=ip_interface("10.4.4.100/24"), router="R31")}
    return Scene(LabFacts(routers={"R41": router}, gateways={}, hosts=hosts, links=()))


@pytest.mark.parametrize("aside", ["10.4.4.0/24", "10.4.4.96/27", "10.4.4.100/32"])
def test_a_route_that_packets_to_a_site_do_not_take_is_named(aside: str) -> None:
    (finding,) = examine(with_routes(("10.4.4.0/24", "eigrp"), aside=aside)).findings
    assert (finding.cause, finding.advice) == (Cause.KERNEL_TABLES, False)
    assert "another way" in finding.what


def test_a_route_that_leads_nobody_in_view_astray_is_advice() -> None:
    shorter = examine(with_routes(("0.0.0.0/0", "static"), ("10.4.4.0/24", "eigrp"), aside="10.0.0.0/8"))
    nobody = examine(with_routes(("10.4.4.0/24", "eigrp"), aside="10.4.4.128/25"))
    assert [finding.advice for finding in (*shorter.findings, *nobody.findings)] == [True, True]


def test_a_route_of_the_host_that_the_router_itself_follows_is_well() -> None:
    assert examine(with_routes(("10.4.4.100/32", "host"), aside="10.4.4.100/32")).findings == ()


SHUT = FilterFacts(family="ip", table="filter", chain="FORWARD", rules=0)
RULES = SHUT.model_copy(update={"rules": 3})


def filtered(*filters: FilterFacts, lan: str = "GigabitEthernet0/2", lan_address: str = "10.4.4.1/24") -> Scene:
    """R41 between its LAN and a tunnel, all of it up."""
    tunnel = TunnelFacts(
        name="Tunnel100",
        up=True,
        addresses=(IPv4Address("192.168.100.41"),),
        source=IPv4Address("172.16.41.1"),
        source_interface="GigabitEthernet0/1",
        destination=None,
        key=None,
        nhrp=True,
        network_id=1,
        multipoint=True,
    )
    addresses = {"GigabitEthernet0/1": "172.16.41.1/30", lan: lan_address, "Tunnel100": "192.168.100.41/24"}
    ports = tuple(
        InterfaceFacts(name=name, enabled=True, line=True, addresses=(ip_interface(address),))
        for name, address in addresses.items()
    )
    router = RouterFacts(tunnels=(tunnel,), interfaces=ports, filters=filters)
    return Scene(LabFacts(routers={"R41": router}, gateways={}, links=()))


def named(scene: Scene) -> list[tuple[bool, str]]:
    found = [one for one in examine(scene).findings if one.cause is Cause.HOST_FILTER]
    return [(one.advice, one.order) for one in found]


def test_a_chain_that_passes_nothing_on_is_named_with_what_opens_it() -> None:
    ((advice, order),) = named(filtered(SHUT, RULES))
    assert not advice
    assert order.startswith("on R41: iptables -P FORWARD ACCEPT")
    inet = FilterFacts(family="inet", table="mine", chain="pass", rules=0)
    ((_, order),) = named(filtered(inet))
    assert order.startswith("on R41: nft 'add chain inet mine pass { policy accept; }'")


def test_a_chain_with_rules_is_advice_since_they_may_accept_all() -> None:
    ((advice, order),) = named(filtered(RULES))
    assert advice
    assert "ping from a host" in order


@pytest.mark.parametrize(
    "quiet",
    [
        filtered(),
        filtered(SHUT.model_copy(update={"family": "ip6"})),
        filtered(SHUT, lan="Loopback0"),
        filtered(SHUT, lan_address="2001:db8:4::1/64"),
    ],
    ids=["no chain", "no IPv6 here", "no LAN", "another version"],
)
def test_a_chain_that_nothing_is_to_pass_is_not_told(quiet: Scene) -> None:
    assert named(quiet) == []


def test_a_router_that_runs_alone_suspects_the_chain_and_with_rules_only_if_somebody_complains() -> None:
    (shut,) = (one for one in suspect(filtered(SHUT), "R41").hypotheses if one.cause is Cause.HOST_FILTER)
    (rules,) = (one for one in suspect(filtered(RULES), "R41").hypotheses if one.cause is Cause.HOST_FILTER)
    assert (shut.mild, rules.mild) == (False, True)
    assert "iptables -P FORWARD ACCEPT" in shut.decide


def test_a_port_that_the_kernel_leaves_open_is_named_and_hides_no_other_fault() -> None:
    open_port = PortFacts(
        interface="GigabitEthernet0/1",
        filters=PortFilters(),
        reason=reason_facts(Reason(FilterReason.UNFILTERED, ("no nf_tables",))),
    )
    router = RouterFacts(tunnels=(), packet_filters=(open_port,))
    lab = LabFacts(routers={"R41": router}, gateways={}, links=())
    (finding,) = (one for one in examine(Scene(lab)).findings if one.cause is Cause.NOT_FILTERED)
    assert finding.what.startswith("R41 lets all packets pass GigabitEthernet0/1")
    assert (finding.blocks, finding.advice) == (False, False)
    (suspected,) = (one for one in suspect(Scene(lab), "R41").hypotheses if one.cause is Cause.NOT_FILTERED)
    assert "modprobe" in suspected.decide


# The doctor on OSPF's facts made by hand: it survives values that no configuration line can say.

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


# The doctor says what cannot be known yet, and until when.

TUNNEL = TunnelFacts(
    nhrp=True,
    name="Tunnel0",
    up=True,
    addresses=(),
    source=None,
    source_interface="GigabitEthernet0/1",
    destination=None,
    key=None,
)


def client(*, spoke: LogFacts, hub: LogFacts) -> Client:
    ends = (RouterFacts(tunnels=(TUNNEL,), log=(spoke,)), RouterFacts(tunnels=(TUNNEL,), log=(hub,)))
    return Client("R31", ends[0], TUNNEL, None, None, "R11", ends[1], TUNNEL)


def line(message: LogKind, age: float) -> LogFacts:
    return LogFacts(message=message.name, text="", age=age)


@pytest.mark.parametrize("message", [nhs_up, restarted, configured])
def test_until_two_ends_had_their_time_nothing_is_known(message: LogKind) -> None:
    said = not_before(client(spoke=line(nhs_up, 900), hub=line(message, 4)), 40)
    assert said == "not known before R31 and R11 had 40 s to find each other, in 36 s"


def test_what_has_lasted_longer_needs_no_waiting() -> None:
    assert not_before(client(spoke=line(nhs_up, 900), hub=line(restarted, 41)), 40) == ""
