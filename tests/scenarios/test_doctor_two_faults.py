"""Two faults at once: what spoils large packets, or the next rekeying, hides nothing of what stops the tunnel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.causes import Cause
from dmvpn.shells.lab.badness import Badness
from dmvpn.tools.doctor import as_text, visit
from support.bench import WorldBench
from support.doctors import WorldPatient
from support.world import World

if TYPE_CHECKING:
    from dmvpn.tools.doctor import Diagnosis

NOTES = ("router eigrp GRE-OVERLAY", "address-family ipv4 unicast autonomous-system 100")
TUNNEL = "interface Tunnel100"
UNCLAMPED = (TUNNEL, "no ip tcp adjust-mss")
PASSWORD = (TUNNEL, "ip nhrp authentication NOTOURS", "shutdown", "no shutdown")
PASSIVE = (*NOTES, "af-interface Tunnel100", "passive-interface")


def examined(network: str, *changes: tuple[str, tuple[str, ...]], badness: Badness | None = None) -> Diagnosis:
    """What the doctor says some time after these lines were entered."""
    world = World(network).converge()
    world.run_for(20)
    bench = WorldBench(world)
    for router, lines in changes:
        bench.configure(router, lines)
    if badness is not None:
        bench.impair("R31:GigabitEthernet0/1", badness)
    world.run_for(120)
    return visit(WorldPatient(world))


def causes(diagnosis: Diagnosis) -> list[Cause]:
    """What it finds, the first one first."""
    return [one.cause for one in diagnosis.findings if not one.advice]


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (PASSWORD, Cause.AUTHENTICATION),
        (PASSIVE, Cause.PASSIVE_INTERFACE),
        ((*NOTES, "no network 10.0.0.0"), Cause.NETWORK_STATEMENT),
        ((TUNNEL, "no ip nhrp shortcut"), Cause.SHORTCUT),
    ],
)
def test_a_missing_clamp_of_tcp_does_not_hide_what_stops_the_pair(lines: tuple[str, ...], cause: Cause) -> None:
    """`no ip tcp adjust-mss` and a wrong NHRP password: the doctor spoke of TCP alone, and the spoke was away."""
    diagnosis = examined("notes-phase3", ("R31", UNCLAMPED), ("R31", lines))
    assert [one.cause for one in diagnosis.findings] == [cause, Cause.MSS]
    text = "\n".join(as_text(diagnosis))
    assert "besides:" in text or "advice:" in text
    assert "because of that" not in text


def test_a_filter_of_fragments_does_not_hide_a_wrong_password() -> None:
    lines = (TUNNEL, "ip mtu 1500")
    changes = [("R11", lines), ("R31", lines), ("R31", PASSWORD)]
    found = causes(examined("notes-phase3", *changes, badness=Badness(block=("fragments",))))
    assert found[0] is Cause.AUTHENTICATION
    assert Cause.FRAGMENTS_BLOCKED in found


def test_the_mode_of_ipsec_does_not_hide_a_passive_interface() -> None:
    mode = ("crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac", "mode tunnel")
    silent = ("router eigrp 100", "passive-interface Tunnel0")
    diagnosis = examined("intro-phase3", ("SPOKE10", mode), ("SPOKE10", silent))
    assert causes(diagnosis) == [Cause.PASSIVE_INTERFACE, Cause.MODE]


def test_what_nobody_can_explain_comes_before_a_missing_clamp_of_tcp() -> None:
    """A missing clamp explains no silence, so it is no reason not to speak of it."""
    world = World("notes-phase3").converge()
    world.run_for(20)
    WorldBench(world).configure("R31", UNCLAMPED)
    world.sim.segment_of("R31", "GigabitEthernet0/1").gate = lambda _from, _to, packet: packet[9] != 47
    world.run_for(60)
    assert causes(visit(WorldPatient(world), probing=False)) == [Cause.UNDECIDED, Cause.MSS]
