"""The order to the host to take ESP and IKE at our addresses, and what became of it.

A failure names the addresses where the host did not do it; their tunnels stay down, and no other tunnel is affected. A
success is not reported: an order that has not failed after a moment was carried out. A first order counts as good at
once. After a failure an address has to pass that moment, so that its tunnels do not flap.

An address that no tunnel has any more is served a moment longer: peers there hear that their SAs are deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.effects import ServeIpsec, in_table
from dmvpn.base.reasons import Reason
from dmvpn.base.retries import Retries
from dmvpn.features.ipsec.reasons import IpsecReason
from dmvpn.features.ipsec.timers import TimerKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.context import Context

_ORDER: Final = "serve"
#: Seconds after which silence means success.
SETTLE: Final = 0.5
#: Seconds for which an address is served that nobody needs any more.
LEAVE: Final = 5.0


class Serving:
    """What is wanted and what was ordered last.

    reasons: why the host does not do it, by address.
    """

    def __init__(self, context: Context) -> None:
        self.reasons: dict[IPAddress, Reason] = {}
        self._context = context
        self._wanted: tuple[IPAddress, ...] = ()
        self._ordered: tuple[IPAddress, ...] = ()
        #: By address, of all that are ordered; and the VRFs that got an order.
        self._fronts: dict[IPAddress, str] = {}
        self._told: dict[str, None] = {}
        self._leaving: Deadlines[IPAddress] = Deadlines()
        self._leave = Timer(TimerKind.LEAVE, self._stop_serving)
        self._retries: Retries[str] = Retries(context, TimerKind.SERVE, lambda _: self.again(), most=1)
        self._settle = Timer(TimerKind.SETTLE, self._succeeded)

    @property
    def served(self) -> tuple[IPAddress, ...]:
        """The addresses at which the host does it."""
        return tuple(address for address in self._ordered if address not in self.reasons)

    def want(self, fronts: Mapping[IPAddress, str]) -> None:
        """Serve these addresses, each in its VRF, and no others in the end."""
        locals_ = tuple(fronts)
        moved = any(self._fronts.get(address, front) != front for address, front in fronts.items())
        if locals_ == self._wanted and not moved:
            return
        self._fronts = {**self._fronts, **fronts}
        if moved:
            self._ordered = ()
        for address in self._wanted:
            if address not in locals_:
                self._leaving.set(address, self._context.now + LEAVE)
        self._context.arm(self._leave, self._leaving.next())
        self._wanted = locals_
        self._order()

    def follow_vrfs(self) -> None:
        """Forget the orders in removed VRFs: their sockets went with them."""
        self._ordered = tuple(address for address in self._ordered if self._exists(self._fronts[address]))
        self._told = {vrf: None for vrf in self._told if self._exists(vrf)}
        self._order()

    def _exists(self, vrf: str) -> bool:
        return self._context.ports.rib_of(vrf) is not None

    def _order(self) -> None:
        """Order what must be served now, if that is not what was ordered."""
        left = [address for address in self._ordered if self._leaving.when(address) is not None]
        order = tuple(one for one in dict.fromkeys((*self._wanted, *left)) if self._exists(self._fronts[one]))
        if order == self._ordered:
            return
        self._ordered = order
        self.reasons = {address: reason for address, reason in self.reasons.items() if address in order}
        self._retries.forget(_ORDER)
        self._give()

    def _stop_serving(self) -> None:
        """Leave all addresses whose time is over, with one order."""
        if self._leaving.pop_due(self._context.now):
            self._order()
        self._context.arm(self._leave, self._leaving.next())

    def refused(self, order: ServeIpsec, text: str) -> None:
        """Note the addresses at which the host could not; it could at the others."""
        failed = [address for address in order.locals if address in self._ordered]
        if not failed:
            return
        self._context.stop(self._settle)
        before, now = self.reasons, self._context.now
        self.reasons = {
            address: known
            if (known := before.get(address)) is not None and known.fields == (text,)
            else Reason(IpsecReason.NOT_SERVED, (text,), now)
            for address in failed
        }
        self._retries.failed(_ORDER, self.reasons[failed[0]])

    def _succeeded(self) -> None:
        """Believe that the host carried out the last order: it has not said anything else."""
        self.reasons = {}
        self._retries.forget(_ORDER)

    def again(self) -> None:
        """Give the same order again."""
        if self._ordered:
            self._give()

    def _give(self) -> None:
        self._context.stop(self._settle)
        if self.reasons:
            self._context.start(self._settle, SETTLE)
        by_front: dict[str, list[IPAddress]] = {vrf: [] for vrf in self._told}
        for address in self._ordered:
            by_front.setdefault(self._fronts[address], []).append(address)
        self._fronts = {address: self._fronts[address] for address in dict.fromkeys((*self._wanted, *self._ordered))}
        for vrf, locals_ in by_front.items():
            self._context.emit(in_table(vrf, ServeIpsec(tuple(locals_))))
        self._told = {vrf: None for vrf, locals_ in by_front.items() if locals_}
