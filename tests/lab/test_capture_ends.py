"""`dmvpn lab capture` does not outlive its lab."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.labs import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from support.labs import Labs

pytestmark = pytest.mark.lab

#: Octets of a capture without a packet.
FILE_HEADER = 24


@pytest.mark.parametrize("keys", [[], ["--keys"]], ids=["packets", "packets and keys"])
def test_a_capture_in_the_background_ends_with_its_lab(labs: Labs, tmp_path: Path, keys: list[str]) -> None:
    """Seen: the lab was down, and the process that captured it slept on for a day."""
    labs.up("notes-gre")
    capturing = labs.start("lab", "capture", "--all", *keys, "--output", str(tmp_path))

    def something_is_captured() -> bool:
        labs.on("R31", "ping 10.1.1.1")
        return any(path.stat().st_size > FILE_HEADER for path in tmp_path.glob("*.pcap"))

    assert eventually(something_is_captured, 30)
    labs.say("lab", "down")
    try:
        printed, _ = capturing.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        capturing.kill()
        capturing.communicate()
        pytest.fail("it goes on capturing a lab that is no more")
    assert capturing.returncode == 0, printed
    assert "the lab has ended" in printed
    assert sum(map(int, re.findall(r"(\d+) packets  ", printed))) > 0, printed
