"""The lines of a configuration that this release does not carry out: for a router that starts, and for a whole lab."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.features.nat.config import model as nat_model
from dmvpn.features.nat.messages import rule_refused
from dmvpn.features.nat.model import NatConfig, Policies
from dmvpn.features.policy.config import model as policy_model
from dmvpn.features.policy.machine import of_packets
from dmvpn.ios import ConfigResult, ConfigTree, Fate, LineReport
from dmvpn.router.entered_text import put_in, report, take_in, without_effect
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from dmvpn.shells.scenario import Scenario

#: Problems of one file that are described: a user does not read more, and a terminal takes long for them.
MOST_PROBLEMS: Final = 1000
#: A line that applies an access list to a port.
_APPLIED: Final = re.compile(r"ip access-group (?P<name>\S+) ")
#: Groups of kept lines that a note names.
_MOST_GROUPS: Final = 8


class Note(Value):
    """A line for the user: how a configuration is read otherwise than it was written."""

    text: str


class StaysDown(Value):
    """A sentence about a tunnel that stays down, because lines for it are left out."""

    text: str


def left_out(scenario: Scenario, *, strict: bool = False) -> Iterator[Note | StaysDown]:
    """Read every configuration of a scenario, and yield notes about the lines that the lab goes without;
    these are removed from the scenario.

    strict: raises UserError at the first line that is refused, or would restrict or divert traffic.
    """
    kept: Counter[str] = Counter()
    for name, text in scenario.configurations.items():
        entered = take_in(text)
        file = scenario.files.get(name)
        kept.update(entry.group.name for entry in entered.with_fate(Fate.KEPT) if entry.group is not None)
        yield from (StaysDown(f"{name}: {why}") for why in entered.why_held(file.name if file is not None else ""))
        if said := put_in(entered.result):
            yield Note(f"{name}: {said}")
        if strict:
            result, whose = configurator(FEATURES).parse_text(text), file or name
            yield from map(Note, problem_lines(whose, result))
            if not is_valid(result):
                said = "nothing was changed (without --strict the lab goes without those lines)"
                raise UserError(f"{whose} has errors; {said}")
            refuse_left_out(whose, result, (), otherwise="or leave --strict away: the lab then goes without it")
        for rule, why in unobeyed(entered.tree):
            yield Note(f"{name}: {rule}: it translates nothing: {why}")
        yield from (Note(f"{name}: {line}") for line in report(entered, fates=(Fate.REFUSED, Fate.LEFT_OUT)))
        if not entered.is_whole:
            scenario.configurations[name] = entered.text
    if kept:
        yield Note(f"note: {_kept(kept)}; 'dmvpn config check FILE' lists the lines")


def _kept(groups: Counter[str]) -> str:
    """Return the lines that are kept without effect, by group, the largest first."""
    said = [f"{name} ({count})" for name, count in groups.most_common(_MOST_GROUPS)]
    more = f", and {len(groups) - _MOST_GROUPS} more groups" if len(groups) > _MOST_GROUPS else ""
    count = "1 line is" if groups.total() == 1 else f"{groups.total()} lines are"
    return f"{count} kept without effect: {', '.join(said)}{more}"


def refuse_left_out(name: Path | str, result: ConfigResult, without: Iterable[str], otherwise: str = "") -> None:
    """Raise UserError for lines that restrict or divert traffic, unless `without` names them.

    otherwise: the advice to the user besides removing the line; by default, to name it with `--without`.
    """
    agreed = {" ".join(line.lower().split()) for line in without}  # looked up, never iterated
    all_left = (entry for entry in result.entries if entry.fate is Fate.LEFT_OUT)
    left = [entry for entry in all_left if _protects(entry) or not agreed & {*_as_named(entry)}]
    if not left:
        for rule, why in unobeyed(result.tree):
            if rule.lower() not in agreed:
                raise UserError(
                    f"{name}: {rule}: it would translate nothing: {why}; change that, remove the line, "
                    f"or start without it: --without '{rule}'"
                )
    else:
        first = left[0]
        shown = first.shown
        why = f"{first.group.name}: {first.group.meaning}" if first.group is not None else ""
        others = f", and {len(left) - 1} more such lines" if len(left) > 1 else ""
        instead = otherwise or ("" if _protects(first) else f"or start without it: --without '{shown}'{_all_of(left)}")
        raise UserError(
            f"{name}:{first.number}: {shown}: not supported ({why}){others}; "
            f"remove the line{f', {instead}' if instead else ''}"
        )


def unobeyed(tree: ConfigTree) -> Iterator[tuple[str, str]]:
    """Yield NAT rules that a router here does not obey, each with the reason."""
    policies = Policies(of_packets(policy_model(tree)))
    for rule in (nat_model(tree) or NatConfig()).rules:
        why = policies.clauses(rule)
        if isinstance(why, str):
            yield str(rule), why


def _all_of(left: Sequence[LineReport]) -> str:
    """Return the option that leaves out all lines of a group, if there are several."""
    group = left[0].group
    is_alone = group is None or all(entry.group is not group for entry in left[1:])
    return "" if is_alone or group is None else f" (all of this kind: --without '{group.name}')"


def _as_named(entry: LineReport) -> Iterator[str]:
    """Yield the names of a line for the user: as in the file, as shown (without its keys), its group, and the list that
    it applies.
    """
    group, listed = entry.group.name if entry.group is not None else "", _APPLIED.match(entry.text)
    for text in (entry.text, entry.shown, group, listed["name"] if listed is not None else ""):
        yield " ".join(text.lower().split())


def _protects(entry: LineReport) -> bool:
    """Return whether the line affects the protection of tunnels. Such a line cannot be left out by agreement."""
    return entry.group is not None and entry.group.protects


def not_built(tree: ConfigTree) -> list[str]:
    """Return the messages of a router with this configuration about parts that this release does not have."""
    said = [f"{name} {why}" for name, _, why in without_effect(tree)]
    return [*said, *(rule_refused(rule, why).text for rule, why in unobeyed(tree))]


def problem_lines(name: Path | str, result: ConfigResult) -> Iterator[str]:
    """Yield the problems of a configuration in the words of IOS, `MOST_PROBLEMS` at most."""
    for problem in result.problems[:MOST_PROBLEMS]:
        yield f"{name}:{problem.line_number}: in {problem.mode} mode"
        yield from (problem.shown, *problem.message_lines)
    if len(result.problems) > MOST_PROBLEMS:
        yield f"{name}: and {len(result.problems) - MOST_PROBLEMS} more problems"


def is_valid(result: ConfigResult) -> bool:
    """Return whether a configuration has no error."""
    return all(problem.is_warning for problem in result.problems)
