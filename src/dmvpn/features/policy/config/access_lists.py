"""Access lists: `ip access-list` with a mode of its own, and `access-list` in one line; `ipv6 access-list`.

Prefix lists: `ip prefix-list`.

`access-list N` and `ip access-list extended N` are one list: where both forms are entered, in any order. As soon as the
mode of a numbered list is opened, its entries are those of the mode, with numbers, as IOS XE shows them. So each entry
has the place in which it was entered, and `no` of either form finds it.

An entry that is entered without a sequence number gets the next. A list may have 100,000 entries, and each of them asks
which numbers there are: nothing here looks at all of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final, NamedTuple

from dmvpn.base.addresses import ip_keyword, spelled
from dmvpn.base.values import collected
from dmvpn.features.policy.config.conditions import (
    DSCP,
    FLAGS,
    ICMP,
    ICMP6,
    IGMP,
    OPTION,
    PRECEDENCE,
    TCP_FLAGS,
    TOS,
)
from dmvpn.features.policy.config.objects import PORTS, TTL
from dmvpn.features.policy.model import HEADERS6, PROTOCOLS, PROTOCOLS6
from dmvpn.ios import Args, ConfigLine, Mode, Section, Statement
from dmvpn.ios.tree import reset
from dmvpn.net.ipv6 import EXTENSION_HEADERS

# ------------------------------------------------------------------------------------------------ sequence numbers


class Sequences:
    """The entries of one command in one section, by list (its `name`, if it says one), number and content."""

    __slots__ = ("_by_content", "_by_number", "_numbers")

    def __init__(self, entries: Iterable[Args] = ()) -> None:
        self._by_number: dict[tuple[Hashable, int], dict[Hashable, Args]] = {}
        self._by_content: dict[Args, dict[Hashable, Args]] = {}
        #: Of each list the numbers, the largest first; some may be gone.
        self._numbers: dict[Hashable, list[int]] = {}
        for args in entries:
            self.add(args, args)

    def add(self, key: Hashable, args: Args) -> None:
        """Add an entry, the last one so far."""
        name, number = args.said("name"), args.integer("sequence")
        if (name, number) not in self._by_number:
            heapq.heappush(self._numbers.setdefault(name, []), -number)
        self._by_number.setdefault((name, number), {})[key] = args
        self._by_content.setdefault(_content(args), {})[key] = args

    def remove(self, key: Hashable, args: Args) -> None:
        """Remove an entry that is gone."""
        place, content = (args.said("name"), args.integer("sequence")), _content(args)
        for entries in (self._by_number.get(place, {}), self._by_content.get(content, {})):
            entries.pop(key, None)
        if not self._by_number.get(place, True):
            del self._by_number[place]
        if not self._by_content.get(content, True):
            del self._by_content[content]

    def last(self, name: Hashable) -> int:
        """Return the largest number of a list; 0: it has no entry."""
        numbers = self._numbers.get(name, [])
        while numbers and (name, -numbers[0]) not in self._by_number:
            heapq.heappop(numbers)
        return -numbers[0] if numbers else 0

    def numbered(self, args: Args, step: int) -> Args:
        """Return the entry with its sequence number: its own, that of an equal entry, or the next multiple of
        `step`.
        """
        if "sequence" in args.values_given:
            return args
        equal = next(iter(self._by_content.get(_content(args), {}).values()), None)
        if equal is not None:
            return equal
        last = self.last(args.said("name"))
        return args.having(sequence=last - last % step + step)

    def rivals(self, args: Args) -> list[Args]:
        """Return other entries of the list with this sequence number."""
        entries = self._by_number.get((args.said("name"), args.integer("sequence")), {})
        return [entry for entry in entries.values() if entry != args]


def _content(args: Args) -> Args:
    """Return all but the number, and the word before it in prefix lists."""
    return args.without("sequence").without("seq")


# ------------------------------------------------------------------------------------------------ one list of two forms


_STEP: Final = 10
#: The numbers of standard and of extended lists.
_STANDARD_NUMBERS: Final = (range(1, 100), range(1300, 2000))
_EXTENDED_NUMBERS: Final = (range(100, 200), range(2000, 2700))
_CONFLICT: Final = "% Access-list type conflicts with prior definition"
#: What says that an entry is meant, and not the list.
_ENTRY: Final = ("permit", "deny", "remark")


class Forms(NamedTuple):
    """The lines of one kind of list. opening: of its mode. entry: in the mode. numbered: entries in one line each."""

    opening: ConfigLine
    entry: ConfigLine
    numbered: ConfigLine
    mode: Mode


def check(args: Args, root: Section, forms: Forms, others: Forms) -> str | None:
    """Refuse the number, or the name, of a list of the other kind: a port asks for a list by its name alone."""
    name = args.text("name")
    ranges = _STANDARD_NUMBERS if forms.opening.opens == "access-list-extended" else _EXTENDED_NUMBERS
    if name.isascii() and name.isdigit() and any(int(name) in each for each in ranges):
        return "% Invalid access list name."
    taken = section_of(name, root, others) is not None or root.find(IPV6, Args({"name": name})) is not None
    return _CONFLICT if taken else None


def section_of(name: str, root: Section, forms: Forms) -> Section | None:
    """Return the section of a list that was opened by its mode."""
    found = root.find(forms.opening, Args({"name": name}))
    return None if found is None else found.section


def exists(name: str, root: Section, forms: Forms) -> bool:
    """Return whether there is such a list in either form."""
    return section_of(name, root, forms) is not None or bool(_numbered(name, root, forms))


def take_in(name: str, root: Section, forms: Forms) -> None:
    """Make the lines of `access-list N` the entries of the mode. The n-th has the number 10 n, remarks included."""
    entries = _numbered(name, root, forms)
    if not entries:
        return
    inner = Section(forms.mode, root)
    for place, entry in enumerate(entries, 1):
        root.drop(entry)
        inner.put(Statement(forms.entry, _inner(entry.args).having(sequence=_STEP * place)))
    words = (*forms.opening.syntax.split()[:3], name)
    root.put(Statement(forms.opening, Args({"name": name}, words[:3], words), section=inner))


def put_numbered(args: Args, root: Section, forms: Forms) -> bool:
    """Put an entry of `access-list N` behind those of its list. Returns whether anything changed."""
    inner = section_of(str(args.integer("number")), root, forms)
    if inner is None:
        return root.put(Statement(forms.numbered, args))
    return inner.put(Statement(forms.entry, inner.index(forms.entry, Sequences).numbered(_inner(args), _STEP)))


def end_entries(args: Args, root: Section, forms: Forms) -> str | None:
    """Take an entry out of the mode of its list, for `no access-list N ...`; without an entry, the whole list."""
    if "number" not in args:
        return None
    found = root.find(forms.opening, Args({"name": str(args.integer("number"))}))
    if found is None or found.section is None:
        return None
    if not any(word in args for word in _ENTRY):
        root.drop(found)
        return ""
    return "" if reset(found.section, forms.entry, _inner(args)) else None


def end_numbered(args: Args, root: Section, forms: Forms) -> str | None:
    """Drop the lines of `access-list N`, for `no ip access-list extended N`."""
    entries = _numbered(args.text("name", ""), root, forms)
    for entry in entries:
        root.drop(entry)
    return "" if entries else None


def _numbered(name: str, root: Section, forms: Forms) -> list[Statement]:
    """Return the lines of `access-list N`, in the order in which they were entered."""
    if not (name.isascii() and name.isdigit()) or not root.matching(forms.numbered, Args({"number": int(name)})):
        return []
    return [entry for entry in root.entries(forms.numbered) if entry.args.integer("number") == int(name)]


def _inner(args: Args) -> Args:
    """Return the entry of `access-list N` as the mode of the list has it."""
    inner = args.without("number").without("access-list")
    return Args(inner.values_given, (word for word in inner if word not in inner.values_given), args.words[2:])


# ------------------------------------------------------------------------------------------------ access lists


_STANDARD, _EXTENDED, _IPV6 = "access-list-standard", "access-list-extended", "ipv6-access-list"
MODES: Final = (
    *(Mode(_STANDARD, "config-std-nacl"), Mode(_EXTENDED, "config-ext-nacl")),
    Mode(_IPV6, "config-ipv6-acl"),
)

STEP, _LAST = 10, 2_147_483_647
_BARE = " | ".join(word for word in PROTOCOLS if word not in ("icmp", "igmp", "tcp", "udp"))
#: Keywords that ask more of a packet than addresses, protocol and ports.
CONDITIONS: Final = ("established", *FLAGS, "fragments", *HEADERS6, "undetermined-transport")
#: Likewise words and the value behind each.
VALUED: Final = ("match-any", "match-all", "dscp", "precedence", "tos", "option", "time-range", "reflect")
_EVERY = (
    f"fragments | dscp {{dscp:{DSCP.name}}} | precedence {{precedence:{PRECEDENCE.name}}} | tos {{tos:{TOS.name}}} "
    f"| option {{option:{OPTION.name}}} | ttl {{ttl:{TTL.name}}} "
    "| time-range {time-range:word} | reflect {reflect:word} [ timeout {timeout:1-2147483} ] | log | log-input"
)
_FLAGS = (
    f"established | {' | '.join(FLAGS)} | match-any {{match-any:{TCP_FLAGS.name}}} "
    f"| match-all {{match-all:{TCP_FLAGS.name}}}"
)


def _addresses(name: str) -> str:
    return (
        f"( any | host {{{name}:address}} | {{{name}:address}} {{{name}_wildcard:wildcard}} "
        f"| object-group {{{name}_group:word}} )"
    )


def _addresses6(name: str) -> str:
    return f"( any | host {{{name}:address6}} | {{{name}:network6}} )"


def _ported(protocol: str, more: str, addresses: Callable[[str], str] = _addresses, every: str = _EVERY) -> str:
    first, second = (f"{addresses(end)} [ {{{end}_ports:{PORTS.name}}} ]" for end in ("source", "destination"))
    return f"{protocol} {first} {second} [* {more}{every} ]"


_FROM, _TO = _addresses("source"), _addresses("destination")
_STANDARD_ENTRY = (
    "( remark [ {text:line} ] | ( permit | deny ) "
    "( any | host {source:address} | {source:address} [ {source_wildcard:wildcard} ] ) [ log ] )"
)
_EXTENDED_ENTRY = (
    "( remark [ {text:line} ] | ( permit | deny ) "
    f"( {_ported('tcp', f'{_FLAGS} | ')} | {_ported('udp', '')} "
    f"| icmp {_FROM} {_TO} [ {{message:{ICMP.name}}} ] [* {_EVERY} ] "
    f"| igmp {_FROM} {_TO} [ {{report:{IGMP.name}}} ] [* {_EVERY} ] "
    f"| object-group {{services:word}} {_FROM} {_TO} [* {_EVERY} ] "
    f"| ( {_BARE} | {{protocol:0-255}} ) {_FROM} {_TO} [* {_EVERY} ] ) )"
)
#: Words of IPv6 entries that no filter here looks at.
UNFIT: Final = ("flow-label", "routing-type", "mobility-type", "dest-option-type")
_EVERY6 = (
    f"fragments | dscp {{dscp:{DSCP.name}}} | {' | '.join(HEADERS6)} | undetermined-transport "
    f"| {' | '.join(f'{word} {{{word}:0-1048575}}' for word in UNFIT)} "
    f"| time-range {{time-range:word}} | reflect {{reflect:word}} [ timeout {{timeout:1-2147483}} ] "
    f"| log | log-input | sequence {{sequence:1-{_LAST}}}"
)
_BARE6 = " | ".join(word for word in PROTOCOLS6 if word not in ("icmp", "tcp", "udp"))
_FROM6, _TO6 = _addresses6("source"), _addresses6("destination")
_IPV6_ENTRY = (
    "( remark [ {text:line} ] | ( permit | deny ) "
    f"( {_ported('tcp', f'{_FLAGS} | ', _addresses6, _EVERY6)} | {_ported('udp', '', _addresses6, _EVERY6)} "
    f"| icmp {_FROM6} {_TO6} [ {{message:{ICMP6.name}}} ] [* {_EVERY6} ] "
    f"| ( {_BARE6} | {{protocol:0-255}} ) {_FROM6} {_TO6} [* {_EVERY6} ] ) )"
)
_HELP: Final[Mapping[str, str]] = {
    "access-list": "Which packets or addresses are meant",
    "standard": "By source address",
    "extended": "By addresses, protocol and ports",
    "name": "Name or number of the list",
    "number": "Number of the list",
    "sequence": "Place in the list",
    "remark": "Text for people",
    "permit": "These are meant",
    "deny": "These are not",
    "any": "Any address",
    "host": "One address",
    "source": "Source address",
    "source_wildcard": "Bits that do not matter",
    "destination": "Destination address",
    "destination_wildcard": "Bits that do not matter",
    "protocol": "Number of a protocol",
    "established": "TCP, but not the first packet",
    "ack": "TCP with this flag",
    "fin": "TCP with this flag",
    "psh": "TCP with this flag",
    "rst": "TCP with this flag",
    "syn": "TCP with this flag",
    "urg": "TCP with this flag",
    "message": "Type of message",
    "report": "Type of message",
    "match-any": "TCP with one of these flags",
    "match-all": "TCP with all of these flags",
    "fragments": "Fragments other than the first",
    "dscp": "Code point of differentiated services",
    "precedence": "Precedence",
    "tos": "Type of service",
    "time-range": "Only at these times",
    "reflect": "Let answers in by another list",
    "timeout": "Seconds for which answers may come",
    "object-group": "One of a group of addresses or services",
    "services": "Name of the group",
    "option": "An option of IP",
    "ttl": "Time to live",
    "source_group": "Name of the group",
    "destination_group": "Name of the group",
    "log": "Log what fits",
    "log-input": "Log what fits, and where it came in",
    "ip": "Any protocol",
    "ipv6": "Any protocol",
    "sctp": "Protocol 132",
    **{word: f"With extension header {number}" for word, number in HEADERS6.items()},
    "undetermined-transport": "Packets whose headers cannot be followed; no list lets them pass",
    **dict.fromkeys(UNFIT, "Not looked at: a permit is left out, a denial denies all that it might mean"),
    **{word: f"Protocol {number}" for word, number in PROTOCOLS.items() if number is not None},
}


def _sequences(section: Section) -> Sequences:
    """Return the sequences of the list; its mode has but one of these lines."""
    lines = {_STANDARD: STANDARD_ENTRY, _EXTENDED: EXTENDED_ENTRY, _IPV6: IPV6_ENTRY}
    return section.index(lines[section.mode.name], Sequences)


def _complete(args: Args, section: Section) -> Args:
    return _sequences(section).numbered(args, STEP)


#: What an entry with `reflect` is refused with: the flows that it would let back in are remembered nowhere.
_NO_REFLEXIVE: Final = "% Reflexive lists do not exist here; let answers in by `established` or by their ports"
_ONE_OCTET: Final = "% An entry asks for dscp, or for precedence and tos: they are in one octet"
_ONE_HEADER: Final = "% An entry asks for one extension header; an entry before it can ask for another one"
_NO_PORTS: Final = "% Fragments have no ports, flags or types: fragments cannot stand beside them"
#: What later fragments do not carry.
_BEHIND_IP: Final = (
    *("source_ports", "destination_ports", "message", "report", "established", *FLAGS, "match-any", "match-all"),
)


def _check_alone(args: Args, _section: object) -> str | None:
    """Check an entry by itself."""
    if "reflect" in args:
        return _NO_REFLEXIVE
    if "dscp" in args and ("precedence" in args or "tos" in args):
        return _ONE_OCTET
    if sum(word in args for word in ("ahp", *HEADERS6)) + (args.integer("protocol", None) in EXTENSION_HEADERS) > 1:
        return _ONE_HEADER
    return _NO_PORTS if "fragments" in args and any(part in args for part in _BEHIND_IP) else None


def _check(args: Args, section: Section) -> str | None:
    if args.integer("sequence") > _LAST:
        return "% The last sequence number is taken; give this entry one of its own"
    # A remark and the entry that it is about may have one number: IOS XE numbers both.
    rivals = (entry for entry in _sequences(section).rivals(args) if ("remark" in entry) is ("remark" in args))
    return "% Duplicate sequence number" if any(rivals) else _check_alone(args, section)


def _text(args: Args) -> str:
    words = args.words[1:] if args.words[0].isdigit() else args.words
    number = (str(args.integer("sequence")),) if "sequence" in args else ()
    return " ".join((*number, *words))


STANDARD: Final[ConfigLine] = ConfigLine(
    "global",
    "ip access-list standard {name:word}",
    _HELP,
    key=("name",),
    order=600,
    opens=_STANDARD,
    sort=("name",),
    check=lambda args, root: check(args, root, STANDARD_FORMS, EXTENDED_FORMS),
    displaces=lambda args, root: take_in(args.text("name"), root, STANDARD_FORMS),
    ends=lambda args, root: end_numbered(args, root, STANDARD_FORMS),
)
EXTENDED: Final[ConfigLine] = ConfigLine(
    "global",
    "ip access-list extended {name:word}",
    _HELP,
    key=("name",),
    order=601,
    opens=_EXTENDED,
    sort=("name",),
    check=lambda args, root: check(args, root, EXTENDED_FORMS, STANDARD_FORMS),
    displaces=lambda args, root: take_in(args.text("name"), root, EXTENDED_FORMS),
    ends=lambda args, root: end_numbered(args, root, EXTENDED_FORMS),
)
STANDARD_ENTRY: Final[ConfigLine] = ConfigLine(
    _STANDARD,
    f"[ {{sequence:1-{_LAST}}} ] {_STANDARD_ENTRY}",
    _HELP,
    key=("sequence", "remark"),
    sort=("sequence",),
    complete=_complete,
    check=_check,
    show=_text,
)
EXTENDED_ENTRY: Final[ConfigLine] = ConfigLine(
    _EXTENDED,
    f"[ {{sequence:1-{_LAST}}} ] {_EXTENDED_ENTRY}",
    _HELP,
    key=("sequence", "remark"),
    sort=("sequence",),
    complete=_complete,
    check=_check,
    show=_text,
)


def _text6(args: Args) -> str:
    """Return an entry with its number first, as IOS XE has it."""
    words = list(args.words)
    if "remark" not in words and "sequence" in words:
        place = words.index("sequence")
        del words[place : place + 2]
    elif words[0] == "sequence":
        del words[:2]
    return " ".join((*(("sequence", str(args.integer("sequence"))) if "sequence" in args else ()), *words))


def _check6(args: Args, root: Section) -> str | None:
    """Refuse the name of an IPv4 list, and a name that begins with a digit, as IOS does."""
    name = args.text("name")
    if name[0].isdigit():
        return "% Invalid access list name."
    taken = any(exists(name, root, forms) for forms in (STANDARD_FORMS, EXTENDED_FORMS))
    return _CONFLICT if taken else None


IPV6: Final[ConfigLine] = ConfigLine(
    "global",
    "ipv6 access-list {name:word}",
    _HELP,
    key=("name",),
    order=755,
    opens=_IPV6,
    sort=("name",),
    check=_check6,
)
IPV6_ENTRY: Final[ConfigLine] = ConfigLine(
    _IPV6,
    f"[ sequence {{sequence:1-{_LAST}}} ] {_IPV6_ENTRY}",
    _HELP,
    key=("sequence", "remark"),
    sort=("sequence",),
    complete=lambda args, section: _complete(args, section).with_keyword("sequence"),
    check=_check,
    show=_text6,
)
STANDARD_NUMBERED: Final[ConfigLine] = ConfigLine(
    "global",
    f"access-list ( {{number:1-99}} | {{number:1300-1999}} ) {_STANDARD_ENTRY}",
    _HELP,
    key=(),
    order=602,
    sort=("number",),
    acts=lambda args, root: put_numbered(args, root, STANDARD_FORMS),
    ends=lambda args, root: end_entries(args, root, STANDARD_FORMS),
)
EXTENDED_NUMBERED: Final[ConfigLine] = ConfigLine(
    "global",
    f"access-list ( {{number:100-199}} | {{number:2000-2699}} ) {_EXTENDED_ENTRY}",
    _HELP,
    key=(),
    order=603,
    sort=("number",),
    check=_check_alone,
    acts=lambda args, root: put_numbered(args, root, EXTENDED_FORMS),
    ends=lambda args, root: end_entries(args, root, EXTENDED_FORMS),
)
STANDARD_FORMS: Final[Forms] = Forms(STANDARD, STANDARD_ENTRY, STANDARD_NUMBERED, MODES[0])
EXTENDED_FORMS: Final[Forms] = Forms(EXTENDED, EXTENDED_ENTRY, EXTENDED_NUMBERED, MODES[1])


def _check_resequence(args: Args, root: Section) -> str | None:
    is_there = any(exists(args.text("name"), root, forms) for forms in (STANDARD_FORMS, EXTENDED_FORMS))
    return None if is_there else f"% There is no named access list {args.text('name')}"


def _resequence(args: Args, root: Section) -> bool:
    """Number the entries of a list again. A remark keeps the number of the entry that it is about."""
    changed = False
    for forms in (STANDARD_FORMS, EXTENDED_FORMS):
        take_in(args.text("name"), root, forms)
    found = ((section_of(args.text("name"), root, each), each.entry) for each in (STANDARD_FORMS, EXTENDED_FORMS))
    for section, line in [(section, line) for section, line in found if section is not None]:
        entries = section.entries(line)
        numbers = sorted({entry.args.integer("sequence") for entry in entries})
        places = {number: args.integer("first") + args.integer("step") * place for place, number in enumerate(numbers)}
        for entry in entries:
            section.drop(entry)
        for entry in entries:
            section.put(Statement(line, entry.args.having(sequence=places[entry.args.integer("sequence")])))
        changed |= any(old != new for old, new in places.items())
    return changed


RESEQUENCE: Final = ConfigLine(
    "global",
    f"ip access-list resequence {{name:word}} {{first:1-{_LAST}}} {{step:1-{_LAST}}}",
    {**_HELP, "resequence": "Number the entries again", "first": "Of the first entry", "step": "From one to the next"},
    key=("name",),
    check=_check_resequence,
    acts=_resequence,
)


# ------------------------------------------------------------------------------------------------ prefix lists


_PREFIX_STEP, _LAST_PREFIX = 5, 4_294_967_294


def _complete_prefix(args: Args, section: Section) -> Args:
    # `no` may name the number of an entry that was entered without one.
    return _entries(args, section).numbered(args, _PREFIX_STEP).with_keyword("seq")


def _entries(args: Args, section: Section) -> Sequences:
    return section.index(ENTRY if args.prefix("prefix").version == 4 else ENTRY6, Sequences)


def _check_prefix(args: Args, section: Section) -> str | None:
    prefix, shortest, longest = args.prefix("prefix"), args.integer("least", None), args.integer("most", None)
    bounds = [bound for bound in (shortest, longest) if bound is not None]
    if any(bound <= prefix.length for bound in bounds[:1]) or bounds != sorted(bounds):
        return f"% Invalid prefix range for {spelled(prefix)}, make sure: len < ge-value <= le-value"
    if args.integer("sequence") > _LAST_PREFIX or _entries(args, section).rivals(args):
        return "%Insertion failed - seq # exists"
    return None


def _prefix_text(args: Args) -> str:
    prefix = args.prefix("prefix")
    words = [f"{ip_keyword(prefix.version)} prefix-list {args.text('name')}"]
    words += [f"seq {args.integer('sequence')}"] if "sequence" in args else []
    words += ["permit" if "permit" in args else "deny", spelled(prefix)]
    words += [f"{word} {args.integer(name)}" for word, name in (("ge", "least"), ("le", "most")) if name in args]
    return " ".join(words)


_PREFIX_HELP: Final = {
    "prefix-list": "Which prefixes are meant",
    "name": "Name of the list",
    "seq": "Place in the list",
    "sequence": "Number",
    "permit": "These are meant",
    "deny": "These are not",
    "prefix": "Prefixes inside of this prefix",
    "ge": "With at least so many bits",
    "le": "With at most so many bits",
    "least": "Bits",
    "most": "Bits",
    "description": "Text for people",
}


def _description(ip: str) -> ConfigLine:
    syntax = f"{ip} prefix-list {{name:word}} description {{text:line}}"
    return ConfigLine("global", syntax, _PREFIX_HELP, key=(), order=610 if ip == "ip" else 612, sort=("name",))


def _prefix_line(ip: str, prefix: str, bits: int, order: int) -> ConfigLine:
    """Return the line of an entry of one IP version."""
    return ConfigLine(
        "global",
        f"{ip} prefix-list {{name:word}} [ seq {{sequence:1-{_LAST_PREFIX}}} ] ( permit | deny ) {{prefix:{prefix}}} "
        f"[ ge {{least:1-{bits}}} ] [ le {{most:1-{bits}}} ]",
        _PREFIX_HELP,
        key=(),
        order=order,
        sort=("name", "sequence"),
        complete=_complete_prefix,
        check=_check_prefix,
        show=_prefix_text,
    )


DESCRIPTION, DESCRIPTION6 = map(_description, ("ip", "ipv6"))
ENTRY: Final = _prefix_line("ip", "prefix", 32, 611)
ENTRY6: Final = _prefix_line("ipv6", "network6", 128, 612)

LINES: Final = collected(ConfigLine, vars())
