"""`lab capture` in a simulated lab: what passes any wire, in files that Wireshark opens, with keys where SAs are."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from dmvpn.base.errors import UserError
from dmvpn.net import gre, ip, pcap
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.shells import capture_files
from dmvpn.shells.capture_files import CaptureFile
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.simulator.capturing import SimulatedCapture
from dmvpn.shells.simulator.network import Impairment
from dmvpn.shells.simulator.programs.running import Programs
from support.labs import Labs, eventually
from support.pcap import dissected, read
from support.world import World


def packets(path: Path) -> list[ip.IpPacket]:
    """What a file holds."""
    found = read(path.read_bytes())
    assert found.link_type == pcap.LinkType.RAW
    return [ip.parse(frame.data) for frame in found.frames]


def pings(path: Path) -> int:
    """How many packets of a ping between H3 and H4 are in a file."""
    ends = {"10.3.3.100", "10.4.4.100"}
    return sum({str(packet.source), str(packet.destination)} == ends for packet in packets(path))


def ping(world: World) -> None:
    """Two requests from H3 to H4."""
    Programs(world.sim).start("H3", ["ping", "-c", "2", "-W", "1", "10.4.4.100"], 0.0)
    world.run_for(4)


def test_one_ping_is_seen_on_the_lan_in_the_tunnel_and_in_gre_on_the_underlay(tmp_path: Path) -> None:
    world = World("notes-phase3").converge()
    capture = SimulatedCapture(world.sim)
    files = capture.start([*world.sim.routers, *world.sim.hosts], tmp_path / "new")
    assert str(tmp_path / "new" / "R31-Tunnel100.pcap") in files
    ping(world)
    written = capture.stop()
    counts = written["files"]
    assert isinstance(counts, dict)
    assert (written["lost"], written["why"]) == (0, "")
    for name in ("H3-eth0", "H4-eth0", "R31-Gi0-2", "R31-Tunnel100", "R41-Tunnel100"):
        assert pings(tmp_path / "new" / f"{name}.pcap") == 4, name
    outer = packets(tmp_path / "new" / "R31-Gi0-1.pcap")
    assert pings(tmp_path / "new" / "R31-Gi0-1.pcap") == 0, "there they are in GRE"
    inner = [packet.payload for packet in outer if packet.protocol == IpProtocol.GRE]
    assert sum(gre.GreHeader.parse(each)[0].protocol_type == gre.ProtocolType.IPV4 for each in inner) >= 4
    assert counts[str(tmp_path / "new" / "R31-Gi0-1.pcap")] == len(outer)
    assert capture.start(["H3"], tmp_path / "again") == [str(tmp_path / "again" / "H3-eth0.pcap")]
    capture.stop()


def test_what_a_bad_wire_loses_is_in_the_file_of_its_sender_alone(tmp_path: Path) -> None:
    world = World("notes-phase3").converge()
    capture = SimulatedCapture(world.sim)
    capture.start(["H4", "R41"], tmp_path)
    world.sim.segment_of("R41", "GigabitEthernet0/2").impairment = Impairment.of(Badness(loss=100))
    ping(world)
    capture.stop()
    assert pings(tmp_path / "R41-Gi0-2.pcap") == 2
    assert pings(tmp_path / "H4-eth0.pcap") == 0


def test_times_in_a_capture_are_those_of_the_world(tmp_path: Path) -> None:
    world = World("notes-phase3").converge()
    capture = SimulatedCapture(world.sim)
    capture.start(["H3"], tmp_path)
    began = world.sim.epoch + world.sim.now
    ping(world)
    capture.stop()
    times = [frame.time_ns / 1e9 - began for frame in read((tmp_path / "H3-eth0.pcap").read_bytes()).frames]
    assert [round(time, 2) for time in times] == [0.0, 0.0, 1.0, 1.0]


def test_a_capture_that_cannot_begin_leaves_none_behind(tmp_path: Path) -> None:
    world = World("notes-phase3").converge()
    capture = SimulatedCapture(world.sim)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file: File exists"):
        capture.start(["H3"], tmp_path / "file")
    capture.start(["H3"], tmp_path / "good")
    with pytest.raises(UserError, match="a capture is running; 'dmvpn lab capture --stop' ends it"):
        capture.start(["H4"], tmp_path / "other")
    assert not (tmp_path / "other").exists()
    capture.stop()


def test_a_capture_file_has_a_largest_size_and_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_files, "LARGEST", 24 + 3 * (16 + 100))
    file = CaptureFile(tmp_path / "a.pcap")
    for number in range(5):
        file.write(bytes(100), number)
    file.close()
    assert (file.packets, file.lost, file.why) == (3, 2, "a file has at most 0 MiB")
    assert len(read((tmp_path / "a.pcap").read_bytes()).frames) == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_what_a_full_disk_did_not_take_is_counted_and_the_disk_named(tmp_path: Path) -> None:
    """Seen: 117 packets were said to be in a file that had 41, and ended in the middle of one."""
    (tmp_path / "a.pcap").symlink_to("/dev/full")
    file = CaptureFile(tmp_path / "a.pcap")
    for number in range(500):
        file.write(bytes(100), number)
    file.close()
    assert (file.packets, file.lost, file.why) == (0, 500, "No space left on device")


def test_a_tunnel_that_is_configured_later_is_captured_too(tmp_path: Path) -> None:
    world = World("notes-phase3").converge()
    capture = SimulatedCapture(world.sim)
    capture.start(["R31"], tmp_path)
    lines = ["interface Tunnel7", "ip address 10.77.0.1 255.255.255.0", "tunnel source GigabitEthernet0/1"]
    world.configure("R31", *lines, "tunnel destination 172.16.41.1", "tunnel key 7")
    lines = ["interface Tunnel7", "ip address 10.77.0.2 255.255.255.0", "tunnel source GigabitEthernet0/1"]
    world.configure("R41", *lines, "tunnel destination 172.16.31.1", "tunnel key 7")
    world.run_for(5)
    world.do("R31", "ping 10.77.0.2")
    capture.stop()
    found = packets(tmp_path / "R31-Tunnel7.pcap")
    assert any(isinstance(packet, Ipv4Packet) and str(packet.source) == "10.77.0.2" for packet in found)


def test_a_capture_with_keys_as_it_is_typed_can_be_read_by_wireshark(tmp_path: Path) -> None:
    with Labs() as labs:
        labs.up("intro-phase3", "--simulated")
        refused = labs.run("lab", "capture", "R99", "--output", str(tmp_path / "none"))
        assert refused.returncode == 1
        assert "there is no R99 in this lab; it has HUB, SPOKE10" in refused.stderr
        capturing = labs.start("lab", "capture", "HUB", "--keys", "--output", str(tmp_path))
        assert eventually(lambda: (tmp_path / "keys" / "preferences").exists())
        labs.on("SPOKE10", "clear crypto session")
        labs.on("SPOKE10", "clear dmvpn session static")
        assert eventually(lambda: "UP-ACTIVE" in labs.on("SPOKE10", "show crypto session"))
        labs.say("lab", "clock", "+30")
        labs.say("lab", "capture", "--stop")
        labs.say("lab", "down")
        capturing.communicate(timeout=60)
    keys = tmp_path / "keys"
    assert {table.name for table in keys.iterdir()} == {"esp_sa", "ikev2_decryption_table", "preferences"}
    assert all(stat.S_IMODE(table.stat().st_mode) == 0o600 for table in keys.iterdir())
    wire = tmp_path / "HUB-Gi1.pcap"
    assert {packet.protocol for packet in packets(wire)} == {IpProtocol.UDP}, "IKE and ESP, and nothing in clear"
    if shutil.which("tshark") is not None:
        assert "EIGRP" not in dissected(wire, tmp_path)
        assert "EIGRP" in dissected(wire, keys)
