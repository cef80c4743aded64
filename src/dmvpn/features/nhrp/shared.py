"""The state that the overlays of a router share: one overlay for each IP version, on the same tunnels over one
underlay.

Request identifiers come from one counter. Traffic is counted by peer, whatever the packets carry. So both overlays use
one account of it: a packet that one overlay sends to a peer does not count as use of an entry of the other one, and a
packet from a peer shows both that the path works.

`RequestIds` continue where the previous run of this router ended (RFC 2332 §5.2.0.1, §5.2.3). One 32-bit counter serves
requests of all types, as on IOS. If it began again with every start, a late reply to a request of the previous run
could match a request of this one. So it is stored, but not for each request: the stored value is a ceiling, the last
identifier that may be used before the next ceiling is stored. A router that starts again continues behind the ceiling
and skips the identifiers that the previous run had not used. Without a readable ceiling, the counter begins at 0: that
costs this protection, and nothing else.

`Hearsay` limits how many new NBMA addresses one station's messages may make IKE contact, on a protected tunnel. Each
crypto socket makes IKE send there, again and again, as long as the entry lives. A station that invents requesters or
replies chooses the addresses, so at the price of one packet each it could make us send IKE to strangers for hours. From
one station 20 new addresses a minute are accepted (`ip nhrp hearsay limit`): a spoke may open 1,200 direct paths in an
hour, and a peer over the limit is reached through the hub until it is requested again. Half of the limit is reserved
for replies to our own requests, so that no station can exhaust it by requests in another's name. A server passes on
messages of all its clients, and has no larger limit, because it does not say whose they are.

Messages that lead to a known address cost nothing, nor does a station's message about itself.

`work` limits how much of a processor one station's packets may take: 20,000 octets in a second, each packet counted as
`PACKET` more than it has, and `AT_ONCE` on top. The dearest octets are those of registrations, so that is a tenth of a
slow core, and a spoke needs no hundredth of it. Further work that a packet causes is added when it is done. Packets of
a station that is over its limit are dropped unread until its debt has shrunk. Configured servers may cause ten times as
much: they relay for many stations.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import field
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.effects import Store
from dmvpn.base.events import UsageReported
from dmvpn.base.limits import Budgets, RateLimit
from dmvpn.base.protection import Proved
from dmvpn.base.values import Mutable
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.tunnel import Tunnel, Usage

#: The name under which the ceiling is stored.
REQUEST_IDS: Final = "nhrp-request-id"
#: Identifiers between two ceilings: a spoke stores one each year, a hub of a very large network every few minutes.
STEP: Final = 1024
_LARGEST: Final = 0xFFFFFFFF


class RequestIds:
    """The counter, and its stored ceiling."""

    __slots__ = ("_ceiling", "_last")

    def __init__(self) -> None:
        self._last = 0
        self._ceiling = 0

    def remember(self, octets: bytes) -> None:
        """Continue behind the stored ceiling.

        An invalid value is ignored, and so is a value that comes when identifiers are in use.
        """
        text = octets.strip()
        if self._last == 0 and text.isdigit() and len(text) <= len(str(_LARGEST)) and int(text) <= _LARGEST:
            self._last = self._ceiling = int(text)

    def next(self) -> tuple[int, Store | None]:
        """Return a new identifier, and what must be stored before it is used."""
        store = None
        if self._last == self._ceiling:
            self._ceiling = _after(self._ceiling, STEP)
            store = self.stored
        self._last = _after(self._last, 1)
        return self._last, store

    @property
    def stored(self) -> Store:
        """Return the ceiling to store now."""
        return Store(REQUEST_IDS, b"%d\n" % self._ceiling)


def _after(identifier: int, steps: int) -> int:
    """Return the number `steps` further on.

    The counter wraps from the largest number to 1: a 0 looks like no identifier.
    """
    return (identifier + steps - 1) % _LARGEST + 1


#: Octets of one station's packets that are processed in a second, the burst that is processed at once, and the fixed
#: cost of a packet in octets.
PER_SECOND: Final = 20_000
AT_ONCE: Final = 12_000
PACKET: Final = 128
#: The cost of an entry's end in octets, and the number of merely examined entries that count as one.
ENDED_ENTRY: Final = 32
LOOKED_AT: Final = 4
#: The factor for configured servers.
OF_SERVERS: Final = 10

#: Seconds in which so many new addresses are accepted.
MINUTE: Final = 60
#: For all stations together, on one tunnel: addresses in seconds.
TOGETHER: Final = (200, 10)
#: Stations of one tunnel with counters.
LARGEST_COUNTED: Final = 4096


class Hearsay:
    """Owns the counts of all tunnels of a router, of both versions of IP."""

    def __init__(self) -> None:
        self._together: dict[str, RateLimit] = {}
        self._of: dict[str, dict[IPAddress | Proved, tuple[RateLimit, RateLimit]]] = {}

    def believes(
        self, tunnel: Tunnel, account: IPAddress | Proved, nbma: IPAddress, *, now: float, asked: bool, known: bool
    ) -> bool:
        """Return whether a station's message may open a crypto socket with this address. A refusal is counted.

        account: of the station.
        asked: the message answers a request of ours.
        known: there is a socket with the address, or it is the station's own.
        """
        if not tunnel.protected or known or tunnel.cache.at(nbma):
            return True
        together = self._together.setdefault(tunnel.name, RateLimit(*TOGETHER))
        all_words, unasked = self._limits(tunnel, account)
        if not all_words.may(now) or not together.may(now) or not (asked or unasked.may(now)):
            tunnel.counters.count_refused(Refusal.HELD_BACK)
            return False
        for limit in (all_words, together) if asked else (all_words, together, unasked):
            limit.take(now)
        return True

    def counted(self, tunnel: str) -> int:
        """Return how many stations of a tunnel are counted."""
        return len(self._of.get(tunnel, ()))

    def reset_tunnel(self, tunnel: str) -> None:
        """Reset the counts: the tunnel has another limit from now on."""
        self._of.pop(tunnel, None)

    def keep(self, tunnels: Container[str]) -> None:
        """Forget all other tunnels."""
        for name in [name for name in self._together if name not in tunnels]:
            del self._together[name]
        for name in [name for name in self._of if name not in tunnels]:
            del self._of[name]

    def _limits(self, tunnel: Tunnel, account: IPAddress | Proved) -> tuple[RateLimit, RateLimit]:
        """Return the limits of this station: for all its messages, and for unsolicited ones."""
        counted = self._of.setdefault(tunnel.name, {})
        limits = counted.get(account)
        if limits is None:
            if len(counted) >= LARGEST_COUNTED:
                del counted[next(iter(counted))]
            most = tunnel.config.hearsay_limit
            limits = counted[account] = (RateLimit(most, MINUTE), RateLimit(max(1, most // 2), MINUTE))
        return limits


class HeardAndSilent(Mutable):
    """Accounts that were heard or silent, in the order of the report.

    heard: packets came from them.
    silent: we sent, nothing came. Peers are named by their accounts: the number of the connection, and the address.
    """

    heard: dict[IPAddress | int, None] = field(default_factory=dict)
    silent: dict[IPAddress | int, None] = field(default_factory=dict)


class Shared:
    """See the module's docstring."""

    def __init__(self) -> None:
        self.request_ids = RequestIds()
        self.hearsay = Hearsay()
        self.work: Budgets[IPAddress | Proved | int] = Budgets(PER_SECOND, AT_ONCE)
        self._usage: dict[str, dict[IPAddress | int, Usage]] = {}
        self._secured: dict[tuple[str, IPAddress], None] = {}

    def usage_of(self, tunnel: str) -> dict[IPAddress | int, Usage]:
        """Return the traffic accounts of a tunnel."""
        return self._usage.setdefault(tunnel, {})

    def take_in(self, report: UsageReported, now: float) -> HeardAndSilent:
        """Update the accounts of a tunnel from a report, and return the changes since the last one."""
        traffic, account = HeardAndSilent(), self.usage_of(report.tunnel)
        for peer in report.peers:
            names: list[IPAddress | int] = [peer.connection, peer.nbma] if peer.connection else [peer.nbma]
            of_others, came = account.setdefault(names[0], Usage()).reported(peer.sent, peer.received)
            for name in names:
                account.setdefault(name, Usage()).passed(of_others, came, now)
                if came:
                    traffic.heard[name] = None
                elif of_others > 0:
                    traffic.silent[name] = None
        for name in traffic.heard:
            traffic.silent.pop(name, None)
        return traffic

    def keep(self, tunnels: Container[str]) -> None:
        """Forget all other tunnels."""
        self.hearsay.keep(tunnels)
        for name in [name for name in self._usage if name not in tunnels]:
            del self._usage[name]
        for socket in [socket for socket in self._secured if socket[0] not in tunnels]:
            del self._secured[socket]

    def note_socket(self, tunnel: str, nbma: IPAddress, *, secured: bool) -> bool:
        """Record whether packets to this address are protected.

        Returns True if the other overlay has not reported it yet.
        """
        was_secured = (tunnel, nbma) in self._secured
        if secured:
            self._secured[tunnel, nbma] = None
        else:
            self._secured.pop((tunnel, nbma), None)
        return secured != was_secured

    def forget_connection(self, connection: int) -> None:
        """Forget a connection that is gone; its number is not used again."""
        for account in self._usage.values():
            account.pop(connection, None)
