"""A capture of a protected lab with its keys: all is encrypted on the wire, and Wireshark reads it all the same."""

from __future__ import annotations

import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from support.labs import Labs, eventually
from support.pcap import dissected

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_a_capture_with_keys_can_be_read_and_its_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    with Labs() as labs:
        labs.up("intro-phase3")
        capturing = labs.start("lab", "capture", "HUB", "--keys", "--output", str(tmp_path), "--seconds", "3")
        assert eventually(lambda: (tmp_path / "keys" / "esp_sa").exists())
        labs.on("SPOKE10", "clear crypto session")
        assert eventually(lambda: "UP-ACTIVE" in labs.on("SPOKE10", "show crypto session"))
        labs.on("SPOKE10", "clear dmvpn session static")
        printed, _ = capturing.communicate(timeout=20)
        assert capturing.returncode == 0, printed
        written = labs.on("HUB", "show logging | include KEYS")
    assert written.count("%CRYPTO-4-KEYS_WRITTEN") == 2  # it began, and it ended
    tables = list((tmp_path / "keys").iterdir())
    assert {table.name for table in tables} == {"esp_sa", "ikev2_decryption_table", "preferences"}
    assert all(stat.S_IMODE(table.stat().st_mode) == 0o600 for table in tables)
    wire = tmp_path / "HUB-Gi1.pcap"
    assert "NHRP" not in dissected(wire, tmp_path)
    assert "NHRP Registration Reply" in dissected(wire, tmp_path / "keys")
