"""Configurations: checked, saved, and with a VRF below its first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered
from dmvpn.features.system.show import with_version
from dmvpn.router.entered_text import take_in
from dmvpn.router.features import FEATURES
from dmvpn.router.router import Router
from dmvpn.shells.exercises import BUILT_IN, built_in_names
from dmvpn.shells.scenario import Scenario
from support.cases import one_in
from support.command import dmvpn, dmvpn_here
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path


# `dmvpn config check FILE` says what IOS would say, and a bad file never touches a running router.

#: A rule that no translator here obeys.
_GRE_RULE = (
    "ip nat inside source list 150 interface GigabitEthernet0/0/0 overload\naccess-list 150 permit gre any any\n"
)

if TYPE_CHECKING:
    from pathlib import Path

INVALID = "% Invalid input detected at '^' marker."


@pytest.mark.parametrize(
    ("bad", "under", "complaint"),
    [
        # The caret is under the first character that fits no keyword ("multip" begins "multipoint") or value.
        (" tunnel mode gre multiprotocol", "r", INVALID),
        (" ip nhrp map 10.0.0.1 192.0.2.1 force", "f", INVALID),
        (" ip authentication key-chain eigrp_auth", "_", INVALID),
        (" tunnel key 99999999999", "9", INVALID),
        (" ip nhrp holdtime 0", "0", INVALID),
        (" ip address 10.0.0.0 255.255.255.0", "", "Bad mask /24 for address 10.0.0.0"),
        (" ip nhrp map 10.0.0.1", "", "% Incomplete command."),
        (" ip nhrp nhs", "", "% Incomplete command."),
        (" tunnel", "", "% Incomplete command."),
    ],
)
def test_a_bad_line_is_shown_with_caret_and_words_of_ios(tmp_path: Path, bad: str, under: str, complaint: str) -> None:
    path = tmp_path / "branch.cfg"
    path.write_text(f"hostname R1\n!\ninterface Tunnel0\n{bad}\n ip nhrp network-id 1\n!\nend\n")
    result = dmvpn_here("config", "check", path)
    assert result.returncode == 1
    assert result.stdout == ""
    where, line, *rest = result.stderr.splitlines()
    assert where == f"{path}:4: in interface mode"
    assert line == bad
    if under:
        caret = rest.pop(0)
        assert caret.strip() == "^"
        assert bad[caret.index("^") :].startswith(under)
    assert [text for text in rest if text] == [complaint]


def test_every_bad_line_is_reported_and_the_good_ones_go_on(tmp_path: Path) -> None:
    path = tmp_path / "branch.cfg"
    path.write_text("hostname R1\nfoo\ninterface Tunnel0\n bar\n ip nhrp network-id 1\nrouter eigrp 100\n baz\nend\n")
    result = dmvpn_here("config", "check", path)
    assert result.returncode == 1
    places = [line for line in result.stderr.splitlines() if line.startswith(str(path))]
    assert places == [f"{path}:4: in interface mode", f"{path}:7: in eigrp mode"]
    assert "line 2: foo" in result.stdout


def test_a_file_that_reads_is_good_and_so_is_every_built_in_scenario() -> None:
    files = sorted(BUILT_IN.glob("*/*.cfg"))
    assert files
    result = dmvpn_here("config", "check", *files)
    assert (result.returncode, result.stderr) == (0, "")
    said = result.stdout.splitlines()
    assert [line for line in said if not line.startswith(" ")] == [f"{path}: good" for path in files]
    assert [line for line in said if line.startswith(" ")] == []


def test_a_file_that_is_not_there_or_no_text_is_one_line(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(bytes(range(256)))
    for path in (tmp_path / "missing", binary, tmp_path):
        result = dmvpn_here("config", "check", path)
        assert result.returncode == 1
        assert len(result.stderr.splitlines()) == 1
        assert result.stderr.startswith(f"dmvpn: {path}: ")


def test_run_refuses_a_bad_file_before_it_touches_anything(tmp_path: Path) -> None:
    path = tmp_path / "bad.cfg"
    path.write_text("hostname R1\ninterface Tunnel0\n tunnel mode gre multiprotocol\n")
    result = dmvpn_here("run", path, environment={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert result.returncode == 1
    assert INVALID in result.stderr
    assert result.stderr.splitlines()[-1] == f"dmvpn: {path} has errors; nothing was changed"
    assert [entry.name for entry in tmp_path.iterdir()] == ["bad.cfg"]


def test_a_strict_lab_with_a_bad_configuration_does_not_come_up(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for source in (BUILT_IN / "notes-gre").iterdir():
        (folder / source.name).write_text(source.read_text())
    (folder / "R31.cfg").write_text("hostname R31\ninterface Tunnel0\n tunnel mode gre multiprotocol\n")
    result = dmvpn("lab", "up", folder, "--simulated", "--strict", environment={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert result.returncode == 1
    assert "R31.cfg:3: in interface mode" in result.stderr
    assert INVALID in result.stderr
    assert not list(tmp_path.glob("dmvpn/labs/*"))


def test_a_folder_with_parts_that_do_not_run_comes_up_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for source in (BUILT_IN / "guide-phase2").glob("*.cfg"):
        text = source.read_text()
        if "interface Tunnel0" in text:
            text = text.removesuffix("end\n") + _GRE_RULE + "end\n"
        (folder / source.name).write_text(text)
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    result = dmvpn("lab", "up", folder, "--simulated", environment=environment)
    note = result.stderr.splitlines()[0]
    assert note.startswith("note: HUB1, SPOKE1, SPOKE2: ")
    assert "access list 150: entry 10 names protocol 47" in note
    assert dmvpn("lab", "down", environment=environment).returncode == 0


def test_a_refused_line_at_the_prompt_changes_nothing_and_the_next_one_is_taken() -> None:
    world = World("notes-phase3").converge()
    before = world.show("R31", "running-config | begin hostname")
    printed = world.configure("R31", "interface Tunnel100", "tunnel mode gre multiprotocol", "ip nhrp map 10.0.0.1")
    assert INVALID in printed
    assert "% Incomplete command." in printed
    assert world.show("R31", "running-config | begin hostname") == before
    world.run_for(60)
    assert not world.lacks()
    world.configure("R31", "interface Tunnel100", "ip nhrp holdtime 0", "ip nhrp holdtime 600")
    assert " ip nhrp holdtime 600" in world.lines("R31", "running-config")


def test_after_a_thousand_problems_only_their_number_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "rubbish.cfg"
    path.write_text("interface Tunnel0\n" + "".join(f" x{number} is no line\n" for number in range(1500)))
    for command in (("config", "check"), ("run",)):
        result = dmvpn_here(*command, path)
        assert result.returncode == 1
        assert result.stderr.count(INVALID) == 1000
        assert f"{path}: and 500 more problems" in result.stderr
    told = dmvpn_here("lint", path).stdout.splitlines()
    assert sum(line.startswith(f"{path}:") for line in told) <= 1000


# A file that defines a VRF below its first use: taken as if the definition were above it, with a warning.

_PORT = """interface GigabitEthernet0/1
 {use}
 ip address 198.51.100.1 255.255.255.252
 no shutdown
"""
_FORMS = {
    "vrf forwarding ISP": "vrf definition ISP\n address-family ipv4\n",
    "ip vrf forwarding ISP": "ip vrf ISP\n",
}
_SAID = "taken as if it were above line 3, which names this VRF"


def _file(folder: Path, use: str) -> Path:
    file = folder / "R1.cfg"
    file.write_text(f"hostname R1\n{_PORT.format(use=use)}{_FORMS[use]} rd 1:1\nend\n")
    return file


@pytest.mark.parametrize("use", _FORMS)
@pytest.mark.parametrize("command", [["config", "check"], ["lint"], ["import"], ["run", "--plan"]])
def test_a_late_definition_is_moved_and_named(
    command: list[str], use: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line of the port was refused, and no router of the folder came up."""
    main([*command, str(_file(tmp_path, use))])
    said = capsys.readouterr()
    assert _SAID in said.out + said.err
    assert "does not exist" not in said.out + said.err


@pytest.mark.parametrize("use", _FORMS)
def test_a_file_that_is_written_for_it_has_the_definition_first(use: str, tmp_path: Path) -> None:
    intake = take_in(_file(tmp_path, use).read_text())
    kept = intake.to_keep.splitlines()
    assert kept.index(_FORMS[use].splitlines()[0]) < kept.index(f" {use}")
    assert take_in(intake.to_keep).result.problems == ()


def test_a_vrf_that_is_defined_nowhere_has_nothing_to_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "R1.cfg"
    file.write_text(f"hostname R1\n{_PORT.format(use='vrf forwarding ISP')}vrf definition OTHER\nend\n")
    main(["config", "check", str(file)])
    said = capsys.readouterr()
    assert "VRF ISP does not exist" in said.out + said.err
    assert "taken as if" not in said.out + said.err


# What a router saves is what it starts with again: the same lines, and to every feature the same meaning.


def started(text: str) -> Router:
    router = Router(SeededEntropy(0))
    router.handle(ConfigurationEntered(text), 0.0)
    return router


def saved(router: Router) -> str:
    """As `write memory` writes it."""
    return "\n".join([*with_version(router.running.render()), "end"]) + "\n"


def models(router: Router) -> dict[str, object]:
    return {feature.name: feature.model(router.running) for feature in FEATURES if feature.model is not None}


VERSIONS = ("", "version 12.4\n", "version 15.9\n", "version 17.12\n")
CASES = [(name, version) for name in built_in_names() for version in VERSIONS]


@pytest.mark.parametrize("case", one_in(3, CASES), ids=lambda case: "-".join(map(str.strip, case)))
def test_a_router_of_every_scenario_starts_with_what_it_saved_as_the_same(case: tuple[str, str]) -> None:
    name, version = case
    for text in Scenario.load(name).configurations.values():
        router = started(version + text)
        again = started(saved(router))
        assert models(again) == models(router)
        assert saved(again) == saved(router)
        assert saved(again).count("! Written by dmvpn\nversion ") == 1
        if not version:
            assert models(router) == models(started(f"version 15.6\n{text}"))


def newer(router: str, text: str) -> str:
    """The same network as IOS XE 17.9 shows it."""
    unseen = (" ip nhrp map multicast dynamic", " ip nhrp shortcut")
    return "\n".join(["version 17.9", *(line for line in text.splitlines() if line not in unseen)]) + "\n"


def test_what_was_taken_away_is_not_put_in_again_when_lines_are_typed_or_the_router_starts_again() -> None:
    world = World("notes-phase3", change=newer).converge()
    world.configure("R31", "interface Tunnel100", "no ip nhrp shortcut")
    world.configure("R31", "interface GigabitEthernet0/2", "delay 200")
    assert " ip nhrp shortcut" not in world.lines("R31", "running-config")
    world.do("R31", "write memory")
    saved = world.show("R31", "startup-config")
    assert "version 17.9" in saved
    again = World("notes-phase3", change=lambda router, text: saved if router == "R31" else newer(router, text))
    again.converge()
    assert " ip nhrp shortcut" not in again.lines("R31", "running-config")
    assert " ip nhrp map multicast dynamic" in again.lines("R31", "running-config")
