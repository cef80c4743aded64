"""Configuration commands and modes as data, and the legal lines of IOS that mean nothing here.

    ConfigLine    a command of one mode: its syntax, what `?` says of it, how it is kept and shown
    Mode          a mode that such a command opens
    Command       one understood configuration line
    LineGroup     what a line is about that this program takes and does not act upon

A feature declares lines as constants, and asks the configuration tree for them by these very constants; the text of a
line is made of them, too:

    NETWORK_ID = ConfigLine("interface", "ip nhrp network-id {id:1-4294967295}", "Name of the NHRP network", order=63)
    ...
    args = section.get(NETWORK_ID)
    network_id = args.integer("id") if args else None
    ...
    NETWORK_ID.line(id=1)  # "ip nhrp network-id 1"

Lines are compared by identity: two constants are two commands even if they look alike.

The table `known.txt` has the legal lines that mean nothing here, for the router and for lint. A line of that file is a
group, a mode, or a command; a command belongs to the group above it:

    group STANDING NAME: MEANING          what the next commands are about, and what their absence means for a DMVPN
    mode NAME PROMPT [PARENT [EXIT]]      a mode that such lines open, inside the global one if none is named
    MODE ORDER FLAGS SYNTAX [=> OPENS]    a command; the syntax is that of every other command

EXIT: the line that ends such a section. STANDING: `silent`, `kept`, `restricts`, `diverts`, `apart` or `protects`
(`LineStanding`). FLAGS: `-` none, `n` its `no` form is kept too, `*` there may be several, `+` both, and any words may
follow; then SYNTAX may be several beginnings with ` / ` between them.
Lines of features are preferred to these.
"""

from __future__ import annotations

import enum
import itertools
import os
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import field
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.entropy import Entropy
from dmvpn.base.placeholder import Placeholder
from dmvpn.base.values import Value
from dmvpn.ios.errors import slip_of
from dmvpn.ios.grammar import Args, Help
from dmvpn.ios.matcher import MatchedLine
from dmvpn.ios.values import ValueType, register_type
from dmvpn.ios.writing import write, write_beginning

# --------------------------------------------------------------------------------------- groups of lines without effect


class LineStanding(enum.Enum):
    """What becomes of a line."""

    SILENT = "silent"
    """The router behaves so anyway, or the line does not matter."""
    KEPT = "kept"
    """It is kept and shown, and nothing acts on it."""
    RESTRICTS = "restricts"
    """It would keep packets back; without it they pass, so it is never taken in silence."""
    DIVERTS = "diverts"
    """It would send packets another way, or keep tables apart; the same."""
    APART = "apart"
    """It would keep tables apart. That of a file is in the configuration, and no less left out: half of it is done."""
    PROTECTS = "protects"
    """It is a part of what protects tunnels; without it they would be protected otherwise, so they stay down."""


class LineGroup(Value):
    """Lines about one thing. meaning: what their absence means for a DMVPN."""

    name: str
    standing: LineStanding
    meaning: str = ""

    @property
    def is_left_out(self) -> bool:
        """Whether the configuration has another meaning without such a line."""
        return self.standing in (
            LineStanding.RESTRICTS,
            LineStanding.DIVERTS,
            LineStanding.APART,
            LineStanding.PROTECTS,
        )

    @property
    def protects(self) -> bool:
        """Whether tunnels would be protected differently without such a line. Then it is always refused."""
        return self.standing is LineStanding.PROTECTS


#: Lines that no table lists.
UNKNOWN = LineGroup("unknown lines", LineStanding.KEPT, "their effect is unknown")


# ------------------------------------------------------------------------------------------------ lines and modes


_serial = itertools.count()


class ConfigLine(Value, eq=False):
    """One configuration command.

    mode: the mode of the line ("global", "interface" ...).
    syntax: see `grammar.py`.
    help: our own words; either one text for the command's own keyword and its values, or a text for each by name.
    key: None = single-valued, a new one replaces the old; otherwise the values or keywords that distinguish entries,
        () = every different line is an entry. A line that opens a mode has an entry for each different line by default.
    adds: a new line about an entry changes the options (`[* ...]`) that it names and keeps the other options, and `no`
        with options removes these from the entry. Otherwise a new line replaces the entry.
    order: its place in the running configuration; lines of one file with equal orders are in the order of declaration,
        and lines without effect (`group`) come last. Different files use different orders in a mode.
    opens: the mode that it opens.
    default_on: on unless `no ...` says otherwise, so `no ...` is kept and shown.
    default: the text that equals the default and therefore is neither kept nor shown.
    shown: it is shown where it was typed, though it equals the default: IOS shows it, and tools look for it.
    keep_no: `no ...` is kept and shown although the command is off by default (lines that have no effect here).
    check(args, section): returns a message that refuses the line, or one starting with "%Warning" or "warning:" that
        does not.
    complete(args, section): fills in a value that may be left out and is kept (the next sequence number of a list);
        not for `no`.
    sort: the values by which the entries of a list are sorted in the running configuration; without it they are in the
    order of entry. show: its text in the running configuration, if that is not simply the words.
    takes_along(args, root): drops what goes elsewhere when an entry is taken back.
    acts(args, section): changes other lines; the line itself is not kept. Returns whether anything changed.
    displaces(args, section): drops lines of the section that it ends, or adds a line that it needs, and returns the
        message about them, or None.
    ends(args, section): drops other lines before an entry is taken back, and returns the message about them; "": none,
        None: there were none.
    turns(args, inner): drops lines of the section that this line opens, for which it says something else than before.
    seal(args, entropy): of a line with a plain password what makes the same line with its hash, None for another line
        (`language.py`).
    asks: the question at the prompt before an entry is taken back.
    group: what it is about, if it is taken and nothing here acts on it.
    listed: its list (`syntax.several`), whose values are taken back one by one: `no match tag 1` leaves `match tag 2`
        of `match tag 1 2`.
    beside: how other lines of the mode begin whose keywords or numbers a name of this line must not be (`line`).
    whom: the value, behind its first words, that says whom the line is about: `no` and nothing behind that takes back
        all lines about that one.
    """

    mode: str
    syntax: str
    help: Help
    key: tuple[str, ...] | None = field(default=None, kw_only=True)
    adds: bool = field(default=False, kw_only=True)
    order: int = field(default=500, kw_only=True)
    opens: str | None = field(default=None, kw_only=True)
    default_on: bool = field(default=False, kw_only=True)
    default: str | None = field(default=None, kw_only=True)
    shown: bool = field(default=False, kw_only=True)
    keep_no: bool = field(default=False, kw_only=True)
    check: Callable[..., str | None] | None = field(default=None, kw_only=True)
    complete: Callable[..., Args] | None = field(default=None, kw_only=True)
    sort: tuple[str, ...] = field(default=(), kw_only=True)
    show: Callable[[Args], str] | None = field(default=None, kw_only=True)
    takes_along: Callable[..., None] | None = field(default=None, kw_only=True)
    acts: Callable[..., bool] | None = field(default=None, kw_only=True)
    displaces: Callable[..., str | None] | None = field(default=None, kw_only=True)
    ends: Callable[..., str | None] | None = field(default=None, kw_only=True)
    turns: Callable[..., None] | None = field(default=None, kw_only=True)
    seal: Callable[[Args, Entropy], Callable[[], Args] | None] | None = field(default=None, kw_only=True)
    asks: str = field(default="", kw_only=True)
    group: LineGroup | None = field(default=None, kw_only=True)
    listed: str = field(default="", kw_only=True)
    whom: str = field(default="", kw_only=True)
    beside: tuple[str, ...] = field(default=(), kw_only=True)
    serial: int = field(default_factory=lambda: next(_serial), init=False)

    def text(self, args: Args) -> str:
        """Return the line as the running configuration shows it."""
        return self.show(args) if self.show else " ".join(args.words)

    def line(self, **values: Hashable) -> str:
        """Return the line that says this, as the running configuration shows it: what `Args` has of a line, given back.

        values: by name. A value, its text as it may be typed, or a `Placeholder`; of a keyword True, by its name or
            with `_` for each `-`. None and False: left out. Keywords without which no such line is need no mention.
        Raises ValueError, which names the line and the word, for what it cannot say, and for what reads otherwise.
        """
        args = write(self.syntax, values, self.beside)
        is_open = any(isinstance(value, Placeholder) for value in args.values())
        return " ".join(args.words) if is_open else self.text(args)

    def no(self, **values: Hashable) -> str:
        """Return what takes back a line that says this; without its last values, any such line. Raises ValueError."""
        return f"no {write_beginning(self.syntax, values)}"

    def key_of(self, args: Args) -> Hashable:
        """Return the key that distinguishes this entry from other entries of the same command."""
        if self.key:
            return tuple([args.said(name) for name in self.key])  # asked of every line of a file, twice
        if self.key is None and self.opens is None:
            return ()
        return args

    @property
    def place(self) -> tuple[int, bool, int]:
        """What lines are sorted by in the running configuration. It does not depend on which file is imported first."""
        return self.order, self.group is not None, self.serial

    @property
    def is_list(self) -> bool:
        """Whether there may be several entries."""
        return self.key is not None or self.opens is not None


class Mode(Value):
    """A configuration mode. `prompt` is the word in parentheses ("config-if"), `parent` the mode around it.

    exit_word: the line that closes the mode in the running configuration ("exit-address-family"); IOS prints a `!`
        before such a block.
    closing_mark: an indented `!` follows each block instead (keyring peers).
    """

    name: str
    prompt: str
    parent: str = "global"
    exit_word: str | None = None
    closing_mark: bool = False


#: The mode after `configure terminal`.
GLOBAL: Final = Mode("global", "config", "")


# ------------------------------------------------------------------------------------------------ understood lines


class Verb(enum.Enum):
    """What a line does."""

    NOTHING = "blank line or comment"
    SET = "a command"
    NO = "no"
    DEFAULT = "default"
    DO = "do"
    EXIT = "exit"
    LEAVE = "the exit word of a mode"
    END = "end"


class Command(Value):
    """An understood line. `mode`: in whose language; `targets`: the commands meant (several only after `no`).

    `rest`: the text behind the verb, for `do`.
    """

    verb: Verb
    mode: str
    targets: tuple[MatchedLine[ConfigLine], ...] = ()
    rest: str = ""


# ----------------------------------------------------------------------------------- legal lines that mean nothing here


_RELEASE = re.compile(r"\d{1,2}\.\d[\w.()]*\Z")
_FLAGS: Final = frozenset("-n*+")


def _release(text: str) -> tuple[str, str] | None:
    return (text, text) if _RELEASE.match(text) else None


#: "17.9", "15.2(4)M": not the 2 of `version 2`, which belongs to RIP and may stray into the global section.
register_type(ValueType("release", "WORD", _release))

#: An unknown line, and the section of the lines below it. No grammar has it.
UNKNOWN_MODE: Final = Mode("unknown", "config-unknown")
UNKNOWN_LINE: Final = ConfigLine(
    "unknown", "{text:line}", "", key=("text",), order=990, opens=UNKNOWN_MODE.name, group=UNKNOWN
)

#: How the syntax of a line ends behind whose beginning anything may follow.
FREE: Final = " [ {what:line} ]"
_HELP: Final = "Kept for the record; has no effect here"


def is_free(line: ConfigLine) -> bool:
    """Return whether anything may follow its words. Then it is looked up by them; all other lines are read by their
    grammar.
    """
    return line.syntax.endswith(FREE) and not any(mark in line.syntax.removesuffix(FREE) for mark in "([{|")


#: By the first word of a line of a routing section: words behind its second one that secure or filter, or name the
#: peers. Such a line must be understood: if it were kept without effect, wrong peers or no peers would be accepted.
_NOT_TO_MISS: Final = {
    "neighbor": frozenset(
        {"remote-as", "peer-group", "password", "route-map", "prefix-list", "filter-list", "distribute-list"}
        | {"ttl-security", "maximum-prefix"}
    ),
    "area": frozenset({"authentication", "stub", "nssa", "range", "filter-list", "virtual-link"}),
}
#: Of these those of which nothing may be amiss behind them either; of the others IOS has more forms than we do.
_WHOLE: Final = _NOT_TO_MISS["neighbor"] | {"authentication"}
#: Words of lines of interfaces that keep users or packets away.
_GUARDS: Final = frozenset(
    ("access-group", "authentication", "authentication-key", "message-digest-key", "traffic-filter", "verify")
)
_FEW: Final = 6


def is_slip_of_routing(words: Sequence[str]) -> bool:
    """Return whether it is a line about a neighbor or an area with a slip in a word that names the neighbor, secures or
    filters.

    words: in lower case.
    """
    if len(words) < 2 or words[0] not in _NOT_TO_MISS or ":" in words[1]:
        return False
    if words[0] == "neighbor" and words[1][0].isdigit() and words[1].count(".") == 3:
        try:
            IPv4Address(words[1])
        except ValueError:
            return True
    return any(word in _WHOLE or slip_of(word, _NOT_TO_MISS[words[0]]) for word in words[2:3])


def guards(line: str) -> bool:
    """Return whether it is a line of an interface about who or what may come in, or one with a slip in that."""
    words = line.lower().split(None, _FEW)
    if words[0] not in ("ip", "ipv6", "ospfv3", "bfd"):
        return False
    return any(word in _GUARDS or slip_of(word, _GUARDS) for word in words[1:_FEW])


@lru_cache(maxsize=1)
def known_lines() -> tuple[str, ...]:
    """Return the lines of `known.txt`, for `Configurator`."""
    path = os.path.join(os.path.dirname(__file__), "known.txt")
    with open(path, encoding="utf-8") as file:
        return tuple(file.read().splitlines())


@lru_cache(maxsize=1)
def known_commands() -> tuple[tuple[ConfigLine, ...], tuple[Mode, ...]]:
    """Return the commands and modes of `known.txt`; always the same objects, because they are keys into trees."""
    commands, modes = read_known(known_lines())
    return tuple(commands), tuple(modes)


def known_command(mode: str, beginning: str) -> ConfigLine:
    """Return the command of `known.txt` whose syntax begins so. Raises KeyError."""
    found = (
        line for line in known_commands()[0] if line.mode == mode and f"{line.syntax} ".startswith(beginning + " ")
    )
    line = next(found, None)
    if line is None:
        raise KeyError(f"{mode}: {beginning}")
    return line


def read_known(lines: Sequence[str]) -> tuple[list[ConfigLine], list[Mode]]:
    """Return the commands and modes that such lines describe. Raises ValueError for a malformed one."""
    commands: list[ConfigLine] = []
    modes: list[Mode] = []
    group: LineGroup | None = None
    for line in lines:
        words = line.split(None, 3)
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "group":
            group = _group(line)
        elif words[0] == "mode" and len(words) in (3, 4):
            parent, _, exit_word = (words[3] if len(words) == 4 else "global").partition(" ")
            modes.append(Mode(words[1], words[2], parent, exit_word.strip() or None))
        elif len(words) == 4 and words[1].isdigit() and set(words[2]) <= _FLAGS:
            commands += _commands(words[0], int(words[1]), words[2], words[3], group)
        else:
            raise ValueError(f"not a known line: {line!r}")
    return commands, modes


def _group(line: str) -> LineGroup:
    _, standing, rest = line.split(None, 2)
    name, _, meaning = rest.partition(":")
    return LineGroup(name.strip(), LineStanding(standing), meaning.strip())


def _commands(mode: str, order: int, flags: str, rest: str, group: LineGroup | None) -> Iterator[ConfigLine]:
    text, _, opens = rest.partition(" => ")
    free = "+" in flags
    for beginning in text.split(" / ") if free else (text,):
        yield ConfigLine(
            mode,
            beginning.strip() + FREE if free else text,
            _HELP,
            key=() if free or "*" in flags else None,
            order=order,
            opens=opens.strip() or None,
            keep_no=free or "n" in flags,
            group=group,
        )
