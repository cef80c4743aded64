"""The programs that run on the hosts of a simulation, and their output since the last request.

A program without a reader is ended: its terminal is gone, or its output exceeds what the terminal reads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.effects import SendIp
from dmvpn.base.entropy import SeededEntropy, below
from dmvpn.base.errors import UserError, WireError
from dmvpn.base.events import IpReceived
from dmvpn.base.values import Mutable
from dmvpn.dataplane.contract import EffectError
from dmvpn.net import ip
from dmvpn.shells.simulator.node import HostNode
from dmvpn.shells.simulator.programs.commands import Ping, Program, Traceroute
from dmvpn.shells.simulator.simulator import Simulator

_Make = Callable[[Sequence[str], Sequence["IPAddress"], int], "Program"]
PROGRAMS: Final[dict[str, _Make]] = {"ping": Ping, "traceroute": Traceroute}
#: Programs at a time; unread lines of one; seconds between two requests for its output, after which it is ended.
_MOST: Final = 64
_UNREAD: Final = 10_000
_UNHEARD: Final = 10.0
#: RFC 6335 §6: dynamic ports, which no service owns; identifiers of echo requests may be the same.
_FIRST_PORT: Final = 49152


class _Job(Mutable, eq=False):
    host: HostNode
    program: Program
    asked_at: float
    planned: float | None = None


class Programs:
    """The programs of one simulation. Times of callers are the wall clock's; programs have the simulation's."""

    def __init__(self, world: Simulator) -> None:
        self._world = world
        self._jobs: dict[int, _Job] = {}
        self._number = 0
        self._entropy = SeededEntropy(f"{world.seed}/programs")
        self._arrived: deque[tuple[HostNode, IpReceived]] = deque()
        self._busy = False

    def start(self, host: str, words: Sequence[str], asked_at: float) -> int:
        """Start a program at a host. Returns its number. Raises UserError for unknown programs or invalid arguments."""
        node = self._world.hosts[host]
        name, *rest = words or [""]
        if name not in PROGRAMS:
            raise UserError(
                f"the hosts of a simulated lab run {' and '.join(PROGRAMS)}, and not {name or 'nothing'}: "
                "with real packets ('lab up' without --simulated) they run whatever this machine has"
            )
        self.prune(asked_at)
        if len(self._jobs) >= _MOST:
            raise UserError(f"{_MOST} programs run in this lab: end some first")
        identifier = _FIRST_PORT + below(self._entropy, 0x10000 - _FIRST_PORT)
        own = [address for address, _ in node.addresses_of("eth0")]
        program = PROGRAMS[name](rest, own, identifier)
        self._number += 1
        job = self._jobs[self._number] = _Job(node, program, asked_at)
        node.take = lambda packet: self._take(node, packet)
        self._move(job, program.start(self._world.now))
        return self._number

    def output(self, number: int, asked_at: float) -> tuple[list[str], int | None]:
        """Return its output since the last request, and its exit code if it has ended; then it is removed.

        Raises UserError.
        """
        job = self._job(number)
        job.asked_at = asked_at
        lines, job.program.lines = job.program.lines, []
        if job.program.code is not None:
            del self._jobs[number]
        return lines, job.program.code

    def interrupt(self, number: int) -> None:
        """Handle Ctrl-C. Raises UserError."""
        program = self._job(number).program
        if program.code is None:
            program.interrupt(self._world.now)

    def prune(self, now: float) -> None:
        """Remove programs whose output is no longer requested."""
        self._jobs = {number: job for number, job in self._jobs.items() if now - job.asked_at < _UNHEARD}

    def _job(self, number: int) -> _Job:
        if number not in self._jobs:
            raise UserError("that program has ended")
        return self._jobs[number]

    def _take(self, host: HostNode, packet: IpReceived) -> None:
        """Process a packet that a host received.

        It may come while the host sends: to itself, or from an unconnected wire.
        """
        self._arrived.append((host, packet))
        if not self._busy:
            self._hand_out()

    def _hand_out(self) -> None:
        while self._arrived:
            host, packet = self._arrived.popleft()
            try:
                message = ip.parse_icmp(packet.payload, packet.source, packet.destination)
            except WireError:
                continue
            for job in list(self._jobs.values()):
                if job.host is host and job.program.code is None:
                    self._move(job, job.program.receive(packet, message, self._world.now))

    def _move(self, job: _Job, packets: Sequence[SendIp]) -> None:
        """Send a program's packets, and schedule its deadline."""
        self._busy = True
        for packet in packets:
            try:
                job.host.send(packet, self._world.now)
            except EffectError as error:
                job.program.fail(f"connect: Network is unreachable ({error.text})")
                break
        self._busy = False
        if len(job.program.lines) > _UNREAD:
            job.program.end(1)
        due = job.program.deadline
        if due is not None and due != job.planned:
            job.planned = due
            self._world.after(max(0.0, due - self._world.now), lambda: self._wake(job, due))
        self._hand_out()

    def _wake(self, job: _Job, due: float) -> None:
        if job.program.deadline == due and job in self._jobs.values():
            job.planned = None
            self._move(job, job.program.tick(self._world.now))
