"""`crypto ipsec profile`, the global settings that apply where a profile has none, and `transform-set`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dmvpn.base.values import collected
from dmvpn.features.ipsec import model
from dmvpn.ios import Args, ConfigLine, Mode, OneOf, Section, register_type, several

_TRANSFORM = "ipsec-transform-set"

_SIZED = (model.Cipher.AES_CBC, model.Cipher.AES_GCM, model.Cipher.AES_GMAC)
_DEFAULT_BITS = 128
#: Transforms of IOS that are not here; a set with one of them protects nothing.
_AUTHENTICATION_HEADERS = tuple(f"ah-{name}-hmac" for name in ("md5", "sha", "sha256", "sha384", "sha512"))
_MISSING = (*_AUTHENTICATION_HEADERS, "esp-seal", "comp-lzs")
_WEAK = ("esp-3des", "esp-des", "esp-null", "esp-md5-hmac")


def cipher_of(args: Args) -> model.Cipher | None:
    """Return the cipher that a line names."""
    return next((cipher for cipher in model.Cipher if cipher.value in args), None)


def integrity_of(args: Args) -> model.Integrity | None:
    """Return what authenticates, if the line names it."""
    return next((integrity for integrity in model.Integrity if integrity.value in args), None)


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
    if cipher in (model.Cipher.AES_GCM, model.Cipher.AES_GMAC) and integrity is not None:
        return f"% Invalid transform proposal: {cipher.value} authenticates by itself"
    weak = [word for word in (*_MISSING, *_WEAK) if word in args]
    if weak:
        return f"%Warning: {' and '.join(weak)} cannot protect anything; kept, but refused for a tunnel"
    if integrity is None and cipher is model.Cipher.AES_CBC:
        return "%Warning: without authentication packets can be changed on the way; add esp-sha256-hmac"
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
_HELP: Final = {
    "mode": "What ESP protects",
    "tunnel": "Whole packets, in a new one",
    "transport": "The payload of packets; enough for GRE",
    "require": "Refuse peers that want tunnel mode",
    "df-bit": "The DF bit of encrypted packets",
    "copy": "As in the packet inside",
    "clear": "Routers may fragment",
    "fragmentation": "Packets that are too large are cut",
    "before-encryption": "Before they are encrypted",
    "after-encryption": "After that; the far end has to put them together",
    "nat-transparency": "Address translation on the way",
    "udp-encapsulation": "Send ESP in UDP then",
    "encapsulation": "Not in IOS: carry ESP in UDP or not",
    "udp": "UDP port 4500",
    "auto": "Where NAT is, and between two routers of this kind unless port 4500 is blocked",
    "force": "Always",
    "never": "Only where NAT is",
    "profile": "How tunnels are protected",
    "name": "Name",
    "pfs": "A Diffie-Hellman exchange for every SA",
    "group": "Its group; group14 if nothing is said",
    "isakmp-profile": "IKEv1 by this profile",
    "ikev2-profile": "IKEv2 by this profile",
    "responder-only": "Wait for peers to begin, with new SAs too",
}
MODE: Final = ConfigLine(_TRANSFORM, "mode ( tunnel | transport [ require ] )", _HELP, default="mode tunnel")


def lines_of(transforms: model.TransformSet) -> tuple[str, str]:
    """Return the lines of a transform set."""
    words = [transforms.cipher.value]
    words += [str(transforms.key_bits)] if transforms.key_bits > _DEFAULT_BITS else []
    words += [transforms.integrity.value] if transforms.integrity is not None else []
    mode = MODE.line(
        tunnel=not transforms.transport, transport=transforms.transport, require=transforms.require_transport
    )
    return TRANSFORM_SET.line(name=transforms.name, **dict.fromkeys(words, True)), mode


_KEPT_HELP: Final = "Kept for the record; has no effect here"
MIXED_MODE: Final = ConfigLine("ipsec-profile", "set mixed-mode", _KEPT_HELP, order=60, keep_no=True)
POLICY_LIMIT: Final = ConfigLine(
    "ipsec-profile", "set security-policy limit {number:1-50000}", _KEPT_HELP, order=60, keep_no=True
)


_PROFILE = "ipsec-profile"
MODES: Final = (
    Mode(_TRANSFORM, "cfg-crypto-trans"),
    Mode(_PROFILE, "ipsec-profile"),
)

_GROUPS = {f"group{number}": "" for number in (1, 2, 5, 14, 15, 16, 19, 20, 21, 24, 31)}
PFS_GROUP: Final = register_type(OneOf("pfs-group", _GROUPS))

_ASSOCIATION_HELP: Final[Mapping[str, str]] = {
    "security-association": "Security associations",
    "lifetime": "When they are replaced",
    "seconds": "By time, in seconds",
    "kilobytes": "By traffic, in kilobytes",
    "disable": "Not at all",
    "idle-time": "Delete them when nothing passes",
    "replay": "Old packets that come again",
    "window-size": "How far a packet may come late",
    "packets": "Packets",
    "esn": "Sequence numbers of 64 bits",
}
_SECONDS, _KILOBYTES = "{seconds:120-86400}", "( {kilobytes:2560-4294967295} | disable )"
_WINDOW = "security-association replay ( window-size {packets:64-1024} | disable )"
_IDLE = "security-association idle-time {seconds:60-86400}"


def _whole_numbers(size: Args, _: Section) -> str | None:
    packets = size.integer("packets", model.DEFAULT_WINDOW)
    return None if packets & (packets - 1) == 0 else "% The window size is 64, 128, 256, 512 or 1024"


def _global(syntax: str, default: str | None = None) -> ConfigLine:
    check = _whole_numbers if "window-size" in syntax else None
    text = default and f"crypto ipsec {default}"
    return ConfigLine("global", f"crypto ipsec {syntax}", _ASSOCIATION_HELP, order=210, default=text, check=check)


def _own(syntax: str) -> ConfigLine:
    check = _whole_numbers if "window-size" in syntax else None
    return ConfigLine(_PROFILE, f"set {syntax}", {**_ASSOCIATION_HELP, "set": "Set"}, order=10, check=check)


GLOBAL_SECONDS: Final = _global(
    f"security-association lifetime seconds {_SECONDS}",
    f"security-association lifetime seconds {model.DEFAULT_SECONDS}",
)
GLOBAL_KILOBYTES: Final = _global(
    f"security-association lifetime kilobytes {_KILOBYTES}",
    f"security-association lifetime kilobytes {model.DEFAULT_KILOBYTES}",
)
GLOBAL_IDLE: Final = _global(_IDLE)
GLOBAL_WINDOW: Final = _global(_WINDOW, f"security-association replay window-size {model.DEFAULT_WINDOW}")

DF_BIT: Final = ConfigLine(
    "global",
    "crypto ipsec df-bit ( copy | clear | set )",
    {**_HELP, "set": "Routers may not fragment"},
    order=210,
    default="crypto ipsec df-bit copy",
)
FRAGMENTATION: Final = ConfigLine(
    "global",
    "crypto ipsec fragmentation ( before-encryption | after-encryption )",
    _HELP,
    order=210,
    default="crypto ipsec fragmentation before-encryption",
)
NAT: Final = ConfigLine("global", "crypto ipsec nat-transparency udp-encapsulation", _HELP, order=210, default_on=True)

ENCAPSULATION: Final = ConfigLine(
    "global",
    "crypto ipsec encapsulation udp ( auto | force | never )",
    _HELP,
    order=210,
    default="crypto ipsec encapsulation udp auto",
)

PROFILE: Final = ConfigLine(
    "global",
    "crypto ipsec profile {name:word}",
    {**_HELP, "name": "Name of the profile"},
    key=("name",),
    order=212,
    opens=_PROFILE,
)
DESCRIPTION: Final = ConfigLine(_PROFILE, "description {text:line}", {"description": "Text for people"}, order=5)
SECONDS: Final = _own(f"security-association lifetime seconds {_SECONDS}")
KILOBYTES: Final = _own(f"security-association lifetime kilobytes {_KILOBYTES}")
IDLE: Final = _own(_IDLE)
WINDOW: Final = _own(_WINDOW)
ESN: Final = _own("security-association esn")
TRANSFORM_SETS: Final = ConfigLine(
    _PROFILE,
    "set transform-set " + several("name", "word", 6),
    {
        "transform-set": "Algorithms, the best ones first",
        **{f"name{place}": "A transform set" for place in range(1, 7)},
    },
    order=20,
)
PFS: Final = ConfigLine(_PROFILE, "set pfs [ {group:pfs-group} ]", _HELP, order=30)


def _check_ikev1(args: Args, section: Section) -> str | None:
    return _OTHER_VERSION.format("set ikev2-profile") if section.get(IKEV2_PROFILE) is not None else None


def _check_ikev2(args: Args, section: Section) -> str | None:
    return _OTHER_VERSION.format("set isakmp-profile") if section.get(ISAKMP_PROFILE) is not None else None


_OTHER_VERSION: Final = "% {} is there already, and a profile has one version of IKE; take it back first"
ISAKMP_PROFILE: Final = ConfigLine(_PROFILE, "set isakmp-profile {name:word}", _HELP, order=40, check=_check_ikev1)
IKEV2_PROFILE: Final = ConfigLine(_PROFILE, "set ikev2-profile {name:word}", _HELP, order=41, check=_check_ikev2)
RESPONDER_ONLY: Final = ConfigLine(_PROFILE, "responder-only", _HELP, order=50)
LINES: Final = collected(ConfigLine, vars())
