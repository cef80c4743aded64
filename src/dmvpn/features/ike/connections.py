"""Connections: peers that proved who they are, their numbers, and which pairs of SAs each has.

    Session established --> `join`  a number: the same for the same place and identity, as long as it is remembered
    child SA made     --> `made`  ConnectionChanged (it came, or is different now), SaNegotiated
    child SA ended    --> `ended` SaClosed, and ConnectionChanged when it was the last one
    Session moved       --> `moved` ConnectionChanged, MoveConnection; it keeps its number
    Session gone        --> `leave`

A connection may have several IKE SAs for a moment: an IKE SA and its replacement, or two that began at once.

In DMVPN both spokes of a shortcut often begin at the same moment, so that there are two IKE SAs with one peer. RFC 7296
has a rule for simultaneous rekeys (§2.8.1), and none for initial exchanges. The same rule is used here, since both ends
can apply it alike: if each end began an IKE SA before it knew of the other end's, the IKE SA goes whose IKE_SA_INIT had
the lowest of the four nonces. Both carry packets for some seconds, so nothing is lost. Then its initiator deletes it;
the other end waits longer, and deletes it only if the initiator did not. Neither end deletes its last IKE SA: a peer
that decides otherwise and deletes first is right, too.

If an ISAKMP SA and an IKE SA begin at once, the ISAKMP SA goes: IKEv2 is the better one to keep.

Our own IKE SA, if it has no response yet when the peer's is established, is given up at once: the peer, which has
authenticated itself, knows that it is the initiator of the established IKE SA.

Views of IKE SAs and child SAs: `IkeView` and `SaView` for shows, `EspSa` for data planes.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import Final

from dmvpn.base.addresses import Ends, IPAddress, OuterAddress
from dmvpn.base.effects import Effect, MoveConnection
from dmvpn.base.entropy import fraction
from dmvpn.base.errors import surely
from dmvpn.base.negotiation import ConnectionChanged, SaClosed, SaNegotiated
from dmvpn.base.notices import Notice
from dmvpn.base.protection import Connection, EspSa, IkeVersion, IkeView, Proved, SaView
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable
from dmvpn.features.ike import translation
from dmvpn.features.ike.chain import TrafficSelector
from dmvpn.features.ike.children import ChildSa
from dmvpn.features.ike.identity import name_of
from dmvpn.features.ike.numbers import Encr, Integ, Prf
from dmvpn.features.ike.peer_settings import NAT_PORT
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Session
from dmvpn.features.ike.suites import esp_transform
from dmvpn.features.ike.table import are_together
from dmvpn.features.ike.trust import method_name
from dmvpn.net.ipv4 import ipv4_address

# ------------------------------------------------------------------------------------------------ views


_ENCRYPTIONS: Final[dict[int, str]] = {Encr.AES_CBC: "AES-CBC", Encr.AES_GCM_16: "AES-GCM", Encr.TRIPLE_DES: "3DES"}
_PRFS: Final[dict[int, str]] = {
    Prf.HMAC_MD5: "MD5",
    Prf.HMAC_SHA1: "SHA1",
    Prf.HMAC_SHA2_256: "SHA256",
    Prf.HMAC_SHA2_384: "SHA384",
    Prf.HMAC_SHA2_512: "SHA512",
}
_INTEGS: Final[dict[int, str]] = {
    Integ.NONE: "None",
    Integ.HMAC_SHA1_96: "SHA96",
    Integ.HMAC_SHA2_256_128: "SHA256",
    Integ.HMAC_SHA2_384_192: "SHA384",
    Integ.HMAC_SHA2_512_256: "SHA512",
}


def view_of(sa: Session, connection: Connection | None) -> IkeView:
    """Return the public facts of an IKE SA."""
    local, remote, terms, suite = sa.path.local, sa.path.remote, sa.terms, sa.suite
    profile = terms.profile if terms else ""
    is_isakmp = translation.is_isakmp(profile)
    return IkeView(
        number=sa.number,
        version=sa.version,
        phase=sa.phase,
        connection=connection,
        local=local.address,
        local_port=local.port,
        remote=remote.address,
        remote_port=remote.port,
        local_spi=sa.own_spi,
        remote_spi=sa.peer_spi,
        initiator=sa.is_initiator,
        encryption=_ENCRYPTIONS.get(suite.encr, "") if suite else "",
        bits=suite.key_bits if suite else 0,
        prf=_PRFS.get(suite.prf, "") if suite else "",
        integrity=_INTEGS.get(suite.integ, "") if suite else "",
        group=suite.group if suite else 0,
        local_auth=("PSK" if terms.key is None else method_name(terms.key)) if terms else "",
        remote_auth=sa.evidence.by,
        local_identity=name_of(terms.identity) if terms else "",
        remote_identity=name_of(sa.theirs) if sa.theirs else "",
        lifetime=int(terms.lifetime) if terms else 86_400,
        since=sa.since,
        heard=sa.heard,
        dpd=int(terms.dpd) if terms else 0,
        dpd_retry=int(terms.dpd_retry) if terms else 0,
        fragmentation=sa.fragments,
        nat_inside=sa.nat.local,
        nat_outside=sa.nat.remote,
        ikev2_profile="" if is_isakmp else profile,
        isakmp_profile=translation.plain(profile) if is_isakmp else "",
        front=sa.path.front,
        next_request=sa.message_ids[0],
        next_answer=sa.message_ids[1],
    )


# ------------------------------------------------------------------------------------------------------------ child SAs


#: A pair is worn after so much of its octets, less some by chance: the two ends seldom find so at the same moment.
_WORN: Final = 0.9
_SPREAD: Final = 0.1


def number_of(spi: bytes) -> int:
    """Return an SPI as others write it."""
    return int.from_bytes(spi, "big")


def esp_ports(sa: Session, *, udp: bool) -> tuple[int, int]:
    """Return the UDP ports of ESP at both ends, 0: protocol 50. If IKE stayed on port 500, ESP goes to port 4500."""
    if not udp:
        return 0, 0
    return NAT_PORT, sa.path.remote.port if sa.path.local.port == NAT_PORT else NAT_PORT


def esp_sa(sa: Session, child: ChildSa, connection: int) -> EspSa:
    """Return the pair for the data plane."""
    local_port, remote_port = esp_ports(sa, udp=child.udp)
    limit = child.terms.octets
    return EspSa(
        connection=connection,
        spi_in=number_of(child.spi_in),
        spi_out=number_of(child.spi_out),
        transform=esp_transform(child.suite),
        key_in=child.keys_in.cipher,
        key_out=child.keys_out.cipher,
        hash_key_in=child.keys_in.integrity,
        hash_key_out=child.keys_out.integrity,
        local=sa.path.local.address,
        remote=sa.path.remote.address,
        local_port=local_port,
        remote_port=remote_port,
        esn=bool(child.suite.esn),
        window=child.terms.window,
        tunnel_mode=not child.transport,
        inner_local=None if child.transport else _host(child.local),
        inner_remote=None if child.transport else _host(child.remote),
        soft_octets=int(limit * (_WORN - _SPREAD * fraction(sa.entropy))) if limit else 0,
        hard_octets=limit,
        front=sa.path.front,
    )


def sa_view(child: ChildSa, connection: Connection, *, used: bool) -> SaView:
    """Return the pair for shows."""
    return SaView(
        connection=connection,
        spi_in=number_of(child.spi_in),
        spi_out=number_of(child.spi_out),
        transform=esp_transform(child.suite),
        transport=child.transport,
        esn=bool(child.suite.esn),
        window=child.terms.window,
        pfs_group=child.suite.group,
        since=child.since,
        expires=child.expires,
        rekey_at=child.rekey_at,
        kilobytes=child.terms.octets >> 10,
        used=used,
        local_selector=_selector(child.local),
        remote_selector=_selector(child.remote),
    )


def _host(selectors: tuple[TrafficSelector, ...]) -> IPAddress | None:
    """Return the one address that is selected, if it is one."""
    addresses = {end for selector in selectors for end in (selector.first, selector.last)}
    return addresses.pop() if len(addresses) == 1 else None


def _selector(selectors: tuple[TrafficSelector, ...]) -> str:
    """Return the widest selector as IOS writes it: address/mask/protocol/port."""
    if not selectors:
        return ""
    widest = selectors[0]
    if len(selectors) > 1:
        widest = next((each for each in selectors if all(other in each for other in selectors)), widest)
    end = f"{widest.protocol}/{widest.port}"
    differ = int(widest.first) ^ int(widest.last)
    if widest.first.version == 6:
        return f"{widest.first}/{128 - differ.bit_length()}/{end}"
    mask = ipv4_address((0xFFFFFFFF ^ differ).to_bytes(4, "big"))
    return f"{widest.first!s}/{mask!s}/{end}"


# ------------------------------------------------------------------------------------------------ connections


#: Our address, that of the peer and its port behind a NAT (0 without NAT); kind and octets of its identity, and the
#: entry whose key proved it.
Key = tuple["OuterAddress", "IPAddress", int, int, bytes, str]
Results = list["Effect | Notice"]

#: Connections with one identity behind one address of a NAT; later connections are ended.
LARGEST_NUMBER_ALIKE: Final = 64
#: Peers without any SA whose numbers are remembered.
LARGEST_MEMORY: Final = 8192


def _place_of(sa: Session) -> tuple[OuterAddress, IPAddress, int]:
    """Return our address, the peer's, and the port that distinguishes it from others behind its NAT."""
    return *sa.path.ends, sa.path.remote.port if sa.nat.remote else 0


class _Entry(Mutable):
    """A connection, whether it has pairs of SAs or not.

    value: None while it has no pair.
    ike: its IKE SAs by own SPI, the newest last.
    """

    number: int
    key: Key
    value: Connection | None = None
    ike: dict[bytes, Session] = field(default_factory=dict)


def _port(entry: _Entry) -> int:
    return entry.value.remote_port if entry.value is not None else 0


class Connections:
    """All connections that have an IKE SA or a pair of SAs."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self._numbers: dict[Key, int] = {}
        self._idle: dict[Key, None] = {}  # those in `_numbers` without entry, the longest idle first
        self._between: dict[Ends, dict[int, None]] = {}
        self._remotes: dict[tuple[IPAddress, str], int] = {}  # by front door: how many of `_between` have it
        self._owners: dict[int, Session] = {}  # by the inbound SPI of each pair that carries packets
        self._outbound: dict[int, int] = {}  # outbound SPI -> inbound SPI
        self._last = 0

    # ------------------------------------------------------------------------------------------------ questions

    def has_pairs(self, ends: Ends, port: int = 0) -> bool:
        """Return whether packets can go between these addresses.

        port: to the peer that has this UDP port, 0: to any.
        """
        entries = (self._entries[number] for number in self._between.get(ends, ()))
        return any(self._carries(entry) and (not port or _port(entry) == port) for entry in entries)

    def usable(self, ends: Ends, port: int = 0) -> Session | None:
        """Return an IKE SA between these addresses that can make further child SAs.

        port: with the peer that has this UDP port, 0: with any.
        """
        return next((sa for sa in self.ike_sas(ends) if sa.is_usable and port in (0, sa.path.remote.port)), None)

    def ike_sas(self, ends: Ends) -> list[Session]:
        """Return all IKE SAs between these addresses, the newest first."""
        found = [sa for number in self._between.get(ends, ()) for sa in self._entries[number].ike.values()]
        return sorted(found, key=lambda sa: -sa.since)

    def knows(self, remote: IPAddress, front: str) -> bool:
        """Return whether there is an IKE SA with this address of a front door, from any address of ours."""
        return (remote, front) in self._remotes

    def beside(self, sa: Session) -> list[Session]:
        """Return the other IKE SAs of this one's peer: of its connection, and of its identity at the same place."""
        others = [other for other in self.ike_sas(sa.path.ends) if other.who == sa.who and are_together(other, sa)]
        return [other for other in dict.fromkeys((*self.connection_sas(sa.connection), *others)) if other is not sa]

    def displaced(self, sa: Session) -> list[Session]:
        """Return which IKE SAs go when this one has moved to where they are, unless they move on.

        Either the peer has two connections, or its NAT has restarted and given it the port of another peer. An ISAKMP
        SA ends none: it may be the predecessor of what it finds there.
        """
        others = self.beside(sa) if sa.version is not IkeVersion.V1 else []
        return [other for other in others if other.connection != sa.connection]

    def is_one_too_many(self, sa: Session) -> bool:
        """Return whether as many others as are permitted had its identity behind its address before it came."""
        between = self._between.get(sa.path.ends, {})
        if len(between) <= LARGEST_NUMBER_ALIKE:
            return False
        alike = [number for number in between if self._entries[number].key[3:] == sa.who]
        return sa.connection in alike[LARGEST_NUMBER_ALIKE:]

    def connection_sas(self, number: int) -> list[Session]:
        """Return the IKE SAs of a connection, the oldest first."""
        entry = self._entries.get(number)
        return list(entry.ike.values()) if entry else []

    def value(self, number: int) -> Connection | None:
        """Return the connection, if it has SAs."""
        entry = self._entries.get(number)
        return entry.value if entry else None

    def owner(self, spi_in: int) -> Session | None:
        """Return the IKE SA that a pair belongs to."""
        return self._owners.get(spi_in)

    def has(self, spi_in: int, front: str) -> bool:
        """Return whether there is a pair with this SPI in a front door."""
        sa = self._owners.get(spi_in)
        return sa is not None and sa.path.front == front

    def sender(self, spi_out: int) -> Session | None:
        """Return the IKE SA of the pair whose packets carry this SPI when they leave."""
        spi_in = self._outbound.get(spi_out)
        return self.owner(spi_in) if spi_in is not None else None

    def _carries(self, entry: _Entry) -> bool:
        """Return whether one of its child SAs carries packets: `_owners` has only these, `Children` all."""
        return any(number_of(child.spi_in) in self._owners for sa in entry.ike.values() for child in sa.children)

    # ------------------------------------------------------------------------------------------------ IKE SAs

    def join(self, sa: Session) -> int:
        """Add an IKE SA that was established, or came out of another one. Returns the number of its connection."""
        if (known := self._entries.get(sa.connection)) is not None:
            known.ike[sa.own_spi] = sa
            return known.number
        key = (*_place_of(sa), *sa.who)
        number = self._numbers.get(key)
        if number is None or (number in self._entries and self._may_be_another(sa)):
            self._last += 1
            number = self._numbers[key] = self._last
        self._idle.pop(key, None)
        entry = self._entries.setdefault(number, _Entry(number, key))
        self._together(entry)
        entry.ike[sa.own_spi] = sa
        sa.joins(number)
        return number

    def _may_be_another(self, sa: Session) -> bool:
        """Return whether this may be another peer than the last peer at its place.

        With namesakes behind a NAT that may have restarted, only INITIAL_CONTACT says that no other peer was there.
        """
        if sa.is_alone or not sa.nat.remote:
            return False
        entries = (self._entries[number] for number in self._between.get(sa.path.ends, ()))
        return any(entry.key[3:] == sa.who and entry.key[:3] != _place_of(sa) for entry in entries)

    def succeed(self, old: Session, new: Session) -> None:
        """Give a rekeyed IKE SA the children of its predecessor."""
        entry = self._entries.get(old.connection)
        if entry is None:
            return
        other = self._entries.get(new.connection)
        if other is not None and other is not entry:  # it came from where a NAT has put its predecessor meanwhile
            other.ike.pop(new.own_spi, None)
            if not other.ike:
                self._retire(other)
            self._numbers[entry.key] = entry.number
            self._idle.pop(entry.key, None)
        new.joins(old.connection)
        entry.ike[new.own_spi] = new
        for spi in new.children.active:
            self._owners[number_of(spi)] = new

    def leave(self, sa: Session, reason: Reason) -> Results:
        """Drop an IKE SA that is gone, with all its children."""
        results: Results = []
        for child in sa.children:
            results += self.ended(sa, child, reason, lingers=False)
        results += [SaClosed(number_of(spi), reason, lingers=False) for spi in sa.children.lingering]
        entry = self._entries.get(sa.connection)
        if entry is not None:
            entry.ike.pop(sa.own_spi, None)
            if not entry.ike:
                self._retire(entry)
            elif entry.value is not None:
                results += self._reachable_by_others(entry)
        return results

    def _reachable_by_others(self, entry: _Entry) -> Results:
        """Reach the peer where the newest of the other IKE SAs with pairs says."""
        newest = next((sa for sa in reversed(entry.ike.values()) if sa.children and not sa.is_dead), None)
        if newest is None:
            return []
        self._rename(entry, newest)
        return self._changed(entry, newest, udp=any(child.udp for child in newest.children))

    def _retire(self, entry: _Entry) -> None:
        del self._entries[entry.number]
        self._apart(entry)
        if self._numbers.get(entry.key) == entry.number:
            self._idle[entry.key] = None
        while len(self._idle) > LARGEST_MEMORY:
            oldest = next(iter(self._idle))
            del self._idle[oldest], self._numbers[oldest]

    def _together(self, entry: _Entry) -> None:
        ends = entry.key[:2]
        numbers = self._between.get(ends)
        if numbers is None:
            numbers = self._between[ends] = {}
            remote = ends[1], ends[0].front
            self._remotes[remote] = self._remotes.get(remote, 0) + 1
        numbers[entry.number] = None

    def _apart(self, entry: _Entry) -> None:
        ends = entry.key[:2]
        numbers = self._between[ends]
        del numbers[entry.number]
        if numbers:
            return
        del self._between[ends]
        remote = ends[1], ends[0].front
        self._remotes[remote] -= 1
        if not self._remotes[remote]:
            del self._remotes[remote]

    # ------------------------------------------------------------------------------------------------ child SAs

    def made(self, sa: Session, child: ChildSa, replaces: bytes | None) -> Results:
        """Add a pair of SAs."""
        entry = self._entries[sa.connection]
        results = self._changed(entry, sa, udp=child.udp)
        spi_in = number_of(child.spi_in)
        is_first = not self._carries(entry)
        self._owners[spi_in] = sa
        self._outbound[number_of(child.spi_out)] = spi_in
        value = surely(entry.value)
        old = number_of(replaces) if replaces is not None else None
        view = sa_view(child, value, used=child.eager or is_first)
        pair = esp_sa(sa, child, entry.number)
        return [*results, SaNegotiated(connection=value, sa=pair, view=view, eager=child.eager, replaces=old)]

    def ended(self, sa: Session, child: ChildSa, reason: Reason, *, lingers: bool) -> Results:
        """Give up a pair of SAs."""
        entry, spi_in = self._entries.get(sa.connection), number_of(child.spi_in)
        results: Results = [SaClosed(spi_in, reason, lingers)]
        was_there = self._owners.pop(spi_in, None) is not None
        if self._outbound.get(number_of(child.spi_out)) == spi_in:
            del self._outbound[number_of(child.spi_out)]
        if entry is not None and was_there and not self._carries(entry):
            old, entry.value = entry.value, None
            results.append(ConnectionChanged(old, None, reason))
        return results

    def forgotten(self, spi_in: int) -> SaClosed:
        """Forget a pair for which nothing can come any more, not even late."""
        return SaClosed(spi_in, "its successor has taken over", lingers=False)

    def moved(self, sa: Session) -> Results:
        """Follow an IKE SA whose peer is elsewhere now."""
        entry = self._entries.get(sa.connection)
        if entry is None or next(reversed(entry.ike)) != sa.own_spi:
            return []
        self._rename(entry, sa)
        return self._changed(entry, sa, udp=any(child.udp for child in sa.children)) if entry.value else []

    def returned(self, sa: Session) -> Results:
        """Report that the peer had lost its SAs, and has new ones."""
        value = self.value(sa.connection)
        return [ConnectionChanged(value, value, "the peer had lost its SAs", returned=True)] if value else []

    def _rename(self, entry: _Entry, sa: Session) -> None:
        key = (*_place_of(sa), *sa.who)
        if key == entry.key:
            return
        self._apart(entry)
        if self._numbers.get(entry.key) == entry.number:  # a NAT that restarts may give one peer the port of another
            del self._numbers[entry.key]
        self._idle.pop(key, None)
        entry.key = key
        self._numbers[key] = entry.number
        self._together(entry)

    def _changed(self, entry: _Entry, sa: Session, *, udp: bool) -> Results:
        """Return the notice and the effect of a changed connection; its newest IKE SA has the new values."""
        udp = udp and sa.uses_udp
        old, new = entry.value, connection_of(sa, entry, udp=udp)
        if old == new:
            return []
        entry.value = new
        results: Results = [ConnectionChanged(old, new)]
        if old is not None and (old.remote, old.remote_port) != (new.remote, new.remote_port):
            results.append(MoveConnection(new.number, new.remote, new.remote_port))
        return results


def connection_of(sa: Session, entry: _Entry, *, udp: bool) -> Connection:
    """Make a connection of what an IKE SA says of it."""
    terms, (local_port, remote_port) = surely(sa.terms), esp_ports(sa, udp=udp)
    made = Connection(
        number=entry.number,
        local=sa.path.local.address,
        remote=sa.path.remote.address,
        identity=name_of(surely(sa.theirs)),
        profile=terms.child.profile,
        ike_profile=translation.plain(terms.profile),
        local_port=local_port,
        remote_port=remote_port,
        nat=sa.nat.found,
        behind_nat=sa.nat.remote,
        initiator=sa.is_initiator,
        since=sa.since,
        proved=Proved(*sa.who),
        unproved="" if sa.evidence.named else sa.evidence.entry,
        front=sa.path.front,
    )
    return replace(made, since=entry.value.since, initiator=entry.value.initiator) if entry.value else made


# -------------------------------------------------------------------------------------------- two IKE SAs with one peer


BOTH_BEGAN: Final = Reason(IkeReason.BOTH_BEGAN)
#: Seconds until its initiator deletes the one that goes, and until the other end does.
BY_INITIATOR: Final = 3.0
#: Seconds until an IKE SA is deleted if another of its identity has moved to its place, and it has not moved on.
DISPLACED: Final = 60.0
_BY_RESPONDER: Final = 10.0
#: IKE SAs of one connection; a peer that makes more of them loses the oldest.
LARGEST_NUMBER_OF_SAS: Final = 4


def to_end(new: Session, all_of_peer: list[Session]) -> list[tuple[Session, float]]:
    """Return which IKE SAs must be deleted now that `new` is established, and in how many seconds."""
    usable = [sa for sa in all_of_peer if sa.is_usable]
    ends: list[tuple[Session, float]] = []
    for other in usable:
        if other is not new and new.begun <= other.since and other.begun <= new.since:  # they may even be of one end
            loser = min(new, other, key=lambda sa: (sa.version, sa.lowest_nonce))  # IKEv2 survives
            ends.append((loser, BY_INITIATOR if loser.is_initiator else _BY_RESPONDER))
    surplus = usable[: max(0, len(usable) - LARGEST_NUMBER_OF_SAS)]
    return ends + [(sa, 0.0) for sa in surplus]


def may_go(sa: Session, connections: Connections) -> bool:
    """Return whether it is still one too many."""
    return sa.is_usable and any(other.is_usable and other.children for other in connections.beside(sa))
