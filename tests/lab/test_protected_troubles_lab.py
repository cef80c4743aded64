"""What can go wrong with protected tunnels, with real packets: what a host's pings notice, and a watcher on the way.

Everything happens to one lab, intro-phase3. Nobody there uses DPD, so whoever forgot its SAs has to be found out.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.net.icmp import IcmpType
from dmvpn.net.ipv4 import IpProtocol
from support import pcap
from support.command import command
from support.labs import Labs, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]

#: The engine of `--engine auto` always, the other one with the slow tests.
ENGINES = (
    ["rust", pytest.param("python", marks=pytest.mark.slow)] if importlib.util.find_spec("dmvpn_engine") else ["python"]
)
HUB, SPOKE10, SPOKE20 = "198.51.100.1", "203.0.113.10", "203.0.113.20"
FAR_HOST: Final = "192.168.20.100"
TRACE: Final = "traceroute 192.168.20.1 source 192.168.10.1"
#: For whatever no better route leads to: all LANs of the network.
LAST_RESORT: Final = "ip route 192.168.0.0 255.255.0.0 Null0"
#: What an echo request has before its data.
_HEADERS: Final = 20 + 8
#: Seconds that a machine with other things to do may be late.
SLACK: Final = 2.5

#: Takes the ports of IKE, as another daemon does, and says so.
OTHER_DAEMON = """
import signal, socket
taken = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for port, sock in zip((500, 4500), taken):
    sock.bind(("", port))
print("begin", flush=True)
signal.pause()
"""
#: Sends itself to a listener, and counts what comes. Argument of the sender: address; octets.
LISTENER = """
import socket
server = socket.create_server(("", 5001))
print("begin", flush=True)
client, _ = server.accept()
total = 0
while octets := client.recv(1 << 16):
    total += len(octets)
print(total)
"""
SENDER = """
import socket, sys
with socket.create_connection((sys.argv[1], 5001), timeout=10) as client:
    client.sendall(bytes(int(sys.argv[2])))
"""
#: Of UDP, cut by the kernel as late as possible: the far end sees no difference. Argument of the sender: address.
TRAINS: Final = 20
UDP_LISTENER = """
import socket
far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
far.bind(("", 5002))
far.settimeout(10)
print("begin", flush=True)
print([int.from_bytes(far.recv(2000)[:4]) for _ in range(%d * 20)])
"""
UDP_SENDER = """
import socket, sys, time
near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
near.setsockopt(socket.IPPROTO_UDP, 103, 600)
for train in range(%d):
    near.sendto(b"".join((train * 20 + one).to_bytes(4) + bytes(596) for one in range(20)), (sys.argv[1], 5002))
    time.sleep(0.1)
"""


@pytest.fixture(scope="module", params=ENGINES)
def running(request: pytest.FixtureRequest) -> Iterator[Labs]:
    with Labs() as labs:
        labs.up("intro-phase3", "--engine", request.param)
        yield labs


@pytest.fixture
def lab(running: Labs) -> Labs:
    """Both spokes have a direct path."""
    assert eventually(lambda: is_direct(running), 60), running.on("SPOKE10", "show dmvpn detail")
    return running


def is_direct(labs: Labs) -> bool:
    """In both directions."""
    back = labs.on("SPOKE20", "traceroute 192.168.10.1 source 192.168.20.1")
    return "  1 10.0.0.20 " in labs.on("SPOKE10", TRACE) and "  1 10.0.0.10 " in back


def reaches(labs: Labs) -> bool:
    """H10 and H20, in both directions."""
    return labs.stream("H10", FAR_HOST, count=3, seconds=0.3).answered == 3


def during(labs: Labs, seconds: float, *commands: tuple[str, ...]) -> float:
    """The longest time in which no ping of H10 to H20 was answered, while these commands were given."""
    count = round(seconds * 100)
    stream = labs.start_stream("H10", FAR_HOST, count=count, seconds=seconds)
    for words in commands:
        labs.say(*words)
    return labs.echoes(stream, count, seconds).gap


def ike_sas(labs: Labs, router: str, peer: str) -> int:
    """How many IKE SAs a router has with a peer that are up."""
    return len(re.findall(rf" {re.escape(peer)}/\d+ .* READY", labs.on(router, "show crypto ikev2 sa")))


def current_spi(labs: Labs, router: str, peer: str) -> str:
    """Of what a router sends to a peer."""
    found = re.search(r"current outbound spi: (0x[0-9A-F]+)", labs.on(router, f"show crypto ipsec sa peer {peer}"))
    assert found is not None
    return found[1]


def kilobytes_left(labs: Labs, router: str, peer: str) -> list[int]:
    """Of all SAs with a peer."""
    printed = labs.on(router, f"show crypto ipsec sa peer {peer}")
    return [int(left) for left in re.findall(r"remaining key lifetime \(k/sec\): \((\d+)/", printed)]


def packets(folder: Path) -> list[bytes]:
    """All IPv4 packets in captures of Ethernet."""
    frames = [frame for path in folder.glob("*.pcap") for _, frame in pcap.frames(path)]
    return [frame[14:] for frame in frames if frame[12:14] == b"\x08\x00"]


def is_opaque(packet: bytes) -> bool:
    """ESP, IKE, or a router's complaint about them; never what tunnels carry."""
    if packet[9] == IpProtocol.ICMP:
        return packet[20] == IcmpType.DESTINATION_UNREACHABLE and is_opaque(packet[28:])
    ports = {int.from_bytes(packet[at : at + 2], "big") for at in (20, 22)}
    return packet[9] == IpProtocol.ESP or (packet[9] == IpProtocol.UDP and bool(ports & {500, 4500}))


# ------------------------------------------------------------------------------------------------- keys


def test_keys_are_replaced_by_volume_under_traffic_and_no_packet_is_lost(lab: Labs) -> None:
    """2,560 kilobytes are the least that IOS takes; 600 packets of 1,300 octets a second wear that out in 3 s."""
    for router in ("SPOKE10", "SPOKE20"):
        lab.configure(router, "crypto ipsec security-association lifetime kilobytes 2560")
        lab.on(router, "clear crypto sa")
    # the end that did not ask for new keys keeps the old ones for 10 s, if the other does not delete them
    assert eventually(lambda: max(kilobytes_left(lab, "SPOKE10", SPOKE20)) <= 2560, 30)
    before = current_spi(lab, "SPOKE10", SPOKE20)
    echoes = lab.stream("H10", FAR_HOST, count=2400, seconds=4, size=1300)
    assert echoes.answered == echoes.sent
    assert current_spi(lab, "SPOKE10", SPOKE20) != before
    for router in ("SPOKE10", "SPOKE20"):
        lab.configure(router, "no crypto ipsec security-association lifetime kilobytes 2560")


# ------------------------------------------------------------------------------------------------- cleared, killed


@pytest.mark.parametrize(
    ("router", "peer"),
    [("SPOKE10", SPOKE20), ("HUB", SPOKE10), pytest.param("SPOKE20", SPOKE10, marks=pytest.mark.slow)],
)
def test_after_clear_crypto_session_traffic_is_back_at_once(lab: Labs, router: str, peer: str) -> None:
    assert during(lab, 5, ("-r", router, "clear", "crypto", "session")) < SLACK
    assert eventually(lambda: ike_sas(lab, router, peer) == 1, 15), lab.on(router, "show crypto ikev2 sa")


def test_nothing_leaves_in_clear_while_a_spoke_is_killed_and_started_again(lab: Labs, tmp_path: Path) -> None:
    """Its peers do not notice its death; its answer to what they send makes them try again.

    EIGRP takes the routes of a neighbor that starts again back for a moment, at the hub as at the spokes: without a
    route to Null0 the default route has the packets meanwhile, as on any router (docs/explanation/protection.md).
    """
    for router in ("HUB", "SPOKE10", "SPOKE20"):
        lab.configure(router, LAST_RESORT)
        lab.on(router, "write memory")
    capture = lab.start("lab", "capture", "TRANSPORT", "--output", str(tmp_path), "--seconds", "5")
    assert eventually(lambda: bool(list(tmp_path.glob("*.pcap"))))
    assert during(lab, 6, ("lab", "kill", "SPOKE20"), ("lab", "start", "SPOKE20")) < 1.5 + SLACK
    printed, _ = capture.communicate(timeout=20)
    assert capture.returncode == 0, printed
    assert [packet.hex() for packet in packets(tmp_path) if not is_opaque(packet)] == []
    for router in ("HUB", "SPOKE10", "SPOKE20"):
        lab.configure(router, f"no {LAST_RESORT}")
        lab.on(router, "write memory")


def test_a_shortcut_outlives_the_hub_and_the_hub_is_found_again_when_it_is_back(lab: Labs) -> None:
    assert during(lab, 2.5, ("lab", "kill", "HUB"), ("lab", "start", "HUB")) == 0.0
    assert eventually(lambda: "10.0.0.1  RE" in lab.on("SPOKE10", "show dmvpn detail"), 20)
    assert eventually(lambda: "!!!" in lab.on("SPOKE10", "ping 10.0.0.1 repeat 3 timeout 1"), 20)
    assert eventually(lambda: ike_sas(lab, "HUB", SPOKE10) == 1, 5)


# ------------------------------------------------------------------------------------------------- disagreement


def test_a_wrong_key_is_named_at_both_ends_and_nothing_passes_until_it_is_right(lab: Labs) -> None:
    def set_key(key: str) -> None:
        lab.configure("SPOKE10", "crypto ikev2 keyring KR-DMVPN", "peer ANY", f"pre-shared-key local {key}")

    set_key("WRONG")
    lab.on("SPOKE10", "clear crypto session")
    assert eventually(lambda: "pre-shared key: 203.0.113.10 has another one" in lab.on("HUB", "show logging"))
    assert "the peer refuses us: authentication failed" in lab.on("SPOKE10", "show logging")
    assert lab.stream("H10", FAR_HOST, count=3, seconds=0.3).answered == 0
    assert re.search(r"198\.51\.100\.1 +10\.0\.0\.1 +IKE ", lab.on("SPOKE10", "show dmvpn"))
    set_key("DMVPN_KEY")
    assert eventually(lambda: reaches(lab), 20)


@pytest.mark.slow
def test_where_port_4500_is_blocked_ike_keeps_to_500_and_esp_is_protocol_50(lab: Labs, tmp_path: Path) -> None:
    rule = ("ipproto", "udp", "dport", "4500", "blackhole")
    blocked = lab.run("lab", "exec", "TRANSPORT", "ip", "rule", "add", *rule)
    if blocked.returncode:
        pytest.skip(f"no 'ip rule' here: {blocked.stdout}{blocked.stderr}")
    for router in ("SPOKE10", "SPOKE20"):
        lab.on(router, "clear crypto session")
    assert eventually(lambda: is_direct(lab) and reaches(lab), 30)
    assert "remote 203.0.113.20/500 Active" in lab.on("SPOKE10", "show crypto session")
    capture = lab.start("lab", "capture", "TRANSPORT", "--output", str(tmp_path), "--seconds", "1")
    assert eventually(lambda: bool(list(tmp_path.glob("*.pcap"))))
    assert reaches(lab)
    capture.communicate(timeout=20)
    assert {packet[9] for packet in packets(tmp_path)} <= {IpProtocol.ESP, IpProtocol.UDP}
    assert IpProtocol.ESP in {packet[9] for packet in packets(tmp_path)}
    lab.say("lab", "exec", "TRANSPORT", "ip", "rule", "del", *rule)
    for router in ("SPOKE10", "SPOKE20"):
        lab.on(router, "clear crypto session")
    assert eventually(lambda: "remote 203.0.113.20/4500 Active" in lab.on("SPOKE10", "show crypto session"))


def test_with_another_ike_daemon_on_the_host_the_tunnel_stays_down_and_says_why(lab: Labs) -> None:
    """It came up while our router was dead, and somebody cleaned up behind that."""
    lab.say("lab", "kill", "SPOKE10")
    cleaned = lab.say("lab", "exec", "SPOKE10", *command("cleanup"))
    assert "removed Tunnel0, which kept the traffic of a protected tunnel from leaving in clear" in cleaned
    daemon = lab.start("lab", "exec", "SPOKE10", sys.executable, "-c", OTHER_DAEMON)
    assert daemon.stdout is not None
    assert daemon.stdout.readline() == "begin\n"
    lab.say("lab", "start", "SPOKE10")
    why = "UDP port 500 on 203.0.113.10: another program has this port"
    try:
        assert eventually(lambda: why in lab.run("-r", "SPOKE10", "show", "logging").stdout, 10)
        assert why in lab.run("doctor", "SPOKE10").stdout
        assert "line protocol is down" in lab.on("SPOKE10", "show interfaces Tunnel0")
        assert why in lab.on("SPOKE10", "show dmvpn detail")
    finally:
        daemon.terminate()
        daemon.communicate(timeout=10)
    assert eventually(lambda: reaches(lab), 40)


# ------------------------------------------------------------------------------------------------- sizes


def test_datagrams_that_a_sender_hands_over_in_trains_arrive_one_by_one_and_in_order(lab: Labs) -> None:
    listener = lab.start("lab", "exec", "H20", sys.executable, "-c", UDP_LISTENER % TRAINS)
    assert listener.stdout is not None
    assert listener.stdout.readline() == "begin\n"
    lab.say("lab", "exec", "H10", sys.executable, "-c", UDP_SENDER % TRAINS, FAR_HOST)
    printed, _ = listener.communicate(timeout=20)
    assert printed.strip() == str(list(range(TRAINS * 20)))


def set_sizes(lab: Labs, *lines: str) -> None:
    """Of both spokes' tunnels; the tests set what they need, in whatever order they come."""
    for router in ("SPOKE10", "SPOKE20"):
        lab.configure(router, "interface Tunnel0", *lines)


@pytest.mark.skipif(shutil.which("ping") is None, reason="there is no ping (Debian: iputils-ping)")
def test_what_fits_ip_mtu_arrives_whole_and_what_does_not_is_refused_with_the_size(lab: Labs) -> None:
    set_sizes(lab, "ip mtu 1400", "ip tcp adjust-mss 1360")
    assert lab.stream("H10", FAR_HOST, count=3, seconds=0.3, size=1400 - _HEADERS).answered == 3
    assert lab.stream("H10", FAR_HOST, count=3, seconds=0.3, size=3000).answered == 3
    refused = lab.run("lab", "exec", "H10", "ping", "-c", "2", "-M", "do", "-s", str(1401 - _HEADERS), FAR_HOST)
    assert refused.returncode
    assert "mtu = 1400" in refused.stdout + refused.stderr or "mtu=1400" in refused.stdout + refused.stderr


def test_without_ip_mtu_tcp_gets_through_and_no_packet_is_cut_on_the_way(lab: Labs, tmp_path: Path) -> None:
    set_sizes(lab, "no ip mtu", "no ip tcp adjust-mss")
    listener = lab.start("lab", "exec", "H20", sys.executable, "-c", LISTENER)
    assert listener.stdout is not None
    assert listener.stdout.readline() == "begin\n"
    capture = lab.start("lab", "capture", "TRANSPORT", "--output", str(tmp_path), "--seconds", "2")
    assert eventually(lambda: bool(list(tmp_path.glob("*.pcap"))))
    lab.say("lab", "exec", "H10", sys.executable, "-c", SENDER, FAR_HOST, "1000000")
    assert listener.communicate(timeout=20)[0] == "1000000\n"
    capture.communicate(timeout=20)
    seen = packets(tmp_path)
    assert max(int.from_bytes(packet[2:4], "big") for packet in seen) > 1450  # the Rust engine's trains are longer
    assert not any(int.from_bytes(packet[6:8], "big") & 0x3FFF for packet in seen), "fragments"
