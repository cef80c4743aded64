"""What a lab waits for, and what it looks like when there are routers behind the hubs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dmvpn.app.picture import fitting, picture
from dmvpn.base.errors import UserError
from dmvpn.shells.scenario import Scenario, built_in_names
from support.world import World


def test_a_route_may_be_waited_for_with_its_next_hop() -> None:
    world = World("dual-hub").converge()
    world.sim.kill("HUB1")
    world.run_for(16)
    assert "SPOKE1: no route to 10.1.10.0/24 via 10.255.0.1" in world.lacks()
    assert "10.1.10.0/24" in world.show("SPOKE1", "ip route"), "it is there, but by HUB2"


@pytest.mark.parametrize("route", ["10.0.0.0", "10.0.0.0/8 via", "10.0.0.0/8 by 10.0.0.1", "default"])
def test_a_route_that_is_none_is_a_mistake_in_the_file(route: str, tmp_path: Path) -> None:
    (tmp_path / "R1.cfg").write_text("hostname R1\n")
    (tmp_path / "lab.yaml").write_text(f'ready: {{routes: {{R1: ["{route}"]}}}}\n')
    with pytest.raises(UserError, match=r"ready\.routes\.R1\.0"):
        Scenario.load(str(tmp_path))


def test_every_scenario_is_on_the_page_about_scenarios() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "scenarios.md").read_text()
    assert [name for name in built_in_names() if f"`{name}`" not in page] == []


def test_a_router_behind_the_hubs_is_above_them() -> None:
    lines = picture(Scenario.load("dual-hub"))
    rows = [next(number for number, line in enumerate(lines) if word in line) for word in ("CORE", "HUB1", "SPOKE1")]
    provider = next(number for number, line in enumerate(lines) if "[ TRANSPORT ]" in line)
    assert rows[0] < rows[1] < provider < rows[2]
    assert "SERVER 10.1.10.100/24" in lines[0]


def test_a_drawing_that_the_terminal_would_fold_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred routers were ten pages of pieces of boxes."""
    scenario = Scenario.load("hierarchical")
    width = max(map(len, picture(scenario)))
    monkeypatch.setenv("COLUMNS", str(width))
    assert fitting(scenario, "mine") == picture(scenario)
    monkeypatch.setenv("COLUMNS", str(width - 1))
    assert fitting(scenario, "mine") == [
        f"(a drawing of {width} columns; as a picture: dmvpn lab picture mine --output mine.svg)"
    ]


def test_a_hubs_port_to_the_inside_is_above_it_and_its_loopback_with_the_wire() -> None:
    lines = picture(Scenario.load("dual-hub"))
    inside, box = (
        next(number for number, line in enumerate(lines) if word in line) for word in ("10.1.0.1/30", "HUB1")
    )
    assert inside < box
    lines = picture(Scenario.load("hierarchical"))
    loopback, box = (next(n for n, line in enumerate(lines) if word in line) for word in ("203.0.113.101/32", "HUB-A"))
    assert box < loopback
