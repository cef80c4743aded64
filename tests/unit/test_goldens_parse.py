"""What commands print is read by the templates that network automation users run: the small ones, of ntc-templates.

`make test-parsers` gives the same files to Genie too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.parse_check import Ntc, check_one, load

TESTS = Path(__file__).parents[1]


@pytest.mark.lengthy
@pytest.mark.parametrize("folder", ["goldens", "unit/goldens"])
def test_no_template_stumbles_over_a_line_of_ours(folder: str) -> None:
    entries = [check_one(output, [Ntc()], must_parse=False) for output in load(TESTS / folder)]
    assert {entry.status for entry in entries} >= {"PASS"}
    assert {entry.name: entry.verdicts["ntc"].error for entry in entries if entry.status == "FAIL"} == {}
