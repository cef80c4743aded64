"""What time does to an IKE SA: repetitions, dead peer detection, rekeys, lifetimes. RFC 7296 §2.1, §2.4 and §2.8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import earliest
from dmvpn.base.errors import surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.exchanges import DeleteChild, DeleteIke, Probe, RekeyChild, RekeyIke
from dmvpn.features.ikev2.life import SaState
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.sa import HALF_OPEN, Transmit, Unanswered
from dmvpn.features.ikev2.terms import IKE_PORT

if TYPE_CHECKING:
    from dmvpn.features.ikev2.sa import Act, IkeSa

#: How often IKE_AUTH goes to port 4500 where nobody translates, before it goes to port 500 instead.
_TRIES_BY_NAT_PORT: Final = 3


def next_deadline(sa: IkeSa) -> float | None:
    """When `tick` is to be called."""
    if sa.state is SaState.DEAD:
        return None
    when = earliest(
        sa.gives_up_at,
        sa.outgoing.deadline,
        *sa.children.lingering.values(),
    )
    if sa.state is SaState.ESTABLISHED:
        renewals = (child.rekey_at for child in sa.children if child.spi_in not in sa.children.rekeying)
        ends = (child.expires for child in sa.children)
        return earliest(when, *renewals, *ends, sa.rekey_at, sa.since + _lifetime(sa), _probe_at(sa))
    return earliest(when, sa.since + HALF_OPEN) if sa.is_half_open else when


def _lifetime(sa: IkeSa) -> float:
    return sa.terms.lifetime if sa.terms else HALF_OPEN


def _probe_at(sa: IkeSa) -> float | None:
    """When silence becomes suspicious; a request on its way is a probe by itself."""
    terms = sa.terms
    if not terms or not terms.dpd or terms.on_demand or sa.outgoing.current is not None:
        return None
    return sa.heard + terms.dpd


def tick(sa: IkeSa, now: float) -> list[Act]:
    """Time has passed."""
    sa.at(now)
    if sa.state is SaState.DEAD:
        return sa.done()
    again = sa.outgoing.repeat(now)
    if again is None and sa.state is SaState.ESTABLISHED and sa.gives_up_at is None:
        again = sa.outgoing.insist(sa.heard, now)
    if again is None:
        surely(sa.outgoing.current).unanswered()
    elif again:
        _fall_back(sa)
        sa.act(Transmit(sa, sa.path, again))
        if sa.state is SaState.ESTABLISHED:
            sa.act(Unanswered(sa))
    sa.forget_children()
    for exchange in sa.outgoing.take_due(now):
        sa.queue(exchange)
    if sa.gives_up_at is not None and now >= sa.gives_up_at:
        sa.end(Reason(IkeReason.SUPERSEDED))
    elif sa.state is SaState.ESTABLISHED:
        _maintain(sa, now)
    elif sa.is_half_open and now >= sa.since + HALF_OPEN:
        sa.end(Reason(IkeReason.NO_PROOF_IN_TIME))
    sa.pump()
    return sa.done()


def _fall_back(sa: IkeSa) -> None:
    """Nothing comes back from port 4500, and nobody needs it: then as IKE without NAT always goes."""
    if sa.state is SaState.PROVING and sa.by_choice_on_nat_port and sa.outgoing.tries >= _TRIES_BY_NAT_PORT:
        sa.use_port(IKE_PORT)


def _maintain(sa: IkeSa, now: float) -> None:
    for child in sa.children:
        if now >= child.expires:
            sa.queue(DeleteChild.of(sa, child, Reason(IkeReason.LIFETIME)))
        elif now >= child.rekey_at:
            renew(sa, child.spi_in)
    if now >= sa.since + _lifetime(sa):
        sa.queue(DeleteIke(sa, Reason(IkeReason.LIFETIME)), urgent=True)
    elif sa.rekey_at is not None and now >= sa.rekey_at:
        sa.rekeys()
        sa.queue(RekeyIke(sa))
    probe_at = _probe_at(sa)
    if probe_at is not None and now >= probe_at:
        sa.queue(Probe(sa))


def renew(sa: IkeSa, spi_in: bytes) -> None:
    """Replace a child SA, if that has not begun."""
    child = sa.children.active.get(spi_in)
    if child is not None and sa.children.begin_rekey(spi_in):
        sa.queue(RekeyChild(sa, child))
