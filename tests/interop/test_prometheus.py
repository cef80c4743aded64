"""Prometheus of Debian beside two labs: it scrapes them, and every query of the dashboard and of the alerts has data.

The labs are simulated and follow the clock. In one of them a spoke has another NHRP password than the hub, in the other
one another key than its peers: what counts faults has something to count.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from support.scraped import Prometheus, Web
from support.served import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

if shutil.which("prometheus") is None:
    pytest.skip("Prometheus is missing: scripts/debian-packages interop", allow_module_level=True)

pytestmark = pytest.mark.interop

FOLDER: Final = Path(__file__).parents[2] / "contrib" / "prometheus"
RULES, EXAMPLE, DASHBOARD = FOLDER / "dmvpn-rules.yml", FOLDER / "prometheus.yml", FOLDER / "grafana-dashboard.json"
LABS: Final = ("intro-phase3", "nat-overload")
ROUTERS: Final = 8
#: Metrics of the dashboard of which these labs have none, and why.
WITHOUT: Final = {"dmvpn_certificate_not_after_timestamp_seconds": "these labs prove themselves by keys"}
_LINES: Final = {
    "intro-phase3/SPOKE10": (
        "ip access-list extended WATCHED\n 10 permit icmp any any\n 20 permit ip any any\n"
        "interface GigabitEthernet1\n ip access-group WATCHED in"
    ),
    "intro-phase3/SPOKE20": "interface Tunnel0\n ip nhrp authentication OTHER",
    "nat-overload/R41": (
        "crypto ikev2 keyring {keyring}\n peer {peer}\n pre-shared-key local OTHER\n pre-shared-key remote OTHER"
    ),
}


class Scene(NamedTuple):
    """All that runs."""

    environment: dict[str, str]
    web: Web
    prometheus: Prometheus


def dmvpn(environment: dict[str, str], *words: str, typed: str = "") -> str:
    run = subprocess.run([*MAIN, *words], input=typed, capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0, (words, run.stdout, run.stderr)
    return run.stdout


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Two labs with faults, `dmvpn web`, and Prometheus with the example's configuration, which scrapes each second."""
    with tempfile.TemporaryDirectory() as folder:  # its path is short enough for sockets
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        for lab in LABS:
            dmvpn(environment, "lab", "up", lab, "--simulated")
        web = prometheus = None
        try:
            _change(environment)
            web = Web(environment)
            place = Path(folder) / "prometheus"
            place.mkdir()
            (place / "token").write_text(web.token)
            shutil.copy(RULES, place)
            text = (
                EXAMPLE.read_text()
                .replace("15s", "1s\n  evaluation_interval: 1s")
                .replace("127.0.0.1:8080", f"127.0.0.1:{web.port}")
            )
            head, _, discovery = text.partition("  # Instead, for many large routers")
            lines = [line.replace("  # ", "  ", 1) for line in discovery.splitlines()[1:]]
            prometheus = Prometheus(place, head + "\n".join(lines).replace("job_name: dmvpn", "job_name: each") + "\n")
            yield Scene(environment, web, prometheus)
        finally:
            for one in (prometheus, web):
                if one is not None:
                    one.close()
            for lab in LABS:
                dmvpn(environment, "lab", "down", lab)


def _change(environment: dict[str, str]) -> None:
    keyring, peer = "", ""
    for line in dmvpn(environment, "-r", "nat-overload/R41", "show running-config").splitlines():
        match line.split():
            case ["crypto", "ikev2", "keyring", name]:
                keyring = name
            case ["peer", name] if keyring and not peer:
                peer = name
    for router, lines in _LINES.items():
        typed = lines.format(keyring=keyring, peer=peer)
        dmvpn(environment, "shell", router, typed=f"configure terminal\n{typed}\nend\n")
    dmvpn(environment, "-r", "nat-overload/R41", "clear crypto session")
    dmvpn(environment, "-r", "nat-overload/R31", "ping 198.51.100.80 source 10.3.3.1 repeat 3")
    dmvpn(environment, "-r", "intro-phase3/SPOKE10", "ping 192.168.20.1 source 192.168.10.1 repeat 3")


# ------------------------------------------------------------------------------------------------ files


def test_promtool_finds_the_files_right(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "token").write_text("x")
    for words in (
        ("check", "rules", "dmvpn-rules.yml"),
        ("test", "rules", "dmvpn-rules-test.yml"),
        ("check", "config", "prometheus.yml"),
    ):
        run = subprocess.run(["promtool", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


# ------------------------------------------------------------------------------------------------ a real one


@pytest.mark.story("prometheus-scrape")
def test_prometheus_gets_all_routers_by_one_request_and_by_one_for_each(scene: Scene) -> None:
    up = scene.prometheus.eventually(f'count(dmvpn_up{{job="dmvpn"}} == 1) == {ROUTERS}')
    assert up
    scene.prometheus.eventually(f'count(up{{job="each"}} == 1) == {ROUTERS}')
    (one,) = scene.prometheus.eventually('dmvpn_up{job="each", router="SPOKE10"}')
    assert one[0]["instance"] == "intro-phase3/SPOKE10"
    assert "exported_lab" not in one[0]
    targets = scene.prometheus.ask("targets")
    assert isinstance(targets, dict)
    assert {target["lastError"] for target in targets["activeTargets"]} == {""}


@pytest.mark.story("prometheus-scrape")
def test_prometheus_knows_types_units_and_meanings(scene: Scene) -> None:
    scene.prometheus.eventually("dmvpn_up == 1")
    meta = scene.prometheus.ask("metadata")
    assert isinstance(meta, dict)
    known = {name: entries[0] for name, entries in meta.items() if name.startswith("dmvpn_")}
    assert len(known) > 60
    assert all(entry["help"].endswith(".") for entry in known.values())
    bytes_received = known.get("dmvpn_interface_received_bytes") or known["dmvpn_interface_received_bytes_total"]
    assert (bytes_received["type"], bytes_received["unit"]) == ("counter", "bytes")


@pytest.mark.parametrize("form", ["text/plain", "application/openmetrics-text"])
def test_promtool_finds_nothing_wrong_with_a_scrape(scene: Scene, form: str) -> None:
    got = scene.web.ask("/metrics", {"Accept": form})
    assert got.headers["content-type"].startswith(form)
    if form == "text/plain":
        promtool = ["promtool", "check", "metrics"]
        run = subprocess.run(promtool, input=got.text, capture_output=True, text=True, check=False)
        assert (run.returncode, run.stdout + run.stderr) == (0, "")
    else:
        assert got.text.endswith("\n# EOF\n")


def queries() -> list[tuple[str, str]]:
    """The queries of the dashboard with their panels, for all labs and routers."""
    board = json.loads(DASHBOARD.read_text())
    found = [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel.get("targets", ())]
    values = {"$lab": ".*", "$router": ".*", "$__rate_interval": "10s"}
    for name, value in values.items():
        found = [(title, expression.replace(name, value)) for title, expression in found]
    return found


@pytest.mark.story("prometheus-dashboard")
@pytest.mark.parametrize(("title", "expression"), queries())
def test_every_panel_of_the_dashboard_has_data(scene: Scene, title: str, expression: str) -> None:
    if any(metric in expression for metric in WITHOUT):
        assert scene.prometheus.query(expression) == []
        return
    assert scene.prometheus.eventually(expression), title


@pytest.mark.story("prometheus-alerts")
def test_prometheus_evaluates_every_alert_and_those_of_the_faults_begin(scene: Scene) -> None:
    scene.prometheus.eventually('ALERTS{alertname="DmvpnSpokeNotRegistered", router="SPOKE20"}')
    found = scene.prometheus.ask("rules")
    assert isinstance(found, dict)
    rules = [rule for group in found["groups"] for rule in group["rules"]]
    assert len(rules) == RULES.read_text().count("- alert:")
    assert {(rule["name"], rule.get("lastError", "")) for rule in rules if rule["health"] == "err"} == set()


@pytest.mark.story("prometheus-alerts")
def test_a_router_that_dies_is_down_and_leaves_no_half_of_its_numbers(scene: Scene) -> None:
    scene.prometheus.eventually('dmvpn_up{job="dmvpn", router="SPOKE10"} == 1')
    dmvpn(scene.environment, "lab", "kill", "intro-phase3/SPOKE10")
    try:
        scene.prometheus.eventually('dmvpn_up{job="dmvpn", router="SPOKE10"} == 0')
        scene.prometheus.eventually('ALERTS{alertname="DmvpnRouterDown", router="SPOKE10"}')
        text = scene.web.ask("/metrics?router=SPOKE10").text
        assert 'dmvpn_up{lab="intro-phase3",router="SPOKE10"} 0' in text
        assert "dmvpn_interface_up" not in text
    finally:
        dmvpn(scene.environment, "lab", "start", "intro-phase3/SPOKE10")
    scene.prometheus.eventually('dmvpn_up{job="dmvpn", router="SPOKE10"} == 1')
    scene.prometheus.eventually('changes(dmvpn_router_start_time_seconds{job="dmvpn", router="SPOKE10"}[2m]) > 0')
