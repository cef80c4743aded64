"""From `crypto isakmp` and `crypto keyring` lines to what main mode says: policies, keys by address, profiles."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.base.protection import EspCipher, EspHash, EspTransform, IkeVersion, ProtectionPolicy
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.config import model
from dmvpn.features.ike.identity import Identification, of_address
from dmvpn.features.ike.numbers import IdType, Integ
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint, Terms
from dmvpn.features.ike.settings import ConfigurationBook
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

HUB, SPOKE, INSIDE = (IPv4Address(text) for text in ("198.51.100.1", "203.0.113.10", "192.168.1.10"))
PATH = DatagramPath(Endpoint(HUB, 500), Endpoint(SPOKE, 500))
AES = EspTransform(EspCipher.AES_CBC, 256, EspHash.SHA256)
POLICY = ProtectionPolicy(name="DMVPN", local=HUB, ikev2_profile="", transforms=(AES,))
WILDCARD = "crypto isakmp key everybody address 0.0.0.0 0.0.0.0\n"
STRONG = """crypto isakmp policy 10
 encryption aes 256
 hash sha256
 authentication pre-share
 group 14
 lifetime 3600
"""


def book(text: str, policy: ProtectionPolicy = POLICY) -> ConfigurationBook:
    config = model(configurator(FEATURES).parse_text(text).tree)
    assert config is not None
    return ConfigurationBook(config, (policy,))


def offered(text: str) -> list[tuple[int, int, int, float]]:
    """Return bits, prf, group and lifetime of each transform."""
    transforms = book(text).main_mode(PATH).transforms
    return [(one.suite.key_bits, one.suite.prf, one.suite.group, one.lifetime) for one in transforms]


def v1_terms(written: ConfigurationBook, theirs: Identification) -> Terms | Reason:
    return written.terms(PATH, theirs, None, version=IkeVersion.V1)


def test_main_mode_offers_the_policies_in_the_order_of_their_numbers_with_the_lifetime_of_each() -> None:
    second = STRONG.replace("policy 10", "policy 20").replace("256", "192", 1).replace("3600", "7200")
    assert offered(second + STRONG + WILDCARD) == [(256, 5, 14, 3600.0), (192, 5, 14, 7200.0)]
    (only,) = book(STRONG + WILDCARD).main_mode(PATH).transforms
    assert only.suite.integ == Integ.NONE


@pytest.mark.conforms("ike1:4-des")
@pytest.mark.parametrize("line", ["encryption des", "encryption 3des", "hash md5", "group 1", "group 2"])
def test_a_policy_with_a_weak_or_missing_algorithm_is_not_offered(line: str) -> None:
    word = line.split()[0]
    lines = [f" {line}" if each.split()[0] == word else each for each in STRONG.splitlines()]
    assert offered("\n".join(lines) + "\n" + WILDCARD) == []


@pytest.mark.conforms("ike1:4-group-2")
@pytest.mark.parametrize("line", ["crypto engine compliance shield disable", "crypto isakmp weak-algorithms"])
def test_what_is_weak_is_offered_where_the_switch_permits_it(line: str) -> None:
    text = STRONG.replace("group 14", "group 5") + f"{line}\n" + WILDCARD
    assert offered(text) == [(256, 5, 5, 3600.0)]
    assert offered(text.replace("aes 256", "3des").replace("sha256", "md5")) == [(0, 1, 5, 3600.0)]
    assert offered(text.replace("group 5", "group 1")) == []


def test_keys_without_any_policy_get_the_default_policies() -> None:
    assert offered(WILDCARD) == [(256, 5, 14, 86400.0), (128, 2, 14, 86400.0)]


def test_a_policy_of_ikev2_hides_no_isakmp_policy() -> None:
    proposal = "crypto ikev2 proposal P\n encryption aes-gcm-256\n prf sha384\n group 20\n"
    assert offered(STRONG + proposal + "crypto ikev2 policy M\n proposal P\n" + WILDCARD) == [(256, 5, 14, 3600.0)]


def test_main_mode_is_not_spoken_where_an_ikev2_profile_is_set() -> None:
    written = book(STRONG + WILDCARD, replace(POLICY, ikev2_profile="IKEV2"))
    assert (written.main_mode(PATH).transforms, written.main_mode(PATH).secrets) == ((), ())


@pytest.mark.conforms("ike1:5.4-address")
def test_the_key_is_the_one_for_the_longest_prefix_around_the_address_of_the_peer() -> None:
    text = WILDCARD + "crypto isakmp key network address 203.0.113.0 255.255.255.0\n"
    assert book(text).main_mode(PATH).secrets == (b"network",)
    text += "crypto isakmp key host address 203.0.113.10\n"
    assert book(text).main_mode(PATH).secrets == (b"host",)


def test_there_is_no_key_for_an_address_that_no_line_covers_but_the_policies_stand() -> None:
    opening = book(STRONG + "crypto isakmp key other address 203.0.113.99\n").main_mode(PATH)
    assert (opening.secrets, len(opening.transforms)) == ((), 1)


def test_the_key_of_a_keyring_that_a_profile_names_is_for_that_profile_alone() -> None:
    text = WILDCARD + (
        "crypto keyring RING\n pre-shared-key address 0.0.0.0 0.0.0.0 key of-the-ring\n"
        "crypto isakmp profile P\n keyring RING\n match identity address 0.0.0.0\n"
    )
    assert book(text).main_mode(PATH).secrets == (b"everybody",)
    assert book(text, replace(POLICY, isakmp_profile="P")).main_mode(PATH).secrets == (b"of-the-ring",)


def test_no_repr_shows_the_keys() -> None:
    assert "everybody" not in repr(book(WILDCARD).main_mode(PATH))


def test_ikev1_never_uses_a_profile_of_ikev2() -> None:
    ikev2 = "crypto ikev2 profile default\n match identity remote any\n authentication local pre-share\n"
    ikev2 += " authentication remote pre-share\n keyring local K\ncrypto ikev2 keyring K\n peer ANY\n"
    ikev2 += "  address 0.0.0.0 0.0.0.0\n  pre-shared-key of-ikev2\n"
    written = book(ikev2 + WILDCARD)
    terms, other = v1_terms(written, of_address(SPOKE)), written.terms(PATH, of_address(SPOKE), None)
    assert isinstance(terms, Terms)
    assert isinstance(other, Terms)
    assert (terms.version, terms.secret) == (IkeVersion.V1, b"everybody")
    assert (other.version, other.secret) == (IkeVersion.V2, b"of-ikev2")
    assert isinstance(v1_terms(book(ikev2), of_address(SPOKE)), Reason)


@pytest.mark.conforms("ike1:5.4-address")
def test_a_spoke_behind_a_nat_proves_itself_by_the_key_of_its_outer_address_not_of_the_inner_one_that_it_claims() -> (
    None
):
    text = (
        "crypto isakmp key inner address 192.168.0.0 255.255.0.0\n"
        "crypto isakmp key outer address 203.0.113.0 255.255.255.0\n"
    )
    written = book(text)
    terms = v1_terms(written, of_address(INSIDE))
    assert isinstance(terms, Terms)
    found = written.expectation(terms, PATH, of_address(INSIDE))
    assert not isinstance(found, Reason)
    assert (terms.secret, found.secrets, found.named) == (b"outer", (b"outer",), False)


def test_a_peer_that_claims_a_name_with_a_key_of_its_own_must_have_that_key() -> None:
    written = book(WILDCARD + "crypto isakmp key its-own hostname spoke1.example\n")
    theirs = Identification(IdType.FQDN, b"spoke1.example")
    terms = v1_terms(written, theirs)
    assert isinstance(terms, Terms)
    found = written.expectation(terms, PATH, theirs)
    assert not isinstance(found, Reason)
    assert (found.secrets, found.named) == ((b"its-own",), True)


def test_keepalives_of_ikev1_come_from_the_isakmp_lines_alone() -> None:
    written = book(WILDCARD + "crypto ikev2 dpd 30 5 periodic\n")
    terms, other = v1_terms(written, of_address(SPOKE)), written.terms(PATH, of_address(SPOKE), None)
    assert isinstance(terms, Terms)
    assert isinstance(other, Terms)
    assert (terms.dpd, other.dpd) == (0.0, 30.0)
    terms = v1_terms(book(WILDCARD + "crypto isakmp keepalive 20 5 periodic\n"), of_address(SPOKE))
    assert isinstance(terms, Terms)
    assert (terms.dpd, terms.dpd_retry) == (20.0, 5.0)


def test_a_profile_of_ikev1_has_keepalives_of_its_own() -> None:
    lines = "crypto isakmp keepalive 20 5 periodic\ncrypto isakmp profile P1\n match identity address 0.0.0.0\n"
    written = book(f"{WILDCARD}{lines} keepalive 30 retry 3\n", replace(POLICY, isakmp_profile="P1"))
    terms = v1_terms(written, of_address(SPOKE))
    assert isinstance(terms, Terms)
    assert (terms.dpd, terms.dpd_retry, terms.on_demand) == (30.0, 3.0, True)


# ----------------------------------------------------------------------------------------- with which version we begin


IKEV2 = """crypto ikev2 keyring K
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key of-ikev2
crypto ikev2 profile P2
 match identity remote any
 authentication local pre-share
 authentication remote pre-share
 keyring local K
"""
OLD_PROFILE = "crypto isakmp profile P1\n match identity address 0.0.0.0\n"
RUN_AS = "crypto isakmp run-as ikev2\n"


@pytest.mark.parametrize(
    ("lines", "named", "version", "secret"),
    [
        ("", {}, IkeVersion.V1, b"everybody"),
        (RUN_AS, {}, IkeVersion.V2, b"everybody"),
        (IKEV2, {}, IkeVersion.V2, b"of-ikev2"),
        (IKEV2 + IKEV2.replace("P2", "P3"), {}, IkeVersion.V1, b"everybody"),
        (IKEV2 + IKEV2.replace("P2", "default"), {}, IkeVersion.V2, b"of-ikev2"),
        (IKEV2, {"ikev2_profile": "P2"}, IkeVersion.V2, b"of-ikev2"),
        (IKEV2 + OLD_PROFILE, {"isakmp_profile": "P1"}, IkeVersion.V1, b"everybody"),
        (IKEV2 + OLD_PROFILE + RUN_AS, {"isakmp_profile": "P1"}, IkeVersion.V2, b"everybody"),
    ],
)
def test_the_profile_decides_with_which_version_we_begin(
    lines: str, named: dict[str, str], version: IkeVersion, secret: bytes
) -> None:
    policy = replace(POLICY, **named)  # type: ignore[arg-type]
    terms = book(WILDCARD + lines, policy).to(policy, SPOKE)
    assert isinstance(terms, Terms)
    assert (terms.version, terms.secret) == (version, secret)


def test_an_ipsec_profile_has_one_version_of_ike() -> None:
    for first, second in (("ikev2", "isakmp"), ("isakmp", "ikev2")):
        text = f"crypto ipsec profile P\n set {first}-profile A\n set {second}-profile B\n"
        (problem,) = configurator(FEATURES).parse_text(text).problems
        assert problem.message_lines == (
            f"% set {first}-profile is there already, and a profile has one version of IKE; take it back first",
        )
        assert not problem.is_warning


def test_an_initiator_says_which_policies_it_cannot_use() -> None:
    weak = STRONG.replace("aes 256", "3des").replace("group 14", "group 2")
    refusal = book(weak + WILDCARD).to(POLICY, SPOKE)
    assert isinstance(refusal, Reason)
    assert refusal.what == (
        "no crypto isakmp policy can be used: 10 (3des, group 2); `crypto engine compliance shield disable` permits "
        "groups 2 and 5, and in IKEv1 3DES and MD5"
    )
    broken = book(weak.replace("3des", "des").replace("group 2", "group 1") + WILDCARD).to(POLICY, SPOKE)
    assert isinstance(broken, Reason)
    assert broken.what == "no crypto isakmp policy can be used: 10 (des, group 1)"
