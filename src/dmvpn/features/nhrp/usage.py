"""What the traffic counters of the data plane say: which entries are used, who was heard, and who is silent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmvpn.features.nhrp.tunnel import Usage

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import UsageReported


#: Packets of NHRP's own that are still to be seen in the counters.
LARGEST_CARRY = 4


#: So many packets in one report are more than the Hellos of routing protocols; seconds for which they are remembered.
BUSY_PACKETS = 3
BUSY_FOR = 10.0


@dataclass(slots=True)
class Traffic:
    """Who, in the order of the report. heard: something came from them. silent: we sent, nothing came.

    Peers are named by their accounts: of a connection that is its number, and its address besides.
    """

    heard: dict[IPAddress | int, None] = field(default_factory=dict)
    silent: dict[IPAddress | int, None] = field(default_factory=dict)


def take_in(account: dict[IPAddress | int, Usage], report: UsageReported, now: float) -> Traffic:
    """Bring a tunnel's account up to the report, and say what happened since the last one.

    What NHRP itself sent does not count: it would keep entries alive that nobody uses, and wait for answers that do
    not have to come.
    """
    traffic = Traffic()
    for peer in report.peers:
        names: list[IPAddress | int] = [peer.connection, peer.nbma] if peer.connection else [peer.nbma]
        usage = account.setdefault(names[0], Usage())
        # Counters that fell: the tunnel was made again.
        sent = peer.sent - usage.sent if peer.sent >= usage.sent else peer.sent
        received = peer.received - usage.received if peer.received >= usage.received else peer.received
        # What NHRP sent just now may be in the next report only.
        of_others, usage.own = sent - usage.own, min(max(0, usage.own - sent), LARGEST_CARRY)
        usage.sent, usage.received = peer.sent, peer.received
        for name in names:
            known = account.setdefault(name, Usage())
            if of_others > 0:
                known.used_at = now
            if of_others >= BUSY_PACKETS:
                known.busy_until = now + BUSY_FOR
            if received:
                known.heard_at = now
                traffic.heard[name] = None
            elif of_others > 0:
                traffic.silent[name] = None
    for name in traffic.heard:
        traffic.silent.pop(name, None)
    return traffic
