"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from typing import Final

from dmvpn.base.notices import LogWriter, log_kind, log_messages


@log_kind("FILTER-3-PORT_SHUT")
def port_shut(interface: str, version: int, reason: str) -> str:
    """The host does not filter as the lines of a port say, so nothing passes the port where a list is to be asked. It
    is tried again.
    """
    what = "packet" if version == 4 else "packet of IPv6"
    return f"{interface} lets no {what} pass its access lists: {reason}"


@log_kind("FILTER-3-NOT_FILTERED")
def not_filtered(interface: str, version: int, reason: str) -> str:
    """The host can neither filter as the lines of a port say, nor shut the port: its packets pass as if it had no such
    lines. It is tried again.
    """
    what = "is not filtered" if version == 4 else "does not filter IPv6"
    return f"{interface} {what} as its lines say: {reason}"


def _packets(name: str, which: str, family: str = "") -> LogWriter[str]:
    """Return the message about packets that an entry of a list (of this family) has decided on, whose text its caller
    writes.
    """
    return LogWriter(name, f"An entry with `log`{family} has permitted or denied packets {which}.", str)


packet_ports = _packets("SEC-6-IPACCESSLOGP", "of TCP or UDP")
packet_types = _packets("SEC-6-IPACCESSLOGDP", "of ICMP; type and code are in parentheses")
packet_named = _packets("SEC-6-IPACCESSLOGRP", "of a routing protocol or of IGMP")
packet_numbered = _packets("SEC-6-IPACCESSLOGNP", "of a protocol without ports, named by its number")
packet_ports6 = _packets("IPV6_ACL-6-ACCESSLOGP", "of TCP or UDP", " of an IPv6 list")
packet_types6 = _packets("IPV6_ACL-6-ACCESSLOGDP", "of ICMP; type and code are in parentheses", " of an IPv6 list")
packet_numbered6 = _packets("IPV6_ACL-6-ACCESSLOGNP", "of another protocol, named by its number", " of an IPv6 list")
packet_source = _packets("SEC-6-IPACCESSLOGS", "from this address", " of a standard list")

MESSAGES: Final = log_messages(vars())
