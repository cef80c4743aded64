"""The trial of the doctor's lines is a value: what the user is to read comes back, and nothing is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.causes import Cause
from dmvpn.labs import trying
from dmvpn.shells.facts import LabFacts
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.verdicts import Diagnosis, Finding, Step, View

if TYPE_CHECKING:
    from pathlib import Path

SICK = Finding(step=Step.GRE, cause=Cause.KEY, router="R31", what="its key is another one", fix=("tunnel key 1",))


@pytest.mark.parametrize(
    ("findings", "note"), [((SICK,), "nothing was tried: the keys of certificates are not at hand"), ((), "")]
)
def test_without_the_keys_of_certificates_the_diagnosis_stays_and_a_note_says_why(
    findings: tuple[Finding, ...], note: str, capsys: pytest.CaptureFixture[str]
) -> None:
    network = Scenario.load("notes-phase3")
    network.configurations["R31"] += "crypto pki trustpoint CA\n"
    network.certificates.clear()
    diagnosis = Diagnosis(view=View.WHOLE, routers=("R31",), findings=findings)
    tried = trying.tried(diagnosis, network, LabFacts(routers={}, gateways={}, links=()), print)
    assert tried == trying.Tried(diagnosis, note)
    assert capsys.readouterr() == ("", "")


def test_without_lines_that_work_nothing_is_written_and_a_note_says_so(tmp_path: Path) -> None:
    said = trying.write(Diagnosis(view=View.WHOLE, routers=("R31",)), None, tmp_path / "review", force=False)
    assert said == "no lines were tried that work, so nothing was written"
    assert not [*tmp_path.iterdir()]
