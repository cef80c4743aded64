"""How people hear of IKEv1: the words for its profiles in reasons, its sessions in debugs, the log and shows."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.base.protection import EspCipher, EspHash, EspTransform, IkeVersion, ProtectionPolicy
from dmvpn.base.reasons import Reason
from dmvpn.base.session_lines import ike_line, ike_lines
from dmvpn.base.sessions import SessionIke
from dmvpn.features.ike.config import model
from dmvpn.features.ike.identity import Identification, of_address
from dmvpn.features.ike.numbers import IdType
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint, Terms
from dmvpn.features.ike.settings import ConfigurationBook
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

HUB, SPOKE = IPv4Address("198.51.100.1"), IPv4Address("203.0.113.10")
PATH = DatagramPath(Endpoint(HUB, 500), Endpoint(SPOKE, 500))
AES = EspTransform(EspCipher.AES_CBC, 256, EspHash.SHA256)
POLICY = ProtectionPolicy(name="DMVPN", local=HUB, ikev2_profile="", transforms=(AES,))
OTHER_KEY = "crypto isakmp key other address 203.0.113.99\n"
RING = "crypto keyring RING\n pre-shared-key address 203.0.113.99 key other\n"
PROFILE = "crypto isakmp profile P\n keyring RING\n match identity address 203.0.113.0 255.255.255.0\n"


def book(text: str, policy: ProtectionPolicy = POLICY) -> ConfigurationBook:
    config = model(configurator(FEATURES).parse_text(text).tree)
    assert config is not None
    return ConfigurationBook(config, (policy,))


@pytest.mark.parametrize(
    ("text", "profile", "says"),
    [
        (OTHER_KEY, "", "crypto isakmp has no key for 203.0.113.10"),
        (RING + PROFILE, "P", "isakmp profile P: keyring RING has no key for 203.0.113.10"),
    ],
)
def test_a_missing_key_is_named_by_the_lines_where_it_should_be(text: str, profile: str, says: str) -> None:
    policy = replace(POLICY, isakmp_profile=profile)
    assert str(book(text, policy).to(policy, SPOKE)) == says


@pytest.mark.parametrize("others", ["", OTHER_KEY])
def test_a_key_of_a_profile_that_the_tunnel_does_not_name_is_named_with_the_line(others: str) -> None:
    """The reason was that there is no key, or that there is not exactly one ikev2 profile."""
    known = book(others + RING.replace(".99", ".10") + PROFILE)
    says = "isakmp profile P has the key for 203.0.113.10, and ipsec profile DMVPN has no line set isakmp-profile"
    assert str(known.to(POLICY, SPOKE)) == says
    assert str(known.main_mode(PATH).keyless) == says


def test_an_identity_that_no_isakmp_profile_means_is_refused_in_words_of_isakmp() -> None:
    policy = replace(POLICY, isakmp_profile="P")
    refusal = book(RING + PROFILE, policy).terms(PATH, of_address(HUB), None, version=IkeVersion.V1)
    assert str(refusal) == "no isakmp profile of a protected tunnel matches the identity 198.51.100.1"


def test_a_name_that_another_keyring_has_is_refused_by_the_names_that_the_lines_give() -> None:
    policy = replace(POLICY, isakmp_profile="P")
    ring = "crypto keyring RING\n pre-shared-key address 0.0.0.0 0.0.0.0 key everybody\n"
    profile = "crypto isakmp profile P\n keyring RING\n match identity host spoke.example\n"
    others = "crypto isakmp profile Q\n keyring OTHERS\ncrypto keyring OTHERS\n"
    others += " pre-shared-key hostname spoke.example key its-own\n"
    written = book(ring + profile + others, policy)
    theirs = Identification(IdType.FQDN, b"spoke.example")
    terms = written.terms(PATH, theirs, None, version=IkeVersion.V1)
    assert isinstance(terms, Terms)
    refusal = written.expectation(terms, PATH, theirs)
    assert isinstance(refusal, Reason)
    assert refusal.what == ("isakmp profile P: spoke.example is named by keyring OTHERS, and its key alone proves it")


def test_a_session_of_ikev1_is_shown_as_such_with_the_numbers_of_isakmp() -> None:
    ike = SessionIke(
        number=1, version=IkeVersion.V1, local=HUB, local_port=500, remote=SPOKE, remote_port=500, active=True
    )
    assert ike_line(ike) == "  IKEv1 SA: local 198.51.100.1/500 remote 203.0.113.10/500 Active "
    assert any("connid:1001 " in line for line in ike_lines(ike))
    assert any("connid:1 " in line for line in ike_lines(replace(ike, version=IkeVersion.V2)))
