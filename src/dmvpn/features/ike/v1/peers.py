"""The peers of ISAKMP SAs.

Parallel SAs are ISAKMP SAs with the same proved peer at the same place. Several peers may be behind one address.

Peers that have begun main mode and not proved themselves: who they are, and what they may cost.

Message 1 costs us a draw of 8 octets and some kilobytes; the address in it may be forged. Message 3 returns our cookie,
so its address is true, and costs one Diffie-Hellman (RFC 2408 §2.5.3). `table` bounds the octets that we keep of
them.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import Ends, IPAddress
from dmvpn.base.limits import Budgets
from dmvpn.features.ike.peer_settings import DatagramPath
from dmvpn.features.ike.session import Session
from dmvpn.features.ike.table import are_together
from dmvpn.features.ike.udp import mark_of
from dmvpn.features.ike.v1.packet import Fragment
from dmvpn.features.ike.v1.sa import IsakmpSa
from dmvpn.features.ike.v1.transmission import Fragments

# ------------------------------------------------------------------------------------ peers that have proved themselves


class ParallelSas:
    """All ISAKMP SAs with a proved peer, by its identity."""

    def __init__(self) -> None:
        self._by_identity: dict[tuple[int, bytes, str], dict[bytes, IsakmpSa]] = {}
        self._by_ends: dict[Ends, dict[bytes, IsakmpSa]] = {}
        self._ends: dict[bytes, Ends] = {}

    def add(self, sa: IsakmpSa) -> None:
        """Add an ISAKMP SA whose peer has proved itself."""
        self._by_identity.setdefault(sa.who, {})[sa.own_spi] = sa
        self._place(sa)

    def moved(self, sa: IsakmpSa) -> None:
        """Note that the peer is at another place: of the SAs there it is the last that has proved to be there."""
        if sa.own_spi in self._ends:
            self._displace(sa)
            self._place(sa)
            same = self._by_identity[sa.who]
            same[sa.own_spi] = same.pop(sa.own_spi)

    def _place(self, sa: IsakmpSa) -> None:
        ends = self._ends[sa.own_spi] = sa.path.ends
        self._by_ends.setdefault(ends, {})[sa.own_spi] = sa

    def _displace(self, sa: IsakmpSa) -> None:
        ends = self._ends.pop(sa.own_spi, None)
        if ends is not None:
            self._by_ends[ends].pop(sa.own_spi, None)
            if not self._by_ends[ends]:
                del self._by_ends[ends]

    def remove(self, sa: IsakmpSa) -> None:
        """Forget an ISAKMP SA that is gone."""
        self._displace(sa)
        if sa.theirs is None:
            return
        same = self._by_identity.get(sa.who, {})
        same.pop(sa.own_spi, None)
        if not same:
            self._by_identity.pop(sa.who, None)

    def at(self, path: DatagramPath) -> tuple[tuple[int, bytes, str], ...]:
        """Return the peers at the far address of a path: several of them behind a NAT."""
        return tuple(dict.fromkeys(sa.who for sa in self._by_ends.get(path.ends, {}).values()))

    def with_peer(self, session: Session) -> tuple[IsakmpSa, ...]:
        """Return all with the peer of a session, wherever it is; the last that came to its place is the last."""
        return tuple(self._by_identity.get(session.who, {}).values())

    def parallel_to(self, sa: IsakmpSa) -> list[IsakmpSa]:
        """Return its parallel SAs, in the order in which they came to their place."""
        return [each for each in self.with_peer(sa) if each is not sa and are_together(each, sa)] if sa.theirs else []

    def has_namesakes(self, sa: IsakmpSa) -> bool:
        """Return whether others with its identity are behind the NAT of its peer, at other ports."""
        if not sa.nat.remote:
            return False
        return any(each.path.ends == sa.path.ends and not are_together(each, sa) for each in self.with_peer(sa))

    def heir(self, sa: IsakmpSa) -> IsakmpSa | None:
        """Return the last usable parallel SA, which gets its children.

        It is of the same connection, or has no children yet: a NAT may give a peer the port of another one.
        """
        heirs = (each for each in reversed(self.parallel_to(sa)) if each.is_usable)
        return next((each for each in heirs if each.connection == sa.connection or not each.children), None)


# --------------------------------------------------------------------------------------------- peers that are half-open


#: Peers at one address that begin again while the router is full; then the oldest goes.
LARGEST_NUMBER_OF_RENEWALS: Final = 4
#: Beginnings, and key exchanges, with one address, in a second and at once: some peers are behind one translator.
BEGINNINGS: Final = (50, 200)
#: Addresses of which we keep parts of one message, before our cookie has returned; then the oldest go. Octets of the
#: message, and seconds until it is whole.
LARGEST_NUMBER_IN_FRAGMENTS: Final = 64
LARGEST_IN_FRAGMENTS: Final = 4096
FRAGMENTS_TIME: Final = 5.0

Beginning = tuple[bytes, "DatagramPath"]
#: A front door, and an address of it.
_Sender = tuple[str, "IPAddress"]


class Initiators:
    """All half-open ISAKMP SAs of which we are the responder."""

    def __init__(self) -> None:
        self._beginners: dict[Beginning, IsakmpSa] = {}  # by the mark of message 1 and its path, the oldest first
        self._keyed: dict[bytes, None] = {}  # by our cookie
        self._beginnings: dict[bytes, Beginning] = {}
        self._renewals: dict[_Sender, dict[bytes, IsakmpSa]] = {}  # and by our cookie, the oldest first
        self._fragments: dict[_Sender, tuple[float, Fragments]] = {}  # and since when, the oldest first
        self._may_begin: Budgets[_Sender] = Budgets(*BEGINNINGS)
        self._may_key: Budgets[_Sender] = Budgets(*BEGINNINGS)

    def __len__(self) -> int:
        return len(self._beginnings)

    @property
    def beginners(self) -> int:
        """How many have sent message 1 alone, maybe from forged addresses."""
        return len(self._beginners) - len(self._keyed)

    def known(self, octets: bytes, path: DatagramPath) -> IsakmpSa | None:
        """Return the ISAKMP SA that began with these very octets."""
        return self._beginners.get((mark_of(octets), path))

    def join(self, fragment: Fragment, path: DatagramPath, now: float) -> bytes | None:
        """Add a fragment of message 1 or 3. Returns the message if no part is missing any more. Raises WireError."""
        kept, sender = self._fragments, _sender(path)
        while kept and now - next(iter(kept.values()))[0] >= FRAGMENTS_TIME:
            del kept[next(iter(kept))]
        since, parts = kept.pop(sender, (now, Fragments()))
        octets = parts.add(fragment, LARGEST_IN_FRAGMENTS)
        if octets is None:
            kept[sender] = since, parts
            if len(kept) > LARGEST_NUMBER_IN_FRAGMENTS:
                del kept[next(iter(kept))]
        return octets

    def may_begin(self, path: DatagramPath, now: float) -> bool:
        """Return whether one more may begin from the far address of a path, and count it."""
        return _charged(self._may_begin, _sender(path), now)

    def may_key(self, path: DatagramPath, now: float) -> bool:
        """Return whether the far address of a path may cause one more Diffie-Hellman, and count it."""
        return _charged(self._may_key, _sender(path), now)

    def add(self, sa: IsakmpSa, octets: bytes) -> None:
        """Add a peer that has sent message 1."""
        beginning = mark_of(octets), sa.path
        self._beginners[beginning] = sa
        self._beginnings[sa.own_spi] = beginning

    def renews(self, sa: IsakmpSa) -> IsakmpSa | None:
        """Note that a peer of ours may have begun again while the router is full: an attacker may have its address.

        Returns the ISAKMP SA that must end to make room.
        """
        same = self._renewals.setdefault(_sender(sa.path), {})
        same[sa.own_spi] = sa
        if len(same) <= LARGEST_NUMBER_OF_RENEWALS:
            return None
        return next((old for old in same.values() if old.own_spi not in self._keyed), sa)

    def keyed(self, sa: IsakmpSa) -> None:
        """Note that a peer has returned our cookie."""
        self._keyed[sa.own_spi] = None

    def remove(self, sa: IsakmpSa) -> None:
        """Forget a peer that has proved itself, or is gone."""
        beginning = self._beginnings.pop(sa.own_spi, None)
        if beginning is None:
            return
        self._beginners.pop(beginning, None)
        self._keyed.pop(sa.own_spi, None)
        sender = _sender(beginning[1])  # behind a NAT the peer may have another one by now
        if sender in self._renewals:
            self._renewals[sender].pop(sa.own_spi, None)
            if not self._renewals[sender]:
                del self._renewals[sender]


def _sender(path: DatagramPath) -> _Sender:
    return path.front, path.remote.address


def _charged(budgets: Budgets[_Sender], sender: _Sender, now: float) -> bool:
    if not budgets.may(sender, now):
        return False
    budgets.charge(sender, 1, now)
    return True
