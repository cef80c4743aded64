"""A comment may allow what is meant so: with a reason, for a line, a section or a file, and for nothing else."""

from __future__ import annotations

from dmvpn.tools.lint import lint
from support.lint_cases import CLEAR, below, edited

_KEEPALIVE = below(" ip mtu 1400", " keepalive 5 3")
_ALLOW = "! lint: allow tunnel-keepalive a firewall on the way drops idle flows"


def rules(**edits: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(one.file, one.rule) for one in lint(edited(CLEAR, **edits))]


def test_a_comment_above_a_line_allows_what_is_found_there() -> None:
    assert rules(SPOKE1=[below(" ip mtu 1400", _ALLOW, " keepalive 5 3")]) == []


def test_a_comment_above_a_section_allows_it_in_the_whole_section() -> None:
    assert rules(SPOKE1=[_KEEPALIVE, ("!\ninterface Tunnel0", f"{_ALLOW}\n!\ninterface Tunnel0")]) == []


def test_a_comment_allows_nothing_in_the_next_section() -> None:
    found = rules(SPOKE1=[_KEEPALIVE, ("!\ninterface GigabitEthernet1", f"{_ALLOW}\ninterface GigabitEthernet1")])
    assert found == [("SPOKE1", "tunnel-keepalive"), ("SPOKE1", "silence-unused")]


def test_a_comment_for_the_file_may_be_anywhere_in_it() -> None:
    assert rules(SPOKE1=[_KEEPALIVE, ("ip route 0", f"{_ALLOW.replace('allow', 'allow-file')}\nip route 0")]) == []


def test_a_comment_for_a_file_is_for_no_other_file() -> None:
    comment = ("ip route 0", f"{_ALLOW.replace('allow', 'allow-file')}\nip route 0")
    found = rules(SPOKE1=[_KEEPALIVE], SPOKE2=[comment])
    assert found == [("SPOKE1", "tunnel-keepalive"), ("SPOKE2", "silence-unused")]


def test_a_comment_counts_lines_as_the_reader_does() -> None:
    """A form feed in a text was an end of a line for one of them."""
    assert rules(SPOKE1=[below(" ip mtu 1400", " description A\x0cB", _ALLOW, " keepalive 5 3")]) == []


def test_a_comment_without_a_reason_allows_nothing() -> None:
    found = rules(SPOKE1=[below(" ip mtu 1400", "! lint: allow tunnel-keepalive", " keepalive 5 3")])
    assert sorted(found) == [("SPOKE1", "silence-without-reason"), ("SPOKE1", "tunnel-keepalive")]


def test_a_misspelled_rule_is_told() -> None:
    (only,) = lint(edited(CLEAR, SPOKE1=[below(" ip mtu 1400", "! lint: allow tunnel-keepalif a reason")]))
    assert (only.rule, only.what) == ("silence-unused", "there is no rule tunnel-keepalif")


def test_a_comment_that_allows_in_other_words_is_told() -> None:
    (only,) = lint(edited(CLEAR, SPOKE1=[below(" ip mtu 1400", "! lint: disable tunnel-keepalive")]))
    assert only.rule == "silence-unused"
    assert "allow RULE REASON" in only.what


def test_a_comment_about_other_things_is_a_comment() -> None:
    assert rules(SPOKE1=[below(" ip mtu 1400", "! the lint: allow everything")]) == []


def test_what_is_said_of_comments_cannot_be_allowed_by_a_comment() -> None:
    file_comment = ("ip route 0", "! lint: allow-file silence-unused I do not care\nip route 0")
    found = rules(SPOKE1=[file_comment, below(" ip mtu 1400", _ALLOW)])
    assert found == [("SPOKE1", "silence-unused"), ("SPOKE1", "silence-unused")]
