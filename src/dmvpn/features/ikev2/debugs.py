"""What `debug crypto ikev2` and `debug crypto isakmp` print. Keys and what proofs are made of never stand in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.features.ikev2.identity import name_of
from dmvpn.features.ikev2.sa import Begun, ChildEnded, ChildMade, Ended, Established, Moved, Replaced, Trouble
from dmvpn.features.ikev2.views import view_of
from dmvpn.features.ikev2.wire.message import Message
from dmvpn.features.ikev2.wire.payloads import Notify

if TYPE_CHECKING:
    from dmvpn.features.ikev2.sa import Act, IkeSa
    from dmvpn.features.ikev2.terms import Path
    from dmvpn.features.ikev2.wire.payloads import Payload

#: Names of the flags.
IKEV2: Final = "crypto ikev2"
PACKET: Final = "crypto ikev2 packet"
ERROR: Final = "crypto ikev2 error"
INTERNAL: Final = "crypto ikev2 internal"
ISAKMP: Final = "crypto isakmp"


def packet(octets: bytes, path: Path, *, sent: bool) -> list[str]:
    """A message, as far as it is not sealed."""
    peer = f"To {path.remote}/From {path.local}" if sent else f"From {path.remote}/To {path.local}"
    lines = [f"IKEv2:{'Sending' if sent else 'Received'} Packet [{peer}/VRF i0:f0]"]
    try:
        message = Message.parse(octets)
    except WireError as error:
        return [*lines, f"IKEv2:it cannot be read: {error}"]
    header = message.header
    lines.append(
        f"Initiator SPI : {header.spi_i.hex().upper()} - Responder SPI : {header.spi_r.hex().upper()} "
        f"Message id: {header.message_id}"
    )
    lines.append(f"IKEv2 {header.exchange_name} Exchange {'RESPONSE' if header.is_response else 'REQUEST'}")
    return [*lines, "Payload contents:", " " + " ".join(_word(payload) for payload in message.payloads)]


def _word(payload: Payload) -> str:
    if isinstance(payload, Notify):
        return f"NOTIFY({payload.name})"
    return type(payload).__name__


def happened(act: Act) -> list[str]:
    """What an IKE SA did; nothing for what only packets show."""
    match act:
        case Established(sa=sa):
            who = name_of(sa.theirs) if sa.theirs else ""
            return [f"{_head(sa)}:Session with IKE ID {who} authenticated, {_suite(sa)}"]
        case Begun(sa=sa) | Replaced(successor=sa):
            return [f"{_head(sa)}:IKE SA rekeyed"]
        case Ended(sa=sa, reason=reason):
            return [f"{_head(sa)}:Deleting SA: {reason}"]
        case ChildMade(sa=sa, child=child):
            return [f"{_head(sa)}:IPSec SA created: in {child.spi_in.hex().upper()}, out {child.spi_out.hex().upper()}"]
        case ChildEnded(sa=sa, child=child, reason=reason):
            return [f"{_head(sa)}:IPSec SA {child.spi_in.hex().upper()} deleted: {reason}"]
        case Moved(sa=sa, old=old):
            return [f"{_head(sa)}:Peer moved from {old.remote} to {sa.path.remote}"]
        case Trouble(sa=sa, what=what):
            return [f"{_head(sa)}:{what}"]
        case _:
            return []


def _head(sa: IkeSa) -> str:
    return f"IKEv2:(SESSION ID = {sa.connection},SA ID = {sa.number})"


def _suite(sa: IkeSa) -> str:
    agreed = view_of(sa, None)
    hashed = f"PRF {agreed.prf}, integrity {agreed.integrity}"
    return f"encryption {agreed.encryption}-{agreed.bits}, {hashed}, DH group {agreed.group}"
