"""GRE tunnels: when the line protocol is up, why it is down, and what the data plane is told."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import (
    NextHop,
    RemoveTunnel,
    SendKeepalive,
    SetCarrier,
    SetInterface,
    SetRoute,
    SetTunnel,
    TunnelSpec,
)
from dmvpn.base.events import AddressAssigned, EffectFailed, HostRouteChanged, KeepaliveReceived, LinkChanged, Resync
from dmvpn.base.negotiation import ProtectionDecided, ProtectionWanted
from dmvpn.base.notices import HoldTunnel, Route, RouteOffered, RouteRetracted, RouteSource, TunnelChanged
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.static import FEATURE as STATIC
from dmvpn.features.tunnel import FEATURE as TUNNEL
from support.texts import because, file_text
from support.whole_router import WholeRouter
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect

GI = "GigabitEthernet0/1"
UNDERLAY = f"interface {GI}\n ip address 172.16.11.1 255.255.255.252\n"
DEFAULT = "ip route 0.0.0.0 0.0.0.0 172.16.11.2\n"
#: Seed scenario S1: point-to-point GRE.
P2P = """interface Tunnel100
 bandwidth 4000
 ip address 192.168.100.11 255.255.255.0
 ip mtu 1400
 tunnel source GigabitEthernet0/1
 tunnel destination 172.16.31.1
"""
#: Seed scenario S2: the hub.
MULTIPOINT = """interface Tunnel100
 ip address 192.168.100.11 255.255.255.0
 ip mtu 1400
 ip tcp adjust-mss 1360
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 tunnel key 100
"""


def make(text: str, *, link: bool = True) -> tuple[Workbench, list[Effect]]:
    bench = Workbench(INTERFACE, TUNNEL, RIB, STATIC)
    effects = bench.configure(text)
    return bench, effects + (bench.handle(LinkChanged(GI, up=True)) if link else [])


def why(bench: Workbench, name: str = "Tunnel100") -> str:
    """The reason why the line protocol is down, "" if it is up."""
    state = bench.ports.interfaces.get(name)
    assert state is not None
    assert state.line == (state.reason is None)
    return state.reason.what if state.reason else ""


def test_a_multipoint_tunnel_needs_its_source_only() -> None:
    bench, effects = make(UNDERLAY + MULTIPOINT)
    spec = TunnelSpec(
        name="Tunnel100", source=IPv4Address("172.16.11.1"), destination=None, key=100, mtu=1400, mss=1360
    )
    assert [effect for effect in effects if isinstance(effect, SetTunnel | SetCarrier)] == [
        SetTunnel(spec),
        SetCarrier("Tunnel100", up=True),
    ]
    assert why(bench) == ""
    assert "%LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel100, changed state to up" in bench.logs


def test_a_point_to_point_tunnel_needs_a_route_to_its_destination() -> None:
    bench, _ = make(UNDERLAY + P2P)
    assert why(bench) == "no route to destination"
    assert SetCarrier("Tunnel100", up=True) in bench.configure(DEFAULT)
    assert why(bench) == ""
    assert SetCarrier("Tunnel100", up=False) in bench.configure(f"no {DEFAULT}")
    assert why(bench) == "no route to destination"


def test_a_point_to_point_tunnel_finds_its_destination_by_the_hosts_own_route() -> None:
    """A machine with a default route of its DHCP client, and no `ip route` line: the tunnel stayed down."""
    bench, _ = make(UNDERLAY + P2P)
    default = Prefix.parse("0.0.0.0/0")
    effects = bench.handle(HostRouteChanged(default, (NextHop(GI, IPv4Address("172.16.11.2")),), metric=100))
    assert SetCarrier("Tunnel100", up=True) in effects
    assert not [effect for effect in effects if isinstance(effect, SetRoute)], "the host has it already"
    assert why(bench) == ""
    assert SetCarrier("Tunnel100", up=False) in bench.handle(HostRouteChanged(default, ()))
    assert why(bench) == "no route to destination"


@pytest.mark.parametrize(
    ("text", "link", "reason"),
    [
        ("interface Tunnel100\n tunnel destination 172.16.31.1\n", True, "no tunnel source"),
        (P2P.replace("GigabitEthernet0/1", "GigabitEthernet0/9"), True, "no output interface"),
        (P2P.replace("GigabitEthernet0/1", "192.0.2.77"), True, "no output interface"),
        (P2P, False, "tunnel source interface down"),
        ("interface Tunnel100\n tunnel source Tunnel100\n", True, "tunnel source interface down"),
        (P2P.replace(" tunnel destination 172.16.31.1\n", ""), True, "no IPv4 tunnel destination address"),
        (f"{P2P} shutdown\n", True, "administratively down"),
        (
            f"{P2P} tunnel protection ipsec profile X\n",
            True,
            "nothing protects the tunnel",
        ),
        (f"{P2P} tunnel vrf FVRF\n", True, "the tunnel VRF does not exist"),
    ],
)
def test_a_tunnel_that_is_down_says_why(text: str, link: bool, reason: str) -> None:
    bench, effects = make(UNDERLAY + DEFAULT + text, link=link)
    assert why(bench) == reason
    assert SetCarrier("Tunnel100", up=True) not in effects


def test_a_source_interface_without_an_address_is_named() -> None:
    bench, _ = make(P2P + DEFAULT)
    assert why(bench) == "tunnel source interface has no IPv4 address"


PROTECTED = MULTIPOINT + " tunnel protection ipsec profile X shared\n"


def test_a_tunnel_that_asks_for_protection_is_protected_from_the_first_and_carries_nothing_undecided() -> None:
    bench, effects = make(UNDERLAY + PROTECTED)
    assert [order.spec.protected for order in of_type(effects, SetTunnel)] == [True]
    assert SetCarrier("Tunnel100", up=True) not in effects
    assert SetCarrier("Tunnel100", up=True) in bench.handle(ProtectionDecided("Tunnel100", None, 34, 4))
    assert why(bench) == ""
    assert SetCarrier("Tunnel100", up=False) in bench.handle(ProtectionDecided("Tunnel100", because("no profile")))
    assert why(bench) == "no profile"


def test_what_fits_into_a_protected_tunnel_follows_from_the_blocks_of_the_cipher() -> None:
    """AES-CBC with SHA-256 on protocol 50: 1438 octets of GRE fill 1440 with the trailer, as IOS's plaintext MTU."""
    bench, _ = make(UNDERLAY + PROTECTED.replace(" ip mtu 1400\n", "").replace(" tunnel key 100\n", ""))
    bench.handle(ProtectionDecided("Tunnel100", None, 8 + 16 + 2 + 16, 16))
    state = bench.ports.tunnels.get("Tunnel100")
    assert state is not None
    assert (state.ip_mtu, state.ip_mtu + state.sealing) == (1438 - 4, 1476)
    bench.configure(f"interface {GI}\n mtu 1492\n")
    state = bench.ports.tunnels.get("Tunnel100")
    assert state is not None
    assert state.ip_mtu == 1422 - 4


def test_a_decision_does_not_outlive_the_protection_that_it_was_about() -> None:
    bench, _ = make(UNDERLAY + PROTECTED)
    bench.handle(ProtectionDecided("Tunnel100", None, 34, 4))
    bench.configure("interface Tunnel100\n no tunnel protection ipsec profile X\n")
    assert why(bench) == ""
    effects = bench.configure("interface Tunnel100\n tunnel protection ipsec profile Y\n")
    assert [order.spec.protected for order in of_type(effects, SetTunnel)] == [True]
    assert why(bench) == "nothing protects the tunnel"


def test_the_far_end_is_wanted_while_a_protected_point_to_point_tunnel_can_reach_it() -> None:
    bench, _ = make(UNDERLAY + DEFAULT + P2P + " tunnel protection ipsec profile X\n")
    wishes = [notice for notice in bench.notices if isinstance(notice, ProtectionWanted)]
    assert wishes == []
    bench.handle(ProtectionDecided("Tunnel100", None, 34, 4))
    bench.configure(f"no {DEFAULT}")
    far_end = IPv4Address("172.16.31.1")
    assert [notice for notice in bench.notices if isinstance(notice, ProtectionWanted)] == [
        ProtectionWanted("Tunnel100", "tunnel", ((far_end, 0),)),
        ProtectionWanted("Tunnel100", "tunnel", ()),
    ]


def test_the_source_may_be_an_address_of_ours() -> None:
    bench, _ = make(UNDERLAY + MULTIPOINT.replace("source GigabitEthernet0/1", "source 172.16.11.1"))
    state = bench.ports.tunnels.get("Tunnel100")
    assert state is not None
    assert (state.source, state.source_interface) == (IPv4Address("172.16.11.1"), GI)


def test_the_tunnel_follows_the_address_of_its_source_interface() -> None:
    bench, _ = make(f"interface {GI}\n ip address dhcp\n{MULTIPOINT}")
    assert why(bench) == "tunnel source interface has no IPv4 address"
    effects = bench.handle(AddressAssigned(GI, IPv4Address("192.0.2.7"), 24))
    assert of_type(effects, SetTunnel)[0].spec.source == IPv4Address("192.0.2.7")
    effects = bench.handle(AddressAssigned(GI, IPv4Address("192.0.2.8"), 24))
    assert of_type(effects, SetTunnel)[0].spec.source == IPv4Address("192.0.2.8")
    assert why(bench) == ""
    assert RemoveTunnel("Tunnel100") in bench.handle(AddressAssigned(GI, None))


def test_what_fits_follows_from_the_egress_interface_and_the_key() -> None:
    bench, _ = make(UNDERLAY + MULTIPOINT + "interface Tunnel1\n tunnel source Gi0/1\n tunnel mode gre multipoint\n")
    assert [(state.ip_mtu, state.transport_mtu) for state in bench.ports.tunnels.all()] == [
        (1476, 17916),
        (1472, 17912),
    ]
    bench.configure(f"interface {GI}\n mtu 1492\n")
    assert [state.ip_mtu for state in bench.ports.tunnels.all()] == [1468, 1464]


# -------------------------------------------------------------------------------------------- two alike (error 21)


TWIN = MULTIPOINT.replace("Tunnel100", "Tunnel101").replace("192.168.100.", "192.168.101.")


def test_of_two_tunnels_that_gre_cannot_tell_apart_the_second_stays_down_with_the_reason() -> None:
    bench, effects = make(UNDERLAY + MULTIPOINT + TWIN)
    assert why(bench) == ""
    state = bench.ports.tunnels.get("Tunnel101")
    assert state is not None
    rival = "received packets cannot be distinguished from those of Tunnel100 (both have the same source 172.16.11.1"
    assert rival in str(state.reason)
    assert [effect.spec.name for effect in of_type(effects, SetTunnel)] == ["Tunnel100"]
    bench.configure("interface Tunnel101\n tunnel key 101\n")
    assert why(bench, "Tunnel101") == ""


def test_a_shut_tunnel_gives_way_to_one_that_is_alike() -> None:
    bench, _ = make(UNDERLAY + MULTIPOINT + TWIN)
    bench.configure("interface Tunnel100\n shutdown\n")
    assert (why(bench), why(bench, "Tunnel101")) == ("administratively down", "")


def test_point_to_point_tunnels_with_different_far_ends_may_share_source_and_key() -> None:
    other = P2P.replace("Tunnel100", "Tunnel101").replace("172.16.31.1", "172.16.41.1").replace(".100.", ".101.")
    bench, _ = make(UNDERLAY + DEFAULT + P2P + other)
    assert (why(bench), why(bench, "Tunnel101")) == ("", "")


# ---------------------------------------------------------------------------------------------------- keepalives


def keepalive_times(bench: Workbench, seconds: int) -> list[float]:
    times = []
    for _ in range(seconds * 2):
        times += [bench.now for effect in bench.advance(0.5) if isinstance(effect, SendKeepalive)]
    return times


def test_three_unanswered_keepalives_of_five_seconds_take_the_line_down() -> None:
    bench, _ = make(UNDERLAY + DEFAULT + P2P + " keepalive 5 3\n")
    assert keepalive_times(bench, 14) == [0.5, 5.0, 10.0]
    assert why(bench) == ""
    assert SetCarrier("Tunnel100", up=False) in bench.advance(1.0)
    assert why(bench) == "keepalive timer expired"


def test_keepalives_go_on_while_the_line_is_down_and_the_first_answer_puts_it_up() -> None:
    bench, _ = make(UNDERLAY + DEFAULT + P2P + " keepalive 5 3\n")
    bench.advance(31)
    assert keepalive_times(bench, 10) == [35.0, 40.0]
    assert SetCarrier("Tunnel100", up=True) in bench.handle(KeepaliveReceived("Tunnel100"))
    assert why(bench) == ""


def test_answered_keepalives_keep_the_line_up() -> None:
    bench, _ = make(UNDERLAY + DEFAULT + P2P + " keepalive 5 3\n")
    for _ in range(20):
        bench.advance(5)
        bench.handle(KeepaliveReceived("Tunnel100"))
    assert why(bench) == ""


def test_a_multipoint_tunnel_sends_no_keepalives() -> None:
    bench, _ = make(UNDERLAY + MULTIPOINT + " keepalive 5 3\n")
    assert keepalive_times(bench, 20) == []
    assert why(bench) == ""


def test_no_keepalive_ends_them_and_a_line_that_was_down_for_them_comes_up() -> None:
    bench, _ = make(UNDERLAY + DEFAULT + P2P + " keepalive 5 3\n")
    bench.advance(20)
    bench.configure("interface Tunnel100\n no keepalive\n")
    assert why(bench) == ""
    assert keepalive_times(bench, 20) == []


def test_debug_tunnel_keepalive_prints_both_directions() -> None:
    bench, _ = make(UNDERLAY + DEFAULT + P2P + " keepalive\n")
    bench.debugging.flags.add("tunnel keepalive")
    bench.advance(0)
    bench.handle(KeepaliveReceived("Tunnel100"))
    assert bench.debug_lines == [
        "Tunnel100: sending keepalive, 172.16.31.1->172.16.11.1 (len=24 ttl=255), counter=1",
        "Tunnel100: keepalive received, 172.16.31.1->172.16.11.1 (len=24 ttl=255), resetting counter",
    ]


# --------------------------------------------------------------------------------------------- recursive routing

OVERLAY_ROUTE = Route(
    prefix=Prefix.parse("172.16.31.0/30"),
    source=RouteSource.EIGRP,
    distance=90,
    metric=27392000,
    next_hops=(NextHop("Tunnel100", IPv4Address("192.168.100.31")),),
    process="100",
)


def test_a_destination_behind_the_tunnel_itself_takes_the_tunnel_down_for_a_minute() -> None:
    """S1: EIGRP is enabled on the transport prefix; the tunnel flaps as long as that is so."""
    bench, _ = make(UNDERLAY + DEFAULT + P2P)
    bench.logs.clear()
    assert SetCarrier("Tunnel100", up=False) in bench.handle(RouteOffered(OVERLAY_ROUTE))
    assert bench.logs == [
        "%TUN-5-RECURDOWN: Tunnel100 temporarily disabled due to recursive routing",
        "%LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel100, changed state to down",
    ]
    assert why(bench) == "recursive routing"
    bench.handle(RouteRetracted(RouteSource.EIGRP, "100", OVERLAY_ROUTE.prefix))
    bench.advance(59)
    assert why(bench) == "recursive routing"
    bench.advance(1)
    assert why(bench) == ""
    bench.handle(RouteOffered(OVERLAY_ROUTE))
    assert why(bench) == "recursive routing"


def test_a_tunnel_inside_another_one_is_followed_too() -> None:
    inner = """interface Tunnel200
 ip address 192.168.200.11 255.255.255.0
 tunnel source Gi0/1
 tunnel destination 192.168.100.31
"""
    bench, _ = make(UNDERLAY + DEFAULT + P2P + inner)
    assert (why(bench), why(bench, "Tunnel200")) == ("", "")
    hop = NextHop("Tunnel200", IPv4Address("192.168.200.31"))
    route = Route(
        prefix=Prefix.parse("172.16.31.0/30"), source=RouteSource.RIP, distance=120, metric=1, next_hops=(hop,)
    )
    bench.handle(RouteOffered(route))
    assert why(bench) == "recursive routing"


# ------------------------------------------------------------------------------------------- NHRP, the shell, others


def test_nhrp_may_hold_the_line_down_while_the_tunnel_itself_can_send() -> None:
    bench, _ = make(UNDERLAY + MULTIPOINT)
    effects = bench.handle(HoldTunnel("Tunnel100", because("no next hop server answers")))
    assert effects[0] == SetCarrier("Tunnel100", up=False)
    assert why(bench) == "no next hop server answers"
    state = bench.ports.tunnels.get("Tunnel100")
    assert state is not None
    assert state.up
    bench.handle(HoldTunnel("Tunnel100", None))
    assert why(bench) == ""


def test_a_tunnel_that_the_host_refuses_is_tried_again() -> None:
    bench, effects = make(UNDERLAY + MULTIPOINT)
    (order,) = of_type(effects, SetTunnel)
    bench.handle(EffectFailed(order, 1, "Operation not permitted"))
    assert why(bench) == "the host refused the tunnel"
    effects = bench.advance(1.0)
    assert order in effects
    assert why(bench) == ""


def test_resync_says_every_tunnel_again_with_its_addresses_behind_it() -> None:
    bench, effects = make(UNDERLAY + MULTIPOINT)
    (order,) = of_type(effects, SetTunnel)
    again = [effect for effect in bench.handle(Resync()) if "Tunnel100" in repr(effect)]
    addresses = ((IPv4Address("192.168.100.11"), 24),)
    assert again == [order, SetCarrier("Tunnel100", up=True), SetInterface("Tunnel100", up=True, addresses=addresses)]


def test_a_tunnel_that_is_removed_is_taken_away() -> None:
    bench, _ = make(UNDERLAY + MULTIPOINT)
    bench.notices.clear()
    assert RemoveTunnel("Tunnel100") in bench.configure("no interface Tunnel100\n")
    assert bench.ports.tunnels.get("Tunnel100") is None
    assert bench.ports.tunnels.all() == ()
    assert [notice.new for notice in bench.notices if isinstance(notice, TunnelChanged)] == [None]


def test_defaults_are_not_shown_and_mgre_spelled_wrongly_is_refused_at_the_first_wrong_letter() -> None:
    bench, _ = make(P2P + " tunnel mode gre ip\n tunnel ttl 255\n keepalive 5\n")
    lines = bench.running_lines()
    assert " keepalive 5 3" in lines
    assert not [line for line in lines if "mode" in line or "ttl" in line]
    assert bench.problems("interface Tunnel100\n tunnel mode gre multiprotocol\n") == [
        " " * len(" tunnel mode gre multip") + "^",
        "% Invalid input detected at '^' marker.",
        "",
    ]


SHOW = [
    "Tunnel100 is up, line protocol is up ",
    "  Hardware is Tunnel",
    "  Internet address is 192.168.100.11/24",
    "  MTU 9976 bytes, BW 4000 Kbit/sec, DLY 50000 usec, ",
    "     reliability 255/255, txload 1/255, rxload 1/255",
    "  Encapsulation TUNNEL, loopback not set",
    "  Keepalive set (5 sec), retries 3",
    "  Tunnel linestate evaluation up",
    "  Tunnel source 172.16.11.1 (GigabitEthernet0/1), destination 172.16.31.1",
    "   Tunnel Subblocks:",
    "      src-track:",
    "         Tunnel100 source tracking subblock associated with GigabitEthernet0/1",
    "          Set of tunnels with source GigabitEthernet0/1, 1 member (includes iterators), on interface <OK>",
    "  Tunnel protocol/transport GRE/IP",
    "    Key disabled, sequencing disabled",
    "    Checksumming of packets disabled",
    "  Tunnel TTL 255, Fast tunneling enabled",
    "  Tunnel transport MTU 1476 bytes",
    "  Tunnel transmit bandwidth 8000 (kbps)",
    "  Tunnel receive bandwidth 8000 (kbps)",
]


def test_show_interface_of_s1_has_every_line_of_the_seed() -> None:
    bench, _ = make(UNDERLAY + DEFAULT + P2P + " keepalive 5 3\n")
    assert bench.show("show interface tunnel 100")[: len(SHOW)] == SHOW


def test_show_interface_of_a_multipoint_tunnel_shows_key_and_protection() -> None:
    bench, _ = make(UNDERLAY + MULTIPOINT + " tunnel protection ipsec profile P\n")
    lines = bench.show("show interface tu100")
    for line in (
        "Tunnel100 is up, line protocol is down ",
        "  MTU 9972 bytes, BW 100 Kbit/sec, DLY 50000 usec, ",
        "  Keepalive not set",
        "  Tunnel linestate evaluation down - nothing protects the tunnel",
        "  Tunnel source 172.16.11.1 (GigabitEthernet0/1)",
        "  Tunnel protocol/transport multi-GRE/IP",
        "    Key 0x64, sequencing disabled",
        "  Tunnel transport MTU 1472 bytes",
        '  Tunnel protection via IPSec (profile "P")',
    ):
        assert line in lines


# GRE tunnels and VRFs: the front door, which the outer packets take, and the VRF of the packets inside.

FRONT_DOOR = f"""vrf definition WAN
 address-family ipv4
interface {GI}
 vrf forwarding WAN
 ip address 172.16.11.1 255.255.255.252
"""
DEFAULT_IN_WAN = "ip route vrf WAN 0.0.0.0 0.0.0.0 172.16.11.2\n"
P2P_IN_FRONT = f"""interface Tunnel100
 ip address 192.168.100.11 255.255.255.0
 tunnel source {GI}
 tunnel destination 172.16.31.1
 tunnel vrf WAN
"""
MULTIPOINT_IN_FRONT = f"""interface Tunnel100
 ip address 192.168.100.11 255.255.255.0
 tunnel source {GI}
 tunnel mode gre multipoint
 tunnel key 100
 tunnel vrf WAN
"""

SOURCE_ELSEWHERE = "the tunnel source is in another VRF than the outer packets"


def test_a_tunnel_of_a_front_door_starts_in_that_vrf() -> None:
    bench = WholeRouter(FRONT_DOOR + MULTIPOINT_IN_FRONT)
    [order] = [effect for effect in bench.effects if isinstance(effect, SetTunnel)]
    assert (order.spec.source, order.spec.front, order.spec.vrf) == (IPv4Address("172.16.11.1"), "WAN", "")
    assert SetCarrier("Tunnel100", up=True) in bench.effects
    assert bench.why() == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            FRONT_DOOR + MULTIPOINT_IN_FRONT.replace("tunnel vrf WAN", "tunnel vrf NO"),
            "the tunnel VRF does not exist (`tunnel vrf NO` needs a `vrf definition` with an `address-family ipv4`)",
        ),
        (
            FRONT_DOOR + MULTIPOINT_IN_FRONT.replace(" tunnel vrf WAN\n", ""),
            f"{SOURCE_ELSEWHERE} ({GI} is in the VRF WAN, not in the global table)",
        ),
        (
            (FRONT_DOOR + MULTIPOINT_IN_FRONT).replace(" vrf forwarding WAN\n", ""),
            f"{SOURCE_ELSEWHERE} ({GI} is in the global table, not in the VRF WAN)",
        ),
        (
            FRONT_DOOR + MULTIPOINT_IN_FRONT.replace(f"source {GI}", "source 192.0.2.1"),
            "no output interface (no interface in the VRF WAN has the address 192.0.2.1)",
        ),
        (
            FRONT_DOOR + P2P_IN_FRONT + "ip route 0.0.0.0 0.0.0.0 Null0\n",
            "no route to destination in the tunnel VRF (172.16.31.1, VRF WAN)",
        ),
    ],
)
def test_a_tunnel_without_a_usable_front_door_is_down_and_says_why(text: str, reason: str) -> None:
    bench = WholeRouter(text)
    assert bench.why() == reason
    assert SetCarrier("Tunnel100", up=True) not in bench.effects


def test_an_address_is_a_source_in_the_vrf_of_the_outer_packets_only() -> None:
    """The same address is that of another interface of the global table."""
    twin = "interface Loopback1\n ip address 172.16.11.1 255.255.255.255\n"
    bench = WholeRouter(FRONT_DOOR + twin + MULTIPOINT_IN_FRONT.replace(f"source {GI}", "source 172.16.11.1"))
    state = bench.router.ports.tunnels.get("Tunnel100")
    assert state is not None
    assert (state.source_interface, state.front) == (GI, "WAN")


def test_routes_of_the_front_door_bring_a_point_to_point_tunnel_up_and_down() -> None:
    bench = WholeRouter(FRONT_DOOR + P2P_IN_FRONT)
    assert SetCarrier("Tunnel100", up=True) in bench.enter(DEFAULT_IN_WAN.strip())
    assert SetCarrier("Tunnel100", up=False) in bench.enter(f"no {DEFAULT_IN_WAN.strip()}")
    assert bench.enter("ip route 172.16.31.1 255.255.255.255 Null0")
    assert bench.why() == "no route to destination in the tunnel VRF (172.16.31.1, VRF WAN)"


def test_a_default_route_through_the_tunnel_is_no_recursion_where_the_front_door_has_its_own() -> None:
    overlay = "ip route 0.0.0.0 0.0.0.0 192.168.100.1\n"
    bench = WholeRouter(FRONT_DOOR + P2P_IN_FRONT + DEFAULT_IN_WAN + overlay)
    bench.wait(120)
    assert bench.why() == ""
    assert not [line for line in bench.logs if "RECURDOWN" in line]


def test_a_tunnel_whose_front_door_is_the_vrf_inside_may_recurse() -> None:
    inside = P2P_IN_FRONT.replace("interface Tunnel100\n", "interface Tunnel100\n vrf forwarding WAN\n")
    bench = WholeRouter(
        FRONT_DOOR + inside + "ip route vrf WAN 172.16.31.1 255.255.255.255 192.168.100.1\n" + DEFAULT_IN_WAN
    )
    assert "%TUN-5-RECURDOWN: Tunnel100 temporarily disabled due to recursive routing" in bench.logs


def test_a_tunnel_that_moves_to_another_vrf_is_made_again() -> None:
    bench = WholeRouter(FRONT_DOOR + "vrf definition RED\n address-family ipv4\n" + MULTIPOINT_IN_FRONT)
    effects = bench.enter("interface Tunnel100", " vrf forwarding RED", " ip address 192.168.100.11 255.255.255.0")
    orders = [effect for effect in effects if isinstance(effect, RemoveTunnel | SetTunnel)]
    assert [type(order) for order in orders] == [RemoveTunnel, SetTunnel]
    assert isinstance(orders[1], SetTunnel)
    assert (orders[1].spec.vrf, orders[1].spec.front) == ("RED", "WAN")
    assert bench.why() == ""


def test_tunnels_of_two_vrfs_over_one_source_are_told_apart_by_their_keys() -> None:
    tunnels = "".join(
        f"vrf definition {vrf}\n address-family ipv4\ninterface Tunnel{key}\n vrf forwarding {vrf}\n"
        f" ip address 192.168.100.11 255.255.255.0\n tunnel source {GI}\n tunnel mode gre multipoint\n"
        f" tunnel key {key}\n tunnel vrf WAN\n"
        for vrf, key in (("RED", 1), ("BLUE", 2))
    )
    bench = WholeRouter(FRONT_DOOR + tunnels)
    assert (bench.why("Tunnel1"), bench.why("Tunnel2")) == ("", "")


def test_equal_addresses_and_keys_in_two_front_doors_are_no_rivals() -> None:
    other = file_text("tunnel_machine_other.cfg")
    bench = WholeRouter(FRONT_DOOR + MULTIPOINT_IN_FRONT + other)
    assert (bench.why("Tunnel100"), bench.why("Tunnel200")) == ("", "")
