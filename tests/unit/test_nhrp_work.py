"""How much work one station may cause at a hub, and that nobody else waits for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import NhrpReceived
from dmvpn.base.pages import Pages
from dmvpn.features.nhrp import admission
from dmvpn.features.nhrp.packet import (
    PurgeFlag,
    PurgeReply,
    PurgeRequest,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
)
from dmvpn.features.nhrp.parts import Authentication, CieCode, ClientInfo
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.shared import AT_ONCE, PACKET, PER_SECOND
from support.cloud import HUB, PEER, PEER_NBMA, SPOKE, SPOKE_NBMA, ready, receive, refused, tunnel_of
from support.overlay import TUNNEL, Overlay, address
from support.protected import ProtectedOverlay, protected

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.packet import NhrpPacket

#: The first of many addresses that nobody routes.
MANY = address("10.77.0.1")
INSUFFICIENT = CieCode.INSUFFICIENT_RESOURCES


def registration(*cies: ClientInfo, source: IPAddress = PEER, nbma: IPAddress = PEER_NBMA) -> RegistrationRequest:
    """What a member sends its hub."""
    return RegistrationRequest(
        source_nbma=nbma,
        source_protocol=source,
        destination_protocol=HUB,
        flags=RegistrationFlag.NAT,
        request_id=1,
        cies=cies or (ClientInfo(prefix_length=32, holding_time=600),),
    )


def guests(first: int, count: int) -> tuple[ClientInfo, ...]:
    """Return entries for addresses that nobody has."""
    return tuple(
        ClientInfo(prefix_length=32, holding_time=600, protocol=MANY + number) for number in range(first, first + count)
    )


def purge(cies: tuple[ClientInfo, ...]) -> PurgeRequest:
    """A purge that a member sends its hub."""
    return PurgeRequest(
        source_nbma=PEER_NBMA,
        source_protocol=PEER,
        destination_protocol=HUB,
        flags=PurgeFlag.NAT,
        request_id=1,
        cies=cies,
    )


def question(number: int) -> ResolutionRequest:
    """A member asks the hub for an address of the hub's."""
    return ResolutionRequest(
        source_nbma=PEER_NBMA,
        source_protocol=PEER,
        destination_protocol=HUB,
        flags=ResolutionFlag.ROUTER | ResolutionFlag.NAT,
        request_id=number,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
    )


def flood(overlay: Overlay, packet: NhrpPacket, seconds: float, source: IPAddress = PEER_NBMA) -> int:
    """A member sends so many octets that they would hold a core; returns how many octets it sent."""
    octets, sent = packet.serialize(), 0
    for _ in range(int(seconds * 10)):
        for _ in range(1 + 100_000 // len(octets) // 10):
            receive(overlay, "R11", octets, source)
            sent += len(octets)
        overlay.run(0.1)
    return sent


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("packet", "reply"),
    [
        (registration(*guests(0, 550)), RegistrationReply),
        (registration(), RegistrationReply),
        (purge(guests(0, 550)), PurgeReply),
        (question(1), ResolutionReply),
    ],
    ids=["many entries", "small packets", "purges", "questions"],
)
def test_a_member_that_floods_a_hub_is_served_little_and_everybody_else_as_always(
    packet: NhrpPacket, reply: type[NhrpPacket]
) -> None:
    """One member's requests with hundreds of entries held the hub's core, and neighbors of EIGRP expired."""
    overlay = ready()
    octets = len(packet.serialize()) + PACKET
    sent = flood(overlay, packet, 10)
    served = len(overlay.sent(reply, "R11"))
    assert served * octets <= 10 * PER_SECOND + AT_ONCE + octets < sent
    assert refused(overlay, "R11")[Refusal.TOO_MUCH_WORK] > served
    overlay.packets.clear()
    receive(overlay, "R11", registration(source=SPOKE, nbma=SPOKE_NBMA), SPOKE_NBMA)
    assert overlay.sent(RegistrationReply, "R11")[-1].cies[0].code == CieCode.SUCCESS
    overlay.run(1)
    receive(overlay, "R11", registration(), PEER_NBMA)
    assert len(overlay.sent(RegistrationReply, "R11")) == 2, "when it floods no more, it is served like all others"


@pytest.mark.lengthy
def test_ten_thousand_spokes_that_register_at_one_moment_are_all_served() -> None:
    overlay = ready()
    first, outside = address("10.80.0.1"), address("172.30.0.1")
    for number in range(10_000):
        packet = registration(source=first + number, nbma=outside + number)
        receive(overlay, "R11", packet, outside + number)
    assert len(overlay.sent(RegistrationReply, "R11")) == 10_000
    assert Refusal.TOO_MUCH_WORK not in refused(overlay, "R11")


def test_forty_spokes_behind_one_translator_register_at_one_moment() -> None:
    overlay = ready()
    overlay.configure("R11", registration_limit=100)
    for number in range(40):
        receive(overlay, "R11", registration(source=MANY + number, nbma=address("192.168.1.2")), PEER_NBMA)
    assert [reply.cies[0].code for reply in overlay.sent(RegistrationReply, "R11")] == [CieCode.SUCCESS] * 40


def test_a_spoke_with_a_hundred_addresses_registers_them_all_in_one_packet() -> None:
    overlay = ready()
    overlay.configure("R11", registration_limit=200)
    receive(overlay, "R11", registration(*guests(0, 100)), PEER_NBMA)
    assert [cie.code for cie in overlay.sent(RegistrationReply, "R11")[-1].cies] == [CieCode.SUCCESS] * 100


def test_of_a_packet_with_very_many_entries_the_rest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_LOOKED_AT", 20)
    overlay = ready()
    receive(overlay, "R11", registration(*guests(0, 50)), PEER_NBMA)
    codes = [cie.code for cie in overlay.sent(RegistrationReply, "R11")[-1].cies]
    assert codes == [CieCode.SUCCESS] * 20 + [INSUFFICIENT] * 30
    assert len(tunnel_of(overlay, "R11").cache.at(PEER_NBMA)) == 21


def test_a_station_that_has_all_it_may_have_still_refreshes_what_it_names_last() -> None:
    overlay = ready()
    overlay.configure("R11", registration_limit=4)
    receive(overlay, "R11", registration(*guests(0, 10), ClientInfo(holding_time=900)), PEER_NBMA)
    codes = [cie.code for cie in overlay.sent(RegistrationReply, "R11")[-1].cies]
    assert codes == [CieCode.SUCCESS] * 3 + [INSUFFICIENT] * 7 + [CieCode.SUCCESS]
    own = tunnel_of(overlay, "R11").cache.get(Prefix.host(PEER))
    assert own is not None
    assert own.holding_time == 900


def test_a_server_of_the_configuration_speaks_for_many() -> None:
    overlay = ready()
    overlay.configure("R11", maps=Pages([(Prefix.host(PEER), PEER_NBMA)]))
    for number in range(400):
        receive(overlay, "R11", question(number), PEER_NBMA)
    assert len(overlay.sent(ResolutionReply, "R11")) == 400
    for number in range(400, 4000):
        receive(overlay, "R11", question(number), PEER_NBMA)
    assert len(overlay.sent(ResolutionReply, "R11")) < 1000


def test_a_purge_of_very_many_entries_ends_them_a_few_at_a_time_but_not_those_that_are_told_again() -> None:
    overlay = ready()
    overlay.configure("R11", registration_limit=400)
    for first in range(0, 300, 100):
        receive(overlay, "R11", registration(*guests(first, 100)), PEER_NBMA)
        overlay.run(1)
    cache = tunnel_of(overlay, "R11").cache
    everything = tuple(ClientInfo(prefix_length=8, protocol=address(net)) for net in ("10.0.0.0", "192.0.0.0"))
    overlay.handle("R11", NhrpReceived(TUNNEL, PEER_NBMA, purge(everything).serialize()))
    assert 100 < len(cache.at(PEER_NBMA)) < 300
    kept = list(cache.at(PEER_NBMA))[-1].target.address
    again = ClientInfo(prefix_length=32, holding_time=600, protocol=kept)
    receive(overlay, "R11", registration(again), PEER_NBMA)
    overlay.run(1)
    assert [entry.target.address for entry in cache.at(PEER_NBMA)] == [kept]


def _over(overlay: ProtectedOverlay, number: int) -> int:
    """Send the hub a registration over a connection; how many answers there are by now."""
    overlay.handle("R11", NhrpReceived(TUNNEL, PEER_NBMA, registration().serialize(), number))
    return len(overlay.sent(RegistrationReply, "R11"))


def test_a_member_with_two_connections_may_not_cause_twice_as_much() -> None:
    overlay = protected()
    overlay.start()
    overlay.run(5)
    overlay.packets.clear()
    first = next(c.number for c in overlay.ipsec["R11"].known if c.identity == "R41.example")
    for _ in range(200):
        served = _over(overlay, first)
    assert served < 200
    _, second = overlay.connect("R41", "R11")
    before = len(overlay.sent(RegistrationReply, "R11"))
    assert _over(overlay, second) == before


@pytest.mark.parametrize(
    "octets", [bytes(1400), bytes(9300), registration().serialize()], ids=["garbage", "long", "no password"]
)
def test_nobody_uses_up_in_clear_what_is_read_of_a_station_by_packets_without_its_password(octets: bytes) -> None:
    """A stranger sent nonsense from a spoke's address, and the hub read no registration of the spoke any more."""
    overlay = ready()
    overlay.configure("R11", authentication="secret")
    for _ in range(1000):
        receive(overlay, "R11", octets, PEER_NBMA)
    honest = replace(registration(), extensions=(Authentication(data=b"secret"),))
    receive(overlay, "R11", honest, PEER_NBMA)
    assert overlay.sent(RegistrationReply, "R11")[-1].cies[0].code == CieCode.SUCCESS
    assert Refusal.TOO_MUCH_WORK not in refused(overlay, "R11")


def test_nonsense_over_a_connection_is_the_work_of_its_member() -> None:
    overlay = protected()
    overlay.start()
    overlay.run(5)
    number = next(c.number for c in overlay.ipsec["R11"].known if c.identity == "R41.example")
    for _ in range(1000):
        overlay.handle("R11", NhrpReceived(TUNNEL, PEER_NBMA, bytes(100), number))
    assert refused(overlay, "R11")[Refusal.TOO_MUCH_WORK] > 900
