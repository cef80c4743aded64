"""The check of the project's English: it finds riddles, and their number only falls."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.conformance import ROOT

if TYPE_CHECKING:
    from pathlib import Path

RIDDLES = (
    "Return what is too long to be told is told no more: the way that led there is none any more.",
    "Is nobody to go through us who can help it, and what is told so?",
    "Apply other lines to all interfaces that there are. chains_changed: key chains are others, too.",
    "A peer that has gone while others were told is told nothing.",
    "Yield who is not there: a server sees who came, and not who should have.",
    "came: the other one has it not, and not the reverse.",
)
PLAIN = (
    "Withdraw a route whose AS path became too long to advertise.",
    "Return whether we advertise maximum metrics, and for which LSAs (RFC 6987).",
    "Of two routers with the same router ID, return first the one whose configuration should change.",
    "Skip peers that disappeared while the update was being sent.",
    "Yield clients that are configured for this server and never registered.",
    "Path identifier (RFC 7911); 0 if the sender does not use additional paths.",
    "others: prefixes of other routers in this network namespace.",
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the check, a source folder, and no riddle that is allowed."""
    for folder in ("scripts", "src", "docs"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "scripts" / "plain-english", tmp_path / "scripts")
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"):
        (tmp_path / name).write_text("A network.\n", "utf-8")
    return tmp_path


def check(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts" / "plain-english"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("sentence", RIDDLES)
def test_a_riddle_in_a_docstring_is_found_with_its_file_and_line(repository: Path, sentence: str) -> None:
    (repository / "src" / "a.py").write_text(f'"""Text."""\n\ndef f() -> None:\n    """{sentence}"""\n', "utf-8")
    result = check(repository)
    assert result.returncode == 1
    assert "src/a.py:4: " in result.stdout


@pytest.mark.parametrize("sentence", PLAIN)
def test_plain_sentences_pass(repository: Path, sentence: str) -> None:
    (repository / "src" / "a.py").write_text(f'"""{sentence}"""\n', "utf-8")
    (repository / "docs" / "a.md").write_text(f"{sentence}\n", "utf-8")
    assert check(repository).returncode == 0


def test_output_in_a_document_may_say_anything(repository: Path) -> None:
    (repository / "docs" / "a.md").write_text(
        "Type:\n\n```\nnobody told it\n```\n\nAnd `tell` nothing else.\n<!-- a: begin -->\nnobody\n<!-- a: end -->\n",
        "utf-8",
    )
    assert check(repository).returncode == 0


def test_the_number_of_old_riddles_may_fall_and_not_rise(repository: Path) -> None:
    document = repository / "docs" / "a.md"
    document.write_text("Nobody knows.\n\nSomebody knows.\n", "utf-8")
    assert check(repository, "--keep").returncode == 0
    assert check(repository).returncode == 0
    document.write_text("Nobody knows.\n\nSomebody knows.\n\nEverybody knows.\n", "utf-8")
    assert "docs/a.md: 3 sentences to rewrite, 2 are allowed" in check(repository).stdout


def test_a_direct_question_to_a_user_is_plain_and_in_a_docstring_it_is_not(repository: Path) -> None:
    (repository / "src" / "a.py").write_text('HINT = "Who are the neighbors of HUB?"\n', "utf-8")
    assert check(repository).returncode == 0
    (repository / "src" / "a.py").write_text('"""Who are the neighbors of HUB?"""\n', "utf-8")
    assert check(repository).returncode == 1
