"""Texts that differ in names and addresses alone: reading each of them line by line gives the same, and is slower."""

from __future__ import annotations

import re

import pytest

from dmvpn.ios import HOSTNAME, ConfigTree
from dmvpn.ios.interface_addresses import ADDRESS
from dmvpn.ios.section import reading
from dmvpn.router import likeness
from dmvpn.router.features import FEATURES
from dmvpn.router.likeness import Likes, Made, read
from dmvpn.shells.exercises import BUILT_IN
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.topologies import phase3
from support.full_language import LANGUAGE
from support.world import World

_TEXT = """hostname {name}
!
interface Tunnel0
 ip address {tunnel} 255.255.0.0
 ip nhrp network-id 1
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
!
interface GigabitEthernet0/1
 ip address {port} 255.255.255.0
!
end
"""


def _text(name: str = "S1", tunnel: str = "172.16.0.1", port: str = "192.0.2.1") -> str:
    return _TEXT.format(name=name, tunnel=tunnel, port=port)


def _assert_as_read(made: Made, text: str) -> None:
    expected = read(text, FEATURES)
    assert made.tree.render() == expected.tree.render()
    assert made.tree == expected.tree
    assert made.models == expected.models


@pytest.fixture
def likes() -> Likes:
    """Return what has seen two texts of a shape."""
    likes = Likes()
    for text in (_text(), _text("S2", "172.16.0.2", "192.0.2.2")):
        likes.made(text, FEATURES)
    return likes


def test_the_thousandth_spoke_is_what_its_text_says(monkeypatch: pytest.MonkeyPatch) -> None:
    likes, texts = Likes(), list(phase3(5).configurations.values())
    for text in texts[:3]:
        _assert_as_read(likes.made(text, FEATURES), text)
    expected = [read(text, FEATURES) for text in texts[3:]]
    monkeypatch.setattr(likeness, "read", pytest.fail)
    for text, one in zip(texts[3:], expected, strict=True):
        made = likes.made(text, FEATURES)
        assert made.tree.render() == one.tree.render()
        assert made.models == one.models


def test_routers_that_are_alike_share_the_models_that_ask_for_no_address(likes: Likes) -> None:
    one, other = (likes.made(_text(f"S{n}", f"172.16.0.{n}", f"192.0.2.{n}"), FEATURES) for n in (3, 4))
    assert one.models["nhrp"][0] is other.models["nhrp"][0]
    assert one.models["interface"][0] != other.models["interface"][0]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(_text("S3", "172.16.0.3", "172.16.9.1"), id="on the same subnet"),
        pytest.param(_text("S3", "172.16.0.0"), id="the first address of a subnet"),
        pytest.param(_text("S3", "172.16.255.255"), id="the last address of a subnet"),
        pytest.param(_text("S3", "172.16.0.300"), id="no address"),
        pytest.param(_text("S3").replace("255.255.0.0", "255.0.255.0"), id="no mask"),
        pytest.param(_text("S3", "172.16.0.3").replace("mode gre multipoint", "mode gre ip"), id="another line"),
        pytest.param(_text("S3") + " ip address 192.0.2.77 255.255.255.0\n", id="one more line"),
        pytest.param(_text("S3").replace("!", "!\n"), id="blank lines"),
        pytest.param(_text("S3").replace("\n", "\r\n"), id="lines of Windows"),
    ],
)
def test_a_text_that_is_not_like_the_others_is_read(likes: Likes, text: str) -> None:
    _assert_as_read(likes.made(text, FEATURES), text)


def test_an_address_that_a_later_line_replaces_stays_replaced() -> None:
    likes = Likes()
    for n in range(1, 5):
        text = _text(f"S{n}", f"172.16.0.{n}") + f"interface Tunnel0\n ip address 10.9.{n}.1 255.255.255.0\n"
        _assert_as_read(likes.made(text, FEATURES), text)
        text = _text(f"S{n}", f"172.16.0.{n}") + "interface Tunnel0\n no ip address\n"
        _assert_as_read(likes.made(text, FEATURES), text)
        text = _text(f"S{n}", f"172.16.0.{n}") + "interface Tunnel0\n ip addr 172.16.0.1 255.255.0.0\n"
        _assert_as_read(likes.made(text, FEATURES), text)


def test_what_one_router_changes_is_not_changed_at_another(likes: Likes) -> None:
    one = likes.made(_text("S3", "172.16.0.3", "192.0.2.3"), FEATURES)
    one.tree.clear()
    text = _text("S4", "172.16.0.4", "192.0.2.4")
    _assert_as_read(likes.made(text, FEATURES), text)


_BANNER = """banner motd ^C
 ip address {said} 255.255.255.0
^C
"""
_CERTIFICATE = """crypto pki certificate chain DMVPN
 certificate ca 01
 ip address {said} 255.255.255.0
  quit
"""
_DESCRIPTION = """interface Loopback1
 description as of
 description ip address {said} 255.255.255.0
"""


@pytest.mark.parametrize("quoting", [_BANNER, _CERTIFICATE, _DESCRIPTION], ids=["banner", "certificate", "description"])
@pytest.mark.parametrize("second", ["S1", "S2"], ids=["a second that is the first", "a second with another name"])
def test_a_line_that_a_text_quotes_is_not_taken_for_the_address_of_an_interface(quoting: str, second: str) -> None:
    likes = Likes()
    for name, said in (("S1", "10.0.0.1"), (second, "10.0.0.1"), ("S3", "10.0.0.3"), ("S4", "10.0.0.4")):
        short = "interface Loopback0\n ip addr 10.0.0.1 255.255.255.0\n"
        text = _text(name).replace("end\n", quoting.format(said=said) + short)
        _assert_as_read(likes.made(text, FEATURES), text)


def test_a_place_with_one_value_in_all_texts_so_far_is_not_filled_without_reading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    likes, texts = Likes(), [_text(f"S{n}", f"172.16.0.{n}", "192.0.2.1") for n in range(1, 5)]
    for text in texts[:2]:
        likes.made(text, FEATURES)
    known, made = dict[str, Made](), read(_text("S5", "172.16.0.5", "192.0.2.5"), FEATURES)
    monkeypatch.setattr(likeness, "read", lambda text, _: known.pop(text))
    for text in texts[2:]:
        assert likes.made(text, FEATURES).tree.render()[0] == text.splitlines()[0]
    other = _text("S5", "172.16.0.5", "192.0.2.5")
    known[other] = made
    likes.made(other, FEATURES)
    assert other not in known, "another address of the port was not seen before"
    likes.made(_text("S6", "172.16.0.6", "192.0.2.6"), FEATURES)


def test_routers_with_other_features_are_not_alike() -> None:
    likes, fewer = Likes(), tuple(feature for feature in FEATURES if feature.name != "eigrp")
    for n in range(1, 5):
        text = _text(f"S{n}", f"172.16.0.{n}", f"192.0.2.{n}").replace(
            "end\n", "router eigrp 1\n network 10.0.0.0\nend\n"
        )
        _assert_as_read(likes.made(text, FEATURES), text)
        assert likes.made(text, fewer).tree.render() == read(text, fewer).tree.render()


def test_a_name_that_a_router_refuses_is_no_name_of_a_copy(likes: Likes) -> None:
    text = _text("tunnel-protection-ipsec-profile-X", "172.16.0.3", "192.0.2.3")
    _assert_as_read(likes.made(text, FEATURES), text)


def test_no_line_asks_for_a_name_or_an_address_when_it_is_read() -> None:
    """Else a router might refuse it, and a copy with another name or address would have it."""
    for path in sorted(BUILT_IN.glob("*/*.cfg")):
        lines = path.read_text("utf-8").splitlines()
        rest = [line for line in lines if not re.match(r"hostname | ip(v6)? address ", line)]
        with reading() as asked:
            LANGUAGE.parse_text("\n".join(rest))
        assert asked.isdisjoint((HOSTNAME, ADDRESS)), path


def test_a_running_router_that_gets_other_lines_leaves_those_like_it_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = (
        "ip nhrp authentication OTHER",
        "ip nhrp holdtime 60",
        "ip mtu 1300",
        "ip address 10.0.200.4 255.255.255.0",
    )
    asked = ("running-config", "interfaces Tunnel0", "ip nhrp", "ip eigrp neighbors", "ip route", "ip nhrp nhs detail")

    def shown() -> list[str]:
        world = World.of(phase3(5))
        world.run_for(20.0)
        world.configure("S4", "interface Tunnel0", *lines)
        world.run_for(20.0)
        return [world.show(name, what) for name in ("S3", "S4", "S5") for what in asked]

    shared = shown()
    monkeypatch.setattr(Likes, "made", lambda _, text, features: read(text, features))
    assert shared == shown()


def test_shapes_beyond_those_that_are_kept_are_read_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    likes = Likes()
    for _ in range(2):
        for n in range(200):
            text = _text().replace("network-id 1", f"network-id {n + 1}")
            if n == 64:
                monkeypatch.setattr(ConfigTree, "copy", pytest.fail)
            likes.made(text, FEATURES)
        monkeypatch.undo()
    assert len(likes._first) == 64  # noqa: SLF001


@pytest.mark.parametrize("name", ["dual-hub", "front-door", "intro-phase3", "bgp-ebgp-phase2"])
def test_the_routers_of_a_scenario_are_what_their_texts_say_in_any_order(name: str) -> None:
    likes = Likes()
    texts = list(Scenario.load(str(BUILT_IN / name)).configurations.values())
    for text in [*texts, *reversed(texts), *texts]:
        _assert_as_read(likes.made(text, FEATURES), text)
