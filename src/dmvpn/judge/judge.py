"""The judge of a simulated network: it looks at packets on wires and at forwarding tables, and trusts no router.

    wire      `seen`: every packet of a flow, with sender and receiver    -> forwarding loops
    host      `arrived`                                                   -> lost packets; the TTL on arrival
    faults    `begins`, `ends`                                            -> which losses are excused, and how long
    clock     `review`                                                    -> and `Tables`: adjacencies and caches

A lost packet is excused while no working path exists, during episodes of loss, and for the time that `bounds` grants to
each fault from its begin and from its end. At any other time no packet may be lost. Spokes that talk directly when
their hubs die may lose no packet until a holding time can end (not with `if-state nhrp`). `demanded` counts the packets
whose loss would not have been excused: the larger their share, the stronger the verdict.

Four rules for tables. Every dynamic NHRP entry is explained by a message that this router received within the holding
time in that message, and the station that the entry leads to has not purged it since. An adjacency that leads to no
station, or to a station that is neither the next hop (any longer) nor on the path to it, disappears within the holding
time. So does a shortcut (a path through another spoke) whose packets do not reach that spoke directly. And no table
grows without bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.errors import WireError
from dmvpn.base.events import Event, NhrpReceived
from dmvpn.base.values import Mutable, Value
from dmvpn.dataplane.contract import UNRESOLVED_NEXT_HOPS
from dmvpn.features.nhrp import packet as nhrp
from dmvpn.features.nhrp.cache import EntryType
from dmvpn.features.nhrp.forwarding import LARGEST_GLEANED
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.parts import NatAddress, find
from dmvpn.features.nhrp.resolver import LARGEST_INCOMPLETE
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.judge import faults
from dmvpn.judge.anatomy import Anatomy, Link, link
from dmvpn.judge.bounds import BoundPart, at_begin, at_end, is_loss
from dmvpn.judge.faults import Fault
from dmvpn.judge.traffic import FIRST_TTL, HostFlow, Mark, Traffic
from dmvpn.shells.simulator.node import RouterNode
from dmvpn.shells.simulator.simulator import Simulator

# ------------------------------------------------------------------------------------------------ tables


#: Entries and adjacencies of one tunnel beyond one for each station and LAN: what a storm may leave for a while.
SLACK = LARGEST_INCOMPLETE + LARGEST_GLEANED + UNRESOLVED_NEXT_HOPS
#: Timers of the world that may wait at a time, for each node. More means that something sets them without end.
TIMERS = 500


class _Heard(Mutable):
    """The NHRP information that a router received since it started.

    The first table: (protocol address, NBMA address) -> the time at which the mapping expires. purged: NBMA address ->
    the (tunnel, prefix) pairs that this station purged since the last message about it.
    """

    node: RouterNode
    announced: dict[tuple[IPAddress, IPAddress], float] = field(default_factory=dict)
    purged: dict[IPAddress, list[tuple[str, Prefix]]] = field(default_factory=dict)


class Tables:
    """Compares tables with the messages received, from the first packet on.

    accuse: called with the rule and the text of a violation.
    """

    def __init__(self, world: Simulator, anatomy: Anatomy) -> None:
        self.accuse: Callable[[str, str], None] = lambda _rule, _text: None
        self._world = world
        self._anatomy = anatomy
        self._heard: dict[str, _Heard] = {}
        self._stray: dict[tuple[str, str], float] = {}
        self._far = {address: name for name, site in anatomy.sites.items() if site.stub for _, address in site.tunnels}
        self._holding_time = float(anatomy.holding_time)
        for name in anatomy.sites:
            self._listen(name)

    def _listen(self, name: str) -> None:
        def watch(event: Event) -> None:
            if type(event) is NhrpReceived:
                self._take(name, event)

        self._world.routers[name].add_watch(watch)

    # ------------------------------------------------------------------------------------------ NHRP messages

    def _take(self, name: str, event: NhrpReceived) -> None:
        try:
            packet = nhrp.parse(event.data)
        except WireError:
            return
        if isinstance(packet, nhrp.PurgeRequest):
            self._take_purge(name, event, packet)
            return
        if not isinstance(packet, nhrp.ClientMessage) or isinstance(packet, nhrp.PurgeReply):
            return
        addresses = {packet.source_protocol: None, packet.destination_protocol: None}
        nbmas: dict[IPAddress, None] = {event.outer_source: None, packet.source_nbma: None}
        longest = self._holding_time
        for cie in packet.cies:
            longest = max(longest, float(cie.holding_time))
            if cie.protocol is not None:
                addresses[cie.protocol] = None
            if cie.nbma is not None:
                nbmas[cie.nbma] = None
        nat = find(packet.extensions, NatAddress)
        for entry in nat.entries if nat else ():
            if entry.nbma is not None:
                nbmas[entry.nbma] = None
        heard = self._of(name)
        for nbma in nbmas:
            heard.purged.pop(nbma, None)
            for address in addresses:
                heard.announced[address, nbma] = self._world.now + longest

    def _take_purge(self, name: str, event: NhrpReceived, packet: nhrp.PurgeRequest) -> None:
        """Note that the station at an NBMA address purged mappings that lead to it.

        A later message about that address makes them valid again.
        """
        if packet.destination_protocol not in [address for _, address in self._anatomy.sites[name].tunnels]:
            return  # it passes through
        purged = self._of(name).purged.setdefault(event.outer_source, [])
        for cie in packet.cies:
            address = packet.source_protocol if cie.protocol is None else cie.protocol
            prefix = Prefix.of(address, cie.host_or_prefix_length(address.max_prefixlen))
            purged.append((event.tunnel, prefix))

    def _of(self, name: str) -> _Heard:
        """Return what the router received since it started; a restarted router begins empty."""
        node = self._world.routers[name]
        heard = self._heard.get(name)
        if heard is None or heard.node is not node:
            heard = self._heard[name] = _Heard(node)
        return heard

    # -------------------------------------------------------------------------------------------- looking

    def look(self) -> None:
        """Look at all tables."""
        owners = self._owners()
        standing: dict[tuple[str, str], None] = {}
        for name in self._anatomy.sites:
            node = self._world.routers[name]
            if not node.alive:
                continue
            for tunnel in node.router.machine(NhrpMachine).tunnels:
                self._check_entries(name, tunnel)
                self._check_sizes(name, node, tunnel)
                for next_hop, nbma in node.plane.adjacencies(tunnel.name).items():
                    by_server = nbma in self._anatomy.sites[name].configured
                    if not by_server and not self._leads_somewhere(owners, next_hop, nbma):
                        standing["stale adjacency", f"{name} {tunnel.name}: {next_hop} still leads to {nbma}"] = None
            if self._anatomy.sites[name].shortcuts:
                standing.update(dict.fromkeys(self._hollow_shortcuts(owners, name, node)))
        # What leads nowhere may not outlast the holding time.
        now = self._world.now
        self._stray = {stray: self._stray.get(stray, now) for stray in standing}
        for (rule, what), since in self._stray.items():
            if now - since > self._holding_time + BoundPart.SETTLING.seconds:
                self.accuse(rule, f"{what} after {now - since:.0f} s")
        timers = self._world.pending
        if timers > TIMERS * (len(self._world.routers) + len(self._world.hosts)):
            self.accuse("bounds", f"{timers} timers wait in the world")

    def _check_entries(self, name: str, tunnel: Tunnel) -> None:
        heard = self._of(name)
        now = self._world.now
        for entry in tunnel.cache.entries():
            if entry.type is not EntryType.DYNAMIC or entry.is_local or entry.nbma is None:
                continue
            until = heard.announced.get((entry.next_hop, entry.nbma))
            if until is None:
                what = f"{name} {tunnel.name}: no message said {entry.target} by {entry.next_hop} at {entry.nbma}"
                self.accuse("unexplained entry", what)
            elif until < now:
                what = f"{name} {tunnel.name}: {entry.target} at {entry.nbma} outlives its holding time"
                self.accuse("stale entry", what)
            for where, prefix in heard.purged.get(entry.nbma, ()):
                if where == tunnel.name and entry.target.address in prefix and prefix.length <= entry.target.length:
                    what = f"{name} {tunnel.name}: {entry.target} at {entry.nbma} remains, and {prefix} was purged"
                    self.accuse("purged entry", what)
                    break

    def _check_sizes(self, name: str, node: RouterNode, tunnel: Tunnel) -> None:
        room = SLACK + 8 * len(self._anatomy.sites)
        for what, size in (
            ("cache entries", len(tunnel.cache)),
            ("adjacencies", len(node.plane.adjacencies(tunnel.name))),
        ):
            if size > room:
                self.accuse("bounds", f"{name} {tunnel.name}: {size} {what}")

    def _hollow_shortcuts(self, owners: dict[IPAddress, str], name: str, node: RouterNode) -> Iterator[tuple[str, str]]:
        """Yield shortcuts to hosts through another spoke without an adjacency, or with the adjacency of a hub."""
        for host in self._world.hosts.values():
            for destination, _ in host.plane.addresses_of("eth0"):
                for hop in (hop for vrf in node.plane.tables for hop in node.plane.route(destination, vrf)):
                    far = self._far.get(hop.address) if hop.address is not None else None
                    if hop.address is None or far is None or far == name:
                        continue
                    nbma = node.plane.adjacency(hop.interface, hop.address)
                    if nbma is None or owners.get(nbma) in self._anatomy.hubs:
                        yield "stale shortcut", f"{name} {hop.interface}: {destination} still goes by {hop.address}"

    def _owners(self) -> dict[IPAddress, str]:
        """Return the live site, or the NAT, behind each NBMA address."""
        owners: dict[IPAddress, str] = {}
        for name, site in self._anatomy.sites.items():
            node = self._world.routers[name]
            if node.alive:
                for interface in site.sources:
                    for address, _ in node.plane.addresses_of(interface):
                        owners[address] = name
        for gateway in self._world.gateways.values():
            for public, station in gateway.inward.items():
                owners.setdefault(public, owners.get(station, gateway.name))
            owners.setdefault(gateway.public, gateway.name)
        return owners

    def _leads_somewhere(self, owners: dict[IPAddress, str], next_hop: IPAddress, nbma: IPAddress) -> bool:
        owner = owners.get(nbma)
        if owner is None:
            return False
        if owner not in self._anatomy.sites or not self._anatomy.sites[owner].stub:
            return True  # a hub forwards packets for other stations; behind NAT there may be several
        return any(address == next_hop for _, address in self._anatomy.sites[owner].tunnels)


# ------------------------------------------------------------------------------------------------ packets


#: Seconds after which a packet that did not arrive counts as lost: no queue of ours keeps one longer.
GRACE = 2.5
#: How often a packet may pass the same wire in the same direction. Twice: it was under way when the routes changed.
#: Where wires double packets, so many times that: a way through a hub crosses four wires of the provider's, which
#: makes 16 copies at most. A loop makes more of a TTL of 64.
CROSSINGS, COPIES = 2, 8
#: A direct path outlives its hubs by the rest of its holding time, and an entry in use is renewed when a third of it is
#: left, or this many seconds. The renewal itself may fail.
RENEWED_BEFORE, RENEWAL = 120.0, 10.0
#: Packets in a row that must have gone directly for a conversation to count as direct.
DIRECT_PACKETS = 3
#: Seconds for which packets are sent at the dense pace after a fault began or ended; the sparse pace is enough to see
#: longer failures.
CLOSE = 17.0
#: No more are written down of one run.
MOST_VIOLATIONS = 20


class Violation(Value):
    """A violation of a rule. rule: its name. time: seconds since the network converged.

    way: of a packet, from node to node; (): it is not about a packet.
    """

    time: float
    rule: str
    text: str
    way: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.time:.2f} s: {self.rule}: {self.text}"


class _Docket(Mutable):
    """The state of one flow. excuses: from, until, why. dark_since: the begin of a time without a path, or with loss.

    troubled_since: the begin of a fault since which full recovery was never due: retry intervals may have grown all the
    time. lasting: faults that keep registrations unanswered, each with the time since when; another hub may carry all
    traffic meanwhile. owed: the time that `bounds` grants once the path is back. entitled: a time in which no packet
    may be lost. lossy: episodes of loss that last. history: faults, each with the time by which all their effects were
    over; a flow that paused until then meets the effects when it resumes.
    """

    excuses: list[tuple[float, float, str]] = field(default_factory=list)
    dark_since: float | None = None
    troubled_since: float = 0.0
    lasting: list[tuple[Fault, float]] = field(default_factory=list)
    owed: float = 0.0
    entitled: tuple[float, float] | None = None
    lossy: int = 0
    history: list[tuple[Fault, float]] = field(default_factory=list)


class Judge:
    """See the module's docstring. Internal times are the world's; printed times count from `start`."""

    def __init__(self, world: Simulator, anatomy: Anatomy, traffic: Traffic, start: float) -> None:
        self.violations: list[Violation] = []
        self.start = start
        self.lost = 0
        self.demanded = 0
        self.longest: dict[str, float] = {}
        self._world = world
        self._anatomy = anatomy
        self._hubs = anatomy.hubs
        self._traffic = traffic
        self._dockets = [_Docket() for _ in traffic.flows]
        self._crossings: dict[Mark, dict[tuple[str, str], int]] = {}
        self._touched: dict[int, int] = {}
        self._dead: dict[str, None] = {}
        self._broken: dict[Link, int] = {}
        self._doubling = 0
        self._copies_until = 0.0
        left = min(RENEWED_BEFORE, anatomy.holding_time / 3) - RENEWAL
        self._entitlement = 0.0 if anatomy.if_state else max(0.0, left)
        traffic.arrived = self.arrived
        traffic.started = self.started

    def accuse(self, rule: str, text: str, time: float | None = None, way: tuple[tuple[str, str], ...] = ()) -> None:
        """Write a violation down. time: of the world; None: now. way: of the packet that it is about."""
        if len(self.violations) < MOST_VIOLATIONS:
            when = self._world.now if time is None else time
            self.violations.append(Violation(round(when - self.start, 3), rule, text, way))

    # -------------------------------------------------------------------------------------------- packets

    def seen(self, sender: str, receiver: str, mark: Mark) -> None:
        """Note that a packet of a flow is on a wire."""
        if sender in self._hubs or receiver in self._hubs:
            self._touched[mark.flow] = max(self._touched.get(mark.flow, 0), mark.sequence)
        ways = self._crossings.setdefault(mark, {})
        ways[sender, receiver] = count = ways.get((sender, receiver), 0) + 1
        doubled = self._doubling or self._world.now < self._copies_until
        if count == CROSSINGS * (COPIES if doubled else 1) + 1:
            route = ", ".join(f"{one}-{other}" for one, other in ways)
            self.accuse(
                "loop", f"packet {mark.sequence} of {self._name(mark.flow)} goes round: {route}", way=tuple(ways)
            )

    def arrived(self, flow: HostFlow, sequence: int, ttl: int) -> None:
        """Note that a packet reached its host with this TTL."""
        sent = flow.sent.pop(sequence, None)
        if sent is None:
            return  # a second copy, or a packet that arrived too late
        ways = self._crossings.pop(Mark(flow.number, sequence), {})
        routers = sum(sender in self._anatomy.sites for sender, _ in ways)
        if ttl != FIRST_TTL - routers and max(ways.values(), default=0) == 1:
            passed = f"{routers} routers passed packet {sequence} of {self._name(flow.number)} on"
            self.accuse("ttl", f"{passed}, and its TTL went from {FIRST_TTL} to {ttl}", way=tuple(ways))
        self.demanded += self._broken_by_loss(self._dockets[flow.number], sent) is not None
        flow.direct = 0 if self._touched.get(flow.number, 0) >= sequence else flow.direct + 1

    def review(self) -> None:
        """Judge the packets that should have arrived by now."""
        limit = self._world.now - GRACE
        for flow in self._traffic.flows:
            late = [sequence for sequence, sent in flow.sent.items() if sent <= limit]
            for sequence in late:
                self._judge_lost(flow, sequence, flow.sent.pop(sequence))
        # Crossings of packets that arrived: second copies have come in again by other ways.
        living = {Mark(flow.number, sequence) for flow in self._traffic.flows for sequence in flow.sent}
        for mark in [mark for mark in self._crossings if mark not in living]:
            del self._crossings[mark]

    def _judge_lost(self, flow: HostFlow, sequence: int, sent: float) -> None:
        self.lost += 1
        flow.direct = 0
        ways = self._crossings.pop(Mark(flow.number, sequence), {})
        docket = self._dockets[flow.number]
        rule = self._broken_by_loss(docket, sent)
        if rule is None:  # how much of the bound was needed: the latest fault that explains the loss is taken
            covering = [(sent - begin, why) for begin, end, why in docket.excuses if begin <= sent <= end]
            if covering:
                age, why = min(covering)
                self.longest[why] = max(self.longest.get(why, 0.0), age)
            return
        self.demanded += 1
        seen = ", ".join(f"{one}-{other}" for one, other in ways) or "nowhere"
        lost = f"packet {sequence} of {self._name(flow.number)} is lost; it was seen {seen}"
        self.accuse(rule, lost, sent, tuple(ways))

    def _broken_by_loss(self, docket: _Docket, sent: float) -> str | None:
        """Return the rule that the loss of a packet breaks; None if it is excused."""
        if docket.entitled is not None and docket.entitled[0] <= sent <= docket.entitled[1]:
            return "direct path"
        if docket.dark_since is not None and sent >= docket.dark_since:
            return None
        return None if any(begin <= sent <= end for begin, end, _ in docket.excuses) else "black hole"

    def started(self, flow: HostFlow) -> None:
        """Note that a flow resumes after a pause.

        The effects of faults during the pause, such as the loss of a direct path, appear only now.
        """
        docket = self._dockets[flow.number]
        flow.direct = 0
        missed = [fault for fault, over in docket.history if over >= flow.paused_at]
        granted = [max(at_begin(fault, self._anatomy), at_end(fault, self._anatomy, 0.0)) for fault in missed]
        if granted:
            self._excuse(docket, max(*granted, BoundPart.DIRECT.seconds), "it was silent when something happened")
        docket.history.clear()

    # -------------------------------------------------------------------------------------------- faults

    def begins(self, fault: Fault) -> None:
        """Note that a fault is about to begin."""
        self.review()
        concerned = self._concerned(fault)
        granted = at_begin(fault, self._anatomy)
        self._entitle(fault)
        for flow in concerned:
            docket = self._dockets[flow.number]
            if self._is_quiet(docket):
                docket.troubled_since = self._world.now
            if fault.seconds and at_end(fault, self._anatomy, 0.0):
                docket.lasting.append((fault, self._unanswered_since(docket, fault)))
            if granted:
                self._excuse(docket, granted, fault.KIND)
            docket.lossy += is_loss(fault)
            docket.history.append((fault, self._world.now + granted))
        for one, other in self._ways(fault):
            self._broken[link(one, other)] = self._broken.get(link(one, other), 0) + 1
        if isinstance(fault, faults.Kill | faults.Restart):
            self._dead[fault.router] = None
        if isinstance(fault, faults.Impair) and fault.duplicate:
            self._doubling += 1
        self._darken()
        # Spokes that cannot reach each other try again all the time, and no try may cost a packet.
        apart = (
            fault.seconds if isinstance(fault, faults.Partition) and not set(fault.places) & set(self._hubs) else 0.0
        )
        self._traffic.hurry(self._world.now + max(apart, min(granted, CLOSE) + 5.0))

    def ends(self, fault: Fault) -> None:
        """Note that a fault is over."""
        self.review()
        for one, other in self._ways(fault):
            self._broken[link(one, other)] -= 1
        if isinstance(fault, faults.Kill | faults.Restart):
            self._dead.pop(fault.router, None)
        if isinstance(fault, faults.Impair) and fault.duplicate:
            self._doubling -= 1
            self._copies_until = self._world.now + GRACE
        for flow in self._concerned(fault):
            docket = self._dockets[flow.number]
            docket.lossy -= is_loss(fault)
            since = min([docket.troubled_since, *(began for other, began in docket.lasting if other == fault)])
            docket.lasting = [(other, began) for other, began in docket.lasting if other != fault]
            granted = at_end(fault, self._anatomy, self._world.now - since)
            docket.history.append((fault, self._world.now + granted))
            if granted:
                self._excuse(docket, granted, f"end of {fault.KIND}")
                docket.owed = max(docket.owed, granted)
            self._traffic.hurry(self._world.now + min(granted, CLOSE) + 5.0)
            if flow.sites[0] in fault.places or flow.sites[1] in fault.places:
                docket.entitled = None
        self._darken()

    def _excuse(self, docket: _Docket, seconds: float, why: str) -> None:
        now = self._world.now
        docket.excuses = [excuse for excuse in docket.excuses if excuse[1] > now - 2 * GRACE]
        docket.excuses.append((now - BoundPart.FLIGHT.seconds, now + seconds + BoundPart.FLIGHT.seconds, why))

    def _unanswered_since(self, docket: _Docket, fault: Fault) -> float:
        """Return since when registrations that a fault concerns may have no answer: others may concern them, too."""
        same = [began for other, began in docket.lasting if self._same_registrations(fault, other)]
        return min([docket.troubled_since, *same])

    def _same_registrations(self, one: Fault, other: Fault) -> bool:
        """Return whether both keep a client from the same server.

        A client without any server has no way, and no other hub.
        """
        hubs = [{name for name in fault.places if name in self._hubs} for fault in (one, other)]
        clients = [set(fault.places) - found for fault, found in zip((one, other), hubs, strict=True)]
        return bool(hubs[0] & hubs[1]) and (not all(clients) or bool(clients[0] & clients[1]))

    def _concerned(self, fault: Fault) -> list[HostFlow]:
        """Return the flows that a fault may affect: flows of its spokes, or all flows if only hubs are concerned."""
        edge = [name for name in self._places(fault) if name not in self._hubs]
        if not edge:
            return self._traffic.flows
        if isinstance(fault, faults.Partition) and len(edge) == 2:
            return [flow for flow in self._traffic.flows if set(flow.sites) == set(edge)]
        return [flow for flow in self._traffic.flows if flow.sites[0] in edge or flow.sites[1] in edge]

    def _places(self, fault: Fault) -> tuple[str, ...]:
        """Return the sites that a fault happens to: a translator may have several behind it."""
        if not isinstance(fault, faults.Rebind):
            return fault.places
        return (*fault.places, *(other for name in fault.places for other in self._anatomy.sites[name].companions))

    def _ways(self, fault: Fault) -> list[Link]:
        """Return the links that a fault breaks."""
        match fault:
            case faults.Partition(one=one, other=other):
                return [(one, other)]
            case faults.LinkDown(router=router) | faults.Cut(router=router):
                others = self._anatomy.sites
                return [(router, name) for name in others if name != router and others[name].wans]
            case _:
                return []

    def _entitle(self, fault: Fault) -> None:
        """Entitle spokes that talk directly not to notice that something else is gone."""
        now = self._world.now
        for forth, back in zip(self._traffic.flows[::2], self._traffic.flows[1::2], strict=True):
            touched = [name for name in self._places(fault) if name in forth.sites]
            apart = isinstance(fault, faults.Partition) and len(touched) < 2
            for flow in (forth, back):
                docket = self._dockets[flow.number]
                if touched and not apart:
                    docket.entitled = None
                elif (
                    self._entitlement
                    # In phase 2 the IGP route ends with the hub, even if the NHRP entry stays.
                    and all(self._anatomy.sites[name].shortcuts for name in flow.sites)
                    and (docket.entitled is None or self._is_quiet(docket))
                    and isinstance(fault, faults.Kill | faults.Cut | faults.LinkDown | faults.Partition)
                    and min(forth.direct, back.direct) >= DIRECT_PACKETS
                    and not docket.lossy
                    and flow.talking_since is not None
                ):
                    docket.entitled = (now, now + self._entitlement)

    def _is_quiet(self, docket: _Docket) -> bool:
        """Return whether nothing is wrong, and nothing was so lately that an entry could not be renewed in time."""
        now = self._world.now
        return docket.dark_since is None and all(end < now for _, end, _ in docket.excuses)

    def _darken(self) -> None:
        """Find out which flows have a working way."""
        now = self._world.now
        dead = frozenset(self._dead)
        broken = frozenset(way for way, count in self._broken.items() if count > 0)
        for flow, docket in zip(self._traffic.flows, self._dockets, strict=True):
            dark = docket.lossy > 0 or not self._anatomy.connected(*flow.sites, dead, broken)
            if dark and docket.dark_since is None:
                docket.dark_since = now - BoundPart.FLIGHT.seconds
                docket.owed = 0.0
            elif not dark and docket.dark_since is not None:
                since, docket.dark_since = docket.dark_since, None
                docket.excuses.append((since, now + docket.owed + BoundPart.FLIGHT.seconds, "there was no way"))

    # -------------------------------------------------------------------------------------------- the rest

    def _name(self, number: int) -> str:
        flow = self._traffic.flows[number]
        return f"{flow.source}-{flow.destination}"
