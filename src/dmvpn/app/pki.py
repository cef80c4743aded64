"""`dmvpn pki ...`: a small certificate authority in a folder, and its certificates brought to a running router."""

from __future__ import annotations

import argparse
import getpass
import io
import os
import secrets
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from dmvpn.base.certificates import certificate_of
from dmvpn.base.errors import UserError
from dmvpn.face import client
from dmvpn.features.pki.material import Key, blocks, is_key, read_key, read_pem, read_pkcs12
from dmvpn.shells.files import read_given
from dmvpn.shells.lab.places import find_router
from dmvpn.tools.authority import CA_CERTIFICATE, LIST, Authority, RequestedCertificate

#: Where a password may be; else it is asked for. Not on the command line, which every user of the machine can read.
PASSWORD: Final = "DMVPN_PKI_PASSWORD"  # noqa: S105 - the name of a variable
#: Octets of a file with certificates.
_LARGEST: Final = 8 << 20


def init(arguments: argparse.Namespace) -> int:
    """Make a new authority."""
    made = Authority.make(arguments.folder, arguments.name, elliptic=arguments.ec)
    print(f"{made.certificate.subject.rfc4514_string()}: {arguments.folder / CA_CERTIFICATE}; keep ca.key off routers")
    return 0


def issue(arguments: argparse.Namespace) -> int:
    """Issue a certificate and a key for each name."""
    authority = Authority.open(arguments.folder)
    named = arguments.dn or arguments.fqdn or arguments.ip or arguments.email
    if named and len(arguments.names) > 1:
        raise UserError("--dn, --fqdn, --ip and --email are about one router: name one")
    password = _password("Password of the PKCS #12 files: ", twice=True) if arguments.pkcs12 else ""
    elliptic = True if arguments.ec else False if arguments.rsa else None
    for name in arguments.names:
        request = RequestedCertificate(
            name=name,
            dn=arguments.dn or "",
            fqdns=tuple(arguments.fqdn or (name,)),
            addresses=tuple(arguments.ip),
            emails=tuple(arguments.email),
            days=arguments.days,
        )
        issued = authority.issue(request, elliptic=elliptic, renew=arguments.renew)
        files = f"{arguments.folder / name}.pem, .key"
        if arguments.pkcs12:
            files += f", {authority.write_pkcs12(name, password).name}"
        print(f"{issued.subject}, until {issued.end[:10]}: {files}")
    return 0


def revoke(arguments: argparse.Namespace) -> int:
    """Revoke certificates: they are no longer believed as soon as routers have the new list."""
    authority = Authority.open(arguments.folder)
    for issued in authority.revoke(arguments.which):
        print(f"{issued.subject} (serial {issued.serial}) is revoked; {authority.folder / LIST} says so")
    return 0


def crl(arguments: argparse.Namespace) -> int:
    """Make the revocation list again."""
    authority = Authority.open(arguments.folder)
    signed = authority.write_list(arguments.days)
    print(f"{authority.folder / LIST}: {len(signed)} revoked, good until {signed.next_update_utc:%Y-%m-%d}")
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Show the authority and what it issued."""
    authority = Authority.open(arguments.folder)
    certificate = authority.certificate
    print(f"{certificate.subject.rfc4514_string()}, until {certificate.not_valid_after_utc:%Y-%m-%d}")
    for one in authority.index:
        expired = datetime.fromisoformat(one.end) < datetime.now(UTC)
        state = f"revoked {one.revoked[:10]}" if one.revoked else "expired" if expired else "valid"
        print(f"  {one.name:<16} {state:<18} until {one.end[:10]}  {one.subject}  serial {one.serial}")
    return 0


# ------------------------------------------------------------------------------------------------ import


def import_(arguments: argparse.Namespace) -> int:
    """Bring certificates, a key and a revocation list to a router that runs."""
    folder, router = find_router(
        arguments.router,
        lambda name: shlex.join(["dmvpn", "pki", "import", name, arguments.trustpoint, *map(str, arguments.sources)]),
    )
    sources = [path for source in arguments.sources for path in _files(source, router)]
    found = [block for path in sources for block in _read(path)]
    lines = dialog(arguments.trustpoint, found)
    said = io.BytesIO()
    status = client.execute(folder.management(router), lines, said)
    printed = said.getvalue().decode().splitlines()
    answers = [line for line in printed if line.strip() and not line.startswith(("% Enter", "% End"))]
    if status:
        raise UserError(f"{router}: {' '.join(answers).removeprefix('% ')}")
    print(f"{router}: trustpoint {arguments.trustpoint} has them now; 'dmvpn -r {arguments.router} write' keeps them")
    return 0


def _files(source: Path, router: str) -> list[Path]:
    """Return what a folder of an authority has for a router; any other file is meant itself."""
    if not source.is_dir():
        return [source]
    wanted = [source / name for name in (CA_CERTIFICATE, f"{router}.pem", f"{router}.key", LIST)]
    absent = [path for path in wanted if not path.is_file()]
    if absent:
        raise UserError(f"{absent[0]} is not there; dmvpn pki issue {source} {router} makes it")
    return wanted


def _read(path: Path) -> list[bytes]:
    """Return the PEM blocks of a file; a private key is decrypted, as it stays in this process. Raises UserError."""
    octets = read_given(path, _LARGEST)
    try:
        if b"-----BEGIN" not in octets:
            found = read_pkcs12(octets, _password(f"Password of {path}: "))
            certificates = (certificate_of(one) for one in (found.own, *found.authorities) if one)
            return [*(one.public_bytes(Encoding.PEM) for one in certificates), _pem_key(read_key(found.key))]
        return [_in_clear(block, path) for _, block in blocks(octets)]
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _in_clear(block: bytes, path: Path) -> bytes:
    """Return a block; a key that is encrypted is decrypted."""
    if b"ENCRYPTED" not in block:
        return block
    return _pem_key(read_key(block, _password(f"Passphrase of {path}: ").encode()))


def _pem_key(key: Key, passphrase: str = "") -> bytes:
    protection = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)


def dialog(trustpoint: str, found: list[bytes]) -> list[str]:
    """Return the lines that a user would type and paste at the prompt; the key is sent encrypted."""
    everything = b"\n".join(found)
    material = read_pem(everything)
    passphrase = secrets.token_urlsafe(24)
    key = _pem_key(read_key(material.key), passphrase).decode() if material.key else ""
    rest = b"\n".join(block for label, block in blocks(everything) if not is_key(label)).decode()
    return [
        f"crypto pki import {trustpoint} pem terminal password {passphrase}",
        *(line for line in rest.splitlines() if line),
        "quit",
        *key.splitlines(),
        "quit",
        "quit",
    ]


def _password(prompt: str, *, twice: bool = False) -> str:
    """Return the password from the environment, or as it is typed. Raises UserError."""
    if given := os.environ.get(PASSWORD):
        return given
    if not sys.stdin.isatty():
        raise UserError(f"a password is needed: set {PASSWORD}")
    typed = getpass.getpass(prompt)
    if not typed or (twice and getpass.getpass("Again: ") != typed):
        raise UserError("the two passwords differ" if typed else "an empty password protects nothing")
    return typed


VERBS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "init": init,
    "issue": issue,
    "revoke": revoke,
    "crl": crl,
    "show": show,
    "import": import_,
}
