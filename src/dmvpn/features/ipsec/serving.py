"""The order to the host to take ESP and IKE at our addresses, and what became of it.

Each VRF gets an order of its own. A failure names the addresses where the host did not do it; their tunnels stay down,
and no other tunnel is affected. A success is not reported: an order that has not failed after a moment was carried out.
A first order counts as good at once. After a failure an address has to pass that moment, so that its tunnels do not
flap.

An address that no tunnel has any more is served a moment longer: peers there hear that their SAs are deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import OuterAddress
from dmvpn.base.context import Timer
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.effects import ServeIpsec, in_table
from dmvpn.base.reasons import Reason
from dmvpn.base.retries import Retries
from dmvpn.features.ipsec.reasons import IpsecReason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.context import Context

_ORDER: Final = "serve"
#: Seconds after which silence means success.
SETTLE: Final = 0.5
#: Seconds for which an address is served that nobody needs any more.
LEAVE: Final = 5.0


class Serving:
    """What is wanted and what was ordered last.

    reasons: why the host does not do it, by address and VRF.
    """

    def __init__(self, context: Context) -> None:
        self.reasons: dict[OuterAddress, Reason] = {}
        self._context = context
        self._wanted: tuple[OuterAddress, ...] = ()
        self._ordered: tuple[OuterAddress, ...] = ()
        #: The VRFs that got an order; where the last orders have failed.
        self._told: dict[str, None] = {}
        self._failed: dict[OuterAddress, None] = {}
        self._leaving: Deadlines[OuterAddress] = Deadlines()
        self._leave = Timer("stop serving an address that no tunnel has any more", self._stop_serving)
        self._retries: Retries[str] = Retries(context, "order our addresses again", lambda _: self.again(), most=1)
        self._settle = Timer("believe that the host did what it was ordered", self._succeeded)

    @property
    def served(self) -> tuple[OuterAddress, ...]:
        """The addresses at which the host does it."""
        return tuple(address for address in self._ordered if address not in self.reasons)

    def want(self, wanted: tuple[OuterAddress, ...]) -> None:
        """Serve these addresses, each in its VRF, and no others in the end."""
        if wanted == self._wanted:
            return
        for address in self._wanted:
            if address not in wanted:
                self._leaving.set(address, self._context.now + LEAVE)
        self._context.arm(self._leave, self._leaving.next())
        self._wanted = wanted
        self._order()

    def follow_vrfs(self) -> None:
        """Forget the orders in removed VRFs: their sockets went with them."""
        self._ordered = tuple(address for address in self._ordered if self._exists(address.front))
        self._told = {vrf: None for vrf in self._told if self._exists(vrf)}
        self._order()

    def _exists(self, vrf: str) -> bool:
        return self._context.ports.rib_of(vrf) is not None

    def _order(self) -> None:
        """Order what must be served now, if that is not what was ordered."""
        left = [address for address in self._ordered if self._leaving.when(address) is not None]
        order = tuple(one for one in dict.fromkeys((*self._wanted, *left)) if self._exists(one.front))
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

    def refused(self, addresses: Iterable[IPAddress], front: str, text: str) -> None:
        """Note the addresses of a VRF at which the host could not; it could at the others."""
        failed = [one for address in addresses if (one := OuterAddress(address, front)) in self._ordered]
        if not failed:
            return
        self._failed.update(dict.fromkeys(failed))
        before, now = self.reasons, self._context.now
        self.reasons = {one: reason for one, reason in before.items() if one.front != front}
        for one in failed:
            known, reason = before.get(one), Reason(IpsecReason.NOT_SERVED, (text,), now)
            self.reasons[one] = known if known is not None and known.says_the_same(reason) else reason
        self._retries.failed(_ORDER, self.reasons[failed[0]])

    def _succeeded(self) -> None:
        """Believe that the host carried out the last orders wherever it has not said anything else."""
        self.reasons = {one: reason for one, reason in self.reasons.items() if one in self._failed}
        if not self.reasons:
            self._retries.forget(_ORDER)

    def again(self) -> None:
        """Give the same order again."""
        if self._ordered:
            self._give()

    def _give(self) -> None:
        self._context.stop(self._settle)
        self._failed = {}
        if self.reasons:
            self._context.start(self._settle, SETTLE)
        by_front: dict[str, list[IPAddress]] = {vrf: [] for vrf in self._told}
        for one in self._ordered:
            by_front.setdefault(one.front, []).append(one.address)
        for vrf, locals_ in by_front.items():
            self._context.emit(in_table(vrf, ServeIpsec(tuple(locals_))))
        self._told = {vrf: None for vrf, locals_ in by_front.items() if locals_}
