"""The doctor in networks with IPsec, of both versions of IKE, and the move from one to the other."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.proofs.networks import Case, well_rows
from dmvpn.network.device import Device
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.to_ikev2 import Stage, plan
from support.bench import WorldBench
from support.doctors import ExaminedWorld, no_advice
from support.odd import CLOUD, STATIC, TWO, Odd, case_of
from support.secured import at, ike_sas, states
from support.typed import read
from support.vrf_faults import cloud
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.tools.doctor.verdicts import Finding

TYPED = read("protected")
HUB, SPOKE10 = "198.51.100.1", "203.0.113.10"
_MULTIPOINT = " tunnel mode gre multipoint\n"


@pytest.mark.parametrize("what", TYPED)
def test_one_wrong_line_is_named(what: str) -> None:
    router, cause, words = TYPED[what].found
    world = World(TYPED[what].network, change=TYPED[what].change)
    world.run_for(40)
    finding = visit(ExaminedWorld(world), "SPOKE10").findings[0]
    assert (finding.cause, finding.router) == (cause, router), finding
    assert any(words in text for text in (finding.what, *finding.evidence)), finding
    assert states(world, "SPOKE10")[HUB] == TYPED[what].settings["state"]
    assert SPOKE10 not in states(world, "HUB")


def test_a_filter_that_lets_ike_through_and_not_esp_is_named() -> None:
    world = World("intro-phase3")
    marker = bytes(4)  # before IKE in UDP 4500, RFC 3948 §2.2
    world.sim.segment_of("SPOKE10", "GigabitEthernet1").gate = lambda _from, _to, packet: (
        packet[9] == 17 and (packet[22:24] != (4500).to_bytes(2, "big") or packet[28:32] == marker)
    )
    world.run_for(40)
    finding = visit(ExaminedWorld(world), "SPOKE10").findings[0]
    assert finding.cause is Cause.NAT_T_BLOCKED
    assert states(world, "SPOKE10")[HUB] == "NHRP"


def test_a_point_to_point_spoke_has_no_shortcut_and_the_others_show_what_they_asked_for() -> None:
    world = World("intro-phase3", change=at("SPOKE10", (_MULTIPOINT, " tunnel destination 198.51.100.1\n"))).converge()
    assert world.stream("H20", "192.168.10.100", seconds=2, rate=5) == 10
    lines = world.lines("SPOKE20", "dmvpn detail")
    place = lines.index("    1 UNKNOWN          192.168.10.100   IKE    never    IX  192.168.10.100/32")
    assert lines[place + 1] == "     the address cannot be resolved (administratively prohibited(4))"


# One wrong thing in course-lab, whose routers speak IKEv1: what the doctor finds, and what its lines heal.

IKEV1 = read("ikev1_lines")
SECRET = "YOUR_SECRET_KEY"
KEY = f"crypto isakmp key {SECRET} address 0.0.0.0\n"
KEY_OF_ANOTHER = f"crypto isakmp key {SECRET} address 192.168.3.1\n"
GROUP = " authentication pre-share\n group 14\n"
#: The same keys in a keyring, which a profile names.
PROFILE = f"""\
crypto keyring KR
 pre-shared-key address 0.0.0.0 0.0.0.0 key {SECRET}
!
crypto isakmp profile P
 keyring KR
 match identity address 0.0.0.0
!
"""


def by_profile(change: Callable[[str, str], str]) -> Callable[[str, str], str]:
    """Return a change after which all tunnels use an isakmp profile."""
    uses = (" set pfs group14\n", " set pfs group14\n set isakmp-profile P\n")
    return lambda name, text: change(name, text.replace(KEY, PROFILE).replace(*uses))


def after(change: Callable[[str, str], str]) -> World:
    """Return course-lab with other configurations, two minutes after its start."""
    world = World("course-lab", change=change)
    world.run_for(120)
    return world


def suspected(world: World, router: str = "SPOKE1") -> list[Cause]:
    """Return the causes that the doctor suspects from one end, the likeliest first."""
    return [one.cause for one in visit(ExaminedWorld(world), router, one_end=True).hypotheses]


def heal(world: World, finding: Finding) -> None:
    """Enter the lines of a finding, with the secret, and let timers act."""
    WorldBench(world).configure(finding.router, [line.replace("<secret>", SECRET) for line in finding.fix])
    world.run_for(180)


def of_udp(packet: bytes, port: int) -> bool:
    """Return whether an IPv4 packet is of UDP to this port."""
    return packet[9] == 17 and packet[22:24] == port.to_bytes(2, "big")


@pytest.mark.parametrize("what", IKEV1)
def test_a_wrong_line_of_ikev1_is_named_and_its_remedy_heals(what: str) -> None:
    change = IKEV1[what].change
    world = after(by_profile(change) if IKEV1[what].settings else change)
    finding = no_advice(world)[0]
    router, cause, fix = IKEV1[what].found
    assert (finding.cause, finding.router) == (cause, router), finding
    assert fix in finding.fix
    heal(world, finding)
    assert no_advice(world) == []


@pytest.mark.parametrize("router", ["HUB", "SPOKE1"])
def test_a_router_with_run_as_ikev2_is_well_among_speakers_of_ikev1(router: str) -> None:
    lines = "crypto isakmp policy 10\n"
    assert no_advice(after(at(router, (lines, f"crypto isakmp run-as ikev2\n{lines}")))) == []


def test_a_filter_of_udp_500_is_named_where_pings_pass() -> None:
    world = World("course-lab")
    world.sim.segment_of("SPOKE1", "GigabitEthernet0/0").gate = lambda _from, _to, packet: not of_udp(packet, 500)
    world.run_for(120)
    finding = no_advice(world)[0]
    assert (finding.cause, finding.router) == (Cause.IKE_BLOCKED, "SPOKE1"), finding
    assert finding.what == "pings pass between SPOKE1 and HUB, and IKE (UDP port 500) does not"
    assert Cause.IKE_BLOCKED in suspected(world)[:3]


def test_a_filter_that_lets_ikev1_through_and_not_esp_is_named() -> None:
    world = World("course-lab")
    marker = bytes(4)  # before IKE in UDP 4500, RFC 3948 §2.2
    world.sim.segment_of("SPOKE1", "GigabitEthernet0/0").gate = lambda _from, _to, packet: (
        packet[9] != 50 and (not of_udp(packet, 4500) or packet[28:32] == marker)
    )
    world.run_for(120)
    assert no_advice(world)[0].cause is Cause.NAT_T_BLOCKED


def test_of_two_pairs_of_sas_that_carry_a_direction_each_none_is_called_blocked() -> None:
    """Both ends of IKEv1 may begin at once, after `clear crypto session`: each sends on its own pair. The doctor looked
    at one pair alone, and called UDP port 4500 blocked in each network whose sessions were cleared.
    """
    world = after(lambda _, text: text)
    ExaminedWorld(world).ask([(name, "clear crypto session") for name in ("HUB", "SPOKE1", "SPOKE2")])
    world.run_for(60)
    facts = ExaminedWorld(world).facts().routers["SPOKE1"]
    assert facts is not None
    assert any(not one.received and one.sent > 3 for one in facts.sas), "the case is one"
    assert no_advice(world) == []
    assert not {Cause.NAT_T_BLOCKED, Cause.ESP_BLOCKED} & {*suspected(world)}


def test_a_spoke_whose_proof_is_not_answered_suspects_its_key_first() -> None:
    assert suspected(after(at("SPOKE1", (SECRET, "WRONG"))))[0] is Cause.PSK


def test_a_spoke_whose_first_message_is_not_answered_suspects_that_the_hub_has_no_key_for_it() -> None:
    assert Cause.PSK_MISSING in suspected(after(at("HUB", (KEY, KEY_OF_ANOTHER))))


def test_of_a_hub_without_perfect_forward_secrecy_the_doctor_says_that_the_spoke_has_to_begin() -> None:
    """It takes what the spokes ask for; they do not take what it asks for."""
    world = after(at("HUB", (" set pfs group14\n", "")))
    finding = no_advice(world)[0]
    assert (finding.cause, finding.router) == (Cause.PFS, "HUB"), finding
    assert finding.what.startswith("HUB has no perfect forward secrecy, and SPOKE1 has set pfs group14: ")
    assert finding.what.endswith("by IKEv1 all SAs are, unless only the end that begins has a group")
    heal(world, finding)
    assert no_advice(world) == []


def in_ikev1(name: str, text: str) -> str:
    """Return a configuration with the lines of IKEv1 in place of a keyring and a profile of IKEv2."""
    policy = f"crypto isakmp policy 10\n encryption aes 256\n{GROUP}!\n"
    text = re.sub(r"^crypto ikev2 keyring.*(?=^crypto ipsec transform-set)", policy + KEY, text, flags=re.M | re.S)
    return re.sub(r"^ set ikev2-profile .*\n", "", text, flags=re.M)


def test_a_filter_of_udp_4500_is_told_from_another_key_behind_a_translator() -> None:
    blocked = World("ipsec-spoke-behind-nat", change=in_ikev1)
    blocked.sim.segment_of("R31", "GigabitEthernet0/1").gate = lambda _from, _to, packet: not of_udp(packet, 4500)
    blocked.run_for(120)
    finding = no_advice(blocked)[0]
    assert (finding.cause, finding.router) == (Cause.NAT_T_BLOCKED, "R31"), finding
    assert Cause.NAT_T_BLOCKED in suspected(blocked, "R31")[:3]

    other = World(
        "ipsec-spoke-behind-nat", change=lambda name, text: at("R31", (SECRET, "WRONG"))(name, in_ikev1("", text))
    )
    other.run_for(120)
    assert (no_advice(other)[0].cause, no_advice(other)[0].router) == (Cause.PSK, "R31")


def test_two_spokes_of_which_one_has_no_key_for_the_other_are_told_apart() -> None:
    world = after(at("SPOKE1", (KEY, f"crypto isakmp key {SECRET} address 192.168.1.1\n")))
    world.stream("H2", "10.3.0.100", seconds=10, rate=2)
    finding = no_advice(world)[0]
    assert (finding.cause, finding.router) == (Cause.PSK_MISSING, "SPOKE1"), finding
    assert finding.fix == ("crypto isakmp key <secret> address 192.168.3.1",)


def test_a_tunnel_that_names_no_ikev2_profile_that_exists_is_given_the_one_of_the_other_end() -> None:
    name = (" set ikev2-profile IKEV2-DMVPN\n", " set ikev2-profile NONE\n")
    world = World("intro-phase3", change=at("SPOKE10", name))
    world.run_for(60)
    finding = no_advice(world)[0]
    assert (finding.cause, finding.router) == (Cause.PROFILE, "SPOKE10"), finding
    assert finding.fix == ("crypto ipsec profile IPSEC-DMVPN", "set ikev2-profile IKEV2-DMVPN")
    heal(world, finding)
    assert no_advice(world) == []


def test_a_spoke_that_begins_with_ikev1_at_a_hub_of_ikev2_is_to_run_its_lines_as_ikev2() -> None:
    key = "crypto isakmp key Demo-Key-1 address 0.0.0.0\n"
    world = World(
        "ipsec-spoke-behind-nat",
        change=lambda name, text: in_ikev1("", text).replace(KEY, key) if name == "R31" else text,
    )
    world.run_for(120)
    finding = no_advice(world)[0]
    assert (finding.router, finding.fix) == ("R31", ("crypto isakmp run-as ikev2",)), finding
    heal(world, finding)
    assert no_advice(world) == []


def test_a_spoke_whose_key_becomes_another_is_examined_alone_when_both_ends_have_begun() -> None:
    """`dmvpn doctor SPOKE1 --one-end` ended with `tuple index out of range`."""
    world = World("isakmp-phase3").converge()
    world.run_for(20)
    key = "crypto isakmp key Demo-Key-1 address 0.0.0.0"
    WorldBench(world).configure("SPOKE1", [f"no {key}", key.replace("Demo-Key-1", "another")])
    for router in ("SPOKE1", "HUB"):
        world.do(router, "clear crypto session")
    world.run_for(180)
    assert Cause.PSK in suspected(world)[:3]


# A network whose tunnels begin with IKEv1 moves to IKEv2 by the steps of `dmvpn import --to-ikev2`, while it works.
#
# The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.

ROUTERS = ("HUB", "SPOKE1", "SPOKE2")
PAIRS = (("H2", "10.1.0.100"), ("H2", "10.3.0.100"), ("H3", "10.1.0.100"))
RATE = 20
#: While routers negotiate again, which takes a second at most.
MOST_LOST = RATE * len(PAIRS)


def with_profiles(router: str, text: str) -> str:
    """Name the key of the course lab in a keyring, by an isakmp profile."""
    if router not in ROUTERS:
        return text
    key = "crypto isakmp key YOUR_SECRET_KEY address 0.0.0.0\n"
    profile = (
        "crypto keyring KEYS\n pre-shared-key address 0.0.0.0 0.0.0.0 key YOUR_SECRET_KEY\n"
        "crypto isakmp profile ALL\n keyring KEYS\n match identity address 0.0.0.0\n"
    )
    assert key in text
    return text.replace(key, profile).replace("set pfs group14", "set pfs group14\n set isakmp-profile ALL")


def with_keepalives(router: str, text: str) -> str:
    """Let routers ask whether their peers live, as IKEv1 does it."""
    return text.replace("crypto isakmp key", "crypto isakmp keepalive 10 3 periodic\ncrypto isakmp key", 1)


def as_ikev2(router: str, text: str) -> str:
    """Let isakmp lines run as IKEv2, as lint advised."""
    return text.replace("crypto isakmp key", "crypto isakmp run-as ikev2\ncrypto isakmp key", 1)


def as_it_is(_router: str, text: str) -> str:
    return text


def devices(world: World) -> list[Device]:
    return [Device.read(f"{name}.cfg", world.scenario.configurations[name]) for name in ROUTERS]


@pytest.mark.parametrize("change", [as_it_is, with_profiles, with_keepalives, as_ikev2])
def test_every_spoke_is_registered_and_protected_after_every_single_step(change: Callable[[str, str], str]) -> None:
    world = World("course-lab", change=change).converge()
    world.run_for(10)
    found = plan(devices(world))
    assert [step.stage for step in found.steps] == [*[Stage.ANSWER] * 3, *[Stage.BEGIN] * 3, *[Stage.REMOVE] * 3]
    for step in found.steps:
        before = [len(world.replies(host)) for host in ("H2", "H3")]
        for number in range(12 * RATE):
            if number == RATE:
                refused = world.configure(step.router, *step.lines)
                assert "%" not in refused, refused
                world.do(step.router, *([step.then] if step.then else []))
            for host, far in PAIRS:
                world.ping(host, far, number)
            world.run_for(1 / RATE)
        world.run_for(1)
        got = [len(world.replies(host)) for host in ("H2", "H3")]
        lost = 12 * RATE * len(PAIRS) - (sum(got) - sum(before))
        assert lost <= (MOST_LOST if step.then else 0), (step.router, step.stage, lost)
        assert world.lacks() == [], step
        if step.stage is not Stage.ANSWER and step.router == "HUB":
            assert not any("QM_IDLE" in world.show(router, "crypto isakmp sa") for router in ROUTERS), step
    for router in ROUTERS:
        left = [line for line in world.lines(router, "running-config") if line.startswith("crypto")]
        assert "isakmp" not in " ".join(left), router
    assert ike_sas(world, "SPOKE1", "192.168.1.1")
    assert ike_sas(world, "SPOKE1", "192.168.3.1"), "the direct tunnel, too"


def test_a_network_behind_front_doors_moves_with_match_fvrf() -> None:
    """It could not be moved: keys of a `crypto keyring ... vrf` were not found, and the profiles were for any VRF."""
    world = World.of(cloud("ospf-ikev1"))
    world.run_for(60)
    moving = plan([Device.read(f"{name}.cfg", text) for name, text in world.scenario.configurations.items()])
    assert moving.remains == ()
    answers = next(step.lines for step in moving.steps if step.router == "S1")
    assert "crypto ikev2 keyring IKEV2-INTERNET" in answers
    assert answers[answers.index("crypto ikev2 profile IKEV2-INTERNET") + 1] == " match fvrf INTERNET"
    for step in moving.steps:
        assert "%" not in world.configure(step.router, *step.lines)
        world.do(step.router, *([step.then] if step.then else []))
        world.run_for(20)
    world.run_for(60)
    assert not any("isakmp" in line for line in world.sim.routers["S1"].router.running.render())
    assert "READY" in world.do("S1", "show crypto ikev2 sa")
    world.ping("H-S1", "10.20.12.100")
    world.run_for(1)
    assert world.replies("H-S1")


def with_filter(router: str, text: str) -> str:
    """Let in IKE, ESP and nothing else from the provider."""
    if router not in ROUTERS:
        return text
    entries = "".join(f" permit {one}\n" for one in ("udp any any eq isakmp", "udp any any eq 4500", "esp any any"))
    port = next(line for line in text.splitlines() if line.strip().startswith("tunnel source")).split()[-1]
    head = f"ip access-list extended WAN-IN\n{entries}"
    return head + text.replace(f"interface {port}\n", f"interface {port}\n ip access-group WAN-IN in\n")


def test_access_lists_stay_as_they_are_for_both_versions_use_the_same_ports() -> None:
    world = World("course-lab", change=with_filter).converge()
    found = plan(devices(world))
    assert not any("access-" in line for step in found.steps for line in step.lines)
    for text in found.configurations.values():
        assert "ip access-group WAN-IN in" in text
        assert "permit udp any any eq isakmp" in text
    for step in found.steps:
        world.configure(step.router, *step.lines)
        world.do(step.router, *([step.then] if step.then else []))
        world.run_for(20)
    assert world.lacks() == []
    assert ike_sas(world, "SPOKE1", "192.168.1.1")


# An inbound list on the WAN that cuts tunnels: the doctor names the list and the entry, and its lines heal.

IKE, UDP, ESP = "permit udp any any eq isakmp", "permit udp any any eq non500-isakmp", "permit esp any any"


def under(router: str, *entries: str, scenario: str = "intro-phase3", port: str = "GigabitEthernet1") -> World:
    """Return a network with a list on the WAN of one router, two minutes after its start."""
    lines = "\n ".join(("ip access-list extended WAN-IN", *entries))
    there = f"interface {port}\n"
    world = World(scenario, change=at(router, (there, f"{lines}\n!\n{there} ip access-group WAN-IN in\n")))
    world.run_for(120)
    return world


@pytest.mark.parametrize(
    ("router", "entries", "denied", "fix"),
    [
        ("SPOKE10", (ESP, "deny icmp any any"), f"the implicit deny at its end, {IKE}", IKE),
        ("SPOKE10", (IKE, "deny ip any any log"), f"entry 20, {ESP}", f"15 {ESP}"),
        ("SPOKE10", (IKE, "deny esp any any", "deny udp any any eq 4500"), f"entry 20, {ESP}", f"15 {ESP}"),
        ("HUB", (ESP, UDP), f"the implicit deny at its end, {IKE}", IKE),
        ("HUB", ("deny ip host 203.0.113.10 any", "permit ip any any"), "entry 10", f"5 {IKE}"),
    ],
)
def test_the_entry_that_cuts_a_tunnel_is_named_and_the_lines_heal(
    router: str, entries: tuple[str, ...], denied: str, fix: str
) -> None:
    world = under(router, *entries)
    finding = next(one for one in visit(ExaminedWorld(world)).findings if not one.advice)
    assert (finding.cause, finding.router) == (Cause.LIST_CUTS_TUNNEL, router), finding
    entry = denied.partition(", permit")[0]
    assert f"access list WAN-IN, {entry}, inbound on GigabitEthernet1, denies" in finding.what
    if "host" not in entries[0]:
        assert finding.fix[-1] == fix
        WorldBench(world).configure(router, list(finding.fix))
        assert world.wait_until(lambda: world.lacks() == [], limit=120), world.lacks()


@pytest.mark.parametrize("entries", [(IKE, ESP), (IKE, UDP), ("permit ip any any",)])
def test_lists_that_leave_the_tunnel_a_way_are_no_finding(entries: tuple[str, ...]) -> None:
    world = under("SPOKE10", *entries, "permit icmp any any")
    assert visit(ExaminedWorld(world)).healthy
    assert visit(ExaminedWorld(world), "SPOKE10", one_end=True).healthy


def test_one_router_alone_knows_which_entry_cuts_its_tunnel() -> None:
    world = under("SPOKE10", ESP)
    first = visit(ExaminedWorld(world), "SPOKE10", one_end=True).hypotheses[0]
    assert first.cause is Cause.LIST_CUTS_TUNNEL
    assert "denies IKE (UDP port 500) from 198.51.100.1" in first.why


def test_a_list_without_gre_cuts_a_tunnel_in_clear() -> None:
    world = under("SPOKE1", "permit icmp any any", scenario="phase2-eigrp", port="GigabitEthernet0/1")
    finding = next(one for one in visit(ExaminedWorld(world)).findings if not one.advice)
    assert (finding.cause, finding.router, finding.fix[-1]) == (Cause.LIST_CUTS_TUNNEL, "SPOKE1", "permit gre any any")


def test_with_nat_on_the_way_a_list_without_udp_4500_is_named() -> None:
    world = under("R31", IKE, ESP, scenario="ipsec-spoke-behind-nat", port="GigabitEthernet0/1")
    finding = next(one for one in visit(ExaminedWorld(world)).findings if not one.advice)
    assert (finding.cause, finding.router, finding.fix[-1]) == (Cause.LIST_CUTS_TUNNEL, "R31", UDP)


# Of two ends that do not fit the doctor names the one that is wrong: of a narrow way, of two masks, of a gateway.

PORT = "GigabitEthernet0/1"


def first(odd: Odd) -> Finding:
    """What the doctor says first."""
    return visit(case_of(odd).examined).findings[0]


@pytest.mark.parametrize(
    ("odd", "router"),
    [
        (Odd(CLOUD, {}, {f"HUB1:{PORT}": Badness(mtu=1200)}), "HUB1"),
        (Odd(CLOUD, {}, {f"S2:{PORT}": Badness(mtu=1200)}), "S2"),
        (Odd(TWO, {}, {f"HUB2:{PORT}": Badness(mtu=1200)}), "HUB2"),
        (Odd(TWO, {}, {f"S1:{PORT}": Badness(mtu=1200)}), "S1"),
    ],
    ids=["the hub", "a spoke", "one of two hubs", "a spoke of two hubs"],
)
def test_of_a_narrow_way_the_narrow_end_is_named_and_how_much_passes(odd: Odd, router: str) -> None:
    """Every client of a hub with a narrow wire was accused, with lines for its own tunnel."""
    found = first(odd)
    assert (found.cause, found.router) == (Cause.PATH_MTU, router)
    assert found.order.startswith("1200 octets pass: 'ip mtu' of 11")


@pytest.mark.parametrize("end", ["S1", "HUB1"])
def test_of_a_narrow_way_of_one_spoke_alone_the_gateways_decide(end: str) -> None:
    lonely = {"S2": ("interface Tunnel0", "shutdown")}
    odd = Odd(replace(STATIC, spokes=2), lonely, {f"{end}:{PORT}": Badness(mtu=1200)})
    found = next(one for one in visit(case_of(odd).examined).findings if one.cause is Cause.PATH_MTU)
    assert found.router == end


def test_where_pieces_get_lost_the_end_that_makes_them_is_named() -> None:
    """The spoke was to change, whose tunnel makes none."""
    lines = {"HUB1": ("interface Tunnel0", "ip mtu 1500")}
    found = first(Odd(CLOUD, lines, {f"HUB1:{PORT}": Badness(block=("fragments",))}))
    assert (found.cause, found.router) == (Cause.FRAGMENTS_BLOCKED, "HUB1")


@pytest.mark.parametrize(
    ("router", "port", "address"), [("TRANSPORT", "GigabitEthernet0/2", "198.51.100.6"), ("S1", PORT, "198.51.100.5")]
)
@pytest.mark.parametrize("mask", ["255.255.255.254", "255.255.255.255"])
def test_of_two_masks_the_one_that_no_other_wire_has_is_wrong(router: str, port: str, address: str, mask: str) -> None:
    """The spoke was to take the provider's wrong mask for its own."""
    found = first(Odd(CLOUD, {router: (f"interface {port}", f"ip address {address} {mask}")}))
    assert (found.cause, found.router) == (Cause.WRONG_MASK, router)
    assert found.fix == (f"interface {port}", f"ip address {address} 255.255.255.252")


@pytest.mark.parametrize("without", ["HUB1", "S1"])
def test_of_two_routers_the_one_without_a_password_gets_one(without: str) -> None:
    """The spoke was to remove its password where the hub had none, which lets strangers in."""
    pair = replace(CLOUD, spokes=1, authentication=True)
    lines = ("interface Tunnel0", "no ip nhrp authentication", "shutdown", "no shutdown")
    found = first(Odd(pair, {without: lines}))
    assert (found.cause, found.router) == (Cause.AUTHENTICATION, without)
    assert found.fix == ("interface Tunnel0", "ip nhrp authentication <secret>")


@pytest.mark.parametrize("gateway", ["10.33.3.1", "10.3.3.100", "10.3.3.255"])
def test_a_host_whose_gateway_cannot_be_one_is_named_and_not_its_router(gateway: str) -> None:
    """R31 was to take an address that is in no network of its own."""
    given = Scenario.load("notes-phase3")
    host = given.lab.hosts["H3"].model_copy(update={"gateway": IPv4Address(gateway), "address": f"10.3.3.100/{24}"})
    lab = given.lab.model_copy(update={"hosts": {**given.lab.hosts, "H3": host}})
    world = World.of(Scenario(given.name, lab, given.configurations))
    world.run_for(60)
    (found,) = [one for one in visit(ExaminedWorld(world)).findings if not one.advice]
    assert found.cause is Cause.HOST_GATEWAY
    assert found.what.startswith("the host H3 (10.3.3.100/24) sends to the gateway")
    assert (found.fix, found.order) == ((), "give the host H3 the gateway 10.3.3.1")


def test_a_host_that_does_not_answer_its_own_router_is_looked_for_at_its_wire() -> None:
    """All steps between the sites were well, so nothing was said to be broken."""
    case = Case(Scenario.load("notes-phase3"), 1)
    well_rows(case)
    assert visit(case.examined).healthy
    case.bench.impair("R31:GigabitEthernet0/2", Badness(cut=True))
    case.wait(60)
    (found,) = [one for one in visit(case.examined).findings if not one.advice]
    assert (found.cause, found.router, found.certain) == (Cause.LINK_CUT, "R31", True)
    assert found.what == "H3 (10.3.3.100) does not answer at GigabitEthernet0/2 of R31"
