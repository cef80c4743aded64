"""Lessons with real packets: filters on a wire, a lab that is broken and fixed, reset, saved, and of another phase."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from dmvpn.shells.lab.places import LESSON
from support.labs import Labs, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]

#: A wire that gets a relay, or loses it, is a link that goes down and comes back.
RECOVERY = 20.0


@pytest.fixture(scope="module")
def clear() -> Iterator[Labs]:
    """notes-phase3: nothing is encrypted, so filters see what there is."""
    with Labs() as labs:
        labs.up("notes-phase3")
        yield labs


@pytest.fixture(scope="module")
def protected() -> Iterator[Labs]:
    """intro-phase3."""
    with Labs() as labs:
        labs.up("intro-phase3")
        yield labs


def pings(labs: Labs, router: str, line: str) -> bool:
    """Does anything come back?"""
    return "!" in labs.on(router, f"ping {line} repeat 2 timeout 1").split("seconds:")[1]


def test_blocked_gre_takes_the_tunnel_and_leaves_the_underlay(clear: Labs) -> None:
    clear.say("lab", "impair", "R31:Gi0/1", "--block", "gre")
    assert eventually(lambda: pings(clear, "R31", "172.16.11.1"), RECOVERY)
    assert not pings(clear, "R31", "192.168.100.11")
    assert "  block gre\n" in clear.say("lab", "status")
    clear.say("lab", "reset")
    assert eventually(lambda: pings(clear, "R31", "192.168.100.11"), RECOVERY)


def test_one_way_loss_concerns_what_the_named_end_sends(clear: Labs) -> None:
    """What R41 sends arrives at its provider; what the provider sends does not arrive at R41."""
    clear.say("lab", "impair", "TRANSPORT:Gi0/3", "--loss", "100", "--one-way")
    before = received(clear, "TRANSPORT", "Gi0-3"), received(clear, "R41", "Gi0-1")
    assert eventually(lambda: received(clear, "TRANSPORT", "Gi0-3") > before[0] + 3, RECOVERY)
    assert received(clear, "R41", "Gi0-1") == before[1]
    clear.say("lab", "reset")
    assert eventually(lambda: pings(clear, "R41", "192.168.100.11"), RECOVERY)


def received(labs: Labs, router: str, port: str) -> int:
    """Frames that came in by a port."""
    lines = labs.say("lab", "exec", router, "cat", "/proc/net/dev").splitlines()
    return next(int(line.split()[2]) for line in lines if line.strip().startswith(f"{port}:"))


def test_blocked_fragments_take_large_packets_and_leave_small_ones(clear: Labs) -> None:
    for router in ("R11", "R31"):
        clear.configure(router, "interface Tunnel100", "ip mtu 1500")
    large = "10.1.1.100 source 10.3.3.1 size 1500"
    assert eventually(lambda: pings(clear, "R31", large), RECOVERY)
    clear.say("lab", "impair", "R31:Gi0/1", "--block", "fragments")
    assert eventually(lambda: pings(clear, "R31", "10.1.1.100 source 10.3.3.1"), RECOVERY)
    assert not pings(clear, "R31", large)
    clear.say("lab", "reset")
    assert "ip mtu 1400" in clear.on("R31", "show running-config interface Tunnel100")


@pytest.mark.slow
def test_a_broken_lab_keeps_its_secret_and_says_when_it_is_fixed(protected: Labs) -> None:
    said = protected.say("lab", "break", "esp-blocked")
    assert "SPOKE10 is cut off" in said
    assert "esp" not in said.lower()
    status = protected.say("lab", "status")
    assert "block" not in status
    assert "esp-blocked" not in status
    assert protected.run("lab", "break").returncode == 1
    first, second = protected.say("lab", "hint"), protected.say("lab", "hint")
    assert (first[:2], second[:2]) == ("1.", "2.")
    failed = protected.run("lab", "grade")
    assert failed.returncode == 1
    assert "BAD   from SPOKE10: H20 (192.168.20.100) is reached\n" in failed.stdout
    protected.say("lab", "impair", "SPOKE10:Gi1")
    assert eventually(lambda: pings(protected, "SPOKE10", "10.0.0.1"), RECOVERY)
    assert eventually(lambda: protected.run("lab", "grade").returncode == 0, 60.0)
    assert "nothing is broken here" in protected.run("lab", "grade").stderr


def test_reset_ends_a_lesson_and_brings_the_dead_back(protected: Labs) -> None:
    protected.say("lab", "break", "hub-dead")
    folder = protected.folder / "dmvpn" / "labs" / "intro-phase3"
    assert stat.S_IMODE((folder / LESSON).stat().st_mode) == 0o600
    assert "DEAD" in protected.say("lab", "status")
    protected.say("lab", "reset")
    assert not (folder / LESSON).exists()
    assert "DEAD" not in protected.say("lab", "status")
    assert pings(protected, "SPOKE10", "10.0.0.1")


def test_a_saved_lab_comes_up_as_it_was(clear: Labs, tmp_path: Path) -> None:
    clear.configure("R31", "interface Tunnel100", "no ip nhrp shortcut")
    clear.say("lab", "impair", "R41:Gi0/1", "--delay", "7")
    clear.say("lab", "save", tmp_path / "again")
    clear.say("lab", "reset")
    clear.up(tmp_path / "again", "--simulated")
    assert "shortcut" not in clear.say("-r", "again/R31", "show running-config interface Tunnel100")
    assert "  delay 7\n" in clear.say("lab", "status", "again")
    clear.say("lab", "impair", "R41:Gi0/1", "--lab", "again")
    assert "delay" not in clear.say("lab", "status", "again")
    clear.say("lab", "reset", "again")
    assert "  delay 7\n" in clear.say("lab", "status", "again"), "links are what the scenario says, not perfect"
    clear.say("lab", "down", "again")


@pytest.mark.slow
def test_a_lab_changes_its_phase_and_shows_the_lines(clear: Labs) -> None:
    said = clear.say("lab", "phase", "1")
    assert "+ tunnel destination 172.16.11.1\n" in said
    assert "from R31: H4 (10.4.4.100): 2 hops before, 3 hops now" in said
    assert "already" in clear.say("lab", "phase", "1")
    clear.say("lab", "reset")


@pytest.mark.slow
def test_a_symmetric_translator_may_be_put_in_the_place_of_another_one(translates: None) -> None:
    """Between two routers behind NAT the direct way needs ports that stay the same; `lab reset` brings those back."""
    with Labs() as labs:
        labs.up("ipsec-both-behind-nat")
        labs.say("lab", "break", "nat-symmetric")
        failed = labs.run("lab", "grade")
        assert "BAD   from R31: H4 (10.4.4.100) is reached by the short way: 3 hops, and it was 2" in failed.stdout
        assert "symmetric" not in labs.say("lab", "status")
        assert "symmetric" in labs.say("lab", "rebind", "NAT1", "--kind", "symmetric")
        labs.say("lab", "reset")
        assert "symmetric" not in labs.say("lab", "status")
