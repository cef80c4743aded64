"""Commands that change what no configuration shows: credentials that are pasted, and pairs of keys. So on IOS, too.

crypto pki authenticate NAME                          the certificate of an authority
crypto pki import NAME pem terminal PASSPHRASE        an authority, our private key, our certificate
crypto pki import NAME pkcs12 terminal PASSWORD       all three, in base 64
crypto pki import NAME crl terminal                   a revocation list
crypto key zeroize NAME                               the private key is no more

crypto key generate rsa [general-keys] [label NAME] [modulus BITS]
crypto key generate ec [keysize BITS] [label NAME]
crypto key zeroize rsa|ec [NAME]
show crypto key mypubkey                              the public keys
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import Encoding

from dmvpn.base.certificates import CLOCK_TOLERANCE, certificate_of, serial_number
from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.features.pki import material
from dmvpn.features.pki.machine import (
    EC,
    LARGEST,
    MOST,
    RSA,
    CredentialsImported,
    KeyForgotten,
    KeyPairForgotten,
    KeyPairMade,
    PkiMachine,
    generated,
)
from dmvpn.features.pki.material import Material, chain_lines, moment, trustpoint_lines
from dmvpn.features.pki.show.certificates import fingerprint, grouped
from dmvpn.features.pki.trustpoints import Holdings, newest_lists
from dmvpn.ios import Args, Ask, Change, Compute, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cryptography import x509


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
    # A chain in the configuration distinguishes its certificates by their serial numbers alone.
    serials = [serial_number(certificate_of(octets)) for octets in authorities]
    if len(set(serials)) < len(serials):
        raise UserError("two authorities with the same serial number: give each a trustpoint of its own")
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
        octets = found.authorities[0]
        return Ask(
            said=(
                "Certificate has the following attributes:",
                f"       Fingerprint MD5: {fingerprint(octets, 'md5')}",
                f"      Fingerprint SHA1: {fingerprint(octets, 'sha1')}",
                f"    Fingerprint SHA256: {fingerprint(octets, 'sha256')}",
                "",
            ),
            prompt="% Do you accept this certificate? [yes/no]: ",
            then=lambda answer: _accepted(held, name, found, answer),
        )

    return Ask(many=True, said=("", "Enter the base 64 encoded CA certificate.", _UNTIL[2:], ""), then=look)


def _accepted(held: Holdings, name: str, found: Material, answer: str) -> Change:
    if answer.strip().lower() not in ("yes", "y"):
        return _refuse("Certificate was not accepted")
    said = "Trustpoint CA certificate accepted.\n% Certificate successfully imported"
    return _change(held, name, found, "terminal", said)


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


_SMALLEST, _LARGEST = 1024, 4096
_BITS: Final = {RSA: 2048, EC: 256}
_SIZES: Final = ("256", "384", "521")
#: Octets of a row of a key.
_ROW: Final = 32


class _Wanted(Value):
    """A pair that is to be made."""

    name: str
    kind: str
    bits: int
    moment: int

    def made(self) -> Change:
        """Make the pair, and return the event that hands it to the router."""
        pair = generated(self.name, self.kind, self.bits, self.moment)
        said = f"[OK] ({self.kind} keys of {self.bits} bits)", ""
        return Change(events=(KeyPairMade(pair.stored_as, pair.stored),), said=said)


def _refuse_key(text: str) -> Change:
    return Change(said=(text,), failed=True)


def _is_yes(answer: str) -> bool:
    return answer.strip().lower() in ("y", "yes")


# ------------------------------------------------------------------------------------------------ generate


def _generate(ctx: ShowContext, args: Args) -> Ask | Change | Compute:
    machine = ctx.machine(PkiMachine)
    kind = RSA if "rsa" in args else EC
    name = args.text("label", ctx.hostname)
    if (kind, name) not in machine.keypairs and len(machine.keypairs) >= MOST:
        return _refuse_key(f"% There are {MOST} pairs of keys; crypto key zeroize removes one")
    moment = int(ctx.ports.clock.wall(ctx.now).timestamp())

    def with_bits(bits: int) -> Compute:
        said = (
            f"The name for the keys will be: {name}",
            "",
            f"% Generating {bits} bit {kind} keys, keys will be non-exportable...",
        )
        return Compute(work=_Wanted(name, kind, bits, moment).made, said=said)

    def chosen(answer: str) -> Compute | Change:
        typed = answer.strip() or str(_BITS[RSA])
        if not (typed.isascii() and typed.isdigit() and _SMALLEST <= int(typed[:8]) <= _LARGEST):
            return _refuse_key(f"% Error: a modulus has {_SMALLEST} to {_LARGEST} bits")
        return with_bits(int(typed))

    def go_on() -> Ask | Compute:
        bits = args.integer("bits", next((int(size) for size in _SIZES if size in args), None))
        if bits is None and kind == RSA:
            return Ask(prompt=f"How many bits in the modulus [{_BITS[RSA]}]: ", then=chosen)
        return with_bits(bits or _BITS[kind])

    if (kind, name) not in machine.keypairs:
        return go_on()
    return Ask(
        said=(f"% You already have {kind} keys defined named {name}.",),
        prompt="% Do you really want to replace them? [yes/no]: ",
        then=lambda answer: go_on() if _is_yes(answer) else Change(),
    )


# ------------------------------------------------------------------------------------------------ zeroize


def _zeroize_keys(ctx: ShowContext, args: Args) -> Ask | Change:
    kind = RSA if "rsa" in args else EC
    label = args.text("label", "")
    found = [pair for pair in ctx.machine(PkiMachine).keypairs.values() if pair.kind == kind]
    found = [pair for pair in found if label in ("", pair.name)]
    if not found:
        return _refuse_key(f"% No {kind} keys of this name; show crypto key mypubkey all lists the keys")

    def finish(answer: str) -> Change:
        return Change(events=tuple(KeyPairForgotten(pair.kind, pair.name) for pair in found if _is_yes(answer)))

    said = f"% Keys to be removed are named '{label}'." if label else "% All keys of this kind will be removed."
    return Ask(said=(said,), prompt="Do you really want to remove these keys? [yes/no]: ", then=finish)


# ------------------------------------------------------------------------------------------------ show


class PublicKey(Value):
    """The public half of a pair. made: when. octets: SubjectPublicKeyInfo in DER."""

    name: str
    kind: str
    made: datetime
    octets: bytes


class PublicKeys(Value):
    """`show crypto key mypubkey`."""

    keys: tuple[PublicKey, ...]


def public_keys(ctx: ShowContext, args: Args) -> PublicKeys:
    """Query the pairs of a kind, or all; of these the one with a label."""
    kinds = [kind for kind in (RSA, EC) if kind.lower() in args] or [RSA, EC]
    label = args.text("label", "")
    return PublicKeys(
        tuple(
            PublicKey(pair.name, pair.kind, datetime.fromtimestamp(pair.made, UTC), pair.public)
            for pair in ctx.machine(PkiMachine).keypairs.values()
            if pair.kind in kinds and label in ("", pair.name)
        )
    )


def render_public_keys(found: PublicKeys) -> Iterator[str]:
    """Yield a block for each; private halves are never shown."""
    for key in found.keys:
        yield f"% Key pair was generated at: {key.made:%H:%M:%S} UTC {key.made:%b %-d %Y}"
        yield f"Key name: {key.name}"
        yield f"Key type: {key.kind} KEYS"
        yield " Storage Device: not specified"
        yield " Usage: General Purpose Key"
        yield " Key is not exportable."
        yield " Key Data:"
        for start in range(0, len(key.octets), _ROW):
            yield f"  {grouped(key.octets[start : start + _ROW])}"


_KEY_HELP: Final = {
    "key": "Pairs of keys",
    "generate": "Make a pair",
    "zeroize": "Remove pairs",
    "rsa": "RSA",
    "ec": "Elliptic curves",
    "general-keys": "For everything",
    "label": "Name of the pair; without it the router's",
    "modulus": "Size",
    "keysize": "Size",
    "bits": "Bits",
    **dict.fromkeys(_SIZES, "Bits: the curve of NIST of this size"),
    "mypubkey": "Public halves of the pairs of this router",
    "all": "Of every kind",
}


def _key_command(syntax: str, action: Callable[[ShowContext, Args], object]) -> ExecCommand:
    return ExecCommand(syntax, _KEY_HELP, action=action, privilege=15, configures=True)


COMMANDS: Final = (
    _command("crypto pki authenticate {name:word}", _authenticate),
    _command("crypto pki import {name:word} pem terminal [ password ] {secret:word}", _pem),
    _command("crypto pki import {name:word} pkcs12 terminal [ password ] {secret:word}", _pkcs12),
    _command("crypto pki import {name:word} crl terminal", _list),
    _command("crypto key zeroize {name:word}", _zeroize),
    _key_command(
        f"crypto key generate rsa [* general-keys | label {{label:word}} | modulus {{bits:{_SMALLEST}-{_LARGEST}}} ]",
        _generate,
    ),
    _key_command("crypto key generate ec [* keysize ( 256 | 384 | 521 ) | label {label:word} ]", _generate),
    _key_command("crypto key zeroize ( rsa | ec ) [ {label:word} ]", _zeroize_keys),
    ExecCommand(
        "show crypto key mypubkey ( all | rsa [ {label:word} ] | ec [ {label:word} ] )",
        _KEY_HELP,
        query=public_keys,
        render=render_public_keys,
    ),
)
