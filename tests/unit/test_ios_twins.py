"""Twins: lines that exist twice in other words."""

from __future__ import annotations

from dmvpn.ios import INTERFACE, INTERFACE_MODE, ConfigLine, Configurator, Spoken, Twins

TIMER = ConfigLine("interface", "ip hello {s:1-60}", "Seconds", order=10, default="ip hello 5")
PEER = ConfigLine(
    "interface", "ip peer {who:address} [ {mask:mask} ]", {"who": "Somebody"}, key=("who", "mask"), order=20
)
TWINS = Twins(
    (TIMER, PEER),
    {"ip ": "ipv6 ", "{who:address} [ {mask:mask} ]": "{who:prefix6}"},
    help={"ipv6": "Version 6"},
    order=30,
)
LANGUAGE = Configurator([INTERFACE, TIMER, PEER, *TWINS.lines], [INTERFACE_MODE])


def read(*lines: str) -> tuple[list[str], Spoken, Spoken]:
    """The lines as shown, and the section as each of the twins sees it."""
    tree = LANGUAGE.parse_text("interface Tunnel0\n" + "\n".join(f" {line}" for line in lines)).tree
    ((_, section),) = tree.sections(INTERFACE)
    shown = [line.strip() for line in tree.render() if line.startswith(" ")]
    return shown, Spoken(section), TWINS.spoken(section)


def test_each_of_them_is_kept_by_itself_and_shown_in_its_own_words() -> None:
    lines = ("ip hello 9", "ip peer 10.0.0.1", "ipv6 hello 7", "ipv6 peer 2001:DB8::1/128")
    shown, first, second = read(*lines)
    assert shown == list(lines)
    assert [spoken.get(TIMER).integer("s") for spoken in (first, second)] == [9, 7]  # type: ignore[union-attr]
    assert [len(spoken.all(PEER)) for spoken in (first, second)] == [1, 1]


def test_the_default_of_one_is_the_default_of_the_other_in_its_words() -> None:
    shown, _, second = read("ipv6 hello 5")
    assert shown == []
    assert second.get(TIMER) is None


def test_the_key_of_a_list_is_what_the_twin_has_of_it() -> None:
    shown, _, second = read(
        "ipv6 peer 2001:db8::1", "ipv6 peer 2001:db8::2", "ipv6 peer 2001:db8::1", "no ipv6 peer 2001:db8::2"
    )
    assert shown == ["ipv6 peer 2001:DB8::1/128"]
    assert len(second.all(PEER)) == 1
