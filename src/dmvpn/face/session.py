"""A session at a terminal: the prompt, the editor, the pager, questions, jobs and log messages. Bytes in, bytes out.

    bytes --> LineEditor --> line --> Interpreter --> Outcome --> Pager --> bytes
    ConsoleLine, JobOutput, JobDone ------------------------------------^

It owns no socket, clock or task. Its host calls `start` once, `feed` when bytes arrive, `effect` for every effect of
the router; and after each of these sends what `take_output` gives. `effect` only takes notes, as the router may
be in the middle of an event. When the host has time again it calls `pump`, which shows them (`feed` does so itself).
Between two lines, and between two pieces of a long show, `feed` breathes: the host may send the output so far, and
other sessions continue.

Keystrokes that arrive while a command runs are kept and read when the prompt is back, as type-ahead at a real terminal.
Log messages wait while a page is on the screen.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable

from dmvpn.base.breath import BrokenOff, breathe, breathing
from dmvpn.base.effects import ConsoleLine, Effect, JobDone, JobOutput
from dmvpn.base.events import JobAborted
from dmvpn.face.context import CONSOLE, RouterHandle, Screen, TerminalLine, User
from dmvpn.face.interpreter import PRIVILEGED, Interpreter
from dmvpn.face.requests import Outcome, Question
from dmvpn.ios import editor
from dmvpn.ios.pager import Pager

#: Effects that wait to be shown. More means that the router talks faster than a person reads: the oldest are dropped.
MAX_NOTES = 10_000

Events = list[editor.EditorEvent]


class _State(enum.Enum):
    """The input or event that the session waits for."""

    COMMAND = "a line at the prompt"
    ANSWER = "a line that answers a question"
    AGREEMENT = "a key that answers a question"
    PAGE = "a key at --More--"
    JOB = "the router, to finish a command"
    CLOSED = "nothing any more"


class ConsoleSession:
    """One terminal on one router. `users` lists the other sessions, for `show users`."""

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
        self._handle = handle
        self._number = session
        self._interpreter = Interpreter(handle, session, line=line, privilege=privilege, users=users, clear=clear)
        self._editor = editor.LineEditor()
        self._set_up_screen()
        self._state = _State.COMMAND
        self._question: Question | None = None
        self._pager: Pager | None = None
        self._after_pages: Callable[[], Events] = list
        self._notes: deque[Effect] = deque(maxlen=MAX_NOTES)
        self._output = bytearray()
        self._at_line_start = True
        self._is_given_up = False
        #: `type_ahead` saw the key that breaks a job off.
        self._breaks_job = False

    def _set_up_screen(self) -> None:
        """Set up the screen as `line con 0` or `line vty 0 4` say; the usual 24 lines and 80 columns give way to the
        window's size.
        """
        line, screen = self._interpreter.line, self._interpreter.screen
        configured, usual = self._interpreter.system.line(line.kind, line.number), Screen()
        screen.length = configured.length if configured.length != usual.rows else None
        screen.width = configured.width if configured.width != usual.columns else None
        screen.history_size = configured.history
        screen.history = self._editor.history
        self._follow_settings()

    # -------------------------------------------------------------------------------------------- the host's doors

    @property
    def screen(self) -> Screen:
        """The size of the terminal, and its settings."""
        return self._interpreter.screen

    @property
    def closed(self) -> bool:
        """True if the user has left; `take_output` then returns the last octets."""
        return self._state is _State.CLOSED

    @property
    def line(self) -> TerminalLine:
        """The line on which the user sits."""
        return self._interpreter.line

    @property
    def idle_limit(self) -> int:
        """Seconds of silence after which the host calls `hang_up`; 0: never."""
        line = self._interpreter.line
        return self._interpreter.system.line(line.kind, line.number).timeout

    def start(self, banner: str = "") -> None:
        """Show the banner and the prompt."""
        if banner:
            self._show(_crlf(banner))
        self._run(self._prompt())

    def feed(self, data: bytes) -> None:
        """Process keystrokes."""
        if not self.closed:
            if self._breaks_job and self._state is _State.JOB:
                self._handle.post(JobAborted(self._number))
            self._breaks_job = False
            self._run(self._editor.feed(data))
            self._interpreter.settle()
            self.pump()

    def effect(self, effect: Effect) -> None:
        """Take note of an effect of the router."""
        if isinstance(effect, ConsoleLine) or (
            isinstance(effect, JobOutput | JobDone) and effect.session == self._number
        ):
            self._notes.append(effect)

    def pump(self) -> None:
        """Show the notes of `effect`, and continue if a job is done."""
        if self._state in (_State.PAGE, _State.CLOSED):
            return
        if self._show_notes() and self._state is _State.JOB:
            self._run(self._prompt())

    def type_ahead(self, data: bytes) -> bool:
        """Keep keystrokes that arrive while the session breathes (`base/breath.py`). True if they break a command off.

        While the output of a job is shown there is no command: the next `feed` breaks the job off.
        """
        breaks = self._editor.keep(data)
        is_job = self._state is _State.JOB
        self._breaks_job |= breaks and is_job
        return breaks and not is_job

    def give_up(self) -> None:
        """Discard the type-ahead: no client waits for its output."""
        self._is_given_up = True

    def recover(self, complaint: str) -> None:
        """Say that a command failed by a fault of ours, and go on with the next one."""
        self._pager = self._question = None
        self._show((b"" if self._at_line_start else b"\r\n") + _crlf(f"{complaint}\n"))
        self._run(self._prompt())

    @property
    def busy(self) -> bool:
        """True while a job runs; the user is then not idle."""
        return self._state is _State.JOB

    def resize(self, rows: int, columns: int) -> None:
        """Give the window this size; `terminal length` and `terminal width` have the last word."""
        self._interpreter.screen.rows, self._interpreter.screen.columns = rows, columns
        self._follow_settings()

    def hang_up(self) -> None:
        """Hang up, because the connection is gone, or was silent for too long: nothing that was begun stays."""
        if self._state is _State.JOB:
            self._handle.post(JobAborted(self._number))
        self._interpreter.leave_configuration()
        self._state = _State.CLOSED

    def take_output(self) -> bytes:
        """Return the octets to send to the terminal."""
        output = bytes(self._output)
        self._output.clear()
        return output

    # -------------------------------------------------------------------------------------------- reading

    def _run(self, events: Events) -> None:
        """Follow the editor. Any event but `Write` is the last of its list, and is answered with a new list."""
        while events:
            following: Events = []
            for event in events:
                if isinstance(event, editor.Write):
                    self._show(event.data)
                else:
                    following += self._answer_or_break_off(event)
            events = following

    def _answer_or_break_off(self, event: editor.EditorEvent) -> Events:
        try:
            breathe()
            return self._answer(event)
        except BrokenOff:
            self._pager = self._question = None
            if self._is_given_up or self.closed:
                return []
            self._show(b"" if self._at_line_start else b"\r\n")
            return self._prompt()

    def _answer(self, event: editor.EditorEvent) -> Events:
        match event:
            case editor.LineEnded(text=text):
                return self._entered(text)
            case editor.CtrlZ(text=text):
                return self._ended(text)
            case editor.Help() | editor.Complete() if self._question is not None:
                return (
                    self._editor.show_help(()) if isinstance(event, editor.Help) else self._editor.show_completion(None)
                )
            case editor.Help(text=text):
                return self._page(self._interpreter.help(text), self._resume)
            case editor.Complete(text=text):
                return self._editor.show_completion(self._interpreter.complete(text))
            case editor.KeyPressed(char=char):
                return self._key(char)
            case editor.Interrupt() if self._state is _State.PAGE:
                return self._key("\x03")
            case editor.Interrupt():
                if self._state is _State.AGREEMENT:
                    self._show(b"\r\n")
                if self._question is None:
                    self._interpreter.leave_configuration()
                self._question = None
                return self._prompt()
            case editor.Abort():
                if self._state is _State.JOB:
                    self._handle.post(JobAborted(self._number))
        return []

    def _entered(self, text: str) -> Events:
        question, self._question = self._question, None
        if question is not None:
            if text in self._editor.history[-1:]:
                self._editor.history.pop()
            return self._begin(question.answer(text))
        outcome = self._interpreter.run(text, len(self._interpreter.prompt))
        if outcome.private and text in self._editor.history[-1:]:
            self._editor.history.pop()
        return self._begin(outcome)

    def _ended(self, text: str) -> Events:
        """Handle Ctrl-Z: a line that was typed before it is still carried out."""
        if not self._interpreter.configuring or self._question is not None:
            self._question = None
            return self._prompt()
        return self._begin(self._interpreter.run_last(text, len(self._interpreter.prompt)))

    def _key(self, char: str) -> Events:
        if self._pager is not None:
            self._show_all(self._pager.key(char))
            return self._turn_page()
        question, self._question = self._question, None
        if question is None:
            return []
        self._show((char if char.isprintable() else "").encode() + b"\r\n")
        return self._begin(question.answer("" if char == "\r" else char))

    # -------------------------------------------------------------------------------------------- showing

    def _begin(self, outcome: Outcome) -> Events:
        """Show the output of a line; then its question, its job, or the next prompt."""
        self._follow_settings()
        return self._page(outcome.lines, lambda: self._finish(outcome))

    def _page(self, lines: Iterable[str], then: Callable[[], Events]) -> Events:
        screen = self._interpreter.screen
        self._pager = Pager(lines, length=screen.page, width=screen.line)
        self._after_pages = then
        self._show_all(self._pager.start())
        return self._turn_page()

    def _show_all(self, pieces: Iterable[bytes]) -> None:
        for piece in breathing(pieces):
            self._show(piece)

    def _turn_page(self) -> Events:
        if self._pager is not None and not self._pager.done:
            self._state = _State.PAGE
            return self._editor.read_key()
        self._pager = None
        return self._after_pages()

    def _resume(self) -> Events:
        """Return to the line at which `?` was pressed."""
        self._state = _State.COMMAND
        return self._editor.resume()

    def _finish(self, outcome: Outcome) -> Events:
        if outcome.closed:
            self.hang_up()
            return []
        if outcome.then is not None:
            return self._begin(outcome.then())
        if outcome.question is not None:
            self._question = outcome.question
            if outcome.question.one_key:
                self._state = _State.AGREEMENT
                return self._editor.read_key(outcome.question.prompt)
            self._state = _State.ANSWER
            return self._editor.start(outcome.question.prompt, echo=not outcome.question.secret)
        if outcome.job:
            self._state = _State.JOB
            return self._prompt() if self._show_notes() else []
        return self._prompt()

    def _prompt(self) -> Events:
        """Show the notes of the last command, and read the next one."""
        self._show_notes()
        self._state = _State.COMMAND
        return self._editor.start(self._interpreter.prompt)

    def _show_notes(self) -> bool:
        """Show the notes of `effect`. True if the session's job is done."""
        done = False
        while self._notes:
            match self._notes.popleft():
                case ConsoleLine(text=text, severity=severity):
                    if self._wants(severity):
                        self._show_message(text)
                case JobOutput(text=text):
                    self._show(_crlf(text))
                case JobDone():
                    done = True
        return done

    def _wants(self, severity: int) -> bool:
        """Return whether this line shows messages of this severity: the console always, others after `terminal
        monitor`.
        """
        log = self._interpreter.system.logging
        if self._interpreter.line.is_console:
            level = log.console
        else:
            level = log.monitor if log.enabled and self._interpreter.screen.monitor else None
        return level is not None and severity <= level

    def _show_message(self, text: str) -> None:
        """Show a log message on a line of its own. With `logging synchronous` the interrupted input is repeated."""
        line = self._interpreter.line
        reading = self._state in (_State.COMMAND, _State.ANSWER)
        if reading and self._interpreter.system.line(line.kind, line.number).synchronous:
            for event in self._editor.interject([text], redraw=True):
                if isinstance(event, editor.Write):
                    self._show(event.data)
            return
        self._show((b"" if self._at_line_start else b"\r\n") + text.encode() + b"\r\n")

    def _show(self, data: bytes) -> None:
        if data:
            self._output += data
            self._at_line_start = data.endswith(b"\n")

    def _follow_settings(self) -> None:
        screen = self._interpreter.screen
        self._editor.width, self._editor.history_size = screen.line, screen.history_size


def _crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
