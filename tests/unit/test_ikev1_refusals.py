"""What a peer says instead of message 6 of main mode, and what an attacker may pretend that it says."""

from __future__ import annotations

from dmvpn.base.errors import surely
from dmvpn.base.negotiation import NegotiationChanged
from dmvpn.base.protection import Encapsulation
from dmvpn.features.ike.chain import serialize_chain
from dmvpn.features.ike.v1.keys import exchange_iv, hash_1
from dmvpn.features.ike.v1.numbers import ExchangeType, Flag, NotifyType, PayloadType
from dmvpn.features.ike.v1.packet import Hash, Header, Message, Notify, Sealed
from dmvpn.features.ike.v1.sa import IsakmpSa
from support.ike_machines import ISAKMP, MachineFlight, MachineNet, Node, crosswise

HUB, SPOKE = "198.51.100.1", "203.0.113.10"
_MESSAGE_ID = 0xC0FFEE


def waiting() -> tuple[MachineNet, Node, Node, MachineFlight]:
    """Return both ends when the spoke waits for message 6, which is held up."""
    net = MachineNet()
    hub, spoke = (net.node(name, ISAKMP, encapsulation=Encapsulation.NEVER) for name in (HUB, SPOKE))
    net.drops = lambda _: len(net.log) == 6
    spoke.want(hub)
    net.run(0.1)
    assert len(net.log) == 6
    net.drops = lambda _: False
    return net, hub, spoke, net.log[5]


def sa_of(node: Node) -> IsakmpSa:
    (sa,) = (sa for sa in node.machine.sessions if isinstance(sa, IsakmpSa))
    return sa


def refusal(sa: IsakmpSa, kind: NotifyType, last_block: bytes) -> bytes:
    """Return an encrypted notification. last_block: of phase 1, as its sender has it."""
    keys, channel = surely(sa.keys), surely(sa.channel)
    payloads = (Notify(kind, protocol=1),)
    proof = Hash(hash_1(keys, _MESSAGE_ID, serialize_chain(payloads)))
    inner = serialize_chain((proof, *payloads))
    inner += bytes(-len(inner) % channel.cipher.value)
    iv = exchange_iv(keys.prf, last_block, _MESSAGE_ID, channel.cipher.value)
    header = Header(
        cookie_i=sa.cookie_i,
        cookie_r=sa.cookie_r,
        exchange=ExchangeType.INFORMATIONAL,
        flags=Flag.ENCRYPTION,
        message_id=_MESSAGE_ID,
    )
    sealed = Sealed(PayloadType.HASH, channel.cipher.encrypt(keys.cipher, iv, inner))
    return Message(header=header, sealed=sealed).serialize()


def arrives(net: MachineNet, flight: MachineFlight, octets: bytes) -> None:
    flight.datagram = type(flight.datagram)(source_port=500, destination_port=500, payload=octets)
    net.deliver(flight)


def reasons(node: Node) -> list[str]:
    return [change.reason.what for change in node.heard(NegotiationChanged) if change.reason]


def test_libreswan_that_refuses_our_identity_is_understood_at_once() -> None:
    """It took 31 seconds, and the log said: another pre-shared key, or our identity."""
    net, _, spoke, flight = waiting()
    arrives(net, flight, refusal(sa_of(spoke), NotifyType.INVALID_ID_INFORMATION, b""))
    assert f"the peer refuses our identity {SPOKE}" in reasons(spoke)
    assert not spoke.machine.sas()


def test_a_refusal_by_the_iv_of_the_standard_is_understood_too() -> None:
    net, _, spoke, flight = waiting()
    sa = sa_of(spoke)
    arrives(net, flight, refusal(sa, NotifyType.AUTHENTICATION_FAILED, surely(sa.channel).iv(0)))
    assert any("the peer refuses us: authentication failed" in reason for reason in reasons(spoke))


def test_a_forged_refusal_is_a_line_in_the_log_and_main_mode_goes_on() -> None:
    net, hub, spoke, flight = waiting()
    forged = bytearray(refusal(sa_of(spoke), NotifyType.INVALID_ID_INFORMATION, b""))
    forged[40] ^= 1
    arrives(net, flight, bytes(forged))
    assert any("it seems to have another pre-shared key for us" in line for line in spoke.logs)
    net.run(2)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)


def test_when_main_mode_is_over_the_iv_of_an_unfinished_phase_1_counts_no_more() -> None:
    net, hub, spoke, flight = waiting()
    net.run(2)
    assert crosswise(hub, spoke)
    arrives(net, flight, refusal(sa_of(spoke), NotifyType.INVALID_ID_INFORMATION, b""))
    net.run(1)
    assert crosswise(hub, spoke)
    assert not any("another pre-shared key" in line for line in spoke.logs)
