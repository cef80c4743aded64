"""VRF devices that another program deletes (`ip link delete INTERNET`): each is made again.

its ports           are in the new device at once, before anything else, because the kernel has put them into the
                    global table
its sockets         end with the old device, and so do its tunnels and streams
a `Resync`          lets the router repeat its orders: tunnels, routes and sockets return. It comes at once the first
                    times, and at growing intervals if another program deletes the device again and again
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dmvpn.base.effects import SetVrfs
from dmvpn.base.errors import UserError
from dmvpn.base.events import EffectFailed, Resync, VrfLost
from dmvpn.dataplane.userspace.keeper import AT_ONCE, CALM, FIRST_DELAY, LONGEST_DELAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.events import Event
    from dmvpn.dataplane.userspace.watch import Loop


class VrfLosses:
    """The lost VRFs of one plane, and when the router repeats its orders."""

    def __init__(
        self,
        loop: Loop,
        report: Callable[[Event], None],
        remake: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """remake: makes a VRF again; raises UserError, OSError. clock: seconds."""
        self._loop = loop
        self._report = report
        self._remake = remake
        self._clock = clock
        self._ordered: tuple[str, ...] = ()
        #: VRFs that are not made yet; that wait for a `Resync`; how often each was lost in a row, and when last.
        self._unmade: dict[str, None] = {}
        self._waiting: dict[str, None] = {}
        self._losses: dict[str, tuple[int, float]] = {}

    def lose(self, vrf: str) -> None:
        """Make a VRF again whose device is gone."""
        times, last = self._losses.get(vrf, (0, 0.0))
        now = self._clock()
        times = times + 1 if now - last < CALM else 1
        self._losses[vrf] = (times, now)
        delay = 0.0 if times <= AT_ONCE else min(FIRST_DELAY * 2 ** (times - AT_ONCE - 1), LONGEST_DELAY)
        self._unmade[vrf] = self._waiting[vrf] = None
        problem: OSError | UserError | None = None
        try:
            self.make_up()
        except (UserError, OSError) as error:
            problem = error
        self._report(VrfLost(vrf, delay))
        if problem is not None:  # the owner of the order logs it, and tries again
            self._report(EffectFailed(SetVrfs(tuple(self._unmade)), getattr(problem, "errno", 0) or 0, str(problem)))
        self._loop.later(delay, lambda: self._repeat(vrf))

    def make_up(self) -> None:
        """Make the lost VRFs again that are not yet. Raises UserError, OSError."""
        for vrf in list(self._unmade):
            self._remake(vrf)
            del self._unmade[vrf]

    def ordered(self, vrfs: tuple[str, ...]) -> None:
        """Take in that these VRFs are ordered: no other device is made again."""
        self._ordered = vrfs
        self._unmade = {vrf: None for vrf in self._unmade if vrf in vrfs}
        self._waiting = {vrf: None for vrf in self._waiting if vrf in vrfs}
        self._losses = {vrf: losses for vrf, losses in self._losses.items() if vrf in vrfs}

    def _repeat(self, vrf: str) -> None:
        if vrf not in self._waiting:
            return
        if vrf in self._unmade:
            self._loop.later(LONGEST_DELAY, lambda: self._repeat(vrf))
            return
        del self._waiting[vrf]
        self._report(Resync())
