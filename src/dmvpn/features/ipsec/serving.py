"""The order to the host to take ESP and IKE at our addresses, and what became of it.

A failure names the addresses where the host did not do it; their tunnels stay down, and no other tunnel is affected. A
success is not reported: an order that has not failed after a moment was carried out. A first order counts as good at
once. After a failure an address has to pass that moment, so that its tunnels do not flap.

An address that no tunnel has any more is served a moment longer: peers there hear that their SAs are deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import Deadlines, earliest
from dmvpn.base.effects import ServeIpsec
from dmvpn.base.reasons import Reason
from dmvpn.base.retries import Retries
from dmvpn.features.ipsec.reasons import IpsecReason

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

_ORDER: Final = "serve"
#: Seconds after which silence means success.
SETTLE: Final = 0.5
#: Seconds for which an address is served that nobody needs any more.
LEAVE: Final = 5.0


class Serving:
    """What is wanted and what was ordered last.

    reasons: why the host does not do it, by address.
    """

    def __init__(self) -> None:
        self.reasons: dict[IPAddress, Reason] = {}
        self._wanted: tuple[IPAddress, ...] = ()
        self._ordered: tuple[IPAddress, ...] = ()
        self._leaving: Deadlines[IPAddress] = Deadlines()
        self._retries: Retries[str] = Retries()
        self._settling: Deadlines[str] = Deadlines()

    def want(self, locals_: tuple[IPAddress, ...], now: float) -> list[ServeIpsec]:
        """Serve these addresses, and no others in the end."""
        if locals_ == self._wanted:
            return []
        for address in self._wanted:
            if address not in locals_:
                self._leaving.set(address, now + LEAVE)
        self._wanted = locals_
        return self._order(now)

    def _order(self, now: float) -> list[ServeIpsec]:
        """Return what must be served now, if that is not what was ordered."""
        left = [address for address in self._ordered if self._leaving.when(address) is not None]
        order = tuple(dict.fromkeys((*self._wanted, *left)))
        if order == self._ordered:
            return []
        self._ordered = order
        self.reasons = {address: reason for address, reason in self.reasons.items() if address in order}
        self._retries.forget(_ORDER)
        return self._give(now)

    def refused(self, order: ServeIpsec, text: str, now: float) -> None:
        """Note the addresses at which the host could not; it could at the others."""
        failed = [address for address in order.locals if address in self._ordered]
        if not failed:
            return
        self._settling.cancel(_ORDER)
        before = self.reasons
        self.reasons = {
            address: known
            if (known := before.get(address)) is not None and known.fields == (text,)
            else Reason(IpsecReason.NOT_SERVED, (text,), now)
            for address in failed
        }
        self._retries.failed(_ORDER, self.reasons[failed[0]], now)

    def tick(self, now: float) -> list[ServeIpsec]:
        """Order it again when that is due; see whether the last order passed the test."""
        if self._settling.pop_due(now):
            self.reasons = {}
            self._retries.forget(_ORDER)
        orders = self._order(now) if self._leaving.pop_due(now) else []
        return orders + self.again(now) if self._retries.pop_due(now) else orders

    def again(self, now: float) -> list[ServeIpsec]:
        """Give the same order again."""
        return self._give(now) if self._ordered else []

    def _give(self, now: float) -> list[ServeIpsec]:
        self._settling.cancel(_ORDER)
        if self.reasons:
            self._settling.set(_ORDER, now + SETTLE)
        return [ServeIpsec(self._ordered)]

    def next_deadline(self) -> float | None:
        """Return when `tick` must be called."""
        return earliest(self._retries.next(), self._settling.next(), self._leaving.next())
