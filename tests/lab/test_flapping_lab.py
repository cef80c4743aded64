"""`lab up` does not say "up and converged" of a lab that comes up and goes down again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.labs import waiting
from dmvpn.shells.flapping import changing, flapping
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from support.labs import Labs
from support.written import DYNAMIC, NHS, write

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.shells.facts import LabFacts

_EIGRP = "router eigrp 7\n network 172.16.0.0 0.0.0.255\n network 10.0.0.0\n"
_MULTICAST = " ip nhrp map multicast 203.0.113.1\n"
#: EIGRP tells the spoke, through the tunnel, of the network that the tunnel's own packets cross.
_OVER_ITSELF = "router eigrp 7\n network 0.0.0.0\nip route 0.0.0.0 0.0.0.0 {}\n"


def _links(folder: Path, hub: str, spoke: str, tunnel: str = "") -> Path:
    """A hub and a spoke, each on a link of its own to a provider."""
    write(folder, HUB=(1, "", DYNAMIC + tunnel, hub.format("203.0.113.2")), A=(2, "", NHS + _MULTICAST, spoke))
    for file, mask in (("HUB", "1 255.255.255.252"), ("A", "5 255.255.255.252")):
        path = folder / f"{file}.cfg"
        number = {"HUB": 1, "A": 2}[file]
        path.write_text(path.read_text().replace(f"203.0.113.{number} 255.255.255.0", f"203.0.113.{mask}"))
    return folder


def _facts(folder: Path, *moments: float) -> list[LabFacts]:
    scenario = Scenario.load(str(folder))
    world = Simulator.of(scenario)
    found = []
    for moment in moments:
        world.run_until(moment)
        found.append(world.facts(scenario))
    return found


def test_a_tunnel_whose_packets_are_routed_into_itself_flaps(tmp_path: Path) -> None:
    """`lab up` said "up and converged", and 15 s later the neighbor was gone, again and again."""
    _links(tmp_path, _OVER_ITSELF, _OVER_ITSELF.format("203.0.113.6"))
    (facts,) = _facts(tmp_path, 5.0)
    assert flapping(facts)["A"] == [
        "Tunnel0 flaps: EIGRP leads to its peer 203.0.113.1 through Tunnel0 itself (203.0.113.0/30)"
    ]


def test_a_neighbor_that_is_forgotten_before_its_next_hello_flaps(tmp_path: Path) -> None:
    write(tmp_path, HUB=(1, "", DYNAMIC + " ip hold-time eigrp 7 3\n", _EIGRP), A=(2, "", NHS + _MULTICAST, _EIGRP))
    (facts,) = _facts(tmp_path, 2.0)
    assert flapping(facts) == {
        "HUB": ["EIGRP 7 flaps on Tunnel0: it greets every 5 s, and asks to be forgotten after 3 s"]
    }


def test_a_network_that_lasts_does_not_flap_and_does_not_change(tmp_path: Path) -> None:
    write(tmp_path, HUB=(1, "", DYNAMIC, _EIGRP), A=(2, "", NHS + _MULTICAST, _EIGRP))
    early, late, later = _facts(tmp_path, 0.05, 5.0, 6.0)
    assert flapping(late) == {}
    assert changing(late, later) == []
    assert sorted(changing(early, late)) == ["A", "HUB"]


@pytest.mark.lab
def test_lab_up_says_what_flaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _links(tmp_path / "flap", _OVER_ITSELF, _OVER_ITSELF.format("203.0.113.6"))
    monkeypatch.setattr(waiting, "PATIENCE", 5.0)
    with Labs() as labs:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(labs.folder))
        assert main(["lab", "up", str(tmp_path / "flap"), "--simulated"]) == 1
    said = capsys.readouterr()
    assert "A: Tunnel0 flaps: EIGRP leads to its peer 203.0.113.1 through Tunnel0 itself" in said.err
    assert "converged" not in said.out
