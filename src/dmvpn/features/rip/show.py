"""`show ip rip database`, and RIP's block of `show ip protocols`."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import IPAddress, Prefix, classful_length
from dmvpn.base.streams import UdpPort
from dmvpn.base.values import Value
from dmvpn.ios import Args, ExecCommand, ShowContext, age
from dmvpn.ios.routing import filter_lines
from dmvpn.ios.vrfs import by_vrf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.rip.machine import RipMachine


class RipPath(Value):
    """One path of a learned route. age: seconds since its last update. permanent: it does not expire."""

    metric: int
    next_hop: IPAddress
    age: float
    interface: str
    permanent: bool = False


class RipDatabaseEntry(Value):
    """One prefix. kind: "auto-summary", "directly connected", "redistributed", "possibly down", or "" with paths."""

    prefix: Prefix
    kind: str
    metric: int = 0
    interface: str = ""
    paths: tuple[RipPath, ...] = ()


class ShowRipDatabase(Value):
    """The answer to `show ip rip database`. is_missing: the requested prefix does not exist."""

    entries: tuple[RipDatabaseEntry, ...]
    is_missing: bool = False


def _machine(ctx: ShowContext) -> RipMachine:
    """Return the machine that answers. It is imported on first use or when configured."""
    from dmvpn.features.rip.machine import RipMachine

    return ctx.machine(RipMachine)


def query_database(ctx: ShowContext, args: Args) -> ShowRipDatabase:
    """Return all routes of RIP, with the classful networks above their subnets."""
    machine = _machine(ctx)
    found: dict[Prefix, RipDatabaseEntry] = {}
    for prefix, own in machine.table.own.items():
        found[prefix] = RipDatabaseEntry(prefix, own.kind, own.metric, own.interface)
    for prefix, route in machine.table.database.routes.items():
        if prefix in found:
            continue
        paths = [(path, ctx.now - route.paths[path.path][1]) for path in route.announcements]
        found[prefix] = RipDatabaseEntry(
            prefix,
            "" if route.reachable else "possibly down",
            route.metric,
            paths=tuple(
                RipPath(path.metric, path.next_hop, since, path.interface, path.permanent) for path, since in paths
            ),
        )
    entries: list[RipDatabaseEntry] = []
    last: Prefix | None = None
    for prefix in sorted(found):
        length = 0 if prefix.is_default else classful_length(IPv4Address(int(prefix.address)))
        major = Prefix.of(prefix.address, length)
        if major != last and major.length <= prefix.length:
            entries.append(RipDatabaseEntry(major, "auto-summary"))
        last = major
        entries.append(found[prefix])
    wanted = _wanted(args)
    if wanted is None:
        return ShowRipDatabase(tuple(entries))
    chosen = tuple(entry for entry in entries if entry.prefix == wanted)
    return ShowRipDatabase(chosen, is_missing=not chosen)


def _wanted(args: Args) -> Prefix | None:
    """Return the requested prefix; an address alone means its classful network."""
    prefix = args.any_prefix(None)
    if prefix is None or "mask" in args or not prefix.is_host:
        return prefix
    return Prefix.of(prefix.address, classful_length(IPv4Address(int(prefix.address))))


def render_database(answer: ShowRipDatabase) -> Iterator[str]:
    """Yield the lines: four blanks between a prefix and its kind; paths on lines of their own."""
    if answer.is_missing:
        yield "%Route not in database"
    for entry in answer.entries:
        match entry.kind:
            case "":
                yield f"{entry.prefix}"
            case "directly connected":
                yield f"{entry.prefix}    directly connected, {entry.interface}"
            case "possibly down":
                yield f"{entry.prefix}    is possibly down"
            case _:
                yield f"{entry.prefix}    {entry.kind}"
        if entry.kind == "redistributed":
            yield f"    [{entry.metric}] via 0.0.0.0, "
        for path in entry.paths:
            how = " (permanent)" if path.permanent else ""
            yield f"    [{path.metric}] via {path.next_hop}, {age(path.age)}{how}, {path.interface}"
        permanent = [path for path in entry.paths if path.permanent]
        if permanent:
            yield "  * Triggered Routes:"
            yield from (f"    - [{path.metric}] via {path.next_hop}, {path.interface}" for path in permanent)


def protocol_block(ctx: ShowContext) -> list[str]:
    """Return the block of `show ip protocols`; empty without a process."""
    machine = _machine(ctx)
    return list(_block(ctx, machine)) if machine.config.enabled else []


def protocol_names(ctx: ShowContext) -> list[str]:
    """Return the running process."""
    return ["rip"] if _machine(ctx).config.enabled else []


def _block(ctx: ShowContext, machine: RipMachine) -> Iterator[str]:
    config, timers = machine.config, machine.config.timers
    due = machine.next_update()
    yield 'Routing Protocol is "rip"'
    yield from filter_lines(config.distribution)
    yield f"  Sending updates every {timers.update} seconds, next due in {round(due - ctx.now) if due else 0} seconds"
    yield f"  Invalid after {timers.invalid} seconds, hold down {timers.holddown}, flushed after {timers.flush}"
    if config.default_metric is not None:
        yield f"  Default redistribution metric is {config.default_metric}"
    sources = [f"{entry.source.value} {entry.process}".rstrip() for entry in config.redistributions]
    yield f"  Redistributing: {', '.join([*sources, 'rip'])}"
    if config.neighbors:
        yield "  Neighbor(s):"
        yield from (f"    {neighbor}" for neighbor in config.neighbors)
    takes = f"version {config.version}" if config.version else "any version"
    yield f"  Default version control: send version {config.version or 1}, receive {takes}"
    yield "    Interface                           Send  Recv  Triggered RIP  Key-chain"
    for name, circuit in machine.circuits.items():
        if not circuit.passive:
            keys = config.interface(name).key_chain or "none"
            send, receive = (" ".join(map(str, found)) for found in (config.sends(name), config.receives(name)))
            yield f"    {name:<36}{send:<6}{receive:<11}{'Yes' if circuit.triggered else 'No':<10}{keys}"
    for name, reason in machine.why_silent(ctx.now).items():
        yield f"    {name} is silent: {reason}"
    for name, circuit in machine.circuits.items():
        if circuit.ignored:
            yield f"    {name} ignored {circuit.ignored} packets, the last one from {circuit.last_ignored}"
    yield f"  Automatic network summarization is {'' if config.auto_summary else 'not '}in effect"
    summaries = [(entry.name, prefix) for entry in config.interfaces for prefix in entry.summaries]
    if summaries:
        yield "  Address Summarization:"
        yield from (f"    {prefix} for {name}" for name, prefix in summaries)
    yield f"  Maximum path: {config.maximum_paths}"
    yield "  Routing for Networks:"
    yield from (f"    {network.address}" for network in config.networks)
    passive = [name for name, circuit in machine.circuits.items() if circuit.passive]
    if passive:
        yield "  Passive Interface(s):"
        yield from (f"    {name}" for name in passive)
    yield "  Routing Information Sources:"
    yield "    Gateway         Distance      Last Update"
    for gateway, heard in sorted(machine.gateways.heard.items()):
        yield f"    {gateway!s:<16}{config.distance:>8}      {age(ctx.now - heard)}"
    yield f"  Distance: (default is {config.distance})"


DATABASE: Final = ExecCommand(
    "show ip rip database [ {prefix:prefix} | {network:address} {mask:mask} ]",
    {
        "rip": "Routing Information Protocol",
        "database": "What it knows",
        "prefix": "Of this prefix alone",
        "network": "Of this prefix alone",
        "mask": "Its mask",
    },
    query=query_database,
    render=render_database,
)
COMMANDS: Final = (DATABASE, by_vrf(DATABASE, "show ip rip database"))


def udp_ports(ctx: ShowContext) -> list[UdpPort]:
    """Return the port on each interface that speaks RIP, for `show udp`."""
    from dmvpn.features.rip.interface import PORT

    return [UdpPort(PORT, interface=name, multicast=True) for name in _machine(ctx).circuits]
