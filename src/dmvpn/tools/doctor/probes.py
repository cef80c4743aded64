"""Pings that show what no state does: what passes between two ends, how large, how often.

`wanted` says which, from the facts; they are carried out by whoever can type at a router's prompt; `read` makes an
`Outcome` of what the ping printed. All are bounded in number and time, and the report says what was sent.
"""

from __future__ import annotations

import enum
import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.way import best_route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dmvpn.base.facts import Address
    from dmvpn.features.interface.facts import InterfaceFacts
    from dmvpn.router.facts import RouterFacts
    from dmvpn.tools.doctor.scene import Client, Scene

#: Types lines at routers' prompts, all at once; what they print.
Ask: TypeAlias = "Callable[[Sequence[tuple[str, str]]], list[str]]"

#: Pairs of tunnel ends, and of spokes, that are tried; those that work not before those that do not.
MOST_PAIRS: Final = 8
#: Commands and requests of one visit.
MOST_COMMANDS, MOST_ECHOES = 60, 2000
#: A share of lost packets at a wire that is worth a look, though what was sent while routers began counts, too.
_LOST: Final = 0.05
#: Where there are many routers: those that are tried as a whole, and those that get a glance.
_FEW_PAIRS, _GLANCES = 4, 14
#: Networks of others that one router tries.
_MOST_SITES: Final = 4
#: Octets of a ping that fits everywhere; more than an Ethernet takes in one piece.
_SMALL, _PIECES = 100, 2000
#: Seconds for an answer over a slow way, and how many requests find out whether it is one.
_PATIENCE, _FEW = 4, 3


class Kind(enum.Enum):
    """What a probe is to show."""

    GATEWAY = "does the next router answer?"
    UNDERLAY = "do packets pass between the NBMA addresses?"
    LOSS = "do all of them?"
    UNDERLAY_FULL = "do the largest that the tunnel makes, in one piece?"
    UNDERLAY_PIECES = "do fragments?"
    TUNNEL = "do packets pass through the tunnel?"
    TUNNEL_FULL = "do the largest?"
    SITES = "do packets pass between two sites?"
    TRACE = "whom do they pass by?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A ping at a router. source: an interface. only_if: it is tried if that one had a reply.

    patience: seconds for an answer.
    """

    kind: Kind
    router: str
    target: Address
    source: str
    size: int = _SMALL
    df: bool = False
    repeat: int = 5
    patience: int = 1
    only_if: Probe | None = None

    @property
    def command(self) -> str:
        """What is typed."""
        if self.kind is Kind.TRACE:
            return f"traceroute {self.target} source {self.source} numeric probe 1 timeout 1"
        df = " df-bit" if self.df else ""
        return (
            f"ping {self.target} source {self.source} repeat {self.repeat} size {self.size} timeout {self.patience}{df}"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """marks: one for each request, as ping prints them; "": it could not be tried. path: who answered a traceroute."""

    marks: str
    path: tuple[str, ...] = ()

    @property
    def tried(self) -> bool:
        """There was a ping at all."""
        return bool(self.marks)

    @property
    def passed(self) -> bool:
        """Enough came back. The first may wait for an address or an SA."""
        return self.tried and "!" in self.marks and self.lost <= 1

    @property
    def lost(self) -> int:
        """Requests without a reply."""
        return len(self.marks) - self.marks.count("!")

    @property
    def silent(self) -> bool:
        """Nothing came back, not even an error."""
        return self.tried and set(self.marks) == {"."}

    @property
    def refused(self) -> bool:
        """Somebody on the way said no."""
        return self.tried and "!" not in self.marks and not self.silent

    def __str__(self) -> str:
        if self.path:
            return " -> ".join(self.path)
        if not self.tried:
            return "not tried"
        mixed = f" ({self.marks})" if len(set(self.marks)) > 1 or self.refused else ""
        return f"{len(self.marks) - self.lost} of {len(self.marks)} came back{mixed}"


_MARKS: Final = re.compile(r"^[!.UMQ&?]+$", re.MULTILINE)
_HOPS: Final = re.compile(r"^ +\d+ +([0-9a-fA-F.:]+) ", re.MULTILINE)


def read(text: str) -> Outcome:
    """What a ping or traceroute printed."""
    return Outcome("".join(_MARKS.findall(text)), tuple(_HOPS.findall(text)))


def carry_out(probes: Iterable[Probe], ask: Ask) -> dict[Probe, Outcome]:
    """Try them: first pings, all at once, then what depends on them, last by whom packets pass when all is quiet.

    A way that is slow, and else well, loses nothing: what was silent is asked again with more patience.
    """
    planned = list(dict.fromkeys(probes))
    first = [probe for probe in planned if probe.only_if is None and probe.kind is not Kind.TRACE]
    then = [probe for probe in planned if probe.only_if is not None]
    budget = _Budget()
    answers = budget.spend(first, ask)
    mute = [probe for probe, outcome in answers.items() if outcome.silent]
    again = {probe: replace(probe, patience=_PATIENCE, repeat=min(probe.repeat, _FEW)) for probe in mute}
    slow = budget.spend(again.values(), ask)
    answers |= {probe: slow[later] for probe, later in again.items() if later in slow and "!" in slow[later].marks}
    ready = [probe for probe in then if probe.only_if is not None and _replied(answers, probe.only_if)]
    patient = {probe: replace(probe, patience=_PATIENCE) if probe.only_if in again else probe for probe in ready}
    last = budget.spend(patient.values(), ask)
    answers |= {probe: last[asked] for probe, asked in patient.items() if asked in last}
    return answers | budget.spend((probe for probe in planned if probe.kind is Kind.TRACE), ask)


@dataclass(slots=True)
class _Budget:
    """What may still be sent in one visit."""

    commands: int = MOST_COMMANDS
    echoes: int = MOST_ECHOES

    def spend(self, probes: Iterable[Probe], ask: Ask) -> dict[Probe, Outcome]:
        """Try as many as there is room for, all at once."""
        some: list[Probe] = []
        for probe in probes:
            if self.commands and self.echoes >= probe.repeat:
                self.commands, self.echoes = self.commands - 1, self.echoes - probe.repeat
                some.append(probe)
        printed = ask([(probe.router, probe.command) for probe in some])
        return {probe: read(text) for probe, text in zip(some, printed, strict=True)}


def _replied(answers: dict[Probe, Outcome], probe: Probe) -> bool:
    return probe in answers and "!" in answers[probe].marks


def wanted(scene: Scene, router: str | None = None, address: Address | None = None) -> Iterator[Probe]:
    """What to try for one router (and towards an address), or for the whole lab."""
    ours = [client for client in scene.clients() if router in (None, client.name, client.hub)]
    chosen = _chosen(scene, ours)
    are_many = len({client.name for client in chosen}) > MOST_PAIRS
    whole = chosen[: _FEW_PAIRS if are_many else MOST_PAIRS]
    for client in whole:
        yield from for_client(client)
    if address is None or router is None:
        yield from _between_sites(scene, router)
    else:
        yield from towards(scene, router, address)
    if are_many:
        yield from _glances(chosen, {client.name for client in whole})


def _glances(clients: Sequence[Client], known: set[str]) -> Iterator[Probe]:
    """Of many routers, each of the others once: does the way carry what its tunnel makes?"""
    first = {client.name: client for client in reversed(clients) if client.name not in known}
    for client in list(first.values())[::-1][:_GLANCES]:
        for probe in for_client(client):
            if probe.kind is Kind.UNDERLAY:
                small = replace(probe, repeat=_FEW)
                yield small
            elif probe.kind is Kind.UNDERLAY_FULL:
                yield replace(probe, only_if=small)


def _chosen(scene: Scene, clients: Sequence[Client]) -> list[Client]:
    """First those that do not work, those whose wires have lost much so far, and each router once before any again."""
    met: Counter[str] = Counter()
    order: list[tuple[bool, bool, int, Client]] = []
    for client in clients:
        order.append((client.works, not _has_lost(scene, client), met[client.name], client))
        met[client.name] += 1
    return [client for *_, client in sorted(order, key=lambda one: one[:3])]


def _has_lost(scene: Scene, client: Client) -> bool:
    """By the counts of the two ends of its wire, since they began."""
    near = (client.name, client.tunnel.source_interface)
    link = scene.link(near)
    far = [end for end in link.ends if end != near] if link is not None else []
    facts = scene.of(far[0][0]) if len(far) == 1 else None
    here = interface_of(client.facts, near[1])
    there = interface_of(facts, far[0][1]) if facts is not None else None
    if here is None or there is None:
        return False
    return any(sent - received > _LOST * sent for sent, received in _counts(here, there))


def _counts(here: InterfaceFacts, there: InterfaceFacts) -> Iterator[tuple[int, int]]:
    yield here.sent, there.received
    yield there.sent, here.received


def towards(scene: Scene, router: str, address: Address) -> Iterator[Probe]:
    """From a router's site to an address, and between the NBMA addresses of the two ends."""
    facts = scene.of(router)
    site = site_of(scene, router, facts) if facts is not None else None
    if site is None or site[1].version != address.version:
        return
    yield Probe(kind=Kind.SITES, router=router, target=address, source=site[0], repeat=5)
    yield Probe(kind=Kind.TRACE, router=router, target=address, source=site[0])


def for_client(client: Client) -> Iterator[Probe]:
    """Between a tunnel and its server."""
    tunnel, nbma = client.tunnel, client.nbma
    source = interface_of(client.facts, tunnel.source_interface)
    if nbma is not None and source is not None and source.line:
        probe = partial(Probe, router=client.name, target=nbma, source=source.name)
        first = probe(kind=Kind.UNDERLAY, repeat=10)
        yield first
        yield probe(kind=Kind.LOSS, repeat=40, only_if=first)
        most = min(source.ip_mtu, tunnel.ip_mtu + source.ip_mtu - tunnel.room)
        yield probe(kind=Kind.UNDERLAY_FULL, size=most, df=True, repeat=3, only_if=first)
        yield probe(kind=Kind.UNDERLAY_PIECES, size=_PIECES, repeat=3, only_if=first)
    address = client.server.address if client.server is not None else None
    if tunnel.up and address is not None and any(own.version == address.version for own in tunnel.addresses):
        probe = partial(Probe, router=client.name, target=address, source=tunnel.name)
        first = probe(kind=Kind.TUNNEL)
        yield first
        yield probe(kind=Kind.TUNNEL_FULL, repeat=3, size=tunnel.ip_mtu, df=True, only_if=first)


def from_one_end(scene: Scene, router: str, address: Address | None = None) -> Iterator[Probe]:
    """What one router can try by itself."""
    for client in list(scene.clients(router))[:MOST_PAIRS]:
        route = best_route(client.facts, client.nbma) if client.nbma is not None else None
        for hop in route.next_hops[:1] if route is not None else ():
            if hop.address is not None and all(hop.interface != tunnel.name for tunnel in client.facts.tunnels):
                yield Probe(kind=Kind.GATEWAY, router=router, target=hop.address, source=hop.interface)
        yield from for_client(client)
        if address is None:
            yield from _to_other_sites(scene, client)
    if address is not None:
        yield from towards(scene, router, address)


def _to_other_sites(scene: Scene, client: Client) -> Iterator[Probe]:
    """Of networks that were learnt by the tunnel the first addresses: for want of hosts that one would know."""
    site = site_of(scene, client.name, client.facts)
    found = [
        route.prefix[1]
        for route in client.facts.routes
        if any(hop.interface == client.tunnel.name and hop.address is not None for hop in route.next_hops)
        and route.prefix.version == 4
        and 8 <= route.prefix.prefixlen < 31
    ]
    for target in found[:_MOST_SITES] if site is not None else ():
        yield Probe(kind=Kind.SITES, router=client.name, target=target, source=site[0] if site else "", repeat=4)
        yield Probe(kind=Kind.TRACE, router=client.name, target=target, source=site[0] if site else "")


def _between_sites(scene: Scene, router: str | None) -> Iterator[Probe]:
    """Between spokes that send to each other directly already: a probe builds no shortcut."""
    spokes: dict[str, tuple[Client, str, Address]] = {}
    for client in scene.clients():
        site = site_of(scene, client.name, client.facts)
        if site is not None and client.name not in spokes:
            spokes[client.name] = (client, *site)
    seen = {scene.seen_as(client): name for name, (client, *_) in spokes.items()}
    direct = dict.fromkeys(
        (one, other)
        for one, (client, *_) in spokes.items()
        for entry in client.tunnel.mappings
        if entry.kind == "dynamic" and (other := seen.get(entry.nbma, one)) != one
        if spokes[other][2] in entry.target and (router is None or router in (one, other))
    )
    for one, other in list(direct)[:MOST_PAIRS]:
        yield Probe(kind=Kind.SITES, router=one, target=spokes[other][2], source=spokes[one][1], repeat=4)


def site_of(scene: Scene, name: str, facts: RouterFacts) -> tuple[str, Address] | None:
    """An interface that is neither a tunnel nor under one, and its address: where a spoke's hosts are."""
    under = {tunnel.source_interface for tunnel in facts.tunnels} | {tunnel.name for tunnel in facts.tunnels}
    served = {host.address.network for host in scene.lab.hosts.values() if host.router == name}
    found = [(it.name, own) for it in facts.interfaces if it.name not in under and it.line for own in it.addresses]
    found.sort(key=lambda one: one[1].network not in served)
    return (found[0][0], found[0][1].ip) if found else None
