"""The scenarios of the notes with real packets, through the command line that people type."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.net.gre import GreHeader, ProtocolType
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from support.command import SOURCE
from support.labs import Labs, eventually, hops
from support.pcap import dissected, frames, network_layer
from support.services import TUN_FOR_ALL

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]

HUB, R31, R41 = "192.168.100.11", "192.168.100.31", "192.168.100.41"
NOBODY = 65534


@dataclass(frozen=True)
class Story:
    """The phase-3 lab, and what its commands printed in the order in which they were typed.

    entries: of R31 in `show ip nhrp detail`, afterwards, before any test has changed anything.
    """

    labs: Labs
    up: str
    first: str
    second: str
    back: str
    entries: str


@pytest.fixture(scope="module")
def phase3() -> Iterator[Story]:
    """`lab up notes-phase3`, traceroute twice, and once from the other side."""
    with Labs() as labs:
        trace = "traceroute 10.4.4.1 source 10.3.3.1"
        up, first = labs.up("notes-phase3"), labs.on("R31", trace)
        # The shortcut comes some milliseconds behind the packet that asks for it.
        assert eventually(lambda: "DT1" in labs.on("R31", "show dmvpn").replace(" ", ""), 30)
        second = labs.on("R31", trace)
        back = labs.on("R41", "traceroute 10.3.3.1 source 10.4.4.1")
        # The flag `used` comes with the next look at the traffic counters.
        assert eventually(lambda: "used nhop rib" in labs.on("R31", "show ip nhrp detail"), 30)
        yield Story(labs, up, first, second, back, labs.on("R31", "show ip nhrp detail"))


@pytest.fixture
def settled(phase3: Story) -> Labs:
    """The lab of the story, whose spokes reach each other's LAN, whatever the tests before have done to it."""
    labs = phase3.labs
    assert eventually(lambda: all(reaches(labs, *pair) for pair in (("R31", "10.4.4.0"), ("R41", "10.3.3.0"))), 60)
    return labs


def reaches(labs: Labs, router: str, lan: str) -> bool:
    """Has a router a route to a LAN, and the hub a route back to its own?"""
    own = {"R31": "10.3.3.0", "R41": "10.4.4.0"}[router]
    asked = ((router, lan), ("R11", own))
    return all(f"{prefix}/24 [90/" in labs.run("-r", name, "show", "ip", "route").stdout for name, prefix in asked)


def rows(printed: str) -> list[list[str]]:
    """The words of the rows of `show dmvpn detail` behind the address columns: state and what follows."""
    lines = printed.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("# Ent")) + 2
    return [line.split()[-4:] for line in lines[start : lines.index("", start)]]


# --------------------------------------------------------------------------------------------------------- the story


def test_lab_up_ends_with_a_picture_the_addresses_and_the_next_commands(phase3: Story) -> None:
    assert "| Tunnel100 192.168.100.31/24 |" in phase3.up
    assert "H4 10.4.4.100/24" in phase3.up
    *_, timing, one, two, three = phase3.up.splitlines()
    assert re.fullmatch(r"up and converged in \d+\.\d s \(real packets\)\. Next:", timing)
    assert [one, two, three] == [
        "  dmvpn -r R31 traceroute 10.4.4.1 source 10.3.3.1",
        "  dmvpn -r R31 show dmvpn detail",
        "  dmvpn shell R31",
    ]


def test_the_first_traceroute_goes_by_the_hub_and_the_second_directly(phase3: Story) -> None:
    assert hops(phase3.first) == [HUB, R41]
    assert hops(phase3.second) == [R41]
    assert hops(phase3.back) == [R31]


def test_show_ip_nhrp_detail_has_the_flags_and_the_requester(phase3: Story) -> None:
    printed = phase3.entries
    assert re.findall(r"Flags: (.*) $", printed, re.MULTILINE) == [
        "router unique local",
        "router rib nho",
        "used",
        "router used nhop rib",
    ]
    assert printed.count("   Preference: 255 \n") == 4
    assert "    (no-socket) \n  Requester: 192.168.100.41 Request ID: 2 \n" in printed


def test_show_version_has_the_true_figures_of_this_machine(phase3: Story) -> None:
    printed = phase3.labs.on("R31", "show version")
    total = re.search(r"MemTotal: +(\d+) kB", Path("/proc/meminfo").read_text())
    assert total is not None
    assert f"{total[1]}K bytes of physical memory." in printed
    assert "2 Gigabit Ethernet interfaces" in printed
    assert "Processor board ID 0000000000" not in printed


def test_interfaces_count_what_passed(phase3: Story) -> None:
    def carries_more_than(interface: str, packets: int) -> bool:
        printed = phase3.labs.on("R31", f"show interfaces {interface}")
        counts = re.findall(r"^     (\d+) packets", printed, re.MULTILINE)
        return all(int(count) > packets for count in counts)

    for interface in ("Tunnel100", "GigabitEthernet0/1"):
        assert eventually(partial(carries_more_than, interface, 4), 30)


def test_a_refused_command_ends_with_1_and_the_caret(phase3: Story) -> None:
    result = phase3.labs.run("-r", "R31", "show", "ip", "nrhp")
    assert result.returncode == 1
    assert result.stdout.splitlines()[:3] == ["show ip nrhp", "         ^", "% Invalid input detected at '^' marker."]


def test_a_program_of_a_host_runs_in_its_network_and_its_exit_code_comes_back(phase3: Story) -> None:
    labs = phase3.labs
    interfaces = labs.say("lab", "exec", "R31", "cat", "/proc/net/dev")
    assert "Tunnel100:" in interfaces
    assert "Gi0-1:" in interfaces
    assert "Tunnel100:" not in labs.say("lab", "exec", "H3", "cat", "/proc/net/dev")
    assert labs.run("lab", "exec", "H3", "sh", "-c", "exit 3").returncode == 3
    missing = labs.run("lab", "exec", "H3", "/no/such/program")
    assert (missing.returncode, missing.stderr) == (127, "dmvpn: /no/such/program: No such file or directory\n")
    assert labs.run("lab", "exec", "H3", "no-such-program").stderr == "dmvpn: no-such-program: not installed\n"
    assert "there is no H9 in this lab; it has R11, R31" in labs.run("lab", "exec", "H9", "true").stderr


def test_a_thousand_packets_a_second_lose_none_while_the_shortcut_is_built(settled: Labs) -> None:
    labs = settled
    for router in ("R31", "R41"):
        labs.on(router, "clear ip nhrp")
    assert len(rows(labs.on("R31", "show dmvpn detail"))) == 1
    echoes = labs.stream("H3", "10.4.4.100", count=3000, seconds=3)
    assert (echoes.sent, echoes.answered) == (3000, 3000)
    assert ["DT2", "10.4.4.0/24"] in [row[2:] for row in rows(labs.on("R31", "show dmvpn detail"))]


def test_a_capture_has_the_nhrp_packets_in_files_that_any_tool_reads(settled: Labs, tmp_path: Path) -> None:
    labs = settled
    capturing = labs.start("lab", "capture", "--all", "--output", str(tmp_path), "--seconds", "1.5")
    assert eventually(lambda: (tmp_path / "H4-eth0.pcap").exists())
    labs.on("R31", "clear ip nhrp")
    labs.on("R31", "ping 10.4.4.1 source 10.3.3.1")
    printed, _ = capturing.communicate(timeout=20)
    assert capturing.returncode == 0, printed
    assert {path.name for path in tmp_path.iterdir()} >= {"R11-Gi0-1.pcap", "R31-Tunnel100.pcap", "H3-eth0.pcap"}
    assert all(path.stat().st_size >= 24 for path in tmp_path.iterdir())
    kinds = [kind for kind in map(gre_kind, frames(tmp_path / "R31-Gi0-1.pcap")) if kind is not None]
    assert ProtocolType.NHRP in kinds
    assert ProtocolType.IPV4 in kinds


def gre_kind(frame: tuple[int, bytes]) -> int | None:
    """What the GRE packet in a captured frame carries; None: it is no GRE packet."""
    layer = network_layer(*frame)
    if layer is None or layer[0] != ProtocolType.IPV4:
        return None
    packet = Ipv4Packet.parse(layer[1])
    return GreHeader.parse(packet.payload)[0].protocol_type if packet.protocol == IpProtocol.GRE else None


def test_impairments_delay_cut_and_are_taken_back(settled: Labs) -> None:
    labs = settled
    labs.say("lab", "impair", "R41:GigabitEthernet0/1", "--delay", "30")
    delayed = labs.on("R41", "ping 192.168.100.11 repeat 3")
    times = re.search(r"min/avg/max = (\d+)/(\d+)/(\d+) ms", delayed)
    assert times is not None
    assert int(times[1]) >= 60
    labs.say("lab", "impair", "R41:Gi0/1", "--cut")
    assert "Success rate is 0 percent (0/1)" in labs.on("R41", "ping 192.168.100.11 repeat 1 timeout 1")
    assert "  cut\n" in labs.say("lab", "status")
    labs.say("lab", "impair", "R41:Gi0/1")
    assert "!!!" in labs.on("R41", "ping 192.168.100.11 repeat 3")
    assert "cut" not in labs.say("lab", "status")


# ------------------------------------------------------------------------------------- what happens to its routers


def test_a_killed_router_is_dead_and_registers_again_when_it_is_started(settled: Labs) -> None:
    labs = settled
    labs.say("lab", "kill", "R41")
    assert re.search(r"R41 +DEAD", labs.say("lab", "status"))
    dead = labs.run("-r", "R41", "show", "clock")
    assert dead.returncode == 1
    assert "no router is running there" in dead.stderr
    assert "R41 is not running" in labs.run("lab", "kill", "R41").stderr
    labs.say("lab", "start", "R41")
    assert eventually(lambda: "  UP " in labs.run("-r", "R41", "show", "dmvpn").stdout)
    assert eventually(lambda: "10.3.3.0/24 [90/52992000]" in labs.on("R41", "show ip route eigrp"), 10)


_LOG_SERVER = """
import socket
server = socket.create_server(("", 1514))
print("listens", flush=True)
connection, _ = server.accept()
print(connection.makefile().readline(), end="")
"""


def test_a_log_host_reads_the_log_over_tcp(settled: Labs) -> None:
    labs = settled
    server = labs.start("lab", "exec", "H3", sys.executable, "-c", _LOG_SERVER)
    assert server.stdout is not None
    assert server.stdout.readline() == "listens\n"
    labs.configure("R31", "logging host 10.3.3.100 transport tcp port 1514", "logging origin-id hostname")
    said, _ = server.communicate(timeout=40)
    labs.configure("R31", "no logging host 10.3.3.100 transport tcp port 1514", "no logging origin-id")
    assert re.fullmatch(r"<\d+>\d+: R31: .*%[A-Z0-9_]+-\d-[A-Z0-9_]+: .*\n", said)


def test_what_was_written_outlives_a_kill_and_not_a_reset(settled: Labs) -> None:
    labs = settled
    labs.configure("R41", "interface Loopback7", "description kept")
    assert "[OK]" in labs.on("R41", "write memory")
    labs.configure("R41", "interface Loopback8")
    labs.say("lab", "kill", "R41")
    labs.say("lab", "start", "R41")
    assert eventually(lambda: labs.run("-r", "R41", "show", "clock").returncode == 0)
    assert "interface Loopback7\n description kept\n" in labs.on("R41", "show running-config")
    assert "Loopback8" not in labs.on("R41", "show running-config")
    labs.say("lab", "reset")
    assert eventually(lambda: labs.run("-r", "R41", "show", "clock").returncode == 0)
    assert "Loopback7" not in labs.on("R41", "show running-config")
    labs.say("lab", "reset", "--undo")
    assert eventually(lambda: labs.run("-r", "R41", "show", "clock").returncode == 0)
    assert "interface Loopback7\n description kept\n" in labs.on("R41", "show running-config")
    labs.say("lab", "reset")
    assert eventually(lambda: labs.run("-r", "R41", "show", "clock").returncode == 0)
    assert eventually(lambda: "  UP " in labs.on("R41", "show dmvpn"))


def test_a_pasted_configuration_may_have_a_wrong_line_and_the_rest_is_taken(settled: Labs) -> None:
    labs = settled
    before = labs.on("R31", "show running-config | section interface Tunnel100")
    result = labs.run(
        "-r", "R31", "-", typed="configure terminal\ninterface Tunnel100\ntunnel mode gre multiprotocol\nend\n"
    )
    assert result.returncode == 1
    assert "% Invalid input detected at '^' marker." in result.stdout
    assert labs.on("R31", "show running-config | section interface Tunnel100") == before
    assert "  UP " in labs.on("R31", "show dmvpn")


# ----------------------------------------------------------------------------------------------------- several labs


def test_two_labs_at_once_do_not_collide(labs: Labs, tmp_path: Path) -> None:
    labs.up("notes-phase1")
    labs.up("notes-gre", "--record", tmp_path / "life.jsonl")
    listed = labs.say("lab", "list")
    assert re.search(r"notes-gre +up", listed)
    assert re.search(r"notes-phase1 +up", listed)
    unclear = labs.run("-r", "R31", "show", "clock")
    assert unclear.returncode == 1
    both = "the labs notes-gre and notes-phase1 have R31: say which, as in 'dmvpn -r notes-gre/R31 show clock'"
    assert both in unclear.stderr
    assert labs.on("R41", "show clock")  # one of them alone has such a router
    # Equal addresses, equal names, different networks.
    phase1 = labs.on("notes-phase1/R31", "traceroute 10.4.4.1 source 10.3.3.1")
    assert hops(phase1) == hops(labs.on("notes-phase1/R31", "traceroute 10.4.4.1 source 10.3.3.1")) == [HUB, R41]
    assert hops(labs.on("notes-gre/R11", "traceroute 10.3.3.3 source 10.1.1.1")) == [R31]
    assert "10.3.3.0/24 [90/27392000] via 192.168.100.31" in labs.on("notes-gre/R11", "show ip route eigrp")
    tunnel = labs.on("notes-gre/R11", "show interfaces Tunnel100")
    assert "Tunnel100 is up, line protocol is up" in tunnel
    assert "  Keepalive set (5 sec), retries 3\n" in tunnel
    assert "up already" in labs.up("notes-gre")
    labs.say("lab", "down", "notes-gre")
    assert labs.running() == ["notes-phase1"]
    assert "  UP " in labs.on("R31", "show dmvpn")
    # What a real router was told can be lived again.
    for recording in sorted(tmp_path.glob("life.*.jsonl")):
        assert "as recorded" in labs.say("replay", recording)
    labs.say("lab", "down")
    assert labs.running() == []
    assert eventually(lambda: labs.processes() == [])


def test_a_killed_supervisor_leaves_nothing_behind(labs: Labs) -> None:
    def interfaces() -> list[str]:
        return sorted(path.name for path in Path("/sys/class/net").iterdir())

    before = interfaces()
    labs.up("notes-phase3")
    sleeping = labs.start("lab", "exec", "H3", "sleep", "1000")
    assert eventually(lambda: len(labs.processes()) >= 6)
    os.kill(labs.supervisor("notes-phase3"), signal.SIGKILL)
    sleeping.communicate(timeout=5)
    assert eventually(lambda: labs.processes() == [])
    assert interfaces() == before
    gone = labs.run("-r", "R31", "show", "clock")
    assert gone.returncode == 1
    assert "no lab is up" in gone.stderr
    assert not re.search(r"notes-phase3 +up", labs.say("lab", "list"))
    labs.up("notes-phase3")
    assert "  UP " in labs.on("R31", "show dmvpn")


def test_a_configuration_that_does_not_read_starts_nothing_if_that_is_asked_for(labs: Labs, tmp_path: Path) -> None:
    shutil.copytree(SOURCE / "dmvpn" / "scenarios" / "notes-gre", tmp_path / "mine")
    bad = (tmp_path / "mine" / "R31.cfg").read_text().replace(" keepalive 5 3", " keepalive five")
    (tmp_path / "mine" / "R31.cfg").write_text(bad)
    result = labs.run("lab", "up", tmp_path / "mine", "--strict")
    assert result.returncode == 1
    assert "% Invalid input detected at '^' marker." in result.stderr
    assert labs.running() == []
    assert labs.processes() == []


# ---------------------------------------------------------------------------------------------------- without root


@cache
def interpreter_for_everybody() -> str | None:
    """A Python like ours that any user may run; None if there is none. Ours may lie in somebody's home."""
    wanted = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for candidate in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")):
        if candidate is None:
            continue
        try:
            result = subprocess.run([candidate, "-c", wanted], user=NOBODY, group=NOBODY, extra_groups=[], check=False)
        except OSError:
            continue
        if result.returncode == 0:
            return candidate
    return None


def test_nobody_needs_root(labs: Labs) -> None:
    """The same story as an ordinary user: lab, traceroute twice, exec, down."""
    if os.geteuid() != 0:
        pytest.skip("pytest does not run as root, so all of this file is that test")
    python = interpreter_for_everybody()
    if python is None:
        pytest.skip("no Python here that an ordinary user may run")
    os.chown(labs.folder, NOBODY, NOBODY)
    packages = [path for path in sys.path if path.endswith("site-packages")]
    environment = {
        "PATH": "/usr/bin:/bin",
        "XDG_RUNTIME_DIR": str(labs.folder),
        "PYTHONPATH": ":".join([str(SOURCE), *packages]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    as_nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")

    def run(*words: str) -> str:
        result = subprocess.run(
            ["unshare", "-m", *TUN_FOR_ALL, *as_nobody, python, "-m", "dmvpn", *words],
            env=environment,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, (words, result.stdout, result.stderr)
        return result.stdout

    assert "NO " not in run("lab", "check")
    try:
        run("lab", "up", "notes-phase3")
        assert hops(run("-r", "R31", "traceroute", "10.4.4.1", "source", "10.3.3.1")) == [HUB, R41]
        assert hops(run("-r", "R31", "traceroute", "10.4.4.1", "source", "10.3.3.1")) == [R41]
        assert run("lab", "exec", "H3", "id", "-u") == "0\n"
        assert "Tunnel100:" in run("lab", "exec", "R31", "cat", "/proc/net/dev")
        run("lab", "impair", "R31:Gi0/1", "--delay", "5")
    finally:
        assert run("lab", "down") == "lab notes-phase3 is down\n"
    assert eventually(lambda: labs.processes() == [])


def test_a_lab_that_is_up_is_shown_again_and_one_of_another_kind_is_refused(labs: Labs) -> None:
    labs.up("notes-gre", "--simulated")
    assert "up already" in labs.up("notes-gre", "--simulated")
    refused = labs.run("lab", "up", "notes-gre")
    assert refused.returncode == 1
    assert refused.stderr == "dmvpn: lab notes-gre is up already; 'dmvpn lab down notes-gre' ends it\n"


def test_a_simulated_lab_can_be_recorded_and_lives_again(labs: Labs, tmp_path: Path) -> None:
    life = tmp_path / "life.jsonl"
    labs.up("notes-gre", "--simulated", "--record", life)
    labs.say("lab", "clock", "+1h")
    labs.say("lab", "down")
    assert labs.say("replay", life).rstrip().endswith("as recorded")


# A capture of a protected lab with its keys: all is encrypted on the wire, and Wireshark reads it all the same.


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_a_capture_with_keys_can_be_read_and_its_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    with Labs() as labs:
        labs.up("intro-phase3")
        capturing = labs.start("lab", "capture", "HUB", "--keys", "--output", str(tmp_path), "--seconds", "3")
        assert eventually(lambda: (tmp_path / "keys" / "esp_sa").exists())
        labs.on("SPOKE10", "clear crypto session")
        assert eventually(lambda: "UP-ACTIVE" in labs.on("SPOKE10", "show crypto session"))
        labs.on("SPOKE10", "clear dmvpn session static")
        printed, _ = capturing.communicate(timeout=20)
        assert capturing.returncode == 0, printed
        written = labs.on("HUB", "show logging | include KEYS")
    assert written.count("%CRYPTO-4-KEYS_WRITTEN") == 2  # it began, and it ended
    tables = list((tmp_path / "keys").iterdir())
    assert {table.name for table in tables} == {"esp_sa", "ikev2_decryption_table", "preferences"}
    assert all(stat.S_IMODE(table.stat().st_mode) == 0o600 for table in tables)
    wire = tmp_path / "HUB-Gi1.pcap"
    assert "NHRP" not in dissected(wire, tmp_path)
    assert "NHRP Registration Reply" in dissected(wire, tmp_path / "keys")
