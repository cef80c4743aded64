"""The health of a router, in one line and one number: the output of `dmvpn check` for a monitoring system.

Unlike the doctor, it sends no tests into the network: it judges the present state of the router. Each problem comes
with the reason that the router recorded.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dmvpn.base.values import Value
from dmvpn.shells.ready import is_unused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import ReasonFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts


class Level(enum.IntEnum):
    """The severity, in the exit codes of monitoring plugins."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


class Wanted(Value):
    """The least numbers of clients registered here, and of neighbors of routing protocols."""

    clients: int = 0
    neighbors: int = 0


class Concern(Value):
    """One problem."""

    level: Level
    text: str


class RouterStatus(Value):
    """The problems of a router. counts: performance data for graphs, by name."""

    router: str
    concerns: tuple[Concern, ...]
    counts: dict[str, int]

    @property
    def level(self) -> Level:
        """That of the worst concern."""
        return max((concern.level for concern in self.concerns), default=Level.OK)

    def lines(self) -> list[str]:
        """Return the line of a plugin, with the counts behind the bar; each concern after the first has a line of its
        own.

        A bar in a reason would end the text there.
        """
        worst_first = sorted(self.concerns, key=lambda concern: -concern.level)
        counts = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in self.counts.items())
        texts = [concern.text.replace("|", "/") for concern in worst_first] or [counts]
        curves = " ".join(f"{name}={number}" for name, number in self.counts.items())
        return [f"DMVPN {self.level.name} - {self.router}: {texts[0]} | {curves}", *texts[1:]]


def judge(router: str, facts: RouterFacts, wanted: Wanted) -> RouterStatus:
    """Return problems with registrations, direct paths, protection and neighbors of a router."""
    tunnels = [
        tunnel
        for tunnel in facts.tunnels
        if tunnel.enabled and not is_unused(tunnel.source or tunnel.source_interface, tunnel.addresses)
    ]
    servers = [server for tunnel in tunnels for server in tunnel.servers]
    counts = {
        "tunnels_up": sum(tunnel.up for tunnel in tunnels),
        "registered": sum(server.responding for server in servers),
        "clients": sum("registered" in entry.flags for tunnel in tunnels for entry in tunnel.mappings),
        "direct": sum(bool(entry.route) for tunnel in tunnels for entry in tunnel.mappings),
        "by_server": sum(len(tunnel.by_server) for tunnel in tunnels),
        "sas": len(facts.sas),
        "neighbors": sum(neighbor.up for neighbor in facts.neighbors),
    }
    concerns = [concern for tunnel in tunnels for concern in _of_tunnel(tunnel)]
    concerns += [
        Concern(Level.WARNING, f"{one.protocol} neighbor {one.address} on {one.interface} is not up{_why(one.reason)}")
        for one in facts.neighbors
        if not one.up
    ]
    concerns += _fewer("neighbors of routing protocols", counts["neighbors"], wanted.neighbors)
    concerns += _fewer("registered clients", counts["clients"], wanted.clients)
    return RouterStatus(router, tuple(concerns), counts)


def _of_tunnel(tunnel: TunnelFacts) -> Iterator[Concern]:
    if not tunnel.up:
        yield Concern(Level.CRITICAL, f"{tunnel.name} is down{_why(tunnel.reason)}")
        return
    silent = [server for server in tunnel.servers if server.wanted and not server.responding]
    alone = not any(server.responding for server in tunnel.servers)
    for server in silent:
        level = Level.CRITICAL if alone else Level.WARNING
        where = server.address or server.nbma or "a server that is not known yet"
        yield Concern(level, f"{tunnel.name} is not registered with {where}{_why(server.reason)}")
    known = {server.nbma for server in silent}
    for peer in tunnel.unsecured:
        if peer.nbma not in known:
            yield Concern(Level.WARNING, f"{tunnel.name} has no SAs with {peer.nbma}{_why(peer.reason)}")
    for hop in tunnel.by_server:
        yield Concern(Level.WARNING, f"{tunnel.name}: packets for {hop} go by a server, the direct path is not proved")


def _fewer(what: str, found: int, least: int) -> Iterator[Concern]:
    if found < least:
        yield Concern(Level.CRITICAL, f"{found} {what} instead of {least}")


def _why(reason: ReasonFacts) -> str:
    return f": {reason}" if reason else ""
