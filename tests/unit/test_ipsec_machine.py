"""IPsec as tunnels, NHRP, IKE and the data plane meet it: decisions, wanted pairs, SAs, connections."""

from __future__ import annotations

import gc
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeVar

import pytest

from dmvpn.base.addresses import OuterAddress
from dmvpn.base.effects import DfBit, InstallSa, PollSas, RemoveSa, ServeIpsec, SetCarrier, SetTunnel, UseSa
from dmvpn.base.events import ClearReceived, EffectFailed, LinkChanged, Resync, SasCounted, SaWorn, UnknownSpi
from dmvpn.base.negotiation import (
    ConnectionChanged,
    ConnectionSilent,
    ConnectionUnwanted,
    NegotiationChanged,
    NegotiationWanted,
    PoliciesChanged,
    ProtectionChanged,
    ProtectionDecided,
    ProtectionWanted,
    SaClosed,
    SaRenewalWanted,
)
from dmvpn.base.notices import Notice
from dmvpn.base.protection import EspSa, ProtectionPhase
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.ipsec import FEATURE as IPSEC
from dmvpn.features.ipsec.machine import ClearCrypto, IpsecMachine
from dmvpn.features.ipsec.sockets import LARGEST_UNWANTED
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.static import FEATURE as STATIC
from dmvpn.features.tunnel import FEATURE as TUNNEL
from support.protection import came, connection, counted, negotiated
from support.texts import because
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect

N = TypeVar("N", bound=Notice)

GI = "GigabitEthernet0/1"
HERE, PEER, OTHER = IPv4Address("192.0.2.1"), IPv4Address("198.51.100.1"), IPv4Address("198.51.100.2")
PROFILES = """crypto ipsec transform-set T esp-gcm 256
 mode transport
crypto ipsec profile P
 set transform-set T
crypto ipsec profile Q
 set transform-set T
"""
UNDERLAY = f"interface {GI}\n ip address 192.0.2.1 255.255.255.0\nip route 0.0.0.0 0.0.0.0 192.0.2.254\n"
HUB = """interface Tunnel0
 ip address 10.0.0.1 255.255.255.0
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 tunnel key 1
 tunnel protection ipsec profile P
"""
TWIN = HUB.replace("Tunnel0", "Tunnel1").replace("10.0.0.1", "10.0.1.1").replace("key 1", "key 2")


class Bench(Workbench):
    """A router with an interface, tunnels and IPsec; the test plays IKE, NHRP and the data plane."""

    def __init__(self, text: str = PROFILES + UNDERLAY + HUB) -> None:
        super().__init__(INTERFACE, TUNNEL, IPSEC, RIB, STATIC)
        self.ipsec = self.machine(IpsecMachine)
        self.first = self.configure(text) + self.handle(LinkChanged(GI, up=True))

    def said(self, kind: type[N]) -> list[N]:
        """The notices of this type since the last question."""
        found = [notice for notice in self.notices if isinstance(notice, kind)]
        self.notices = [notice for notice in self.notices if not isinstance(notice, kind)]
        return found

    def want(
        self, nbma: IPv4Address = PEER, *, tunnel: str = "Tunnel0", wanted: bool = True, by: str = "nhrp4"
    ) -> None:
        self.handle(ProtectionWanted(tunnel, by, ((nbma, 0),) if wanted else (), at=nbma))

    def secure(self, number: int = 1, spi: int = 0x1000, remote: IPv4Address = PEER) -> list[Effect]:
        """A connection with its first pair of SAs."""
        peer = connection(number, HERE, remote, since=self.now)
        return self.handle(came(peer), negotiated(peer, spi, since=self.now))

    def phase(self, nbma: IPv4Address = PEER, tunnel: str = "Tunnel0") -> ProtectionPhase:
        return self.ipsec.between(tunnel, nbma).phase

    def why(self, name: str = "Tunnel0") -> str:
        state = self.ports.tunnels.get(name)
        assert state is not None
        assert state.up == (state.reason is None)
        return str(state.reason) if state.reason else ""


# ------------------------------------------------------------------------------------------------ tunnels


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_protected_tunnel_comes_up_when_ipsec_can_protect_it_and_never_was_anything_else(bench: Bench) -> None:
    assert bench.why() == ""
    specs = [order.spec for order in of_type(bench.first, SetTunnel)]
    assert specs
    assert all(spec.protected for spec in specs)
    assert SetCarrier("Tunnel0", up=True) in bench.first
    assert bench.first.index(ServeIpsec((HERE,))) < bench.first.index(SetCarrier("Tunnel0", up=True))
    (policies,) = bench.said(PoliciesChanged)
    assert [(policy.name, policy.local) for policy in policies.policies] == [("P", HERE)]


def test_the_default_ip_mtu_leaves_room_for_esp(bench: Bench) -> None:
    """AES-GCM in UDP: 1500 - 20 (IP) - 8 (UDP) - 16 (ESP, IV) - 18 (trailer, ICV) - 8 (GRE with a key) = 1430."""
    state = bench.ports.tunnels.get("Tunnel0")
    assert state is not None
    assert state.ip_mtu == 1430
    assert (1430 + 8 + 2) % 4 == 0
    assert "  Tunnel transport MTU 1472 bytes" in bench.show("show interface tunnel 0")


def test_after_encryption_packets_are_cut_by_whoever_carries_them() -> None:
    bench = Bench("crypto ipsec fragmentation after-encryption\n" + PROFILES + UNDERLAY + HUB)
    state = bench.ports.tunnels.get("Tunnel0")
    assert state is not None
    assert state.ip_mtu == 1472


@pytest.mark.parametrize(
    ("esp", "gre", "df"),
    [
        ("", "", DfBit.CLEAR),
        ("", " tunnel path-mtu-discovery\n", DfBit.COPY),
        ("crypto ipsec df-bit clear\n", " tunnel path-mtu-discovery\n", DfBit.CLEAR),
        ("crypto ipsec df-bit set\n", "", DfBit.SET),
    ],
)
def test_the_outer_df_bit_is_what_esp_says_else_what_gre_says(esp: str, gre: str, df: DfBit) -> None:
    bench = Bench(esp + PROFILES + UNDERLAY + HUB + gre)
    assert [order.spec.df for order in of_type(bench.first, SetTunnel)][-1] is df
    assert DfBit.SET not in [order.spec.df for order in of_type(Bench(UNDERLAY + HUB + gre).first, SetTunnel)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HUB, "the IPsec profile does not exist (crypto ipsec profile P is not configured)"),
        (
            "crypto ipsec transform-set W esp-3des esp-md5-hmac\ncrypto ipsec profile P\n set transform-set W\n" + HUB,
            "the IPsec profile has no usable transform set (transform set W: esp-3des is not supported)",
        ),
    ],
)
def test_a_tunnel_that_cannot_be_protected_stays_down_and_says_why(text: str, reason: str) -> None:
    bench = Bench(UNDERLAY + text)
    assert bench.why() == reason
    assert SetCarrier("Tunnel0", up=True) not in bench.first
    assert bench.logs.count(f"%CRYPTO-4-CANNOT_PROTECT: Tunnel0 stays down: {reason}") == 1
    bench.want()
    assert bench.said(NegotiationWanted) == []
    assert str(bench.ipsec.between("Tunnel0", PEER).reason) == reason


def test_a_tunnel_comes_up_as_soon_as_its_profile_is_configured() -> None:
    bench = Bench(UNDERLAY + HUB)
    bench.want()
    assert SetCarrier("Tunnel0", up=True) in bench.configure(PROFILES)
    assert bench.why() == ""
    assert bench.said(NegotiationWanted) == [NegotiationWanted("P", HERE, PEER, wanted=True)]


def test_two_tunnels_with_one_source_share_profile_and_pairs() -> None:
    bench = Bench(PROFILES + UNDERLAY + HUB + TWIN)
    assert (bench.why(), bench.why("Tunnel1")) == ("", "")
    (last,) = bench.said(PoliciesChanged)[-1:]
    assert len(last.policies) == 1
    bench.want(tunnel="Tunnel0")
    bench.want(tunnel="Tunnel1")
    assert bench.said(NegotiationWanted) == [NegotiationWanted("P", HERE, PEER, wanted=True)]
    bench.secure()
    secured = [
        notice.tunnel for notice in bench.said(ProtectionChanged) if notice.state.phase is ProtectionPhase.SECURED
    ]
    assert secured == ["Tunnel0", "Tunnel1"]
    bench.want(tunnel="Tunnel0", wanted=False)
    assert bench.said(NegotiationWanted) == []
    bench.want(tunnel="Tunnel1", wanted=False)
    assert bench.said(NegotiationWanted) == [NegotiationWanted("P", HERE, PEER, wanted=False)]


def test_of_two_tunnels_with_one_source_and_different_profiles_the_second_stays_down_and_says_what_to_do() -> None:
    bench = Bench(PROFILES + UNDERLAY + HUB + TWIN.replace("profile P", "profile Q"))
    assert bench.why() == ""
    assert bench.why("Tunnel1") == (
        "Tunnel0 protects the same source with another IPsec profile (192.0.2.1: P there, Q here; "
        "give both tunnels one profile (`shared`), or another tunnel source)"
    )
    bench.configure("interface Tunnel1\n tunnel protection ipsec profile P shared\n")
    assert bench.why("Tunnel1") == ""


def test_point_to_point_tunnels_with_one_source_may_have_profiles_of_their_own() -> None:
    """As on IOS: the destination tells them apart."""
    other = P2P.replace("Tunnel0", "Tunnel2").replace("10.0.0.1", "10.0.2.1").replace("198.51.100.1", "198.51.100.2")
    bench = Bench(PROFILES + UNDERLAY + P2P + other.replace("profile P", "profile Q"))
    assert (bench.why(), bench.why("Tunnel2")) == ("", "")
    (policies,) = [notice.policies for notice in bench.said(PoliciesChanged)][-1:]
    assert [(policy.name, policy.remotes) for policy in policies] == [("P", (PEER,)), ("Q", (OTHER,))]
    assert bench.said(NegotiationWanted) == [
        NegotiationWanted("P", HERE, PEER, wanted=True),
        NegotiationWanted("Q", HERE, OTHER, wanted=True),
    ]


@pytest.mark.parametrize("pair_first", [True, False])
def test_a_point_to_point_tunnel_has_its_far_end_for_its_profile_and_a_multipoint_one_all_others(
    *, pair_first: bool
) -> None:
    """Public labs have a pair of sites with keys of their own beside the cloud; the second tunnel stayed down."""
    pair, cloud = P2P, TWIN.replace("profile P", "profile Q")
    bench = Bench(PROFILES + UNDERLAY + (pair + cloud if pair_first else cloud + pair))
    assert (bench.why(), bench.why("Tunnel1")) == ("", "")
    (policies,) = [notice.policies for notice in bench.said(PoliciesChanged)][-1:]
    assert {policy.name: policy.remotes for policy in policies} == {"P": (PEER,), "Q": ()}
    specs = {order.spec.name: order.spec.barred for order in of_type(bench.first, SetTunnel)}
    assert specs == {"Tunnel0": (), "Tunnel1": (PEER,)}
    bench.said(NegotiationWanted)
    bench.want(OTHER, tunnel="Tunnel1")
    assert bench.said(NegotiationWanted) == [NegotiationWanted("Q", HERE, OTHER, wanted=True)]


def test_a_multipoint_tunnel_neither_asks_for_nor_uses_the_sas_of_a_tunnel_with_another_profile() -> None:
    bench = Bench(PROFILES + UNDERLAY + P2P + TWIN.replace("profile P", "profile Q"))
    bench.said(NegotiationWanted)
    bench.want(PEER, tunnel="Tunnel1")
    assert bench.said(NegotiationWanted) == []
    bench.secure()
    assert bench.phase(PEER) is ProtectionPhase.SECURED
    assert bench.phase(PEER, "Tunnel1") is ProtectionPhase.INTF
    assert str(bench.ipsec.between("Tunnel1", PEER).reason) == (
        "Tunnel0 has this peer, with another IPsec profile (192.0.2.1 to 198.51.100.1)"
    )


def test_when_the_other_tunnel_goes_its_peer_is_one_like_all_others() -> None:
    bench = Bench(PROFILES + UNDERLAY + P2P + TWIN.replace("profile P", "profile Q"))
    bench.want(PEER, tunnel="Tunnel1")
    bench.said(NegotiationWanted)
    effects = bench.configure("interface Tunnel0\n shutdown\n")
    assert [order.spec.barred for order in of_type(effects, SetTunnel) if order.spec.name == "Tunnel1"] == [()]
    assert bench.said(NegotiationWanted) == [
        NegotiationWanted("P", HERE, PEER, wanted=False),
        NegotiationWanted("Q", HERE, PEER, wanted=True),
    ]
    assert bench.phase(PEER, "Tunnel1") is not ProtectionPhase.INTF


def test_a_peer_that_moves_to_where_another_profile_holds_is_let_go_at_once() -> None:
    other = P2P.replace("Tunnel0", "Tunnel2").replace("10.0.0.1", "10.0.2.1").replace("198.51.100.1", "198.51.100.2")
    bench = Bench(PROFILES + UNDERLAY + P2P + other.replace("profile P", "profile Q"))
    bench.secure()
    here, there = connection(1, HERE, PEER), connection(1, HERE, OTHER)
    assert RemoveSa(0x1000) in bench.handle(ConnectionChanged(here, there))
    assert [notice.connection for notice in bench.said(ConnectionUnwanted)] == [1]
    assert bench.phase(OTHER, "Tunnel2") is not ProtectionPhase.SECURED


def test_of_two_profiles_for_one_destination_the_second_waits() -> None:
    other = P2P.replace("Tunnel0", "Tunnel2").replace("10.0.0.1", "10.0.2.1").replace("profile P", "profile Q")
    bench = Bench(PROFILES + UNDERLAY + P2P + other + " tunnel key 2\n")
    assert bench.why() == ""
    assert "Tunnel0 protects the same source with another IPsec profile" in bench.why("Tunnel2")


def test_a_shut_tunnel_is_not_protected_and_its_peers_are_let_go(bench: Bench) -> None:
    bench.want()
    bench.secure()
    bench.notices.clear()
    effects = bench.configure("interface Tunnel0\n shutdown\n")
    assert bench.said(NegotiationWanted) == [NegotiationWanted("P", HERE, PEER, wanted=False)]
    assert [notice.connection for notice in bench.said(ConnectionUnwanted)] == [1]
    assert RemoveSa(0x1000) in effects
    assert of_type(effects, ServeIpsec) == []  # the peer has to hear of it
    assert ServeIpsec(()) in bench.advance(5)
    assert ServeIpsec((HERE,)) in bench.configure("interface Tunnel0\n no shutdown\n")
    assert bench.said(NegotiationWanted) == [NegotiationWanted("P", HERE, PEER, wanted=True)]


def test_another_source_address_may_have_the_ports_that_the_first_one_has_not(bench: Bench) -> None:
    bench.handle(EffectFailed(ServeIpsec((HERE,)), 98, "UDP port 500 is in use"))
    there = IPv4Address("192.0.2.9")
    bench.configure(f"interface {GI}\n ip address 192.0.2.9 255.255.255.0\n")
    bench.handle(EffectFailed(ServeIpsec((there, HERE)), 98, "UDP port 500 is in use"))
    assert bench.why() != ""
    bench.advance(10)
    assert bench.why() == ""


def test_a_source_that_changes_is_served_at_once_and_the_old_one_a_little_longer(bench: Bench) -> None:
    bench.secure()
    there = IPv4Address("192.0.2.9")
    effects = bench.configure(f"interface {GI}\n ip address 192.0.2.9 255.255.255.0\n")
    assert ServeIpsec((there, HERE)) in effects
    assert RemoveSa(0x1000) in effects
    assert ServeIpsec((there,)) in bench.advance(5)


def test_a_host_that_does_not_give_us_the_ports_keeps_the_tunnel_down_until_it_does(bench: Bench) -> None:
    order = ServeIpsec((HERE,))
    assert SetCarrier("Tunnel0", up=False) in bench.handle(EffectFailed(order, 98, "UDP port 500 is in use"))
    assert bench.why() == "the host does not let us take ESP and IKE (UDP port 500 is in use)"
    tries = []
    for _ in range(20):
        effects = bench.advance(0.5)
        assert SetCarrier("Tunnel0", up=True) not in effects
        if order in effects:
            tries.append(bench.now)
            bench.handle(EffectFailed(order, 98, "UDP port 500 is in use"))
    assert tries == [1.0, 3.0, 7.0]
    effects = bench.advance(10)
    assert SetCarrier("Tunnel0", up=True) in effects
    assert bench.why() == ""
    assert sum("CANNOT_PROTECT" in line for line in bench.logs) == 1


def test_a_host_that_refuses_one_address_keeps_the_tunnels_of_the_other_up() -> None:
    lan = "interface GigabitEthernet0/2\n ip address 203.0.113.1 255.255.255.0\n"
    bench = Bench(PROFILES + UNDERLAY + lan + HUB + TWIN.replace("source GigabitEthernet0/1", "source 203.0.113.1"))
    there = IPv4Address("203.0.113.1")
    assert bench.handle(LinkChanged("GigabitEthernet0/2", up=True)) != []
    assert (bench.why(), bench.why("Tunnel1")) == ("", "")
    refused = EffectFailed(ServeIpsec((there,)), 98, "UDP port 500 is in use")
    assert of_type(bench.handle(refused), SetCarrier) == [SetCarrier("Tunnel1", up=False)]
    assert (bench.why() == "", bench.why("Tunnel1") == "") == (True, False)
    again = bench.advance(1)
    assert of_type(again, ServeIpsec) == [ServeIpsec((HERE, there))]
    bench.handle(EffectFailed(ServeIpsec((HERE,)), 98, "UDP port 500 is in use"))
    assert (bench.why() == "", bench.why("Tunnel1") == "") == (False, True), "it names all where it failed"


def test_a_refused_address_that_is_shut_and_opened_again_is_still_refused(bench: Bench) -> None:
    bench.handle(EffectFailed(ServeIpsec((HERE,)), 98, "UDP port 500 is in use"))
    bench.configure("interface Tunnel0\n shutdown\n")
    assert SetCarrier("Tunnel0", up=True) not in bench.configure("interface Tunnel0\n no shutdown\n")
    assert bench.why() == "the host does not let us take ESP and IKE (UDP port 500 is in use)"
    bench.configure("interface Tunnel0\n shutdown\n")
    bench.advance(10)
    assert SetCarrier("Tunnel0", up=True) in bench.configure("interface Tunnel0\n no shutdown\n")


def test_protection_that_is_added_to_a_running_tunnel_leaves_no_moment_in_clear() -> None:
    bench = Bench(PROFILES + UNDERLAY + HUB.replace(" tunnel protection ipsec profile P\n", ""))
    effects = bench.configure("interface Tunnel0\n tunnel protection ipsec profile P\n")
    orders = [effect for effect in effects if isinstance(effect, SetTunnel | SetCarrier)]
    assert isinstance(orders[0], SetTunnel)
    assert all(order.spec.protected for order in of_type(effects, SetTunnel))
    assert bench.why() == ""
    (order,) = of_type(bench.configure("interface Tunnel0\n no tunnel protection ipsec profile P\n"), SetTunnel)
    assert not order.spec.protected


def test_another_profile_renegotiates_the_pair_and_the_old_sas_are_gone_at_once(bench: Bench) -> None:
    bench.want()
    bench.secure()
    bench.notices.clear()
    effects = bench.configure("interface Tunnel0\n tunnel protection ipsec profile Q\n")
    assert RemoveSa(0x1000) in effects
    assert SetCarrier("Tunnel0", up=False) not in effects
    assert all(order.spec.protected for order in of_type(effects, SetTunnel))
    assert bench.said(NegotiationWanted) == [
        NegotiationWanted("P", HERE, PEER, wanted=False),
        NegotiationWanted("Q", HERE, PEER, wanted=True),
    ]
    assert [notice.connection for notice in bench.said(ConnectionUnwanted)] == [1]
    assert bench.phase() is ProtectionPhase.IKE


# ------------------------------------------------------------------------------------------------ point to point


P2P = """interface Tunnel0
 ip address 10.0.0.1 255.255.255.252
 tunnel source GigabitEthernet0/1
 tunnel destination 198.51.100.1
 tunnel protection ipsec profile P
"""


def test_a_point_to_point_tunnel_wants_its_destination_and_is_up_without_waiting_for_sas() -> None:
    bench = Bench(PROFILES + UNDERLAY + P2P)
    assert bench.why() == ""
    assert bench.said(NegotiationWanted) == [NegotiationWanted("P", HERE, PEER, wanted=True)]
    bench.configure("interface Tunnel0\n tunnel destination 198.51.100.2\n")
    assert bench.said(NegotiationWanted) == [
        NegotiationWanted("P", HERE, PEER, wanted=False),
        NegotiationWanted("P", HERE, OTHER, wanted=True),
    ]
    bench.configure("no interface Tunnel0\n")
    assert bench.said(NegotiationWanted) == [NegotiationWanted("P", HERE, OTHER, wanted=False)]


def test_a_point_to_point_tunnel_without_a_route_asks_for_nothing() -> None:
    bench = Bench(PROFILES + UNDERLAY.replace("ip route", "no ip route") + P2P)
    assert bench.why() == "no route to destination (198.51.100.1)"
    assert bench.said(NegotiationWanted) == []


# ------------------------------------------------------------------------------------------------ pairs


def test_the_phases_of_a_wanted_pair_follow_ike(bench: Bench) -> None:
    assert bench.phase() is ProtectionPhase.INTF
    bench.want()
    bench.handle(NegotiationChanged(HERE, PEER, ProtectionPhase.IKE))
    bench.handle(NegotiationChanged(HERE, PEER, ProtectionPhase.IPSEC))
    bench.secure()
    assert [notice.state.phase.name for notice in bench.said(ProtectionChanged)] == ["IKE", "IPSEC", "SECURED"]
    state = bench.ipsec.between("Tunnel0", PEER)
    assert (state.connection, state.reason) == (1, None)


def test_a_failed_try_leaves_the_pair_at_ike_with_the_reason(bench: Bench) -> None:
    bench.want()
    failure = NegotiationChanged(HERE, PEER, ProtectionPhase.INTF, because("the keys are different"))
    bench.said(ProtectionChanged)
    for _ in range(3):
        bench.advance(2)
        bench.handle(NegotiationChanged(HERE, PEER, ProtectionPhase.IKE), failure)
    assert len(bench.said(ProtectionChanged)) == 1
    state = bench.ipsec.between("Tunnel0", PEER)
    assert (state.phase, str(state.reason)) == (ProtectionPhase.IKE, "the keys are different")
    bench.secure()
    assert bench.ipsec.between("Tunnel0", PEER).reason is None


def test_of_failures_with_addresses_that_nobody_wants_only_the_latest_are_remembered(bench: Bench) -> None:
    first = IPv4Address("198.18.0.0")
    for number in range(LARGEST_UNWANTED + 1):
        bench.handle(NegotiationChanged(HERE, first + number, ProtectionPhase.INTF, because("it did not prove itself")))
    assert bench.ipsec.between("Tunnel0", first).reason is None
    assert bench.ipsec.between("Tunnel0", first + 1).reason is not None


def test_who_only_answers_asks_for_nothing_and_takes_what_comes() -> None:
    bench = Bench(PROFILES + "crypto ipsec profile P\n responder-only\n" + UNDERLAY + HUB)
    bench.want()
    assert bench.said(NegotiationWanted) == []
    assert bench.phase() is ProtectionPhase.INTF
    bench.secure()
    assert bench.phase() is ProtectionPhase.SECURED


def test_a_tunnel_without_protection_is_always_as_protected_as_it_wants_to_be() -> None:
    bench = Bench(UNDERLAY + HUB.replace(" tunnel protection ipsec profile P\n", ""))
    state = bench.ipsec.between("Tunnel0", PEER)
    assert (state.phase, state.connection) == (ProtectionPhase.SECURED, 0)
    assert of_type(bench.first, ServeIpsec) == []
    assert bench.said(ProtectionDecided) == []


def test_a_pair_is_let_go_when_nobody_wants_it_any_more(bench: Bench) -> None:
    bench.want(by="nhrp4")
    bench.want(by="tunnel")
    bench.want(by="nhrp4", wanted=False)
    assert len(bench.said(NegotiationWanted)) == 1
    bench.want(by="tunnel", wanted=False)
    assert bench.said(NegotiationWanted) == [NegotiationWanted("P", HERE, PEER, wanted=False)]
    assert bench.phase() is ProtectionPhase.INTF


# ------------------------------------------------------------------------------------------------ SAs


def test_an_sa_is_in_the_plane_before_anybody_hears_of_it(bench: Bench) -> None:
    peer = connection(1, HERE, PEER)
    results = bench.ipsec.handle(negotiated(peer, 0x1000), 5.0)
    kinds = [type(result) for result in results]
    assert kinds == [InstallSa, ProtectionChanged]


def test_of_several_peers_behind_one_address_the_newest_stands_for_it_and_all_are_listed(bench: Bench) -> None:
    bench.secure(1, 0x1000)
    bench.advance(1)
    bench.secure(2, 0x2000)
    assert bench.ipsec.between("Tunnel0", PEER).connection == 2
    assert [each.number for each in bench.ipsec.connections(OuterAddress(HERE), PEER)] == [2, 1]
    bench.handle(SaClosed(0x2000, "deleted by the peer", lingers=False))
    assert bench.ipsec.between("Tunnel0", PEER).connection == 1
    assert bench.ipsec.connection(2) is None


def test_a_rekey_says_nothing_to_anybody_and_sends_on_the_successor(bench: Bench) -> None:
    """We answered the peer's rekey: its delete of the old SA is what makes us send on the new one at the latest."""
    bench.secure()
    peer = connection(1, HERE, PEER)
    bench.said(ProtectionChanged)
    bench.advance(1)
    (order,) = of_type(bench.handle(negotiated(peer, 0x2000, eager=False, replaces=0x1000)), InstallSa)
    assert not order.eager
    assert [view.used for view in bench.ipsec.sas()] == [True, False]
    assert bench.handle(SaClosed(0x1000, "replaced", lingers=True)) == [UseSa(0x2000)]
    assert [view.used for view in bench.ipsec.sas()] == [False, True]
    assert bench.handle(SaClosed(0x1000, "replaced", lingers=False)) == [RemoveSa(0x1000)]
    assert bench.said(ProtectionChanged) == []


def test_a_pair_that_the_plane_may_have_taken_by_itself_carries_nothing_when_it_is_closed(bench: Bench) -> None:
    """Both ends began at once, and the peer sends on its own pair: so does our plane, which says so seldom."""
    bench.secure()
    bench.handle(negotiated(connection(1, HERE, PEER), 0x2000, eager=False))
    assert bench.handle(SaClosed(0x2000, "both ends began at once", lingers=True)) == [UseSa(0x1000)]
    assert [view.used for view in bench.ipsec.sas()] == [True, False]


def test_the_initiator_of_a_rekey_sends_on_the_new_sa_at_once(bench: Bench) -> None:
    bench.secure()
    bench.handle(negotiated(connection(1, HERE, PEER), 0x2000, eager=True, replaces=0x1000))
    assert [view.used for view in bench.ipsec.sas()] == [False, True]
    assert bench.handle(SaClosed(0x1000, "replaced", lingers=True)) == []


def test_late_counters_of_an_old_sa_do_not_make_it_the_one_in_use(bench: Bench) -> None:
    bench.secure()
    bench.advance(1)
    bench.handle(negotiated(connection(1, HERE, PEER), 0x2000, eager=True, replaces=0x1000))
    bench.handle(SasCounted((counted(0x1000, sent=5), counted(0x2000))))
    assert [view.used for view in bench.ipsec.sas()] == [False, True]


def test_nothing_is_sent_on_a_deleted_sa_that_has_no_successor(bench: Bench) -> None:
    bench.want()
    bench.secure()
    assert bench.handle(SaClosed(0x1000, "deleted by the peer", lingers=True)) == [RemoveSa(0x1000)]
    state = bench.ipsec.between("Tunnel0", PEER)
    assert (state.phase, str(state.reason)) == (ProtectionPhase.IKE, "the SA is gone (deleted by the peer)")


def test_what_lingers_after_a_rekey_is_not_sent_on_when_its_successor_goes(bench: Bench) -> None:
    bench.secure()
    bench.handle(negotiated(connection(1, HERE, PEER), 0x2000, eager=True, replaces=0x1000))
    bench.handle(SaClosed(0x1000, "replaced", lingers=True))
    assert bench.handle(SaClosed(0x2000, "deleted by the peer", lingers=True)) == [RemoveSa(0x1000), RemoveSa(0x2000)]
    assert bench.handle(SaClosed(0x1000, "replaced", lingers=False)) == []


def test_an_sa_that_the_host_refuses_does_not_count_and_is_asked_for_again(bench: Bench) -> None:
    bench.want()
    (order,) = of_type(bench.secure(), InstallSa)
    bench.handle(EffectFailed(order, 12, "out of memory"))
    state = bench.ipsec.between("Tunnel0", PEER)
    assert (state.phase, str(state.reason)) == (ProtectionPhase.IPSEC, "the host refused the SA (out of memory)")
    assert bench.ipsec.sas() == ()
    assert any("%CRYPTO-3-SA_REFUSED" in line for line in bench.logs)
    bench.advance(1)
    assert bench.said(SaRenewalWanted) == [SaRenewalWanted(0x1000)]
    bench.handle(negotiated(connection(1, HERE, PEER), 0x2000, replaces=0x1000))
    assert bench.phase() is ProtectionPhase.SECURED


def test_a_rekey_that_the_host_refuses_leaves_the_old_sa_in_use(bench: Bench) -> None:
    bench.secure()
    notice = negotiated(connection(1, HERE, PEER), 0x2000, replaces=0x1000)
    bench.handle(notice)
    bench.handle(EffectFailed(InstallSa(notice.sa, True), 12, "out of memory"))
    assert [(view.spi_in, view.used) for view in bench.ipsec.sas()] == [(0x1000, True)]
    assert bench.phase() is ProtectionPhase.SECURED
    assert bench.handle(SaClosed(0x1000, "replaced", lingers=True)) == [RemoveSa(0x1000)]
    assert bench.phase() is ProtectionPhase.INTF


def test_a_worn_sa_is_renewed(bench: Bench) -> None:
    bench.secure()
    bench.handle(SaWorn(0x1000), SaWorn(0x7777))
    assert bench.said(SaRenewalWanted) == [SaRenewalWanted(0x1000)]


def test_a_peer_that_moved_is_known_by_its_new_address(bench: Bench) -> None:
    bench.want()
    bench.secure()
    bench.said(ProtectionChanged)
    bench.handle(ConnectionChanged(connection(1, HERE, PEER), connection(1, HERE, OTHER)))
    changes = [(notice.nbma, notice.state.phase) for notice in bench.said(ProtectionChanged)]
    assert changes == [(PEER, ProtectionPhase.IKE), (OTHER, ProtectionPhase.SECURED)]
    assert [view.connection.remote for view in bench.ipsec.sas()] == [OTHER]


def test_a_connection_that_has_gone_takes_along_what_was_not_closed(bench: Bench) -> None:
    bench.secure()
    assert bench.handle(ConnectionChanged(connection(1, HERE, PEER), None, "the peer is dead")) == [RemoveSa(0x1000)]
    assert bench.ipsec.connections() == ()
    assert bench.phase() is ProtectionPhase.INTF


@pytest.mark.lengthy
def test_no_key_stays_in_the_machine(bench: Bench) -> None:
    notice = negotiated(connection(1, HERE, PEER), 0xABCDEF)
    assert len(of_type(bench.handle(notice), InstallSa)) == 1
    del notice
    bench.notices.clear()
    gc.collect()
    assert len(bench.ipsec.sas()) == 1
    assert not [sa for sa in gc.get_objects() if isinstance(sa, EspSa) and sa.spi_in == 0xABCDEF]


# ------------------------------------------------------------------------------------------------ counters


def test_counters_are_asked_for_while_there_are_sas(bench: Bench) -> None:
    assert of_type(bench.advance(60), PollSas) == []
    bench.secure()
    assert len(of_type(bench.advance(60), PollSas)) == 12
    bench.handle(SasCounted((counted(0x1000, sent=7, received=5),)))
    (view,) = bench.ipsec.sas()
    assert view.count is not None
    assert (view.count.sent, view.count.received) == (7, 5)
    bench.handle(SaClosed(0x1000, "over", lingers=False))
    bench.advance(10)
    assert of_type(bench.advance(60), PollSas) == []


def test_counters_of_a_peer_outlive_a_rekey(bench: Bench) -> None:
    bench.secure()
    bench.handle(SasCounted((counted(0x1000, sent=7, received=5),)))
    bench.handle(negotiated(connection(1, HERE, PEER), 0x2000, replaces=0x1000))
    bench.handle(SaClosed(0x1000, "replaced", lingers=True))
    bench.handle(SasCounted((counted(0x1000, sent=7, received=6), counted(0x2000, sent=1))))
    bench.handle(SaClosed(0x1000, "replaced", lingers=False))
    (view,) = bench.ipsec.sas()
    assert view.count is not None
    assert view.before is not None
    assert (view.before.sent + view.count.sent, view.before.received + view.count.received) == (8, 6)


def test_what_the_plane_lost_is_renewed_and_what_it_has_too_much_is_removed(bench: Bench) -> None:
    bench.want()
    bench.secure()
    bench.handle(SasCounted(()))
    assert bench.phase() is ProtectionPhase.SECURED  # the answer may be older than the SA
    bench.advance(5)
    assert PollSas() in bench.handle(Resync())
    assert bench.handle(SasCounted((counted(0x9999),))) == [RemoveSa(0x9999)]
    assert bench.phase() is ProtectionPhase.IPSEC
    bench.advance(1)
    assert bench.said(SaRenewalWanted) == [SaRenewalWanted(0x1000)]


def test_resync_orders_the_ports_again() -> None:
    assert ServeIpsec((HERE,)) in Bench().handle(Resync())
    assert of_type(Bench(UNDERLAY).handle(Resync()), ServeIpsec) == []


def serve_for(bench: Bench, seconds: int, *, traffic_until: float = 0.0) -> None:
    """Let the plane answer every poll of these seconds."""
    for _ in range(seconds):
        if of_type(bench.advance(1), PollSas):
            packets = int(min(bench.now, traffic_until))
            bench.handle(SasCounted((counted(0x1000, sent=packets, received=packets),)))


def test_a_connection_that_nobody_wants_is_deleted_when_nothing_has_passed_for_long(bench: Bench) -> None:
    bench.secure()
    serve_for(bench, 180, traffic_until=100.0)
    assert bench.said(ConnectionUnwanted) == []
    serve_for(bench, 60, traffic_until=100.0)
    (unwanted,) = bench.said(ConnectionUnwanted)
    assert unwanted.connection == 1


def test_a_wanted_connection_may_be_silent(bench: Bench) -> None:
    bench.want()
    bench.secure()
    serve_for(bench, 400)
    assert bench.said(ConnectionUnwanted) == []
    bench.want(wanted=False)
    serve_for(bench, 100)
    assert bench.said(ConnectionUnwanted) == []
    serve_for(bench, 40)
    assert len(bench.said(ConnectionUnwanted)) == 1


def test_of_several_peers_behind_one_address_the_silent_ones_are_asked_whether_they_live(bench: Bench) -> None:
    """A dead one stayed for as long as anybody behind its NAT was wanted."""
    bench.want()
    bench.secure(1, 0x1000)
    bench.secure(2, 0x2000)
    for round_ in range(50):
        bench.advance(5)
        bench.handle(SasCounted((counted(0x1000, received=round_), counted(0x2000))))
    assert [notice.connection for notice in bench.said(ConnectionSilent)] == [2, 2]
    assert bench.said(ConnectionUnwanted) == []
    bench.handle(ConnectionChanged(connection(2, HERE, PEER), None, "no answer"))
    for _ in range(50):
        bench.advance(5)
        bench.handle(SasCounted((counted(0x1000, received=50),)))
    assert bench.said(ConnectionSilent) == [], "one that is alone may be silent"


def test_an_idle_time_shortens_the_wait() -> None:
    bench = Bench(PROFILES + "crypto ipsec security-association idle-time 60\n" + UNDERLAY + HUB)
    bench.secure()
    serve_for(bench, 70)
    assert len(bench.said(ConnectionUnwanted)) == 1


# ------------------------------------------------------------------------------------------------ clear, log, debug


def test_clear_crypto_session_deletes_what_there_is_and_asks_again(bench: Bench) -> None:
    bench.want(PEER)
    bench.want(OTHER)
    bench.secure(1, 0x1000, PEER)
    bench.notices.clear()
    bench.handle(ClearCrypto())
    assert [notice.connection for notice in bench.said(ConnectionUnwanted)] == [1]
    assert [(notice.remote, notice.wanted) for notice in bench.said(NegotiationWanted)] == [
        (PEER, False),
        (PEER, True),
        (OTHER, False),
        (OTHER, True),
    ]


def test_clear_crypto_session_of_one_peer_leaves_the_others_alone(bench: Bench) -> None:
    bench.secure(1, 0x1000, PEER)
    bench.secure(2, 0x2000, OTHER)
    bench.handle(ClearCrypto(remote=OTHER))
    assert [notice.connection for notice in bench.said(ConnectionUnwanted)] == [2]


def test_clear_crypto_sa_replaces_sas_and_keeps_their_ike_sa(bench: Bench) -> None:
    bench.secure()
    bench.handle(ClearCrypto(sas_only=True))
    assert bench.said(ConnectionUnwanted) == []
    assert bench.said(SaRenewalWanted) == [SaRenewalWanted(0x1000, of_all=True)]


def test_clear_crypto_sa_replaces_the_newest_pair_although_nothing_was_sent_on_it_yet(bench: Bench) -> None:
    """With strongSwan in IKEv1, which keeps a replaced pair, `clear crypto sa` did nothing."""
    bench.secure()
    bench.advance(1)
    bench.handle(negotiated(connection(1, HERE, PEER), 0x2000, eager=False))
    bench.handle(ClearCrypto(sas_only=True))
    assert bench.said(SaRenewalWanted) == [SaRenewalWanted(0x2000, of_all=True)]


def test_clear_gre_for_a_protected_tunnel_is_logged_once_a_minute_for_each_sender(bench: Bench) -> None:
    bench.logs.clear()
    for _ in range(50):
        bench.handle(ClearReceived(HERE, PEER))
        bench.advance(1)
    bench.handle(ClearReceived(HERE, OTHER))
    text = "%CRYPTO-4-RECVD_PKT_NOT_IPSEC: Rec'd packet not an IPSEC packet. (ip) vrf/dest_addr= /192.0.2.1, src_addr= "
    assert bench.logs == [f"{text}198.51.100.1, prot= 47", f"{text}198.51.100.2, prot= 47"]
    bench.advance(20)
    bench.handle(ClearReceived(HERE, PEER))
    assert len(bench.logs) == 3


def test_strangers_do_not_fill_the_log(bench: Bench) -> None:
    bench.logs.clear()
    for number in range(1000):
        bench.handle(ClearReceived(HERE, IPv4Address(number + 1)))
    assert len(bench.logs) <= 20


def test_esp_for_an_sa_that_is_not_there_is_logged_as_on_ios(bench: Bench) -> None:
    bench.logs.clear()
    bench.handle(UnknownSpi(HERE, PEER, 0, 0x12345678))
    assert bench.logs == [
        "%CRYPTO-4-RECVD_PKT_INV_SPI: decaps: rec'd IPSEC packet has invalid spi for destaddr=192.0.2.1, prot=50, "
        "spi=0x12345678(305419896), srcaddr=198.51.100.1, input interface=GigabitEthernet0/1"
    ]


def test_esp_that_overtook_the_end_of_its_exchange_is_no_news(bench: Bench) -> None:
    bench.secure()
    bench.logs.clear()
    bench.handle(UnknownSpi(HERE, PEER, 0, 0x1000))
    assert bench.logs == []


def test_replayed_and_damaged_packets_are_logged_when_they_are_counted(bench: Bench) -> None:
    bench.secure()
    bench.logs.clear()
    bench.handle(SasCounted((counted(0x1000, received=9, replayed=3),)))
    bench.handle(SasCounted((counted(0x1000, received=9, replayed=3, broken=1),)))
    assert [line.split(":")[0] for line in bench.logs] == ["%CRYPTO-4-PKT_REPLAY_ERR", "%CRYPTO-4-RECVD_PKT_MAC_ERR"]
    assert "packets=3" in bench.logs[0]


def test_debug_crypto_ipsec_tells_the_life_of_an_sa(bench: Bench) -> None:
    bench.debugging.flags.add("crypto ipsec")
    bench.want()
    bench.secure()
    bench.handle(SaClosed(0x1000, "deleted by the peer", lingers=False))
    assert bench.debug_lines[0] == "IPSEC(sa_request): ,"
    assert (
        "IPSEC(create_sa): sa created, (sa) sa_dest= 192.0.2.1, sa_proto= 50, sa_spi= 0x1000(4096), "
        "sa_trans= esp-gcm 256 , sa_conn_id= 1"
    ) in bench.debug_lines
    assert bench.debug_lines[-1].startswith("IPSEC(delete_sa): deleting SA, (sa) sa_dest= 198.51.100.1")


# ------------------------------------------------------------------------------------------------ behind one address


def test_peers_behind_one_address_are_asked_for_and_let_go_by_their_ports(bench: Bench) -> None:
    bench.handle(ProtectionWanted("Tunnel0", "nhrp4", ((PEER, 5500), (PEER, 6500))))
    bench.handle(ProtectionWanted("Tunnel0", "nhrp4", ((PEER, 6500),), at=PEER))
    said = [(notice.remote_port, notice.wanted) for notice in bench.said(NegotiationWanted)]
    assert said == [(5500, True), (6500, True), (5500, False)]


def test_a_set_of_peers_lets_go_of_those_that_are_not_in_it_and_of_nobody_elses(bench: Bench) -> None:
    bench.handle(ProtectionWanted("Tunnel0", "nhrp6", ((PEER, 0),)))
    bench.handle(ProtectionWanted("Tunnel0", "nhrp4", ((PEER, 0), (OTHER, 0))))
    bench.said(NegotiationWanted)
    bench.handle(ProtectionWanted("Tunnel0", "nhrp4", ((OTHER, 0),)))
    assert bench.said(NegotiationWanted) == []
    bench.handle(ProtectionWanted("Tunnel0", "nhrp6", ()))
    assert [(notice.remote, notice.wanted) for notice in bench.said(NegotiationWanted)] == [(PEER, False)]
    assert [bench.ipsec.is_wanted("Tunnel0", nbma) for nbma in (PEER, OTHER)] == [False, True]


def test_how_far_one_of_them_is_says_nothing_of_the_other(bench: Bench) -> None:
    bench.handle(ProtectionWanted("Tunnel0", "nhrp4", ((PEER, 5500), (PEER, 6500))))
    peer = connection(1, HERE, PEER, remote_port=5500, since=bench.now)
    bench.handle(came(peer), negotiated(peer, 0x1000, since=bench.now))
    bench.said(ProtectionChanged)
    bench.handle(NegotiationChanged(HERE, PEER, ProtectionPhase.INTF, because("no answer"), 6500))
    assert bench.ipsec.between("Tunnel0", PEER, 5500).phase is ProtectionPhase.SECURED
    assert str(bench.ipsec.between("Tunnel0", PEER, 6500).reason) == "no answer"
    assert [(notice.remote_port, str(notice.state.reason)) for notice in bench.said(ProtectionChanged)] == [
        (6500, "no answer")
    ]
    assert [(pair.remote_port, pair.state.connection) for pair in bench.ipsec.pairs()] == [(5500, 1), (6500, 0)]
