"""The doctor on overlays of IPv6: what it says of a fault names its end, and its lines heal."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.copied import CopiedLab, brought_up
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.impact import Rows
from dmvpn.tools.doctor.scene import Scene
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.troubles import trouble
from dmvpn.tools.troubles.faults import faults
from dmvpn.tools.troubles.model import Role
from dmvpn.tools.troubles.orders import carry_out
from dmvpn.tools.troubles.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

_TUNNEL, _LAN, _BGP = "interface Tunnel100", "interface GigabitEthernet0/2", "router bgp 65000"
_EIGRP, _OSPF = "ipv6 router eigrp 100", "ipv6 router ospf 6"
_NAMED: Final = ("router eigrp CLOUD", "address-family ipv6 unicast autonomous-system 100")
_LIST: Final = ("ipv6 access-list L", "permit icmp any any")
_IPV6_BGP: Final = (_BGP, "address-family ipv6")
_INTO_7: Final = tuple(line for port in (_TUNNEL, _LAN) for line in (port, "no ipv6 eigrp 100", "ipv6 eigrp 7"))
#: Of each protocol its process, the lines of the tunnel and of the LAN, and more at the hub.
_PROTOCOLS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "eigrp": (
        (_EIGRP,),
        (_TUNNEL, "ipv6 eigrp 100", _LAN, "ipv6 eigrp 100"),
        (_TUNNEL, "no ipv6 split-horizon eigrp 100"),
    ),
    "named": (_NAMED, (), (*_NAMED, "af-interface Tunnel100", "no split-horizon")),
    "ospf": (
        (_OSPF,),
        (_TUNNEL, "ipv6 ospf 6 area 0", "ipv6 ospf network point-to-multipoint", _LAN, "ipv6 ospf 6 area 0"),
        (),
    ),
}


def _lines(protocol: str, name: str) -> list[str]:
    number, hub = name[1], "2001:DB8:100::11"
    if protocol == "bgp":
        peers = [f"2001:DB8:100::{one}" for one in (31, 41)] if name == "R11" else [hub]
        reflects = [f"neighbor {one} route-reflector-client" for one in peers if one != hub]
        sessions = [f"neighbor {one} remote-as 65000" for one in peers]
        lan = f"network 2001:DB8:{number}::/64"
        return [_BGP, *sessions, "address-family ipv6", lan, *(f"neighbor {one} activate" for one in peers), *reflects]
    process, ports, of_hub = _PROTOCOLS[protocol]
    identifier = f"{'router-id' if protocol == 'ospf' else 'eigrp router-id'} {'.'.join(number * 4)}"
    return [*process, identifier, *ports, *(of_hub if name == "R11" else ())]


def _running(protocol: str, *edits: tuple[str, str]) -> CopiedLab:
    """Return the network of IPv6, with a routing protocol in the place of its static routes, and texts replaced."""
    scenario = Scenario.load("ipv6-phase3")
    texts = dict(scenario.configurations)
    for name in ("R11", "R31", "R41") if protocol != "static" else ():
        kept = [line for line in texts[name].splitlines() if line != "end" and not line.startswith("ipv6 route ")]
        texts[name] = "\n".join([*kept, *_lines(protocol, name), "end"]) + "\n"
    for old, new in edits:
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    return brought_up(Scenario(scenario.name, scenario.lab, texts, scenario.certificates))


_FAULTS: Final[tuple[tuple[str, str, Sequence[str], Cause], ...]] = (
    ("eigrp", "R31", (_TUNNEL, "no ipv6 eigrp 100"), Cause.NETWORK_STATEMENT),
    ("eigrp", "R31", (_LAN, "no ipv6 eigrp 100"), Cause.NETWORK_STATEMENT),
    ("eigrp", "R31", (_EIGRP, "passive-interface Tunnel100"), Cause.PASSIVE_INTERFACE),
    ("eigrp", "R31", (_EIGRP, "shutdown"), Cause.NETWORK_STATEMENT),
    ("eigrp", "R31", (_EIGRP, "metric weights 0 1 1 1 0 0"), Cause.EIGRP_WEIGHTS),
    ("eigrp", "R31", (_EIGRP, "eigrp stub receive-only"), Cause.SPOKE_STUB),
    ("eigrp", "R11", (_TUNNEL, "ipv6 split-horizon eigrp 100"), Cause.SPLIT_HORIZON),
    (
        "eigrp",
        "R31",
        (f"no {_EIGRP}", "ipv6 router eigrp 7", "eigrp router-id 3.3.3.3", *_INTO_7),
        Cause.AUTONOMOUS_SYSTEM,
    ),
    (
        "eigrp",
        "R31",
        ("ipv6 prefix-list P deny ::/0 le 128", _EIGRP, "distribute-list prefix-list P out"),
        Cause.ROUTE_FILTERED,
    ),
    ("named", "R31", (*_NAMED, "af-interface Tunnel100", "shutdown"), Cause.NETWORK_STATEMENT),
    ("ospf", "R31", (_TUNNEL, "no ipv6 ospf 6 area 0"), Cause.NETWORK_STATEMENT),
    ("ospf", "R31", (_TUNNEL, "ipv6 ospf 6 area 1"), Cause.OSPF_TERMS),
    ("ospf", "R31", (_TUNNEL, "ipv6 ospf network broadcast"), Cause.OSPF_NETWORK_TYPE),
    ("ospf", "R31", (_TUNNEL, "ipv6 ospf hello-interval 7"), Cause.OSPF_TERMS),
    ("ospf", "R31", (_LAN, "no ipv6 ospf 6 area 0"), Cause.NETWORK_STATEMENT),
    ("bgp", "R31", (_BGP, "no neighbor 2001:DB8:100::11 remote-as 65000"), Cause.BGP_NEIGHBOR),
    ("bgp", "R31", (*_IPV6_BGP, "no neighbor 2001:DB8:100::11 activate"), Cause.BGP_NEIGHBOR),
    ("bgp", "R31", (_BGP, "neighbor 2001:DB8:100::11 remote-as 65001"), Cause.BGP_SYSTEM),
    ("bgp", "R31", (*_IPV6_BGP, "no network 2001:DB8:3::/64"), Cause.NETWORK_STATEMENT),
    (
        "bgp",
        "R31",
        ("ipv6 prefix-list P deny ::/0 le 128", *_IPV6_BGP, "neighbor 2001:DB8:100::11 prefix-list P out"),
        Cause.ROUTE_FILTERED,
    ),
    ("ospf", "R31", (*_LIST, "permit tcp any any", _TUNNEL, "ipv6 traffic-filter L in"), Cause.PACKET_FILTER),
    ("static", "R31", (*_LIST, "permit udp any any", _LAN, "ipv6 traffic-filter L in"), Cause.PACKET_FILTER),
    ("static", "R31", (_TUNNEL, "ipv6 mtu 1280"), Cause.MTU),
    ("static", "R31", (_TUNNEL, "ipv6 tcp adjust-mss 1440"), Cause.MSS),
    ("static", "R31", (_TUNNEL, "no ipv6 tcp adjust-mss"), Cause.MSS),
    ("static", "R31", ("ipv6 route 2001:DB8:1::/64 Null0",), Cause.BLACK_HOLE),
)


@pytest.mark.parametrize("protocol", ["static", *_PROTOCOLS, "bgp"])
def test_a_well_network_of_ipv6_has_no_findings(protocol: str) -> None:
    assert not visit(_running(protocol)).findings


def test_a_hub_that_its_spokes_know_by_its_link_local_address_is_well() -> None:
    """It was said to have another address than its clients look for."""
    lab = _running("ospf", ("ipv6 nhrp nhs 2001:DB8:100::11 ", "ipv6 nhrp nhs FE80::11 "))
    assert not visit(lab).findings


@pytest.mark.parametrize(
    ("protocol", "router", "lines", "cause"), _FAULTS, ids=[f"{one[0]}: {', '.join(one[2])}" for one in _FAULTS]
)
def test_a_fault_of_ipv6_is_named_and_its_lines_heal(
    protocol: str, router: str, lines: Sequence[str], cause: Cause
) -> None:
    lab = _running(protocol)
    lab.configure(router, lines)
    lab.wait(200)
    first = visit(lab).findings[0]
    assert (first.cause, first.router) == (cause, router)
    lab.configure(router, first.fix)
    lab.wait(200)
    assert visit(lab).healthy


@pytest.mark.parametrize(
    ("network", "name"),
    [
        *(("ipv6-only", one) for one in ("redirect-missing", "server-only", "eigrp-as", "eigrp-timers", "mss")),
        *(("ipv6-only", one) for one in ("hub-network-id-missing", "passive-interface", "nhs-address")),
        *(("dual-stack", one) for one in ("nhs-missing", "shortcut-missing", "redirect-missing", "network-id-missing")),
    ],
)
def test_a_drawn_fault_of_ipv6_is_named_and_its_lines_heal(network: str, name: str) -> None:
    """Troubles in the words of IPv6; beside IPv4 that runs, too, where spokes still had a server and redirects."""
    scenario = Scenario.load(network)
    places = faults([trouble(name)], Stage.of(scenario))
    chosen = next(one for one in places if one.stage.actor(Role.HUB).version == 6)
    lab = brought_up(scenario)
    carry_out(lab, chosen.orders)
    lab.wait(200)
    first = visit(lab).findings[0]
    assert chosen.is_named(first.cause, first.router)
    for one in visit(lab).findings:
        lab.configure(one.router, one.fix)
    lab.wait(200)
    assert visit(lab).healthy


def test_segments_that_fit_with_the_header_of_ipv4_alone_do_not_fit() -> None:
    """40 octets were added to a segment of 1350 in a tunnel of 1400: so such a clamp was said to have no effect."""
    scenario = Scenario.load("ipv6-phase3")
    texts = {name: text.replace("adjust-mss 1340", "adjust-mss 1350") for name, text in scenario.configurations.items()}
    for lab, fits in ((scenario, True), (Scenario(scenario.name, scenario.lab, texts, scenario.certificates), False)):
        rows = Rows(Scene(brought_up(lab).facts()))
        assert rows.rows("R31", "R41", lasting=True)[6].fits is fits


def test_a_path_of_either_version_is_tried_with_pings() -> None:
    lab = brought_up(Scenario.load("dual-stack"))
    for address in (ip_address("10.4.4.100"), ip_address("2001:db8:4::100")):
        assert [one for one in visit(lab, "R31", address).probes if f"ping {address}" in one.lower()]
        one_end = visit(lab, "R31", address, one_end=True)
        assert [one for one in one_end.probes if f"ping {address}" in one.lower()], one_end.probes


def test_direct_paths_of_both_versions_between_spokes_are_tried() -> None:
    lab = brought_up(Scenario.load("dual-stack"))
    lab.ask(
        [("R31", f"ping {address}") for address in ("10.4.4.1 source 10.3.3.1", "2001:db8:4::1 source 2001:db8:3::1")]
    )
    lab.wait(5)
    probes = "\n".join(visit(lab).probes).lower()
    assert "ping 10.4.4.1 " in probes
    assert "ping 2001:db8:4::1 " in probes


def test_the_networks_of_other_sites_are_tried_from_one_router_of_ipv6() -> None:
    lab = brought_up(Scenario.load("ipv6-only"))
    assert "ping 2001:db8:4::1 " in "\n".join(visit(lab, "R31", one_end=True).probes).lower()


@pytest.mark.parametrize(
    ("router", "lines", "cause", "advice"),
    [
        ("R31", ("ipv6 route 2001:DB8:1::/64 Null0",), Cause.BLACK_HOLE, False),
        ("R31", (_TUNNEL, "no ipv6 nhrp shortcut"), Cause.SHORTCUT, False),
        ("R11", (_TUNNEL, "no ipv6 nhrp redirect"), Cause.REDIRECT, False),
        ("R31", (_TUNNEL, "ipv6 mtu 1300"), Cause.MSS, False),
        ("R11", (_TUNNEL, "no ip nhrp redirect"), Cause.REDIRECT, True),  # its pings of IPv4 have built shortcuts
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, tuple) else None,
)
def test_a_fault_of_one_version_has_an_effect_although_the_other_version_works(
    router: str, lines: Sequence[str], cause: Cause, advice: bool
) -> None:
    """Packets of IPv4 alone were traced: faults of IPv6 were said to be noticed by no user."""
    lab = brought_up(Scenario.load("dual-stack"))
    lab.configure(router, lines)
    lab.wait(200)
    found = next(one for one in visit(lab).findings if one.cause is cause)
    assert (found.router, found.advice) == (router, advice), found.what


def test_hosts_that_have_ipv6_beside_tunnels_of_ipv4_are_looked_at_in_ipv4() -> None:
    scenario = Scenario.load("dual-stack")
    texts = {
        name: re.sub(r"^ ipv6 (address|nhrp|mtu|tcp) .*\n", "", text, flags=re.MULTILINE)
        if name != "TRANSPORT"
        else text
        for name, text in scenario.configurations.items()
    }
    rows = Rows(Scene(brought_up(Scenario(scenario.name, scenario.lab, texts, scenario.certificates)).facts()))
    assert {name: [one.version for one in known] for name, known in rows.sites.items()} == {
        name: [4] for name in ("R11", "R31", "R41")
    }


@pytest.mark.parametrize(("name", "versions"), [("dual-stack", (" (IPv4)", " (IPv6)")), ("ipv6-only", ("",))])
def test_what_is_fine_in_both_versions_is_said_of_each_with_its_name(name: str, versions: tuple[str, ...]) -> None:
    """The doctor said one sentence of both, so a reader could not know whether IPv6 had been looked at."""
    fine = [one.what for one in visit(brought_up(Scenario.load(name))).fine]
    for version in versions:
        assert f"pings through the tunnel from R31 to R11{version}: 5 of 5 came back" in fine
        assert f"R31 is registered with R11{version}" in fine
        assert f"R11 sends redirects{version}" in fine
        assert f"R31 takes shortcuts{version}" in fine
