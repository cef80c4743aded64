"""Crypto sockets: which features want packets to which peers protected, the requests to IKE, and their progress.

Nothing else keeps a record of that. Tunnels and NHRP state sets of peers (`ProtectionWanted`), for a whole tunnel or
for one NBMA address of it. They want pairs (tunnel, NBMA address); IKE knows pairs (our address in its front door,
remote address) and gets one request for each. Tunnels with one source in one front door share a pair; it is requested
while any of them wants it, and released by the last. Each of several peers behind one address may be wanted by itself,
by the UDP port that it has there; port 0 means any peer at the address.

The state of a wanted pair is kept until it has SAs. Of unwanted pairs (a peer began, and failed) only the latest are
kept, because any station can begin.

`Lifecycle` handles changes of SAs and connections: orders to the data plane, and changed pairs. `InstallSa` is ordered
before its pair is reported as secured, so packets that follow the report find the SA in the plane. A plane refuses an
SA later (`EffectFailed`): then the SA does not count, and IKE has to replace it. No packet may be sent on an SA that
was closed: the plane changes to the successor first, or loses it at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import Ends, IPAddress, OuterAddress
from dmvpn.base.context import Context
from dmvpn.base.effects import InstallSa, RemoveSa, UseSa
from dmvpn.base.events import SasCounted
from dmvpn.base.negotiation import (
    ConnectionChanged,
    ConnectionUnwanted,
    NegotiationWanted,
    ProtectionWanted,
    SaClosed,
    SaNegotiated,
)
from dmvpn.base.protection import Connection, Protected, ProtectionPhase, ProtectionPolicy
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.ipsec import messages
from dmvpn.features.ipsec.associations import Associations, SaStanding, Upkeep
from dmvpn.features.ipsec.reasons import IpsecReason

Pair = tuple[OuterAddress, IPAddress, int]  # our end, the peer's address and UDP port, 0: any peer at the address


# ------------------------------------------------------------------------------------------------ sockets


#: Pairs that nobody wants and that are remembered nevertheless.
LARGEST_UNWANTED: Final = 256
_NOTHING: Final = Protected(phase=ProtectionPhase.INTF)


class Home(Value):
    """How a tunnel is protected.

    barred: the NBMA addresses that belong to another tunnel, with another profile.
    """

    policy: ProtectionPolicy
    barred: frozenset[IPAddress] = frozenset()


class CryptoSockets:
    """Wanted pairs. A tunnel's wishes are kept while it cannot be protected, and count again when it can."""

    def __init__(self) -> None:
        #: By tunnel, NBMA address and port: the features that say so.
        self._wishes: dict[str, dict[IPAddress, dict[int, dict[str, None]]]] = {}
        self._homes: dict[str, Home] = {}  # by tunnel
        self._asked: dict[Pair, str] = {}  # the policy's name

    def changes(self, wish: ProtectionWanted) -> list[tuple[IPAddress, int, bool]]:
        """Return what a set of peers changes of its author's wishes: address, port, and whether it is wanted."""
        before = self._wishes.get(wish.tunnel, {})
        named: dict[IPAddress, dict[int, None]] = {}
        for nbma, port in wish.peers:
            named.setdefault(nbma, {})[port] = None
        changes: list[tuple[IPAddress, int, bool]] = []
        for nbma in (*before, *(new for new in named if new not in before)) if wish.at is None else (wish.at,):
            known, ports = before.get(nbma, {}), named.get(nbma, {})
            changes += [(nbma, port, True) for port in ports if wish.by not in known.get(port, ())]
            changes += [(nbma, port, False) for port, who in known.items() if wish.by in who and port not in ports]
        return changes

    def want(self, tunnel: str, by: str, change: tuple[IPAddress, int, bool]) -> list[NegotiationWanted]:
        """Note that a feature wants a pair, or no longer wants it."""
        nbma, port, wanted = change
        nbmas = self._wishes.setdefault(tunnel, {})
        peers = nbmas.setdefault(nbma, {})
        if wanted:
            peers.setdefault(port, {})[by] = None
        else:
            del peers[port][by]
            if not peers[port]:
                del peers[port]
        if not peers:
            del nbmas[nbma]
        home = self._homes.get(tunnel)
        return self._compare((home.policy.outer, nbma, port)) if home is not None else []

    def forget_tunnel(self, tunnel: str) -> None:
        """Forget a tunnel that is gone, and its wanted pairs."""
        self._wishes.pop(tunnel, None)

    def settle(self, homes: Mapping[str, Home]) -> list[NegotiationWanted]:
        """Take over which tunnels can be protected, and how. Return the requests, releases first."""
        self._homes = dict(homes)
        wanted = {
            (home.policy.outer, nbma, port): None
            for tunnel, home in homes.items()
            for nbma, ports in self._wishes.get(tunnel, {}).items()
            if nbma not in home.barred
            for port in ports
        }
        before = [pair for pair in self._asked if pair not in wanted]
        return [notice for pair in (*before, *wanted) for notice in self._compare(pair)]

    def is_wanted(self, connection: Connection) -> bool:
        """Return whether packets between its addresses, or with just this peer, are to be protected."""
        ends = connection.ends
        return any(self._wanted_by((*ends, port)) is not None for port in dict.fromkeys((0, connection.remote_port)))

    def is_asked(self, pair: Pair) -> bool:
        """Return whether IKE was asked for SAs with this peer."""
        return pair in self._asked

    def wishes(self) -> Iterator[tuple[str, IPAddress, int]]:
        """Return every tunnel, NBMA address and port that is wanted, whether it can be protected or not."""
        return (
            (tunnel, nbma, port) for tunnel, nbmas in self._wishes.items() for nbma in nbmas for port in nbmas[nbma]
        )

    def ports(self, tunnel: str, nbma: IPAddress) -> tuple[int, ...]:
        """Return the ports by which peers at an address are wanted; 0: any peer there."""
        return tuple(self._wishes.get(tunnel, {}).get(nbma, ()))

    def again(
        self, remote: IPAddress | None, spared: Collection[Ends] = (), *, front: str = ""
    ) -> list[NegotiationWanted]:
        """Release pairs (with this remote address, or all) and ask for them again.

        spared: addresses of ours and of peers that keep what they have.
        front: pairs in this VRF alone, "": in any table.
        """
        return [
            _wanted(policy, pair, wanted=wanted)
            for pair, policy in self._asked.items()
            if remote in (None, pair[1]) and front in ("", pair[0].front) and pair[:2] not in spared
            for wanted in (False, True)
        ]

    def _wanted_by(self, pair: Pair) -> ProtectionPolicy | None:
        """Return the policy of the first tunnel that wants this pair."""
        for tunnel, home in self._homes.items():
            is_its_own = home.policy.outer == pair[0] and pair[1] not in home.barred
            if is_its_own and pair[2] in self.ports(tunnel, pair[1]):
                return home.policy
        return None

    def _compare(self, pair: Pair) -> list[NegotiationWanted]:
        """Return what IKE has to hear about a pair. A profile that only answers (`responder-only`) asks for nothing."""
        policy = self._wanted_by(pair)
        name = policy.name if policy is not None and not policy.responder_only else None
        before = self._asked.get(pair)
        if name == before:
            return []
        changes: list[NegotiationWanted] = []
        if before is not None:
            del self._asked[pair]
            changes.append(_wanted(before, pair, wanted=False))
        if name is not None:
            self._asked[pair] = name
            changes.append(_wanted(name, pair, wanted=True))
        return changes


def _wanted(policy: str, pair: Pair, *, wanted: bool) -> NegotiationWanted:
    outer, remote, port = pair
    return NegotiationWanted(policy, outer.address, remote, wanted, port, outer.front)


# ------------------------------------------------------------------------------------------------------- how far IKE is


class Negotiations:
    """By pair of addresses. A wanted pair counts as being negotiated, even before IKE says anything of it."""

    def __init__(self) -> None:
        self._wanted: dict[Pair, Protected] = {}
        self._unwanted: dict[Pair, Protected] = {}

    def state(self, pair: Pair) -> Protected:
        """Return how far a pair is."""
        return self._wanted.get(pair) or self._unwanted.get(pair) or _NOTHING

    def want(self, pair: Pair, wanted: bool, now: float) -> None:
        """Note whether the pair is wanted."""
        if not wanted:
            self._wanted.pop(pair, None)
            return
        known = self._unwanted.pop(pair, None)
        if known is None or known.phase == ProtectionPhase.INTF:
            known = _begun(now, known.reason if known is not None else None)
        self._wanted.setdefault(pair, known)

    def hear(self, pair: Pair, phase: ProtectionPhase, reason: Reason | None, now: float) -> None:
        """Take in how far IKE is. A reason is kept until another one comes, or SAs do: a new try is not a success."""
        before = self.state(pair)
        if pair in self._wanted and phase == ProtectionPhase.INTF:
            phase = ProtectionPhase.IKE  # it will be tried again
        state = Protected(
            phase=phase, reason=_since(before.reason, reason, now), since=before.since if before.phase == phase else now
        )
        if pair in self._wanted:
            self._wanted[pair] = state
            return
        self._unwanted.pop(pair, None)
        if state.phase != ProtectionPhase.INTF or state.reason is not None:
            self._unwanted[pair] = state
        if len(self._unwanted) > LARGEST_UNWANTED:
            del self._unwanted[next(iter(self._unwanted))]

    def lost(self, pair: Pair, reason: Reason | None, now: float) -> None:
        """Note that a pair has no SA any more: its state begins now, whatever it was before the SAs came."""
        self.hear(pair, ProtectionPhase.INTF, reason, now)
        if pair in self._wanted:
            self._wanted[pair] = replace(self._wanted[pair], since=now)

    def secured(self, pair: Pair, now: float) -> None:
        """Forget why a pair had no SAs: it has some now."""
        self._unwanted.pop(pair, None)
        if pair in self._wanted:
            self._wanted[pair] = _begun(now)


def _begun(now: float, reason: Reason | None = None) -> Protected:
    return Protected(phase=ProtectionPhase.IKE, reason=reason, since=now)


def _since(before: Reason | None, reason: Reason | None, now: float) -> Reason | None:
    """Return the reason to keep: the latest one, with the time at which it came up first."""
    if reason is None or (before is not None and before.says_the_same(reason)):
        return before
    return replace(reason, since=now)


# ------------------------------------------------------------------------------------------------ what happens to SAs


class Lifecycle:
    """The only writer of the table of SAs.

    Orders leave by the context. Methods return the pairs whose protection may have changed.
    """

    def __init__(self, context: Context, sockets: CryptoSockets, negotiations: Negotiations) -> None:
        self._context = context
        self._sockets = sockets
        self._negotiations = negotiations
        self.associations = Associations()
        self.upkeep = Upkeep(context, self.associations)

    # ------------------------------------------------------------------------------------------------ SAs

    def negotiated(self, notice: SaNegotiated) -> tuple[Ends, ...]:
        """Take in a pair of SAs from IKE."""
        before = self.associations.known(notice.connection.number)
        association = self.associations.install(notice, self._context.now)
        self.upkeep.installed(association)
        self._secured(notice.connection)
        self._context.emit(InstallSa(notice.sa, notice.eager))
        if self._debugs(notice.connection):
            self._context.debug(*messages.created(notice.view))
        return _pairs(before, notice.connection)

    def closed(self, notice: SaClosed) -> tuple[Ends, ...]:
        """Close a pair of SAs: nothing may be sent on it any more."""
        association = self.associations.get(notice.spi_in)
        if association is None:
            return ()
        was_there = association.standing is not SaStanding.REFUSED
        was_used = self.associations.may_be_used(association)
        association.ends(SaStanding.LINGERING)
        successor = self.associations.newest(association.connection)
        if successor is not None and was_used:
            self.associations.use(successor)
            self._context.emit(UseSa(successor.spi))
            if self._debugs(successor.view.connection):
                self._context.debug(*messages.switched(successor.view))
        if successor is None:  # packets must not go by a lingering SA instead
            for each in self.associations.connection_sas(association.connection):
                if each.is_lingering:
                    self._forget(each.spi, notice.reason)
        elif not notice.lingers or not was_there:
            self._forget(notice.spi_in, notice.reason)
        return self._lost(self.associations.known(association.connection), notice.reason)

    def refused(self, spi: int, why: str) -> tuple[Ends, ...]:
        """Note that the plane does not have an SA that IKE believes in."""
        association = self.associations.get(spi)
        if association is None or association.standing is not SaStanding.ACTIVE:
            return ()
        association.ends(SaStanding.REFUSED)
        self.upkeep.refused(association, why)
        before = self.associations.newest(association.connection)
        if before is not None:
            self.associations.use(before)  # the plane has changed nothing
        connection = self.associations.known(association.connection)
        if connection is None:
            return ()
        reason = Reason(IpsecReason.SA_REFUSED, (why,))
        for key in self._bare(connection):
            self._negotiations.hear(key, ProtectionPhase.IPSEC, reason, self._context.now)
        self._context.emit(messages.sa_refused(connection.remote, why))
        return (connection.ends,)

    def counted(self, event: SasCounted) -> tuple[Ends, ...]:
        """Take in the plane's counters: what the plane lost counts as refused."""
        pairs: list[Ends] = []
        for association in self.upkeep.missing(event):
            if association.standing is SaStanding.LINGERING:
                self.associations.remove(association.spi)
            pairs += self.refused(association.spi, "the host lost it")
        self.upkeep.count(event)
        return tuple(pairs)

    def _forget(self, spi: int, why: Reason | str) -> None:
        association = self.associations.get(spi)
        self.associations.remove(spi)
        if association is None:
            return
        self._context.emit(RemoveSa(spi))
        if self._debugs(association.view.connection):
            self._context.debug(*messages.deleted(association.view, str(why)))

    # ------------------------------------------------------------------------------------------------ connections

    def changed(self, notice: ConnectionChanged) -> tuple[Ends, ...]:
        """Follow a connection that came, moved or went."""
        old, new = notice.old, notice.new
        if new is not None:
            before = self.associations.place(new) or old
            if self.associations.connection(new.number) is None:
                return ()
            self._secured(new)
            return _pairs(before, new)
        if old is None:
            return ()
        left = self.associations.drop(old.number)
        self._context.emit(*(RemoveSa(spi) for spi in left))
        self.upkeep.gone(old.number)
        return self._lost(old, notice.reason) if left else ()

    def close(self, connection: Connection, why: str) -> tuple[Ends, ...]:
        """Close the SAs with this peer: the plane loses them now, and IKE notifies the peer."""
        for association in self.associations.connection_sas(connection.number):
            self._forget(association.spi, why)
        self._context.emit(ConnectionUnwanted(connection.number, why))
        return self._lost(connection, why)

    def _lost(self, connection: Connection | None, why: Reason | str) -> tuple[Ends, ...]:
        """Note that a connection has one SA less. If its pair has none now, a wanted pair knows why."""
        if connection is None:
            return ()
        for key in self._bare(connection):
            reason = Reason(IpsecReason.SA_GONE, (why,)) if self._sockets.is_asked(key) else None
            self._negotiations.lost(key, reason, self._context.now)
        return (connection.ends,)

    def _secured(self, connection: Connection) -> None:
        for port in dict.fromkeys((0, connection.remote_port)):
            self._negotiations.secured((*connection.ends, port), self._context.now)

    def _bare(self, connection: Connection) -> list[Pair]:
        """Return under what a connection may be wanted, and nothing secures it: its pair, and its peer alone."""
        pair, port = connection.ends, connection.remote_port
        left = self.associations.connections(*pair)
        bare = [(*pair, 0)] if not left else []
        if port and self._sockets.is_asked((*pair, port)) and all(each.remote_port != port for each in left):
            bare.append((*pair, port))
        return bare

    def _debugs(self, connection: Connection) -> bool:
        return self._context.ports.debugging.on(messages.IPSEC, connection.remote)


def _pairs(before: Connection | None, after: Connection) -> tuple[Ends, ...]:
    """Return where a connection is, and where it was."""
    return tuple(dict.fromkeys(((before or after).ends, after.ends)))
