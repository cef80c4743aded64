"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.notices import Log, log_messages


class PortShut(Log, name="FILTER-3-PORT_SHUT"):
    """The host does not filter as the lines of a port say, so nothing passes the port where a list is to be asked. It
    is tried again.
    """

    @classmethod
    def of(cls, interface: str, version: int, reason: str) -> Self:
        """Return the message for this port and this version of IP, with what the host says."""
        what = "packet" if version == 4 else "packet of IPv6"
        return cls(f"{interface} lets no {what} pass its access lists: {reason}")


class NotFiltered(Log, name="FILTER-3-NOT_FILTERED"):
    """The host can neither filter as the lines of a port say, nor shut the port: its packets pass as if it had no such
    lines. It is tried again.
    """

    @classmethod
    def of(cls, interface: str, version: int, reason: str) -> Self:
        """Return the message for this port and this version of IP, with what the host says."""
        what = "is not filtered" if version == 4 else "does not filter IPv6"
        return cls(f"{interface} {what} as its lines say: {reason}")


class PacketPorts(Log, name="SEC-6-IPACCESSLOGP"):
    """An entry with `log` has permitted or denied packets of TCP or UDP."""


class PacketTypes(Log, name="SEC-6-IPACCESSLOGDP"):
    """An entry with `log` has permitted or denied packets of ICMP; type and code are in parentheses."""


class PacketNamed(Log, name="SEC-6-IPACCESSLOGRP"):
    """An entry with `log` has permitted or denied packets of a routing protocol or of IGMP."""


class PacketNumbered(Log, name="SEC-6-IPACCESSLOGNP"):
    """An entry with `log` has permitted or denied packets of a protocol without ports, named by its number."""


class PacketPorts6(Log, name="IPV6_ACL-6-ACCESSLOGP"):
    """An entry with `log` of an IPv6 list has permitted or denied packets of TCP or UDP."""


class PacketTypes6(Log, name="IPV6_ACL-6-ACCESSLOGDP"):
    """An entry with `log` of an IPv6 list has permitted or denied packets of ICMP; type and code are in parentheses."""


class PacketNumbered6(Log, name="IPV6_ACL-6-ACCESSLOGNP"):
    """An entry with `log` of an IPv6 list has permitted or denied packets of another protocol, named by its number."""


class PacketSource(Log, name="SEC-6-IPACCESSLOGS"):
    """An entry with `log` of a standard list has permitted or denied packets from this address."""


MESSAGES: Final = log_messages(vars())
