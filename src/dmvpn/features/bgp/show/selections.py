"""Parts of the table: by AS path, community, list, map or length, or routes that the routing table did not accept."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import classful_length
from dmvpn.base.communities import COMMUNITIES, CommunityKind, CommunityMatch
from dmvpn.base.values import dataclass
from dmvpn.features.bgp.attributes import path_text
from dmvpn.features.bgp.paths import candidate
from dmvpn.features.bgp.show.common import active, spelled
from dmvpn.features.bgp.show.table import EMPTY, ShowTable, chosen_table, render_table, wanted_prefix
from dmvpn.ios.filters import Pattern, PatternError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.routemaps import RoutePolicies
    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.features.bgp.paths import Path
    from dmvpn.ios import Args, ShowContext

    Chooser = Callable[[Prefix, Path], bool]


#: Digits of a community as one number of 32 bits.
_DIGITS: Final = 10


@dataclass(frozen=True, slots=True)
class ShowSelection:
    """A part of the table; problem: the error, if there is none."""

    table: ShowTable = EMPTY
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A path that the routing table did not accept."""

    prefix: Prefix
    next_hop: str
    why: str


@dataclass(frozen=True, slots=True)
class ShowFailures:
    """`show ip bgp rib-failure`."""

    is_active: bool = True
    failures: tuple[Failure, ...] = ()


def query_selection(ctx: ShowContext, args: Args) -> ShowSelection:
    """Return the selected paths."""
    machine = active(ctx)
    if machine is None:
        return ShowSelection()
    try:
        wanted = _chooser(args, ctx.ports.policies.of_routes(), machine)
    except PatternError:
        return ShowSelection(problem="% Failed to compile regular expression.")
    return ShowSelection(chosen_table(machine, wanted))


def _chooser(args: Args, policies: RoutePolicies, machine: BgpMachine) -> Chooser:
    """Return the function that selects the paths of these arguments."""
    if "pattern" in args:
        pattern = Pattern(args.text("pattern").strip('"'))
        known: dict[int, bool] = {}  # prefixes of one UPDATE share their path

        def fits(_: Prefix, path: Path) -> bool:
            systems = path.attributes.path
            if id(systems) not in known:
                known[id(systems)] = pattern.search(path_text(systems))
            return known[id(systems)]

        return fits
    if "community" in args:
        numbers = {_number(word) for word in args.text("communities", "").split() if word != "exact-match"}
        if "exact-match" in args.text("communities", "").split():
            return lambda _, path: {*path.attributes.communities} == numbers
        return lambda _, path: bool(path.attributes.communities) and numbers <= {*path.attributes.communities}
    for kind in CommunityKind:
        if kind.listed in args:
            match = CommunityMatch(args.text("list"), exactly="exact-match" in args, kind=kind)
            return lambda prefix, path: policies.community_permits(
                match, candidate(prefix, path.attributes).of_kind(match.kind)
            )
    if "large-community" in args:
        return lambda _, path: bool(path.attributes.large)
    if "prefix-list" in args:
        return lambda prefix, _: policies.prefix_list_permits(args.text("list"), prefix)
    if "filter-list" in args:
        return lambda _, path: policies.as_path_permits(str(args["list"]), path_text(path.attributes.path))
    if "route-map" in args:
        return lambda prefix, path: policies.mapped(args.text("list"), candidate(prefix, path.attributes)) is not None
    if "cidr-only" in args:
        return lambda prefix, _: not _is_classful(prefix)
    if "inconsistent-as" in args:
        return lambda prefix, _: _has_several_origins(machine, prefix)
    whole = wanted_prefix(args)
    return lambda prefix, _: whole is not None and prefix in whole


def query_failures(ctx: ShowContext, args: Args) -> ShowFailures:
    """Return the prefixes for which the routing table has another route."""
    machine = active(ctx)
    if machine is None:
        return ShowFailures(is_active=False)
    return ShowFailures(
        failures=tuple(
            Failure(prefix, str(path.attributes.next_hop), "Higher admin distance")
            for prefix, found in sorted(machine.routes.table.destinations.items())
            for path in found.best[:1]
            if machine.routes.instead(prefix) is not None
        )
    )


def render_selection(answer: ShowSelection) -> Iterator[str]:
    """Yield the lines in the format of the whole table."""
    if answer.problem:
        yield answer.problem
        return
    yield from render_table(answer.table)


def render_failures(answer: ShowFailures) -> Iterator[str]:
    """Yield a line for each path."""
    yield "  Network            Next Hop                      RIB-failure   RIB-NH Matches"
    for one in answer.failures:
        yield f"{one.prefix!s:<18} {one.next_hop:<19} {one.why:>21} {'n/a':>16}"


def _number(word: str) -> int:
    """Return a community by name, as two numbers or as one; -1 if invalid, which matches no route."""
    if word in COMMUNITIES:
        return COMMUNITIES[word]
    high, colon, low = word.partition(":")
    if not all(part.isascii() and part.isdigit() and len(part) <= _DIGITS for part in (high, low if colon else high)):
        return -1
    return int(high) << 16 | int(low) if colon else int(high)


def _is_classful(prefix: Prefix) -> bool:
    return prefix.length == classful_length(IPv4Address(prefix.number))


def _has_several_origins(machine: BgpMachine, prefix: Prefix) -> bool:
    paths = machine.routes.table.destinations[prefix].paths.values()
    return len({path.attributes.systems[-1:] for path in paths}) > 1


COMMANDS: Final = (
    *spelled(
        "( regexp | quote-regexp ) {pattern:line}",
        {"regexp": "By AS path", "quote-regexp": "By AS path, in quotes", "pattern": "A regular expression of IOS"},
        query_selection,
        render_selection,
        gap=True,
    ),
    *spelled(
        "community [ {communities:line} ]",
        {"community": "With communities", "communities": "Communities that are required; exact-match: exactly these"},
        query_selection,
        render_selection,
        gap=True,
    ),
    *spelled(
        "( community-list {list:word} [ exact-match ] | large-community-list {list:word} [ exact-match ] "
        "| extcommunity-list {list:word} | large-community | prefix-list {list:word} | filter-list {list:1-500} "
        "| route-map {list:word} | cidr-only | inconsistent-as )",
        {
            "community-list": "What a community list permits",
            "large-community-list": "What a list of large communities permits",
            "extcommunity-list": "What a list of extended communities permits",
            "large-community": "With large communities",
            "exact-match": "With these communities and no others",
            "prefix-list": "What a prefix list permits",
            "filter-list": "What an AS path list permits",
            "route-map": "What a route map permits",
            "list": "Name, or number",
            "cidr-only": "Of another length than that of its class",
            "inconsistent-as": "Prefixes that several systems say are theirs",
        },
        query_selection,
        render_selection,
        gap=True,
    ),
    *spelled(
        "( {prefix:prefix} | {destination:address} {mask:mask} ) ( longer-prefixes | subnets )",
        {
            "prefix": "A prefix",
            "destination": "A prefix",
            "mask": "Its mask",
            "longer-prefixes": "And all in it",
            "subnets": "And all in it",
        },
        query_selection,
        render_selection,
        gap=True,
    ),
    *spelled(
        "rib-failure",
        {"rib-failure": "Prefixes for which the routing table has another route"},
        query_failures,
        render_failures,
        gap=True,
    ),
)
