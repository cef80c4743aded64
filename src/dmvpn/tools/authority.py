"""A small certificate authority, as files of one folder: for labs, and for networks of some dozens of routers.

    ca.pem, ca.key      the authority; its key can issue a certificate for any name, so it belongs on no router
    NAME.pem, NAME.key  an issued certificate and its key, by name
    crl.pem             revoked certificates; routers that check need a current list
    index.json          all certificates ever issued

Private keys are for the owner of the folder alone (mode 0600). A router takes a certificate and its key out of such a
folder by itself where the folder is beside its configuration (`shells/certificates.py`).
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dmvpn.base.errors import UserError
from dmvpn.base.values import Mutable, Value

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
CA_CERTIFICATE, CA_KEY, LIST, INDEX = "ca.pem", "ca.key", "crl.pem", "index.json"
_AUTHORITY_DAYS: Final = 3650
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_RESERVED: Final = ("ca", "crl", "index")
_RSA_BITS: Final = 3072
#: Certificates begin a little before they are made: the clocks of two routers are never the same.
_SKEW: Final = timedelta(minutes=10)
_WORDS: Final = {
    "cn": NameOID.COMMON_NAME,
    "ou": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "o": NameOID.ORGANIZATION_NAME,
    "l": NameOID.LOCALITY_NAME,
    "st": NameOID.STATE_OR_PROVINCE_NAME,
    "c": NameOID.COUNTRY_NAME,
    "dc": NameOID.DOMAIN_COMPONENT,
    "e": NameOID.EMAIL_ADDRESS,
    "serialnumber": NameOID.SERIAL_NUMBER,
}


class RequestedCertificate(Value, kw_only=True):
    """The contents of a new certificate. days: lifetime. dn: most specific first, "cn=R1,o=Example"; "": the name.

    web: it is for a web server, and proves no router.
    """

    name: str
    dn: str = ""
    fqdns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    days: int = 730
    web: bool = False


class Issued(Value, kw_only=True):
    """One line of the index. serial: hexadecimal. end, revoked: ISO 8601, "" if it is not."""

    serial: str
    name: str
    subject: str
    end: str
    revoked: str = ""


class Authority(Mutable):
    """One folder. now: the wall time of this order."""

    folder: Path
    certificate: x509.Certificate
    key: Key = field(repr=False)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    # ------------------------------------------------------------------------------------------------ the folder

    @classmethod
    def make(cls, folder: Path, name: str, *, elliptic: bool, dn: str = "", now: datetime | None = None) -> Self:
        """Return a new authority. dn: its name, instead of "cn=NAME". now: None: the machine's time of day.

        Raises UserError if the folder already has an authority.
        """
        if (folder / CA_KEY).exists() or (folder / CA_CERTIFICATE).exists():
            raise UserError(f"{folder} is an authority already; another one needs another folder")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key, now = _new_key(elliptic=elliptic), now or datetime.now(UTC)
        subject = _name_of(dn or f"cn={name}")
        builder = _builder(subject, subject, key.public_key(), now, _AUTHORITY_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(authority=True), critical=True)
        made = cls(folder, builder.sign(key, _digest(key)), key, now)
        _write_private(folder / CA_KEY, _pem(key))
        (folder / CA_CERTIFICATE).write_bytes(made.certificate.public_bytes(Encoding.PEM))
        made._write_index(())
        made.write_list()
        return made

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Return the authority in a folder. Raises UserError."""
        try:
            certificate = x509.load_pem_x509_certificate((folder / CA_CERTIFICATE).read_bytes())
            key = load_pem_private_key((folder / CA_KEY).read_bytes(), None)
        except FileNotFoundError as error:
            raise UserError(
                f"{folder} is no authority (no {CA_CERTIFICATE}, {CA_KEY}): dmvpn pki init makes one"
            ) from error
        except (ValueError, TypeError) as error:
            raise UserError(f"{folder}: {CA_CERTIFICATE} or {CA_KEY} cannot be read: {error}") from error
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise UserError(f"{folder / CA_KEY}: neither an RSA nor an elliptic curve key")
        return cls(folder, certificate, key)

    @property
    def index(self) -> tuple[Issued, ...]:
        """Everything that was issued, the oldest first. Raises UserError."""
        try:
            return tuple(Issued(**entry) for entry in json.loads((self.folder / INDEX).read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{self.folder / INDEX} cannot be read: {error}") from error

    def _write_index(self, entries: tuple[Issued, ...]) -> None:
        text = json.dumps([asdict(entry) for entry in entries], indent=1) + "\n"
        _write_private(self.folder / INDEX, text.encode())

    # ------------------------------------------------------------------------------------------------ what it does

    def issue(self, request: RequestedCertificate, *, elliptic: bool | None = None, renew: bool = False) -> Issued:
        """Return a new key and its certificate. elliptic: kind of key, None: as the authority's. Raises UserError."""
        self._check(request, renew=renew)
        key = _new_key(elliptic=isinstance(self.key, ec.EllipticCurvePrivateKey) if elliptic is None else elliptic)
        subject = _name_of(request.dn or f"cn={request.name}")
        builder = _builder(subject, self.certificate.subject, key.public_key(), self.now, request.days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(authority=False), critical=True)
        builder = builder.add_extension(_identifier(self.certificate), critical=False)
        if request.web:
            builder = builder.add_extension(x509.ExtendedKeyUsage((ExtendedKeyUsageOID.SERVER_AUTH,)), critical=False)
        if names := _alternatives(request):
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self.key, _digest(self.key))
        _write_private(self.folder / f"{request.name}.key", _pem(key))
        (self.folder / f"{request.name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        issued = Issued(
            serial=f"{certificate.serial_number:X}",
            name=request.name,
            subject=certificate.subject.rfc4514_string(),
            end=certificate.not_valid_after_utc.isoformat(),
        )
        self._write_index((*self.index, issued))
        return issued

    def _check(self, request: RequestedCertificate, *, renew: bool) -> None:
        if not _NAME.fullmatch(request.name) or request.name in _RESERVED:
            raise UserError(f"{request.name!r} is no name for files: letters, digits, '_', '.' and '-'")
        if self.certificate.not_valid_after_utc < self.now:
            raise UserError(f"the authority expired at {self.certificate.not_valid_after_utc:%Y-%m-%d}")
        valid = [one for one in self.index if one.name == request.name and not one.revoked]
        if valid and not renew:
            raise UserError(f"{request.name} has a certificate (serial {valid[-1].serial}): --renew makes another one")

    def revoke(self, which: str) -> tuple[Issued, ...]:
        """Revoke by serial number, or all of a name; the list is written again. Raises UserError."""
        number = re.fullmatch(r"(?:0[xX])?0*([0-9A-Fa-f]+)", which)
        serial = number[1].upper() if number else ""
        index = self.index
        chosen = [one for one in index if one.serial == serial] or [one for one in index if one.name == which]
        if not chosen:
            raise UserError(f"{which}: no certificate with this serial number or name was issued here")
        fresh = [one for one in chosen if not one.revoked]
        if not fresh:
            raise UserError(f"{which} is revoked already")
        when = self.now.isoformat(timespec="seconds")
        self._write_index(tuple(replace(one, revoked=when) if one in fresh else one for one in index))
        self.write_list()
        return tuple(fresh)

    def write_list(self, days: int = 365) -> x509.CertificateRevocationList:
        """Return a revocation list that is good for some days."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(self.now - _SKEW).next_update(self.now + timedelta(days=days))
        builder = builder.add_extension(_identifier(self.certificate), critical=False)
        number = int(self.now.timestamp() * 1_000_000)  # RFC 5280 §5.2.3: it only has to grow
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
        for one in self.index:
            if one.revoked:
                entry = x509.RevokedCertificateBuilder().serial_number(int(one.serial, 16))
                builder = builder.add_revoked_certificate(
                    entry.revocation_date(datetime.fromisoformat(one.revoked)).build()
                )
        signed = builder.sign(self.key, _digest(self.key))
        (self.folder / LIST).write_bytes(signed.public_bytes(Encoding.PEM))
        return signed

    def write_pkcs12(self, name: str, password: str) -> Path:
        """Write NAME.p12: key, certificate and authority in one, encrypted. Raises UserError."""
        try:
            key = load_pem_private_key((self.folder / f"{name}.key").read_bytes(), None)
            certificate = x509.load_pem_x509_certificate((self.folder / f"{name}.pem").read_bytes())
        except (OSError, ValueError) as error:
            raise UserError(f"{self.folder / name}.key or .pem cannot be read: {error}") from error
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise UserError(f"{self.folder / name}.key: neither an RSA nor an elliptic curve key")
        protection = BestAvailableEncryption(password.encode())
        path = self.folder / f"{name}.p12"
        octets = pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, (self.certificate,), protection)
        _write_private(path, octets)
        return path


# ------------------------------------------------------------------------------------------------ certificates


def _new_key(*, elliptic: bool) -> Key:
    return ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, _RSA_BITS)


def _digest(key: Key) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """Return the hash of a curve's size: a smaller hash would be the weakest part of a signature."""
    size = key.key_size if isinstance(key, ec.EllipticCurvePrivateKey) else 256
    return hashes.SHA256() if size <= 256 else hashes.SHA384() if size <= 384 else hashes.SHA512()


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - _SKEW).not_valid_after(now + timedelta(days=days))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _identifier(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _name_of(text: str) -> x509.Name:
    """Read "cn=R1,o=Example", most specific first, as IOS's `subject-name` has it. Raises UserError."""
    attributes: list[x509.NameAttribute[str]] = []
    for part in re.split(r"(?<!\\),", text):
        word, equals, value = (piece.strip() for piece in part.replace("\\,", ",").partition("="))
        if not equals or word.lower() not in _WORDS:
            known = ", ".join(_WORDS)
            raise UserError(f"{text!r} is no name: WORD=VALUE with commas between, the words being {known}")
        try:
            attributes.append(x509.NameAttribute(_WORDS[word.lower()], value))
        except ValueError as error:
            raise UserError(f"{part.strip()!r}: {error}") from error
    return x509.Name(reversed(attributes))


def _alternatives(request: RequestedCertificate) -> list[x509.GeneralName]:
    """Read the alternative names."""
    try:
        return [
            *(x509.DNSName(name) for name in request.fqdns),
            *(x509.IPAddress(ip_address(address)) for address in request.addresses),
            *(x509.RFC822Name(email) for email in request.emails),
        ]
    except ValueError as error:
        raise UserError(str(error)) from error


# ------------------------------------------------------------------------------------------------ files


def _pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_private(path: Path, octets: bytes) -> None:
    """Replace a file in one step; only its owner may read it."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(octets)
    temporary.replace(path)
