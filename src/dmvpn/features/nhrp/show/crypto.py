"""The end of `show dmvpn detail`: how the tunnels with NHRP are protected, peer by peer.

A session has SAs that packets may take; one without is pending, and says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.session_lines import flow_lines, ike_lines
from dmvpn.base.sessions import CryptoSession, SessionStatus, sessions
from dmvpn.features.nhrp.machine import NhrpMachine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.ios import Args, ShowContext

#: Packets may go in these.
_OPEN = (SessionStatus.UP_ACTIVE, SessionStatus.UP_NO_IKE)


def crypto_sessions(ctx: ShowContext, args: Args) -> tuple[CryptoSession, ...]:
    """The sessions of the tunnels and the peer that are asked for; those that packets may take first."""
    wanted, nbma = args.interface("interface", None), args.address("nbma", None)
    protected = [tunnel.name for tunnel in ctx.machine(NhrpMachine).tunnels if tunnel.protected]
    names = [name for name in protected if wanted in (None, name)]
    if not names:
        return ()
    found = [it for it in sessions(ctx.ports, ctx.now, ctx.counting) if it.tunnel in names and nbma in (None, it.peer)]
    return tuple(sorted(found, key=lambda session: session.status not in _OPEN))


def render_crypto(found: tuple[CryptoSession, ...]) -> Iterator[str]:
    """A paragraph for each session."""
    yield "Crypto Session Details: "
    yield "-" * 80
    yield ""
    for session in found:
        if session.status in _OPEN:
            yield from _paragraph(session)
    yield "Pending DMVPN Sessions:"
    yield ""
    for session in found:
        if session.status not in _OPEN:
            yield from _paragraph(session)


def _paragraph(session: CryptoSession) -> Iterator[str]:
    """IOS has no line for the reason. It begins with blanks, so that parsers pass over it."""
    yield f"Interface: {session.tunnel}"
    yield f"Session: [0x{session.number:08X}]"
    for ike in session.ikes:
        yield f"  Session ID: {session.number}  "
        yield from ike_lines(ike)
    yield f"  Crypto Session Status: {session.status.value:<14}"
    if session.reason:
        yield f"     {session.reason}"
    yield f"  fvrf: (none),\tPhase1_id: {session.identity or '(none)'}"
    yield from flow_lines(session.flow)
    if session.flow.spi:
        yield f"   Outbound SPI : 0x{session.flow.spi:X}, transform : {session.flow.transform} "
    yield f"    Socket State: {'Open' if session.status in _OPEN else 'Closed'}"
    yield ""
