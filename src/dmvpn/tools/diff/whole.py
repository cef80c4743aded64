"""Both sides measured, linted and compared, and the change tried: `dmvpn diff` between loading and text."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from dmvpn.tools.diff.behavior import Behavior, LinterFinding, compare, judge_migration
from dmvpn.tools.diff.beside import Beside
from dmvpn.tools.diff.comparison import Comparison
from dmvpn.tools.diff.flows import flow_changes
from dmvpn.tools.diff.measuring import Subject, choose_pairs, measure
from dmvpn.tools.diff.migration import migrate
from dmvpn.tools.diff.probing import name_alike
from dmvpn.tools.lint import lint, sites_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.diff.behavior import LanPair, Migration
    from dmvpn.tools.diff.beside import Tell
    from dmvpn.tools.diff.probing import Lan

#: How the progress line begins.
_AS_IT_IS: Final = "the network as it is"
_AS_IT_WOULD_BE: Final = "the network as it would be"
_CHANGE: Final = "the change on the network that runs"


def compare_networks(
    before: Scenario,
    after: Scenario,
    *,
    seed: int = 1,
    order: str | None = "together",
    max_outage: float | None = None,
    stage: Tell = lambda _text: None,
    beside: bool = False,
) -> Comparison:
    """Return the comparison. order: of entering the change (`ORDERS`), None: it is not entered. max_outage: seconds of
    an outage that are permitted.

    stage: called with the progress. beside: the three worlds are computed at the same time, in processes of their own.
    Raises UserError if one of these dies.
    """
    old, new = Subject.of(before, seed), Subject.of(after, seed)
    name_alike(old.lans, new.lans)
    pairs = choose_pairs({name: lan for name, lan in old.lans.items() if name in new.lans}, seed)
    fresh = choose_pairs(new.lans, seed, about=[name for name in new.lans if name not in old.lans])
    if beside:
        with Beside(3, stage) as processes:
            first = processes.begin(partial(_measured_beside, _AS_IT_IS, before, seed, old.lans, pairs))
            second = processes.begin(partial(_measured_beside, _AS_IT_WOULD_BE, after, seed, new.lans, pairs, fresh))
            third = processes.begin(partial(_migrated, before, after, seed, order))
            processes.finish()
        was, will_be, migration = first.result(), second.result(), third.result()
    else:
        was = _measured(_AS_IT_IS, stage, old, pairs)
        will_be = _measured(_AS_IT_WOULD_BE, stage, new, pairs, fresh)
        migration = _migrated(before, after, seed, order, tell=stage)
    was, will_be = _linted(before, was), _linted(after, will_be)
    flows = flow_changes(old, new, was.talks, will_be.talks)
    changes = [*compare(was, will_be), *flows, *(judge_migration(migration, max_outage) if migration else ())]
    tried, possible = len(pairs) + len(fresh), len(new.lans) * (len(new.lans) - 1)
    sampled = f"{tried} of {possible} pairs of LANs were tried." if tried < possible else ""
    return Comparison(before=was, after=will_be, changes=tuple(changes), migration=migration, sampled=sampled)


def _measured(
    what: str, tell: Tell, subject: Subject, pairs: Sequence[LanPair], fresh: Sequence[LanPair] = ()
) -> Behavior:
    subject.tell = lambda how_far: tell(f"{what}: {how_far}")
    return measure(subject, pairs, fresh)


def _measured_beside(
    what: str,
    scenario: Scenario,
    seed: int,
    lans: dict[str, Lan],
    pairs: Sequence[LanPair],
    fresh: Sequence[LanPair] = (),
    *,
    tell: Tell,
) -> Behavior:
    """Measure in another process: the world is built there. lans: as this comparison names them."""
    subject = Subject.of(scenario, seed)
    subject.lans.clear()
    subject.lans.update(lans)
    return _measured(what, tell, subject, pairs, fresh)


def _migrated(before: Scenario, after: Scenario, seed: int, order: str | None, *, tell: Tell) -> Migration | None:
    if order is None:
        return None
    return migrate(before, after, seed, order, lambda how_far: tell(f"{_CHANGE}: {how_far}"))


def _linted(scenario: Scenario, behavior: Behavior) -> Behavior:
    found = lint(scenario.configurations, sites_of(scenario))
    findings = tuple(
        LinterFinding(severity=one.severity.value, rule=one.rule, where=one.file, text=one.what) for one in found
    )
    return replace(behavior, findings=findings)
