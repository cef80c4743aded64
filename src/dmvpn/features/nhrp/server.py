"""The server side of registration, RFC 2332 §5.2.3 and §5.2.4: we keep the bindings that clients tell us.

Packets will go to the NBMA address that the request *came from*; the address in the request is kept as the claimed
address. They differ behind NAT, and the reply tells the client its translated address. A request that other servers
forwarded came from them, so there the address in the request counts. On a protected tunnel it counts only if the
configuration names the sender, since everybody can write a forward record, and IKE goes to the address that we believe.

On a protected tunnel a client is bound to the connection that its request came by: two clients behind one translator
differ in nothing else. With `ip nhrp bind identity` an address belongs to the IKE identity that registered it, from
wherever it comes, as long as its entry lives.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, spelled
from dmvpn.features.nhrp import messages
from dmvpn.features.nhrp.admission import (
    Claim,
    Guests,
    Refused,
    is_on_link,
    leads_to,
    looked_at,
    read,
    why_not_admitted,
)
from dmvpn.features.nhrp.cie import CieCode, ClientInfo
from dmvpn.features.nhrp.connections import Standing, is_configured, standing_of
from dmvpn.features.nhrp.counters import Refusal
from dmvpn.features.nhrp.entry import Entry, EntryType, Flag, Neighbor
from dmvpn.features.nhrp.extensions import NatAddress, ResponderAddress, append_entry, find, hop_by_hop, put
from dmvpn.features.nhrp.packet import RegistrationReply, RegistrationRequest

if TYPE_CHECKING:
    from dmvpn.base.protection import Proved
    from dmvpn.features.nhrp.peers import Peers
    from dmvpn.features.nhrp.plane import Plane
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel

#: A hub gets thousands of these: to combine the flags each time would cost more than all the decisions.
_REGISTERED = Flag.REGISTERED | Flag.NHOP
_REGISTERED_UNIQUE = _REGISTERED | Flag.UNIQUE

#: Seconds between two log lines about one station that wants what another one has, or what nobody may have.
REFUSAL_LOG_INTERVAL = 60.0


class Server:
    """Answers Registration Requests and owns the registered entries."""

    def __init__(self, station: Station, plane: Plane, peers: Peers) -> None:
        self._station = station
        self._plane = plane
        self._peers = peers
        #: By tunnel: registered addresses outside of the subnet, each with the reason why we believed it.
        self._guests: dict[str, Guests] = {}

    def request(self, tunnel: Tunnel, packet: RegistrationRequest, sender: Neighbor) -> None:
        """Answer a Registration Request for us."""
        standing = standing_of(self._station.ports.protection, tunnel, sender)
        trusted = not tunnel.protected or standing.is_server
        asked = read(packet, sender, tunnel.config.holdtime, trusted=trusted)
        answers: list[ClientInfo] = []
        for cie, claims in asked.entries:
            olds = [tunnel.cache.get(claim.target) for claim in claims]
            payer = _payer(standing, sender, claims[-1].at)
            refused = (
                self._refused(tunnel, claims, olds)
                or self._over_limit(tunnel, claims, olds, payer)
                or self._hearsay(tunnel, claims, sender, trusted=trusted)
            )
            if refused is None:
                for claim, old in zip(claims, olds, strict=True):
                    self._register(tunnel, claim, old, asked.group, payer)
                answers.append(replace(cie, code=CieCode.SUCCESS))
            else:
                tunnel.counters.count_refused(Refusal.REGISTRATION_REFUSED)
                answers.append(ClientInfo(code=refused.code, prefix_length=cie.prefix_length, protocol=cie.protocol))
        if tunnel.link_local is not None and any(
            is_on_link(answer) and answer.code == CieCode.SUCCESS for answer in answers
        ):
            answers.append(replace(self._station.own_entry(tunnel), protocol=tunnel.link_local))
        self._station.send(tunnel, sender, self._reply(tunnel, packet, tuple(answers), asked.at.nbma))

    def expired(self, tunnel: Tunnel, entry: Entry) -> None:
        """Forget a registered entry whose holding time is over."""
        self._forget(tunnel, entry)
        self._log_down(tunnel, entry, "NHRP Registration timeout")

    def withdraw(self, tunnel: Tunnel, entry: Entry, why: str) -> None:
        """Forget a registered entry before its time."""
        self._forget(tunnel, entry)
        self._log_down(tunnel, entry, why)

    def route_changed(self, tunnel: Tunnel, prefix: Prefix) -> None:
        """Review what clients registered of this prefix, because routing has changed."""
        guests = self._guests.get(tunnel.name)
        for target in guests.within(prefix) if guests is not None else ():
            self._review(tunnel, target)

    def may_speak_for(self, tunnel: Tunnel, address: IPAddress, sender: Neighbor) -> bool:
        """Return whether the sender may name this tunnel address as its source. Servers pass on what others say."""
        if not sender.connection:
            return True
        entry = tunnel.cache.binding(address)
        if entry is None or not entry.identity or entry.connection == sender.connection:
            return True
        return self._is_server(tunnel, sender) or self._belongs(tunnel, entry, (address, sender))

    def moved(self, tunnel: Tunnel, to: Neighbor) -> None:
        """Let the clients of a connection be where it is now."""
        for entry in tunnel.cache.over(to.connection):
            if entry.is_registered and entry.neighbor != to:
                self._move(tunnel, entry, to)

    def lost(self, tunnel: Tunnel, connection: int) -> None:
        """Unbind the clients of a lost connection: until they have another one, those without NAT go by address."""
        for entry in tunnel.cache.over(connection):
            if entry.is_registered and entry.nbma is not None and entry.claimed is None:
                self._move(tunnel, entry, Neighbor(entry.nbma))

    # -------------------------------------------------------------------------------------------- decision

    def _refused(self, tunnel: Tunnel, claims: list[Claim], olds: list[Entry | None]) -> Refused | None:
        """Return why the bindings of one CIE may not be registered.

        olds: what is known of their targets.
        """
        for claim, old in zip(claims, olds, strict=True):
            refused = why_not_admitted(self._station, tunnel, claim) or self._taken(tunnel, claim, old)
            if refused is None:
                continue
            if refused.why is not None:
                self._complain(tunnel, claim.target, claim.at, refused.why)
            if refused.why is Refusal.ROUTED_ELSEWHERE and old is not None and old.is_registered:
                self._review(tunnel, old.target)
            return refused
        return None

    def _taken(self, tunnel: Tunnel, claim: Claim, old: Entry | None) -> Refused | None:
        """Refuse what somebody else has, or what there is no room for."""
        if tunnel.config.bind_identity:
            holder = tunnel.cache.binding(claim.target.address)
            if holder is not None and holder.identity and claim.target in holder.target:
                if not self._belongs(tunnel, holder, (claim.next_hop, claim.at)):
                    return Refused(CieCode.ADMINISTRATIVELY_PROHIBITED)
                if holder is old:
                    return None  # the address is the identity's, from wherever it comes
        if old is None:
            return Refused(CieCode.INSUFFICIENT_RESOURCES) if tunnel.cache.is_full else None
        if not old.binds or self._is_same_place(old, claim):
            return None
        if old.type is EntryType.STATIC:
            return Refused(CieCode.ADMINISTRATIVELY_PROHIBITED)
        # A unique binding holds against everybody until it expires, whether the newcomer claims it uniquely or not.
        return Refused(CieCode.UNIQUE_ADDRESS_REGISTERED) if old.flags & Flag.UNIQUE else None

    def _over_limit(
        self, tunnel: Tunnel, claims: list[Claim], olds: list[Entry | None], payer: IPAddress | Proved | None
    ) -> Refused | None:
        """Refuse further entries to a client that has as many as one may have. A prefix counts as all its addresses."""
        if payer is None or not claims[0].cie.holding_time:
            return None
        further = (
            claim.target.size
            for claim, old in zip(claims, olds, strict=True)
            if old is None or not old.is_registered or old.payer != payer
        )
        more = sum(further)
        if not more or tunnel.cache.paid_by(payer) + more <= tunnel.config.registration_limit:
            return None
        self._complain(tunnel, claims[-1].target, claims[-1].at, Refusal.TOO_MANY)
        return Refused(CieCode.INSUFFICIENT_RESOURCES)

    def _hearsay(self, tunnel: Tunnel, claims: list[Claim], sender: Neighbor, *, trusted: bool) -> Refused | None:
        """Return why a station may not speak for the NBMA address in its CIE: on a protected tunnel only a server may.

        Each such address opens a crypto socket, and IKE begins with it.
        """
        for claim in claims:
            if claim.at.nbma == sender.nbma:
                continue
            if not trusted:
                self._complain(tunnel, claim.target, sender, Refusal.OTHER_NBMA)
                return Refused(CieCode.ADMINISTRATIVELY_PROHIBITED)
            if not self._station.believes(tunnel, sender, claim.at.nbma):
                return Refused(CieCode.INSUFFICIENT_RESOURCES)
        return None

    def _is_server(self, tunnel: Tunnel, sender: Neighbor) -> bool:
        return is_configured(self._station.ports.protection, tunnel, sender)

    def _complain(self, tunnel: Tunnel, target: Prefix, at: Neighbor, why: Refusal) -> None:
        """Count and log what a station wants and does not get."""
        tunnel.counters.count_refused(why)
        message = messages.RegistrationRefused.of(tunnel.name, target, at.nbma, why.value)
        self._station.log(message, about=f"{tunnel.name} {at.account} {why.name}", interval=REFUSAL_LOG_INTERVAL)
        self._station.debug(
            "nhrp error",
            tunnel,
            lambda: f"NHRP: {tunnel.name}: {spelled(target)} not registered for {at.nbma}: {why.value}",
            at.nbma,
        )

    def _is_same_place(self, old: Entry, claim: Claim) -> bool:
        """Return whether the claim comes from where the entry leads. Two live connections are two stations."""
        if old.connection == claim.at.connection:
            return bool(old.connection) or old.nbma == claim.at.nbma
        if old.nbma != claim.at.nbma:
            return False
        known = self._station.ports.protection.connection
        return not (old.connection and claim.at.connection and known(old.connection) is not None)

    def _belongs(self, tunnel: Tunnel, entry: Entry, claimant: tuple[IPAddress, Neighbor]) -> bool:
        """Return whether the speaker for an address is the station that registered it (`ip nhrp bind identity`).

        claimant: the tunnel address that it uses, and where it is.
        """
        address, at = claimant
        if entry.connection and entry.connection == at.connection:
            return True
        identity, proved = self._proof(at)
        if identity == entry.identity:
            if proved == entry.proved:
                return True
            identity = f"{identity} (another kind of name, or proved by another key)"
        tunnel.counters.count_refused(Refusal.OTHER_IDENTITY)
        message = messages.IdentityRefused.of(tunnel.name, (address, at.nbma), entry.identity, identity)
        self._station.log(message, about=f"{tunnel.name} {address} {identity}", interval=REFUSAL_LOG_INTERVAL)
        return False

    def _proof(self, at: Neighbor) -> tuple[str, Proved | None]:
        """Return what was proved at the end of this connection, for people and to be compared; of a server nothing."""
        connection = self._station.ports.protection.connection(at.connection) if at.connection else None
        return (connection.identity, connection.proved) if connection is not None else ("", None)

    # -------------------------------------------------------------------------------------------- consequences

    def _register(
        self, tunnel: Tunnel, claim: Claim, old: Entry | None, group: str, payer: IPAddress | Proved | None
    ) -> None:
        now, holding_time = self._station.now, claim.cie.holding_time
        if old is not None and old.type is EntryType.STATIC:
            return
        if holding_time == 0:  # RFC 2332 §5.2.0.1: it may not be kept
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
                address=claim.next_hop,
            )
        if old is not None and old.is_registered and self._is_same_place(old, claim):
            if old.nbma != claim.at.nbma or old.connection != claim.at.connection:
                self._move(tunnel, old, claim.at)
                old.proved_as(*self._proof(claim.at))
            old.registered(flags, claim.claimed, group, claim.cie.mtu)
            old.holds(holding_time, now)
            tunnel.cache.charge(old, payer)
            self._station.time_entry(tunnel, old)
            return
        if old is not None and old.is_registered:
            self._forget(tunnel, old)
        elif old is not None:
            self._peers.supersede(tunnel, old)
        identity, proved = self._proof(claim.at)
        entry = Entry(
            target=claim.target,
            next_hop=claim.next_hop,
            nbma=claim.at.nbma,
            connection=claim.at.connection,
            identity=identity,
            payer=payer,
            proved=proved,
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
        self._plane.admit(tunnel, claim.at, claim.target.address if claim.target.is_host else None)
        if tunnel.is_guest(claim.target):
            self._guests_of(tunnel)[claim.target] = looked_at(
                self._station, tunnel, claim.target.address, claim.speaker
            )
        self._review_behind(tunnel, claim.target.address)
        self._log_up(tunnel, claim)

    def _review(self, tunnel: Tunnel, target: Prefix) -> None:
        """Withdraw a guest's address if it is behind another station now: an entry must not draw others' packets."""
        entry = tunnel.cache.get(target)
        if entry is None or entry.neighbor is None:
            return
        guest = self._guests_of(tunnel).get(target)
        speaker = guest.speaker if guest is not None else None
        if leads_to(self._station, tunnel, target.address, entry.neighbor, speaker):
            self._guests_of(tunnel)[target] = looked_at(self._station, tunnel, target.address, speaker)
        else:
            self._complain(tunnel, target, entry.neighbor, Refusal.ROUTED_ELSEWHERE)
            self.withdraw(tunnel, entry, "NHRP: routed to another station")

    def _review_behind(self, tunnel: Tunnel, registered: IPAddress) -> None:
        """Review what is routed to a tunnel address that is registered now, from another place than before."""
        for member in self._station.network(tunnel) if self._guests else ():
            guests = self._guests.get(member.name)
            for target in guests.behind(registered) if guests is not None else ():
                self._review(member, target)

    def _guests_of(self, tunnel: Tunnel) -> Guests:
        return self._guests.setdefault(tunnel.name, Guests())

    def _move(self, tunnel: Tunnel, entry: Entry, to: Neighbor) -> None:
        """Let a client be elsewhere, or be reached over another connection."""
        self._plane.count_receiver(tunnel, entry.neighbor, -1)
        self._station.move_entry(tunnel, entry, to)
        self._plane.count_receiver(tunnel, to, 1)
        if entry.target.is_host:
            self._plane.lead(tunnel, entry.target.address, to)

    def _forget(self, tunnel: Tunnel, entry: Entry) -> None:
        self._station.remove_entry(tunnel, entry)
        if tunnel.name in self._guests:
            self._guests[tunnel.name].pop(entry.target)
        if entry.target.is_host:
            self._plane.clear(tunnel, entry.target.address)
        self._plane.count_receiver(tunnel, entry.neighbor, -1)

    def _reply(
        self, tunnel: Tunnel, request: RegistrationRequest, cies: tuple[ClientInfo, ...], nbma: IPAddress
    ) -> RegistrationReply:
        """Make the reply: the request turned round, with the same source fields (RFC 2332 §5.2.4)."""
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
        # Thousands may come at once: a line that nobody reads is not composed.
        if is_link_local(claim.target.address) or not self._station.config.logging:
            return
        client = (claim.next_hop, claim.at.nbma)
        self._station.log_dmvpn(messages.NhcUp.of(tunnel.name, client, tunnel.own))

    def _log_down(self, tunnel: Tunnel, entry: Entry, why: str) -> None:
        if tunnel.running and entry.nbma is not None and not is_link_local(entry.target.address):
            client = (entry.next_hop, entry.nbma)
            self._station.log_dmvpn(messages.NhcDown.of(tunnel.name, client, tunnel.own, why))


def _payer(standing: Standing, sender: Neighbor, at: Neighbor) -> IPAddress | Proved | None:
    """Return under whom entries are counted, see `Entry.payer`. None: under nobody, a server that is configured speaks.

    Such a server speaks of itself. What it passes on is counted under the address that it names, since everybody can
    have something passed on.
    """
    if not standing.is_server:
        return standing.account
    return at.nbma if at != sender else None
