"""`crypto pki import`, `crypto pki authenticate`: pasted credentials become configuration, and a stored key.

crypto pki authenticate NAME                          the certificate of an authority
crypto pki import NAME pem terminal PASSPHRASE        an authority, our private key, our certificate
crypto pki import NAME pkcs12 terminal PASSWORD       all three, in base 64
crypto pki import NAME crl terminal                   a revocation list
crypto key zeroize NAME                               the private key is no more
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import Encoding

from dmvpn.base.certificates import CLOCK_TOLERANCE, certificate_of, serial_number
from dmvpn.base.errors import UserError
from dmvpn.features.pki import material
from dmvpn.features.pki.machine import LARGEST, CredentialsImported, KeyForgotten, PkiMachine
from dmvpn.features.pki.material import chain_lines, moment, trustpoint_lines
from dmvpn.features.pki.show.certificates import fingerprint
from dmvpn.features.pki.trustpoints import newest_lists
from dmvpn.ios import Args, Ask, Change, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

    from dmvpn.features.pki.material import Material
    from dmvpn.features.pki.trustpoints import Holdings

_UNTIL: Final = '% End with a blank line or "quit" on a line by itself.'


def _refuse(error: UserError | str) -> Change:
    return Change(said=(f"% {error}",), failed=True)


def _held(ctx: ShowContext, name: str) -> Holdings | None:
    return ctx.machine(PkiMachine).holdings.get(name)


# ------------------------------------------------------------------------------------------------ pem


def _pem(ctx: ShowContext, args: Args) -> Ask:
    """Return three pastes, as on IOS; each may hold any of the blocks."""
    name, passphrase = args.text("name"), args.text("secret").encode()

    def finish(text: str) -> Change:
        try:
            found = material.read_pem(text.encode(), passphrase)
            return _change(_held(ctx, name), name, found, "terminal pem", "% PEM files import succeeded.")
        except UserError as error:
            return _refuse(error)

    def after_key(text: str) -> Ask:
        said = ("% Enter PEM-formatted General Purpose certificate.", _UNTIL)
        return Ask(many=True, said=said, then=lambda own: finish(f"{text}\n{own}"))

    def after_authority(text: str) -> Ask:
        said = ("% Enter PEM-formatted encrypted private General Purpose key.", _UNTIL)
        return Ask(many=True, said=said, then=lambda key: after_key(f"{text}\n{key}"))

    return Ask(many=True, said=("% Enter PEM-formatted CA certificate.", _UNTIL), then=after_authority)


# ------------------------------------------------------------------------------------------------ pkcs12


def _pkcs12(ctx: ShowContext, args: Args) -> Ask:
    name, password = args.text("name"), args.text("secret")

    def finish(text: str) -> Change:
        try:
            found = material.read_pkcs12(text.encode(), password)
            return _change(_held(ctx, name), name, found, "pkcs12", "CRYPTO_PKI: Imported PKCS12 file successfully.")
        except UserError as error:
            return _refuse(error)

    return Ask(many=True, said=("Enter the base 64 encoded pkcs12.", _UNTIL), then=finish)


def _change(held: Holdings | None, name: str, found: Material, enrollment: str, said: str) -> Change:
    """Return the change that adds the import to the trustpoint.

    Raises UserError if nothing was, or something lacks.
    """
    if found.key and not found.own:
        raise UserError("there is a private key and no certificate that it fits")
    if not found.key and not found.authorities and not found.lists:
        raise UserError("nothing was found: no certificate, no private key")
    lines = [] if held else trustpoint_lines(name, enrollment)
    old = tuple(shown.octets for shown in held.trustpoint.certificates if shown.is_authority) if held else ()
    authorities = tuple(dict.fromkeys((*old, *found.authorities)))
    _check_serials(authorities)
    own = found.own or (held.credentials.chain[0] if held and held.credentials.chain else b"")
    lines += chain_lines(name, own, authorities)
    return Change(
        lines=tuple(lines),
        events=(CredentialsImported(trustpoint=name, key=found.key, lists=_lists(held, found)),),
        said=(said, *material.doubts(found)),
    )


# ------------------------------------------------------------------------------------------------ authorities, lists


def _authenticate(ctx: ShowContext, args: Args) -> Ask | Change:
    name = args.text("name")
    held = _held(ctx, name)
    if held is None:
        return _refuse(f"There is no trustpoint {name}; 'crypto pki trustpoint {name}' makes it")

    def look(text: str) -> Ask | Change:
        try:
            certificate = material.read_certificate(text.encode())
        except UserError as error:
            return _refuse(f"Error in receiving Certificate Authority certificate: {error}")
        if not material.is_authority(certificate):
            return _refuse("Error in receiving Certificate Authority certificate: it is no authority's")
        found = material.Material.of(None, (certificate,))
        return Ask(
            said=_attributes(found.authorities[0]),
            prompt="% Do you accept this certificate? [yes/no]: ",
            then=lambda answer: _accepted(held, name, found, answer),
        )

    return Ask(many=True, said=("", "Enter the base 64 encoded CA certificate.", _UNTIL[2:], ""), then=look)


def _accepted(held: Holdings, name: str, found: Material, answer: str) -> Change:
    if answer.strip().lower() not in ("yes", "y"):
        return _refuse("Certificate was not accepted")
    said = "Trustpoint CA certificate accepted.\n% Certificate successfully imported"
    return _change(held, name, found, "terminal", said)


def _attributes(octets: bytes) -> tuple[str, ...]:
    return (
        "Certificate has the following attributes:",
        f"       Fingerprint MD5: {fingerprint(octets, 'md5')}",
        f"      Fingerprint SHA1: {fingerprint(octets, 'sha1')}",
        f"    Fingerprint SHA256: {fingerprint(octets, 'sha256')}",
        "",
    )


def _list(ctx: ShowContext, args: Args) -> Ask | Change:
    name = args.text("name")
    held = _held(ctx, name)
    if held is None or not held.authorities:
        return _refuse(f"Trustpoint {name} has no certificate of an authority; the list could not be checked")

    def finish(text: str) -> Change:
        try:
            one = material.read_list(text.encode())
            lists = _lists(held, material.Material.of(None, (), (one,)))
        except UserError as error:
            return _refuse(error)
        if not any(_signed_by(one, authority) for authority in held.authorities):
            return _refuse(f"This revocation list is of none of the authorities of trustpoint {name}")
        event = CredentialsImported(trustpoint=name, lists=lists)
        return Change(events=(event,), said=("% Revocation list imported.", *_early(ctx, one)))

    return Ask(many=True, said=("Enter the base 64 encoded revocation list.", _UNTIL), then=finish)


def _early(ctx: ShowContext, found: x509.CertificateRevocationList) -> tuple[str, ...]:
    """Return a warning about a list from the future: until then it is not current."""
    if found.last_update_utc <= ctx.ports.clock.wall(ctx.now) + CLOCK_TOLERANCE:
        return ()
    return (f"% Warning: this revocation list is current only from {moment(found.last_update_utc)}",)


def _signed_by(found: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    key = authority.public_key()
    return found.issuer == authority.subject and material.is_signing_key(key) and found.is_signature_valid(key)


def _check_serials(authorities: tuple[bytes, ...]) -> None:
    """Check the serial numbers: a chain in the configuration distinguishes its certificates by these alone."""
    serials = [serial_number(certificate_of(octets)) for octets in authorities]
    if len(set(serials)) < len(serials):
        raise UserError("two authorities with the same serial number: give each a trustpoint of its own")


def _lists(held: Holdings | None, found: Material) -> tuple[bytes, ...]:
    """Return the existing and the imported lists, only the newest of each issuer. Raises UserError."""
    fresh = [material.read_list(octets) for octets in found.lists]
    if not fresh:
        return ()
    lists = tuple(one.public_bytes(Encoding.DER) for one in newest_lists((*(held.lists if held else ()), *fresh)))
    if (size := sum(map(len, lists))) > LARGEST:
        raise UserError(f"revocation lists of {size} octets; at most {LARGEST} are kept over a restart")
    return lists


# ------------------------------------------------------------------------------------------------ keys


def _zeroize(ctx: ShowContext, args: Args) -> Ask:
    name = args.text("name")

    def finish(answer: str) -> Change:
        if answer.strip().lower() not in ("yes", "y"):
            return Change()
        return Change(events=(KeyForgotten(name),))

    return Ask(
        said=(f"% The private key of trustpoint {name} will be removed; its certificate is useless then.",),
        prompt="Do you really want to remove it? [yes/no]: ",
        then=finish,
    )


_HELP: Final = {
    "pki": "Certificates",
    "import": "Take over certificates and keys",
    "authenticate": "Take over the certificate of an authority",
    "name": "Name of the trustpoint",
    "pem": "As PEM",
    "pkcs12": "Certificates and key in one, as PKCS #12",
    "crl": "A revocation list",
    "terminal": "It is pasted here",
    "password": "With which it is encrypted",
    "secret": "The password",
    "key": "Private keys",
    "zeroize": "Forget a private key",
}


def _command(syntax: str, action: Callable[[ShowContext, Args], Ask | Change]) -> ExecCommand:
    return ExecCommand(syntax, _HELP, action=action, privilege=15, configures=True)


COMMANDS: Final = (
    _command("crypto pki authenticate {name:word}", _authenticate),
    _command("crypto pki import {name:word} pem terminal [ password ] {secret:word}", _pem),
    _command("crypto pki import {name:word} pkcs12 terminal [ password ] {secret:word}", _pkcs12),
    _command("crypto pki import {name:word} crl terminal", _list),
    _command("crypto key zeroize {name:word}", _zeroize),
)
