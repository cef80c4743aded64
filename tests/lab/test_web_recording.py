"""A recording that is served: programs ask its routers as they ask a lab, and nothing changes them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.served import MAIN, Served, dmvpn, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = "/api/v1/labs/last-night"
R31 = f"{HERE}/routers/R31"


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        found = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        file = str(Path(folder) / "life.jsonl")
        dmvpn(found, "simulate", "notes-phase3", "--seed", "7", "--record", file)
        with subprocess.Popen(
            [*MAIN, "replay", file, "--serve", "last-night"], stdout=subprocess.PIPE, text=True, env=found
        ) as process:
            assert process.stdout is not None
            assert "as recorded" in process.stdout.readline()
            assert process.stdout.readline().startswith("last-night: R11, R31, R41")
            yield found
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        assert not (Path(folder) / "dmvpn" / "labs" / "last-night").exists()


def test_programs_ask_a_recording_as_they_ask_a_lab(environment: dict[str, str], web: Served) -> None:
    assert '"name":"last-night"' in web.ask("/api/v1/labs").text
    assert web.ask(HERE).fields["engine"] == "recording"
    assert '"name":"Tunnel100"' in web.ask(f"{R31}/show/dmvpn").text.replace(" ", "")
    assert "hostname R31" in web.ask(f"{R31}/configuration").text
    assert 'dmvpn_up{lab="last-night",router="R31"} 1' in web.ask("/metrics").text
    assert web.ask(f"{R31}/show/clock").text == web.ask(f"{R31}/show/clock").text
    stage = web.ask(f"{HERE}/stage").fields
    assert {(each["here"], each["there"]) for each in stage["tunnels"]} == {("R31", "R11"), ("R41", "R11")}  # type: ignore[attr-defined]
    assert "Tunnel100" in dmvpn(environment, "-r", "last-night/R31", "show dmvpn")


def test_nothing_changes_a_recording(web: Served) -> None:
    before = web.ask(f"{R31}/configuration").text
    for line in ("clear ip nhrp", "configure terminal", "ping 10.0.0.1", "debug nhrp", "write memory"):
        said = web.ask(f"{R31}/run", method="POST", body=json.dumps({"command": line})).fields
        assert said["accepted"] is False, line
        assert "this is a recording" in str(said["output"]), said
    change = json.dumps({"lines": ["hostname X"]})
    assert "recording" in problem(web.ask(f"{R31}/configuration", method="POST", body=change), 422)
    for verb, body in (("reset", {}), ("wires", {"link": "R31:GigabitEthernet0/1"}), ("routers/R31/kill", {})):
        assert "recording" in problem(web.ask(f"{HERE}/{verb}", method="POST", body=json.dumps(body)), 409)
    assert web.ask(f"{R31}/configuration").text == before
