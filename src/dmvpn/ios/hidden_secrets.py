"""Comparison of secrets that are not shown: a hidden secret is unknown, so it equals no other secret for certain.

compare     two secrets                 together     the result for all settings of two ends
question    what the reader must compare, since the doctor cannot see it

Key chains of two ends that send with their lowest valid key, as EIGRP and RIP do: comparison, and lines to change.

compare_keys   the keys of two ends
key_lines      lines that give one end the key of the other
"""

from __future__ import annotations

from collections.abc import Iterable

from dmvpn.base.credentials import Key
from dmvpn.base.placeholder import SECRET
from dmvpn.base.terms import Likeness
from dmvpn.base.values import Value
from dmvpn.ios.common import KEY, KEY_ACCEPT, KEY_CHAIN, KEY_SEND, KEY_STRING
from dmvpn.ios.grammar import HIDDEN


class SecretPlace(Value):
    """A line with a secret. section: the lines that open its section."""

    router: str
    section: str
    line: str

    def __str__(self) -> str:
        words = " ".join(word for word in self.line.split() if not is_hidden(word))
        of_section = f" of '{self.section}'" if self.section else ""
        return f"'{words}'{of_section} at {self.router}"


def is_hidden(secret: str) -> bool:
    """Return whether a secret was replaced, by the mark of a known line or by asterisks."""
    return HIDDEN in secret or SECRET in secret or (bool(secret) and not secret.strip("*"))


def compare(mine: str, theirs: str) -> Likeness:
    """Compare two secrets; "": there is none."""
    if mine and theirs and (is_hidden(mine) or is_hidden(theirs)):
        return Likeness.UNKNOWN
    return Likeness.of(mine == theirs)


def together(found: Iterable[Likeness]) -> Likeness:
    """Return the result for several comparisons: a difference that is shown decides."""
    results = set(found)
    return next((one for one in (Likeness.DIFFERENT, Likeness.UNKNOWN) if one in results), Likeness.SAME)


def question(mine: SecretPlace, theirs: SecretPlace) -> str:
    """Return the observation that decides."""
    return f"secrets are not shown here: is {mine} the same as {theirs}?"


def compare_keys(mine: tuple[Key, ...], theirs: tuple[Key, ...]) -> Likeness:
    """Compare the keys of two ends. UNKNOWN: it depends on the time, or a key is hidden."""
    return together((_accepted(mine, theirs), _accepted(theirs, mine))) if mine or theirs else Likeness.SAME


def _accepted(sent: tuple[Key, ...], known: tuple[Key, ...]) -> Likeness:
    """Return whether one end accepts each key with which the other may send."""
    found: list[Likeness] = []
    for key in sent:
        other = next((one for one in known if one.number == key.number), None)
        likeness = compare(key.text, other.text) if other is not None else Likeness.DIFFERENT
        if other is not None and likeness is Likeness.SAME and (key.accept, key.send) != (other.accept, other.send):
            likeness = Likeness.UNKNOWN
        found.append(likeness)
        if key.send is None:
            break  # it is always valid, so no later key is sent
    differ = [one is Likeness.DIFFERENT for one in found]
    return Likeness.UNKNOWN if any(differ) and not all(differ) else together(found) if found else Likeness.DIFFERENT


def key_lines(chain: str, mine: tuple[Key, ...], theirs: tuple[Key, ...]) -> tuple[str, ...]:
    """Return the lines that give a key chain the first key of the other end; the reader knows its text."""
    own, opening = {key.number: key for key in mine}, KEY_CHAIN.line(name=chain)
    for key in theirs:
        known = own.get(key.number, key)
        lifetimes = ((KEY_ACCEPT, known.accept, key.accept), (KEY_SEND, known.send, key.send))
        spare = [line.no() for line, here, there in lifetimes if here is not None and here != there]
        if spare:
            return opening, KEY.line(number=key.number), *spare
    numbers = [key.number for key in theirs] or [1]
    earlier = [KEY.no(number=number) for number in own if number < numbers[0] and number not in numbers]
    return opening, *earlier, KEY.line(number=numbers[0]), KEY_STRING.line(secret=SECRET)
