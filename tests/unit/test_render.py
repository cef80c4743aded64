"""`dmvpn render`: what a table may say, what becomes of it, and what is refused and how."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

import dmvpn.tools.render
from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.shells.lines import Lines
from dmvpn.tools.render import Keys, find_keys, render_sites, schema

TABLE = """\
name: net
phase: 3
tunnel: {network: 10.255.0.0/24}
pools:
  lan: {network: 10.1.0.0/16, length: 24}
  nbma: {network: 100.64.0.0/16, length: 30}
hubs:
  HUB: {}
spokes:
  A: {}
  B: {}
"""
KEYS = Keys(pre_shared_key="Very-Secret-1", nhrp_authentication="apart")


@pytest.fixture(autouse=True)
def _no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DMVPN_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "sites.yaml"
    path.write_text(TABLE)
    return path


def _with(table: Path, old: str, new: str) -> Path:
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new, 1))
    return table


def _configuration(table: Path, name: str, keys: Keys = KEYS) -> str:
    return render_sites(table, keys=keys).configurations[name]


def _refusal(table: Path, keys: Keys = KEYS) -> str:
    with pytest.raises(UserError) as refused:
        render_sites(table, keys=keys, lab=True)
    return str(refused.value).replace(f"{table.parent}/", "")


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
    _with(table, "10.255.0.0/24}", "10.255.0.0/24, mtu: 1300}")
    text = _configuration(table, "A")
    assert " ip mtu 1300\n" in text
    assert " ip tcp adjust-mss 1260\n" in text


def test_a_site_with_a_changing_address_may_return_with_another_one(table: Path) -> None:
    lines = _configuration(_with(table, "A: {}", "A: {dynamic: true}"), "A").splitlines()
    assert " ip nhrp registration no-unique" in lines
    assert " ip address dhcp" in lines
    assert not [line for line in lines if line.startswith("ip route 0.0.0.0")]


def test_a_site_behind_nat_registers_often_enough_for_the_box_to_remember(table: Path) -> None:
    lines = _configuration(
        _with(table, "A: {}", "A: {nbma: 192.168.1.2/24, gateway: 192.168.1.1, nat: {}}"), "A"
    ).splitlines()
    assert " ip nhrp registration timeout 60" in lines
    assert " ip nhrp registration no-unique" in lines


def test_phase_1_spokes_have_a_tunnel_to_their_hub_alone(table: Path) -> None:
    lines = _configuration(_with(table, "phase: 3", "phase: 1"), "A").splitlines()
    assert " tunnel destination 100.64.0.1" in lines
    assert " tunnel mode gre multipoint" not in lines


def test_phase_2_hubs_leave_the_next_hop_and_announce_no_summary(table: Path) -> None:
    text = _configuration(_with(table, "phase: 3", "phase: 2"), "HUB")
    assert "no next-hop-self" in text
    assert "summary-address" not in text
    assert "redirect" not in text.replace("no ip redirects", "")


def test_two_hubs_of_phase_1_are_two_clouds_with_keys_of_their_own(table: Path) -> None:
    _with(table, "phase: 3", "phase: 1")
    _with(table, "HUB: {}", "HUB: {}\n  HUB2: {}")
    assert _refusal(table).startswith("sites.yaml:3: tunnel: phase 1 with two hubs needs tunnel.second")
    _with(table, "10.255.0.0/24}", "10.255.0.0/24, second: 10.254.0.0/24}")
    text = _configuration(table, "A")
    assert re.findall(r"tunnel key (\d+)", text) == ["1", "2"]
    assert re.findall(r"tunnel destination (\S+)", text) == ["100.64.0.1", "100.64.0.5"]
    assert text.index("interface Tunnel1") < text.index(" delay 6000")
    _with(table, "phase: 1", "phase: 1\nprotection: psk")
    assert _configuration(table, "A").count(" tunnel protection ipsec profile DMVPN shared\n") == 2, "one source"


def test_a_point_to_point_site_registers_with_one_hub_of_two(table: Path) -> None:
    _with(table, "HUB: {}", "HUB: {}\n  HUB2: {}")
    text = _configuration(_with(table, "A: {}", "A: {phase: 1}"), "A")
    assert re.findall(r"ip nhrp nhs (\S+)", text) == ["10.255.0.1"]
    assert re.findall(r"ip nhrp nhs (\S+)", _configuration(table, "B")) == ["10.255.0.1", "10.255.0.2"]


def test_the_classic_form_of_eigrp_says_the_same(table: Path) -> None:
    text = _configuration(_with(table, "phase: 3", "phase: 3\nrouting: eigrp-classic"), "HUB")
    assert " no ip split-horizon eigrp 100\n" in text
    assert " ip summary-address eigrp 100 10.1.0.0 255.255.0.0\n" in text
    assert "router eigrp 100\n" in text


def test_nothing_for_another_lan_may_leave_in_clear(table: Path) -> None:
    assert "ip route 10.1.0.0 255.255.0.0 Null0 254\n" in _configuration(table, "A")


def test_keys_are_in_configurations_and_in_nothing_that_is_shown(table: Path) -> None:
    _with(table, "phase: 3", "phase: 3\nprotection: psk")
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


@pytest.mark.parametrize("kind", ["phase: 3", "phase: 3\nrouting: eigrp-classic", "phase: 2\nrouting: eigrp-classic"])
def test_lines_stand_in_the_order_of_the_running_configuration(table: Path, kind: str) -> None:
    """Whoever compares a rendered file with `show running-config` sees what differs, and nothing else."""
    _with(table, "phase: 3", f"{kind}\nprotection: psk")
    for name, text in render_sites(table, keys=KEYS).configurations.items():
        lines = [line for line in text.splitlines() if "!" not in line and line not in ("end", " no shutdown")]
        assert lines == [line for line in Lines.of(text).lines if "!" not in line], name


# ------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("phase: 3", "phase: 4", "sites.yaml:2: phase: Input should be 1, 2 or 3"),
        ("10.255.0.0/24}", "10.255.0.0/24, mtu: 1473}", "sites.yaml:3: tunnel.mtu: Input should be less than"),
        ("phase: 3", "fase: 3", "sites.yaml:2: fase: there is no such key here"),
        ("  A: {}", "  A:\n    lan: 10.1.1.1/24", "sites.yaml:11: spokes.A.lan: 10.1.1.1/24 has host bits set"),
        ("  A: {}", "  HUB: {}", "HUB is a hub and a spoke"),
        ("  A: {}", "  B: {}", "sites.yaml:11: B is there twice"),
        ("  A: {}", "  supervisor: {}", "a site cannot be called supervisor"),
        ("  A: {}", "  A b: {}", "sites.yaml:10: spokes.A b"),
        ("  A: {}", "  A: {nbma: 1.2.3.4/30}", "an nbma address needs the gateway on its link"),
        ("  A: {}", "  A: {nbma: 1.2.3.5, gateway: 1.2.3.6}", "an address with its prefix length"),
        ("  A: {}", "  A: {nbma: 1.2.3.5/30, gateway: 1.2.3.9}", "gateway 1.2.3.9 is no other address"),
        ("  A: {}", "  A: {nbma: 1.2.3.4/30, gateway: 1.2.3.6}", "1.2.3.4 is no host's address"),
        ("  A: {}", "  A: {lan: 10.255.0.0/25}", "overlaps 10.255.0.0/24 (the tunnels)"),
        ("  A: {}", "  A: {hubs: [NO]}", "sites.yaml:10: spokes.A.hubs: there is no hub NO"),
        ("  A: {}", "  A: {number: 1}\n  C: {number: 1}", "spokes.C.number: A has number 1 already"),
        ("  A: {}", "  A: {number: 255}", "10.255.0.0/24 has numbers up to 254"),
        ("  A: {}", '  A: {description: "a\\nno ip nhrp"}', "spokes.A.description"),
        ("phase: 3", "phase: 2\nrouting: static", ""),
        ("  A: {}", "  A: {protection: psk}", "its hubs have protection none"),
        ("phase: 3", "phase: 2\n", ""),
        ("  lan: {network: 10.1.0.0/16, length: 24}", "  lan: {network: 10.1.0.0/16, length: 8}", "no /8 fits into"),
        ("  lan: {network: 10.1.0.0/16, length: 24}", "  lan: {network: 10.1.0.0/24, length: 24}", "is full: no /24"),
        ("  lan: {network: 10.1.0.0/16, length: 24}\n", "", "it names no lan, and there is no pools.lan"),
        ("10.255.0.0/24", "10.255.0.0/30", "10.255.0.0/30 is full: it has room for 2 sites"),
        ("  A: {}", "  A: &a {}\n  C: *a", "anchors and aliases"),
        ("  A: {}", "  A: {dynamic: true}", "A gets its address by DHCP, which labs do not have"),
        ("phase: 3", "phase: 3\n  x: 1", "sites.yaml:3: no YAML"),
        ("  A: {}", "  A: {wan: GigabitEthernet0/2}", "cannot be both wan and lan_port"),
        ("  A: {}", "  A: {routing: static, lan: 10.2.0.0/24}", "a static site among others needs"),
        (
            "  A: {}\n  B: {}",
            "  A: {nbma: 192.168.1.2/24, gateway: 192.168.1.1, nat: {outside: 1.2.3.5/30, gateway: 1.2.3.6}}\n"
            "  B: {nbma: 192.168.1.3/24, gateway: 192.168.1.1, nat: {outside: 1.2.3.5/30, gateway: 1.2.3.6}}",
            "two can be only with protection",
        ),
        (
            "  A: {}\n  B: {}",
            "  A: {nbma: 1.2.3.5/29, gateway: 1.2.3.6}\n  B: {nbma: 1.2.3.5/29, gateway: 1.2.3.6}",
            "A has the address 1.2.3.5, too",
        ),
        (
            "  A: {}\n  B: {}",
            "  A: {nbma: 1.2.3.5/30, gateway: 1.2.3.6}\n  B: {nbma: 1.2.3.6/30, gateway: 1.2.3.5}",
            "sites.yaml:10: spokes.A.nbma: 1.2.3.5 is the gateway of B",
        ),
        (
            "  A: {}\n  B: {}",
            "  A: {nbma: 1.2.3.1/29, gateway: 1.2.3.2}\n  B: {nbma: 1.2.3.3/29, gateway: 1.2.3.4}",
            "sites.yaml:11: spokes.B.gateway: A has the gateway 1.2.3.2 on 1.2.3.0/29: one link has one gateway",
        ),
        (
            "10.255.0.0/24",
            "224.0.0.0/24",
            "sites.yaml:3: tunnel.network: 224.0.0.0/24 is not for hosts: 224.0.0.0/4 is",
        ),
        (
            "10.1.0.0/16",
            "127.0.0.0/16",
            "sites.yaml:5: pools.lan.network: 127.0.0.0/16 is not for hosts: 127.0.0.0/8 is",
        ),
        ("100.64.0.0/16", "0.0.0.0/24", "sites.yaml:6: pools.nbma.network: 0.0.0.0/24 is not for hosts: 0.0.0.0/8 is"),
        ("  A: {}", "  A: {lan: 240.0.1.0/24}", "spokes.A.lan: 240.0.1.0/24 is not for hosts: 240.0.0.0/4 is"),
        (
            "  A: {}",
            "  A: {nbma: 224.1.1.1/24, gateway: 224.1.1.2}",
            "sites.yaml:10: spokes.A.nbma: 224.1.1.0/24 is not",
        ),
        ("10.255.0.0/24", "10.255.0.1/32", "sites.yaml:3: tunnel.network: 10.255.0.1/32 has no room for two routers"),
        ("10.255.0.0/24}", "10.255.0.0/24, second: 10.254.0.0/31}", "tunnel.second: 10.254.0.0/31 has no room for two"),
        ("  A: {}", "  A: {wan: Gi0/2}", "GigabitEthernet0/2 cannot be both wan and lan_port"),
        ("  A: {}", "  A: {wan: gigabitethernet00/02}", "GigabitEthernet0/2 cannot be both wan and lan_port"),
        (
            "  A: {}",
            "  A: {wan: Tunnel0}",
            "sites.yaml:10: spokes.A.wan: Tunnel0 is no port that something is plugged into",
        ),
        ("  A: {}", "  A: {lan_port: lo0}", "sites.yaml:10: spokes.A.lan_port: Loopback0 is no port"),
        ("  A: {}", "  A: {wan: Frob0}", "sites.yaml:10: spokes.A.wan: Frob0 is no kind of interface"),
        (
            "  A: {}\n  B: {}",
            "  A: {nbma: 192.168.1.2/24, gateway: 192.168.1.1, nat: {}}\n  B: {lan: 192.168.1.0/24}",
            "sites.yaml:10: spokes.A.nbma: 192.168.1.0/24 (inside, at A) overlaps 192.168.1.0/24 (the LAN of B)",
        ),
        (
            "  HUB: {}\nspokes:\n  A: {}",
            "  HUB: {nbma: 192.168.1.9/24, gateway: 192.168.1.10}\n"
            "spokes:\n  A: {nbma: 192.168.1.2/24, gateway: 192.168.1.1, nat: {}}",
            "spokes.A.nbma: 192.168.1.0/24 (inside, at A) overlaps 192.168.1.0/24 (the provider's at HUB)",
        ),
        (
            "  A: {}",
            "  A: {nbma: 192.168.1.2/24, gateway: 192.168.1.1, nat: {outside: 192.168.1.5/30, gateway: 192.168.1.6}}",
            "sites.yaml:10: spokes.A.nbma: 192.168.1.0/24 (inside, at A) overlaps 192.168.1.4/30, outside",
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_key(table: Path, old: str, new: str, said: str) -> None:
    _with(table, old, new)
    if said:
        assert said in _refusal(table)
    else:
        render_sites(table, keys=KEYS)


_BOX = "gateway: 192.168.1.1, nat: {outside: 1.2.3.5/30, gateway: 1.2.3.6"


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (
            "nbma: 192.168.1.2/24, " + _BOX,
            "nbma: 192.168.1.2/24, " + _BOX,
            "B.nbma: A has the address 192.168.1.2, too",
        ),
        (
            "nbma: 192.168.1.2/24, " + _BOX,
            "nbma: 192.168.2.2/24, " + _BOX.replace("192.168.1.", "192.168.2."),
            "B.nat: A is behind 1.2.3.5, too, where 192.168.1.1/24 is inside: one NAT box has one network inside",
        ),
        (
            "nbma: 192.168.1.2/24, " + _BOX,
            "nbma: 192.168.1.3/24, " + _BOX + ", kind: cone",
            "B.nat.kind: A is behind 1.2.3.5, too, and says port-restricted: one NAT box is of one kind",
        ),
    ],
)
def test_sites_behind_one_nat_box_are_of_one_mind(table: Path, first: str, second: str, said: str) -> None:
    _with(table, "phase: 3", "phase: 3\nprotection: psk")
    _with(table, "  A: {}\n  B: {}", f"  A: {{{first}}}}}\n  B: {{{second}}}}}")
    assert _refusal(table) == f"sites.yaml:12: spokes.{said}"


def test_behind_boxes_of_their_own_sites_may_have_the_same_addresses(table: Path) -> None:
    inside = "nbma: 192.168.1.2/24, gateway: 192.168.1.1"
    _with(table, "  A: {}\n  B: {}", f"  A: {{{inside}, nat: {{}}}}\n  B: {{{inside}, nat: {{}}}}")
    assert len(render_sites(table, keys=KEYS).configurations) == 3


def test_ports_are_called_by_their_whole_names(table: Path) -> None:
    """Two spellings of one port counted as two, and the later `ip address` took the place of the other."""
    text = _configuration(_with(table, "  A: {}", "  A: {wan: gi0/5, lan_port: Vlan10}"), "A")
    assert re.findall(r"(?m)^interface (?!Tunnel)(.*)", text) == ["GigabitEthernet0/5", "Vlan10"]


def test_a_lan_from_the_pool_is_never_what_somebody_has_inside(table: Path) -> None:
    """PARIS was given 192.168.1.0/24, which BERN has between itself and its NAT box: BERN could not reach it."""
    _with(table, "10.1.0.0/16", "192.168.0.0/16")
    _with(table, "  B: {}", "  B: {nbma: 192.168.1.2/24, gateway: 192.168.1.1, nat: {}}\n  C: {}")
    texts = render_sites(table, keys=KEYS).configurations
    lans = {name: re.findall(r"description LAN\n ip address (\S+)", text) for name, text in texts.items()}
    assert lans == {"HUB": ["192.168.0.1"], "A": ["192.168.2.1"], "B": ["192.168.3.1"], "C": ["192.168.4.1"]}


def test_a_lan_that_was_given_before_somebody_had_it_inside_is_an_error_that_names_both(table: Path) -> None:
    _with(table, "10.1.0.0/16", "192.168.0.0/16")
    assert main(["render", str(table)]) == 0
    _with(table, "  B: {}", "  B: {nbma: 192.168.1.2/24, gateway: 192.168.1.1, nat: {}}")
    assert _refusal(table) == (
        "sites.yaml:11: spokes.B.nbma: 192.168.1.0/24 (inside, at B) overlaps 192.168.1.0/24, which A was given: take "
        "another, or take A out of the lock file"
    )


def test_static_routes_with_two_hubs_are_refused_because_they_notice_nothing(table: Path) -> None:
    _with(table, "phase: 3", "phase: 2\nrouting: static")
    _with(table, "HUB: {}", "HUB: {}\n  HUB2: {}")
    assert "static routes do not notice that a hub is dead" in _refusal(table)


@pytest.mark.parametrize("key", ["pre_shared_key", "password", "psk", "nhrp_authentication", "key", "secret"])
def test_a_key_in_the_table_is_refused_and_not_repeated(table: Path, key: str) -> None:
    said = _refusal(_with(table, "  A: {}", f"  A: {{{key}: hunter2-hunter2}}"))
    assert said.startswith(f"sites.yaml:10: spokes.A.{key}: a key does not belong into a table")
    assert "--keys FILE" in said
    assert "DMVPN_PRE_SHARED_KEY" in said
    assert "hunter2" not in said


def test_a_site_may_be_called_what_it_is_called(table: Path) -> None:
    assert "Secret-Valley" in render_sites(_with(table, "  A: {}", "  Secret-Valley: {}"), keys=KEYS).configurations


def test_norway_is_a_site_and_no_boolean(table: Path) -> None:
    assert "NO" in render_sites(_with(table, "  A: {}", "  NO: {description: 12:30}"), keys=KEYS).configurations


def test_protection_without_a_key_says_where_it_may_come_from(table: Path) -> None:
    _with(table, "phase: 3", "phase: 3\nprotection: psk")
    said = _refusal(table, Keys())
    assert said.startswith("sites.yaml:3: protection: psk needs a key")
    assert "DMVPN_PRE_SHARED_KEY" in said


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


# ------------------------------------------------------------------------------------------------ files


@pytest.fixture
def there(table: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rendered once, with protection."""
    monkeypatch.setenv("DMVPN_PRE_SHARED_KEY", "Very-Secret-1")
    _with(table, "phase: 3", "phase: 3\nprotection: psk")
    assert main(["render", str(table)]) == 0
    return table.parent / "net"


def _state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir() if path.is_file()}


def test_files_are_for_their_owner_alone(there: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in there.iterdir()} == {0o600}
    (there / "A.cfg").chmod(0o644)
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    assert (there / "A.cfg").stat().st_mode & 0o777 == 0o600


def test_rendering_again_touches_nothing(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _state(there), _state(there.parent)
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    assert (_state(there), _state(there.parent)) == before
    assert "all as they were" in capsys.readouterr().out


def test_check_shows_what_would_change_without_keys_and_writes_nothing(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = there.parent / "sites.yaml"
    capsys.readouterr()
    assert main(["render", str(table), "--check"]) == 0
    assert capsys.readouterr().out == "nothing would change\n"
    _with(table, "  B: {}", "  B: {description: Berlin}\n  C: {}")
    before = _state(there), _state(there.parent)
    assert main(["render", str(table), "--check"]) == 1
    assert (_state(there), _state(there.parent)) == before
    shown = capsys.readouterr().out
    assert "+ description Berlin" in shown
    assert "+  pre-shared-key local <key>" in shown
    assert "Very-Secret" not in shown
    assert "3 files would change" in shown


def test_a_site_that_is_gone_takes_its_file_with_it_and_no_other(there: Path) -> None:
    table = there.parent / "sites.yaml"
    (there / "NOTES.cfg").write_text("hostname NOTES\n")
    before = (there / "B.cfg").read_text()
    _with(table, "  A: {}\n", "")
    assert main(["render", str(table)]) == 0
    assert sorted(path.name for path in there.iterdir()) == ["B.cfg", "HUB.cfg", "NOTES.cfg"]
    assert (there / "B.cfg").read_text() == before, "its neighbour's going is nothing to it"


def test_a_template_that_writes_no_ios_stops_before_anything_is_written(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = there.parent / "t.j2"
    template.write_text("hostname {{ site.name }}\nfrobnicate {{ keys.pre_shared_key }}\n")
    before = _state(there)
    assert main(["render", str(there.parent / "sites.yaml"), "--template", str(template)]) == 2
    assert "HUB.cfg:2: frobnicate <key>: % Invalid input" in capsys.readouterr().err
    assert _state(there) == before


def test_an_error_in_a_template_does_not_repeat_a_key(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = there.parent / "t.j2"
    template.write_text("{{ site[keys.pre_shared_key] }}")
    assert main(["render", str(there.parent / "sites.yaml"), "--template", str(template)]) == 2
    said = capsys.readouterr().err
    assert "'<key>'" in said
    assert "Very-Secret" not in said


def test_what_the_linter_says_of_many_files_is_said_once(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["render", str(there.parent / "sites.yaml")]) == 0
    (advice,) = [line for line in capsys.readouterr().out.splitlines() if "ike-key-for-everybody" in line]
    assert "HUB.cfg:7 and 2 more: advice: " in advice


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
