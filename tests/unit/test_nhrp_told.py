"""What the chronicle is told of an NHRP packet: in a few words, and bounded whatever a peer sends."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address

from dmvpn.base.chronicle import LONGEST_CONTENTS, MessagePassed
from dmvpn.features.nhrp.debug import Processing
from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
    NhrpPacket,
    PurgeFlag,
    PurgeReply,
    PurgeRequest,
    ResolutionFlag,
    ResolutionReply,
    TrafficIndication,
)
from dmvpn.features.nhrp.parts import (
    Authentication,
    ClientInfo,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    ReverseTransitRecord,
)
from dmvpn.features.nhrp.past import LARGEST_ABOUT, LARGEST_LIST, told
from dmvpn.net import ipv4
from dmvpn.router.features import FEATURES
from dmvpn.tools.explain.in_messages import in_messages

PEER = ip_address("192.0.2.7")
ADDRESS_EXTENSIONS = (ResponderAddress, ForwardTransitRecord, ReverseTransitRecord, NatAddress)
#: What a request and its reply have in common.
COMMON = ("source_nbma", "source_protocol", "destination_protocol", "flags", "request_id", "cies")


def line(direction: Processing, packet: NhrpPacket) -> MessagePassed:
    """The line about a packet on its way."""
    return told(direction, packet, "Tunnel1", PEER, packet.serialize())


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


def error(about: NhrpPacket) -> ErrorIndication:
    """The complaint about a packet."""
    return ErrorIndication(
        source_nbma=PEER,
        source_protocol=ip_address("10.0.0.1"),
        destination_protocol=ip_address("10.0.0.7"),
        error_code=ErrorCode.AUTHENTICATION_FAILURE,
        packet=about.serialize(),
    )


def redirect(quoted: bytes) -> TrafficIndication:
    """A redirect about a packet."""
    return TrafficIndication(
        source_nbma=PEER,
        source_protocol=ip_address("10.0.0.1"),
        destination_protocol=ip_address("10.0.0.7"),
        packet=quoted,
    )


def test_a_packet_with_hundreds_of_entries_makes_no_long_line() -> None:
    """Seen: a peer's purges of 9 kB each made each line of the chronicle 80 kB long."""
    message = line(Processing.RECEIVE, purge(500))
    assert message.subject == "10.9.0.0, 10.9.0.1, 10.9.0.2, 10.9.0.3 and 496 more"
    assert len(message.about) == 3 + 2 * LARGEST_ABOUT


def test_a_packet_with_few_entries_is_told_whole() -> None:
    message = line(Processing.RECEIVE, purge(LARGEST_LIST))
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
    told_of_it = line(Processing.RECEIVE, answer).subject
    assert told_of_it.endswith(", 10.4.4.1 = 192.0.2.7 and 2 more")
    assert told_of_it.count("192.0.2.7") == LARGEST_LIST


def test_redirects_about_different_packets_have_different_marks() -> None:
    """Both go from the same server to the same client."""
    quoted = [
        ipv4.Ipv4Packet(source=IPv4Address("10.3.3.1"), destination=IPv4Address(there), protocol=1, payload=bytes(8))
        for there in ("10.4.4.1", "10.4.4.2")
    ]
    redirects = [redirect(packet.serialize()) for packet in quoted]
    first, second = (line(Processing.SEND, each) for each in redirects)
    assert (first.subject, second.subject) == ("10.3.3.1 to 10.4.4.1", "10.3.3.1 to 10.4.4.2")
    assert first.mark != second.mark


def contents(packet: NhrpPacket) -> list[str]:
    message = line(Processing.SEND, packet)
    assert message.contents is not None
    return message.contents.text().splitlines()


def test_the_fields_of_a_packet_are_lines_that_its_reader_can_look_up() -> None:
    assert contents(purge(1)) == [
        "Hop Count: 255",
        "Request ID: 1",
        "Flags: none",
        "Source NBMA Address: 192.0.2.7",
        "Source Protocol Address: 10.0.0.7",
        "Destination Protocol Address: 10.0.0.1",
        "Client Information Entry: protocol 10.9.0.0, NBMA 192.0.2.7, prefix length 32, holding time 600 s, "
        "code no error(0)",
        f"Packet Size: {len(purge(1).serialize())} octets",
    ]


def test_no_password_is_in_the_fields_of_a_packet_nor_of_one_that_an_error_quotes() -> None:
    secret = replace(purge(1), extensions=(Authentication(data=b"s3cret"), ForwardTransitRecord()))
    complaint = error(secret)
    assert "Authentication Extension: a password, which is hidden here" in contents(secret)
    assert f"Quoted Packet: {len(secret.serialize())} octets" in contents(complaint)
    for packet in (secret, complaint):
        text = "\n".join(contents(packet))
        assert "s3cret" not in text
        assert b"s3cret".hex() not in text


def test_each_field_of_a_packet_is_explained() -> None:
    meanings = in_messages(FEATURES)
    quoted = purge(1).serialize()
    extended = replace(purge(1), extensions=(Authentication(data=b"x"), *(kind() for kind in ADDRESS_EXTENSIONS)))
    packets = (
        extended,
        error(purge(1)),
        redirect(quoted),
    )
    names = {text.partition(": ")[0] for packet in packets for text in contents(packet)}
    assert {name for name in names if f"NHRP {name}" not in meanings} == set()


def test_the_fields_of_a_packet_with_many_entries_are_bounded() -> None:
    assert contents(purge(60))[6 + 8] == "Client Information Entry: and 52 more"
    assert len("\n".join(contents(purge(60)))) <= LONGEST_CONTENTS


def test_a_request_and_its_reply_are_one_exchange_and_the_next_request_is_another() -> None:
    first, reply = purge(1), PurgeReply(**{name: getattr(purge(1), name) for name in COMMON})
    second = replace(first, request_id=2)
    exchanges = [line(Processing.SEND, packet).exchange for packet in (first, reply, second)]
    assert exchanges[0] == exchanges[1] != exchanges[2]
