"""`lab break`, `hint`, `grade`, `phase` and `save` as they are typed, in simulated labs: they need no privileges."""

from __future__ import annotations

import re
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.net import gre, ip, pcap
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.shells import capture_files
from dmvpn.shells.capture_files import CaptureFile
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.simulator.network import Impairment
from dmvpn.shells.simulator.programs.running import Programs
from dmvpn.shells.simulator.wallclock import SimulatedCapture
from support.labs import Labs, eventually
from support.pcap import dissected, read
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.shells.lab.control import Json

COMPLAINT = "What R31 sends to R41 takes the long way by the head office."


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    """notes-phase3."""
    with Labs() as labs:
        labs.up("notes-phase3", "--simulated")
        yield labs


def test_a_lesson_from_the_complaint_to_a_repair_of_another_kind(labs: Labs) -> None:
    said = labs.say("lab", "break", "shortcut-missing")
    assert f"\n  {COMPLAINT}\n" in said
    for router in ("R11", "R31", "R41"):  # only the broken one said "Last configuration change ... by console"
        running = labs.on(router, "show running-config")
        assert any(line.startswith("! Last") and line.endswith("by console") for line in running.splitlines())
        assert "ip host" not in running, "nothing is left of that"
    assert "CONFIG_I" not in labs.on("R31", "show logging")
    again = labs.run("lab", "break")
    assert again.returncode == 1
    assert COMPLAINT in again.stderr, "who came late is told what users report"
    assert [labs.say("lab", "hint")[:2] for _ in range(3)] == ["1.", "2.", "3."]
    assert "that was the last hint" in labs.run("lab", "hint").stderr
    worse = labs.run("lab", "grade")
    assert worse.returncode == 1
    assert "BAD   from R31: H4 (10.4.4.100) is reached by the short way: 3 hops, and it was 2\n" in worse.stdout
    assert "Not yet: 1 of 30 checks fail" in worse.stdout
    labs.configure("R31", "ip route 10.4.4.0 255.255.255.0 192.168.100.41")
    fixed = labs.say("lab", "grade")
    assert "\nFixed, with 3 hints. It was: A spoke takes no shortcuts.\n" in fixed
    assert "this lab has no fault to find" in labs.run("lab", "hint").stderr
    labs.say("lab", "reset")


def test_a_dead_router_answers_nobody_until_it_is_started_or_the_lab_reset(labs: Labs, tmp_path: Path) -> None:
    """A dead router answered with an empty configuration, so it ran, and `lab save` wrote that down."""
    labs.say("lab", "break", "hub-dead")
    assert "R11 is not running; 'dmvpn lab start R11' starts it" in labs.run("-r", "R11", "show", "version").stderr
    assert "BAD   R11 runs\n" in labs.run("lab", "grade").stdout
    assert "not saved: what R11 runs: it does not answer" in labs.say("lab", "save", tmp_path / "saved")
    assert "hostname R11" in (tmp_path / "saved" / "R11.cfg").read_text()
    labs.say("lab", "start", "R11")
    assert "hostname R11" in labs.on("R11", "show running-config")
    labs.say("lab", "kill", "R11")
    labs.say("lab", "reset")
    assert "R11              running" in labs.say("lab", "status")
    assert "this lab has no fault to find" in labs.run("lab", "grade").stderr


def test_a_phase_is_entered_everywhere_or_nowhere(labs: Labs) -> None:
    """R11 had its line when R41 turned out to be dead, and nobody was shown what had been typed."""
    before = labs.on("R11", "show running-config interface Tunnel100")
    labs.say("lab", "kill", "R41")
    refused = labs.run("lab", "phase", "2")
    assert refused.returncode == 1
    assert "R41 does not answer, so no router was changed; 'dmvpn lab start R41'" in refused.stderr
    assert labs.on("R11", "show running-config interface Tunnel100") == before
    labs.say("lab", "reset")


def test_a_phase_fixes_nothing_that_somebody_shall_find(labs: Labs) -> None:
    """It was "Fixed, without a hint"."""
    labs.say("lab", "break", "redirect-missing")
    assert "this lab has a fault to find" in labs.run("lab", "phase", "3").stderr
    assert "redirect" not in labs.on("R11", "show running-config interface Tunnel100")
    labs.say("lab", "reset")
    assert "already" in labs.say("lab", "phase", "3")


def test_a_hint_in_an_exercise_says_where_hints_are(labs: Labs) -> None:
    labs.up("exercise-05", "--simulated")
    said = labs.run("lab", "hint", "exercise-05").stderr
    assert "this lab is an exercise, not a fault: 'dmvpn lab grade' has a hint for each remaining task" in said
    labs.say("lab", "down", "exercise-05")


def test_a_folder_that_is_called_like_an_exercise_is_none(labs: Labs, tmp_path: Path) -> None:
    """Its own tasks were those of the exercise, and done."""
    labs.say("lab", "save", "notes-phase3", tmp_path / "exercise-05")
    said = labs.up(tmp_path / "exercise-05", "--simulated")
    assert "Your tasks" not in said
    assert "this lab has no fault to find" in labs.run("lab", "grade", "exercise-05").stderr
    listed = [line for line in labs.say("lab", "list").splitlines() if line.startswith("  exercise-05")]
    assert [" up " in line for line in listed] == [False, True]
    assert listed[1].endswith("(a folder of yours)")
    assert "another lab is called exercise-05" in labs.run("lab", "up", "exercise-05", "--simulated").stderr
    labs.say("lab", "down", "exercise-05")


def test_a_lab_goes_to_another_program_with_what_was_typed_and_comes_back(labs: Labs, tmp_path: Path) -> None:
    labs.configure("R31", "interface Loopback7", "ip address 10.7.7.7 255.255.255.255")
    said = labs.say("lab", "save", "notes-phase3", tmp_path / "clab", "--format", "containerlab", "--image", "mine:1")
    assert f"'dmvpn lab up {tmp_path / 'clab'}' brings it up again" in said
    assert "image: mine:1" in (tmp_path / "clab/notes-phase3.clab.yml").read_text()
    assert "converged" in labs.up(tmp_path / "clab", "--simulated")
    assert "10.7.7.7" in labs.on("clab/R31", "show running-config interface Loopback7")
    labs.say("lab", "down", "clab")
    refused = labs.run("lab", "save", "notes-phase3", tmp_path / "ours", "--node", "iosv")
    assert "name it with --format" in refused.stderr
    labs.configure("R31", "no interface Loopback7")


def test_a_reset_is_undone_with_its_fault_its_wires_its_files_and_its_dead_routers(labs: Labs) -> None:
    """What a reset took away was lost, and a student who pressed the button began again."""
    labs.say("lab", "break", "redirect-missing")
    labs.configure("R31", "interface Loopback7", "description mine")
    labs.on("R31", "copy running-config flash:mine.cfg")
    labs.say("lab", "impair", "R41:Gi0/1", "--delay", "30")
    labs.say("lab", "kill", "R41")
    before = labs.say("lab", "status")
    labs.say("lab", "reset")
    assert "has no fault to find" in labs.run("lab", "hint").stderr
    assert "was undone" in labs.say("lab", "reset", "--undo")
    assert labs.say("lab", "status") == before
    assert "description mine" in labs.on("R31", "show running-config")
    assert "mine.cfg" in labs.on("R31", "dir flash:")
    assert "redirect" not in labs.on("R11", "show running-config interface Tunnel100")
    assert labs.say("lab", "hint").startswith("1. ")
    assert "was not reset, or its reset was undone already" in labs.run("lab", "reset", "--undo").stderr
    labs.say("lab", "reset")


def test_a_lab_that_is_not_well_is_not_broken_further(labs: Labs, tmp_path: Path) -> None:
    """Nobody could tell what had been done to it, and every grade would be good."""
    labs.configure("R11", "interface Tunnel100", "shutdown")
    assert "the lab is not ready: " in labs.run("lab", "break").stderr
    labs.say("lab", "reset")
    end = "interface GigabitEthernet0/{}\n ip address {}\n!\n"
    tunnel = "interface Tunnel0\n ip address 10.0.0.{} 255.255.255.0\n ip nhrp network-id 1\n{}"
    tunnel += " tunnel source GigabitEthernet0/1\n tunnel mode gre multipoint\n!\n"
    for number, (name, lines) in enumerate({"HUB": "", "SPOKE": " ip nhrp nhs 10.0.0.1 nbma 192.0.2.1\n"}.items(), 1):
        ports = end.format(1, f"192.0.2.{number} 255.255.255.0") + end.format(2, f"10.{number}.0.1 255.255.255.0")
        (tmp_path / f"{name}.cfg").write_text(f"hostname {name}\n{tunnel.format(number, lines)}{ports}end\n")
    labs.up(tmp_path, "--simulated")
    assert "no site reaches another one" in labs.run("lab", "break", "--lab", tmp_path.name).stderr
    assert "this lab has no fault to find" in labs.run("lab", "grade", tmp_path.name).stderr
    labs.say("lab", "down", tmp_path.name)


# `lab capture` in a simulated lab: what passes any wire, in files that Wireshark opens, with keys where SAs are.


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
    with pytest.raises(UserError, match=r"a capture to .*good is running; 'dmvpn lab capture --stop' ends it"):
        capture.start(["H4"], tmp_path / "good")
    assert not (tmp_path / "good" / "H4-eth0.pcap").exists()
    with pytest.raises(UserError, match=r"no link H3:Gi7; there are\n  R11:Giga"):
        capture.start(["H3:Gi7"], tmp_path / "port")
    assert list(capture.running) == [tmp_path / "good"]
    capture.stop()


def test_captures_run_side_by_side_and_one_that_nobody_ends_ends_itself(tmp_path: Path) -> None:
    world = World("notes-phase3").converge()
    capture = SimulatedCapture(world.sim)
    port = capture.start(["R31:Gi0-2"], tmp_path / "port", most=24 + 4 * (16 + 84))
    capture.start(["R31", "H3"], tmp_path / "nodes", with_keys=True)
    capture.start(["H3"], tmp_path / "late", seconds=-1)
    with pytest.raises(UserError, match="a capture with keys is running"):
        capture.start(["H4"], tmp_path / "keys", with_keys=True)
    ping(world)
    assert port == [str(tmp_path / "port" / "R31-Gi0-2.pcap")]
    assert pings(Path(port[0])) == 4, "its reader finds each packet at once"
    ping(world)
    assert (capture.stop(tmp_path / "port")["files"], pings(Path(port[0]))) == ({port[0]: 4}, 4)
    assert list(capture.running) == [tmp_path / "nodes"]
    capture.stop()
    assert pings(tmp_path / "nodes" / "R31-Gi0-2.pcap") == 8
    assert pings(tmp_path / "late" / "H3-eth0.pcap") == 0


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


# `lab exec H3 ping|traceroute` in a simulated lab: words and output of Linux, packets through the simulated planes.


class Terminal:
    """At a host of a world."""

    def __init__(self, name: str = "notes-phase3") -> None:
        self.world = World(name).converge()
        self.programs = Programs(self.world.sim)

    def type(self, line: str, *, host: str = "H3", seconds: float = 60.0) -> tuple[str, int | None]:
        """What a command prints, and its exit code; after so many seconds Ctrl-C."""
        job = self.programs.start(host, line.split(), 0.0)
        self.world.wait_until(lambda: self.programs._jobs[job].program.code is not None, seconds)
        self.programs.interrupt(job)
        lines, code = self.programs.output(job, 0.0)
        return "\n".join(lines), code


@pytest.fixture(scope="module")
def terminal() -> Terminal:
    """At H3 of notes-phase3."""
    return Terminal()


def test_the_first_ping_builds_the_shortcut_and_the_second_takes_it() -> None:
    said, code = Terminal().type("ping -c 2 10.4.4.100")
    assert code == 0
    first, second = re.findall(r"^64 bytes from 10\.4\.4\.100: icmp_seq=\d ttl=(\d+) time=[\d.]+ ms$", said, re.M)
    assert (int(first), int(second)) == (61, 62), "by the hub, then past it"


def test_what_ping_prints_is_what_the_ping_of_linux_prints(terminal: Terminal) -> None:
    said, code = terminal.type("ping -c 3 -i 0.2 -s 100 10.4.4.100")
    assert code == 0
    lines = said.split("\n")
    assert lines[0] == "PING 10.4.4.100 (10.4.4.100) 100(128) bytes of data."
    assert re.fullmatch(r"108 bytes from 10\.4\.4\.100: icmp_seq=3 ttl=62 time=0\.\d{3} ms", lines[3])
    assert lines[4:7] == [
        "",
        "--- 10.4.4.100 ping statistics ---",
        "3 packets transmitted, 3 received, 0% packet loss, time 400ms",
    ]
    assert re.fullmatch(r"rtt min/avg/max/mdev = \d\.\d{3}/\d\.\d{3}/\d\.\d{3}/\d\.\d{3} ms", lines[7])


def test_traceroute_shows_the_routers_by_their_tunnel_addresses(terminal: Terminal) -> None:
    terminal.type("ping -c 2 10.4.4.100")
    said, code = terminal.type("traceroute 10.4.4.100")
    assert code == 0
    head, *hops = said.split("\n")
    assert head == "traceroute to 10.4.4.100 (10.4.4.100), 30 hops max, 60 byte packets"
    names = [re.sub(r"  [\d.]+ ms", " ms", hop) for hop in hops]
    assert names == [
        " 1  10.3.3.1 (10.3.3.1) ms ms ms",
        " 2  192.168.100.41 (192.168.100.41) ms ms ms",
        " 3  10.4.4.100 (10.4.4.100) ms ms ms",
    ]
    assert terminal.type("traceroute -n -I -q 1 10.4.4.100")[0].split("\n")[2].startswith(" 2  192.168.100.41  ")


@pytest.mark.parametrize(
    ("line", "expected", "code"),
    [
        ("ping -c 1 -t 1 10.4.4.100", "From 10.3.3.1 icmp_seq=1 Time to live exceeded", 1),
        ("ping -c 1 -M do -s 1472 10.4.4.100", "From 10.3.3.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)", 1),
        ("ping -c 2 -M do -s 1472 10.4.4.100", "ping: local error: message too long, mtu=1400", 1),
        ("ping -c 1 -M do -s 2000 10.4.4.100", "ping: local error: message too long, mtu=1500", 1),
        ("ping -c 1 -s 2000 10.4.4.100", "2008 bytes from 10.4.4.100: icmp_seq=1 ttl=62", 0),
        ("ping -c 1 -s 8 10.4.4.100", "16 bytes from 10.4.4.100: icmp_seq=1 ttl=62\n", 0),
        ("ping -c 1 10.3.3.77", "From 10.3.3.100 icmp_seq=1 Destination Host Unreachable", 1),
        ("ping -c 1 10.4.4.7", "From 192.168.100.41 icmp_seq=1 Destination Host Unreachable", 1),
        ("ping -c 3 -W 1 10.99.9.9", "3 packets transmitted, 0 received, 100% packet loss, time 2000ms", 1),
        ("ping -w 3 10.4.4.100", "3 packets transmitted, 3 received, 0% packet loss", 0),
        ("ping -q -c 2 10.4.4.100", "bytes of data.\n\n--- 10.4.4.100 ping statistics ---", 0),
        ("traceroute -F 10.4.4.100 1500", " 2  10.3.3.1 (10.3.3.1)  0.100 ms !F-1400", 0),
        ("traceroute -m 2 -w 1 10.99.9.9", "\n 2  * * *", 0),
        ("traceroute -n -q 1 10.4.4.7", " ms !H", 0),
    ],
)
def test_what_goes_wrong_is_said_as_linux_says_it(terminal: Terminal, line: str, expected: str, code: int) -> None:
    terminal.type("ping -c 2 10.4.4.100")  # so that there is a shortcut, whatever ran before
    said, ended = terminal.type(line)
    assert expected in said
    assert ended == code


def test_ctrl_c_ends_an_endless_ping_with_its_statistics(terminal: Terminal) -> None:
    said, code = terminal.type("ping 10.4.4.100", seconds=4.5)
    assert code == 0
    assert "5 packets transmitted, 5 received, 0% packet loss" in said


def test_pings_of_ipv6_work_as_well() -> None:
    to = "2001:db8:4::100"
    for name in ("ipv6-phase3", "dual-stack"):
        there = Terminal(name)
        said, code = there.type(f"ping -c 2 {to}")
        assert code == 0
        assert said.startswith(f"PING {to} ({to}) 56 data bytes\n64 bytes from {to}: icmp_seq=1 ttl=")
        assert f" 3  {to} ({to})  " in there.type(f"traceroute {to}")[0]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("ssh 10.4.4.100", "run ping and traceroute, and not ssh"),
        ("ping", "ping: which address"),
        ("ping H4", "ping: H4: hosts of a simulated lab know no names"),
        ("ping -f 10.4.4.100", "ping: option -f not recognized; at a simulated host it has -c -s "),
        ("ping -c banana 10.4.4.100", "ping: -c banana: a number from 1 to 1e"),
        ("ping -s 65508 10.4.4.100", "ping: -s 65508: a number from 0 to 65507"),
        ("ping -M maybe 10.4.4.100", "ping: -M maybe: do, want or dont"),
        ("ping -6 10.4.4.100", "ping: 10.4.4.100 is no IPv6 address"),
        ("ping -I 10.9.9.9 10.4.4.100", "10.9.9.9 is no address of this host; it has 10.3.3.100"),
        ("ping 224.0.0.5", "224.0.0.5 is the address of no single station"),
        ("ping 127.0.0.1", "127.0.0.1 is the host itself"),
        ("traceroute 10.4.4.100 60 61", "traceroute: 61: unexpected arguments"),
        ("traceroute -m 999 10.4.4.100", "traceroute: -m 999: a number from 1 to 255"),
    ],
)
def test_what_a_simulated_host_cannot_do_is_refused_in_one_line(terminal: Terminal, line: str, complaint: str) -> None:
    with pytest.raises(UserError) as refused:
        terminal.programs.start("H3", line.split(), 0.0)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_two_pings_at_one_host_do_not_take_each_others_answers(terminal: Terminal) -> None:
    one = terminal.programs.start("H3", ["ping", "-c", "3", "10.4.4.100"], 0.0)
    other = terminal.programs.start("H3", ["ping", "-c", "3", "10.1.1.100"], 0.0)
    terminal.world.run_for(10)
    for job in (one, other):
        lines, code = terminal.programs.output(job, 0.0)
        assert "3 packets transmitted, 3 received, 0% packet loss" in "\n".join(lines)
        assert code == 0


def test_a_ping_whose_terminal_is_gone_ends(terminal: Terminal) -> None:
    job = terminal.programs.start("H3", ["ping", "10.4.4.100"], 0.0)
    terminal.programs.prune(5.0)
    terminal.programs.output(job, 9.0)
    terminal.programs.prune(20.0)
    with pytest.raises(UserError, match="has ended"):
        terminal.programs.output(job, 20.0)


# ------------------------------------------------------------------------------------------------ bad wires


def bad(terminal: Terminal, **wrong: Json) -> None:
    """H4's wire is this bad from now on."""
    wire = terminal.world.sim.segment_of("H4", "eth0")
    wire.impairment = Impairment.of(Badness.read(wrong))


@pytest.mark.parametrize(
    ("wrong", "line", "expected"),
    [
        ({"loss": 100}, "ping -c 2 -W 1 10.4.4.100", "2 packets transmitted, 0 received, 100% packet loss"),
        ({"delay": 50}, "ping -c 2 10.4.4.100", r"icmp_seq=2 ttl=62 time=100 ms"),
        ({"delay": 50, "sender": "H4"}, "ping -c 2 10.4.4.100", r"icmp_seq=2 ttl=62 time=50\.\d ms"),
        ({"cut": 1}, "ping -c 2 -W 1 10.4.4.100", "100% packet loss"),
        ({"cut": 1, "sender": "R41"}, "ping -c 2 -W 1 10.4.4.100", "100% packet loss"),
        ({"rate": 8}, "ping -c 2 -s 72 10.4.4.100", r"icmp_seq=2 ttl=62 time=20\d ms"),
        ({"mtu": 1000}, "ping -c 2 -s 972 10.4.4.100", "2 received, 0% packet loss"),
        ({"mtu": 1000}, "ping -c 2 -W 1 -s 973 10.4.4.100", "0 received, 100% packet loss"),
        ({"block": ["icmp"]}, "ping -c 2 -W 1 10.4.4.100", "0 received, 100% packet loss"),
        ({"loss": 30}, "ping -c 100 -i 0.1 -W 1 10.4.4.100", r"\b[3-6]\d received"),
    ],
)
def test_a_bad_wire_does_to_a_ping_what_it_says(
    terminal: Terminal, wrong: dict[str, Json], line: str, expected: str
) -> None:
    bad(terminal)
    terminal.type("ping -c 2 10.4.4.100")
    bad(terminal, **wrong)
    said, _ = terminal.type(line)
    bad(terminal)
    assert re.search(expected, said), said


# ------------------------------------------------------------------------------------------------ as it is typed


@pytest.fixture(scope="module")
def simulated_labs() -> Iterator[Labs]:
    """notes-phase3, simulated, in a process of its own."""
    with Labs() as labs:
        labs.up("notes-phase3", "--simulated")
        yield labs


def test_exec_pings_from_a_host_of_a_simulated_lab_and_the_spokes_have_a_shortcut_then(simulated_labs: Labs) -> None:
    assert "2 received" in simulated_labs.say("lab", "exec", "H3", "ping", "-c", "2", "-i", "0.3", "10.4.4.100")
    assert "10.4.4.0/24 via 192.168.100.41" in simulated_labs.on("R31", "show ip nhrp")
    lost = simulated_labs.run("lab", "exec", "H3", "ping", "-c", "1", "-W", "0.2", "10.99.9.9")
    assert (lost.returncode, lost.stderr) == (1, "")
    assert "1 packets transmitted, 0 received, 100% packet loss" in lost.stdout


def test_exec_at_a_router_of_a_simulated_lab_names_the_command_that_works(simulated_labs: Labs) -> None:
    refused = simulated_labs.run("lab", "exec", "R31", "ping", "10.4.4.100")
    assert refused.returncode == 1
    assert refused.stderr == (
        "dmvpn: R31 is a router: 'dmvpn -r R31 ping ADDRESS' is for those; hosts of this lab: H1, H3, H4\n"
    )
    assert (
        "there is no host H9 in this lab; it has H1, H3, H4" in simulated_labs.run("lab", "exec", "H9", "ping").stderr
    )
