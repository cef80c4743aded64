"""Debug lines of NHRP, in the formats of IOS 17. Check `ports.debugging` before a call: formatting is expensive.

debug nhrp          one line for each packet, and refused packets
debug nhrp packet   the parts of the packet: (F) fixed, (M) mandatory, (C-n) client information entries
debug nhrp extension   its extensions
debug nhrp cache, error, group, rate, routing   as named
debug nhrp detail   everything except parts and extensions, and the reasons for answers
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.features.nhrp.messages import PACKET_NAMES, code_name, error_name
from dmvpn.features.nhrp.packet import (
    ClientMessage,
    ErrorIndication,
    NhrpPacket,
    PurgeFlag,
    PurgeReply,
    PurgeRequest,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    TrafficIndication,
)
from dmvpn.features.nhrp.parts import (
    AddressExtension,
    Authentication,
    ClientInfo,
    Extension,
    ExtensionType,
    UnknownExtension,
    VendorPrivate,
)
from dmvpn.features.nhrp.vendor import MappedPorts, group_of

_AFN = {4: "AF_IP(1)", 6: "AF_IP6(2)"}
_TYPE = {4: "IP(800)", 6: "IPV6(86DD)"}
#: Octets of a quoted packet in one line.
_QUOTED_IN_A_LINE = 16
#: Where the fixed part says where the extensions begin.
_EXTENSION_OFFSET: Final = 14

_FLAG_WORDS: dict[type[ClientMessage], tuple[tuple[int, str], ...]] = {
    RegistrationRequest: ((RegistrationFlag.UNIQUE, "unique"), (RegistrationFlag.NAT, "nat")),
    RegistrationReply: ((RegistrationFlag.UNIQUE, "unique"), (RegistrationFlag.NAT, "nat")),
    PurgeRequest: ((PurgeFlag.NO_REPLY, "no-reply"), (PurgeFlag.NAT, "nat")),
    PurgeReply: ((PurgeFlag.NO_REPLY, "no-reply"), (PurgeFlag.NAT, "nat")),
}
_RESOLUTION_WORDS = (
    (ResolutionFlag.ROUTER, "router"),
    (ResolutionFlag.AUTHORITATIVE, "auth"),
    (ResolutionFlag.DESTINATION_STABLE, "dst-stable"),
    (ResolutionFlag.UNIQUE, "unique"),
    (ResolutionFlag.SOURCE_STABLE, "src-stable"),
    (ResolutionFlag.NAT, "nat"),
)
EXTENSION_NAMES = {
    ExtensionType.RESPONDER_ADDRESS: "Responder Address",
    ExtensionType.FORWARD_TRANSIT_RECORD: "Forward Transit NHS Record",
    ExtensionType.REVERSE_TRANSIT_RECORD: "Reverse Transit NHS Record",
    ExtensionType.AUTHENTICATION: "Authentication",
    ExtensionType.VENDOR_PRIVATE: "NHRP Vendor Private",
    ExtensionType.NAT_ADDRESS: "NAT address",
}


#: Debugs that also print the lines of a narrower one.
CONTAINING: Final = {
    "nhrp": ("nhrp detail",),
    "nhrp error": ("nhrp", "nhrp detail"),
    **dict.fromkeys(("nhrp cache", "nhrp group", "nhrp rate", "nhrp routing"), ("nhrp detail",)),
}


class Processing(enum.Enum):
    """The processing of a packet; its line begins with the value."""

    RECEIVE = "Receive"
    SEND = "Send"
    FORWARD = "Forwarding"


def packet_line(direction: Processing, packet: NhrpPacket, tunnel: str, size: int, vrf: str) -> str:
    """Return the first line about a packet."""
    table = f"vrf: {vrf or 'global(0x0)'}"
    return f"NHRP: {direction.value} {PACKET_NAMES[packet.TYPE]} via {tunnel} {table}, packet size: {size}"


def sent_lines(tunnel: str, nbma: IPAddress, size: int) -> Iterator[str]:
    """Yield the lines that follow the first line of a packet that is sent.

    size: octets, GRE and IP header included.
    """
    yield f"NHRP: Encapsulation succeeded.  Sending NHRP Control Packet  NBMA Address: {nbma}"
    yield f"NHRP: {size} bytes out {tunnel} "


def held_back_line(tunnel: str, nbma: IPAddress, sender: IPAddress) -> str:
    """Return the line about an address that IKE does not contact: its station named too many new addresses."""
    return f"NHRP: {tunnel}: no IKE with {nbma}, {sender} named too many new addresses in a minute"


def over_limit_line(packet: NhrpPacket, tunnel: str) -> str:
    """Return the line about a packet of ours that does not leave."""
    return f"NHRP: {tunnel}: {PACKET_NAMES[packet.TYPE]} not sent, max-send is reached"


def unprotected_line(packet: NhrpPacket, tunnel: str) -> str:
    """Return the line about a packet of ours that must not leave."""
    return f"NHRP: {tunnel}: {PACKET_NAMES[packet.TYPE]} not sent, nothing protects it"


def addresses_line(packet: NhrpPacket) -> str:
    """Return the line about the source and destination of a packet."""
    return f"      src: {spelled(packet.source_protocol)}, dst: {spelled(packet.destination_protocol)}"


def packet_lines(packet: NhrpPacket, size: int) -> Iterator[str]:
    """Yield the lines about the parts of a packet."""
    source, nbma = packet.source_protocol, packet.source_nbma
    octets = packet.serialize()
    offset = octets[14] << 8 | octets[15]
    yield f" (F) afn: {_AFN[nbma.version]}, type: {_TYPE[source.version]}, hop: {packet.hop_count}, ver: 1"
    yield f"     shtl: {len(packet.source_nbma_octets)}(NSAP), sstl: {len(packet.source_nbma_subaddress)}(NSAP)"
    yield f"     pktsz: {size} extoff: {offset}"
    match packet:
        case ClientMessage():
            yield f' (M) flags: "{flag_words(packet)}", reqid: {packet.request_id} '
        case ErrorIndication():
            yield f" (M) error code: {error_name(packet.error_code)}, offset: {packet.error_offset}"
        case TrafficIndication():
            yield f" (M) traffic code: redirect({packet.traffic_code})"
    yield f"     src NBMA: {spelled(nbma)}"
    yield f"     src protocol: {spelled(source)}, dst protocol: {spelled(packet.destination_protocol)}"
    match packet:
        case ClientMessage():
            for number, cie in enumerate(packet.cies, 1):
                yield from _cie_lines(cie, f"(C-{number})")
        case ErrorIndication():
            yield "     Contents of error packet:"
            # Not its extensions, which may have a password (ar$extoff, RFC 2332 §5.2.0.1).
            begin = int.from_bytes(packet.packet[_EXTENSION_OFFSET : _EXTENSION_OFFSET + 2])
            yield from _quoted(packet.packet[:begin] if begin else packet.packet)
        case TrafficIndication():
            yield "     Contents of nhrp traffic indication packet:"
            yield from _quoted(packet.packet)


def extension_lines(packet: NhrpPacket) -> Iterator[str]:
    """Yield the lines about the extensions of a packet."""
    for extension in packet.extensions:
        yield from _extension(extension)


def flag_words(packet: ClientMessage) -> str:
    """Return the words of the flags that are set, each with a blank behind it."""
    words = _FLAG_WORDS.get(type(packet), _RESOLUTION_WORDS)
    return "".join(f"{word} " for flag, word in words if packet.flags & flag)


def _cie_lines(cie: ClientInfo, label: str) -> Iterator[str]:
    lengths = [len(address.packed) if address is not None else 0 for address in (cie.nbma, cie.protocol)]
    yield f" {label} code: {code_name(cie.code)}"
    yield f"       prefix: {cie.prefix_length}, mtu: {cie.mtu}, hd_time: {cie.holding_time}"
    yield (
        f"       addr_len: {lengths[0]}(NSAP), subaddr_len: {len(cie.nbma_subaddress)}(NSAP), "
        f"proto_len: {lengths[1]}, pref: {cie.preference}"
    )
    if cie.nbma is not None:
        yield f"       client NBMA: {spelled(cie.nbma)}"
    if cie.protocol is not None:
        yield f"       client protocol: {spelled(cie.protocol)}"


def _extension(extension: Extension) -> Iterator[str]:
    match extension:
        case AddressExtension():
            yield f"{EXTENSION_NAMES[extension.TYPE]} Extension({extension.TYPE}):"
            for entry in extension.entries:
                yield from _cie_lines(entry, "(C)")
        case Authentication():
            yield f"{EXTENSION_NAMES[ExtensionType.AUTHENTICATION]} Extension({ExtensionType.AUTHENTICATION}):"
            # `show logging` and clients of the log ask for no privilege.
            yield f"  type:Cleartext({extension.spi}), data:(hidden, {len(extension.data)} octets) "
        case VendorPrivate():
            yield f"{EXTENSION_NAMES[ExtensionType.VENDOR_PRIVATE]} Extension({ExtensionType.VENDOR_PRIVATE}):"
            yield from _vendor_lines(extension)
        case UnknownExtension():
            yield f"Unknown Extension({extension.type}):"
            yield f"  data:{extension.value.hex()}"


def _vendor_lines(extension: VendorPrivate) -> Iterator[str]:
    ports = MappedPorts.parse(extension)
    if ports is not None:
        for entry in ports.entries:
            yield f"  mapped port:{entry.port}, NBMA: {spelled(entry.nbma)}, protocol: {spelled(entry.protocol)}"
    elif (group := group_of(extension)) is not None:
        yield f"  group:{group}"
    else:
        yield f"  data:{extension.data.hex()}"


def _quoted(octets: bytes) -> Iterator[str]:
    for start in range(0, len(octets), _QUOTED_IN_A_LINE):
        yield "        " + " ".join(f"{octet:02X}" for octet in octets[start : start + _QUOTED_IN_A_LINE])
