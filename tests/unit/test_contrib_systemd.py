"""The systemd unit as systemd itself judges it, without a systemd that runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from dmvpn.shells.lab.places import SERVICES

_ROOT: Final = Path(__file__).parents[2]
_UNIT: Final = _ROOT / "contrib/systemd/dmvpn@.service"
_PAGE: Final = _ROOT / "docs/how-to/service.md"
_INSTALLED: Final = "/opt/dmvpn/bin/dmvpn"

analyzed = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze (Debian: systemd)"
)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """As an instance of it would be, with a program that is there."""
    made = tmp_path / "dmvpn@BRANCH.service"
    made.write_text(_UNIT.read_text().replace(_INSTALLED, sys.executable))
    return made


def _analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )


@analyzed
def test_systemd_finds_nothing_wrong(unit: Path) -> None:
    judged = _analyze("verify", "--man=no", unit)
    # It names what is wrong with units of the machine, too.
    complaints = [line for line in (judged.stdout + judged.stderr).splitlines() if unit.name in line]
    assert (judged.returncode, complaints) == (0, [])


@analyzed
def test_it_exposes_less_than_three_of_ten(unit: Path) -> None:
    judged = _analyze("security", "--offline=true", "--threshold=29", "--no-pager", unit)
    if "unrecognized option" in judged.stderr:
        pytest.skip("systemd-analyze is older than 250")
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", judged.stdout)
    assert exposure is not None, judged.stderr
    assert float(exposure[1]) < 3
    assert judged.returncode == 0


def test_the_pages_install_what_the_unit_starts() -> None:
    assert _INSTALLED in _UNIT.read_text()
    page = _PAGE.read_text() + _PAGE.with_name("install.md").read_text()
    for named in (_INSTALLED, "contrib/systemd/dmvpn@.service", "/etc/dmvpn", "/run/dmvpn", "/var/lib/dmvpn"):
        assert named in page, named


def test_the_folder_and_the_group_are_those_that_the_program_looks_for() -> None:
    unit = _UNIT.read_text()
    assert "Environment=XDG_RUNTIME_DIR=/run/dmvpn\n" in unit
    assert Path("/run/dmvpn/dmvpn/labs") == SERVICES
    assert "RuntimeDirectoryMode=0710\n" in unit, "the group passes, and reads nothing"
    (user,) = re.findall(r"(?m)^u (\S+)", (_UNIT.parent / "dmvpn.sysusers").read_text())
    assert f"User={user}\nGroup={user}\n" in unit
    assert f"d /etc/dmvpn 0700 {user} {user}\n" in (_UNIT.parent / "dmvpn.tmpfiles").read_text()
    assert "ConfigurationDirectoryMode=0700\n" in unit


@pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None or shutil.which("systemd-tmpfiles") is None or os.geteuid() != 0,
    reason="systemd-sysusers and systemd-tmpfiles are needed (Debian: systemd), and root",
)
def test_systemd_makes_the_user_and_the_folder(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    root = f"--root={tmp_path}"
    subprocess.run(["systemd-sysusers", root, _UNIT.parent / "dmvpn.sysusers"], check=True, timeout=60)
    subprocess.run(["systemd-tmpfiles", root, "--create", _UNIT.parent / "dmvpn.tmpfiles"], check=True, timeout=60)
    (user,) = re.findall(
        r"(?m)^dmvpn:x:(\d+):(\d+):.*:/var/lib/dmvpn:/usr/sbin/nologin$", (tmp_path / "etc/passwd").read_text()
    )
    made = (tmp_path / "etc/dmvpn").stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o7777) == (int(user[0]), int(user[1]), 0o700)
