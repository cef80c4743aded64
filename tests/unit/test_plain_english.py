"""The check of the project's English finds riddles in all files that a person reads."""

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
    "Each pupil has a lab of the same scenario.",
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
    """A repository with the check, a source folder, and documents."""
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


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("src/page/a.js", "/** A page. */\nlet a = 1;\n/** Return what is told to the page. */\n", 3),
        ("src/page/a.js", 'say("the lab is not there");\nsay("somebody has killed this router");\n', 2),
        ("src/page/a.html", '<p>A map.</p>\n<button title="Take what was found">Go</button>\n', 2),
        ("src/page/a.html", "<p>\n  Nobody has a lab.\n</p>\n", 1),
        ("src/lab.yaml", 'routers: []\ntitle: "Nobody is cut off when HUB1 dies"\n', 2),
        ("src/lab.yaml", "hint: >-\n  The hub does not\n  tell a route out of it.\n", 1),
        ("src/lab.yaml", "a: 1  # nobody answers yet\n", 1),
        ("changes/labs/a.fixed.md", "A lab starts.\n\nNobody is kept out.\n", 3),
        ("docs/a.md", "A table:\n\n| line | effect |\n| --- | --- |\n| `a` | nobody is let in |\n", 3),
        ("contrib/a.service", "[Unit]\n# What it tells systemd.\n# And more.\n", 2),
        ("scripts/a", '#!/bin/sh\ntrue\necho "nobody is in the lab"\n', 3),
        ("scripts/b", '#!/usr/bin/env python3\n"""Nobody reads this file."""\n', 2),
    ],
)
def test_a_riddle_is_found_wherever_a_person_reads(repository: Path, name: str, text: str, line: int) -> None:
    path = repository / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    result = check(repository)
    assert (result.returncode, result.stdout.partition(": ")[0]) == (1, f"{name}:{line}")


def test_code_and_values_of_other_files_are_no_sentences(repository: Path) -> None:
    (repository / "src" / "a.js").write_text("const told = others.map((one) => one.what);\ntell(told, 'a');\n", "utf-8")
    (repository / "src" / "a.html").write_text('<div id="told" class="others"></div>\n', "utf-8")
    (repository / "src" / "a.yaml").write_text("told: 1\nothers: {nobody: [10.0.0.1]}\n", "utf-8")
    (repository / "scripts" / "a").write_text("tell() {\n  nobody=65534\n}\n", "utf-8")
    assert check(repository).stdout == ""


def test_a_direct_question_to_a_user_is_plain_and_in_a_docstring_it_is_not(repository: Path) -> None:
    (repository / "src" / "a.py").write_text('HINT = "Who are the neighbors of HUB?"\n', "utf-8")
    assert check(repository).returncode == 0
    (repository / "src" / "a.py").write_text('"""Who are the neighbors of HUB?"""\n', "utf-8")
    assert check(repository).returncode == 1
