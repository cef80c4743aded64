"""`show ip dhcp ...`, `show dhcp lease`; `clear ip dhcp ...`, `renew dhcp`, `release dhcp`."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, UNSPECIFIED_OF, IPAddress, dotted, spelled
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event
from dmvpn.base.moments import clock
from dmvpn.base.streams import UdpPort
from dmvpn.base.values import Value, project
from dmvpn.features.dhcp.client import Client, ClientState, Lease
from dmvpn.features.dhcp.config import DATABASE, WRITE_DELAY
from dmvpn.features.dhcp.leases import BindingState, Leases
from dmvpn.features.dhcp.machine import ChangeLease, ClearDhcp, DhcpMachine
from dmvpn.features.dhcp.model import Drop, Pool, Pool6, PortSettings
from dmvpn.features.dhcp.packet import identifier_text
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.net.ipv6 import INFINITE


class BindingLine(Value):
    """One leased address. expires: local time, None: never; left: seconds until then.

    source, times: over IPv6 where the client sends from, None: not since the router restarted; as of `Pool6`.
    """

    address: IPAddress
    client: str
    expires: datetime | None
    left: int | None
    kind: str
    state: str
    interface: str
    vrf: str
    pool: str
    source: IPAddress | None
    times: tuple[int, ...]


class ShowBindings(Value):
    """The answer to `show ip dhcp binding [A.B.C.D]` and `show ipv6 dhcp binding`."""

    bindings: tuple[BindingLine, ...]


class PoolLine(Value):
    """One pool. current: the address that is tried next, None without a network."""

    name: str
    vrf: str
    total: int
    leased: int
    excluded: int
    first: IPv4Address | None
    last: IPv4Address | None
    current: IPv4Address | None


class ShowPools(Value):
    """The answer to `show ip dhcp pool [NAME]`."""

    pools: tuple[PoolLine, ...]


class ConflictLine(Value):
    """An address that another station has."""

    address: IPAddress
    method: str
    at: datetime
    vrf: str


class ShowConflicts(Value):
    """The answer to `show ip dhcp conflict`."""

    conflicts: tuple[ConflictLine, ...]


class ShowServerStatistics(Value):
    """The answer to `show ip dhcp server statistics`.

    received, sent, forwarded: messages by type. dropped: messages by reason, without malformed ones.
    """

    pools: int
    database: bool
    automatic: int
    manual: int
    expired: int
    malformed: int
    received: dict[str, int]
    sent: dict[str, int]
    forwarded: dict[str, int]
    dropped: dict[str, int]


class ShowDatabase(Value):
    """The answer to `show ip dhcp database`.

    url: of its line; the file itself is the router's own. "": nothing is kept.
    read, written: local time, None: never. delay, timeout: seconds. writes: how often it was written.
    """

    url: str
    read: datetime | None
    written: datetime | None
    delay: int
    timeout: int
    writes: int


class LeaseLine(Value, kw_only=True):
    """The client of an interface.

    number: of its state, IOS's. next: seconds until it acts. ignored: messages that were not for it, or lied.
    why: the last refusal.
    """

    interface: str
    lease: Lease | None
    mask: IPAddress
    state: str
    number: int
    transaction: int
    next: int | None
    retries: int
    ignored: int
    client_id: str
    hex: str
    hostname: str
    why: str


class ShowLeases(Value):
    """The answer to `show dhcp lease`."""

    leases: tuple[LeaseLine, ...]


class ShowPools6(Value):
    """The answer to `show ipv6 dhcp pool [NAME]`: pools, each with the numbers of its clients and conflicts."""

    pools: tuple[tuple[Pool6, int, int], ...]


class ShowPorts6(Value):
    """The answer to `show ipv6 dhcp interface`."""

    ports: tuple[PortSettings, ...]


# ------------------------------------------------------------------------------------------------ queries


_RECEIVED: Final = ("BOOTREQUEST", "DHCPDISCOVER", "DHCPREQUEST", "DHCPDECLINE", "DHCPRELEASE", "DHCPINFORM")
_SENT: Final = ("BOOTREPLY", "DHCPOFFER", "DHCPACK", "DHCPNAK")
#: IOS's numbers.
_NUMBERS: Final = {state: number for number, state in zip((1, 2, 3, 5, 6, 7), ClientState, strict=True)}


def query_bindings(ctx: ShowContext, args: Args) -> ShowBindings:
    """Return the bindings, by VRF and address."""
    return _bindings(ctx, ctx.machine(DhcpMachine).server.leases, args.address("address", None), {})


def query_bindings6(ctx: ShowContext, args: Args) -> ShowBindings:
    """Return the same of IPv6."""
    version6 = ctx.machine(DhcpMachine).version6
    if version6 is None:
        return ShowBindings(())
    return _bindings(ctx, version6.leases, None, {pool.name: pool.times for pool in version6.config.pools6})


def _bindings(
    ctx: ShowContext, leases: Leases, wanted: IPv4Address | None, times: Mapping[str, tuple[int, ...]]
) -> ShowBindings:
    return ShowBindings(
        tuple(
            project(
                BindingLine,
                one,
                client=dotted(one.identity),
                expires=ctx.ports.clock.local(one.ends) if one.ends is not None else None,
                left=round(one.ends - ctx.now) if one.ends is not None else None,
                times=times.get(one.pool, ()),
                kind="Manual" if one.manual else "Automatic",
                state=one.state.value,
            )
            for place, one in sorted(leases.bindings.items())
            if wanted in (None, place[1]) and one.state is not BindingState.DECLINED
        )
    )


def query_pools(ctx: ShowContext, args: Args) -> ShowPools:
    """Return the pools in the order of the configuration."""
    machine, name = ctx.machine(DhcpMachine), args.text("name", "")
    return ShowPools(tuple(_pool(machine, one) for one in machine.config.pools if name in ("", one.name)))


def _pool(machine: DhcpMachine, pool: Pool) -> PoolLine:
    leased, network = machine.server.leases.leased(pool.name), pool.network
    if network is None:
        host = pool.host[0] if pool.host is not None else None
        return PoolLine(pool.name, pool.vrf, 1, leased, 0, host, host, None)
    low, high = network.number + 1, network.number + network.size - 2
    ends, excluded = (IPv4Address(low), IPv4Address(high)), machine.config.excluded_of(pool)
    return PoolLine(pool.name, pool.vrf, high - low + 1, leased, excluded, *ends, machine.server.current(pool))


def query_conflicts(ctx: ShowContext, args: Args) -> ShowConflicts:
    """Return the conflicts, by VRF and address."""
    server, local = ctx.machine(DhcpMachine).server, ctx.ports.clock.local
    return ShowConflicts(
        tuple(
            ConflictLine(place[1], one.method, local(one.at), place[0])
            for place, one in sorted(server.conflicts.items())
        )
    )


def query_statistics(ctx: ShowContext, args: Args) -> ShowServerStatistics:
    """Return the counters of the server."""
    machine = ctx.machine(DhcpMachine)
    server, counts = machine.server, machine.server.counts
    active = [one for one in server.bindings.values() if one.state is BindingState.ACTIVE]
    return ShowServerStatistics(
        pools=len(machine.config.pools),
        database=machine.config.write_delay is not None,
        automatic=sum(not one.manual for one in active),
        manual=sum(one.manual for one in active),
        expired=server.leases.expired,
        malformed=machine.drops[Drop.MALFORMED],
        received={name: counts[name] for name in _RECEIVED},
        sent={name: counts[name] for name in _SENT},
        forwarded={name: machine.relay.forwarded[name] for name in (*_RECEIVED, *_SENT)},
        dropped={why.value: machine.drops[why] for why in Drop if why not in (Drop.MALFORMED, Drop.IGNORED)},
    )


def query_database(ctx: ShowContext, args: Args) -> ShowDatabase:
    """Return where bindings are kept, and since when."""
    leases, line, local = ctx.machine(DhcpMachine).server.leases, ctx.running.args(DATABASE), ctx.ports.clock.local
    read, written = (local(at) if at is not None else None for at in (leases.read, leases.written))
    url, delay = line.text("url", ""), line.integer("delay", WRITE_DELAY)
    return ShowDatabase(url, read, written, delay, line.integer("timeout", 300), leases.writes)


def query_leases(ctx: ShowContext, args: Args) -> ShowLeases:
    """Return the client of each interface, or of one."""
    wanted = args.interface("interface", "")
    clients = ctx.machine(DhcpMachine).clients.items()
    return ShowLeases(tuple(_lease(name, client, ctx.now) for name, client in clients if wanted in ("", name)))


def _lease(name: str, client: Client, now: float) -> LeaseLine:
    identifier = client.identifier or b"\1" + client.hardware
    return project(
        LeaseLine,
        client,
        interface=name,
        mask=client.lease.mask if client.lease is not None else UNSPECIFIED,
        state=client.state.value,
        number=_NUMBERS[client.state],
        transaction=client.xid,
        next=round(client.due - now) if client.due is not None else None,
        client_id=identifier_text(identifier),
        hex=identifier.hex().upper(),
    )


def query_pools6(ctx: ShowContext, args: Args) -> ShowPools6:
    """Return the pools of IPv6 in the order of the configuration."""
    machine, name = ctx.machine(DhcpMachine), args.text("name", "")
    bindings = machine.version6.leases.bindings.values() if machine.version6 is not None else ()
    counts = Counter((one.pool, one.state is BindingState.DECLINED) for one in bindings)
    pools = (one for one in machine.config.pools6 if name in ("", one.name))
    return ShowPools6(tuple((one, counts[one.name, False], counts[one.name, True]) for one in pools))


def query_ports6(ctx: ShowContext, args: Args) -> ShowPorts6:
    """Return the interfaces that serve or relay."""
    ports = ctx.machine(DhcpMachine).config.ports
    return ShowPorts6(tuple(one for one in ports if one.serves6 or one.relays6))


def udp_ports(ctx: ShowContext) -> list[UdpPort]:
    """Return the ports of DHCP, for `show udp`."""
    return [UdpPort(port, interface=name) for name, port in ctx.machine(DhcpMachine).listened]


# ------------------------------------------------------------------------------------------------ lines


def _time(moment: datetime | None) -> str:
    return f"{moment:%b %d %Y %I:%M %p}" if moment is not None else "Infinite"


def render_bindings(answer: ShowBindings) -> Iterator[str]:
    """Yield the lines as IOS XE has them. An identifier of more than 20 characters goes on below."""
    vrfs = dict.fromkeys(("", *(one.vrf for one in answer.bindings)))
    for vrf in vrfs:
        yield f"Bindings from VRF pool {vrf}:" if vrf else "Bindings from all pools not associated with VRF:"
        yield "IP address      Client-ID/              Lease expiration        Type       State      Interface"
        yield "                Hardware address/"
        yield "                User name"
        for one in answer.bindings:
            if one.vrf == vrf:
                head, *more = [one.client[start : start + 20] for start in range(0, max(1, len(one.client)), 20)]
                yield (
                    f"{one.address!s:<15} {head:<23} {_time(one.expires):<23} {one.kind:<10} {one.state:<10} "
                    f"{one.interface}"
                )
                yield from (f"{'':<15} {piece}" for piece in more)


def render_pools(answer: ShowPools) -> Iterator[str]:
    """Yield the lines as IOS has them."""
    for pool in answer.pools:
        yield ""
        yield f"Pool {pool.name} :"
        yield " Utilization mark (high/low)    : 100 / 0"
        yield " Subnet size (first/next)       : 0 / 0 "
        if pool.vrf:
            yield f" VRF name                       : {pool.vrf}"
        yield f" Total addresses                : {pool.total}"
        yield f" Leased addresses               : {pool.leased}"
        yield f" Excluded addresses             : {pool.excluded}"
        yield " Pending event                  : none"
        if pool.current is not None:
            yield " 1 subnet is currently in the pool :"
            yield " Current index        IP address range                    Leased/Excluded/Total"
            counts = f"{pool.leased:<5} / {pool.excluded:<5} / {pool.total}"
            yield f" {pool.current!s:<20} {pool.first!s:<16} - {pool.last!s:<16} {counts}"


def render_conflicts(answer: ShowConflicts) -> Iterator[str]:
    """Yield the lines as IOS has them."""
    yield f"{'IP address':<17} {'Detection method':<18} {'Detection time':<23} VRF"
    for one in answer.conflicts:
        yield f"{one.address!s:<17} {one.method:<18} {_time(one.at):<23} {one.vrf}".rstrip()


def render_statistics(answer: ShowServerStatistics) -> Iterator[str]:
    """Yield the lines as IOS has them, without its memory."""
    rows = (
        ("Address pools", answer.pools),
        ("Database agents", int(answer.database)),
        ("Automatic bindings", answer.automatic),
        ("Manual bindings", answer.manual),
        ("Expired bindings", answer.expired),
        ("Malformed messages", answer.malformed),
    )
    yield from (f"{name:<20} {count}" for name, count in rows)
    for title, counts in (("Received", answer.received), ("Sent", answer.sent), ("Forwarded", answer.forwarded)):
        yield ""
        yield f"{'Message':<20} {title}"
        yield from (f"{name:<20} {count}" for name, count in counts.items())
    yield ""
    yield f"{'Reason':<40} Dropped"
    yield from (f"{why:<40} {count}" for why, count in answer.dropped.items())


def render_database(answer: ShowDatabase) -> Iterator[str]:
    """Yield the lines as IOS has them; nothing, if nothing is kept."""
    read, written = ("Never" if at is None else _time(at) for at in (answer.read, answer.written))
    status = "Last read succeeded. Bindings have been loaded in RAM." if answer.read else "File not read yet."
    rows = {
        "URL": answer.url,
        "Read": read,
        "Written": written,
        "Status": status,
        "Delay": f"{answer.delay} seconds",
        "Timeout": f"{answer.timeout} seconds",
        "Failures": 0,
        "Successes": answer.writes,
    }
    yield from (f"{name:<9} :    {value}" for name, value in rows.items() if answer.url)


def render_leases(answer: ShowLeases) -> Iterator[str]:
    """Yield the lines as IOS has them."""
    for one in answer.leases:
        lease = one.lease
        yield f"Temp IP addr: {lease.address if lease else UNSPECIFIED}  for peer on Interface: {one.interface}"
        yield f"Temp  sub net mask: {one.mask}"
        yield f"   DHCP Lease server: {lease.server if lease else UNSPECIFIED}, state: {one.number} {one.state}"
        yield f"   DHCP transaction id: {one.transaction:X}"
        times = (lease.seconds or 0, lease.renewal or 0, lease.rebinding or 0) if lease else (0, 0, 0)
        lasting = f"{times[0]} secs,  Renewal: {times[1]} secs,  Rebind: {times[2]} secs"
        yield f"   Lease: {'Infinite' if lease and lease.seconds is None else lasting}"
        if lease and lease.router:
            yield f"Temp default-gateway addr: {lease.router}"
        yield f"   Next timer fires after: {clock(one.next)}" if one.next is not None else "   No timer running"
        yield f"   Retry count: {one.retries}   Client-ID: {one.client_id}"
        first, *more = textwrap.wrap(one.hex, 32)
        yield f"   Client-ID hex dump: {first}"
        yield from (f"{'':23}{part}" for part in more)
        yield f"   Hostname: {one.hostname}"
        if one.ignored:
            yield f"   Ignored messages: {one.ignored}"
        if one.why and one.state != ClientState.BOUND.value:
            yield f"   Last refusal: {one.why}"


def render_pools6(answer: ShowPools6) -> Iterator[str]:
    """Yield the lines as IOS has them."""
    for pool, clients, conflicts in answer.pools:
        yield f"DHCPv6 pool: {pool.name}"
        if pool.prefix is not None:
            times, used = f"valid {pool.valid} preferred {pool.preferred}", f"{clients} in use, {conflicts} conflicts"
            yield f"  Address allocation prefix: {spelled(pool.prefix)} {times} ({used})"
        yield from (f"  DNS server: {spelled(one)}" for one in pool.dns)
        yield from (f"  Domain name: {one}" for one in pool.domains)
        yield f"  Active clients: {clients}"


def render_bindings6(answer: ShowBindings) -> Iterator[str]:
    """Yield the lines as IOS has them; the last eight digits of an identity are the client's number of its port."""
    for one in answer.bindings:
        identity = one.client.replace(".", "").upper()
        renewal, rebinding, *lifetimes = one.times
        preferred, valid = ("INFINITY" if seconds == INFINITE else seconds for seconds in lifetimes)
        yield f"Client: {spelled(one.source or UNSPECIFIED_OF[6])} "
        yield f"  DUID: {identity[:-8]}"
        yield "  Username : unassigned"
        yield f"  VRF : {one.vrf or 'default'}"
        yield f"  IA NA: IA ID 0x{identity[-8:]}, T1 {renewal}, T2 {rebinding}"
        yield f"    Address: {spelled(one.address)}"
        yield f"            preferred lifetime {preferred}, valid lifetime {valid}"
        if one.left is not None:
            yield f"            expires at {_time(one.expires)} ({one.left} seconds)"


def render_ports6(answer: ShowPorts6) -> Iterator[str]:
    """Yield the lines as IOS has them."""
    for port in answer.ports:
        yield f"{port.interface} is in {'server' if port.serves6 else 'relay'} mode"
        if port.serves6:
            yield f"  Using pool: {port.serves6}"
            yield from ("  Preference value: 0", "  Hint from client: ignored")
            yield f"  Rapid-Commit: {'enabled' if port.commits6 else 'disabled'}"
        else:
            yield "  Relay destinations:"
            yield from (f"    {spelled(to)}" + f" via {name}" * bool(name) for to, name in port.relays6)


# ------------------------------------------------------------------------------------------------ commands


def clear(ctx: ShowContext, args: Args) -> Event:
    """Forget bindings or conflicts: of one address, or all (of a VRF)."""
    vrf = args.text("vrf", "")
    address = args.any_address("address", None)
    return ClearDhcp("conflict" in args, address, vrf if vrf or address is not None else None, args.version)


def change(ctx: ShowContext, args: Args) -> Event:
    """Renew or release the lease of an interface. Raises UserError where it has no client."""
    if args.interface("interface") not in ctx.machine(DhcpMachine).clients:
        raise UserError("Interface does not have a DHCP originated address")
    return ChangeLease(args.interface("interface"), "release" in args)


_HELP: Final = {
    "dhcp": "Leases of addresses",
    "binding": "Leased addresses",
    "database": "The file that keeps bindings",
    "pool": "Pools of addresses",
    "name": "Name of a pool",
    "conflict": "Addresses that other stations have",
    "server": "The server",
    "statistics": "What it received and sent",
    "lease": "Leases of this router's own interfaces",
    "interface": "Of this interface",
    "address": "Of this address",
    "vrf": "In this VRF",
    "*": "All of them",
    "renew": "Renew the lease of an interface",
    "release": "Give the lease of an interface back",
}
COMMANDS: Final = (
    ExecCommand("show ip dhcp binding [ {address:address} ]", _HELP, query=query_bindings, render=render_bindings),
    ExecCommand("show ip dhcp pool [ {name:word} ]", _HELP, query=query_pools, render=render_pools),
    ExecCommand("show ip dhcp conflict", _HELP, query=query_conflicts, render=render_conflicts),
    ExecCommand("show ip dhcp server statistics", _HELP, query=query_statistics, render=render_statistics),
    ExecCommand("show ip dhcp database", _HELP, query=query_database, render=render_database),
    ExecCommand("show ipv6 dhcp pool [ {name:word} ]", _HELP, query=query_pools6, render=render_pools6),
    ExecCommand("show ipv6 dhcp binding", _HELP, query=query_bindings6, render=render_bindings6),
    ExecCommand("show ipv6 dhcp interface", _HELP, query=query_ports6, render=render_ports6),
    ExecCommand("show dhcp lease [ {interface:interface} ]", _HELP, query=query_leases, render=render_leases),
    ExecCommand(
        "clear ip dhcp ( binding | conflict ) [ vrf {vrf:word} ] ( * | {address:address} )",
        _HELP,
        action=clear,
        privilege=15,
    ),
    ExecCommand(
        "clear ipv6 dhcp binding [ vrf {vrf:word} ] [ * | {address:address6} ]", _HELP, action=clear, privilege=15
    ),
    ExecCommand("renew dhcp {interface:interface}", _HELP, action=change, privilege=15),
    ExecCommand("release dhcp {interface:interface}", _HELP, action=change, privilege=15),
)
