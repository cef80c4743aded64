"""Communities of BGP as numbers: plain ones (RFC 1997), extended ones (RFC 4360), large ones (RFC 8092).

A plain community has 32 bits, an extended one 64 and a large one 96. Route targets and sites of origin are the
extended ones that people type; they name an administrator, an AS number or an address, and a number of its own.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from dmvpn.base.values import Value

#: Well-known communities by IOS's words: RFC 1997, RFC 8326. Every route is in `internet`.
INTERNET: Final = 0
COMMUNITIES: Final = {
    "internet": INTERNET,
    "gshut": 0xFFFF0000,
    "no-export": 0xFFFFFF01,
    "no-advertise": 0xFFFFFF02,
    "local-AS": 0xFFFFFF03,
}
#: The second octet of an extended community, RFC 4360 §4, §5.
TARGET, ORIGIN = 2, 3
#: The first octet says what the administrator is: RFC 4360 §3, RFC 5668 §2.
_BY_SYSTEM, _BY_ADDRESS, _BY_WIDE_SYSTEM = _ADMINISTRATORS = 0, 1, 2


class CommunityKind(enum.Enum):
    """The word of `match` and `set` in route maps."""

    PLAIN = "community"
    EXTENDED = "extcommunity"
    LARGE = "large-community"

    @property
    def listed(self) -> str:
        """The word of the lists of such communities."""
        return f"{self.value}-list"


def communities_text(communities: Iterable[int]) -> str:
    """Return plain communities as regular expressions see them: in order, each as two numbers or as its name."""
    names = {number: name for name, number in COMMUNITIES.items()}
    return " ".join(names.get(one, f"{one >> 16}:{one & 0xFFFF}") for one in sorted(communities))


def extended_text(communities: Iterable[int]) -> str:
    """Return extended communities as shows have them: `RT:65000:1 SoO:10.0.0.1:2`."""
    return " ".join(map(_extended_text, sorted(communities)))


def large_text(communities: Iterable[int]) -> str:
    """Return large communities as three numbers each."""
    return " ".join(f"{one >> 64}:{one >> 32 & 0xFFFFFFFF}:{one & 0xFFFFFFFF}" for one in sorted(communities))


def text_of(kind: CommunityKind, communities: Iterable[int]) -> str:
    """Return communities of a kind as shows and regular expressions have them."""
    return {
        CommunityKind.PLAIN: communities_text,
        CommunityKind.EXTENDED: extended_text,
        CommunityKind.LARGE: large_text,
    }[kind](communities)


def extended(subtype: int, value: int) -> int:
    """Return a route target or a site of origin. value: as `extended_value` returns it."""
    return value | subtype << 48


def extended_value(text: str) -> int | None:
    """Return the extended community of `ASN:number` or `address:number`; None: it is neither."""
    administrator, colon, number = text.rpartition(":")
    if not colon or not _is_number(number):
        return None
    if _is_number(administrator):
        system, own = int(administrator), int(number)
        if system >> 16:
            return _BY_WIDE_SYSTEM << 56 | system << 16 | own if not system >> 32 and not own >> 16 else None
        return _BY_SYSTEM << 56 | system << 32 | own if not own >> 32 else None
    try:
        address = int(IPv4Address(administrator))
    except AddressValueError:
        return None
    return _BY_ADDRESS << 56 | address << 16 | int(number) if not int(number) >> 16 else None


def large_value(text: str) -> int | None:
    """Return the large community of three numbers with colons between; None: they are none."""
    parts = text.split(":")
    if len(parts) != 3 or not all(_is_number(part) and not int(part) >> 32 for part in parts):
        return None
    first, second, third = map(int, parts)
    return first << 64 | second << 32 | third


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10


def _extended_text(one: int) -> str:
    kind, subtype = one >> 56, one >> 48 & 0xFF
    name = {TARGET: "RT", ORIGIN: "SoO"}.get(subtype)
    if name is None or kind not in _ADMINISTRATORS:
        return f"0x{one >> 48:X}:{one >> 32 & 0xFFFF}:{one & 0xFFFFFFFF}"
    if kind == _BY_SYSTEM:
        return f"{name}:{one >> 32 & 0xFFFF}:{one & 0xFFFFFFFF}"
    administrator = one >> 16 & 0xFFFFFFFF
    return f"{name}:{IPv4Address(administrator) if kind == _BY_ADDRESS else administrator}:{one & 0xFFFF}"


class CommunityMatch(Value):
    """`match community`: one list."""

    name: str
    exactly: bool = False
    kind: CommunityKind = CommunityKind.PLAIN


class CommunityChange(Value):
    """`set community`, `set large-community`. additive: existing communities stay, except for removed ones."""

    communities: tuple[int, ...] = ()
    additive: bool = False
    removed: tuple[int, ...] = ()

    def applied(self, communities: tuple[int, ...]) -> tuple[int, ...]:
        """Return the communities of a route, sorted, after the change."""
        kept = [one for one in communities if one not in self.removed] if self.additive else []
        return tuple(sorted({*kept, *(one for one in self.communities if one != INTERNET)}))

    def then(self, later: CommunityChange | None) -> CommunityChange:
        """Return one change that does what this one and then `later` do."""
        if later is None or not later.additive:
            return later or self
        added = tuple(one for one in self.applied(()) if one not in later.removed)
        return CommunityChange(added + later.communities, self.additive, self.removed + later.removed)


class ExtendedChange(Value):
    """`set extcommunity`. targets: route targets, which replace the existing ones unless `additive`.

    origin: the site of origin, None: it stays as it is.
    """

    targets: tuple[int, ...] = ()
    additive: bool = False
    origin: int | None = None

    def applied(self, communities: tuple[int, ...]) -> tuple[int, ...]:
        """Return the communities of a route, sorted, after the change."""
        replaced = {TARGET} if self.targets and not self.additive else set[int]()
        if self.origin is not None:
            replaced.add(ORIGIN)
        kept = [one for one in communities if one >> 48 & 0xFF not in replaced or one >> 56 not in _ADMINISTRATORS]
        return tuple(sorted({*kept, *self.targets, *(() if self.origin is None else (self.origin,))}))

    def then(self, later: ExtendedChange | None) -> ExtendedChange:
        """Return one change that does what this one and then `later` do."""
        if later is None:
            return self
        targets, additive = later.targets, later.additive
        if not later.targets or later.additive:
            targets, additive = (*self.targets, *later.targets), self.additive if self.targets else later.additive
        return ExtendedChange(targets, additive, self.origin if later.origin is None else later.origin)
