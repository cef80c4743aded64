"""What an IKE SA costs: processor time of one side, and memory.

One router's IKE in this process, with its real configuration and cryptography, and spokes that begin with it one after
another, whose own time is not counted: handshakes are IKE_SA_INIT and IKE_AUTH with a pre-shared key, the first pair of
SAs included, as octets in and octets out; in IKEv1 main mode and quick mode, without perfect forward secrecy. Memory is
what Python has allocated for all of it, the octets of keys too. Garbage is collected as in a router that runs.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from bench.figures import Figure
from bench.loop import collecting
from dmvpn.base.entropy import SeededEntropy
from dmvpn.features.ike.crypto import draw
from dmvpn.features.ike.numbers import Group
from support.ike_machines import GCM, PSK, MachineNet, Node

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.notices import Notice

RUNS: Final = 5
HUB: Final = "198.51.100.1"
FIRST: Final = IPv4Address("10.0.0.1")
#: IKEv1, with a group to put in.
ISAKMP: Final = """
crypto isakmp policy 10
 encryption aes 256
 hash sha256
 authentication pre-share
 group {group}
crypto isakmp key secret address 0.0.0.0 0.0.0.0
"""
X25519: Final = f"""{PSK}
crypto ikev2 proposal FAST
 encryption aes-gcm-256
 prf sha256
 group 31
crypto ikev2 policy FAST
 proposal FAST
"""


def measure(*, quick: bool) -> list[Figure]:
    """Handshakes a second, exchanges of the group of older routers a second, and KiB for a pair."""
    count = 50 if quick else 400
    runs = [_handshakes(count, X25519) for _ in range(RUNS)]
    modp = [_exchanges(count, Group.MODP_2048) for _ in range(RUNS)]
    return [
        Figure(
            name="PSK handshakes of a responder, X25519 and AES-GCM-256, first pair included",
            unit="/s",
            values=tuple(rate for rate, _ in runs),
            floor=2300.0,
            goal=3000.0,
            more=True,
            baseline=tuple(raw for _, raw in runs),
            against="X25519 alone: a key made, a secret agreed",
        ),
        Figure(
            name="Diffie-Hellman of one side with MODP group 14: a key made, a secret agreed",
            unit="/s",
            values=tuple(modp),
            floor=100.0,
            goal=1000.0,
            more=True,
            baseline=tuple(raw for _, raw in runs),
            against="X25519 alone: a key made, a secret agreed",
        ),
        Figure(
            name="IKEv1, PSK: main and quick mode of a responder, group 14 and AES-CBC-256",
            unit="/s",
            values=tuple(_handshakes(count, ISAKMP.format(group=14))[0] for _ in range(RUNS)),
            floor=900.0,
            goal=1100.0,
            more=True,
            baseline=tuple(modp),
            against="Diffie-Hellman with group 14 alone",
        ),
        Figure(
            name="IKEv1, PSK: main and quick mode of a responder, group 19 and AES-CBC-256",
            unit="/s",
            values=tuple(_handshakes(count, ISAKMP.format(group=19))[0] for _ in range(RUNS)),
            floor=250.0,
            goal=700.0,
            more=True,
            baseline=tuple(_exchanges(count, Group.ECP_256) for _ in range(RUNS)),
            against="Diffie-Hellman with group 19 alone",
        ),
        Figure(
            name="memory of IKE for one peer: IKE SA, pair of SAs, connection",
            unit="KiB",
            values=tuple(_kibibytes(count) for _ in range(1 if quick else 3)),
            floor=64.0,
            goal=24.0,
        ),
    ]


class _Timed:
    """A router whose processor time is counted."""

    def __init__(self, node: Node) -> None:
        self.spent = 0.0
        self._handle, self._next = node.machine.handle, node.machine.next_deadline
        node.machine.handle = self.handle  # type: ignore[method-assign]

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        begun = time.process_time()
        results = self._handle(event, now)
        self._next()
        self.spent += time.process_time() - begun
        return results


def network(count: int, lines: str) -> tuple[MachineNet, Node]:
    """A hub that has met one spoke: what is made once is there."""
    net = MachineNet()
    hub = net.node(HUB, lines, transforms=(GCM,))
    meet(net, hub, FIRST + count + 1, lines)
    return net, hub


def meet(net: MachineNet, hub: Node, address: IPv4Address, lines: str) -> None:
    """One more spoke comes up, and is forgotten; the hub keeps what it has with it."""
    spoke = net.node(str(address), lines, transforms=(GCM,))
    spoke.want(hub)
    net.run(0.1)
    assert spoke.pairs, "no handshake"
    del net.nodes[spoke.address]
    hub.said.clear()
    hub.pairs.clear()
    net.log.clear()
    net.flights.clear()


@collecting
def _handshakes(count: int, lines: str) -> tuple[float, float]:
    """Handshakes a second of the hub's processor time, and key exchanges a second without anything around them."""
    net, hub = network(count, lines)
    timed = _Timed(hub)
    for number in range(count):
        meet(net, hub, FIRST + number, lines)
    theirs = X25519PrivateKey.generate().public_key().public_bytes_raw()
    begun = time.process_time()
    for number in range(1, count + 1):
        own = X25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))
        own.public_key().public_bytes_raw()
        own.exchange(X25519PublicKey.from_public_bytes(theirs))
    return count / timed.spent, count / (time.process_time() - begun)


def _exchanges(count: int, group: Group) -> float:
    """Key exchanges a second of one side: a key made, a secret agreed."""
    entropy = SeededEntropy(1)
    theirs = draw(group, entropy).public
    begun = time.process_time()
    for _ in range(count):
        own = draw(group, entropy)
        assert own.public != own.agree(theirs)
    return count / (time.process_time() - begun)


def _kibibytes(count: int) -> float:
    net, hub = network(count, X25519)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(count):
        meet(net, hub, FIRST + number, X25519)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(hub.machine.sas()) == count + 1, "an IKE SA is missing"
    return (after - before) / count / 1024
