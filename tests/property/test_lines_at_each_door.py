"""A line means the same wherever somebody enters it: at the prompt, in a paste, in a file with or without indentation.

Doors that read a whole text (`dmvpn import`, `config check`, `lint`, `copy FILE running-config`) are the reader of
files; they differ in what they do with lines that restrict traffic.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dmvpn.ios import ConfigSession, Fate
from dmvpn.ios.config_line import known_commands
from dmvpn.network.device import Device
from dmvpn.router.intake import take_in
from dmvpn.shells.scenario import BUILT_IN
from support.full_language import FREE_LINES, LANGUAGE, LINES, OPENERS, line_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hypothesis.strategies import SearchStrategy

    from dmvpn.ios import ConfigLine, LineGroup, LineReport, LineResult

#: What only a tunnel may have: outside of tunnels a file refuses it, because it was meant for one.
_OF_TUNNELS = "tunnel protection"
#: All lines but those of certificates, which are texts of several lines.
_ALL = tuple(
    line
    for line in (*LINES, *FREE_LINES)
    if "certificate" not in line.mode and not line.syntax.startswith((_OF_TUNNELS, "exit-"))
)
_PARTS = 16
_EFFECTIVE = tuple(line for line in _ALL if line.group is None)
#: Sections of which nothing acts on any line.
_OPENERS = tuple(line for line in known_commands()[0] if line.opens is not None and line in _ALL)
_NOBODY_KNOWS = "frobnicate widget 7"


class _Became(enum.Enum):
    """What became of a line."""

    EFFECTIVE = "it has an effect, or is so anyway"
    KEPT = "nothing acts on it"
    LEFT_OUT = "it restricts or diverts traffic"
    REFUSED = "nobody knows it here"


def _of_group(group: LineGroup) -> _Became:
    if group.name == "unknown lines":
        return _Became.REFUSED  # the prompt refuses what a file keeps for somebody else
    return _Became.LEFT_OUT if group.is_left_out else _Became.KEPT


def _typed(result: LineResult) -> _Became:
    if result.group is not None:
        return _of_group(result.group) if result.group.standing.value != "silent" else _Became.EFFECTIVE
    return _Became.REFUSED if result.refused else _Became.EFFECTIVE


def _read(entry: LineReport | None) -> _Became:
    if entry is None:
        return _Became.EFFECTIVE
    return _of_group(entry.group) if entry.group is not None else _Became.REFUSED


def at_prompt(lines: Sequence[str]) -> list[_Became]:
    """What becomes of lines that somebody types or pastes."""
    session = ConfigSession(LANGUAGE, LANGUAGE.parse_text("").tree)
    return [_typed(session.enter(line)) for line in lines]


def in_file(lines: Sequence[str]) -> list[_Became]:
    """What becomes of the lines of a file. Readers of whole files agree."""
    text = "\n".join((*lines, "end"))
    entries = LANGUAGE.parse_text(text).entries
    assert take_in(text).result.entries == entries
    assert [_key(entry) for entry in Device.read("R", text).entries] == [_key(entry) for entry in entries]
    by_number = {entry.number: entry for entry in entries}
    return [_read(by_number.get(number)) for number in range(1, len(lines) + 1)]


def _key(entry: LineReport) -> tuple[object, ...]:
    fate = Fate.KEPT if entry.fate is Fate.LEFT_OUT else entry.fate  # lint looks at what was left out
    return (entry.number, entry.text, entry.path, entry.group, fate if entry.group is None else None)


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"{' ' * depth}{line}" for depth, line in enumerate(lines)]


def _way_to(mode: str) -> SearchStrategy[tuple[str, ...]]:
    if mode == "global":
        return st.just(())
    if mode == "interface":
        return st.just(("interface GigabitEthernet0/1",))
    opener = OPENERS[mode]
    return st.tuples(_way_to(opener.mode), line_of(opener)).map(lambda parts: (*parts[0], parts[1]))


def _block(line: ConfigLine) -> SearchStrategy[tuple[str, ...]]:
    """Return the way to a line, and the line."""
    return st.tuples(_way_to(line.mode), line_of(line)).map(lambda parts: (*parts[0], parts[1]))


def _check(block: tuple[str, ...]) -> None:
    """Assert that the last line is the same everywhere, alone and behind what nobody knows."""
    typed = at_prompt(block)
    if _Became.REFUSED in typed[:-1]:
        return  # the line that opens the section has become another one: `router eigrp NAME` with a number as its name
    assert in_file(block) == typed
    assert in_file((_NOBODY_KNOWS, *block))[1:] == typed
    inside = _inside(block)
    assert in_file(_indented(block))[-1] is inside
    assert in_file((_NOBODY_KNOWS, " knob 3", *_indented(block)))[-1] is inside


def _inside(block: tuple[str, ...]) -> _Became:
    """Return what becomes of a last line that is surely one of its section."""
    session = ConfigSession(LANGUAGE, LANGUAGE.parse_text("").tree)
    for line in block[:-1]:
        session.enter(line)
    return _typed(session.enter(block[-1], is_inside=True))


@given(st.sampled_from(_ALL).flatmap(_block))
def test_a_line_is_the_same_at_the_prompt_and_in_files(block: tuple[str, ...]) -> None:
    _check(block)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_every_line_is_the_same_at_the_prompt_and_in_files(part: int) -> None:
    for line in _ALL[part::_PARTS]:
        settings(max_examples=1)(given(_block(line))(_check))()


@given(st.sampled_from(_OPENERS), st.sampled_from(_ALL), st.data())
def test_a_flat_file_and_the_prompt_agree_on_which_section_a_line_belongs_to(
    opener: ConfigLine, later: ConfigLine, data: st.DataObject
) -> None:
    """`crypto isakmp key ...` behind a crypto map was a line of the map at the prompt, and the router's in a file."""
    own = [line for line in _ALL if line.mode == opener.opens]
    inner = data.draw(st.lists(st.sampled_from(own).flatmap(line_of), max_size=2)) if own else []
    lines = (*data.draw(_block(opener)), *inner, *data.draw(_block(later)))
    typed = at_prompt(lines)
    assume(_Became.REFUSED not in typed[:-1])  # a file refuses what is below a refused line, too
    assert in_file(lines) == typed


@given(st.sampled_from(_OPENERS).flatmap(_block), st.sampled_from(_EFFECTIVE).flatmap(_block))
def test_a_section_on_which_nothing_acts_takes_no_line_with_an_effect(
    opener: tuple[str, ...], block: tuple[str, ...]
) -> None:
    """`ip access-list extended A` behind a voice port was kept as a line of that port, because it begins with `ip`."""
    assume(at_prompt(block)[-1] is _Became.EFFECTIVE)
    typed = at_prompt((*opener, *block))
    assume(_Became.REFUSED not in typed[:-1])
    assert typed[-1] is _Became.EFFECTIVE
    assert in_file((*opener, *block))[-1] is _Became.EFFECTIVE


@pytest.mark.parametrize("path", sorted(BUILT_IN.glob("*/*.cfg")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_configuration_that_runs_is_taken_whole_if_it_is_pasted_without_indentation(path: object) -> None:
    lines = [line.strip() for line in path.read_text().splitlines()]  # type: ignore[attr-defined]
    assert set(at_prompt(lines)) == {_Became.EFFECTIVE}
    assert set(in_file(lines)) == {_Became.EFFECTIVE}
