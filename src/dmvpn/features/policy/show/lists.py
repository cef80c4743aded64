"""`show access-lists`, `show ip access-lists`: the entries by number, and how many packets each has decided on.

`show ip access-lists interface`: the lists of a port, with the packets of that port; `show ip prefix-list`, `show ip
as-path-access-list`, `show ip community-list`: lists that filter routes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Final

from dmvpn.base.addresses import spelled
from dmvpn.base.breath import breathing
from dmvpn.base.communities import text_of
from dmvpn.base.pages import Pages
from dmvpn.base.routemaps import IPV6_LIST, AttributeRule, Counted, PrefixRule
from dmvpn.base.values import Value
from dmvpn.features.policy.machine import PolicyMachine
from dmvpn.features.policy.model import ANY, ANY6, PROTOCOLS, PROTOCOLS6, AccessEntry, AddressRange
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.ios.common import ACCESS_GROUP, INTERFACE

#: Entries of numbered lists have numbers in this step.
_STEP: Final = 10


class AccessLine(Value):
    """One entry.

    what: which packets or addresses are meant.
    matches: packets that it has decided on, 0 where the list filters none.
    inactive: it is not the time of its time range; None: it has none.
    """

    sequence: int
    permit: bool
    what: str
    matches: int = 0
    inactive: bool | None = None


class AccessList(Value):
    """A list with its entries, without remarks. direction: "in" or "out" of the port that was asked about, else "".

    version: of IP.
    """

    name: str
    extended: bool
    entries: tuple[AccessLine, ...]
    direction: str = ""
    version: int = 4


class ShowAccessLists(Value):
    """The answer: all lists, or one."""

    lists: tuple[AccessList, ...]


def query_access_lists(ctx: ShowContext, args: Args) -> ShowAccessLists:
    """Access lists, standard ones first, numbers before names; those of IPv6 last, which `show ip ...` leaves out."""
    wanted = args.text("name", "")
    config = ctx.machine(PolicyMachine).config
    known = () if "ipv6" in args else config.access_lists
    chosen = sorted((one for one in known if wanted in ("", one[0])), key=_place)
    names = () if "ip" in args else sorted(name for name in config.ipv6_lists if wanted in ("", name))
    matches = ctx.ports.filters.matches(ctx.counting.filtered())
    return ShowAccessLists(
        (
            *(_access_list(ctx, one, matches) for one in chosen),
            *(_access_list(ctx, (name, True), matches, version=6) for name in names),
        )
    )


def query_port(ctx: ShowContext, args: Args) -> ShowAccessLists:
    """Return the lists of a port, or that of one direction."""
    port, known = args.interface("interface"), ctx.machine(PolicyMachine).config.access_lists
    section = ctx.running.section(INTERFACE, name=port)
    counts, found = ctx.counting.filtered(), list[AccessList]()
    for direction in ("in", "out"):
        if direction not in args and ("in" in args or "out" in args):
            continue
        lines = [line.text("name") for line in section.all(ACCESS_GROUP) if direction in line] if section else []
        matches = ctx.ports.filters.matches(counts, port, inward=direction == "in")
        found += (_access_list(ctx, one, matches, direction) for one in known if one[0] in lines)
    return ShowAccessLists(tuple(found))


def _access_list(
    ctx: ShowContext,
    place: tuple[str, bool],
    matches: Mapping[tuple[str, int], int],
    direction: str = "",
    version: int = 4,
) -> AccessList:
    name, extended = place
    config, local = ctx.machine(PolicyMachine).config, ctx.ports.clock.local(ctx.now).replace(tzinfo=None)
    found: list[AccessLine] = []
    for entry in breathing(config.access_lists[place] if version == 4 else config.ipv6_lists[name]):
        # Entries of `access-list N` have no number of their own.
        last = found[-1].sequence if found else 0
        number = entry.sequence or (last // _STEP + 1) * _STEP
        time_range = config.time_ranges.get(entry.time_range) if entry.time_range else None
        inactive = None if not entry.time_range else time_range is not None and not time_range.holds(local)
        what = _extended(entry) if extended else _standard(entry)
        found.append(AccessLine(number, entry.permit, what, matches.get((name, number), 0), inactive))
    return AccessList(name, extended, tuple(found), direction, version)


def _place(key: tuple[str, bool]) -> tuple[bool, bool, int, str]:
    name, extended = key
    return (extended, False, int(name), "") if name.isascii() and name.isdigit() else (extended, True, 0, name)


def _standard(entry: AccessEntry) -> str:
    """Return "10.0.0.0, wildcard bits 0.255.255.255"."""
    if entry.source == ANY:
        text = "any"
    elif int(entry.source.wildcard) == 0:
        text = str(entry.source.address)
    else:
        text = f"{entry.source.address}, wildcard bits {entry.source.wildcard}"
    return f"{text} {entry.log}".rstrip()


def _extended(entry: AccessEntry) -> str:
    """Return an entry as the configuration has it, options in one order."""
    parts = (
        f"object-group {entry.services}" if entry.services else _protocol(entry),
        _addresses_text(entry.source),
        entry.source_ports.text if entry.source_ports else "",
        _addresses_text(entry.destination),
        entry.destination_ports.text if entry.destination_ports else "",
        *entry.texts,
        entry.log,
    )
    return " ".join(part for part in parts if part)


def _protocol(entry: AccessEntry) -> str:
    known = PROTOCOLS if entry.source.address.version == 4 else PROTOCOLS6
    return next((word for word, value in known.items() if value == entry.protocol), str(entry.protocol))


def _addresses_text(found: AddressRange) -> str:
    if found in (ANY, ANY6):
        return "any"
    if found.group:
        return f"object-group {found.group}"
    if int(found.wildcard) == 0:
        return f"host {spelled(found.address)}"
    if found.address.version == 6:
        return f"{spelled(found.address)}/{128 - int(found.wildcard).bit_length()}"
    return f"{found.address} {found.wildcard}"


def render_access_lists(answer: ShowAccessLists) -> Iterable[str]:
    """Yield a line for each list, and below it one for each entry."""
    for one in answer.lists:
        kind = "IPv6" if one.version == 6 else f"{'Extended' if one.extended else 'Standard'} IP"
        yield f"{kind} access list {one.name}{f' {one.direction}'.rstrip()}"
        for entry in one.entries:
            times = "" if entry.inactive is None else " (inactive)" if entry.inactive else " (active)"
            matches = f" ({entry.matches} match{'' if entry.matches == 1 else 'es'})" if entry.matches else ""
            said = f"{'permit' if entry.permit else 'deny'} {entry.what}{times}{matches}"
            yield f"    {entry.sequence} {said}" if one.version == 4 else f"    {said} sequence {entry.sequence}"


_HELP: Final = {
    "access-lists": "Access lists",
    "access-list": "Access lists",
    "name": "Name or number of one list",
    "interface": "The lists of one interface",
    "in": "The one of what comes in",
    "out": "The one of what goes out",
}


class EntryLine(Value):
    """One entry. sequence: 0 in lists that number none. what: which prefixes, paths or communities are meant."""

    sequence: int
    permit: bool
    what: str
    hits: int = 0


class ListLines(Value):
    """A list with its entries. expanded: by regular expressions. ranges: how many entries have `ge` or `le`.

    users: how many route maps name it.
    """

    name: str
    entries: tuple[EntryLine, ...]
    expanded: bool = False
    ranges: int = 0
    users: int = 0


class ShowLists(Value):
    """The answer: all lists of a kind, or one."""

    lists: tuple[ListLines, ...]


def query_prefixes(ctx: ShowContext, args: Args) -> ShowLists:
    """Return prefix lists: all, or the named list."""
    before, machine = IPV6_LIST if "ipv6" in args else "", ctx.machine(PolicyMachine)
    wanted = before + args.text("name", "")
    known = [name for name in sorted(machine.config.prefix_lists) if name.startswith(IPV6_LIST) is bool(before)]
    return ShowLists(tuple(_prefixes(name, machine) for name in known if wanted in (before, name)))


def query_entries(ctx: ShowContext, args: Args) -> ShowLists:
    """Return entries of one prefix list: that of a number, or those about a prefix."""
    name, machine = (IPV6_LIST if "ipv6" in args else "") + args.text("name"), ctx.machine(PolicyMachine)
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
    text = spelled(entry.prefix)
    if entry.shortest != entry.prefix.length:
        text += f" ge {entry.shortest}"
    usual = entry.prefix.length, entry.prefix.width if "ge" in text else -1
    return text if entry.longest in usual else f"{text} le {entry.longest}"


def _attributes(name: str, rules: Pages[AttributeRule]) -> ListLines:
    entries = tuple(EntryLine(0, rule.permit, _what(rule)) for rule in breathing(rules))
    return ListLines(name, entries, any(rule.pattern is not None for rule in rules))


def _what(rule: AttributeRule) -> str:
    return rule.pattern.pattern if rule.pattern is not None else text_of(rule.kind, rule.communities)


def _title(listed: ListLines) -> str:
    is_six = listed.name.startswith(IPV6_LIST)
    return f"ipv6 prefix-list {listed.name.removeprefix(IPV6_LIST)}" if is_six else f"ip prefix-list {listed.name}"


def render_prefixes(answer: ShowLists) -> Iterator[str]:
    """Yield a paragraph for each list."""
    for listed in answer.lists:
        yield f"{_title(listed)}: {len(listed.entries)} entries"
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
    yield f"{_title(listed)}:"
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
    *(
        ExecCommand(f"show {words} [ {{name:word}} ]", _HELP, query=query_access_lists, render=render_access_lists)
        for words in ("ip access-lists", "access-lists", "ipv6 access-list")
    ),
    ExecCommand(
        "show ip access-lists interface {interface:interface} [ in | out ]",
        _HELP,
        query=query_port,
        render=render_access_lists,
    ),
    ExecCommand(
        "show ( ip | ipv6 ) prefix-list [ {name:word} ]",
        {"prefix-list": "Lists of prefixes", "name": "One list"},
        query=query_prefixes,
        render=render_prefixes,
    ),
    *(
        ExecCommand(
            f"show {ip} prefix-list {{name:word}} "
            f"( seq {{sequence:1-4294967294}} | {{prefix:{prefix}}} [ longer | first-match ] )",
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
        )
        for ip, prefix in (("ip", "prefix"), ("ipv6", "prefix6"))
    ),
    ExecCommand(
        "show ( ip | ipv6 ) prefix-list detail [ {name:word} ]",
        {"detail": "With hit counts", "name": "One list"},
        query=query_prefixes,
        render=render_detail,
    ),
    ExecCommand(
        "show ( ip | ipv6 ) prefix-list summary [ {name:word} ]",
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
