"""The ports of an access list entry as one value: `eq 80`, `range 1024 65535`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.ios import ValueType, register_type
from dmvpn.ios.values import Misfit, Reading, Unfinished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.ios.values import Read, Token

_OPERATORS: Final = {
    "eq": "This port",
    "gt": "Higher ports",
    "lt": "Lower ports",
    "neq": "Any other port",
    "range": "From one port to another",
}
_NAMES: Final = {
    "bgp": 179,
    "bootpc": 68,
    "bootps": 67,
    "domain": 53,
    "ftp": 21,
    "isakmp": 500,
    "non500-isakmp": 4500,
    "ntp": 123,
    "rip": 520,
    "smtp": 25,
    "snmp": 161,
    "syslog": 514,
    "telnet": 23,
    "tftp": 69,
    "www": 80,
}
_LAST = 65_535


class Ports(ValueType):
    """An operator and one or two ports."""

    def __init__(self) -> None:
        super().__init__("acl-ports", "eq", lambda text: None)

    def read(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        begun = self.words(tokens[index].text)
        if len(begun) != 1:
            return Misfit()
        operator = begun[0]
        count = 2 if operator == "range" else 1
        ports: list[int] = []
        for place in range(index + 1, index + 1 + count):
            if place == len(tokens):
                return Unfinished(f"<0-{_LAST}>", "Port number")
            port = _port(tokens[place].text)
            if port is None:
                return Misfit(tokens[place].start - tokens[index].start)
            ports.append(port)
        end = index + 1 + count
        text = " ".join((operator, *(token.text for token in tokens[index + 1 : end])))
        return Reading(_range(operator, ports), text, end)

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        return [(word, text) for word, text in _OPERATORS.items() if word.startswith(fragment.lower())]

    def words(self, fragment: str) -> list[str]:
        return [word for word, _ in self.hints(fragment)]


def _port(text: str) -> int | None:
    if text.lower() in _NAMES:
        return _NAMES[text.lower()]
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else -1
    return number if 0 <= number <= _LAST else None


def _range(operator: str, ports: list[int]) -> tuple[int, int, bool]:
    """Return the lowest and the highest port, and whether all others are meant."""
    first = ports[0]
    match operator:
        case "range":
            return min(ports), max(ports), False
        case "lt":
            return 0, first - 1, False
        case "gt":
            return first + 1, _LAST, False
        case _:
            return first, first, operator == "neq"


PORTS: Final = register_type(Ports())
