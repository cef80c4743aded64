"""Which ISAKMP SA takes the place of another one with the same peer, and gets its children. RFC 2408 §2.5.1.

sibling   another ISAKMP SA with the same proved peer at the same place: addresses, and behind a NAT the port
adoption  an ISAKMP SA that ends gives its children to its newest sibling. A sibling that is established takes the
          children of all ISAKMP SAs that are older than its own beginning; these end some seconds later. Without a
          sibling an ISAKMP SA is held for its children, and a main mode begins. (Of two that began at the same
          time, `connections.py` decides which ends.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import fraction
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.chain import NO_SPI
from dmvpn.features.ike.contact import are_together
from dmvpn.features.ike.numbers import ProtocolId
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.repetition import INTERVALS
from dmvpn.features.ike.v1.events import begin_quick
from dmvpn.features.ike.v1.packet import Delete
from dmvpn.features.ike.v1.quick_mode import QuickAnswer, QuickAsk
from dmvpn.features.ike.v1.sa import SaState

if TYPE_CHECKING:
    from dmvpn.features.ike.v1.peers import Siblings
    from dmvpn.features.ike.v1.sa import IsakmpSa

#: Seconds until a main mode for one that is held: the peer, which ended it, may begin first.
_AGAIN: Final = 2.0


def establish(new: IsakmpSa, siblings: Siblings) -> list[IsakmpSa]:
    """Let a new ISAKMP SA take the place of its older siblings, and ask for its children.

    With namesakes behind its NAT it waits for the children until their ISAKMP SA retires, or is deleted: if the NAT
    has just restarted, this was the port of another one of them. That one moves when its packets come. Pairs of two
    connections never become those of one: the newest connection goes on, and the others end.
    Returns the ISAKMP SAs that changed.
    """
    others = [] if new.is_alone or new.doubts_older else siblings.of(new)
    siblings.add(new)
    older = [sa for sa in others if sa.since <= new.begun or sa.state is SaState.HELD]
    waits = siblings.has_namesakes(new)
    connection = next((old.connection for old in reversed(older) if old.children), 0)
    for old in older:
        old.at(new.now)
        if waits or connection not in (0, old.connection):
            old.retire()
            continue
        old.hand_over(new)
        if old.state is SaState.HELD:
            old.end(Reason(IkeReason.REPLACED))
        else:
            old.retire()
    for terms in new.take_wanted():
        begin_quick(new, QuickAsk(new, terms))
    return [*older, new]


def hand_to_heir(sa: IsakmpSa, siblings: Siblings) -> None:
    """Give its children to its heir, unless that was begun because the peer may have forgotten them."""
    heir = siblings.heir(sa)
    if heir is not None and not heir.doubts_older:
        sa.hand_over(heir)


def part(sa: IsakmpSa, siblings: Siblings, reason: Reason) -> None:
    """End one and not its children: they go to its heir, or wait for one."""
    heir = siblings.heir(sa)
    for exchange in tuple(sa.exchanges.values()):
        if isinstance(exchange, QuickAnswer) and exchange.turns.awaits:
            exchange.unanswered()  # message 3 cannot come any more
    if heir is not None and sa.children:
        sa.hand_over(heir)
    if sa.is_established and reason.code is not IkeReason.DELETED:
        sa.inform(Delete(ProtocolId.IKE, (sa.cookies,)))
    if sa.children or sa.children.lingering:
        sa.part(sa.now + _AGAIN * (1 + fraction(sa.entropy)) if sa.children else None)
    else:
        sa.end(reason)


def give_up(sa: IsakmpSa, siblings: Siblings, reason: Reason) -> None:
    """End one whose peer is silent. It may only have deleted this one: then another one has the children."""
    hand_to_heir(sa, siblings)
    sa.end(reason)


def end_held(held: IsakmpSa, failed: IsakmpSa) -> list[IsakmpSa]:
    """End a held ISAKMP SA, with its children, if the peer answers no main mode and sends nothing.

    failed: began for it. Returns the ISAKMP SAs that changed.
    """
    if held.state is not SaState.HELD or failed.cookie_r != NO_SPI:
        return []
    if not held.terms or not held.terms.dpd or held.heard >= failed.begun:
        return []
    held.at(failed.now)
    held.end(held.silence("message 1 of main mode", len(INTERVALS)))
    return [held]


def end_supplanted(held: IsakmpSa, new: IsakmpSa) -> list[IsakmpSa]:
    """End a held ISAKMP SA, with its children, if another peer is where its peer was, and it sends nothing.

    new: began for it. Returns the ISAKMP SAs that changed.
    """
    if held.state is not SaState.HELD or held.who == new.who or held.heard >= new.begun or not are_together(held, new):
        return []
    held.at(new.now)
    held.end(Reason(IkeReason.FORGOTTEN))
    return [held]


def withdraw(sa: IsakmpSa, siblings: Siblings, protocol: int, spis: tuple[bytes, ...]) -> list[IsakmpSa]:
    """Drop what the peer has deleted, on whichever of its ISAKMP SAs it says so.

    Returns the ISAKMP SAs that changed.
    """
    touched: list[IsakmpSa] = []
    for each in (sa, *siblings.of(sa)):
        each.at(sa.now)
        if protocol == ProtocolId.ESP:
            for child in [child for spi in spis if (child := each.children.by_outbound(spi)) is not None]:
                each.remove_child(child, Reason(IkeReason.DELETED))
                touched.append(each)
        elif protocol == ProtocolId.IKE and each.cookies in spis and each.is_established:
            part(each, siblings, Reason(IkeReason.DELETED))
            touched.append(each)
    return touched


def drop_unconfirmed(sa: IsakmpSa, siblings: Siblings, spi_in: bytes) -> list[IsakmpSa]:
    """Delete a child on the ISAKMP SA that has adopted it. Returns the ISAKMP SAs that changed."""
    for each in siblings.of(sa):
        child = each.children.active.get(spi_in)
        if child is not None and not each.is_dead:
            each.at(sa.now)
            each.withdraw(child, Reason(IkeReason.NOT_CONFIRMED))
            return [each]
    return []
