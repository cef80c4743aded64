"""Which certificates are believed, and what the log says of the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from dmvpn.base.certificates import LARGEST, certificate_of, serial_number
from dmvpn.features.ike.crypto import certificates
from dmvpn.features.ike.crypto.certificates import MOST_CHECKS, Anchors, Checks, Untrusted
from dmvpn.features.ike.identity import LONGEST_PATH, Identification, of_address
from dmvpn.features.ike.numbers import IdType

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SPOKE = Identification(IdType.FQDN, b"spoke.example.net")
NAMES = [
    x509.DNSName("spoke.example.net"),
    x509.RFC822Name("admin@example.net"),
    x509.IPAddress(IPv4Address("192.0.2.7")),
]


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def issue(
    subject: str,
    issuer: Issued | None = None,
    *,
    authority: bool = False,
    path_length: int | None = None,
    names: list[x509.GeneralName] | None = None,
    begin: datetime = NOW - DAY,
    end: datetime = NOW + DAY,
    critical: bool = False,
    signs: bool = True,
    public: rsa.RSAPublicKey | None = None,
    uses: tuple[str, ...] = (),
    constraint: bool | None = None,
    curve: ec.EllipticCurve | None = None,
) -> Issued:
    """uses: of extended key usage. constraint: there is a name constraint, critical or not."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(issuer.certificate.subject if issuer else name(subject))
        .public_key(public or key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=signs and not authority,
                content_commitment=False,
                key_encipherment=True,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=authority,
                crl_sign=authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if critical:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        builder = builder.add_extension(unknown, critical=True)
    if uses:
        usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier(use) for use in uses])
        builder = builder.add_extension(usage, critical=False)
    if constraint is not None:
        only = x509.NameConstraints([x509.DNSName("example.com")], None)
        builder = builder.add_extension(only, critical=constraint)
    signer = issuer.key if issuer else key
    return Issued(builder.sign(signer, hashes.SHA256()), key)


@cache
def root() -> Issued:
    return issue("Root", authority=True)


def revoked_list(
    *serials: int, since: datetime = NOW - DAY, until: datetime = NOW + DAY, by: Issued | None = None
) -> x509.CertificateRevocationList:
    authority = by or root()
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
    builder = builder.last_update(since).next_update(until)
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - DAY).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, hashes.SHA256())


def anchors(*lists: x509.CertificateRevocationList, must_check: bool = False) -> Anchors:
    return Anchors((root().certificate,), lists, must_check)


def refusal(trust: Anchors, *chain: Issued, theirs: Identification = SPOKE) -> str:
    with pytest.raises(Untrusted) as caught:
        trust.believe(tuple(issued.der for issued in chain), theirs, NOW)
    return str(caught.value)


def test_an_odd_serial_number_of_a_stranger_is_no_word_on_standard_error() -> None:
    """Seen: one changed octet, and the library warned (here: failed) on standard error instead of in our log."""
    authority = issue("CA", authority=True)
    octets = bytearray(issue("spoke", authority, names=NAMES).der)
    serial = octets.index(b"\x02\x01\x02\x02") + 5  # version 3 is before it, its length too
    octets[serial] = 0x81  # with any octet behind it a negative number in its shortest form
    assert serial_number(certificate_of(bytes(octets))) < 0
    with pytest.raises(Untrusted, match="signature"):
        Anchors((authority.certificate,)).believe((bytes(octets),), SPOKE, NOW)


def test_a_certificate_of_an_authority_that_we_believe_gives_its_key() -> None:
    spoke = issue("Spoke", root(), names=NAMES)
    assert anchors().believe((spoke.der,), SPOKE, NOW) == spoke.key.public_key()


@pytest.mark.parametrize(
    "theirs", [SPOKE, Identification(IdType.RFC822_ADDR, b"admin@example.net"), of_address(IPv4Address("192.0.2.7"))]
)
def test_every_alternative_name_is_an_identity(theirs: Identification) -> None:
    spoke = issue("Spoke", root(), names=NAMES)
    assert anchors().believe((spoke.der,), theirs, NOW)


def test_the_subject_is_an_identity_octet_for_octet() -> None:
    spoke = issue("Spoke", root())
    theirs = Identification(IdType.DER_ASN1_DN, spoke.certificate.subject.public_bytes())
    assert anchors().believe((spoke.der,), theirs, NOW)
    other = Identification(IdType.DER_ASN1_DN, name("Other").public_bytes())
    assert refusal(anchors(), spoke, theirs=other) == "CN=Spoke: the peer says it has another name"


@pytest.mark.parametrize(
    "theirs",
    [
        Identification(IdType.FQDN, b"other.example.net"),
        Identification(IdType.FQDN, b"192.0.2.7"),
        of_address(IPv4Address("192.0.2.8")),
        Identification(IdType.KEY_ID, b"spoke.example.net"),
    ],
)
def test_who_is_not_in_the_certificate_is_not_believed(theirs: Identification) -> None:
    assert refusal(anchors(), issue("Spoke", root(), names=NAMES), theirs=theirs)


def test_a_chain_leads_over_authorities_that_the_peer_sends() -> None:
    middle = issue("Middle", root(), authority=True)
    spoke = issue("Spoke", middle, names=NAMES)
    assert anchors().believe((spoke.der, middle.der), SPOKE, NOW)
    assert "whom we do not know" in refusal(anchors(), spoke)


def test_a_path_must_not_be_longer_than_an_authority_allows() -> None:
    short = issue("Short", root(), authority=True, path_length=0)
    middle = issue("Middle", short, authority=True)
    spoke = issue("Spoke", middle, names=NAMES)
    assert "only 0 authorities below it" in refusal(anchors(), spoke, middle, short)


def test_somebody_elses_root_is_not_ours_though_it_has_the_same_name() -> None:
    forged = issue("Root", authority=True)
    spoke = issue("Spoke", forged, names=NAMES)
    assert refusal(anchors(), spoke, forged)


def test_a_spoke_cannot_issue_certificates() -> None:
    rogue = issue("Rogue", root(), names=NAMES)
    spoke = issue("Spoke", rogue, names=NAMES)
    assert refusal(anchors(), spoke, rogue) == "CN=Rogue: it is no certificate authority"


@pytest.mark.parametrize(
    ("begin", "end", "told"),
    [(NOW - 2 * DAY, NOW - DAY, "expired at 2026-11-19 12:00 UTC"), (NOW + DAY, NOW + 2 * DAY, "valid only from")],
)
def test_dates_count(begin: datetime, end: datetime, told: str) -> None:
    assert told in refusal(anchors(), issue("Spoke", root(), names=NAMES, begin=begin, end=end))


def test_a_critical_extension_that_nobody_knows_makes_it_useless() -> None:
    assert "1.2.3.4 is unknown" in refusal(anchors(), issue("Spoke", root(), names=NAMES, critical=True))


def test_a_key_that_is_not_for_signatures_signs_nothing() -> None:
    assert "not for signatures" in refusal(anchors(), issue("Spoke", root(), names=NAMES, signs=False))


@pytest.mark.conforms("ike:8247-rsa")
def test_a_short_rsa_key_is_refused() -> None:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - what the test is about
    assert "1024 bits is too short" in refusal(anchors(), issue("Spoke", root(), names=NAMES, public=key.public_key()))


def test_what_is_revoked_is_not_believed() -> None:
    spoke = issue("Spoke", root(), names=NAMES)
    assert "revoked by CN=Root" in refusal(anchors(revoked_list(spoke.certificate.serial_number)), spoke)
    assert anchors(revoked_list(1)).believe((spoke.der,), SPOKE, NOW)


def test_a_list_that_somebody_else_signed_revokes_nothing() -> None:
    spoke = issue("Spoke", root(), names=NAMES)
    forged = revoked_list(spoke.certificate.serial_number, by=issue("Root", authority=True))
    assert anchors(forged).believe((spoke.der,), SPOKE, NOW)


def test_who_must_check_needs_a_list_of_today() -> None:
    spoke = issue("Spoke", root(), names=NAMES)
    assert "no current revocation list" in refusal(anchors(must_check=True), spoke)
    assert "no current revocation list" in refusal(
        anchors(revoked_list(until=NOW - timedelta(hours=1)), must_check=True), spoke
    )
    assert anchors(revoked_list(), must_check=True).believe((spoke.der,), SPOKE, NOW)


@pytest.mark.parametrize("octets", [b"", b"\x30\x80", bytes(100)])
def test_octets_that_are_no_certificate(octets: bytes) -> None:
    with pytest.raises(Untrusted, match="cannot be read"):
        anchors().believe((octets,), SPOKE, NOW)
    with pytest.raises(Untrusted, match="no certificate"):
        anchors().believe((), SPOKE, NOW)


def test_an_endless_chain_ends() -> None:
    one = issue("One", authority=True)
    two = issue("Two", one, authority=True)
    spoke = issue("Spoke", two, names=NAMES)
    assert refusal(anchors(), spoke, two, one, two, one, two, one, two, one)


def signatures(monkeypatch: pytest.MonkeyPatch) -> list[tuple[x509.Certificate, x509.Certificate]]:
    """Whose signatures are checked with whose keys."""
    checked: list[tuple[x509.Certificate, x509.Certificate]] = []
    really = certificates.is_signed

    def counted(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        checked.append((certificate, issuer))
        return really(certificate, issuer)

    monkeypatch.setattr(certificates, "is_signed", counted)
    return checked


def test_certificates_that_can_be_put_into_any_order_cost_a_stranger_no_more_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Eight of one name and one key lead to each other in 100,000 ways, and to nobody whom we believe."""
    own = issue("root", authority=True)
    crossed = [issue_of("X", key=own.key) for _ in range(8)]
    leaf = issue("leaf", Issued(crossed[0], own.key), names=NAMES)
    believed = Anchors((issue("another root", authority=True).certificate,))
    chain = (leaf.der, *(certificate.public_bytes(Encoding.DER) for certificate in crossed))
    checked = signatures(monkeypatch)
    with pytest.raises(Untrusted, match="whom we do not know"):
        believed.believe(chain, SPOKE, NOW)
    assert checked == []


def issue_of(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """One more certificate that says of a key that it is its own authority; its serial number is another."""
    builder = x509.CertificateBuilder(name(subject), name(subject), key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256())


def exotic(exponent: int, bits: int = 3072) -> rsa.RSAPublicKey:
    """A public key that nobody has the other half of."""
    return rsa.RSAPublicNumbers(exponent, (1 << bits) - 1).public_key()


def test_self_made_certificates_are_never_used_to_check_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine with an exponent as long as the modulus cost a hub 150 ms for 13 KB."""
    checked = signatures(monkeypatch)
    made = [issue("Root", authority=True, public=exotic((1 << 3071) + 1)) for _ in range(LONGEST_PATH)]
    leaf = issue("Root", authority=True, names=NAMES)
    leaf = Issued(leaf.certificate, leaf.key)
    assert refusal(anchors(), issue("Spoke", leaf, names=NAMES), *made)
    assert len(checked) <= MOST_CHECKS
    assert {issuer for _, issuer in checked} == {root().certificate}


def test_one_attempt_has_one_budget_whatever_the_number_of_trustpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    checked, budget = signatures(monkeypatch), Checks()
    forged = issue("Root", authority=True)
    chain = (issue("Spoke", forged, names=NAMES).der, *(issue("Root", authority=True).der for _ in range(8)))
    for _ in range(5):
        with pytest.raises(Untrusted):
            Anchors((root().certificate,)).believe(chain, SPOKE, NOW, budget)
    assert len(checked) == MOST_CHECKS


def test_authorities_below_ours_that_are_configured_need_not_be_sent_and_cannot_be_pushed_out() -> None:
    middle = issue("Middle", root(), authority=True)
    spoke = issue("Spoke", middle, names=NAMES)
    trust = Anchors((root().certificate,), between=(middle.certificate,))
    assert trust.believe((spoke.der,), SPOKE, NOW)
    assert trust.believe((spoke.der, *(issue("Middle", authority=True).der for _ in range(8))), SPOKE, NOW)


@pytest.mark.parametrize(
    ("public", "told"),
    [
        (exotic((1 << 3071) + 1), "3072 bits, is not acceptable"),
        (exotic((1 << 64) + 1), "65 bits, is not acceptable"),
        (exotic(65537, 8200), "8200 bits is too long"),
    ],
)
def test_keys_that_are_costly_to_check_with_are_refused_before_anybody_does(
    public: rsa.RSAPublicKey, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = signatures(monkeypatch)
    assert told in refusal(anchors(), issue("Spoke", root(), names=NAMES, public=public))
    assert checked == []


@pytest.mark.conforms("ike:8247-rsa")
def test_the_smallest_sizes_of_keys_hold_for_every_authority_on_the_way() -> None:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - what the test is about
    middle = issue("Middle", root(), authority=True, public=key.public_key())
    spoke = issue("Spoke", Issued(middle.certificate, middle.key), names=NAMES)
    assert "CN=Middle: an RSA key of 1024 bits is too short" in refusal(anchors(), spoke, middle)
    weak = issue("Weak", authority=True, curve=ec.SECP192R1())
    spoke = issue("Spoke", weak, names=NAMES)
    assert "192 bits is too short" in refusal(Anchors((weak.certificate,)), spoke)


def test_a_certificate_that_is_too_large_is_not_even_read() -> None:
    with pytest.raises(Untrusted, match="more than 16384 octets"):
        anchors().believe((bytes(LARGEST + 1),), SPOKE, NOW)


IKE, OLD, ANY, SERVER = "1.3.6.1.5.5.7.3.17", "1.3.6.1.5.5.8.2.2", "2.5.29.37.0", "1.3.6.1.5.5.7.3.1"


@pytest.mark.parametrize("uses", [(), (IKE,), (OLD,), (ANY,), (SERVER, IKE)])
@pytest.mark.conforms("ike:4945-use")
def test_certificates_for_ike_or_for_anything_are_taken(uses: tuple[str, ...]) -> None:
    assert anchors().believe((issue("Spoke", root(), names=NAMES, uses=uses).der,), SPOKE, NOW)


@pytest.mark.conforms("ike:4945-use")
def test_the_certificate_of_a_web_server_proves_no_router_unless_the_trustpoint_says_so() -> None:
    """An authority that also makes certificates for web servers made each of them a member of the network."""
    spoke = issue("Spoke", root(), names=NAMES, uses=(SERVER, "1.2.3.4"))
    assert "a certificate for serverAuth, 1.2.3.4, not for IKE" in refusal(anchors(), spoke)
    assert Anchors((root().certificate,), any_use=True).believe((spoke.der,), SPOKE, NOW)


@pytest.mark.conforms("ike:5280-constraints")
def test_an_authority_with_critical_name_constraints_is_refused() -> None:
    middle = issue("Middle", root(), authority=True, constraint=True)
    assert "critical extension 2.5.29.30 is unknown" in refusal(anchors(), issue("Spoke", middle, names=NAMES), middle)
    own = issue("Own", authority=True, constraint=True)
    assert "2.5.29.30 is unknown" in refusal(Anchors((own.certificate,)), issue("Spoke", own, names=NAMES))


@pytest.mark.parametrize(("ahead", "counts"), [(4, True), (6, False)])
def test_a_revocation_list_from_the_future_is_not_current_but_what_it_revokes_is_revoked(
    ahead: int, counts: bool
) -> None:
    begin = NOW + timedelta(minutes=ahead)
    spoke = issue("Spoke", root(), names=NAMES)
    trust = anchors(revoked_list(since=begin), must_check=True)
    if counts:
        assert trust.believe((spoke.der,), SPOKE, NOW)
    else:
        assert "no current revocation list" in refusal(trust, spoke)
    assert "revoked" in refusal(anchors(revoked_list(spoke.certificate.serial_number, since=begin)), spoke)
