"""The meaning of a line that is typed completely or partly: for code that explains commands instead of running them.

begun(grammar, text)   the entries that it may be, what its words mean, and what may follow
understood(entry, ...) the same of a line that was understood already
summary(entry)         what an entry is for, in one clause
keywords(entry)        all fixed words of an entry, wherever they are
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from dmvpn.base.values import Value
from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.grammar import ExecCommand, keyword_names, naming_keywords
from dmvpn.ios.matcher import COMMON_WORDS, Alternatives, Grammar, help_text, tokenize

E = TypeVar("E", ConfigLine, ExecCommand)


class Begun(Value, Generic[E]):
    """A line as far as it goes.

    entries: that it is, or may become.
    words: each with its text, values by their text.
    complete: it may end here.
    following: what may come next, with a text each.
    """

    entries: tuple[E, ...]
    words: tuple[tuple[str, str], ...]
    complete: bool
    following: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The line in full words."""
        return " ".join(word for word, _ in self.words)

    @property
    def what(self) -> str:
        """The texts of its words, without the ones that do not describe this command ("ip", "show")."""
        texts = dict.fromkeys(text for word, text in self.words if text and text != COMMON_WORDS.get(word))
        return "".join(f"{text}. " for text in texts or (text for _, text in self.words if text)).rstrip()


def begun(grammar: Grammar[E], text: str) -> Begun[E] | None:
    """Understand a line, cut or whole. None: no line begins so."""
    tokens = tokenize(text)
    walk = grammar.walk(text, tokens)
    if not tokens or walk.error is not None or not walk.threads:
        return None
    best = walk.best()
    entries = (best[0],) if best else tuple({line: None for thread in walk.threads for line in thread.place.lines})
    thread = best[1] if best else walk.threads[0]
    following = tuple(Alternatives(walk, "").rows.items())
    return Begun(entries, _with_texts(entries, thread.args().words), best is not None, following)


def understood(entry: E, words: Sequence[str]) -> Begun[E]:
    """Return a line that was understood as this entry. words: of it, in full."""
    return Begun((entry,), _with_texts((entry,), words), complete=True, following=())


def _with_texts(entries: Sequence[E], words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((word, help_text(entries, word)) for word in words)


def summary(entry: ConfigLine | ExecCommand) -> str:
    """Return the help text that says what an entry is for."""
    if isinstance(entry.help, str):
        return entry.help
    leading = naming_keywords(entry.syntax)
    own = [word for word in leading if word in entry.help]
    if own:
        return entry.help[own[-1]]
    return next(iter(entry.help.values()), "") or help_text((entry,), leading[-1])


def keywords(entry: ConfigLine | ExecCommand) -> Sequence[str]:
    """Return all fixed words of an entry."""
    return keyword_names(entry.syntax)
