"""From `crypto isakmp` and `crypto keyring` lines to what main mode says: policies, keys by address, profiles."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest

from dmvpn.base.errors import WireError
from dmvpn.base.protection import EspCipher, EspHash, EspTransform, IkeVersion, ProtectionPolicy
from dmvpn.base.reasons import Reason
from dmvpn.base.sessions import SessionIke, ike_line, ike_lines
from dmvpn.features.ike.chain import TrafficSelector
from dmvpn.features.ike.config import model
from dmvpn.features.ike.identity import Identification, of_address
from dmvpn.features.ike.numbers import IdType, Integ
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint, Terms
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.settings import ConfiguredSettings
from dmvpn.features.ike.v1.packet import IdentificationPayload, identity_of, selector_of
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support.ikev1_capture import Capture, opened

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


def settings_of(text: str, policy: ProtectionPolicy = POLICY) -> ConfiguredSettings:
    config = model(configurator(FEATURES).parse_text(text).tree)
    assert config is not None
    return ConfiguredSettings(config, (policy,))


def offered(text: str) -> list[tuple[int, int, int, float]]:
    """Return bits, prf, group and lifetime of each transform."""
    transforms = settings_of(text).main_mode(PATH).transforms
    return [(one.suite.key_bits, one.suite.prf, one.suite.group, one.lifetime) for one in transforms]


def v1_terms(written: ConfiguredSettings, theirs: Identification) -> Terms | Reason:
    return written.terms(PATH, theirs, None, version=IkeVersion.V1)


def test_main_mode_offers_the_policies_in_the_order_of_their_numbers_with_the_lifetime_of_each() -> None:
    second = STRONG.replace("policy 10", "policy 20").replace("256", "192", 1).replace("3600", "7200")
    assert offered(second + STRONG + WILDCARD) == [(256, 5, 14, 3600.0), (192, 5, 14, 7200.0)]
    (only,) = settings_of(STRONG + WILDCARD).main_mode(PATH).transforms
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
    written = settings_of(STRONG + WILDCARD, replace(POLICY, ikev2_profile="IKEV2"))
    assert (written.main_mode(PATH).transforms, written.main_mode(PATH).secrets) == ((), ())


@pytest.mark.conforms("ike1:5.4-address")
def test_the_key_is_the_one_for_the_longest_prefix_around_the_address_of_the_peer() -> None:
    text = WILDCARD + "crypto isakmp key network address 203.0.113.0 255.255.255.0\n"
    assert settings_of(text).main_mode(PATH).secrets == (b"network",)
    text += "crypto isakmp key host address 203.0.113.10\n"
    assert settings_of(text).main_mode(PATH).secrets == (b"host",)


def test_there_is_no_key_for_an_address_that_no_line_covers_but_the_policies_stand() -> None:
    opening = settings_of(STRONG + "crypto isakmp key other address 203.0.113.99\n").main_mode(PATH)
    assert (opening.secrets, len(opening.transforms)) == ((), 1)


def test_the_key_of_a_keyring_that_a_profile_names_is_for_that_profile_alone() -> None:
    text = WILDCARD + (
        "crypto keyring RING\n pre-shared-key address 0.0.0.0 0.0.0.0 key of-the-ring\n"
        "crypto isakmp profile P\n keyring RING\n match identity address 0.0.0.0\n"
    )
    assert settings_of(text).main_mode(PATH).secrets == (b"everybody",)
    assert settings_of(text, replace(POLICY, isakmp_profile="P")).main_mode(PATH).secrets == (b"of-the-ring",)


def test_no_repr_shows_the_keys() -> None:
    assert "everybody" not in repr(settings_of(WILDCARD).main_mode(PATH))


def test_ikev1_never_uses_a_profile_of_ikev2() -> None:
    ikev2 = "crypto ikev2 profile default\n match identity remote any\n authentication local pre-share\n"
    ikev2 += " authentication remote pre-share\n keyring local K\ncrypto ikev2 keyring K\n peer ANY\n"
    ikev2 += "  address 0.0.0.0 0.0.0.0\n  pre-shared-key of-ikev2\n"
    written = settings_of(ikev2 + WILDCARD)
    terms, other = v1_terms(written, of_address(SPOKE)), written.terms(PATH, of_address(SPOKE), None)
    assert isinstance(terms, Terms)
    assert isinstance(other, Terms)
    assert (terms.version, terms.secret) == (IkeVersion.V1, b"everybody")
    assert (other.version, other.secret) == (IkeVersion.V2, b"of-ikev2")
    assert isinstance(v1_terms(settings_of(ikev2), of_address(SPOKE)), Reason)


@pytest.mark.conforms("ike1:5.4-address")
def test_a_spoke_behind_a_nat_proves_itself_by_the_key_of_its_outer_address_not_of_the_inner_one_that_it_claims() -> (
    None
):
    text = (
        "crypto isakmp key inner address 192.168.0.0 255.255.0.0\n"
        "crypto isakmp key outer address 203.0.113.0 255.255.255.0\n"
    )
    written = settings_of(text)
    terms = v1_terms(written, of_address(INSIDE))
    assert isinstance(terms, Terms)
    found = written.expectation(terms, PATH, of_address(INSIDE))
    assert not isinstance(found, Reason)
    assert (terms.secret, found.secrets, found.named) == (b"outer", (b"outer",), False)


def test_a_peer_that_claims_a_name_with_a_key_of_its_own_must_have_that_key() -> None:
    written = settings_of(WILDCARD + "crypto isakmp key its-own hostname spoke1.example\n")
    theirs = Identification(IdType.FQDN, b"spoke1.example")
    terms = v1_terms(written, theirs)
    assert isinstance(terms, Terms)
    found = written.expectation(terms, PATH, theirs)
    assert not isinstance(found, Reason)
    assert (found.secrets, found.named) == ((b"its-own",), True)


def test_keepalives_of_ikev1_come_from_the_isakmp_lines_alone() -> None:
    written = settings_of(WILDCARD + "crypto ikev2 dpd 30 5 periodic\n")
    terms, other = v1_terms(written, of_address(SPOKE)), written.terms(PATH, of_address(SPOKE), None)
    assert isinstance(terms, Terms)
    assert isinstance(other, Terms)
    assert (terms.dpd, other.dpd) == (0.0, 30.0)
    terms = v1_terms(settings_of(WILDCARD + "crypto isakmp keepalive 20 5 periodic\n"), of_address(SPOKE))
    assert isinstance(terms, Terms)
    assert (terms.dpd, terms.dpd_retry) == (20.0, 5.0)


def test_a_profile_of_ikev1_has_keepalives_of_its_own() -> None:
    lines = "crypto isakmp keepalive 20 5 periodic\ncrypto isakmp profile P1\n match identity address 0.0.0.0\n"
    written = settings_of(f"{WILDCARD}{lines} keepalive 30 retry 3\n", replace(POLICY, isakmp_profile="P1"))
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
    terms = settings_of(WILDCARD + lines, policy).to(policy, SPOKE)
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
    refusal = settings_of(weak + WILDCARD).to(POLICY, SPOKE)
    assert isinstance(refusal, Reason)
    assert refusal.what == (
        "no crypto isakmp policy can be used: 10 (3des, group 2); `crypto engine compliance shield disable` permits "
        "groups 2 and 5, and in IKEv1 3DES and MD5"
    )
    broken = settings_of(weak.replace("3des", "des").replace("group 2", "group 1") + WILDCARD).to(POLICY, SPOKE)
    assert isinstance(broken, Reason)
    assert broken.what == "no crypto isakmp policy can be used: 10 (des, group 1)"


# Keys of IKEv1 are of one VRF: two peers in two VRFs may have one address, and must not have one key by that.

STRONG_POLICY = "crypto isakmp policy 10\n encryption aes 256\n hash sha256\n authentication pre-share\n group 14\n"
GLOBAL = "crypto isakmp key of-the-global-table address 0.0.0.0 0.0.0.0\n"
RINGS = """crypto keyring HERE
 pre-shared-key address 0.0.0.0 0.0.0.0 key of-no-vrf
crypto keyring THERE vrf WAN
 pre-shared-key address 0.0.0.0 0.0.0.0 key of-the-wan
"""
PROFILE = "crypto isakmp profile P\n keyring {ring}\n match identity address 0.0.0.0 {vrf}\n"


def settings_of_vrf(text: str, front: str, profile: str = "") -> ConfiguredSettings:
    config = model(configurator(FEATURES).parse_text(STRONG_POLICY + text).tree)
    assert config is not None
    return ConfiguredSettings(config, (replace(POLICY, front=front, isakmp_profile=profile),))


def path(written: ConfiguredSettings) -> DatagramPath:
    """Return the path of its peer, in the front door of its tunnel."""
    return PATH._replace(front=written.policies[0].front)


def secrets(written: ConfiguredSettings) -> list[bytes]:
    """Return our keys as initiator, and those of a responder in main mode; both have to agree."""
    begins = written.to(written.policies[0], SPOKE)
    answers = list(written.main_mode(path(written)).secrets)
    assert ([begins.secret] if isinstance(begins, Terms) else []) == answers
    return answers


def test_a_key_without_a_vrf_is_for_peers_in_the_global_table_only() -> None:
    assert secrets(settings_of_vrf(GLOBAL, "")) == [b"of-the-global-table"]
    assert secrets(settings_of_vrf(GLOBAL, "WAN")) == []


def test_the_reason_names_the_missing_line_at_both_ends() -> None:
    written = settings_of_vrf(GLOBAL, "WAN")
    begins, answers = written.to(written.policies[0], SPOKE), written.main_mode(path(written)).keyless
    for why in (begins, answers):
        assert isinstance(why, Reason)
        assert why.code is IkeReason.NO_KEY_IN_VRF
        assert str(why).startswith(
            f"no isakmp pre-shared key for {SPOKE} in VRF WAN: crypto keyring NAME vrf WAN is needed"
        )


@pytest.mark.parametrize(("front", "key"), [("", b"of-no-vrf"), ("WAN", b"of-the-wan")])
def test_keyrings_that_no_profile_names_are_for_peers_of_their_vrf(front: str, key: bytes) -> None:
    assert secrets(settings_of_vrf(RINGS, front)) == [key]
    assert secrets(settings_of_vrf(RINGS, "LTE")) == []


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
    assert secrets(settings_of_vrf(RINGS + GLOBAL + PROFILE.format(ring=ring, vrf=front), front, "P")) == key


@pytest.mark.parametrize(("vrf", "front", "fits"), [("WAN", "WAN", True), ("", "WAN", False), ("WAN", "", False)])
def test_a_matched_address_is_one_of_the_vrf_that_the_line_names(vrf: str, front: str, fits: bool) -> None:
    ring = "THERE" if front else "HERE"
    written = settings_of_vrf(RINGS + PROFILE.format(ring=ring, vrf=vrf), front, "P")
    assert isinstance(written.terms(path(written), of_address(SPOKE), None, version=IkeVersion.V1), Terms) is fits


def test_a_keyring_that_moves_to_a_vrf_takes_its_keys_along() -> None:
    config = configurator(FEATURES)
    here, there = (
        model(config.parse_text(STRONG_POLICY + RINGS.replace("THERE vrf WAN", f"THERE vrf {vrf}")).tree)
        for vrf in ("WAN", "LTE")
    )
    assert here is not None
    assert there is not None
    policies = (replace(POLICY, front="LTE"),)
    written = ConfiguredSettings(here, policies)
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
        written = settings_of_vrf(lines, front)
        policy = replace(written.policies[0], ikev2_profile="P")
        assert isinstance(written.to(policy, SPOKE), Terms) is is_meant


# For which packets the SAs of quick mode are: identities of addresses, subnets and ranges.


def selector(first: str, last: str, protocol: int = 47, ports: tuple[int, int] = (0, 65535)) -> TrafficSelector:
    return TrafficSelector(ip_address(first), ip_address(last), protocol, ports)


HEXES = [
    (1, "c0000201", selector("192.0.2.1", "192.0.2.1")),
    (4, "0a000105ffffff00", selector("10.0.1.0", "10.0.1.255")),
    (4, "0000000000000000", selector("0.0.0.0", "255.255.255.255")),
    (7, "0a0000010a000009", selector("10.0.0.1", "10.0.0.9")),
    (5, "20010db8" + "00" * 11 + "01", selector("2001:db8::1", "2001:db8::1")),
    (6, "20010db8" + "00" * 12 + "ff" * 15 + "00", selector("2001:db8::", "2001:db8::ff")),
]  # fmt: skip


@pytest.mark.conforms("doi:4.6.2-packets")
@pytest.mark.parametrize(("kind", "octets", "packets"), HEXES)
def test_an_identity_names_packets(kind: int, octets: str, packets: TrafficSelector) -> None:
    assert selector_of(IdentificationPayload(kind, bytes.fromhex(octets), 47)) == packets


@pytest.mark.conforms("doi:4.6.2-packets")
@pytest.mark.parametrize(
    "packets",
    [
        selector("192.0.2.1", "192.0.2.1"),
        selector("192.0.2.1", "192.0.2.1", 17, (500, 500)),
        selector("10.0.0.0", "10.0.0.255", 0),
        selector("2001:db8::1", "2001:db8::1"),
        selector("2001:db8::", "2001:db8::ff"),
    ],
)
def test_packets_come_through_as_an_identity(packets: TrafficSelector) -> None:
    assert selector_of(identity_of(packets)) == packets


def test_a_host_with_gre_is_an_address_as_ios_sends_it() -> None:
    assert identity_of(selector("203.0.113.2", "203.0.113.2")).body().hex() == "012f0000cb007102"


def test_several_ports_have_no_identity() -> None:
    with pytest.raises(ValueError, match="500 to 501"):
        identity_of(selector("192.0.2.1", "192.0.2.1", 17, (500, 501)))


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        (2, "687562"),
        (1, "c00002"),
        (1, ""),
        (4, "c0000200"),
        (4, "c0000200ff00ff00"),
        (7, "0a0000090a000001"),
        (99, ""),
    ],
    ids=["a name", "short", "empty", "no mask", "a mask with gaps", "backwards", "unknown"],
)
def test_an_identity_that_names_no_packets_is_refused(kind: int, octets: str) -> None:
    with pytest.raises(WireError):
        selector_of(IdentificationPayload(kind, bytes.fromhex(octets)))


def test_strongswans_networks_are_read() -> None:
    (sa,) = opened(Capture("ikev1-psk-cbc"))
    found = {
        str(selector_of(identity))
        for read in sa.messages
        if read.inside and read.message.header.message_id
        for identity in read.inside.all(IdentificationPayload)
    }
    assert "192.0.2.2/47" in found
    assert any("-" in each for each in found)


# How people hear of IKEv1: the words for its profiles in reasons, its sessions in debugs, the log and shows.

OTHER_KEY = "crypto isakmp key other address 203.0.113.99\n"
RING = "crypto keyring RING\n pre-shared-key address 203.0.113.99 key other\n"
PROFILE_P = "crypto isakmp profile P\n keyring RING\n match identity address 203.0.113.0 255.255.255.0\n"


@pytest.mark.parametrize(
    ("text", "profile", "says"),
    [
        (OTHER_KEY, "", "crypto isakmp has no key for 203.0.113.10"),
        (RING + PROFILE_P, "P", "isakmp profile P: keyring RING has no key for 203.0.113.10"),
    ],
)
def test_a_missing_key_is_named_by_the_lines_where_it_should_be(text: str, profile: str, says: str) -> None:
    policy = replace(POLICY, isakmp_profile=profile)
    assert str(settings_of(text, policy).to(policy, SPOKE)) == says


@pytest.mark.parametrize("others", ["", OTHER_KEY])
def test_a_key_of_a_profile_that_the_tunnel_does_not_name_is_named_with_the_line(others: str) -> None:
    """The reason was that there is no key, or that there is not exactly one ikev2 profile."""
    known = settings_of(others + RING.replace(".99", ".10") + PROFILE_P)
    says = "isakmp profile P has the key for 203.0.113.10, and ipsec profile DMVPN has no line set isakmp-profile"
    assert str(known.to(POLICY, SPOKE)) == says
    assert str(known.main_mode(PATH).keyless) == says


def test_an_identity_that_no_isakmp_profile_means_is_refused_in_words_of_isakmp() -> None:
    policy = replace(POLICY, isakmp_profile="P")
    refusal = settings_of(RING + PROFILE_P, policy).terms(PATH, of_address(HUB), None, version=IkeVersion.V1)
    assert str(refusal) == "no isakmp profile of a protected tunnel matches the identity 198.51.100.1"


def test_a_name_that_another_keyring_has_is_refused_by_the_names_that_the_lines_give() -> None:
    policy = replace(POLICY, isakmp_profile="P")
    ring = "crypto keyring RING\n pre-shared-key address 0.0.0.0 0.0.0.0 key everybody\n"
    profile = "crypto isakmp profile P\n keyring RING\n match identity host spoke.example\n"
    others = "crypto isakmp profile Q\n keyring OTHERS\ncrypto keyring OTHERS\n"
    others += " pre-shared-key hostname spoke.example key its-own\n"
    written = settings_of(ring + profile + others, policy)
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
