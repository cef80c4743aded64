"""`scripts/debian-packages` names the packages of the programs that tests look for."""

from __future__ import annotations

import re
from typing import Final

import pytest

from support.conformance import ROOT

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
