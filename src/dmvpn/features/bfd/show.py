"""`show bfd neighbors [interface] [details]` and `show bfd summary`.

The columns are those of IOS-XE 17 (Genie's parser reads them); the reason below a session that is not up is our own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import spelled
from dmvpn.base.notices import Client
from dmvpn.base.reasons import Reason
from dmvpn.base.streams import UdpPort
from dmvpn.base.values import Value, collected, project
from dmvpn.features.bfd.machine import PORT, BfdMachine, ClearBfdCounters
from dmvpn.features.bfd.packet import BfdState, ControlPacket, Drop, PacketFields
from dmvpn.features.bfd.reasons import BfdReason
from dmvpn.features.bfd.session import Intervals, Session
from dmvpn.ios import Args, ExecCommand, ShowContext, age, short_interface

_HELP: Final = {"bfd": "Bidirectional Forwarding Detection", "neighbors": "Neighbors that are watched"}


class DirectionCounts(Value):
    """Packets of one direction: how many, and milliseconds between them: shortest, longest, average, since the last."""

    packets: int
    shortest: int
    longest: int
    average: int
    last: int


class LastPacket(PacketFields, Value, kw_only=True):
    """The content of the far end's last packet."""

    state: str


class SessionEntry(Value, kw_only=True):
    """One session. Intervals are microseconds, uptime is seconds. reason: why it is not up."""

    address: str
    local: str
    discriminator: int
    remote_discriminator: int
    remote_state: str
    state: str
    interface: str
    handle: int
    diagnostic: int
    polls: bool
    desired_tx: int
    required_rx: int
    multiplier: int
    expiries: int
    sent: DirectionCounts
    received: DirectionCounts
    refused: int
    clients: tuple[str, ...]
    uptime: float | None
    last: LastPacket | None
    reason: str


#: Headings, by the version of IP.
_VERSIONS: Final = {4: "IPv4 Sessions", 6: "IPv6 Sessions"}


class ShowBfdNeighbors(Value):
    """The answer to `show bfd neighbors`."""

    details: bool
    sessions: tuple[SessionEntry, ...]


class ShowBfdSummary(Value):
    """The answer to `show bfd summary`. clients: of each protocol, how many sessions it wants, and how many are up."""

    total: int
    up: int
    refused: int
    clients: tuple[tuple[str, int, int], ...] = ()


def query_neighbors(ctx: ShowContext, args: Args) -> ShowBfdNeighbors:
    """Return all sessions, or those on one interface, by address."""
    machine, only = ctx.machine(BfdMachine), args.interface("interface", None)
    address = args.any_address("address", None)
    versions = [version for version in _VERSIONS if f"ipv{version}" in args] or [*_VERSIONS]
    client = next((client for client in Client if client.value.lower() in args), None)
    sessions = [
        one
        for one in machine.sessions.values()
        if only in (None, one.interface)
        and address in (None, one.address)
        and one.address.version in versions
        and (client is None or any(wanting is client for wanting, _ in one.clients))
    ]
    sessions.sort(key=lambda session: (session.address.version, int(session.address), session.interface))
    return ShowBfdNeighbors("details" in args, tuple(_entry(session, ctx) for session in sessions))


def _entry(session: Session, ctx: ShowContext) -> SessionEntry:
    heard = session.heard
    line = ctx.ports.interfaces.get(session.interface)
    return project(
        SessionEntry,
        session,
        address=spelled(session.address),
        local=spelled(session.local),
        remote_state=(heard.state if heard is not None and session.remote_discriminator else BfdState.DOWN).word,
        state=session.state.word,
        sent=_counts(session.sent, ctx.now),
        received=_counts(session.received, ctx.now),
        clients=tuple(dict.fromkeys(client.value for client, _ in session.clients)),
        uptime=ctx.now - session.since if session.is_up else None,
        last=_last(heard) if heard is not None else None,
        reason=str(reason_of(session, line=line is not None and line.line) or ""),
    )


def reason_of(session: Session, line: bool) -> Reason | None:
    """Return why a session is not up. line: of its interface."""
    if session.is_up:
        return None
    since, heard = session.since, session.heard
    if not line:
        return Reason(BfdReason.NO_LINE, since=since)
    if session.parameters is None:
        return Reason(BfdReason.NO_INTERVAL, since=since)
    if session.refusal is not None:
        return session.refusal
    if heard is None:
        return Reason(BfdReason.NOT_HEARD, (session.interface,), since)
    if heard.state is BfdState.ADMIN_DOWN:
        return Reason(BfdReason.NOT_WANTED_THERE, since=since)
    if not session.remote_discriminator:
        return Reason(BfdReason.SILENT, (session.silent_for,), since)
    return Reason(BfdReason.FAR_END_DOWN, (heard.state.word, heard.diagnostic), since)


def _counts(intervals: Intervals, now: float) -> DirectionCounts:
    last = now - intervals.last if intervals.count else 0.0
    spans = (intervals.shortest, intervals.longest, intervals.average, last)
    return DirectionCounts(intervals.count, *(round(1000 * seconds) for seconds in spans))


def _last(heard: ControlPacket) -> LastPacket:
    return project(
        LastPacket,
        heard,
        state=heard.state.word,
    )


def render_neighbors(answer: ShowBfdNeighbors) -> Iterator[str]:
    """Yield a table for each version of IP; with `details` each session has its heading, and a block below."""
    for version, heading in _VERSIONS.items():
        entries = [one for one in answer.sessions if (":" in one.address) is (version == 6)]
        if entries:
            yield from ("", heading, *_table(entries, details=answer.details))


def _table(entries: list[SessionEntry], *, details: bool) -> Iterator[str]:
    for number, entry in enumerate(entries):
        if details and number:
            yield ""
        if details or not number:
            yield f"{'NeighAddr':<39}{'LD/RD':<22} {'RH/RS':<9} {'State':<9} Int"
        both = f"{entry.discriminator}/{entry.remote_discriminator}"
        name = short_interface(entry.interface)
        yield f"{entry.address:<39}{both:<22} {entry.remote_state:<9} {entry.state:<9} {name}"
        if details:
            yield from _details(entry)


def _details(entry: SessionEntry) -> Iterator[str]:
    yield f"Session state is {entry.state.upper()} and not using echo function."
    yield "Session Host: Software"
    if entry.reason:  # begins like a line that public parsers skip
        yield f"Session Hosts do not hear each other: {entry.reason}"
    yield f"OurAddr: {entry.local}"
    yield f"Handle: {entry.handle}"
    yield f"Local Diag: {entry.diagnostic}, Demand mode: 0, Poll bit: {entry.polls:d}"
    yield f"MinTxInt: {entry.desired_tx}, MinRxInt: {entry.required_rx}, Multiplier: {entry.multiplier}"
    last = entry.last
    yield (
        f"Received MinRxInt: {last.required_rx if last else 0}, Received Multiplier: {last.multiplier if last else 0}"
    )
    yield f"Holddown (hits): 0({entry.expiries}), Hello (hits): {entry.desired_tx // 1000}({entry.sent.packets})"
    for word, counts in (("Rx", entry.received), ("Tx", entry.sent)):
        spans = f"{counts.shortest}/{counts.longest}/{counts.average}"
        yield f"{word} Count: {counts.packets}, {word} Interval (ms) min/max/avg: {spans} last: {counts.last} ms ago"
    yield "Elapsed time watermarks: 0 0 (last: 0)"
    yield f"Registered protocols: {' '.join(entry.clients)}"
    if entry.uptime is not None:
        yield f"Uptime: {age(entry.uptime)}"
    if last is not None:
        yield f"Last packet: Version: 1                  - Diagnostic: {last.diagnostic}"
        for left, right in (
            (f"State bit: {last.state}", f"Demand bit: {last.demand:d}"),
            (f"Poll bit: {last.poll:d}", f"Final bit: {last.final:d}"),
            (f"C bit: {last.control_plane_independent:d}", ""),
            (f"Multiplier: {last.multiplier}", "Length: 24"),
            (f"My Discr.: {last.mine}", f"Your Discr.: {last.yours}"),
            (f"Min tx interval: {last.desired_tx}", f"Min rx interval: {last.required_rx}"),
            (f"Min Echo interval: {last.required_echo_rx}", ""),
        ):
            yield f"             {left:<27} - {right}" if right else f"             {left}"


def query_summary(ctx: ShowContext, args: Args) -> ShowBfdSummary:
    """Return how many there are."""
    machine = ctx.machine(BfdMachine)
    up = sum(session.is_up for session in machine.sessions.values())
    return ShowBfdSummary(
        len(machine.sessions), up, machine.drops.total(), _by_client(machine) if "client" in args else ()
    )


def _by_client(machine: BfdMachine) -> tuple[tuple[str, int, int], ...]:
    found = []
    for client in Client:
        wanted = [one for one in machine.sessions.values() if any(who is client for who, _ in one.clients)]
        if wanted:
            found.append((client.value, len(wanted), sum(one.is_up for one in wanted)))
    return tuple(found)


def clear_counters(ctx: ShowContext, args: Args) -> ClearBfdCounters:
    """Clear the counters of all sessions."""
    return ClearBfdCounters()


def render_summary(answer: ShowBfdSummary) -> Iterator[str]:
    """Yield one line; packets that were not taken are our own addition."""
    yield f"{'':<20}{'Session':<15}{'Up':<13}Down"
    yield ""
    for name, total, up in answer.clients:
        yield f"{name:<20}{total:<15}{up:<13}{total - up:<10}".rstrip()
    yield f"{'Total':<20}{answer.total:<15}{answer.up:<13}{answer.total - answer.up:<10}".rstrip()
    if answer.refused:
        yield ""
        yield f"Packets that were not taken: {answer.refused}"


#: Columns that IOS has, and how wide each is; packets of both versions are counted in the first.
_FAMILIES: Final = ("IPV4", "IPV6", "IPV4-M", "IPV6-M", "MPLS_PW", "MPLS_TP_LSP")


class ShowBfdDrops(Value):
    """How many packets were not taken, by why."""

    drops: tuple[tuple[str, int], ...]


def query_drops(ctx: ShowContext, args: Args) -> ShowBfdDrops:
    """Count packets that were not taken."""
    machine = ctx.machine(BfdMachine)
    return ShowBfdDrops(tuple((drop.value, machine.drops[drop]) for drop in Drop))


def render_drops(answer: ShowBfdDrops) -> Iterator[str]:
    """Yield a row for each reason."""
    yield "BFD Drop Statistics"
    yield f"{'':<24}" + "".join(f"{family:<9}" for family in _FAMILIES).rstrip()
    for row, count in answer.drops:
        yield f"{row:<24}" + "".join(f"{number:<9}" for number in (count, *[0] * (len(_FAMILIES) - 1))).rstrip()


NEIGHBORS: Final = ExecCommand(
    "show bfd neighbors [ {interface:interface} | interface {interface:interface} | ipv4 [ {address:address} ] "
    "| ipv6 [ {address:address6} ] | client ( bgp | eigrp | ospf | rip ) ] [ details ]",
    {
        **_HELP,
        "interface": "On this interface",
        "ipv4": "Neighbors of IPv4",
        "ipv6": "Neighbors of IPv6",
        "address": "This neighbor",
        "client": "Sessions of a protocol",
        **{client.value.lower(): client.value for client in Client},
        "details": "Timers, counters, the last packet",
    },
    query=query_neighbors,
    render=render_neighbors,
)
SUMMARY: Final = ExecCommand(
    "show bfd summary [ client | session ]",
    {
        "bfd": _HELP["bfd"],
        "summary": "How many sessions there are",
        "client": "And of which protocols",
        "session": "The same without protocols",
    },
    query=query_summary,
    render=render_summary,
)
DROPS: Final = ExecCommand(
    "show bfd drops",
    {"bfd": _HELP["bfd"], "drops": "Packets that were not taken, by why"},
    query=query_drops,
    render=render_drops,
)
CLEAR: Final = ExecCommand(
    "clear bfd counters",
    {"bfd": _HELP["bfd"], "counters": "Counters of all sessions"},
    action=clear_counters,
    privilege=15,
)
COMMANDS: Final = collected(ExecCommand, vars())


def udp_ports(ctx: ShowContext) -> list[UdpPort]:
    """Return the port on each interface that has sessions, for `show udp`."""
    interfaces = dict.fromkeys(session.interface for session in ctx.machine(BfdMachine).sessions.values())
    return [UdpPort(PORT, interface=name) for name in interfaces]
