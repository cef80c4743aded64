"""`dmvpn render`: which files it writes and removes, and what it says of them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main

if TYPE_CHECKING:
    from pathlib import Path
from support.sites import TABLE, with_line


@pytest.fixture(autouse=True)
def _no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DMVPN_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "sites.yaml"
    path.write_text(TABLE)
    return path


@pytest.fixture
def there(table: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rendered once, with protection."""
    monkeypatch.setenv("DMVPN_PRE_SHARED_KEY", "Very-Secret-1")
    with_line(table, "phase: 3", "phase: 3\nprotection: psk")
    assert main(["render", str(table)]) == 0
    return table.parent / "net"


def _state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir() if path.is_file()}


def test_files_are_for_their_owner_alone(there: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in there.iterdir()} == {0o600}
    (there / "A.cfg").chmod(0o644)
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    assert (there / "A.cfg").stat().st_mode & 0o777 == 0o600


def test_rendering_again_touches_nothing(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _state(there), _state(there.parent)
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    assert (_state(there), _state(there.parent)) == before
    assert "all as they were" in capsys.readouterr().out


def test_check_shows_what_would_change_without_keys_and_writes_nothing(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = there.parent / "sites.yaml"
    capsys.readouterr()
    assert main(["render", str(table), "--check"]) == 0
    assert capsys.readouterr().out == "nothing would change\n"
    with_line(table, "  B: {}", "  B: {description: Berlin}\n  C: {}")
    before = _state(there), _state(there.parent)
    assert main(["render", str(table), "--check"]) == 1
    assert (_state(there), _state(there.parent)) == before
    shown = capsys.readouterr().out
    assert "+ description Berlin" in shown
    assert "+  pre-shared-key local <key>" in shown
    assert "Very-Secret" not in shown
    assert "3 files would change" in shown


def test_a_site_that_is_gone_takes_its_file_with_it_and_no_other(there: Path) -> None:
    table = there.parent / "sites.yaml"
    (there / "NOTES.cfg").write_text("hostname NOTES\n")
    before = (there / "B.cfg").read_text()
    with_line(table, "  A: {}\n", "")
    assert main(["render", str(table)]) == 0
    assert sorted(path.name for path in there.iterdir()) == ["B.cfg", "HUB.cfg", "NOTES.cfg"]
    assert (there / "B.cfg").read_text() == before, "its neighbour's going is nothing to it"


def test_a_template_that_writes_no_ios_stops_before_anything_is_written(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = there.parent / "t.j2"
    template.write_text("hostname {{ site.name }}\nfrobnicate {{ keys.pre_shared_key }}\n")
    before = _state(there)
    assert main(["render", str(there.parent / "sites.yaml"), "--template", str(template)]) == 2
    assert "HUB.cfg:2: frobnicate <key>: % Invalid input" in capsys.readouterr().err
    assert _state(there) == before


def test_an_error_in_a_template_does_not_repeat_a_key(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = there.parent / "t.j2"
    template.write_text("{{ site[keys.pre_shared_key] }}")
    assert main(["render", str(there.parent / "sites.yaml"), "--template", str(template)]) == 2
    said = capsys.readouterr().err
    assert "'<key>'" in said
    assert "Very-Secret" not in said


def test_what_the_linter_says_of_many_files_is_said_once(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    (advice,) = [line for line in capsys.readouterr().out.splitlines() if "ike-key-for-everybody" in line]
    assert "HUB.cfg:7 and 2 more: advice: " in advice


def test_an_error_of_the_linter_is_exit_code_1(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = there.parent / "t.j2"
    template.write_text(
        '{% extends "site.j2" %}{% block tunnels %}{{ super() | replace("tunnel key 1", "tunnel key 7" if '
        'site.name == "A" else "tunnel key 1") }}{% endblock %}'
    )
    assert main(["render", str(there.parent / "sites.yaml"), "--template", str(template)]) == 1
    assert "error" in capsys.readouterr().out


def test_a_lock_that_somebody_broke_is_said_with_its_line(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = there.parent / "sites.lock.yaml"
    lock.write_text(lock.read_text().replace("  B: 12", "  B: 11"))
    assert main(["render", str(there.parent / "sites.yaml")]) == 2
    assert re.search(r"sites\.lock\.yaml:\d+: numbers\.B: A has 11, too", capsys.readouterr().err)


def test_the_order_simulated_needs_up(table: Path) -> None:
    assert main(["render", str(table), "--simulated"]) == 2
