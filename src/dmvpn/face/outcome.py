"""What a line did: lines to show, then perhaps a question, a job to wait for, or the end of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True, slots=True)
class Question:
    """Something that must be answered before the next command.

    one_key: Return or `y` agrees, any other key does not.
    secret: what is typed must not be seen.
    answer: what to do with the text typed (one_key: "" or "y" agrees).
    scripted: where nobody types, the next line of the script is the answer, and not an empty one.
    unanswered: where nobody types, this is printed instead of taking an empty answer, and the line fails.
    """

    prompt: str
    answer: Callable[[str], Outcome]
    one_key: bool = False
    secret: bool = False
    scripted: bool = False
    unanswered: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a line did.

    lines: to be shown, made while they are shown.
    failed: it was refused.
    settled: `failed` is the whole truth, though its lines may begin with `%`.
    question: to be asked next.
    job: wait until the router says `JobDone`.
    then: what it does when these lines have been sent, for that takes long.
    private: the line has a secret, and is not to be remembered as it was typed.
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
