"""The map of the page, drawn by node without a page: its texts, and what it says while little is known."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from support.films import NODE, Moment, cards, said_of_messages, texts, while_loading

pytestmark = pytest.mark.skipif(not NODE, reason="no node: scripts/debian-packages interop")

WIDE, PHONE = {"width": 855, "height": 525}, {"width": 362, "height": 350}
CITIES = ("PARIS", "ROME", "COPENHAGEN", "LUXEMBOURG", "BRATISLAVA", "AMSTERDAM", "LJUBLJANA", "OSLO", "BUCHAREST")


def network(routers: int, *, name: str = "", hosts: bool = True) -> dict[str, Any]:
    """Two hubs and their spokes around a provider, each with a host."""
    hubs = ["HUB1", "HUB2"]
    spokes = [name.format(number) if name else f"{CITIES[number % 9]}{number}" for number in range(1, routers - 1)]
    nodes = [{"name": "TRANSPORT", "kind": "provider", "addresses": []}]
    nodes += [{"name": name, "kind": "hub", "addresses": []} for name in hubs]
    nodes += [{"name": name, "kind": "spoke", "addresses": []} for name in spokes]
    wires = [{"ends": [[name, "Gi0/1"], ["TRANSPORT", "Gi0/1"]]} for name in (*hubs, *spokes)]
    if hosts:
        nodes += [{"name": f"H-{name}", "kind": "host", "addresses": []} for name in (*hubs, *spokes)]
        wires += [{"ends": [[name, "Gi0/2"], [f"H-{name}", ""]]} for name in (*hubs, *spokes)]
    tunnels = [{"here": spoke, "there": hub, "cloud": "1"} for spoke in spokes for hub in hubs]
    return {"title": "", "nodes": nodes, "wires": wires, "tunnels": tunnels}


def picture(
    stage: dict[str, Any], size: dict[str, int] = WIDE, *, broken: tuple[str, ...] = (), **more: object
) -> dict[str, object]:
    """A map of a network whose tunnels are all protected. broken: spokes whose tunnels are not good."""
    tunnels = [
        {
            **{"here": here, "there": there, "encrypted": here not in broken, "direct": False},
            "condition": "broken" if here in broken else "registered",
        }
        for here, there in ((tunnel["here"], tunnel["there"]) for tunnel in stage["tunnels"])
    ]
    return {"stage": stage, "size": size, "tunnels": tunnels, **more}


def drawn(stage: dict[str, Any], **more: Any) -> Moment:  # noqa: ANN401  # as `picture`
    """The texts of such a map."""
    return texts(picture(stage, **more))[0]


def test_no_text_of_the_map_is_on_another_one() -> None:
    """At 30 routers names lay on names."""
    wanted = [(routers, size, zoom) for routers in (4, 30, 60, 200) for size in (WIDE, PHONE) for zoom in (1, 1.7, 4)]
    found = texts(*(picture(network(routers), size, zoom=zoom) for routers, size, zoom in wanted))
    assert [one["overlaps"] for one in found] == [[]] * len(wanted)
    for one, (_, _, zoom) in zip(found, wanted, strict=True):
        assert {"HUB1", "HUB2"} <= {*one["texts"]} or zoom > 1, "a hub may be out of sight"


def test_each_router_has_its_name_on_a_map_that_has_room_for_all() -> None:
    for network_, found in zip(few := (network(4), network(30)), texts(*map(picture, few)), strict=True):
        spokes = {node["name"] for node in network_["nodes"] if node["kind"] == "spoke"}
        assert spokes <= {*found["texts"]}
        assert found["width"] > 0.6 * WIDE["width"], "the rings are as wide as the map"


def test_names_of_what_is_chosen_found_or_broken_come_first() -> None:
    found = drawn(network(200), chosen="OSLO7", found=["PARIS90", "ROME127"], broken=("OSLO187", "COPENHAGEN2"))
    assert {"HUB1", "HUB2", "OSLO7", "PARIS90", "ROME127", "OSLO187", "COPENHAGEN2"} <= {*found["texts"]}
    assert found["overlaps"] == []


def test_hosts_are_folded_into_their_routers_above_twenty() -> None:
    twenty, more = texts(picture(network(20)), picture(network(21)))
    assert "H-HUB1" in twenty["texts"]
    assert not [text for text in more["texts"] if text.startswith("H-")]


def test_a_name_of_63_characters_lacks_its_middle_and_stays_its_own() -> None:
    found = drawn(network(6, name="a-very-long-name-of-a-branch-office-in-the-north-of-the-country-{}"))
    assert {text[-1] for text in found["texts"] if text.startswith("a-very")} == {"1", "2", "3", "4"}
    assert all(len(text) <= 16 for text in found["texts"])


def test_thousands_of_routers_are_symbols_whose_texts_are_apart() -> None:
    found = drawn(network(2000, hosts=False))
    assert found["clusters"]
    assert found["overlaps"] == []


@pytest.mark.parametrize("spokes", [4, 60, 200])
def test_a_card_is_on_the_line_of_its_tunnel_also_where_tunnels_are_bundled(spokes: int) -> None:
    """With more than 50 tunnels the card was on the curve that few tunnels have."""
    found = cards(spokes)
    wrong = [
        (number, title)
        for number, title in enumerate(found["own"], 1)
        if title != f"Tunnel S{number} to HUB" and not title.endswith(" spoke")
    ]
    assert wrong == [], "unless a router is nearer"
    assert spokes == 4 or not [title for title in found["shared"] if title.startswith("Tunnel")], "it is of many"


@pytest.mark.parametrize("kinds", [[], ["router"], ["provider"]])
def test_a_network_of_little_is_drawn(kinds: list[str]) -> None:
    nodes = [{"name": "R1", "kind": kind, "addresses": []} for kind in kinds]
    found = drawn({"title": "", "nodes": nodes, "wires": [], "tunnels": []})
    assert found["texts"] == ["R1"] * len(kinds)


# ------------------------------------------------------------------------------------------------ while it loads


def line(time: float, topic: str, subject: str, **more: object) -> dict[str, object]:
    return {
        **{"time": time, "topic": topic, "subject": subject, "sign": "+", "interface": "Tunnel0", "text": ""},
        **more,
    }


def news(router: str, *lines: dict[str, object], more: bool = False, begins: bool = True) -> dict[str, Any]:
    return {
        **{"router": router, "now": 100.0, "begins": begins, "missed": 0, "addresses": [], "lines": [*lines]},
        "more": more,
    }


def registered(spokes: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A hub and spokes that are registered, and what each of them reports of that."""
    nodes = [{"name": "HUB", "kind": "hub", "addresses": ["10.0.0.1"]}]
    nodes += [
        {"name": f"S{number}", "kind": "spoke", "addresses": [f"10.0.1.{number}"]} for number in range(1, spokes + 1)
    ]
    tunnels = [{"here": f"S{number}", "there": "HUB", "cloud": "1"} for number in range(1, spokes + 1)]
    entries = [
        line(50.0, "mapping", f"10.0.1.{number}", kind="registered", nbma="192.0.2.1", next_hop=f"10.0.1.{number}")
        for number in range(1, spokes + 1)
    ]
    found = [news("HUB", *entries[:9], more=True), news("HUB", *entries[9:], begins=False)]
    for number in range(1, spokes + 1):
        static = line(1.0, "mapping", "10.0.0.1", kind="static", nbma="192.0.2.9", next_hop="10.0.0.1")
        found.append(news(f"S{number}", static, line(50.0, "server", "10.0.0.1")))
    return {"title": "", "nodes": nodes, "wires": [], "tunnels": tunnels}, found


@pytest.mark.parametrize("seed", range(3))
def test_while_reports_come_in_no_tunnel_is_called_what_it_is_not(seed: int) -> None:
    """A healthy network of 200 began with "368 broken"."""
    stage, reports = registered(30)
    hub, spokes = reports[:2], reports[2:]
    Random(seed).shuffle(spokes)
    place = Random(seed).randrange(len(spokes))
    sampled = while_loading(stage, [*spokes[:place], *hub, *spokes[place:]], 100.0)
    assert all(counts.keys() <= {"unknown", "registered"} for counts in sampled), sampled
    assert sampled[-1] == {"registered": 30}


def test_a_registration_that_one_end_has_just_reported_is_not_broken_yet() -> None:
    stage, (hub, rest, spoke, *_) = registered(1)
    spoke["lines"].pop()
    assert while_loading(stage, [hub, rest, spoke], 51.0)[-1] == {"registering": 1}
    assert while_loading(stage, [hub, rest, spoke], 60.0)[-1] == {"broken": 1}


@pytest.mark.parametrize(
    ("registers", "answers", "counts"),
    [
        ((4, 6), (4, 6), {"registered": 1}),
        ((4,), (4,), {"registering": 1}),
        ((6,), (6,), {"registering": 1}),
        ((4, 6), (4,), {"broken": 1}),
        ((4,), (6,), {"broken": 1}),
    ],
)
def test_a_tunnel_of_two_versions_is_as_good_as_the_worse_one(
    registers: tuple[int, ...], answers: tuple[int, ...], counts: dict[str, int]
) -> None:
    """A spoke that was registered in IPv4 alone was said to be registered: nobody saw that IPv6 did not work."""
    hub, spoke = {4: "10.0.0.1", 6: "2001:db8::1"}, {4: "10.0.0.2", 6: "2001:DB8::2"}
    ends = {"here": "S1", "there": "HUB"}
    stage: dict[str, Any] = {
        **{"title": "", "wires": []},
        "nodes": [
            {"name": "HUB", "kind": "hub", "addresses": [*hub.values()]},
            {"name": "S1", "kind": "spoke", "addresses": ["10.0.0.2", "2001:db8::2"]},
        ],
        "tunnels": [{**ends, "cloud": "10.0.0.0/24"}, {**ends, "cloud": "2001:db8::/64"}],
    }
    known = [
        line(50.0, "mapping", spoke[one], kind="registered", nbma="192.0.2.1", next_hop=spoke[one]) for one in registers
    ]
    statics = [line(1.0, "mapping", own, kind="static", nbma="192.0.2.9", next_hop=own) for own in hub.values()]
    heard = [line(50.0, "server", hub[one].upper()) for one in answers]
    assert while_loading(stage, [news("HUB", *known), news("S1", *statics, *heard)], 60.0)[-1] == counts


# ------------------------------------------------------------------------------------------------ messages


STAGE: dict[str, Any] = {
    "title": "",
    "nodes": [
        {"name": "HUB", "kind": "hub", "addresses": ["10.0.0.1"]},
        {"name": "S1", "kind": "spoke", "addresses": ["10.0.0.2"]},
    ],
    "wires": [],
    "tunnels": [],
}


def message(time: float, way: str, name: str, peer: str, mark: str) -> dict[str, object]:
    ends = {"protocol": "NHRP", "name": name, "peer": peer, "mark": mark, "subject": "10.0.0.2"}
    return {"time": time, "way": way, **ends}


def up(time: float) -> dict[str, object]:
    return line(time, "interface", "Tunnel0", sign="~", text="up")


REQUESTS = [message(time, "sent", "Registration Request", "10.0.0.1", f"{time}") for time in (1.0, 2.0)]
ANSWER = [
    message(2.0, "received", "Registration Request", "10.0.0.2", "2.0"),
    message(2.1, "sent", "Registration Reply", "10.0.0.2", "r"),
]
REPLY = message(2.1, "received", "Registration Reply", "10.0.0.1", "r")
LOST = "S1 sends to HUB: NHRP Registration Request (10.0.0.2), lost"
EARLY = "S1 sends to HUB: NHRP Registration Request (10.0.0.2); HUB was not up yet"
SENT = "S1 sends to HUB: NHRP Registration Request (10.0.0.2)"


def test_a_spoke_that_begins_before_its_hub_is_no_fault() -> None:
    both = [news("S1", up(0.5), *REQUESTS, REPLY), news("HUB", up(1.5), *ANSWER)]
    assert said_of_messages(STAGE, both, 100.0)[:2] == [EARLY, SENT]


def test_a_message_to_a_hub_whose_tunnel_was_up_is_lost() -> None:
    both = [news("S1", up(0.5), *REQUESTS, REPLY), news("HUB", up(0.5), *ANSWER)]
    assert said_of_messages(STAGE, both, 100.0)[:2] == [LOST, SENT]


def test_of_a_message_that_was_sent_again_the_last_one_arrived() -> None:
    """Both have one mark. A simulated lab of IPsec began with messages in red: its routers begin at one instant."""
    requests = [message(time, "sent", "Registration Request", "10.0.0.1", "2.0") for time in (1.0, 1.9)]
    for began, first in ((0.5, LOST), (1.0, EARLY)):
        both = [news("S1", up(0.5), *requests, REPLY), news("HUB", up(began), *ANSWER)]
        for heard in (both, both[::-1]):
            assert said_of_messages(STAGE, heard, 100.0)[:2] == [first, SENT]


def test_a_message_that_nobody_answers_in_the_time_of_its_retries_is_lost() -> None:
    both = [news("S1", up(0.5), *REQUESTS), news("HUB", up(90.0))]
    assert said_of_messages(STAGE, both, 5.0) == [EARLY, EARLY]
    assert said_of_messages(STAGE, both, 100.0) == [LOST, LOST]


def test_a_message_that_has_just_been_sent_is_on_its_way() -> None:
    assert said_of_messages(STAGE, [news("S1", up(0.5), *REQUESTS), news("HUB", up(0.5))], 2.5) == [SENT, SENT]


def test_what_is_forgotten_of_a_long_film_makes_no_hub_late() -> None:
    """A hub whose tunnel went down hours later "was not up yet" before, for its beginning was forgotten."""
    rest = [line(3.0 + number / 100, "neighbor", f"10.9.0.{number}") for number in range(600)]
    sent = [message(time, "sent", "Registration Request", "10.0.0.1", f"{time}") for time in (20.0, 21.0)]
    received = message(21.0, "received", "Registration Request", "10.0.0.2", "21.0")
    reply = message(21.1, "sent", "Registration Reply", "10.0.0.2", "r")
    hub = [up(0.5), received, reply, line(30.0, "interface", "Tunnel0", sign="~", text="down")]
    both = [news("S1", up(0.5), *rest, *sent), news("HUB", *hub)]
    for most in (100_000, 512):
        assert said_of_messages(STAGE, both, 100.0, most)[:2] == [LOST, SENT], most
