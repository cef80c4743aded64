"""Change fragments have an area and a kind, and one command merges them into the changelog."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from support.conformance import ROOT

if TYPE_CHECKING:
    from pathlib import Path

AREAS = ("ipsec", "nhrp", "routing", "prompt", "labs", "doctor", "linux")
KINDS = ("added", "changed", "fixed", "removed", "security")


def repository(tmp_path: Path) -> Path:
    """A repository with the script, the README of fragments, and a changelog of one version."""
    for folder in ("scripts", "changes"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "scripts" / "merge-changes", tmp_path / "scripts")
    shutil.copy(ROOT / "changes" / "README.md", tmp_path / "changes")
    (tmp_path / "CHANGELOG.md").write_text("# Changes\n\nIntroduction.\n\n## 0.1.0\n\nThe first one.\n", "utf-8")
    return tmp_path


def fragment(root: Path, name: str, text: str) -> None:
    path = root / "changes" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")


def merge(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts" / "merge-changes"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_each_fragment_is_in_the_folder_of_its_area_and_names_its_kind() -> None:
    for path in (ROOT / "changes").rglob("*"):
        if path.is_file() and path.name != "README.md":
            area, name = path.relative_to(ROOT / "changes").parts
            assert area in AREAS, path
            assert name.endswith(tuple(f".{kind}.md" for kind in KINDS)), path


def test_fragments_are_merged_by_area_and_kind_under_the_new_version_and_deleted(tmp_path: Path) -> None:
    root = repository(tmp_path)
    fragment(root, "routing/b.fixed.md", "A route is right.\nIt was wrong.\n")
    fragment(root, "routing/a.added.md", "A route is new.\n")
    fragment(root, "nhrp/c.security.md", "A hole is closed.\n")
    assert merge(root, "0.3.0", "2027-01-31").returncode == 0
    text = (root / "CHANGELOG.md").read_text("utf-8")
    merged = text[text.index("## 0.3.0") : text.index("## 0.1.0")]
    assert merged == (
        "## 0.3.0 (2027-01-31)\n\n"
        "### NHRP and tunnels\n\n- A hole is closed.\n\n"
        "### Routing\n\n- A route is new.\n- A route is right.\n  It was wrong.\n\n"
    )
    assert [path.name for path in (root / "changes").rglob("*.md")] == ["README.md"]


def test_a_version_that_is_there_already_is_refused_and_nothing_is_deleted(tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / "CHANGELOG.md").write_text("# Changes\n\n## 0.3.0 (2027-01-31)\n", "utf-8")
    fragment(root, "labs/a.fixed.md", "A lab comes up.\n")
    refused = merge(root, "0.3.0")
    assert refused.returncode == 1
    assert "has 0.3.0 already" in refused.stderr
    assert (root / "changes" / "labs" / "a.fixed.md").exists()
