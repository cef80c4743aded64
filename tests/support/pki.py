"""A certificate authority, and a router at whose prompt its certificates are pasted."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import NameOID

from dmvpn.app.pki import dialog as _dialog
from dmvpn.base.effects import ConsoleLine, Store
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, ConfigurationEntered, Event, Remembered, Tick
from dmvpn.base.protection import Credentials
from dmvpn.face.interpreter import OneShot
from dmvpn.features.pki.machine import PkiMachine
from dmvpn.router.router import Router
from dmvpn.shells.handle import Handle
from dmvpn.tools.authority import Authority, RequestedCertificate

if TYPE_CHECKING:
    from pathlib import Path


def authority(folder: Path, name: str = "Lab CA", *, elliptic: bool = True) -> Authority:
    """Return an authority; elliptic curves, because they are quick."""
    return Authority.make(folder, name, elliptic=elliptic)


def issue(made: Authority, name: str, **settings: object) -> None:
    """NAME.pem and NAME.key in its folder; the host name is among the alternative names."""
    made.issue(RequestedCertificate(name=name, **{"fqdns": (f"{name}.example",), **settings}))  # type: ignore[arg-type]


def paste(trustpoint: str, files: list[bytes]) -> list[str]:
    """Return what somebody pastes who has these PEM files; the key is encrypted on the way."""
    return _dialog(trustpoint, files)


def dialog(folder: Path, name: str, trustpoint: str = "LAB") -> list[str]:
    """Return the same, with the files of an authority."""
    return paste(
        trustpoint, [(folder / file).read_bytes() for file in ("ca.pem", f"{name}.pem", f"{name}.key", "crl.pem")]
    )


class Console:
    """A router without interfaces and its prompt. stored: what it kept."""

    def __init__(self, configuration: str = "", remembered: dict[str, bytes] | None = None) -> None:
        self.now = 0.0
        self.router = Router(SeededEntropy(1))
        self.stored: dict[str, bytes] = dict(remembered or {})
        self.log: list[str] = []
        self._handle = Handle(lambda: self.router, lambda: self.now, self.post, lambda name, octets: None)
        self.post(ClockSet(time.time()))
        for name, octets in self.stored.items():
            self.post(Remembered(name, octets))
        self.post(ConfigurationEntered(configuration, by="startup", saved=True))

    @property
    def pki(self) -> PkiMachine:
        return self.router.machine(PkiMachine)

    @property
    def running(self) -> str:
        return "\n".join(self.router.running.render())

    def post(self, event: Event) -> None:
        for effect in self.router.handle(event, self.now):
            match effect:
                case Store(name, octets):
                    self.stored[name] = octets
                case ConsoleLine(text=text):
                    self.log.append(text)
                case _:
                    pass

    def later(self, seconds: float) -> None:
        """Let time pass, and whatever is due happen."""
        end = self.now + seconds
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.post(Tick())
        self.now = end

    def type(self, *lines: str) -> tuple[int, str]:
        """Status and answer."""
        shot = OneShot(self._handle, 1, lines)
        said = ""
        while not shot.done:
            said += shot.step()
        return shot.status, said

    def reborn(self) -> Console:
        """Return the same router after a restart, with the configuration that runs now."""
        return Console(self.running, self.stored)


# Certificates of RSA keys, made in memory: an authority, and what its routers get as a trustpoint.

#: What `FakeClock` says at the beginning.
NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
_DAY = timedelta(days=1)
#: Daemons have the clock of the machine.
_LONG = timedelta(days=20_000)


def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return the same key for the same name: each takes a while."""
    return _drawn(name, bits)


@cache
def _drawn(name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class RsaAuthority:
    """An authority with an RSA key. above: the one that has signed its certificate."""

    def __init__(self, name: str = "Lab CA", above: RsaAuthority | None = None) -> None:
        self.name, self.above, self.key = name, above, rsa_key(name)
        self.certificate = self.sign(name, self.key, above, is_authority=True)

    @property
    def der(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(Encoding.DER)

    def sign(
        self,
        subject: str,
        key: rsa.RSAPrivateKey,
        issuer: RsaAuthority | None = None,
        *,
        is_authority: bool = False,
        names: tuple[x509.GeneralName, ...] = (),
        until: datetime = NOW + _LONG,
    ) -> x509.Certificate:
        """Return a certificate for a subject, by an issuer or by this authority."""
        by = issuer or self
        builder = x509.CertificateBuilder(
            issuer_name=_name(by.name),
            subject_name=_name(subject),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=NOW - _DAY,
            not_valid_after=until,
        ).add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(by.key, hashes.SHA256())

    def issue(
        self, name: str, address: str = "", *, until: datetime = NOW + _LONG, bits: int = 2048
    ) -> x509.Certificate:
        """Return the certificate of a router: its host name NAME.example, and an address."""
        known: list[x509.GeneralName] = [x509.DNSName(f"{name}.example")]
        known += [x509.IPAddress(IPv4Address(address))] if address else []
        return self.sign(name, rsa_key(name, bits), names=tuple(known), until=until)

    def revoke(self, *certificates: x509.Certificate) -> bytes:
        """Return a revocation list."""
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=_name(self.name), last_update=NOW - _DAY, next_update=NOW + _DAY
        )
        for each in certificates:
            entry = x509.RevokedCertificateBuilder(serial_number=each.serial_number, revocation_date=NOW - _DAY)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def credentials(
        self, name: str, address: str = "", *, until: datetime = NOW + _LONG, bits: int = 2048
    ) -> Credentials:
        """Return a trustpoint of a router, with the certificates of all authorities below the first one."""
        own = self.issue(name, address, until=until, bits=bits)
        between, top = [], self
        while top.above is not None:
            between.append(top.der)
            top = top.above
        octets = rsa_key(name, bits).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        chain = (own.public_bytes(Encoding.DER), *between)
        return Credentials(trustpoint="LAB", chain=chain, key=octets, anchors=(top.der,))


@cache
def lab_authority() -> RsaAuthority:
    """Return the authority that most tests have."""
    return RsaAuthority()


# --------------------------------------------------------------------------------------------------------- for daemons


@cache
def _certified(name: str, address: str) -> x509.Certificate:
    return lab_authority().issue(name, address)


def pem_files(name: str, address: str) -> dict[str, bytes]:
    """Return what swanctl loads, by the path below its folder."""
    key = rsa_key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "x509/own.pem": _certified(name, address).public_bytes(Encoding.PEM),
        "private/own.pem": key,
        "x509ca/ca.pem": lab_authority().certificate.public_bytes(Encoding.PEM),
    }


def pkcs_12(name: str, address: str) -> bytes:
    """Return key, certificate ("own") and authority ("ca") in the format of NSS, without a password."""
    authority = pkcs12.PKCS12Certificate(lab_authority().certificate, b"ca")
    own = _certified(name, address)
    return pkcs12.serialize_key_and_certificates(b"own", rsa_key(name), own, [authority], NoEncryption())


def hexadecimal(name: str, address: str) -> dict[str, object]:
    """Return a trustpoint of ours, as JSON can have it."""
    given = lab_authority().credentials(name, address)
    return {
        "chain": [each.hex() for each in given.chain],
        "key": given.key.hex(),
        "anchors": [each.hex() for each in given.anchors],
    }
