"""`show ip nhrp traffic`, `summary`, `multicast` and `redirect`: numbers and lists beside the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import spelled
from dmvpn.base.breath import breathing
from dmvpn.features.nhrp.cache import EntryType, RouteState
from dmvpn.features.nhrp.messages import PACKET_NAMES
from dmvpn.features.nhrp.packet import PacketType
from dmvpn.features.nhrp.show.entries import of_both, tunnels_of, version_of
from dmvpn.ios import Args, ExecCommand, ShowContext, age

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.cache import Entry

#: What IOS says an entry costs.
_ENTRY_OCTETS = 784


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelTraffic:
    """Packets of one tunnel by the name of their type. refused: by the reason. limit: packets and seconds."""

    tunnel: str
    limit: tuple[int, int]
    usage: int
    sent: dict[str, int]
    received: dict[str, int]
    forwarded: dict[str, int]
    refused: dict[str, int]
    redirects_suppressed: int


@dataclass(frozen=True, slots=True)
class ShowTraffic:
    """The answer to `show ip nhrp traffic`."""

    tunnels: tuple[TunnelTraffic, ...]


@dataclass(frozen=True, slots=True)
class Kinds:
    """Numbers of entries by type."""

    static: int
    dynamic: int
    incomplete: int

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Kinds:
        """Count these."""
        types = [entry.type for entry in entries]
        return cls(*(types.count(kind) for kind in EntryType))


@dataclass(frozen=True, slots=True)
class ShowSummary:
    """The answer to `show ip nhrp summary`. installed: routes of our own; overrides: next hops of others' routes."""

    version: int
    all: Kinds
    remote: Kinds
    local: Kinds
    next_hops: int
    routes: int
    installed: int
    overrides: int
    temporary: int


@dataclass(frozen=True, slots=True)
class MulticastLine:
    """Somebody who gets copies. flags: "dynamic", "static" or "nhs"."""

    tunnel: str
    nbma: IPAddress
    flags: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class ShowMulticast:
    """The answer to `show ip nhrp multicast`."""

    receivers: tuple[MulticastLine, ...]


@dataclass(frozen=True, slots=True)
class RedirectLine:
    """A redirect that was sent. drops: packets that caused none since. expires: seconds from now."""

    tunnel: str
    nbma: IPAddress
    destination: IPAddress
    drops: int
    expires: float


@dataclass(frozen=True, slots=True)
class ShowRedirects:
    """The answer to `show ip nhrp redirect`."""

    redirects: tuple[RedirectLine, ...]


def traffic(ctx: ShowContext, args: Args) -> ShowTraffic:
    """Return counters of all tunnels, or of one."""
    return ShowTraffic(
        tuple(
            TunnelTraffic(
                tunnel=tunnel.name,
                limit=tunnel.config.max_send,
                usage=tunnel.limit.usage(ctx.now),
                sent=_by_name(tunnel.counters.sent),
                received=_by_name(tunnel.counters.received),
                forwarded=_by_name(tunnel.counters.forwarded),
                refused={why.value: count for why, count in tunnel.counters.refused.items()},
                redirects_suppressed=tunnel.counters.redirects_suppressed,
            )
            for tunnel in tunnels_of(ctx, args)
        )
    )


def summary(ctx: ShowContext, args: Args) -> ShowSummary:
    """Return the cache in numbers."""
    entries = [entry for tunnel in tunnels_of(ctx, args) for entry in breathing(tunnel.cache.entries())]
    remote = [entry for entry in entries if not entry.is_local]
    installed = sum(entry.route is RouteState.INSTALLED for entry in breathing(remote))
    overrides = sum(entry.route is RouteState.OVERRIDE for entry in breathing(remote))
    next_hops = sum(entry.is_next_hop and entry.nbma is not None for entry in breathing(remote))
    return ShowSummary(
        version=version_of(args),
        all=Kinds.of(entries),
        remote=Kinds.of(remote),
        local=Kinds.of(entry for entry in breathing(entries) if entry.is_local),
        next_hops=next_hops,
        routes=sum(not entry.is_next_hop and entry.nbma is not None for entry in breathing(remote)),
        installed=installed,
        overrides=overrides,
        temporary=sum("TEMPORARY" in str(entry.flags) for entry in breathing(remote)),
    )


def multicast(ctx: ShowContext, args: Args) -> ShowMulticast:
    """Return who gets copies of multicasts."""
    lines: list[MulticastLine] = []
    for tunnel in tunnels_of(ctx, args):
        servers = {client.nbma for client in tunnel.clients.values()}
        for nbma, _ in tunnel.multicast:
            static = nbma in tunnel.config.multicast
            flags = "nhs" if nbma in servers else "static" if static else "dynamic"
            lines.append(MulticastLine(tunnel.name, nbma, flags, tunnel.running))
    return ShowMulticast(tuple(lines))


def redirects(ctx: ShowContext, args: Args) -> ShowRedirects:
    """Return redirects whose interval is not over."""
    return ShowRedirects(
        tuple(
            RedirectLine(tunnel.name, sent.nbma, sent.destination, sent.drops, sent.expires - ctx.now)
            for tunnel in tunnels_of(ctx, args)
            for sent in tunnel.redirects.values()
            if sent.expires > ctx.now
        )
    )


def _by_name(counters: Mapping[PacketType, int]) -> dict[str, int]:
    return {PACKET_NAMES[kind]: counters.get(kind, 0) for kind in PacketType}


# -------------------------------------------------------------------------------------------------------- renderers


def render_traffic(answer: ShowTraffic) -> Iterator[str]:
    """Yield the lines of `show ip nhrp traffic`."""
    for tunnel in answer.tunnels:
        yield _limit_line(tunnel)
        yield from _group("Sent", tunnel.sent, 0)
        yield from _group("Rcvd", tunnel.received, 0)


def render_traffic_detail(answer: ShowTraffic) -> Iterator[str]:
    """Yield the lines of `show ip nhrp traffic detail`: totals first, then what was forwarded and refused."""
    yield "Global statistics:"
    yield " Packet Queue size: 0[0](1)"
    yield from _group("Sent", _total(tunnel.sent for tunnel in answer.tunnels), 0)
    yield from _group("Rcvd", _total(tunnel.received for tunnel in answer.tunnels), 0)
    for tunnel in answer.tunnels:
        yield _limit_line(tunnel)
        yield from _group("Sent", tunnel.sent, tunnel.redirects_suppressed)
        yield from _group("Rcvd", tunnel.received, 0)
        yield from _group("Fwd", tunnel.forwarded, 0)
        for why, count in tunnel.refused.items():
            yield f"   Refused: {count} {why}"


def render_summary(answer: ShowSummary) -> Iterator[str]:
    """Yield the lines of `show ip nhrp summary`."""
    total = sum((answer.all.static, answer.all.dynamic, answer.all.incomplete))
    remote = sum((answer.remote.static, answer.remote.dynamic, answer.remote.incomplete))
    local = sum((answer.local.static, answer.local.dynamic, answer.local.incomplete))
    yield f"{'IPv6' if answer.version == 6 else 'IP'} NHRP cache {total} entries, {total * _ENTRY_OCTETS} bytes"
    yield _kinds(answer.all)
    yield f"{remote} Remote"
    yield _kinds(answer.remote)
    yield f"    {answer.next_hops} nhop     0 bfd"
    yield f"    0 default  {answer.temporary} temporary"
    yield f"    {answer.routes} route"
    yield f"        {answer.installed + answer.overrides} rib ({answer.installed} H    {answer.overrides} nho)"
    yield "        0 bgp"
    yield "    0 lfib"
    yield f"{local} Local"
    yield _kinds(answer.local)
    yield "    0 lfib"


def render_multicast(answer: ShowMulticast) -> Iterator[str]:
    """Yield the lines of `show ip nhrp multicast`."""
    yield "  I/F     NBMA address"
    for line in answer.receivers:
        yield f"{line.tunnel:<10} {line.nbma!s:<15} Flags: {line.flags:<15} ({'En' if line.enabled else 'Dis'}abled)"


def render_redirects(answer: ShowRedirects) -> Iterator[str]:
    """Yield the lines of `show ip nhrp redirect`."""
    yield "I/F          NBMA address    Destination     Drop Count  Expiry"
    for line in answer.redirects:
        destination = spelled(line.destination)
        yield f"{line.tunnel:<12} {line.nbma!s:<15} {destination:<15} {line.drops:<11} {age(line.expires)}"


def _limit_line(tunnel: TunnelTraffic) -> str:
    packets, seconds = tunnel.limit
    return f"{tunnel.tunnel}: Max-send limit:{packets}Pkts/{seconds}Sec, Usage:{tunnel.usage}%"


def _group(title: str, counts: Mapping[str, int], suppressed: int) -> Iterator[str]:
    numbers = [f"{counts.get(PACKET_NAMES[kind], 0)} {PACKET_NAMES[kind]}" for kind in PacketType]
    numbers.append(f"{suppressed} Redirect Suppress")
    yield f"   {title}: Total {sum(counts.values())}"
    for start in range(0, len(numbers), 3):
        yield "         " + "  ".join(numbers[start : start + 3])


def _total(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return total


def _kinds(kinds: Kinds) -> str:
    return f"    {kinds.static} static   {kinds.dynamic} dynamic    {kinds.incomplete} incomplete"


_HELP: Final = {
    "traffic": "Packets by type",
    "interface": "Of one tunnel",
    "detail": "With forwarded and refused ones",
    "summary": "The cache in numbers",
    "multicast": "Who gets copies of multicasts",
    "redirect": "Redirects that were sent lately",
}
COMMANDS: Final = of_both(
    ExecCommand(
        "show ip nhrp traffic [ interface {interface:interface} ]", _HELP, query=traffic, render=render_traffic
    ),
    ExecCommand(
        "show ip nhrp traffic [ interface {interface:interface} ] detail",
        _HELP,
        query=traffic,
        render=render_traffic_detail,
    ),
    ExecCommand("show ip nhrp summary", _HELP, query=summary, render=render_summary),
    ExecCommand("show ip nhrp multicast [ {interface:interface} ]", _HELP, query=multicast, render=render_multicast),
    ExecCommand("show ip nhrp redirect", _HELP, query=redirects, render=render_redirects),
)
