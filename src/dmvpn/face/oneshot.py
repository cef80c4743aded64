"""Lines without a terminal: `dmvpn -r R31 show dmvpn`, and scripts from a pipe. No echo, no prompt, no pages.

The host calls `step` until `done`, and sends what it gives; an empty answer means that a job (a ping) is still running
and that `effect` will bring news. Questions are answered as with Return, those for text (a certificate) with the lines
that follow. A `?` at the end of a line is help, except behind words that a configuration line takes. `status` is 1 if
a line was refused or its answer begins with `%`, else 0, for shell scripts.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from dmvpn.base.breath import breathing
from dmvpn.base.effects import Effect, JobDone, JobOutput
from dmvpn.base.events import JobAborted
from dmvpn.face.context import CONSOLE, RouterHandle, TerminalLine
from dmvpn.face.interpreter import PRIVILEGED, Interpreter
from dmvpn.face.requests import Outcome
from dmvpn.ios.errors import without_keys
from dmvpn.ios.session import is_warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dmvpn.face.context import User

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
                text = self._job_output()
            elif not text:
                self._finish(self._outcome)
            if text:
                return self._judge(text)
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
                self._begin(Outcome(failed=True), ["% The script ended before what it was asked for"])
                return
            if outcome.question.unanswered:
                self.status = 1
                self._begin(Outcome(failed=True), [outcome.question.unanswered])
                return
            self._go_on(outcome.question.answer(self._lines.popleft() if outcome.question.scripted else ""))

    def _job_output(self) -> str:
        text = ""
        while self._notes:
            note = self._notes.popleft()
            if isinstance(note, JobDone):
                self._outcome = None
                break
            text += note.text
        return text

    def _judge(self, text: str) -> str:
        """Return the outcome of an answer, which is a refusal if it begins with `%`."""
        settled = self._outcome is not None and self._outcome.settled
        if self._first and text.startswith("%") and not settled and not is_warning(text):
            self.status = 1
        self._first = False
        return text
