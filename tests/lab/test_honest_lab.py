"""Whether a lab is up and converged: honest, late, and flapping."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.labs import bringing_up
from dmvpn.shells.convergence import cannot, changing, flapping, unfinished
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from support.labs import Labs
from support.written import DYNAMIC, MULTICAST, NHS, OSPF, WAN, write

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.shells.facts import LabFacts


# `lab up` says "up and converged" only of a lab in which everything is up that its configurations want.

_CRYPTO = """crypto isakmp policy 10
 encryption aes
 authentication pre-share
 group 14
crypto isakmp key KEY address 0.0.0.0
crypto ipsec transform-set T esp-aes esp-sha256-hmac
 mode transport
crypto ipsec profile P
 set transform-set T
"""
_EIGRP = "router eigrp 7\n network 172.16.0.0 0.0.0.255\n network 10.0.0.0\n"
LANS = [IPv4Address(f"10.{number}.0.0") for number in (1, 2, 3, 4)]
_PROTECTED = " tunnel protection ipsec profile P\n"


def missing(folder: Path, seconds: float = 30.0) -> list[str]:
    """What `lab up` would say after some virtual seconds."""
    scenario = Scenario.load(str(folder))
    world = Simulator.of(scenario)
    world.run_until(seconds)
    facts = world.facts(scenario)
    return [*scenario.still_missing(unfinished(facts)), *scenario.still_missing(cannot(facts))]


def test_a_network_in_which_everything_is_up_lacks_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        HUB=(1, _CRYPTO, DYNAMIC + _PROTECTED, _EIGRP),
        A=(2, _CRYPTO, NHS + MULTICAST + _PROTECTED, _EIGRP),
        B=(3, _CRYPTO, NHS + MULTICAST + _PROTECTED, _EIGRP),
    )
    assert missing(tmp_path) == []


def test_a_spoke_that_knows_the_way_to_the_hub_and_does_not_register_lacks_its_neighbor(tmp_path: Path) -> None:
    """`lab up` called this converged: without a server in use nobody looked for a neighbor."""
    write(
        tmp_path,
        HUB=(1, "", DYNAMIC, _EIGRP),
        A=(2, "", " ip nhrp map 172.16.0.1 203.0.113.1\n" + MULTICAST, _EIGRP),
        B=(3, "", NHS + MULTICAST, _EIGRP),
    )
    assert any(line.startswith("A: EIGRP 7 has no neighbor 172.16.0.1 (HUB) on Tunnel0") for line in missing(tmp_path))


def test_a_spoke_whose_server_nobody_protects_packets_to_is_not_registered(tmp_path: Path) -> None:
    """`lab up` called this converged: nothing was sent, so no reply was missed."""
    write(
        tmp_path,
        HUB=(1, _CRYPTO, DYNAMIC + _PROTECTED, ""),
        A=(2, _CRYPTO.replace("key KEY", "key ANOTHER"), NHS + _PROTECTED, ""),
    )
    assert any(text.startswith("A: Tunnel0 is not registered with 172.16.0.1: ") for text in missing(tmp_path))
    assert "HUB: Tunnel0 has no peer: no client is registered, and no peer is mapped" in missing(tmp_path)


def test_spokes_without_a_hub_are_not_up(tmp_path: Path) -> None:
    write(tmp_path, A=(2, _CRYPTO, NHS + _PROTECTED, ""), B=(3, _CRYPTO, NHS + _PROTECTED, ""))
    assert [text.partition(" with ")[0] for text in missing(tmp_path)] == [
        "A: Tunnel0 is not registered",
        "B: Tunnel0 is not registered",
    ]


def test_a_hub_that_nobody_registers_with_is_not_up(tmp_path: Path) -> None:
    write(tmp_path, HUB=(1, "", DYNAMIC, ""), A=(2, "", "", ""))
    lone = "Tunnel0 has no peer: no client is registered, and no peer is mapped"
    assert missing(tmp_path) == [f"A: {lone}", f"HUB: {lone}"]


def test_a_tunnel_that_is_shut_down_is_as_its_owner_wants_it(tmp_path: Path) -> None:
    write(tmp_path, HUB=(1, "", DYNAMIC, ""), A=(2, "", NHS, ""), B=(3, _CRYPTO, NHS + _PROTECTED + " shutdown\n", ""))
    assert missing(tmp_path) == []


def test_a_tunnel_that_is_a_header_and_nothing_else_wants_nothing(tmp_path: Path) -> None:
    """`interface Tunnel0`, `no ip address`: left over from a lesson before, and a lab was never up for it."""
    write(tmp_path, HUB=(1, "interface Tunnel9\n no ip address\n", DYNAMIC, ""), A=(2, "", NHS, ""))
    assert missing(tmp_path) == []
    write(tmp_path, HUB=(1, "interface Tunnel9\n ip address 10.99.0.1 255.255.255.0\n", DYNAMIC, ""))
    assert missing(tmp_path) == ["HUB: Tunnel9 is down: no tunnel source"]


def test_a_far_end_that_nobody_has_is_said_to_be_in_none_of_the_files(tmp_path: Path) -> None:
    """`no SA with 198.51.100.9: no reason known`; and of spokes without their hub that it did not reply."""
    gone = "interface Tunnel9\n ip address 10.9.9.1 255.255.255.252\n tunnel source GigabitEthernet0/0\n"
    write(tmp_path, HUB=(1, f"{gone} tunnel destination 198.51.100.9\n", DYNAMIC, ""), A=(2, "", NHS, ""))
    assert missing(tmp_path) == ["HUB: Tunnel9 is down: no router of this lab has its destination 198.51.100.9"]
    (tmp_path / "HUB.cfg").unlink()
    assert missing(tmp_path)[-1] == (
        "A: Tunnel0 is not registered with 172.16.0.1: no router of this lab has its address 203.0.113.1"
    )


@pytest.mark.parametrize("kind", ["broadcast", "point-to-multipoint", "point-to-point"])
def test_neighbors_of_ospf_are_waited_for_and_not_missed_when_they_are_there(kind: str, tmp_path: Path) -> None:
    own = f" ip ospf network {kind}\n ip ospf hello-interval 1\n"
    ranks = "" if kind != "broadcast" else " ip ospf priority 0\n"
    write(tmp_path, HUB=(1, "", DYNAMIC + own, OSPF), A=(2, "", NHS + MULTICAST + own + ranks, OSPF))
    assert missing(tmp_path) == []


def test_neighbors_of_servers_that_are_named_by_link_local_addresses_are_waited_for(tmp_path: Path) -> None:
    """`lab up` called spokes converged that waited for the election of a designated router."""
    tunnel = """ ipv6 address FE80::{0} link-local
 ipv6 address 2001:db8::{0}/64
 ipv6 nhrp network-id 7
 ipv6 ospf network broadcast
 ipv6 ospf priority {1}
 ipv6 ospf 1 area 0
"""
    process = "ipv6 unicast-routing\nipv6 router ospf 1\n router-id 10.255.0.{0}\n"
    nhs = NHS + " ipv6 nhrp nhs FE80::1 nbma 203.0.113.1 multicast\n"
    spokes = {name: (at, process.format(at), nhs + tunnel.format(at, 0), "") for name, at in (("A", 2), ("B", 3))}
    hub = DYNAMIC + " ipv6 nhrp map multicast dynamic\n" + tunnel.format(1, 1)
    write(tmp_path, HUB=(1, process.format(1), hub, ""), **spokes)
    assert "A: OSPF 1 has no neighbor fe80::1 (HUB) on Tunnel0" in " ".join(missing(tmp_path))
    assert missing(tmp_path, 60.0) == []
    assert bringing_up.patience(Scenario.load(str(tmp_path))) > 40.0  # seconds until the first election (RFC 2328 §9.4)


def test_why_an_end_does_not_take_the_hellos_of_ospf_is_said(tmp_path: Path) -> None:
    slow = " ip ospf hello-interval 30\n"
    write(tmp_path, HUB=(1, "", DYNAMIC, OSPF), A=(2, "", NHS + MULTICAST + slow, OSPF))
    assert missing(tmp_path) == [
        "A: OSPF 1 has no neighbor 172.16.0.1 (HUB) on Tunnel0: another dead interval (theirs is 40 s, ours is 120 s)",
        "HUB: OSPF 1 has no neighbor 172.16.0.2 (A) on Tunnel0: another dead interval (theirs is 120 s, ours is 40 s)",
    ]


def test_neighbors_that_both_ends_want_and_do_not_have_are_named_at_both(tmp_path: Path) -> None:
    """Registration works without `ip nhrp map multicast`; Hellos do not."""
    write(tmp_path, HUB=(1, "", DYNAMIC, _EIGRP), A=(2, "", NHS, _EIGRP))
    assert [text.partition(":")[0] for text in missing(tmp_path)] == ["A", "HUB"]
    assert all("EIGRP 7 has no neighbor" in text for text in missing(tmp_path))


_RIP = "router rip\n version 2\n network 172.16.0.0\n"


@pytest.mark.parametrize(
    ("hub", "spoke", "why"),
    [
        (_EIGRP, _EIGRP + " passive-interface Tunnel0\n", "EIGRP 7 {}: Tunnel0 is passive there"),
        (_EIGRP, "router eigrp 7\n network 10.0.0.0\n", "EIGRP 7 {}: no `network` holds Tunnel0 there"),
        (_EIGRP, _EIGRP.replace("eigrp 7", "eigrp 8"), "EIGRP 7 {}: A runs EIGRP 8"),
        (OSPF, OSPF + " passive-interface Tunnel0\n", "OSPF {}: Tunnel0 is passive there"),
        (OSPF, OSPF.replace("172.16", "172.17"), "OSPF {}: no `network` holds Tunnel0 there"),
        (_RIP, _RIP + " passive-interface Tunnel0\n", "RIP {}: Tunnel0 is passive there"),
    ],
)
def test_a_neighbor_of_a_tunnel_that_one_end_alone_wants_is_named_with_the_reason(
    hub: str, spoke: str, why: str, tmp_path: Path
) -> None:
    """`lab up` called this converged, and no route crossed the tunnel."""
    write(tmp_path, HUB=(1, "", DYNAMIC, hub), A=(2, "", NHS + MULTICAST, spoke))
    assert f"HUB: {why.format('has no neighbor 172.16.0.2 (A) on Tunnel0')}" in missing(tmp_path)
    assert all(" has no neighbor " in text for text in missing(tmp_path))


@pytest.mark.parametrize("spoke", ["", OSPF])
def test_a_neighbor_that_the_other_end_has_no_protocol_for_is_not_missed(spoke: str, tmp_path: Path) -> None:
    write(tmp_path, HUB=(1, "", DYNAMIC, _EIGRP + OSPF), A=(2, "", NHS + MULTICAST, spoke))
    assert missing(tmp_path, 60.0) == []


def test_a_network_line_that_holds_everything_is_no_wish_for_neighbors_in_a_tunnel(tmp_path: Path) -> None:
    beneath, all_of_it = "router eigrp 7\n network 203.0.113.0\n", "router eigrp 7\n network 0.0.0.0\n"
    write(tmp_path, HUB=(1, "", DYNAMIC, all_of_it), A=(2, "", NHS + MULTICAST, beneath))
    assert missing(tmp_path) == []
    write(tmp_path, HUB=(1, "", DYNAMIC, all_of_it), A=(2, "", NHS + MULTICAST, all_of_it.replace("7", "8")))
    assert "HUB: EIGRP 7 has no neighbor 172.16.0.2 (A) on Tunnel0: A runs EIGRP 8" in missing(tmp_path)


def test_a_neighbor_of_bgp_that_does_not_name_us_is_named(tmp_path: Path) -> None:
    hub = "router bgp 65000\n neighbor 172.16.0.9 remote-as 65000\n"
    spoke = "router bgp 65000\n neighbor 172.16.0.1 remote-as 65000\n"
    write(tmp_path, HUB=(1, "", DYNAMIC, hub), A=(2, "", NHS + MULTICAST, spoke))
    assert missing(tmp_path) == ["A: BGP has no neighbor 172.16.0.1 (HUB): no `neighbor` of HUB names this router"]


_CORP = "vrf definition CORP\n address-family ipv4\n exit-address-family\n"
_BGP = """router bgp 65000
 address-family ipv4 vrf CORP
  neighbor 172.16.0.{0} remote-as 65000
  neighbor 172.16.0.{0} activate
"""


@pytest.mark.parametrize(
    ("of_hub", "of_spoke", "lacks"),
    [
        ("router ospf 1 vrf CORP\n network 172.16.0.0 0.0.0.255 area 0\n", None, "OSPF 1 has no neighbor 172.16.0.2"),
        (
            "router eigrp 7\n address-family ipv4 vrf CORP autonomous-system 9\n  network 172.16.0.0 0.0.0.255\n",
            None,
            "EIGRP 9 has no neighbor 172.16.0.2",
        ),
        (_BGP.format(2), _BGP.format(1), "BGP has no neighbor 172.16.0.2"),
    ],
)
def test_neighbors_inside_a_vrf_are_waited_for(of_hub: str, of_spoke: str | None, lacks: str, tmp_path: Path) -> None:
    """A lab was up and converged before OSPF, EIGRP or BGP in a VRF had one neighbor."""
    inside = " vrf forwarding CORP\n ip address 172.16.0.{0} 255.255.255.0\n"
    write(
        tmp_path,
        HUB=(1, _CORP, inside.format(1) + DYNAMIC, of_hub),
        A=(2, _CORP, inside.format(2) + NHS + MULTICAST, of_spoke or of_hub),
    )
    assert any(line.startswith(f"HUB: {lacks} (A)") for line in missing(tmp_path, 0.01))
    assert missing(tmp_path) == []


@pytest.mark.parametrize("second", [65003, 65002])
def test_bgp_still_changes_while_a_route_waits_for_the_interval_of_a_neighbor(second: int, tmp_path: Path) -> None:
    """A hub announces to an external neighbor every 30 s: `lab up` called a spoke without the far LAN converged.

    second: the AS of the other spoke; with that of the first they take their own with `allowas-in`.
    """
    systems = {1: 65001, 2: 65002, 3: second}
    lines = {
        number: f"router bgp {system}\n network 10.{number}.0.0 mask 255.255.255.0\n"
        for number, system in systems.items()
    }
    calls = {number: f" neighbor 172.16.0.{number} remote-as {system}\n" for number, system in systems.items()}
    own = " neighbor 172.16.0.1 allowas-in\n" if second == systems[2] else ""
    spokes = {name: (number, "", NHS, lines[number] + calls[1] + own) for name, number in (("A", 2), ("B", 3))}
    write(tmp_path, HUB=(1, "", DYNAMIC, lines[1] + calls[2] + calls[3]), **spokes)
    scenario = Scenario.load(str(tmp_path))
    world, lacking = Simulator.of(scenario), 0
    before = world.facts(scenario)
    for second in range(1, 60):
        world.run_until(float(second))
        now = world.facts(scenario)
        spoke = now.routers["A"]
        assert spoke is not None
        if not any(route.prefix.network_address == LANS[2] for route in spoke.routes):
            lacking += 1
            assert unfinished(now) or changing(before, now)
        before = now
    assert lacking > 5
    assert not changing(before, now)
    assert bringing_up.patience(scenario) > 50.0


def test_ospf_still_changes_until_the_designated_router_of_a_wire_is_elected(tmp_path: Path) -> None:
    """Two neighbors wait 40 s before they elect one and exchange routes: `lab up` called that converged."""
    ospf = "router ospf 1\n network 0.0.0.0 255.255.255.255 area 0\n"
    write(tmp_path, A=(1, "", NHS, ospf), B=(2, "", NHS, ospf))
    scenario = Scenario.load(str(tmp_path))
    world = Simulator.of(scenario)
    world.run_until(19.0)
    before = world.facts(scenario)
    world.run_until(20.0)
    assert {"A", "B"} <= {*changing(before, world.facts(scenario))}


def test_ospf_still_changes_while_an_lsa_is_not_acknowledged(tmp_path: Path) -> None:
    """A spoke had no route to the other until the hub repeated an LSA: `lab up` called that converged."""
    ospf = f"{OSPF} network 10.0.0.0 0.255.255.255 area 0\n"
    kind = " ip ospf network point-to-multipoint\n"
    spokes = {name: (number, "", NHS + MULTICAST + kind, ospf) for name, number in (("A", 2), ("B", 3), ("C", 4))}
    write(tmp_path, HUB=(1, "", DYNAMIC + kind, ospf), **spokes)
    scenario = Scenario.load(str(tmp_path))
    world = Simulator.of(scenario)
    before, lacking = world.facts(scenario), 0
    for tenth in range(1, 100):
        world.run_until(tenth / 10)
        now = world.facts(scenario)
        complete = all(
            len(
                [
                    route
                    for route in facts.routes
                    if route.prefix.prefixlen == 24 and route.prefix.network_address in LANS
                ]
            )
            == len(LANS)
            for facts in now.routers.values()
            if facts is not None
        )
        if not complete:
            lacking += 1
            assert unfinished(now) or changing(before, now)
        before = now
    assert lacking, "it takes a while"
    assert not changing(before, now)


@pytest.mark.parametrize("kind", ["broadcast", "non-broadcast"])
def test_network_types_of_ospf_that_do_not_fit_are_named_and_not_waited_for(kind: str, tmp_path: Path) -> None:
    """With an election beneath, there was no verdict for more than a minute."""
    own = " ip ospf network {}\n"
    write(
        tmp_path,
        HUB=(1, "", DYNAMIC + own.format("point-to-multipoint"), OSPF),
        A=(2, "", NHS + MULTICAST + own.format(kind), OSPF),
    )
    scenario = Scenario.load(str(tmp_path))
    world = Simulator.of(scenario)
    world.run_until(10.0)
    facts = world.facts(scenario)
    assert unfinished(facts) == {}
    said = f"the network type is {kind} here and point-to-multipoint there"
    assert [said in text for text in cannot(facts)["A"]] == [True]


def test_a_hub_whose_tunnel_is_shut_is_why_spokes_do_not_register(tmp_path: Path) -> None:
    write(tmp_path, HUB=(1, "", DYNAMIC + " shutdown\n", ""), A=(2, "", NHS, ""))
    assert missing(tmp_path) == ["A: Tunnel0 is not registered with 172.16.0.1: HUB's Tunnel0 is shut down"]


@pytest.mark.parametrize(("peer_as", "lacks"), [(65000, []), (65001, ["A: BGP has no neighbor 172.16.0.1 (HUB)"])])
def test_neighbors_of_bgp_that_both_ends_want_count(peer_as: int, lacks: list[str], tmp_path: Path) -> None:
    """With another AS than the other end says there is no session."""
    hub = (
        "router bgp 65000\n neighbor G peer-group\n neighbor G remote-as 65000\n"
        " bgp listen range 172.16.0.0/24 peer-group G\n"
    )
    spoke = f"router bgp 65000\n neighbor 172.16.0.1 remote-as {peer_as}\n"
    write(tmp_path, HUB=(1, "", DYNAMIC, hub), A=(2, "", NHS + MULTICAST, spoke))
    assert missing(tmp_path) == lacks
    write(tmp_path, HUB=(1, "", DYNAMIC, hub), A=(2, "", NHS + MULTICAST, ""))
    assert missing(tmp_path) == [], "nobody at the other end wants it"


def test_a_tunnel_of_a_kind_that_this_release_has_not_is_not_up(tmp_path: Path) -> None:
    ends = {1: "203.0.113.2", 2: "203.0.113.1"}
    for number, far in ends.items():
        tunnel = (
            f"interface Tunnel0\n ip address 172.16.0.{number} 255.255.255.0\n tunnel source GigabitEthernet0/0\n"
            f" tunnel destination {far}\n tunnel mode ipsec ipv4\n tunnel protection ipsec profile P\n"
        )
        (tmp_path / f"R{number}.cfg").write_text(f"hostname R{number}\n{_CRYPTO}{tunnel}{WAN.format(number)}end\n")
    reason = "Tunnel0 is down: this build has GRE over IPv4 and no other kind of tunnel (tunnel mode ipsec ipv4)"
    assert missing(tmp_path) == [f"R1: {reason}", f"R2: {reason}"]


def test_lab_up_says_once_what_was_kept_of_files_of_which_nothing_is_refused(tmp_path: Path) -> None:
    """Kept lines were listed only beside refused ones."""
    more = "snmp-server community {0} RO\nip http server\nxyzzy plugh\n"
    write(tmp_path / "kept", HUB=(1, more.format("SECRET"), DYNAMIC, ""), A=(2, more.format("SECRET"), NHS, ""))
    with Labs() as labs:
        result = labs.run("lab", "up", tmp_path / "kept", "--simulated")
    assert result.returncode == 0
    (said,) = [line for line in result.stderr.splitlines() if "kept" in line]
    assert said.startswith("note: ")
    assert "unknown lines (2)" in said
    assert said.endswith("; 'dmvpn config check FILE' lists the lines")
    assert "SECRET" not in result.stderr


# `lab up` does not say "up and converged" of a lab that comes up and goes down again.

#: EIGRP tells the spoke, through the tunnel, of the network that the tunnel's own packets cross.
_OVER_ITSELF = "router eigrp 7\n network 0.0.0.0\nip route 0.0.0.0 0.0.0.0 {}\n"


def _links(folder: Path, hub: str, spoke: str, tunnel: str = "") -> Path:
    """A hub and a spoke, each on a link of its own to a provider."""
    write(folder, HUB=(1, "", DYNAMIC + tunnel, hub.format("203.0.113.2")), A=(2, "", NHS + MULTICAST, spoke))
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
    write(tmp_path, HUB=(1, "", DYNAMIC + " ip hold-time eigrp 7 3\n", _EIGRP), A=(2, "", NHS + MULTICAST, _EIGRP))
    (facts,) = _facts(tmp_path, 2.0)
    assert flapping(facts) == {
        "HUB": ["EIGRP 7 flaps on Tunnel0: it greets every 5 s, and asks to be forgotten after 3 s"]
    }


def test_a_network_that_lasts_does_not_flap_and_does_not_change(tmp_path: Path) -> None:
    write(tmp_path, HUB=(1, "", DYNAMIC, _EIGRP), A=(2, "", NHS + MULTICAST, _EIGRP))
    early, late, later = _facts(tmp_path, 0.05, 5.0, 6.0)
    assert flapping(late) == {}
    assert changing(late, later) == []
    assert sorted(changing(early, late)) == ["A", "HUB"]


@pytest.mark.lab
def test_lab_up_says_what_flaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _links(tmp_path / "flap", _OVER_ITSELF, _OVER_ITSELF.format("203.0.113.6"))
    monkeypatch.setattr(bringing_up, "PATIENCE", 5.0)
    with Labs() as labs:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(labs.folder))
        assert main(["lab", "up", str(tmp_path / "flap"), "--simulated"]) == 1
    said = capsys.readouterr()
    assert "A: Tunnel0 flaps: EIGRP leads to its peer 203.0.113.1 through Tunnel0 itself" in said.err
    assert "converged" not in said.out


# A lab that never becomes ready is up after its time, and `lab up` says what it lacks.


def test_lab_up_says_what_is_missing_and_stays_up(tmp_path: Path) -> None:
    slip = " tunnle protection ipsec profile P\n"
    write(tmp_path / "ospf", HUB=(1, "", DYNAMIC, OSPF), A=(2, "", NHS, OSPF), B=(3, "", NHS + slip, ""))
    with Labs() as labs:
        result = labs.run("lab", "up", tmp_path / "ospf", "--simulated")
        assert result.returncode == 1
        assert "converged" not in result.stdout
        head, _, rest = result.stderr.partition("lab ospf is up, but:\n")
        assert head
        assert rest.splitlines()[:3] == [
            "  B: Tunnel0 stays shut down: B.cfg:9, `tunnle protection ipsec profile P`, is not taken and could be "
            "what protects it",
            "  A: OSPF 1 has no neighbor 172.16.0.1 (HUB) on Tunnel0",
            "  HUB: OSPF 1 has no neighbor 172.16.0.2 (A) on Tunnel0",
        ]
        assert labs.running() == ["ospf"]


def test_lab_up_says_which_hosts_have_no_lease_beside_whatever_else_is_missing(tmp_path: Path) -> None:
    """Where a tunnel was down, too, a host without an address was not in the list."""
    full = "ip dhcp excluded-address 10.2.0.1 10.2.0.254\nip dhcp pool LAN\n network 10.2.0.0 255.255.255.0\n"
    write(tmp_path / "full", HUB=(1, "", DYNAMIC, OSPF), A=(2, full, NHS, OSPF))
    with Labs() as labs:
        result = labs.run("lab", "up", tmp_path / "full", "--simulated")
        assert "  A: OSPF 1 has no neighbor 172.16.0.1 (HUB) on Tunnel0\n" in result.stderr
        assert ": no DHCP server has leased it an address\n" in result.stderr
