"""Damage to a text on its way from a router to a file: lines that are cut out, cut in two, missing, or of several
routers.

    is_cut(line)                         lines were cut out here: `...`, `<snip>`, `! output omitted`
    Wrapped.whole(line, number, mode)    the line, with the rest that a narrow terminal put into the next row
    Wrapped.taken                        the number of the last line that was taken with the one before
    Ending                               reads along with one file, and says at its end if it was cut off before; of a
                                         log also at each prompt
    ADDED                                the comment between a file and the lines that a lab adds to it
    merged(lines)                        what shows that the lines are of several routers, without a visible boundary
    SecondAddresses                      of one router, the interfaces that get another address than they had
    count_twice(text)                    how often that happens in a text

All of these judge a line by its first words, without its grammar (`is_written`, `is_slip`, `is_of_tunnels`).

Articles show three dots for what they do not talk about. If they are in a tunnel without protection, and there is an
IPsec profile, the dots may well be the line that names it: such a tunnel is none in clear.

A terminal of 80 columns goes on in the first column of the next row. In a file the next line may as well be one of its
own: what a router would understand there, or nearly, is never taken for a rest, for it may be what protects a tunnel.

What a router shows or saves ends with `end`, and its lines of terminals are right before that. Whatever a pager holds
back, a full disk or a lost connection takes is missing at the end, and the line that protects a tunnel is the last of
its section. A person who writes a file by hand needs no `end`: it is no sign there, unless the file ends in a tunnel in
clear while nothing uses a profile that would protect it.

Texts of several routers, read as one, would overwrite each other's lines. Their blocks, or the terminals that they were
typed at, give an interface two addresses of one subnet. A router that is given another address there says so at its
prompt, or in one go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Interface, IPv4Network
from typing import Final, NamedTuple

from dmvpn.base.breath import breathing
from dmvpn.ios.errors import CliError, slip_of
from dmvpn.ios.interfaces import KINDS, find_kind, normalize_interface
from dmvpn.ios.language import Language
from dmvpn.ios.markdown import INTERFACE, heading_of
from dmvpn.ios.protection import Unprotected, asks_for_protection
from dmvpn.ios.transcript import BLOCK, PROMPT, Transcript, is_pager, shown, without_prompt
from dmvpn.ios.tree import MARK

# ------------------------------------------------------------------------------------------------ lines cut out


_CUT: Final = re.compile(
    r"\s{0,80}(?:[!#*<\[({~=-]{1,8}\s{0,8})?"
    r"(?:\.{2,80}|\u2026|(?:(?:some|other|rest|output|lines?|config\w{0,9}|text|of)\s){0,4}"
    r"(?:omitted|snip|snipped|truncated|removed|skipped|elided)(?:\s(?:for\s)?\w{1,16}){0,3})"
    r"(?:\s{0,8}[!#*>\])}~=.-]{1,8})?\s{0,80}$",
    re.IGNORECASE,
)
_LONGEST: Final = 200


def is_cut(line: str) -> bool:
    """Return whether it says that lines were left away here."""
    return len(line) <= _LONGEST and _CUT.match(line) is not None


# ------------------------------------------------------------------------------------------------ first words


#: Openers of sections in which nothing is kept that is not understood.
OURS: Final = frozenset(("interface", "crypto", "router", "key"))
_KINDS: Final = frozenset(kind.name.lower() for kind in KINDS)
_OF_TUNNELS: Final = frozenset(("tunnel",))
#: How sentences and headings end, and words of sentences that no line of IOS begins with.
_STOPS: Final = (":", ".", ",")
_OF_SENTENCES: Final = frozenset(("the", "an", "is", "are", "this", "that", "these", "we", "you", "your", "following"))
_FEW: Final = 8
#: What no words follow.
_ALONE: Final = frozenset(("end",))


def first_word(line: str) -> str:
    """Return the first word in small letters; the one behind `no`."""
    words = line.split(None, 2)
    return (words[1] if words[0].lower() == "no" and len(words) > 1 else words[0]).lower()


def is_slip(line: str, known: frozenset[str]) -> bool:
    """Return whether its first word is nearly one of these.

    A word that nothing may follow must be alone on its line.
    """
    return slip_of(first_word(line), _with_more(known) if " " in line.strip() else known)


@lru_cache(maxsize=64)
def _with_more(known: frozenset[str]) -> frozenset[str]:
    """Return the words of `known` that other words may follow."""
    return known - _ALONE


def is_of_tunnels(line: str) -> bool:
    """Return whether the line begins with a word of tunnel protection, or a misspelling of one."""
    word = first_word(line)
    return word in _OF_TUNNELS or slip_of(word, _OF_TUNNELS)


def is_swallowed(printed: str) -> bool:
    """Return whether a banner without an end took this line of a text from a tunnel. Others may speak of protection."""
    text = without_prompt(printed)
    return bool(text.strip()) and is_of_tunnels(text)


def is_heading(line: str) -> bool:
    """Return whether it is one word, and a colon. What opens a section has a name behind it."""
    word = line.strip()
    return word[-1] == ":" and word[:-1].replace("-", "").replace("_", "").isalnum() and not line[:1].isspace()


def is_written(line: str) -> bool:
    """Return whether it reads like a sentence or a heading. A router shows no line that begins in capitals."""
    text = line.strip()
    if text[:1].isupper() or text[-1:] in _STOPS or not text.isascii() or heading_of(text, is_prose=True):
        return True
    return not _OF_SENTENCES.isdisjoint(text.lower().split()[:_FEW])


def is_others_interface(line: str) -> bool:
    """Return whether it names an interface of a kind that does not exist here, and that no slip of the pen makes one of
    ours.
    """
    words = line.lower().split()
    name = "".join(words[1:3]) if words[0] == "interface" else ""
    kind = name.rstrip("0123456789/.:")
    return kind != name and kind[:1].isalpha() and not slip_of(kind, _KINDS) and find_kind(kind) is None


# ------------------------------------------------------------------------------------------------ lines cut in two


#: Columns of a terminal.
WIDTH: Final = 80


class Wrapped:
    """The lines of one text, asked in their order."""

    __slots__ = ("_configurator", "_lines", "taken")

    def __init__(self, configurator: Language, lines: list[str]) -> None:
        self._configurator = configurator
        self._lines = lines
        self.taken = 0

    def whole(self, line: str, number: int, mode: str) -> str:
        """Return `line` with all that belongs to it; it has the number `number`, and is read in `mode`."""
        while len(self._lines[number - 1]) == WIDTH and number < len(self._lines):
            following = self._lines[number]
            if not self._goes_on(line, following, mode):
                break
            line += following.rstrip()
            number += 1
            self.taken = number
        return line

    def _goes_on(self, line: str, following: str, mode: str) -> bool:
        """Return whether `following` can be nothing but the rest of `line`."""
        if not following.strip() or following[0] in " \t!" or PROMPT.match(following):
            return False
        if asks_for_protection(following) or is_of_tunnels(following) or first_word(following) in OURS:
            return False
        command = self._configurator.interpret(mode, line)
        opened = () if isinstance(command, CliError) else (target.line.opens for target in command.targets)
        return all(self._is_none(each, following) for each in (mode, *filter(None, opened)))

    def _is_none(self, mode: str, line: str) -> bool:
        """Return whether it is no line of this mode, nor nearly one."""
        is_slip_of_one = is_slip(line, self._configurator.first_words(mode))
        return isinstance(self._configurator.interpret(mode, line), CliError) and not is_slip_of_one


# ------------------------------------------------------------------------------------------------ files cut off


_SHOWN: Final = re.compile(r"Building configuration\.\.\.|Current configuration\b[^:]{0,80}:(?:\s*(\d{1,9}) bytes)?")
#: What says something of the end; most lines do not.
_TELLING: Final = re.compile(
    r"(?P<mark>!)|(?P<version>version \d{1,2}\.\d)|(?P<end>\s?end\s*$|line (?:con|aux|vty))"
    r"|(?P<back>\s*no tunnel protection\b)",
    re.IGNORECASE,
)
#: Below it are lines that a lab adds to a file: whether the file was cut off is judged by the lines above.
ADDED: Final = "! Added by dmvpn: nothing below is of the file"
_UNLESS: Final = "if nothing is missing, write `end` behind it"


class Ending:
    """One text. Lines in their order; what texts (banners, certificates) hold does not count."""

    __slots__ = (
        *("_count", "_has_end", "_has_marks", "_is_abridged", "_is_announced", "_is_filtered", "_is_paged"),
        *("_is_shown", "_is_taken_back", "_version", "last", "whole_until"),
    )

    def __init__(self) -> None:
        self.last = (0, "")  # the last line of the configuration, with its number
        self._version = self._is_announced = self._is_shown = self._is_filtered = self._is_taken_back = False
        self._has_end = self._is_paged = self._is_abridged = False
        self._has_marks = False
        self._count: tuple[int, int] | None = None  # octets, and the line that says so
        self.whole_until = 0  # the line that ends a whole configuration: output before it may have been cut off

    @classmethod
    def of_added(cls) -> Ending:
        """Return that of lines which a lab added: they always have an end."""
        added = cls()
        added._is_shown = True
        return added

    @property
    def in_section(self) -> bool:
        """Whether the last line is inside a section, with no `!` behind it."""
        return self.last[1][:1] != "!"

    @property
    def _is_followed_by_another(self) -> bool:
        """Whether the last line is the heading of another router, as web pages have it."""
        text = self.last[1]
        return not text[:1].isspace() and heading_of(text, is_prose=True) != ""

    def pass_over(self, number: int, printed: str) -> None:
        """Pass over a line that is none of the configuration."""
        found = _SHOWN.match(printed.lstrip())
        if found is not None and not self._is_filtered:
            self._is_announced = True
            self._count = (int(found[1]), number) if found[1] else None
        elif (prompt := PROMPT.match(printed)) is not None:
            self._is_announced = False  # `write` announces it, too, and shows none
            self._is_filtered = "|" in printed if printed[prompt.end() :].strip() else self._is_filtered
        self._is_abridged |= is_cut(printed)

    def take(self, number: int, text: str, printed: str) -> None:
        """Take a line of the configuration, or a blank one. text: what of it is no prompt and no pager."""
        words = text.strip()
        self._is_paged = not words and (self._is_paged or is_pager(printed))
        if not words:
            return
        if self._is_announced:
            self._is_shown, self._is_announced, self._has_end = True, False, False
        self.last = (number, text)
        self._is_abridged |= words[:1] == "!" and is_cut(printed)
        telling = _TELLING.match(text)
        match telling.lastgroup if telling is not None else None:
            case "mark":
                self._has_marks |= words != MARK
            case "version":
                self._version, self._has_end = not self._is_filtered, False
            case "end":
                self._has_end = True
                self.whole_until = number if self._version else self.whole_until
            case "back":
                self._is_taken_back = True
            case _:
                pass

    def said_at_prompt(self, lines: Sequence[str], printed: str) -> str:
        """Return the complaint if a command was typed here before the previous output had ended; "" if all is well.

        A user left a pager with `q`: the log goes on with other commands.
        """
        if "#" not in printed and ">" not in printed:
            return ""
        if not (self._is_paged or self._is_shown or self._version):
            return ""
        line = shown(printed)
        prompt = PROMPT.match(line)
        if prompt is None or not line[prompt.end() :].strip():
            return ""
        said = self.said(lines, (), "")
        if not self._has_end:
            self._version = self._has_marks = False
        self._is_shown = self._is_paged = False
        return said

    def said(self, lines: Sequence[str], bare: Iterable[Unprotected], header: str) -> str:
        """Return what a router says of the end, "" if nothing is wrong.

        bare: the tunnels without protection. header: of the section that the last line is in.
        """
        what = self._lacks(lines, bare, header)
        return f"% The file is cut off here: {what}" if what else ""

    def _lacks(self, lines: Sequence[str], bare: Iterable[Unprotected], header: str) -> str:
        if self._is_paged:
            return "a terminal waits for a key, and what it would show then is missing"
        if self._has_end or self._is_abridged or self._is_followed_by_another:
            return ""
        if self._is_shown and self._count is not None:
            octets, number = self._count
            there = sum(len(line) + 1 for line in lines[number : self.last[0]])
            if there >= octets:
                return ""
            return f"{there} of the {octets} octets are there that line {number} counts; {_UNLESS}"
        if self._is_shown or (self._version and self._has_marks):
            return f"what a router shows or saves ends with `end`; {_UNLESS}"
        ended_in = next((one for one in bare if header == f"interface {one.name}" and one.is_profile_idle), None)
        if ended_in is not None and not (ended_in.shutdown or self._is_taken_back) and self.in_section:
            profile = ended_in.profile
            return f"it ends in a tunnel in clear, and nothing uses the IPsec profile {profile}; {_UNLESS}"
        return ""


# --------------------------------------------------------------------------------------------- texts of several routers


_ADDRESS: Final = re.compile(
    r"\s{0,16}ip add\w{0,4}\s+(\d[\d.]{6,14})(?:\s+|(?=/))/?(\d[\d.]{0,14})\s*$", re.IGNORECASE
)
_BEGINS: Final = re.compile(r"\s{0,16}conf\w{0,7}\s+t\w{0,8}\s*$", re.IGNORECASE)


#: Beginnings of lines that set an address, or remove one: with the whole interface, or the address alone.
_FIRST: Final = ("in", "ip", "no", "de")
_REMOVED: Final = re.compile(
    r"\s{0,16}(?:no|default)\s+(?:int\w{0,6}\s+([a-z][a-z-]*\s?[\d/.:]+)|ip\s+add\w{0,4})\s*$", re.IGNORECASE
)


class _Given(NamedTuple):
    """An address that an interface was given, in which block, and at which line."""

    address: str
    block: int
    number: int


def merged(lines: list[str]) -> str:
    """Return what shows that the lines are of several routers, in a sentence; "" if nothing does."""
    known: dict[tuple[str, IPv4Network], _Given] = {}
    name, block = "", 0
    for number, line in breathing(enumerate(lines, 1)):
        block += line == BLOCK or _BEGINS.match(line) is not None
        if PROMPT.match(line) is not None:
            name = ""
        elif (opened := INTERFACE.match(line)) is not None:
            name = "".join(opened[1].split())
        elif name and (said := _ADDRESS.match(line)) is not None:
            subnet = _subnet(said[1], said[2])
            given = _Given(said[1], block, number)
            other = known.setdefault((name.lower(), subnet), given) if subnet is not None else given
            if other.address != given.address and other.block != block:
                return (
                    f"{name} has {other.address} (line {other.number}) and {given.address} (line {number}): these are "
                    "several routers, and nothing says whose is what; write `hostname NAME` above the lines of each"
                )
    return ""


def _subnet(address: str, mask: str) -> IPv4Network | None:
    try:
        return IPv4Interface(f"{address}/{mask}").network
    except ValueError:
        return None


class SecondAddresses:
    """Checks of each line whether it replaces the address that an earlier line of the text gave to an interface."""

    __slots__ = ("_given", "_name")

    def __init__(self) -> None:
        self._given: dict[str, tuple[str, int]] = {}
        self._name = ""

    def take(self, number: int, line: str) -> str:
        """Return the complaint about a line without its prompt; "" of most."""
        if line.lstrip()[:2].lower() not in _FIRST:
            return ""
        opened = INTERFACE.match(line)
        if opened is not None:
            self._name = normalize_interface(opened[1]) or ""
        elif (removed := _REMOVED.match(line)) is not None:
            self._given.pop(normalize_interface(removed[1] or "") or self._name, None)
        elif self._name and (said := _ADDRESS.match(line)) is not None:
            address, at = self._given.get(self._name, (said[1], number))
            self._given[self._name] = said[1], number
            if address != said[1]:
                return (
                    f"% {self._name} had the address {address} (line {at}), and the last one counts; if these lines "
                    "are of two routers, write `hostname NAME` above those of each"
                )
        return ""


def count_twice(text: str) -> int:
    """Return how often an interface gets another address than it had."""
    seconds = SecondAddresses()
    lines = enumerate(Transcript.lines(text), 1)
    return sum(seconds.take(number, without_prompt(line)) != "" for number, line in breathing(lines))
