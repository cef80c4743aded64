"""What time does to one ISAKMP SA: repetitions, dead peer detection, rekeys, lifetimes. RFC 2408 §5.1, RFC 3706."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import earliest
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.peer_settings import IKE_PORT
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.repetition import HALF_OPEN
from dmvpn.features.ike.session import Unanswered
from dmvpn.features.ike.udp import TRIES_BY_NAT_PORT
from dmvpn.features.ike.v1 import informational
from dmvpn.features.ike.v1.numbers import Vendor
from dmvpn.features.ike.v1.quick_mode import QuickAsk
from dmvpn.features.ike.v1.sa import RETRY, RekeyWanted, SaState

if TYPE_CHECKING:
    from dmvpn.features.ike.v1.sa import IsakmpSa

#: How often IOS asks before it gives a silent peer up, and the seconds between two questions if none are configured.
_PROBES: Final = 6
_PROBE_INTERVAL: Final = 2.0
#: The same for a peer that is probably gone; and for how many seconds quick mode does not ask a peer that was heard.
_SHORT_INTERVAL: Final = 0.8
_RECENTLY: Final = 10.0


def deadline_of(sa: IsakmpSa) -> float | None:
    """Return when `tick` must be called."""
    if sa.state is SaState.DEAD:
        return None
    whens = [sa.retires_at, *sa.children.lingering.values(), *sa.replaceable.values()]
    whens += [sa.question.due if sa.question else _probe_at(sa)]
    for exchange in sa.exchanges.values():
        whens += exchange.turns.deadline, exchange.over_at
    if sa.state in (SaState.IDLE, SaState.HELD):
        whens.append(sa.rekey_at)
        if sa.state is SaState.IDLE:
            whens.append(sa.expires)
        for child in sa.children:
            whens.append(child.expires if child.spi_in in sa.children.rekeying else min(child.rekey_at, child.expires))
    elif sa.is_half_open:
        whens.append(sa.begun + HALF_OPEN)
    return earliest(*whens)


def _probe_at(sa: IsakmpSa) -> float | None:
    """Return when silence becomes suspicious; a message that waits for an answer is a probe by itself."""
    terms = sa.terms
    answers = Vendor.DPD in sa.abilities
    if not terms or not terms.dpd or terms.on_demand or not answers or not sa.is_usable or sa.is_asking:
        return None
    return sa.heard + terms.dpd


def tick(sa: IsakmpSa, now: float) -> None:
    """Act on the time that has passed; `sas` ends an ISAKMP SA whose own time is over."""
    sa.at(now)
    _repeat(sa, now)
    if sa.is_dead or sa.given_up is not None:
        return
    sa.forget_children()
    if sa.state in (SaState.IDLE, SaState.HELD):
        _keep_children(sa, now)
        if sa.rekey_at is not None and now >= sa.rekey_at:
            sa.rekeys(now + RETRY)
            sa.act(RekeyWanted(sa))
        probe_at = _probe_at(sa)
        if probe_at is not None and now >= probe_at:
            probe(sa)
    elif sa.is_half_open and now >= sa.begun + HALF_OPEN:
        sa.end(sa.hint or Reason(IkeReason.NO_PROOF_IN_TIME))


def _repeat(sa: IsakmpSa, now: float) -> None:
    """Repeat messages that are not answered, and give up after the last repetition."""
    for exchange in tuple(sa.exchanges.values()):
        if sa.is_dead or sa.given_up is not None:  # the peer did not answer an earlier one
            return
        again = exchange.turns.repeat(now)
        if again is None:
            exchange.unanswered()
        elif again:
            _fall_back(sa, exchange.turns.tries)
            if sa.is_established:
                sa.transmit(again, sa.path_of_try(exchange.turns.tries))
                sa.act(Unanswered(sa))
            else:
                sa.transmit(again)
        if exchange.over_at is not None and now >= exchange.over_at:
            exchange.expire()
    question = sa.question
    if question is None or now < question.due:
        return
    if question.tries < _PROBES:
        informational.ask(sa, question.interval)
        sa.act(Unanswered(sa))
    elif now - sa.heard < _PROBES // 2 * question.interval:  # the first counts may be of what came before
        sa.rests()  # ESP still comes: the peer lives, whatever it makes of our questions
    else:
        sa.gives_up(sa.silence("R-U-THERE", question.tries))


def _fall_back(sa: IsakmpSa, tries: int) -> None:
    """Use port 500, as IKE without NAT does: nothing comes back from port 4500, and nothing demands it."""
    if sa.state is SaState.KEY_EXCH and sa.by_choice_on_nat_port and tries >= TRIES_BY_NAT_PORT:
        sa.use_port(IKE_PORT)


def probe(sa: IsakmpSa) -> None:
    """Ask the peer whether it lives."""
    if sa.is_usable and sa.question is None:
        informational.ask(sa, (sa.terms.dpd_retry if sa.terms else 0.0) or _PROBE_INTERVAL)


def examine(sa: IsakmpSa) -> None:
    """Ask a peer that is probably gone, and give it up in seconds.

    Quick mode asks a peer that does not know R-U-THERE, unless it was heard a moment ago: quick mode costs more.
    """
    if not sa.is_usable:
        return
    if Vendor.DPD in sa.abilities:
        if sa.question is None or sa.question.interval > _SHORT_INTERVAL:
            informational.ask(sa, _SHORT_INTERVAL)
        return
    newest = next(reversed(sa.children.active), None)
    if newest is not None and sa.now - sa.heard >= _RECENTLY:
        renew(sa, newest)
        for exchange in sa.exchanges.values():
            if isinstance(exchange, QuickAsk) and exchange.old == newest:
                exchange.turns.hurry(sa.now)


# ------------------------------------------------------------------------------------------------------------ children


def _keep_children(sa: IsakmpSa, now: float) -> None:
    for child in sa.children:
        replaceable = sa.replaceable.get(child.spi_in)
        if replaceable is not None and now >= replaceable:
            sa.withdraw(child, Reason(IkeReason.REPLACED))
        elif now >= child.expires:
            sa.withdraw(child, Reason(IkeReason.LIFETIME))
        elif now >= child.rekey_at:
            renew(sa, child.spi_in)
    if sa.state is SaState.HELD and not sa.children and not sa.children.lingering:
        sa.end(Reason(IkeReason.BARREN))


def renew(sa: IsakmpSa, spi_in: bytes) -> None:
    """Replace a child, unless that has begun. A child with a later one beside it lives to its end."""
    child = sa.children.active.get(spi_in)
    if child is None or spi_in in sa.children.rekeying or child.terms.responder_only:
        return
    if sa.children.newest_like(child) is not child:
        sa.children.begin_rekey(spi_in)
    elif sa.is_usable:
        sa.children.begin_rekey(spi_in)
        begin_quick(sa, QuickAsk(sa, sa.book.child(child.terms), spi_in))
    else:  # an ISAKMP SA must come first, and renews what it adopts
        sa.children.postpone(spi_in, sa.now + RETRY)
        if sa.state is SaState.HELD:
            sa.act(RekeyWanted(sa))


def begin_quick(sa: IsakmpSa, ask: QuickAsk) -> None:
    """Begin a quick mode of ours."""
    sa.begins(ask)
    ask.begin()
