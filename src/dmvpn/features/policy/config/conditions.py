"""What an access list entry may ask of a packet besides addresses, protocol and ports: its words, and their numbers.

The value of each type is the text as the configuration has it; `icmp_of` and the others return what it means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dmvpn.base.filters import Flags, TcpFlag
from dmvpn.ios import ValueType, register_type
from dmvpn.ios.values import Misfit, Read, Reading, Token

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
#: Likewise over IPv6 (RFC 4443, RFC 4861, RFC 2710, RFC 2894, RFC 6275).
_ICMP6: Final[Mapping[str, tuple[int, ...]]] = {
    "beyond-scope": (1, 2),
    "destination-unreachable": (1, 3),
    "dhaad-reply": (145,),
    "dhaad-request": (144,),
    "echo-reply": (129,),
    "echo-request": (128,),
    "header": (4, 0),
    "hop-limit": (3, 0),
    "mld-query": (130,),
    "mld-reduction": (132,),
    "mld-report": (131,),
    "mpd-advertisement": (147,),
    "mpd-solicitation": (146,),
    "nd-na": (136,),
    "nd-ns": (135,),
    "next-header": (4, 1),
    "no-admin": (1, 1),
    "no-route": (1, 0),
    "packet-too-big": (2,),
    "parameter-option": (4, 2),
    "parameter-problem": (4,),
    "port-unreachable": (1, 4),
    "reassembly-timeout": (3, 1),
    "redirect": (137,),
    "renum-command": (138, 0),
    "renum-result": (138, 1),
    "renum-seq-number": (138, 255),
    "router-advertisement": (134,),
    "router-renumbering": (138,),
    "router-solicitation": (133,),
    "time-exceeded": (3,),
    "unreachable": (1,),
}
_IGMP: Final = ("dvmrp", "host-query", "host-report", "pim", "trace")
_DSCP: Final[Mapping[str, int]] = {
    "default": 0,
    "ef": 46,
    **{f"cs{number}": 8 * number for number in range(1, 8)},
    **{f"af{group}{drop}": 8 * group + 2 * drop for group in range(1, 5) for drop in range(1, 4)},
}
_PRECEDENCE: Final = (
    *("routine", "priority", "immediate", "flash", "flash-override", "critical", "internet", "network"),
)
#: RFC 1349 §4.
_TOS: Final[Mapping[str, int]] = {
    "max-reliability": 2,
    "max-throughput": 4,
    "min-delay": 8,
    "min-monetary-cost": 1,
    "normal": 0,
}
#: IOS's names of IP options, by the numbers of their first octets (RFC 791 §3.1, and the registry of IANA).
_OPTIONS: Final[Mapping[str, int]] = {
    "add-ext": 147,
    "com-security": 134,
    "dps": 151,
    "encode": 15,
    "eool": 0,
    "ext-ip": 145,
    "ext-security": 133,
    "finn": 205,
    "imitd": 144,
    "lsr": 131,
    "mtup": 11,
    "mtur": 12,
    "no-op": 1,
    "nsapa": 150,
    "record-route": 7,
    "router-alert": 148,
    "sdb": 149,
    "security": 130,
    "ssr": 137,
    "stream-id": 136,
    "timestamp": 68,
    "traceroute": 82,
    "ump": 152,
    "visa": 142,
    "zsu": 10,
}
_ANY_OPTION: Final = "any-options"
FLAGS: Final = ("ack", "fin", "psh", "rst", "syn", "urg")


class _Message(ValueType):
    """A type of ICMP, or a type and a code, by name or by numbers. The value is the text, a name where there is one."""

    def __init__(self, name: str, names: Mapping[str, tuple[int, ...]]) -> None:
        """names: of types, or of types and codes."""
        super().__init__(name, "<0-255>", lambda text: None)
        self._numbers, self._names = names, {numbers: name for name, numbers in names.items()}

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        text = tokens[index].text.lower()
        begun = [text] if text in self._numbers else self.words(text)
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
        name = self._names.get(tuple(numbers)) or " ".join(map(str, numbers))
        return Reading(name, name, index + len(numbers))

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        numbers = [("<0-255>", "Type, and code behind it")] if not fragment or fragment.isdigit() else []
        return [*numbers, *((name, _type_and_code(self._numbers[name])) for name in self.words(fragment))]

    def words(self, fragment: str) -> list[str]:
        return [name for name in self._numbers if name.startswith(fragment.lower())]


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

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
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


def _type_and_code(numbers: tuple[int, ...]) -> str:
    return f"Type {numbers[0]}" if len(numbers) == 1 else f"Type {numbers[0]}, code {numbers[1]}"


ICMP: Final = register_type(_Message("acl-icmp", _ICMP))
ICMP6: Final = register_type(_Message("acl-icmp6", _ICMP6))
IGMP: Final = register_type(_Named("acl-igmp", 15, _IGMP))
DSCP: Final = register_type(_Named("acl-dscp", 63, tuple(_DSCP)))
PRECEDENCE: Final = register_type(_Named("acl-precedence", 7, _PRECEDENCE))
TOS: Final = register_type(_Named("acl-tos", 15, tuple(_TOS)))
OPTION: Final = register_type(_Named("acl-option", _OCTET, (_ANY_OPTION, *_OPTIONS)))
TCP_FLAGS: Final = register_type(_Flags())


# ------------------------------------------------------------------------------------------------ what they mean


def icmp_of(text: str, version: int) -> tuple[int, int | None]:
    """Return type and code of ICMP; None: every code. version: of IP."""
    numbers = (_ICMP if version == 4 else _ICMP6).get(text) or tuple(map(int, text.split()))
    return numbers[0], numbers[1] if len(numbers) == 2 else None


def dscp_of(text: str) -> tuple[int, int]:
    """Return the service octet with this code point, and its bits that count."""
    return _meant(text, _DSCP) << 2, 0xFC


def precedence_of(text: str) -> tuple[int, int]:
    """Return the service octet with this precedence, and its bits that count."""
    return (_PRECEDENCE.index(text) if text in _PRECEDENCE else int(text)) << 5, 0xE0


def tos_of(text: str) -> tuple[int, int]:
    """Return the service octet with this type of service, and its bits that count."""
    return _meant(text, _TOS) << 1, 0x1E


def option_of(text: str) -> int:
    """Return the number of an IP option, -1: any one."""
    return -1 if text == _ANY_OPTION else _meant(text, _OPTIONS)


def flag_of(word: str) -> TcpFlag:
    """Return the flag of this name."""
    return TcpFlag[word.upper()]


def flags_of(text: str, *, is_any: bool) -> Flags:
    """Return what "+syn -ack" asks for."""
    found = {"+": TcpFlag(0), "-": TcpFlag(0)}
    for word in text.split():
        found[word[0]] |= flag_of(word[1:])
    return Flags(int(found["+"]), int(found["-"]), is_any)


def _meant(text: str, names: Mapping[str, int]) -> int:
    return names[text] if text in names else int(text)
