"""Files that hold no configuration: empty ones, comments alone, archives. Each is named as what it is."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.ios.transcript import decode
from dmvpn.shells.scenario import Scenario

if TYPE_CHECKING:
    from pathlib import Path

_TEXT = b"hostname A\ninterface Loopback0\n ip address 192.0.2.1 255.255.255.255\n"


@pytest.mark.parametrize("command", [["import"], ["config", "check"], ["lint"], ["run"], ["lab", "up", "--simulated"]])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("\n \n", "it is empty"),
        ("!\n! nothing yet\nend\n", "no line of a configuration is in it"),
        ("R1#show clock\n*10:00:00.000 UTC Mon Mar 1 1993\nR1#\n", "no line of a configuration is in it"),
    ],
)
def test_a_file_without_a_line_does_not_run(
    command: list[str], text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`dmvpn import` said of an empty file that everything in it runs."""
    file = tmp_path / "r1.cfg"
    file.write_text(text)
    assert main([*command, str(file)]) != 0
    out, err = capsys.readouterr()
    assert f"{file}: {said}" in err
    assert "runs" not in out


def test_a_folder_goes_without_an_empty_file_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.cfg").write_bytes(_TEXT)
    (tmp_path / "b.cfg").write_text("")
    assert main(["import", str(tmp_path), "--to", str(tmp_path / "taken")]) == 0
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["A.cfg"]
    assert f"{tmp_path / 'b.cfg'}: it is empty: it is left out" in capsys.readouterr().out
    main(["lint", str(tmp_path)])
    assert f"{tmp_path / 'b.cfg'}: it is empty: it is left out" in capsys.readouterr().err


def _zip() -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.cfg", _TEXT)
        return file.getvalue()


def _tar() -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            member = tarfile.TarInfo("a.cfg")
            member.size = len(_TEXT)
            archive.addfile(member, io.BytesIO(_TEXT))
        return file.getvalue()


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (gzip.compress(_TEXT, mtime=0), "a gzip file: unpack it first"),
        (_zip(), "a zip archive"),
        (_tar(), "a tar archive"),
        (bz2.compress(_TEXT), "a bzip2 file"),
        (lzma.compress(_TEXT), "an xz file"),
        (b"%PDF-1.4\n1 0 obj\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
    ],
)
def test_an_archive_is_named_as_what_it_is(
    octets: bytes, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was "not text: it has zero octets in it"; a PDF was a configuration whose lines nobody knows."""
    file = tmp_path / "r1.cfg"
    file.write_bytes(octets)
    assert main(["import", str(file)]) != 0
    assert f"{file}: not text but {kind}" in capsys.readouterr().err


@pytest.mark.parametrize("beginning", ["PK", "BZh", "GIF", "7z", "Rar!"])
def test_a_text_that_begins_like_the_mark_of_an_archive_is_text(beginning: str) -> None:
    assert decode(f"{beginning}-R1#show run\n".encode()) == f"{beginning}-R1#show run\n"


def test_a_router_of_a_described_lab_may_begin_without_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text("title: one to configure\nrouters:\n  B:\n    role: router\n")
    (tmp_path / "A.cfg").write_bytes(_TEXT)
    (tmp_path / "B.cfg").write_text("")
    assert sorted(Scenario.load(str(tmp_path)).configurations) == ["A", "B"]
