"""`ip prefix-list`."""

from __future__ import annotations

from typing import Final

from dmvpn.base.values import collected
from dmvpn.features.policy.config.sequences import Sequences
from dmvpn.ios import Args, ConfigLine, Section

_STEP, _LAST = 5, 4_294_967_294


def _complete(args: Args, section: Section) -> Args:
    # `no` may name the number of an entry that was entered without one.
    return section.index(ENTRY, Sequences).numbered(args, _STEP).with_keyword("seq")


def _check(args: Args, section: Section) -> str | None:
    prefix, shortest, longest = args.prefix("prefix"), args.integer("least", None), args.integer("most", None)
    bounds = [bound for bound in (shortest, longest) if bound is not None]
    if any(bound <= prefix.length for bound in bounds[:1]) or bounds != sorted(bounds):
        return f"% Invalid prefix range for {prefix}, make sure: len < ge-value <= le-value"
    if args.integer("sequence") > _LAST or section.index(ENTRY, Sequences).rivals(args):
        return "%Insertion failed - seq # exists"
    return None


def _text(args: Args) -> str:
    words = [f"ip prefix-list {args.text('name')}"]
    words += [f"seq {args.integer('sequence')}"] if "sequence" in args else []
    words += ["permit" if "permit" in args else "deny", str(args.prefix("prefix"))]
    words += [f"{word} {args.integer(name)}" for word, name in (("ge", "least"), ("le", "most")) if name in args]
    return " ".join(words)


_HELP: Final = {
    "prefix-list": "Which prefixes are meant",
    "name": "Name of the list",
    "seq": "Place in the list",
    "sequence": "Number",
    "permit": "These are meant",
    "deny": "These are not",
    "prefix": "What is inside of this prefix",
    "ge": "With at least so many bits",
    "le": "With at most so many bits",
    "least": "Bits",
    "most": "Bits",
    "description": "Text for people",
}
DESCRIPTION: Final = ConfigLine(
    "global", "ip prefix-list {name:word} description {text:line}", _HELP, key=(), order=610, sort=("name",)
)
ENTRY: Final = ConfigLine(
    "global",
    f"ip prefix-list {{name:word}} [ seq {{sequence:1-{_LAST}}} ] ( permit | deny ) {{prefix:prefix}} "
    "[ ge {least:1-32} ] [ le {most:1-32} ]",
    _HELP,
    key=(),
    order=611,
    sort=("name", "sequence"),
    complete=_complete,
    check=_check,
    show=_text,
)
LINES: Final = collected(ConfigLine, vars())
