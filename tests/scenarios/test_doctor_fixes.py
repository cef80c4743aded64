"""The lines that the doctor gives fix it: they change what the router that is to change uses, not what others call so.

Each lab is broken in one way that an administrator would, the first finding's lines are entered as they are, and
then the network is well.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.proofs.networks import Case, Harm, drawn, well_rows
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.measuring import worse
from dmvpn.tools.doctor.verdicts import Finding
from dmvpn.tools.doctor.visit import visit
from support.bench import WorldBench
from support.cases import every_day_but, one_in
from support.diagnoses import PLAIN, ill_of, judged_of
from support.doctors import ExaminedWorld
from support.further import judge, said_of_slow
from support.texts import file_text
from support.typed import read
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dmvpn.tools.troubles.plans import Plan

FIXES = read("fixes")
AGAIN = [(router, "clear crypto session") for router in ("SPOKE10", "SPOKE20", "HUB")]
PROFILE = "crypto ipsec profile IPSEC-DMVPN"
SET = "crypto ipsec transform-set"
OTHERS_SET = (f"{SET} LESSON esp-aes esp-sha-hmac", "mode transport", "exit", PROFILE, "set transform-set LESSON")
LESSON = ("crypto ikev2 proposal LESSON", "encryption aes-cbc-128", "integrity sha256", "group 20", "exit")


def first(world: World) -> Finding:
    """What is broken."""
    return next(one for one in visit(ExaminedWorld(world)).findings if not one.advice)


def broken(changes: Sequence[tuple[str, tuple[str, ...]]], *, again: bool = True) -> World:
    """intro-phase3 after these lines, and after all SAs were made again."""
    world = World("intro-phase3").converge()
    bench = WorldBench(world)
    for router, lines in changes:
        bench.configure(router, lines)
    if again:
        bench.ask(AGAIN)
    world.run_for(90)
    return world


@pytest.mark.parametrize("what", FIXES)
def test_the_lines_to_enter_let_both_ends_agree(what: str) -> None:
    router, cause, fix = FIXES[what].found
    world = broken([*FIXES[what].lines.items()])
    finding = first(world)
    assert (finding.cause, finding.router) == (cause, router), finding
    assert " / ".join(finding.fix) == fix
    WorldBench(world).configure(finding.router, finding.fix)
    WorldBench(world).ask(AGAIN)
    world.run_for(90)
    assert visit(ExaminedWorld(world)).findings == ()
    assert world.lacks() == []


def test_of_a_transform_set_that_was_changed_under_sas_that_live_it_is_said_that_the_next_rekeying_fails() -> None:
    """The doctor said nothing of it, and within the hour the spoke was away."""
    world = broken([("SPOKE10", OTHERS_SET)], again=False)
    assert world.lacks() == []
    diagnosis = visit(ExaminedWorld(world))
    finding = diagnosis.findings[0]
    assert (finding.cause, finding.router, finding.advice) == (Cause.TRANSFORM, "SPOKE10", True)
    assert "the next rekeying fails" in finding.what
    assert diagnosis.healthy, "until then nobody feels it"
    assert finding.fix == (PROFILE, "set transform-set TS")
    assert finding.evidence == ("the SAs in use have aes-cbc 256 sha256 in transport mode",)
    WorldBench(world).configure("SPOKE10", finding.fix)
    assert visit(ExaminedWorld(world)).findings == ()


def test_from_one_end_the_size_to_enter_is_one_that_fits() -> None:
    """Of 1400 octets of which 1394 fit, it said: "to fix: ip mtu 1400"."""
    world = broken([("SPOKE10", (f"{SET} TS esp-aes 256 esp-sha256-hmac", "mode tunnel"))])
    found = visit(ExaminedWorld(world), "SPOKE10", one_end=True).hypotheses
    mtu = next(one for one in found if one.cause is Cause.MTU)
    assert mtu.decide.endswith("to fix: interface Tunnel0 / ip mtu 1390")
    WorldBench(world).configure("SPOKE10", ("interface Tunnel0", "ip mtu 1390"))
    assert all(one.cause is not Cause.MTU for one in visit(ExaminedWorld(world), "SPOKE10", one_end=True).hypotheses)


# Mechanisms that are drawn apart: stray lines, addresses taken twice, wires in one direction, filters inwards.

CLOUD = PLAIN
#: Plans that together have every protocol.
PLANS = [replace(CLOUD, phase=2, routing=routing) for routing in ("eigrp", "eigrp-classic", "ospf", "rip", "ibgp")]
#: What the doctor missed once, or took for something else, as certain.
MISSED: dict[str, tuple[Plan | str, str]] = {
    "a second default route to nobody, where IKE fails by turns": (
        replace(CLOUD, routing="static", protection="ikev2"),
        "second-default-route@S2,S1,HUB1",
    ),
    "a second default route of the hub": ("bgp-phase3", "second-default-route@HUB,SPOKE2,SPOKE1"),
    "the hub's NBMA address on a loopback, behind NAT": ("ipsec-both-behind-nat", "nbma-taken@R31,R41,R11"),
    "a narrow wire of a hub that is another one's client": (
        replace(CLOUD, hubs=2, routing="ebgp"),
        "hub-wire-narrow@S1,S2,HUB2",
    ),
    "one large network for all LANs, in phase 2": (PLANS[0], "summary-eigrp@S1,S2,HUB1"),
    "one large network for all LANs, in phase 2, by lines of the interface": (PLANS[1], "summary-eigrp@S1,S2,HUB1"),
}


def network(what: Plan | str) -> Scenario:
    """One that is built in, or of a plan."""
    return Scenario.load(what) if isinstance(what, str) else drawn(what)


@pytest.mark.parametrize("number", every_day_but((3, 4, 7, 8, 9), range(10)))
def test_what_is_drawn_apart_is_named_first_and_never_a_wrong_one_as_certain(number: int) -> None:
    """Hundreds of such draws are measured for docs/reference/doctor.md; every day the small networks are tried."""
    found = judge(f"cheap/{number}")
    assert not found.wrong, found
    assert found.rank == 1 or found.harm is not Harm.NOW, found


@pytest.mark.parametrize("case", one_in(3, MISSED))
def test_what_was_missed_once_is_named_first(case: str) -> None:
    what, name = MISSED[case]
    scenario = network(what)
    found = judged_of(case, scenario, name)
    assert found.harm is Harm.NOW, found
    assert found.rank == 1, found


@pytest.mark.parametrize("lines", [False, True])
def test_of_two_spokes_the_one_whose_server_is_nobody_is_to_change_and_not_the_other(lines: bool) -> None:
    """A majority of one is none: the other spoke was told to register with nobody, too."""
    case = ill_of(drawn(replace(CLOUD, server_lines=lines)), "nhs-address@S1,S2,HUB1")
    found = visit(case.examined).findings
    assert {one.router for one in found} == {"S1"}, found
    assert found[0].cause is Cause.NHS_ADDRESS


@pytest.mark.parametrize("number", one_in(3, range(3)))
def test_a_wire_that_takes_more_than_a_second_is_slow_and_not_broken(number: int) -> None:
    assert said_of_slow(f"slow/{number}") == ()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_of_sixty_that_are_drawn_apart_most_are_named_and_none_is_called_something_else_as_certain() -> None:
    found = [one for one in (judge(f"apart/{number}") for number in range(60)) if one.harm is Harm.NOW]
    missed = [str(one) for one in found if one.rank != 1]
    assert len(missed) <= 0.1 * len(found), missed
    assert not [one for one in found if one.wrong or one.nothing], missed


# Faults that people make in networks that they copied from guides: named first, at the right router, with right lines.
#
# Mechanisms that no catalog has; each was missed, or said wrongly, once.

_IKE: Final = file_text("guide_ike.cfg")
#: Of a tunnel at a hub and at a spoke: what a protocol needs there. Phase 2 but for BGP and `ospf3`.
_AT_HUB: Final = {
    "rip": " no ip split-horizon\n",
    "eigrp": " no ip split-horizon eigrp 90\n no ip next-hop-self eigrp 90\n",
    "ospf": " ip ospf network broadcast\n ip ospf priority 10\n ip ospf 1 area 0\n",
    "ospf3": " ip ospf network point-to-multipoint\n ip ospf 1 area 0\n ip nhrp redirect\n",
    "bgp": " ip nhrp redirect\n",
}
_AT_SPOKE: Final = {
    "ospf": " ip ospf network broadcast\n ip ospf priority 0\n ip ospf 1 area 0\n",
    "ospf3": " ip ospf network point-to-multipoint\n ip ospf 1 area 0\n ip nhrp shortcut\n",
    "bgp": " ip nhrp shortcut\n",
}
_HUB: Final = 1
_HUBS, _SPOKES = 2, 3


@cache
def loaded(*files: tuple[str, str]) -> Scenario:
    """Return the network of these files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "guide"
        path.mkdir()
        for name, text in files:
            (path / name).write_text(text)
        return Scenario.load(str(path), strict=True)


def one_cloud(routing: str, *, protected: bool = False) -> Scenario:
    """Return HUB and SPOKE1 to SPOKE3: 172.16.0.0/24 in the tunnel, 100.64.N.2 outside, 192.168.10N.0 behind."""
    names = {1: "HUB", 2: "SPOKE1", 3: "SPOKE2", 4: "SPOKE3"}
    files = {f"{name}.cfg": _router(number, name, routing, protected) for number, name in names.items()}
    files["ISP.cfg"] = _provider({n: f"100.64.{n}.1 255.255.255.0" for n in names})
    files["lab.yaml"] = _lab(list(names.values()), {name: f"192.168.{100 + n}" for n, name in names.items()})
    return loaded(*files.items())


def _router(number: int, name: str, routing: str, protected: bool) -> str:
    is_hub = number == _HUB
    tunnel = _AT_HUB[routing] if is_hub else _AT_SPOKE.get(routing, "")
    if is_hub:
        tunnel += " ip nhrp map multicast dynamic\n"
    else:
        tunnel += " ip nhrp map 172.16.0.1 100.64.1.2\n ip nhrp map multicast 100.64.1.2\n ip nhrp nhs 172.16.0.1\n"
    tunnel += " tunnel protection ipsec profile DMVPN\n" * protected
    lan = f"192.168.{100 + number}"
    return f"""\
hostname {name}
{_IKE * protected}interface Loopback0
 ip address 10.255.255.{number} 255.255.255.255
interface Tunnel0
 ip address 172.16.0.{number} 255.255.255.0
 no ip redirects
 ip mtu 1400
 ip tcp adjust-mss 1360
 ip nhrp authentication NHRPKEY
 ip nhrp network-id 99
 ip nhrp holdtime 300
 tunnel source Ethernet0/0
 tunnel mode gre multipoint
 tunnel key 100000
{tunnel}interface Ethernet0/0
 ip address 100.64.{number}.2 255.255.255.0
 no shutdown
interface Ethernet0/1
 ip address {lan}.1 255.255.255.0
{" ip ospf 1 area 0" if routing.startswith("ospf") else " description LAN"}
 no shutdown
{_process(number, routing, lan)}ip route 0.0.0.0 0.0.0.0 100.64.{number}.1
end
"""


def _process(number: int, routing: str, lan: str) -> str:
    match routing:
        case "rip":
            return f"router rip\n version 2\n network 172.16.0.0\n network {lan}.0\n no auto-summary\n"
        case "eigrp":
            return f"router eigrp 90\n network 172.16.0.0 0.0.0.255\n network {lan}.0\n"
        case "bgp":
            neighbor = "SPOKES" if number == _HUB else "172.16.0.1"
            own = "  neighbor SPOKES route-reflector-client\n  neighbor SPOKES next-hop-self all\n" * (number == _HUB)
            group = " bgp listen range 172.16.0.0/24 peer-group SPOKES\n neighbor SPOKES peer-group\n" * (
                number == _HUB
            )
            return f"""\
            router bgp 65001
             bgp router-id 10.255.255.{number}
             timers bgp 10 30
            {group} neighbor {neighbor} remote-as 65001
             address-family ipv4
              network {lan}.0
              neighbor {neighbor} activate
            {own} exit-address-family
            """
        case _:
            return f"router ospf 1\n router-id 10.255.255.{number}\n passive-interface Ethernet0/1\n"


def two_clouds() -> Scenario:
    """Return HQ1 and HQ2 with a cloud each, BR1 to BR3 in both, and CORE behind the hubs."""
    wan = {"HQ1": 1, "HQ2": 5, "BR1": 9, "BR2": 13, "BR3": 17}
    files = {f"{name}.cfg": _of_two(name, host) for name, host in wan.items()}
    files["ISP.cfg"] = _provider({n: f"192.0.2.{host + 1} 255.255.255.252" for n, host in enumerate(wan.values(), 1)})
    files["CORE.cfg"] = (
        "hostname CORE\n"
        "interface Ethernet0/1\n ip address 10.1.0.1 255.255.255.0\n no shutdown\n"
        "interface Ethernet0/2\n ip address 10.0.0.3 255.255.255.0\n delay 20\n no shutdown\n"
        "router eigrp 1\n network 10.0.0.0\nend\n"
    )
    lans = {"CORE": "10.1.0"} | {f"BR{n}": f"10.20.{n}" for n in range(1, _SPOKES + 1)}
    wires = ["HQ1:Ethernet0/2", "HQ2:Ethernet0/2", "CORE:Ethernet0/2"]
    files["lab.yaml"] = _lab(list(wan), lans, wires)
    return loaded(*files.items())


def _of_two(name: str, host: int) -> str:
    number, is_hub = int(name[-1]), name.startswith("HQ")
    clouds = (number,) if is_hub else range(1, _HUBS + 1)
    tunnels = "".join(_tunnel(cloud, number, is_hub) for cloud in clouds)
    lan = f"Ethernet0/2\n ip address 10.0.0.{number}" if is_hub else f"Ethernet0/1\n ip address 10.20.{number}.1"
    own = "" if is_hub else " passive-interface Ethernet0/1\n eigrp stub connected summary\n"
    return f"""\
hostname {name}
{_IKE}interface Ethernet0/0
 ip address 192.0.2.{host} 255.255.255.252
 no shutdown
{tunnels}interface {lan} 255.255.255.0
 delay 20
 no shutdown
router eigrp 1
 network 10.0.0.0
{own}ip route 0.0.0.0 0.0.0.0 192.0.2.{host + 1}
end
"""


def _tunnel(cloud: int, number: int, is_hub: bool) -> str:
    server = f"192.0.2.{1 + 4 * (cloud - 1)}"
    spoke = (
        f" ip nhrp map 10.10{cloud}.0.1 {server}\n ip nhrp map multicast {server}\n ip nhrp nhs 10.10{cloud}.0.1\n"
        " ip nhrp shortcut\n tunnel protection ipsec profile DMVPN shared\n"
    )
    hub = (
        " ip nhrp map multicast dynamic\n ip nhrp redirect\n no ip split-horizon eigrp 1\n"
        " tunnel protection ipsec profile DMVPN\n"
    )
    return f"""\
interface Tunnel{cloud}0
 ip address 10.10{cloud}.0.{1 if is_hub else 10 + number} 255.255.255.0
 no ip redirects
 ip mtu 1400
 ip tcp adjust-mss 1360
 delay {1000 * cloud}
 ip nhrp authentication CLOUD{cloud}
 ip nhrp network-id 10{cloud}
 ip nhrp holdtime 600
 tunnel source Ethernet0/0
 tunnel mode gre multipoint
 tunnel key 10{cloud}
{hub if is_hub else spoke}"""


def _provider(ports: dict[int, str]) -> str:
    text = "".join(f"interface Ethernet0/{n}\n ip address {own}\n no shutdown\n" for n, own in ports.items())
    return f"hostname ISP\n{text}end\n"


def _lab(names: list[str], lans: dict[str, str], wire: list[str] | None = None) -> str:
    return "\n".join([*_lab_lines(names, lans, wire), ""])


def _lab_lines(names: list[str], lans: dict[str, str], wire: list[str] | None) -> Iterator[str]:
    yield "title: a guide"
    yield "routers:"
    for name in names:
        yield f"  {name}: {{role: {'hub' if name.startswith('H') else 'spoke'}}}"
    yield "  ISP: {role: provider}"
    yield from ("  CORE: {role: router}",) * (wire is not None)
    yield "links:"
    for number, name in enumerate(names, 1):
        yield f'  - ends: ["{name}:Ethernet0/0", "ISP:Ethernet0/{number}"]'
    if wire is not None:
        yield f"  - ends: {wire}"
    yield "hosts:"
    for name, lan in lans.items():
        yield f'  PC-{name}: {{link: "{name}:Ethernet0/1", address: {lan}.10/24, gateway: {lan}.1}}'


#: Virtual seconds until a router asks again how large packets may be.
FORGOTTEN = 700
NETWORKS: dict[str, Callable[[], Scenario]] = {
    **{name: partial(one_cloud, name) for name in ("rip", "eigrp", "ospf3", "bgp")},
    "ospf": partial(one_cloud, "ospf", protected=True),
    "two clouds": two_clouds,
}
#: Found are a router, the cause, and a line of the remedy.
FAULTS = read("guides")


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_out_of_a_guide_is_well(network: str) -> None:
    case = Case(NETWORKS[network](), 1)
    well = well_rows(case)
    assert all(pair in well.full for pair in case.pairs)
    assert visit(case.examined).findings == ()


@pytest.mark.parametrize("what", one_in(3, FAULTS))
def test_what_somebody_typed_is_named_and_the_lines_restore_the_network(what: str) -> None:
    fault = FAULTS[what]
    where, cause, line = fault.found
    case = Case(NETWORKS[fault.network](), 1)
    well = well_rows(case)
    for router, typed in fault.lines.items():
        case.bench.configure(router, typed)
    case.wait(180)
    assert worse(case.rows(), well)
    first = visit(case.examined).findings[0]
    assert (first.cause, first.router, first.advice) == (cause, where, False), first
    is_meant = cause is Cause.ROUTE_FILTERED  # perhaps: it is a question
    assert (first.certain, first.mild) == (not is_meant, is_meant), first
    assert line in first.fix
    if not first.is_complete or line == "peer SPOKE2":
        return  # a secret, that nobody can say
    case.bench.configure(first.router, first.fix)
    if "clear" in first.order:
        case.bench.ask([(first.router, first.order.rpartition(": ")[2])])
    case.wait(FORGOTTEN if cause is Cause.MTU else 180)
    case.rows()
    assert not worse(case.rows(), well)


def test_a_next_hop_of_ipv6_is_in_no_route_of_ipv4() -> None:
    case = Case(NETWORKS["eigrp"](), 1)
    case.bench.configure("ISP", ("interface Ethernet0/3", "no ip address", "ipv6 address 2001:db8:9::1/64"))
    case.bench.configure("SPOKE2", ("no ip route 0.0.0.0 0.0.0.0 100.64.3.1",))
    case.wait(60)
    first = visit(case.examined).findings[0]
    assert (first.cause, first.router, first.fix) == (
        Cause.MISSING_ROUTE,
        "SPOKE2",
        ("ip route 0.0.0.0 0.0.0.0 <next-hop>",),
    )


ODD = read("guides_odd")


@pytest.mark.parametrize("what", one_in(3, ODD))
def test_what_is_odd_and_works_is_not_accused(what: str) -> None:
    case = Case(NETWORKS[ODD[what].network](), 1)
    well = well_rows(case)
    for router, lines in ODD[what].lines.items():
        case.bench.configure(router, lines)
    case.wait(180)
    assert not worse(case.rows(), well)
    assert [one for one in visit(case.examined).findings if not one.advice] == []
