"""How many entries one station may have: by its identity, in clear by its outer NBMA address."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import NhrpReceived
from dmvpn.base.pages import Pages
from dmvpn.base.protection import Proved
from dmvpn.features.nhrp import responder
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationReply, RegistrationRequest, ResolutionFlag
from dmvpn.features.nhrp.packet import ResolutionRequest as Question
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, ForwardTransitRecord
from dmvpn.features.nhrp.reasons import Refusal
from support.cloud import HUB, HUB_NBMA, PEER, PEER_NBMA, SPOKE_NBMA, ready, receive, refused, targets, tunnel_of
from support.overlay import TUNNEL, Overlay, address
from support.protected import ProtectedOverlay, protected

if TYPE_CHECKING:
    import pytest

    from dmvpn.base.addresses import IPAddress

#: The first of many addresses that nobody routes, in and out of the subnet.
MANY = address("10.77.0.1")
#: So many entries are allowed in these tests.
LIMIT = 4


def _request(
    first: int, count: int = 1, *, nbma: IPAddress = PEER_NBMA, holding_time: int = 600
) -> RegistrationRequest:
    return RegistrationRequest(
        source_nbma=nbma,
        source_protocol=PEER,
        destination_protocol=HUB,
        flags=RegistrationFlag.NAT,
        request_id=1,
        cies=tuple(
            ClientInfo(prefix_length=32, holding_time=holding_time, protocol=MANY + number)
            for number in range(first, first + count)
        ),
    )


def _ready(**settings: object) -> Overlay:
    overlay = ready()
    overlay.configure("R11", registration_limit=LIMIT, **settings)
    return overlay


def _codes(overlay: Overlay, packet: RegistrationRequest, source: IPAddress = PEER_NBMA) -> list[int]:
    receive(overlay, "R11", packet, source)
    return [cie.code for cie in overlay.sent(RegistrationReply, "R11")[-1].cies]


def test_a_station_has_so_many_entries_and_its_own_address_is_one_of_them() -> None:
    overlay = _ready()
    full = [CieCode.INSUFFICIENT_RESOURCES]
    assert _codes(overlay, _request(0, 10)) == [CieCode.SUCCESS] * (LIMIT - 1) + full * (11 - LIMIT)
    assert refused(overlay, "R11")[Refusal.TOO_MANY] == 11 - LIMIT
    assert _codes(overlay, _request(0)) == [CieCode.SUCCESS]  # a refresh
    assert _codes(overlay, _request(50), SPOKE_NBMA) == [CieCode.SUCCESS]  # another station


def test_what_goes_makes_room() -> None:
    overlay = _ready()
    _codes(overlay, _request(0, 10))
    assert _codes(overlay, _request(0, holding_time=0)) == [CieCode.SUCCESS]  # taken back
    assert _codes(overlay, _request(5)) == [CieCode.SUCCESS]
    overlay.run(601)
    assert _codes(overlay, _request(10, 10)).count(CieCode.SUCCESS) == LIMIT - 1
    tunnel = tunnel_of(overlay, "R11")
    assert tunnel.cache.paid_by(PEER_NBMA) == LIMIT


def test_in_clear_a_private_address_behind_a_translator_is_no_name_of_a_station() -> None:
    overlay = _ready()
    inside = address("192.168.1.2")  # of many a site
    assert _codes(overlay, _request(0, nbma=inside), address("198.51.100.7")) == [CieCode.SUCCESS]
    for number in range(1, LIMIT):
        assert _codes(overlay, _request(number, nbma=inside), address("198.51.100.8")) == [CieCode.SUCCESS]
    assert tunnel_of(overlay, "R11").cache.paid_by(address("198.51.100.7")) == 1


def test_an_entry_that_another_station_takes_over_is_counted_under_that_one() -> None:
    overlay = _ready()
    _codes(overlay, _request(0, 2))
    cache = tunnel_of(overlay, "R11").cache
    before = cache.paid_by(PEER_NBMA), cache.paid_by(SPOKE_NBMA)
    assert _codes(overlay, _request(0, 2, nbma=SPOKE_NBMA), SPOKE_NBMA) == [CieCode.SUCCESS] * 2
    assert (cache.paid_by(PEER_NBMA), cache.paid_by(SPOKE_NBMA)) == (before[0] - 2, before[1] + 2)


def test_a_server_of_the_configuration_may_have_as_many_as_it_likes_but_not_those_whose_words_it_passes_on() -> None:
    overlay = _ready(maps=Pages([(Prefix.host(PEER), PEER_NBMA)]))
    assert _codes(overlay, _request(0, 20)) == [CieCode.SUCCESS] * 20
    record = ForwardTransitRecord(entries=(ClientInfo(prefix_length=32, nbma=PEER_NBMA, protocol=PEER),))
    passed_on = replace(_request(100, 20, nbma=address("198.51.100.9")), extensions=(record,))
    assert _codes(overlay, passed_on).count(CieCode.SUCCESS) == LIMIT


def _over(overlay: ProtectedOverlay, packet: RegistrationRequest, number: int) -> list[int]:
    overlay.handle("R11", NhrpReceived(TUNNEL, PEER_NBMA, packet.serialize(), number))
    return [cie.code for cie in overlay.sent(RegistrationReply, "R11")[-1].cies]


def test_on_a_protected_tunnel_the_identity_counts_over_all_its_connections() -> None:
    overlay = protected(registration_limit=LIMIT)
    overlay.start()
    overlay.run(5)
    overlay.configure("R11", registration_limit=LIMIT)
    first = next(c.number for c in overlay.ipsec["R11"].known if c.identity == "R41.example")
    assert _over(overlay, _request(0, 2), first) == [CieCode.SUCCESS] * 2
    _, second = overlay.connect("R41", "R11")
    assert _over(overlay, _request(10, 10), second).count(CieCode.SUCCESS) == LIMIT - 3
    assert tunnel_of(overlay, "R11").cache.paid_by(Proved(2, b"R41.example")) == LIMIT


def test_whose_key_proves_no_name_has_no_more_entries_by_inventing_names() -> None:
    """A key that is good for everybody: each name that its holder made up had 32 entries of its own."""
    overlay = protected(registration_limit=LIMIT)
    overlay.start()
    overlay.run(5)
    overlay.configure("R11", registration_limit=LIMIT)
    codes: list[int] = []
    for number in range(5):
        _, connection = overlay.connect(
            "R41", "R11", identity=f"invented{number}.example", entry="keyring RING peer ALL", named=False
        )
        codes += _over(overlay, _request(10 * number, 2), connection)
    assert codes.count(CieCode.SUCCESS) == LIMIT
    assert tunnel_of(overlay, "R11").cache.paid_by(PEER_NBMA) == LIMIT


def test_nobody_uses_up_the_entries_of_another_by_saying_its_name() -> None:
    """The holder of everybody's key registered as R31.example, whose own entries were refused then."""
    overlay = protected(registration_limit=LIMIT)
    overlay.start()
    overlay.run(5)
    overlay.configure("R11", registration_limit=LIMIT)
    before = tunnel_of(overlay, "R11").cache.paid_by(Proved(2, b"R31.example"))
    assert before
    for entry, named in (("keyring RING peer ALL", False), ("keyring RING peer OTHER", True)):
        _, connection = overlay.connect("R41", "R11", identity="R31.example", entry=entry, named=named)
        _over(overlay, _request(0, 20), connection)
    assert tunnel_of(overlay, "R11").cache.paid_by(Proved(2, b"R31.example")) == before


def test_requests_make_so_many_entries_for_one_station(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responder, "LARGEST_RESOLVED", LIMIT)
    overlay = ready()
    for number in range(20):
        packet = Question(
            source_nbma=SPOKE_NBMA,
            source_protocol=address("192.168.100.100") + number,
            destination_protocol=address("10.4.4.1"),
            flags=ResolutionFlag(0xC802),
            request_id=number,
            cies=(ClientInfo(prefix_length=32, holding_time=7200),),
        )
        receive(overlay, "R41", packet, HUB_NBMA)
    assert sum(entry.nbma == SPOKE_NBMA for entry in targets(overlay, "R41").values()) == LIMIT
    assert refused(overlay, "R41")[Refusal.NO_ROOM] == 20 - LIMIT
