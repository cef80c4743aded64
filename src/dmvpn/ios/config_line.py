"""Configuration commands and modes as data.

    ConfigLine    a command of one mode: its syntax, what `?` says of it, how it is kept and shown
    Mode          a mode that such a command opens

A feature declares lines as constants, and asks the configuration tree for them by these very constants; the text of a
line is made of them, too:

    NETWORK_ID = ConfigLine("interface", "ip nhrp network-id {id:1-4294967295}", "Name of the NHRP network", order=63)
    ...
    args = section.get(NETWORK_ID)
    network_id = args.integer("id") if args else None
    ...
    NETWORK_ID.of(id=1)    # "ip nhrp network-id 1"

Lines are compared by identity: two constants are two commands even if they look alike.
"""

from __future__ import annotations

import itertools
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.placeholder import Placeholder
from dmvpn.base.values import dataclass
from dmvpn.ios.writing import write, write_beginning

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from dmvpn.base.entropy import Entropy
    from dmvpn.ios.grammar import Args, Help
    from dmvpn.ios.groups import LineGroup

_serial = itertools.count()


@dataclass(frozen=True, slots=True, eq=False)
class ConfigLine:
    """One configuration command.

    mode: the mode of the line ("global", "interface" ...).
    syntax: see `syntax.py`.
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
        (`sealing.py`).
    asks: the question at the prompt before an entry is taken back.
    group: what it is about, if it is taken and nothing here acts on it.
    listed: its list (`syntax.several`), whose values are taken back one by one: `no match tag 1` leaves `match tag 2`
        of `match tag 1 2`.
    beside: how other lines of the mode begin whose keywords or numbers a name of this line must not be (`of`).
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

    def of(self, **values: Hashable) -> str:
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


@dataclass(frozen=True, slots=True)
class Mode:
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
