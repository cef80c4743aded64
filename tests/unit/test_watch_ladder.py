"""The ladder: what is where, in terminals of any width; and the story with a diagram that Mermaid can read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.chronicle import Sign
from dmvpn.tools.watch import Arrow, Ladder, Look, Note, Step, StoryNetwork, diagram, story
from dmvpn.tools.watch.ladder import LARGEST_DIAGRAM, room_for

ROUTERS = ("R11", "R31", "R41")
LOST = "\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}"


def arrow(sender: str, receiver: str, name: str = "Resolution Request", subject: str = "10.4.4.1?") -> Arrow:
    """A message."""
    return Arrow(time=36127.25, sender=sender, receiver=receiver, protocol="NHRP", name=name, subject=subject)


def note(router: str, text: str = "= 172.16.41.1 (shortcut T2)", sign: Sign = Sign.CAME) -> Note:
    """A change."""
    return Note(time=36127.25, router=router, sign=sign, kind="mapping", subject="10.4.4.0/24", text=text)


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (arrow("R31", "R11"), "10:02:07.250  │◀────│     │   resolution 10.4.4.1?"),
        (arrow("R11", "R41"), "10:02:07.250  │──────────▶│   resolution 10.4.4.1?"),
        (
            arrow("R41", "R31", "Resolution Reply", "10.4.4.0/24 = 172.16.41.1"),
            "10:02:07.250  │     │◀────│   reply 10.4.4.0/24 = 172.16.41.1",
        ),
        (arrow("R31", "198.51.100.7"), "10:02:07.250  │     │──▶  │   resolution 10.4.4.1? (to 198.51.100.7)"),
        (arrow("198.51.100.7", "R31"), "10:02:07.250  │     │◀──  │   resolution 10.4.4.1? (from 198.51.100.7)"),
        (note("R31"), "10:02:07.250  │     +     │   10.4.4.0/24 = 172.16.41.1 (shortcut T2)"),
        (
            note("R41", "= 172.16.41.1 (resolved)", Sign.WENT),
            "10:02:07.250  │     │     -   10.4.4.0/24 = 172.16.41.1 (resolved)",
        ),
    ],
)
def test_in_eighty_columns_the_words_are_behind_the_routers(step: Step, line: str) -> None:
    ladder = Ladder(ROUTERS, Look(width=80))
    assert ladder.header() == "             R11   R31   R41"
    assert ladder.line(step) == line


def test_in_a_file_no_word_is_cut_and_every_router_has_a_column() -> None:
    """Seen: `dmvpn lab watch | grep T2` found nothing, for the line was cut at column 80."""
    text = "= 172.16.41.1 (shortcut T2, was resolved by a request that took its time)"
    ladder, cut = Ladder(ROUTERS, Look(width=None)), Ladder(ROUTERS, Look(width=80))
    assert ladder.header() == cut.header()
    assert ladder.line(arrow("R31", "R41")) == cut.line(arrow("R31", "R41"))
    assert (ladder.line(note("R31", text)) or "").endswith(f"10.4.4.0/24 {text}")
    assert (cut.line(note("R31", text)) or "").endswith("…")
    two = Ladder(ROUTERS[:2], Look(width=None)).line(arrow("R11", "R31", subject="x" * 200)) or ""
    assert two.endswith(f"  resolution {'x' * 200}")
    many = [f"ROUTER{number}" for number in range(40)]
    assert Ladder(many, Look(width=None)).header().split() == many
    assert "(to 192.0.2.9)" in (Ladder(many, Look(width=None)).line(arrow(many[-1], "192.0.2.9")) or "")


@pytest.mark.parametrize("name", ["A", "R1", "R31", "R-31"])
@pytest.mark.parametrize("others", [(), ("R11",), ("R11", "R12")])
def test_between_an_arrow_and_its_words_there_is_a_blank(name: str, others: tuple[str, ...]) -> None:
    """Seen with `--only R31`: the words stuck to the arrow's head."""
    ladder = Ladder((*others, name), Look(width=None, unicode=False))
    for ends, head in (((name, "R41"), "> resolution"), (("R41", name), " resolution")):
        line = " ".join((ladder.line(arrow(*ends)) or "").split())
        assert head in line
        assert "-resolution" not in line
        assert "<resolution" not in line


def test_where_there_is_room_the_words_are_on_the_arrow() -> None:
    ladder = Ladder(ROUTERS[:2], Look(width=70))
    assert ladder.header() == "             R11                                                   R31"
    assert ladder.line(arrow("R31", "R11")) == ("10:02:07.250  │◀────────────── resolution 10.4.4.1? ────────────────│")
    assert ladder.line(note("R31")) == "10:02:07.250  │             10.4.4.0/24 = 172.16.41.1 (shortcut T2) +"


@pytest.mark.parametrize(
    ("name", "words"),
    [("IKE_AUTH request", "IKE_AUTH request"), ("INFORMATIONAL request", "IKE INFORMATIONAL request")],
)
def test_a_message_of_ike_is_told_from_others(name: str, words: str) -> None:
    step = Arrow(time=0, sender="R31", receiver="R41", protocol="IKEv2", name=name, subject="")
    assert Ladder(ROUTERS, Look(width=80)).line(step) == f"00:00:00.000  │     │────▶│   {words}"


def test_what_was_passed_on_and_what_was_lost_look_different() -> None:
    ladder = Ladder(ROUTERS, Look(width=80))
    passed_on = Arrow(time=0, sender="R11", receiver="R41", protocol="NHRP", name="x", subject="", forwarded=True)
    lost = Arrow(time=0, sender="R11", receiver="R41", protocol="NHRP", name="x", subject="", arrived=False)
    assert "│══════════▶│" in (ladder.line(passed_on) or "")
    assert f"│──────────{LOST}│" in (ladder.line(lost) or "")
    assert {"═▶", LOST} <= set(re.findall(f"═▶|{LOST}", ladder.legend()[0]))


def test_without_unicode_there_is_none() -> None:
    ladder = Ladder(ROUTERS, Look(width=80, unicode=False))
    lines = [*ladder.legend(), ladder.header(), ladder.line(arrow("R31", "R11")), ladder.line(note("R11", "x" * 90))]
    assert all(line is not None and line.isascii() for line in lines)
    assert lines[2] == "10:02:07.250  |<----|     |   resolution 10.4.4.1?"


def test_colors_change_no_letter() -> None:
    for width in (80, 140):
        plain, painted = (Ladder(ROUTERS, Look(width=width, color=color)) for color in (False, True))
        for step in (arrow("R31", "R41"), note("R31"), arrow("R31", "10.9.9.9")):
            line = painted.line(step) or ""
            assert "\x1b[" in line
            assert re.sub(r"\x1b\[\d*m", "", line) == plain.line(step)


def test_who_has_no_column_has_no_line() -> None:
    ladder = Ladder(("R31",), Look(width=80))
    assert ladder.line(arrow("R11", "R41")) is None
    assert ladder.line(note("R41")) is None
    assert "(to R41)" in (ladder.line(arrow("R31", "R41")) or "")


NAMES = st.text("ABCR0123456789-_", min_size=1, max_size=14)


@given(
    st.lists(NAMES, min_size=1, max_size=8, unique=True),
    st.integers(60, 200),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=120),
    st.data(),
)
def test_no_line_is_wider_than_the_terminal(routers: list[str], width: int, text: str, data: st.DataObject) -> None:
    if len(routers) > room_for(width, max(map(len, routers))):
        return
    ladder = Ladder(routers, Look(width=width))
    ends = st.sampled_from([*routers, "203.0.113.9"])
    steps: list[Step] = [
        arrow(data.draw(ends), data.draw(ends), subject=text),
        note(data.draw(st.sampled_from(routers)), text),
    ]
    for line in (ladder.header(), *ladder.legend(), *filter(None, map(ladder.line, steps))):
        assert len(line) <= width


# ---------------------------------------------------------------------------------------------------------- stories

#: The part of Mermaid's grammar of sequence diagrams that we write, as strictly as its lexer takes it: names are
#: words; a text ends at a line end, `;` or `#`, unless that is part of a character code.
_TEXT = r"(?:[^#;\n%<>{}\"]|#\d+;)*"
_GRAMMAR = (
    r"sequenceDiagram",
    rf"    participant p\d+ as {_TEXT}",
    rf"    p\d+(?:->>|-->>|-x)p\d+: {_TEXT}",
    rf"    Note over p\d+: {_TEXT}",
)


def check_diagram(text: str) -> None:
    """Every line is of the grammar, and names who takes part only after he was introduced."""
    lines = text.splitlines()
    assert lines[0] == _GRAMMAR[0]
    known: set[str] = set()
    for line in lines[1:]:
        assert any(re.fullmatch(rule, line) for rule in _GRAMMAR[1:]), line
        head, _, _ = line.partition(":")
        if "participant" in head:
            known.add(head.split()[1])
        else:
            assert set(re.findall(r"p\d+", head)) <= known, line


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8), st.text(max_size=30)), max_size=6))
def test_no_name_and_no_text_breaks_the_diagram(told: list[tuple[str, str, str]]) -> None:
    steps: list[Step] = [arrow(sender, receiver, subject=text) for sender, receiver, text in told]
    steps += [note("R31", text) for _, _, text in told]
    check_diagram(diagram(["R31", *(sender for sender, _, _ in told)], steps))


def test_a_name_that_is_syntax_is_written_in_codes() -> None:
    text = diagram(['a"; end', "R1"], [arrow('a"; end', "R1", subject="#1;\n<b>")])
    assert "    participant p1 as a#34;#59; end" in text
    assert "    p1->>p2: resolution #35;1#59;.#60;b#62;" in text


def network(*routers: str) -> StoryNetwork:
    """What a story is about."""
    return StoryNetwork(
        lab="notes", kind="simulated", routers=routers, hosts={"H3": "10.3.3.100/24"}, links=("R11:Gi0/1 R31:Gi0/1",)
    )


def test_a_story_has_the_network_the_diagram_and_a_sentence_for_each_step() -> None:
    lost = Arrow(
        time=2, sender="R31", receiver="R11", protocol="NHRP", name="Registration Request", subject="x", arrived=False
    )
    text = story(network(*ROUTERS), [arrow("R31", "R11"), note("R31"), lost], missed=3)
    assert text.startswith("# What happened in lab notes\n")
    assert "- host H3: 10.3.3.100/24" in text
    assert "- link R11:Gi0/1 R31:Gi0/1" in text
    assert "3 lines were lost" in text
    assert "are left out" not in text
    assert "1. 10:02:07.250 R31 asks R11: who has 10.4.4.1?\n" in text
    assert "2. 10:02:07.250 R31, new mapping: 10.4.4.0/24 = 172.16.41.1 (shortcut T2).\n" in text
    assert "3. 00:00:02.000 R31 registers with R11: x (not seen to arrive).\n" in text
    (drawn,) = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    check_diagram(drawn)
    assert "R41" not in drawn  # nothing happens there


def test_a_story_that_was_too_long_says_how_much_it_lacks() -> None:
    """Seen: it ended in the middle, and looked like all that had happened."""
    text = story(network(*ROUTERS), [note("R31")] * 5, omitted=7)
    assert "7 more steps came after these and are left out: a story has no more than 5." in text


def test_a_long_story_has_several_diagrams() -> None:
    text = story(network(*ROUTERS), [note("R31")] * (2 * LARGEST_DIAGRAM + 1))
    diagrams = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    assert [drawn.count("Note over") for drawn in diagrams] == [LARGEST_DIAGRAM, LARGEST_DIAGRAM, 1]
    assert "## The ladder, part 3 of 3" in text


def test_a_story_in_which_nothing_happens_can_be_told() -> None:
    text = story(network("R31"), [])
    assert "Nothing happened." in text
    (drawn,) = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    check_diagram(drawn)
