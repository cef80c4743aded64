"""The answering side of resolution, RFC 2332 §5.2.2: this router is where the address leaves the network.

The answer covers the whole prefix of our own route. Who asked is remembered with it, so that it can be told when the
prefix goes away, and, if it says that its own binding is stable (S), its mapping is learned from the request.

The way of the reply: straight to the requester, which proves the direct path at the same time. If the same request
comes again, that reply was lost, and the next one goes back by the way the request came; so does one to a requester
behind NAT.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import is_link_local, is_one_station
from dmvpn.features.nhrp.cache import LARGEST_LOCAL, Entry, EntryType, Flag, Requester
from dmvpn.features.nhrp.cie import CieCode, ClientInfo
from dmvpn.features.nhrp.counters import Refusal
from dmvpn.features.nhrp.extensions import Extensions, NatAddress, ResponderAddress, find, put
from dmvpn.features.nhrp.packet import ResolutionFlag, ResolutionReply, ResolutionRequest
from dmvpn.features.nhrp.peers import Binding, Peers
from dmvpn.features.nhrp.replies import hop_by_hop
from dmvpn.features.nhrp.ways import may_be_beyond

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel

#: Peers of one tunnel whose mapping may come from their requests alone; further ones are asked for like all others.
LARGEST_HEARSAY = 4096

_COPIED = ResolutionFlag.ROUTER | ResolutionFlag.SOURCE_STABLE | ResolutionFlag.NAT
_ADDED = ResolutionFlag.AUTHORITATIVE | ResolutionFlag.DESTINATION_STABLE | ResolutionFlag.UNIQUE


class Responder:
    """Answers Resolution Requests and owns the local entries."""

    def __init__(self, station: Station, peers: Peers) -> None:
        self._station = station
        self._peers = peers

    def answer(self, tunnel: Tunnel, packet: ResolutionRequest, outer_source: IPAddress, prefix: Prefix) -> None:
        """A Resolution Request for an address in `prefix`, which is ours."""
        requester, behind_nat = _requester_nbma(tunnel, packet)
        nowhere = requester == tunnel.nbma or not is_one_station(requester)
        by_hub = behind_nat or nowhere or not tunnel.multipoint
        now, asker = self._station.now, packet.source_protocol
        policy = self._policy(tunnel, packet, requester, prefix)
        if policy is not CieCode.SUCCESS:
            self.refuse(tunnel, packet, outer_source, policy)
            return
        entry = self._local_entry(tunnel, prefix)
        known = (entry.requesters or {}).get(asker) if entry else None
        at = outer_source if nowhere else requester
        remembered = Requester(packet.request_id, at, now + tunnel.config.holdtime)
        if entry is None or not tunnel.cache.remember(entry, asker, remembered, now):
            self.refuse(tunnel, packet, outer_source, CieCode.INSUFFICIENT_RESOURCES)
            return
        repeated = known is not None and known.request_id == packet.request_id
        cie = self._station.own_entry(tunnel, prefix.length)
        if is_link_local(packet.destination_protocol):
            cie = replace(cie, protocol=packet.destination_protocol)  # this one is the next hop that was asked for
        reply = self._reply(tunnel, packet, cie)
        self._station.send(tunnel, outer_source if by_hub or repeated else requester, reply)
        self._learn_requester(tunnel, packet, requester, direct=requester == outer_source)
        self._station.debug(
            "nhrp detail",
            tunnel,
            lambda: f"NHRP-DETAIL: {tunnel.name}: {asker} resolved {prefix} at {now:.3f}",
            requester,
        )

    def refuse(
        self,
        tunnel: Tunnel,
        packet: ResolutionRequest,
        outer_source: IPAddress,
        code: CieCode = CieCode.NO_BINDING,
    ) -> None:
        """No, and why: exactly one CIE with nothing in it but the code (RFC 2332 §5.2.2)."""
        tunnel.counters.count_refused(Refusal.RESOLUTION_REFUSED)
        self._station.send(tunnel, outer_source, self._reply(tunnel, packet, ClientInfo(code=code)))

    # -------------------------------------------------------------------------------------------- parts

    def _policy(self, tunnel: Tunnel, packet: ResolutionRequest, requester: IPAddress, prefix: Prefix) -> CieCode:
        """May it be answered? A point-to-point tunnel takes packets of its far end only: others must go by the hub.

        Who wants a unique binding (U) gets our own addresses: what is behind us may have other egresses, too.
        """
        if tunnel.far_end is not None and requester != tunnel.far_end:
            return CieCode.ADMINISTRATIVELY_PROHIBITED
        own = prefix.is_host and self._station.owns(prefix.address)
        if packet.flags & ResolutionFlag.UNIQUE and not own:
            return CieCode.BINDING_NOT_UNIQUE
        return CieCode.SUCCESS

    def _local_entry(self, tunnel: Tunnel, prefix: Prefix) -> Entry | None:
        """The entry of a prefix of ours. None: there is no room for it, so its end could be told to nobody."""
        now, holding_time = self._station.now, tunnel.config.holdtime
        entry = tunnel.cache.get(prefix)
        if entry is not None and entry.is_local:
            entry.expires = now + holding_time
            self._station.time_entry(tunnel, entry)
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
        self._station.add_entry(tunnel, entry)
        return entry

    def _reply(self, tunnel: Tunnel, request: ResolutionRequest, cie: ClientInfo) -> ResolutionReply:
        return ResolutionReply(
            source_nbma=request.source_nbma,
            source_protocol=request.source_protocol,
            destination_protocol=request.destination_protocol,
            flags=(request.flags & _COPIED) | (_ADDED if cie.code == CieCode.SUCCESS else ResolutionFlag(0)),
            request_id=request.request_id,
            cies=(cie,),
            extensions=self._extensions(tunnel, request.extensions),
        )

    def _extensions(self, tunnel: Tunnel, extensions: Extensions) -> Extensions:
        """Those of the request (RFC 2332 §5.3), with ourselves as the responder."""
        own = self._station.own_entry(tunnel)
        if find(extensions, ResponderAddress) is not None:
            extensions = put(extensions, ResponderAddress(entries=(self._station.responder(tunnel),)))
        if find(extensions, NatAddress) is not None:
            public = (replace(own, nbma=tunnel.public_nbma, holding_time=0),) if tunnel.public_nbma else ()
            extensions = put(extensions, NatAddress(entries=public))
        return hop_by_hop(extensions, self._station.authentication(tunnel))

    def _learn_requester(self, tunnel: Tunnel, packet: ResolutionRequest, nbma: IPAddress, *, direct: bool) -> None:
        """RFC 2332 §6.2.1: the source's binding may be cached if it is stable and says how long."""
        if tunnel.config.non_caching:
            return
        cie = packet.cies[0] if packet.cies else None
        source = packet.source_protocol
        stable = bool(packet.flags & ResolutionFlag.SOURCE_STABLE)
        if cie is None or not stable or not cie.holding_time or not tunnel.multipoint:
            return
        possible = is_one_station(source) and is_one_station(nbma) and nbma != tunnel.nbma
        if not possible or not may_be_beyond(self._station, tunnel, source):
            tunnel.counters.count_refused(Refusal.FORGED)
            return
        path = tunnel.paths.get(source)
        if path is not None and path.usable and path.nbma != nbma:
            return  # nobody's word displaces a path that works; if the peer has moved it will not work for long
        entry = tunnel.cache.host(source)
        if entry is None and (tunnel.cache.is_full or len(tunnel.paths) >= LARGEST_HEARSAY):
            tunnel.counters.count_refused(Refusal.NO_ROOM)
            return
        implicit = entry is None or entry.type is EntryType.INCOMPLETE or bool(entry.flags & Flag.IMPLICIT)
        self._peers.learn(
            tunnel,
            Binding(
                next_hop=source,
                nbma=nbma,
                claimed=packet.source_nbma if packet.source_nbma != nbma else None,
                holding_time=cie.holding_time,
                mtu=cie.mtu,
                direct=direct,
                flags=Flag.IMPLICIT if implicit else Flag(0),
            ),
        )


def _requester_nbma(tunnel: Tunnel, packet: ResolutionRequest) -> tuple[IPAddress, bool]:
    """Where packets to the requester go, and whether a translator stands before it: it says so, or we know it."""
    nat = find(packet.extensions, NatAddress)
    for entry in nat.entries if nat else ():
        translated = entry.nbma
        if entry.protocol == packet.source_protocol and translated is not None and translated != packet.source_nbma:
            return translated, True
    registered = tunnel.cache.host(packet.source_protocol)
    if registered is not None and registered.nbma is not None and registered.claimed == packet.source_nbma:
        return registered.nbma, True
    return packet.source_nbma, False
