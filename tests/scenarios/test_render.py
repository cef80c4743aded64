"""Labs from tables and files: rendered, and with the names that they need."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.face.context import new_session
from dmvpn.face.interpreter import OneShot
from dmvpn.router.features import FEATURES
from dmvpn.shells.convergence import unfinished
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.tools.diff.measuring import Subject, choose_pairs, measure
from dmvpn.tools.diff.migration import migrate
from dmvpn.tools.naming import name_servers
from support.commands_page import example, exec_commands
from support.texts import file_text
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dmvpn.ios import ConfigLine
    from dmvpn.ios.section import Section
    from dmvpn.tools.diff.behavior import Behavior

_POOLS = """
pools:
  lan: {network: 10.1.0.0/16, length: 24}
  nbma: {network: 100.64.0.0/16, length: 30}
"""
_TWO_HUBS = f"""\
name: branches
phase: 3
protection: psk
tunnel: {{network: 10.255.0.0/24}}
{_POOLS}
hubs:
  HUB1: {{nbma: 203.0.113.1/30, gateway: 203.0.113.2}}
  HUB2: {{nbma: 203.0.113.5/30, gateway: 203.0.113.6}}
spokes:
  PARIS: {{nbma: 198.51.100.1/30, gateway: 198.51.100.2}}
  ROME: {{dynamic: true, nbma: 198.51.100.5/30, gateway: 198.51.100.6, lan: 10.1.200.0/24}}
  OSLO: {{routing: eigrp-classic}}
  BERN: {{nbma: 192.168.1.2/24, gateway: 192.168.1.1, nat: {{outside: 198.51.100.9/30, gateway: 198.51.100.10}}}}
  WIEN: {{phase: 1, hubs: [HUB2]}}
"""
#: phase, routing, protection, hubs -> the spokes that go direct.
_KINDS = [
    (1, "eigrp", "none", 1, False),
    (1, "eigrp", "psk", 2, False),
    (1, "static", "none", 1, False),
    (2, "eigrp", "none", 1, True),
    (2, "eigrp-classic", "none", 2, True),
    (2, "static", "none", 1, True),
    (3, "eigrp", "none", 1, True),
    (3, "eigrp-classic", "psk", 1, True),
    (3, "static", "none", 1, True),
]


def _rendered(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    monkeypatch.setenv("DMVPN_PRE_SHARED_KEY", "Very-Secret-1")
    monkeypatch.setenv("DMVPN_NHRP_AUTHENTICATION", "apart")
    (folder / "sites.yaml").write_text(text)
    assert main(["render", str(folder / "sites.yaml"), "--lab", "--out", str(folder / "out")]) == 0
    return Scenario.load(str(folder / "out"))


def _lived(scenario: Scenario, *, deaths: bool) -> Behavior:
    subject = Subject.of(scenario, 1)
    assert subject.world.run_while(lambda: bool(subject.world.missing(scenario)), 60.0), subject.world.missing(scenario)
    subject = Subject.of(scenario, 1)
    return measure(subject, choose_pairs(subject.lans, 1), deaths=deaths)


def test_two_hubs_and_five_spokes_of_all_kinds_come_up_and_those_who_can_go_direct(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = _rendered(tmp_path, _TWO_HUBS, monkeypatch)
    said = capsys.readouterr().out
    assert ": error:" not in said
    assert ": warning:" not in said
    found = _lived(scenario, deaths=False)
    assert len(found.talks) == 42
    assert [str(pair) for pair, talk in found.talks.items() if not talk.arrives or talk.lost] == []
    meshed = {"PARIS", "ROME", "OSLO", "BERN"}
    for pair, talk in found.talks.items():
        if set(pair) <= meshed:
            assert talk.path == "direct", pair
            assert talk.direct_after is not None
            assert talk.direct_after < 5.0
        elif pair.source == "WIEN" and pair.destination != "HUB2":
            assert talk.path == "by HUB2"


@pytest.mark.parametrize(("phase", "routing", "protection", "hubs", "direct"), _KINDS)
def test_every_kind_of_network_comes_up_with_the_built_in_template(
    phase: int, routing: str, protection: str, hubs: int, direct: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ", ".join(f"H{number}: {{}}" for number in range(hubs))
    second = ", second: 10.254.0.0/24" if phase == 1 and hubs == 2 else ""
    text = (
        f"phase: {phase}\nrouting: {routing}\nprotection: {protection}\ntunnel: {{network: 10.255.0.0/24{second}}}\n"
        f"{_POOLS}hubs: {{{names}}}\nspokes: {{A: {{}}, B: {{}}}}\n"
    )
    found = _lived(_rendered(tmp_path, text, monkeypatch), deaths=hubs > 1)
    between = {str(pair): talk for pair, talk in found.talks.items() if set(pair) == {"A", "B"}}
    assert {talk.path for talk in between.values()} == {"direct" if direct else "by H0"}
    assert [
        str(pair) for pair, talk in found.talks.items() if not talk.arrives and pair[0][0] + pair[1][0] != "HH"
    ] == []
    assert [outage for outages in found.deaths.values() for outage in outages if not outage.back] == []
    assert {talk.mss for talk in found.talks.values()} - {None} == {1360}
    assert {talk.mtu for talk in found.talks.values()} - {None} == {1400}


def test_spokes_that_speak_less_live_among_those_of_phase_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        f"tunnel: {{network: 10.255.0.0/24}}\n{_POOLS}hubs: {{HUB: {{}}}}\n"
        "spokes: {A: {}, STATIC: {routing: static}, TWO: {phase: 2}, ONE: {phase: 1}, OLD: {routing: eigrp-classic}}\n"
    )
    found = _lived(_rendered(tmp_path, text, monkeypatch), deaths=False)
    paths = {str(pair): talk.path for pair, talk in found.talks.items() if "HUB" not in pair}
    assert "cut off" not in paths.values()
    assert {paths[f"{one} to {other}"] for one in ("A", "OLD", "STATIC") for other in ("A", "OLD") if one != other} == {
        "direct"
    }
    assert paths["TWO to A"] == "by HUB"
    assert paths["ONE to A"] == "by HUB"


def test_two_spokes_behind_one_nat_box_share_a_wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nat = "gateway: 192.168.1.1, nat: {outside: 198.51.100.9/30, gateway: 198.51.100.10}"
    text = (
        f"protection: psk\ntunnel: {{network: 10.255.0.0/24}}\n{_POOLS}hubs: {{HUB: {{}}}}\n"
        f"spokes: {{A: {{nbma: 192.168.1.2/24, {nat}}}, B: {{nbma: 192.168.1.3/24, {nat}}}}}\n"
    )
    scenario = _rendered(tmp_path, text, monkeypatch)
    assert list(scenario.lab.gateways) == ["NAT-198.51.100.9"]
    found = _lived(scenario, deaths=False)
    assert all(talk.arrives for talk in found.talks.values())


def test_a_site_in_the_middle_of_the_table_is_a_change_that_can_be_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider's ports were numbered again, so that nothing was plugged in as before and nothing could be tried."""
    text = f"tunnel: {{network: 10.255.0.0/24}}\n{_POOLS}hubs: {{HUB: {{}}}}\nspokes:\n  A: {{}}\n  C: {{}}\n"
    before = _rendered(tmp_path, text, monkeypatch)
    after = _rendered(tmp_path, text.replace("  C", "  B: {}\n  C"), monkeypatch)
    tried = migrate(before, after, 1, "together")
    assert tried.untried == ""
    assert tried.outages == ()


@pytest.mark.timeout(60)
def test_a_table_becomes_a_lab_that_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    table = tmp_path / "sites.yaml"
    table.write_text(
        f"name: made\ntunnel: {{network: 10.255.0.0/24}}\n{_POOLS}hubs: {{HUB: {{}}}}\nspokes: {{A: {{}}}}\n"
    )

    def dmvpn(*words: str) -> str:
        done = subprocess.run([sys.executable, "-m", "dmvpn", *words], capture_output=True, text=True, check=True)
        return done.stdout

    try:
        assert "lint: no findings" in dmvpn("render", str(table), "--up", "--simulated")
        assert "10.255.0.1" in dmvpn("-r", "A", "show", "dmvpn")
    finally:
        dmvpn("lab", "down", "made")


# A lab whose files know servers by names that only their author's name service knew.

ROUTER = """hostname R{0}
{hosts}interface Tunnel0
 ip address 172.16.0.{0} 255.255.255.0
 ip nhrp network-id 1
{nhrp} tunnel source GigabitEthernet0/0
 tunnel mode gre multipoint
interface GigabitEthernet0/0
 ip address 203.0.113.{0} 255.255.255.0
end
"""


def write(folder: Path, nhs: str, *, servers: int = 1, hosts: str = "") -> Scenario:
    for number in (1, 2, 3):
        texts = {"nhrp": "", "hosts": ""} if number <= servers else {"nhrp": f" ip nhrp nhs {nhs}\n", "hosts": hosts}
        (folder / f"R{number}.txt").write_text(ROUTER.format(number, **texts))
    return Scenario.load(str(folder))


def missing(scenario: Scenario) -> list[str]:
    world = Simulator.of(scenario)
    world.run_until(30.0)
    return scenario.still_missing(unfinished(world.facts(scenario)))


@pytest.mark.parametrize("address", ["172.16.0.1", "dynamic"])
def test_the_router_with_the_servers_address_is_the_one_with_its_name(address: str, tmp_path: Path) -> None:
    scenario = write(tmp_path, f"{address} nbma Hub.example.com multicast")
    assert missing(scenario), "nothing would be proved by a network that comes up anyway"
    assert name_servers(scenario) == (
        "R2, R3: no name service answers here, so the lab defines them by `ip host`: Hub.example.com = 203.0.113.1"
    )
    assert missing(scenario) == []


def test_a_server_that_registers_with_another_has_its_name_too(tmp_path: Path) -> None:
    scenario = write(tmp_path, "172.16.0.1 nbma hub1.example.com\n ip nhrp nhs 172.16.0.2 nbma hub2.example.com")
    assert name_servers(scenario).endswith(": hub1.example.com = 203.0.113.1, hub2.example.com = 203.0.113.2")


@pytest.mark.parametrize(
    ("nhs", "servers", "hosts"),
    [
        ("172.16.0.1 nbma 203.0.113.1", 1, ""),
        ("172.16.0.1 nbma hub.example.com", 1, "ip host HUB.example.com 203.0.113.1\n"),
        ("172.16.0.9 nbma hub.example.com", 1, ""),
        ("dynamic nbma hub.example.com", 2, ""),
    ],
    ids=["an address", "told already", "nobody's", "which of two"],
)
def test_nothing_is_guessed(nhs: str, servers: int, hosts: str, tmp_path: Path) -> None:
    scenario = write(tmp_path, nhs, servers=servers, hosts=hosts)
    before = dict(scenario.configurations)
    assert name_servers(scenario) == ""
    assert scenario.configurations == before


def test_a_tunnel_from_an_ipv6_address_is_nobodys_far_end(tmp_path: Path) -> None:
    """`tunnel source 2001:db8::2` beside a lab of IPv4 ended in a traceback."""
    scenario = write(tmp_path, "172.16.0.1 nbma 203.0.113.1")
    more = "interface Tunnel9\n tunnel source 2001:db8::2\n tunnel destination 2001:db8::1\n"
    for router in ("R2", "R3"):
        path = tmp_path / f"{router}.txt"
        path.write_text(path.read_text().replace("end\n", more + "end\n"))
    scenario = Scenario.load(str(tmp_path))
    assert [text for text in missing(scenario) if "Tunnel0" in text] == []


# Who has a level below 15 reads configurations without keys and passwords, whatever `privilege exec` allows.

TYPE_9 = "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6"
#: Every line that holds a secret, in each of its forms, and lines that nothing here acts on.
PLANTED = file_text("planted_secrets.cfg").format(TYPE_9=TYPE_9)
#: Entered behind that, and not saved.
ENTERED = ("username zoe password Plant30", "key chain SECRETS", "key 2", "key-string Plant31", "no username ann")
RULES = tuple(
    f"privilege exec all level 1 {word}" for word in ("show", "more", "verify", "dir", "copy", "archive", "write")
)
ARCHIVE = ("file prompt quiet", "archive", "path flash:bak", "log config", "logging enable")
CONFIGURATIONS = (
    "show running-config",
    "show running-config all",
    "show running-config interface Tunnel100",
    "show startup-config",
    "show configuration",
    "more system:running-config",
    "more nvram:startup-config",
    "show archive config differences",
    "show archive config differences system:running-config nvram:startup-config",
    "show archive config incremental-diffs nvram:startup-config",
    "show key chain",
)
#: These have none for anybody.
WITHOUT = ("show tech-support", "show archive log config all", "show archive log config all provisioning")
FILTERS = ("", "json", "include Plant|secret 9", "exclude ^x", "begin key", "section crypto|key|bgp", "count Plant")


@pytest.fixture(scope="module")
def world() -> World:
    found = World("notes-phase3", change=lambda router, text: text + (PLANTED if router == "R31" else ""))
    found.configure("R31", *RULES, *ARCHIVE)
    found.do("R31", "write memory")
    found.configure("R31", *ENTERED)
    found.do("R31", "copy running-config flash:kept.cfg")
    return found


def typed(world: World, line: str, level: int) -> str:
    """What a user of this level is shown."""
    shot = OneShot(world.handle("R31"), new_session(), [line], privilege=level)
    shown = ""
    while not shot.done:
        shown += shot.step()
    return shown


def secrets(shown: str) -> list[str]:
    return re.findall(r"Plant\d\d|of two words|lFhcKv", shown)


def lines_with_a_secret(section: Section) -> Iterator[ConfigLine]:
    for statement in section.statements():
        if statement.text != statement.text_for_others:
            yield statement.line
        if statement.section is not None:
            yield from lines_with_a_secret(statement.section)


def test_here_is_a_secret_of_every_kind(world: World) -> None:
    kinds = [
        line
        for feature in FEATURES
        for line in feature.config
        if re.search(r"\{(key|password|secret):(?!\d)", line.syntax)
    ]
    there = list(lines_with_a_secret(world.handle("R31").context(0).running))
    assert [f"{line.mode}: {line.syntax}" for line in kinds if line not in there] == []
    running = typed(world, "show running-config", 15)
    planted = {f"Plant{number:02}" for number in range(1, 32)} - {"Plant02"}
    assert planted <= set(secrets(running)) <= planted | {"of two words", "lFhcKv"}


@pytest.mark.parametrize("command", [*CONFIGURATIONS, *WITHOUT])
@pytest.mark.parametrize("level", [1, 7, 14])
def test_below_level_15_no_filter_brings_a_secret_to_light(world: World, command: str, level: int) -> None:
    for chosen in FILTERS:
        line = f"{command} | {chosen}" if chosen else command
        shown = typed(world, line, level)
        assert "% Invalid input" not in shown, line
        assert secrets(shown.replace(line, "")) == [], line
        if chosen == "count Plant":
            assert "= 0" in shown


@pytest.mark.parametrize("command", CONFIGURATIONS)
def test_level_15_sees_all_of_it(world: World, command: str) -> None:
    assert secrets(typed(world, command, 15))
    assert "<removed>" not in typed(world, command, 15)


@pytest.mark.parametrize("command", ["show running-config", "show startup-config", "more nvram:startup-config"])
def test_below_level_15_the_other_lines_are_as_they_are(world: World, command: str) -> None:
    whole, shown = typed(world, command, 15).splitlines(), typed(world, command, 7).splitlines()
    differing = [(one, other) for one, other in zip(whole, shown, strict=True) if one != other]
    heads = [pair for pair in differing if not secrets(pair[0])]
    assert [re.sub(r"\d+", "N", one) == re.sub(r"\d+", "N", other) for one, other in heads] in ([], [True])
    assert len(differing) > 20


def test_the_data_of_a_show_has_no_secrets_either(world: World) -> None:
    lines = json.loads(typed(world, "show running-config | json", 7))["lines"]
    assert "username zoe password <removed>" in lines
    assert "tacacs-server key *******" in lines


def test_what_differs_is_found_by_the_secrets_and_shown_without_them(world: World) -> None:
    assert typed(world, "show archive config differences", 7).splitlines() == [
        "!Contextual Config Diffs:",
        "+username ann privilege 15 password 0 <removed>",
        "-username zoe password <removed>",
        "key chain SECRETS",
        " -key 2",
        "  -key-string <removed>",
        "",
    ]


@pytest.mark.parametrize(
    ("command", "doing"),
    [
        ("more flash:kept.cfg", "opening"),
        ("verify /md5 flash:kept.cfg", "verifying"),
        ("show archive config differences flash:kept.cfg", "opening"),
        ("show archive config incremental-diffs flash:kept.cfg", "opening"),
    ],
)
def test_a_file_in_flash_is_read_at_level_15_alone(world: World, command: str, doing: str) -> None:
    """It may be a configuration, or a private key."""
    assert typed(world, command, 7) == f"%Error {doing} flash:kept.cfg (Permission denied)\n"
    assert "Permission denied" not in typed(world, command, 15)


def test_a_digest_and_a_size_are_those_of_what_may_be_seen(world: World) -> None:
    for command in ("verify /md5 system:running-config", "dir nvram:startup-config"):
        assert typed(world, command, 7) != typed(world, command, 15)


#: What `clear` answers nobody sees below level 15.
SHOWS = [example(one.syntax) for one in exec_commands() if one.query is not None and not one.syntax.startswith("clear")]


def test_no_command_that_shows_something_shows_a_secret_below_level_15(world: World) -> None:
    """A new command that shows keys must ask who reads it, too."""
    for command in SHOWS:
        shown = typed(world, command, 1)
        assert "% Invalid input" not in shown or shown == typed(world, command, 15), command  # of switches alone
        assert secrets(shown) == [], command


def test_a_user_of_a_lower_level_who_rises_to_15_sees_the_keys(world: World) -> None:
    shot = OneShot(world.handle("R31"), new_session(), ["enable", "show running-config"], privilege=7)
    shown = ""
    while not shot.done:
        shown += shot.step()
    assert secrets(shown)
