"""The `ip ospf ...` lines of an interface; and types of values of all OSPF lines: areas, networks with wildcards."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import mask_length
from dmvpn.base.values import collected
from dmvpn.ios import Args, ConfigLine, ValueType, register_type
from dmvpn.ios.values import Misfit, Read, Reading, Token, Unfinished

# ------------------------------------------------------------------------------------------------ types of values


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

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
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


WILDCARD_NETWORK: Final = register_type(WildcardNetwork())


# ------------------------------------------------------------------------------------------------ lines


_HELP: Final = {
    "ospf": "OSPF version 2",
    "seconds": "Seconds",
    "authentication": "Authenticate packets",
    "message-digest": "With digests of `message-digest-key`",
    "null": "Not, whatever the area says",
    "key-chain": "With digests of a key chain",
    "chain": "Its name",
    "authentication-key": "Password in clear in every packet",
    "0": "It follows in clear",
    "6": "It follows hidden",
    "7": "It follows hidden",
    "key": "The password",
    "message-digest-key": "A key of digests",
    "number": "Its number, which travels in packets",
    "md5": "MD5",
    "network": "Type of the network",
    "broadcast": "All see each other, one speaks for all",
    "non-broadcast": "The same without multicasts",
    "point-to-multipoint": "Every spoke sees only the hub",
    "point-to-point": "One neighbor",
    "dead-interval": "Hold time",
    "minimal": "One second",
    "hello-multiplier": "With so many Hellos in it",
    "hellos": "Hellos",
    "retransmit-interval": "Time until something is sent again",
    "transmit-delay": "How much older a route gets on this way",
    "priority": "Who speaks for all; 0: never this router",
    "prefix-suppression": "Hide the network between this router and its neighbors",
    "disable": "Advertise it nevertheless",
    "process": "Run here, as part of this process",
    "area": "In this area",
    "cost": "Cost of this interface; derived from its bandwidth by default",
    "bfd": "Let BFD watch neighbors here",
    "ttl-security": "Take packets only of routers that are near",
    "hops": "At most so many routers away",
}


def _line(
    syntax: str,
    help_: Mapping[str, str] | None = None,
    *,
    order: int = 80,
    key: tuple[str, ...] | None = None,
    default: str | None = None,
    show: Callable[[Args], str] | None = None,
) -> ConfigLine:
    text = default and f"ip ospf {default}"
    full = {**_HELP, **(help_ or {})}
    return ConfigLine("interface", f"ip ospf {syntax}", full, order=order, key=key, default=text, show=show)


AUTHENTICATION: Final = _line("authentication [ message-digest | null | key-chain {chain:word} ]", order=79)
PASSWORD: Final = _line("authentication-key [ 0 | 6 | 7 ] {key:secret}", order=79)
DIGEST_KEY: Final = _line(
    "message-digest-key {number:1-255} md5 [ 0 | 6 | 7 ] {key:secret}",
    {"key": "The key"},
    order=79,
    key=("number",),
)
NETWORK: Final = _line(
    "network ( broadcast | non-broadcast | point-to-multipoint [ non-broadcast ] | point-to-point )", _HELP
)
HELLO_INTERVAL: Final = _line("hello-interval {seconds:1-65535}", {"hello-interval": "Time between Hellos"})
DEAD_INTERVAL: Final = _line("dead-interval ( {seconds:1-65535} | minimal hello-multiplier {hellos:3-20} )", _HELP)
RETRANSMIT_INTERVAL: Final = _line("retransmit-interval {seconds:1-8192}", default="retransmit-interval 5")
TRANSMIT_DELAY: Final = _line("transmit-delay {seconds:1-8192}", default="transmit-delay 1")
PRIORITY: Final = _line("priority {priority:0-255}", default="priority 1")
MTU_IGNORE: Final = _line("mtu-ignore", {"mtu-ignore": "Accept neighbors with another MTU"})
FILTER: Final = _line(
    "database-filter all out", {"database-filter": "LSAs sent to neighbors", "all": "Nothing", "out": "That we send"}
)
PREFIX_SUPPRESSION: Final = _line("prefix-suppression [ disable ]")
# A way to save packets on dial-up lines: kept, and never acted on.
FLOOD_REDUCTION: Final = _line("flood-reduction", {"flood-reduction": "Kept for the record; has no effect here"})
DEMAND_CIRCUIT: Final = _line("demand-circuit", {"demand-circuit": "Kept for the record; has no effect here"})
SHUTDOWN: Final = _line("shutdown", {"shutdown": "Do not run here"})
PROCESS: Final = _line(f"{{process:1-65535}} area {{area:{AREA.name}}}", order=81)
COST: Final = _line("cost {cost:1-65535}", order=81)
BFD: Final = _line("bfd [ disable ]", {"disable": "Not, whatever the process says"})
TTL_SECURITY: Final = _line(
    "ttl-security [ hops {hops:1-254} | disable ]", {"disable": "Of all, whatever the process says"}
)

LINES: Final = collected(ConfigLine, vars())
