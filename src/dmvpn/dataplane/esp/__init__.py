"""ESP: RFC 4303, with AES-GCM (RFC 4106) or AES-CBC and HMAC (RFC 3602, RFC 4868), extended sequence numbers.

`Outbound` encrypts, `Inbound` decrypts one direction of one security association each, `SaTable` selects the one for a
packet. They are values without I/O. The Rust engine gives the same octets.
"""

from __future__ import annotations

from dmvpn.dataplane.esp.association import EspError, Exhausted, Inbound, Outbound
from dmvpn.dataplane.esp.replay import ReplayWindow
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.esp.table import EspLink, PeerPlace, SaPair, SaTable

__all__ = [
    "EspError",
    "EspLink",
    "EspSuite",
    "Exhausted",
    "Inbound",
    "Outbound",
    "PeerPlace",
    "ReplayWindow",
    "SaPair",
    "SaTable",
]
