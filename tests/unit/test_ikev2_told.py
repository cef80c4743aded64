"""What the chronicle is told of an IKE message: what stands in its header, and a mark that both ends see."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest

from dmvpn.base.chronicle import MessagePassed, Way
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint
from dmvpn.features.ike.v2.debug import passed

PATH = DatagramPath(Endpoint(ip_address("192.0.2.1"), 500), Endpoint(ip_address("192.0.2.2"), 500))
INFORMATIONAL, ENCRYPTED, FRAGMENT = 37, 46, 53
INITIATOR, RESPONSE = 0x08, 0x20


def message(flags: int = 0, first: int = ENCRYPTED, body: bytes = bytes(8), spis: bytes = bytes(range(1, 17))) -> bytes:
    """An INFORMATIONAL message with this payload (RFC 7296 §3.1)."""
    return spis + struct.pack("!BBBBII", first, 0x20, INFORMATIONAL, flags, 3, 28 + len(body)) + body


def line(octets: bytes, *, sent: bool = True) -> MessagePassed:
    """What is told of it."""
    (told,) = passed(octets, PATH, sent=sent)
    assert isinstance(told, MessagePassed)
    return told


def test_both_ends_see_the_same_mark() -> None:
    sent, received = line(message(INITIATOR)), line(message(INITIATOR), sent=False)
    assert (sent.way, received.way) == (Way.SENT, Way.RECEIVED)
    assert sent.mark == received.mark
    assert (sent.name, str(sent.peer), sent.subject) == ("INFORMATIONAL request", "192.0.2.2", "")


@pytest.mark.parametrize("other", [message(), message(INITIATOR | RESPONSE), message(INITIATOR, FRAGMENT)])
def test_another_message_has_another_mark(other: bytes) -> None:
    """Each end may have a request with the same number under way, and an answer has the number of its request."""
    assert line(other).mark != line(message(INITIATOR)).mark


def test_a_fragment_says_which_one_it_is() -> None:
    assert line(message(first=FRAGMENT, body=bytes(4) + struct.pack("!HH", 2, 3))).subject == "fragment 2 of 3"


def test_messages_outside_of_any_ike_sa_are_told_apart_by_what_they_say() -> None:
    """Their headers are alike, so INVALID_SPI of one router would be taken for that of another (RFC 7296 §1.5)."""
    said, other = (message(INITIATOR, 41, bytes(8) + spi.to_bytes(4, "big"), bytes(16)) for spi in (7, 8))
    assert line(said).mark == line(said, sent=False).mark != line(other).mark
    assert line(said).subject == ""


def test_nothing_is_told_of_what_cannot_be_read() -> None:
    assert passed(message()[:20], PATH, sent=False) == []
