"""Which connection a packet takes, and which of its pairs of SAs."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import UserError
from dmvpn.base.protection import EspCipher, EspSa, EspTransform
from dmvpn.dataplane.esp.suite import EspError, EspSuite
from dmvpn.dataplane.esp.table import (
    WORN_PACKETS,
    EspLink,
    Exhausted,
    Inbound,
    Outbound,
    PeerPlace,
    ReplayWindow,
    SaPair,
    SaTable,
)
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from support.pcap import CAPTURES, frames, network_layer

OURS, THEIRS, ELSEWHERE = (IPv4Address(text) for text in ("192.0.2.1", "198.51.100.1", "198.51.100.2"))


def sa(spi: int, connection: int = 1, *, soft: int = 0, hard: int = 0, esn: bool = False) -> EspSa:
    return EspSa(
        connection=connection,
        spi_in=spi,
        spi_out=spi + 0x1000,
        transform=EspTransform(EspCipher.AES_GCM, 128),
        key_in=bytes(20),
        key_out=bytes(20),
        local=OURS,
        remote=THEIRS,
        soft_octets=soft,
        hard_octets=hard,
        esn=esn,
    )


def link_of(table: SaTable, number: int = 1) -> EspLink:
    link = table.link(number)
    assert link is not None
    return link


def sends_on(table: SaTable, number: int = 1) -> int:
    return link_of(table, number).current.spi_in


def hear(table: SaTable, spi: int) -> None:
    """As an engine does with the first good packet on a pair."""
    found = table.find(spi)
    assert found is not None
    link, pair = found
    if pair.pending:
        link.use(pair)


def test_the_first_pair_of_a_connection_is_sent_on_however_it_came() -> None:
    table = SaTable()
    table.install(sa(1), eager=False)
    assert sends_on(table) == 1


@pytest.fixture
def table() -> SaTable:
    table = SaTable()
    table.install(sa(1), eager=True)
    return table


def test_a_pair_that_is_not_eager_waits_until_it_is_heard(table: SaTable) -> None:
    table.install(sa(2), eager=False)
    assert sends_on(table) == 1
    hear(table, 2)
    assert sends_on(table) == 2


def test_a_pair_that_was_overtaken_is_not_gone_back_to_when_it_is_heard_late(table: SaTable) -> None:
    table.install(sa(2), eager=False)
    table.install(sa(3), eager=True)
    hear(table, 2)
    assert sends_on(table) == 3


def test_a_pair_that_came_later_still_waits_after_an_earlier_one_was_chosen(table: SaTable) -> None:
    table.install(sa(2), eager=False)
    table.use(1)
    hear(table, 2)
    assert sends_on(table) == 2


def test_when_the_pair_that_is_sent_on_goes_the_newest_of_the_others_takes_over() -> None:
    table = SaTable()
    for spi in (1, 2, 3):
        table.install(sa(spi), eager=False)
    table.remove(1)
    assert sends_on(table) == 3
    table.remove(2)
    assert sends_on(table) == 3
    table.remove(3)
    assert table.link(1) is None
    assert table.between(table.doors.number(OURS, ""), THEIRS.packed) is None
    table.remove(3)


def test_the_newest_connection_between_two_addresses_is_that_of_the_highest_number() -> None:
    table = SaTable()
    table.install(sa(1, 5), eager=True)
    table.install(sa(2, 9), eager=True)
    table.install(sa(3, 7), eager=True)
    newest = table.between(table.doors.number(OURS, ""), THEIRS.packed)
    assert newest is not None
    assert newest.number == 9
    table.move(9, PeerPlace(ELSEWHERE.packed, 4500))
    newest = table.between(table.doors.number(OURS, ""), THEIRS.packed)
    assert newest is not None
    assert newest.number == 7
    moved = table.between(table.doors.number(OURS, ""), ELSEWHERE.packed)
    assert moved is not None
    assert moved.number == 9


def test_a_new_pair_brings_its_connection_to_where_it_says(table: SaTable) -> None:
    table.install(replace(sa(2), remote=ELSEWHERE, remote_port=4500), eager=False)
    assert link_of(table).place == PeerPlace(ELSEWHERE.packed, 4500)
    assert table.between(table.doors.number(OURS, ""), THEIRS.packed) is None


def test_a_place_is_worth_telling_once_and_again_after_the_peer_was_back(table: SaTable) -> None:
    link = link_of(table)
    home, away, further = link.place, PeerPlace(ELSEWHERE.packed, 1), PeerPlace(ELSEWHERE.packed, 2)
    told = [link.heard(link.current, place) for place in (home, away, away, further, home, further)]
    assert told == [False, True, False, True, False, True]


def test_after_a_move_the_place_that_was_told_of_before_it_is_told_of_again(table: SaTable) -> None:
    link, elsewhere = link_of(table), PeerPlace(ELSEWHERE.packed, 1)
    assert link.heard(link.current, elsewhere)
    table.move(1, PeerPlace(ELSEWHERE.packed, 2))
    assert link.heard(link.current, elsewhere)


def test_what_comes_late_on_an_older_pair_does_not_say_where_the_peer_is(table: SaTable) -> None:
    old = link_of(table).current
    table.install(sa(2), eager=True)
    link = link_of(table)
    assert not link.heard(link.current, link.place)
    assert not link.heard(old, PeerPlace(ELSEWHERE.packed, 1))


def test_a_pair_is_worn_once_by_octets_in_either_direction() -> None:
    table = SaTable()
    table.install(sa(1, soft=100), eager=True)
    pair = link_of(table).current
    pair.inbound.octets = 99
    assert not pair.wears_out()
    pair.inbound.octets = 100
    assert pair.wears_out()
    assert not pair.wears_out()


@pytest.mark.parametrize("esn", [False, True])
@pytest.mark.parametrize("received", [False, True])
def test_a_pair_is_worn_by_three_quarters_of_its_sequence_numbers_unless_they_are_extended(
    esn: bool, received: bool
) -> None:
    table = SaTable()
    table.install(sa(1, esn=esn), eager=True)
    pair = link_of(table).current
    if received:
        pair.inbound.window.note(WORN_PACKETS)
    else:
        pair.outbound.packets = WORN_PACKETS
    assert pair.wears_out() is not esn


@pytest.mark.parametrize(("port", "outside"), [(0, 20), (4500, 28)])
@pytest.mark.parametrize(("tunnel_mode", "inside"), [(False, 0), (True, 20)])
def test_a_path_leaves_room_for_what_fits_between_all_headers(
    port: int, outside: int, tunnel_mode: bool, inside: int
) -> None:
    """AES-GCM: 8 octets of header, 8 of IV, 2 and padding to whole words, 16 of ICV."""
    table = SaTable()
    table.install(replace(sa(1), remote_port=port, tunnel_mode=tunnel_mode), eager=True)
    room = link_of(table).room(1400)
    sealed = link_of(table).current.seal(bytes(inside + room), 47)
    assert sealed is not None
    assert outside + len(sealed) == 1400


def test_without_sequence_numbers_nothing_is_sent(table: SaTable) -> None:
    """RFC 4303 §3.3.3: the counter must never cycle."""
    pair = link_of(table).current
    pair.outbound.packets = 0xFFFFFFFE
    assert pair.seal(b"the last", 47) is not None
    assert pair.seal(b"one too many", 47) is None
    assert pair.count().unsent == 1


def test_at_its_hard_limit_a_pair_neither_sends_nor_receives() -> None:
    table = SaTable()
    table.install(sa(1, hard=100), eager=True)
    pair = link_of(table).current
    assert pair.seal(bytes(100), 47) is not None
    assert pair.seal(b"x", 47) is None
    pair.inbound.octets = 100
    assert pair.open(bytes(100)) is None
    assert (pair.count().unsent, pair.count().broken) == (1, 1)


def test_a_pair_that_is_ordered_twice_goes_on_counting(table: SaTable) -> None:
    """Else the second packet number 1 would repeat a nonce of AES-GCM: its keys would be known soon."""
    first = link_of(table).current
    first.seal(b"one", 47)
    table.install(sa(1), eager=True)
    link_of(table).current.seal(b"two", 47)
    assert [count.sent for count in map(SaPair.count, table.pairs())] == [2]


def test_a_transform_that_does_not_authenticate_is_refused_and_changes_nothing(table: SaTable) -> None:
    with pytest.raises(UserError, match="does not authenticate"):
        table.install(replace(sa(1), transform=EspTransform(EspCipher.AES_CBC, 128)), eager=True)
    assert sends_on(table) == 1


def alarms(link: EspLink, seconds: int) -> list[int]:
    """The seconds in which a peer that is sent to each second causes an alarm."""
    return [second for second in range(seconds) if link.silence.sent(second)]


def test_a_silence_causes_few_alarms_however_long_it_is(table: SaTable) -> None:
    assert alarms(link_of(table), 3600) == [10, 40, 160, 640, 2560]


def test_another_pair_is_no_sign_of_life_and_another_place_begins_a_silence_anew(table: SaTable) -> None:
    link = link_of(table)
    assert alarms(link, 20) == [10]
    table.install(sa(2), eager=True)
    assert alarms(link, 20) == []
    table.move(1, PeerPlace(THEIRS.packed, 4500))
    assert alarms(link, 20) == [10]


# ESP: vectors that tshark opened, kernels' captures, replay, extended sequence numbers, and nonsense.

SPI = bytes.fromhex("c0de0001")
GRE = 47
SUITES = [EspSuite.gcm(128), EspSuite.gcm(256)] + [
    EspSuite.cbc(bits, name) for bits in (128, 192, 256) for name in ("sha1", "sha256", "sha384", "sha512")
]


def pair(suite: EspSuite, *, esn: bool = False, window: int = 1024) -> tuple[Outbound, Inbound]:
    key, integrity_key = bytes(range(suite.keymat)), bytes(range(64, 64 + 64 * (not suite.is_aead)))
    inbound = Inbound(suite, SPI, key, integrity_key, window=ReplayWindow(window), esn=esn)
    return Outbound(suite, SPI, key, integrity_key, esn=esn), inbound


#: AES-CBC-128 with HMAC-SHA-256, and AES-GCM-128, of one GRE packet; tshark opened both.
INNER = bytes.fromhex(
    "20000800000000644500003c00014000400124c00aff00020aff0001080006fd00010001"
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
)
CBC_PACKET = bytes.fromhex(
    "c0de000100000001a0a1a2a3a4a5a6a7a8a9aaabacadaeaf8352838ee8634b3c8f88d5095c1a93f8308bc4003a949e65643bef8e63c22e10"
    "336908287ea7d2b44a99c2093d5c2a5bd46d36c862c119272de6d8399fd0b3356cb262b3ab68d85cb60a306395f64e1e67b585f829f121b4"
    "93073f2db5fead52"
)


def test_the_vector_of_aes_cbc_with_sha_256() -> None:
    suite, key = EspSuite.cbc(128, "sha256"), bytes(range(16))
    outbound = Outbound(
        suite, SPI, key, bytes(range(0x40, 0x60)), random=lambda count: bytes(range(0xA0, 0xA0 + count))
    )
    assert outbound.seal(INNER, GRE) == CBC_PACKET
    inbound = Inbound(suite, SPI, key, bytes(range(0x40, 0x60)), window=ReplayWindow())
    assert inbound.open(CBC_PACKET) == (INNER, GRE)


@cache
def captured(name: str) -> list[bytes]:
    """The ESP packets of a capture, out of IP or UDP."""
    found = []
    for frame in frames(CAPTURES / f"{name}.pcap"):
        layer = network_layer(*frame)
        if layer is None or layer[0] != 0x0800:
            continue
        packet = Ipv4Packet.parse(layer[1])
        if packet.protocol == IpProtocol.ESP:
            found.append(packet.payload)
        elif packet.protocol == IpProtocol.UDP and b"\x11\x94" in (packet.payload[:2], packet.payload[2:4]):
            octets = packet.payload[8:]
            if len(octets) > 8 and octets[:4] != bytes(4):
                found.append(octets)
    return found


@pytest.mark.parametrize(
    "name", ["ike-psk-gcm", "ike-psk-cbc", "ike-psk-sha1", "ike-nat-psk-cbc", "ike-nat-psk-gcm", "ike-cert-ecdsa"]
)
def test_what_linux_sealed_opens(name: str) -> None:
    run = json.loads((CAPTURES / f"{name}.keys.json").read_text())
    sas = {bytes.fromhex(sa["spi"][2:]): sa for sa in run["esp_sas"]}
    inbound: dict[bytes, Inbound] = {}
    for packet in captured(name):
        spi = packet[:4]
        sa = sas[spi]
        if spi not in inbound:
            if "key" in sa:
                key, integrity_key = bytes.fromhex(sa["key"][2:]), b""
                suite = EspSuite.gcm(8 * (len(key) - 4))
            else:
                key, integrity_key = bytes.fromhex(sa["enc_key"][2:]), bytes.fromhex(sa["auth_key"][2:])
                suite = EspSuite.cbc(8 * len(key), sa["auth"].removeprefix("hmac(").removesuffix(")"))
            inbound[spi] = Inbound(suite, spi, key, integrity_key, window=ReplayWindow())
        payload, next_header = inbound[spi].open(packet)
        assert next_header == GRE
        assert payload[2:4] == b"\x08\x00"
    assert sum(sa.packets for sa in inbound.values()) >= 8


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("esn", [False, True])
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_every_suite_gives_back_what_it_got(suite: EspSuite, esn: bool, payloads: list[bytes]) -> None:
    outbound, inbound = pair(suite, esn=esn)
    for payload in payloads:
        packet = outbound.seal(payload, GRE)
        assert len(packet) == len(payload) + suite.overhead(len(payload))
        assert inbound.open(packet) == (payload, GRE)
    assert (inbound.packets, inbound.octets) == (outbound.packets, outbound.octets)


@pytest.mark.parametrize("suite", SUITES[:4])
@given(st.integers(0, 10_000), st.integers(0, 7))
def test_one_changed_bit_does_not_open_and_moves_no_window(suite: EspSuite, position: int, bit: int) -> None:
    outbound, inbound = pair(suite)
    packet = bytearray(outbound.seal(b"payload of a packet", GRE))
    packet[position % len(packet)] ^= 1 << bit
    if position % len(packet) >= 4:  # the SPI is not authenticated in CBC's place: it chose the SA
        with pytest.raises(EspError):
            inbound.open(bytes(packet))
    assert inbound.window.top == 0


@given(st.binary(max_size=120))
def test_nonsense_does_not_open(octets: bytes) -> None:
    for suite in (EspSuite.gcm(256), EspSuite.cbc(256, "sha256")):
        with pytest.raises(EspError):
            pair(suite)[1].open(octets)


def test_a_packet_is_taken_once() -> None:
    outbound, inbound = pair(EspSuite.gcm(256))
    packet = outbound.seal(b"once", GRE)
    inbound.open(packet)
    with pytest.raises(EspError, match="came before"):
        inbound.open(packet)
    assert (inbound.replayed, inbound.broken) == (1, 0)


@given(st.permutations(range(64)))
def test_packets_may_come_in_any_order_within_the_window(order: list[int]) -> None:
    outbound, inbound = pair(EspSuite.gcm(128))
    packets = [outbound.seal(bytes((number,)), GRE) for number in range(64)]
    assert [inbound.open(packets[number])[0][0] for number in order] == list(order)


def test_what_is_older_than_the_window_is_too_late() -> None:
    window = ReplayWindow(1024)
    window.note(5000)
    assert window.is_fresh(5000 - 1023)
    assert not window.is_fresh(5000 - 1024)
    assert not window.is_fresh(0)


@pytest.mark.parametrize("start", [1, 1000, (1 << 32) - 3, (1 << 32) - 600, (5 << 32) - 2, (5 << 32) + 500])
def test_extended_numbers_go_on_over_the_end_of_the_lower_half(start: int) -> None:
    window = ReplayWindow(1024)
    window.note(start)
    for number in range(max(1, start - 1000), start + 2000):
        assert window.full_number(number & 0xFFFFFFFF) == number, hex(number)


@pytest.mark.parametrize(
    ("top", "low", "number"),
    [
        (5000, 3977, 3977),  # the last one of the window
        (5000, 3976, (1 << 32) + 3976),  # before it: it can only be of the next half
        (1023, 0, 0),
        ((1 << 32) + 1022, 0, 1 << 32),
        ((1 << 32) + 1022, 0xFFFFFFFF, 0xFFFFFFFF),  # the window reaches back into the half before
        ((1 << 32) + 10, (1 << 32) - 1013, (1 << 32) - 1013),
        ((1 << 32) + 10, (1 << 32) - 1014, (2 << 32) - 1014),
        (10, 0xFFFFFFFF, 0xFFFFFFFF),  # there is no half before
    ],
)
def test_the_half_that_is_not_sent_is_guessed_as_the_standard_says(top: int, low: int, number: int) -> None:
    """RFC 4303 appendix A2.2, at the edges of a window of 1,024."""
    window = ReplayWindow(1024)
    window.note(top)
    assert window.full_number(low) == number


def test_a_sender_without_extended_numbers_stops_at_the_last_one() -> None:
    outbound, _ = pair(EspSuite.gcm(128))
    outbound.packets = (1 << 32) - 1
    with pytest.raises(Exhausted):
        outbound.seal(b"", GRE)


def test_a_sender_with_extended_numbers_goes_on() -> None:
    outbound, inbound = pair(EspSuite.cbc(128, "sha256"), esn=True)
    outbound.packets = inbound.window.top = (1 << 32) - 2
    for _ in range(4):
        inbound.open(outbound.seal(b"on and on", GRE))
    assert inbound.window.top == (1 << 32) + 2


def test_a_peer_that_skips_billions_of_numbers_costs_no_memory() -> None:
    """One packet of a peer with a bug made the router need half a GiB for a moment."""
    window = ReplayWindow()
    window.note(1)
    tracemalloc.start()
    try:
        window.note(1 << 31)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert not window.is_fresh(1 << 31)
    assert window.is_fresh((1 << 31) - 1)
    assert not window.is_fresh(1)
