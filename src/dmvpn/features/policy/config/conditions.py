"""What an access list entry may ask of a packet besides addresses, protocol and ports, as values.

Nothing here filters packets, and no translator looks at any of this: an entry keeps it as a text, and features that
need exact lists can check for it (`AccessEntry.conditions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.ios import ValueType, register_type
from dmvpn.ios.values import Misfit, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dmvpn.ios.values import Read, Token

_OCTET: Final = 255
#: IOS's names of ICMP messages: a type alone, or a type and a code (RFC 792, RFC 1812 §5.2.7.1).
_ICMP: Final[Mapping[str, tuple[int, ...]]] = {
    "administratively-prohibited": (3, 13),
    "alternate-address": (6,),
    "conversion-error": (31,),
    "dod-host-prohibited": (3, 10),
    "dod-net-prohibited": (3, 9),
    "echo": (8,),
    "echo-reply": (0,),
    "general-parameter-problem": (12, 0),
    "host-isolated": (3, 8),
    "host-precedence-unreachable": (3, 14),
    "host-redirect": (5, 1),
    "host-tos-redirect": (5, 3),
    "host-tos-unreachable": (3, 12),
    "host-unknown": (3, 7),
    "host-unreachable": (3, 1),
    "information-reply": (16,),
    "information-request": (15,),
    "mask-reply": (18,),
    "mask-request": (17,),
    "mobile-redirect": (32,),
    "net-redirect": (5, 0),
    "net-tos-redirect": (5, 2),
    "net-tos-unreachable": (3, 11),
    "net-unreachable": (3, 0),
    "network-unknown": (3, 6),
    "no-room-for-option": (12, 2),
    "option-missing": (12, 1),
    "packet-too-big": (3, 4),
    "parameter-problem": (12,),
    "port-unreachable": (3, 3),
    "precedence-unreachable": (3, 15),
    "protocol-unreachable": (3, 2),
    "reassembly-timeout": (11, 1),
    "redirect": (5,),
    "router-advertisement": (9,),
    "router-solicitation": (10,),
    "source-quench": (4,),
    "source-route-failed": (3, 5),
    "time-exceeded": (11,),
    "timestamp-reply": (14,),
    "timestamp-request": (13,),
    "traceroute": (30,),
    "ttl-exceeded": (11, 0),
    "unreachable": (3,),
}
_NAMES_OF_ICMP: Final = {numbers: name for name, numbers in _ICMP.items()}
_IGMP: Final = ("dvmrp", "host-query", "host-report", "pim", "trace")
_DSCP: Final = (
    *("default", "ef", "cs1", "cs2", "cs3", "cs4", "cs5", "cs6", "cs7"),
    *(f"af{group}{drop}" for group in range(1, 5) for drop in range(1, 4)),
)
_PRECEDENCE: Final = (
    *("routine", "priority", "immediate", "flash", "flash-override", "critical", "internet", "network"),
)
_TOS: Final = ("max-reliability", "max-throughput", "min-delay", "min-monetary-cost", "normal")
FLAGS: Final = ("ack", "fin", "psh", "rst", "syn", "urg")


class _Message(ValueType):
    """A type of ICMP, or a type and a code, by name or by numbers. The value is the text, a name where there is one."""

    def __init__(self) -> None:
        super().__init__("acl-icmp", "<0-255>", lambda text: None)

    def read(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        text = tokens[index].text.lower()
        begun = [text] if text in _ICMP else self.words(text)
        if len(begun) == 1:
            return Reading(begun[0], begun[0], index + 1)
        numbers: list[int] = []
        for token in tokens[index : index + 2]:
            number = _number(token.text, _OCTET)
            if number is None:
                break
            numbers.append(number)
        if not numbers:
            return Misfit()
        name = _NAMES_OF_ICMP.get(tuple(numbers)) or " ".join(map(str, numbers))
        return Reading(name, name, index + len(numbers))

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        numbers = [("<0-255>", "Type, and code behind it")] if not fragment or fragment.isdigit() else []
        return [*numbers, *((name, _told(_ICMP[name])) for name in self.words(fragment))]

    def words(self, fragment: str) -> list[str]:
        return [name for name in _ICMP if name.startswith(fragment.lower())]


class _Named(ValueType):
    """A number or one of its names. The value is the text."""

    def __init__(self, name: str, last: int, names: Sequence[str]) -> None:
        super().__init__(name, f"<0-{last}>", self._find)
        self._last, self._names = last, names

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        numbers = [(self.placeholder, "")] if not fragment or fragment.isdigit() else []
        return [*numbers, *((name, "") for name in self.words(fragment))]

    def words(self, fragment: str) -> list[str]:
        return [name for name in self._names if name.startswith(fragment.lower())]

    def _find(self, text: str) -> tuple[str, str] | None:
        number = _number(text, self._last)
        begun = [text.lower()] if text.lower() in self._names else self.words(text)
        if number is None and len(begun) != 1:
            return None
        found = begun[0] if number is None else str(number)
        return found, found


class _Flags(ValueType):
    """Flags of TCP that are set (`+syn`) or not (`-ack`). The value is the text."""

    def __init__(self) -> None:
        super().__init__("acl-flags", "+syn", lambda text: None)

    def read(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        end = index
        while end < len(tokens) and _is_flag(tokens[end].text):
            end += 1
        text = " ".join(token.text.lower() for token in tokens[index:end])
        return Reading(text, text, end) if text else Misfit()

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        every = ((f"{sign}{flag}", meaning) for flag in FLAGS for sign, meaning in (("+", "Set"), ("-", "Not set")))
        return [(word, text) for word, text in every if word.startswith(fragment.lower())]

    def words(self, fragment: str) -> list[str]:
        return [word for word, _ in self.hints(fragment)]


def _is_flag(text: str) -> bool:
    return text[:1] in ("+", "-") and text[1:].lower() in FLAGS


def _number(text: str, last: int) -> int | None:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else last + 1
    return number if number <= last else None


def _told(numbers: tuple[int, ...]) -> str:
    return f"Type {numbers[0]}" if len(numbers) == 1 else f"Type {numbers[0]}, code {numbers[1]}"


ICMP: Final = register_type(_Message())
IGMP: Final = register_type(_Named("acl-igmp", 15, _IGMP))
DSCP: Final = register_type(_Named("acl-dscp", 63, _DSCP))
PRECEDENCE: Final = register_type(_Named("acl-precedence", 7, _PRECEDENCE))
TOS: Final = register_type(_Named("acl-tos", 15, _TOS))
TCP_FLAGS: Final = register_type(_Flags())
