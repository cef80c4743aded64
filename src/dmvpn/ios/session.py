"""A configuration session: carries out one line after the other on a tree, and knows the current mode.

The same object serves a person at a terminal and a file; `Configurator.parse_text` is a session without a user. It
changes the tree it was given, at once, line by line, as IOS does; a caller that needs the earlier state takes a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from itertools import pairwise
from typing import Final

from dmvpn.base.entropy import Entropy
from dmvpn.base.events import EnteredLine
from dmvpn.base.values import Value
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.config_line import (
    GLOBAL,
    UNKNOWN,
    UNKNOWN_LINE,
    UNKNOWN_MODE,
    Command,
    ConfigLine,
    LineGroup,
    LineStanding,
    Mode,
    Verb,
)
from dmvpn.ios.errors import CliError
from dmvpn.ios.exec_parser import ExecParser, Rules
from dmvpn.ios.grammar import Args
from dmvpn.ios.interfaces import is_logical
from dmvpn.ios.language import Language, sealing
from dmvpn.ios.matcher import Alternatives, alternatives, completed, error_rows, help_rows
from dmvpn.ios.places import PlacedLine
from dmvpn.ios.protection import ASTRAY, is_request, is_tunnel
from dmvpn.ios.section import Section, Statement
from dmvpn.ios.tree import ConfigTree, assign, reset, take_back
from dmvpn.ios.values import OpenText

#: The host name is cut to this many characters in the prompts of configuration mode.
NAME_WIDTH = 20

#: Sections below each other, so that a text in which each line is deeper costs no more than another one. No mode of
#: IOS is half as deep, so the innermost sections are all of unknown lines.
DEEPEST: Final = 16

_REMOVED = "% Not all config may be removed and may reappear after reactivating the logical-interface/sub-interfaces"
_NOT_REMOVABLE = "% Removal of physical interfaces is not permitted"


def prompt(hostname: str, prompt_mode: str | None = None, *, privileged: bool = True) -> str:
    """Return the prompt: "R1#", "R1>" or, with the session's `prompt_mode`, "R1(config-if)#"."""
    if prompt_mode is not None:
        return f"{hostname[:NAME_WIDTH]}({prompt_mode})#"
    return f"{hostname}#" if privileged else f"{hostname}>"


class LineResult(Value):
    """What a line did. `output_lines` are for the terminal; `refused`: nothing was done, they say why.

    `changed`: the tree is another one now. `ended`: configuration mode is left. `exec_line`: what `do` wants run.
    `group`: nothing here acts on the line, and what it is about. `error`: the line was not understood.
    """

    output_lines: tuple[str, ...] = ()
    changed: bool = False
    ended: bool = False
    exec_line: str | None = None
    refused: bool = False
    group: LineGroup | None = None
    error: CliError | None = None


class Touch(Value):
    """What an entered line may change.

    where: the lines that opened the sections around it.
    lines: the commands that it is about; none: unknown.
    key: of the one entry; None: it may be any, or many.
    """

    where: tuple[str, ...]
    lines: tuple[ConfigLine, ...]
    key: Hashable | None = None

    @property
    def is_wide(self) -> bool:
        """May it change what other lines say: does a whole section go?"""
        return not self.lines or (self.key is None and any(line.opens for line in self.lines))


_NOTHING = Touch((), ())
_DONE = LineResult()
_CHANGED = LineResult(changed=True)
_ENDED = LineResult(ended=True)


class ConfigSession:
    """One user's (or one file's) way through configuration mode on `tree`.

    leaves_out: lines that restrict or divert traffic are refused, because nothing here would.
    keeps_apart: lines that keep tables apart are accepted nevertheless, as in files.
    """

    def __init__(
        self,
        configurator: Language,
        tree: ConfigTree,
        exec_parser: ExecParser | None = None,
        *,
        leaves_out: bool = True,
        keeps_apart: bool = False,
    ) -> None:
        self._leaves_out = leaves_out
        self._keeps_apart = keeps_apart
        self._hinted: set[str] = set()  # the groups about which something was said; looked up, never iterated
        self._configurator = configurator
        self._exec_parser = exec_parser
        self.tree = tree
        self._text: tuple[list[str], str] | None = None  # lines of a text that goes on, and how that ends
        self._path: list[tuple[Statement, Section]] = []
        self._headers: list[tuple[Statement, str]] = []  # of the path when they were asked for last
        self._header_lines: tuple[str, ...] = ()  # the texts among them
        self._entered: tuple[ConfigLine, Args, bool] | None = None  # what the last line was, and if it was a `no`
        self._line = ""  # the last one, as it was typed; of a text: the whole of it
        self._touch = _NOTHING

    @property
    def mode(self) -> Mode:
        """The current mode."""
        return self._path[-1][1].mode if self._path else GLOBAL

    @property
    def prompt_mode(self) -> str:
        """The word for the prompt: "config", "config-if" ..."""
        return self.mode.prompt

    @property
    def section(self) -> Section:
        """The section that lines of the current mode go to."""
        return self._path[-1][1] if self._path else self.tree

    def entered(self, number: int) -> PlacedLine | None:
        """Return where the line that was entered last is, if it was understood and carried out; keys are left out."""
        if self._entered is None:
            return None
        line, args, negated = self._entered
        around = self._path[:-1] if line.opens and not negated else self._path
        # Behind `no` there may be less than `show` of the line needs.
        text = args.without_secrets(" ".join(("no", *args.words)) if negated else line.text(args))
        return PlacedLine(number, self.headers[: len(around)], text)

    @property
    def entry(self) -> EnteredLine:
        """The last line, which changed the tree, as another session can enter it from the global mode on."""
        return EnteredLine(self.touch.where, self._line)

    @property
    def touch(self) -> Touch:
        """What the last line, which changed the tree, may have changed."""
        return self._touch

    def enter_again(self, entry: EnteredLine) -> None:
        """Carry out what another session entered on a tree with the same content."""
        self._path.clear()
        for line in (*entry.within, entry.text):
            self.enter(line)

    def asks(self, line: str) -> str:
        """Return what a person is asked before this line is carried out, "" for nothing."""
        command = self._interpret(line)
        if self._text is not None or isinstance(command, CliError) or command.verb is not Verb.NO:
            return ""
        return next((one.asks for one, args in command.targets if one.asks and self.tree.matching(one, args)), "")

    def sealing(self, line: str, entropy: Entropy) -> Callable[[], str] | None:
        """Return what makes the line without the plain password in it; None: it has none."""
        return None if self._text is not None else sealing(self._configurator, self.mode.name, line, entropy)

    def enter(self, line: str, prompt_width: int = 0, *, is_inside: bool = False) -> LineResult:
        """Carry out one line.

        prompt_width: places the caret under the text behind the prompt.
        is_inside: it is a line of this very mode.
        """
        self._entered, self._touch = None, _NOTHING
        if self._text is not None:
            return self._go_on(*self._text, line)
        self._line = line
        command = self._configurator.interpret_inside(self.mode.name, line) if is_inside else self._interpret(line)
        if isinstance(command, CliError):
            if self._drop_unknown(line):
                self._touch = Touch(self._where, ())
                return _CHANGED
            return LineResult(tuple(command.lines(prompt_width)), refused=True, error=command)
        if command.verb is Verb.SET and self._is_astray(command.mode, line):
            return LineResult(ASTRAY, refused=True)
        self._reattach()
        return _ACTIONS[command.verb](self, command)

    def _is_astray(self, mode: str, line: str) -> bool:
        """Return whether a line asks for protection of an interface that is no tunnel, as no file may either."""
        return mode == INTERFACE.opens and not is_tunnel(mode, self.header) and is_request(line)

    def _interpret(self, line: str) -> Command | CliError:
        """Return what a line means here. Sections on which nothing acts may be in several modes, so what such a section
        does not take is a line of the mode that it is in.
        """
        found = self._configurator.interpret(self.mode.name, line)
        for inner, outer in pairwise(reversed(self.sections)):
            mode = inner.mode.name
            if not self._configurator.is_others(mode) or (isinstance(found, Command) and found.mode == mode):
                break
            found = self._configurator.interpret(outer.mode.name, line)
        return found

    def help(
        self, line: str, privilege: int = 15, rules: Rules = (), *, kinds: Collection[str] | None = None
    ) -> list[str]:
        """Return what `?` shows behind `line`. kinds: those of interfaces that shows (`do show`) may be about."""
        mode = self.mode.name
        verb, start = self._configurator.verb_of(mode, line)
        if verb is Verb.DO and self._exec_parser is not None:
            return self._exec_parser.help_lines(line[start:], privilege, rules, kinds=kinds)
        found = self._alternatives(line, start)
        return help_rows(found, line) if isinstance(found, Alternatives) else found

    def complete(self, line: str, privilege: int = 15, rules: Rules = ()) -> str | None:
        """Return `line` with its last word completed by Tab, or None."""
        verb, start = self._configurator.verb_of(self.mode.name, line)
        if verb is Verb.DO and self._exec_parser is not None:
            rest = self._exec_parser.complete(line[start:], privilege, rules)
            return None if rest is None else line[:start] + rest
        found = self._alternatives(line, start)
        return completed(line, found) if isinstance(found, Alternatives) else None

    def _alternatives(self, line: str, start: int) -> Alternatives | list[str]:
        """Return what may follow in the nearest mode that has something to say."""
        first_error: list[str] | None = None
        for scope in self._configurator.scopes(self.mode.name):
            grammar = self._configurator.grammar(scope)
            found = alternatives(grammar, line, start, self._configurator.verbs(scope) if start else ())
            if isinstance(found, Alternatives):
                if found.rows or found.may_end:
                    return found
            elif first_error is None:
                first_error = error_rows(found, line)
        return first_error or ["% Unrecognized command"]

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections we are in, outermost first."""
        return tuple([section for _, section in self._path])  # asked for at each line of a file

    @property
    def headers(self) -> tuple[str, ...]:
        """The lines that opened them."""
        path, known, same = self._path, self._headers, 0
        for (statement, _), (before, _) in zip(path, known, strict=False):
            if statement is not before:
                break
            same += 1
        if not same == len(path) == len(known):
            known[same:] = [(statement, statement.text_for_others) for statement, _ in path[same:]]
            self._header_lines = tuple([text for _, text in known])
        return self._header_lines

    @property
    def header(self) -> str:
        """The line that opened the innermost one; "" in the global one."""
        return self.headers[-1] if self._path else ""

    def hint(self, result: LineResult) -> tuple[str, ...]:
        """Return the hint for a user who types a line without effect: once for each group and session."""
        group = result.group
        if group is None or result.refused or group.standing is LineStanding.SILENT or group.name in self._hinted:
            return ()
        self._hinted.add(group.name)
        return (f"kept without effect ({group.name})",)

    def leave_sections(self) -> None:
        """Return to the global section."""
        self._path.clear()

    def leave_section(self) -> None:
        """Return to the section around this one."""
        self._path.pop()

    def keep(self, text: str) -> LineResult:
        """Keep an unknown line as a section, because more lines may belong to it."""
        del self._path[DEEPEST:]
        self._reattach()
        args = Args({"text": text}, (), (text,))
        self._entered = (UNKNOWN_LINE, args, False)
        changed = self._open(self.section, UNKNOWN_LINE, args, UNKNOWN_MODE.name)
        return LineResult(changed=changed, group=UNKNOWN)

    def _drop_unknown(self, line: str) -> bool:
        """Return whether the line removes an unknown line, word for word."""
        verb, _, text = line.strip().partition(" ")
        if verb.lower() != "no":
            return False
        for section in (*reversed(self.sections), self.tree):
            statement = section.find(UNKNOWN_LINE, Args({"text": text.strip()}))
            if statement is not None:
                section.drop(statement)
                return True
        return False

    # Carrying out ------------------------------------------------------------------------------------------------

    def _reattach(self) -> None:
        """Attach the section that we are in again, if another user has removed it; then it comes back, as on a
        router.
        """
        parent: Section = self.tree
        for index, (statement, section) in enumerate(self._path):
            present = parent.find(statement.line, statement.args)
            if present is None or present.section is None:
                section.clear()
                section.parent = parent
                parent.put(statement)
            elif present.section is not section:
                self._path[index] = (present, present.section)
            parent = self._path[index][1]

    def _return_to(self, mode: str) -> Section:
        """Leave modes until `mode` is the current one."""
        while self._path and self.mode.name != mode:
            self._path.pop()
        return self.section

    @property
    def awaits(self) -> str:
        """What ends the text (of a banner) that is being entered; "" if none is."""
        return self._text[1] if self._text is not None else ""

    def drop_text(self) -> None:
        """Forget a text that was begun and has no end."""
        self._text = None

    def _go_on(self, begun: list[str], delimiter: str, line: str) -> LineResult:
        """Take one more line of a text. Lines after its `end` do not count, as on IOS."""
        text, end, _ = line.partition(delimiter)
        if not end:
            begun.append(line)
            return _DONE
        self._text = None
        return self.enter("\n".join((*begun, f"{text}{delimiter}")))

    def _nothing(self, command: Command) -> LineResult:
        return _DONE

    def _exit(self, command: Command) -> LineResult:
        if not self._path:
            return _ENDED
        self._path.pop()
        return _DONE

    def _leave(self, command: Command) -> LineResult:
        self._return_to(command.mode)
        self._path.pop()
        return _DONE

    def _end(self, command: Command) -> LineResult:
        self._path.clear()
        return _ENDED

    def _do(self, command: Command) -> LineResult:
        return LineResult(exec_line=command.rest)

    def _set(self, command: Command) -> LineResult:
        section = self._return_to(command.mode)
        ((line, args),) = command.targets
        group, beyond = line.group, self._configurator.beyond
        if group is None and beyond and line in beyond:
            group = beyond[line]()
        if group is not None and self._refuses(group):
            return LineResult(not_taken(group), refused=True, group=group)
        opened = next((value for value in args.values_given.values() if isinstance(value, OpenText)), None)
        if opened is not None:
            self._text = ([" ".join(args.words)], opened.delimiter)
            return _DONE
        if line.complete is not None:
            args = line.complete(args, section)
        message = line.check(args, section) if line.check else None
        if message and not is_warning(message):
            return LineResult(tuple(message.splitlines()), refused=True)
        if line.displaces is not None and not message:
            message = line.displaces(args, section)
        self._entered = (line, args, False)
        self._touch = Touch(self._where, (line,), line.key_of(args))
        changed = self._open(section, line, args, line.opens) if line.opens else assign(section, line, args)
        if message:
            return LineResult(tuple(message.splitlines()), changed=changed, group=line.group)
        if line.group is not None:
            return LineResult(changed=changed, group=line.group)
        return _CHANGED if changed else _DONE

    def _refuses(self, group: LineGroup) -> bool:
        """Return whether a line about this is taken nowhere, or not here."""
        is_apart = group.standing is LineStanding.APART and self._keeps_apart
        return group.protects or (group.is_left_out and self._leaves_out and not is_apart)

    def _open(self, section: Section, line: ConfigLine, args: Args, mode: str) -> bool:
        """Enter the section that the line opens, a new one if need be."""
        present = section.find(line, args)
        inner = present.section if present else None
        if inner is None:
            inner = Section(self._configurator.mode(mode), section)
        if present is not None and line.turns is not None and present.args != args:
            line.turns(args, inner)
        statement = Statement(line, args, section=inner)
        changed = section.put(statement)
        self._path.append((statement, inner))
        return changed

    @property
    def _where(self) -> tuple[str, ...]:
        """The lines that opened the sections we are in, with their secrets."""
        return tuple([statement.text for statement, _ in self._path])

    def _touched_by(self, section: Section, command: Command) -> Touch:
        """Return what a `no` or `default` changes: one entry, if it names one."""
        lines = tuple(line for line, _ in command.targets)
        line, args = command.targets[0]
        named = section.find(line, args) if len(lines) == 1 and not line.opens else None
        is_named = named is not None and (not line.is_list or args.agrees_with(named.args))
        return Touch(self._where, lines, line.key_of(args) if is_named else None)

    def _no(self, command: Command) -> LineResult:
        section = self._return_to(command.mode)
        self._touch = self._touched_by(section, command)
        changed, messages = False, list[str]()
        for line, args in command.targets:
            if line.opens == INTERFACE.opens:
                if not is_logical(args.interface("name")) and "." not in args.interface("name"):
                    return LineResult((_NOT_REMOVABLE,), refused=True)
                return LineResult((_REMOVED,), changed=True) if reset(section, line, args) else _DONE
            self._entered = (line, args, True)
            message = None if line.ends is None else line.ends(args, section)
            changed |= message is not None
            messages += (message or "").splitlines()
            changed |= take_back(section, line, args)
        return _result(messages, changed=changed)

    def _default(self, command: Command) -> LineResult:
        section = self._return_to(command.mode)
        self._touch = self._touched_by(section, command)
        changed, messages = False, list[str]()
        for line, args in command.targets:
            if line.opens == INTERFACE.opens:
                present = section.find(line, args)
                changed = present is not None and present.section is not None and present.section.clear()
                said = f"Interface {args.interface('name')} set to default configuration"
                return LineResult((said,), changed=changed)
            message = None if line.ends is None else line.ends(args, section)
            messages += (message or "").splitlines()
            changed |= message is not None
            changed |= reset(section, line, args)
        return _result(messages, changed=changed)


def _result(messages: list[str], *, changed: bool) -> LineResult:
    if messages:
        return LineResult(tuple(messages), changed=changed)
    return _CHANGED if changed else _DONE


def not_taken(group: LineGroup) -> tuple[str, ...]:
    """Return what the prompt says; with the words by which tools know a refusal."""
    return (f"% Error: no {group.name} here; the line was refused, because {group.meaning}",)


def is_warning(message: str) -> bool:
    """Return whether a line with this answer is taken: a warning, or news of addresses that went with a VRF."""
    is_news = "address(es) removed due" in message or message.rstrip().endswith("have been removed")
    return is_news or message.lower().startswith(("%warning", "% warning", "warning:"))


_ACTIONS = {
    Verb.NOTHING: ConfigSession._nothing,
    Verb.SET: ConfigSession._set,
    Verb.NO: ConfigSession._no,
    Verb.DEFAULT: ConfigSession._default,
    Verb.DO: ConfigSession._do,
    Verb.EXIT: ConfigSession._exit,
    Verb.LEAVE: ConfigSession._leave,
    Verb.END: ConfigSession._end,
}
