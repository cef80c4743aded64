"""The ports of an access list entry as one value: `eq 80`, `eq isakmp non500-isakmp`, `range 1024 65535`. And TTLs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dmvpn.ios import ValueType, register_type
from dmvpn.ios.values import Misfit, Reading, Unfinished

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from dmvpn.ios.values import Read, Token

_OPERATORS: Final = {
    "eq": "This port, or one of these",
    "gt": "Higher ports",
    "lt": "Lower ports",
    "neq": "Any other port",
    "range": "From one port to another",
}
#: The least and the greatest number of ports behind an operator.
_COUNTS: Final = {"eq": (1, 10), "gt": (1, 1), "lt": (1, 1), "neq": (1, 10), "range": (2, 2)}
#: IOS's names, of TCP and UDP alike: no name has two numbers.
_NAMES: Final = {
    "bgp": 179,
    "biff": 512,
    "bootpc": 68,
    "bootps": 67,
    "chargen": 19,
    "cmd": 514,
    "daytime": 13,
    "discard": 9,
    "dnsix": 195,
    "domain": 53,
    "drip": 3949,
    "echo": 7,
    "exec": 512,
    "finger": 79,
    "ftp": 21,
    "ftp-data": 20,
    "gopher": 70,
    "hostname": 101,
    "ident": 113,
    "irc": 194,
    "isakmp": 500,
    "klogin": 543,
    "kshell": 544,
    "login": 513,
    "lpd": 515,
    "mobile-ip": 434,
    "msrpc": 135,
    "nameserver": 42,
    "netbios-dgm": 138,
    "netbios-ns": 137,
    "netbios-ss": 139,
    "nntp": 119,
    "non500-isakmp": 4500,
    "ntp": 123,
    "pim-auto-rp": 496,
    "pop2": 109,
    "pop3": 110,
    "rip": 520,
    "ripv6": 521,
    "smtp": 25,
    "snmp": 161,
    "snmptrap": 162,
    "sunrpc": 111,
    "syslog": 514,
    "tacacs": 49,
    "talk": 517,
    "telnet": 23,
    "tftp": 69,
    "time": 37,
    "uucp": 540,
    "who": 513,
    "whois": 43,
    "www": 80,
    "xdmcp": 177,
}


class Ports(ValueType):
    """An operator and its numbers. The value: the text, and the first and last numbers of all ranges that are meant."""

    def __init__(self, name: str, last: int, names: Mapping[str, int]) -> None:
        """last: the greatest number. names: of numbers."""
        super().__init__(name, "eq", lambda text: None, spell=_spelled)
        self._last, self._names = last, names

    def read(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        begun = self.words(tokens[index].text)
        if len(begun) != 1:
            return Misfit()
        operator = begun[0]
        least, most = _COUNTS[operator]
        first = index + 1
        ports: list[int] = []
        # Only the leading ones: what comes behind a word that is no port belongs to something else.
        for token in tokens[first : first + most]:
            port = self._port(token.text)
            if port is None:
                break
            ports.append(port)
        count = len(ports)
        if count < least:
            place = first + count
            if place == len(tokens):
                return Unfinished(f"<0-{self._last}>", "Number")
            return Misfit(tokens[place].start - tokens[index].start)
        end = first + count
        text = " ".join((operator, *(token.text.lower() for token in tokens[first:end])))
        return Reading((text, tuple(_ranges(operator, sorted(ports), self._last))), text, end)

    def _port(self, text: str) -> int | None:
        if text.lower() in self._names:
            return self._names[text.lower()]
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(self._last)) else -1
        return number if 0 <= number <= self._last else None

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        return [(word, text) for word, text in _OPERATORS.items() if word.startswith(fragment.lower())]

    def words(self, fragment: str) -> list[str]:
        return [word for word, _ in self.hints(fragment)]


def _spelled(value: Hashable) -> str:
    return str(value[0]) if isinstance(value, tuple) and value else ""


def _ranges(operator: str, ports: list[int], last: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last port of each range; `lt 0` has none."""
    match operator:
        case "range":
            yield ports[0], ports[1]
        case "lt" if ports[0] > 0:
            yield 0, ports[0] - 1
        case "gt" if ports[0] < last:
            yield ports[0] + 1, last
        case "eq":
            yield from ((port, port) for port in ports)
        case "neq":
            limits = (-1, *ports, last + 1)
            yield from ((low + 1, high - 1) for low, high in pairwise(limits) if low + 1 <= high - 1)


PORTS: Final = register_type(Ports("acl-ports", 65_535, _NAMES))
TTL: Final = register_type(Ports("acl-ttl", 255, {}))
