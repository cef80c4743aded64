"""Types of values that OSPF's lines have to themselves: areas, and networks with their wildcards."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import mask_length
from dmvpn.ios import ValueType, register_type
from dmvpn.ios.values import Misfit, Reading, Unfinished

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from dmvpn.ios.values import Read, Token


def _read_area(text: str) -> tuple[int, str] | None:
    """Return a number, or the same as an address; shown as typed."""
    try:
        number = int(text) if text.isascii() and text.isdigit() else int(IPv4Address(text))
    except ValueError:
        return None
    return (number, text) if number < 1 << 32 else None


AREA: Final = register_type(ValueType("ospf-area", "<0-4294967295> or A.B.C.D", _read_area, fragment=r"[\d.]{1,15}"))


def _spelled(value: Hashable) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else ""


class WildcardNetwork(ValueType):
    """An address and a wildcard. Bits that do not matter are cleared, and a netmask is turned round, as IOS does."""

    def __init__(self) -> None:
        super().__init__("ospf-network", "A.B.C.D", lambda text: None, fragment=r"[\d.]{1,15}", spell=_spelled)

    def read(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        address = _address(tokens[index].text)
        if address is None:
            return Misfit()
        if index + 1 == len(tokens):
            return Unfinished("A.B.C.D", "OSPF wild card bits")
        wildcard = _address(tokens[index + 1].text)
        if wildcard is None:
            return Misfit(tokens[index + 1].start - tokens[index].start)
        bits = int(wildcard)
        if bits and bits != 0xFFFFFFFF and mask_length(wildcard) is not None:
            bits ^= 0xFFFFFFFF
        network, wildcard = IPv4Address(int(address) & ~bits), IPv4Address(bits)
        return Reading((network, wildcard), f"{network} {wildcard}", index + 2)


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None


NETWORK: Final = register_type(WildcardNetwork())
