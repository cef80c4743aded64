"""Access lists: `ip access-list` with a mode of its own, and `access-list` in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import collected
from dmvpn.features.policy.config import one_list
from dmvpn.features.policy.config.conditions import DSCP, FLAGS, ICMP, IGMP, OPTION, PRECEDENCE, TCP_FLAGS, TOS
from dmvpn.features.policy.config.ports import PORTS, TTL
from dmvpn.features.policy.config.sequences import Sequences
from dmvpn.features.policy.protocols import PROTOCOLS
from dmvpn.ios import Args, ConfigLine, Mode, Section, Statement

if TYPE_CHECKING:
    from collections.abc import Mapping

_STANDARD, _EXTENDED = "access-list-standard", "access-list-extended"
MODES: Final = (Mode(_STANDARD, "config-std-nacl"), Mode(_EXTENDED, "config-ext-nacl"))

STEP, _LAST = 10, 2_147_483_647
_BARE = " | ".join(word for word in PROTOCOLS if word not in ("icmp", "igmp", "tcp", "udp"))
#: Keywords that ask more of a packet than addresses, protocol and ports.
CONDITIONS: Final = ("established", *FLAGS, "fragments")
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


def _ported(protocol: str, more: str) -> str:
    ends = f"{_FROM} [ {{source_ports:{PORTS.name}}} ] {_TO} [ {{destination_ports:{PORTS.name}}} ]"
    return f"{protocol} {ends} [* {more}{_EVERY} ]"


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
    **{word: f"Protocol {number}" for word, number in PROTOCOLS.items() if number is not None},
}


def _sequences(section: Section) -> Sequences:
    """Return the sequences of the list; its mode has but one of the two lines."""
    return section.index(STANDARD_ENTRY if section.mode.name == _STANDARD else EXTENDED_ENTRY, Sequences)


def _complete(args: Args, section: Section) -> Args:
    return _sequences(section).numbered(args, STEP)


#: What an entry with `reflect` is refused with: the flows that it would let back in are remembered nowhere.
_NO_REFLEXIVE: Final = "% Reflexive lists do not exist here; let answers in by `established` or by their ports"
_ONE_OCTET: Final = "% An entry asks for dscp, or for precedence and tos: they are in one octet"
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
    check=lambda args, root: one_list.check(args, root, STANDARD_FORMS, EXTENDED_FORMS),
    displaces=lambda args, root: one_list.take_in(args.text("name"), root, STANDARD_FORMS),
    ends=lambda args, root: one_list.end_numbered(args, root, STANDARD_FORMS),
)
EXTENDED: Final[ConfigLine] = ConfigLine(
    "global",
    "ip access-list extended {name:word}",
    _HELP,
    key=("name",),
    order=601,
    opens=_EXTENDED,
    sort=("name",),
    check=lambda args, root: one_list.check(args, root, EXTENDED_FORMS, STANDARD_FORMS),
    displaces=lambda args, root: one_list.take_in(args.text("name"), root, EXTENDED_FORMS),
    ends=lambda args, root: one_list.end_numbered(args, root, EXTENDED_FORMS),
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
STANDARD_NUMBERED: Final[ConfigLine] = ConfigLine(
    "global",
    f"access-list ( {{number:1-99}} | {{number:1300-1999}} ) {_STANDARD_ENTRY}",
    _HELP,
    key=(),
    order=602,
    sort=("number",),
    acts=lambda args, root: one_list.put_numbered(args, root, STANDARD_FORMS),
    ends=lambda args, root: one_list.end_entries(args, root, STANDARD_FORMS),
)
EXTENDED_NUMBERED: Final[ConfigLine] = ConfigLine(
    "global",
    f"access-list ( {{number:100-199}} | {{number:2000-2699}} ) {_EXTENDED_ENTRY}",
    _HELP,
    key=(),
    order=603,
    sort=("number",),
    check=_check_alone,
    acts=lambda args, root: one_list.put_numbered(args, root, EXTENDED_FORMS),
    ends=lambda args, root: one_list.end_entries(args, root, EXTENDED_FORMS),
)
STANDARD_FORMS: Final[one_list.Forms] = one_list.Forms(STANDARD, STANDARD_ENTRY, STANDARD_NUMBERED, MODES[0])
EXTENDED_FORMS: Final[one_list.Forms] = one_list.Forms(EXTENDED, EXTENDED_ENTRY, EXTENDED_NUMBERED, MODES[1])


def _resequenced(args: Args, root: Section) -> list[tuple[Section, ConfigLine]]:
    """Return the sections of a list, with the lines of their entries; the lines of `access-list N` get a section."""
    for forms in (STANDARD_FORMS, EXTENDED_FORMS):
        one_list.take_in(args.text("name"), root, forms)
    found = (
        (one_list.section_of(args.text("name"), root, each), each.entry) for each in (STANDARD_FORMS, EXTENDED_FORMS)
    )
    return [(section, line) for section, line in found if section is not None]


def _check_resequence(args: Args, root: Section) -> str | None:
    is_there = any(one_list.exists(args.text("name"), root, forms) for forms in (STANDARD_FORMS, EXTENDED_FORMS))
    return None if is_there else f"% There is no named access list {args.text('name')}"


def _resequence(args: Args, root: Section) -> bool:
    """Number the entries of a list again. A remark keeps the number of the entry that it is about."""
    changed = False
    for section, line in _resequenced(args, root):
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
LINES: Final = collected(ConfigLine, vars())
