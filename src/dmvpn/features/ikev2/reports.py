"""What people are told: failures in the log, seldom; messages in the chronicle; numbers to shows; all else to debugs.

The chronicle hears of a message what its header says: the rest is sealed, and stays so. Keys and the parts of proofs
never appear in what `debug crypto ikev2` and `debug crypto isakmp` print. Lines that strangers cause are bounded
(`Limiter`).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from dmvpn.base.chronicle import MessagePassed, Way
from dmvpn.base.errors import WireError
from dmvpn.base.events import Event
from dmvpn.base.limits import Limiter
from dmvpn.base.protection import IkeStats
from dmvpn.base.values import dataclass
from dmvpn.features.ikev2 import messages
from dmvpn.features.ikev2.identity import name_of
from dmvpn.features.ikev2.sa import (
    Begun,
    ChildEnded,
    ChildMade,
    Ended,
    Established,
    Moved,
    Replaced,
    SaAct,
    Transmit,
    Trouble,
)
from dmvpn.features.ikev2.udp import TurnedAway
from dmvpn.features.ikev2.views import view_of
from dmvpn.features.ikev2.wire import NO_SPI, Message, parse_header
from dmvpn.features.ikev2.wire.numbers import PayloadType
from dmvpn.features.ikev2.wire.payloads import Notify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.context import Context
    from dmvpn.base.notices import Notice
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ikev2.sa import IkeSa
    from dmvpn.features.ikev2.terms import DatagramPath, Endpoint
    from dmvpn.features.ikev2.udp import Act
    from dmvpn.features.ikev2.wire.payloads import Payload

#: Seconds between two equal lines about one peer, and how many lines there are in that time about all of them.
_INTERVAL: Final = 60.0
_BURST: Final = 64
#: Peers whose last reason is kept: strangers may come from any number of addresses.
LARGEST_REFUSED: Final = 100


class Reports:
    """Lines for the log and for debugs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._failures: Limiter[tuple[IPAddress, str]] = Limiter(_INTERVAL, _BURST)
        self._refused: dict[IPAddress, Reason] = {}

    @property
    def refused(self) -> Mapping[IPAddress, Reason]:
        """Who came to no agreement with us lately, and the last reason of each, which the log has, too."""
        return self._refused

    def failed(self, peer: Endpoint, why: Reason) -> None:
        """Report a negotiation that came to nothing."""
        if not self._failures.permits((peer.address, str(why)), self._context.now):
            return
        self._refused[peer.address] = why
        if len(self._refused) > LARGEST_REFUSED:
            del self._refused[next(iter(self._refused))]
        self._context.emit(messages.NegotiationAborted.of(peer, why))

    def packet(self, octets: bytes, path: DatagramPath, *, sent: bool) -> None:
        """Report a message that comes or goes."""
        if self._context.ports.remembers:
            self._context.emit(*told_of(octets, path, sent=sent))
        if self._on(PACKET, path.remote.address):
            self._context.debug(*packet_lines(octets, path, sent=sent))

    def act(self, act: Act) -> None:
        """Report what happened to an IKE SA."""
        if isinstance(act, Transmit) or not self._context.ports.debugging.anything:
            return
        if isinstance(act, TurnedAway):
            if self._on(ERROR, act.path.remote.address):
                self._context.debug(f"IKEv2:{act.path.remote}: {act.why}")
            return
        flags = (IKEV2, ISAKMP, *((ERROR,) if isinstance(act, Trouble) else (INTERNAL,)))
        if isinstance(act, SaAct) and any(self._on(flag, act.sa.path.remote.address) for flag in flags):
            lines = act_lines(act)
            if lines:
                self._context.debug(*lines)

    def _on(self, flag: str, nbma: IPAddress) -> bool:
        return self._context.ports.debugging.on(flag, nbma)


#: Where a fragment says which one it is, behind the generic header of its payload (RFC 7383 §2.5).
_FRAGMENT_AT = slice(32, 36)
#: The beginning of the payloads.
_PAYLOADS_AT: Final = slice(28, 60)


def told_of(octets: bytes, path: DatagramPath, *, sent: bool) -> list[Notice]:
    """Return the line about a datagram; none about one that cannot be read."""
    try:
        header, first = parse_header(octets)
    except WireError:
        return []
    way = "response" if header.is_response else "request"
    spis = f"{header.spi_i.hex()}/{header.spi_r.hex()}"
    fragment = first == PayloadType.SKF and len(octets) >= _FRAGMENT_AT.stop
    # Outside of any IKE SA all headers are alike: such messages differ by their payloads, which are in clear.
    part = octets[_FRAGMENT_AT if fragment else _PAYLOADS_AT].hex() if fragment or header.spi_i == NO_SPI else ""
    mark = f"{spis}/{header.message_id}/{header.exchange_name}/{way}/{header.from_initiator}/{part}"
    return [
        MessagePassed(
            protocol="IKEv2",
            name=f"{header.exchange_name} {way}",
            way=Way.SENT if sent else Way.RECEIVED,
            interface="",
            peer=path.remote.address,
            subject=f"fragment {int(part[:4], 16)} of {int(part[4:], 16)}" if fragment else "",
            mark=mark,
            about=(path.remote.address,),
        )
    ]


# --------------------------------------------------------------------------------------------------------------- debugs


#: Names of the flags.
IKEV2: Final = "crypto ikev2"
PACKET: Final = "crypto ikev2 packet"
ERROR: Final = "crypto ikev2 error"
INTERNAL: Final = "crypto ikev2 internal"
ISAKMP: Final = "crypto isakmp"


def packet_lines(octets: bytes, path: DatagramPath, *, sent: bool) -> list[str]:
    """Return the lines about a message, as far as it is not sealed."""
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


def act_lines(act: Act) -> list[str]:
    """Return the lines about what an IKE SA did; none for what only packets show."""
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


# ----------------------------------------------------------------------------------------------------------- statistics


@dataclass(frozen=True, slots=True)
class ClearIkeStats(Event):
    """`clear crypto ikev2 stats`: the numbers of `show crypto ikev2 stats` begin at zero."""


class IkeCounts:
    """What IKE counts, by the names of `IkeStats`."""

    def __init__(self) -> None:
        self._counted: Counter[str] = Counter()

    @property
    def view(self) -> IkeStats:
        """The numbers, for shows."""
        return IkeStats(**self._counted)

    def begun(self) -> None:
        """Count an IKE SA that we ask for."""
        self._counted["outgoing"] += 1

    def drop(self) -> None:
        """Count a datagram that nobody takes."""
        self._counted["dropped"] += 1

    def came(self, *, by_cookie: bool) -> None:
        """Count a stranger.

        by_cookie: it had to return one.
        """
        self._counted["incoming"] += 1
        self._counted["cookies_accepted"] += by_cookie

    def rejected(self) -> None:
        """Count a stranger with which there is nothing in common."""
        self._counted["incoming_rejected"] += 1

    def challenge(self, *, had_cookie: bool) -> None:
        """Count a stranger that must return a cookie.

        had_cookie: a wrong one.
        """
        self._counted["challenged"] += 1
        self._counted["cookies_rejected"] += had_cookie

    def limited(self) -> None:
        """Count a stranger that was refused because there are too many."""
        self._counted["incoming_rejected"] += 1
        self._counted["refused_by_limit"] += 1

    def established(self, sa: IkeSa) -> None:
        """Count an SA of which both sides have proved who they are."""
        if sa.is_initiator:
            self._counted["outgoing_accepted"] += 1
        else:
            self._counted["incoming_accepted"] += 1

    def ended(self, sa: IkeSa) -> None:
        """Count an IKE SA that is gone; if the peer had not proved itself, the request for it came to nothing."""
        if sa.is_initiator and not sa.evidence.by:
            self._counted["outgoing_rejected"] += 1
        elif not sa.evidence.by:
            self._counted["incoming_rejected"] += 1
