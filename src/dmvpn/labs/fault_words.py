"""Faults of a judged run in words: what happens when one begins, when it ends, and a short word for the map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.judge import faults

if TYPE_CHECKING:
    from dmvpn.judge.faults import Fault

_CLEARED = {
    "nhrp": "clear ip nhrp",
    "session": "clear dmvpn session",
    "session static": "clear dmvpn session static",
    "crypto": "clear crypto session",
}


@dataclass(frozen=True, slots=True)
class FaultWords:
    """The words for a fault. begin, end: sentences; end is "" for a moment. badge: a few letters, "" without any."""

    begin: str
    end: str = ""
    badge: str = ""


def words_of(fault: Fault) -> FaultWords:
    """Return the words for a fault."""
    match fault:
        case faults.Kill(router=router):
            return FaultWords(f"{router} is killed", f"{router} starts again")
        case faults.Restart(router=router):
            return FaultWords(f"{router} is stopped in good order", f"{router} starts again")
        case faults.LinkDown(router=router):
            return FaultWords(f"the wire of {router} is pulled out", f"the wire of {router} is plugged in", "pulled")
        case faults.Cut(router=router):
            return FaultWords(f"the wire of {router} passes no packets", f"the wire of {router} passes packets", "cut")
        case faults.Impair():
            wrong = ", ".join(_wrong(fault))
            badge = f"{fault.loss:.0%}" if fault.loss else "bad"
            return FaultWords(f"the wire of {fault.router} {wrong}", f"the wire of {fault.router} is good again", badge)
        case faults.Partition(one=one, other=other, one_way=one_way):
            which = f"packets from {one} to {other}" if one_way else f"packets between {one} and {other}"
            return FaultWords(
                f"{which} vanish in the provider's network", f"{which} pass again", "\N{MULTIPLICATION SIGN}"
            )
        case _:
            return FaultWords(_moment(fault))


def _wrong(fault: faults.Impair) -> list[str]:
    """Return what a bad wire does to packets."""
    return [
        *([f"loses {fault.loss:.3g} of its packets"] if fault.loss else []),
        *([f"doubles {fault.duplicate:.3g} of them"] if fault.duplicate else []),
        *([f"delays them by up to {1000 * fault.jitter:.3g} ms"] if fault.jitter else []),
    ] or ["is as good as before"]


def _moment(fault: Fault) -> str:
    """Return what happens at a fault that does not last."""
    match fault:
        case faults.Renumber(router=router, network=network):
            return f"the provider gives {router} an address of 198.18.{network}.0/30"
        case faults.Rebind(router=router):
            return f"the translator before {router} forgets its flows"
        case faults.ClockStep(router=router, step=step):
            return f"the clock of {router} jumps by {step:g} s"
        case faults.Clear(router=router, what=what):
            return f"a user types '{_CLEARED.get(what, what)}' at {router}"
        case faults.Purges(router=router, pretended=pretended, count=count):
            return f"{count} forged Purge Requests reach {router} in the name of {pretended}"
        case faults.Malformed(router=router, pretended=pretended, count=count):
            return f"{count} malformed NHRP packets reach {router} in the name of {pretended}"
        case _:
            return f"{fault.KIND} at {', '.join(fault.places)}"
