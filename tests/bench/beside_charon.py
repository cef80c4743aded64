"""IKEv1 of a responder beside strongSwan's: the same initiator begins and deletes again and again.

Two network namespaces; our IKE machine on real sockets begins main and quick mode and deletes everything, first with
charon, then with the same program of ours at the other end. The processor time is that of the whole process at the
responder's end, its system calls and its log included; charon's kernel accepts its ESP without having any.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.figures import Figure, Skipped
from bench.ike import ISAKMP
from support.ikev1_peers import OURS, SECRET, THEIRS, Charon, Ours, Wire, Wishes, missing_for

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS: Final = 3
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PATIENCE: Final = 10.0


class _TimedCharon(Charon):
    """charon, whose process is known."""

    @property
    def process(self) -> int:
        return self._process.pid


def measure(*, quick: bool) -> list[Figure]:
    """Milliseconds of the responder for one main mode, quick mode and delete. Raises Skipped."""
    if problem := missing_for(Charon):
        raise Skipped(problem)
    count = 40 if quick else 200
    ours, theirs = [], []
    for _ in range(1 if quick else RUNS):
        with Wire() as wire:
            theirs.append(_milliseconds(wire, _TimedCharon(wire, Wishes(log=-1)).process, count))
        with Wire() as wire:
            ours.append(_milliseconds(wire, _responder(wire), count))
    return [
        Figure(
            name="IKEv1, group 14: a responder's main mode, quick mode and delete, on real sockets",
            unit="ms",
            values=tuple(ours),
            baseline=tuple(theirs),
            against="charon with the same initiator",
        )
    ]


def _responder(wire: Wire) -> int:
    """Start our machine at the other end. Returns its process."""
    text = ISAKMP.format(group=14).replace("key secret", f"key {SECRET}")
    settings = json.dumps({"text": text, "policy": {"transforms": [["AES_CBC", 256, "SHA256"]]}})
    words = [sys.executable, "-m", "support.machine_daemon", THEIRS, OURS, settings]
    tests = Path(__file__).parents[1]
    daemon = subprocess.Popen(
        ["ip", "netns", "exec", wire.namespace("theirs"), *words],
        env={**os.environ, "PYTHONPATH": f"{tests.parent / 'src'}:{tests}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    wire.at_end(lambda: daemon.communicate(timeout=10))
    assert daemon.stdin is not None
    assert daemon.stdout is not None
    daemon.stdin.write('{"do": "state"}\n')
    daemon.stdin.flush()
    daemon.stdout.readline()  # it listens
    return daemon.pid


def _milliseconds(wire: Wire, process: int, count: int) -> float:
    """Return the processor time of a responder for each time that it is met."""
    initiator = Ours(wire, Wishes())
    _meet(initiator)
    begun = _processor_time(process)
    for _ in range(count):
        _meet(initiator)
    return 1e3 * (_processor_time(process) - begun) / count


def _meet(initiator: Ours) -> None:
    initiator.do("want")
    _wait(lambda: initiator.do("state")["pairs"])
    initiator.do("unwant")
    initiator.do("close")
    _wait(lambda: not initiator.do("state")["pairs"])


def _wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, "no answer"
        time.sleep(0.005)


def _processor_time(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
