"""What lint and the doctor say of each mechanism, and what becomes of networks whose owners follow them, is as kept.

`python -m support.oracle` writes the files again, see there.
"""

from __future__ import annotations

import pytest

from support.oracle import FILES, FIXES, FOLDER, PARTS, block, cases, kept, written

#: Mechanisms that every day has, and the file of each.
DAILY = (
    ("troubles", "tunnel-key"),
    ("troubles", "nhs-nbma"),
    ("troubles", "psk"),
    ("troubles", "ospf-hello"),
    ("lists", "entry-too-early"),
)
#: Parts of all cases, each with every so many-th of them: `make test-slow` tries them.
SHARES = 60


@pytest.mark.parametrize(("file", "mechanism"), DAILY, ids=[mechanism for _, mechanism in DAILY])
def test_what_is_said_of_a_mechanism_and_whether_it_heals_is_as_kept(file: str, mechanism: str) -> None:
    case, text = next(one for one in kept(file).items() if one[0].startswith(f"{mechanism}@"))
    assert block(file, case) == text


@pytest.mark.parametrize("rule", cases(FIXES))
def test_what_becomes_of_a_case_of_lint_is_as_kept(rule: str) -> None:
    assert block(FIXES, rule) == kept(FIXES)[rule]


@pytest.mark.parametrize("share", range(SHARES))
def test_what_is_said_of_every_mechanism_is_as_kept(share: int) -> None:
    chosen = [(file, case) for file in PARTS for case in cases(file)][share::SHARES]
    assert "\n".join(block(*one) for one in chosen) == "\n".join(kept(file)[case] for file, case in chosen)


def test_every_mechanism_fits_a_network_of_its_file_and_has_a_name_of_its_own() -> None:
    names = [one.id for part in PARTS.values() for one in part.troubles]
    assert list(dict.fromkeys(case.partition("@")[0] for file in PARTS for case in cases(file))) == names


@pytest.mark.parametrize("file", FILES)
def test_the_files_have_each_case_and_no_other_one(file: str) -> None:
    """A mechanism or a rule is new, or gone: write its blocks."""
    assert tuple(kept(file)) == cases(file)
    assert written(file, kept(file)) == (FOLDER / f"{file}.txt").read_text()
