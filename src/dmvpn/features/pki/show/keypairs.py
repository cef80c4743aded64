"""`crypto key generate`, `crypto key zeroize`, `show crypto key mypubkey`. On IOS, too, none of them is configuration.

crypto key generate rsa [general-keys] [label NAME] [modulus BITS]
crypto key generate ec [keysize BITS] [label NAME]
crypto key zeroize rsa|ec [NAME]
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.pki.machine import EC, MOST, RSA, KeyPair, KeyPairForgotten, KeyPairMade, PkiMachine, generated
from dmvpn.features.pki.show.certificates import grouped
from dmvpn.ios import Args, Ask, Change, Compute, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SMALLEST, _LARGEST = 1024, 4096
_BITS: Final = {RSA: 2048, EC: 256}
_SIZES: Final = ("256", "384", "521")
#: Octets of a row of a key.
_ROW: Final = 32


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A pair that is to be made."""

    name: str
    kind: str
    bits: int
    moment: int

    def made(self) -> Change:
        """Make the pair, and return the event that hands it to the router."""
        pair = generated(self.name, self.kind, self.bits, self.moment)
        return Change(events=(KeyPairMade(pair),), said=(f"[OK] ({self.kind} keys of {self.bits} bits)", ""))


def _refuse(text: str) -> Change:
    return Change(said=(text,), failed=True)


def _is_yes(answer: str) -> bool:
    return answer.strip().lower() in ("y", "yes")


# ------------------------------------------------------------------------------------------------ generate


def _generate(ctx: ShowContext, args: Args) -> Ask | Change | Compute:
    machine = ctx.machine(PkiMachine)
    kind = RSA if "rsa" in args else EC
    name = args.text("label", ctx.hostname)
    if (kind, name) not in machine.keypairs and len(machine.keypairs) >= MOST:
        return _refuse(f"% There are {MOST} pairs of keys; crypto key zeroize removes one")
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
            return _refuse(f"% Error: a modulus has {_SMALLEST} to {_LARGEST} bits")
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


def _zeroize(ctx: ShowContext, args: Args) -> Ask | Change:
    kind = RSA if "rsa" in args else EC
    label = args.text("label", "")
    found = [pair for pair in ctx.machine(PkiMachine).keypairs.values() if pair.kind == kind]
    found = [pair for pair in found if label in ("", pair.name)]
    if not found:
        return _refuse(f"% No {kind} keys of this name; show crypto key mypubkey all lists the keys")

    def finish(answer: str) -> Change:
        return Change(events=tuple(KeyPairForgotten(pair.kind, pair.name) for pair in found if _is_yes(answer)))

    said = f"% Keys to be removed are named '{label}'." if label else "% All keys of this kind will be removed."
    return Ask(said=(said,), prompt="Do you really want to remove these keys? [yes/no]: ", then=finish)


# ------------------------------------------------------------------------------------------------ show


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a pair. made: when. octets: SubjectPublicKeyInfo in DER."""

    name: str
    kind: str
    made: datetime
    octets: bytes


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """`show crypto key mypubkey`."""

    keys: tuple[PublicKey, ...]


def public_keys(ctx: ShowContext, args: Args) -> PublicKeys:
    """Query the pairs of a kind, or all; of these the one with a label."""
    kinds = [kind for kind in (RSA, EC) if kind.lower() in args] or [RSA, EC]
    label = args.text("label", "")
    return PublicKeys(
        tuple(
            _shown(pair)
            for pair in ctx.machine(PkiMachine).keypairs.values()
            if pair.kind in kinds and label in ("", pair.name)
        )
    )


def _shown(pair: KeyPair) -> PublicKey:
    return PublicKey(pair.name, pair.kind, datetime.fromtimestamp(pair.made, UTC), pair.public)


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


_HELP: Final = {
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


def _command(syntax: str, action: Callable[[ShowContext, Args], object]) -> ExecCommand:
    return ExecCommand(syntax, _HELP, action=action, privilege=15, configures=True)


COMMANDS: Final = (
    _command(
        f"crypto key generate rsa [* general-keys | label {{label:word}} | modulus {{bits:{_SMALLEST}-{_LARGEST}}} ]",
        _generate,
    ),
    _command("crypto key generate ec [* keysize ( 256 | 384 | 521 ) | label {label:word} ]", _generate),
    _command("crypto key zeroize ( rsa | ec ) [ {label:word} ]", _zeroize),
    ExecCommand(
        "show crypto key mypubkey ( all | rsa [ {label:word} ] | ec [ {label:word} ] )",
        _HELP,
        query=public_keys,
        render=render_public_keys,
    ),
)
