"""A router that is killed while it writes starts with the old configuration or the new one, and has whole files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("command", "saves"),
    [
        ("write memory", True),
        pytest.param("copy running-config startup-config", True, marks=pytest.mark.slow),
        ("copy flash:new.cfg nvram:startup-config", True),
        pytest.param("archive config", False, marks=pytest.mark.slow),
        ("configure replace flash:new.cfg force timer 5", False),
        pytest.param("copy running-config flash:bak-mine", False, marks=pytest.mark.slow),
    ],
)
def test_whenever_it_is_killed_it_starts_with_the_old_configuration_or_the_new_one(
    tmp_path: Path, command: str, saves: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "support.killed", str(tmp_path / "router"), command],
        cwd=_TESTS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_TESTS), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lives = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lives) > 3  # it was killed at several steps
    assert [life["killed"] for life in lives] == [True] * (len(lives) - 1) + [False]
    starts = [life["starts"] for life in lives]
    assert starts == sorted(starts, reverse=True)  # once it is the new one it stays that
    assert starts[0] == "OLD"
    assert starts[-1] == ("NEW" if saves else "OLD")
    assert all(all(life["copies"]) and life["saves"] for life in lives)
    assert all(life["kept"] <= 3 for life in lives)
