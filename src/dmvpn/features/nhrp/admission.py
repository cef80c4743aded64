"""Answers Registration Requests, RFC 2332 §5.2.3 and §5.2.4: parses the bindings of a client and decides on each.

Packets will go to the NBMA address that the request *came from*; the address in the request is kept as the claimed
address. They differ behind NAT, and the reply reports the translated address to the client. A request that other
servers forwarded came from them, so there the address in the request counts. On a protected tunnel it counts only if
the sender is a configured server, since any station can forge a forward transit record, and IKE goes to the address
that we believe.

A client may register addresses of the tunnel's subnet, and other addresses that no other station has. The client that
registers an address draws its packets: all spokes that resolve the address send there. So an address outside of the
subnet is accepted only if routing does not contradict:

    no route to it, or only a default route   no other station is known to have it
    the longest route leads to that station   routing agrees
    the route leads anywhere else             NAK 4: a host behind another spoke, behind us, or nowhere (Null0)

With `ip nhrp bind identity` an address belongs to the IKE identity that registered it, from whatever NBMA address, as
long as its entry lives.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, is_one_station
from dmvpn.base.protection import Proved
from dmvpn.base.values import Value
from dmvpn.features.nhrp import messages, parts
from dmvpn.features.nhrp.cache import Entry, EntryType, Flag, NbmaPeer
from dmvpn.features.nhrp.connections import SenderStanding, is_configured
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationReply, RegistrationRequest
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.renewals import Renewals
from dmvpn.features.nhrp.server import REFUSAL_LOG_INTERVAL, Claim, Server, leads_to, proof_of
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.features.nhrp.vendor import group_of

#: Bindings of one request that are examined; those behind them are refused. Real requests have a few.
MOST_LOOKED_AT: Final = 128


class RefusedRegistration(Value):
    """A registration that is refused.

    code: of the NAK.
    why: the refusal to count and log; None: the code says enough.
    """

    code: parts.CieCode
    why: Refusal | None = None


_PROHIBITED = RefusedRegistration(parts.CieCode.ADMINISTRATIVELY_PROHIBITED)


class Admission:
    """See the module's docstring."""

    def __init__(self, instance: Instance, server: Server, renewals: Renewals) -> None:
        self._instance = instance
        self._server = server
        self._renewals = renewals

    def request(
        self, tunnel: Tunnel, packet: RegistrationRequest, octets: bytes, sender: NbmaPeer, standing: SenderStanding
    ) -> None:
        """Answer a Registration Request for us. octets: of the packet."""
        trusted, group = not tunnel.protected or standing.is_server, _group_of(packet.extensions)
        record = parts.find(packet.extensions, parts.ForwardTransitRecord)
        at = NbmaPeer(packet.source_nbma) if trusted and record is not None and record.entries else sender
        cies = packet.cies or (parts.ClientInfo(holding_time=tunnel.config.holdtime),)
        answers: list[parts.ClientInfo] = []
        stored: tuple[Entry, ...] = ()
        for cie in cies[:MOST_LOOKED_AT]:
            claims = [_claim(packet, cie, at)]
            if _is_on_link(cie) and cie.protocol != packet.source_protocol:
                claims.insert(0, _claim(packet, replace(cie, nbma=None, protocol=None), at))
            olds = [tunnel.cache.get(claim.target) for claim in claims]
            payer = _payer(standing, sender, claims[-1].at)
            paid = tunnel.cache.paid_by(payer) if payer is not None else 0
            refused = (
                self._no_room(tunnel, claims, olds, payer, paid)
                or self._refused(tunnel, claims, olds)
                or self._over_limit(tunnel, claims, olds, payer, paid)
                or self._hearsay(tunnel, claims, sender, trusted=trusted)
            )
            if refused is None:
                for claim, old in zip(claims, olds, strict=True):
                    renews = old is not None and old.is_registered and self._is_same_place(old, claim)
                    entry = self._server.register(tunnel, claim, old, renews=renews, group=group, payer=payer)
                    stored = (*stored, entry) if entry is not None else ()  # none: a holding time of 0 ends it
                answers.append(cie if cie.code == parts.CieCode.SUCCESS else replace(cie, code=parts.CieCode.SUCCESS))
            else:
                answers.append(_refusal(tunnel, cie, refused.code))
        answers += [_refusal(tunnel, cie, parts.CieCode.INSUFFICIENT_RESOURCES) for cie in cies[MOST_LOOKED_AT:]]
        if tunnel.link_local is not None and any(
            _is_on_link(answer) and answer.code == parts.CieCode.SUCCESS for answer in answers
        ):
            answers.append(replace(self._instance.own_entry(tunnel), protocol=tunnel.link_local))
        usual = answers[0] is cies[0] and self._renewals.is_usual(tunnel, packet, octets, sender, stored)
        if not usual or not self._renewals.answer(tunnel, packet, octets, sender, stored):
            self._instance.send(tunnel, sender, self._reply(tunnel, packet, tuple(answers), at.nbma))
            if usual:
                self._renewals.learn(tunnel, packet, octets, sender, stored)

    def may_speak_for(self, tunnel: Tunnel, address: IPAddress, sender: NbmaPeer) -> bool:
        """Return whether the sender may name this tunnel address as its source.

        Servers pass on requests of other stations.
        """
        if not sender.connection:
            return True
        entry = tunnel.cache.binding(address)
        if entry is None or not entry.identity or entry.connection == sender.connection:
            return True
        known = tunnel.cache.at(sender.nbma)
        is_server = is_configured(self._instance.ports.protection, tunnel, sender, known)
        return is_server or self._belongs(tunnel, entry, (address, sender))

    def _no_room(
        self,
        tunnel: Tunnel,
        claims: list[Claim],
        olds: list[Entry | None],
        payer: IPAddress | Proved | None,
        paid: int,
    ) -> RefusedRegistration | None:
        """Refuse new bindings early if there is no room for them, whatever they are."""
        if None not in olds or not claims[0].cie.holding_time:
            return None
        if payer is not None and paid >= tunnel.config.registration_limit:
            self._server.complain(tunnel, claims[-1].target, claims[-1].at, Refusal.TOO_MANY)
            return RefusedRegistration(parts.CieCode.INSUFFICIENT_RESOURCES)
        return RefusedRegistration(parts.CieCode.INSUFFICIENT_RESOURCES) if tunnel.cache.is_full else None

    def _refused(self, tunnel: Tunnel, claims: list[Claim], olds: list[Entry | None]) -> RefusedRegistration | None:
        """Return why the bindings of one CIE may not be registered.

        olds: the cache entries of their targets.
        """
        for claim, old in zip(claims, olds, strict=True):
            refused = _why_not_admitted(self._instance, tunnel, claim) or self._taken(tunnel, claim, old)
            if refused is None:
                continue
            if refused.why is not None:
                self._server.complain(tunnel, claim.target, claim.at, refused.why)
            if refused.why is Refusal.ROUTED_ELSEWHERE and old is not None and old.is_registered:
                self._server.review(tunnel, old.target)
            return refused
        return None

    def _taken(self, tunnel: Tunnel, claim: Claim, old: Entry | None) -> RefusedRegistration | None:
        """Refuse an address that belongs to another station, or for which there is no room."""
        if tunnel.config.bind_identity:
            holder = tunnel.cache.binding(claim.address)
            if holder is not None and holder.identity and claim.target in holder.target:
                if not self._belongs(tunnel, holder, (claim.next_hop, claim.at)):
                    return RefusedRegistration(parts.CieCode.ADMINISTRATIVELY_PROHIBITED)
                if holder is old:
                    return None  # the address is the identity's, at any NBMA address
        if old is None:  # one that would be kept was refused earlier
            is_full = not claim.cie.holding_time and tunnel.cache.is_full
            return RefusedRegistration(parts.CieCode.INSUFFICIENT_RESOURCES) if is_full else None
        if not old.binds or self._is_same_place(old, claim):
            return None
        if old.type is EntryType.STATIC:
            return RefusedRegistration(parts.CieCode.ADMINISTRATIVELY_PROHIBITED)
        # A unique binding excludes all other stations until it expires, whether these claim it uniquely or not.
        return RefusedRegistration(parts.CieCode.UNIQUE_ADDRESS_REGISTERED) if old.flags & Flag.UNIQUE else None

    def _over_limit(
        self,
        tunnel: Tunnel,
        claims: list[Claim],
        olds: list[Entry | None],
        payer: IPAddress | Proved | None,
        paid: int,
    ) -> RefusedRegistration | None:
        """Refuse further entries to a client that has reached its limit. A prefix counts as all its addresses."""
        if payer is None or not claims[0].cie.holding_time:
            return None
        more = 0
        for claim, old in zip(claims, olds, strict=True):
            if old is None or not old.is_registered or old.payer != payer:
                more += claim.target.size
        if not more or paid + more <= tunnel.config.registration_limit:
            return None
        self._server.complain(tunnel, claims[-1].target, claims[-1].at, Refusal.TOO_MANY)
        return RefusedRegistration(parts.CieCode.INSUFFICIENT_RESOURCES)

    def _hearsay(
        self, tunnel: Tunnel, claims: list[Claim], sender: NbmaPeer, *, trusted: bool
    ) -> RefusedRegistration | None:
        """Return why a station may not speak for the NBMA address in its CIE: on a protected tunnel only a server may.

        Each such address opens a crypto socket, and IKE begins with it.
        """
        for claim in claims:
            if claim.at.nbma == sender.nbma:
                continue
            if not trusted:
                self._server.complain(tunnel, claim.target, sender, Refusal.OTHER_NBMA)
                return RefusedRegistration(parts.CieCode.ADMINISTRATIVELY_PROHIBITED)
            if not self._instance.believes(tunnel, sender, claim.at.nbma):
                return RefusedRegistration(parts.CieCode.INSUFFICIENT_RESOURCES)
        return None

    def _is_same_place(self, old: Entry, claim: Claim) -> bool:
        """Return whether the claim comes from where the entry leads. Two live connections are two stations."""
        if old.connection == claim.at.connection:
            return bool(old.connection) or old.nbma == claim.at.nbma
        if old.nbma != claim.at.nbma:
            return False
        known = self._instance.ports.protection.connection
        return not (old.connection and claim.at.connection and known(old.connection) is not None)

    def _belongs(self, tunnel: Tunnel, entry: Entry, claimant: tuple[IPAddress, NbmaPeer]) -> bool:
        """Return whether the sender is the station that registered the address (`ip nhrp bind identity`).

        claimant: its tunnel address, and where it is.
        """
        address, at = claimant
        if entry.connection and entry.connection == at.connection:
            return True
        identity, proved = proof_of(self._instance, at)
        if identity == entry.identity:
            if proved == entry.proved:
                return True
            identity = f"{identity} (another kind of name, or proved by another key)"
        tunnel.counters.count_refused(Refusal.OTHER_IDENTITY)
        message = messages.identity_refused(tunnel.name, (address, at.nbma), entry.identity, identity)
        self._instance.log(message, about=f"{tunnel.name} {address} {identity}", interval=REFUSAL_LOG_INTERVAL)
        return False

    def _reply(
        self, tunnel: Tunnel, request: RegistrationRequest, cies: tuple[parts.ClientInfo, ...], nbma: IPAddress
    ) -> RegistrationReply:
        """Make the reply: the request with the same source fields (RFC 2332 §5.2.4)."""
        extensions = request.extensions
        if parts.find(extensions, parts.ResponderAddress) is not None:
            extensions = parts.put(extensions, parts.ResponderAddress(entries=(self._instance.responder(tunnel),)))
        if nbma != request.source_nbma:
            translated = parts.ClientInfo(
                prefix_length=nbma.max_prefixlen,
                mtu=tunnel.mtu,
                preference=255,
                nbma=nbma,
                protocol=request.source_protocol,
            )
            extensions = parts.append_entry(extensions, parts.NatAddress, translated)
        # An FRR client that sent the request to its own address learns ours here.
        to_itself = request.destination_protocol == request.source_protocol
        return RegistrationReply(
            source_nbma=request.source_nbma,
            source_protocol=request.source_protocol,
            destination_protocol=tunnel.own[0] if to_itself else request.destination_protocol,
            flags=request.flags,
            request_id=request.request_id,
            cies=cies,
            extensions=parts.hop_by_hop(extensions, self._instance.authentication(tunnel)),
        )


def _refusal(tunnel: Tunnel, cie: parts.ClientInfo, code: parts.CieCode) -> parts.ClientInfo:
    """Count an entry that is not registered, and return the answer to it."""
    tunnel.counters.count_refused(Refusal.REGISTRATION_REFUSED)
    return parts.ClientInfo(code=code, prefix_length=cie.prefix_length, protocol=cie.protocol)


def _payer(standing: SenderStanding, sender: NbmaPeer, at: NbmaPeer) -> IPAddress | Proved | None:
    """Return the account that entries are charged to, see `Entry.payer`. None: no account, a configured server
    registers itself.

    Bindings that such a server passes on are charged to the NBMA address that they name, since any station can have a
    server pass on its requests.
    """
    if not standing.is_server:
        return standing.account
    return at.nbma if at != sender else None


def _why_not_admitted(instance: Instance, tunnel: Tunnel, claim: Claim) -> RefusedRegistration | None:
    """Return why a client may not register this target, whichever station has it now; None if it may.

    A client may not register our addresses, and may register a prefix only without the unique bit.
    """
    target, address, is_host = claim.target, claim.address, claim.target.is_host
    if claim.unique and not is_host:
        return _PROHIBITED
    if claim.at.nbma == tunnel.nbma or not (is_one_station(address) and is_one_station(claim.at.nbma)):
        return _PROHIBITED
    if not is_host and not is_one_station(claim.next_hop):
        return _PROHIBITED
    if tunnel.is_ours(address) or not (is_host or all(own not in target for own in tunnel.addresses)):
        return _PROHIBITED
    covers_edge = tunnel.is_edge(address) if is_host else any(edge in target for edge in tunnel.edges)
    if covers_edge or (claim.next_hop is not address and tunnel.is_edge(claim.next_hop)):
        return RefusedRegistration(parts.CieCode.ADMINISTRATIVELY_PROHIBITED, Refusal.NO_STATION)
    if tunnel.is_guest(target):
        if not is_host or instance.owns(tunnel, address):
            return _PROHIBITED
        if not leads_to(instance, tunnel, address, claim.at, claim.speaker):
            return RefusedRegistration(parts.CieCode.ADMINISTRATIVELY_PROHIBITED, Refusal.ROUTED_ELSEWHERE)
    return None


def _is_on_link(cie: parts.ClientInfo) -> bool:
    """Return whether the entry names a link-local address."""
    return cie.protocol is not None and is_link_local(cie.protocol)


def _group_of(extensions: parts.Extensions) -> str:
    """Return the NHRP group of the client, for per-tunnel QoS."""
    for extension in extensions:
        if type(extension) is parts.VendorPrivate and (group := group_of(extension)) is not None:
            return group
    return ""


def _claim(packet: RegistrationRequest, cie: parts.ClientInfo, at: NbmaPeer) -> Claim:
    """Read one binding: client addresses of length zero mean those of the common header, RFC 2332 §5.2.3."""
    address = cie.protocol if cie.protocol is not None else packet.source_protocol
    claimed = packet.source_nbma if packet.source_nbma != at.nbma else None
    if cie.nbma is not None and cie.nbma not in (packet.source_nbma, at.nbma):
        at, claimed = NbmaPeer(cie.nbma), None  # a client may register another station's binding
    length = cie.host_or_prefix_length(address.max_prefixlen)
    target = Prefix.of(address, length)
    next_hop = address if target.is_host and not is_link_local(address) else packet.source_protocol
    unique = RegistrationFlag.UNIQUE in packet.flags
    first = address if target.is_host else target.address
    return Claim(target, first, next_hop, at, claimed, unique, cie, packet.source_protocol)
