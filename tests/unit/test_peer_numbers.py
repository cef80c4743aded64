"""Numbers of peers in a userspace plane: never given twice, and those of gone connections do not pile up."""

from __future__ import annotations

from ipaddress import IPv4Address

from dmvpn.dataplane.userspace.taps import SPARE, PeerNumbers

NBMA, OTHER, NEXT_HOP = IPv4Address("198.51.100.1"), IPv4Address("198.51.100.2"), IPv4Address("172.16.0.1")


def test_a_spoke_that_comes_back_for_ever_does_not_fill_the_memory() -> None:
    peers = PeerNumbers()
    steady = peers.lead(NEXT_HOP + 1, OTHER, 1)
    given, forgotten = {steady}, []
    for connection in range(2, 10 * SPARE):
        number = peers.lead(NEXT_HOP, NBMA, connection)
        assert number not in given
        given.add(number)
        forgotten += peers.forget_idle()
    assert len(peers) <= 2 * SPARE + 2
    assert forgotten == sorted(forgotten), "the oldest first"
    assert not {steady, number} & set(forgotten), "not those in use"
    assert peers.lead(NEXT_HOP + 1, OTHER, 1) == steady


def test_a_next_hop_that_was_cleared_does_not_keep_its_peer() -> None:
    peers = PeerNumbers()
    for number in range(3 * SPARE):
        peers.lead(NEXT_HOP + number, NBMA, number + 1)
    assert peers.forget_idle() == []
    for number in range(3 * SPARE):
        peers.clear(NEXT_HOP + number)
    assert len(peers.forget_idle()) == SPARE
