"""Interface names: the long form ("GigabitEthernet0/1"), the short form ("Gi0/1"), what people type, and their order.

A name is a kind and a number. The number has up to three slashes, an optional sub-interface and an optional channel
("0/0/1.100"). Kinds may be cut ("gi", "tu"), in any case, and a blank may precede the number.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of interface. `rank` is its place in the running configuration; `help` is what `?` says."""

    name: str
    short: str
    rank: int
    help: str
    logical: bool = False


#: In the order of preference when an abbreviation fits several: "t0" means a tunnel, "f0/0" a FastEthernet.
KINDS: tuple[Kind, ...] = (
    Kind("Tunnel", "Tu", 1, "Tunnel interface", logical=True),
    Kind("Loopback", "Lo", 0, "Loopback interface", logical=True),
    Kind("GigabitEthernet", "Gi", 4, "GigabitEthernet interface"),
    Kind("FastEthernet", "Fa", 3, "FastEthernet interface"),
    Kind("Ethernet", "Et", 2, "Ethernet interface"),
    Kind("Serial", "Se", 9, "Serial interface"),
    Kind("Port-channel", "Po", 10, "Bundle of Ethernet interfaces", logical=True),
    Kind("Dialer", "Di", 11, "Dialer interface", logical=True),
    Kind("Vlan", "Vl", 12, "VLAN interface", logical=True),
    Kind("TenGigabitEthernet", "Te", 5, "TenGigabitEthernet interface"),
    Kind("TwentyFiveGigE", "Twe", 6, "TwentyFiveGigabitEthernet interface"),
    Kind("FortyGigabitEthernet", "Fo", 7, "FortyGigabitEthernet interface"),
    Kind("HundredGigE", "Hu", 8, "HundredGigabitEthernet interface"),
    Kind("Null", "Nu", 13, "Null interface", logical=True),
    Kind("Virtual-Template", "Vt", 14, "Virtual template interface", logical=True),
    Kind("Virtual-Access", "Vi", 15, "Virtual access interface", logical=True),
    Kind("TwoGigabitEthernet", "Tw", 16, "2.5 Gigabit Ethernet interface"),
    Kind("FiveGigabitEthernet", "Fi", 17, "5 Gigabit Ethernet interface"),
    Kind("AppGigabitEthernet", "Ap", 18, "Ethernet towards a container"),
    Kind("VirtualPortGroup", "VPG", 19, "Ethernet towards a container", logical=True),
    Kind("BDI", "BD", 20, "Bridge domain interface", logical=True),
    Kind("BVI", "BV", 21, "Bridge group interface", logical=True),
    Kind("Cellular", "Ce", 22, "Cellular modem"),
    Kind("ATM", "AT", 23, "ATM interface"),
    Kind("BRI", "BR", 24, "ISDN basic rate interface"),
    Kind("Async", "As", 25, "Asynchronous interface"),
    Kind("Multilink", "Mu", 26, "Bundle of serial lines", logical=True),
    Kind("Embedded-Service-Engine", "EM", 27, "Service engine"),
    Kind("Service-Engine", "SE", 28, "Service engine"),
    Kind("Integrated-Service-Engine", "In", 29, "Service engine"),
    Kind("Wlan-GigabitEthernet", "WG", 30, "Ethernet towards the wireless part"),
    Kind("wlan-ap", "wl", 31, "Wireless part"),
    Kind("ucse", "uc", 32, "Server module"),
    Kind("NVI", "NV", 33, "Virtual interface of NAT", logical=True),
    Kind("nve", "nv", 34, "Virtual interface of VXLAN", logical=True),
    Kind("LISP", "LI", 35, "Virtual interface of LISP", logical=True),
    Kind("pseudowire", "pw", 36, "Pseudowire", logical=True),
    Kind("Analysis-Module", "An", 38, "Analysis module"),
    Kind("vmi", "vm", 39, "Virtual multipoint interface", logical=True),
    Kind("Group-Async", "Gr", 40, "Group of asynchronous interfaces", logical=True),
    Kind("POS", "PO", 41, "Packet over SONET"),
    Kind("CEM", "CE", 42, "Circuit emulation"),
    Kind("mgmt", "mg", 43, "Management interface"),
    Kind("FiftyGigE", "FI", 44, "50 Gigabit Ethernet interface"),
    Kind("TwoHundredGigE", "TH", 45, "200 Gigabit Ethernet interface"),
    Kind("FourHundredGigE", "FH", 46, "400 Gigabit Ethernet interface"),
    Kind("Virtual-PPP", "VP", 47, "Virtual interface of PPP over L2TP", logical=True),
    Kind("MFR", "MF", 48, "Bundle of Frame Relay lines", logical=True),
    Kind("Hssi", "Hs", 49, "High speed serial interface"),
    Kind("TokenRing", "To", 50, "Token ring"),
    Kind("Fddi", "Fd", 51, "Fibre ring"),
    Kind("vasileft", "vl", 53, "Left end of a pair between VRFs", logical=True),
    Kind("vasiright", "vr", 54, "Right end of a pair between VRFs", logical=True),
    Kind("CTunnel", "Ct", 55, "Tunnel of CLNS", logical=True),
    Kind("Content-Engine", "CO", 56, "Service engine"),
    Kind("SSLVPN-VIF", "SV", 57, "Virtual interface of SSL VPN", logical=True),
    Kind("Bluetooth", "Bl", 58, "Bluetooth interface"),
)

_NUMBER = re.compile(r"\d{1,10}(?:/\d{1,5}){0,3}(?:\.\d{1,10})?(?::\d{1,5})?\Z", re.ASCII)
_NAME = re.compile(r"([A-Za-z][A-Za-z-]*) ?([0-9/.:]*)\Z")
_DIGITS = re.compile(r"\d+", re.ASCII)
_BY_NAME = {kind.name: kind for kind in KINDS}
#: The kind that each beginning of a name means: of several kinds the preferred one.
_BY_BEGINNING: dict[str, Kind] = {}
for _kind in KINDS:
    for _end in range(1, len(_kind.name) + 1):
        _BY_BEGINNING.setdefault(_kind.name[:_end].lower(), _kind)


def find_kind(word: str) -> Kind | None:
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
    return kind.name + _plain_number(match[2]) if kind else None


def _plain_number(text: str) -> str:
    """Return the number without useless zeros: "Tunnel007" and "Tunnel7" are one interface."""
    return _DIGITS.sub(lambda digits: str(int(digits[0])), text)


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
    """Return the key that sorts long names as the running configuration does: loopbacks, tunnels, Ethernets, others;
    then by number.
    """
    word, number = split_interface(name)
    kind = _BY_NAME.get(word)
    return (kind.rank if kind else 99, word, tuple(int(part) for part in _DIGITS.findall(number)))


def is_logical(name: str) -> bool:
    """Return True for interfaces that exist because they are configured (tunnels, loopbacks), false for hardware."""
    kind = _BY_NAME.get(split_interface(name)[0])
    return kind is not None and kind.logical
