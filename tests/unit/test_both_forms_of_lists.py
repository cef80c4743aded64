"""`access-list N` and `ip access-list extended N` are one list, in the order in which its entries were entered."""

from __future__ import annotations

import pytest

from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator


def shown(*lines: str, refused: int = 0) -> list[str]:
    """The lines of lists that a router shows after these were entered, which must be the same after a restart."""
    result = configurator(FEATURES).parse_text("\n".join(lines))
    assert len(result.problems) == refused, result.problems
    text = result.tree.render()
    assert configurator(FEATURES).parse_text("\n".join(text)).tree.render() == text
    return [line for line in text if "hostname" not in line and line.strip("! ")]


def test_an_entry_added_in_the_mode_of_a_numbered_list_comes_behind_the_entries_that_were_there() -> None:
    """`permit ip any any` came first, and let all pass that `access-list 101 deny` denied before."""
    found = shown("access-list 101 deny tcp any any eq telnet", "ip access-list extended 101", " permit ip any any")
    assert found == [
        "ip access-list extended 101",
        " 10 deny tcp any any eq telnet",
        " 20 permit ip any any",
    ]


def test_an_entry_of_a_numbered_list_is_taken_back_by_its_number_and_by_its_words() -> None:
    """Both did nothing, without a word."""
    lists = ("access-list 101 permit tcp any any", "access-list 101 permit udp any any", "access-list 101 remark last")
    found = shown(*lists, "access-list 101 deny ip any any", "ip access-list extended 101", " no 10", " no 40")
    assert found == ["ip access-list extended 101", " 20 permit udp any any", " 30 remark last"]
    found = shown(*lists, "ip access-list extended 101", " no permit udp any any")
    assert found == ["ip access-list extended 101", " 10 permit tcp any any", " 30 remark last"]


def test_an_entry_is_put_between_those_of_a_numbered_list() -> None:
    found = shown(
        "access-list 10 permit 10.0.0.1", "access-list 10 permit any", "ip access-list standard 10", " 15 deny 10.2.2.2"
    )
    assert found == ["ip access-list standard 10", " 10 permit 10.0.0.1", " 15 deny 10.2.2.2", " 20 permit any"]


def test_lines_of_a_numbered_list_behind_its_mode_are_entries_of_it() -> None:
    found = shown(
        "ip access-list extended 101", " 5 deny tcp any any", "access-list 101 permit ip any any",
        "access-list 101 permit ip any any", "access-list 101 remark *** end ***"
    )  # fmt: skip
    assert found == [
        "ip access-list extended 101",
        " 5 deny tcp any any",
        " 10 permit ip any any",
        " 20 remark *** end ***",
    ]


@pytest.mark.parametrize("no", ["no access-list 101", "no ip access-list extended 101", "default access-list 101"])
def test_either_form_takes_back_the_whole_list(no: str) -> None:
    """The entries of the other form stayed, and a list that a person had begun again was a mixture."""
    assert shown("access-list 101 permit ip any any", no) == []
    assert shown("ip access-list extended 101", " permit ip any any", "exit", no) == []
    assert (
        shown("access-list 101 permit ip any any", "ip access-list extended 101", " deny tcp any any", "exit", no) == []
    )


def test_one_line_of_a_numbered_list_is_taken_back_in_its_mode() -> None:
    lines = ("ip access-list extended 101", " permit tcp any any", " permit ip any any", "exit")
    assert shown(*lines, "no access-list 101 permit tcp any any") == [
        "ip access-list extended 101",
        " 20 permit ip any any",
    ]


def test_a_numbered_list_is_numbered_again() -> None:
    """`% There is no named access list 101`."""
    lines = (
        "access-list 101 deny tcp any any",
        "access-list 101 permit ip any any",
        "ip access-list resequence 101 100 5",
    )
    assert shown(*lines) == ["ip access-list extended 101", " 100 deny tcp any any", " 105 permit ip any any"]


@pytest.mark.parametrize(
    ("kind", "number"), [("extended", 10), ("extended", 1999), ("standard", 101), ("standard", 2000)]
)
def test_the_mode_of_a_list_refuses_a_number_of_the_other_kind(kind: str, number: int) -> None:
    """There were two lists of one number, and a port asked one of them."""
    assert shown(f"ip access-list {kind} {number}", refused=1) == []


def test_a_name_is_that_of_one_list() -> None:
    found = shown("ip access-list standard LAN", " permit any", "ip access-list extended LAN", refused=1)
    assert found == ["ip access-list standard LAN", " 10 permit any"]
