"""Orders to labs, and the jobs that carry out those which take long.

up, clock, break, hint, grade -> Job (running) -> wait -> Job (done), or JobError
down, reset, impair, kill, start: done when they are answered
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.client.errors import JobError
from dmvpn.client.exchange import Request, Steps
from dmvpn.client.operations import API, made, part, read
from dmvpn.client.values import Job, Scenario

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Seconds until a job is looked at again: first, and at most.
_FIRST, _LONGEST = 0.1, 2.0
_GROWTH: Final = 1.5


def scenarios() -> Steps[tuple[Scenario, ...]]:
    """List what can be brought up."""
    return read(tuple[Scenario, ...], (yield Request(f"{API}/scenarios")))


def up(scenario: str, name: str, *, simulated: bool) -> Steps[Job]:
    """Begin to bring a lab up. name: of the lab, "": that of the scenario."""
    body: dict[str, object] = {"scenario": scenario, **({"name": name} if name else {})}
    body |= {"simulated": True} if simulated else {}
    return read(Job, (yield Request(f"{API}/labs", "POST", body)))


# ------------------------------------------------------------------------------------------------ jobs


def jobs() -> Steps[tuple[Job, ...]]:
    """List the jobs that run, and the last ones that ended."""
    return read(tuple[Job, ...], (yield Request(f"{API}/jobs")))


def cancel(job: Job) -> Steps[Job]:
    """Break a job off."""
    return read(Job, (yield Request(f"{API}/jobs/{part(job.id)}", "DELETE")))


def wait(job: Job, patience: float, *, check: bool) -> Steps[Job]:
    """Look at a job until it has ended. Raises JobError."""
    pause, waited = _FIRST, 0.0
    while job.state == "running":
        if waited >= patience:
            raise JobError(job, f"it still runs after {waited:.0f} seconds: wait for it again, or cancel it")
        job = read(Job, (yield Request(f"{API}/jobs/{part(job.id)}", after=pause)))
        pause, waited = min(pause * _GROWTH, _LONGEST), waited + pause
    if check and job.state != "done":
        raise JobError(job, job.notes[-1] if job.notes else "it failed, and does not say why")
    return job


# ------------------------------------------------------------------------------------------------ one lab


class Orders:
    """The orders to one lab."""

    def __init__(self, lab: str) -> None:
        self.path = f"{API}/labs/{part(lab)}"

    def down(self) -> Steps[None]:
        """End it."""
        yield Request(self.path, "DELETE")

    def reset(self) -> Steps[tuple[str, ...]]:
        """Let it begin again; returns the missing things after that."""
        answer = (yield Request(f"{self.path}/reset", "POST")).json()
        return made(tuple[str, ...], answer.get("missing") if isinstance(answer, dict) else None)

    def clock(self, seconds: float) -> Steps[Job]:
        """Let time pass."""
        return (yield from self._job("clock", {"seconds": seconds}))

    def break_(self, name: str, seed: int | None) -> Steps[Job]:
        """Break something."""
        body: dict[str, object] = {**({"name": name} if name else {}), **({"seed": seed} if seed is not None else {})}
        return (yield from self._job("break", body))

    def hint(self) -> Steps[Job]:
        """Give the next hint."""
        return (yield from self._job("hint"))

    def grade(self) -> Steps[Job]:
        """Judge the repair."""
        return (yield from self._job("grade"))

    def impair(
        self, link: str, amounts: Mapping[str, float], *, cut: bool, one_way: bool, block: str | Sequence[str]
    ) -> Steps[None]:
        """Make a wire bad, or good again."""
        body: dict[str, object] = {"link": link, **{name: amount for name, amount in amounts.items() if amount}}
        body |= {name: True for name, is_so in (("cut", cut), ("one_way", one_way)) if is_so}
        body |= {"block": [block] if isinstance(block, str) else [*block]} if block else {}
        yield Request(f"{self.path}/wires", "POST", body)

    def router(self, name: str, verb: str) -> Steps[None]:
        """Kill or start a router."""
        yield Request(f"{self.path}/routers/{part(name)}/{verb}", "POST")

    def _job(self, verb: str, body: Mapping[str, object] | None = None) -> Steps[Job]:
        return read(Job, (yield Request(f"{self.path}/{verb}", "POST", body)))
