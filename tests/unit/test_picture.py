"""Pictures of networks: they show what there is, nothing covers anything else, and names stay names."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from dmvpn.network.device import Device
from dmvpn.router.facts import RouterFacts
from dmvpn.shells.exercises import built_in_names
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.picture import Picture, as_dot, as_mermaid, as_moving, as_stage, as_svg, picture_of
from dmvpn.tools.picture.model import Cloud, Kind, Node, Port, Tunnel, TunnelState, Wire
from dmvpn.tools.picture.plan import plan_of
from dmvpn.tools.watch.steps import Arrow
from support.browser import CHROMIUM, dumped
from support.texts import file_text

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.tools.picture.plan import Box

NAMES = built_in_names()
SVG = "http://www.w3.org/2000/svg"
HOSTILE = '</text><script>alert(1)</script>"]};\\\n"\x1b[31m]]>--> & <b>'


def of(name: str) -> Picture:
    return picture_of(Scenario.load(name), f"scenario {name}")


def made_up(spokes: int, *, hubs: int = 1, name: str = "BRANCH") -> Picture:
    """A network of this size: each third spoke is behind a NAT box, and the first two have a direct tunnel."""
    clouds = tuple(Cloud(name=f"10.{hub}.0.0/16", details=("IPsec",), protected=True) for hub in range(hubs))
    nodes = [Node(name="TRANSPORT", kind=Kind.PROVIDER)]
    wires, tunnels = [], []
    for hub in range(hubs):
        own_ports = (
            Port(name="Tu0", address=f"10.{hub}.0.1/16", cloud=hub),
            Port(name="Gi1", address="203.0.113.1/30"),
        )
        nodes.append(Node(name=f"HUB{hub}", kind=Kind.HUB, ports=own_ports))
        wires.append(Wire(ends=((f"HUB{hub}", "Gi1"), ("TRANSPORT", f"Gi{hub}"))))
    for spoke in range(spokes):
        own = f"{name}-{spoke}"
        overlay = tuple(Port(name=f"Tu{hub}", address=f"10.{hub}.1.{spoke}/16", cloud=hub) for hub in range(hubs))
        ports = (*overlay, Port(name="Gi1", address=f"198.51.100.{spoke}/30", is_source=True))
        nodes.append(Node(name=own, kind=Kind.SPOKE, ports=ports))
        nodes.append(Node(name=f"H{spoke}", kind=Kind.HOST, ports=(Port(name="", address=f"192.168.{spoke}.9/24"),)))
        wires.append(Wire(ends=((own, "Gi2"), (f"H{spoke}", "")), network=f"192.168.{spoke}.0/24"))
        if spoke % 3:
            wires.append(Wire(ends=((own, "Gi1"), ("TRANSPORT", f"Gi1/{spoke}"))))
        else:
            sides = (Port(name="outside", address=f"172.16.{spoke}.1/30"), Port(name="inside", address="10.9.9.1/24"))
            nodes.append(Node(name=f"NAT{spoke}", kind=Kind.NAT, ports=sides))
            wires.append(Wire(ends=((f"NAT{spoke}", "outside"), ("TRANSPORT", f"Gi1/{spoke}"))))
            wires.append(Wire(ends=((f"NAT{spoke}", "inside"), (own, "Gi1"))))
        tunnels += [Tunnel(here=own, there=f"HUB{hub}", cloud=hub) for hub in range(hubs)]
    if spokes > 1:
        tunnels.append(Tunnel(here=f"{name}-0", there=f"{name}-1", cloud=0, state=TunnelState.DIRECT))
    return Picture(
        title=f"{spokes} spokes",
        about="made up",
        nodes=tuple(nodes),
        wires=tuple(wires),
        clouds=clouds,
        tunnels=tuple(tunnels),
    )


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 our own document


def texts(svg: str) -> list[str]:
    """What a reader sees."""
    return [each.text or "" for each in parsed(svg).iter(f"{{{SVG}}}text")]


def titles(svg: str) -> list[str]:
    """What the mouse shows."""
    return [each.text or "" for each in parsed(svg).iter(f"{{{SVG}}}title")]


def boxes(picture: Picture) -> dict[str, Box]:
    """The rectangles with texts in them."""
    plan = plan_of(picture)
    found = {name: card.box for name, card in plan.cards.items()}
    found |= {chip.node.name: chip.box for card in plan.cards.values() for chip in card.chips}
    found |= {name: box for name, (_, box, _) in plan.nats.items()}
    return found | {f"band {band.name}": band.box for band in plan.bands}


def overlapping(found: dict[str, Box]) -> list[tuple[str, str]]:
    every = list(found.items())
    return [
        (name, other)
        for number, (name, box) in enumerate(every)
        for other, there in every[number + 1 :]
        if box.x < there.right and there.x < box.right and box.y < there.bottom and there.y < box.bottom
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_has_a_picture_with_all_its_nodes_and_addresses(name: str) -> None:
    picture = of(name)
    shown = texts(as_svg(picture))
    for node in picture.nodes:
        assert any(node.name in text for text in shown), node.name
        if node.kind in (Kind.HUB, Kind.SPOKE, Kind.ROUTER, Kind.HOST):
            for port in node.ports[: 1 if node.kind is Kind.HOST else None]:
                assert any(port.address in text for text in shown), (node.name, port)
    assert overlapping(boxes(picture)) == []
    assert picture.tunnels


@pytest.mark.parametrize("spokes", [1, 2, 3, 6, 7, 9, 11, 12, 24, 25, 60, 200])
@pytest.mark.parametrize("hubs", [1, 2])
def test_no_box_covers_another_in_a_network_of_any_size(spokes: int, hubs: int) -> None:
    picture = made_up(spokes, hubs=hubs)
    found = boxes(picture)
    assert overlapping(found) == []
    plan = plan_of(picture)
    assert all(
        box.x > 0 and box.right < plan.width and box.y > 60 and box.bottom < plan.bottom for box in found.values()
    )
    assert len(plan.cards) == spokes + hubs


def test_a_picture_of_two_hundred_routers_says_that_it_leaves_hosts_out() -> None:
    svg = as_svg(made_up(200))
    assert any("(200 hosts are not drawn)" in text for text in texts(svg))
    assert "BRANCH-199" in texts(svg)


def test_regional_hubs_are_with_their_spokes_and_the_global_hub_is_in_the_middle() -> None:
    plan = plan_of(of("hierarchical"))
    assert [name for name, _ in plan.regions] == ["HUB-A", "HUB-B"]
    (_, west), (_, east) = plan.regions
    middle = plan.cards["GLOBAL"].box
    assert west.right <= middle.x
    assert middle.right <= east.x
    for name, region in (("HUB-A", west), ("SPOKE-A1", west), ("SPOKE-A2", west), ("HUB-B", east), ("SPOKE-B1", east)):
        box = plan.cards[name].box
        assert region.x <= box.x
        assert box.right <= region.right


def test_two_clouds_differ_by_more_than_their_colors() -> None:
    svg = as_svg(of("dual-hub-two-clouds"))
    assert any("tunnels 10.255.1.0/24" in text for text in texts(svg))
    dashes = re.findall(r"\.cloud\d path\{stroke:var\(--c\d\);stroke-dasharray:([^}]*)\}", svg)
    assert len(set(dashes)) == len(dashes) == 4


def test_two_pictures_of_one_network_are_the_same_to_the_last_letter() -> None:
    for write in (as_svg, as_dot, as_mermaid):
        assert write(of("hierarchical")) == write(of("hierarchical"))


def test_a_second_picture_reads_the_routers_alone_that_have_changed() -> None:
    scenario, devices = Scenario.load("notes-phase3"), dict[str, Device]()
    assert picture_of(scenario, "it", devices=devices) == picture_of(scenario, "it")
    before, other = (
        dict(devices),
        RouterFacts(configuration=("interface Loopback7", " ip address 10.7.7.7 255.255.255.255"), tunnels=()),
    )
    after = picture_of(scenario, "it", {"R41": other}, devices=devices)
    assert {name for name in devices if devices[name] is not before[name]} == {"R41"}
    assert "10.7.7.7/32" in {port.address for node in after.nodes for port in node.ports}
    assert picture_of(scenario, "it", devices=devices) == picture_of(scenario, "it")


def test_what_an_svg_needs_is_in_it() -> None:
    svg = as_svg(of("notes-phase3"))
    assert (
        re.findall(
            r"(?:href|src|url)\s*[=(]\s*[\"']?(?!#)(?!\")[^\s]", svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
        )
        == []
    )
    assert "@media (prefers-color-scheme:dark)" in svg
    assert "R31 to R11: tunnel, configured, 192.168.100.0/24" in titles(svg)


def test_a_direct_tunnel_appears_with_the_first_message_on_it() -> None:
    picture = made_up(2)

    def said(sender: str, receiver: str, subject: str) -> Arrow:
        return Arrow(time=1, sender=sender, receiver=receiver, protocol="NHRP", name="Note", subject=subject)

    steps = [
        said("BRANCH-0", "HUB0", "first"),
        said("BRANCH-1", "BRANCH-0", "second"),
        said("BRANCH-0", "198.51.100.77", "of a stranger"),
        said("BRANCH-0", "BRANCH-1", HOSTILE),
    ]
    root = parsed(as_moving(picture, steps))
    texts = [each.text or "" for each in root.iter(f"{{{SVG}}}text") if each.get("class") == "say"]
    assert [text[:2] for text in texts] == ["1.", "2.", "3."]
    assert "first" in texts[0]
    assert "second" in texts[1]
    assert "<script>alert(1)</script>" in texts[2]
    (direct,) = (each for each in root.iter(f"{{{SVG}}}g") if "animation" in each.get("style", ""))
    assert direct.get("class") == "tunnel direct"
    style = root.findtext(f"{{{SVG}}}style", "")
    (appearance,) = re.findall(r"@keyframes come1\{0%,([\d.]+)%\{opacity:0\}", style)
    (gone,) = re.findall(r"@keyframes say\{0%,([\d.]+)%", style)
    assert appearance == gone, "it comes when the first message has ended"


def test_hostile_names_are_nothing_but_names() -> None:
    picture = made_up(3, name=HOSTILE)
    root = parsed(as_svg(picture))
    assert {each.tag.rpartition("}")[2] for each in root.iter()}.isdisjoint({"script", "b"})
    assert any(text.startswith("</text><script>") for text in texts(as_svg(picture)))
    assert "\x1b" not in as_svg(picture) + as_dot(picture) + as_mermaid(picture)
    for line in as_mermaid(picture).splitlines()[2:]:
        assert "<script" not in line
        assert line.count('"') % 2 == 0
    for line in as_dot(picture).splitlines():
        outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
        assert '"' not in outside
        assert "script" not in outside


@pytest.mark.skipif(shutil.which("dot") is None, reason="no Graphviz")
@pytest.mark.parametrize("name", ["hierarchical", "ipsec-two-spokes-one-nat", "front-door-breakout"])
def test_graphviz_reads_the_graph(name: str, tmp_path: Path) -> None:
    for picture in (of(name), made_up(4, name=HOSTILE)):
        drawn = subprocess.run(
            ["dot", "-Tsvg"], input=as_dot(picture), capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert drawn.returncode == 0, drawn.stderr
        assert drawn.stderr == ""
        assert drawn.stdout.count('class="node"') >= len(picture.nodes)


@pytest.mark.lengthy
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium")
def test_no_text_covers_another_in_a_browser(tmp_path: Path) -> None:
    """The browser measures its own letters: no text is over another one, or outside of the picture."""
    pictures = [of(name) for name in ("hierarchical", "dual-hub", "ipsec-two-spokes-one-nat", "nat-overload")]
    drawn = [as_svg(each) for each in (*pictures, made_up(11, hubs=2), made_up(6))]
    script = file_text("picture_script.txt")
    page = tmp_path / "pictures.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><body>{''.join(drawn)}<script>{script}</script>")
    title = re.search(r"<title>(.*?)</title>", dumped(page.as_uri(), tmp_path))
    assert title is not None
    assert html.unescape(title[1]) == "DONE []"


def test_a_page_knows_all_addresses_of_a_router_and_a_card_the_first_of_each_interface() -> None:
    picture = of("dual-stack")
    (spoke,) = [node for node in picture.nodes if node.name == "R31"]
    known = ["192.168.100.31", "2001:db8:100::31", "172.16.31.1", "10.3.3.1", "2001:db8:3::1"]
    nodes = json.loads(json.dumps(as_stage(picture)["nodes"]))
    assert [each["addresses"] for each in nodes if each["name"] == "R31"] == [known]
    assert [port.address for port in spoke.ports] == ["192.168.100.31/24", "172.16.31.1/30", "10.3.3.1/24"]
    assert "R31 (spoke): Tu100 192.168.100.31/24 2001:db8:100::31/64, Gi0/1" in as_svg(picture)
