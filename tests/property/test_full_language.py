"""The whole language, as all features make it: what is shown reads back as the same, and every line is within reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.ios import ConfigLine, ConfigSession
from dmvpn.ios.command import Command, Verb
from dmvpn.router.features import FEATURES
from support.cases import few_examples
from support.full_language import KEYWORDS_AS_NAMES, LANGUAGE, LINES, TEXTS, line_of

if TYPE_CHECKING:
    from dmvpn.features.interface.model import InterfaceConfig
    from dmvpn.ios import ConfigTree


def models(tree: ConfigTree) -> dict[str, object]:
    """What every feature makes of a configuration. Interfaces have no order: shows sort them by their names."""
    found = {feature.name: feature.model(tree) for feature in FEATURES if feature.model is not None}
    interfaces = cast("InterfaceConfig", found["interface"])
    return found | {"interface": (sorted(map(repr, interfaces.interfaces)), interfaces.forwards_ipv6)}


@given(TEXTS)
def test_the_running_configuration_reads_back_as_the_same(text: str) -> None:
    tree = LANGUAGE.parse_text(text).tree
    shown = tree.render()
    again = LANGUAGE.parse_text("\n".join(shown))
    assert [problem for problem in again.problems if not problem.is_warning] == []
    assert again.tree.render() == shown
    assert models(again.tree) == models(tree)


def test_every_line_is_understood_in_its_mode_and_may_be_taken_back() -> None:
    for line in LINES:
        _is_understood(line)


def _is_understood(line: ConfigLine) -> None:
    @few_examples(2)
    @given(line_of(line))
    def however_it_is_typed(text: str) -> None:
        if set(text.split()) & KEYWORDS_AS_NAMES:
            return
        command = LANGUAGE.interpret(line.mode, text)
        assert isinstance(command, Command), text
        assert [(target.line.mode, target.line.syntax) for target in command.targets] == [(line.mode, line.syntax)]
        taken_back = LANGUAGE.interpret(line.mode, f"no {text}")
        assert isinstance(taken_back, Command), text
        assert taken_back.verb is Verb.NO

    however_it_is_typed()


@few_examples(10)
@given(TEXTS, TEXTS)
def test_a_copy_is_independent_and_a_text_on_top_of_it_says_truly_what_it_changed(first: str, second: str) -> None:
    tree = LANGUAGE.parse_text(first).tree
    before = tree.render()
    session = ConfigSession(LANGUAGE, tree.copy())
    changed = [session.enter(line).changed for line in second.splitlines()]
    assert tree.render() == before
    if not any(changed):
        assert session.tree == tree


_CLOUD_LINES = (
    "tunnel mode gre multipoint", "no tunnel mode", "ip nhrp network-id 1", "no ip nhrp network-id", "ip nhrp shortcut",
    "no ip nhrp shortcut", "default ip nhrp shortcut", "ip nhrp map multicast dynamic", "description version 17.9",
    "no ip nhrp map multicast dynamic", "ip nhrp map multicast 192.0.2.1", "! Written by nobody", "shutdown", "!",
)  # fmt: skip


@given(
    st.sampled_from(["12.4", "15.6", "15.7", "16.2", "16.3", "16.12", "17.15"]),
    st.lists(st.sampled_from([*_CLOUD_LINES, "interface Tunnel0", "interface Tunnel1", "no interface Tunnel1"])),
)
def test_what_a_release_had_on_is_shown_and_means_the_same_when_it_is_read_back(version: str, lines: list[str]) -> None:
    body = "\n".join(["interface Tunnel0", *lines])
    tree = LANGUAGE.parse_text(f"version {version}\n{body}").tree
    again = LANGUAGE.parse_text("\n".join(tree.render()))
    assert again.put_in == ()
    assert again.tree.render() == tree.render()
    assert models(again.tree) == models(tree)
