"""Which connection a packet takes, and which of its pairs of SAs."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.base.errors import UserError
from dmvpn.base.protection import EspCipher, EspSa, EspTransform
from dmvpn.dataplane.esp.table import WORN_PACKETS, EspLink, PeerPlace, SaPair, SaTable

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


def test_a_pair_that_is_not_eager_waits_until_it_is_heard() -> None:
    table = SaTable()
    table.install(sa(1), eager=True)
    table.install(sa(2), eager=False)
    assert sends_on(table) == 1
    hear(table, 2)
    assert sends_on(table) == 2


def test_a_pair_that_was_overtaken_is_not_gone_back_to_when_it_is_heard_late() -> None:
    table = SaTable()
    table.install(sa(1), eager=True)
    table.install(sa(2), eager=False)
    table.install(sa(3), eager=True)
    hear(table, 2)
    assert sends_on(table) == 3


def test_a_pair_that_came_later_still_waits_after_an_earlier_one_was_chosen() -> None:
    table = SaTable()
    table.install(sa(1), eager=True)
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


def test_a_new_pair_brings_its_connection_to_where_it_says() -> None:
    table = SaTable()
    table.install(sa(1), eager=True)
    table.install(replace(sa(2), remote=ELSEWHERE, remote_port=4500), eager=False)
    assert link_of(table).place == PeerPlace(ELSEWHERE.packed, 4500)
    assert table.between(table.doors.number(OURS, ""), THEIRS.packed) is None


def test_a_place_is_worth_telling_once_and_again_after_the_peer_was_back() -> None:
    table = SaTable()
    table.install(sa(1), eager=True)
    link = link_of(table)
    home, away, further = link.place, PeerPlace(ELSEWHERE.packed, 1), PeerPlace(ELSEWHERE.packed, 2)
    told = [link.heard(link.current, place) for place in (home, away, away, further, home, further)]
    assert told == [False, True, False, True, False, True]


def test_after_a_move_the_place_that_was_told_of_before_it_is_told_of_again() -> None:
    table = SaTable()
    table.install(sa(1), eager=True)
    link, elsewhere = link_of(table), PeerPlace(ELSEWHERE.packed, 1)
    assert link.heard(link.current, elsewhere)
    table.move(1, PeerPlace(ELSEWHERE.packed, 2))
    assert link.heard(link.current, elsewhere)


def test_what_comes_late_on_an_older_pair_does_not_say_where_the_peer_is() -> None:
    table = SaTable()
    table.install(sa(1), eager=True)
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


def test_without_sequence_numbers_nothing_is_sent() -> None:
    """RFC 4303 §3.3.3: the counter must never cycle."""
    table = SaTable()
    table.install(sa(1), eager=True)
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


def test_a_pair_that_is_ordered_twice_goes_on_counting() -> None:
    """Else the second packet number 1 would repeat a nonce of AES-GCM: its keys would be known soon."""
    table = SaTable()
    table.install(sa(1), eager=True)
    first = link_of(table).current
    first.seal(b"one", 47)
    table.install(sa(1), eager=True)
    link_of(table).current.seal(b"two", 47)
    assert [count.sent for count in map(SaPair.count, table.pairs())] == [2]


def test_a_transform_that_does_not_authenticate_is_refused_and_changes_nothing() -> None:
    table = SaTable()
    table.install(sa(1), eager=True)
    with pytest.raises(UserError, match="does not authenticate"):
        table.install(replace(sa(1), transform=EspTransform(EspCipher.AES_CBC, 128)), eager=True)
    assert sends_on(table) == 1


def alarms(link: EspLink, seconds: int) -> list[int]:
    """The seconds in which a peer that is sent to each second causes an alarm."""
    return [second for second in range(seconds) if link.silence.sent(second)]


def test_a_silence_causes_few_alarms_however_long_it_is() -> None:
    table = SaTable()
    table.install(sa(1), eager=True)
    assert alarms(link_of(table), 3600) == [10, 40, 160, 640, 2560]


def test_another_pair_is_no_sign_of_life_and_another_place_begins_a_silence_anew() -> None:
    table = SaTable()
    table.install(sa(1), eager=True)
    link = link_of(table)
    assert alarms(link, 20) == [10]
    table.install(sa(2), eager=True)
    assert alarms(link, 20) == []
    table.move(1, PeerPlace(THEIRS.packed, 4500))
    assert alarms(link, 20) == [10]
