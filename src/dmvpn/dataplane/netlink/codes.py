"""The numbers of rtnetlink that we use, as linux/netlink.h, linux/rtnetlink.h and linux/neighbor.h name them."""

from __future__ import annotations

import enum
import socket
from typing import Final

# The request flags of netlink(7). Some bits have another meaning in "get" requests.
NLM_F_REQUEST: Final = 0x01
NLM_F_ACK: Final = 0x04
NLM_F_DUMP_INTR: Final = 0x10
NLM_F_REPLACE: Final = 0x100
NLM_F_EXCL: Final = 0x200
NLM_F_CREATE: Final = 0x400
NLM_F_APPEND: Final = 0x800
NLM_F_DUMP: Final = 0x300

AF_UNSPEC: Final = 0
AF_INET: Final = int(socket.AF_INET)
AF_INET6: Final = int(socket.AF_INET6)


class KernelMessageType(enum.IntEnum):
    """Message types, with the three control messages that a request may be answered with."""

    NOOP = 1
    ERROR = 2
    DONE = 3
    OVERRUN = 4
    NEWLINK = 16
    DELLINK = 17
    GETLINK = 18
    SETLINK = 19
    NEWADDR = 20
    DELADDR = 21
    GETADDR = 22
    NEWROUTE = 24
    DELROUTE = 25
    GETROUTE = 26
    NEWNEIGH = 28
    DELNEIGH = 29
    GETNEIGH = 30
    NEWRULE = 32
    DELRULE = 33
    GETRULE = 34
    SETNEIGHTBL = 67


class NotificationGroup(enum.IntFlag):
    """Groups of notifications (RTMGRP_*). GETNEIGH messages come with NEIGHBOR, for both families."""

    LINK = 0x1
    NEIGHBOR = 0x4
    IPV4_ADDRESS = 0x10
    IPV4_ROUTE = 0x40
    IPV4_RULE = 0x80
    IPV6_ADDRESS = 0x100
    IPV6_ROUTE = 0x400
    IPV6_RULE = 0x40000

    ADDRESS = IPV4_ADDRESS | IPV6_ADDRESS
    ROUTE = IPV4_ROUTE | IPV6_ROUTE
    RULE = IPV4_RULE | IPV6_RULE
    EVERYTHING = LINK | NEIGHBOR | ADDRESS | ROUTE | RULE


def family_of(version: int) -> int:
    """Return the address family of an IP version (4 or 6)."""
    return AF_INET if version == 4 else AF_INET6
