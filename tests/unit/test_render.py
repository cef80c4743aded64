"""`dmvpn render`: which files it writes and removes, and what it says of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import dmvpn.tools.render
from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.network.lines import Lines
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.render import Keys, find_keys, render_sites, schema
from support.texts import TABLE, with_line

pytestmark = pytest.mark.usefixtures("no_keys_around")


@pytest.fixture
def there(table: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rendered once, with protection."""
    monkeypatch.setenv("DMVPN_PRE_SHARED_KEY", "Very-Secret-1")
    with_line(table, "phase: 3", "phase: 3\nprotection: psk")
    assert main(["render", str(table)]) == 0
    return table.parent / "net"


def _state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir() if path.is_file()}


@pytest.mark.lengthy
def test_files_are_for_their_owner_alone(there: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in there.iterdir()} == {0o600}
    (there / "A.cfg").chmod(0o644)
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    assert (there / "A.cfg").stat().st_mode & 0o777 == 0o600


@pytest.mark.lengthy
def test_rendering_again_touches_nothing(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _state(there), _state(there.parent)
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    assert (_state(there), _state(there.parent)) == before
    assert "all as they were" in capsys.readouterr().out


@pytest.mark.lengthy
def test_check_shows_what_would_change_without_keys_and_writes_nothing(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = there.parent / "sites.yaml"
    capsys.readouterr()
    assert main(["render", str(table), "--check"]) == 0
    assert capsys.readouterr().out == "nothing would change\n"
    with_line(table, "  B: {}", "  B: {description: Berlin}\n  C: {}")
    before = _state(there), _state(there.parent)
    assert main(["render", str(table), "--check"]) == 1
    assert (_state(there), _state(there.parent)) == before
    shown = capsys.readouterr().out
    assert "+ description Berlin" in shown
    assert "+  pre-shared-key local <key>" in shown
    assert "Very-Secret" not in shown
    assert "3 files would change" in shown


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.mark.lengthy
def test_a_site_that_is_gone_takes_its_file_with_it_and_no_other(there: Path) -> None:
    table = there.parent / "sites.yaml"
    (there / "NOTES.cfg").write_text("hostname NOTES\n")
    before = (there / "B.cfg").read_text()
    with_line(table, "  A: {}\n", "")
    assert main(["render", str(table)]) == 0
    assert _names(there) == ["B.cfg", "HUB.cfg", "NOTES.cfg"]
    assert (there / "B.cfg").read_text() == before, "its neighbor's going is nothing to it"


@pytest.mark.lengthy
def test_the_file_of_a_site_that_is_gone_goes_from_every_folder(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lock told what to remove, so the second folder, or a colleague's, kept a site whose number others got."""
    table, other = there.parent / "sites.yaml", there.parent / "other"
    assert main(["render", str(table), "--out", str(other)]) == 0
    with_line(table, "  A: {}\n", "")
    assert main(["render", str(table)]) == 0
    capsys.readouterr()
    assert main(["render", str(table), "--out", str(other), "--check"]) == 1
    shown = capsys.readouterr().out
    assert f"--- {other / 'A.cfg'}\n+++ /dev/null\n" in shown
    assert shown.endswith("1 files would change\n")
    assert main(["render", str(table), "--out", str(other)]) == 0
    assert _names(other) == ["B.cfg", "HUB.cfg"]


@pytest.mark.lengthy
def test_what_somebody_else_made_is_neither_removed_nor_overwritten(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file by the name of a site that was gone was removed from a folder in which it had never been made."""
    table, other = there.parent / "sites.yaml", there.parent / "other"
    other.mkdir()
    (other / "A.cfg").write_text("hostname A\n")
    assert main(["render", str(table), "--out", str(other)]) == 2
    assert f"{other / 'A.cfg'}: `dmvpn render` did not make this file: move it away" in capsys.readouterr().err
    assert _names(other) == ["A.cfg"], "nothing is half written"
    with_line(table, "  A: {}\n", "")
    assert main(["render", str(table), "--out", str(other)]) == 0
    assert (other / "A.cfg").read_text() == "hostname A\n"


@pytest.mark.lengthy
def test_what_a_template_of_ones_own_made_is_known_as_well(there: Path) -> None:
    table, template = there.parent / "sites.yaml", there.parent / "t.j2"
    for text in ("hostname {{ site.name }}\n", "hostname {{ site.name }}\nip classless\n"):
        template.write_text(text)
        assert main(["render", str(table), "--template", str(template), "--out", str(there / "o")]) == 0
    with_line(table, "  A: {}\n", "")
    assert main(["render", str(table), "--template", str(template), "--out", str(there / "o")]) == 0
    assert _names(there / "o") == ["B.cfg", "HUB.cfg"]


@pytest.mark.lengthy
def test_two_tables_with_one_folder_leave_each_others_files_alone(there: Path) -> None:
    table, other = there.parent / "sites.yaml", there.parent / "others.yaml"
    other.write_text(TABLE.replace("HUB:", "CENTER:").replace("  A: {}\n  B: {}", "  X: {}\n  Y: {}"))
    assert main(["render", str(other), "--out", str(there)]) == 0
    with_line(other, "  X: {}\n", "")
    with_line(table, "  B: {}\n", "")
    assert main(["render", str(other), "--out", str(there)]) == 0
    assert main(["render", str(table), "--out", str(there)]) == 0
    assert _names(there) == ["A.cfg", "CENTER.cfg", "HUB.cfg", "Y.cfg"]


@pytest.mark.lengthy
@pytest.mark.parametrize("text", ["../sites.yaml: [../sites.yaml]\n", "../sites.yaml: A.cfg\n", "- A.cfg\n"])
def test_a_list_of_files_that_somebody_broke_removes_nothing(
    there: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (there / ".made-by-render.yaml").write_text(text)
    assert main(["render", str(there.parent / "sites.yaml")]) == 2
    assert "no list of files by table" in capsys.readouterr().err
    assert (there.parent / "sites.yaml").exists()


# ------------------------------------------------------------------------------------------------ labs


@pytest.mark.lengthy
def test_a_folder_that_is_a_lab_stays_the_lab_of_its_table(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The old lab.yaml stayed, and the lab did not load any more: it had hosts of sites that were gone."""
    table = there.parent / "sites.yaml"
    assert main(["render", str(table), "--lab"]) == 0
    with_line(table, "  A: {}\n", "")
    assert main(["render", str(table)]) == 0
    assert set(Scenario.load(str(there)).lab.hosts) == {"H-HUB", "H-B"}
    capsys.readouterr()
    assert main(["render", str(table), "--check"]) == 0
    with_line(table, "  B: {}\n", "  B: {dynamic: true}\n")
    assert main(["render", str(table)]) == 0
    assert _names(there) == ["B.cfg", "HUB.cfg"]
    assert "it is no longer a lab" in (said := capsys.readouterr().out)
    assert "spokes.B: it gets its address by DHCP" in said


@pytest.mark.lengthy
def test_a_lab_file_of_ones_own_stays(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (there / "lab.yaml").write_text("title: mine\n")
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    assert main(["render", str(there.parent / "sites.yaml"), "--lab"]) == 2
    assert "lab.yaml: `dmvpn render` did not make this file" in capsys.readouterr().err
    assert (there / "lab.yaml").read_text() == "title: mine\n"


def test_what_is_written_is_ours_whatever_release_a_template_names(there: Path) -> None:
    assert (there / "HUB.cfg").read_text().startswith("! Made by `dmvpn render`.")
    template = there.parent / "t.j2"
    template.write_text("version 17.9\nhostname {{ site.name }}\n")
    assert main(["render", str(there.parent / "sites.yaml"), "--template", str(template)]) == 0
    assert (there / "HUB.cfg").read_text() == "! Written by dmvpn\nversion 17.9\nhostname HUB\n"


# ------------------------------------------------------------------------------------------------ what is said


def test_a_template_that_writes_no_ios_stops_before_anything_is_written(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = there.parent / "t.j2"
    template.write_text("hostname {{ site.name }}\nfrobnicate {{ keys.pre_shared_key }}\n")
    before = _state(there)
    assert main(["render", str(there.parent / "sites.yaml"), "--template", str(template)]) == 2
    assert "HUB.cfg:3: frobnicate <key>: % Invalid input" in capsys.readouterr().err
    assert _state(there) == before


def test_an_error_in_a_template_does_not_repeat_a_key(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = there.parent / "t.j2"
    template.write_text("{{ site[keys.pre_shared_key] }}")
    assert main(["render", str(there.parent / "sites.yaml"), "--template", str(template)]) == 2
    said = capsys.readouterr().err
    assert "'<key>'" in said
    assert "Very-Secret" not in said


@pytest.mark.lengthy
def test_what_the_linter_says_of_many_files_is_said_once(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    (advice,) = [line for line in capsys.readouterr().out.splitlines() if "ike-key-for-everybody" in line]
    assert "HUB.cfg:7 and 2 more: advice: " in advice


@pytest.mark.lengthy
def test_an_error_of_the_linter_is_exit_code_1(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = there.parent / "t.j2"
    template.write_text(
        '{% extends "site.j2" %}{% block tunnels %}{{ super() | replace("tunnel key 1", "tunnel key 7" if '
        'site.name == "A" else "tunnel key 1") }}{% endblock %}'
    )
    assert main(["render", str(there.parent / "sites.yaml"), "--template", str(template)]) == 1
    assert "error" in capsys.readouterr().out


def test_a_lock_that_somebody_broke_is_said_with_its_line(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = there.parent / "sites.lock.yaml"
    lock.write_text(lock.read_text().replace("  B: 12", "  B: 11"))
    assert main(["render", str(there.parent / "sites.yaml")]) == 2
    assert re.search(r"sites\.lock\.yaml:\d+: numbers\.B: A has 11, too", capsys.readouterr().err)


def test_the_order_simulated_needs_up(table: Path) -> None:
    assert main(["render", str(table), "--simulated"]) == 2


# `dmvpn render`: what a table may say, what becomes of it, and what is refused and how.

KEYS = Keys(pre_shared_key="Very-Secret-1", nhrp_authentication="apart")


def _configuration(table: Path, name: str, keys: Keys = KEYS) -> str:
    return render_sites(table, keys=keys).configurations[name]


def test_the_published_schema_is_current() -> None:
    """If not: write `dmvpn.tools.render.schema()` to the file."""
    published = Path(dmvpn.tools.render.__file__).parent / "sites.schema.json"
    assert json.loads(published.read_text()) == json.loads(schema())


# ------------------------------------------------------------------------------------------------ what it becomes


def test_a_hub_of_phase_3_redirects_and_announces_one_route_for_all(table: Path) -> None:
    lines = _configuration(table, "HUB").splitlines()
    assert " ip nhrp redirect" in lines
    assert " ip nhrp map multicast dynamic" in lines
    assert "   summary-address 10.1.0.0 255.255.0.0" in lines
    assert " ip nhrp shortcut" not in lines


def test_a_spoke_of_phase_3_registers_takes_shortcuts_and_is_a_stub(table: Path) -> None:
    lines = _configuration(table, "A").splitlines()
    assert " ip nhrp nhs 10.255.0.1 nbma 100.64.0.1 multicast" in lines
    assert " ip nhrp shortcut" in lines
    assert " ip nhrp redirect" not in lines
    assert "  eigrp stub connected" in lines
    assert " ip tcp adjust-mss 1360" in lines
    assert " ip nhrp registration no-unique" not in lines


def test_the_clamp_follows_the_mtu(table: Path) -> None:
    with_line(table, "10.255.0.0/24}", "10.255.0.0/24, mtu: 1300}")
    text = _configuration(table, "A")
    assert " ip mtu 1300\n" in text
    assert " ip tcp adjust-mss 1260\n" in text


def test_a_site_with_a_changing_address_may_return_with_another_one(table: Path) -> None:
    lines = _configuration(with_line(table, "A: {}", "A: {dynamic: true}"), "A").splitlines()
    assert " ip nhrp registration no-unique" in lines
    assert " ip address dhcp" in lines
    assert not [line for line in lines if line.startswith("ip route 0.0.0.0")]


def test_a_site_behind_nat_registers_often_enough_for_the_box_to_remember(table: Path) -> None:
    lines = _configuration(
        with_line(table, "A: {}", "A: {nbma: 192.168.1.2/24, gateway: 192.168.1.1, nat: {}}"), "A"
    ).splitlines()
    assert " ip nhrp registration timeout 60" in lines
    assert " ip nhrp registration no-unique" in lines


def test_phase_1_spokes_have_a_tunnel_to_their_hub_alone(table: Path) -> None:
    lines = _configuration(with_line(table, "phase: 3", "phase: 1"), "A").splitlines()
    assert " tunnel destination 100.64.0.1" in lines
    assert " tunnel mode gre multipoint" not in lines


def test_phase_2_hubs_leave_the_next_hop_and_announce_no_summary(table: Path) -> None:
    text = _configuration(with_line(table, "phase: 3", "phase: 2"), "HUB")
    assert "no next-hop-self" in text
    assert "summary-address" not in text
    assert "redirect" not in text.replace("no ip redirects", "")


def test_two_hubs_of_phase_1_are_two_clouds_with_keys_of_their_own(table: Path) -> None:
    with_line(table, "phase: 3", "phase: 1")
    with_line(table, "HUB: {}", "HUB: {}\n  HUB2: {}")
    with pytest.raises(UserError, match=r"sites.yaml:3: tunnel: phase 1 with two hubs needs tunnel\.second"):
        render_sites(table, keys=KEYS)
    with_line(table, "10.255.0.0/24}", "10.255.0.0/24, second: 10.254.0.0/24}")
    text = _configuration(table, "A")
    assert re.findall(r"tunnel key (\d+)", text) == ["1", "2"]
    assert re.findall(r"tunnel destination (\S+)", text) == ["100.64.0.1", "100.64.0.5"]
    assert text.index("interface Tunnel1") < text.index(" delay 6000")
    with_line(table, "phase: 1", "phase: 1\nprotection: psk")
    assert _configuration(table, "A").count(" tunnel protection ipsec profile DMVPN shared\n") == 2, "one source"


def test_a_point_to_point_site_registers_with_one_hub_of_two(table: Path) -> None:
    with_line(table, "HUB: {}", "HUB: {}\n  HUB2: {}")
    text = _configuration(with_line(table, "A: {}", "A: {phase: 1}"), "A")
    assert re.findall(r"ip nhrp nhs (\S+)", text) == ["10.255.0.1"]
    assert re.findall(r"ip nhrp nhs (\S+)", _configuration(table, "B")) == ["10.255.0.1", "10.255.0.2"]


def test_the_classic_form_of_eigrp_says_the_same(table: Path) -> None:
    text = _configuration(with_line(table, "phase: 3", "phase: 3\nrouting: eigrp-classic"), "HUB")
    assert " no ip split-horizon eigrp 100\n" in text
    assert " ip summary-address eigrp 100 10.1.0.0 255.255.0.0\n" in text
    assert "router eigrp 100\n" in text


def test_nothing_for_another_lan_may_leave_in_clear(table: Path) -> None:
    assert "ip route 10.1.0.0 255.255.0.0 Null0 254\n" in _configuration(table, "A")


def test_keys_are_in_configurations_and_in_nothing_that_is_shown(table: Path) -> None:
    with_line(table, "phase: 3", "phase: 3\nprotection: psk")
    text = _configuration(table, "A")
    assert "  pre-shared-key local Very-Secret-1\n" in text
    assert " ip nhrp authentication apart\n" in text
    assert "Very-Secret-1" not in repr(KEYS)
    assert "Very-Secret-1" not in KEYS.hidden(text)
    assert "apart" not in KEYS.hidden(text)


def test_without_protection_and_keys_there_is_not_a_word_of_them(table: Path) -> None:
    text = _configuration(table, "A", Keys())
    assert "crypto" not in text
    assert "authentication" not in text


def test_ports_are_called_by_their_whole_names(table: Path) -> None:
    """Two spellings of one port counted as two, and the later `ip address` took the place of the other."""
    text = _configuration(with_line(table, "  A: {}", "  A: {wan: gi0/5, lan_port: Vlan10}"), "A")
    assert re.findall(r"(?m)^interface (?!Tunnel)(.*)", text) == ["GigabitEthernet0/5", "Vlan10"]


@pytest.mark.lengthy
@pytest.mark.parametrize("kind", ["phase: 3", "phase: 3\nrouting: eigrp-classic", "phase: 2\nrouting: eigrp-classic"])
def test_lines_stand_in_the_order_of_the_running_configuration(table: Path, kind: str) -> None:
    """Whoever compares a rendered file with `show running-config` sees what differs, and nothing else."""
    with_line(table, "phase: 3", f"{kind}\nprotection: psk")
    for name, text in render_sites(table, keys=KEYS).configurations.items():
        lines = [line for line in text.splitlines() if "!" not in line and line not in ("end", " no shutdown")]
        assert lines == [line for line in Lines.of(text).lines if "!" not in line], name


# ------------------------------------------------------------------------------------------------ keys


def test_keys_come_from_a_private_file_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text("pre_shared_key: of-file\n")
    file.chmod(0o640)
    with pytest.raises(UserError, match="chmod 600"):
        find_keys(file, {})
    file.chmod(0o600)
    found = find_keys(file, {"DMVPN_PRE_SHARED_KEY": "of-env", "DMVPN_NHRP_AUTHENTICATION": "env"})
    assert (found.pre_shared_key, found.nhrp_authentication) == ("of-file", "env")


@pytest.mark.parametrize("key", ["has blank", "what?", "", "ümlaut", "x" * 128, "line\nip route"])
def test_a_key_that_no_line_can_hold_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(UserError) as refused:
        find_keys(None, {"DMVPN_PRE_SHARED_KEY": key})
    assert not key or key not in str(refused.value)


def test_an_authentication_that_ios_would_cut_is_refused() -> None:
    with pytest.raises(UserError, match="more than 8"):
        find_keys(None, {"DMVPN_NHRP_AUTHENTICATION": "123456789"})


@pytest.mark.parametrize("text", ["[1]", "pre_shared_key: 17", "other: x", ""])
def test_a_keys_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(UserError):
        find_keys(file, {})


# ------------------------------------------------------------------------------------------------ templates


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ site.nam }}", "has no attribute 'nam'"),
        ("{% if %}", "t.j2:1: Expected an expression"),
        ("ok\n{{ ''.__class__.__mro__ }}", "t.j2:2: access to attribute '__class__' of 'str' object is unsafe"),
        ("{{ ''|attr('__class__') }}", "unsafe"),
        ("{{ '{0.__class__}'.format(site) }}", "unsafe"),
        ("{{ lipsum.__globals__ }}", "unsafe"),
        ('{{ "a" * 10**9 }}', "it takes too much memory"),
        ("{{ [1][keys.nhrp_authentication] }}", "has no attribute"),
        ("{{ self.__init__.__globals__ }}", ""),
        ("{{ site.__class__ }}", "unsafe"),
        ("{% set _ = site.update({'x': 1}) %}x", "unsafe"),
        ("{{ range(10000000) | length }}", "Range too big"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "too long or too much"),
        ("{% set n = 1500000000 + site.number %}{{ 'x' * n }}", "it takes too much memory"),
        ("{% for a in range(90000) %}{{ 'x' * 1000 }}{% endfor %}", "more than 4 MiB"),
        ("{{ 10 ** (10 ** 10) }}", "too long or too much"),
        ("{% include '../../../etc/passwd' %}", "passwd"),
        ("{% include '/etc/passwd' %}", "passwd"),
        ("{# nothing #}", "nothing is written for HUB"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", ""),
    ],
)
def test_a_hostile_or_broken_template_is_one_error(
    table: Path, text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dmvpn.tools.render.templating.LEAST_SECONDS", 1)
    template = table.parent / "t.j2"
    template.write_text(text)
    with pytest.raises(UserError) as refused:
        render_sites(table, template=template, keys=KEYS)
    assert said in str(refused.value)
    assert str(template) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_template_of_ones_own_may_extend_the_one_that_is_there(table: Path) -> None:
    template = table.parent / "mine.j2"
    template.write_text(
        '{% extends "site.j2" %}{% block more %}\nip route 192.0.2.0 255.255.255.0 Null0\n{% endblock %}'
    )
    text = render_sites(table, template=template, keys=KEYS).configurations["A"]
    assert text.endswith("ip route 192.0.2.0 255.255.255.0 Null0\nend\n")
    assert "interface Tunnel0" in text
