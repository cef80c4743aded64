"""IKE between two configured routers with certificates: who is believed, and what the log says of the others."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path as File
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.events import ClockSet
from dmvpn.base.protection import EspCipher, EspTransform, ProtectionPolicy
from dmvpn.features.ike.config import model
from dmvpn.features.ike.crypto.certificates import Anchors, Untrusted, parsed
from dmvpn.features.ike.identity import Identification, name_of
from dmvpn.features.ike.numbers import IdType
from dmvpn.features.ike.peer_settings import Terms
from dmvpn.features.ike.settings import ConfiguredSettings
from dmvpn.features.ike.trust import Trust
from dmvpn.features.pki.model import CertificateMap, CertificatePart, Comparison, MapRule
from dmvpn.features.pki.trustpoints import is_meant
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.tools.authority import Authority
from support.ike_net import IkeNet, Site, matched
from support.pki import Console, authority, dialog, issue

if TYPE_CHECKING:
    from pathlib import Path

HUB, SPOKE = IPv4Address("198.51.100.1"), IPv4Address("203.0.113.10")
POLICY = ProtectionPolicy(
    name="IPSEC", local=HUB, ikev2_profile="IKE", transforms=(EspTransform(EspCipher.AES_GCM, 256),)
)
PROFILE = """\
crypto ikev2 profile IKE
 match identity remote any
 authentication local ecdsa-sig
 authentication remote ecdsa-sig
 pki trustpoint LAB
"""


@cache
def folder() -> File:
    """An authority and two routers; nobody changes it."""
    path = File(mkdtemp(prefix="dmvpn-pki-"))
    made = authority(path / "ca")
    issue(made, "HUB", dn="cn=HUB,o=Example", addresses=(str(HUB),))
    issue(made, "SPOKE", dn="cn=SPOKE,ou=Branches,o=Example", emails=("spoke@example.net",))
    rsa = authority(path / "rsa", "Old CA", elliptic=False)
    issue(rsa, "HUB", dn="cn=HUB")
    issue(rsa, "SPOKE", dn="cn=SPOKE")
    return path


class Router:
    """A console with certificates, and IKE over its configuration."""

    def __init__(self, net: IkeNet, name: str, local: IPv4Address, text: str, paste: list[str] | None = None) -> None:
        self.console = Console()
        status, said = self.console.type(*(dialog(folder() / "ca", name) if paste is None else paste))
        assert status == 0, said
        # The maps are the configuration of another feature: both read the same text.
        assert self.console.type("configure terminal", *text.splitlines(), "end")[0] == 0
        config = model(configurator(FEATURES).parse_text(text).tree)
        assert config is not None
        self.trust = Trust(self.console.router.ports)
        self.peer_settings = ConfiguredSettings(config, (replace(POLICY, local=local),), self.trust)
        self.site: Site = net.site(str(local), peer_settings=self.peer_settings)

    def connect(self, remote: IPv4Address) -> None:
        terms = self.peer_settings.to(self.peer_settings.policies[0], remote)
        assert isinstance(terms, Terms), terms
        self.site.connect(str(remote), terms)


def meet(
    hub: str, spoke: str, *, later: float = 0.0, paste: tuple[list[str], list[str]] | None = None
) -> tuple[Site, Site]:
    """later: seconds after the certificates were made."""
    net = IkeNet()
    pastes = paste or (None, None)
    responder, initiator = Router(net, "HUB", HUB, hub, pastes[0]), Router(net, "SPOKE", SPOKE, spoke, pastes[1])
    net.now = later
    initiator.connect(HUB)
    net.run(5)
    return responder.site, initiator.site


@pytest.mark.lengthy
def test_two_routers_believe_each_other_and_are_called_by_the_names_in_their_certificates() -> None:
    hub, spoke = meet(PROFILE, PROFILE)
    assert matched(hub, spoke), (hub.troubles, spoke.troubles)
    (sa,) = hub.sas
    assert sa.theirs is not None
    assert name_of(sa.theirs) == "cn=SPOKE,ou=Branches,o=Example"


@pytest.mark.parametrize(
    "identity", ["identity local dn", "identity local fqdn SPOKE.example", "identity local email spoke@example.net"]
)
def test_every_name_in_a_certificate_is_an_identity(identity: str) -> None:
    hub, spoke = meet(PROFILE, f"{PROFILE} {identity}\n")
    assert matched(hub, spoke), hub.troubles


@pytest.mark.parametrize(
    "identity",
    ["identity local fqdn HUB.example", "identity local address 198.51.100.1", "identity local key-id SPOKE"],
)
def test_nobody_is_believed_under_a_name_that_is_not_in_his_certificate(identity: str) -> None:
    """A rogue spoke with a valid certificate says that it is the hub."""
    hub, spoke = meet(PROFILE, f"{PROFILE} {identity}\n")
    assert not spoke.children
    assert not hub.children


@pytest.mark.lengthy
def test_rsa_keys_prove_by_rsa_signatures() -> None:
    text = PROFILE.replace("ecdsa-sig", "rsa-sig")
    paste = dialog(folder() / "rsa", "HUB"), dialog(folder() / "rsa", "SPOKE")
    hub, spoke = meet(text, text, paste=paste)
    assert matched(hub, spoke), (hub.troubles, spoke.troubles)


def test_a_key_of_another_kind_is_not_what_the_profile_asks_for() -> None:
    net = IkeNet()
    router = Router(net, "SPOKE", SPOKE, PROFILE.replace("local ecdsa-sig", "local rsa-sig"))
    told = router.peer_settings.to(router.peer_settings.policies[0], HUB)
    assert str(told) == "ikev2 profile IKE: the key of trustpoint LAB is not for rsa-sig"
    hub, spoke = meet(PROFILE.replace("remote ecdsa-sig", "remote rsa-sig"), PROFILE)
    assert not spoke.children
    assert any("its key is not for authentication remote" in line for line in hub.troubles), hub.troubles


def test_a_secret_on_one_side_and_a_certificate_on_the_other() -> None:
    hub_side = PROFILE.replace("remote ecdsa-sig", "remote pre-share key between-us")
    spoke_side = PROFILE.replace("local ecdsa-sig", "local pre-share key between-us")
    hub, spoke = meet(hub_side, spoke_side)
    assert matched(hub, spoke), (hub.troubles, spoke.troubles)


def test_who_is_configured_for_certificates_is_not_believed_with_a_secret() -> None:
    hub, _spoke = meet(PROFILE, PROFILE.replace("local ecdsa-sig", "local pre-share key guessed"))
    assert not hub.children
    assert any(
        "proves itself by a pre-shared key, which ikev2 profile IKE does not accept" in line for line in hub.troubles
    )


MAPS = """\
crypto pki certificate map BRANCHES 10
 subject-name co ou = branches
 issuer-name co cn=Lab CA
crypto pki certificate map BRANCHES 20
 subject-name eq cn=someone else
"""


def test_a_profile_is_found_by_a_certificate_map() -> None:
    mapped = MAPS + PROFILE.replace("match identity remote any", "match certificate BRANCHES")
    hub, spoke = meet(mapped, PROFILE)
    assert matched(hub, spoke), hub.troubles


@pytest.mark.parametrize("rule", ["subject-name nc ou=Branches", "issuer-name eq cn=Other", "subject-name co ou=Hubs"])
def test_whom_no_map_means_is_turned_away(rule: str) -> None:
    mapped = f"crypto pki certificate map M 10\n {rule}\n" + PROFILE.replace(
        "match identity remote any", "match certificate M"
    )
    hub, _spoke = meet(mapped, PROFILE)
    assert not hub.children
    assert any("no ikev2 profile of a protected tunnel matches" in line for line in hub.troubles), hub.troubles


def test_an_initiator_holds_the_responder_to_its_map() -> None:
    mapped = MAPS + PROFILE.replace("match identity remote any", "match certificate BRANCHES")
    _hub, spoke = meet(PROFILE, mapped)
    assert not spoke.children
    assert any(
        "no certificate map of ikev2 profile IKE means the certificate of cn=HUB" in line for line in spoke.troubles
    )


def test_a_certificate_that_expired_is_not_believed() -> None:
    hub, _spoke = meet(PROFILE, PROFILE, later=800 * 86400.0)
    assert not hub.children
    assert any("expired at" in line for line in hub.troubles), hub.troubles


def test_what_is_revoked_is_not_believed_as_soon_as_the_list_is_there(tmp_path: File) -> None:
    made = authority(tmp_path / "ca")
    issue(made, "HUB")
    issue(made, "SPOKE")
    spokes = dialog(made.folder, "SPOKE")
    Authority.open(made.folder).revoke("SPOKE")
    hub, _spoke = meet(PROFILE, PROFILE, paste=(dialog(made.folder, "HUB"), spokes))
    assert not hub.children
    assert any("CN=SPOKE: revoked by CN=Lab CA" in line for line in hub.troubles), hub.troubles


@pytest.mark.parametrize(("check", "believed"), [("crl", False), ("crl none", True), ("none", True)])
def test_without_a_list_it_depends_on_revocation_check(check: str, believed: bool) -> None:
    paste = dialog(folder() / "ca", "HUB")
    end = next(index for index, line in enumerate(paste) if line == "-----BEGIN X509 CRL-----")
    without = paste[:end] + paste[paste.index("-----END X509 CRL-----") + 1 :]
    text = f"crypto pki trustpoint LAB\n revocation-check {check}\n{PROFILE}"
    hub, spoke = meet(text, PROFILE, paste=(without, dialog(folder() / "ca", "SPOKE")))
    assert matched(hub, spoke) is believed


def test_another_authority_of_the_same_name_is_not_ours(tmp_path: File) -> None:
    forged = authority(tmp_path / "forged")
    issue(forged, "SPOKE")
    hub, _spoke = meet(PROFILE, PROFILE, paste=(dialog(folder() / "ca", "HUB"), dialog(forged.folder, "SPOKE")))
    assert not hub.children
    assert any("its signature is not by CN=Lab CA" in line for line in hub.troubles), hub.troubles


def test_a_trustpoint_may_be_for_one_purpose_alone() -> None:
    net = IkeNet()
    signs = Router(net, "HUB", HUB, PROFILE.replace("pki trustpoint LAB", "pki trustpoint LAB sign"))
    assert signs.trust.requests(signs.peer_settings.config.profiles[0]) == ()
    verifies = Router(net, "SPOKE", SPOKE, PROFILE.replace("pki trustpoint LAB", "pki trustpoint LAB verify"))
    assert "no pki trustpoint to sign with" in str(verifies.peer_settings.to(verifies.peer_settings.policies[0], HUB))


def test_certificates_are_parsed_once_and_not_for_every_handshake() -> None:
    router = Router(IkeNet(), "SPOKE", SPOKE, PROFILE)
    first, second = (router.peer_settings.to(router.peer_settings.policies[0], HUB) for _ in range(2))
    assert isinstance(first, Terms)
    assert isinstance(second, Terms)
    assert first.key is second.key


VECTORS = File(__file__).parents[1] / "vectors" / "pki"


@pytest.mark.filterwarnings("ignore")  # the library warns of countries with long names and the like
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 500))
def test_whatever_a_stranger_sends_as_a_certificate_is_refused_or_believed(
    damages: list[tuple[int, int]], end: int
) -> None:
    """A curve that nobody knows, or a version 43, was a fault of ours in the middle of IKE_AUTH."""
    authority_, leaf = (x509.load_pem_x509_certificate((VECTORS / name).read_bytes()) for name in ("ca.pem", "R1.pem"))
    octets = bytearray(leaf.public_bytes(Encoding.DER))
    for place, octet in damages:
        octets[place] = octet
    with contextlib.suppress(Untrusted):
        anchors = Anchors((authority_,))
        anchors.believe((bytes(octets),), Identification(IdType.FQDN, b"R1.example"), leaf.not_valid_before_utc)
    rules = tuple(MapRule(part, Comparison.CONTAINS, "cn=R1") for part in CertificatePart)
    assert is_meant([CertificateMap("M", 10, rules)], bytes(octets[:end])) in (True, False)


@pytest.mark.parametrize(
    ("found", "put"),
    [("2a8648ce3d030107", "2a8648ce3d03017f"), ("2a8648ce3d0201", "2a8648ce3d0240"), ("a003020102", "a00302012b")],
    ids=["curve", "kind of key", "version"],
)
def test_a_certificate_of_a_kind_that_nobody_knows_is_refused(found: str, put: str) -> None:
    authority_, leaf = (x509.load_pem_x509_certificate((VECTORS / name).read_bytes()) for name in ("ca.pem", "R1.pem"))
    text = leaf.public_bytes(Encoding.DER).hex()
    assert found in text
    octets = bytes.fromhex(text.replace(found, put))
    with pytest.raises(Untrusted, match=r"cannot be read|neither RSA nor ECDSA"):
        Anchors((authority_,)).believe((octets,), Identification(IdType.FQDN, b"R1.example"), leaf.not_valid_before_utc)
    assert not is_meant(
        [CertificateMap("M", 10, (MapRule(CertificatePart.SUBJECT, Comparison.EQUAL, "cn=R2"),))], octets
    )


def test_extended_key_usage_is_ignored_where_the_trustpoint_says_so() -> None:
    console = Console()
    console.type(*dialog(folder() / "ca", "HUB"))
    given = console.pki.credentials("LAB")
    assert given is not None
    assert not given.any_use
    console.type("configure terminal", "crypto pki trustpoint LAB", "extended-key-usage ignore", "end")
    given = console.pki.credentials("LAB")
    assert given is not None
    assert parsed(given).anchors.any_use
    assert " extended-key-usage ignore\n" in console.running


# The log speaks of certificates in time: before they end, when they have, and when the clock must be wrong.

DAY = 86_400.0


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """A router whose certificate is good for 40 days, the list for a year."""
    made = authority(tmp_path / "ca")
    issue(made, "R1", days=40)
    console = Console()
    assert console.type(*dialog(tmp_path / "ca", "R1"))[0] == 0
    console.log.clear()
    return console


def said(console: Console, mnemonic: str) -> list[str]:
    return [line.partition(f"{mnemonic}: ")[2] for line in console.log if mnemonic in line]


@pytest.mark.lengthy
def test_nothing_is_said_while_all_is_well_and_then_in_time(console: Console) -> None:
    console.later(8 * DAY)
    assert console.log == []
    console.later(2 * DAY)
    assert len(said(console, "%PKI-4-CERTIFICATE_EXPIRY_WARN")) == 1


def test_the_end_is_announced_at_each_step_once(console: Console) -> None:
    for day in range(43):
        console.post(ClockSet(time.time() + day * DAY))
    warned = said(console, "%PKI-4-CERTIFICATE_EXPIRY_WARN")
    assert [line.partition(" expires ")[2].partition(", at")[0] for line in warned] == [
        "in 30 days",
        "in 14 days",
        "in 7 days",
        "in 3 days",
        "in 1 day",
        "today",
    ]
    assert len(said(console, "%PKI-3-CERTIFICATE_EXPIRED")) == 1


def test_a_clock_that_is_behind_is_suspected(console: Console) -> None:
    console.post(ClockSet(0.0))
    (first, second) = said(console, "%PKI-3-CERTIFICATE_NOT_YET_VALID")
    assert "the clock says 00:00:00 UTC Jan 1 1970" in first
    assert second.startswith("The CA certificate of trustpoint LAB")


def test_a_list_that_should_have_been_renewed_is_spoken_of(console: Console) -> None:
    for _ in range(2):
        console.post(ClockSet(time.time() + 366 * DAY))
    assert len(said(console, "%PKI-4-CRL_STALE")) == 1


@pytest.mark.lengthy
def test_a_router_that_must_check_and_has_no_list_says_that_it_will_believe_nobody(tmp_path: Path) -> None:
    made = authority(tmp_path / "ca")
    console = Console("crypto pki trustpoint LAB\n")
    body = (made.folder / "ca.pem").read_text().splitlines()
    console.type("crypto pki authenticate LAB", *body, "quit", "yes")
    assert said(console, "%PKI-4-NO_CRL")
    console.type("configure terminal", "crypto pki trustpoint LAB", "revocation-check none", "end")
    console.log.clear()
    console.later(2 * DAY)
    assert console.log == []


def test_damaged_octets_count_for_nothing_and_are_named() -> None:
    text = (
        "crypto pki trustpoint LAB\ncrypto pki certificate chain LAB\n certificate ca 01\n  30820330 30820218\n  quit\n"
    )
    console = Console(text + "crypto pki trustpoint TWO\n")
    assert console.pki.credentials("LAB") is None
    assert console.pki.holdings["LAB"].unreadable == ("certificate 01",)
    assert said(console, "%PKI-3-UNREADABLE") == ["Trustpoint LAB: the certificate 01 cannot be read"]


@pytest.mark.lengthy
def test_the_certificate_of_a_foreign_web_server_makes_no_noise() -> None:
    """Every IOS router has such a trustpoint; its key did not come along with the configuration."""
    text = "crypto pki trustpoint TP-self-signed-1\n enrollment selfsigned\n revocation-check none\n"
    console = Console(text)
    console.later(2 * DAY)
    assert said(console, "%PKI") == []
    assert console.pki.trustpoints() == ()
