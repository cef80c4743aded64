"""What routers on the way say of packets that are too big, and how long and how much of it counts."""

from __future__ import annotations

from dmvpn.base.protection import EspCipher, EspHash, EspTransform
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.fragmentation import AGE, LARGEST, LEAST, PathMtus

THERE = b"\xc6\x33\x64\x01"


def test_what_was_heard_holds_for_some_minutes() -> None:
    paths = PathMtus[bytes]()
    assert paths.to(THERE, 0.0) is None
    paths.learn(THERE, 1300, 0.0)
    paths.learn(THERE, 1280, 10.0)
    assert (len(paths), paths.to(THERE, AGE)) == (1, 1280)
    assert (paths.to(THERE, AGE + 10), len(paths)) == (None, 0)


def test_what_is_over_goes_though_nobody_asks_for_it() -> None:
    """One peer that was gone had every packet of the router looked at forever."""
    paths = PathMtus[bytes]()
    paths.learn(THERE, 1300, 0.0)
    paths.learn(bytes(4), 1300, 10.0)
    assert (paths.knows(AGE), len(paths)) == (True, 1)
    assert (paths.knows(AGE + 10), len(paths)) == (False, 0)
    paths.learn(THERE, 1300, 2000.0)
    paths.learn(bytes(4), 1300, 2000.0 + AGE)
    assert len(paths) == 1
    paths.learn(bytes(4), 1280, 2001.0 + AGE)
    assert paths.knows(2000.5 + 2 * AGE), "it was heard of again"


def test_a_forger_cannot_make_packets_smaller_than_linux_does_nor_fill_the_memory() -> None:
    paths = PathMtus[bytes]()
    paths.learn(THERE, 0, 0.0)
    assert paths.to(THERE, 1.0) == LEAST
    for number in range(LARGEST + 5):
        paths.learn(number.to_bytes(4, "big"), 1300, 1.0)
    assert len(paths) == LARGEST
    assert paths.to(THERE, 2.0) is None


def test_the_largest_payload_fills_its_room_to_the_last_block() -> None:
    for transform in (EspTransform(EspCipher.AES_GCM, 256), EspTransform(EspCipher.AES_CBC, 128, EspHash.SHA256)):
        suite = EspSuite.of(transform)
        for room in range(1200, 1300):
            largest = suite.largest(room)
            assert largest + suite.overhead(largest) <= room < largest + 1 + suite.overhead(largest + 1)
