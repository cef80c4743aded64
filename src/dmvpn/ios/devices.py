"""Configurations of devices that do not run IOS: the device is named once, instead of refusing each line.

other_device(text)    "a Cisco ASA (line 3: nameif outside)"; "" for what may be of IOS or IOS XE
"""

from __future__ import annotations

import re
from typing import Final

from dmvpn.ios.redaction import without_keys

#: A device, and how lines begin that only it has.
_SIGNS: Final = (
    ("a Cisco ASA", r"ASA Version \d|PIX Version|[ \t]{1,16}nameif \S|object network \S"),
    (
        "a Cisco ASA",
        r"access-list \S{1,99} extended ",
    ),
    ("a Cisco ASA", r"crypto ikev[12] enable (?:out|in)side|tunnel-group \S{1,99} (?:type|ipsec-attributes)"),
    ("a Nexus (NX-OS)", r"!Command: show|feature [a-z][\w-]{0,60}[ \t]{0,16}$|vrf context \S|boot nxos "),
    ("a router of IOS XR", r"!! IOS XR|RP/\d/"),
    ("a router of IOS XR", r"[ \t]{0,16}vrf \S{1,99} address-family |route-policy \S{1,99}$"),
    ("Junos", r"set (?:system|interfaces|protocols|security|routing-options) \S"),
    (
        "Junos",
        r"[ \t]{0,32}host-name \S{1,99};|system \{",
    ),
    ("Arista EOS", r"! device: .*\bEOS-|! Command: show|transceiver qsfp "),
    ("FRR", r"frr (?:version|defaults) "),
    ("Huawei VRP", r"[ \t]{0,16}sysname \S|\[?V\d{3}R\d{3}"),
    ("MikroTik RouterOS", r"/(?:ip|interface|routing|system|ppp|queue)[ \w/-]{0,80}(?:add |set |$)|# .* by RouterOS"),
    ("FortiOS", r"config (?:system|firewall|vpn|router) \S|#config-version="),
    ("VyOS", r"set (?:vpn|service|firewall|nat) \S|interfaces \{"),
)
_SIGN: Final = re.compile("|".join(f"(?P<d{index}>{sign})" for index, (_, sign) in enumerate(_SIGNS)))
_MARKS: Final = re.compile(rf"^(?:{_SIGN.pattern})", re.MULTILINE)
#: Lines of IOS and IOS XE alone; in a file with such a line, lines of other devices are only blocks beside
#: it.
_IOS: Final = re.compile(
    r"^[ \t]{0,16}(?:\S{1,80}[#>][ \t]{0,16})?"
    r"(?:ip nhrp |tunnel mode gre |service timestamps |version 1[2-9]\.|ip cef\b|router eigrp )",
    re.MULTILINE,
)
#: So much of a line is quoted.
_QUOTED: Final = 60


def other_device(text: str) -> str:
    """Return what device the configuration is of, and by which line that is seen; "" for a router of IOS, or an unknown
    device.
    """
    found = _MARKS.search(text)
    if found is None or found.lastgroup is None or _IOS.search(text):
        return ""
    device, _ = _SIGNS[int(found.lastgroup[1:])]
    line = text.count("\n", 0, found.start()) + 1
    quoted = text[found.start() :].split("\n", 1)[0].strip()[:_QUOTED]
    return f"{device} (line {line}: {without_keys(quoted)})"
