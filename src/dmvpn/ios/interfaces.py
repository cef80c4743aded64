"""Interface names: the long form ("GigabitEthernet0/1"), the short form ("Gi0/1"), what people type, and their order.

A name is a kind and a number. The number has up to three slashes, an optional sub-interface and an optional channel
("0/0/1.100"). Kinds may be cut ("gi", "tu"), in any case, and a blank may precede the number.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple


class InterfaceKind(NamedTuple):
    """A kind of interface. `rank` is its place in the running configuration; `help` is what `?` says."""

    name: str
    short: str
    rank: int
    help: str
    logical: bool = False


#: In the order of preference when an abbreviation fits several: "t0" means a tunnel, "f0/0" a FastEthernet.
KINDS: tuple[InterfaceKind, ...] = (
    InterfaceKind("Tunnel", "Tu", 1, "Tunnel interface", logical=True),
    InterfaceKind("Loopback", "Lo", 0, "Loopback interface", logical=True),
    InterfaceKind("GigabitEthernet", "Gi", 4, "GigabitEthernet interface"),
    InterfaceKind("FastEthernet", "Fa", 3, "FastEthernet interface"),
    InterfaceKind("Ethernet", "Et", 2, "Ethernet interface"),
    InterfaceKind("Serial", "Se", 9, "Serial interface"),
    InterfaceKind("Port-channel", "Po", 10, "Bundle of Ethernet interfaces", logical=True),
    InterfaceKind("Dialer", "Di", 11, "Dialer interface", logical=True),
    InterfaceKind("Vlan", "Vl", 12, "VLAN interface", logical=True),
    InterfaceKind("TenGigabitEthernet", "Te", 5, "TenGigabitEthernet interface"),
    InterfaceKind("TwentyFiveGigE", "Twe", 6, "TwentyFiveGigabitEthernet interface"),
    InterfaceKind("FortyGigabitEthernet", "Fo", 7, "FortyGigabitEthernet interface"),
    InterfaceKind("HundredGigE", "Hu", 8, "HundredGigabitEthernet interface"),
    InterfaceKind("Null", "Nu", 13, "Null interface", logical=True),
    InterfaceKind("Virtual-Template", "Vt", 14, "Virtual template interface", logical=True),
    InterfaceKind("Virtual-Access", "Vi", 15, "Virtual access interface", logical=True),
    InterfaceKind("TwoGigabitEthernet", "Tw", 16, "2.5 Gigabit Ethernet interface"),
    InterfaceKind("FiveGigabitEthernet", "Fi", 17, "5 Gigabit Ethernet interface"),
    InterfaceKind("AppGigabitEthernet", "Ap", 18, "Ethernet towards a container"),
    InterfaceKind("VirtualPortGroup", "VPG", 19, "Ethernet towards a container", logical=True),
    InterfaceKind("BDI", "BD", 20, "Bridge domain interface", logical=True),
    InterfaceKind("BVI", "BV", 21, "Bridge group interface", logical=True),
    InterfaceKind("Cellular", "Ce", 22, "Cellular modem"),
    InterfaceKind("ATM", "AT", 23, "ATM interface"),
    InterfaceKind("BRI", "BR", 24, "ISDN basic rate interface"),
    InterfaceKind("Async", "As", 25, "Asynchronous interface"),
    InterfaceKind("Multilink", "Mu", 26, "Bundle of serial lines", logical=True),
    InterfaceKind("Embedded-Service-Engine", "EM", 27, "Service engine"),
    InterfaceKind("Service-Engine", "SE", 28, "Service engine"),
    InterfaceKind("Integrated-Service-Engine", "In", 29, "Service engine"),
    InterfaceKind("Wlan-GigabitEthernet", "WG", 30, "Ethernet towards the wireless part"),
    InterfaceKind("wlan-ap", "wl", 31, "Wireless part"),
    InterfaceKind("ucse", "uc", 32, "Server module"),
    InterfaceKind("NVI", "NV", 33, "Virtual interface of NAT", logical=True),
    InterfaceKind("nve", "nv", 34, "Virtual interface of VXLAN", logical=True),
    InterfaceKind("LISP", "LI", 35, "Virtual interface of LISP", logical=True),
    InterfaceKind("pseudowire", "pw", 36, "Pseudowire", logical=True),
    InterfaceKind("Analysis-Module", "An", 38, "Analysis module"),
    InterfaceKind("vmi", "vm", 39, "Virtual multipoint interface", logical=True),
    InterfaceKind("Group-Async", "Gr", 40, "Group of asynchronous interfaces", logical=True),
    InterfaceKind("POS", "PO", 41, "Packet over SONET"),
    InterfaceKind("CEM", "CE", 42, "Circuit emulation"),
    InterfaceKind("mgmt", "mg", 43, "Management interface"),
    InterfaceKind("FiftyGigE", "FI", 44, "50 Gigabit Ethernet interface"),
    InterfaceKind("TwoHundredGigE", "TH", 45, "200 Gigabit Ethernet interface"),
    InterfaceKind("FourHundredGigE", "FH", 46, "400 Gigabit Ethernet interface"),
    InterfaceKind("Virtual-PPP", "VP", 47, "Virtual interface of PPP over L2TP", logical=True),
    InterfaceKind("MFR", "MF", 48, "Bundle of Frame Relay lines", logical=True),
    InterfaceKind("Hssi", "Hs", 49, "High speed serial interface"),
    InterfaceKind("TokenRing", "To", 50, "Token ring"),
    InterfaceKind("Fddi", "Fd", 51, "Fibre ring"),
    InterfaceKind("vasileft", "vl", 53, "Left end of a pair between VRFs", logical=True),
    InterfaceKind("vasiright", "vr", 54, "Right end of a pair between VRFs", logical=True),
    InterfaceKind("CTunnel", "Ct", 55, "Tunnel of CLNS", logical=True),
    InterfaceKind("Content-Engine", "CO", 56, "Service engine"),
    InterfaceKind("SSLVPN-VIF", "SV", 57, "Virtual interface of SSL VPN", logical=True),
    InterfaceKind("Bluetooth", "Bl", 58, "Bluetooth interface"),
)

_NUMBER = re.compile(r"\d{1,10}(?:/\d{1,5}){0,3}(?:\.\d{1,10})?(?::\d{1,5})?\Z", re.ASCII)
_NAME = re.compile(r"([A-Za-z][A-Za-z-]*) ?([0-9/.:]*)\Z")
_DIGITS = re.compile(r"\d+", re.ASCII)
_BY_NAME = {kind.name: kind for kind in KINDS}
#: The kind that each beginning of a name means: of several kinds the preferred one.
_BY_BEGINNING: dict[str, InterfaceKind] = {}
for _kind in KINDS:
    for _end in range(1, len(_kind.name) + 1):
        _BY_BEGINNING.setdefault(_kind.name[:_end].lower(), _kind)


def find_kind(word: str) -> InterfaceKind | None:
    """Return the kind that a (cut) word names, or None."""
    return _BY_BEGINNING.get(word.lower())


def fitting_kind(word: str) -> int:
    """Return how many first characters of a word begin a kind: 3 for "Tunl0"."""
    lowered = word.lower()
    count = 0
    while count < len(lowered) and lowered[: count + 1] in _BY_BEGINNING:
        count += 1
    return count


def is_number(text: str) -> bool:
    """Return whether this is the number part of a name, such as "100", "0/1" or "0/0/1.20"."""
    return _NUMBER.match(text) is not None


@lru_cache(maxsize=4096)
def normalize_interface(text: str) -> str | None:
    """Return the long name that `text` ("Gi0/1", "gi 0/1", "tunnel 100") means; None if it names no interface."""
    match = _NAME.match(text.strip())
    if match is None or not is_number(match[2]):
        return None
    kind = find_kind(match[1])
    # Without useless zeros: "Tunnel007" and "Tunnel7" are one interface.
    return kind.name + _DIGITS.sub(lambda digits: str(int(digits[0])), match[2]) if kind else None


@lru_cache(maxsize=4096)
def split_interface(name: str) -> tuple[str, str]:
    """Return kind and number of a long name: ("GigabitEthernet", "0/1")."""
    first_digit = next((index for index, char in enumerate(name) if char.isdigit()), len(name))
    return name[:first_digit], name[first_digit:]


@lru_cache(maxsize=4096)
def short_interface(name: str) -> str:
    """Return the short form of a long name: "Gi0/1" for "GigabitEthernet0/1". Unknown kinds stay as they are."""
    word, number = split_interface(name)
    kind = _BY_NAME.get(word)
    return kind.short + number if kind else name


@lru_cache(maxsize=4096)
def interface_sort_key(name: str) -> tuple[int, str, tuple[int, ...]]:
    """Return the key that sorts long names as the running configuration does: loopbacks, tunnels, Ethernets, all other
    interfaces; then by number.
    """
    word, number = split_interface(name)
    kind = _BY_NAME.get(word)
    return (kind.rank if kind else 99, word, tuple(int(part) for part in _DIGITS.findall(number)))


def is_logical(name: str) -> bool:
    """Return True for interfaces that exist because they are configured (tunnels, loopbacks), false for hardware."""
    kind = _BY_NAME.get(split_interface(name)[0])
    return kind is not None and kind.logical
