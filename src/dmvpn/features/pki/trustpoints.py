"""The content of a trustpoint: its certificates sorted out, with the key that fits and the list that is newest.

`crypto pki certificate map` selects certificates; the log names missing, damaged, expired and soon expiring ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Final, assert_never

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from dmvpn.base.certificates import certificate_of, serial_number
from dmvpn.base.errors import UserError
from dmvpn.base.notices import Log
from dmvpn.base.protection import Credentials
from dmvpn.base.values import Mutable, Value
from dmvpn.features.pki import messages
from dmvpn.features.pki.material import (
    UNREADABLE,
    Key,
    der_of,
    fits,
    moment,
    newest,
    read_certificate,
    read_key,
    read_list,
    serial_of,
    text_of,
)
from dmvpn.features.pki.model import CertificateMap, CertificatePart, Comparison, MapRule, Trustpoint


class Holdings(Value, kw_only=True):
    """own: the certificate that we prove ourselves with. stray: our other certificates, without a key of ours.

    unreadable: descriptions of damaged parts.
    """

    trustpoint: Trustpoint
    credentials: Credentials
    own: x509.Certificate | None = None
    stray: tuple[x509.Certificate, ...] = ()
    authorities: tuple[x509.Certificate, ...] = ()
    lists: tuple[x509.CertificateRevocationList, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it contains any certificate."""
        return bool(self.own or self.stray or self.authorities) and self.concerns_us

    @property
    def concerns_us(self) -> bool:
        """The certificate of a foreign router's web server does not."""
        return bool(self.trustpoint.certificates) and self.trustpoint.enrollment != "selfsigned"


class _Found(Mutable):
    """The parts read so far."""

    own: list[x509.Certificate] = field(default_factory=list)
    authorities: list[x509.Certificate] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def gather(trustpoint: Trustpoint, keys: tuple[bytes, ...], lists: tuple[bytes, ...]) -> Holdings:
    """Combine the certificates of the configuration with the keys and lists outside of it."""
    found = _read(trustpoint)
    readable = [key for key in (_key(octets, found.unreadable) for octets in keys) if key is not None]
    pairs = [(certificate, key) for certificate in found.own for key in readable if fits(key, certificate)]
    own = newest(certificate for certificate, _ in pairs)
    key = next((key for certificate, key in pairs if certificate is own), None)
    known = _lists(lists, found.unreadable)
    anchors = tuple(one for one in found.authorities if not _is_below(one, found.authorities))
    between = tuple(one for one in found.authorities if one not in anchors)
    return Holdings(
        trustpoint=trustpoint,
        credentials=Credentials(
            trustpoint=trustpoint.name,
            chain=_der((own, *_above(own, between))) if own else (),
            key=der_of(key) if key else b"",
            anchors=_der(anchors),
            intermediates=_der(between),
            crls=() if trustpoint.asks_nobody else tuple(one.public_bytes(Encoding.DER) for one in known),
            revocation=trustpoint.must_ask,
            any_use=trustpoint.any_use,
        ),
        own=own,
        stray=() if own else tuple(found.own),
        authorities=tuple(found.authorities),
        lists=known,
        unreadable=tuple(found.unreadable),
    )


def _read(trustpoint: Trustpoint) -> _Found:
    found = _Found()
    for shown in trustpoint.certificates:
        try:
            certificate = read_certificate(shown.octets)
        except UserError:
            found.unreadable.append(f"certificate {shown.serial}")
            continue
        (found.authorities if shown.is_authority else found.own).append(certificate)
    return found


def _key(octets: bytes, unreadable: list[str]) -> Key | None:
    try:
        return read_key(octets)
    except UserError:
        unreadable.append("private key")
        return None


def _lists(lists: tuple[bytes, ...], unreadable: list[str]) -> tuple[x509.CertificateRevocationList, ...]:
    known: list[x509.CertificateRevocationList] = []
    for octets in lists:
        try:
            known.append(read_list(octets))
        except UserError:
            unreadable.append("revocation list")
    return newest_lists(known)


def newest_lists(lists: Iterable[x509.CertificateRevocationList]) -> tuple[x509.CertificateRevocationList, ...]:
    """Return the latest list of each issuer."""
    newest_: dict[bytes, x509.CertificateRevocationList] = {}
    for one in sorted(lists, key=lambda one: (one.last_update_utc, _number(one))):
        newest_[one.issuer.public_bytes()] = one
    return tuple(newest_.values())


def _number(one: x509.CertificateRevocationList) -> int:
    """Return the number of a list: lists of one second have an order, too (RFC 5280 §5.2.3)."""
    try:
        return one.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return 0


def _is_below(certificate: x509.Certificate, others: list[x509.Certificate]) -> bool:
    """Return whether another one of them issued it."""
    if certificate.issuer == certificate.subject:
        return False
    return any(other.subject == certificate.issuer for other in others if other != certificate)


def _above(own: x509.Certificate, between: tuple[x509.Certificate, ...]) -> list[x509.Certificate]:
    """Return the intermediate authorities, from the issuer of our certificate upward, without the trust anchor."""
    path: list[x509.Certificate] = []
    issuer = own.issuer
    while above := next((one for one in between if one.subject == issuer and one not in path), None):
        path.append(above)
        issuer = above.issuer
    return path


def _der(certificates: tuple[x509.Certificate, ...]) -> tuple[bytes, ...]:
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in certificates)


def is_meant(entries: Iterable[CertificateMap], octets: bytes) -> bool:
    """Return whether any entry means this certificate (DER).

    One without rules means all, as IOS has it; without entries none.
    """
    try:
        certificate = certificate_of(octets)
        said = {part: _texts(certificate, part) for part in CertificatePart}
    except UNREADABLE:
        return False
    return any(all(_fits(rule, said[rule.part]) for rule in entry.rules) for entry in entries)


def _fits(rule: MapRule, texts: Sequence[str]) -> bool:
    wanted = _plain(rule.text)
    have = [_plain(text) for text in texts]
    match rule.comparison:
        case Comparison.EQUAL:
            return wanted in have
        case Comparison.UNEQUAL:
            return wanted not in have
        case Comparison.CONTAINS:
            return any(wanted in text for text in have)
        case Comparison.LACKS:
            return not any(wanted in text for text in have)
        case _:
            assert_never(rule.comparison)


def _plain(text: str) -> str:
    """Return letters in one case, and no blanks around commas and equal signs: people write names with and without."""
    return ",".join("=".join(word.strip() for word in part.split("=")) for part in text.lower().split(","))


def _texts(certificate: x509.Certificate, part: CertificatePart) -> tuple[str, ...]:
    match part:
        case CertificatePart.SUBJECT:
            return (text_of(certificate.subject),)
        case CertificatePart.ISSUER:
            return (text_of(certificate.issuer),)
        case CertificatePart.SERIAL:
            return (serial_of(serial_number(certificate)),)
        case CertificatePart.ALTERNATIVE:
            return alternatives(certificate)
        case _:
            assert_never(part)


def alternatives(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the alternative names of a certificate that are names, e-mail or IP addresses. Raises ValueError."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (
        *extension.get_values_for_type(x509.DNSName),
        *extension.get_values_for_type(x509.RFC822Name),
        *(str(address) for address in extension.get_values_for_type(x509.IPAddress)),
    )


#: Days before its end at which a certificate is spoken of.
WARNINGS: Final = (30, 14, 7, 3, 1, 0)


class DateFinding(Value):
    """about: what; state: how it is; the log has it when that changes."""

    about: str
    state: str
    log: Log


def findings(held: Holdings, wall: datetime) -> Iterator[DateFinding]:
    """Yield everything worth a message about one trustpoint, at this wall time (UTC)."""
    name = held.trustpoint.name
    for what in held.unreadable:
        yield DateFinding(f"{name} {what}", "unreadable", messages.unreadable(name, what))
    if held.stray:
        yield DateFinding(f"{name} key", "missing", messages.no_key(name))
    if held.own is not None:
        yield from _dates(name, "The certificate", held.own, wall)
    for authority in held.authorities:
        yield from _dates(name, "The CA certificate", authority, wall)
    yield from _list(held, wall)


def next_change(held: Holdings, wall: datetime) -> datetime | None:
    """Return when something else will be worth a message."""
    certificates = (*((held.own,) if held.own else ()), *held.authorities)
    moments = [one.not_valid_before_utc for one in certificates]
    for one in certificates:
        moments += [one.not_valid_after_utc - timedelta(days=step + 1) for step in WARNINGS]
        moments.append(one.not_valid_after_utc)
    moments += [one.next_update_utc for one in held.lists if one.next_update_utc is not None]
    return min((moment for moment in moments if moment >= wall), default=None)


def _list(held: Holdings, wall: datetime) -> Iterator[DateFinding]:
    name = held.trustpoint.name
    if held.trustpoint.asks_nobody:
        return
    if not held.lists and held.trustpoint.must_ask and held.authorities:
        yield DateFinding(f"{name} list", "missing", messages.no_list(name))
    for one in held.lists:
        if one.next_update_utc is not None and one.next_update_utc < wall:
            about = f"{name} list {one.issuer.rfc4514_string()}"
            yield DateFinding(about, "stale", messages.list_stale(name, moment(one.next_update_utc)))


def _dates(name: str, whose: str, certificate: x509.Certificate, wall: datetime) -> Iterator[DateFinding]:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    about = f"{name} {serial_of(serial_number(certificate))} {certificate.issuer.rfc4514_string()}"
    if wall < begin:
        yield DateFinding(about, "early", messages.not_yet_valid(name, whose, moment(begin), moment(wall)))
    elif wall > end:
        yield DateFinding(about, "expired", messages.expired(name, whose, moment(end)))
    elif (days := (end - wall).days) <= WARNINGS[0]:
        step = min(step for step in WARNINGS if days <= step)
        yield DateFinding(about, f"expires within {step}", messages.expiring(name, whose, days, moment(end)))
