"""The doctor's remedies tried in a copy of the network, and written down as a change: `dmvpn doctor`, `--fix DIR`.

has_sense -> tried -> Tried: the diagnosis with the results, and a note for the user -> write -> a note
"""

from __future__ import annotations

import time
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.tools.doctor.verdicts import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from dmvpn.shells.facts import LabFacts
    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.doctor import Diagnosis

_NO_KEYS: Final = "nothing was tried: the keys of certificates are not at hand"
#: Seconds of the processor that a search by trial may take, and where there are few routers.
LONGEST, FEW_LONGEST = 90.0, 10.0


@dataclass(frozen=True, slots=True)
class Tried:
    """A diagnosis after the trial. note: why there was none, or that the search found nothing; "" for neither."""

    diagnosis: Diagnosis
    note: str = ""


def has_sense(diagnosis: Diagnosis) -> bool:
    """Return whether the configurations of all routers are at hand."""
    return diagnosis.view is View.WHOLE


def tried(
    diagnosis: Diagnosis,
    network: Scenario,
    facts: LabFacts,
    tell: Callable[[str], None],
    earlier: Iterable[Mapping[str, str]] = (),
) -> Tried:
    """Return the diagnosis with the results of its lines in a copy, and findings by trial for what no rule explains.

    network: with the running configurations. The fourth argument is called with the progress. earlier: configurations
    by router that were good, the newest first: a copy shows which part of the difference is the fault.
    """
    from dmvpn.labs.copied import CopiedLab
    from dmvpn.network.device import Device
    from dmvpn.tools.enrollment import signing_trustpoints
    from dmvpn.tools.remedies.affected_pairs import asked, reduced
    from dmvpn.tools.remedies.search import FEW, Search
    from dmvpn.tools.remedies.trial import attempt, settle
    from dmvpn.tools.remedies.unforeseen import is_unexplained, searched

    devices = [Device.read(*one, leaves_out=True) for one in network.configurations.items()]
    if any(one.name not in network.certificates and signing_trustpoints(one) for one in devices):  # a lab exports none
        return Tried(diagnosis, "" if diagnosis.healthy else _NO_KEYS)
    small = reduced(network, facts, diagnosis.concerned)
    copied = partial(CopiedLab, links=facts.links)
    if any(not one.advice for one in diagnosis.findings):
        tell("trying the lines in a copy of the network")
        diagnosis = attempt(diagnosis, copied(small))
    if diagnosis.address and is_unexplained(diagnosis):
        copy = copied(small)
        settle(copy, diagnosis)
        diagnosis = asked(diagnosis, copy.facts())
    donors = (one for one in earlier if one)
    newest = list(islice(donors, 1))  # older ones are asked for where it shows nothing
    if (not is_unexplained(diagnosis) and not newest) or (diagnosis.healthy and small is not network):
        return Tried(diagnosis)
    longest = FEW_LONGEST if sum(network.role(name) != "provider" for name in small.configurations) <= FEW else LONGEST
    end = time.process_time() + longest
    search = Search(small, copied, earlier=chain(newest, donors), is_over=lambda: time.process_time() > end, tell=tell)
    found = searched(diagnosis, search)
    return Tried(found, search.vain if search.tried and is_unexplained(found) else "")


def write(diagnosis: Diagnosis, network: Scenario | None, folder: Path, *, force: bool) -> str:
    """Write changed configurations and a diff for a review; returns a note about the files.

    Raises UserError for files that are there, without `force`.
    """
    from dmvpn.tools.remedies.trial import PATCH, changed, patch
    from dmvpn.tools.render.writing import changes, write

    now = changed(diagnosis, network.configurations) if network is not None else {}
    if network is None or not now:
        return "no lines were tried that work, so nothing was written"
    files = {f"{name}.cfg": text for name, text in now.items()}
    files[PATCH] = "\n".join([*patch(network.configurations, now), ""])
    found = changes(folder, files, [])
    there = [name for name, (old, _) in found.items() if old is not None]
    if there and not force:
        raise UserError(f"{folder / there[0]} is there already: name another folder, or add --force")
    write(folder, found)
    return f"{folder / PATCH} and {', '.join(sorted(now))}: for a review; nothing was typed"
