"""Configurations that differ in a host name and addresses alone, as those of a simulation's thousands of spokes.

    Likes.made(text, features)    the tree and the models of a text, as if it were read line by line

The first text of a shape is read, and so is each with a new value in a place where all before it had that of the first:
if its values, put into a copy of the first tree, make the tree that was read, these places are proved. A text that
differs from the first in such places alone is not read: its values are put into a copy, and it shares the models of the
first for which neither line was asked. A value that a router might refuse is always read. A banner may have a line that
looks like an address; its place is never proved, because the tree has the banner.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from dmvpn.base.values import Value
from dmvpn.ios import HOSTNAME, INTERFACE, CliError, ConfigTree, Feature
from dmvpn.ios.interface_addresses import ADDRESS, are_apart
from dmvpn.ios.protection import is_request
from dmvpn.ios.section import Section, Statement
from dmvpn.router.dispatch import Model, prepare
from dmvpn.router.language import configurator

#: The lines that may differ, as a running configuration has them. Whether another line is taken never depends on what
#: they say, but for further addresses (`are_apart`).
_VARYING: Final = frozenset((HOSTNAME, ADDRESS))
_VALUE: Final = re.compile(
    r"^(hostname [A-Za-z][\w-]{0,62}| ip address [\d.]{7,15} [\d.]{7,15})$", re.MULTILINE | re.ASCII
)
#: Shapes that are known, those that came first, and the characters of a text that has one.
_MOST: Final = 64
_LONGEST: Final = 1 << 16


class Made(Value):
    """What a text makes. models: by feature."""

    text: str
    tree: ConfigTree
    models: Mapping[str, Model]


def read(text: str, features: tuple[Feature, ...]) -> Made:
    """Read a text line by line."""
    tree = configurator(features).parse_text(text).tree
    return Made(text, tree, prepare(features, tree, tree.take_touched()))


class _First(Value):
    """The first text of a shape.

    where: the places of its values among `_sections`. proved: which of them may differ.
    """

    tree: ConfigTree
    models: Mapping[str, Model]
    values: list[str]
    where: tuple[int, ...]
    proved: set[int]


class Likes:
    """What the routers of one simulation were given."""

    def __init__(self) -> None:
        #: By features and shape; None: every text of this shape is read.
        self._first: dict[tuple[tuple[Feature, ...], tuple[str, ...]], _First | None] = {}

    def made(self, text: str, features: tuple[Feature, ...]) -> Made:
        """Return what a text makes."""
        if len(text) > _LONGEST:
            return read(text, features)
        parts = _VALUE.split(text)
        shape, values = (features, tuple(parts[::2])), [line.strip() for line in parts[1::2]]
        if shape not in self._first:
            made = read(text, features)
            if len(self._first) < _MOST:
                self._first[shape] = _first(made, values)
            return made
        first = self._first[shape]
        tree = None if first is None else _copy(first, values, features)
        if first is None or tree is None:
            return read(text, features)
        others = {number for number, value in enumerate(values) if value != first.values[number]}
        if others <= first.proved:
            of = first.models
            return Made(text, tree, prepare(features, tree, tree.take_touched(), lambda feature: of[feature.name]))
        made = read(text, features)
        if tree == made.tree and tree.render() == made.tree.render():
            first.proved.update(others)
        else:
            self._first[shape] = None
        return made


def _first(made: Made, values: list[str]) -> _First | None:
    """Return what later texts of this shape are made of, None: each is read."""
    said = [_said(section) for section in _sections(made.tree)]
    if len(set(values)) != len(values) or any(said.count(value) != 1 for value in values):
        return None
    return _First(made.tree.copy(), made.models, values, tuple(said.index(value) for value in values), set())


def _copy(first: _First, values: list[str], features: tuple[Feature, ...]) -> ConfigTree | None:
    """Return the tree of the first text with these values, None: a router might refuse one."""
    tree = first.tree.copy()
    sections, language = _sections(tree), configurator(features)
    for value, place in zip(values, first.where, strict=True):
        found = language.interpret(sections[place].mode.name, value)
        if isinstance(found, CliError) or is_request(value):
            return None
        ((line, args),) = found.targets
        if line not in _VARYING:
            return None
        sections[place].put(Statement(line, args))
    return tree if are_apart(tree) else None


def _sections(tree: ConfigTree) -> list[Section]:
    return [tree, *(section for _, section in tree.sections(INTERFACE))]


def _said(section: Section) -> str:
    line = ADDRESS if section.parent is not None else HOSTNAME
    return line.text(section.args(line))
