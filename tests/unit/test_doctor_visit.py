"""A visit of the doctor: what it asks, how long it waits, and what it makes of pings."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.causes import Cause
from dmvpn.base.errors import UserError
from dmvpn.router.facts import RouterFacts
from dmvpn.shells.facts import LabFacts
from dmvpn.tools.doctor import View, as_text, visit
from dmvpn.tools.doctor.probes import Probe, ProbePurpose, ProbeResult, carry_out, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.barriers import Barrier, Gap

PING = "Sending 5, 100-byte ICMP Echos to 192.0.2.1, timeout is 1 seconds:\n{}\nSuccess rate is 80 percent (4/5)\n"
TRACE = "Tracing the route to 10.4.4.1\n  1 192.168.100.11 0 msec\n  2 192.168.100.41 0 msec\n"


class Fake:
    """A lab of routers without tunnels. dead: those that do not run."""

    def __init__(self, *names: str, dead: tuple[str, ...] = ()) -> None:
        self.waited: list[float] = []
        self._routers = {name: None if name in dead else RouterFacts(tunnels=()) for name in names}

    def facts(self) -> LabFacts:
        return LabFacts(routers=dict(self._routers), gateways={}, links=())

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        assert not questions
        return []

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)

    def why(self, gap: Gap) -> Barrier | None:
        """Know no reason."""
        return None


def test_nobody_waits_where_all_is_well() -> None:
    patient = Fake("R1", "R2")
    assert visit(patient).healthy
    assert patient.waited == []


def test_where_something_is_broken_it_waits_until_all_have_read_their_counters() -> None:
    patient = Fake("R1", "R2", dead=("R2",))
    assert visit(patient).findings[0].cause is Cause.ROUTER_DEAD
    assert [seconds > 5 for seconds in patient.waited] == [True]


def test_without_probes_it_does_not_wait() -> None:
    patient = Fake("R1", "R2", dead=("R2",))
    assert visit(patient, probing=False).findings
    assert patient.waited == []


def test_a_router_that_runs_alone_is_one_end() -> None:
    assert visit(Fake("R1"), "R1").view is View.ONE_END


def test_from_one_end_nothing_is_a_finding() -> None:
    diagnosis = visit(Fake("R1", "R2", dead=("R1",)), "R1", one_end=True)
    assert diagnosis.findings == ()
    assert [one.cause for one in diagnosis.hypotheses] == [Cause.ROUTER_DEAD]
    assert "nothing is certain" in next(as_text(diagnosis))


def test_a_router_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(UserError, match="there is no router R9 in this lab; it has R1, R2"):
        visit(Fake("R1", "R2"), "R9")


@pytest.mark.parametrize(
    ("marks", "passed", "silent", "refused"),
    [
        ("!!!!!", True, False, False),
        (".!!!!", True, False, False),
        ("..!!!", False, False, False),
        (".....", False, True, False),
        ("UUUUU", False, False, True),
        ("U.U.U", False, False, True),
        ("", False, False, False),
    ],
)
def test_one_lost_ping_may_be_the_first_and_two_are_a_loss(
    marks: str, passed: bool, silent: bool, refused: bool
) -> None:
    outcome = read(PING.format(marks))
    assert (outcome.marks, outcome.passed, outcome.silent, outcome.refused) == (marks, passed, silent, refused)


def test_a_traceroute_tells_whom_packets_passed_by() -> None:
    assert read(TRACE).path == ("192.168.100.11", "192.168.100.41")


def test_what_only_makes_sense_after_an_answer_is_not_tried_without_one() -> None:
    first = Probe(kind=ProbePurpose.UNDERLAY, router="R1", target=ip_address("192.0.2.1"), source="Gi0/1")
    more = Probe(kind=ProbePurpose.LOSS, router="R1", target=ip_address("192.0.2.1"), source="Gi0/1", only_if=first)
    assert list(carry_out((first, more), lambda asked: [PING.format(".....")] * len(asked))) == [first]
    answers = carry_out((first, more), lambda asked: [PING.format("....!")] * len(asked))
    assert answers == {first: ProbeResult("....!"), more: ProbeResult("....!")}
