"""Reads a file: which lines become configuration, which are merely kept, and which are refused.

    FileReader      one line of a file after the other, on top of a session

At the prompt a line that is not understood is refused. A file was accepted by some router, so lines that no table lists
are kept where they do no harm: global lines, and lines of Ethernet, loopback and terminal sections. They are refused in
tunnels, keys, cryptography and routing; and everywhere if the first word is a misspelling: `interfce Tunnel0` must not
be kept as an unknown line, and the lines under it must not go to the section before.

A section of unknown lines contains the lines that are indented deeper than its first line; where nothing is indented,
the lines whose words the table lists for it.

The lines below `interface range gi0/1 - 3, gi0/5` apply to each interface:

    interfaces_of(line)              the interfaces that a line names so
    unrolled(lines, configurator)    the lines of a file with their numbers, those below a range once for each interface

A running configuration has no such line; typed notes have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from operator import is_
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.values import Mutable
from dmvpn.ios import damage
from dmvpn.ios.account import Account, ConfigResult, LineReport, as_meant
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.config_line import GLOBAL, UNKNOWN_MODE, Command, guards
from dmvpn.ios.damage import WIDTH
from dmvpn.ios.errors import CliError
from dmvpn.ios.interfaces import normalize_interface
from dmvpn.ios.language import Language
from dmvpn.ios.places import Places
from dmvpn.ios.protection import ASTRAY, TUNNELS, Bare, asks_for_protection, is_request, is_tunnel
from dmvpn.ios.releases import PutIn, Unshown
from dmvpn.ios.section import Section
from dmvpn.ios.session import ConfigSession, LineResult
from dmvpn.ios.transcript import Transcript, without_comment, without_prompt
from dmvpn.ios.tree import ConfigTree
from dmvpn.ios.vrfs import is_defined

_HEADER: Final = re.compile(r"int(?:e|er|erf|erfa|erfac|erface)?\s+ra(?:n|ng|nge)?\s+(\S.{0,200})$", re.IGNORECASE)
_MAY_BE: Final = re.compile(r"\bint\w*\s+ra", re.IGNORECASE)
_PART: Final = re.compile(
    r"([A-Za-z][A-Za-z-]{0,30}?)\s*((?:\d{1,5}/){0,3})(\d{1,5})(?:\s*-\s*(?:[A-Za-z-]{1,31}\s*)?(?:\d{1,5}/){0,3}(\d{1,5}))?"
)
#: A range of more interfaces, or with more lines, is not typed for a network of tunnels.
_MOST: Final = 64
_LONGEST: Final = 200
_ENDS: Final = ("!", "exit", "end", "int")


def unrolled(lines: list[str], configurator: Language) -> Iterator[tuple[int, str]]:
    """Yield the lines with the numbers that they have in the text."""
    for line in breathing(lines):
        if _MAY_BE.search(line):
            break
    else:
        yield from enumerate(lines, 1)
        return
    number = 0
    while number < len(lines):
        names = interfaces_of(lines[number])
        block = _block(lines, number, configurator) if names else range(0)
        if not names or len(block) > _LONGEST or any(len(lines[inner]) == WIDTH for inner in block):
            yield number + 1, lines[number]
            number += 1
            continue
        before = lines[number].removesuffix(without_prompt(lines[number]).lstrip())
        for name in names:
            yield number + 1, f"{before}interface {name}"
            yield from ((inner + 1, lines[inner]) for inner in block)
        number += 1 + len(block)


def interfaces_of(line: str) -> tuple[str, ...]:
    """Return the names that a range stands for; none for any other line, or for an invalid range."""
    if _MAY_BE.search(line) is None:
        return ()
    header = _HEADER.match(without_prompt(line).strip())
    names: list[str] = []
    for part in header[1].split(",") if header else ():
        found = _PART.fullmatch(part.strip())
        if found is None:
            return ()
        first, last = int(found[3]), int(found[4] or found[3])
        known = [
            normalize_interface(f"{found[1]}{found[2]}{each}") for each in range(first, min(last, first + _MOST) + 1)
        ]
        names += [name for name in known if name is not None]
        if not known or None in known or len(names) > _MOST:
            return ()
    return tuple(names)


def _block(lines: list[str], header: int, configurator: Language) -> range:
    """Return the lines below a range: deeper ones, and where nothing is indented all up to a global one."""
    depth = _indentation(lines[header])
    number = header + 1
    while number < len(lines):
        line = without_prompt(lines[number])
        typed = line.strip().lower()
        is_deeper = bool(typed) and _indentation(lines[number]) > depth and line == lines[number]
        if typed and not is_deeper and (typed.startswith(_ENDS) or _is_global(line, configurator)):
            break
        number += 1
    return range(header + 1, number)


def _is_global(line: str, configurator: Language) -> bool:
    """Return whether it would be a line of the router below an interface: a slip is the range's."""
    found = configurator.interpret(INTERFACE.opens or "", line)
    return isinstance(found, Command) and found.mode == GLOBAL.name


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


#: In `ip vrf NAME`.
_WORDS_OF_VRF: Final = 3
#: Sections in which an unknown line does no harm: a list without an entry that permits lets less pass, not more.
_HARMLESS_MODES: Final = frozenset(("line", "access-list-extended"))
#: How the names of interfaces begin that a line may protect.
_DESCRIPTION: Final = "description"
#: Lines of other sections, too.
_EVERYWHERE: Final = frozenset((_DESCRIPTION, "shutdown"))
_BELONGS: Final = ("% It belongs to the line above, which was refused",)
_HEADLESS: Final = ("% A line of an interface, and no line above says of which one: `interface ...` is missing here",)
_WITHOUT_HEAD: Final = ("% The interface line of this section is missing, as for the line above",)
#: So many lines behind a text without an end are looked at; a word alone is none of a configuration.
_MOST_COUNTED: Final = 10_000
_FEWEST_WORDS: Final = 2


class _Open(Mutable):
    """A section that the file is in.

    indentation: of the line that opened it.
    is_indented: a line inside was deeper.
    is_flat: one was not.
    """

    section: Section
    indentation: int
    is_indented: bool = False
    is_flat: bool = False


class FileReader:
    """One text.

    leaves_out: lines that restrict or divert traffic do not get into the tree. bare: finds tunnels in it without an
    IPsec profile. weak: see `Configurator.parse_text`.
    """

    def __init__(
        self,
        configurator: Language,
        tree: ConfigTree,
        *,
        leaves_out: bool,
        places: Places | None,
        bare: Bare,
        weak: bool,
    ) -> None:
        self._bare = bare
        self._configurator = configurator
        self._session = ConfigSession(configurator, tree, leaves_out=leaves_out, keeps_apart=True)
        self._transcript = Transcript()
        self._unshown = Unshown(configurator, weak=weak)
        self._account = Account(self._session, places)
        self._open: list[_Open] = []
        self._refused: _Refused | None = None
        self._is_after_mark = False
        self._ending = damage.Ending()
        self._lost: list[LineReport] = []  # behind these, what a terminal showed was not shown to its end
        self._seconds = damage.SecondAddresses()
        self._text_at = (0, "")  # the line in which the last text began

    def read_text(self, text: str) -> ConfigResult:
        """Take all lines."""
        number = 0
        lines = Transcript.lines(text)
        wrapped = damage.Wrapped(self._configurator, lines)
        for number, printed in breathing(unrolled(lines, self._configurator)):
            if number <= wrapped.taken:
                continue
            if printed == damage.ADDED:
                self._finish(lines)
                self._begin_added()
                continue
            if self._session.awaits:
                self._account.take(number, printed, self._session.enter(printed))
                if damage.is_swallowed(printed):
                    self._pass_over(number, printed)
                continue
            line = self._transcript.take(printed)
            if said := self._ending.said_at_prompt(lines, printed):
                self._lost.append(self._loss(*self._ending.last, said))
            if line is None:
                self._ending.pass_over(number, printed)
                self._pass_over(number, printed)
                continue
            if line.text or not self._transcript.is_in_output:
                self._ending.take(number, line.text, printed)
            if line.at_top:
                self._session.leave_sections()
                self._refused = None
            words = line.text.lstrip()
            if words and words[0] != "!":
                is_wrapped = len(printed) == damage.WIDTH
                whole = wrapped.whole(line.text, number, self._session.mode.name) if is_wrapped else line.text
                self._take(number, whole.expandtabs())
                if self._session.awaits:
                    self._text_at = (number, line.text)
            elif words:
                self._unshown.comment(words)
                self._note_cut(number, words)
            self._is_after_mark = words.rstrip() == "!" or (self._is_after_mark and words[:1] == "!")
        self._finish(lines)
        put_in = tuple(self._put_in())
        self._account.judge(self._bare)
        problems, entries = self._account.problems, self._account.entries
        return ConfigResult(self._session.tree, problems, entries, self._unshown.release, put_in)

    def _finish(self, lines: list[str]) -> None:
        """Judge the end of a file."""
        if self._session.awaits:  # a text without an end is refused where it begins
            number, text = self._text_at
            lost = sum(self._is_of_configuration(line) for line in lines[number : number + _MOST_COUNTED])
            count = "1 line" if lost == 1 else f"{lost} lines"
            took = f"; it took the rest, {count} of a configuration among that" if lost else ""
            said = f"% A text is not terminated: {self._session.awaits}{took}"
            self._account.enter_refusal(self._loss(number, text, said, is_stray=True))
        else:  # if the file was cut off, what it was in the middle of is not to be trusted
            bare = self._bare(self._session.tree) if self._session.header.lower().startswith(TUNNELS) else ()
            said = self._ending.said(lines, bare, self._session.header)
            if said and self._ending.last[0] not in (entry.number for entry in self._lost[-1:]):
                self._lost.append(self._loss(*self._ending.last, said))
        for entry in self._lost:
            if entry.number > self._ending.whole_until:
                self._account.enter_refusal(entry)

    def _begin_added(self) -> None:
        """Begin to read lines that are not of the file: nothing that it left open takes them."""
        self._session.drop_text()
        self._session.leave_sections()
        self._open.clear()
        self._lost.clear()
        self._refused = None
        self._is_after_mark = False
        self._transcript = Transcript()
        self._ending = damage.Ending.of_added()

    def _put_in(self) -> Iterator[PutIn]:
        for number, line in self._unshown.put_in(self._session):
            self._account.note_place(number)
            yield line

    def _pass_over(self, number: int, printed: str) -> None:
        """Pass over a line that is none of a configuration: unless a tunnel would go without it."""
        if asks_for_protection(printed):
            self._account.refuse(number, printed, ASTRAY, is_stray=True)
        self._note_cut(number, printed)

    def _note_cut(self, number: int, printed: str) -> None:
        if is_tunnel(self._session.mode.name, self._session.header) and damage.is_cut(printed):
            self._account.note_cut(number, printed)

    def _is_of_configuration(self, line: str) -> bool:
        """Return whether it is surely one, of the router or of an interface, so that no text speaks so."""
        words = line.split()
        if len(words) < _FEWEST_WORDS:
            return False
        return any(self._configurator.runs(mode, line) for mode in (GLOBAL.name, INTERFACE.opens or ""))

    def _loss(self, number: int, text: str, said: str, *, is_stray: bool = False) -> LineReport:
        entry = self._account.refusal(number, text, (said,), is_stray=is_stray)
        return replace(entry, path=entry.path if self._ending.in_section else (), is_loss=True)

    def _take(self, number: int, line: str) -> None:
        indentation = len(line) - len(line.lstrip())
        if self._refused is not None:
            if self._refused.is_headless and self._is_of_no_section(line):
                self._account.refuse_silently(number, line, _WITHOUT_HEAD)
                return
            if self._refused.takes(line, indentation):
                self._account.refuse(number, line, _BELONGS, is_stray=True)
                return
            self._refused = None
        if self._unshown.is_ours and self._is_after_mark and indentation == 0:
            # In our own files every section is indented and ends with `!`: kept lines after it do not become a part
            # of it.
            self._session.leave_sections()
            self._open.clear()
        self._leave_prose(line, indentation)
        self._leave_others(line, indentation)
        self._leave_for_vrf(line, indentation)
        self._leave_for_header(line, indentation)
        mode = self._session.mode.name
        if self._is_astray(line, mode):
            slip = self._configurator.interpret(mode, line) if is_tunnel(mode, self._session.header) else None
            if isinstance(slip, CliError):
                self._account.refuse(number, line, tuple(slip.lines()))
            else:
                self._account.refuse(number, line, ASTRAY, is_stray=True)
            return
        result = self._enter(line, indentation)
        is_headless = result.error is not None and self._is_of_no_section(line)
        if is_headless:
            result = replace(result, output_lines=_HEADLESS)
        self._follow(indentation, is_taken=not result.refused)
        self._account.take(number, line, result, mode)
        if said := self._seconds.take(number, line):
            self._account.warn(number, line, said)
        if not result.refused:
            self._unshown.line(number, line, mode, self._session)
        if result.refused and not result.group:
            opens = "" if is_headless else self._opens(line, mode)
            is_opener = not is_headless and (opens != "" or self._is_near_opener(line, mode))
            self._refused = _Refused(self._configurator, line, opens, is_opener=is_opener, is_headless=is_headless)

    def _is_of_no_section(self, line: str) -> bool:
        """Return whether it is a line of an interface, but outside of any interface."""
        return self._session.mode.name != INTERFACE.opens and self._configurator.runs(INTERFACE.opens or "", line)

    def _is_astray(self, line: str, mode: str) -> bool:
        """Return whether it asks for protection where no tunnel gets it. Descriptions may speak of it."""
        if not is_request(line):
            return False
        if not is_tunnel(mode, self._session.header):
            return True
        return not any(
            self._configurator.runs(mode, each) or self._is_missed(mode, each)
            for each in (line, without_comment(line), as_meant(line))
        )

    def _is_missed(self, mode: str, line: str) -> bool:
        """Return whether it is a line that the table has as one of protection.

        Then it is left out, and holds its tunnel down.
        """
        found = self._configurator.interpret(mode, line)
        if isinstance(found, CliError) or found.mode != mode or not found.targets:
            return False
        return all(target.line.group is not None and target.line.group.protects for target in found.targets)

    # Which section a line belongs to ---------------------------------------------------------------------------------

    def _leave_others(self, line: str, indentation: int) -> None:
        """Leave the sections of unknown lines that this line does not belong to."""
        while self._is_others and indentation <= self._open[-1].indentation:
            mode = self._session.mode.name
            may_be_flat = mode != UNKNOWN_MODE.name and not self._open[-1].is_indented
            found = self._configurator.interpret(mode, line) if may_be_flat else None
            is_own = isinstance(found, Command) and found.mode == mode
            if is_own and not (self._is_after_mark and self._configurator.knows(GLOBAL.name, line)):
                return
            self._session.leave_section()
            self._open.pop()

    def _leave_prose(self, line: str, indentation: int) -> None:
        """Leave a sentence, or a heading, if this line of the router is below it: people indent what they quote."""
        is_below = self._open != [] and indentation > self._open[0].indentation
        if not is_below or self._open[0].section.mode is not UNKNOWN_MODE:
            return
        if _is_of_router(self._configurator, line) and damage.is_written(self._session.headers[0]):
            self._session.leave_sections()
            self._open.clear()

    def _leave_for_vrf(self, line: str, indentation: int) -> None:
        """Leave the section if this line defines a VRF. In the section of a tracked route, the same line names one."""
        words = line.lower().split()
        if words[:2] != ["ip", "vrf"] or len(words) != _WORDS_OF_VRF or not self._open:
            return
        around = self._open[-1]
        if indentation > around.indentation:
            return
        if (around.is_indented and not around.is_flat) or not is_defined(self._session.section, line.split()[2]):
            self._session.leave_sections()
            self._open.clear()

    def _leave_for_header(self, line: str, indentation: int) -> None:
        """Leave an indented section if this line is not indented and opens a section of the router, on which nothing
        acts, although such a line may be in the section, too (`ipv6 router`).
        """
        around = self._open[-1] if self._open else None
        if around is None or around.is_flat or not around.is_indented or indentation > around.indentation:
            return
        mode = self._session.mode.name
        found = self._configurator.interpret(mode, line)
        if isinstance(found, CliError) or found.mode != mode or any(one.line.group is None for one in found.targets):
            return
        other = self._configurator.interpret_inside(GLOBAL.name, line)
        if isinstance(other, Command) and any(target.line.opens for target in other.targets):
            self._session.leave_sections()
            self._open.clear()

    @property
    def _is_others(self) -> bool:
        return bool(self._open) and self._configurator.is_others(self._session.mode.name)

    def _follow(self, indentation: int, *, is_taken: bool) -> None:
        """Keep our account of the open sections in step with the session."""
        if self._open and self._open[-1].section is self._session.section:
            if indentation > self._open[-1].indentation:
                self._open[-1].is_indented = True
            elif is_taken:
                self._open[-1].is_flat = True
        sections = self._session.sections
        if len(sections) == len(self._open) and all(map(is_, sections, [each.section for each in self._open])):
            return
        before = {id(each.section): each for each in self._open}
        self._open = [before.get(id(section)) or _Open(section, indentation) for section in sections]

    # What becomes of it ----------------------------------------------------------------------------------------------

    def _enter(self, line: str, indentation: int) -> LineResult:
        if self._is_others and indentation > self._open[-1].indentation:
            # It never becomes a line of another section.
            if self._configurator.knows(self._session.mode.name, line):
                return self._session.enter(line, is_inside=True)
            if self._is_of_interface_before(line):
                return LineResult((f"% No line of this section: {self._session.header}",), refused=True)
            return self._session.keep(line.strip())
        mode = self._session.mode.name
        shorter = without_comment(line)
        if shorter != line and not self._configurator.runs(mode, line) and self._configurator.runs(mode, shorter):
            return self._session.enter(shorter)  # with the comment it would be an unknown line
        is_indented = self._open != [] and indentation > self._open[-1].indentation
        if is_indented and self._is_rather_elsewhere(line, mode):
            return self._session.enter(line, is_inside=True)
        if is_indented and self._configurator.is_elsewhere(mode, line):
            # Indented, it is in this section, and what follows must not lose it.
            if self._is_harmless(line, mode) or self._may_keep(line, indentation):
                return self._session.keep(line.strip())
            return LineResult((f"% No line of this section: {self._session.header}",), refused=True)
        result = self._session.enter(line)
        # Only behind a line that is none: descriptions and passwords have exclamation marks, too.
        if result.refused and result.group is None and shorter != line:
            result = self._session.enter(shorter)
        if result.error is not None and as_meant(line) != line:
            result = self._session.enter(as_meant(line))
        if result.error is not None and damage.first_word(line).startswith("exit-"):
            return LineResult()  # the end of a section that is not read as one here
        if result.error is not None and self._may_keep(line, indentation):
            return self._session.keep(line.strip())
        return result

    def _is_rather_elsewhere(self, line: str, mode: str) -> bool:
        """Return whether it is a line of this mode, but would be one of another mode if it were not indented."""
        found = self._configurator.interpret(mode, line)
        return isinstance(found, Command) and found.mode != mode and self._configurator.knows(mode, line)

    def _is_harmless(self, line: str, mode: str) -> bool:
        """Return whether it is a line of this mode, or a listed line of the router, and so no misspelling of a line of
        ours.
        """
        if self._configurator.knows(mode, line):
            return True
        found = self._configurator.interpret(mode, line)
        if isinstance(found, CliError) or damage.first_word(line) in damage.OURS or damage.is_of_tunnels(line):
            return False
        return not any(target.line.group is not None and target.line.group.is_left_out for target in found.targets)

    def _may_keep(self, line: str, indentation: int) -> bool:
        """Return whether an unknown line can do no harm. Leaves the sections that the line is in."""
        mode = self._session.mode.name
        if damage.is_heading(line):
            self._session.leave_sections()
            return True
        if damage.is_slip(line, self._configurator.first_words(mode)):
            return False
        if self._is_below(line, mode, indentation):
            if damage.is_slip(line, self._configurator.first_words(GLOBAL.name)):
                return False
            self._session.leave_sections()
            mode = GLOBAL.name
        if mode == GLOBAL.name:
            # A line of a tunnel in the wrong place is a slip, too.
            first = damage.first_word(line)
            if not (
                first in damage.OURS
                or damage.is_of_tunnels(line)
                or self._configurator.runs(INTERFACE.opens or "", line)
            ):
                return True
            return damage.is_others_interface(line)
        if mode == INTERFACE.opens:
            return not (self._session.header.lower().startswith(TUNNELS) or guards(line))
        return mode in _HARMLESS_MODES and "deny" not in line.lower().split(None, 2)[:2]

    def _is_of_interface_before(self, line: str) -> bool:
        """Return whether it is a line of an interface under an unknown line: a note, the rest of a long one."""
        if self._session.mode.name != UNKNOWN_MODE.name or self._session.header.lower().startswith("interface"):
            return False
        if damage.is_of_tunnels(line):
            return True
        found = self._configurator.interpret(INTERFACE.opens or "", line)
        if isinstance(found, CliError) or found.mode != INTERFACE.opens or not found.targets:
            return False
        groups = [target.line.group for target in found.targets]
        if any(group is not None and group.is_left_out for group in groups):
            return True
        return all(group is None for group in groups) and damage.first_word(line) not in _EVERYWHERE

    def _is_below(self, line: str, mode: str, indentation: int) -> bool:
        """Return whether it is a global line under the section that we are in.

        Where nothing is indented, a `!` separates the two.
        """
        if not self._open or indentation > 0:
            return False
        if self._open[-1].is_indented and not self._open[-1].is_flat:
            return True
        return self._is_after_mark and damage.first_word(line) not in self._configurator.own_words(mode)

    def _opens(self, line: str, mode: str) -> str:
        """Return the mode that the refused line would have opened; "" if it is none that opens one."""
        found = self._configurator.interpret(mode, line)
        targets = () if isinstance(found, CliError) else found.targets
        return next((target.line.opens for target in targets if target.line.opens), "")

    def _is_near_opener(self, line: str, mode: str) -> bool:
        """Return whether the refused line may have been the first of a section."""
        first = damage.first_word(line)
        return first in damage.OURS or damage.is_slip(line, self._configurator.first_words(mode))


def _is_of_router(configurator: Language, line: str) -> bool:
    """Return whether it is a line of the router, and no word of a text that happens to be one."""
    return len(line.split()) >= _FEWEST_WORDS and configurator.knows(GLOBAL.name, line)


class _Refused:
    """Handle a line that was refused, together with the lines below it."""

    __slots__ = ("_configurator", "_indentation", "_is_heading", "_is_opener", "_opens", "is_headless")

    def __init__(
        self, configurator: Language, line: str, opens: str = "", *, is_opener: bool, is_headless: bool = False
    ) -> None:
        """Prepare to refuse what follows.

        opens: the mode that it would have opened, if that is known.
        is_opener: it may have opened a section.
        is_headless: it is of a section that nothing opened.
        """
        self._configurator = configurator
        self._indentation = len(line) - len(line.lstrip())
        self._is_heading = line.rstrip()[-1:] == ":"
        self._opens = opens
        self._is_opener = is_opener
        self.is_headless = is_headless

    def takes(self, line: str, indentation: int) -> bool:
        """Return whether this line belongs to it.

        Where nothing is indented, up to the next line that is a global one.
        """
        if indentation > self._indentation:
            return not (self._is_heading and _is_of_router(self._configurator, line))
        if not self._is_opener or indentation != 0:
            return False
        if not self._configurator.knows(GLOBAL.name, line):
            return True
        # Words of both: the table may have them for the router, and our grammar for the section that is missing.
        runs = self._configurator.runs
        return self._opens != "" and runs(self._opens, line) and not runs(GLOBAL.name, line)
