"""`dmvpn explain` answers what was asked and nothing else: cells, headings, lines of commands, clauses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.face.language import exec_parser
from dmvpn.router.features import FEATURES
from dmvpn.tools.explain import Explainer

if TYPE_CHECKING:
    from dmvpn.tools.explain import FoundMeaning

EXPLAINER = Explainer(FEATURES, exec_parser(FEATURES).commands)


def ask(question: str) -> tuple[FoundMeaning, ...]:
    return EXPLAINER.ask(question).found


def words(question: str) -> list[str]:
    return [found.word for found in ask(question)]


@pytest.mark.parametrize("word", ["DNS", "FUT", "CTX", "KNX", "UNIX", "DUST", "SA", "MIA", "TCX"])
def test_a_word_of_letters_that_are_flags_elsewhere_is_no_cell(word: str) -> None:
    """`explain FUT` told of IKE fragmentation, a route update and TCP: any run of letters was a cell."""
    assert [found.kind for found in ask(word) if found.kind in ("flag", "state")] == []


@pytest.mark.parametrize(
    ("heading", "screen"),
    [
        ("SRTT", "show ip eigrp neighbors"),
        ("RTO", "show ip eigrp neighbors"),
        ("Q Cnt", "show ip eigrp neighbors"),
        ("FD", "show ip eigrp topology"),
        ("dst", "show crypto isakmp sa"),
        ("DST", "show crypto isakmp sa"),
        ("UDP-Encaps", "show crypto ipsec sa"),
        ("replay detection support", "show crypto ipsec sa"),
        ("IPSEC FLOW", "show crypto session"),
        ("no-socket", "show ip nhrp"),
        ("Claimed NBMA address", "show ip nhrp"),
        ("never expire", "show ip nhrp"),
        ("Requester", "show ip nhrp"),
        ("Nexthop-override", "show dmvpn"),
        ("Route Installed", "show dmvpn"),
        ("No Socket", "show dmvpn"),
    ],
)
def test_headings_labels_and_phrases_of_legends_are_words(heading: str, screen: str) -> None:
    (found, *more) = ask(heading)
    assert found.screens[0] == screen
    assert all(each.kind != "command" for each in more)


def test_a_phrase_of_a_legend_does_not_hide_the_words_that_are_written_otherwise() -> None:
    places = [found.place for found in ask("Down")]
    assert places[0] == "column Status"
    assert "status of an interface" in places


def test_a_counter_is_found_with_and_without_its_sign() -> None:
    assert words("pkts encaps") == words("#pkts encaps") == ["#pkts encaps"]


def test_a_label_does_not_hide_the_lines_that_have_the_word() -> None:
    assert [found.kind for found in ask("cluster")][:2] == ["label", "command"]
    assert [found.kind for found in ask("split-horizon")][-1] == "label"


@pytest.mark.parametrize("question", ["14", "90", "FD", "deadbeef", "do banana", "default banana", "no banana"])
def test_a_line_that_would_be_free_values_alone_is_no_command(question: str) -> None:
    """`explain 14` ended in an entry of an access list, `do banana` ran a command of the prompt."""
    assert [found.word for found in ask(question) if found.kind == "command"] == []


@pytest.mark.parametrize(
    ("question", "line", "place"),
    [
        ("do show dmvpn", "show dmvpn", "the exec prompt"),
        ("default ip mtu", "ip mtu", "configuration mode config-if"),
        ("No ip nhrp redirect", "ip nhrp redirect", "configuration mode config-if"),
        ("do", "do", "configuration mode config"),
    ],
)
def test_what_is_behind_do_no_and_default_is_explained(question: str, line: str, place: str) -> None:
    (found, *_) = ask(question)
    assert (found.word, found.place) == (line, place)


@pytest.mark.parametrize("word", ["W", "*", "ML_KEM_768", "interface shutdown", "BARE"])
def test_a_word_that_no_rfc_defines_names_none(word: str) -> None:
    answers = ask(word)
    assert answers
    assert [found.clause for found in answers if found.clause.startswith("RFC")] == []


def test_only_answers_of_a_server_rest_on_the_clause_of_its_reply() -> None:
    clauses = {found.word: found.clause for word in ("RE", "E", "W") for found in ask(word)}
    assert clauses == {"RE": "RFC 2332 §5.2.4", "E": "RFC 2332 §5.2.3", "W": ""}
    assert [found.clause for found in ask("D") if found.place == "letters behind a next hop server"] == [""]


def test_a_text_that_explains_is_no_place_where_something_is_done_but_its_word_is_named() -> None:
    (found,) = ask("RFC 4555 §3.9")
    assert found.details == (("word", "NO_NATS_ALLOWED (status notifications)"),)
    assert found.what == "1 explained word rests on it."


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("RFC 1191 §4", ["RFC 1191 §4"]),
        ("RFC 2332 §5.2.1 and §5.2.2", ["RFC 2332 §5.2.1", "RFC 2332 §5.2.2"]),
        ("RFC 4303, RFC 3948", ["RFC 4303", "RFC 3948"]),
        ("RFC 792, type 3", ["RFC 792"]),
        ("rfc 7868 §3.5, figure 1", ["RFC 7868 §3.5"]),
        ("draft-detienne-dmvpn-01", ["draft-detienne-dmvpn-01"]),
    ],
)
def test_a_clause_is_found_as_an_answer_prints_it(question: str, answers: list[str]) -> None:
    assert words(question) == answers
    assert all(found.kind == "clause" for found in ask(question))
