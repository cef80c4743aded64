"""Attacks on IKEv1: strangers, an attacker on the path that repeats messages, hostile peers with a right key.

The hostile peer is a router of ours (`spoke`), whose ISAKMP SA seals whatever a test wants.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import PollSas
from dmvpn.base.errors import WireError, surely
from dmvpn.base.events import IpReceived, SasCounted, Tick
from dmvpn.base.negotiation import PoliciesChanged, SaRenewalWanted
from dmvpn.base.protection import Encapsulation, SaCount
from dmvpn.base.reasons import Reason
from dmvpn.features.ike import table
from dmvpn.features.ike.chain import serialize_chain
from dmvpn.features.ike.numbers import ProtocolId
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Transmit
from dmvpn.features.ike.v1 import peers, quick_mode
from dmvpn.features.ike.v1.debug import packet_lines
from dmvpn.features.ike.v1.events import begin_quick
from dmvpn.features.ike.v1.keys import hash_1
from dmvpn.features.ike.v1.numbers import ExchangeType, Flag, NotifyType
from dmvpn.features.ike.v1.offers import SHORTEST_LIFETIME
from dmvpn.features.ike.v1.packet import Delete, Fragment, Hash, Message, Notify, SecurityAssociation, identity_of
from dmvpn.features.ike.v1.quick_mode import QuickAsk
from dmvpn.features.ike.v1.sa import MOST_CHILDREN, IsakmpSa, SaState
from dmvpn.features.ike.v1.transmission import cut
from dmvpn.net.ip import UdpDatagram
from support.ike_machines import (
    ISAKMP,
    MachineFlight,
    MachineNet,
    Node,
    arrives,
    crosswise,
    is_beginning,
    isakmp_sas,
)

if TYPE_CHECKING:
    from dmvpn.features.ike.chain import Payload

HUB, SPOKE, STRANGER = "198.51.100.1", "203.0.113.10", "203.0.113.66"
LINES = """
crypto isakmp policy 10
 encryption aes 256
 hash sha256
 authentication pre-share
 group 14
crypto isakmp key secret address 0.0.0.0
"""


def met(seconds: float = 3600.0, lines: str = LINES) -> tuple[MachineNet, Node, Node]:
    """Two routers that have a pair."""
    net = MachineNet()
    hub, spoke = (
        net.node(HUB, lines, seconds=seconds, encapsulation=Encapsulation.NEVER),
        net.node(SPOKE, lines, seconds=seconds, encapsulation=Encapsulation.NEVER),
    )
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke)
    return net, hub, spoke


def sealed(sa: IsakmpSa, kind: ExchangeType, *payloads: Payload) -> bytes:
    """Return a message that begins an exchange, with the right hash."""
    message_id = sa.fresh_message_id()
    assert sa.keys is not None
    proof = Hash(hash_1(sa.keys, message_id, serialize_chain(payloads)))
    return sa.sealed(kind, message_id, (proof, *payloads))


def says(node: Node, *payloads: Payload) -> bytes:
    """Return an informational message of a router's only ISAKMP SA."""
    (sa,) = isakmp_sas(node)
    return sealed(sa, ExchangeType.INFORMATIONAL, *payloads)


def asks(node: Node) -> bytes:
    """A router begins a quick mode. Returns message 1."""
    sa = next(each for each in isakmp_sas(node) if each.is_usable)
    sa.children.rekeying.clear()
    newest = max(sa.children, key=lambda child: child.since)
    node.tell(SaRenewalWanted(int.from_bytes(newest.spi_in, "big")))
    return node.net.log[-1].datagram.payload


def exchange_of(flight: MachineFlight) -> int:
    return flight.datagram.payload[18]


def is_quick(flight: MachineFlight) -> bool:
    return exchange_of(flight) == ExchangeType.QUICK


# ------------------------------------------------------------------------------------------- an attacker on the path


def test_a_pair_is_renewed_although_the_peer_began_and_did_not_finish_that() -> None:
    net, hub, spoke = met(seconds=120.0)
    (pair,) = hub.pairs
    (sa,), (theirs,) = isakmp_sas(hub), isakmp_sas(spoke)
    asked = asks(spoke)
    net.flights.clear()
    theirs.exchanges.popitem()
    assert arrives(hub, asked)
    assert len(hub.pairs) == 2
    net.run(40)
    assert list(hub.pairs) == [pair]
    (child,) = sa.children
    assert child.spi_in not in sa.children.rekeying


@pytest.mark.conforms("ike1:5.5-replay")
def test_quick_mode_is_not_done_twice_however_many_there_were() -> None:
    net, hub, spoke = met()
    first = next(flight for flight in net.log if is_quick(flight)).datagram.payload
    (sa,) = isakmp_sas(spoke)
    for _ in range(100):
        asks(spoke)
        net.run(1)
        for child in tuple(sa.children)[:-1]:
            sa.withdraw(child, Reason(IkeReason.REPLACED))
    net.run(100)
    assert arrives(hub, first) == []


@pytest.mark.conforms("isakmp:5.1-once")
@pytest.mark.parametrize("which", range(9))
def test_a_message_that_comes_twice_causes_one_more_at_most(which: int) -> None:
    net, _, _ = met()
    net.run(1)
    before = len(net.log)
    flight = net.log[which]
    net.flights.append(replace(flight, at=net.now))
    net.run(5)
    assert len(net.log) - before <= 1


@pytest.fixture
def net() -> MachineNet:
    return MachineNet()


@pytest.mark.conforms("nat:4-old-port")
def test_a_message_again_from_another_port_moves_no_peer(net: MachineNet) -> None:
    hub, spoke = net.node(HUB, LINES), net.node(SPOKE, LINES)
    spoke.want(hub)
    net.run(1)
    (sa,) = isakmp_sas(hub)
    path = sa.path
    assert path.remote.port == 4500
    for flight in net.log:
        for port in (500, 7):
            arrives(hub, flight.datagram.payload[4:], port=port)
    assert sa.path == path


def test_message_1_again_is_no_wrong_key(net: MachineNet) -> None:
    hub, spoke = net.node(HUB, LINES, encapsulation=Encapsulation.NEVER), net.node(SPOKE, LINES)
    net.drops = lambda flight: flight.datagram.payload[19] & Flag.ENCRYPTION != 0
    spoke.want(hub)
    net.run(0.2)
    (sa,) = isakmp_sas(hub)
    assert sa.state is SaState.KEY_EXCH
    arrives(hub, net.log[0].datagram.payload)
    assert sa.hint is None
    assert not hub.machine.refused


def test_an_old_refusal_again_ends_no_later_quick_mode() -> None:
    net, hub, spoke = met(seconds=120.0)
    (sa,) = isakmp_sas(hub)
    refusal = sealed(sa, ExchangeType.INFORMATIONAL, Notify(NotifyType.NO_PROPOSAL_CHOSEN, protocol=ProtocolId.ESP))
    arrives(spoke, refusal, HUB)
    net.drops = lambda flight: is_quick(flight) and flight.target == IPv4Address(SPOKE)
    (mine,) = isakmp_sas(spoke)
    while not any(exchange.retransmission.awaits for exchange in mine.exchanges.values()):
        net.run(0.1)
    arrives(spoke, refusal, HUB)
    assert any(exchange.retransmission.awaits for exchange in mine.exchanges.values())


# ------------------------------------------------------------------------------------------------ strangers


def test_no_answer_to_a_stranger_is_larger_than_its_message(net: MachineNet) -> None:
    hub, spoke = net.node(HUB, LINES, encapsulation=Encapsulation.NEVER), net.node(SPOKE, LINES)
    spoke.want(hub)
    message = Message.parse(net.log[0].datagram.payload)
    for few in range(len(message.payloads) + 1):
        bare = replace(message, payloads=message.payloads[:few]).serialize()
        answers = arrives(hub, bare, STRANGER)
        assert sum(map(len, answers)) <= len(bare)
        assert len(answers) <= 1


def test_a_stranger_whose_offer_is_large_is_turned_away(net: MachineNet) -> None:
    hub, spoke = net.node(HUB, LINES, encapsulation=Encapsulation.NEVER), net.node(SPOKE, LINES)
    spoke.want(hub)
    message = Message.parse(net.log[0].datagram.payload)
    offer = message.find(SecurityAssociation)
    assert offer is not None
    (proposal,) = offer.proposals
    transforms = tuple(proposal.transforms[0]._replace(number=number) for number in range(255))
    large = replace(message, payloads=(SecurityAssociation((proposal._replace(transforms=transforms),)),))
    arrives(hub, large.serialize(), STRANGER)
    assert not isakmp_sas(hub)


# ------------------------------------------------------------------------------------------------ hostile peers


def test_one_datagram_of_a_peer_gets_one_answer_however_often_it_asks() -> None:
    _, hub, spoke = met()
    (sa,) = isakmp_sas(spoke)
    questions = (Notify(NotifyType.R_U_THERE, n.to_bytes(4, "big"), ProtocolId.IKE, sa.spis) for n in range(60))
    asked = says(spoke, *questions)
    answers = arrives(hub, asked)
    assert len(answers) == 1
    assert len(answers[0]) <= len(asked)


def test_a_refusal_that_was_lost_comes_again() -> None:
    net, hub, spoke = met(seconds=120.0)
    (pair,) = spoke.pairs
    hub.policy = replace(hub.policy, transport=not hub.policy.transport)
    hub.tell(PoliciesChanged((hub.policy,)))
    lost: list[MachineFlight] = []

    def loses_two(flight: MachineFlight) -> bool:
        if flight.sender == IPv4Address(HUB) and exchange_of(flight) == ExchangeType.INFORMATIONAL and len(lost) < 2:
            lost.append(flight)
            return True
        return False

    net.drops = loses_two
    (sa,) = isakmp_sas(spoke)
    while len(lost) < 2 and net.now < 130:
        net.run(1)
    net.run(5)
    assert sa.is_established
    assert not sa.is_asking
    assert list(spoke.pairs) == [pair]


def test_an_isakmp_sa_that_gave_up_sends_nothing_and_makes_no_pair() -> None:
    """Two quick modes are due in one late moment: the first has no answer, the second waits for CONNECTED."""
    net, hub, spoke = met()
    (sa,) = isakmp_sas(spoke)
    net.drops = is_quick
    asks(spoke)
    net.run(30)
    asked = asks(spoke)
    net.drops = lambda _: True
    answer = arrives(hub, asked)
    committed = Message.parse(answer[0])
    header = replace(committed.header, flags=committed.header.flags | Flag.COMMIT)
    arrives(spoke, replace(committed, header=header).serialize(), HUB)
    before = len(net.log)
    net.now += 60.0
    spoke.tell(Tick())
    assert sa.is_dead
    assert len(net.log) == before
    assert not spoke.pairs


def test_a_peer_has_no_more_pairs_than_one_isakmp_sa_may_have() -> None:
    """It begins more of them on an ISAKMP SA whose place another one has taken."""
    net, hub, spoke = met()
    for _ in range(3):
        old = next(sa for sa in isakmp_sas(spoke) if sa.is_usable)
        assert old.terms is not None
        old.rekey_at = net.now
        asks(spoke)
        net.run(1)
        for _ in range(MOST_CHILDREN):
            begin_quick(old, QuickAsk(old, old.terms.child))
            for output in old.take_outputs():
                assert isinstance(output, Transmit)
                arrives(hub, output.datagrams[0])
            net.run(0.1)
        net.run(20)
    assert len(hub.pairs) <= MOST_CHILDREN


@pytest.mark.parametrize(("of_hub", "of_spoke"), [(1.0, 3600.0), (3600.0, 1.0)])
def test_a_peer_whose_pairs_live_a_second_does_not_keep_us_busy(
    net: MachineNet, of_hub: float, of_spoke: float
) -> None:
    hub, spoke = net.node(HUB, LINES, seconds=of_hub), net.node(SPOKE, LINES, seconds=of_spoke)
    spoke.want(hub)
    net.run(1)
    kept = [child.terms.seconds for node in (hub, spoke) for sa in isakmp_sas(node) for child in sa.children]
    assert max(kept) >= SHORTEST_LIFETIME


def test_an_isakmp_sa_that_is_held_gives_its_pairs_to_the_one_that_was_begun_before() -> None:
    net, hub, spoke = met(seconds=300.0)
    (old,) = isakmp_sas(spoke)
    (theirs,) = isakmp_sas(hub)
    old.rekey_at = net.now
    asks(spoke)
    net.delay = 2.0
    net.run(1.5)
    old.since = net.now  # it was established while the other one had begun
    arrives(spoke, sealed(theirs, ExchangeType.INFORMATIONAL, Delete(ProtocolId.IKE, (theirs.spis,))), HUB)
    assert old.state is SaState.HELD
    net.delay = 0.01
    net.run(100)
    assert old.is_dead
    assert crosswise(hub, spoke)


def test_pairs_live_on_if_the_peer_deleted_one_isakmp_sa_of_two_and_that_was_lost() -> None:
    net, hub, spoke = met(lines=f"{LINES}crypto isakmp keepalive 10 periodic\n")
    for node in (hub, spoke):
        (sa,) = isakmp_sas(node)
        sa.rekey_at = net.now
        asks(node)
    net.delay = 0.2
    net.run(2.5)
    assert [sa.is_usable for sa in isakmp_sas(hub)] == [False, True, True]
    net.drops = lambda flight: exchange_of(flight) == ExchangeType.INFORMATIONAL
    net.run(4)
    net.drops = lambda _: False
    assert {len([sa for sa in isakmp_sas(node) if sa.is_usable]) for node in (hub, spoke)} == {1, 2}
    for _ in range(60):
        net.run(1)
        sent_by_hub = {pair.sa.spi_out for pair in hub.pairs.values()}
        assert sent_by_hub & {*spoke.pairs, *spoke.lingering}
    assert crosswise(hub, spoke)


@pytest.mark.parametrize("receives", [False, True])
def test_pairs_of_a_peer_that_deleted_its_isakmp_sa_and_died_go_unless_packets_come(receives: bool) -> None:
    net, hub, spoke = met(lines=f"{LINES}crypto isakmp keepalive 10 periodic\n")
    (pair,) = spoke.pairs
    arrives(spoke, says(hub, Delete(ProtocolId.IKE, (isakmp_sas(hub)[0].spis,))), HUB)
    assert [sa.state for sa in isakmp_sas(spoke)] == [SaState.HELD]
    net.drops = lambda _: True
    for second in range(80):
        net.run(1)
        asked = [said for said in spoke.said if isinstance(said, PollSas)]
        spoke.forget_what_was_said()
        if asked:
            spoke.tell(SasCounted((SaCount(spi_in=pair, sent=second, received=second if receives else 1),)))
    assert bool(spoke.pairs) is receives


def test_fragments_of_main_mode_are_no_steps_of_it_in_debugs() -> None:
    """`debug crypto isakmp` printed `New State = IKE_I_MM0` for each fragment of a large message 5."""
    _, _, spoke = met()
    (sa,) = isakmp_sas(spoke)
    pieces = cut(sa.header(ExchangeType.MAIN, 0, encrypted=False), bytes(2000), 600)
    for piece in pieces:
        (line,) = packet_lines(piece, sa.path, sa, sa.settings, sent=True)
        assert "sending packet to" in line


# ------------------------------------------------------------------------------------------------ what cannot be read


def test_what_cannot_be_read_of_a_peer_with_a_key_is_one_line_in_a_minute_and_of_a_stranger_none(
    net: MachineNet,
) -> None:
    """Messages of a peer were dropped in silence, and both ends waited."""
    hub, spoke = net.node(HUB, LINES.replace("0.0.0.0", SPOKE)), net.node(SPOKE, LINES)
    spoke.want(hub)
    whole = net.log[0].datagram.payload
    for junk in (b"\x01", b"\x01" * 2, b"\x01" * 5):
        broken = whole[:24] + (len(whole) + len(junk)).to_bytes(4, "big") + whole[28:] + junk
        arrives(hub, broken)
        arrives(hub, broken, STRANGER)
    said = f"IKE message from {SPOKE} failed its sanity check or is malformed: octets behind the last payload"
    assert [said in line for line in hub.logs if "BAD_MESSAGE" in line] == [True]
    net.now += 61
    arrives(hub, broken)
    assert [said in line for line in hub.logs if "BAD_MESSAGE" in line] == [True, True]


# ------------------------------------------------------------------------------------------------ fragments in clear


def path_to(address: str) -> DatagramPath:
    return DatagramPath(Endpoint(IPv4Address(HUB), 500), Endpoint(IPv4Address(address), 500))


def first_message(largest: int) -> tuple[MachineNet, Node, Node, tuple[bytes, ...]]:
    """Return message 1 of a spoke in fragments, which its hub does not have yet."""
    net = MachineNet()
    hub, spoke = (net.node(name, LINES, encapsulation=Encapsulation.NEVER) for name in (HUB, SPOKE))
    spoke.want(hub)
    octets = net.flights.pop().datagram.payload
    return net, hub, spoke, cut(Message.parse(octets).header, octets, largest)


@pytest.mark.parametrize("zeros", [0, 2])
def test_message_1_in_fragments_is_put_together(zeros: int) -> None:
    """A peer that always fragments never came up: nothing says before message 1 that we can take its parts."""
    net, hub, spoke, parts = first_message(150)
    if zeros:
        octets = b"".join(surely(Message.parse(part).find(Fragment)).data for part in parts) + bytes(zeros)
        octets = octets[:24] + len(octets).to_bytes(4, "big") + octets[28:]
        parts = cut(Message.parse(octets).header, octets, 150)
    assert len(parts) > 1
    assert [len(arrives(hub, part)) for part in (*parts[1:], parts[0])] == [0] * (len(parts) - 1) + [1]
    net.run(2)
    assert crosswise(hub, spoke)


def test_strangers_make_us_keep_few_fragments_and_not_for_long() -> None:
    strangers, part = peers.Initiators(), partial(Fragment, 7)
    front = [path_to(f"203.0.113.{number}") for number in range(peers.LARGEST_NUMBER_IN_FRAGMENTS + 1)]
    assert strangers.join(part(1, 0, b"a"), front[0], 0.0) is None
    assert strangers.join(part(2, 1, b"b"), front[0], peers.FRAGMENTS_TIME) is None
    assert strangers.join(part(1, 0, b"a"), front[0], peers.FRAGMENTS_TIME) == b"ab"
    for path in front:
        assert strangers.join(part(1, 0, b"a"), path, 9.0) is None
    assert strangers.join(part(2, 1, b"b"), front[1], 9.0) == b"ab"
    assert strangers.join(part(2, 1, b"b"), front[0], 9.0) is None
    with pytest.raises(WireError, match="too large together"):
        strangers.join(part(3, 0, bytes(peers.LARGEST_IN_FRAGMENTS)), front[0], 9.0)


@pytest.mark.lengthy
def test_half_open_peers_together_keep_no_more_octets_than_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Peers that had begun made a router keep 132 MB, by large offers and by fragments before they proved anything."""
    monkeypatch.setattr(table, "LARGEST_OCTETS", 40 * table.EACH)
    net = MachineNet()
    hub, spoke = (net.node(name, LINES, encapsulation=Encapsulation.NEVER) for name in (HUB, SPOKE))
    spoke.want(hub)
    first = Message.parse(net.flights.pop().datagram.payload)
    offer = surely(first.find(SecurityAssociation)).proposals[0]
    large = offer._replace(transforms=tuple(offer.transforms[0]._replace(number=number) for number in range(100)))
    part = Fragment(7, 2, 0, bytes(4000))
    for number in range(100):
        header = replace(first.header, cookie_i=(number + 1).to_bytes(8, "big"))
        begins = replace(first, header=header, payloads=(SecurityAssociation((large,)), *first.payloads[1:]))
        (answer,) = arrives(hub, begins.serialize(), f"203.0.114.{number}")
        for place in range(2, 6):
            early = Message((replace(part, number=place),), header=Message.parse(answer).header)
            arrives(hub, early.serialize(), f"203.0.114.{number}")
    assert 5 < len(isakmp_sas(hub)) < 40 * table.EACH / (table.EACH + len(SecurityAssociation((large,)).body()))
    assert not any(sa.in_fragments for sa in isakmp_sas(hub))
    spoke.want(hub, wanted=False)
    net.flights.clear()
    for number in range(20):  # these return the cookie, and send parts of their proof
        peer = net.node(f"203.0.115.{number}", LINES, encapsulation=Encapsulation.NEVER)
        net.drops = lambda flight: bool(flight.datagram.payload[19] & Flag.ENCRYPTION)
        peer.want(hub)
        net.run(0.1)
        (sa,) = isakmp_sas(peer)
        for place in range(2, 6):
            late = Message((replace(part, number=place),), header=sa.header(ExchangeType.MAIN, 0, encrypted=False))
            arrives(hub, late.serialize(), str(peer.address))
    kept = [sa.in_fragments for sa in isakmp_sas(hub)]
    assert 0 < sum(kept) <= (40 - len(kept)) * table.EACH
    net.drops = lambda _: False
    newest = net.node("203.0.115.99", LINES, encapsulation=Encapsulation.NEVER)
    newest.want(hub)
    net.run(1)
    assert newest.pairs


def test_message_2_in_fragments_is_taken_from_the_peer_that_we_began_with_alone() -> None:
    net, hub, spoke, parts = first_message(1280)
    (answer,) = arrives(hub, parts[0])
    pieces = cut(Message.parse(answer).header, answer, 100)
    assert len(pieces) > 1
    net.flights.clear()
    assert not any(arrives(spoke, piece, STRANGER) for piece in pieces)
    arrives(spoke, pieces[0], STRANGER)
    assert [len(arrives(spoke, piece, HUB)) for piece in pieces] == [0] * (len(pieces) - 1) + [1]


# ------------------------------------------------------------------------------------------------ selectors


def test_a_peer_that_wants_more_than_the_tunnel_is_refused_by_name(
    net: MachineNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pair came up and was shown as GRE between both addresses, which the peer had not agreed to."""
    hub, spoke = (net.node(name, LINES, encapsulation=Encapsulation.NEVER) for name in (HUB, SPOKE))
    monkeypatch.setattr(quick_mode, "identity_of", lambda selector: replace(identity_of(selector), protocol=0))
    spoke.want(hub)
    net.run(2)
    assert not hub.pairs
    ours, theirs = f"ours {HUB}/47; the peer's {HUB}/0", "the peer wants to protect more than the tunnel"
    assert any(f"{theirs}: {ours}" in line for line in hub.logs), hub.logs


# Which end begins a main mode that replaces an ISAKMP SA, and who may while a router has as many as it wants.

INSIDE, NAT = "192.168.1.2", "203.0.113.99"
SHORT = ISAKMP.replace("lifetime 3600", "lifetime 60")
ONE, FEW = "crypto ikev2 limit max-sa 1\n", "crypto ikev2 limit max-in-negotation-sa 1\n"
QUICK = 32


def quick_modes(net: MachineNet) -> dict[bytes, IPv4Address]:
    """Which address began each quick mode."""
    found: dict[bytes, IPv4Address] = {}
    for flight in net.log:
        octets = flight.datagram.payload.removeprefix(bytes(4))
        if octets[18:19] == bytes([QUICK]):
            found.setdefault(octets[20:24], flight.sender)
    return found


def repeated(hub: Node, first: bytes, source: str, cookies: range) -> None:
    """Message 1 comes from an address, with each of these cookies."""
    at = IPv4Address(source)
    for number in cookies:
        octets = number.to_bytes(8, "big") + first[8:]
        datagram = UdpDatagram(source_port=500, destination_port=500, payload=octets)
        hub.tell(IpReceived("GigabitEthernet1", at, hub.address, 17, datagram.serialize(at, hub.address)))


# ------------------------------------------------------------------------------------------------------ a full router


@pytest.mark.parametrize("limit", [ONE, FEW], ids=["all", "half-open"])
def test_a_full_router_lets_its_peers_replace_their_isakmp_sas(net: MachineNet, limit: str) -> None:
    """A hub with as many SAs as its limit permits refused every rekey, and lost each spoke after the lifetime."""
    hub, spoke = net.node(HUB, SHORT + limit), net.node(SPOKE, SHORT)
    spoke.want(hub)
    cookies: dict[bytes, bool] = {}
    for _ in range(300):
        net.run(1)
        assert crosswise(hub, spoke), (net.now, hub.logs)
        cookies |= {sa.own_spi: True for sa in isakmp_sas(hub) if sa.is_usable}
    assert len(cookies) >= 5
    assert not [line for line in hub.logs if "no more are wanted" in line]


def test_a_full_router_refuses_another_peer_behind_the_address_of_a_known_one() -> None:
    net = MachineNet(nats={IPv4Address(INSIDE): IPv4Address(NAT), IPv4Address("192.168.1.3"): IPv4Address(NAT)})
    net.shift = {IPv4Address("192.168.1.3"): 2000}
    hub, known, other = net.node(HUB, SHORT + ONE), net.node(INSIDE, SHORT), net.node("192.168.1.3", SHORT)
    known.want(hub)
    net.run(1)
    assert crosswise(hub, known)
    other.want(hub)
    net.run(20)
    assert crosswise(hub, known)
    assert not other.pairs
    assert [line for line in hub.logs if "no more are wanted" in line]


def test_who_forges_the_address_of_a_peer_gets_few_slots_and_does_not_keep_the_peer_out(net: MachineNet) -> None:
    hub, spoke = net.node(HUB, SHORT + ONE), net.node(SPOKE, SHORT)
    spoke.want(hub)
    net.run(1)
    first = next(flight for flight in net.log if is_beginning(flight)).datagram.payload
    repeated(hub, first, SPOKE, range(1, 101))
    assert len([sa for sa in isakmp_sas(hub) if sa.is_half_open]) == peers.LARGEST_NUMBER_OF_RENEWALS
    repeated(hub, first, "203.0.113.77", range(1, 101))
    assert len([sa for sa in isakmp_sas(hub) if sa.is_half_open]) == peers.LARGEST_NUMBER_OF_RENEWALS
    (old,) = [sa for sa in isakmp_sas(hub) if sa.is_usable]
    for number in range(1000, 2000):
        repeated(hub, first, SPOKE, range(number, number + 1))
        net.run(0.1)
        assert len([sa for sa in isakmp_sas(hub) if sa.is_half_open]) <= peers.LARGEST_NUMBER_OF_RENEWALS
        assert crosswise(hub, spoke)
    assert old.is_dead


def test_a_peer_that_its_nat_moves_during_main_mode_leaves_no_slot_of_its_old_address_behind(net: MachineNet) -> None:
    """Each such peer stayed in memory, and the bound of an address did not hold any more."""
    hub, spoke = net.node(HUB, SHORT + ONE), net.node(SPOKE, SHORT)
    spoke.want(hub)
    net.run(1)
    first = next(flight for flight in net.log if is_beginning(flight)).datagram.payload
    repeated(hub, first, SPOKE, range(1, 1 + peers.LARGEST_NUMBER_OF_RENEWALS))
    for sa in isakmp_sas(hub):
        if sa.is_half_open:
            sa.move(DatagramPath(sa.path.local, Endpoint(IPv4Address(NAT), 4500)))
    net.run(35)
    assert not [sa for sa in isakmp_sas(hub) if sa.is_half_open]
    repeated(hub, first, SPOKE, range(101, 201))
    assert len([sa for sa in isakmp_sas(hub) if sa.is_half_open]) == peers.LARGEST_NUMBER_OF_RENEWALS


def test_forged_beginnings_do_not_fill_a_router_whose_number_of_sas_is_limited(net: MachineNet) -> None:
    """A hub with `limit max-sa 5` refused each new spoke while a stranger sent it forged first messages."""
    hub, spoke = net.node(HUB, SHORT + "crypto ikev2 limit max-sa 5\n"), net.node(SPOKE, SHORT)
    spoke.want(hub)
    net.run(1)
    first = next(flight for flight in net.log if is_beginning(flight)).datagram.payload
    for number in range(50):
        repeated(hub, first, f"10.66.0.{number}", range(1, 2))
    newcomer = net.node("203.0.113.20", SHORT)
    newcomer.want(hub)
    net.run(1)
    assert newcomer.pairs, hub.logs


def test_newcomers_that_begin_together_do_not_exceed_the_number_of_sas(net: MachineNet) -> None:
    hub = net.node(HUB, SHORT + "crypto ikev2 limit max-sa 2\n")
    spokes = [net.node(f"203.0.113.{number}", SHORT) for number in range(10, 15)]
    for spoke in spokes:
        spoke.want(hub)
    net.run(5)
    assert len([spoke for spoke in spokes if spoke.pairs]) == 2
    assert len([sa for sa in isakmp_sas(hub) if sa.is_usable]) == 2
    assert len([line for line in hub.logs if "no more are wanted" in line]) == 3


@pytest.mark.lengthy
def test_five_thousand_spokes_that_begin_at_once_keep_their_places(net: MachineNet) -> None:
    """A hub that had restarted dropped most of its spokes half-way: the last one was back after more than a minute."""
    hub, spoke = net.node(HUB, SHORT), net.node(SPOKE, SHORT)
    spoke.want(hub)
    net.run(1)
    first = next(flight for flight in net.log if is_beginning(flight)).datagram.payload
    for number in range(5000):
        repeated(hub, first, f"10.66.{number >> 8}.{number & 255}", range(1, 2))
    assert len([sa for sa in isakmp_sas(hub) if sa.is_half_open]) == 5000


# ------------------------------------------------------------------------------------------------------ responder-only


def test_a_responder_only_router_begins_no_main_mode_and_no_quick_mode_for_new_sas_either(net: MachineNet) -> None:
    """The hub replaced ISAKMP SAs and pairs itself, at addresses where a spoke may accept nothing from outside."""
    hub, spoke = net.node(HUB, SHORT, responder_only=True, seconds=40.0), net.node(SPOKE, SHORT, seconds=40.0)
    spoke.want(hub)
    cookies: dict[bytes, bool] = {}
    for _ in range(300):
        net.run(1)
        assert crosswise(hub, spoke), (net.now, hub.logs)
        cookies |= {sa.own_spi: True for sa in isakmp_sas(hub) if sa.is_usable}
    assert len(cookies) >= 5
    assert not [flight for flight in net.log if is_beginning(flight) and flight.sender == hub.address]
    assert set(quick_modes(net).values()) == {spoke.address}


def test_what_a_responder_only_router_has_with_a_silent_peer_ends_after_its_lifetime(net: MachineNet) -> None:
    hub, spoke = net.node(HUB, SHORT, responder_only=True, seconds=40.0), net.node(SPOKE, SHORT, seconds=40.0)
    spoke.want(hub)
    net.run(1)
    del net.nodes[spoke.address]
    before = len(net.log)
    net.run(200)
    assert not hub.pairs
    assert not isakmp_sas(hub)
    assert not [flight for flight in net.log[before:] if is_beginning(flight)]
