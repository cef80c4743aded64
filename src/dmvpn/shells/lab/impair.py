"""Bad wires without netem: a cable is replaced by TAPs and a relay that delays, loses, limits and filters.

Some kernels lack every queueing discipline. So an impaired cable is unplugged and plugged in again as TAP interfaces of
the same names; the supervisor carries the frames between them. To the routers that is a link that went down and came
back, which they survive anyway. A cable without impairments is a plain veth pair, or bridge, again.

A wire with more than two ends is a switch: the relay learns the end of each station. Each end has its own queue, and
each frame is lost or late on its own, on its way in. Where the kernel has no bridge, the relay is the switch, bad or
not.
"""

from __future__ import annotations

import heapq
import random
import selectors
import time
from collections.abc import Callable

from dmvpn.base.errors import UserError
from dmvpn.dataplane import netlink
from dmvpn.dataplane.tap import Tap
from dmvpn.shells.lab.badness import ETHERNET, HARMLESS, LONGEST_QUEUE, Badness, ip_packet
from dmvpn.shells.lab.control import Json
from dmvpn.shells.lab.namespaces import inside_network
from dmvpn.shells.lab.wiring import Cable, End, Wiring, linux_name, plug_in

_TURN = 128
#: Link-layer addresses that a switch stores.
_STATIONS = 4096
#: Frames in flight over all cables; more are lost.
_UNDER_WAY = 100_000


class Impairments:
    """All impaired cables."""

    def __init__(self, wiring: Wiring, selector: selectors.BaseSelector) -> None:
        self._wiring = wiring
        self._selector = selector
        #: By the names of cables, and of what is plugged in for them.
        self._asked: dict[str, Badness] = {}
        self._relays: dict[str, _Relay] = {}
        self._hidden: dict[str, None] = {}
        self._due: list[tuple[float, int, Tap, bytes]] = []
        self._serial = 0

    def set(self, cable: Cable, badness: Badness, *, hidden: bool = False) -> None:
        """Impair a cable, or restore it. hidden: users are to find out. Raises UserError for a wrong sender."""
        if badness.sender and badness.sender not in [node for node, _ in cable.ends]:
            raise UserError(f"{badness.sender} is at no end of {cable.name}")
        self._hidden.pop(cable.name, None)
        if hidden:
            self._hidden[cable.name] = None
        self._asked[cable.name] = badness
        self.renew(cable)

    def renew(self, cable: Cable) -> None:
        """Impair the parts of a cable that are plugged in now."""
        badness = self._asked.get(cable.name, HARMLESS)
        for part in self._wiring.parts.get(cable.name, [cable]):
            relay = self._relays.get(part.name)
            if badness.harmless and not self._wiring.needs_relay(part):
                if relay is not None:
                    self._remove(part)
            elif relay is not None:
                relay.badness = badness
            else:
                self._relays[part.name] = self._replace(part, badness)

    def release(self, part: Cable) -> None:
        """Close the relay of a part that is unplugged for good."""
        relay = self._relays.pop(part.name, None)
        if relay is not None:
            self._close(relay)

    def begin(self) -> None:
        """Impair all cables as in the scenario."""
        for cable in self._wiring.cables:
            spec = cable.properties
            self.set(cable, Badness(delay=spec.delay, loss=spec.loss, rate=spec.rate))

    def described(self) -> Json:
        """Return the impaired cables and their impairments, for people."""
        return {
            name: badness.described()
            for name, badness in self._asked.items()
            if not badness.harmless and name not in self._hidden
        }

    def all(self) -> dict[str, dict[str, Json]]:
        """Return all cables, and of each the impairments and whether they are hidden, for programs."""
        bad = {name: badness.described() for name, badness in self._asked.items()}
        names = [cable.name for cable in self._wiring.cables]
        return {name: {**bad.get(name, {}), "hidden": name in self._hidden} for name in names}

    def particulars(self) -> dict[End, tuple[str, ...]]:
        """Return the impairments by all ends of the impaired cables."""
        return {
            end: badness.particulars
            for name, badness in self._asked.items()
            if not badness.harmless
            for end in self._wiring.find(name).ends
        }

    def is_cut(self, cable: Cable) -> bool:
        """Return whether the cable is cut."""
        badness = self._asked.get(cable.name, HARMLESS)
        return bool(badness.cut) and not badness.sender

    def next_deadline(self) -> float | None:
        """Return when a delayed frame is due (monotonic seconds)."""
        return self._due[0][0] if self._due else None

    def deliver_due(self) -> None:
        """Deliver the frames whose time has come."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, _, tap, frame = heapq.heappop(self._due)
            if tap.is_open:
                tap.write(frame)

    def later(self, when: float, tap: Tap, frame: bytes) -> None:
        """Deliver a frame at a time (monotonic seconds)."""
        if len(self._due) >= _UNDER_WAY:
            return
        self._serial += 1
        heapq.heappush(self._due, (when, self._serial, tap, frame))

    def _replace(self, cable: Cable, badness: Badness) -> _Relay:
        taps = []
        for node, interface in cable.ends if cable.is_switch else cable.ends[:1]:
            if not self._wiring.needs_relay(cable):
                self._wiring.unplug(node, interface)
        for node, interface in cable.ends:
            namespace = self._wiring.namespaces[node]
            # It arrives complete: a router takes it into its VRF at once, and there we would not find it.
            tap = Tap(linux_name(interface))
            tap.set_transmit_queue(namespace=namespace)
            taps.append(tap)
            with inside_network(namespace):
                self._wiring.settle(node)
        relay = _Relay(self, tuple(taps), tuple(node for node, _ in cable.ends), badness)
        for number, tap in enumerate(taps):
            self._selector.register(tap.fileno(), selectors.EVENT_READ, relay.reader(number))
        return relay

    def _remove(self, cable: Cable) -> None:
        self._close(self._relays.pop(cable.name))
        with netlink.NetlinkSocket() as kernel:
            plug_in(self._wiring, cable, kernel)
        for node, _ in cable.ends:
            with inside_network(self._wiring.namespaces[node]):
                self._wiring.settle(node)

    def _close(self, relay: _Relay) -> None:
        for tap in relay.taps:
            self._selector.unregister(tap.fileno())
            tap.close()


class _Relay:
    """Carries frames between the TAPs of one cable."""

    def __init__(self, owner: Impairments, taps: tuple[Tap, ...], nodes: tuple[str, ...], badness: Badness) -> None:
        """nodes: the node of each TAP."""
        self.taps = taps
        self._nodes = nodes
        self.badness = badness
        self._owner = owner
        self._chance = random.Random()  # noqa: S311 - bad luck, not secrecy
        self._free_at = [0.0] * len(taps)
        self._where: dict[bytes, int] = {}

    def reader(self, number: int) -> Callable[[], None]:
        """Return the function to call when TAP `number` has frames."""
        return lambda: self._read(number)

    def _read(self, number: int) -> None:
        now = time.monotonic()
        for _ in range(_TURN):
            frame = self.taps[number].read_frame()
            if frame is None:
                return
            self._carry(number, frame, now)

    def _carry(self, number: int, frame: bytes, now: float) -> None:
        bad = self.badness if self.badness.concerns(self._nodes[number]) else HARMLESS
        receivers = self._receivers(number, frame)
        if (bad.block and bad.blocks(ip_packet(frame))) or bad.swallows(len(frame) - ETHERNET):
            return
        if bad.cut or self._chance.random() * 100 < bad.loss:
            return
        when = now
        if bad.rate:
            seconds = len(frame) * 8 / (bad.rate * 1000)
            if self._free_at[number] - now > LONGEST_QUEUE * seconds:
                return
            when = self._free_at[number] = max(now, self._free_at[number]) + seconds
        when += bad.delay / 1000
        for to in receivers:
            if when <= now:
                to.write(frame)
            else:
                self._owner.later(when, to, frame)

    def _receivers(self, number: int, frame: bytes) -> list[Tap]:
        """Return all other TAPs, or the one of the receiver, if known."""
        others = [tap for other, tap in enumerate(self.taps) if other != number]
        if len(others) == 1:
            return others
        destination, source = frame[:6], frame[6:12]
        if len(self._where) >= _STATIONS and source not in self._where:
            self._where.clear()
        self._where[source] = number
        at = self._where.get(destination, number)
        return others if at == number or destination[0] & 1 else [self.taps[at]]
