"""What the chronicle is told of an NHRP packet: in a few words, and bounded whatever a peer sends."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

from dmvpn.features.nhrp.debug import Processing
from dmvpn.features.nhrp.packet import PurgeFlag, PurgeRequest, ResolutionFlag, ResolutionReply, TrafficIndication
from dmvpn.features.nhrp.parts import ClientInfo
from dmvpn.features.nhrp.past import LARGEST_ABOUT, LARGEST_LIST, told
from dmvpn.net import ipv4

PEER = ip_address("192.0.2.7")


def entries(count: int) -> tuple[ClientInfo, ...]:
    """Entries of as many addresses."""
    return tuple(
        ClientInfo(
            holding_time=600, prefix_length=32, protocol=ip_address(f"10.9.{number >> 8}.{number & 255}"), nbma=PEER
        )
        for number in range(count)
    )


def purge(count: int) -> PurgeRequest:
    """A purge of as many addresses."""
    return PurgeRequest(
        source_nbma=PEER,
        source_protocol=ip_address("10.0.0.7"),
        destination_protocol=ip_address("10.0.0.1"),
        flags=PurgeFlag(0),
        request_id=1,
        cies=entries(count),
    )


def test_a_packet_with_hundreds_of_entries_makes_no_long_line() -> None:
    """Seen: a peer's purges of 9 kB each made each line of the chronicle 80 kB long."""
    message = told(Processing.RECEIVE, purge(500), "Tunnel1", PEER)
    assert message.subject == "10.9.0.0, 10.9.0.1, 10.9.0.2, 10.9.0.3 and 496 more"
    assert len(message.about) == 3 + 2 * LARGEST_ABOUT


def test_a_packet_with_few_entries_is_told_whole() -> None:
    message = told(Processing.RECEIVE, purge(LARGEST_LIST), "Tunnel1", PEER)
    assert message.subject == "10.9.0.0, 10.9.0.1, 10.9.0.2, 10.9.0.3"


def test_of_a_long_answer_the_beginning_is_told() -> None:
    answer = ResolutionReply(
        source_nbma=PEER,
        source_protocol=ip_address("10.0.0.7"),
        destination_protocol=ip_address("10.4.4.1"),
        flags=ResolutionFlag(0),
        request_id=1,
        cies=entries(6),
    )
    told_of_it = told(Processing.RECEIVE, answer, "Tunnel1", PEER).subject
    assert told_of_it.endswith(", 10.4.4.1 = 192.0.2.7 and 2 more")
    assert told_of_it.count("192.0.2.7") == LARGEST_LIST


def test_redirects_about_different_packets_have_different_marks() -> None:
    """Both go from the same server to the same client."""
    quoted = [
        ipv4.Ipv4Packet(source=IPv4Address("10.3.3.1"), destination=IPv4Address(there), protocol=1, payload=bytes(8))
        for there in ("10.4.4.1", "10.4.4.2")
    ]
    redirects = [
        TrafficIndication(
            source_nbma=PEER,
            source_protocol=ip_address("10.0.0.1"),
            destination_protocol=ip_address("10.0.0.7"),
            packet=packet.serialize(),
        )
        for packet in quoted
    ]
    first, second = (told(Processing.SEND, redirect, "Tunnel1", PEER) for redirect in redirects)
    assert (first.subject, second.subject) == ("10.3.3.1 to 10.4.4.1", "10.3.3.1 to 10.4.4.2")
    assert first.mark != second.mark
