"""`show ip prefix-list`, `show ip as-path-access-list`, `show ip community-list`."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.communities import text_of
from dmvpn.base.routemaps import Counted
from dmvpn.base.values import dataclass
from dmvpn.features.policy.machine import PolicyMachine
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.pages import Pages
    from dmvpn.base.prefixlists import PrefixRule
    from dmvpn.base.routemaps import AttributeRule


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One entry. sequence: 0 in lists that number none. what: which prefixes, paths or communities are meant."""

    sequence: int
    permit: bool
    what: str
    hits: int = 0


@dataclass(frozen=True, slots=True)
class ListLines:
    """A list with its entries. expanded: by regular expressions. ranges: how many entries have `ge` or `le`.

    users: how many route maps name it.
    """

    name: str
    entries: tuple[EntryLine, ...]
    expanded: bool = False
    ranges: int = 0
    users: int = 0


@dataclass(frozen=True, slots=True)
class ShowLists:
    """The answer: all lists of a kind, or one."""

    lists: tuple[ListLines, ...]


def query_prefixes(ctx: ShowContext, args: Args) -> ShowLists:
    """Return prefix lists: all, or the named list."""
    wanted = args.text("name", "")
    machine = ctx.machine(PolicyMachine)
    known = machine.config.prefix_lists
    return ShowLists(tuple(_prefixes(name, machine) for name in sorted(known) if wanted in ("", name)))


def query_entries(ctx: ShowContext, args: Args) -> ShowLists:
    """Return entries of one prefix list: that of a number, or those about a prefix."""
    name, machine = args.text("name"), ctx.machine(PolicyMachine)
    if name not in machine.config.prefix_lists:
        return ShowLists(())
    listed, rules = _prefixes(name, machine), machine.config.prefix_lists[name]
    wanted = {rule.sequence for rule in breathing(_meant(list(rules), args))}
    chosen = tuple(each for each in breathing(listed.entries) if each.sequence in wanted)
    return ShowLists((replace(listed, entries=chosen),))


def _meant(rules: list[PrefixRule], args: Args) -> list[PrefixRule]:
    prefix = args.prefix("prefix", None)
    if prefix is None:
        return [rule for rule in breathing(rules) if rule.sequence == args.integer("sequence")]
    if "first-match" in args:
        return [rule for rule in breathing(rules) if rule.fits(prefix)][:1]
    if "longer" in args:
        return [rule for rule in breathing(rules) if rule.prefix.length >= prefix.length and rule.prefix in prefix]
    return [rule for rule in breathing(rules) if rule.prefix == prefix]


def query_attributes(ctx: ShowContext, args: Args) -> ShowLists:
    """Return AS path lists, or lists of communities: all of a kind, or the list of a name."""
    config, wanted = ctx.machine(PolicyMachine).config, args.text("name", "") or str(args.integer("number", None) or "")
    kinds = {
        "as-path-access-list": config.as_path_lists,
        "community-list": config.community_lists,
        "extcommunity-list": config.extended_lists,
        "large-community-list": config.large_lists,
    }
    known = next(lists for word, lists in kinds.items() if word in args)
    return ShowLists(tuple(_attributes(name, known[name]) for name in sorted(known) if wanted in ("", name)))


def _prefixes(name: str, machine: PolicyMachine) -> ListLines:
    def hits(sequence: int) -> int:
        return machine.hits.get((Counted.PREFIX_LIST, name, sequence), 0)

    rules = machine.config.prefix_lists[name]
    entries = (EntryLine(one.sequence, one.permit, _range(one), hits(one.sequence)) for one in breathing(rules))
    ranges = sum((one.shortest, one.longest) != (one.prefix.length,) * 2 for one in breathing(rules))
    mapped = chain.from_iterable(machine.config.route_maps.values())
    users = sum(name in (*rule.prefix_lists, *rule.next_hop_prefix_lists) for rule in breathing(mapped))
    return ListLines(name, tuple(entries), ranges=ranges, users=users)


def _range(entry: PrefixRule) -> str:
    text = str(entry.prefix)
    if entry.shortest != entry.prefix.length:
        text += f" ge {entry.shortest}"
    return text if entry.longest in (entry.prefix.length, 32 if "ge" in text else -1) else f"{text} le {entry.longest}"


def _attributes(name: str, rules: Pages[AttributeRule]) -> ListLines:
    entries = tuple(EntryLine(0, rule.permit, _what(rule)) for rule in breathing(rules))
    return ListLines(name, entries, any(rule.pattern is not None for rule in rules))


def _what(rule: AttributeRule) -> str:
    return rule.pattern.pattern if rule.pattern is not None else text_of(rule.kind, rule.communities)


def render_prefixes(answer: ShowLists) -> Iterator[str]:
    """Yield a paragraph for each list."""
    for listed in answer.lists:
        yield f"ip prefix-list {listed.name}: {len(listed.entries)} entries"
        for entry in listed.entries:
            yield f"   seq {entry.sequence} {_verdict(entry)} {entry.what}"


def render_detail(answer: ShowLists) -> Iterator[str]:
    """Yield counts, and how often each entry fitted."""
    for listed in answer.lists:
        yield from _summary(listed)
        yield from _counted(listed)


def render_entries(answer: ShowLists) -> Iterator[str]:
    """Yield the entries alone, and how often each one fitted."""
    for listed in answer.lists:
        yield from _counted(listed)


def _counted(listed: ListLines) -> Iterator[str]:
    for entry in listed.entries:
        yield f"   seq {entry.sequence} {_verdict(entry)} {entry.what} (hit count: {entry.hits}, refcount: 1)"


def render_summary(answer: ShowLists) -> Iterator[str]:
    """Yield how long each list is, without its entries."""
    for listed in answer.lists:
        yield from _summary(listed)


def _summary(listed: ListLines) -> Iterator[str]:
    numbers = [entry.sequence for entry in listed.entries]
    yield f"ip prefix-list {listed.name}:"
    span = f"{numbers[0]} - {numbers[-1]}" if numbers else "0 - 0"
    counts = f"count: {len(numbers)}, range entries: {listed.ranges}"
    yield f"   {counts}, sequences: {span}, refcount: {listed.users + 1}"


def _paragraphs(heading: Callable[[ListLines, str], str]) -> Callable[[ShowLists], Iterator[str]]:
    """Return what yields a paragraph for each list. heading: of a list, and its kind: expanded or standard."""

    def render(answer: ShowLists) -> Iterator[str]:
        for listed in answer.lists:
            yield heading(listed, "expanded" if listed.expanded else "standard")
            yield from (f"    {_verdict(entry)} {entry.what}" for entry in listed.entries)

    return render


def _of_communities(listed: ListLines, kind: str) -> str:
    named = "" if listed.name.isascii() and listed.name.isdigit() else "Named "
    return f"{named}Community {kind} list {listed.name}"


def _verdict(entry: EntryLine) -> str:
    return "permit" if entry.permit else "deny"


COMMANDS: Final = (
    ExecCommand(
        "show ip prefix-list [ {name:word} ]",
        {"prefix-list": "Lists of prefixes", "name": "One list"},
        query=query_prefixes,
        render=render_prefixes,
    ),
    ExecCommand(
        "show ip prefix-list {name:word} ( seq {sequence:1-4294967294} | {prefix:prefix} [ longer | first-match ] )",
        {
            "prefix-list": "Lists of prefixes",
            "name": "One list",
            "seq": "The entry of a number",
            "sequence": "Its number",
            "prefix": "Entries of this prefix",
            "longer": "And of those within it",
            "first-match": "The first match",
        },
        query=query_entries,
        render=render_entries,
    ),
    ExecCommand(
        "show ip prefix-list detail [ {name:word} ]",
        {"detail": "And how often each entry fitted", "name": "One list"},
        query=query_prefixes,
        render=render_detail,
    ),
    ExecCommand(
        "show ip prefix-list summary [ {name:word} ]",
        {"summary": "How many entries", "name": "One list"},
        query=query_prefixes,
        render=render_summary,
    ),
    ExecCommand(
        "show ip as-path-access-list [ {number:1-500} ]",
        {"as-path-access-list": "Lists of AS paths", "number": "One list"},
        query=query_attributes,
        render=_paragraphs(lambda listed, _: f"AS path access list {listed.name}"),
    ),
    ExecCommand(
        "show ip community-list [ {name:word} ]",
        {"community-list": "Lists of communities", "name": "One list"},
        query=query_attributes,
        render=_paragraphs(_of_communities),
    ),
    ExecCommand(
        "show ip extcommunity-list [ {name:word} ]",
        {"extcommunity-list": "Lists of extended communities", "name": "One list"},
        query=query_attributes,
        render=_paragraphs(lambda listed, kind: f"Extended community {kind} list {listed.name}"),
    ),
    ExecCommand(
        "show ip large-community-list [ {name:word} ]",
        {"large-community-list": "Lists of large communities", "name": "One list"},
        query=query_attributes,
        render=_paragraphs(lambda listed, kind: f"Large Community {kind} list {listed.name}"),
    ),
)
