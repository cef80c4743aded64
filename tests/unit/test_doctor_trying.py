"""The trial of the doctor's lines is a value: what the user is to read comes back, and nothing is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.causes import Cause
from dmvpn.labs import trying
from dmvpn.labs.copied import CopiedLab
from dmvpn.shells.facts import LabFacts
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor import visit
from dmvpn.tools.doctor.verdicts import Diagnosis, Finding, Step, View
from dmvpn.tools.remedies.trial import settle

if TYPE_CHECKING:
    from pathlib import Path

SICK = Finding(step=Step.GRE, cause=Cause.KEY, router="R31", what="its key is another one", fix=("tunnel key 1",))
#: A router that signs, and whose private keys are not at hand.
SIGNS = "crypto pki trustpoint CA\ncrypto isakmp policy 1\n authentication rsa-sig\n"


@pytest.mark.parametrize(
    ("findings", "note"), [((SICK,), "nothing was tried: the keys of certificates are not at hand"), ((), "")]
)
def test_without_the_keys_of_certificates_the_diagnosis_stays_and_a_note_says_why(
    findings: tuple[Finding, ...], note: str, capsys: pytest.CaptureFixture[str]
) -> None:
    network = Scenario.load("notes-phase3")
    network.configurations["R31"] += SIGNS
    network.certificates.clear()
    diagnosis = Diagnosis(view=View.WHOLE, routers=("R31",), findings=findings)
    tried = trying.tried(diagnosis, network, LabFacts(routers={}, gateways={}, links=()), print)
    assert tried == trying.Tried(diagnosis, note)
    assert capsys.readouterr() == ("", "")


@pytest.mark.lengthy
def test_a_trustpoint_that_nobody_signs_with_does_not_keep_lines_from_being_tried() -> None:
    """IOS XE has trustpoints of its own (TP-self-signed, SLA-TrustPoint): of no network with one a line was tried."""
    network = Scenario.load("notes-phase3")
    network.configurations["R31"] += "crypto pki trustpoint TP-self-signed-1\n"
    broken = {**network.configurations, "R31": network.configurations["R31"].replace("key 100", "key 7")}
    copy = CopiedLab(Scenario(network.name, network.lab, broken))
    settle(copy)
    said = visit(copy)
    assert trying.tried(said, copy.scenario(), copy.facts(), lambda _: None).diagnosis.findings[0].trial is not None


def test_without_lines_that_work_nothing_is_written_and_a_note_says_so(tmp_path: Path) -> None:
    said = trying.write(Diagnosis(view=View.WHOLE, routers=("R31",)), None, tmp_path / "review", force=False)
    assert said == "no lines were tried that work, so nothing was written"
    assert not [*tmp_path.iterdir()]
