"""`dmvpn render`: tables that are refused, and how that is said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.render import Keys, render_sites
from support.texts import with_line

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_keys_around")

KEYS = Keys(pre_shared_key="Very-Secret-1", nhrp_authentication="apart")


def _refusal(table: Path, keys: Keys = KEYS) -> str:
    with pytest.raises(UserError) as refused:
        render_sites(table, keys=keys, lab=True)
    return str(refused.value).replace(f"{table.parent}/", "")


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
        (
            "  A: {}",
            "  A: {dynamic: true}",
            "sites.yaml:10: spokes.A: it gets its address by DHCP, which labs do not have",
        ),
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
    with_line(table, old, new)
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
    with_line(table, "phase: 3", "phase: 3\nprotection: psk")
    with_line(table, "  A: {}\n  B: {}", f"  A: {{{first}}}}}\n  B: {{{second}}}}}")
    assert _refusal(table) == f"sites.yaml:12: spokes.{said}"


def test_behind_boxes_of_their_own_sites_may_have_the_same_addresses(table: Path) -> None:
    inside = "nbma: 192.168.1.2/24, gateway: 192.168.1.1"
    with_line(table, "  A: {}\n  B: {}", f"  A: {{{inside}, nat: {{}}}}\n  B: {{{inside}, nat: {{}}}}")
    assert len(render_sites(table, keys=KEYS).configurations) == 3


def test_a_lan_from_the_pool_is_never_what_somebody_has_inside(table: Path) -> None:
    """PARIS was given 192.168.1.0/24, which BERN has between itself and its NAT box: BERN could not reach it."""
    with_line(table, "10.1.0.0/16", "192.168.0.0/16")
    with_line(table, "  B: {}", "  B: {nbma: 192.168.1.2/24, gateway: 192.168.1.1, nat: {}}\n  C: {}")
    texts = render_sites(table, keys=KEYS).configurations
    lans = {name: re.findall(r"description LAN\n ip address (\S+)", text) for name, text in texts.items()}
    assert lans == {"HUB": ["192.168.0.1"], "A": ["192.168.2.1"], "B": ["192.168.3.1"], "C": ["192.168.4.1"]}


def test_a_lan_that_was_given_before_somebody_had_it_inside_is_an_error_that_names_both(table: Path) -> None:
    with_line(table, "10.1.0.0/16", "192.168.0.0/16")
    assert main(["render", str(table)]) == 0
    with_line(table, "  B: {}", "  B: {nbma: 192.168.1.2/24, gateway: 192.168.1.1, nat: {}}")
    assert _refusal(table) == (
        "sites.yaml:11: spokes.B.nbma: 192.168.1.0/24 (inside, at B) overlaps 192.168.1.0/24, which A was given: take "
        "another, or take A out of the lock file"
    )


def test_static_routes_with_two_hubs_are_refused_because_they_notice_nothing(table: Path) -> None:
    with_line(table, "phase: 3", "phase: 2\nrouting: static")
    with_line(table, "HUB: {}", "HUB: {}\n  HUB2: {}")
    assert "static routes do not notice that a hub is dead" in _refusal(table)


@pytest.mark.parametrize("key", ["pre_shared_key", "password", "psk", "nhrp_authentication", "key", "secret"])
def test_a_key_in_the_table_is_refused_and_not_repeated(table: Path, key: str) -> None:
    said = _refusal(with_line(table, "  A: {}", f"  A: {{{key}: hunter2-hunter2}}"))
    assert said.startswith(f"sites.yaml:10: spokes.A.{key}: a key does not belong into a table")
    assert "--keys FILE" in said
    assert "DMVPN_PRE_SHARED_KEY" in said
    assert "hunter2" not in said


def test_a_site_may_be_called_what_it_is_called(table: Path) -> None:
    assert "Secret-Valley" in render_sites(with_line(table, "  A: {}", "  Secret-Valley: {}"), keys=KEYS).configurations


def test_norway_is_a_site_and_no_boolean(table: Path) -> None:
    assert "NO" in render_sites(with_line(table, "  A: {}", "  NO: {description: 12:30}"), keys=KEYS).configurations


def test_protection_without_a_key_says_where_it_may_come_from(table: Path) -> None:
    with_line(table, "phase: 3", "phase: 3\nprotection: psk")
    said = _refusal(table, Keys())
    assert said.startswith("sites.yaml:3: protection: psk needs a key")
    assert "DMVPN_PRE_SHARED_KEY" in said


# `dmvpn render --lab`: everybody has a name and a wire of their own, and keeps them.

_NAT = "{{nbma: 192.168.{0}.2/24, gateway: 192.168.{0}.1, nat: {{outside: 1.2.{0}.1/30, gateway: 1.2.{0}.2}}}}"


def _lab(table: Path) -> Scenario:
    assert main(["render", str(table), "--lab"]) == 0
    return Scenario.load(str(table.parent / "net"))


def _wires(scenario: Scenario) -> set[frozenset[str]]:
    return {frozenset(link.ends) for link in scenario.lab.links}


def test_two_sites_with_names_that_begin_alike_have_a_host_each(table: Path) -> None:
    """Names of hosts were cut at 31 characters, and the second host took the place of the first."""
    names = ["branch-office-of-north-paris-01", "branch-office-of-north-paris-02"]
    scenario = _lab(with_line(table, "  A: {}\n  B: {}", "".join(f"  {name}: {{}}\n" for name in names)))
    assert {host.link.partition(":")[0] for host in scenario.lab.hosts.values()} == {"HUB", *names}
    assert set(scenario.lab.hosts) == {"H-HUB", "H-11", "H-12"}


def test_hosts_and_nat_boxes_leave_the_names_of_sites_alone(table: Path) -> None:
    boxed = f"  BERN: {_NAT.format(1)}\n  NAT-1.2.1.1: {{}}\n  H-BERN: {{}}\n  H-11: {{}}"
    scenario = _lab(with_line(table, "  A: {}\n  B: {}", boxed))
    assert set(scenario.lab.gateways) == {"NAT-BERN"}
    assert set(scenario.lab.hosts) == {"H-HUB", "H-11-2", "H-NAT-1.2.1.1", "H-H-BERN", "H-H-11"}


@pytest.mark.lengthy
def test_a_site_that_comes_first_or_goes_leaves_all_other_wires_where_they_are(table: Path) -> None:
    """Ports of the provider and NAT boxes were numbered as they came, so `dmvpn diff` could not try such a change."""
    with_line(table, "  A: {}", f"  A: {_NAT.format(1)}")
    before = _lab(table)
    with_line(table, "spokes:", f"spokes:\n  C: {_NAT.format(2)}\n  D: {{}}")
    after = _lab(table)
    assert _wires(before) < _wires(after)
    assert set(before.lab.gateways) < set(after.lab.gateways)
    with_line(table, f"  C: {_NAT.format(2)}\n  D: {{}}\n", "")
    again = _lab(table)
    assert _wires(again) == _wires(before)
    assert again.configurations == before.configurations


@pytest.mark.lengthy
def test_ports_of_a_network_with_several_sites_stay_when_the_first_one_goes(table: Path) -> None:
    shared = "  A: {nbma: 1.2.3.1/29, gateway: 1.2.3.6}\n"
    with_line(table, "  A: {}\n", shared)
    with_line(table, "  B: {}", "  B: {nbma: 1.2.3.2/29, gateway: 1.2.3.6}\n  C: {}")
    before = _lab(table)
    after = _lab(with_line(table, shared, ""))
    assert all(any(wire <= old for old in _wires(before)) for wire in _wires(after))


def test_a_bundle_of_ports_may_be_plugged_in(table: Path) -> None:
    scenario = _lab(with_line(table, "  A: {}", "  A: {wan: po1}"))
    assert ("A", "Port-channel1") in [Scenario.end(end) for link in scenario.lab.links for end in link.ends]


def test_two_networks_with_one_port_in_the_lock_are_an_error_with_its_line(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _lab(table)
    lock = table.parent / "sites.lock.yaml"
    ports = yaml.safe_load(lock.read_text())["ports"]
    assert ports == {"100.64.0.0/30": 1, "100.64.0.4/30": 2, "100.64.0.8/30": 3}
    lock.write_text(lock.read_text().replace("100.64.0.4/30: 2", "100.64.0.4/30: 1"))
    assert main(["render", str(table)]) == 2
    assert re.search(
        r"sites\.lock\.yaml:\d+: ports\.100\.64\.0\.4/30: 100\.64\.0\.0/30 has 1, too", capsys.readouterr().err
    )
    lock.write_text(lock.read_text().replace("100.64.0.4/30: 1", "100.64.0.4/30: 0"))
    assert main(["render", str(table)]) == 2
    assert "ports.100.64.0.4/30: Input should be greater than or equal to 1" in capsys.readouterr().err
