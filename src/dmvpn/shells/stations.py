"""Computers of VPCS, the program that stands in for them in GNS3 and EVE-NG: their files lie beside those of routers.

set pcname PC1
ip 192.0.2.10 192.0.2.1 24      or   ip 192.0.2.10/24 192.0.2.1   or   dhcp   or   ip dhcp
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Final

from dmvpn.base.values import Value
from dmvpn.shells.files import read_octets

#: Octets: more is no file of VPCS.
_LARGEST: Final = 4096
#: The mask of an address without one.
_LENGTH: Final = "24"
_MASK: Final = "255."
#: Only shorter prefixes have a network and a broadcast address.
_NO_EDGES: Final = 31
_WITHOUT_ADDRESS: Final = ("auto", "dns", "domain")


class Station(Value):
    """A computer. gateway: None: no line has one in the subnet."""

    name: str
    address: IPv4Interface
    gateway: IPv4Address | None


def stations_in(path: Path) -> tuple[Station, ...] | None:
    """Return the computer that a file of VPCS describes, named as the file if no line has a name: see `stations_of`."""
    try:
        octets = read_octets(path, _LARGEST)
        return stations_of(octets.decode("ascii"), path.stem) if len(octets) <= _LARGEST else None
    except (OSError, ValueError):
        return None


def stations_of(text: str, name: str) -> tuple[Station, ...] | None:
    """Return the computer that lines of VPCS describe. None: they are of something else; (): it asks for its address,
    or its address is for no computer.

    name: if no line has one.
    """
    found, is_station = None, False
    for words in (line.split() for line in text.splitlines() if not line.startswith("#")):
        match [word.lower() for word in words]:
            case ["set", "pcname", _] if words[2].isprintable():
                name, is_station = words[2], True
            case ["dhcp", *_] | ["ip", "dhcp", *_]:
                is_station = True
            case ["ip", word, *_] if word in _WITHOUT_ADDRESS or ":" in word:
                pass
            case ["ip", word, *rest] if (found := _addresses(word, rest)) is not None:
                is_station = True
            case [] | ["set" | "save" | "echo", *_]:
                pass
            case _:
                return None
    if not is_station:
        return None
    return (Station(name, *found),) if found is not None and is_of_host(found[0].ip, found[0].network) else ()


def is_of_host(address: IPv4Address, network: IPv4Network) -> bool:
    """Return whether a computer may have an address of this subnet: neither the subnet's own, nor its broadcast one."""
    return network.prefixlen >= _NO_EDGES or address not in (network.network_address, network.broadcast_address)


def _addresses(word: str, rest: list[str]) -> tuple[IPv4Interface, IPv4Address | None] | None:
    """Return the address with its mask, and the gateway: they follow in any order. None: these are no addresses."""
    masks = [each for each in rest if each.isdecimal() or each.startswith(_MASK)]
    gateways = [each for each in rest if each not in masks]
    try:
        own = IPv4Interface(word if "/" in word else f"{word}/{next(iter(masks), _LENGTH)}")
        gateway = IPv4Address(gateways[0]) if gateways else None
    except ValueError:
        return None
    return own, gateway if gateway is not None and gateway in own.network else None
