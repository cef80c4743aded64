"""Kinds of interfaces: the defaults of IOS for each kind, and how names sort."""

from __future__ import annotations

import re

from dmvpn.base.values import dataclass

#: kbit/s above which microseconds are too coarse, and picoseconds times kbit/s.
_COARSE, _WIDE = 1_000_000, 10**13

_NAME = re.compile(r"([A-Za-z-]+)([\d/.:]*)")


@dataclass(frozen=True, slots=True)
class KindDefaults:
    """Defaults of one kind.

    bandwidth: kbit/s.
    delay: microseconds.
    mtu: octets.
    logical: made by the router itself.
    """

    bandwidth: int
    delay: int
    mtu: int
    logical: bool
    hardware: str

    @property
    def wide_delay(self) -> int | None:
        """The delay that EIGRP's wide metrics use, picoseconds: above 1 Gbit/s it follows from the bandwidth, because
        microseconds are too coarse; None: `delay`. IOS 15.9 sends 1,250,000 for a loopback.
        """
        return _WIDE // self.bandwidth if self.bandwidth > _COARSE and self.delay else None


_KINDS = {
    "TenGigabitEthernet": KindDefaults(10_000_000, 10, 1500, logical=False, hardware="dmvpn vNIC"),
    "GigabitEthernet": KindDefaults(1_000_000, 10, 1500, logical=False, hardware="dmvpn vNIC"),
    "FastEthernet": KindDefaults(100_000, 100, 1500, logical=False, hardware="dmvpn vNIC"),
    "Ethernet": KindDefaults(10_000, 1000, 1500, logical=False, hardware="dmvpn vNIC"),
    "Loopback": KindDefaults(8_000_000, 5000, 1514, logical=True, hardware="Loopback"),
    "Tunnel": KindDefaults(100, 50_000, 9976, logical=True, hardware="Tunnel"),
    "Null": KindDefaults(10_000_000, 0, 1500, logical=True, hardware="Unknown"),
}


def kind_name(name: str) -> str:
    """Return the letters of an interface name: "GigabitEthernet" for GigabitEthernet0/1."""
    match = _NAME.match(name)
    return match[1] if match else name


def kind_of(name: str) -> KindDefaults:
    """Return the defaults for an interface; a kind that we do not know counts as an Ethernet of 1 Gbit/s."""
    return _KINDS.get(kind_name(name), _KINDS["GigabitEthernet"])


def sort_key(name: str) -> tuple[str, tuple[int, ...]]:
    """Return the key of IOS's order: by kind, then by the numbers of slot, port and unit."""
    match = _NAME.match(name)
    if match is None:
        return name, ()
    return match[1], tuple(int(number) for number in re.split(r"[/.:]", match[2]) if number)
