"""`dmvpn render`: which files it writes and removes, and what it says of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.shells.scenario import Scenario
from support.sites import TABLE, with_line

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_keys_around")


@pytest.fixture
def there(table: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rendered once, with protection."""
    monkeypatch.setenv("DMVPN_PRE_SHARED_KEY", "Very-Secret-1")
    with_line(table, "phase: 3", "phase: 3\nprotection: psk")
    assert main(["render", str(table)]) == 0
    return table.parent / "net"


def _state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir() if path.is_file()}


@pytest.mark.lengthy
def test_files_are_for_their_owner_alone(there: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in there.iterdir()} == {0o600}
    (there / "A.cfg").chmod(0o644)
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    assert (there / "A.cfg").stat().st_mode & 0o777 == 0o600


@pytest.mark.lengthy
def test_rendering_again_touches_nothing(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _state(there), _state(there.parent)
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    assert (_state(there), _state(there.parent)) == before
    assert "all as they were" in capsys.readouterr().out


@pytest.mark.lengthy
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


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.mark.lengthy
def test_a_site_that_is_gone_takes_its_file_with_it_and_no_other(there: Path) -> None:
    table = there.parent / "sites.yaml"
    (there / "NOTES.cfg").write_text("hostname NOTES\n")
    before = (there / "B.cfg").read_text()
    with_line(table, "  A: {}\n", "")
    assert main(["render", str(table)]) == 0
    assert _names(there) == ["B.cfg", "HUB.cfg", "NOTES.cfg"]
    assert (there / "B.cfg").read_text() == before, "its neighbor's going is nothing to it"


@pytest.mark.lengthy
def test_the_file_of_a_site_that_is_gone_goes_from_every_folder(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lock told what to remove, so the second folder, or a colleague's, kept a site whose number others got."""
    table, other = there.parent / "sites.yaml", there.parent / "other"
    assert main(["render", str(table), "--out", str(other)]) == 0
    with_line(table, "  A: {}\n", "")
    assert main(["render", str(table)]) == 0
    capsys.readouterr()
    assert main(["render", str(table), "--out", str(other), "--check"]) == 1
    shown = capsys.readouterr().out
    assert f"--- {other / 'A.cfg'}\n+++ /dev/null\n" in shown
    assert shown.endswith("1 files would change\n")
    assert main(["render", str(table), "--out", str(other)]) == 0
    assert _names(other) == ["B.cfg", "HUB.cfg"]


@pytest.mark.lengthy
def test_what_somebody_else_made_is_neither_removed_nor_overwritten(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file by the name of a site that was gone was removed from a folder in which it had never been made."""
    table, other = there.parent / "sites.yaml", there.parent / "other"
    other.mkdir()
    (other / "A.cfg").write_text("hostname A\n")
    assert main(["render", str(table), "--out", str(other)]) == 2
    assert f"{other / 'A.cfg'}: `dmvpn render` did not make this file: move it away" in capsys.readouterr().err
    assert _names(other) == ["A.cfg"], "nothing is half written"
    with_line(table, "  A: {}\n", "")
    assert main(["render", str(table), "--out", str(other)]) == 0
    assert (other / "A.cfg").read_text() == "hostname A\n"


@pytest.mark.lengthy
def test_what_a_template_of_ones_own_made_is_known_as_well(there: Path) -> None:
    table, template = there.parent / "sites.yaml", there.parent / "t.j2"
    for text in ("hostname {{ site.name }}\n", "hostname {{ site.name }}\nip classless\n"):
        template.write_text(text)
        assert main(["render", str(table), "--template", str(template), "--out", str(there / "o")]) == 0
    with_line(table, "  A: {}\n", "")
    assert main(["render", str(table), "--template", str(template), "--out", str(there / "o")]) == 0
    assert _names(there / "o") == ["B.cfg", "HUB.cfg"]


@pytest.mark.lengthy
def test_two_tables_with_one_folder_leave_each_others_files_alone(there: Path) -> None:
    table, other = there.parent / "sites.yaml", there.parent / "others.yaml"
    other.write_text(TABLE.replace("HUB:", "CENTER:").replace("  A: {}\n  B: {}", "  X: {}\n  Y: {}"))
    assert main(["render", str(other), "--out", str(there)]) == 0
    with_line(other, "  X: {}\n", "")
    with_line(table, "  B: {}\n", "")
    assert main(["render", str(other), "--out", str(there)]) == 0
    assert main(["render", str(table), "--out", str(there)]) == 0
    assert _names(there) == ["A.cfg", "CENTER.cfg", "HUB.cfg", "Y.cfg"]


@pytest.mark.lengthy
@pytest.mark.parametrize("text", ["../sites.yaml: [../sites.yaml]\n", "../sites.yaml: A.cfg\n", "- A.cfg\n"])
def test_a_list_of_files_that_somebody_broke_removes_nothing(
    there: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (there / ".made-by-render.yaml").write_text(text)
    assert main(["render", str(there.parent / "sites.yaml")]) == 2
    assert "no list of files by table" in capsys.readouterr().err
    assert (there.parent / "sites.yaml").exists()


# ------------------------------------------------------------------------------------------------ labs


@pytest.mark.lengthy
def test_a_folder_that_is_a_lab_stays_the_lab_of_its_table(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The old lab.yaml stayed, and the lab did not load any more: it had hosts of sites that were gone."""
    table = there.parent / "sites.yaml"
    assert main(["render", str(table), "--lab"]) == 0
    with_line(table, "  A: {}\n", "")
    assert main(["render", str(table)]) == 0
    assert set(Scenario.load(str(there)).lab.hosts) == {"H-HUB", "H-B"}
    capsys.readouterr()
    assert main(["render", str(table), "--check"]) == 0
    with_line(table, "  B: {}\n", "  B: {dynamic: true}\n")
    assert main(["render", str(table)]) == 0
    assert _names(there) == ["B.cfg", "HUB.cfg"]
    assert "it was a lab, and is none any more" in (said := capsys.readouterr().out)
    assert "spokes.B: it gets its address by DHCP" in said


@pytest.mark.lengthy
def test_a_lab_file_of_ones_own_stays(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (there / "lab.yaml").write_text("title: mine\n")
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    assert main(["render", str(there.parent / "sites.yaml"), "--lab"]) == 2
    assert "lab.yaml: `dmvpn render` did not make this file" in capsys.readouterr().err
    assert (there / "lab.yaml").read_text() == "title: mine\n"


def test_what_is_written_is_ours_whatever_release_a_template_names(there: Path) -> None:
    assert (there / "HUB.cfg").read_text().startswith("! Made by `dmvpn render`.")
    template = there.parent / "t.j2"
    template.write_text("version 17.9\nhostname {{ site.name }}\n")
    assert main(["render", str(there.parent / "sites.yaml"), "--template", str(template)]) == 0
    assert (there / "HUB.cfg").read_text() == "! Written by dmvpn\nversion 17.9\nhostname HUB\n"


# ------------------------------------------------------------------------------------------------ what is said


def test_a_template_that_writes_no_ios_stops_before_anything_is_written(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = there.parent / "t.j2"
    template.write_text("hostname {{ site.name }}\nfrobnicate {{ keys.pre_shared_key }}\n")
    before = _state(there)
    assert main(["render", str(there.parent / "sites.yaml"), "--template", str(template)]) == 2
    assert "HUB.cfg:3: frobnicate <key>: % Invalid input" in capsys.readouterr().err
    assert _state(there) == before


def test_an_error_in_a_template_does_not_repeat_a_key(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = there.parent / "t.j2"
    template.write_text("{{ site[keys.pre_shared_key] }}")
    assert main(["render", str(there.parent / "sites.yaml"), "--template", str(template)]) == 2
    said = capsys.readouterr().err
    assert "'<key>'" in said
    assert "Very-Secret" not in said


@pytest.mark.lengthy
def test_what_the_linter_says_of_many_files_is_said_once(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    (advice,) = [line for line in capsys.readouterr().out.splitlines() if "ike-key-for-everybody" in line]
    assert "HUB.cfg:7 and 2 more: advice: " in advice


@pytest.mark.lengthy
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
