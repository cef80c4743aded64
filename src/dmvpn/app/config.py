"""`dmvpn config check FILE`: whether a configuration is valid, and the message of IOS for each line that is not."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Final

from dmvpn.app.collector import uncollected
from dmvpn.base.errors import UserError
from dmvpn.features.nat.config import model as nat_model
from dmvpn.features.nat.messages import RuleRefused
from dmvpn.features.nat.model import NatConfig
from dmvpn.features.nat.rules import Policies
from dmvpn.features.policy.config import model as policy_model
from dmvpn.features.policy.machine import of_packets
from dmvpn.features.tunnel.config import model as tunnel_model
from dmvpn.ios import Fate
from dmvpn.ios.groups import UNKNOWN
from dmvpn.ios.redaction import without_keys
from dmvpn.router.features import FEATURES
from dmvpn.router.intake import put_in, report, take_in
from dmvpn.router.language import configurator
from dmvpn.shells.router_files import read_routers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from dmvpn.ios import ConfigResult, ConfigTree, LineReport
    from dmvpn.ios.parts import RouterText
    from dmvpn.shells.scenario import Scenario

#: Most problems of one file that are printed: more are not read, and a terminal takes long for them.
MOST_PRINTED: Final = 1000
#: Groups of kept lines that `lab up` names.
_MOST_GROUPS: Final = 8


def check(files: Iterable[Path]) -> int:
    """Read every file; print problems as `FILE:LINE:` and IOS's own words. 0 if there is no error, else 1."""
    failed = False
    for path in files:
        with uncollected():
            parts = read_routers(path)
            for part in parts:
                failed |= not _check(path, part, is_only=len(parts) == 1)
    return int(failed)


def _check(path: Path, part: RouterText, *, is_only: bool) -> bool:
    """Print the result for one router. True: no errors."""
    intake = take_in(part.text)
    is_good = _print_problems(path, intake.result)
    whose = f"{path}" if is_only else f"{path}: {part.name}"
    asks = "; 'dmvpn run' starts only with --without for what is left out" if not intake.is_whole else ""
    if is_good or not is_only:
        print(f"{whose}: good{asks}" if is_good else f"{whose}: has errors")
    for line in (*report(intake, fates=(Fate.LEFT_OUT, Fate.KEPT)), *not_built(intake.tree)):
        print(f"  {line}")
    if said := put_in(intake.result):
        print(f"  {said}")
    return is_good


def startable(name: Path | str, text: str, without: Iterable[str]) -> ConfigTree:
    """Return the configuration that a router of this machine may start with. Raises UserError.

    without: lines that restrict or divert traffic, and that the user agreed to leave out.
    """
    result, is_good = examine(name, text)
    if not is_good:
        raise UserError(f"{name} has errors; nothing was changed")
    refuse_left_out(name, result, without)
    unknown = [entry for entry in result.entries if entry.group is UNKNOWN]
    for entry in unknown[:MOST_PRINTED]:
        print(f"{name}:{entry.number}: kept, and nobody here knows it: {without_keys(entry.text)}", file=sys.stderr)
    if said := put_in(result):
        print(f"{name}: {said}", file=sys.stderr)
    return result.tree


def check_scenario(scenario: Scenario, *, strict: bool = False) -> list[str]:
    """Read every configuration of a scenario, and print the lines that are left out.

    Returns the tunnels that stay down because of them. strict: raises UserError at the first line that is refused, or
    would restrict or divert traffic.
    """
    held: list[str] = []
    kept: Counter[str] = Counter()
    for name, text in scenario.configurations.items():
        intake = take_in(text)
        file = scenario.files.get(name)
        kept.update(entry.group.name for entry in intake.of(Fate.KEPT) if entry.group is not None)
        held += [f"{name}: {why}" for why in intake.why_held(file.name if file is not None else "")]
        if said := put_in(intake.result):
            print(f"{name}: {said}", file=sys.stderr)
        if strict:
            _refuse_strictly(name if file is None else file, text)
        for rule, why in _unobeyed(intake.tree):
            print(f"{name}: {rule}: it translates nothing, for {why}", file=sys.stderr)
        for line in report(intake, fates=(Fate.REFUSED, Fate.LEFT_OUT)):
            print(f"{name}: {line}", file=sys.stderr)
        if not intake.is_whole:
            scenario.configurations[name] = intake.text
    if kept:
        print(f"note: {_kept(kept)}; 'dmvpn config check FILE' lists the lines", file=sys.stderr)
    return held


def _kept(groups: Counter[str]) -> str:
    """Return the lines that are kept without effect, by group, the largest first."""
    said = [f"{name} ({count})" for name, count in groups.most_common(_MOST_GROUPS)]
    more = f", and {len(groups) - _MOST_GROUPS} more groups" if len(groups) > _MOST_GROUPS else ""
    count = "1 line is" if groups.total() == 1 else f"{groups.total()} lines are"
    return f"{count} kept, and nothing here acts on that: {', '.join(said)}{more}"


def _refuse_strictly(name: Path | str, text: str) -> None:
    """Raise UserError for a configuration with errors, or with lines that this program does not support."""
    result, is_good = examine(name, text)
    if not is_good:
        raise UserError(f"{name} has errors; nothing was changed (without --strict the lab goes without those lines)")
    refuse_left_out(name, result, (), otherwise="or leave --strict away: the lab then goes without it")


def refuse_left_out(name: Path | str, result: ConfigResult, without: Iterable[str], otherwise: str = "") -> None:
    """Raise UserError for lines that restrict or divert traffic, unless `without` names them.

    otherwise: the advice to the user besides removing the line; by default, to name it with `--without`.
    """
    agreed = {" ".join(line.lower().split()) for line in without}  # looked up, never iterated
    all_left = (entry for entry in result.entries if entry.fate is Fate.LEFT_OUT)
    left = [entry for entry in all_left if _protects(entry) or not agreed & {*_as_named(entry)}]
    if not left:
        _refuse_unobeyed(name, result.tree, agreed)
    else:
        first = left[0]
        shown = without_keys(first.text)
        why = f"{first.group.name}: {first.group.meaning}" if first.group is not None else ""
        others = f", and {len(left) - 1} more such lines" if len(left) > 1 else ""
        instead = otherwise or ("" if _protects(first) else f"or go without it: --without '{shown}'{_all_of(left)}")
        raise UserError(
            f"{name}:{first.number}: {shown}: nothing here does that ({why}){others}; "
            f"take the line away{f', {instead}' if instead else ''}"
        )


def _refuse_unobeyed(name: Path | str, tree: ConfigTree, agreed: set[str]) -> None:
    """Raise UserError for a NAT rule that would translate nothing, because its lists ask for more than there is."""
    for rule, why in _unobeyed(tree):
        if rule.lower() not in agreed:
            raise UserError(
                f"{name}: {rule}: it would translate nothing, for {why}; change that, take the line away, "
                f"or go without it: --without '{rule}'"
            )


def _unobeyed(tree: ConfigTree) -> Iterator[tuple[str, str]]:
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
    """Yield the names of a line for the user: as in the file, as shown (without its keys), and its group."""
    for text in (entry.text, without_keys(entry.text), entry.group.name if entry.group is not None else ""):
        yield " ".join(text.lower().split())


def _protects(entry: LineReport) -> bool:
    """Return whether the line affects the protection of tunnels. Such a line cannot be left out by agreement."""
    return entry.group is not None and entry.group.protects


def not_built(tree: ConfigTree) -> list[str]:
    """Return the messages of a router with this configuration about parts that this release does not have."""
    down = [(one.name, one.unbuilt) for one in tunnel_model(tree).tunnels if not one.shutdown and one.unbuilt]
    said = [f"{name} stays down: {why}" for name, why in down]
    return [*said, *(RuleRefused.of(rule, why).text for rule, why in _unobeyed(tree))]


def examine(name: Path | str, text: str) -> tuple[ConfigResult, bool]:
    """Read a configuration and print its problems, `MOST_PRINTED` at most. True: no errors."""
    result = configurator(FEATURES).parse_text(text)
    return result, _print_problems(name, result)


def _print_problems(name: Path | str, result: ConfigResult) -> bool:
    """Print the problems, and return whether there is no error among them."""
    for problem in result.problems[:MOST_PRINTED]:
        print(f"{name}:{problem.line_number}: in {problem.mode} mode", file=sys.stderr)
        print("\n".join((without_keys(problem.text), *problem.message_lines)), file=sys.stderr)
    if len(result.problems) > MOST_PRINTED:
        print(f"{name}: and {len(result.problems) - MOST_PRINTED} more problems", file=sys.stderr)
    return all(problem.is_warning for problem in result.problems)
