"""Key chains of two ends that send with their lowest valid key, as EIGRP and RIP do: comparison, and lines to change.

compare_keys   the keys of two ends
key_lines      lines that give one end the key of the other
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.placeholder import SECRET
from dmvpn.base.terms import Likeness
from dmvpn.ios.common import KEY, KEY_ACCEPT, KEY_CHAIN, KEY_SEND, KEY_STRING
from dmvpn.ios.hidden_secrets import compare, together

if TYPE_CHECKING:
    from dmvpn.base.keychains import Key


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
    own, opening = {key.number: key for key in mine}, KEY_CHAIN.of(name=chain)
    for key in theirs:
        known = own.get(key.number, key)
        lifetimes = ((KEY_ACCEPT, known.accept, key.accept), (KEY_SEND, known.send, key.send))
        spare = [line.no() for line, here, there in lifetimes if here is not None and here != there]
        if spare:
            return opening, KEY.of(number=key.number), *spare
    numbers = [key.number for key in theirs] or [1]
    earlier = [KEY.no(number=number) for number in own if number < numbers[0] and number not in numbers]
    return opening, *earlier, KEY.of(number=numbers[0]), KEY_STRING.of(secret=SECRET)
