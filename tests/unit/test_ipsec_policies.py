"""IPsec and IKE through a front door: in which VRF datagrams, SAs and orders are, and which profiles count there."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import OuterAddress
from dmvpn.base.effects import InVrf, SendIp, ServeIpsec, SetVrfs
from dmvpn.base.events import ClearReceived, EffectFailed, IpReceived, UnknownSpi
from dmvpn.base.protection import Encapsulation, EspCipher, EspHash, EspTransform, ProtectionPolicy, policies_for
from dmvpn.base.reasons import Reason
from dmvpn.base.sessions import tunnels_of
from dmvpn.features.ipsec.config import model
from dmvpn.features.ipsec.model import IpsecConfig
from dmvpn.features.ipsec.policies import Expansion, expansion, idle_time, resolve
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support.fakes import FakeTunnels, fake_ports
from support.overlay import address, cloud
from support.protection import connection
from support.whole_router import GI, WholeRouter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.effects import Effect

OWN, HUB_NBMA = IPv4Address("172.16.31.1"), IPv4Address("172.16.11.1")
SPOKE = f"""vrf definition WAN
 address-family ipv4
crypto ikev2 keyring KR
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key secret
crypto ikev2 profile IKE
 match fvrf WAN
 match identity remote address 0.0.0.0
 authentication remote pre-share
 authentication local pre-share
 keyring local KR
crypto ipsec profile P
 set ikev2-profile IKE
interface {GI}
 vrf forwarding WAN
 ip address {OWN} 255.255.255.252
ip route vrf WAN 0.0.0.0 0.0.0.0 172.16.31.2
interface Tunnel1
 ip address 192.168.100.31 255.255.255.0
 ip nhrp network-id 1
 ip nhrp nhs 192.168.100.11 nbma {HUB_NBMA} multicast
 tunnel source {GI}
 tunnel mode gre multipoint
 tunnel vrf WAN
 tunnel protection ipsec profile P
"""


def datagrams(effects: Iterable[Effect]) -> list[tuple[str, SendIp]]:
    """Return datagrams of UDP, each with its VRF."""
    placed = [(one.vrf, one.effect) if isinstance(one, InVrf) else ("", one) for one in effects]
    return [(vrf, one) for vrf, one in placed if isinstance(one, SendIp) and one.protocol == 17]


def test_ike_is_served_and_begins_in_the_front_door() -> None:
    spoke = WholeRouter(SPOKE)
    assert InVrf("WAN", ServeIpsec((OWN,))) in spoke.effects
    assert not [one for one in spoke.effects if isinstance(one, ServeIpsec)]
    [(vrf, first)] = datagrams(spoke.effects)
    assert (vrf, first.source, first.destination) == ("WAN", OWN, HUB_NBMA)
    assert spoke.why("Tunnel1") == ""


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "it has no match fvrf, and the tunnel needs match fvrf WAN"),
        (" match fvrf OTHER\n", "it has match fvrf OTHER, and the tunnel needs match fvrf WAN"),
    ],
)
def test_a_profile_for_another_vrf_begins_nothing_and_the_log_names_the_missing_line(line: str, why: str) -> None:
    spoke = WholeRouter(SPOKE.replace(" match fvrf WAN\n", line))
    assert not datagrams(spoke.effects)
    pairs = spoke.router.ports.protection.pairs()
    assert [why in str(pair.state.reason) for pair in pairs] == [True]


def test_a_profile_for_any_vrf_is_for_the_front_door_too() -> None:
    spoke = WholeRouter(SPOKE.replace("match fvrf WAN", "match fvrf any"))
    assert [vrf for vrf, _ in datagrams(spoke.effects)] == ["WAN"]


def test_a_hub_answers_in_the_front_door_and_not_where_the_address_is_somebody_elses() -> None:
    [(_, first)] = datagrams(WholeRouter(SPOKE).effects)
    hub = WholeRouter(SPOKE.replace(str(OWN), "172.16.11.1").replace("172.16.31.2", "172.16.11.2"))
    received = {vrf: hub.take(IpReceived(GI, OWN, HUB_NBMA, 17, first.payload, vrf=vrf)) for vrf in ("", "WAN")}
    assert not datagrams(received[""])
    assert [(vrf, one.destination) for vrf, one in datagrams(received["WAN"])] == [("WAN", OWN)]


#: A second provider gives the same address, and its hub has the same address as well.
TWIN = f"""vrf definition LTE
 address-family ipv4
interface Loopback5
 vrf forwarding LTE
 ip address {OWN} 255.255.255.255
ip route vrf LTE 0.0.0.0 0.0.0.0 Loopback5
interface Tunnel2
 ip address 192.168.200.31 255.255.255.0
 ip nhrp network-id 2
 ip nhrp nhs 192.168.200.11 nbma {HUB_NBMA} multicast
 tunnel source Loopback5
 tunnel mode gre multipoint
 tunnel vrf LTE
 tunnel protection ipsec profile P
"""
BOTH = SPOKE.replace("match fvrf WAN", "match fvrf any") + TWIN


def test_one_address_is_protected_in_each_of_its_vrfs() -> None:
    """The second tunnel stayed down: `Tunnel1 protects the same source in another VRF`."""
    spoke = WholeRouter(BOTH)
    assert [spoke.why(name) for name in ("Tunnel1", "Tunnel2")] == ["", ""]
    for vrf in ("WAN", "LTE"):
        assert InVrf(vrf, ServeIpsec((OWN,))) in spoke.effects
    assert sorted((vrf, str(one.destination)) for vrf, one in datagrams(spoke.effects)) == [
        ("LTE", str(HUB_NBMA)),
        ("WAN", str(HUB_NBMA)),
    ]


def test_each_front_door_has_a_profile_of_its_own() -> None:
    """Tunnels with one source had to name one IPsec profile, also in two VRFs."""
    other = "crypto ipsec profile Q\n set ikev2-profile IKE\n"
    spoke = WholeRouter(BOTH.replace("interface Tunnel2", f"{other}interface Tunnel2"))
    spoke.enter("interface Tunnel2", "tunnel protection ipsec profile Q")
    assert [spoke.why(name) for name in ("Tunnel1", "Tunnel2")] == ["", ""]


@pytest.mark.parametrize(("refused", "up", "down"), [("WAN", "Tunnel2", "Tunnel1"), ("LTE", "Tunnel1", "Tunnel2")])
def test_a_host_that_refuses_an_address_in_one_vrf_stops_that_tunnel_alone(refused: str, up: str, down: str) -> None:
    spoke = WholeRouter(BOTH)
    order = InVrf(refused, ServeIpsec((OWN,)))
    spoke.take(EffectFailed(order, 98, "Address already in use"))
    assert spoke.why(up) == ""
    assert "Address already in use" in spoke.why(down)
    assert order in spoke.wait(10), "it is tried again"
    assert spoke.why(down) == ""


def test_what_a_host_refuses_in_two_vrfs_is_known_of_both() -> None:
    """The failure in one VRF made the router forget that in the other, whose tunnel came up without IKE."""
    spoke = WholeRouter(BOTH)
    for vrf in ("WAN", "LTE"):
        spoke.take(EffectFailed(InVrf(vrf, ServeIpsec((OWN,))), 98, f"in use in {vrf}"))
    assert "in use in WAN" in spoke.why("Tunnel1")
    assert "in use in LTE" in spoke.why("Tunnel2")


#: Both tunnels by IKEv1, with a key in each VRF.
ISAKMP = """crypto isakmp policy 10
 encryption aes 256
 hash sha256
 group 14
 authentication pre-share
crypto keyring KW vrf WAN
 pre-shared-key address 0.0.0.0 0.0.0.0 key secret
crypto keyring KL vrf LTE
 pre-shared-key address 0.0.0.0 0.0.0.0 key secret
"""
BY_IKEV1 = ISAKMP + BOTH[BOTH.index("crypto ipsec profile P") :].replace(" set ikev2-profile IKE\n", "")
VRFS = "vrf definition WAN\n address-family ipv4\n"


@pytest.mark.parametrize("both", [BOTH, VRFS + BY_IKEV1], ids=["IKEv2", "IKEv1"])
def test_a_message_for_an_ike_sa_of_another_vrf_is_for_none(both: str) -> None:
    """An attacker with a message of the peer must not move its IKE SA into another VRF."""
    spoke, hub = WholeRouter(both), WholeRouter(both.replace(str(OWN), "172.16.11.1"))
    first = next(one for vrf, one in datagrams(spoke.effects) if vrf == "WAN")
    ((_, answer),) = datagrams(hub.take(IpReceived(GI, OWN, HUB_NBMA, 17, first.payload, vrf="WAN")))
    for vrf, goes_on in (("LTE", False), ("", False), ("WAN", True)):
        answered = datagrams(spoke.take(IpReceived(GI, HUB_NBMA, OWN, 17, answer.payload, vrf=vrf)))
        assert [each for each, _ in answered] == ([vrf] if goes_on else [])


def test_an_address_that_no_tunnel_protects_any_more_is_given_back_in_its_vrf() -> None:
    spoke = WholeRouter(SPOKE)
    spoke.enter("no interface Tunnel1")
    assert InVrf("WAN", ServeIpsec(())) in spoke.wait(10)


FORWARDING = (f"interface {GI}", " vrf forwarding WAN", f" ip address {OWN} 255.255.255.252")
BACK = ("vrf definition WAN", " address-family ipv4", *FORWARDING, f"ip route vrf WAN 0.0.0.0 0.0.0.0 {HUB_NBMA}")


@pytest.mark.parametrize("seconds", [0.1, 20.0])
def test_a_front_door_that_returns_is_served_again(seconds: float) -> None:
    spoke = WholeRouter(SPOKE)
    spoke.enter("no vrf definition WAN")
    spoke.wait(seconds)
    assert InVrf("WAN", ServeIpsec((OWN,))) in spoke.enter(*BACK)
    assert spoke.why("Tunnel1") == ""


def test_nothing_is_ordered_in_a_front_door_that_was_removed() -> None:
    spoke = WholeRouter(SPOKE)
    effects = [*spoke.enter("no vrf definition WAN"), *spoke.wait(20)]
    assert not [one for one in effects[effects.index(SetVrfs(())) :] if isinstance(one, InVrf)]


def test_a_front_door_without_ipv4_serves_again_when_it_has_addresses_again() -> None:
    spoke = WholeRouter(SPOKE)
    spoke.enter("vrf definition WAN", " no address-family ipv4")
    assert spoke.why("Tunnel1") != ""
    effects = spoke.enter("vrf definition WAN", " address-family ipv4", *FORWARDING)
    effects += spoke.wait(10)
    assert spoke.why("Tunnel1") == ""
    assert [vrf for vrf, _ in datagrams(effects)][:1] == ["WAN"]
    assert any("172.16.31.0/30 is directly connected" in line for line in spoke.show("show ip route vrf WAN"))


def test_clear_gre_is_logged_with_the_front_door_that_it_came_by() -> None:
    spoke = WholeRouter(SPOKE)
    spoke.take(ClearReceived(OWN, HUB_NBMA, "WAN"))
    assert f"vrf/dest_addr= WAN/{OWN}" in "\n".join(spoke.show("show logging"))


def test_an_unknown_spi_is_logged_with_the_interface_of_its_front_door() -> None:
    """The LAN has the same address in the global table."""
    spoke = WholeRouter(SPOKE + f"interface Loopback1\n ip address {OWN} 255.255.255.255\n")
    spoke.take(UnknownSpi(OWN, HUB_NBMA, 0, 0xABCD, "WAN"))
    spoke.take(UnknownSpi(OWN, HUB_NBMA, 0, 0xABCE, ""))
    (first, second) = [line for line in spoke.show("show logging") if "INV_SPI" in line]
    assert first.endswith(f"input interface={GI}")
    assert second.endswith("input interface=Loopback1")


# From the lines of an IPsec profile to what IKE may negotiate; and what protects nothing and is refused.

LOCAL = IPv4Address("192.0.2.1")
OUTER = OuterAddress(LOCAL)
GCM = "crypto ipsec transform-set T esp-gcm 256\n mode transport\n"
PROFILE = "crypto ipsec profile P\n set transform-set T\n"


def config(text: str) -> IpsecConfig:
    result = configurator(FEATURES).parse_text(text)
    assert all(problem.is_warning for problem in result.problems), result.problems
    return model(result.tree) or IpsecConfig()


def policy(text: str, name: str = "P") -> ProtectionPolicy:
    outcome = resolve(config(text), name, OUTER)
    assert isinstance(outcome, ProtectionPolicy), outcome
    return outcome


def refusal(text: str, name: str = "P") -> str:
    outcome = resolve(config(text), name, OUTER)
    assert isinstance(outcome, Reason)
    return str(outcome)


def test_a_profile_says_everything_that_ike_negotiates() -> None:
    text = (
        GCM + "crypto ipsec transform-set OLD esp-aes esp-sha-hmac\n mode transport\n"
        "crypto ipsec profile P\n set transform-set T OLD\n set pfs group20\n set ikev2-profile F\n"
        " set security-association lifetime seconds 900\n set security-association lifetime kilobytes 2560\n"
        " set security-association replay window-size 1024\n set security-association esn\n responder-only\n"
    )
    assert policy(text) == ProtectionPolicy(
        name="P",
        local=LOCAL,
        ikev2_profile="F",
        transforms=(EspTransform(EspCipher.AES_GCM, 256), EspTransform(EspCipher.AES_CBC, 128, EspHash.SHA1)),
        may_tunnel=True,
        pfs_group=20,
        seconds=900.0,
        kilobytes=2560,
        responder_only=True,
        esn=True,
    )


def test_what_a_profile_does_not_say_is_said_by_the_global_lines() -> None:
    text = (
        GCM + PROFILE + "crypto ipsec security-association lifetime seconds 600\n"
        "crypto ipsec security-association lifetime kilobytes disable\n"
        "crypto ipsec security-association idle-time 300\n"
        "crypto ipsec encapsulation udp never\nno crypto ipsec nat-transparency udp-encapsulation\n"
    )
    found = policy(text)
    assert (found.seconds, found.kilobytes) == (600.0, 0)
    assert (found.encapsulation, found.nat_traversal) == (Encapsulation.NEVER, False)
    assert idle_time(config(text), "P") == 300


def test_the_profile_and_the_transform_set_called_default_need_no_line() -> None:
    smart = policy("", "default")
    assert smart.transforms == (EspTransform(EspCipher.AES_CBC, 128, EspHash.SHA1),)
    assert (smart.transport, smart.ikev2_profile, smart.seconds) == (True, "default", 3600.0)
    assert policy("crypto ipsec profile P\n").transforms == smart.transforms
    assert policy(GCM.replace(" T ", " default "), "default").transforms == (EspTransform(EspCipher.AES_GCM, 256),)


@pytest.mark.parametrize(
    ("line", "packets"),
    [("", 1024), ("replay window-size 64", 1024), ("replay window-size 1024", 1024), ("replay disable", 0)],
)
def test_the_replay_window_never_gets_smaller_than_our_own_trains(line: str, packets: int) -> None:
    setting = f" set security-association {line}\n" if line else ""
    assert policy(GCM + PROFILE + setting).replay_window == packets


@pytest.mark.parametrize(
    ("transforms", "what"),
    [
        ("esp-3des esp-sha-hmac", "esp-3des"),
        ("esp-des esp-sha-hmac", "esp-des"),
        ("esp-null esp-sha-hmac", "esp-null"),
        ("esp-gmac", "esp-gmac"),
        ("esp-aes 256 esp-md5-hmac", "esp-md5-hmac"),
        ("esp-aes 256", "esp-aes without authentication"),
    ],
)
def test_a_transform_that_protects_nothing_is_named(transforms: str, what: str) -> None:
    text = f"crypto ipsec transform-set T {transforms}\n" + PROFILE
    assert refusal(text) == (
        f"the IPsec profile has no usable transform set (transform set T: {what} is not supported)"
    )


def test_a_weak_transform_beside_a_good_one_is_left_out() -> None:
    text = GCM + "crypto ipsec transform-set W esp-3des esp-sha-hmac\ncrypto ipsec profile P\n set transform-set W T\n"
    assert policy(text).transforms == (EspTransform(EspCipher.AES_GCM, 256),)


def test_a_name_that_is_not_configured_is_said() -> None:
    assert refusal("") == "the IPsec profile does not exist (crypto ipsec profile P is not configured)"
    assert "transform set T is not configured" in refusal(PROFILE)


def test_the_mode_follows_the_transform_sets() -> None:
    tunnel = policy(GCM.replace(" mode transport\n", "") + PROFILE)
    assert (tunnel.transport, tunnel.may_tunnel) == (False, True)
    required = policy(GCM.replace("transport", "transport require") + PROFILE)
    assert (required.transport, required.may_tunnel) == (True, False)


def test_encapsulation_and_esn_are_shown_as_they_were_typed() -> None:
    text = "crypto ipsec encapsulation udp force\ncrypto ipsec profile P\n set security-association esn\n"
    lines = configurator(FEATURES).parse_text(text).tree.render()
    assert "crypto ipsec encapsulation udp force" in lines
    assert " set security-association esn" in lines
    assert not [line for line in configurator(FEATURES).parse_text("hostname R\n").tree.render() if "udp auto" in line]


@pytest.mark.parametrize(
    ("transforms", "more", "size"),
    [
        ("esp-aes 256 esp-sha256-hmac", "", Expansion(8 + 16 + 2 + 16 + 8, 16)),
        ("esp-gcm 256", "", Expansion(8 + 8 + 2 + 16 + 8, 4)),
        ("esp-gcm 256", "crypto ipsec encapsulation udp never\n", Expansion(8 + 8 + 2 + 16 + 8, 4)),
        (
            "esp-gcm 256",
            "crypto ipsec encapsulation udp never\nno crypto ipsec nat-transparency udp-encapsulation\n",
            Expansion(8 + 8 + 2 + 16, 4),
        ),
        ("esp-aes esp-sha-hmac", "", Expansion(8 + 16 + 2 + 12 + 8, 16)),
    ],
)
def test_what_esp_adds_follows_from_algorithms_and_encapsulation(transforms: str, more: str, size: Expansion) -> None:
    text = f"crypto ipsec transform-set T {transforms}\n mode transport\n" + PROFILE + more
    assert expansion(policy(text)) == size


def test_tunnel_mode_adds_a_header() -> None:
    assert expansion(policy(GCM.replace(" mode transport\n", "") + PROFILE)) == Expansion(42 + 20, 4, inside=20)


def test_a_policy_for_certain_peers_goes_before_the_one_for_all_others() -> None:
    peer, other = IPv4Address("198.51.100.1"), IPv4Address("198.51.100.2")
    everybody = policy("", "default")
    special = replace(everybody, name="P", remotes=(peer,))
    assert policies_for((everybody, special), (OUTER, peer)) == (special,)
    assert policies_for((everybody, special), (OUTER, other)) == (everybody,)
    assert policies_for((special,), (OUTER, other)) == ()
    assert policies_for((everybody, special), (OuterAddress(other), peer)) == ()
    assert policies_for((everybody, special), (OuterAddress(LOCAL, "WAN"), peer)) == ()


# Crypto sessions: which tunnels a connection serves.


def test_of_point_to_point_tunnels_with_one_source_a_connection_serves_the_one_that_leads_to_its_peer() -> None:
    plain = replace(cloud(3).members["R31"].tunnel_state, multipoint=False, protection="P", source=address("10.9.0.1"))
    one, other = (
        replace(plain, name=name, destination=address(far))
        for name, far in (("Tunnel1", "10.9.0.2"), ("Tunnel2", "10.9.0.3"))
    )
    ports = replace(fake_ports(), tunnels=FakeTunnels([one, other, replace(one, name="Tunnel3", protection="")]))
    assert tunnels_of(ports, connection(1, "10.9.0.1", "10.9.0.3")) == ("Tunnel2",)
