"""`debug ip packet` and `debug ip icmp`: IP packets of the router itself.

What the data plane forwards, and the echo requests that it answers, do not pass here: `monitor capture` has these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.net import icmp
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol

if TYPE_CHECKING:
    from dmvpn.base.effects import SendIp
    from dmvpn.base.events import IpReceived
    from dmvpn.base.notices import PacketsHandled
    from dmvpn.features.system.debugging import DebugSwitches

#: The flags.
PACKET: Final = "ip packet"
ICMP: Final = "ip icmp"
#: The UDP port of log hosts, RFC 5426 §3.3.
_SYSLOG: Final = 514


def lines(packets: PacketsHandled, switches: DebugSwitches) -> tuple[str, ...]:
    """Return the lines of the debugs that are on, in the order of the packets. IPv4 has these debugs.

    An ICMP error about a line that went to a log host has no line: that line would cause the next error.
    """
    received = packets.received
    if received is not None and (received.source.version != 4 or _is_about_log(received)):
        received = None
    sent = [packet for packet in packets.sent if packet.destination.version == 4]
    found: list[str] = []
    if switches.on(PACKET):
        found += [received_line(received)] if received is not None else []
        found += [sent_line(packet) for packet in sent]
    if switches.on(ICMP):
        found += [icmp_line(received)] if received is not None and received.protocol == IpProtocol.ICMP else []
        found += [echo_line(packet) for packet in sent if packet.protocol == IpProtocol.ICMP]
    return tuple(found)


def _is_about_log(packet: IpReceived) -> bool:
    """Return whether it is an ICMP error about a datagram to a log host."""
    try:
        message = icmp.parse(packet.payload) if packet.protocol == IpProtocol.ICMP else None
    except WireError:
        return False
    if not isinstance(message, icmp.DestinationUnreachable | icmp.TimeExceeded) or not message.quoted:
        return False
    ports = message.quoted[4 * (message.quoted[0] & 0xF) :][:4]
    return message.quoted[9:10] == bytes((IpProtocol.UDP,)) and ports[2:] == _SYSLOG.to_bytes(2, "big")


def received_line(packet: IpReceived) -> str:
    """Return the line about a packet for us."""
    length = len(packet.payload) + HEADER_LENGTH
    ends = f"s={packet.source} ({packet.interface}), d={packet.destination}"
    return f"IP: {ends}, len {length}, rcvd, proto={packet.protocol}"


def sent_line(packet: SendIp) -> str:
    """Return the line about one of our packets. Without an interface the forwarding table chooses it."""
    length = len(packet.payload) + HEADER_LENGTH
    ends = f"s={packet.source or '0.0.0.0'} (local), d={packet.destination} ({packet.interface or 'routed'})"  # noqa: S104 - printed
    return f"IP: {ends}, len {length}, sending, proto={packet.protocol}"


def icmp_line(packet: IpReceived) -> str:
    """Return the line about an ICMP message for us."""
    what = _message(packet.payload)
    return f"ICMP: {what} rcvd, src {packet.source}, dst {packet.destination}, dscp {packet.tos >> 2}"


def echo_line(packet: SendIp) -> str:
    """Return the line about one of our ICMP messages."""
    what = _message(packet.payload)
    source = packet.source or "0.0.0.0"  # noqa: S104 - printed
    return f"ICMP: {what} sent, src {source}, dst {packet.destination}, dscp {packet.tos >> 2}"


def _message(octets: bytes) -> str:
    """Return the meaning of a message, in the words of RFC 792."""
    try:
        message = icmp.parse(octets)
    except WireError as error:
        return f"malformed message ({error})"
    match message:
        case icmp.EchoRequest():
            return "echo"
        case icmp.EchoReply():
            return "echo reply"
        case _:
            return type(message).__name__
