"""Carries out one line after the other: exec commands, configuration, and the few commands that ask a question.

    line --> Interpreter.run --> Outcome: lines to show, then perhaps a question, a job to wait for, or the end

It knows modes and privileges, and nothing of terminals: `ConsoleSession` puts an editor and a pager before it,
`OneShot` neither. In configuration mode a refused line changes nothing, and an accepted line takes effect as
soon as there is no more type-ahead (`settle`), or a command reads the state of the router.

`OneShot` runs lines without a terminal: `dmvpn -r R31 show dmvpn`, and scripts from a pipe. No echo, no prompt, no
pages. The host calls its `step` until `done`, and sends what it gives; an empty answer means that a job (a ping) is
still running and that `effect` will bring news. Questions are answered as with Return, those for text (a certificate)
with the lines that follow. A `?` at the end of a line is help, except behind words that a configuration line takes.
`status` is 1 if a line was refused or its answer begins with `%`, else 0, for shell scripts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice

from dmvpn.base.breath import aside, breathing
from dmvpn.base.credentials import is_right
from dmvpn.base.effects import Effect, JobDone, JobOutput
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, Job, JobAborted
from dmvpn.face import requests
from dmvpn.face.archiving import Archiving
from dmvpn.face.capturing import CaptureRequest, Capturing
from dmvpn.face.context import CONSOLE, RouterHandle, Screen, SessionContext, TerminalLine, User
from dmvpn.face.entering import Draft, Merging
from dmvpn.face.filing import Filing
from dmvpn.face.language import SESSION_SHOWS, exec_parser
from dmvpn.face.requests import NOTHING, Outcome, Question, confirm
from dmvpn.face.shows import timestamp
from dmvpn.features.system import ConfigurationLeft, SystemConfig, SystemMachine
from dmvpn.ios import Ask, Change, CliError, Compute, Confirm, ErrorKind, Match, ShowContext, Sleeper, prompt
from dmvpn.ios.errors import without_keys
from dmvpn.ios.exec_parser import Rules
from dmvpn.ios.interfaces import split_interface
from dmvpn.ios.session import is_warning

# ------------------------------------------------------------------------------------------------ the interpreter


#: The privilege level that permits changes, and the level for shows alone.
PRIVILEGED, USER = 15, 1

_CONFIGURE = "Enter configuration commands, one per line.  End with CNTL/Z."
_TRIES = 3
_ONLY_15 = Outcome(("% Error: a configuration change needs privilege level 15",), failed=True)
_FROZEN = Outcome(("% Error: this is a recording: it is read-only",), failed=True)
#: Requests that change the session alone.
_OF_SESSION = (
    requests.Leave,
    requests.Enable,
    requests.Disable,
    requests.SetHistory,
    requests.SetMonitor,
    requests.SetScreen,
    requests.SetTimestamps,
)
#: Lines of a paste that are read; what follows is read as commands again.
LONGEST_PASTE = 5000


class Interpreter:
    """One user's state: privilege, mode, and how to read. `users` lists the other sessions, for `show users`."""

    def __init__(
        self,
        handle: RouterHandle,
        session: int,
        *,
        line: TerminalLine = CONSOLE,
        privilege: int = PRIVILEGED,
        users: Callable[[], tuple[User, ...]] | None = None,
        clear: Callable[[int], bool] | None = None,
    ) -> None:
        self.handle = handle
        self.session = session
        self.line = line
        self.privilege = privilege
        self.screen = Screen()
        self._clear = clear or (lambda _: False)
        self._users = users or (lambda: (User(line, here=True),))
        self._parser = exec_parser(handle.features)
        self._draft: Draft | None = None
        self._merging = Merging(handle, session, lambda: self.line.who)
        self._filing = Filing(handle, self._merging, lambda: self.system.file_prompts_quiet)
        self._capturing = Capturing(handle, session, self._filing)
        self._archiving = Archiving(handle, session, self._filing, lambda: self.line.who)

    @property
    def prompt(self) -> str:
        """The text before the next line."""
        if self._draft is not None:
            return prompt(self._draft.hostname, self._draft.prompt_mode)
        return prompt(self.handle.context(self.session).hostname, privileged=self.privilege > USER)

    @property
    def configuring(self) -> bool:
        """True in configuration mode."""
        return self._draft is not None

    @property
    def system(self) -> SystemConfig:
        """How the router is configured as a computer: its lines, its log, its secret."""
        return self.handle.context(self.session).machine(SystemMachine).config

    def run(self, text: str, prompt_width: int = 0) -> Outcome:
        """Carry out a line. `prompt_width` aligns the caret with the text behind the prompt."""
        self._archiving.typed()
        if self._draft is not None:
            return self._configure(self._draft, text, prompt_width)
        return self._exec(text, prompt_width)

    def ask(self, show: str) -> object:
        """Return the value of a show instead of its lines. Raises UserError for any other line."""
        match = self._parser.match(show, self.privilege, self._rules)
        if isinstance(match, CliError):
            said = " ".join(text.strip() for text in match.lines() if text.strip(" ^")) or "% Incomplete command."
            if match.kind is ErrorKind.INVALID:  # the caret is in the line itself
                line = without_keys(match.line)
                said = f"{line[: match.column]}^{line[match.column :]}: {said}"
            raise UserError(said)
        if match.command.query is None or match.filters:
            raise UserError("only a show has a value, and filters are for its lines")
        return match.command.query(self._context(match), match.args)

    def run_last(self, text: str, prompt_width: int = 0) -> Outcome:
        """Carry out a line, and leave configuration mode after its questions and computations."""
        return self._then_leave(self.run(text, prompt_width))

    def help(self, text: str) -> list[str]:
        """Return the help of `?` after `text`."""
        if self._draft is not None:
            return self._draft.session.help(text, self.privilege, self._rules, kinds=self._kinds)
        return self._parser.help_lines(text, self.privilege, self._rules, stores=self._may_store, kinds=self._kinds)

    def complete(self, text: str) -> str | None:
        """Return `text` with its last word completed by Tab, or None."""
        if self._draft is not None:
            return self._draft.session.complete(text, self.privilege, self._rules)
        return self._parser.complete(text, self.privilege, self._rules)

    def leave_configuration(self) -> None:
        """Return to exec mode (`end`, Ctrl-Z), which is logged."""
        if self._draft is not None:
            self.settle()
            self._draft = None
            self.handle.post(ConfigurationLeft(self.line.who, self.line.place))

    def _then_leave(self, outcome: Outcome) -> Outcome:
        question, then = outcome.question, outcome.then
        if then is not None:
            return replace(outcome, then=lambda: self._then_leave(then()))
        if question is None:
            self.leave_configuration()
            return outcome
        return replace(
            outcome, question=replace(question, answer=lambda typed: self._then_leave(question.answer(typed)))
        )

    def settle(self) -> None:
        """Put the entered lines into effect: the user now waits for the result."""
        if self._draft is not None:
            self._draft.settle()

    # -------------------------------------------------------------------------------------------- configuration

    @property
    def _rules(self) -> Rules:
        return tuple((rule.words, rule.level) for rule in self.system.rules)

    @property
    def _kinds(self) -> tuple[str, ...]:
        """The kinds of interfaces that this router has: a show is about none of another kind."""
        states = self.handle.context(self.session).ports.interfaces.all()
        return tuple(dict.fromkeys(split_interface(state.name)[0] for state in states))

    @property
    def _may_store(self) -> bool:
        """True if shows may write files."""
        return self.privilege >= PRIVILEGED

    def _configure(self, draft: Draft, text: str, prompt_width: int) -> Outcome:
        question = draft.session.asks(text)
        if question:
            return confirm(question, lambda: self._enter_line(draft, text, prompt_width))
        seal = draft.session.sealing(text, self.handle.entropy)
        if seal is None:
            return self._enter_line(draft, text, prompt_width)
        return replace(self._enter_line(draft, aside(seal), prompt_width), private=True)

    def _enter_line(self, draft: Draft, text: str, prompt_width: int) -> Outcome:
        result = draft.enter(text, prompt_width)
        if result.ended:
            self.leave_configuration()
        if result.refused:
            match = self._parser.match(text, self.privilege, self._rules)
            # A command that IOS has in configuration mode is no line of a configuration: `crypto pki import`.
            if isinstance(match, Match) and match.command.configures:
                self.settle()
                return self._run_match(match)
        if result.exec_line is not None:
            self.settle()
            return self._exec(result.exec_line, prompt_width + len(text.rstrip()) - len(result.exec_line.rstrip()))
        return Outcome((*result.output_lines, *draft.session.hint(result)), failed=result.refused)

    # -------------------------------------------------------------------------------------------- exec

    def _exec(self, text: str, prompt_width: int) -> Outcome:
        match = self._parser.match(text, self.privilege, self._rules, stores=self._may_store)
        if isinstance(match, CliError):
            return Outcome(match.lines(prompt_width), failed=match.kind is not ErrorKind.EMPTY)
        return self._run_match(match)

    def _run_match(self, match: Match) -> Outcome:
        if match.command.query is not None:
            lines = match.lines(self._context(match))
            if self.screen.timestamps and not match.wants_json:
                lines = chain(timestamp(self._view()), lines)
            return Outcome(lines) if match.stored is None else self._filing.keep(match.stored, lines)
        if match.command.action is None:
            return NOTHING
        try:
            wish = match.command.action(self._view(), match.args)
        except UserError as error:
            return Outcome((f"% {error}",), failed=True)
        return self._act(wish)

    def _view(self) -> ShowContext:
        """Return the view of a command: `privilege exec` lets lower levels use commands, without keys in the output."""
        return self.handle.context(self.session, hides=self.privilege < PRIVILEGED)

    def _context(self, match: Match) -> object:
        view = self._view()
        if match.command not in SESSION_SHOWS:
            return view
        return SessionContext(
            view=view,
            startup_text=self.handle.startup_text,
            flash=self.handle.flash,
            captures=self.handle.captures,
            privilege=self.privilege,
            history=tuple(self.screen.history),
            screen=self.screen,
            users=self._users(),
        )

    def _act(self, wish: object) -> Outcome:
        """Carry out the result of an action: an event for the router, or a request to the session."""
        if self.handle.is_frozen and not isinstance(wish, _OF_SESSION):
            return _FROZEN
        match wish:
            case Job():
                self.handle.post(wish)
                return Outcome(job=True)
            case Event():
                self.handle.post(wish)
                return NOTHING
            case Confirm():
                return confirm(wish.prompt, lambda: self._act(wish.event))
            case Ask():
                return Outcome(wish.said, question=self._ask(wish), settled=True)
            case Compute():
                return Outcome(wish.said, then=lambda: self._change(aside(wish.work)), settled=True)
            case Change():
                return self._change(wish)
            case CaptureRequest():
                return self._capturing.carry_out(wish)
            case requests.Request():
                return self._carry_out(wish)
            case _:
                return NOTHING

    def _ask(self, wish: Ask) -> Question:
        if not wish.many:
            return Question(wish.prompt, lambda typed: self._act(wish.then(typed)), scripted=True)
        lines: list[str] = []

        def answer(typed: str) -> Outcome:
            ended = typed.strip() == "quit" or not (typed.strip() or _is_inside_pem(lines))
            if ended or len(lines) == LONGEST_PASTE:
                return self._act(wish.then("\n".join(lines)))
            lines.append(typed)
            return Outcome(question=question)

        question = Question("", answer, scripted=True)
        return question

    def _change(self, wish: Change) -> Outcome:
        if wish.failed:
            return Outcome(wish.said, failed=True, settled=True)
        for event in wish.events:
            self.handle.post(event)
        complaints: tuple[str, ...] = ()
        if wish.lines:
            complaints = self._merging.merge("\n".join(wish.lines))
        return Outcome((*wish.said, *complaints), failed=bool(complaints), settled=True)

    def _carry_out(self, request: requests.Request) -> Outcome:
        if self.privilege < PRIVILEGED and _changes_what_runs(request):
            return _ONLY_15
        match request:
            case requests.Leave():
                return Outcome(closed=True)
            case requests.Configure(ask=True):
                question = "Configuring from terminal, memory, or network [terminal]? "
                return Outcome(question=Question(question, self._configure_from))
            case requests.Configure(minutes=0):
                return self._configure_from("")
            case requests.Configure(minutes=minutes, idle=idle):
                said = self._archiving.change_for(minutes, idle=idle)
                return said if isinstance(said, Outcome) else self._configure_from("", said)
            case requests.Replace():
                return self._archiving.replace(request)
            case requests.Revert(minutes=later, idle=idle):
                return self._archiving.revert(later, idle=idle)
            case requests.ConfirmChange():
                return self._archiving.confirm()
            case requests.ArchiveNow():
                return self._archiving.archive()
            case requests.Enable(level=level):
                return self._enable(level)
            case requests.Disable(level=level):
                self.privilege = min(self.privilege, level)
                return NOTHING
            case requests.Save():
                return self._archiving.save()
            case requests.Copy(source=source, target=target):
                return self._filing.copy(source, target)
            case requests.Delete(place=place, force=force):
                return self._filing.delete(place, force=force)
            case requests.ClearLine(number=number):
                return confirm("[confirm]", lambda: self._clear_line(number))
            case requests.EraseStartup():
                return confirm(
                    "Erasing the nvram filesystem will remove all configuration files! Continue? [confirm]",
                    self._filing.erase,
                )
            case requests.Reload():
                return Outcome(
                    ("% Error: reload is not possible from here; restart the router with the command that runs it",),
                    failed=True,
                )
            case requests.SetMonitor(on=True) if self.line.is_console:
                return Outcome(("% Console already monitors",))
            case requests.SetScreen() | requests.SetMonitor() | requests.SetTimestamps() | requests.SetHistory():
                self.screen.set(request)
        return NOTHING

    def _clear_line(self, number: int) -> Outcome:
        if not self._clear(number):
            return Outcome(("% That line is not in use",), failed=True)
        return Outcome((" [OK]",))

    def _configure_from(self, source: str, said: tuple[str, ...] = ()) -> Outcome:
        if not "terminal".startswith(source.strip().lower()):
            return Outcome(("% Error: configuration comes from the terminal only",), failed=True)
        for feature in self.handle.features:
            if isinstance(feature.machine, Sleeper):
                aside(feature.machine.imported)  # its first line shall not wait for that, nor the router
        self._draft = Draft(self.handle, self._parser, self.session, self.line.who)
        return Outcome((*said, _CONFIGURE))

    # -------------------------------------------------------------------------------------------- privilege

    def _enable(self, level: int) -> Outcome:
        secret = self.system.secret(level)
        if secret is not None and self.privilege < level:
            return Outcome(question=self._password(*secret, level, _TRIES))
        if self.privilege < level and not self.line.is_console:
            return Outcome(("% No password set",), failed=True)
        self.privilege = level
        return NOTHING

    def _password(self, kind: int, secret: str, level: int, tries: int) -> Question:
        def answer(typed: str) -> Outcome:
            if aside(lambda: is_right(kind, secret, typed)):
                self.privilege = level
                return NOTHING
            if tries > 1:
                return Outcome(question=self._password(kind, secret, level, tries - 1))
            return Outcome(("% Bad secrets", ""), failed=True)

        return Question("Password: ", answer, secret=True)


def _changes_what_runs(request: requests.Request) -> bool:
    """Return whether a request puts a configuration into effect, at once or at the next start.

    Saving the running configuration does not count: `privilege exec level 5 write memory` permits exactly that.
    """
    match request:
        case requests.Configure() | requests.Replace() | requests.Revert() | requests.ConfirmChange():
            return True
        case requests.Copy(source=source, target=target):
            return target.is_running or (target.is_startup and not source.is_running)
        case _:
            return False


def _is_inside_pem(lines: list[str]) -> bool:
    """Return whether a block of PEM has begun that did not end.

    An encrypted key has an empty line behind its headers.
    """
    begun = sum(line.startswith("-----BEGIN ") for line in lines)
    return begun > sum(line.startswith("-----END ") for line in lines)


# --------------------------------------------------------------------------------------------- lines without a terminal


#: Lines of output made at a time.
CHUNK = 500


class OneShot:
    """A few lines carried out one after the other on one router."""

    def __init__(
        self,
        handle: RouterHandle,
        session: int,
        lines: Iterable[str],
        *,
        line: TerminalLine = CONSOLE,
        privilege: int = PRIVILEGED,
        users: Callable[[], tuple[User, ...]] | None = None,
        clear: Callable[[int], bool] | None = None,
    ) -> None:
        self.status = 0
        self.done = False
        self._handle = handle
        self._number = session
        self._interpreter = Interpreter(handle, session, line=line, privilege=privilege, users=users, clear=clear)
        self._lines = deque(lines)
        self._outcome: Outcome | None = None
        self._output: Iterator[str] = iter(())
        self._notes: deque[JobOutput | JobDone] = deque()
        self._first = True

    def effect(self, effect: Effect) -> None:
        """Take note of an effect of the router: what the job of this session says."""
        if isinstance(effect, JobOutput | JobDone) and effect.session == self._number:
            self._notes.append(effect)

    def step(self) -> str:
        """Return the next piece of output; "" while a job is running, and when all is done."""
        while not self.done:
            if self._outcome is None:
                self._run_next()
                continue
            text = "".join(f"{line}\n" for line in breathing(islice(self._output, CHUNK)))
            if self._outcome.job and not text:
                if not self._notes:
                    return ""
                text = ""
                while self._notes:
                    note = self._notes.popleft()
                    if isinstance(note, JobDone):
                        self._outcome = None
                        break
                    text += note.text
            elif not text:
                self._finish(self._outcome)
            if text:
                settled = self._outcome is not None and self._outcome.settled
                if self._first and text.startswith("%") and not settled and not is_warning(text):
                    self.status = 1
                self._first = False
                return text
        return ""

    def abort(self) -> None:
        """Break off the running job, and discard the remaining lines."""
        self._lines.clear()
        if self._outcome is not None and self._outcome.job:
            self._handle.post(JobAborted(self._number))
        self._output = iter(())

    def _run_next(self) -> None:
        if not self._lines:
            self._interpreter.leave_configuration()
            self.done = True
            return
        typed = self._lines.popleft()
        asks = typed.rstrip().endswith("?")
        outcome = self._help(typed) if asks and not self._interpreter.configuring else self._interpreter.run(typed)
        if asks and outcome.failed:  # it is not the text of a description
            outcome = self._help(typed)
        lines = list(outcome.lines) if outcome.failed else outcome.lines
        # A caret alone is useless: the line was not echoed.
        if outcome.failed and [line.strip() for line in lines][:1] == ["^"]:
            lines = [without_keys(typed), *lines]
        self._go_on(outcome, lines)

    def _help(self, typed: str) -> Outcome:
        return Outcome(tuple(self._interpreter.help(typed.rstrip().removesuffix("?"))))

    def _go_on(self, outcome: Outcome, lines: Iterable[str] | None = None) -> None:
        self.status |= outcome.failed
        self._begin(outcome, outcome.lines if lines is None else lines)

    def _begin(self, outcome: Outcome, lines: Iterable[str]) -> None:
        self._outcome, self._output, self._first = outcome, iter(lines), True

    def _finish(self, outcome: Outcome) -> None:
        self._outcome = None
        if outcome.closed:
            self._lines.clear()
        elif outcome.then is not None:
            self._go_on(outcome.then())
        elif outcome.question is not None:
            if outcome.question.scripted and not self._lines:
                self.status = 1
                self._begin(Outcome(failed=True), ["% The script ended before it answered a question"])
                return
            if outcome.question.unanswered:
                self.status = 1
                self._begin(Outcome(failed=True), [outcome.question.unanswered])
                return
            self._go_on(outcome.question.answer(self._lines.popleft() if outcome.question.scripted else ""))
