"""The outcome of a line: lines to show, then perhaps a question, a job to wait for, or the end of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True, slots=True)
class Question:
    """A question that must be answered before the next command.

    one_key: Return or `y` agrees, any other key does not.
    secret: the answer is not echoed.
    answer: called with the typed text (one_key: "" or "y" agrees).
    scripted: in a script, the next line is the answer; otherwise a script answers with an empty line.
    unanswered: in a script, print this instead of an empty answer, and fail.
    """

    prompt: str
    answer: Callable[[str], Outcome]
    one_key: bool = False
    secret: bool = False
    scripted: bool = False
    unanswered: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a line.

    lines: to be shown, made while they are shown.
    failed: it was refused.
    settled: `failed` alone decides, though its lines may begin with `%`.
    question: to be asked next.
    job: wait until the router says `JobDone`.
    then: work that takes long, to be done after these lines have been sent.
    private: the line has a secret, and must not appear in the history as it was typed.
    closed: the session is over.
    """

    lines: Iterable[str] = ()
    failed: bool = False
    settled: bool = False
    question: Question | None = None
    job: bool = False
    then: Callable[[], Outcome] | None = None
    private: bool = False
    closed: bool = False


NOTHING: Final = Outcome()


def confirm(text: str, agreed: Callable[[], Outcome]) -> Outcome:
    """Ask for one key: Return or `y` agrees."""

    def answer(typed: str) -> Outcome:
        return agreed() if typed.lower() in ("", "y") else NOTHING

    return Outcome(question=Question(text, answer, one_key=True))
