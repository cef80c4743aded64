"""Registration: clients, servers, and what happens between them (RFC 2332 §5.2.3, §5.2.4)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import SendGre, SetAdjacency, SetHairpin
from dmvpn.base.events import NhrpReceived, Resync
from dmvpn.base.notices import (
    Configured,
    HoldTunnel,
    InterfaceChanged,
    LineEnds,
    NeighborSilent,
    TunnelChanged,
)
from dmvpn.base.pages import Pages
from dmvpn.features.nhrp import reception
from dmvpn.features.nhrp.cache import Flag
from dmvpn.features.nhrp.forwarding import LONG_MULTICAST
from dmvpn.features.nhrp.model import ClearCache, ClearSessions, NhrpConfig
from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
    NhrpPacket,
    PacketType,
    PurgeRequest,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    parse,
)
from dmvpn.features.nhrp.parts import (
    Authentication,
    CieCode,
    ClientInfo,
    NatAddress,
    ResponderAddress,
    VendorPrivate,
    find,
)
from dmvpn.features.nhrp.renewals import Renewals
from dmvpn.features.nhrp.vendor import group_extension, group_of
from dmvpn.net.ipv4 import checksum
from support.overlay import TUNNEL, address, client_of, cloud, make_shortcut

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.overlay import Overlay

#: A line that makes R31 a configured server of the hub.
MAPPED = Pages([(Prefix.parse("192.168.100.77/32"), address("172.16.31.1"))])


@pytest.mark.conforms("5.2.4-direct", "frr-6276", "frr-16580")
def test_a_spoke_registers_and_the_hub_can_send_to_it() -> None:
    overlay = cloud().start().run(1)
    hub, spoke = overlay.members["R11"], overlay.members["R31"]
    entry = hub.machine.tunnels[0].cache.get(Prefix.parse("192.168.100.31/32"))
    assert entry is not None
    assert entry.flags == Flag.REGISTERED | Flag.NHOP | Flag.UNIQUE
    assert hub.adjacencies == {
        address("192.168.100.31"): address("172.16.31.1"),
        address("192.168.100.41"): address("172.16.41.1"),
    }
    assert hub.multicast == (address("172.16.31.1"), address("172.16.41.1"))
    assert spoke.adjacencies == {address("192.168.100.11"): address("172.16.11.1")}
    assert spoke.multicast == (address("172.16.11.1"),)
    assert client_of(overlay).is_responding


@pytest.mark.conforms("5.2.3-u-prefix", "5.2.3-source", "frr-951")
def test_the_request_has_the_shape_of_ios() -> None:
    overlay = cloud(authentication="NHRPAUTH", group="SHAPE_2M").start("R31")
    (request,) = overlay.sent(RegistrationRequest, "R31")
    assert request.hop_count == 255
    assert request.flags == RegistrationFlag.UNIQUE | RegistrationFlag.NAT
    assert request.request_id == 1
    assert request.cies == (ClientInfo(prefix_length=32, mtu=17912, holding_time=7200, preference=255),)
    assert [type(extension).__name__ for extension in request.extensions] == [
        "ResponderAddress",
        "ForwardTransitRecord",
        "ReverseTransitRecord",
        "Authentication",
        "NatAddress",
        "VendorPrivate",
    ]
    octets = request.serialize()
    assert len(octets) == 125  # as in the public capture of an IOS spoke with an NHRP group
    assert octets[14:16] == (52).to_bytes(2, "big")


@pytest.mark.conforms("5.2.0.1-mtu")
def test_without_a_tunnel_key_the_mtu_is_four_octets_larger() -> None:
    overlay = cloud()
    spoke = overlay.members["R31"]
    spoke.tunnel_state = replace(spoke.tunnel_state, key=None)
    overlay.start("R31")
    assert overlay.sent(RegistrationRequest)[0].cies[0].mtu == 17916


@pytest.mark.conforms("5.2.0.1-id-retry")
def test_first_tries_come_fast_and_repeat_the_request_id() -> None:
    overlay = cloud().start("R31").run(240)
    times = [sent.when for sent in overlay.packets]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    expected = [0.25, 0.5, 1, 1, 2, 4, 8, 16, 32, 64, 64]
    assert gaps == [pytest.approx(gap, rel=0.1) for gap in expected]
    assert {request.request_id for request in overlay.sent(RegistrationRequest)} == {1}
    client = client_of(overlay)
    assert client.requests_sent == 12
    assert client.retry == 64
    assert str(client.reason) == "no reply from the next hop server (11 registration requests unanswered)"


@pytest.mark.conforms("frr-1164")
def test_a_hub_that_starts_later_is_found_by_the_next_try() -> None:
    overlay = cloud().start("R31").run(0.4).start("R11").run(0.5)
    assert overlay.members["R11"].adjacencies == {address("192.168.100.31"): address("172.16.31.1")}


@pytest.mark.conforms("5.2.0.1-id-new", "5.2.3-refresh", "frr-9412")
@pytest.mark.parametrize(
    ("settings", "period"), [({}, 2400), ({"holdtime": 300}, 100), ({"registration_timeout": 60}, 60)]
)
def test_registrations_are_renewed_in_time_with_new_ids(settings: dict[str, int], period: float) -> None:
    overlay = cloud(3, **settings).start().run(period + 10)
    times = [sent.when for sent in overlay.packets if isinstance(sent.packet, RegistrationRequest)]
    assert times == [0.0, pytest.approx(period, abs=0.1)]
    assert [request.request_id for request in overlay.sent(RegistrationRequest)] == [1, 2]


@pytest.mark.parametrize(
    "settings",
    [
        {"authentication": "NEW"},
        {"unique": False},
        {"holdtime": 600},
        {"registration_timeout": 60},
        {"group": "GOLD"},
        {"record": False},
    ],
)
def test_what_is_registered_differently_is_registered_at_once(settings: dict[str, object]) -> None:
    overlay = cloud(3).start().run(1)
    overlay.configure("R31", **settings)
    first, second = overlay.sent(RegistrationRequest)
    assert (first.request_id, second.request_id) == (1, 2)
    overlay.configure("R31", **settings, redirect=True)
    assert len(overlay.sent(RegistrationRequest)) == 2  # that is nobody else's business


def test_a_refresh_keeps_the_entry_and_tells_the_data_plane_nothing() -> None:
    overlay = cloud(3).start().run(1)
    hub = overlay.members["R11"]
    before = hub.machine.tunnels[0].cache.host(address("192.168.100.31"))
    assert before is not None
    hub.effects.clear()
    overlay.run(2450)
    after = hub.machine.tunnels[0].cache.host(address("192.168.100.31"))
    assert after is before
    assert after.created < 1
    assert after.expires == pytest.approx(2400 + 7200, abs=1)
    assert not [effect for effect in hub.effects if isinstance(effect, SetAdjacency)]


@pytest.mark.lengthy
@pytest.mark.conforms("5.2.0.1-expiry")
def test_an_entry_that_is_not_renewed_expires_with_everything_that_hangs_on_it() -> None:
    overlay = cloud(3).start().run(1)
    overlay.cut("R11", "R31").run(7201)
    hub = overlay.members["R11"]
    assert hub.machine.tunnels[0].cache.entries() == []
    assert hub.adjacencies == {}
    assert hub.multicast == ()
    assert overlay.log_texts("R11")[-1] == (
        "%DMVPN-5-NHRP_NHC_DOWN: Tunnel100: Next Hop Client : (Tunnel: 192.168.100.31 NBMA: 172.16.31.1 ) for "
        "(Tunnel: 192.168.100.11 NBMA: 172.16.11.1) is DOWN, Reason: External(NHRP Registration timeout)"
    )


def test_a_server_that_answers_no_more_is_down_after_the_third_lost_request() -> None:
    overlay = cloud(3, registration_timeout=60).start().run(1)
    overlay.cut("R11", "R31").run(64)
    client = client_of(overlay)
    assert client.is_responding
    overlay.run(5)
    assert not client.is_responding
    assert overlay.log_texts("R31")[-1] == (
        "%DMVPN-5-NHRP_NHS_DOWN: Tunnel100: Next Hop Server : (Tunnel: 192.168.100.11 NBMA: 172.16.11.1 ) for "
        "(Tunnel: 192.168.100.31 NBMA: 172.16.31.1) is DOWN, Reason: NHRP Registration Failure(NHRP: no error)"
    )
    overlay.fix()
    overlay.run(64)
    assert client.is_responding


def test_a_dead_server_is_noticed_within_ten_seconds_of_traffic_to_it() -> None:
    overlay = cloud(3).start().run(100)
    spoke, hub = overlay.members["R31"], address("172.16.11.1")
    overlay.cut("R11", "R31")
    died = overlay.now
    client = client_of(overlay)
    while client.is_responding:
        spoke.count(hub, sent=5)
        overlay.run(0.5)
    assert overlay.now - died <= 10


@pytest.mark.conforms("frr-9412")
def test_traffic_that_is_answered_causes_no_extra_registrations() -> None:
    overlay = cloud(3).start()
    spoke, hub = overlay.members["R31"], address("172.16.11.1")
    for _ in range(100):
        spoke.count(hub, sent=5, received=5)
        overlay.run(1)
    assert len(overlay.sent(RegistrationRequest)) == 1


# ------------------------------------------------------------------------------------------------ unique


@pytest.mark.conforms("5.2.3-u-refused", "5.2.4-nak-14", "cisco-unique", "cisco-shutdown", "frr-21515-unique")
def test_a_new_nbma_address_is_refused_while_the_unique_entry_lives() -> None:
    overlay = cloud(3).start().run(1)
    overlay.move("R31", "172.16.31.31")
    overlay.run(1)
    assert overlay.members["R11"].adjacencies == {address("192.168.100.31"): address("172.16.31.1")}
    assert overlay.log_texts("R31")[-1] == (
        "%NHRP-3-PAKREPLY: Receive Registration Reply packet with error - unique address registered already(14)"
    )
    reply = overlay.sent(RegistrationReply)[-1]
    assert reply.cies == (ClientInfo(code=CieCode.UNIQUE_ADDRESS_REGISTERED, prefix_length=32),)
    client = client_of(overlay)
    assert not client.is_responding
    assert client.requests_failed >= 1


@pytest.mark.conforms("5.2.3-u-refused", "cisco-unique")
def test_a_refused_spoke_asks_on_and_gets_in_when_the_old_entry_has_expired() -> None:
    overlay = cloud(3, holdtime=300).start().run(1)
    overlay.move("R31", "172.16.31.31")
    overlay.run(300 + 64)
    assert overlay.members["R11"].adjacencies == {address("192.168.100.31"): address("172.16.31.31")}


def test_a_client_that_registered_without_unique_may_move() -> None:
    overlay = cloud(3, unique=False).start().run(1)
    overlay.move("R31", "172.16.31.31")
    overlay.run(1)
    hub = overlay.members["R11"]
    assert hub.adjacencies == {address("192.168.100.31"): address("172.16.31.31")}
    assert hub.multicast == (address("172.16.31.31"),)


@pytest.mark.conforms("5.2.3-u-stored")
def test_a_unique_entry_also_holds_against_a_registration_that_is_not_unique() -> None:
    overlay = cloud(3).start().run(1)
    overlay.line("R31", up=False)
    overlay.configure("R31", unique=False)
    overlay.move("R31", "172.16.31.31")
    overlay.line("R31", up=True).run(1)
    assert overlay.members["R11"].adjacencies == {address("192.168.100.31"): address("172.16.31.1")}


@pytest.mark.conforms("5.2.3-u-stored")
def test_a_client_that_gives_up_the_unique_flag_in_time_may_move_later() -> None:
    overlay = cloud(3).start().run(1)
    overlay.configure("R31", unique=False)  # registered again at once, from the same NBMA address
    overlay.run(1)
    overlay.move("R31", "172.16.31.31")
    overlay.run(1)
    assert overlay.members["R11"].adjacencies == {address("192.168.100.31"): address("172.16.31.31")}


@pytest.mark.conforms("cisco-shutdown")
def test_shutting_the_tunnel_leaves_the_registration_at_the_hub() -> None:
    overlay = cloud(3).start().run(1)
    overlay.line("R31", up=False).run(10)
    assert overlay.sent(PurgeRequest) == []
    assert overlay.members["R11"].adjacencies
    overlay.line("R31", up=True).run(1)
    assert client_of(overlay).is_responding


# ------------------------------------------------------------------------------------------------ the line


def test_with_if_state_the_line_protocol_waits_for_a_server() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, if_state=True)
    overlay.start()
    held = [e.reason for e in overlay.members["R31"].effects if isinstance(e, HoldTunnel)]
    assert [str(reason) for reason in held] == ["no next hop server answers (if-state nhrp)"]
    overlay.run(1)
    held = [e.reason for e in overlay.members["R31"].effects if isinstance(e, HoldTunnel)]
    assert held[-1] is None


def test_with_if_state_goodbyes_are_said_before_the_line_goes_down_and_not_when_it_comes_up() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, if_state=True)
    overlay.start().run(1)
    told = [type(e) for e in overlay.members["R31"].effects if isinstance(e, HoldTunnel | LineEnds)]
    assert told == [LineEnds, HoldTunnel, HoldTunnel]


@pytest.mark.conforms("frr-2287")
def test_after_a_resync_everything_is_ordered_again() -> None:
    overlay = cloud().start().run(1)
    effects = overlay.handle("R11", Resync())
    assert [e.next_hop for e in effects if isinstance(e, SetAdjacency)] == list(overlay.members["R11"].adjacencies)
    assert [e for e in effects if isinstance(e, SetHairpin)] == [SetHairpin(TUNNEL, 100, report=True, interval=8.0)]


def test_clearing_sessions_without_static_leaves_servers_alone() -> None:
    overlay = cloud(3).start().run(1)
    overlay.handle("R31", ClearSessions())
    overlay.run(1)
    assert len(overlay.sent(RegistrationRequest)) == 1


def test_a_server_that_routing_hears_no_more_is_asked_whether_it_still_knows_us() -> None:
    """It may have forgotten us and talk to us for another reason: then no silence of its packets tells."""
    overlay = cloud(3).start().run(1)
    overlay.handle("R31", NeighborSilent(TUNNEL, address("192.168.100.11")))
    overlay.handle("R31", NeighborSilent(TUNNEL, address("192.168.100.41")))
    overlay.handle("R31", NeighborSilent("Tunnel7", address("192.168.100.11")))
    overlay.run(1)
    assert [request.request_id for request in overlay.sent(RegistrationRequest)] == [1, 2]
    assert client_of(overlay).is_responding


def test_clearing_the_session_with_a_server_registers_again() -> None:
    overlay = cloud(3).start().run(1)
    overlay.handle("R31", ClearSessions(static=True))
    overlay.run(1)
    assert [request.request_id for request in overlay.sent(RegistrationRequest)] == [1, 2]
    down = [text for text in overlay.log_texts("R31") if "DOWN" in text]
    assert [text.rpartition("Reason: ")[2] for text in down] == ["External(NHRP: no error)"]


# Registration on the wire and at the server: what is answered, kept and refused (RFC 2332 §5.2.3, §5.2.4).


@pytest.mark.conforms("5.2.0.1-id-copied", "5.2.4-formed")
def test_the_reply_turns_the_request_round_and_names_the_responder() -> None:
    overlay = cloud(3).start().run(1)
    (request,), (reply,) = overlay.sent(RegistrationRequest), overlay.sent(RegistrationReply)
    assert (reply.source_protocol, reply.destination_protocol) == (
        request.source_protocol,
        request.destination_protocol,
    )
    assert reply.source_nbma == request.source_nbma
    assert reply.request_id == request.request_id
    assert reply.cies == request.cies
    responder = find(reply.extensions, ResponderAddress)
    assert responder is not None
    assert responder.entries[0].protocol == address("192.168.100.11")
    assert responder.entries[0].nbma == address("172.16.11.1")
    assert find(reply.extensions, NatAddress) == find(request.extensions, NatAddress)


@pytest.mark.conforms("5.2.4-direct", "cisco-nat-register")
def test_a_spoke_behind_nat_is_reached_at_its_translated_address_and_learns_it() -> None:
    overlay = cloud(3)
    spoke = overlay.members["R31"]
    spoke.nbma, spoke.translated = address("10.99.0.2"), address("172.16.31.1")
    spoke.tunnel_state = replace(spoke.tunnel_state, source=spoke.nbma)
    overlay.start().run(1)
    entry = overlay.members["R11"].machine.tunnels[0].cache.host(address("192.168.100.31"))
    assert entry is not None
    assert (entry.nbma, entry.claimed) == (address("172.16.31.1"), address("10.99.0.2"))
    assert Flag.NAT in entry.flags
    nat = find(overlay.sent(RegistrationReply)[0].extensions, NatAddress)
    assert nat is not None
    assert [(e.nbma, e.protocol) for e in nat.entries] == [
        (address("172.16.11.1"), address("192.168.100.11")),
        (address("172.16.31.1"), address("192.168.100.31")),
    ]
    assert spoke.machine.tunnels[0].public_nbma == address("172.16.31.1")
    overlay.filter = lambda *_: False
    overlay.move("R31", "10.99.0.3")
    assert spoke.machine.tunnels[0].public_nbma is None  # who asks on now must not name the old translation


#: A Registration Request as FRR makes it (vectors/nhrp.json, registration_request_frr_style, without authentication),
#: addressed to the client's own tunnel address, as FRR does for `nhs dynamic`.
_FRR = RegistrationRequest(
    hop_count=1,
    source_nbma=address("172.16.31.1"),
    source_protocol=address("192.168.100.31"),
    destination_protocol=address("192.168.100.31"),
    flags=RegistrationFlag.UNIQUE | RegistrationFlag.NAT,
    request_id=1,
    cies=(ClientInfo(prefix_length=255, holding_time=7200),),
)


@pytest.mark.conforms("5.2.3-unknown")
def test_an_frr_client_that_does_not_know_our_address_is_answered_and_learns_it() -> None:
    overlay = cloud(3).start("R11")
    overlay.handle("R11", NhrpReceived(TUNNEL, address("172.16.31.1"), _FRR.serialize()))
    (reply,) = overlay.sent(RegistrationReply)
    assert reply.destination_protocol == address("192.168.100.11")
    assert reply.source_protocol == address("192.168.100.31")
    assert reply.cies[0].code == CieCode.SUCCESS
    assert reply.hop_count == 255
    assert overlay.members["R11"].adjacencies == {address("192.168.100.31"): address("172.16.31.1")}


@pytest.mark.conforms("5.2.3-u-prefix", "5.2.3-source")
@pytest.mark.parametrize("length", [0, 32, 255])
def test_prefix_lengths_that_mean_one_address_register_one_address(length: int) -> None:
    overlay = cloud(3).start("R11")
    packet = replace(_FRR, cies=(ClientInfo(prefix_length=length, holding_time=600),))
    overlay.handle("R11", NhrpReceived(TUNNEL, address("172.16.31.1"), packet.serialize()))
    assert overlay.members["R11"].machine.tunnels[0].cache.host(address("192.168.100.31")) is not None


@pytest.mark.conforms("5.2.3-prefix", "5.2.3-cannot", "5.2.4-nak-4")
@pytest.mark.parametrize(
    ("flags", "protocol", "length", "code"),
    [
        (RegistrationFlag.NAT, "192.168.100.64", 28, CieCode.SUCCESS),
        (RegistrationFlag.UNIQUE, "192.168.100.64", 28, CieCode.ADMINISTRATIVELY_PROHIBITED),
        (RegistrationFlag.NAT, "192.168.100.0", 28, CieCode.ADMINISTRATIVELY_PROHIBITED),  # our address is in it
        (RegistrationFlag.NAT, "10.0.0.0", 8, CieCode.ADMINISTRATIVELY_PROHIBITED),  # not the tunnel's business
        (RegistrationFlag.NAT, "192.168.100.11", 32, CieCode.ADMINISTRATIVELY_PROHIBITED),  # ours
        (RegistrationFlag.NAT, "10.1.1.100", 32, CieCode.ADMINISTRATIVELY_PROHIBITED),  # behind us
        (RegistrationFlag.NAT, "10.3.3.1", 32, CieCode.SUCCESS),  # our route to it leads into the network
        (RegistrationFlag.NAT, "10.9.9.9", 32, CieCode.SUCCESS),  # no route leads there
        (RegistrationFlag.NAT, "192.168.100.0", 32, CieCode.ADMINISTRATIVELY_PROHIBITED),  # the subnet itself
        (RegistrationFlag.NAT, "192.168.100.255", 32, CieCode.ADMINISTRATIVELY_PROHIBITED),  # everybody in it
        (RegistrationFlag.NAT, "224.0.0.10", 32, CieCode.ADMINISTRATIVELY_PROHIBITED),
    ],
)
def test_what_a_client_may_speak_for(flags: RegistrationFlag, protocol: str, length: int, code: CieCode) -> None:
    overlay = cloud(3).start("R11")
    cie = ClientInfo(prefix_length=length, holding_time=600, protocol=address(protocol))
    packet = replace(_FRR, flags=flags, cies=(cie,))
    overlay.handle("R11", NhrpReceived(TUNNEL, address("172.16.31.1"), packet.serialize()))
    assert overlay.sent(RegistrationReply)[0].cies[0].code == code


def test_what_we_only_resolved_yields_to_who_registers_it() -> None:
    overlay = cloud().start().run(5)
    make_shortcut(overlay)
    moved, station = address("172.16.99.1"), address("192.168.100.41")
    packet = replace(_FRR, source_nbma=moved, source_protocol=station, destination_protocol=station)
    overlay.packets.clear()
    overlay.handle("R31", NhrpReceived(TUNNEL, moved, packet.serialize()))
    assert overlay.sent(RegistrationReply)[0].cies[0].code == CieCode.SUCCESS
    assert overlay.members["R31"].adjacencies[station] == moved


def test_a_client_that_claims_our_own_nbma_address_is_refused() -> None:
    overlay = cloud(3).start("R11")
    cie = ClientInfo(
        prefix_length=32, holding_time=600, nbma=address("172.16.11.1"), protocol=address("192.168.100.50")
    )
    packet = replace(_FRR, cies=(cie,))
    overlay.handle("R11", NhrpReceived(TUNNEL, address("172.16.31.1"), packet.serialize()))
    assert overlay.sent(RegistrationReply)[0].cies[0].code == CieCode.ADMINISTRATIVELY_PROHIBITED
    assert overlay.members["R11"].adjacencies == {}


def test_a_station_with_two_addresses_gets_multicasts_until_both_have_expired() -> None:
    overlay = cloud(3).start("R11")
    nbma = address("172.16.31.1")
    for tunnel, seconds in (("192.168.100.31", 5), ("192.168.100.32", 10)):
        cie = ClientInfo(prefix_length=32, holding_time=seconds)
        packet = replace(_FRR, source_protocol=address(tunnel), destination_protocol=address(tunnel), cies=(cie,))
        overlay.handle("R11", NhrpReceived(TUNNEL, nbma, packet.serialize()))
    overlay.run(7)
    assert list(overlay.members["R11"].multicast) == [nbma]
    overlay.run(7)
    assert list(overlay.members["R11"].multicast) == []


def test_holding_time_zero_is_kept_by_nobody_and_ends_what_was_kept() -> None:
    overlay = cloud(3).start("R11")
    nbma = address("172.16.31.1")
    overlay.handle("R11", NhrpReceived(TUNNEL, nbma, _FRR.serialize()))
    packet = replace(_FRR, request_id=2, cies=(ClientInfo(prefix_length=255, holding_time=0),))
    overlay.handle("R11", NhrpReceived(TUNNEL, nbma, packet.serialize()))
    assert overlay.sent(RegistrationReply)[-1].cies[0].code == CieCode.SUCCESS
    assert overlay.members["R11"].adjacencies == {}


def test_a_group_that_would_move_the_cursor_of_who_looks_is_none() -> None:
    overlay = cloud(3).start("R11")
    vendor = group_extension("SHAPE\x1b[2J")
    packet = replace(_FRR, extensions=(*_FRR.extensions, vendor))
    overlay.handle("R11", NhrpReceived(TUNNEL, address("172.16.31.1"), packet.serialize()))
    entry = overlay.members["R11"].machine.tunnels[0].cache.host(address("192.168.100.31"))
    assert entry is not None
    assert entry.group == ""


@pytest.mark.conforms("cisco-group")
def test_the_group_of_a_spoke_is_kept_and_echoed() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, group="SHAPE_2M")
    overlay.start().run(1)
    entry = overlay.members["R11"].machine.tunnels[0].cache.host(address("192.168.100.31"))
    assert entry is not None
    assert entry.group == "SHAPE_2M"
    vendor = find(overlay.sent(RegistrationReply)[0].extensions, VendorPrivate)
    assert vendor is not None
    assert group_of(vendor) == "SHAPE_2M"


# ------------------------------------------------------------------------------------------------ authentication


@pytest.mark.conforms("5.2.7-11", "5.3.4-failure", "frr-7696")
def test_a_wrong_password_is_answered_with_error_11_and_told_to_the_log() -> None:
    overlay = cloud(3, authentication="right")
    overlay.members["R31"].config = replace(overlay.members["R31"].config, authentication="wrong")
    overlay.start().run(0.2)
    (error,) = overlay.sent(ErrorIndication)
    assert error.error_code == ErrorCode.AUTHENTICATION_FAILURE
    assert error.destination_protocol == address("192.168.100.31")
    assert isinstance(parse(error.packet), RegistrationRequest)
    assert overlay.members["R11"].adjacencies == {}
    assert overlay.log_texts("R11") == [
        "%DMVPN-3-DMVPN_NHRP_ERROR:  Tunnel100: Recieved wrong authentication string for  Registration Request , "
        "Reason:  authentication failure (11) on (Tunnel: 192.168.100.31 NBMA: 172.16.31.1)"
    ]
    client = client_of(overlay)
    assert "authentication failure (11)" in str(client.reason)
    overlay.run(5)
    assert len(overlay.log_texts("R11")) == 1  # one line, however often it happens


@pytest.mark.conforms("frr-1164")
def test_after_the_password_is_corrected_the_spoke_comes_up_by_itself() -> None:
    overlay = cloud(3, authentication="right")
    overlay.members["R31"].config = replace(overlay.members["R31"].config, authentication="wrong")
    overlay.start().run(200)
    overlay.configure("R31", authentication="right").run(1)
    assert overlay.members["R11"].adjacencies


@pytest.mark.conforms("5.3.4.1-form", "cisco-password")
def test_passwords_are_cut_to_eight_octets_on_both_sides() -> None:
    overlay = cloud(3, authentication="DMVPN2026")
    overlay.members["R31"].config = replace(overlay.members["R31"].config, authentication="DMVPN202")
    overlay.start().run(1)
    assert overlay.members["R11"].adjacencies
    sent = find(overlay.sent(RegistrationReply)[0].extensions, Authentication)
    assert sent is not None
    assert sent.data == b"DMVPN202"


def _lists_of_a_burst(overlay: Overlay, spokes: int) -> int:
    """Let so many spokes register within half a millisecond of each other. Returns how many lists of receivers came."""
    hub = overlay.members["R11"]
    hub.effects.clear()
    for number in range(spokes):
        nbma = address(f"10.9.{number // 250}.{number % 250 + 1}")
        packet = replace(
            _FRR,
            source_nbma=nbma,
            source_protocol=address(f"192.168.{101 + number // 250}.{number % 250 + 1}"),
            destination_protocol=address("192.168.100.11"),
        )
        overlay.now += 0.0005
        overlay.handle("R11", NhrpReceived(TUNNEL, nbma, packet.serialize()))
    return len([effect for effect in hub.effects if type(effect).__name__ == "SetMulticast"])


@pytest.mark.lengthy
def test_a_thousand_spokes_cost_a_handful_of_multicast_lists() -> None:
    overlay = cloud(3).start("R11")
    assert _lists_of_a_burst(overlay, 1000) <= LONG_MULTICAST + 7
    overlay.run(1)
    assert len(overlay.members["R11"].multicast) == 1000


def test_the_next_spoke_of_a_small_hub_gets_multicasts_at_once() -> None:
    overlay = cloud(3).start("R11")
    assert _lists_of_a_burst(overlay, 5) == 5
    assert len(overlay.members["R11"].multicast) == 5


def _registers(overlay: Overlay, monkeypatch: pytest.MonkeyPatch, number: int, **changes: object) -> tuple[bool, bytes]:
    """Let R31 register at the hub. Returns whether the hub read the request, and its answer."""
    read: list[object] = []

    def reads(octets: bytes) -> NhrpPacket:
        read.append(octets)
        return parse(octets)

    monkeypatch.setattr(reception, "parse", reads)
    (request, *_) = overlay.sent(RegistrationRequest, "R31")
    octets = replace(request, request_id=number, **changes).serialize()  # type: ignore[arg-type]
    results = overlay.handle("R11", NhrpReceived(TUNNEL, overlay.members["R31"].outside, octets))
    return bool(read), next((one.payload for one in results if isinstance(one, SendGre)), b"")


def _another_mtu(overlay: Overlay) -> None:
    hub = overlay.members["R11"]
    old = hub.interfaces.states[0]
    hub.interfaces.states[0] = replace(old, mtu=1300)
    overlay.handle("R11", InterfaceChanged(TUNNEL, old, hub.interfaces.states[0]))


def _down_and_up(overlay: Overlay) -> None:
    overlay.line("R11", up=False)
    overlay.line("R11", up=True)


def _from_elsewhere(overlay: Overlay) -> None:
    (request, *_) = overlay.sent(RegistrationRequest, "R31")
    overlay.handle("R11", NhrpReceived(TUNNEL, address("172.16.77.1"), request.serialize()))


def _registers_two(overlay: Overlay) -> None:
    """Its own address, with another holding time, and a further one: such an answer is not remembered."""
    (request, *_) = overlay.sent(RegistrationRequest, "R31")
    own = replace(request.cies[0], holding_time=99)
    other = replace(request, cies=(own, replace(own, protocol=address("192.168.100.78"))))
    overlay.handle("R11", NhrpReceived(TUNNEL, overlay.members["R31"].outside, other.serialize()))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda overlay: overlay.configure("R11", holdtime=300), id="a line of the tunnel"),
        pytest.param(lambda overlay: overlay.configure("R11", authentication="other"), id="the password"),
        pytest.param(lambda overlay: overlay.configure("R11", maps=MAPPED), id="the client is a configured server now"),
        pytest.param(lambda overlay: overlay.move("R11", "172.16.11.9"), id="the hub's NBMA address"),
        pytest.param(lambda overlay: overlay.handle("R11", ClearCache()), id="the entry is cleared"),
        pytest.param(lambda overlay: overlay.members["R11"].debugging.flags.add("nhrp"), id="a debug"),
        pytest.param(_another_mtu, id="the interface"),
        pytest.param(_down_and_up, id="the line protocol"),
        pytest.param(_from_elsewhere, id="another station took the address"),
        pytest.param(_registers_two, id="another registration"),
    ],
)
def test_an_equal_registration_gets_its_answer_again_until_something_changes(
    change: Callable[[Overlay], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is the one of a hub that reads each registration."""
    answers: list[list[bytes]] = []
    for remembers in (True, False):
        overlay = cloud(3, unique=False).start().run(1)
        with monkeypatch.context() as patch:
            if not remembers:
                patch.setattr(Renewals, "renew", lambda *_: False)
            again = _registers(overlay, patch, 7)
            change(overlay)
            changed = _registers(overlay, patch, 8)
        answers.append([again[1], changed[1]])
        assert (again[0], changed[0]) == (not remembers, True)
    assert answers[0] == answers[1]
    assert answers[0][0]


def test_an_equal_registration_counts_and_prolongs_the_entry_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    overlay = cloud(3).start().run(1)
    (tunnel,) = overlay.members["R11"].machine.tunnels
    for seconds, number in ((100.0, 7), (200.0, 8)):
        overlay.now = seconds
        assert _registers(overlay, monkeypatch, number)[0] is False
        entry = tunnel.cache.get(Prefix.parse("192.168.100.31/32"))
        assert entry is not None
        assert entry.expires == seconds + 7200
    assert tunnel.counters.received[PacketType.REGISTRATION_REQUEST] == 3
    assert tunnel.counters.sent[PacketType.REGISTRATION_REPLY] == 3


def test_a_station_over_its_budget_and_a_damaged_packet_get_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    overlay = cloud(3).start().run(1)
    (request, *_) = overlay.sent(RegistrationRequest, "R31")
    damaged = bytearray(request.serialize())
    damaged[12] ^= 1
    results = overlay.handle("R11", NhrpReceived(TUNNEL, overlay.members["R31"].outside, bytes(damaged)))
    assert [type(parse(one.payload)) for one in results if isinstance(one, SendGre)] == [ErrorIndication]
    answers = [_registers(overlay, monkeypatch, number)[1] for number in range(100)]
    assert answers[0]
    assert not answers[-1]


def test_a_registration_of_a_prefix_renews_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same moment the client registered its own address; the two requests are two answers."""
    overlay = cloud(3, unique=False).start().run(1)
    (tunnel,) = overlay.members["R11"].machine.tunnels
    prefix = {"cies": (ClientInfo(prefix_length=28, holding_time=7200, mtu=1400, preference=255),)}
    for now in (100.0, 200.0):
        overlay.now = now
        _registers(overlay, monkeypatch, 1)
        _registers(overlay, monkeypatch, 2, **prefix)
    for target in ("192.168.100.31/32", "192.168.100.16/28"):
        entry = tunnel.cache.get(Prefix.parse(target))
        assert (target, entry and entry.expires) == (target, 7400.0)


def test_the_unused_octets_of_a_reply_are_zero_whoever_registered_before() -> None:
    """A reply may follow from that to another client: it repeats no more of the request than any other reply."""
    overlay = cloud(3, 4).start().run(1)
    (request, *_) = overlay.sent(RegistrationRequest, "R31")
    other = replace(request, source_nbma=address("172.16.77.1"), source_protocol=address("192.168.100.77"))
    octets = bytearray(other.serialize())
    unused = slice(
        42, 44
    )  # of the entry: behind header, request ID and three addresses, its code and its prefix length
    octets[unused] = b"\x01\x02"
    octets[12:14] = bytes(2)
    octets[12:14] = checksum(octets).to_bytes(2, "big")
    results = overlay.handle("R11", NhrpReceived(TUNNEL, other.source_nbma, bytes(octets)))
    (reply,) = [one.payload for one in results if isinstance(one, SendGre)]
    assert reply[unused] == bytes(2)
    assert parse(reply).serialize() == reply


def test_clients_of_two_tunnels_share_what_their_answers_follow_from_with_those_of_their_tunnel() -> None:
    overlay = cloud(3).start().run(1)
    (request, *_) = overlay.sent(RegistrationRequest, "R31")
    hub, second = overlay.members["R11"], "Tunnel200"
    hub.interfaces.states.append(replace(hub.interfaces.states[0], name=second, address=address("192.168.200.11")))
    hub.tunnels.states = [replace(hub.tunnel_state, up=True), replace(hub.tunnel_state, name=second, up=True)]
    configs = (hub.config, replace(hub.config, name=second, network_id=200))
    overlay.handle(hub, Configured("nhrp", NhrpConfig(tunnels=configs)))
    overlay.handle(hub, TunnelChanged(second, None, hub.tunnels.states[1]))
    for host in range(60, 70):
        for network, name in ((100, TUNNEL), (200, second)):
            nbma = address(f"172.16.{host}.1")
            server, client = address(f"192.168.{network}.11"), address(f"192.168.{network}.{host}")
            packet = replace(request, source_nbma=nbma, source_protocol=client, destination_protocol=server)
            overlay.handle(hub, NhrpReceived(name, nbma, packet.serialize()))
    for tunnel in hub.machine.tunnels:
        answers = [entry.answer for entry in tunnel.cache.entries() if str(entry.nbma).startswith("172.16.6")]
        assert len(answers) == 10
        assert len({id(answer[1]) for answer in answers if answer is not None}) == 1
