"""The order to translate, of all VRFs: each VRF translates what leaves by its own interfaces.

What comes from another VRF, by a route leak, comes by a pair (`leaks`), and the rules of that VRF are for the pair.
There it cannot be seen any more where a packet came in, so the near end takes only what came in by an inside interface,
if there are rules: nothing passes a translating interface beside them. A pair is used only after its rules are in
force.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.effects import SetTranslation
from dmvpn.base.errors import UserError
from dmvpn.base.events import EffectFailed, Event
from dmvpn.base.tables import table_named
from dmvpn.base.translation import Translations
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.userspace.leak_ends import device

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from dmvpn.dataplane.host import HostProblem
    from dmvpn.dataplane.userspace.leaks import RouteLeaks
    from dmvpn.dataplane.userspace.links import InterfaceNames
    from dmvpn.dataplane.userspace.translation import FromVrfs
    from dmvpn.dataplane.userspace.vrf_devices import Places
    from dmvpn.dataplane.userspace.vrfs import Part, VrfParts


class VrfTranslation:
    """Carries out `SetTranslation` in all VRFs."""

    def __init__(
        self,
        vrfs: VrfParts,
        places: Places,
        leaks: RouteLeaks,
        names: InterfaceNames,
        vrf_of: Callable[[str], str],
        report: Callable[[Event], None],
    ) -> None:
        """vrf_of: the VRF of an interface."""
        self._vrfs = vrfs
        self._places = places
        self._leaks = leaks
        self._names = names
        self._vrf_of = vrf_of
        self._report = report
        self._order = SetTranslation()
        #: What each VRF was ordered last.
        self._applied: dict[str, tuple[SetTranslation, FromVrfs]] = {}
        leaks.changed = self._apply

    def set(self, order: SetTranslation) -> None:
        """Apply this order. Raises EffectError, UserError."""
        self._order = order
        self._applied.clear()
        self._apply()
        devices = self._places.has_devices
        for one in order.overloads:
            if devices and self._vrf_of(one.outside) != one.vrf:
                text = f"no NAT from {table_named(one.vrf)} to {one.outside}, which is in another table"
                raise EffectError(order, errno.EOPNOTSUPP, text)
            if one.vrf and devices:
                text = f"no NAT in VRF {one.vrf}, which is a VRF device of the kernel"
                raise EffectError(order, errno.EOPNOTSUPP, text)

    def refresh(self) -> None:
        """Apply the order where interfaces have moved."""
        if self._order == SetTranslation():
            return
        try:
            self._apply()
        except (OSError, UserError) as error:
            self._report(EffectFailed(self._order, 0, str(error)))

    def left(self, vrfs: Collection[str]) -> None:
        """Apply the order to the interfaces of VRFs that were removed: they are in the global table."""
        self._applied = {vrf: one for vrf, one in self._applied.items() if vrf not in vrfs}
        self.refresh()

    def forget(self) -> None:
        """Remove all translated flows. Raises HostProblem."""
        for part in self._vrfs:
            part.kernel.translation.forget()

    def translations(self) -> Translations:
        """Return the live flows, and the counters."""
        found = [part.kernel.translation.translations(part.vrf) for part in tuple(self._vrfs)]
        flows = tuple(flow for one in found for flow in one.flows)
        return Translations(flows, sum(one.hits for one in found), sum(one.misses for one in found))

    def _apply(self) -> None:
        """Order the changed translations. Raises UserError, OSError."""
        try:
            for part in self._vrfs:
                if not part.vrf or not self._places.has_devices:
                    self._apply_in(part)
        except BaseException:
            self._admit(closed=True)
            raise
        self._admit()

    def _apply_in(self, part: Part) -> None:
        order, here = self._order, part.vrf
        inside = tuple(name for name in order.inside if self._vrf_of(name) == here)
        overloads = tuple(one for one in order.overloads if self._vrf_of(one.outside) == here)
        if self._places.has_devices:
            overloads = tuple(one for one in overloads if one.vrf == here)
        others = [one for one in overloads if one.vrf != here]
        from_vrfs = {(one.outside, one.vrf): self._pairs(one.outside, one.vrf) for one in others}
        wanted = replace(order, inside=inside, overloads=overloads), from_vrfs
        if self._applied.get(here) != wanted:
            self._applied.pop(here, None)
            part.kernel.translation.lost = self._lose
            with self._places.at(here):
                part.kernel.translation.set(*wanted)
            self._applied[here] = wanted

    def _lose(self, problem: HostProblem) -> None:
        """Report that a VRF does not translate any more, until the order is given again."""
        with suppress(OSError, UserError):
            self._admit(closed=True)
        self._report(EffectFailed(self._order, 0, str(problem)))

    def _pairs(self, outside: str, vrf: str) -> tuple[str, ...]:
        found = (pair for pair in self._leaks if (pair.way.interface, pair.way.vrf) == (outside, vrf))
        return tuple(device(pair.number) for pair in found)

    def _admit(self, *, closed: bool = False) -> None:
        """Let near ends take the packets that their far ends translate; closed: the far ends do not translate as they
        should.
        """
        order = self._order
        translating = {(one.outside, one.vrf) for one in order.overloads}  # looked up, never iterated
        for pair in self._leaks:
            vrf = pair.way.vrf
            inside: tuple[str, ...] | None = None
            if (pair.way.interface, vrf) in translating:
                those = () if closed else order.inside
                inside = tuple(self._names.linux(name) for name in those if self._vrf_of(name) == vrf)
            with self._places.at(vrf):
                self._vrfs.part(vrf).kernel.leaks.translate(pair.number, inside)
