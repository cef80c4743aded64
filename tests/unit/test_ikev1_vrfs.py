"""Keys of IKEv1 are of one VRF: two peers in two VRFs may have one address, and must not have one key by that."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.base.protection import EspCipher, EspHash, EspTransform, IkeVersion, ProtectionPolicy
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.config import model
from dmvpn.features.ike.identity import of_address
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint, Terms
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.settings import ConfigurationBook
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

HUB, SPOKE = IPv4Address("198.51.100.1"), IPv4Address("203.0.113.10")
PATH = DatagramPath(Endpoint(HUB, 500), Endpoint(SPOKE, 500))
AES = EspTransform(EspCipher.AES_CBC, 256, EspHash.SHA256)
POLICY = ProtectionPolicy(name="DMVPN", local=HUB, ikev2_profile="", transforms=(AES,))
STRONG = "crypto isakmp policy 10\n encryption aes 256\n hash sha256\n authentication pre-share\n group 14\n"
GLOBAL = "crypto isakmp key of-the-global-table address 0.0.0.0 0.0.0.0\n"
RINGS = """crypto keyring HERE
 pre-shared-key address 0.0.0.0 0.0.0.0 key of-no-vrf
crypto keyring THERE vrf WAN
 pre-shared-key address 0.0.0.0 0.0.0.0 key of-the-wan
"""
PROFILE = "crypto isakmp profile P\n keyring {ring}\n match identity address 0.0.0.0 {vrf}\n"


def book(text: str, front: str, profile: str = "") -> ConfigurationBook:
    config = model(configurator(FEATURES).parse_text(STRONG + text).tree)
    assert config is not None
    return ConfigurationBook(config, (replace(POLICY, front=front, isakmp_profile=profile),))


def path(written: ConfigurationBook) -> DatagramPath:
    """Return the path of its peer, in the front door of its tunnel."""
    return replace(PATH, front=written.policies[0].front)


def secrets(written: ConfigurationBook) -> list[bytes]:
    """Return our keys as initiator, and those of a responder in main mode; both have to agree."""
    begins = written.to(written.policies[0], SPOKE)
    answers = list(written.main_mode(path(written)).secrets)
    assert ([begins.secret] if isinstance(begins, Terms) else []) == answers
    return answers


def test_a_key_without_a_vrf_is_for_peers_in_the_global_table_only() -> None:
    assert secrets(book(GLOBAL, "")) == [b"of-the-global-table"]
    assert secrets(book(GLOBAL, "WAN")) == []


def test_the_reason_names_the_missing_line_at_both_ends() -> None:
    written = book(GLOBAL, "WAN")
    begins, answers = written.to(written.policies[0], SPOKE), written.main_mode(path(written)).keyless
    for why in (begins, answers):
        assert isinstance(why, Reason)
        assert why.code is IkeReason.NO_KEY_IN_VRF
        assert str(why).startswith(
            f"no isakmp pre-shared key for {SPOKE} in VRF WAN: crypto keyring NAME vrf WAN is needed"
        )


@pytest.mark.parametrize(("front", "key"), [("", b"of-no-vrf"), ("WAN", b"of-the-wan")])
def test_keyrings_that_no_profile_names_are_for_peers_of_their_vrf(front: str, key: bytes) -> None:
    assert secrets(book(RINGS, front)) == [key]
    assert secrets(book(RINGS, "LTE")) == []


@pytest.mark.parametrize(
    ("ring", "front", "key"),
    [
        ("THERE", "WAN", [b"of-the-wan"]),
        ("THERE", "", []),
        ("HERE", "WAN", []),
        ("HERE", "", [b"of-no-vrf"]),
    ],
)
def test_a_profile_does_not_carry_the_keys_of_its_keyring_into_another_vrf(
    ring: str, front: str, key: list[bytes]
) -> None:
    assert secrets(book(RINGS + GLOBAL + PROFILE.format(ring=ring, vrf=front), front, "P")) == key


@pytest.mark.parametrize(("vrf", "front", "fits"), [("WAN", "WAN", True), ("", "WAN", False), ("WAN", "", False)])
def test_a_matched_address_is_one_of_the_vrf_that_the_line_names(vrf: str, front: str, fits: bool) -> None:
    ring = "THERE" if front else "HERE"
    written = book(RINGS + PROFILE.format(ring=ring, vrf=vrf), front, "P")
    assert isinstance(written.terms(path(written), of_address(SPOKE), None, version=IkeVersion.V1), Terms) is fits


def test_a_keyring_that_moves_to_a_vrf_takes_its_keys_along() -> None:
    config = configurator(FEATURES)
    here, there = (
        model(config.parse_text(STRONG + RINGS.replace("THERE vrf WAN", f"THERE vrf {vrf}")).tree)
        for vrf in ("WAN", "LTE")
    )
    assert here is not None
    assert there is not None
    policies = (replace(POLICY, front="LTE"),)
    written = ConfigurationBook(here, policies)
    assert secrets(written) == []
    written.renew(there, policies)
    assert secrets(written) == [b"of-the-wan"]


def test_keyrings_of_ikev2_have_no_vrf_because_the_profile_has_one() -> None:
    lines = """crypto ikev2 keyring K
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key of-any-vrf
crypto ikev2 profile P
 match fvrf WAN
 match identity remote address 0.0.0.0
 authentication local pre-share
 authentication remote pre-share
 keyring local K
"""
    for front, is_meant in (("WAN", True), ("", False)):
        written = book(lines, front)
        policy = replace(written.policies[0], ikev2_profile="P")
        assert isinstance(written.to(policy, SPOKE), Terms) is is_meant
