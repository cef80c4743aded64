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
    """NBMA addresses, in the order of the report. heard: something came from them. silent: we sent, nothing came."""

    heard: dict[IPAddress, None] = field(default_factory=dict)
    silent: dict[IPAddress, None] = field(default_factory=dict)


def take_in(account: dict[IPAddress, Usage], report: UsageReported, now: float) -> Traffic:
    """Bring a tunnel's account up to the report, and say what happened since the last one.

    What NHRP itself sent does not count: it would keep entries alive that nobody uses, and wait for answers that do
    not have to come.
    """
    traffic = Traffic()
    for peer in report.peers:
        usage = account.get(peer.nbma)
        if usage is None:
            usage = account[peer.nbma] = Usage()
        # Counters that fell: the tunnel was made anew.
        sent = peer.sent - usage.sent if peer.sent >= usage.sent else peer.sent
        received = peer.received - usage.received if peer.received >= usage.received else peer.received
        # What NHRP sent just now may be in the next report only.
        of_others, usage.own = sent - usage.own, min(max(0, usage.own - sent), LARGEST_CARRY)
        usage.sent, usage.received = peer.sent, peer.received
        if of_others > 0:
            usage.used_at = now
        if of_others >= BUSY_PACKETS:
            usage.busy_until = now + BUSY_FOR
        if received:
            usage.heard_at = now
            traffic.heard[peer.nbma] = None
        elif of_others > 0:
            traffic.silent[peer.nbma] = None
    return traffic
