"""A class: each pupil has a lab of the same scenario on one machine, and a token for the labs of this pupil alone.

    seats(scenario, pupils)      the names of the labs: anna-notes-phase3
    overview()                   what a teacher looks at: all labs that run, with their lessons and what they use

Nothing else is stored: the name of a lab says whose it is, and a token for `anna-*` is for anna's labs. So the name of
a pupil has no dash.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.labs import orders
from dmvpn.labs.usage import usages
from dmvpn.shells.lab.places import LESSON, running_labs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dmvpn.shells.lab.places import LabFolder

#: Seconds for which a lab may be silent: a lab that hangs shall not hide the others for long.
PATIENCE: Final = 2.0
_PUPIL: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,31}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A lab as its teacher sees it.

    pupil: the owner, or "". silent: it does not answer, so its scenario is unknown, and its routers are those of its
    folder. running: of all its routers. complaint: of the trouble that is to be found, "": nothing is
    broken. hints: how many of them were given. fixed: troubles that were found before. memory: octets. processor:
    seconds.
    """

    lab: str
    pupil: str
    scenario: str
    simulated: bool
    silent: bool
    running: int
    routers: int
    complaint: str
    hints: int
    fixed: int
    memory: int
    processor: float


def seats(scenario: str, pupils: Sequence[str]) -> dict[str, str]:
    """Return the name of each pupil's lab. Raises UserError."""
    for pupil in pupils:
        if not _PUPIL.fullmatch(pupil):
            raise UserError(
                f"{pupil!r} is no name of a pupil: a letter, then at most 31 letters, digits, '_' and '.', no dash, "
                "for it parts the pupil from the scenario in the name of the lab"
            )
        if pupils.count(pupil) > 1:
            raise UserError(f"there are two pupils {pupil}: give one of them another name")
    return {pupil: f"{pupil}-{scenario}" for pupil in pupils}


def labs_of(pupil: str) -> str:
    """Return the labs of a pupil, as a token names them."""
    return f"{pupil}-*"


def pupil_of(folder: LabFolder) -> str:
    """Return the pupil that the name of a lab names; "" if it can name none."""
    pupil, dash, _ = folder.name.partition("-")
    return pupil if dash else ""


def overview(wanted: Callable[[str], bool] = lambda _: True) -> list[Desk]:
    """Return all labs that run, by name. wanted: whether a lab of this name is asked."""
    return [*_overview([folder for folder in running_labs() if wanted(folder.name)])]


def _overview(folders: Sequence[LabFolder]) -> Iterator[Desk]:
    from dmvpn.tools.lessons import (  # the troubles are a large import, and most have no lesson
        Lesson,
        fixed,
    )

    used, answers = usages(folders), orders.statuses(folders, PATIENCE)
    for folder in folders:
        answer = answers.get(folder.name)
        if answer is None and not folder.alive():
            continue  # it has just ended
        try:
            lesson = Lesson.read(folder.path) if (folder.path / LESSON).exists() else None
        except UserError:
            continue  # likewise
        known = dict.fromkeys(folder.routers, True) | dict.fromkeys(folder.dead_routers, False)
        status = answer or orders.LabStatus(routers=known, hosts={}, gateways={}, impaired={})
        pupil = pupil_of(folder)
        yield Desk(
            lab=folder.name,
            pupil=pupil if answer is None or folder.name == f"{pupil}-{status.scenario}" else "",
            scenario=status.scenario,
            simulated=status.simulated,
            silent=answer is None,
            running=sum(status.routers.values()),
            routers=len(status.routers),
            complaint=lesson.complaint if lesson else "",
            hints=lesson.hints if lesson else 0,
            fixed=fixed(folder.path),
            memory=used[folder.name].memory,
            processor=used[folder.name].processor,
        )
