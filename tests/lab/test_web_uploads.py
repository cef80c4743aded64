"""A lab from configurations that are sent by HTTP: it comes up, what was left out is said, and no file stays."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.shells.exercises import BUILT_IN
from support.served import Answer, Served, dmvpn, new_token, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

LABS = "/api/v1/labs"
FILES = {path.name: path.read_text() for path in sorted((BUILT_IN / "notes-phase3").glob("*.cfg"))}


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        yield {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder, "TMPDIR": folder}


def put(web: Served, lab: str, body: object, token: str | None = None) -> Answer:
    return web.ask(f"{LABS}/{lab}", method="PUT", body=json.dumps(body), token=token)


def test_configurations_come_up_as_a_lab_and_leave_no_file(web: Served, environment: dict[str, str]) -> None:
    switched = FILES["R31.cfg"].replace("end\n", "") + "\nspanning-tree extend system-id\nend\n"
    begun = put(web, "mine", {"files": {**FILES, "R31.cfg": switched}, "simulated": True})
    assert begun.status == 202
    end = time.monotonic() + 100
    while (job := web.ask(begun.headers["location"]).fields)["state"] == "running":
        assert time.monotonic() < end, job
        time.sleep(0.1)
    assert job["state"] == "done", job
    assert any("bridges and switches (1)" in str(note) for note in job["notes"]), job  # type: ignore[attr-defined]
    assert "R31" in web.ask(f"{LABS}/mine").text
    assert not [*Path(environment["TMPDIR"]).glob("dmvpn-upload-*")]
    assert "up already" in problem(put(web, "mine", {"files": FILES, "simulated": True}), 409)
    dmvpn(environment, "lab", "down", "mine")


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([], 400),
        ({}, 422),
        ({"../R1.cfg": "hostname R1"}, 422),
        ({"/etc/passwd": "x"}, 422),
        ({"a/../../b": "x"}, 422),
        ({".ssh": "x"}, 422),
        ({"-x.cfg": "x"}, 422),
        ({"R1.cfg": 7}, 422),
        ({"R1.cfg": "x", "R1.cfg/R2.cfg": "x"}, 422),
        ({f"R{number}.cfg": "" for number in range(501)}, 422),
    ],
)
def test_files_that_could_leave_their_folder_are_refused(
    web: Served, environment: dict[str, str], files: object, status: int
) -> None:
    assert problem(put(web, "bad", {"files": files, "simulated": True}), status)
    assert not [*Path(environment["TMPDIR"]).glob("dmvpn-upload-*")]


def test_a_student_uploads_labs_of_own_names_alone(web: Served, environment: dict[str, str]) -> None:
    anna = new_token(environment, "anna", "configure", "--labs", "anna-*")
    body = {"files": {"R1.cfg": "hostname R1"}, "simulated": True}
    assert problem(put(web, "ben-mine", body, anna), 404) == "no lab of this name runs"
    olga = new_token(environment, "olga", "operate")
    assert "configure" in problem(put(web, "mine", body, olga), 403)
