"""The addresses of interfaces: their lines, which several features read, and subnets that overlap.

A line with an address asks whether another interface is near, on the same subnet. A file may have 60,000 loopbacks:
nothing here looks at all of them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final, NamedTuple

from dmvpn.base.addresses import IPAddress, Prefix, mask_length
from dmvpn.base.placeholder import Blank
from dmvpn.ios.common import INTERFACE, SHUTDOWN
from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.grammar import Args
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.ios.section import FEW, Section
from dmvpn.ios.vrfs import linked_without, vrf_of

# ------------------------------------------------------------------------------------------------ overlapping subnets


_Place = tuple[str, int, int]


class Subnets(NamedTuple):
    """The subnets of an interface that is not shut down."""

    name: str
    prefixes: tuple[Prefix, ...]
    vrf: str = ""


def near(section: Section, prefix: Prefix, subnets: Callable[[Args, Section], Subnets | None]) -> list[str]:
    """Return the other interfaces that are on subnets with addresses in common with this one.

    subnets: reads those of an interface, all of one version of IP.
    """
    opened = section.opened_by
    own = opened.interface("name") if opened is not None else ""
    root, vrf = section.root, vrf_of(section)
    interfaces = root.made(INTERFACE, subnets)
    if len(interfaces) > FEW:
        names = root.following(INTERFACE, subnets, _Near).to(vrf, prefix)
    else:
        names = [
            one.name
            for one in interfaces
            if one.vrf == vrf and any(prefix in near or near in prefix for near in one.prefixes)
        ]
    return [name for name in names if name != own]


class _Near:
    """The names of interfaces by the subnets that they are on: each by its VRF, the number of its first address, and
    its length.
    """

    def __init__(self) -> None:
        self._on: dict[_Place, dict[str, None]] = {}
        #: These subnets, rising; and how many of them have each length.
        self._places: list[_Place] = []
        self._lengths: Counter[tuple[str, int]] = Counter()

    def follow(self, gone: Mapping[int, Subnets], came: Mapping[int, Subnets]) -> None:
        """See `Follower`."""
        for interface in gone.values():
            for place in _places(interface):
                names = self._on[place]
                names.pop(interface.name, None)
                if not names:
                    del self._on[place]
                    del self._places[bisect_left(self._places, place)]
                    self._lengths[place[0], place[2]] -= 1
        for interface in came.values():
            for place in _places(interface):
                if place not in self._on:
                    self._on[place] = {}
                    insort(self._places, place)
                    self._lengths[place[0], place[2]] += 1
                self._on[place][interface.name] = None

    def to(self, vrf: str, prefix: Prefix) -> list[str]:
        """Return the interfaces on subnets that have addresses in common with this one."""
        found: dict[str, None] = {}
        inside = bisect_left(self._places, (vrf, prefix.number, prefix.length))
        behind = bisect_left(self._places, (vrf, prefix.number + prefix.size, 0))
        for place in self._places[inside:behind]:
            found |= self._on[place]
        for (place_vrf, shorter), count in self._lengths.items():
            if count and place_vrf == vrf and shorter < prefix.length:
                bits = prefix.width - shorter
                found |= self._on.get((vrf, prefix.number >> bits << bits, shorter), {})
        return list(found)


def _places(interface: Subnets) -> dict[_Place, None]:
    return {(interface.vrf, prefix.number, prefix.length): None for prefix in interface.prefixes}


# ------------------------------------------------------------------------------------------------ lines


def _check_address(args: Args, section: Section) -> str | None:
    """Refuse, as IOS does, the first and last address of a subnet, and a subnet that another interface of its VRF
    has.
    """
    unready = linked_without(section, 4)
    if unready is not None or "dhcp" in args:
        return unready
    address, mask = args.address("address"), args.address("mask")
    length = mask_length(mask) or 0
    prefix = Prefix.of(address, length)
    if _is_of_no_station(prefix, address):
        return f"Bad mask /{length} for address {address}"
    others = near(section, prefix, _subnets)
    return f"% {prefix.address} overlaps with {min(others, key=interface_sort_key)}" if others else None


ADDRESS: Final = ConfigLine(
    "interface",
    "ip address ( {address:address} {mask:mask} | dhcp [* client-id {client:interface} | hostname {hostname:word} ] )",
    {
        "address": "Address and mask of this interface",
        "mask": "Mask",
        "dhcp": "A DHCP client gets it: the router's own in labs, elsewhere the host's",
        "client-id": "The client is known by the hardware address of an interface",
        "client": "The interface",
        "hostname": "The client says this name, not the router's",
    },
    order=30,
    check=_check_address,
)
#: For people to fill in.
OPEN_ADDRESS: Final = ADDRESS.line(address=Blank("address"), mask=Blank("mask"))
SECONDARY: Final = ConfigLine(
    "interface",
    "ip address {address:address} {mask:mask} secondary",
    {"secondary": "One more address"},
    key=("address",),
    order=31,
    check=_check_address,
)


def _subnets(args: Args, section: Section) -> Subnets | None:
    if section.flag(SHUTDOWN):
        return None
    lines = [entry for line in (ADDRESS, SECONDARY) for entry in section.all(line) if "dhcp" not in entry]
    return (
        Subnets(args.interface("name"), tuple(Prefix.of(*pair(entry)) for entry in lines), vrf_of(section))
        if lines
        else None
    )


def are_apart(tree: Section) -> bool:
    """Return whether every address may be that of an interface, and all are on subnets of their own, whatever the VRF
    and the state of the interface: then none was refused, in whichever order the lines came.
    """
    entries = [
        entry for _, section in tree.sections(INTERFACE) for line in (ADDRESS, SECONDARY) for entry in section.all(line)
    ]
    addresses = [pair(entry) for entry in entries if "dhcp" not in entry]
    subnets = [Prefix.of(*each) for each in addresses]
    if any(_is_of_no_station(subnet, address) for subnet, (address, _) in zip(subnets, addresses, strict=True)):
        return False
    subnets.sort(key=lambda prefix: (prefix.number, prefix.length))
    return not any(inner in outer for outer, inner in pairwise(subnets))


def _is_of_no_station(prefix: Prefix, address: IPAddress) -> bool:
    return prefix.length == 0 or (prefix.length < 31 and address in (prefix.address, prefix.broadcast))


def pair(args: Args) -> tuple[IPAddress, int]:
    """Return the address of a line, with its prefix length."""
    return args.address("address"), mask_length(args.address("mask")) or 0
