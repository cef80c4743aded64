"""Who may open a stream: the closest of thousands, found without looking at all of them."""

from __future__ import annotations

from ipaddress import IPv4Address

from dmvpn.base.addresses import Prefix
from dmvpn.base.streams import StreamPeer
from dmvpn.dataplane.contract import Callers


def caller(prefix: str, password: str = "") -> StreamPeer:
    return StreamPeer(Prefix.parse(prefix), password)


def test_the_longest_prefix_says_who_calls_and_of_equal_ones_the_first() -> None:
    callers = Callers()
    wide, narrow, same = caller("10.0.0.0/8", "a"), caller("10.1.0.0/16", "b"), caller("10.1.0.0/16", "c")
    callers.set((wide, narrow, same))
    found = [callers.closest(IPv4Address(address)) for address in ("10.1.2.3", "10.2.2.3", "11.0.0.1")]
    assert found == [narrow, wide, None]


def test_only_passwords_that_are_others_are_told() -> None:
    callers = Callers()
    first = (caller("10.0.0.1/32", "a"), caller("10.0.0.2/32"), caller("10.0.0.3/32", "c"))
    assert callers.set(first) == [(first[0], True), (first[2], True)]
    second = (*first[1:], caller("10.0.0.1/32", "b"))
    assert callers.set(second) == [(first[0], False), (second[2], True)]
    assert callers.set(second) == []
    assert callers.set(()) == [(first[2], False), (second[2], False)]


def test_fifty_thousand_callers_are_not_compared_with_each_other() -> None:
    """Each of them had been looked for in the list of all others, whenever one more was configured."""
    compared = 0

    class Counted(StreamPeer):
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return super().__eq__(other)

        def __hash__(self) -> int:
            return hash(self.prefix)

    peers = tuple(Counted(Prefix.host(IPv4Address(0x0A000000 + number)), "secret") for number in range(5000))
    callers = Callers()
    callers.set(peers)
    compared = 0
    assert len(callers.set((*peers, Counted(Prefix.parse("10.9.0.0/16"), "secret")))) == 1
    assert callers.closest(IPv4Address("10.0.0.7")) is peers[7]
    assert compared < 2 * len(peers)
