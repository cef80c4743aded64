"""One wrong thing in course-lab, whose routers speak IKEv1: what the doctor finds, and what its lines heal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor import visit
from support.bench import WorldBench
from support.doctors import WorldPatient, no_advice
from support.secured import at
from support.typed import read
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.tools.doctor import Finding

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
    return [one.cause for one in visit(WorldPatient(world), router, one_end=True).hypotheses]


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
    WorldPatient(world).ask([(name, "clear crypto session") for name in ("HUB", "SPOKE1", "SPOKE2")])
    world.run_for(60)
    facts = WorldPatient(world).facts().routers["SPOKE1"]
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
