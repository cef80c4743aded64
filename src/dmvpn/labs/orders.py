"""Orders to a lab that runs. They import little, because `dmvpn lab down` and the like must be quick.

Each function raises UserError with the lab's own words if the lab refuses, or does not answer.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import field, fields
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.shells.descriptors import is_readable
from dmvpn.shells.lab import control
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.places import GRADE, LESSON, LabFolder
from dmvpn.shells.lab.sockets import LABS_IN_MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dmvpn.shells.facts import LabFacts
    from dmvpn.shells.scenario import Scenario

#: Seconds after which a lab that does not end gets SIGTERM, and SIGKILL; and in which it is gone.
ASKED: Final = 2.0
TERMINATED: Final = 10.0
LONGEST_END: Final = 15.0
#: Seconds for which `reset` waits until all is well: there are labs in which it never is; and between two looks.
_READY_AGAIN: Final = 5.0
_BETWEEN_LOOKS: Final = 0.1
#: Labs that are asked at a time.
_AT_A_TIME: Final = 32


class LabStatus(Value, kw_only=True):
    """The state of a lab.

    scenario: its name.
    since: seconds since 1970.
    engine: of the data plane.
    routers: name to True if it is alive.
    providers: the routers that belong to no overlay.
    hosts: name to address.
    hosts6: the same of the additional IPv6 address, where there is one.
    gateways: name to a line about its NAT.
    links: the names of the wires.
    impaired: the impaired wires by name, except wires that `lab break` impaired.
    """

    scenario: str = ""
    simulated: bool = False
    since: float = 0.0
    engine: str = ""
    routers: Mapping[str, bool]
    providers: tuple[str, ...] = ()
    hosts: Mapping[str, str]
    hosts6: Mapping[str, str] = field(default_factory=dict)
    gateways: Mapping[str, str]
    links: tuple[str, ...] = ()
    impaired: Mapping[str, Badness]

    @classmethod
    def read(cls, answer: control.Json) -> LabStatus:
        """Return the status in the answer of a lab, which may run another version of this program.

        Raises UserError for an answer that is no status.
        """
        if not isinstance(answer, dict):
            raise UserError("the lab has no status")
        impaired = _mapping(answer, "impaired")
        return cls(
            scenario=str(answer.get("scenario", "")),
            simulated=answer.get("simulated") is True,
            since=float(str(answer.get("since", 0.0))),
            engine=str(answer.get("engine", "")),
            routers={name: alive is True for name, alive in _mapping(answer, "routers").items()},
            providers=_texts(answer, "providers"),
            hosts={name: str(address) for name, address in _mapping(answer, "hosts").items()},
            hosts6={name: str(address) for name, address in _mapping(answer, "hosts6").items()},
            gateways={name: str(text) for name, text in _mapping(answer, "gateways").items()},
            links=_texts(answer, "links"),
            impaired={name: Badness.read(bad) for name, bad in impaired.items() if isinstance(bad, dict)},
        )

    @property
    def plain(self) -> dict[str, control.Json]:
        """The status as JSON: the inverse of `read`."""
        plain: dict[str, control.Json] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            plain[each.name] = list(value) if isinstance(value, tuple) else value
        plain["impaired"] = {name: bad.described() for name, bad in self.impaired.items()}
        return plain


def _mapping(answer: Mapping[str, control.Json], name: str) -> dict[str, control.Json]:
    found = answer.get(name)
    return found if isinstance(found, dict) else {}


def _texts(answer: Mapping[str, control.Json], name: str) -> tuple[str, ...]:
    found = answer.get(name)
    return tuple(str(text) for text in found) if isinstance(found, list) else ()


def status(folder: LabFolder, patience: float = control.PATIENCE) -> LabStatus:
    """Return the state of a lab. patience: seconds for which it may be silent."""
    return LabStatus.read(control.order(folder.control, patience, do="status"))


def statuses(folders: Sequence[LabFolder], patience: float) -> dict[str, LabStatus]:
    """Return the states of labs by name, except of labs that are silent for this many seconds."""

    def ask(folder: LabFolder) -> LabStatus | None:
        with contextlib.suppress(UserError):
            return status(folder, patience)
        return None

    if len(folders) < 2:
        answers = [*map(ask, folders)]
    else:
        from concurrent.futures import ThreadPoolExecutor  # most commands ask one lab

        with ThreadPoolExecutor(min(len(folders), _AT_A_TIME)) as pool:
            answers = [*pool.map(ask, folders)]
    return {folder.name: found for folder, found in zip(folders, answers, strict=True) if found is not None}


def scenario(folder: LabFolder) -> Scenario:
    """Return the scenario of a lab, with the configurations that it began with."""
    from dmvpn.shells.scenario import from_description  # other orders do not need it, and are quick

    return from_description(control.order(folder.control, do="scenario"))


def facts(folder: LabFolder) -> LabFacts:
    """Return the facts of the lab as of now; of a lab in this process as they are."""
    from dmvpn.shells.facts import LabFacts  # as above

    if folder.is_here:
        here: LabFacts = LABS_IN_MEMORY[str(folder.control)].facts()
        return here
    return LabFacts.model_validate(control.order(folder.control, do="facts"))


def missing(folder: LabFolder) -> tuple[str, ...]:
    """Return sentences about what the lab still waits for, as its routers and its shell know it."""
    answer = control.order(folder.control, do="missing")
    return tuple(str(text) for text in answer) if isinstance(answer, list) else ()


def end(folder: LabFolder, *, hard: bool = False) -> None:
    """End a lab: ask it to end; if it still runs, send it SIGTERM after 2 s and SIGKILL after 10 s.

    Nothing else kills a lab, however late its answer is. A service gets no signals. Raises UserError.
    hard: begin with SIGTERM: a lab that has not come up does not answer.
    """
    began = time.monotonic() - (ASKED if hard else 0.0)
    process = folder.process()
    try:
        if not hard:
            with contextlib.suppress(control.SilentError):
                control.order(folder.control, ASKED, do="down")
        for number, after in ((signal.SIGTERM, ASKED), (signal.SIGKILL, TERMINATED)):
            if process is not None and not _has_ended(folder, process, began + after):
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(process, number)
        if not _has_ended(folder, process, began + LONGEST_END):
            raise UserError(f"lab {folder.name} does not end; its log is {folder.log}")
    finally:
        if process is not None:
            os.close(process)
    folder.sweep()


def _has_ended(folder: LabFolder, process: int | None, until: float) -> bool:
    """Return whether a lab has ended, as soon as it has. process: a pidfd of it. until: monotonic seconds."""
    if process is not None:
        return is_readable(process, max(0.0, until - time.monotonic()))
    while folder.path.exists() and time.monotonic() < until:
        time.sleep(0.02)
    return not folder.path.exists()


def reset(folder: LabFolder) -> tuple[str, ...]:
    """Begin again: configurations, wires and translators of the scenario; a lesson is over.

    Returns the sentences of `missing` when the lab should be ready.
    """
    control.order(folder.control, do="reset")
    for name in (LESSON, GRADE):
        (folder.path / name).unlink(missing_ok=True)
    return wait_until_ready(folder)


def wait_until_ready(folder: LabFolder) -> tuple[str, ...]:
    """Wait until all is well, but not for long; returns the sentences of `missing`."""
    is_simulated, waited = status(folder).simulated, 0.0
    while (left := missing(folder)) and waited < _READY_AGAIN:
        let_pass(folder, _BETWEEN_LOOKS, simulated=is_simulated)
        waited += _BETWEEN_LOOKS
    return left


def kill(folder: LabFolder, router: str) -> None:
    """End a router at once, as a power failure does."""
    control.order(folder.control, do="kill", router=router)


def start(folder: LabFolder, router: str) -> None:
    """Start a killed router again."""
    control.order(folder.control, do="start", router=router)


def impair(folder: LabFolder, link: str, badness: Badness, *, hidden: bool = False) -> None:
    """Make a wire this bad. link: one of its ends, ROUTER:INTERFACE. hidden: the status of the lab does not show it."""
    control.order(folder.control, do="impair", link=link, hidden=hidden, **badness.request())


def rebind(
    folder: LabFolder, gateway: str, *, public: str | None = None, kind: str | None = None, hidden: bool = False
) -> str:
    """Let a NAT box forget its mappings, as a restart does; returns a line about it.

    public, kind: its outside address and its kind from now on. hidden: the status of the lab does not show the kind.
    """
    asked: dict[str, control.Json] = {"public": public, "kind": kind}
    wanted = {name: value for name, value in asked.items() if value is not None}
    return str(control.order(folder.control, do="rebind", gateway=gateway, hidden=hidden, **wanted))


def clock(
    folder: LabFolder, seconds: float, note: Callable[[str], None] | None = None, *, within: float | None = None
) -> float:
    """Let time pass in a simulated lab. Returns the lab's age, seconds of its own time.

    note: is called with how far it is. within: seconds of the machine; where they end, the rest does not pass.
    """
    age = control.order(folder.control, control.PATIENCE, note, do="clock", seconds=seconds, within=within)
    return age if isinstance(age, float) else 0.0


def let_pass(folder: LabFolder, seconds: float, *, simulated: bool) -> None:
    """Wait; in a simulated lab the time passes at once."""
    if simulated:
        clock(folder, seconds)
    else:
        time.sleep(seconds)
