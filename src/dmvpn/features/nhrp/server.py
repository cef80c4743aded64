"""The server side of registration, RFC 2332 §5.2.3 and §5.2.4: a client tells its binding, we keep it and say so.

The NBMA address that packets will go to is the one the request *came from*; the one written in it is kept as the
claimed address. They differ behind NAT, and the reply tells the client its translated one. A request that other
servers forwarded came from them, so there the written one counts.

On a protected tunnel a client is bound to the connection that its request came by: two behind one translator differ by
that alone. With `ip nhrp bind identity` an address belongs to the IKE identity that registered it, as long as its entry
lives, from wherever that comes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, is_one_station, spelled
from dmvpn.features.nhrp import messages
from dmvpn.features.nhrp.cache import Entry, EntryType, Flag
from dmvpn.features.nhrp.cie import CieCode, ClientInfo
from dmvpn.features.nhrp.counters import Refusal
from dmvpn.features.nhrp.extensions import (
    Extensions,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    VendorPrivate,
    append_entry,
    find,
    put,
)
from dmvpn.features.nhrp.neighbour import Neighbour
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationReply, RegistrationRequest
from dmvpn.features.nhrp.replies import hop_by_hop
from dmvpn.features.nhrp.ways import may_be_beyond

if TYPE_CHECKING:
    from dmvpn.features.nhrp.peers import Peers
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel

#: A hub gets thousands of these: to put them together each time costs more than all that is decided by them.
_REGISTERED = Flag.REGISTERED | Flag.NHOP
_REGISTERED_UNIQUE = _REGISTERED | Flag.UNIQUE

#: Seconds between two log lines about one station that wants an address which another identity has.
IDENTITY_LOG_INTERVAL = 60.0


@dataclass(frozen=True, slots=True)
class Claim:
    """What a client says in one CIE, completed from the common header. at: where its packets really come from."""

    target: Prefix
    next_hop: IPAddress
    at: Neighbour
    claimed: IPAddress | None
    unique: bool
    cie: ClientInfo


class Server:
    """Answers Registration Requests and owns the registered entries."""

    def __init__(self, station: Station, peers: Peers) -> None:
        self._station = station
        self._peers = peers

    def is_for_us(self, tunnel: Tunnel, packet: RegistrationRequest) -> bool:
        """Is it addressed to this tunnel, or (an FRR client that does not know our address) to the client itself?"""
        return tunnel.is_ours(packet.destination_protocol) or packet.destination_protocol == packet.source_protocol

    def request(self, tunnel: Tunnel, packet: RegistrationRequest, sender: Neighbour) -> None:
        """A Registration Request for us."""
        at = _real_place(packet, sender)
        claimed = packet.source_nbma if packet.source_nbma != at.nbma else None
        unique = RegistrationFlag.UNIQUE in packet.flags
        group = _group(packet.extensions)
        answers: list[ClientInfo] = []
        for cie in packet.cies or (ClientInfo(holding_time=tunnel.config.holdtime),):
            claims = _claims(packet, cie, at, claimed, unique=unique)
            verdicts = (self._verdict(tunnel, claim) for claim in claims)
            code = next((code for code in verdicts if code is not CieCode.SUCCESS), CieCode.SUCCESS)
            if code is CieCode.SUCCESS:
                for claim in claims:
                    self._register(tunnel, claim, group)
                answers.append(replace(cie, code=code))
            else:
                tunnel.counters.count_refused(Refusal.REGISTRATION_REFUSED)
                answers.append(ClientInfo(code=code, prefix_length=cie.prefix_length, protocol=cie.protocol))
        if tunnel.link_local is not None and any(
            _is_on_link(answer) and answer.code == CieCode.SUCCESS for answer in answers
        ):
            answers.append(replace(self._station.own_entry(tunnel), protocol=tunnel.link_local))
        self._station.send(tunnel, sender, self._reply(tunnel, packet, tuple(answers), at.nbma))

    def expired(self, tunnel: Tunnel, entry: Entry) -> None:
        """The holding time of a registered entry is over, or it is taken away."""
        self._forget(tunnel, entry)
        self._log_down(tunnel, entry, "NHRP Registration timeout")

    def withdraw(self, tunnel: Tunnel, entry: Entry, why: str) -> None:
        """A registered entry goes before its time."""
        self._forget(tunnel, entry)
        self._log_down(tunnel, entry, why)

    def may_speak_for(self, tunnel: Tunnel, address: IPAddress, sender: Neighbour) -> bool:
        """May he who sends a request name this tunnel address as its source? Servers pass on what others say."""
        if not sender.connection:
            return True
        entry = tunnel.cache.binding(address)
        if entry is None or not entry.identity or entry.connection == sender.connection:
            return True
        is_server = any(client.nbma == sender.nbma for client in tunnel.clients.values()) or any(
            known.type is EntryType.STATIC for known in tunnel.cache.at(sender.nbma)
        )
        return is_server or self._belongs(tunnel, entry, (address, sender))

    def moved(self, tunnel: Tunnel, to: Neighbour) -> None:
        """The clients of a connection are somewhere else now."""
        for entry in tunnel.cache.over(to.connection):
            if entry.is_registered and entry.neighbour != to:
                self._move(tunnel, entry, to)

    def lost(self, tunnel: Tunnel, connection: int) -> None:
        """A connection is gone. Its clients will come with another one; until then those without NAT go by address."""
        for entry in tunnel.cache.over(connection):
            if entry.is_registered and entry.nbma is not None and entry.claimed is None:
                self._move(tunnel, entry, Neighbour(entry.nbma))

    # -------------------------------------------------------------------------------------------- decision

    def _verdict(self, tunnel: Tunnel, claim: Claim) -> CieCode:
        """May this binding be registered?"""
        if not self._is_sane(tunnel, claim):
            return CieCode.ADMINISTRATIVELY_PROHIBITED
        old = tunnel.cache.get(claim.target)
        if tunnel.config.bind_identity:
            holder = tunnel.cache.binding(claim.target.address)
            if holder is not None and holder.identity and claim.target in holder.target:
                if not self._belongs(tunnel, holder, (claim.next_hop, claim.at)):
                    return CieCode.ADMINISTRATIVELY_PROHIBITED
                if holder is old:
                    return CieCode.SUCCESS  # from wherever it comes
        if old is None:
            return CieCode.INSUFFICIENT_RESOURCES if tunnel.cache.is_full else CieCode.SUCCESS
        if not old.binds or self._is_same_place(old, claim):
            return CieCode.SUCCESS
        if old.type is EntryType.STATIC:
            return CieCode.ADMINISTRATIVELY_PROHIBITED
        # A unique binding holds against everybody until it expires, whether the other claims it uniquely or not.
        return CieCode.UNIQUE_ADDRESS_REGISTERED if old.flags & Flag.UNIQUE else CieCode.SUCCESS

    def _is_same_place(self, old: Entry, claim: Claim) -> bool:
        """Is the claim from where the entry leads to? Two connections that both live are two stations."""
        if old.connection == claim.at.connection:
            return bool(old.connection) or old.nbma == claim.at.nbma
        if old.nbma != claim.at.nbma:
            return False
        known = self._station.ports.protection.connection
        return not (old.connection and claim.at.connection and known(old.connection) is not None)

    def _belongs(self, tunnel: Tunnel, entry: Entry, claimant: tuple[IPAddress, Neighbour]) -> bool:
        """`ip nhrp bind identity`: is he who speaks for an address the one who registered it?

        claimant: the tunnel address that he uses, and where he is.
        """
        address, at = claimant
        if entry.connection and entry.connection == at.connection:
            return True
        identity = self._identity(at)
        if identity == entry.identity:
            return True
        tunnel.counters.count_refused(Refusal.OTHER_IDENTITY)
        message = messages.IdentityRefused.of(tunnel.name, (address, at.nbma), entry.identity, identity)
        self._station.log(message, about=f"{tunnel.name} {address} {identity}", interval=IDENTITY_LOG_INTERVAL)
        return False

    def _identity(self, at: Neighbour) -> str:
        """What is at the end of this connection proved to be; "" if that is not known, because another server is."""
        connection = self._station.ports.protection.connection(at.connection) if at.connection else None
        return connection.identity if connection is not None else ""

    def _is_sane(self, tunnel: Tunnel, claim: Claim) -> bool:
        """A client may speak for addresses of the tunnel's subnet other than ours, and for one address if uniquely.

        For one outside of the subnet, too, unless a host behind us has it: whoever resolves that would be led astray.
        """
        target, address = claim.target, claim.target.address
        if claim.unique and not target.is_host:
            return False
        beside_us = tunnel.subnet is not None and target in tunnel.subnet
        if not beside_us and not (target.is_host and may_be_beyond(self._station, tunnel, address)):
            return False
        if claim.at.nbma == tunnel.nbma or not (is_one_station(address) and is_one_station(claim.at.nbma)):
            return False
        if not target.is_host and not is_one_station(claim.next_hop):
            return False
        return not tunnel.is_ours(address) and (target.is_host or not any(own in target for own in tunnel.addresses))

    # -------------------------------------------------------------------------------------------- consequences

    def _register(self, tunnel: Tunnel, claim: Claim, group: str) -> None:
        now, holding_time = self._station.now, claim.cie.holding_time
        old = tunnel.cache.get(claim.target)
        if old is not None and old.type is EntryType.STATIC:
            return
        if holding_time == 0:  # RFC 2332 §5.2.0.1: nothing that may be kept
            if old is not None and old.is_registered:
                self.withdraw(tunnel, old, "NHRP: no error")
            return
        flags = _REGISTERED_UNIQUE if claim.unique else _REGISTERED
        if claim.claimed is not None:
            flags |= Flag.NAT
        if group != (old.group if old is not None else ""):
            self._station.debug(
                "nhrp group",
                tunnel,
                lambda: f"NHRP: {tunnel.name}: {spelled(claim.next_hop)} is of group {group or '(none)'}",
                claim.at.nbma,
            )
        if old is not None and old.is_registered and self._is_same_place(old, claim):
            if old.nbma != claim.at.nbma or old.connection != claim.at.connection:
                self._move(tunnel, old, claim.at)
                old.identity = self._identity(claim.at)
            old.expires, old.holding_time, old.flags = now + holding_time, holding_time, flags
            old.claimed, old.group, old.mtu = claim.claimed, group, claim.cie.mtu
            self._station.time_entry(tunnel, old)
            return
        if old is not None and old.is_registered:
            self._forget(tunnel, old)
        elif old is not None:
            self._peers.supersede(tunnel, old)
            tunnel.gleaned.pop(claim.target.address, None)
        entry = Entry(
            target=claim.target,
            next_hop=claim.next_hop,
            nbma=claim.at.nbma,
            connection=claim.at.connection,
            identity=self._identity(claim.at),
            type=EntryType.DYNAMIC,
            created=now,
            expires=now + holding_time,
            flags=flags,
            claimed=claim.claimed,
            holding_time=holding_time,
            mtu=claim.cie.mtu,
            group=group,
        )
        self._station.add_entry(tunnel, entry)
        if claim.target.is_host:
            self._station.set_adjacency(tunnel, claim.target.address, claim.at)
        self._count_receiver(tunnel, claim.at, 1)
        self._log_up(tunnel, claim)

    def _move(self, tunnel: Tunnel, entry: Entry, to: Neighbour) -> None:
        """A client is somewhere else, or is spoken to over another connection."""
        self._count_receiver(tunnel, entry.neighbour, -1)
        self._station.move_entry(tunnel, entry, to)
        self._count_receiver(tunnel, to, 1)
        if entry.target.is_host:
            self._station.set_adjacency(tunnel, entry.target.address, to)

    def _forget(self, tunnel: Tunnel, entry: Entry) -> None:
        self._station.remove_entry(tunnel, entry)
        if entry.target.is_host:
            self._station.clear_adjacency(tunnel, entry.target.address)
        self._count_receiver(tunnel, entry.neighbour, -1)

    def _count_receiver(self, tunnel: Tunnel, client: Neighbour | None, more: int) -> None:
        """A client has one entry more, or less: as long as it has any it gets copies of multicasts."""
        if client is None:
            return
        entries = tunnel.registered_multicast.get(client, 0) + more
        if entries > 0:
            tunnel.registered_multicast[client] = entries
        else:
            tunnel.registered_multicast.pop(client, None)
        self._station.update_multicast(tunnel)

    def _reply(
        self, tunnel: Tunnel, request: RegistrationRequest, cies: tuple[ClientInfo, ...], nbma: IPAddress
    ) -> RegistrationReply:
        """The request turned round: its source fields stay (RFC 2332 §5.2.4)."""
        extensions = request.extensions
        if find(extensions, ResponderAddress) is not None:
            extensions = put(extensions, ResponderAddress(entries=(self._station.responder(tunnel),)))
        if nbma != request.source_nbma:
            translated = ClientInfo(
                prefix_length=nbma.max_prefixlen,
                mtu=tunnel.mtu,
                preference=255,
                nbma=nbma,
                protocol=request.source_protocol,
            )
            extensions = append_entry(extensions, NatAddress, translated)
        # An FRR client that asked its own address learns ours here.
        to_itself = request.destination_protocol == request.source_protocol
        return RegistrationReply(
            source_nbma=request.source_nbma,
            source_protocol=request.source_protocol,
            destination_protocol=tunnel.own[0] if to_itself else request.destination_protocol,
            flags=request.flags,
            request_id=request.request_id,
            cies=cies,
            extensions=hop_by_hop(extensions, self._station.authentication(tunnel)),
        )

    def _log_up(self, tunnel: Tunnel, claim: Claim) -> None:
        # Thousands may come at once: what nobody reads is not composed.
        if is_link_local(claim.target.address) or not self._station.config.logging:
            return
        client = (claim.next_hop, claim.at.nbma)
        self._station.log_dmvpn(messages.NhcUp.of(tunnel.name, client, tunnel.own))

    def _log_down(self, tunnel: Tunnel, entry: Entry, why: str) -> None:
        if tunnel.running and entry.nbma is not None and not is_link_local(entry.target.address):
            client = (entry.next_hop, entry.nbma)
            self._station.log_dmvpn(messages.NhcDown.of(tunnel.name, client, tunnel.own, why))


def _real_place(packet: RegistrationRequest, sender: Neighbour) -> Neighbour:
    record = find(packet.extensions, ForwardTransitRecord)
    return Neighbour(packet.source_nbma) if record is not None and record.entries else sender


def _claims(
    packet: RegistrationRequest, cie: ClientInfo, at: Neighbour, claimed: IPAddress | None, *, unique: bool
) -> list[Claim]:
    """The bindings that a CIE asks for. One that names a link-local address stands for that of the header, too."""
    claim = _claim(packet, cie, at, claimed, unique=unique)
    if not _is_on_link(cie):
        return [claim]
    return [_claim(packet, replace(cie, nbma=None, protocol=None), at, claimed, unique=unique), claim]


def _is_on_link(cie: ClientInfo) -> bool:
    return cie.protocol is not None and is_link_local(cie.protocol)


def _claim(
    packet: RegistrationRequest, cie: ClientInfo, at: Neighbour, claimed: IPAddress | None, *, unique: bool
) -> Claim:
    """Zero-length client addresses mean those of the common header, RFC 2332 §5.2.3."""
    address = cie.protocol if cie.protocol is not None else packet.source_protocol
    if cie.nbma is not None and cie.nbma != packet.source_nbma:
        at, claimed = Neighbour(cie.nbma), None  # a client may register another station's binding
    length = cie.host_or_prefix_length(address.max_prefixlen)
    target = Prefix.of(address, length)
    next_hop = address if target.is_host and not is_link_local(address) else packet.source_protocol
    return Claim(target, next_hop, at, claimed, unique, cie)


def _group(extensions: Extensions) -> str:
    """The NHRP group of the client, for per-tunnel QoS."""
    for extension in extensions:
        if isinstance(extension, VendorPrivate) and extension.group is not None:
            return extension.group
    return ""
