"""What a branch costs: leases, alone and through sockets, and forwarding beside 10,000 translations.

    namespace A  10.98.1.2 ── router 10.98.1.1, 10.98.2.1 ── 10.98.2.2  namespace B

Leases alone: messages as events of a router, processor time. Through sockets: a process is the router, with the data
plane of `dmvpn run`; one socket in A plays all clients, 20 at a time, by broadcasts; elapsed time. Translations: A's
packets to B are translated; stations of A's network have 10,000 flows or none, by turns, and figures are those of one
round.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from bench import dataplane
from bench.figures import Figure
from bench.filters import plug_in, runs
from bench.labs import need_namespaces
from bench.loop import Loop
from dmvpn.base.effects import ForgetTranslations, SendIp, SetInterface, SetTranslation
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, Event, IpReceived, LinkChanged, PlaneAnnounced, Tick
from dmvpn.base.translation import SHARE, Addresses, Clause, PacketRule, SourceRule
from dmvpn.dataplane import netlink
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.python import PythonEngine
from dmvpn.dataplane.userspace import UserspacePlane
from dmvpn.features.dhcp.packet import BROADCAST, CLIENT_PORT, SERVER_PORT, Code, Message, MessageType, datagram
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.router.router import Router
from dmvpn.shells.lab.forked import end_with, fork
from dmvpn.shells.lab.namespaces import inside_network, new_network, run_in_lab

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.shells.lab.forked import Json

FLOWS: Final = 10_000
_TOGETHER: Final = 20
_ALONE, _SOCKETS = 1_000.0, 100.0
_PORT, _OUTSIDE = "GigabitEthernet0/1", "GigabitEthernet0/2"
_NOBODY, _SERVER = IPv4Address(0), IPv4Address("10.98.1.1")
_POOL: Final = (
    "ip dhcp ping packets 0\nip dhcp excluded-address 10.98.1.1 10.98.1.9\nip dhcp pool LAN\n network 10.98.0.0 /16\n"
    f"interface {_PORT}\n ip address 10.98.1.1 255.255.255.0\n no shutdown\n"
)


def measure(*, quick: bool) -> list[Figure]:
    """Leases a second, and the share of forwarding beside many translations. Raises Skipped."""
    alone = tuple(_alone(200 if quick else 5_000) for _ in range(3))
    need_namespaces()
    measured = run_in_lab(lambda: _measure(*((1, 100) if quick else (9, 1_000))))
    assert isinstance(measured, dict)
    return [
        Figure(name="leases of a router alone", unit="/s", values=alone, goal=_ALONE, more=True),
        Figure(name="leases through sockets", unit="/s", values=runs(measured, "leases"), goal=_SOCKETS, more=True),
        *(
            Figure(
                name=f"{what}: beside {FLOWS:,} translations for each beside none, round by round",
                unit="",
                values=runs(measured, kind),
                goal=0.95,
                more=True,
            )
            for kind, what in (("tcp", "TCP, one stream"), ("udp64", "UDP, 64 octets"))
        ),
    ]


def _asked(kind: MessageType, number: int, offer: Message | None = None) -> Message:
    options: dict[int, bytes] = {Code.MESSAGE_TYPE: bytes((kind,))}
    if offer is not None:
        options |= {Code.REQUESTED_ADDRESS: offer.yiaddr.packed, Code.SERVER: _SERVER.packed}
    return Message(xid=number, hardware=b"\x02" + number.to_bytes(5, "big"), broadcast=True, options=options)


def _alone(clients: int) -> float:
    router = Router(SeededEntropy(1))
    for event in (PlaneAnnounced(ipv6=True, manages=True), ConfigurationEntered(_POOL), LinkChanged(_PORT, True)):
        router.handle(event, 0.0)
    begun = time.process_time()
    for number in range(clients):
        offer = None
        for kind in (MessageType.DISCOVER, MessageType.REQUEST):
            octets = datagram(_asked(kind, number, offer), _NOBODY, BROADCAST, (CLIENT_PORT, SERVER_PORT))
            effects = router.handle(IpReceived(_PORT, _NOBODY, BROADCAST, IpProtocol.UDP, octets), number / 200)
            (sent,) = (one.payload for one in effects if isinstance(one, SendIp))
            offer = Message.parse(UdpDatagram.parse(sent, _SERVER, BROADCAST).payload)
        assert offer is not None
        assert offer.type is MessageType.ACK
    return clients / (time.process_time() - begun)


def _measure(rounds: int, clients: int) -> Json:
    router, hosts = new_network(), (new_network(), new_network())
    plug_in(router, hosts)
    with inside_network(router):
        child = fork()
        if child == 0:
            end_with(_serve)
    found: dict[str, list[Json]] = {"leases": []}
    with inside_network(hosts[0]):
        found["leases"] = [_through_sockets(clients, 1 + clients * number) for number in range(3)]
    os.kill(child, 9)
    os.waitpid(child, 0)
    with inside_network(hosts[0]), netlink.NetlinkSocket() as kernel:
        link = kernel.find_link("eth0")
        assert link is not None
        for number in range(3, 6):
            own = netlink.InterfaceAddress(link.index, IPv4Address(f"10.98.1.{number}"), 24)
            kernel.call(netlink.add_address(own))
    everybody = Addresses(_NOBODY, IPv4Address("255.255.255.255"))
    rule = SourceRule(_OUTSIDE, (Clause(True, ((PacketRule(True, everybody, everybody),),)),))
    found |= {"tcp": [], "udp64": []}
    with inside_network(router):
        plane = UserspacePlane(lambda event: None, Loop(), PythonEngine, manage=True)
        plane.start()
        plane.adopt(_PORT, _OUTSIDE)
        for number, port in ((1, _PORT), (2, _OUTSIDE)):
            plane.execute(SetInterface(port, True, ((IPv4Address(f"10.98.{number}.1"), 24),)))
        plane.execute(SetTranslation((_PORT,), (rule,), (_OUTSIDE,)))
        time.sleep(1)  # until the carriers count
        for _ in range(rounds):
            bare = {"tcp": 0.0, "udp64": 0.0}
            for flows in (0, FLOWS):
                for kind in bare:
                    plane.execute(ForgetTranslations())
                    with inside_network(hosts[0]):
                        _begin(flows)
                    if flows:
                        assert len(plane.translations().flows) > FLOWS * 0.9
                    udp = kind == "udp64"
                    run = dataplane.udp(hosts, "10.98.2.2", 1.0, 64) if udp else dataplane.tcp(hosts, "10.98.2.2", 1.0)
                    if flows:
                        found[kind].append(run / bare[kind])
                    bare[kind] = run
        plane.close()
    return dict(found)


def _begin(flows: int) -> None:
    """Send from so many ports of stations inside, none of which takes more than its share."""
    for number in range(flows):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind((f"10.98.1.{3 + number // (SHARE - 96)}", 10_000 + number % (SHARE - 96)))
            one.sendto(b"", ("10.98.2.2", 9))


def _serve() -> None:
    """Be the router, until killed."""
    loop, router, inbox = Loop(), Router(SeededEntropy(1)), list[Event]()
    plane = UserspacePlane(inbox.append, loop, PythonEngine, names={_PORT: "Gi0-1", _OUTSIDE: "Gi0-2"}, manage=True)
    plane.start()
    inbox += [PlaneAnnounced(ipv6=False, manages=True), ConfigurationEntered(_POOL)]
    plane.adopt(_PORT, _OUTSIDE)
    while True:
        while inbox:
            for effect in router.handle(inbox.pop(0), time.monotonic()):
                _carry_out(plane, effect)
        loop.run(0.0001)
        if (due := router.next_deadline()) is not None and due <= time.monotonic():
            inbox.append(Tick())


def _carry_out(plane: UserspacePlane, effect: Effect) -> None:
    try:
        plane.execute(effect)
    except EffectError:
        return  # of what this test does not need


def _through_sockets(clients: int, first: int) -> float:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\0")
        one.bind(("", CLIENT_PORT))
        one.settimeout(1.0)

        def answers(messages: list[Message]) -> list[Message]:
            for message in messages:
                one.sendto(message.serialize(), (str(BROADCAST), SERVER_PORT))
            return [Message.parse(one.recv(2048)) for _ in messages]

        for _ in range(20):  # until it runs
            with suppress(TimeoutError):
                answers([_asked(MessageType.DISCOVER, 0xFFFFFF)])
                break
        begun = time.monotonic()
        for start in range(first, first + clients, _TOGETHER):
            offers = answers([_asked(MessageType.DISCOVER, start + number) for number in range(_TOGETHER)])
            found = answers([_asked(MessageType.REQUEST, offer.xid, offer) for offer in offers])
            assert all(each.type is MessageType.ACK for each in found)
        return clients / (time.monotonic() - begun)
