"""Which packets `debug eigrp packets` prints: all of them, or the selected types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.eigrp.packet import EigrpPacket, Opcode
from dmvpn.features.eigrp.tlv import Stub

if TYPE_CHECKING:
    from dmvpn.base.ports import Debugging

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
