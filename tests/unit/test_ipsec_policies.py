"""From the lines of an IPsec profile to what IKE may negotiate; and what protects nothing and is refused."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.base.addresses import OuterAddress
from dmvpn.base.protection import Encapsulation, EspCipher, EspHash, EspTransform, ProtectionPolicy, policies_for
from dmvpn.base.reasons import Reason
from dmvpn.features.ipsec.config import model
from dmvpn.features.ipsec.model import IpsecConfig
from dmvpn.features.ipsec.policies import Expansion, expansion, idle_time, resolve
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

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
