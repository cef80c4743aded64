"""Lines to change where the authentication of a routing protocol fails between two ends: the lines of key chains.

Secrets are not shown. A difference between two secrets has symptoms but cannot be seen; the rest of a key chain can be
compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.placeholder import SECRET, Blank
from dmvpn.base.terms import Likeness
from dmvpn.base.values import dataclass
from dmvpn.ios.common import KEY, KEY_ACCEPT, KEY_CHAIN, KEY_SEND, KEY_STRING
from dmvpn.ios.hidden_secrets import SecretPlace, compare, question, together
from dmvpn.ios.keychains import key_chains
from dmvpn.tools.doctor.configuration import device

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.keychains import Key
    from dmvpn.ios import Section
    from dmvpn.router.facts import RouterFacts

_LIFETIMES: Final = (KEY_ACCEPT, KEY_SEND)


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """A router that authenticates with a key chain. chain: its name; "": the router uses none there."""

    router: str
    facts: RouterFacts
    chain: str


def chain_lines(mine: ChainEnd, theirs: ChainEnd) -> tuple[str, ...]:
    """Return the lines that give a router a key of the other end; the reader knows its text."""
    name = mine.chain or theirs.chain or Blank("name")
    here, there = _keys(mine.facts, name), _keys(theirs.facts, theirs.chain)
    opening = KEY_CHAIN.of(name=name)
    for number, section in there.items():
        own = here.get(number)
        if own is None:
            continue
        missing = [line for line in _terms(section) if line not in _terms(own)]
        spare = [line.no() for line in _LIFETIMES if own.get(line) is not None and section.get(line) is None]
        if missing or spare:
            return (opening, KEY.of(number=number), *missing, *spare)
    number = next(iter(there), 1)
    terms = _terms(there[number]) if number in there and number not in here else []
    return (opening, KEY.of(number=number), KEY_STRING.of(secret=SECRET), *terms)


def compare_chains(mine: ChainEnd, theirs: ChainEnd) -> Likeness:
    """Compare the keys of two ends: their numbers, algorithms and lifetimes, then their texts."""
    here, there = _models(mine), _models(theirs)
    if here.keys() != there.keys():
        return Likeness.DIFFERENT
    return together(_compare(key, there[number]) for number, key in here.items())


def chain_question(mine: ChainEnd, theirs: ChainEnd) -> str:
    """Return the question whether the hidden keys of two ends are the same."""
    number = next(iter(_models(mine)), 1)
    line = f"{KEY.of(number=number)} / key-string"
    return question(*(SecretPlace(one.router, KEY_CHAIN.of(name=one.chain), line) for one in (mine, theirs)))


def _compare(mine: Key, theirs: Key) -> Likeness:
    terms = [(one.algorithm, one.accept, one.send) for one in (mine, theirs)]
    return together((Likeness.of(terms[0] == terms[1]), compare(mine.text, theirs.text)))


def _models(end: ChainEnd) -> Mapping[int, Key]:
    chains = key_chains(device(end.facts).tree)
    return {key.number: key for chain in chains if chain.name == end.chain for key in chain.keys}


def _keys(facts: RouterFacts, chain: str) -> dict[int, Section]:
    """Return the section of each key in a chain, by its number, in the order of the running configuration."""
    section = device(facts).tree.section(KEY_CHAIN, name=chain)
    return {args.integer("number"): inner for args, inner in (section.sections(KEY) if section is not None else ())}


def _terms(key: Section) -> list[str]:
    """Return all lines of a key but its text."""
    return [one.text for one in key.statements() if one.line is not KEY_STRING]
