"""NFLOG: copies of packets that a rule of nf_tables chooses (linux/netfilter/nfnetlink_log.h).

A group has one listener in each network namespace; the kernel gathers copies for `_DELAY`, so a flood costs few reads.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink import wire

if TYPE_CHECKING:
    from collections.abc import Iterator


_NETLINK_NETFILTER: Final = 12
_HEADER = struct.Struct("=IHHII")
_NFGENMSG: Final = 4
_PACKET, _CONFIGURE = 4 << 8, 4 << 8 | 1
_COMMAND, _MODE, _TIMEOUT = 1, 2, 4
_BIND: Final = 1
_COPY_PACKET: Final = 2
_ARRIVED, _HARDWARE_ADDRESS, _PAYLOAD, _PREFIX = 4, 8, 9, 10
_BE32 = struct.Struct("!I")
#: Until copies are delivered, in hundredths of a second.
_DELAY: Final = 1
_RECEIVE: Final = 1 << 17
_BUFFER: Final = 1 << 21
#: Groups that are tried: of each router of a network namespace one.
_GROUPS: Final = range(5400, 5464)


@dataclass(frozen=True, slots=True)
class CopiedPacket:
    """A copy.

    prefix: the text of the rule.
    hardware_address: of its sender on the link, or empty.
    arrived: the index of the interface by which it came, 0: none.
    """

    prefix: str
    data: bytes
    hardware_address: bytes
    arrived: int


class CopiedPackets:
    """Listens to a group of its own in the network namespace in which it was made. Raises OSError."""

    def __init__(self, octets: int) -> None:
        """octets: of each packet."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self._socket.bind((0, 0))
            self._socket.settimeout(1.0)
            self.group = self._bind(octets)
            self._socket.setblocking(False)
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor that is readable when there are copies."""
        return self._socket.fileno()

    def read(self) -> Iterator[CopiedPacket]:
        """Yield the copies that have arrived; some may be lost."""
        while True:
            try:
                datagram, sender = self._socket.recvfrom(_RECEIVE)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                continue
            if sender[0] == 0:  # the kernel
                for message in wire.parse_messages(memoryview(datagram)):
                    if message.kind == _PACKET:
                        yield _packet(message)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _bind(self, octets: int) -> int:
        for group in _GROUPS:
            failure = self._configure(group, wire.attribute(_COMMAND, bytes((_BIND,))))
            if not failure:
                break
            if failure not in (errno.EBUSY, errno.EPERM) or group == _GROUPS[-1]:
                raise OSError(failure, "the kernel copies no packets (nfnetlink_log)")
        mode = wire.attribute(_MODE, _BE32.pack(octets) + bytes((_COPY_PACKET, 0)))
        self._configure(group, mode + wire.attribute(_TIMEOUT, _BE32.pack(_DELAY)))
        return group

    def _configure(self, group: int, attributes: bytes) -> int:
        body = bytes((socket.AF_UNSPEC, 0)) + group.to_bytes(2, "big") + attributes
        self._socket.send(
            _HEADER.pack(_HEADER.size + len(body), _CONFIGURE, wire.NLM_F_REQUEST | wire.NLM_F_ACK, group, 0) + body
        )
        while True:
            datagram = self._socket.recv(_RECEIVE)
            for message in wire.parse_messages(memoryview(datagram)):
                if message.kind == wire.KernelMessageType.ERROR:
                    return wire.parse_acknowledgement(message).errno


def _packet(message: wire.KernelMessage) -> CopiedPacket:
    fields = wire.parse_attributes(message.body[_NFGENMSG:])
    address = bytes(fields.get(_HARDWARE_ADDRESS, memoryview(b"\0\0")))
    return CopiedPacket(
        prefix=wire.read_text(fields.get(_PREFIX, memoryview(b""))),
        data=bytes(fields.get(_PAYLOAD, memoryview(b""))),
        hardware_address=address[4 : 4 + int.from_bytes(address[:2], "big")],
        arrived=int.from_bytes(fields.get(_ARRIVED, memoryview(b"")), "big"),
    )
