"""From `crypto ikev2 ...` lines to what IKE does: profiles, keyrings, identities, defaults."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path as File

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.negotiation import ConnectionChanged
from dmvpn.base.protection import Connection, EspCipher, EspHash, EspTransform, ProtectionPolicy, Proved
from dmvpn.features.ike.config import model
from dmvpn.features.ike.identity import Identification, name_of, text_of_name
from dmvpn.features.ike.numbers import Encr, IdType
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint, Terms
from dmvpn.features.ike.settings import ConfiguredSettings
from dmvpn.network.device import Device
from dmvpn.network.overlay import EndPair, tunnel_ends
from dmvpn.network.terms.ike import IDENTITY, IKE, METHOD, PROPOSALS, VERSION
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.exercises import BUILT_IN
from support.ike_machines import MachineNet, Node
from support.ike_net import IkeNet, Site, matched
from support.texts import file_text

HUB, SPOKE, OTHER = (IPv4Address(text) for text in ("198.51.100.1", "203.0.113.10", "203.0.113.20"))
AES = EspTransform(EspCipher.AES_CBC, 256, EspHash.SHA256)
POLICY = ProtectionPolicy(name="IPSEC-DMVPN", local=HUB, ikev2_profile="IKEV2-DMVPN", transforms=(AES,))
INTRO = (File(BUILT_IN) / "intro-phase3" / "HUB.cfg").read_text()


def settings_of(text: str, local: IPv4Address) -> ConfiguredSettings:
    config = model(configurator(FEATURES).parse_text(text).tree)
    assert config is not None
    return ConfiguredSettings(config, (replace(POLICY, local=local),))


def site(net: IkeNet, text: str, local: IPv4Address) -> tuple[Site, ConfiguredSettings]:
    written = settings_of(text, local)
    return net.site(str(local), peer_settings=written), written


def connect(one: tuple[Site, ConfiguredSettings], other: IPv4Address) -> None:
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
    alone = settings_of(INTRO + PROPOSAL.replace(" proposal STRONG\n", " match fvrf any\n"), HUB)
    named = settings_of(INTRO + PROPOSAL, HUB)
    assert {suite.encr for suite in alone.suites(path)} == {Encr.AES_CBC}
    assert [(suite.encr, suite.group) for suite in named.suites(path)] == [(Encr.AES_GCM_16, 20)]


def test_the_mismatch_is_named_when_only_one_side_has_a_policy() -> None:
    hub, spoke = meet(INTRO + PROPOSAL, INTRO)
    assert not spoke.children
    assert any(line.startswith("encryption: ours AES_GCM_16_256; the peer's AES_CBC_256") for line in hub.troubles)


ASYMMETRIC = file_text("ikev2_book_asymmetric.cfg")


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
    ring = file_text("ikev2_book_ring.cfg")
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
    written = settings_of(INTRO.replace("crypto ikev2 profile IKEV2-DMVPN", "crypto ikev2 profile OTHER"), HUB)
    assert str(written.to(written.policies[0], SPOKE)) == (
        "ipsec profile IPSEC-DMVPN names the ikev2 profile IKEV2-DMVPN: there is none"
    )


def test_a_name_that_only_ends_like_the_domain_is_another_domain() -> None:
    text = INTRO.replace("match identity remote address 0.0.0.0", "match identity remote fqdn domain example.net")
    path = DatagramPath(Endpoint(HUB, 500), Endpoint(OTHER, 500))
    for name, is_ours in (("a.example.net", True), ("example.net", True), ("badexample.net", False)):
        terms = settings_of(text, HUB).terms(path, Identification(IdType.FQDN, name.encode()), None)
        assert isinstance(terms, Terms) is is_ours, name


# The lines that let IKE of two ends agree, on identities and algorithms: those that are there are changed.

PROFILE = (
    *("crypto ikev2 profile P", " match identity remote address 0.0.0.0", " authentication local pre-share"),
    *(" authentication remote pre-share", " keyring local KR"),
)
KEYS = ("crypto ikev2 keyring KR", " peer ANY", "  address 0.0.0.0 0.0.0.0", "  pre-shared-key key-of-tests")
OLD_KEY = "crypto isakmp key key-of-tests address 0.0.0.0"
MATCH = "match identity remote address 172.16.11.1 255.255.255.255"


def device(*lines: str, source: str) -> Device:
    """A router with these lines, and with a tunnel that is protected."""
    tunnel = (
        *("crypto ipsec transform-set TS esp-gcm 256", "crypto ipsec profile IPSEC", " set transform-set TS"),
        *("interface GigabitEthernet1", f" ip address {source} 255.255.255.0"),
        *("interface Tunnel0", " ip address 10.0.0.1 255.255.255.0", " tunnel source GigabitEthernet1"),
        *(" tunnel mode gre multipoint", " tunnel protection ipsec profile IPSEC"),
    )
    return Device.read("R.cfg", "\n".join((*lines, *tunnel)))


def pair(client: tuple[str, ...], server: tuple[str, ...]) -> EndPair:
    here, there = device(*client, source="172.16.31.1"), device(*server, source="172.16.11.1")
    return EndPair(next(tunnel_ends(here)), next(tunnel_ends(there)), nhrp=True)


def proposal_lines(client: tuple[str, ...], server: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines that let the client agree."""
    here, there = IKE.views(pair(client, server))
    assert here is not None
    assert there is not None
    return PROPOSALS.fix(here, there)


def failures(client: tuple[str, ...], server: tuple[str, ...]) -> list[tuple[object, bool, tuple[str, ...]]]:
    """Return which duties fail, whether the server is to change, and the lines."""
    return [(one.duty, one.of_server, one.fix) for one in IKE.failures(pair(client, server))]


def without(line: str) -> tuple[str, ...]:
    return tuple(one for one in (*KEYS, *PROFILE) if line not in one)


def test_two_ends_that_take_each_other_have_nothing_to_change() -> None:
    assert failures((*KEYS, *PROFILE), (*KEYS, *PROFILE)) == []


def test_of_several_profiles_the_one_that_the_tunnel_uses_takes_the_identity() -> None:
    other = ("crypto ikev2 profile OTHER", " match identity remote key-id x", "crypto ipsec profile IPSEC")
    server = (*without("match identity"), " match identity remote key-id x", *other, " set ikev2-profile P")
    lines = "crypto ikev2 profile P", "match identity remote address 0.0.0.0"
    assert failures((*KEYS, *PROFILE), server) == [(IDENTITY, True, lines)]


@pytest.mark.parametrize(
    ("own", "match"),
    [
        ("identity local email a@example.net", "match identity remote email a@example.net"),
        ("identity local address 192.0.2.9", "match identity remote address 192.0.2.9 255.255.255.255"),
    ],
)
def test_the_identity_is_what_the_other_end_says_and_not_where_it_seems_to_be(own: str, match: str) -> None:
    server = (*without("match identity"), " match identity remote key-id x")
    assert failures((*KEYS, *PROFILE, f" {own}"), server) == [(IDENTITY, True, ("crypto ikev2 profile P", match))]


def test_a_client_takes_the_identity_of_its_server_too() -> None:
    client = (*without("match identity"), " match identity remote address 192.0.2.1 255.255.255.255")
    server = (*KEYS, *PROFILE, " identity local fqdn hub.example.net")
    lines = "crypto ikev2 profile P", "match identity remote fqdn hub.example.net"
    assert failures(client, server) == [(IDENTITY, False, lines)]


def test_an_isakmp_profile_stays_one() -> None:
    old = (OLD_KEY, "crypto isakmp profile OLD", " match identity address 192.0.2.1 255.255.255.255")
    server = (*old, "crypto ipsec profile IPSEC", " set isakmp-profile OLD")
    lines = "crypto isakmp profile OLD", "match identity address 172.16.31.1 255.255.255.255"
    assert failures((OLD_KEY,), server) == [(IDENTITY, True, lines)]


def test_a_server_without_lines_of_ikev1_is_not_the_one_to_change() -> None:
    assert failures((OLD_KEY,), (*KEYS, *PROFILE)) == [(VERSION, False, ("crypto isakmp run-as ikev2",))]


def test_a_method_that_the_other_end_does_not_accept_is_added_there() -> None:
    server = tuple(line.replace("remote pre-share", "remote rsa-sig") for line in (*KEYS, *PROFILE))
    lines = "crypto ikev2 profile P", "authentication remote pre-share"
    assert failures((*KEYS, *PROFILE), server) == [(METHOD, True, lines)]


def test_a_policy_of_the_old_kind_gets_one_more_of_that_kind() -> None:
    old = (OLD_KEY, "crypto isakmp policy 20", " encryption aes 256", " hash sha256", " group 14")
    new = (OLD_KEY, "crypto isakmp policy 20", " encryption aes 256", " group 19")
    assert proposal_lines((OLD_KEY, "crypto isakmp policy 10", " group 2"), old) == (
        *("crypto isakmp policy 11", "encryption aes 256", "hash sha256", "group 14"),
    )
    assert proposal_lines((OLD_KEY,), new) == (*("crypto isakmp policy 10", "encryption aes 256", "group 19"),)


def test_a_policy_for_another_address_is_left_alone() -> None:
    own = (
        *("crypto ikev2 proposal X", " group 20", "crypto ikev2 policy LAN", " match address local 10.0.0.1"),
        *(" proposal X", "crypto ikev2 policy WAN", " proposal X"),
    )
    theirs = ("crypto ikev2 proposal T", " group 19", "crypto ikev2 policy ANY", " proposal T")
    assert proposal_lines((*KEYS, *PROFILE, *own), (*KEYS, *PROFILE, *theirs)) == (
        *("crypto ikev2 proposal T", "group 19", "crypto ikev2 policy WAN", "proposal T"),
    )


def test_what_a_proposal_says_and_the_other_one_does_not_goes() -> None:
    own = ("crypto ikev2 proposal T", " encryption aes-cbc-256", " integrity sha256", " group 19")
    theirs = ("crypto ikev2 proposal T", " encryption aes-gcm-256", " prf sha256", " group 19")
    policy = ("crypto ikev2 policy ANY", " proposal T")
    assert proposal_lines((*KEYS, *PROFILE, *own, *policy), (*KEYS, *PROFILE, *theirs, *policy)) == (
        *("crypto ikev2 proposal T", "encryption aes-gcm-256", "prf sha256", "group 19", "no integrity"),
    )


# Whose key proves which name: a key that was found by address is everybody's who has it.

HUB_NAME, SPOKE_NAME, OTHER_NAME = "198.51.100.1", "203.0.113.10", "203.0.113.66"
RING = """
crypto ikev2 keyring RING
 peer ALL
  address 0.0.0.0 0.0.0.0
  pre-shared-key everybody
 peer SPOKE1
  identity fqdn spoke1.example
  pre-shared-key its-own
"""
PROFILE_BY_NAME = """
crypto ikev2 profile P
 match identity remote any
 identity local {identity}
 authentication local pre-share
 authentication remote pre-share
 keyring local RING
"""
HUB_TEXT = RING + PROFILE_BY_NAME.format(identity=f"address {HUB_NAME}")


def spoke(identity: str, key: str) -> str:
    return f"""
crypto ikev2 keyring RING
 peer HUB
  address {HUB_NAME}
  pre-shared-key {key}
{PROFILE_BY_NAME.format(identity=identity)}"""


def meet_as(hub: str, text: str, address: str = SPOKE_NAME) -> tuple[Node, list[Connection]]:
    net = MachineNet()
    responder, initiator = net.node(HUB_NAME, hub), net.node(address, text)
    initiator.want(responder)
    net.run(5)
    return responder, list(responder.connections.values())


def test_the_key_of_its_entry_proves_a_name() -> None:
    _, (made,) = meet_as(HUB_TEXT, spoke("fqdn spoke1.example", "its-own"))
    assert made.identity == "spoke1.example"
    assert made.proved == Proved(IdType.FQDN, b"spoke1.example", "keyring RING peer SPOKE1")
    assert made.unproved == ""


def test_the_key_of_all_does_not_prove_a_name_that_an_entry_names() -> None:
    hub, made = meet_as(HUB_TEXT, spoke("fqdn spoke1.example", "everybody"))
    assert made == []
    assert any("spoke1.example has another one" in line for line in hub.logs), hub.logs


def test_nor_does_it_in_another_profile_whose_keyring_does_not_name_it() -> None:
    """The first profile that matches is for anybody: the key of all was enough for the name of one."""
    second = PROFILE_BY_NAME.format(identity=f"address {HUB_NAME}").replace("profile P", "profile Q")
    named = RING.replace(" peer ALL\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key everybody\n", "")
    named = named.replace("RING", "NAMED").replace("its-own", "its-own")
    wild = RING[: RING.index(" peer SPOKE1")]
    default = PROFILE_BY_NAME.format(identity=f"address {HUB_NAME}").replace("profile P", "profile default")
    text = wild + named + default + second.replace("keyring local RING", "keyring local NAMED")
    hub, made = meet_as(text, spoke("fqdn spoke1.example", "everybody"))
    assert made == []
    assert any("is named by keyring NAMED, and its key alone proves it" in line for line in hub.logs), hub.logs


def test_a_name_that_nobody_names_is_taken_and_known_not_to_be_proved() -> None:
    _, (made,) = meet_as(HUB_TEXT, spoke("fqdn spoke2.example", "everybody"))
    assert made.unproved == "keyring RING peer ALL"
    _, (made,) = meet_as(HUB_TEXT, spoke(f"address {SPOKE_NAME}", "everybody"))
    assert made.unproved == "keyring RING peer ALL"


def test_a_name_of_another_kind_is_another_one_though_it_reads_the_same() -> None:
    _, (one,) = meet_as(HUB_TEXT, spoke("fqdn spoke1.example", "its-own"))
    _, (two,) = meet_as(HUB_TEXT, spoke("key-id spoke1.example", "everybody"))
    assert one.identity == two.identity
    assert one.proved != two.proved


def test_an_entry_for_one_address_proves_that_address() -> None:
    text = HUB_TEXT.replace("identity fqdn spoke1.example", f"address {SPOKE_NAME}")
    _, (made,) = meet_as(text, spoke(f"address {SPOKE_NAME}", "its-own"))
    assert made.unproved == ""
    assert meet_as(text, spoke(f"address {SPOKE_NAME}", "everybody"), OTHER_NAME)[1] == []


@pytest.mark.parametrize(("identity", "key", "taken"), [("spoke1", "its-own", True), ("spoke2", "everybody", False)])
def test_names_that_are_not_proved_are_refused_where_the_profile_says_so(identity: str, key: str, taken: bool) -> None:
    hub, made = meet_as(HUB_TEXT + " refuse unproved-names\n", spoke(f"fqdn {identity}.example", key))
    assert bool(made) is taken
    assert taken or any("was found by address, and proves no name" in line for line in hub.logs), hub.logs


def test_two_keys_with_one_name_behind_one_translator_are_two_connections() -> None:
    """Whoever had any key took the connection, and with it the addresses, of whom it named itself after."""
    text = HUB_TEXT.replace("address 0.0.0.0 0.0.0.0", "address 203.0.113.0 255.255.255.0")
    net = MachineNet()
    hub, one = net.node(HUB_NAME, text), net.node(SPOKE_NAME, spoke("fqdn spoke2.example", "everybody"))
    one.want(hub)
    net.run(5)
    hub.configure(text.replace(" peer ALL", " peer RENAMED"))
    net.node(SPOKE_NAME, spoke("fqdn spoke2.example", "everybody"), seed="again").want(hub)
    net.run(5)
    numbers = {change.new.number for change in hub.heard(ConnectionChanged) if change.new is not None}
    assert len(numbers) == 2


# X.500 names as identities: read as IOS writes them, whatever a stranger sends.


@pytest.mark.parametrize(
    ("rfc4514", "shown"),
    [
        ("CN=R1,OU=Spokes,O=Example", "cn=R1,ou=Spokes,o=Example"),
        ("CN=Zoë", "cn=Zoë"),
        ("DC=example,DC=net", "dc=example,dc=net"),
        ("1.2.840.113549.1.9.2=r1.example", "hostname=r1.example"),
        ("CN=R1+serialNumber=7", "serialNumber=7,cn=R1"),
    ],
)
def test_a_name_is_shown_with_its_most_specific_part_first(rfc4514: str, shown: str) -> None:
    attributes = {"serialNumber": x509.NameOID.SERIAL_NUMBER}
    octets = x509.Name.from_rfc4514_string(rfc4514, attributes).public_bytes()
    assert sorted(text_of_name(octets).split(",")) == sorted(shown.split(","))
    assert "+" in rfc4514 or text_of_name(octets) == shown


def test_control_characters_do_not_reach_a_terminal() -> None:
    octets = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "R1\x1b[2J\nroot")]).public_bytes()
    assert text_of_name(octets) == "cn=R1\\x1b[2J\\x0aroot"


@given(st.binary(max_size=80))
def test_any_octets_are_a_name_or_none(octets: bytes) -> None:
    assert text_of_name(octets).isprintable()
    assert name_of(Identification(IdType.DER_ASN1_DN, octets))


@given(st.integers(0, 60), st.binary(min_size=1, max_size=3))
def test_a_damaged_name_is_a_name_or_none(place: int, damage: bytes) -> None:
    octets = x509.Name.from_rfc4514_string("CN=R1,OU=Spokes,O=Example").public_bytes()
    assert text_of_name(octets[:place] + damage + octets[place + len(damage) :]).isprintable()
