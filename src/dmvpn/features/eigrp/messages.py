"""Log messages of EIGRP, and the lines of its debugs. Texts are those of IOS: tools match them.

`MESSAGES` lists the log messages; the docstring of each is its explanation for `dmvpn explain`. `is_shown` says which
packets `debug eigrp packets` prints: all of them, or the selected types.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, spelled
from dmvpn.base.notices import log_kind, log_messages
from dmvpn.base.ports import Debugging
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.tlv import Stub

# ------------------------------------------------------------------------------------------------ `debug eigrp packets`


#: The debug of all packets; for one type, its keyword is appended.
PACKETS: Final = "eigrp packets"
_KINDS: Final[dict[int, str]] = {
    Opcode.HELLO: "hello",
    Opcode.UPDATE: "update",
    Opcode.REQUEST: "request",
    Opcode.QUERY: "query",
    Opcode.REPLY: "reply",
    Opcode.ACK: "ack",
    Opcode.SIA_QUERY: "siaquery",
    Opcode.SIA_REPLY: "siareply",
}
#: The keywords: types of packets; `terse`: all except Hellos; `retry`: retransmissions; `stub`: packets with a Stub
#: TLV.
WORDS: Final = (*_KINDS.values(), "retry", "stub", "terse", "verbose")


def is_shown(debugging: Debugging, packet: EigrpPacket, *, again: bool = False) -> bool:
    """Return whether to print this packet. again: it is a retransmission."""
    if not debugging.anything:
        return False
    kind = "ack" if packet.is_acknowledgment else _KINDS.get(packet.opcode, "")
    words = [kind] if kind else []
    words += [] if kind == "hello" else ["terse"]
    words += ["retry"] if again else []
    words += ["stub"] if packet.find(Stub) is not None else []
    return debugging.on(PACKETS) or any(debugging.on(f"{PACKETS} {word}") for word in (*words, "verbose"))


def shows_hellos(debugging: Debugging) -> bool:
    """Return whether any Hello may have to be printed; `is_shown` decides about each."""
    words = ("hello", "stub", "verbose")
    return debugging.anything and (debugging.on(PACKETS) or any(debugging.on(f"{PACKETS} {word}") for word in words))


# ------------------------------------------------------------------------------------------------ texts


#: The debug of received routes.
ROUTES: Final = "ip eigrp"
#: Names of opcodes in debugs.
PACKET_NAMES: Final[dict[int, str]] = {
    Opcode.UPDATE: "UPDATE",
    Opcode.REQUEST: "REQUEST",
    Opcode.QUERY: "QUERY",
    Opcode.REPLY: "REPLY",
    Opcode.HELLO: "HELLO",
    Opcode.ACK: "ACK",
    Opcode.SIA_QUERY: "SIAQUERY",
    Opcode.SIA_REPLY: "SIAREPLY",
}
_FLAG_NAMES: Final = (
    (PacketFlag.INIT, "INIT"),
    (PacketFlag.CONDITIONAL_RECEIVE, "CR"),
    (PacketFlag.RESTART, "RESTART"),
    (PacketFlag.END_OF_TABLE, "EOT"),
)


#: How IOS begins the name of the protocol in older messages, by version of IP.
_NAMES: Final = {4: "IP", 6: "IPv6"}


@log_kind("DUAL-5-NBRCHANGE")
def neighbor_changed(process: str, neighbor: IPAddress, interface: str, what: str) -> str:
    """A neighbor came up, went down (and why), or gets all routes again after a change of configuration (resync)."""
    # process: its family and number, "EIGRP-IPv4 100". what: "up: new adjacency", "down: " and why in IOS's words.
    return f"{process}: Neighbor {spelled(neighbor)} ({interface}) is {what}"


@log_kind("DUAL-3-SIA")
def stuck_in_active(autonomous_system: int, prefix: Prefix) -> str:
    """A neighbor did not reply to a query in time; it is reset so that the route can become passive."""
    where = f"{_NAMES[prefix.version]}-EIGRP(0) {autonomous_system}"
    return f"Route {spelled(prefix)} stuck-in-active state in {where}.  Cleaning up"


@log_kind("DUAL-4-AUTHBLOCKED")
def authentication_impossible(process: str, interface: str, why: str) -> str:
    """The authentication that is configured cannot be done, so the interface has no neighbors until it can."""
    return f"{process}: {interface} is silent: {why}"


@log_kind("DUAL-4-AUTHMISMATCH")
def authentication_mismatch(process: str, neighbor: IPAddress, interface: str, theirs: str, ours: str) -> str:
    """A packet is not sealed as our interface wants it, so its sender is no neighbor: what both sides have (one message
    a minute for each sender).
    """
    # theirs, ours: the authentication of each side.
    known = f"{theirs}, made with another key" if theirs == ours else f"{theirs}, ours is {ours}"
    return f"{process}: Neighbor {spelled(neighbor)} ({interface}) is refused: theirs is {known}"


@log_kind("DUAL-6-NBRINFO")
def not_on_common_subnet(process: str, neighbor: IPAddress, interface: str) -> str:
    """A packet came from an address outside of the interface's subnet: wrong address or mask at one of the two ends."""
    return f"{process}: Neighbor {spelled(neighbor)} ({interface}) is blocked: not on common subnet"


@log_kind("DUAL-4-BADPACKET")
def bad_packet(process: str, neighbor: IPAddress, interface: str, what: str) -> str:
    """A packet broke the standard, or its neighbor sent more than is read of one, and it was dropped (one message a
    minute for each neighbor).
    """
    return f"{process}: bad packet from {spelled(neighbor)} ({interface}): {what}"


@log_kind("DUAL-4-PFXLIMITTHR")
def prefix_threshold(about: str, percent: int) -> str:
    """There are nearly as many prefixes as `maximum-prefix` allows."""
    # about: the process, its redistribution, or a neighbor.
    return f"{about} threshold prefix level({percent}) reached."


@log_kind("DUAL-3-PFXLIMIT")
def prefix_limit_reached(about: str, maximum: int) -> str:
    """There are more prefixes than `maximum-prefix` allows, or than there is room for: the neighbor is given up, or all
    are, or nothing is brought in for now (unless the line says `warning-only`).
    """
    # about: the process, its redistribution, or a neighbor.
    return f"{about} prefix limit reached({maximum})."


@log_kind("DUAL-4-NBRLIMIT")
def too_many_neighbors(process: str, neighbor: IPAddress, interface: str, most: int) -> str:
    """There are as many neighbors as there is room for: one without an answer yet makes room, or no new one is accepted
    (one message a minute for each interface).
    """
    about = f"Neighbor {spelled(neighbor)} ({interface}) is one more"
    return f"{process}: {about} than there is room for: there are {most} already"


MESSAGES: Final = log_messages(vars())


def packet_lines(way: str, packet: EigrpPacket, interface: str, length: int, other: IPAddress) -> tuple[str, ...]:
    """Return the lines of `debug eigrp packets`. way: "sent" or "received"; other: destination or source; length:
    octets.
    """
    name = "ACK" if packet.is_acknowledgment else PACKET_NAMES.get(packet.opcode, f"OPCODE {packet.opcode}")
    verb = "Sending" if way == "sent" else "Received"
    tail = "" if other.is_multicast else f" nbr {spelled(other)}"
    flags = ",".join(name for flag, name in _FLAG_NAMES if flag in packet.flags) or "NULL"
    return (
        f"EIGRP: {verb} {name} on {interface} - paklen {length}{tail}",
        f"  AS {packet.autonomous_system}, Flags 0x{int(packet.flags):X}:({flags}), "
        f"Seq {packet.sequence}/{packet.acknowledgment} interfaceQ 0/0 iidbQ un/rely 0/0",
    )


def route_line(
    autonomous_system: int, prefix: Prefix, distance: int | None, neighbor: IPAddress, *, is_external: bool
) -> str:
    """Return the line of `debug ip eigrp` for a received route. distance: None: unreachable."""
    kind, metric = "Ext" if is_external else "Int", "unreachable" if distance is None else f"metric {distance}"
    family = f"EIGRP-IPv{prefix.version}"
    return f"{family}({autonomous_system}): {kind} {spelled(prefix)} {metric} from {spelled(neighbor)}"


def fsm_line(text: str) -> str:
    """Return the line of `debug eigrp fsm`."""
    return f"DUAL: {text}"


def neighbor_line(text: str) -> str:
    """Return the line of `debug eigrp neighbors`."""
    return f"EIGRP: {text}"
