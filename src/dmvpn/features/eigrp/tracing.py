"""Which packets `debug eigrp packets` prints: all of them, or those of the kinds that are switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.eigrp.packet import EigrpPacket, Opcode
from dmvpn.features.eigrp.tlv import Stub

if TYPE_CHECKING:
    from dmvpn.base.ports import Debugging

#: The debug of all packets; those of one kind have the kind behind it.
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
#: What may stand behind it: kinds of packets; `terse` is all but Hellos, `retry` what is sent again, `stub` what says
#: that its sender is a stub.
WORDS: Final = (*_KINDS.values(), "retry", "stub", "terse", "verbose")


def is_shown(debugging: Debugging, packet: EigrpPacket, *, again: bool = False) -> bool:
    """Return whether this packet is to be printed. again: it was sent before."""
    if not debugging.anything:
        return False
    kind = "ack" if packet.is_acknowledgment else _KINDS.get(packet.opcode, "")
    words = [kind] if kind else []
    words += [] if kind == "hello" else ["terse"]
    words += ["retry"] if again else []
    words += ["stub"] if packet.find(Stub) is not None else []
    return debugging.on(PACKETS) or any(debugging.on(f"{PACKETS} {word}") for word in (*words, "verbose"))


def shows_hellos(debugging: Debugging) -> bool:
    """Return whether a Hello may have to be printed; which, `is_shown` says."""
    words = ("hello", "stub", "verbose")
    return debugging.anything and (debugging.on(PACKETS) or any(debugging.on(f"{PACKETS} {word}") for word in words))
