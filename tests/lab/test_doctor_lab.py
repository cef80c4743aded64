"""The doctor, walks and lessons in a lab with real packets."""

from __future__ import annotations

import contextlib
import json
import signal
import stat
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import WireError
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.shells.lab.places import LESSON
from support.labs import Labs, eventually
from support.pcap import frames, network_layer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# The doctor in a lab with real packets: what it says first, and that its lines fix what is broken.

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]


@pytest.fixture(scope="module")
def notes() -> Iterator[Labs]:
    """notes-phase3, one lab for all."""
    with Labs() as labs:
        labs.up("notes-phase3")
        yield labs


def is_well(labs: Labs) -> bool:
    """By states alone: pings that nobody answers take their time."""
    return labs.run("doctor", "--no-probes").stdout.startswith("4 routers: nothing is broken\n")


@pytest.mark.parametrize(
    ("fault", "title", "evidence"),
    [
        pytest.param(
            "provider-port-shutdown",
            "underlay (interface shut down), at TRANSPORT",
            "is administratively down",
            marks=pytest.mark.slow,
        ),
        ("tunnel-key", "GRE (tunnel key), at R31", "GRE packets for no tunnel of its own"),
        pytest.param(
            "gre-blocked",
            "GRE (GRE (protocol 47) blocked), at R31",
            "from R31 to R11: 10 of 10 came back",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_fault_is_named_first_with_its_evidence_and_gone_when_it_is_fixed(
    notes: Labs, fault: str, title: str, evidence: str
) -> None:
    assert eventually(lambda: is_well(notes), 60), notes.run("doctor").stdout
    notes.say("lab", "break", fault)

    def finds() -> bool:
        found = notes.run("doctor")
        first = found.stdout.partition("\n\nchecked, and fine:")[0]
        return first.startswith(f"4 routers: broken at {title}\n") and evidence in first and found.returncode == 1

    assert eventually(finds, 90), notes.run("doctor").stdout
    notes.say("lab", "reset")


@pytest.mark.parametrize(
    ("theft", "back"),
    [
        ("route add 10.4.4.0/24 via 172.16.31.2 metric 10", "route del 10.4.4.0/24 metric 10"),
        ("route add blackhole 10.4.4.0/25", "route del blackhole 10.4.4.0/25"),
        ("rule add to 10.4.4.0/24 blackhole pref 100", "rule del pref 100"),
    ],
)
def test_another_programs_route_or_rule_that_packets_take_is_named(notes: Labs, theft: str, back: str) -> None:
    assert eventually(lambda: is_well(notes), 60), notes.run("doctor").stdout
    notes.say("lab", "exec", "R31", "ip", *theft.split())
    found = notes.run("doctor", "--no-probes", "--no-trial").stdout
    notes.say("lab", "exec", "R31", "ip", *back.split())
    assert found.startswith("4 routers: broken at underlay (kernel tables changed by others), at R31\n")
    assert "route 10.4.4.0/24 via 192.168.100.11, Tunnel100: packets to 10.4.4.1 " in found


#: What `iptables -P FORWARD DROP` makes, without any such program.
_SHUT = """
from dmvpn.dataplane.netlink.nftables import *
from dmvpn.dataplane.netlink.nfsocket import *
from dmvpn.dataplane.netlink.wire import attribute
kind, flags, body = base_chain("filter", "FORWARD", "filter", Hook.FORWARD, 0)
parts = [new_table("filter"), (kind, flags, body + attribute(5, bytes(4)))]
"""
_ACCEPTS = 'parts.append(rule("filter", "FORWARD", verdict(NetfilterVerdict.ACCEPT)))\n'
_DO = "NetfilterSocket().transact(parts)\n"


def test_a_packet_filter_that_passes_nothing_on_is_named_and_one_with_rules_is_advice(notes: Labs) -> None:
    """Seen: Docker had set the policy, no host reached another one, and nothing was broken."""
    assert eventually(lambda: is_well(notes), 60), notes.run("doctor").stdout
    python = ("lab", "exec", "R31", sys.executable, "-c")
    notes.say(*python, _SHUT + _DO)
    shut = notes.run("doctor", "--no-probes", "--no-trial").stdout
    notes.say(*python, _SHUT + _ACCEPTS + _DO)
    accepts = notes.run("doctor", "--no-probes", "--no-trial")
    notes.say(*python, _SHUT + 'parts = [delete_table("filter")]\n' + _DO)
    assert shut.startswith("4 routers: broken at underlay (packet filter of the host), at R31\n")
    assert "chain FORWARD of table ip filter at hook forward: policy drop, no rules" in shut
    assert "on R31: iptables -P FORWARD ACCEPT" in shut
    assert (accepts.returncode, accepts.stdout.splitlines()[0]) == (0, "4 routers: nothing is broken")
    assert "ping from a host" in accepts.stdout.partition("advice:")[2]
    assert is_well(notes)


@pytest.mark.parametrize(
    "theft", ["route del 10.4.4.0/24", "route flush table main", "addr flush dev Gi0-1", "neigh flush nud permanent"]
)
def test_what_another_program_takes_away_comes_back(notes: Labs, theft: str) -> None:
    assert eventually(lambda: is_well(notes), 60), notes.run("doctor").stdout
    before = notes.say("lab", "exec", "R31", "ip", "route")
    # `ip addr flush` complains if the router is so quick that there is something to flush ten times.
    taken = notes.run("lab", "exec", "R31", "ip", *theft.split())
    assert not taken.returncode or "incomplete after 10 rounds" in taken.stderr, taken
    assert eventually(lambda: notes.say("lab", "exec", "R31", "ip", "route") == before, 30)
    assert eventually(lambda: is_well(notes), 60), notes.run("doctor").stdout


# Lessons with real packets: filters on a wire, a lab that is broken and fixed, reset, saved, and of another phase.

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
    assert "this lab has no fault to find" in protected.run("lab", "grade").stderr


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


# `dmvpn walk` beside real packets: sizes around the edges, sealed by the engine, cut by the kernel.

#: Octets from which a packet of the tunnel is one of ours: those of routing and NHRP are smaller.
LARGE = 1000

#: Sends a UDP datagram for each "SIZE DF" behind the address; sizes are of IP packets. Prints what the kernel says.
_SENDER = """
import errno, socket, sys, time
address, *wanted = sys.argv[1:]
for size, df in (text.split(",") for text in wanted):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, 10, 2 if df == "df" else 0)  # IP_MTU_DISCOVER: DO, DONT
        sender.connect((address, 9))
        for attempt in range(2):
            try:
                sender.send(bytes(int(size) - 28))
            except OSError as error:
                if error.errno == errno.EMSGSIZE:
                    print(size, sender.getsockopt(socket.IPPROTO_IP, 14))  # IP_MTU
                    break
            time.sleep(0.1)
            if df != "df":
                break
"""


@pytest.fixture
def lab(labs: Labs) -> Labs:
    """A protected lab, R31 behind NAT, whose shortcut is in use."""
    labs.up("ipsec-spoke-behind-nat")
    labs.on("R31", "ping 10.4.4.1 source 10.3.3.1")
    assert eventually(lambda: "R11" not in nodes(walked(labs, 100)), 30)
    return labs


def walked(labs: Labs, size: int, *more: str) -> dict[str, object]:
    """The walk from H3 to H4, as programs read it."""
    answer = json.loads(labs.run("walk", "H3", "H4", "--size", str(size), "--json", *more).stdout)
    assert isinstance(answer, dict)
    return answer


def nodes(walk: dict[str, object]) -> list[str]:
    """Whom the packet is handed to."""
    return [crossing["receiver"] for crossing in crossings(walk)]


def crossings(walk: dict[str, object]) -> list[dict[str, str]]:
    """What is on which wire."""
    forth = walk["forth"]
    assert isinstance(forth, dict)
    found = forth["crossings"]
    assert isinstance(found, list)
    return found


def outside(walk: dict[str, object]) -> Counter[int]:
    """Octets of the packets that R31 puts on its wire."""
    return Counter(
        int(octets) for crossing in crossings(walk) if crossing["sender"] == "R31" for octets in crossing["octets"]
    )


def seen(file: Path) -> Counter[int]:
    """Octets of the tunnel's packets that R31 sent to R41, pieces too.

    Of later pieces a capture may show the source that the translator has written meanwhile: memory that both share.
    """
    found: Counter[int] = Counter()
    for frame in frames(file):
        layer = network_layer(*frame)
        if layer is not None and layer[0] == 0x0800:
            packet = Ipv4Packet.parse(layer[1])
            if str(packet.destination) == "172.16.41.1" and packet.protocol == IpProtocol.UDP:
                found[len(packet.serialize())] += 1
    return found


def test_what_is_on_a_real_wire_is_what_was_predicted(lab: Labs, tmp_path: Path) -> None:
    """In this order: whoever was told that a packet is too big makes room, and then the wire shows other sizes."""
    for mtu, sizes in ((1400, (1399, 1400)), (1500, (1430, 1431, 1500))):
        lab.configure("R31", "interface Tunnel100", f"ip mtu {mtu}")
        is_as_predicted(lab, tmp_path / str(mtu), sizes)
    lab.configure("R31", "interface Tunnel100", "ip mtu 1400")
    budget = walked(lab, 1401, "--df")["budget"]
    assert isinstance(budget, dict)
    assert (budget["with_df"], budget["refusal"]["by"], budget["refusal"]["mtu"]) == (1400, "R31", 1400)
    words = [f"{size},df" for size in (1400, 1401)]
    assert lab.say("lab", "exec", "H3", sys.executable, "-c", _SENDER, "10.4.4.100", *words) == "1401 1400\n"


def is_as_predicted(lab: Labs, folder: Path, sizes: tuple[int, ...]) -> None:
    """What the tunnel cuts itself leaves the engine as a train, which these wires carry whole: no size of that here."""
    predicted = sum((outside(walked(lab, size)) for size in sizes), Counter())
    capturing = lab.start("lab", "capture", "R31", "--output", str(folder))
    file = folder / "R31-Gi0-1.pcap"

    def is_heard() -> bool:
        with contextlib.suppress(WireError):  # a frame is being written
            return predicted <= seen(file)
        return False

    assert eventually(file.exists, 30)
    lab.say("lab", "exec", "H3", sys.executable, "-c", _SENDER, "10.4.4.100", *(f"{size},cut" for size in sizes))
    eventually(is_heard, 20)
    capturing.send_signal(signal.SIGINT)
    printed, _ = capturing.communicate(timeout=20)
    assert capturing.returncode == 0, printed
    heard = seen(file)
    assert {size: heard[size] for size in heard if size > LARGE} == {
        size: predicted[size] for size in predicted if size > LARGE
    }
    assert predicted <= heard
