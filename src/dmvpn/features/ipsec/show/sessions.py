"""`show crypto session`: which peers are protected, which are not, and why; `clear crypto ...`, which deletes SAs.

`udp_ports` are the UDP ports of IKE and of ESP in UDP, for `show udp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.base.protection import Connection, IkeVersion, conn_id
from dmvpn.base.sessions import CryptoSession, SessionStatus, flow_lines, ike_line, ike_lines, sessions, tunnels_of
from dmvpn.base.streams import UdpPort
from dmvpn.base.values import Value
from dmvpn.features.ipsec.machine import ClearCrypto, ClearSaCounters, IpsecMachine
from dmvpn.ios import Args, ExecCommand, ShowContext, age, short_interface

#: RFC 7296 §2 and RFC 3948 §2.
_PORTS: Final = (500, 4500)


def udp_ports(ctx: ShowContext) -> list[UdpPort]:
    """Return both ports at each address of ours that protects a tunnel."""
    return [UdpPort(port, outer.address) for outer in ctx.machine(IpsecMachine).served for port in _PORTS]


_TITLE = "Crypto session current status"
_CODES = (
    "Code: C - IKE Configuration mode, D - Dead Peer Detection     ",
    "K - Keepalives, N - NAT-traversal, T - cTCP encapsulation     ",
    "X - IKE Extended Authentication, F - IKE Fragmentation",
    "R - IKE Auto Reconnect, U - IKE Dynamic Route Update",
    "S - SIP VPN",
)
_BRIEF_CODES = (
    "Status: A- Active, U - Up, D - Down, I - Idle, S - Standby, N - Negotiating ",
    "        K - No IKE",
    "ivrf = (none)",
)
_LETTERS = {
    SessionStatus.UP_ACTIVE: "UA",
    SessionStatus.UP_IDLE: "UI",
    SessionStatus.UP_NO_IKE: "UK",
    SessionStatus.DOWN_NEGOTIATING: "DN",
    SessionStatus.DOWN: "D",
}


class ShowSessions(Value):
    """The answer to `show crypto session`."""

    sessions: tuple[CryptoSession, ...]


def query(ctx: ShowContext, args: Args) -> ShowSessions:
    """Return all sessions, those of a peer, of a tunnel, or in a VRF."""
    remote, tunnel = args.any_address("remote", None), args.interface("interface", None)
    local = args.any_address("local", None)
    front, inside = args.text("fvrf", ""), args.text("ivrf", "")
    return ShowSessions(
        tuple(
            session
            for session in sessions(ctx.ports, ctx.now, ctx.counting)
            if remote in (None, session.peer)
            and tunnel in (None, session.tunnel)
            and front in ("", session.front)
            and inside in ("", session.vrf)
            and local in (None, *(ike.local for ike in session.ikes))
        )
    )


# -------------------------------------------------------------------------------------------------------- renderers


def render(answer: ShowSessions) -> Iterator[str]:
    """Yield a paragraph for each session."""
    yield from (_TITLE, "")
    for session in answer.sessions:
        yield from _head(session)
        yield f"Session status: {session.status.value:<14}"
        yield f"Peer: {session.peer} port {session.port} "
        for ike in session.ikes:
            yield f"  Session ID: {session.number}  "
            yield ike_line(ike)
        yield f"  IPSEC FLOW: {session.flow.text} "
        yield f"        Active SAs: {session.flow.sas}, origin: crypto map"
        yield ""


def render_detail(answer: ShowSessions) -> Iterator[str]:
    """Yield the lines with counters and lifetimes; why a session is down; which list cuts it; why its name is not
    proved.

    IOS has no lines for these three. They begin as the title does, so that parsers pass over them.
    """
    yield from (_TITLE, "", *_CODES, "")
    for session in answer.sessions:
        yield from _head(session)
        if session.uptime is not None:
            yield f"Uptime: {age(session.uptime)}"
        yield f"Session status: {session.status.value:<14}"
        if session.reason:
            yield f"Crypto tunnel is down: {session.reason}"
        if session.denied and session.denied not in session.reason:
            yield f"Crypto tunnel is cut: {session.denied}"
        vrfs = f"fvrf: {session.front or '(none)'} ivrf: {session.vrf or '(none)'}"
        yield f"Peer: {session.peer} port {session.port} {vrfs}"
        yield f"      Phase1_id: {session.identity or '(none)'}"
        if session.unproved:
            yield f"Crypto name not proved: {session.unproved}"
        yield "      Desc: (none)"
        for ike in session.ikes:
            yield f"  Session ID: {session.number}  "
            yield from ike_lines(ike)
        yield from flow_lines(session.flow)
        yield ""


def render_brief(answer: ShowSessions) -> Iterator[str]:
    """Yield a line for each session."""
    yield from _BRIEF_CODES
    yield "Peer            I/F          Username        Group/Phase1_id          Uptime   Status"
    for session in answer.sessions:
        head = f"{session.peer!s:<15} {short_interface(session.tunnel) if session.tunnel else '':<12} {'':<15}"
        uptime = "" if session.uptime is None else age(session.uptime)
        yield f"{head} {session.identity:<24} {uptime:<8} {_LETTERS[session.status]}"


def _head(session: CryptoSession) -> Iterator[str]:
    yield f"Interface: {session.tunnel or '(none)'}"
    if session.profile:
        yield f"Profile: {session.profile}"


_HELP: Final = {
    "session": "Protected peers",
    "interface": "Of one tunnel",
    "remote": "One peer, by its address",
    "local": "By our address",
    "fvrf": "By the VRF of the packets outside",
    "ivrf": "By the VRF of the packets inside",
    "detail": "With counters and lifetimes, and why a session is down",
    "brief": "One line each",
}
_WHICH: Final = (
    "[ remote ( {remote:address} | {remote:address6} ) | interface {interface:interface} "
    "| local ( {local:address} | {local:address6} ) | fvrf {fvrf:word} [ ivrf {ivrf:word} ] | ivrf {ivrf:word} ]"
)
COMMANDS: Final = (
    ExecCommand(f"show crypto session {_WHICH}", _HELP, query=query, render=render),
    ExecCommand(f"show crypto session {_WHICH} detail", _HELP, query=query, render=render_detail),
    ExecCommand(f"show crypto session {_WHICH} brief", _HELP, query=query, render=render_brief),
)


def clear(ctx: ShowContext, args: Args) -> ClearCrypto:
    """Clear IKE SAs and what they protect. Raises UserError if there is no such VRF."""
    return _of_vrfs(ctx, args, front=args.text("fvrf", ""), inside=args.text("ivrf", ""))


def _of_vrfs(ctx: ShowContext, args: Args, *, front: str, inside: str) -> ClearCrypto:
    """Return the order to clear the SAs of these VRFs; "": in any. Raises UserError: there is no such VRF."""
    for vrf in (front, inside):
        if ctx.ports.rib_of(vrf) is None:
            raise UserError(f"VRF {vrf} does not exist")
    connections = ctx.ports.protection.connections() if inside else ()
    others = (one.number for one in connections if inside not in _insides(ctx, one))
    return ClearCrypto(args.any_address("remote", None), spared=tuple(others), front=front)


def _insides(ctx: ShowContext, connection: Connection) -> list[str]:
    """Return the VRFs of the packets that a connection can carry."""
    tunnels = (ctx.ports.tunnels.get(name) for name in tunnels_of(ctx.ports, connection))
    return [tunnel.vrf for tunnel in tunnels if tunnel is not None]


def clear_ikev2(ctx: ShowContext, args: Args) -> ClearCrypto:
    """Clear IKE SAs of IKEv2, and what they protect."""
    return ClearCrypto(args.any_address("remote", None), spared=_with_only(ctx, IkeVersion.V1))


def clear_isakmp(ctx: ShowContext, args: Args) -> ClearCrypto:
    """Clear ISAKMP SAs, and what they protect: all, or one. Raises UserError if there is no such SA."""
    wanted = args.integer("number", 0)
    if not wanted:
        return ClearCrypto(spared=_with_only(ctx, IkeVersion.V2))
    views = {conn_id(view.number): view for view in ctx.ports.ike.sas() if view.version == IkeVersion.V1}
    found = views.get(wanted)
    if found is None or found.connection is None:
        raise UserError(f"there is no ISAKMP SA with the number {wanted}")
    others = (one.number for one in ctx.ports.protection.connections() if one.number != found.connection.number)
    return ClearCrypto(found.remote, spared=tuple(others), front=found.front)


def _with_only(ctx: ShowContext, version: IkeVersion) -> tuple[int, ...]:
    """Return the connections that have IKE SAs of this version and of no other one."""
    found: dict[int, set[IkeVersion]] = {}
    for view in ctx.ports.ike.sas():
        if view.connection is not None:
            found.setdefault(view.connection.number, set()).add(view.version)
    return tuple(number for number, versions in found.items() if versions == {version})


def clear_sas(ctx: ShowContext, args: Args) -> ClearCrypto:
    """Clear the SAs of ESP alone. Raises UserError if there is no such VRF."""
    return replace(_of_vrfs(ctx, args, front=args.text("fvrf", ""), inside=args.text("vrf", "")), sas_only=True)


def clear_sa_counters(_: ShowContext, args: Args) -> ClearSaCounters:
    """Let shows count from here on; the SAs stay."""
    return ClearSaCounters(args.any_address("remote", None))


_ADDRESS: Final = "( {remote:address} | {remote:address6} )"
_CLEAR_HELP: Final = {
    "crypto": "Security associations",
    "session": "All of a peer",
    "sa": "Security associations",
    "counters": "Reset counters; the security associations stay",
    "ikev2": "IKE version 2",
    "isakmp": "IKE version 1",
    "number": "One ISAKMP SA, by its conn-id",
    "remote": "With one peer, by its address",
    "peer": "With one peer, by its address",
    "fvrf": "By the VRF of the packets outside",
    "ivrf": "By the VRF of the packets inside",
    "vrf": "By the VRF of the packets inside, or that of a peer's address",
}
CLEARS: Final = (
    ExecCommand(
        f"clear crypto session [ remote {_ADDRESS} | fvrf {{fvrf:word}} [ ivrf {{ivrf:word}} ] | ivrf {{ivrf:word}} ]",
        _CLEAR_HELP,
        action=clear,
        privilege=15,
    ),
    ExecCommand(f"clear crypto ikev2 sa [ remote {_ADDRESS} ]", _CLEAR_HELP, action=clear_ikev2, privilege=15),
    ExecCommand("clear crypto isakmp [ {number:1-4294967295} ]", _CLEAR_HELP, action=clear_isakmp, privilege=15),
    ExecCommand(f"clear crypto sa [ peer {_ADDRESS} ] counters", _CLEAR_HELP, action=clear_sa_counters, privilege=15),
    ExecCommand(
        f"clear crypto sa [ peer [ vrf {{fvrf:word}} ] {_ADDRESS} | vrf {{vrf:word}} ]",
        _CLEAR_HELP,
        action=clear_sas,
        privilege=15,
    ),
)
