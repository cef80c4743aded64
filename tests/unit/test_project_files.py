"""Change fragments have an area and a kind, and one command merges them into the changelog."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, cast

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from dmvpn.web.exported import FOLDER
from fuzz import kept as octets
from support import fresh, kept
from support.conformance import ROOT
from support.slow_tests import LIST, chosen, slow_tests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import SearchStrategy

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


# Examples that failed once: they are tried every day, and none is lost without a word.

#: The choice of the one number that is drawn: 5.
FIVE = "AEEF"


def item(strategy: SearchStrategy[int], tried: list[int]) -> pytest.Item:
    """A property that records what it is tried with, and does not hold for 5."""

    @given(strategy)
    def holds(number: int) -> None:
        tried.append(number)
        assert number != 5

    made = SimpleNamespace(nodeid="holds", obj=holds, runtest=holds)
    return cast("pytest.Item", made)


def test_every_example_that_is_kept_names_a_test_that_is_there() -> None:
    for entry in kept.read():
        path, _, name = entry["test"].partition("::")
        assert f"def {name.partition('[')[0]}(" in (kept.TESTS.parent / path).read_text(), entry["test"]
        assert entry["drawn"], entry["test"]


def test_a_property_is_tried_with_an_example_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    monkeypatch.setitem(kept.KEPT, "holds", [{"test": "holds", "blob": FIVE, "drawn": "of 5"}])
    with pytest.raises(AssertionError) as raised:
        kept.try_kept(item(st.integers(0, 9), tried))
    assert tried == [5]
    assert FIVE in raised.value.__notes__[0]


def test_an_example_that_means_something_else_by_now_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(kept.KEPT, "holds", [{"test": "holds", "blob": FIVE, "drawn": "of 5"}])
    with pytest.raises(kept.Outdated, match="write its values as"):
        kept.try_kept(item(st.integers(0, 9).map(lambda number: number + 1), []))


def test_octets_of_a_finding_become_a_file_of_its_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(octets, "FOLDER", tmp_path)
    said = f"E   Draw 1: 7\nE   {octets.told('ike-peer', b'abc')}\nE   @reproduce_failure('6.170.15', b'AAEF')"
    assert [path.name for path in octets.keep_told(said)] == ["ike-peer-ba7816bf"]
    assert octets.kept("ike-peer") == [b"abc"]
    assert octets.kept("ike") == []


def test_every_file_with_a_property_gets_new_examples() -> None:
    assert {"tests/unit/test_rip_packet.py", "tests/property/test_ipsec_life.py"} <= set(fresh.properties())


# The example for Ansible: in which order its plays touch routers, and when it believes that a spoke is registered.

_FOLDER = Path(__file__).parents[2] / "contrib/ansible"
_GOLDEN = Path(__file__).parents[1] / "goldens/show_ip_nhrp_nhs__notes-phase3_R31.txt"


def _plays() -> list[tuple[str, str]]:
    """Hosts and tasks of each play, in order."""
    found = []
    for play in yaml.safe_load((_FOLDER / "site.yml").read_text()):
        (task,) = play["tasks"]
        found.append((play["hosts"], task["ansible.builtin.import_role"]["tasks_from"]))
    return found


def test_nobody_waits_for_a_server_before_hubs_have_their_lines() -> None:
    """The wait was behind each batch of spokes: a first roll-out stopped there, and hubs were never reached."""
    assert _plays() == [
        ("localhost", "render.yml"),
        ("spokes", "push.yml"),
        ("hubs", "push.yml"),
        ("spokes", "wait.yml"),
    ]
    tasks = {name: (_FOLDER / "roles/dmvpn/tasks" / name).read_text() for _, name in _plays()}
    assert [name for name, text in tasks.items() if "show ip nhrp nhs" in text] == ["wait.yml"]
    assert [name for name, text in tasks.items() if "dmvpn" in text and "ansible.builtin.command" in text] == [
        "render.yml"
    ]


def _is_done(shown: str) -> bool:
    """What Ansible makes of the condition."""
    (task,) = yaml.safe_load((_FOLDER / "roles/dmvpn/tasks/wait.yml").read_text())
    environment = Environment(autoescape=False)  # noqa: S701 - no HTML, and our own text
    environment.filters["regex_findall"] = lambda text, pattern: re.findall(pattern, text)
    environment.tests["search"] = lambda text, pattern: re.search(pattern, text) is not None
    expression = task["vars"]["dmvpn_states"].removeprefix("{{").removesuffix("}}")
    states = environment.compile_expression(expression)(dmvpn_servers={"stdout": [shown]})
    return bool(environment.compile_expression(task["until"])(dmvpn_states=states))


@pytest.mark.parametrize(("second", "done"), [("RE", True), ("E", False), ("W", False)])
def test_every_server_has_to_answer_and_not_one_of_them(second: str, done: bool) -> None:
    """`contains RE` was true as soon as one of two hubs answered."""
    shown = _GOLDEN.read_text()
    assert _is_done(shown)
    (line,) = [line for line in shown.splitlines() if line.startswith("192.168.100.11")]
    other = line.replace("192.168.100.11", "192.168.100.12").replace("RE", second)
    assert _is_done(f"{shown}{other}\n") is done


def test_a_router_without_servers_is_not_registered() -> None:
    assert not _is_done("Legend: E=Expecting replies, R=Responding, W=Waiting, D=Dynamic\n")


# Pages for maintainers: what they name is there.

#: What a name in such a page may end with, from the root of the project on.
_PLACES: Final = ("src", "tests", "docs", "scripts", "changes", "contrib", "engine/src", "requirements")


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_a_maintainer_finds_every_file_that_a_page_names(page: str) -> None:
    paths = [path for place in _PLACES for path in (ROOT / place, *(ROOT / place).rglob("*"))]
    known = {end for path in (*paths, *ROOT.glob("*"), *ROOT.glob(".*/*")) for end in _ends(path)}
    named = re.findall(r"`([\w.-]+(?:/[\w.-]+)*)/?`", (ROOT / page).read_text("utf-8"))
    files = [name for name in named if "/" in name or name.endswith((".py", ".md", ".toml", ".txt", ".json"))]
    # Names in capitals stand for any; what `make` builds is not in a clone.
    missing = [name for name in files if name not in known and not re.search(r"[A-Z]{4}|^build/", name)]
    assert not missing, f"{page} names files that do not exist: {', '.join(missing)}"


def _ends(path: Path) -> Iterator[str]:
    """Yield the ends of a path by which a page may name it: a module without its suffix, too."""
    parts = path.relative_to(ROOT).parts
    for number in range(len(parts)):
        end = "/".join(parts[number:])
        yield from (end, end.removesuffix(".py"))


# `scripts/debian-packages` names the packages of the programs that tests look for.

_SCRIPT: Final = (ROOT / "scripts" / "debian-packages").read_text()


def group(name: str) -> set[str]:
    """The packages of a group."""
    found = re.search(rf"^{name}=\(([^)]*)\)", _SCRIPT, re.MULTILINE)
    assert found, f"there is no group {name}"
    return set(found[1].split())


def test_each_program_that_the_tests_of_packages_look_for_has_its_package() -> None:
    """`make test-packages` skipped nearly everything, and no command installed what it needs."""
    files = (ROOT / "tests" / "packages").glob("*.py")
    programs = {name for file in files for name in re.findall(r'which\("([\w-]+)"\)', file.read_text())}
    assert programs == {"buildah", "mmdebstrap"}
    assert programs <= group("packages")


@pytest.mark.parametrize("name", ["base", "interop", "packages"])
def test_each_group_is_explained_and_can_be_chosen(name: str) -> None:
    assert group(name)
    assert f"#   scripts/debian-packages {name} " in _SCRIPT
    assert f"\n  {name}) wanted=" in _SCRIPT


# The entry point of the container: which router it asks about its health.

SCRIPT = Path(__file__).parents[2] / "contrib/container/dmvpn-container"


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("hostname R1\n", "R1"),
        ("HOSTNAME  R1 \n", "R1"),
        ("hostname Old\n!\nhostname R1\n", "R1"),
        ("interface Tunnel0\n description hostname X\n", "Router"),
    ],
)
def test_its_health_is_that_of_the_router_of_the_configuration(tmp_path: Path, lines: str, name: str) -> None:
    """A container whose configuration had no host name, or two spaces in front of it, was never healthy."""
    startup, program = tmp_path / "startup.cfg", tmp_path / "dmvpn"
    startup.write_text(lines)
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "DMVPN_STARTUP": str(startup)}
    asked = subprocess.run(["sh", SCRIPT, "health"], check=True, capture_output=True, text=True, env=environment)
    assert asked.stdout == f"-r run-{name}/{name} show clock\n"


# What `dmvpn_engine.pyi` says is what the engine has.

ENGINE = Path(__file__).parents[2] / "engine"


@pytest.mark.lengthy
def test_the_stub_describes_the_installed_engine() -> None:
    pytest.importorskip("dmvpn_engine", reason="dmvpn-engine is not installed: 'make engine' builds it")
    allowlist = str(ENGINE / "stubtest-allowlist.txt")
    run = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "dmvpn_engine", "--allowlist", allowlist],
        env=os.environ | {"MYPYPATH": str(ENGINE)},
        cwd=ENGINE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


# Files of other projects inside of the page are those that their projects gave out, and are named in NOTICE.

VENDOR = FOLDER / "vendor"
#: Files of our own about them.
OURS = {"README", "SHA256SUMS", "xterm.d.mts"}


def test_each_vendored_file_has_its_hash_and_its_hash_is_right() -> None:
    lines = [line.split() for line in (VENDOR / "SHA256SUMS").read_text().splitlines()]
    sums = {name: digest for digest, name in lines}
    found = {path.name for path in VENDOR.iterdir()} - OURS
    assert found == set(sums)
    assert {name: hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() for name in found} == sums


def test_the_license_is_there_and_notice_names_it() -> None:
    assert "Permission is hereby granted, free of charge" in (VENDOR / "LICENSE").read_text()
    assert "xterm.js" in (ROOT / "NOTICE").read_text()


# The list of slow tests: what it names exists, and each file keeps a test of every day.


def test_each_listed_test_exists() -> None:
    named: dict[str, set[str]] = {}
    for test in slow_tests():
        file, name, *_ = test.partition("[")[0].split("::")
        named.setdefault(file, set()).add(name)
    for file, names in sorted(named.items()):
        text = (LIST.parents[1] / file).read_text("utf-8")
        # A machine of rules is a class that its file gives a name.
        assert names <= set(re.findall(r"^ *(?:(?:async )?def |class |(?=\w+ = ))(\w+)", text, re.MULTILINE)), file


def test_what_takes_longer_than_it_may_is_slow_but_the_quickest_of_a_file_and_of_a_test_is_of_every_day() -> None:
    assert chosen({"a::one": 0.2, "a::two": 1.5, "b::one": 3.0, "b::two": 2.0}) == {"a::two", "b::one"}
    planes = {"c::one[simulated]": 0.1, "c::one[python]": 3.0, "c::one[rust]": 2.0, "c::two[x]": 5.0, "c::two[y]": 4.0}
    assert chosen(planes) == {"c::one[python]", "c::two[x]"}


# ------------------------------------------------------------------------------------------------ the interpreter


def pythons(tmp_path: Path, *folders: tuple[str, str, str]) -> str:
    """Folders of a search path, each with a name, a Python of it, and what that cannot do."""
    made = []
    for name, python, lacks in folders:
        folder = tmp_path / name
        folder.mkdir()
        made.append(str(folder))
        cases = "".join(f"*{word}*) exit 1 ;; " for word in lacks.split())
        (folder / python).write_text(f'#!/bin/sh\ncase "$2" in {cases}*) exit 0 ;; esac\n')
        (folder / python).chmod(0o755)
    return os.pathsep.join(made)


def found_python(path: str, **named: str) -> str:
    done = subprocess.run(
        ["/bin/bash", ROOT / "scripts" / "find-python"],
        env={"PATH": path, **named},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or done.stderr


SLOW, OLD, BARE = "CONFIG_ARGS", "version_info", "ensurepip"


@pytest.mark.parametrize(
    ("folders", "found"),
    [
        ([("a", "python3.11", SLOW), ("b", "python3.11", "")], "b/python3.11"),
        ([("a", "python3.11", ""), ("b", "python3.11", "")], "a/python3.11"),
        ([("a", "python3.11", SLOW), ("b", "python3.11", BARE)], "a/python3.11"),
        ([("a", "python3.11", SLOW), ("b", "python3.11", OLD)], "a/python3.11"),
        ([("a", "python3.12", SLOW), ("b", "python3.11", "")], "a/python3.12"),
        ([("a", "python3", ""), ("b", "python3.11", SLOW)], "b/python3.11"),
    ],
)
def test_of_equal_versions_set_up_takes_the_python_that_was_built_with_a_profile(
    folders: list[tuple[str, str, str]], found: str, tmp_path: Path
) -> None:
    """Distributions build theirs so: one that somebody built without was up to a third slower."""
    assert found_python(pythons(tmp_path, *folders)) == str(tmp_path / found)


def test_set_up_takes_the_python_that_is_named_and_says_what_it_lacks(tmp_path: Path) -> None:
    path = pythons(tmp_path, ("a", "python3.11", SLOW), ("b", "python3.11", ""), ("c", "python3.12", BARE))
    assert found_python(path, PYTHON=str(tmp_path / "a/python3.11")) == str(tmp_path / "a/python3.11")
    assert "cannot make a virtual environment yet" in found_python(path, PYTHON="python3.12")
    assert "Python 3.11 or newer is needed" in found_python(path, PYTHON="python3.13")
