"""`crypto ipsec transform-set`: the algorithms of ESP."""

from __future__ import annotations

from typing import Final

from dmvpn.base.values import collected
from dmvpn.features.ipsec.model import Cipher, Integrity, TransformSet
from dmvpn.ios import Args, ConfigLine, Mode, Section

_TRANSFORM = "ipsec-transform-set"
MODES: Final = (Mode(_TRANSFORM, "cfg-crypto-trans"),)

_SIZED = (Cipher.AES_CBC, Cipher.AES_GCM, Cipher.AES_GMAC)
_DEFAULT_BITS = 128
#: Transforms of IOS that are not here; a set with one of them protects nothing.
_AUTHENTICATION_HEADERS = tuple(f"ah-{name}-hmac" for name in ("md5", "sha", "sha256", "sha384", "sha512"))
_MISSING = (*_AUTHENTICATION_HEADERS, "esp-seal", "comp-lzs")
_WEAK = ("esp-3des", "esp-des", "esp-null", "esp-md5-hmac")


def cipher_of(args: Args) -> Cipher | None:
    """Return the cipher that a line names."""
    return next((cipher for cipher in Cipher if cipher.value in args), None)


def integrity_of(args: Args) -> Integrity | None:
    """Return what authenticates, if the line names it."""
    return next((integrity for integrity in Integrity if integrity.value in args), None)


def bits_of(args: Args) -> int:
    """Return the size of the key, 0 if the cipher has one size."""
    cipher = cipher_of(args)
    return next((bits for bits in (192, 256) if str(bits) in args), _DEFAULT_BITS) if cipher in _SIZED else 0


def missing_of(args: Args) -> tuple[str, ...]:
    """Return the transforms that a line names and that are not here, in IOS's order."""
    return tuple(word for word in _MISSING if word in args)


def _check(args: Args, section: Section) -> str | None:
    cipher, integrity = cipher_of(args), integrity_of(args)
    if cipher is None and not missing_of(args):
        return "% Invalid transform proposal: a cipher is missing (esp-null if none is wanted)"
    if cipher in (Cipher.AES_GCM, Cipher.AES_GMAC) and integrity is not None:
        return f"% Invalid transform proposal: {cipher.value} authenticates by itself"
    weak = [word for word in (*_MISSING, *_WEAK) if word in args]
    if weak:
        return f"%Warning: {' and '.join(weak)} cannot protect anything; kept, and refused when a tunnel needs it"
    if integrity is None and cipher is Cipher.AES_CBC:
        return "%Warning: without authentication anybody can change what passes; add esp-sha256-hmac"
    return None


def _text(args: Args) -> str:
    """Return the words in IOS's order: the cipher, the size of its key unless that is 128 bits, the authentication."""
    cipher, integrity, bits = cipher_of(args), integrity_of(args), bits_of(args)
    words = ["crypto ipsec transform-set", args.text("name")]
    words += [word for word in _AUTHENTICATION_HEADERS if word in args]
    if "esp-seal" in args:
        words.append("esp-seal")
    if cipher is not None:
        words.append(cipher.value if bits in (0, _DEFAULT_BITS) else f"{cipher.value} {bits}")
    if integrity is not None:
        words.append(integrity.value)
    if "comp-lzs" in args:
        words.append("comp-lzs")
    return " ".join(words)


_SIZE = "[ 128 | 192 | 256 ]"
TRANSFORM_SET: Final = ConfigLine(
    "global",
    "crypto ipsec transform-set {name:word} "
    f"[* ( esp-aes {_SIZE} | esp-gcm {_SIZE} | esp-gmac {_SIZE} | esp-3des | esp-des | esp-null | esp-seal ) "
    "| ( esp-sha-hmac | esp-sha256-hmac | esp-sha384-hmac | esp-sha512-hmac | esp-md5-hmac ) "
    f"| ( {' | '.join(_AUTHENTICATION_HEADERS)} ) | comp-lzs ]",
    {
        "ipsec": "IP security",
        "transform-set": "Algorithms of ESP",
        "name": "Name of the set",
        "esp-aes": "AES-CBC",
        "esp-gcm": "AES-GCM",
        "esp-gmac": "AES-GMAC: authentication alone",
        "esp-3des": "Weak",
        "esp-des": "Weak",
        "esp-null": "No encryption",
        **dict.fromkeys(_AUTHENTICATION_HEADERS, "AH; not here"),
        "esp-seal": "SEAL; not here",
        "comp-lzs": "Compression; not here",
        "128": "Bits of the key",
        "192": "Bits of the key",
        "256": "Bits of the key",
        "esp-sha-hmac": "HMAC with SHA-1",
        "esp-sha256-hmac": "HMAC with SHA-256",
        "esp-sha384-hmac": "HMAC with SHA-384",
        "esp-sha512-hmac": "HMAC with SHA-512",
        "esp-md5-hmac": "Weak",
    },
    key=("name",),
    order=211,
    opens=_TRANSFORM,
    check=_check,
    show=_text,
)
MODE: Final = ConfigLine(
    _TRANSFORM,
    "mode ( tunnel | transport [ require ] )",
    {
        "mode": "What ESP protects",
        "tunnel": "Whole packets, in a new one",
        "transport": "What is in a packet; enough for GRE",
        "require": "Refuse peers that want tunnel mode",
    },
    default="mode tunnel",
)
LINES: Final = collected(ConfigLine, vars())


def lines_of(transforms: TransformSet) -> tuple[str, str]:
    """Return the lines of a transform set."""
    words = [transforms.cipher.value]
    words += [str(transforms.key_bits)] if transforms.key_bits > _DEFAULT_BITS else []
    words += [transforms.integrity.value] if transforms.integrity is not None else []
    mode = MODE.of(
        tunnel=not transforms.transport, transport=transforms.transport, require=transforms.require_transport
    )
    return TRANSFORM_SET.of(name=transforms.name, **dict.fromkeys(words, True)), mode
