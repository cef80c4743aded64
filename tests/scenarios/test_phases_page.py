"""docs/reference/phases.md says what the simulator measures."""

from __future__ import annotations

import pytest

from support.phases_page import Case, cases, measure, page, row, rows_of_the_page

#: Rows that are measured again in every run; the others with the slow tests.
QUICK = (
    Case("EIGRP", 3, summary=False, hubs=2),
    Case("OSPF point-to-multipoint", 3, summary=False, hubs=2),
    Case("iBGP", 2, summary=False, hubs=2),
    Case("eBGP", 3, summary=True, hubs=1),
)


def test_the_page_has_a_row_for_each_case_and_nothing_else() -> None:
    rows = list(rows_of_the_page())
    assert len(rows) == len(cases())
    assert page(rows).endswith(rows[-1] + "\n")
    for case, line in zip(cases(), rows, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[:4] == [case.protocol, str(case.phase), "yes" if case.summary else "no", str(case.hubs)]


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=() if case in QUICK else pytest.mark.slow) for case in cases()],
    ids=lambda case: f"{case.protocol}-{case.phase}-{'summary' if case.summary else 'all'}-{case.hubs}",
)
def test_a_network_does_what_its_row_says(case: Case) -> None:
    line = row(case, measure(case))
    assert line in rows_of_the_page(), "run in tests/: python -m support.phases_page"
