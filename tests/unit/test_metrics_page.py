"""The page about metrics is the one that the tables make, and names are those that Prometheus advises."""

from __future__ import annotations

import re

import pytest

from dmvpn.base import metrics
from dmvpn.base.metrics import Kind
from support.metrics_page import PAGE, families, page, tables


def test_the_page_about_metrics_is_the_one_that_the_tables_make() -> None:
    old = "docs/reference/metrics.md is old: python -m support.metrics_page (from the folder tests)"
    assert PAGE.read_text() == page(), old


def test_every_metric_has_a_name_of_its_own_with_base_units() -> None:
    found = list(families())
    names = [family.name for family in found]
    assert sorted(names) == sorted(set(names))
    for family in found:
        assert re.fullmatch(r"(dmvpn|process)(_[a-z0-9]+)+", family.name), family.name
        assert (family.kind is Kind.COUNTER) == family.name.endswith("_total"), family.name
        assert (family.kind is Kind.INFO) == family.name.endswith("_info"), family.name
        assert not re.search(r"octets|millis|_ms|percent|_kb|minutes|hours", family.name), family.name
        assert family.meaning.endswith("."), family.name
        assert "\n" not in family.meaning


def test_no_label_has_the_name_of_one_that_all_metrics_have() -> None:
    for _, table, in_vrfs in tables():
        labels = [*table.labels, *(["vrf"] if in_vrfs else [])]
        assert len(set(labels)) == len(labels), table.name
        assert not {"lab", "router", "instance", "job"} & set(labels), table.name


@pytest.mark.parametrize("row", ["gauge dmvpn_peers: Peers.", "meter dmvpn_peers :: Peers."])
def test_a_metric_of_another_form_is_refused(row: str) -> None:
    assert metrics.families("gauge dmvpn_peers :: Peers.") == (metrics.Family("dmvpn_peers", Kind.GAUGE, "Peers."),)
    with pytest.raises(ValueError, match=r"not enough values|meter"):
        metrics.families(row)
