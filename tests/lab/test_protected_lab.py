"""Protected tunnels and translators with real packets."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import selectors
import socket
from functools import partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple, cast
from unittest import mock

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.dataplane import netlink
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.lab import wiring
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.impair import Impairments
from dmvpn.shells.lab.namespaces import inside_network, run_in_lab
from dmvpn.shells.scenario import Scenario
from support import pcap
from support.labs import Labs, eventually, hops
from support.namespaces import patiently
from support.nats import derived, room_outside, two_and_one

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dmvpn.shells.lab.forked import Json


# Scenarios with IPsec and real packets: each comes up, loses nothing, and a watcher at the provider sees no GRE.
#
# What the simulator shows at length is looked at here once, in real time.

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("translates")]


class Story(NamedTuple):
    """direct: the second traceroute is one hop long."""

    scenario: str
    spoke: str
    trace: str
    stream: tuple[str, str]
    direct: bool = True


BEHIND = ("R31", "traceroute 10.4.4.1 source 10.3.3.1", ("H3", "10.4.4.100"))
STORIES = [
    Story("intro-phase3", "SPOKE10", "traceroute 192.168.20.1 source 192.168.10.1", ("H10", "192.168.20.100")),
    Story("course-lab", "SPOKE1", "traceroute 10.3.0.1 source 10.2.0.1", ("H2", "10.3.0.100")),
    Story("ipsec-two-spokes-one-nat", *BEHIND),
    Story("ipsec-both-behind-nat", *BEHIND),
    Story("hub-behind-nat", *BEHIND),
    Story("ipsec-symmetric-nat", *BEHIND, direct=False),
]


def hops_inside(printed: str) -> int:
    return len(re.findall(r"^ +\d+ [\d.]+ ", printed, re.MULTILINE))


def is_direct(labs: Labs, router: str, trace: str) -> bool:
    return hops_inside(labs.on(router, trace)) == 1


def protocols(folder: Path) -> set[int]:
    """The protocols of all IPv4 packets in captures of Ethernet."""
    frames = [frame for path in folder.glob("*.pcap") for _, frame in pcap.frames(path)]
    return {frame[14 + 9] for frame in frames if frame[12:14] == b"\x08\x00"}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.scenario)
def test_a_protected_lab_comes_up_loses_nothing_and_shows_nobody_what_it_carries(
    labs: Labs, story: Story, tmp_path: Path
) -> None:
    assert "up and converged" in labs.up(story.scenario)
    capture = labs.start("lab", "capture", "TRANSPORT", "--output", str(tmp_path), "--seconds", "2")
    assert eventually(lambda: bool(list(tmp_path.glob("*.pcap"))))
    echoes = labs.stream(*story.stream, count=100, seconds=1)
    printed, _ = capture.communicate(timeout=20)
    assert capture.returncode == 0, printed
    assert echoes.answered == echoes.sent
    assert protocols(tmp_path) & {IpProtocol.UDP, IpProtocol.ESP}
    assert not protocols(tmp_path) & {IpProtocol.GRE, IpProtocol.ICMP, IpProtocol.EIGRP}
    wanted = 1 if story.direct else 2
    assert eventually(lambda: hops_inside(labs.on(story.spoke, story.trace)) == wanted, 10)


def test_spokes_behind_two_nat_boxes_meet_although_one_is_shown_by_another_port(labs: Labs, tmp_path: Path) -> None:
    """Linux shows the first of two by port 4500 and the second by another one, to everybody by the same."""
    labs.up(two_and_one(tmp_path))
    for spoke in ("10.3.3", "10.3.2"):
        echoes = labs.stream("H4", f"{spoke}.100", count=50, seconds=1)
        assert echoes.answered == echoes.sent
        trace = f"traceroute {spoke}.1 source 10.4.4.1"
        assert eventually(partial(is_direct, labs, "R41", trace), 10)

    def ports() -> list[str]:
        return re.findall(r" 172\.16\.31\.1/(\d+) ", labs.on("R41", "show crypto ikev2 sa"))

    # Where both ends began at once there are two SAs with a peer, until one of them is given up.
    assert eventually(lambda: len({*ports()}) == len(ports()) == 2, 20), ports()
    assert "4500" in ports()


# Translators and switches with real packets: the kernel's masquerade, a bridge, and the relay where there is none.

R31, R41 = "192.168.100.31", "192.168.100.41"
TRACE = "traceroute 10.4.4.1 source 10.3.3.1"


@pytest.fixture(scope="module")
def two_spokes() -> Iterator[Labs]:
    """The lab of two spokes behind one translator."""
    with Labs() as labs:
        labs.up("two-spokes-one-nat")
        yield labs


def flows(labs: Labs, gateway: str) -> list[str]:
    """The GRE that a translator knows of."""
    table = labs.say("lab", "exec", gateway, "cat", "/proc/net/nf_conntrack")
    return [line for line in table.splitlines() if " gre " in line]


def test_a_spoke_behind_the_kernels_nat_registers_goes_direct_and_survives_its_restart(
    labs: Labs, tmp_path: Path
) -> None:
    printed = labs.up(room_outside(tmp_path))
    assert "[ NAT1 172.16.31.1 ]" in printed
    entry = labs.on("R11", f"show ip nhrp {R31}")
    assert "NBMA address: 172.16.31.1 " in entry
    assert "(Claimed NBMA address: 192.168.31.10) " in entry
    assert hops(labs.on("R31", TRACE)) == ["192.168.100.11", R41]
    assert eventually(lambda: hops(labs.on("R31", TRACE)) == [R41])
    assert " DNT2" in labs.on("R41", "show dmvpn")
    assert len(flows(labs, "NAT1")) == 2

    assert "the mappings of NAT1 are cleared" in labs.say("lab", "rebind", "NAT1")
    assert eventually(lambda: "!!!!!" in labs.on("R11", "ping 10.3.3.1 source 10.1.1.1 timeout 1"), 15)

    said = labs.say("lab", "rebind", "NAT1", "--public", "172.16.31.9")
    assert said == "the mappings of NAT1 are cleared: NAT 192.168.31.1 -> 172.16.31.9, port-restricted\n"
    assert eventually(lambda: "NBMA address: 172.16.31.9 " in labs.on("R11", f"show ip nhrp {R31}"), 20)
    refused = labs.run("lab", "rebind", "NAT1", "--public", "10.9.9.9")
    assert "10.9.9.9 is no free address of 172.16.31.0/24" in refused.stderr
    labs.say("lab", "reset")
    assert "NAT 192.168.31.1 -> 172.16.31.1, port-restricted" in labs.say("lab", "status")


def test_of_two_spokes_behind_one_nat_the_second_is_told_why(two_spokes: Labs) -> None:
    labs = two_spokes
    answers = {name: labs.run("doctor", name) for name in ("R31", "R32")}
    assert sorted(answer.returncode for answer in answers.values()) == [0, 1]
    loser = next(name for name, answer in answers.items() if answer.returncode)
    winner = "R31" if loser == "R32" else "R32"
    assert answers[winner].stdout.startswith(f"{winner}: nothing is broken\n")
    assert "are behind NAT1 (172.16.31.1), and GRE has no ports to distinguish them" in answers[loser].stdout
    assert sum("dst=172.16.11.1 " in flow for flow in flows(labs, "NAT1")) == 1
    assert eventually(lambda: "- another GRE spoke behind" in labs.on(loser, "show ip nhrp nhs detail"), 10)


def test_a_switch_carries_and_can_be_made_bad_and_good_again(two_spokes: Labs) -> None:
    """R31, R32 and NAT1 are on it. What is wrong with it is felt by all of them."""
    labs = two_spokes
    ping = "ping 192.168.31.11 repeat 2"
    assert "!!" in labs.on("R31", ping)
    labs.say("lab", "impair", "NAT1:inside", "--delay", "200")
    assert eventually(lambda: "min/avg/max = 4" in labs.on("R31", ping), 10), labs.on("R31", ping)
    labs.say("lab", "impair", "R31:Gi0/1", "--cut")
    assert "Success rate is 0 percent" in labs.on("R31", "ping 192.168.31.11 repeat 1 timeout 1")
    labs.say("lab", "impair", "R31:Gi0/1")
    assert eventually(lambda: "!!" in labs.on("R31", ping), 10)
    assert "  R31:GigabitEthernet0/1 R32:GigabitEthernet0/1 NAT1:inside\n" in labs.say("lab", "status")


@pytest.mark.parametrize(("kind", "same_port"), [("port-restricted", True), ("symmetric", False), ("cone", True)])
def test_a_symmetric_translator_takes_another_port_for_each_destination(
    tmp_path: Path, kind: str, same_port: bool
) -> None:
    folder = derived(tmp_path, "spoke-behind-nat", lab=(("port-restricted", kind),))
    first, second = cast("list[int]", run_in_lab(lambda: _public_ports(folder)))
    assert (first == second) is same_port


def test_a_stray_packet_does_not_keep_the_flow_out_that_somebody_inside_begins() -> None:
    """Two spokes that both begin meet at last, although the first packet of one of them comes too early."""
    assert run_in_lab(_stray_packet_first) == "172.16.31.1"


def _stray_packet_first() -> Json:
    """As process 1 of a lab: the provider sends GRE to NAT1 unasked, then R31 sends some to the provider."""
    wired = _with_addresses("spoke-behind-nat")
    with inside_network(wired.namespaces["TRANSPORT"]):
        outside = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_GRE)
    with inside_network(wired.namespaces["R31"]):
        inside = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_GRE)
    packet = bytes.fromhex("00000800") + bytes(24)  # Linux translates no GRE of less than eight octets
    outside.sendto(packet, ("172.16.31.1", 0))
    outside.settimeout(0.2)
    for _ in patiently(4):  # an ARP request may get lost while the wires come up
        inside.sendto(packet, ("172.16.31.2", 0))
        with contextlib.suppress(TimeoutError):
            return str(outside.recvfrom(100)[1][0])
    return None


def _with_addresses(folder: str) -> wiring.Wiring:
    """R31 behind NAT1, and the provider, with addresses and a default route."""
    wired = wiring.wire_up(Scenario.load(folder))
    _give_address(wired, "TRANSPORT", "Gi0-2", "172.16.31.2")
    _give_address(wired, "R31", "Gi0-1", "192.168.31.10")
    with inside_network(wired.namespaces["R31"]), netlink.NetlinkSocket() as kernel:
        link = kernel.find_link("Gi0-1")
        assert link is not None
        hops = (netlink.KernelNextHop(link.index, IPv4Address("192.168.31.1")),)
        kernel.call(netlink.add_route(netlink.KernelRoute(Prefix.parse("0.0.0.0/0"), hops)))
    return wired


def _public_ports(folder: str) -> Json:
    """As process 1 of a lab: R31 writes from one port to two ports of the provider; the source ports that this sees."""
    wired = _with_addresses(folder)
    with inside_network(wired.namespaces["TRANSPORT"]):
        receivers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for number, receiver in enumerate(receivers):
        receiver.bind(("172.16.31.2", 7001 + number))
        receiver.settimeout(5)
    with inside_network(wired.namespaces["R31"]):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("192.168.31.10", 5000))
    for port in (7001, 7002):
        sender.sendto(b"hello", ("172.16.31.2", port))
    sources = [receiver.recvfrom(100)[1] for receiver in receivers]
    assert {address for address, _ in sources} == {"172.16.31.1"}
    return [port for _, port in sources]


def _give_address(wired: wiring.Wiring, node: str, interface: str, address: str) -> None:
    with inside_network(wired.namespaces[node]), netlink.NetlinkSocket() as kernel:
        link = kernel.find_link(interface)
        assert link is not None
        kernel.call(
            netlink.add_address(netlink.InterfaceAddress(link.index, IPv4Address(address), 24)),
            netlink.set_up(link.index),
        )


def test_where_the_kernel_has_no_bridge_the_relay_is_the_switch() -> None:
    assert run_in_lab(_through_a_relayed_switch) == ["hello", "192.168.31.10"]


def _through_a_relayed_switch() -> Json:
    """As process 1 of a lab: a datagram from R31 to R32, over a switch that the supervisor itself has to be."""
    with mock.patch.object(wiring, "make_switch"):
        wired = wiring.wire_up(Scenario.load("two-spokes-one-nat"))
    selector = selectors.DefaultSelector()
    impairments = Impairments(wired, selector)
    for cable in wired.cables:
        impairments.set(cable, Badness())
    _give_address(wired, "R31", "Gi0-1", "192.168.31.10")
    _give_address(wired, "R32", "Gi0-1", "192.168.31.11")
    with inside_network(wired.namespaces["R32"]):
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind(("192.168.31.11", 9))
        receiver.setblocking(False)
    with inside_network(wired.namespaces["R31"]):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.sendto(b"hello", ("192.168.31.11", 9))
    for _ in patiently():
        for key, _mask in selector.select(0.05):
            key.data()
        with contextlib.suppress(BlockingIOError):
            octets, source = receiver.recvfrom(100)
            return [octets.decode(), source[0]]
    return None


# Scenario nat-overload with real packets: the kernel translates what goes to the Internet, and nothing else.

ENGINES = ["rust", "python"] if importlib.util.find_spec("dmvpn_engine") else ["python"]
WEB, FAR_HOST = "198.51.100.80", "10.4.4.100"
FLOW = re.compile(r"^(\w+) +([\d.]+):\d+ +([\d.]+):\d+ +([\d.]+):\d+", re.MULTILINE)


@pytest.mark.parametrize("engine", ENGINES)
def test_hosts_reach_the_internet_by_nat_and_each_other_by_the_tunnel(labs: Labs, engine: str) -> None:
    labs.up("nat-overload", "--engine", engine)
    for host in ("H3", "H4"):
        echoes = labs.stream(host, WEB, count=20, seconds=1)
        assert echoes.answered == echoes.sent
    echoes = labs.stream("H3", FAR_HOST, count=20, seconds=1)
    assert echoes.answered == echoes.sent
    flows = FLOW.findall(labs.on("R31", "show ip nat translations"))
    assert {flow[:3] for flow in flows} == {("icmp", "172.16.31.1", "10.3.3.100")}
    assert {flow[3] for flow in flows} == {WEB}
    assert FLOW.findall(labs.on("R41", "show ip nat translations"))[0][1] == "172.16.41.1"
    assert "access-list LAN interface GigabitEthernet0/1 refcount 1" in labs.on("R31", "show ip nat statistics")
    assert eventually(lambda: " D " in labs.on("R31", "show dmvpn"), 20)
    labs.on("R31", "clear ip nat translation *")
    assert not FLOW.findall(labs.on("R31", "show ip nat translations"))


def test_while_the_tunnel_is_down_nothing_for_another_site_is_translated(labs: Labs) -> None:
    labs.up("nat-overload", "--engine", ENGINES[-1])
    labs.configure("R31", "interface Tunnel100", "shutdown")
    assert labs.stream("H3", FAR_HOST, count=20, seconds=1).answered == 0
    assert labs.stream("H3", WEB, count=20, seconds=1).answered == 20
    assert {flow[3] for flow in FLOW.findall(labs.on("R31", "show ip nat translations"))} == {WEB}


def test_what_is_typed_counts_at_once_and_is_taken_back_by_no(labs: Labs) -> None:
    labs.up("nat-overload", "--engine", ENGINES[-1])
    rule = "ip nat inside source list LAN interface GigabitEthernet0/1 overload"
    labs.configure("R31", f"no {rule}")
    assert labs.stream("H3", WEB, count=5, seconds=1).answered == 0
    labs.configure("R31", rule)
    assert labs.stream("H3", WEB, count=5, seconds=1).answered == 5
    labs.configure("R31", "ip access-list standard LAN", "no 10")
    labs.on("R31", "clear ip nat translation *")
    assert labs.stream("H3", WEB, count=5, seconds=1).answered == 0
