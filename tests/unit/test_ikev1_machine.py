"""Two routers' IKE machines back to back in IKEv1: coming up, staying up, going down, and what strangers can do."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from random import Random
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.events import IpReceived
from dmvpn.base.negotiation import (
    ConnectionChanged,
    ConnectionUnwanted,
    NegotiationChanged,
    PoliciesChanged,
    SaClosed,
    SaNegotiated,
    SaRenewalWanted,
)
from dmvpn.base.protection import Encapsulation, IkePhase, IkeVersion
from dmvpn.features.ike import table
from dmvpn.features.ike.crypto import draw
from dmvpn.features.ike.v1 import main_mode
from dmvpn.net.ip import UdpDatagram
from support.ike_machines import (
    GCM,
    HUB,
    ISAKMP,
    SPOKE,
    Changes,
    MachineFlight,
    MachineNet,
    Node,
    crosswise,
    pair,
    ready,
    up,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.entropy import Entropy
    from dmvpn.features.ike.crypto import PrivateValue

MAIN, INFORMATIONAL, QUICK = 2, 5, 32


def message(flight: MachineFlight) -> bytes:
    """Return the message without the non-ESP marker."""
    return flight.datagram.payload.removeprefix(bytes(4))


def kind(flight: MachineFlight) -> int:
    """Return the type of its exchange; a keepalive has none."""
    octets = message(flight)
    return octets[18] if len(octets) > 18 else 0


def changed(flight: MachineFlight, change: Callable[[bytes], bytes]) -> MachineFlight:
    """Return it with another message."""
    octets, payload = message(flight), flight.datagram.payload
    marker = payload[: len(payload) - len(octets)]
    return replace(flight, datagram=replace(flight.datagram, payload=marker + change(octets)))


def kept(node: Node) -> tuple[object, ...]:
    """Return what a stranger must not change: pairs, ISAKMP SAs, and whom it talks to."""
    views = [
        (view.local_spi, view.remote_spi, view.phase, view.remote, view.remote_port) for view in node.machine.sas()
    ]
    return sorted(node.pairs), views, list(node.connections)


# -------------------------------------------------------------------------------------------------------- coming up


@pytest.mark.conforms("ike1:4-psk", "ike1:5-main", "ike1:5.5-quick", "isakmp:2.5.1-udp")
def test_what_is_wanted_comes_up_by_main_and_quick_mode() -> None:
    net, hub, spoke = up(ISAKMP, encapsulation=Encapsulation.NEVER)
    assert [kind(flight) for flight in net.log] == [MAIN] * 6 + [QUICK] * 3
    for node, other in ((hub, SPOKE), (spoke, HUB)):
        (view,) = node.machine.sas()
        assert (view.version, view.phase, view.remote_identity) == (IkeVersion.V1, IkePhase.QM_IDLE, other)
        assert (view.encryption, view.bits, view.prf, view.group) == ("AES-CBC", 256, "SHA256", 14)
    (made,) = spoke.heard(SaNegotiated)
    assert made.eager
    assert made.view.local_selector == f"{SPOKE}/255.255.255.255/47/0"
    assert not made.sa.tunnel_mode
    (connection,) = hub.connections.values()
    assert (str(connection.remote), connection.identity, connection.profile) == (SPOKE, SPOKE, "IPSEC")


@pytest.mark.conforms("ike1:5.5-pfs", "doi:4.5-modes", "doi:4.4.4-esp")
@pytest.mark.parametrize(
    "policy",
    [
        Changes(pfs_group=14),
        Changes(transforms=(GCM,)),
        Changes(transport=False),
        Changes(transforms=(GCM,), pfs_group=19),
    ],
    ids=["PFS", "AES-GCM", "tunnel mode", "AES-GCM with PFS"],
)
def test_what_the_policy_says_is_agreed_on(policy: Changes) -> None:
    _, hub, spoke = up(ISAKMP, **policy)
    for node in (hub, spoke):
        (made,) = node.heard(SaNegotiated)
        assert made.sa.transform == node.policy.transforms[0]
        assert made.view.pfs_group == node.policy.pfs_group
        assert made.sa.tunnel_mode is not node.policy.transport


@pytest.mark.conforms("isakmp:5.1-again")
@pytest.mark.parametrize("seed", range(12))
def test_it_comes_up_while_a_fifth_of_all_datagrams_are_lost(seed: int) -> None:
    net, hub, spoke = pair(ISAKMP)
    random = Random(seed)
    net.drops = lambda _: random.random() < 0.2
    spoke.want(hub)
    net.run(120)
    net.drops = lambda _: False
    net.run(60)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    assert len(ready(hub)) == len(ready(spoke)) == 1


@pytest.mark.conforms("isakmp:5.1-once")
@pytest.mark.parametrize("seed", range(12))
def test_it_comes_up_while_datagrams_are_doubled_and_overtake_each_other(seed: int) -> None:
    net, hub, spoke = pair(ISAKMP)
    random = Random(seed)
    net.delays = lambda _: tuple(random.uniform(0.001, 0.8) for _ in range(random.choice((1, 2, 3))))
    spoke.want(hub)
    net.run(60)
    net.delays = None
    net.run(30)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    assert len(ready(hub)) == len(ready(spoke)) == len(hub.pairs) == 1


@pytest.mark.conforms("isakmp:5.1-again")
@pytest.mark.parametrize("number", range(9))
def test_any_one_datagram_may_be_lost(number: int) -> None:
    net, hub, spoke = pair(ISAKMP, encapsulation=Encapsulation.NEVER)
    net.drops = lambda _: len(net.log) == number + 1
    spoke.want(hub)
    net.run(10)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    assert len(ready(hub)) == len(ready(spoke)) == len(hub.pairs) == 1


@pytest.mark.conforms("isakmp:3.1-both-begin")
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("skew", [0.0, 0.012, 0.025, 0.045, 0.065])
def test_two_that_begin_at_once_end_with_one_isakmp_sa_and_later_with_one_pair(seed: int, skew: float) -> None:
    net = MachineNet()
    one, two = (net.node(name, ISAKMP, seed=str(seed), seconds=120.0) for name in (HUB, SPOKE))
    one.want(two)
    net.run(skew)
    two.want(one)
    net.run(1)
    assert crosswise(one, two)
    net.run(60)
    assert crosswise(one, two)
    assert len(ready(one)) == len(ready(two)) == 1
    net.run(90)
    assert crosswise(one, two)
    assert len(one.pairs) == 1
    assert not [c for c in (*one.heard(ConnectionChanged), *two.heard(ConnectionChanged)) if c.new is None]


# ---------------------------------------------------------------------------------------------------------------- NAT


@pytest.mark.conforms("nat:4-answers", "nat:6-identity")
def test_behind_a_nat_esp_goes_in_udp_and_spokes_of_one_address_are_connections_of_their_own() -> None:
    net = MachineNet()
    hub = net.node(HUB, ISAKMP)
    outside = IPv4Address("203.0.113.99")
    spokes = [net.node(f"192.168.1.{number}", ISAKMP) for number in (10, 11)]
    for number, spoke in enumerate(spokes, 1):
        net.nats[spoke.address] = outside
        net.shift[spoke.address] = 1000 * number
        spoke.want(hub)
    net.run(2)
    assert {connection.remote_port for connection in hub.connections.values()} == {5500, 6500}
    assert all(connection.behind_nat for connection in hub.connections.values())
    for spoke in spokes:
        assert [(p.sa.local_port, p.sa.remote_port) for p in spoke.pairs.values()] == [(4500, 4500)]
        spoke.tell(SaRenewalWanted(next(iter(spoke.pairs))))
    net.run(20)
    assert len(hub.pairs) == 2
    assert {pair.sa.spi_in for pair in hub.pairs.values()} == {p.sa.spi_out for s in spokes for p in s.pairs.values()}


# ------------------------------------------------------------------------------------------------------------- rekeys


def carries(sender: Node, receiver: Node) -> bool:
    """Has the sender a pair that the receiver takes packets of?"""
    taken = {*receiver.pairs, *receiver.lingering}
    return any(pair.sa.spi_out in taken for pair in sender.pairs.values())


@pytest.mark.parametrize(
    "seconds", [(20.0, 3600.0), (3600.0, 20.0), (20.0, 20.0), (20.0, 27.0)], ids=["hub", "spoke", "both", "different"]
)
def test_rekeys_of_both_phases_leave_no_moment_without_a_pair(seconds: tuple[float, float]) -> None:
    text = ISAKMP.replace("lifetime 3600", "lifetime 60")
    net = MachineNet()
    hub, spoke = (net.node(name, text, seconds=each) for name, each in zip((HUB, SPOKE), seconds, strict=True))
    spoke.want(hub)
    net.run(1)
    cookies, spis = set(), set()
    for _ in range(6000):
        net.run(0.05)
        assert carries(hub, spoke), (net.now, hub.logs, spoke.logs)
        assert carries(spoke, hub), (net.now, hub.logs, spoke.logs)
        cookies |= {view.local_spi for view in ready(hub)}
        spis |= set(hub.pairs)
    assert len(cookies) >= 5
    assert len(spis) >= 14
    assert len(hub.pairs) <= 2
    assert not [c for c in (*hub.heard(ConnectionChanged), *spoke.heard(ConnectionChanged)) if c.new is None]
    assert len(hub.connections) == len(spoke.connections) == 1


@pytest.mark.parametrize("seed", range(6))
def test_rekeys_under_loss_end_with_one_pair(seed: int) -> None:
    text = ISAKMP.replace("lifetime 3600", "lifetime 120")
    net = MachineNet()
    hub, spoke = net.node(HUB, text, seconds=60.0), net.node(SPOKE, text, seconds=60.0)
    random = Random(seed)
    spoke.want(hub)
    net.run(1)
    net.drops = lambda _: random.random() < 0.2
    net.run(400)
    net.drops = lambda _: False
    net.run(130)
    assert carries(hub, spoke)
    assert carries(spoke, hub)
    assert len(hub.pairs) <= 2
    assert len(ready(hub)) <= 2


def test_a_renewed_pair_takes_the_place_of_the_old_one() -> None:
    net, hub, spoke = up(ISAKMP)
    for node in (spoke, hub, spoke):
        before = set(hub.pairs)
        node.tell(SaRenewalWanted(next(iter(node.pairs))))
        net.run(20)
        assert crosswise(hub, spoke)
        assert len(hub.pairs) == 1
        assert not before & set(hub.pairs)


def test_a_renewed_pair_waits_for_a_packet_of_the_peer_or_the_end_of_the_old_one_before_it_carries_ours() -> None:
    """strongSwan takes packets on a pair only when message 3 has come, and ESP behind it overtakes: one was lost."""
    net, hub, spoke = up(ISAKMP)
    (old,) = spoke.pairs
    assert spoke.pairs[old].eager
    spoke.tell(SaRenewalWanted(old))
    net.run(0.5)
    (new,) = set(spoke.pairs) - {old}
    assert not spoke.pairs[new].eager
    assert not hub.heard(SaNegotiated)[-1].eager
    net.run(5)
    assert [closed.spi_in for closed in spoke.heard(SaClosed)] == [old]


@pytest.mark.conforms("ike1:5.5-several")
def test_both_ends_renew_at_once_and_one_pair_is_left_or_two_that_carry() -> None:
    net, hub, spoke = up(ISAKMP)
    for node in (spoke, hub):
        node.tell(SaRenewalWanted(next(iter(node.pairs))))
    net.run(20)
    assert carries(hub, spoke)
    assert carries(spoke, hub)
    assert crosswise(hub, spoke)


# ------------------------------------------------------------------------------------------------------- going down


@pytest.mark.conforms("isakmp:5.15-delete")
def test_what_one_end_deletes_is_gone_at_both() -> None:
    net, hub, spoke = up(ISAKMP)
    spoke.want(hub, wanted=False)
    net.run(1)
    for node in (hub, spoke):
        assert not node.pairs
        assert not ready(node)
    net.run(30)  # packets on their way have come
    for node in (hub, spoke):
        assert not node.lingering
        assert not node.machine.sas()
        assert not node.connections


def test_what_the_other_end_deletes_and_we_still_want_comes_again() -> None:
    net, hub, spoke = up(ISAKMP)
    before = set(hub.pairs)
    (number,) = hub.connections
    hub.tell(ConnectionUnwanted(number, "it is over"))
    net.run(30)
    assert crosswise(hub, spoke)
    assert not before & set(hub.pairs)
    assert len(ready(hub)) == 1


def test_the_end_of_a_tunnel_ends_its_pairs_at_both() -> None:
    net, hub, spoke = up(ISAKMP)
    hub.tell(PoliciesChanged(()))
    net.run(1)
    assert not hub.pairs
    assert not spoke.pairs
    net.run(5)  # packets on their way have come by then
    assert not hub.lingering
    assert not hub.machine.sas()


@pytest.mark.conforms("doi:4.6.3.3-forget")
def test_one_that_has_started_again_says_so_and_replaces_what_was_there() -> None:
    net, hub, spoke = up(ISAKMP)
    before = set(hub.pairs)
    spoke = net.node(SPOKE, ISAKMP, seed="second life")
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke)
    assert not before & set(hub.pairs)
    assert len(ready(hub)) == len(hub.connections) == 1


# --------------------------------------------------------------------------------------------- refusals in one line


def refusals(node: Node) -> list[str]:
    """Return what its log says of failures, and what it says to other features."""
    reasons = [str(change.reason.what) for change in node.heard(NegotiationChanged) if change.reason]
    return [*[line for line in node.logs if "-IKMP_" in line or "ISAKMP" in line], *reasons]


@pytest.mark.conforms("ike1:5-hashes")
def test_another_key_is_named_at_both_ends_and_stands_nowhere() -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB, ISAKMP), net.node(SPOKE, ISAKMP.replace("key secret", "key another"))
    spoke.want(hub)
    net.run(35)
    assert any("pre-shared key" in line for line in refusals(hub))
    assert any("pre-shared key" in line for line in refusals(spoke))
    assert not hub.pairs
    assert not any("another " in line and "secret" in line for line in (*hub.logs, *spoke.logs))


@pytest.mark.conforms("isakmp:5.5-no-proposal", "ike1:5.7-clear")
def test_policies_that_do_not_fit_are_named_with_what_both_have() -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB, ISAKMP), net.node(SPOKE, ISAKMP.replace("hash sha256", "hash sha"))
    spoke.want(hub)
    net.run(35)
    assert any("SHA1" in line and "SHA2_256" in line for line in refusals(hub))
    assert any("NO_PROPOSAL_CHOSEN" in line for line in refusals(spoke))


@pytest.mark.conforms("isakmp:5.5-no-proposal")
def test_transform_sets_that_do_not_fit_are_named() -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB, ISAKMP, transforms=(GCM,)), net.node(SPOKE, ISAKMP)
    spoke.want(hub)
    net.run(5)
    assert any("AES_GCM" in line for line in refusals(hub))
    assert any("NO_PROPOSAL_CHOSEN" in line or "transform" in line for line in refusals(spoke))
    assert not hub.pairs


# ----------------------------------------------------------------------------------------------------------- strangers


@pytest.mark.conforms("ike1:5.5-replay")
def test_message_1_of_quick_mode_again_makes_nothing() -> None:
    net, hub, spoke = up(ISAKMP)
    first = next(flight for flight in net.log if kind(flight) == QUICK)
    for _ in range(3):
        before = kept(hub), len(hub.heard(SaNegotiated))
        net.deliver(first)
        net.run(40)
        assert (kept(hub), len(hub.heard(SaNegotiated))) == before
        spoke.tell(SaRenewalWanted(next(iter(spoke.pairs))))
        net.run(20)
    assert crosswise(hub, spoke)


@pytest.mark.conforms("ike1:5.5-replay", "isakmp:5.1-once")
def test_no_message_of_the_past_changes_anything() -> None:
    net, hub, spoke = up(ISAKMP)
    spoke.tell(SaRenewalWanted(next(iter(spoke.pairs))))
    net.run(60)
    before = kept(hub), kept(spoke), len(hub.heard(SaNegotiated)), len(spoke.heard(SaNegotiated))
    past = tuple(net.log)
    for flight in past:
        net.deliver(flight)
        net.run(0.1)
    net.run(40)
    assert (kept(hub), kept(spoke), len(hub.heard(SaNegotiated)), len(spoke.heard(SaNegotiated))) == before


def _with_cookie(cookie: bytes, octets: bytes) -> bytes:
    return cookie + octets[8:]


@pytest.mark.conforms("isakmp:2.5.3-cookies")
def test_a_flood_of_message_1_costs_no_diffie_hellman_and_keeps_memory_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    net, hub, spoke = pair(ISAKMP)
    spoke.want(hub)
    net.run(0.001)
    (first,) = net.log
    drawn: list[int] = []

    def counted(group: int, entropy: Entropy) -> PrivateValue:
        drawn.append(group)
        return draw(group, entropy)

    monkeypatch.setattr(main_mode, "draw", counted)
    net.drops = lambda flight: flight.sender == hub.address
    for number in range(10_000):
        source = IPv4Address(0x0A000000 + number)
        cookie = number.to_bytes(7, "big") + b"\1"
        flight = changed(first, partial(_with_cookie, cookie))
        net.deliver(replace(flight, source=source))
        net.flights.clear()
    assert not drawn
    assert len(hub.machine.sas()) <= table.LARGEST_OCTETS / table.EACH
    net.drops = lambda _: False
    net.run(40)
    assert crosswise(hub, spoke)
    net.run(60)
    assert len(hub.machine.sas()) == 1


@pytest.mark.conforms("isakmp:5.2-cookies", "isakmp:2.5.3-cookies")
@pytest.mark.parametrize("at", [0, 8], ids=["CKY-I", "CKY-R"])
def test_message_3_with_another_cookie_is_ignored(at: int) -> None:
    net, hub, spoke = pair(ISAKMP)
    third: list[MachineFlight] = []

    def is_third(flight: MachineFlight) -> bool:
        is_it = flight.sender == spoke.address and any(message(flight)[8:16]) and not third
        third.extend([flight] if is_it else [])
        return is_it

    net.drops = is_third
    spoke.want(hub)
    net.run(0.1)
    (view,) = hub.machine.sas()
    sent = len(net.log)
    net.deliver(changed(third[0], lambda octets: octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]))
    net.run(0.1)
    assert [other.phase for other in hub.machine.sas()] == [view.phase]
    assert len(net.log) == sent
    net.run(2)
    assert crosswise(hub, spoke)


def damaged(octets: bytes, random: Random) -> bytes:
    """Return octets of which some are changed, or are missing, or too many."""
    found = bytearray(octets)
    for _ in range(random.randint(1, 4)):
        found[random.randrange(len(found))] ^= random.randint(1, 255)
    return bytes(found[: random.randint(1, len(found))] if random.random() < 0.2 else found) + b"x" * random.choice(
        (0, 0, 9)
    )


@pytest.mark.parametrize("seed", range(4))
def test_damaged_datagrams_change_nothing(seed: int) -> None:
    net, hub, spoke = up(ISAKMP)
    spoke.tell(SaRenewalWanted(next(iter(spoke.pairs))))
    net.run(60)
    random, past = Random(seed), [flight for flight in net.log if len(message(flight)) > 1]
    established = [ready(node)[0].local_spi for node in (hub, spoke)]
    before = sorted(hub.pairs), sorted(spoke.pairs), list(hub.connections), list(spoke.connections)
    for _ in range(2000):
        net.deliver(changed(random.choice(past), lambda octets: damaged(octets, random)))
        net.run(0.02)
    net.run(60)
    assert (sorted(hub.pairs), sorted(spoke.pairs), list(hub.connections), list(spoke.connections)) == before
    assert [[view.local_spi for view in node.machine.sas()] for node in (hub, spoke)] == [[spi] for spi in established]
    assert crosswise(hub, spoke)


@pytest.mark.conforms("ike1:5.5-encrypted")
@pytest.mark.parametrize("seed", range(6))
def test_damaged_copies_that_come_first_do_no_harm_behind_main_mode(seed: int) -> None:
    net, hub, spoke = pair(ISAKMP)
    random = Random(seed)

    def forged(flight: MachineFlight) -> bool:
        if kind(flight) not in (0, MAIN):
            net.deliver(changed(flight, lambda octets: octets[:28] + damaged(octets[28:], random)))
        return False

    net.drops = forged
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    for node in (hub, spoke):
        node.tell(SaRenewalWanted(next(iter(node.pairs))))
        net.run(20)
        assert crosswise(hub, spoke)


@pytest.mark.parametrize("seed", range(6))
def test_who_damages_main_mode_delays_it_not_much_longer_than_it_goes_on(seed: int) -> None:
    """No hash covers messages 1 to 4, nor the last block of 5: who can alter them can as well drop them."""
    net, hub, spoke = pair(ISAKMP)
    random = Random(seed)

    def forged(flight: MachineFlight) -> bool:
        if kind(flight) == MAIN:
            net.deliver(changed(flight, lambda octets: octets[:28] + damaged(octets[28:], random)))
        return False

    net.drops = forged
    spoke.want(hub)
    net.run(30)
    net.drops = lambda _: False
    net.run(90)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    assert len(ready(hub)) == len(ready(spoke)) == 1


@pytest.mark.conforms("isakmp:5.15-delete", "ike1:5.7-clear")
def test_a_delete_in_clear_is_not_believed() -> None:
    net, hub, spoke = up(ISAKMP)
    informational = next(flight for flight in net.log if kind(flight) == QUICK)
    before = kept(hub)
    spi = next(iter(spoke.pairs)).to_bytes(4, "big")
    delete = bytes.fromhex("0000000c 00000001 03 04 0001".replace(" ", "")) + spi
    delete = b"\0\0" + len(delete).to_bytes(2, "big") + delete[4:]

    def forge(octets: bytes) -> bytes:
        body = octets[:16] + bytes((12, 0x10, INFORMATIONAL, 0)) + b"\1\2\3\4"
        return body + (28 + len(delete)).to_bytes(4, "big") + delete

    net.deliver(changed(informational, forge))
    net.run(1)
    assert kept(hub) == before


# Several connections of one spoke behind a NAT: what the hub announces of them, and what is there.

PUBLIC_HUB, INSIDE, NAT = "198.51.100.1", "192.168.1.2", "203.0.113.99"


def informs(flight: MachineFlight) -> bool:
    """Is it an informational message of the spoke, a delete for instance?"""
    kind = flight.datagram.payload.removeprefix(bytes(4))[18:19]
    return flight.sender == IPv4Address(INSIDE) and kind == bytes([INFORMATIONAL])


def hinted(spoke: Node, hub: Node) -> None:
    """The hub says, in clear, that it does not have the newest pair of the spoke: the spoke begins again."""
    spi = list(spoke.pairs.values())[-1].sa.spi_out
    datagram = UdpDatagram(source_port=500, destination_port=500, payload=hub.machine.sessions.v1.complaint(spi))
    octets = datagram.serialize(hub.address, spoke.address)
    spoke.tell(IpReceived("GigabitEthernet1", hub.address, spoke.address, 17, octets))


def test_a_hub_announces_the_end_of_each_connection_that_a_restarted_spoke_had() -> None:
    """`show crypto session` of the hub showed a connection of a spoke that had no ISAKMP SA, and that nothing ended."""
    net = MachineNet(nats={IPv4Address(INSIDE): IPv4Address(NAT)})
    hub = net.node(PUBLIC_HUB, ISAKMP)
    net.node(INSIDE, ISAKMP).want(hub)
    net.run(5)
    net.shift[IPv4Address(INSIDE)] = 2000
    spoke = net.node(INSIDE, ISAKMP, "restarted")
    spoke.want(hub)
    net.run(2.5)
    net.drops = informs
    hinted(spoke, hub)  # while the hub waits for an answer by the old port
    net.run(1)
    assert len(hub.connections) == 3
    net.run(3)
    assert len(hub.connections) == 2
    hinted(spoke, hub)
    net.run(60)
    (connection,) = hub.connections
    assert {each.sa.connection for each in hub.pairs.values()} == {connection}
    assert hub.machine.peers.connections.connection_sas(connection)
    assert {each.sa.spi_in for each in spoke.pairs.values()} <= {each.sa.spi_out for each in hub.pairs.values()}


def test_a_hub_gives_up_a_spoke_at_whose_port_another_one_answers() -> None:
    """A spoke was off, and its NAT gave its port to another: the hub began with that one twice a minute."""
    other, lines = "192.168.1.3", ISAKMP.replace("lifetime 3600", "lifetime 60")
    net = MachineNet(nats={IPv4Address(each): IPv4Address(NAT) for each in (INSIDE, other)})
    net.shift[IPv4Address(other)] = 2000
    hub, gone, stays = net.node(PUBLIC_HUB, lines), net.node(INSIDE, lines), net.node(other, lines)
    gone.want(hub)
    stays.want(hub)
    net.run(1)
    del net.nodes[gone.address]
    net.shift[gone.address], net.shift[stays.address] = 2000, 1000
    net.run(300)
    assert len(hub.connections) == 1
    assert {each.sa.spi_in for each in stays.pairs.values()} <= {each.sa.spi_out for each in hub.pairs.values()}
