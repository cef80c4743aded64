"""The answering side of resolution, RFC 2332 §5.2.2: this router is the egress for the requested address.

The reply covers the whole prefix of our own route. The requester is stored with the prefix, so that a purge can reach
it when the prefix goes away. If the requester marks its own binding as stable (S), its mapping is learned from the
request.

The reply goes straight to the requester, which proves the direct path at the same time. If the same request comes
again, that reply was lost, and the next one goes back the way the request came; so does a reply to a requester behind
NAT.

On a protected tunnel there may be no direct path yet. The requester's binding in the request opens a crypto socket, so
IKE begins here. The reply waits for it (`WaitingReplies`), but not for long: then it goes back the way the request
came, and the requester, which knows us then, begins too.
"""

from __future__ import annotations

from dataclasses import replace

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, is_one_station
from dmvpn.base.context import Timer
from dmvpn.base.values import Value
from dmvpn.features.nhrp import parts
from dmvpn.features.nhrp.cache import Entry, EntryType, Flag, NbmaPeer, Requester
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.packet import ResolutionFlag, ResolutionReply, ResolutionRequest
from dmvpn.features.nhrp.peers import Peers
from dmvpn.features.nhrp.purge import Purger
from dmvpn.features.nhrp.questions import LARGEST_RESOLVED, Binding, reported_port
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.routing import may_be_beyond
from dmvpn.features.nhrp.tunnel import Tunnel

#: Seconds that a reply waits, and how many may wait.
DIRECT_WITHIN = 1.0
LARGEST_WAITING = 256


class _Waiting(Value):
    """A reply that waits.

    requester: packets to it must be protected.
    sender: the station that the request came from.
    by_hub: the timer that sends the reply through the hub.
    """

    tunnel: str
    requester: NbmaPeer
    sender: NbmaPeer
    reply: ResolutionReply
    by_hub: Timer


class WaitingReplies:
    """See the module's docstring."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._context = instance.context
        self._waiting: dict[int, _Waiting] = {}
        self._serial = 0

    def add(self, tunnel: Tunnel, reply: ResolutionReply, *, requester: NbmaPeer, sender: NbmaPeer) -> None:
        """Let a reply wait, if IKE has a request for protection to the requester."""
        is_wanted = any(True for _ in tunnel.cache.at(requester.nbma))
        if not is_wanted or len(self._waiting) >= LARGEST_WAITING:
            self._instance.send(tunnel, sender, reply)
            return
        serial = self._serial = self._serial + 1
        by_hub = Timer("reply by the hub", lambda: self._send_by_hub(serial), requester.nbma)
        self._waiting[serial] = _Waiting(tunnel.name, requester, sender, reply, by_hub)
        self._context.start(by_hub, DIRECT_WITHIN)

    def withdraw(self, tunnel: Tunnel, request: ResolutionRequest) -> None:
        """Drop the waiting reply to a request that has come again, and is answered now."""
        for serial, waiting in list(self._waiting.items()):
            asked = (waiting.tunnel, waiting.reply.source_protocol, waiting.reply.request_id)
            if asked == (tunnel.name, request.source_protocol, request.request_id):
                self._end(serial)

    def protection_changed(self, tunnel: Tunnel, nbma: IPAddress) -> None:
        """Send replies that wait for a direct path, if there is one now."""
        for serial, waiting in list(self._waiting.items()):
            if (waiting.tunnel, waiting.requester.nbma) == (tunnel.name, nbma):
                way = self._instance.secured(tunnel, waiting.requester)
                if way is not None:
                    self._instance.send(tunnel, way, self._end(serial).reply)

    def _send_by_hub(self, serial: int) -> None:
        """Send a reply that has waited long enough through the hub. Its tunnel may be gone by now."""
        waiting = self._end(serial)
        tunnel = self._instance.tunnels.get(waiting.tunnel)
        if tunnel is not None and tunnel.running:
            self._instance.send(tunnel, waiting.sender, waiting.reply)

    def _end(self, serial: int) -> _Waiting:
        waiting = self._waiting.pop(serial)
        self._context.stop(waiting.by_hub)
        return waiting


#: Prefixes of ours that we gave in replies. A router that answers for the whole Internet answers host by host.
LARGEST_LOCAL = 4096
#: Peers of one tunnel whose mapping may come from their requests alone; further ones are requested like any peer.
LARGEST_HEARSAY = 4096

_COPIED = ResolutionFlag.ROUTER | ResolutionFlag.SOURCE_STABLE | ResolutionFlag.NAT
_ADDED = ResolutionFlag.AUTHORITATIVE | ResolutionFlag.DESTINATION_STABLE | ResolutionFlag.UNIQUE


class Responder:
    """Answers Resolution Requests and owns the local entries."""

    def __init__(self, instance: Instance, peers: Peers, purger: Purger) -> None:
        self._instance = instance
        self._context = instance.context
        self._peers = peers
        self._purger = purger
        self._waiting = WaitingReplies(instance)

    def answer(self, tunnel: Tunnel, packet: ResolutionRequest, sender: NbmaPeer, prefix: Prefix) -> None:
        """Answer a Resolution Request for an address in `prefix`, which is ours."""
        if self._instance.is_leaving:
            return  # the requester will send it again, and then another station answers, or none
        nbma, is_behind_nat = _requester_nbma(tunnel, packet)
        came_straight = _came_straight(tunnel, packet, nbma, sender)
        at = sender if came_straight else NbmaPeer(nbma)
        asker = _Asker(at, came_straight, at.nbma == tunnel.nbma or not is_one_station(at.nbma), is_behind_nat)
        policy = self._policy(tunnel, packet, asker.at.nbma, prefix)
        if policy is not parts.CieCode.SUCCESS:
            self.refuse(tunnel, packet, sender, policy)
            return
        to = sender if asker.is_nowhere else asker.at
        repeated = self._remember(tunnel, packet, to, prefix)
        if repeated is None:
            self.refuse(tunnel, packet, sender, parts.CieCode.INSUFFICIENT_RESOURCES)
            return
        cie = self._instance.own_entry(tunnel, prefix.length)
        if is_link_local(packet.destination_protocol):
            cie = replace(cie, protocol=packet.destination_protocol)  # our address is the next hop that was requested
        reply = self._reply(tunnel, packet, cie)
        by_hub = asker.is_behind_nat or asker.is_nowhere or not tunnel.multipoint
        way = sender if by_hub or repeated or asker.came_straight else self._instance.secured(tunnel, to)
        if way is not None:
            self._waiting.withdraw(tunnel, packet)
            self._instance.send(tunnel, way, reply)
        self._learn_requester(tunnel, packet, asker, sender)
        if way is None:
            self._waiting.add(tunnel, reply, requester=to, sender=sender)
        self._instance.debug(
            "nhrp detail",
            tunnel,
            lambda: (
                f"NHRP-DETAIL: {tunnel.name}: {packet.source_protocol} resolved {prefix} at {self._context.now:.3f}"
            ),
            asker.at.nbma,
            address=packet.source_protocol,
        )

    def refuse(
        self,
        tunnel: Tunnel,
        packet: ResolutionRequest,
        sender: NbmaPeer,
        code: parts.CieCode = parts.CieCode.NO_BINDING,
    ) -> None:
        """Refuse with the reason: exactly one CIE that is empty but for the code (RFC 2332 §5.2.2)."""
        tunnel.counters.count_refused(Refusal.RESOLUTION_REFUSED)
        self._instance.send(tunnel, sender, self._reply(tunnel, packet, parts.ClientInfo(code=code)))

    def protection_changed(self, tunnel: Tunnel, nbma: IPAddress) -> None:
        """Send replies that wait for a direct path, if there is one now."""
        self._waiting.protection_changed(tunnel, nbma)

    # -------------------------------------------------------------------------------------------- parts

    def _policy(self, tunnel: Tunnel, packet: ResolutionRequest, requester: IPAddress, prefix: Prefix) -> parts.CieCode:
        """Return why a request must not be answered, or SUCCESS. A point-to-point tunnel only takes packets of its far
        end.

        A request for a unique binding (U) gets our own addresses alone: prefixes behind us may have other egresses,
        too.
        """
        if tunnel.far_end is not None and requester != tunnel.far_end:
            return parts.CieCode.ADMINISTRATIVELY_PROHIBITED
        own = prefix.is_host and self._instance.owns(tunnel, prefix.address)
        if packet.flags & ResolutionFlag.UNIQUE and not own:
            return parts.CieCode.BINDING_NOT_UNIQUE
        return parts.CieCode.SUCCESS

    def _remember(self, tunnel: Tunnel, packet: ResolutionRequest, to: NbmaPeer, prefix: Prefix) -> bool | None:
        """Store the requester of a prefix of ours, and where it is.

        Returns whether the same request came before. None: there is no room, so no purge could reach the requester.
        """
        address, now = packet.source_protocol, self._context.now
        entry = self._local_entry(tunnel, prefix)
        if entry is None:
            return None
        known = (entry.requesters or {}).get(address)
        requester = Requester(packet.request_id, to, now + tunnel.config.holdtime)
        if not tunnel.cache.remember(entry, address, requester, now):
            return None
        if known is None:
            self._purger.given_again(tunnel, address, prefix)
        return known is not None and known.request_id == packet.request_id

    def _local_entry(self, tunnel: Tunnel, prefix: Prefix) -> Entry | None:
        """Return the entry of a prefix of ours.

        None: there is no room for it, so no purge could reach its requesters.
        """
        now, holding_time = self._context.now, tunnel.config.holdtime
        entry = tunnel.cache.get(prefix)
        if entry is not None and entry.is_local:
            entry.lasts(now + holding_time)
            self._instance.time_entry(tunnel, entry)
            return entry
        if entry is not None:
            self._peers.drop(tunnel, entry)
        if tunnel.cache.is_full or len(tunnel.cache.local) >= LARGEST_LOCAL:
            return None
        address, nbma = tunnel.own
        entry = Entry(
            target=prefix,
            next_hop=address,
            nbma=nbma,
            type=EntryType.DYNAMIC,
            created=now,
            expires=now + holding_time,
            flags=Flag.ROUTER | Flag.UNIQUE | Flag.LOCAL,
            holding_time=holding_time,
            mtu=tunnel.mtu,
        )
        self._instance.add_entry(tunnel, entry)
        return entry

    def _reply(self, tunnel: Tunnel, request: ResolutionRequest, cie: parts.ClientInfo) -> ResolutionReply:
        return ResolutionReply(
            source_nbma=request.source_nbma,
            source_protocol=request.source_protocol,
            destination_protocol=request.destination_protocol,
            flags=(request.flags & _COPIED) | (_ADDED if cie.code == parts.CieCode.SUCCESS else ResolutionFlag(0)),
            request_id=request.request_id,
            cies=(cie,),
            extensions=self._extensions(tunnel, request.extensions),
        )

    def _extensions(self, tunnel: Tunnel, extensions: parts.Extensions) -> parts.Extensions:
        """Return the extensions of the request (RFC 2332 §5.3), with this station as the responder."""
        own = self._instance.own_entry(tunnel)
        if parts.find(extensions, parts.ResponderAddress) is not None:
            extensions = parts.put(extensions, parts.ResponderAddress(entries=(self._instance.responder(tunnel),)))
        if parts.find(extensions, parts.NatAddress) is not None:
            public = (replace(own, nbma=tunnel.public_nbma, holding_time=0),) if tunnel.public_nbma else ()
            extensions = parts.put(extensions, parts.NatAddress(entries=public))
        return parts.hop_by_hop(extensions, self._instance.authentication(tunnel))

    def _learn_requester(self, tunnel: Tunnel, packet: ResolutionRequest, asker: _Asker, sender: NbmaPeer) -> None:
        """Learn the requester, RFC 2332 §6.2.1: its binding may be cached if it is stable and has a holding time."""
        cie, source, at = packet.cies[0] if packet.cies else None, packet.source_protocol, asker.at
        is_stable = ResolutionFlag.SOURCE_STABLE in packet.flags and cie is not None and cie.holding_time
        if cie is None or not is_stable or not tunnel.multipoint or tunnel.config.non_caching:
            return
        path, entry = tunnel.paths.get(source), tunnel.cache.host(source)
        if not is_one_station(source) or asker.is_nowhere or not may_be_beyond(self._instance, tunnel, source):
            tunnel.counters.count_refused(Refusal.FORGED)
            return
        if path is not None and path.usable and not path.neighbor.meets(at):
            return  # no message displaces a path that works; if the peer has moved, the path will soon fail
        is_full = tunnel.cache.is_full or len(tunnel.paths) >= LARGEST_HEARSAY
        if entry is None and (is_full or tunnel.cache.led_to(at) >= LARGEST_RESOLVED):
            tunnel.counters.count_refused(Refusal.NO_ROOM)
            return
        if not self._instance.believes(tunnel, sender, at.nbma):
            return  # it gets its reply through the hub, and begins
        is_implicit = entry is None or entry.type is EntryType.INCOMPLETE or Flag.IMPLICIT in entry.flags
        peer = (source, at.nbma)
        binding = Binding(
            next_hop=source,
            nbma=at.nbma,
            connection=at.connection,
            claimed=packet.source_nbma if packet.source_nbma != at.nbma else None,
            holding_time=cie.holding_time,
            mtu=cie.mtu,
            direct=asker.came_straight,
            flags=Flag.IMPLICIT if is_implicit else Flag(0),
            port=0 if asker.came_straight else reported_port(tunnel, packet.extensions, sender, peer),
        )
        self._peers.learn(tunnel, binding)


class _Asker(Value):
    """Where the requester is.

    at: the NBMA address in the request, or the connection.
    is_nowhere: the address is impossible.
    is_behind_nat: by the request, or by our own knowledge.
    """

    at: NbmaPeer
    came_straight: bool
    is_nowhere: bool
    is_behind_nat: bool


def _came_straight(tunnel: Tunnel, packet: ResolutionRequest, requester: IPAddress, sender: NbmaPeer) -> bool:
    """Return whether the requester itself sent it here.

    On a protected tunnel the record shows it: two stations may be behind one translator, and one may look different
    from elsewhere.
    """
    record = parts.find(packet.extensions, parts.ForwardTransitRecord) if tunnel.protected else None
    return not record.entries if record is not None else requester == sender.nbma


def _requester_nbma(tunnel: Tunnel, packet: ResolutionRequest) -> tuple[IPAddress, bool]:
    """Return where packets to the requester go, and whether it is behind a translator, by the request or by our own
    data.
    """
    nat = parts.find(packet.extensions, parts.NatAddress)
    for entry in nat.entries if nat else ():
        translated = entry.nbma
        if entry.protocol == packet.source_protocol and translated is not None and translated != packet.source_nbma:
            return translated, True
    registered = tunnel.cache.host(packet.source_protocol)
    if registered is not None and registered.nbma is not None and registered.claimed == packet.source_nbma:
        return registered.nbma, True
    return packet.source_nbma, False
