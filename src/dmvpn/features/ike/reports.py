"""Reports to the user: failures in the log, seldom; messages in the chronicle; numbers in shows; the rest in debugs.

The chronicle records only the header of a message: the rest is sealed, and stays so. Keys and the parts of proofs
never appear in what `debug crypto ikev2` and `debug crypto isakmp` print. Lines that strangers cause are bounded
(`Limiter`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Context
from dmvpn.base.entrances import Denial, Outer
from dmvpn.base.limits import Limiter
from dmvpn.base.protection import IkeVersion, conn_id
from dmvpn.base.reasons import Reason
from dmvpn.features.ike import messages, session
from dmvpn.features.ike.chain import version_of
from dmvpn.features.ike.connections import view_of
from dmvpn.features.ike.counters import Tally
from dmvpn.features.ike.identity import name_of
from dmvpn.features.ike.messages import ERROR, IKEV2, INTERNAL, ISAKMP, PACKET
from dmvpn.features.ike.peer_settings import DatagramPath
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Output, TurnedAway
from dmvpn.features.ike.versions import Versions

_Peer = tuple[IPAddress, str]  # an address, and its front door

#: Seconds between two equal lines about one peer, and how many lines there are in that time about all of them.
_INTERVAL: Final = 60.0
_BURST: Final = 64
#: Seconds after which a line may be said again that is said once.
_ONCE: Final = 86_400.0
#: The first word of debug lines.
_NAMES: Final = {IkeVersion.V1: "ISAKMP", IkeVersion.V2: "IKEv2"}
#: Peers whose last reason is kept: strangers may come from any number of addresses.
LARGEST_REFUSED: Final = 100


class Reports:
    """Lines for the log and for debugs."""

    def __init__(self, context: Context, sessions: Versions) -> None:
        self._context, self._sessions = context, sessions
        self._failures: Limiter[tuple[_Peer, str]] = Limiter(_INTERVAL, _BURST)
        self._without_esp: Limiter[int] = Limiter(_ONCE, _BURST)  # by connection
        self._denied: Limiter[tuple[str, str, int, Outer]] = Limiter(_INTERVAL, _BURST)  # by entry
        self._refused: dict[_Peer, Reason] = {}
        self.tally = Tally()

    @property
    def refused(self) -> Mapping[_Peer, Reason]:
        """Who came to no agreement with us lately, and the last reason of each, which the log has, too."""
        return self._refused

    def failed(self, path: DatagramPath, why: Reason, version: IkeVersion, *, proved: bool = False) -> None:
        """Report a negotiation that came to nothing. proved: the peer had proved its identity before."""
        self.tally.failure(version, why)
        peer, known = path.remote, (path.remote.address, path.front)
        unreadable = why.code is IkeReason.OF_WIRE  # its text varies with each octet that the peer sends
        if not self._failures.permits((known, why.code.name if unreadable else str(why)), self._context.now):
            return
        self._refused[known] = why
        if len(self._refused) > LARGEST_REFUSED:
            del self._refused[next(iter(self._refused))]
        if version == IkeVersion.V2 and not unreadable:
            self._context.emit(messages.negotiation_aborted(peer, why))
        elif why.code is IkeReason.AGGRESSIVE:
            self._context.emit(messages.aggressive_mode_disabled(peer, why))
        elif unreadable or why.code is IkeReason.UNREADABLE_PROOF:
            self._context.emit(messages.bad_message(peer, why))
        else:
            self._context.emit(messages.mode_failed(peer, why, proved=proved))

    def nothing_comes(self, sa: session.Session) -> None:
        """Report a peer that answers, and whose packets do not come."""
        if self._without_esp.permits(sa.connection, self._context.now):
            self._context.emit(messages.nothing_comes(sa.path.remote, in_udp=sa.uses_udp))

    def denied(self, denied: Denial) -> None:
        """Report an entry of an access list that cuts a tunnel."""
        entry = denied.interface, denied.name, denied.sequence, denied.what
        if self._denied.permits(entry, self._context.now):
            self._context.emit(messages.denied_by_list(denied))

    def session(self, sa: session.Session, identity: str, *, up: bool) -> None:
        """Report that packets can be exchanged with a peer under protection, or no more."""
        if sa.version == IkeVersion.V1:
            self._context.emit(messages.isakmp_session_status(sa.path.remote, identity, up=up))
        else:
            self._context.emit(messages.session_status(sa.path.remote, identity, up=up))

    def packet(self, octets: bytes, path: DatagramPath, *, sent: bool) -> None:
        """Report a message that comes or goes."""
        if self._context.ports.remembers:
            self._context.emit(*self._sessions.passed(octets, path, sent=sent))
        flag = ISAKMP if version_of(octets) == IkeVersion.V1 else PACKET
        if self._on(flag, path.remote.address):
            self._context.debug(*self._sessions.lines(octets, path, sent=sent))

    def report(self, output: Output) -> None:
        """Report what happened to an IKE SA."""
        if isinstance(output, session.Transmit):
            return
        self.tally.count(output)
        if not self._context.ports.debugging.anything:
            return
        if isinstance(output, TurnedAway):
            flags = (ERROR, ISAKMP) if output.version == IkeVersion.V1 else (ERROR,)
            if any(self._on(flag, output.path.remote.address) for flag in flags):
                self._context.debug(f"{_NAMES[output.version]}:{output.path.remote}: {output.why}")
        elif isinstance(output, session.SaOutput):
            is_v1 = output.sa.version == IkeVersion.V1
            of_version = (ISAKMP,) if is_v1 else (IKEV2, INTERNAL)
            flags = (ERROR, *of_version) if isinstance(output, session.Trouble) else of_version
            is_on = any(self._on(flag, output.sa.path.remote.address) for flag in flags)
            if is_on and (lines := _lines(output)):
                self._context.debug(*lines)

    def _on(self, flag: str, nbma: IPAddress) -> bool:
        return self._context.ports.debugging.on(flag, nbma)


# --------------------------------------------------------------------------------------------------------------- debugs


def _lines(output: session.SaOutput) -> list[str]:
    """Return the lines about what a session did; none for what only packets show."""
    match output:
        case session.ChildEnded(sa=sa, child=child, reason=reason):
            return [f"{_head(sa)}:IPSec SA {child.spi_in.hex().upper()} deleted: {reason}"]
        case session.Moved(sa=sa, old=old):
            return [f"{_head(sa)}:Peer moved from {old.remote} to {sa.path.remote}"]
        case session.Trouble(sa=sa, what=what):
            return [f"{_head(sa)}:{what}"]
        case _:
            return _isakmp_lines(output) if output.sa.version is IkeVersion.V1 else _ikev2_lines(output)


def _ikev2_lines(output: session.SaOutput) -> list[str]:
    match output:
        case session.Established(sa=sa):
            return [_authenticated(sa)]
        case session.Begun(sa=sa) | session.Replaced(successor=sa):
            return [f"{_head(sa)}:IKE SA rekeyed"]
        case session.Ended(sa=sa, reason=reason):
            return [f"{_head(sa)}:Deleting SA: {reason}"]
        case session.ChildMade(sa=sa, child=child):
            return [f"{_head(sa)}:IPSec SA created: in {child.spi_in.hex().upper()}, out {child.spi_out.hex().upper()}"]
        case _:
            return []


def _isakmp_lines(output: session.SaOutput) -> list[str]:
    """Return them in IOS's words where it has any."""
    match output:
        case session.Established(sa=sa):
            head = _head(sa)
            lines = [
                f"{head}:SA authentication status: authenticated",
                f"{head}:SA has been authenticated with {sa.path.remote.address}",
                _authenticated(sa),
            ]
            if sa.is_initiator:  # the responder has one message to send until then
                lines.append(f"{head}:Old State = IKE_I_MM6  New State = IKE_P1_COMPLETE")
            return lines
        case session.Replaced(sa=sa, successor=successor):
            return [f"{_head(successor)}:IKE SA rekeyed: the IPSec SAs of {conn_id(sa.number)} move to it"]
        case session.Ended(sa=sa, reason=reason):
            state = f"({'I' if sa.is_initiator else 'R'}) {sa.phase.value}"
            return [f'{_head(sa)}:deleting SA reason "{reason}" state {state} (peer {sa.path.remote.address})']
        case session.ChildMade(sa=sa, child=child):
            local, remote, terms = sa.path.local.address, sa.path.remote.address, child.terms
            return [
                f"{_head(sa)}: Creating IPSec SAs",
                f"        inbound SA from {remote} to {local}, has spi 0x{child.spi_in.hex().upper()}",
                f"        outbound SA from {local} to {remote}, has spi 0x{child.spi_out.hex().upper()}",
                f"        lifetime of {int(terms.seconds)} seconds",
                f"        lifetime of {terms.octets >> 10} kilobytes",
            ]
        case _:
            return []


def _authenticated(sa: session.Session) -> str:
    who = name_of(sa.theirs) if sa.theirs else ""
    agreed = view_of(sa, None)
    is_v1 = sa.version == IkeVersion.V1
    hashed = f"hash {agreed.prf}" if is_v1 else f"PRF {agreed.prf}, integrity {agreed.integrity}"
    suite = f"encryption {agreed.encryption}-{agreed.bits}, {hashed}, DH group {agreed.group}"
    return f"{_head(sa)}:Session with IKE ID {who} authenticated, {suite}"


def _head(sa: session.Session) -> str:
    if sa.version is IkeVersion.V1:
        return f"ISAKMP:({conn_id(sa.number)})"
    return f"IKEv2:(SESSION ID = {sa.connection},SA ID = {sa.number})"
