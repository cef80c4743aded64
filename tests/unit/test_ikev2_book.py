"""From `crypto ikev2 ...` lines to what IKE does: profiles, keyrings, identities, defaults."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path as File

import pytest

from dmvpn.base.protection import EspCipher, EspHash, EspTransform, ProtectionPolicy
from dmvpn.features.ike.config import model
from dmvpn.features.ike.identity import Identification
from dmvpn.features.ike.numbers import Encr, IdType
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint, Terms
from dmvpn.features.ike.settings import ConfigurationBook
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.scenario import BUILT_IN
from support.ike_net import IkeNet, Site, matched

HUB, SPOKE, OTHER = (IPv4Address(text) for text in ("198.51.100.1", "203.0.113.10", "203.0.113.20"))
AES = EspTransform(EspCipher.AES_CBC, 256, EspHash.SHA256)
POLICY = ProtectionPolicy(name="IPSEC-DMVPN", local=HUB, ikev2_profile="IKEV2-DMVPN", transforms=(AES,))
INTRO = (File(BUILT_IN) / "intro-phase3" / "HUB.cfg").read_text()


def book(text: str, local: IPv4Address) -> ConfigurationBook:
    config = model(configurator(FEATURES).parse_text(text).tree)
    assert config is not None
    return ConfigurationBook(config, (replace(POLICY, local=local),))


def site(net: IkeNet, text: str, local: IPv4Address) -> tuple[Site, ConfigurationBook]:
    written = book(text, local)
    return net.site(str(local), book=written), written


def connect(one: tuple[Site, ConfigurationBook], other: IPv4Address) -> None:
    begins, written = one
    terms = written.to(written.policies[0], other)
    assert isinstance(terms, Terms), terms
    begins.connect(str(other), terms)


def meet(hub: str, spoke: str) -> tuple[Site, Site]:
    net = IkeNet()
    responder, initiator = site(net, hub, HUB), site(net, spoke, SPOKE)
    connect(initiator, HUB)
    net.run(5)
    return responder[0], initiator[0]


def test_the_configuration_of_the_introduction_comes_up_with_the_smart_defaults() -> None:
    hub, spoke = meet(INTRO, INTRO)
    assert matched(hub, spoke), (hub.troubles, spoke.troubles)
    (sa,) = spoke.sas
    assert sa.suite is not None
    assert (sa.suite.encr, sa.suite.key_bits, sa.suite.group) == (Encr.AES_CBC, 256, 19)
    assert spoke.children[0].transport


PROPOSAL = """
crypto ikev2 proposal STRONG
 encryption aes-gcm-256
 prf sha384
 group 20
crypto ikev2 policy MINE
 proposal STRONG
"""


def test_a_proposal_counts_only_if_a_policy_names_it() -> None:
    path = DatagramPath(Endpoint(HUB, 500), Endpoint(SPOKE, 500))
    alone = book(INTRO + PROPOSAL.replace(" proposal STRONG\n", " match fvrf any\n"), HUB)
    named = book(INTRO + PROPOSAL, HUB)
    assert {suite.encr for suite in alone.suites(path)} == {Encr.AES_CBC}
    assert [(suite.encr, suite.group) for suite in named.suites(path)] == [(Encr.AES_GCM_16, 20)]


def test_the_mismatch_is_named_when_only_one_side_has_a_policy() -> None:
    hub, spoke = meet(INTRO + PROPOSAL, INTRO)
    assert not spoke.children
    assert any(line.startswith("encryption: ours AES_GCM_16_256; the peer's AES_CBC_256") for line in hub.troubles)


ASYMMETRIC = """
crypto ikev2 keyring RING
 peer THEM
  {who}
  pre-shared-key local {local}
  pre-shared-key remote {remote}
crypto ikev2 profile IKEV2-DMVPN
 match identity remote {match}
 identity local {identity}
 authentication local pre-share
 authentication remote pre-share
 keyring local RING
"""


@pytest.mark.parametrize(
    ("hub", "spoke"),
    [
        (
            {
                "who": "address 203.0.113.0 255.255.255.0",
                "match": "address 203.0.113.0 255.255.255.0",
                "identity": "address 198.51.100.1",
            },
            {"who": "address 198.51.100.1", "match": "address 198.51.100.1", "identity": "address 203.0.113.10"},
        ),
        (
            {
                "who": "identity fqdn domain example.net",
                "match": "fqdn domain example.net",
                "identity": "fqdn hub.example.net",
            },
            {
                "who": "address 198.51.100.1\n  identity fqdn hub.example.net",
                "match": "fqdn hub.example.net",
                "identity": "fqdn spoke.example.net",
            },
        ),
        (
            {
                "who": "identity email spoke@example.net",
                "match": "email domain example.net",
                "identity": "email hub@example.net",
            },
            {
                "who": "address 198.51.100.1\n  identity email hub@example.net",
                "match": "email hub@example.net",
                "identity": "email spoke@example.net",
            },
        ),
        (
            {"who": "identity key-id SPOKE", "match": "key-id SPOKE", "identity": "key-id HUB"},
            {"who": "address 0.0.0.0 0.0.0.0", "match": "any", "identity": "key-id SPOKE"},
        ),
    ],
)
@pytest.mark.conforms("ike:3.5-identities")
def test_keys_may_differ_by_direction_and_identities_are_of_every_kind(
    hub: dict[str, str], spoke: dict[str, str]
) -> None:
    one, two = meet(
        ASYMMETRIC.format(local="ofTheHub", remote="ofTheSpoke", **hub),
        ASYMMETRIC.format(local="ofTheSpoke", remote="ofTheHub", **spoke),
    )
    assert matched(one, two), (one.troubles, two.troubles)


def test_behind_a_nat_the_key_is_found_by_the_identity_or_by_the_outer_address() -> None:
    by_identity = {"who": "identity address 10.1.1.1", "match": "address 10.1.1.1", "identity": "address 198.51.100.1"}
    by_address = {"who": "address 203.0.113.9", "match": "any", "identity": "address 198.51.100.1"}
    inside = IPv4Address("10.1.1.1")
    spoke_lines = {"who": "address 198.51.100.1", "match": "any", "identity": "address 10.1.1.1"}
    for lines in (by_identity, by_address):
        net = IkeNet()
        net.nats[inside] = IPv4Address("203.0.113.9")
        hub, _ = site(net, ASYMMETRIC.format(local="a", remote="b", **lines), HUB)
        spoke = site(net, ASYMMETRIC.format(local="b", remote="a", **spoke_lines), inside)
        connect(spoke, HUB)
        net.run(5)
        assert hub.children, (hub.troubles, spoke[0].troubles)


def test_the_longest_prefix_of_a_keyring_has_the_key() -> None:
    ring = """
crypto ikev2 keyring RING
 peer ALL
  address 0.0.0.0 0.0.0.0
  pre-shared-key wrong
 peer NET
  address 203.0.113.0 255.255.255.0
  pre-shared-key wrong
 peer ONE
  address 203.0.113.10
  pre-shared-key right
crypto ikev2 profile IKEV2-DMVPN
 match identity remote address 0.0.0.0
 authentication local pre-share
 authentication remote pre-share
 keyring local RING
"""
    hub, spoke = meet(ring, ring.replace("wrong", "right"))
    assert matched(hub, spoke), hub.troubles


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("match identity remote address 0.0.0.0", "match identity remote fqdn other.example"),
            "matches the identity 203.0.113.10",
        ),
        (
            ("pre-shared-key remote DMVPN_KEY", "pre-shared-key remote another"),
            "pre-shared key: 203.0.113.10 has another one",
        ),
        (("keyring local KR-DMVPN", "keyring local NOBODY"), "keyring NOBODY has no key for 203.0.113.10"),
        (
            ("authentication remote pre-share", "authentication remote rsa-sig"),
            "proves itself by a pre-shared key, which",
        ),
    ],
)
def test_the_log_of_the_hub_says_what_is_wrong(change: tuple[str, str], told: str) -> None:
    assert change[0] in INTRO
    hub, spoke = meet(INTRO.replace(*change), INTRO)
    assert not spoke.children
    assert any(told in line for line in hub.troubles), hub.troubles


def test_without_a_profile_nothing_is_begun() -> None:
    written = book(INTRO.replace("crypto ikev2 profile IKEV2-DMVPN", "crypto ikev2 profile OTHER"), HUB)
    assert str(written.to(written.policies[0], SPOKE)) == (
        "ipsec profile IPSEC-DMVPN names the ikev2 profile IKEV2-DMVPN: there is none"
    )


def test_a_name_that_only_ends_like_the_domain_is_another_domain() -> None:
    text = INTRO.replace("match identity remote address 0.0.0.0", "match identity remote fqdn domain example.net")
    path = DatagramPath(Endpoint(HUB, 500), Endpoint(OTHER, 500))
    for name, is_ours in (("a.example.net", True), ("example.net", True), ("badexample.net", False)):
        terms = book(text, HUB).terms(path, Identification(IdType.FQDN, name.encode()), None)
        assert isinstance(terms, Terms) is is_ours, name
