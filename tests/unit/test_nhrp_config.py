"""The `ip nhrp` lines: what is accepted, shown back, and made of them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest

from dmvpn.base import chronicle
from dmvpn.base.addresses import Prefix
from dmvpn.base.pages import Pages
from dmvpn.features.nhrp import config, parts
from dmvpn.features.nhrp.debug import Processing
from dmvpn.features.nhrp.history import LARGEST_ABOUT, LARGEST_LIST, message_line, spell
from dmvpn.features.nhrp.model import NhrpConfig, NhsConfig, TunnelConfig
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
from dmvpn.ios import Configurator
from dmvpn.ios.common import INTERFACE, INTERFACE_MODE
from dmvpn.net import ipv4
from dmvpn.router.features import FEATURES
from dmvpn.tools.explain.lookup import in_messages
from support.overlay import address


def _parse(*lines: str) -> tuple[NhrpConfig, list[str], list[str]]:
    """The model, the lines as shown, and the complaints."""
    configurator = Configurator([INTERFACE, *config.LINES], [INTERFACE_MODE])
    result = configurator.parse_text("interface Tunnel100\n" + "\n".join(f" {line}" for line in lines))
    shown = [line.strip() for line in result.tree.render() if line.startswith(" ")]
    return config.model(result.tree), shown, [str(problem) for problem in result.problems]


def _tunnel(*lines: str) -> TunnelConfig:
    return _parse(*lines)[0].tunnels[0]


HUB = ("ip nhrp map multicast dynamic", "ip nhrp network-id 100", "ip nhrp redirect")
SPOKE = (
    "ip nhrp network-id 100",
    "ip nhrp nhs 192.168.100.11 nbma 172.16.11.1 multicast",
    "ip nhrp shortcut",
)
OLD_SPOKE = (
    "ip nhrp authentication NHRPSEC",
    "ip nhrp map 10.0.0.1 198.51.100.1",
    "ip nhrp map multicast 198.51.100.1",
    "ip nhrp network-id 1",
    "ip nhrp holdtime 300",
    "ip nhrp nhs 10.0.0.1",
    "ip nhrp registration timeout 60",
    "ip nhrp registration no-unique",
    "ip nhrp shortcut",
)


@pytest.mark.parametrize("lines", [HUB, SPOKE, OLD_SPOKE])
def test_lines_of_working_routers_are_shown_as_they_were_entered(lines: tuple[str, ...]) -> None:
    _, shown, problems = _parse(*lines)
    assert shown == list(lines)
    assert problems == []


@pytest.mark.parametrize(
    "line",
    [
        "ip nhrp nhs 10.0.0.1 priority 1 cluster 2",
        "ip nhrp nhs 10.0.0.1 nbma hub.example multicast priority 1",
        "ip nhrp nhs dynamic nbma 203.0.113.1 multicast",
        "ip nhrp nhs dynamic nbma hub.example",
        "ip nhrp nhs cluster 1 max-connections 2",
        "ip nhrp nhs fallback 30",
        "ip nhrp redirect timeout 5",
        "ip nhrp server-only",
        "ip nhrp server-only non-caching",
        "ip nhrp max-send 100 every 10",
        "ip nhrp responder GigabitEthernet0/1",
        "ip nhrp interest none",
        "ip nhrp interest 101",
        "ip nhrp use 5",
        "no ip nhrp record",
        "ip nhrp group GOLD",
        "nhrp group GOLD",
        "ip nhrp map group GOLD service-policy output SHAPE",
        "nhrp map group GOLD service-policy output SHAPE",
        "ip nhrp attribute group SPOKES",
        "nhrp attribute group SPOKES",
        "nhrp event-publisher max-event-timeout 5",
        "ip nhrp map 10.1.0.0 255.255.0.0 203.0.113.1",
        "if-state nhrp",
    ],
)
def test_every_other_line_survives_too(line: str) -> None:
    _, shown, problems = _parse(line)
    assert shown == [line]
    assert [problem for problem in problems if "is_warning=True" not in problem] == []


@pytest.mark.parametrize(
    ("line", "warned"),
    [
        ("ip nhrp interest 101", True),
        ("ip nhrp interest none", False),
        ("ip nhrp use 5", True),
        ("ip nhrp use 1", False),
        ("ip nhrp map group GOLD service-policy output SHAPE", True),
        ("nhrp map group GOLD service-policy output SHAPE", True),
        ("ip nhrp group GOLD", False),
    ],
)
def test_a_line_that_is_only_kept_says_so_if_one_could_expect_more(line: str, warned: bool) -> None:
    _, _, problems = _parse(line)
    assert ["%Warning: kept" in problem for problem in problems] == [True] * warned


def test_what_a_server_does_is_in_the_model() -> None:
    plain = _tunnel("ip nhrp network-id 1")
    assert (plain.asks, plain.record, plain.non_caching, plain.responder) == (True, True, False, "")
    server = _tunnel("ip nhrp server-only non-caching", "no ip nhrp record", "ip nhrp responder Gi0/2")
    assert (server.asks, server.record, server.non_caching) == (False, False, True)
    assert server.responder == "GigabitEthernet0/2"
    assert not _tunnel("ip nhrp interest none").asks
    assert _tunnel("ip nhrp interest 101").asks


@pytest.mark.parametrize("line", ["ip nhrp holdtime 7200", "ip nhrp max-send 10000 every 10", "ip nhrp record"])
def test_defaults_are_not_shown(line: str) -> None:
    assert _parse(line)[1] == []


@pytest.mark.parametrize(
    "line",
    [
        "ip nhrp map",
        "ip nhrp map 10.0.0.1",
        "ip nhrp map 10.0.0.1 203.0.113.1 force",
        "ip nhrp nhs",
        "ip nhrp network-id 0",
        "ip nhrp holdtime 70000",
    ],
)
def test_lines_that_lost_their_values_are_refused(line: str) -> None:
    _, shown, problems = _parse(line)
    assert shown == []
    assert problems


def test_the_model_of_a_spoke() -> None:
    assert _tunnel(*OLD_SPOKE) == TunnelConfig(
        name="Tunnel100",
        network_id=1,
        authentication="NHRPSEC",
        maps=Pages([(Prefix.parse("10.0.0.1"), address("198.51.100.1"))]),
        multicast=Pages([address("198.51.100.1")]),
        holdtime=300,
        nhs=(NhsConfig(address=address("10.0.0.1")),),
        registration_timeout=60,
        unique=False,
        shortcut=True,
    )


def test_the_model_of_a_hub() -> None:
    assert _tunnel(*HUB) == TunnelConfig(name="Tunnel100", network_id=100, multicast_dynamic=True, redirect=True)


@pytest.mark.conforms("4-client")
def test_the_model_of_servers() -> None:
    tunnel = _tunnel(
        "ip nhrp network-id 1",
        "ip nhrp nhs 10.0.0.1 nbma 203.0.113.1 multicast priority 1 cluster 2",
        "ip nhrp nhs 10.0.0.2 nbma hub.example",
        "ip nhrp nhs dynamic nbma hub2.example multicast",
        "ip nhrp nhs cluster 2 max-connections 1",
        "ip nhrp nhs fallback 30",
    )
    assert tunnel.nhs == (
        NhsConfig(address=address("10.0.0.1"), nbma=address("203.0.113.1"), multicast=True, priority=1, cluster=2),
        NhsConfig(address=address("10.0.0.2"), name="hub.example"),
        NhsConfig(address=None, name="hub2.example", multicast=True),
    )
    assert tunnel.max_connections == ((2, 1),)
    assert tunnel.fallback == 30


def test_a_password_that_is_too_long_is_kept_as_typed_with_a_warning() -> None:
    model, shown, problems = _parse("ip nhrp authentication DMVPN2026")
    assert shown == ["ip nhrp authentication DMVPN2026"]
    assert model.tunnels[0].password == b"DMVPN202"
    assert len(problems) == 1
    assert "only the first 8 octets of this password are sent and compared" in problems[0]


def test_logging_dmvpn() -> None:
    configurator = Configurator([INTERFACE, *config.LINES], [INTERFACE_MODE])
    tree = configurator.parse_text("logging dmvpn rate-limit 20\n").tree
    model = config.model(tree)
    assert (model.logging, model.rate_limit) == (True, 20)


@pytest.mark.conforms("5.2.3-refresh")
def test_a_refresh_is_a_third_of_the_holding_time_unless_it_is_said() -> None:
    assert _tunnel("ip nhrp holdtime 600").refresh == 200
    assert _tunnel("ip nhrp holdtime 600", "ip nhrp registration timeout 45").refresh == 45


def test_binding_to_identities_is_off_by_default_and_shown_as_it_was_entered() -> None:
    _, shown, problems = _parse("ip nhrp network-id 1", "ip nhrp bind identity")
    assert (shown, problems) == (["ip nhrp network-id 1", "ip nhrp bind identity"], [])
    assert _tunnel("ip nhrp network-id 1", "ip nhrp bind identity").bind_identity
    assert not _tunnel("ip nhrp network-id 1").bind_identity


# What the chronicle is told of an NHRP packet: in a few words, and bounded whatever a peer sends.

PEER = ip_address("192.0.2.7")
ADDRESS_EXTENSIONS = (parts.ResponderAddress, parts.ForwardTransitRecord, parts.ReverseTransitRecord, parts.NatAddress)
#: What a request and its reply have in common.
COMMON = ("source_nbma", "source_protocol", "destination_protocol", "flags", "request_id", "cies")


def line(direction: Processing, packet: NhrpPacket) -> chronicle.MessagePassed:
    """The line about a packet on its way."""
    return spell(direction, packet, "Tunnel1", PEER, packet.serialize())


def entries(count: int) -> tuple[parts.ClientInfo, ...]:
    """Entries of as many addresses."""
    return tuple(
        parts.ClientInfo(
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


def test_a_router_keeps_no_large_packets_for_its_history() -> None:
    """Two thousand forged packets of 9,216 octets would take 18 MB; they push out no more lines than small ones."""
    for count, is_kept in ((1, True), (200, False)):
        packet = purge(count)
        octets = packet.serialize()
        assert (len(octets) <= chronicle.LARGEST_KEPT) is is_kept
        late = message_line(Processing.RECEIVE, packet, "Tunnel1", PEER, octets)
        assert isinstance(late, chronicle.LateLine) is is_kept
        assert (late.spell() if isinstance(late, chronicle.LateLine) else late) == line(Processing.RECEIVE, packet)


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
    secret = replace(purge(1), extensions=(parts.Authentication(data=b"s3cret"), parts.ForwardTransitRecord()))
    complaint = error(secret)
    assert "Authentication Extension: a password, which is hidden here" in contents(secret)
    assert f"Quoted Packet: {len(secret.serialize())} octets" in contents(complaint)
    for packet in (secret, complaint):
        text = "\n".join(contents(packet))
        assert "s3cret" not in text
        shown = chronicle.line_to_plain(chronicle.ChronicleLine(1, 0.0, line(Processing.SEND, packet)))["octets"]
        assert len(str(shown)) == 2 * len(packet.serialize())
        assert b"s3cret".hex() not in f"{text}{shown}"
    plain = chronicle.line_to_plain(chronicle.ChronicleLine(1, 0.0, line(Processing.SEND, purge(1))))
    assert plain["octets"] == purge(1).serialize().hex()
    many = chronicle.line_to_plain(chronicle.ChronicleLine(1, 0.0, line(Processing.SEND, purge(60))))
    assert "octets" not in many, "they and the fields have a bound together"


def test_each_field_of_a_packet_is_explained() -> None:
    meanings = in_messages(FEATURES)
    quoted = purge(1).serialize()
    extended = replace(purge(1), extensions=(parts.Authentication(data=b"x"), *(kind() for kind in ADDRESS_EXTENSIONS)))
    packets = (
        extended,
        error(purge(1)),
        redirect(quoted),
    )
    names = {text.partition(": ")[0] for packet in packets for text in contents(packet)}
    assert {name for name in names if f"NHRP {name}" not in meanings} == set()


def test_the_fields_of_a_packet_with_many_entries_are_bounded() -> None:
    assert contents(purge(60))[6 + 8] == "Client Information Entry: and 52 more"
    assert len("\n".join(contents(purge(60)))) <= chronicle.LONGEST_CONTENTS


def test_a_request_and_its_reply_are_one_exchange_and_the_next_request_is_another() -> None:
    first, reply = purge(1), PurgeReply(**{name: getattr(purge(1), name) for name in COMMON})
    second = replace(first, request_id=2)
    exchanges = [line(Processing.SEND, packet).exchange for packet in (first, reply, second)]
    assert exchanges[0] == exchanges[1] != exchanges[2]
