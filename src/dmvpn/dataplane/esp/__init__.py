"""ESP: RFC 4303, with AES-GCM (RFC 4106) or AES-CBC and HMAC (RFC 3602, RFC 4868), extended sequence numbers.

`Outbound` seals, `Inbound` opens one direction of one security association each, `SaTable` says which one a packet
takes. They are values without I/O. The Rust engine does the same to the octet.
"""

from __future__ import annotations

from dmvpn.dataplane.esp.association import EspError, Exhausted, Inbound, Outbound
from dmvpn.dataplane.esp.replay import ReplayWindow
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.esp.table import Link, Pair, Place, SaTable

__all__ = [
    "EspError",
    "EspSuite",
    "Exhausted",
    "Inbound",
    "Link",
    "Outbound",
    "Pair",
    "Place",
    "ReplayWindow",
    "SaTable",
]
