"""Both sides measured, linted and compared, and the change tried: `dmvpn diff` between loading and text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.tools.diff.behavior import Behavior, Finding
from dmvpn.tools.diff.compare import compare, judge_migration
from dmvpn.tools.diff.measuring import Subject, choose_pairs, measure
from dmvpn.tools.diff.migration import migrate
from dmvpn.tools.diff.probing import name_alike
from dmvpn.tools.diff.report import Comparison
from dmvpn.tools.lint import lint, sites_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.shells.scenario import Scenario


def compare_networks(
    before: Scenario,
    after: Scenario,
    *,
    seed: int = 1,
    order: str | None = "together",
    max_outage: float | None = None,
    stage: Callable[[str], None] = lambda _text: None,
) -> Comparison:
    """Return what changes. order: how the change is entered (`ORDERS`), None: not at all. max_outage: seconds it may
    cost.

    stage: is told what begins.
    """
    old, new = Subject.of(before, seed), Subject.of(after, seed)
    name_alike(old.lans, new.lans)
    pairs = choose_pairs([name for name in old.lans if name in new.lans], seed)
    fresh = choose_pairs(new.lans, seed, about=[name for name in new.lans if name not in old.lans])
    stage("measuring the network as it is")
    was = _linted(before, measure(old, pairs))
    stage("measuring the network as it would be")
    will_be = _linted(after, measure(new, pairs, fresh))
    stage("making the change on the network that runs")
    migration = None if order is None else migrate(before, after, seed, order)
    changes = [*compare(was, will_be), *(judge_migration(migration, max_outage) if migration else ())]
    tried, possible = len(pairs) + len(fresh), len(new.lans) * (len(new.lans) - 1)
    sampled = f"{tried} of {possible} pairs of LANs were tried." if tried < possible else ""
    return Comparison(before=was, after=will_be, changes=tuple(changes), migration=migration, sampled=sampled)


def _linted(scenario: Scenario, behavior: Behavior) -> Behavior:
    found = lint(scenario.configurations, sites_of(scenario))
    findings = tuple(
        Finding(severity=one.severity.value, rule=one.rule, where=one.file, text=one.what) for one in found
    )
    return replace(behavior, findings=findings)
