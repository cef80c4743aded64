"""`monitor capture` at a router's prompt: what passes an interface is a file in flash that Wireshark opens."""

from __future__ import annotations

import pytest

from dmvpn.base import shell
from dmvpn.net import ip, pcap
from dmvpn.shells import monitor
from support.pcap import Capture, read
from support.world import World

SPOKE, LAN_OF_OTHER = "R31", "10.4.4.1"


def captured(world: World, interface: str, direction: str, command: str) -> Capture:
    """What is exported of a capture during which a command runs."""
    said = world.do(
        SPOKE,
        f"monitor capture CAP interface {interface} {direction}",
        "monitor capture CAP match any",
        "monitor capture CAP start",
        command,
        "monitor capture CAP stop",
        "monitor capture CAP export flash:cap.pcap",
        "no monitor capture CAP",
    )
    assert "% " not in said.replace("Success rate is 100 percent", "")
    assert "Started capture point : CAP" in said
    assert said.endswith("Stopped capture point : CAP\nExported Successfully\n")
    return read(world.handle(SPOKE).flash.read_file("cap.pcap"))


def echoes(found: Capture) -> list[tuple[str, str]]:
    """Source and destination of the packets between the two ends of a ping."""
    packets = [ip.parse(frame.data) for frame in found.frames]
    ends = {"10.3.3.1", LAN_OF_OTHER}
    pairs = [(str(packet.source), str(packet.destination)) for packet in packets]
    return [pair for pair in pairs if set(pair) == ends]


PING = f"ping {LAN_OF_OTHER} source 10.3.3.1 repeat 3"
REQUEST, REPLY = ("10.3.3.1", LAN_OF_OTHER), (LAN_OF_OTHER, "10.3.3.1")


@pytest.mark.parametrize(
    ("direction", "seen"), [("both", [REQUEST, REPLY] * 3), ("out", [REQUEST] * 3), ("in", [REPLY] * 3)]
)
def test_a_ping_through_a_tunnel_is_in_the_exported_file(direction: str, seen: list[tuple[str, str]]) -> None:
    found = captured(World("notes-phase3").converge(), "Tunnel100", direction, PING)
    assert found.link_type == pcap.LinkType.RAW
    assert echoes(found) == seen


def test_a_capture_of_the_underlay_has_the_ping_in_gre() -> None:
    found = captured(World("notes-phase3").converge(), "GigabitEthernet0/1", "both", PING)
    assert len(found.frames) >= 6
    assert echoes(found) == []


def test_times_are_those_of_the_router() -> None:
    world = World("notes-phase3").converge()
    began = world.sim.epoch + world.now
    found = captured(world, "Tunnel100", "both", PING)
    assert all(began - 1 <= frame.time_ns / 1e9 <= world.sim.epoch + world.now for frame in found.frames)


def test_the_show_says_what_is_captured_and_how_much() -> None:
    world = World("notes-phase3").converge()
    assert world.do(SPOKE, "show monitor capture") == ""
    world.do(SPOKE, "monitor capture CAP interface Tunnel100 out", "monitor capture CAP match any")
    world.do(SPOKE, "monitor capture CAP start", PING)
    shown = world.do(SPOKE, "show monitor capture CAP").splitlines()
    assert shown[:6] == [
        "Status Information for Capture CAP",
        "  Target Type:",
        " Interface: Tunnel100, Direction: out",
        "   Status : Active",
        "  Filter Details:",
        "   Capture all packets",
    ]
    assert "   Packets dropped: 0" in shown
    assert "   Packets in buffer: 0" not in shown
    assert world.do(SPOKE, "show monitor capture OTHER") == ""
    world.do(SPOKE, "monitor capture CAP stop")
    assert "   Status : Inactive" in world.do(SPOKE, "show monitor capture")


def test_a_full_buffer_keeps_the_first_packets_and_counts_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "BUFFER", 300)
    world = World("notes-phase3").converge()
    world.do(SPOKE, "monitor capture CAP interface Tunnel100 both", "monitor capture CAP match any")
    world.do(SPOKE, "monitor capture CAP start", PING)
    shown = world.do(SPOKE, "show monitor capture")
    assert "Packets in buffer: 2\n" in shown
    assert "Packets dropped: 0" not in shown
    world.do(SPOKE, "monitor capture CAP stop", "monitor capture CAP export flash:cap.pcap")
    assert len(read(world.handle(SPOKE).flash.read_file("cap.pcap")).frames) == 2


def test_the_buffer_is_ten_megabytes() -> None:
    assert shell.BUFFER == 10 << 20


ORDERED = ("monitor capture CAP interface Tunnel100 both", "monitor capture CAP match any")
STARTED = (*ORDERED, "monitor capture CAP start")


@pytest.mark.parametrize(
    ("before", "typed", "said"),
    [
        ((), "monitor capture CAP start", "% Error: there is no capture CAP; monitor capture CAP interface"),
        ((), "no monitor capture CAP", "% Error: there is no capture CAP; "),
        ((), "monitor capture CAP interface Tunnel7 both", "% Error: there is no interface Tunnel7; show ip interface"),
        ((), "monitor capture CAP interface nonsense both", "% Invalid input detected at '^' marker."),
        ((), "monitor capture CAP match ipv4 any any", "% Error: a capture here takes every packet: match any; "),
        ((), "monitor capture", "% Incomplete command."),
        ((), "no monitor capture", "% Incomplete command."),
        (ORDERED[:1], ORDERED[0].replace("CAP", "B"), "% Error: one capture at a time: CAP is there; no monitor"),
        (
            ORDERED[:1],
            "monitor capture CAP start",
            "% Error: capture CAP is not complete; monitor capture CAP match any",
        ),
        (ORDERED[1:], "monitor capture CAP start", "capture CAP is not complete; monitor capture CAP interface"),
        (ORDERED, "monitor capture CAP stop", "% Error: capture CAP is not active; monitor capture CAP start"),
        (ORDERED, "monitor capture CAP export flash:a.pcap", "% Error: capture CAP was not started; monitor capture"),
        (STARTED, "monitor capture CAP start", "% Error: capture CAP is active; monitor capture CAP stop ends it"),
        (
            STARTED,
            "monitor capture CAP export flash:a.pcap",
            "% Error: capture CAP is active; monitor capture CAP stop",
        ),
        (STARTED, ORDERED[0].replace("both", "in"), "% Error: capture CAP is active; monitor capture CAP stop ends it"),
        (
            (*STARTED, "monitor capture CAP stop"),
            "monitor capture CAP export nvram:startup-config",
            "%Error opening nvram:startup-config (packets go into flash:NAME alone)",
        ),
        ((*STARTED, "monitor capture CAP stop"), "monitor capture CAP export flash:a/b", "% Invalid input detected"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(before: tuple[str, ...], typed: str, said: str) -> None:
    world = World("notes-phase3")
    world.run_for(1)
    for line in before:
        assert "% " not in world.do(SPOKE, line)
    answer = world.do(SPOKE, typed)
    assert said in answer
    assert len(world.handle(SPOKE).flash.files()) == 0


def test_a_capture_that_was_removed_listens_no_more_and_another_can_begin() -> None:
    world = World("notes-phase3").converge()
    world.do(SPOKE, *STARTED, "no monitor capture CAP")
    assert world.sim.captures == []
    assert "Started" in world.do(SPOKE, *(line.replace("CAP", "B") for line in STARTED))


def test_a_capture_with_the_same_settings_keeps_its_packets() -> None:
    world = World("notes-phase3").converge()
    world.do(SPOKE, *STARTED, PING, "monitor capture CAP stop", *ORDERED, "monitor capture CAP export flash:a.pcap")
    assert len(echoes(read(world.handle(SPOKE).flash.read_file("a.pcap")))) == 6
