"""A network's `Behavior`, measured in virtual time: one world from its first packet to the failure of its hubs.

    at rest     clients register, the forwarding tables get routes: how long that takes, without test packets
    talking     all pairs at the same time: packets lost, the first direct packet, the path at the end
    sizes       the largest packet that arrives unfragmented, the MSS of a SYN on arrival
    a death     each hub in turn is killed while all pairs talk, and started again

The same scenario and seed give the same behavior; a change that no packet shows gives an equal one.

`Rows` are the traffic of each pair of LANs in a world that is up and does not change, and which are worse or better
than before.
"""

from __future__ import annotations

import hashlib
from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import Mutable, Value
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.judge.anatomy import Anatomy, Place, customers_of, passes
from dmvpn.shells.collecting import uncollected
from dmvpn.shells.ready import missing
from dmvpn.shells.simulator.simulator import Simulator
from dmvpn.tools.diff.behavior import (
    Behavior,
    ChangeVerdict,
    LanPair,
    NetworkChange,
    Outage,
    RouterState,
    Talk,
    Topic,
    compare,
)
from dmvpn.tools.diff.probing import LARGEST, Arrival, Lan, Probing, lans_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from dmvpn.network.overlay import Table
    from dmvpn.shells.scenario import Scenario
    from dmvpn.shells.simulator.node import RouterNode


# ------------------------------------------------------------------------------------- a world from its first packet on


#: Virtual seconds: between two looks; without any progress until the network counts as settled; at most.
STEP, QUIET, PATIENCE = 0.25, 40.0, 180.0
#: Seconds after convergence until packets are sent, so that what comes late (EIGRP's last updates) is there.
CALM: Final = 6.0
#: Packets of a pair while all talk first, and seconds between two.
PACKETS, INTERVAL = 30, 0.5
#: So many of the last packets decide whether a pair works.
LAST: Final = 3
#: After something changed: seconds for which the network is watched at least and at most, between two packets of a
#: pair, and for which everything has to arrive before it counts as over.
LEAST_WATCH, LONGEST_WATCH, PACE, OVER = 20.0, 240.0, 0.25, 5.0
#: Most pairs that are tried, that are watched while a hub is dead or a change is made, and whose packet sizes are
#: tried. Of more pairs a sample is taken; the names decide which.
MOST_PAIRS, MOST_WATCHED, MOST_SIZES = 240, 60, 24
#: Routers that a packet may pass, when the tables are asked.
_HOPS: Final = 16


class Subject(Mutable):
    """A world to measure, just built, with its LANs. The last field is called with the progress."""

    scenario: Scenario
    world: Simulator
    anatomy: Anatomy
    lans: dict[str, Lan]
    probing: Probing = field(init=False)
    tell: Callable[[str], None] = lambda _text: None

    def __post_init__(self) -> None:
        self.probing = Probing(self.world, self.scenario, self.anatomy, self.lans)

    @classmethod
    def of(cls, scenario: Scenario, seed: int) -> Subject:
        """Build it."""
        with uncollected():
            world = Simulator.of(scenario, seed)
        anatomy = Anatomy.of(world, scenario)
        return cls(scenario, world, anatomy, lans_of(world, scenario, anatomy))

    def lacks(self) -> list[str]:
        """Return the routers that are not ready, each with the reason."""
        world, scenario = self.world, self.scenario
        lacking = {
            name: missing(node.router, ())
            for name, node in world.routers.items()
            if node.alive and scenario.role(name) != "provider"
        }
        return scenario.still_missing(lacking)

    def addresses(self) -> dict[tuple[str, IPAddress], Table]:
        """Return the table of each address in the overlay, by the customer."""
        of_tables = customers_of(self.world, self.anatomy.sites)
        return {
            (of_tables.get((name, state.vrf), state.vrf), address): (name, state.vrf)
            for name in self.anatomy.sites
            for state in self.world.routers[name].router.ports.interfaces.all()
            for address in state.known_addresses
        }


def choose_pairs(
    lans: Mapping[str, Lan], seed: int, most: int = MOST_PAIRS, *, about: Collection[str] | None = None
) -> tuple[LanPair, ...]:
    """Return all pairs of LANs of one customer, or a sample of `most` that depends on the names and the seed alone.

    about: one end at least is of these.
    """
    names = sorted(lans)
    wanted = set(names if about is None else about)
    ring = sorted(names, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    chosen: dict[LanPair, None] = {}
    for distance in range(1, len(ring)):
        for one, other in zip(ring, ring[distance:] + ring[:distance], strict=True):
            # The other way round comes at another distance.
            if one in wanted and lans[one].customer == lans[other].customer:
                chosen |= {LanPair(one, other): None, LanPair(other, one): None}
        if len(chosen) >= most:
            return tuple(chosen)[:most]
    return tuple(sorted(chosen))


def measure(
    subject: Subject, pairs: Sequence[LanPair], fresh: Sequence[LanPair] = (), *, deaths: bool = True
) -> Behavior:
    """Let a world live through all this. pairs: of LANs that it has. fresh: more of them, that just have to talk."""
    pairs, fresh = ([pair for pair in some if _can_talk(subject, pair)] for some in (pairs, fresh))
    registered, routed = converge(subject, pairs)
    unregistered = tuple(subject.lacks()) if registered is None else ()
    subject.world.run_for(CALM)
    talks = _talk(subject, [*pairs, *fresh])
    states = {}
    for name in subject.anatomy.sites:
        router = subject.world.routers[name].router
        states[name] = RouterState(
            nhrp_entries=sum(len(tunnel.cache) for tunnel in router.machine(NhrpMachine).tunnels),
            eigrp_routes=sum(route.source is RouteSource.EIGRP for route in router.ports.rib.routes()),
        )
    talks |= _sizes(subject, {pair: talks[pair] for pair in sample(pairs, MOST_SIZES)})
    return Behavior(
        lans={name: str(lan.prefix) for name, lan in subject.lans.items()},
        registered=registered,
        routed=routed,
        unregistered=unregistered,
        talks=talks,
        deaths=_deaths(subject, {pair: talks[pair] for pair in sample(pairs, MOST_WATCHED)}) if deaths else {},
        states=states,
    )


def talk_of(subject: Subject, pairs: Sequence[LanPair], packets: int = 12) -> dict[LanPair, Talk]:
    """Return the traffic of pairs in a world that is up: packets that arrive and that are lost, their path and size.

    The counts start from zero.
    """
    subject.probing.reset_counts()
    able = [pair for pair in pairs if _can_talk(subject, pair)]
    talks = _talk(subject, able, packets)
    return talks | _sizes(subject, {pair: talks[pair] for pair in sample(able, MOST_SIZES)})


def warm_up(subject: Subject, pairs: Sequence[LanPair], packets: int = 6) -> None:
    """Let pairs talk until their paths are the final ones; the packets are not counted."""
    subject.probing.reset_counts()
    able = [pair for pair in pairs if _can_talk(subject, pair)]
    for _ in range(packets if able else 0):
        subject.probing.stream(able, 2 * INTERVAL)
    subject.probing.settle()


def sample(pairs: Sequence[LanPair], most: int) -> Sequence[LanPair]:
    """Return at most `most` of the pairs, evenly spread."""
    return pairs[:: -(-len(pairs) // most) or 1]


def _can_talk(subject: Subject, pair: LanPair) -> bool:
    lans = [subject.lans.get(name) for name in pair]
    return all(lans) and len({lan.address.version for lan in lans if lan}) == 1


# ------------------------------------------------------------------------------------------------ at rest


def converge(subject: Subject, pairs: Iterable[LanPair]) -> tuple[float | None, float | None]:
    """Wait until all is there, or nothing comes any more.

    When all were registered, and when the last pair got its way.
    """
    world, owners = subject.world, subject.addresses()
    waiting = dict.fromkeys(pair for pair in pairs if _can_talk(subject, pair))
    registered: float | None = None
    routed, progress, fewest = None, world.now, len(subject.lacks())
    while world.now - progress < QUIET and world.now < PATIENCE:
        subject.tell(f"{world.now:.0f} s after the start, {len(waiting)} pairs of LANs without a way")
        world.run_for(STEP)
        lacks = len(subject.lacks())
        found = [pair for pair in waiting if _has_way(subject, owners, pair)]
        for pair in found:
            del waiting[pair]
        if found or lacks < fewest:
            progress = world.now
            fewest = min(fewest, lacks)
        routed = world.now if found else routed
        if not lacks and registered is None:
            registered = world.now
        if registered is not None and not waiting:
            break
    return registered, routed


def _has_way(subject: Subject, owners: Mapping[tuple[str, IPAddress], Table], pair: LanPair) -> bool:
    """Return whether the forwarding tables of the source's VRF lead from one LAN to the other."""
    source, destination = subject.lans[pair.source], subject.lans[pair.destination]
    here, vrf, target = source.site, source.vrf, destination.address
    for _ in range(_HOPS):
        node = subject.world.routers[here]
        hops = node.plane.route(target, vrf)
        if not hops:
            return False
        hop = hops[0]
        if hop.address is None:
            return here == destination.site
        there = owners.get((source.customer, hop.address))
        if there is None or not _reaches(node, hop.interface, hop.address):
            return False
        here, vrf = there
    return False


def _reaches(node: RouterNode, interface: str, next_hop: IPAddress) -> bool:
    """Return whether it has an adjacency there, or a server that takes packets until it has. Wires need neither."""
    if all(tunnel.name != interface for tunnel in node.router.ports.tunnels.all()):
        return True
    if node.plane.adjacency(interface, next_hop) is not None:
        return True
    tunnels = [tunnel for tunnel in node.router.machine(NhrpMachine).tunnels if tunnel.name == interface]
    return any(client.is_responding for tunnel in tunnels for client in tunnel.clients.values())


# ------------------------------------------------------------------------------------------------ talking


def _talk(subject: Subject, pairs: Sequence[LanPair], packets: int = PACKETS) -> dict[LanPair, Talk]:
    probing = subject.probing
    if not pairs:
        return {}
    for number in range(packets):
        subject.tell(f"packet {number + 1} of {packets} of {len(pairs)} pairs")
        probing.stream(pairs, INTERVAL)
    probing.settle()
    return {pair: _judge(subject, pair) for pair in pairs}


def _judge(subject: Subject, pair: LanPair) -> Talk:
    sent, arrived = subject.probing.sent(pair), subject.probing.arrivals(pair)
    first = next(iter(sent.values()))
    direct = [arrival.left for arrival in arrived.values() if not _hubs_of(subject, pair, arrival)]
    latest = [arrived[number] for number in sorted(sent)[-LAST:] if number in arrived]
    lans = [subject.lans[name] for name in pair]
    ends = {lan.site for lan in lans}
    hops = subject.world.routers[lans[0].site].plane.route(lans[1].address, lans[0].vrf)
    return Talk(
        way=latest[-1].way if latest else (),
        hubs=_hubs_of(subject, pair, latest[-1]) if latest else (),
        next_hop=", ".join(spelled(hop.address) if hop.address else hop.interface for hop in hops),
        direct_after=round(min(direct) - first, 2) if direct and ends.isdisjoint(subject.anatomy.hubs) else None,
        sent=len(sent),
        lost=len(sent) - len(arrived),
        is_denied=not latest and not passes(subject.world, *(Place(lan.site, lan.port, lan.address) for lan in lans)),
    )


def _hubs_of(subject: Subject, pair: LanPair, arrival: Arrival) -> tuple[str, ...]:
    """Return the routers between the ends of a packet's way."""
    ends = {subject.lans[name].site for name in pair}
    return tuple(name for name in arrival.way if name not in ends)


def _sizes(subject: Subject, talks: dict[LanPair, Talk]) -> dict[LanPair, Talk]:
    """Return the talks, with packet sizes where packets arrive."""
    measured = {}
    guess = 1400
    for number, pair in enumerate((pair for pair, talk in talks.items() if talk.arrives), 1):
        subject.tell(f"packet sizes of pair {number} of {len(talks)}")
        largest = subject.probing.largest_whole(pair, guess)
        guess = largest or guess
        measured[pair] = replace(talks[pair], mtu=largest, mss=subject.probing.mss(pair))
    return measured


# ------------------------------------------------------------------------------------------------ a death


def _deaths(subject: Subject, talks: dict[LanPair, Talk]) -> dict[str, tuple[Outage, ...]]:
    """Kill each hub in turn, if there are several; it is restarted before the next one is killed."""
    hubs = [name for name in subject.anatomy.hubs if subject.anatomy.sites[name].tunnels]
    world = subject.world
    found: dict[str, tuple[Outage, ...]] = {}
    for hub in hubs if len(hubs) > 1 else ():
        able = [
            pair
            for pair, talk in talks.items()
            if talk.arrives and hub not in [subject.lans[name].site for name in pair]
        ]
        subject.tell(f"the death of {hub}")
        world.kill(hub)
        lost = []  # nothing in the configurations could lead from one to the other without this hub
        for pair in able:
            source, destination = (subject.lans[name].site for name in pair)
            if not subject.anatomy.connected(source, destination, frozenset({hub}), frozenset()):
                lost.append(pair)
        found[hub] = watch(subject, able, lost=lost)
        subject.tell(f"{hub} comes back")
        world.boot(hub, subject.scenario.configurations[hub])
        world.run_while(lambda: bool(subject.lacks()), PATIENCE, step=1.0)
        world.run_for(LEAST_WATCH)
    return found


def watch(
    subject: Subject, pairs: Sequence[LanPair], *, least: float = LEAST_WATCH, lost: Sequence[LanPair] = ()
) -> tuple[Outage, ...]:
    """Let all pairs talk until no packet is lost any more. Returns the outages, the worst first.

    least: seconds. lost: pairs whose recovery is not awaited.
    """
    probing, world = subject.probing, subject.world
    if not pairs:
        world.run_for(least)
        return ()
    probing.reset_counts()
    begin = world.now
    while world.now < begin + least + LONGEST_WATCH:
        subject.tell(f"{len(pairs)} pairs are watched, {world.now - begin:.0f} s")
        probing.stream(pairs, PACE)
        # All packets of the last seconds arrived, apart from packets still in flight.
        since, until = world.now - OVER - 1.0, world.now - 1.0
        if world.now >= begin + least and all(
            number in probing.arrivals(pair)
            for pair in pairs
            if pair not in lost
            for number, left in probing.sent(pair).items()
            if since <= left <= until
        ):
            break
    probing.settle()
    outages = [_outage(subject, pair) for pair in pairs]
    return tuple(sorted((one for one in outages if one), key=lambda one: (one.back, -one.seconds, one.pair)))


def _outage(subject: Subject, pair: LanPair) -> Outage | None:
    sent, arrived = subject.probing.sent(pair), subject.probing.arrivals(pair)
    lost = [number for number in sent if number not in arrived]
    if not lost:
        return None
    back = all(number in arrived for number in sorted(sent)[-LAST:])
    return Outage(pair=pair, seconds=round(len(lost) * PACE, 2), back=back)


# ------------------------------------------------------------------------------------------------ a world that is up


#: What a row says of a pair.
TOPICS: Final = (Topic.REACHABILITY, Topic.WAY, Topic.LOSS, Topic.MTU, Topic.MSS)
#: A share of lost packets from which a pair counts as harmed; below it is a class of its own.
_LOSS: Final = 0.1
#: What `compare` has no row for: packets of 1500 octets that arrive in however many pieces.
_FULL: Final = "large packets"


class Rows(Value):
    """The traffic of pairs: their talks, and the pairs whose packets of 1500 octets arrive, whole or in fragments."""

    talks: dict[LanPair, Talk]
    full: tuple[LanPair, ...]

    @classmethod
    def of(cls, subject: Subject, pairs: Sequence[LanPair]) -> Rows:
        """Let all pairs talk in a world that is up, and return the measurements."""
        talks = talk_of(subject, pairs)
        probing = subject.probing
        arrived = [pair for pair, talk in talks.items() if talk.arrives]
        numbers = {pair: probing.send(pair, length=LARGEST, whole=False) for pair in arrived}
        probing.settle()
        return cls(talks, tuple(pair for pair, number in numbers.items() if number in probing.arrivals(pair)))

    def loss(self, pair: LanPair) -> float:
        """Return the share that was lost."""
        talk = self.talks[pair]
        return talk.lost / talk.sent if talk.sent else 0.0


def worse(now: Rows, well: Rows) -> tuple[str, ...]:
    """Return the rows that are worse, by the rules of `dmvpn diff`: pair and topic. A little loss does not count."""
    found = [f"{one.subject} {one.topic.value}" for one in changes(well, now, ChangeVerdict.WORSE)]
    return (*found, *(f"{pair} {_FULL}" for pair in well.full if pair in now.talks and pair not in now.full))


def changes(before: Rows, after: Rows, verdict: ChangeVerdict) -> list[NetworkChange]:
    """Return the changes of `compare` with this verdict, for the topics of rows."""
    both = [pair for pair in after.talks if pair in before.talks]
    lossy = {str(pair) for pair in both if abs(after.loss(pair) - before.loss(pair)) > _LOSS}
    then, now = (Behavior(lans={}, registered=None, routed=None, talks=one.talks) for one in (before, after))
    return [
        one
        for one in compare(then, now)
        if one.verdict is verdict and one.topic in TOPICS and (one.topic is not Topic.LOSS or one.subject in lossy)
    ]
