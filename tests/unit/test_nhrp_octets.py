"""What leaves our machines is octet for octet what IOS sends (vectors/nhrp.json tells where the vectors come from)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import GRE_NHRP, NextHop, SendGre
from dmvpn.base.events import Hairpin, NhrpReceived
from dmvpn.base.notices import Route, RouteSource
from dmvpn.features.nhrp.model import NhsConfig
from dmvpn.features.nhrp.packet import ClientMessage, parse
from support.overlay import TUNNEL, Member, Overlay, address, tunnel_config

VECTORS = {
    vector["name"]: bytes.fromhex(vector["hex"])
    for vector in json.loads((Path(__file__).parent.parent / "vectors" / "nhrp.json").read_text())["vectors"]
}
HUB, SPOKE, EGRESS = address("203.0.113.1"), address("203.0.113.2"), address("203.0.113.3")


def _member(name: str, number: int, **settings: object) -> Member:
    nhs = () if number == 1 else (NhsConfig(address=address("10.255.0.1"), nbma=HUB),)
    member = Member(
        name,
        address(f"203.0.113.{number}"),
        address(f"10.255.0.{number}"),
        tunnel_config(authentication="dmvpn123", nhs=nhs, **settings),
        lans={} if number == 1 else {f"192.168.{number}.0/24": f"192.168.{number}.1"},
    )
    return member


def _cloud(*, key: int | None = 100, **settings: object) -> Overlay:
    members = [_member("hub", 1, redirect=True), _member("spoke", 2, shortcut=True, **settings), _member("egress", 3)]
    for member in members:
        member.tunnel_state = replace(member.tunnel_state, key=key)
    hub, spoke, _ = members
    hub.routes = {"192.168.2.0/24": "10.255.0.2", "192.168.3.0/24": "10.255.0.3"}
    spoke.routes = {"192.168.3.0/24": "10.255.0.1"}
    return Overlay(*members)


def _sent(overlay: Overlay, name: str) -> list[bytes]:
    effects = overlay.members[name].effects
    return [effect.payload for effect in effects if isinstance(effect, SendGre) and effect.protocol == GRE_NHRP]


def _received(overlay: Overlay, name: str, vector: str, source: object) -> bytes:
    """Give a vector to a member; what it sends in answer."""
    overlay.members[name].effects.clear()
    overlay.handle(name, NhrpReceived(TUNNEL, source, VECTORS[vector]))  # type: ignore[arg-type]
    return _sent(overlay, name)[0]


def _with_id(octets: bytes, request_id: int) -> bytes:
    packet = parse(octets)
    assert isinstance(packet, ClientMessage)
    return replace(packet, request_id=request_id).serialize()


@pytest.mark.conforms("5.3.4.1-form", "cisco-registration", "frr-7696")
def test_a_registration_request() -> None:
    overlay = _cloud()
    overlay.start("spoke")
    assert _sent(overlay, "spoke")[0] == VECTORS["registration_request_ios_style_auth"]


@pytest.mark.conforms("cisco-registration")
def test_a_registration_request_with_a_group_and_without_a_tunnel_key() -> None:
    overlay = _cloud(key=None, group="SHAPE_2M")
    overlay.start("spoke")
    assert _with_id(_sent(overlay, "spoke")[0], 4) == VECTORS["registration_request_ios_style_nhrp_group"]


@pytest.mark.conforms("cisco-registration")
def test_a_registration_reply() -> None:
    overlay = _cloud(key=None)
    overlay.start("hub")
    reply = _received(overlay, "hub", "registration_request_ios_style_nhrp_group", SPOKE)
    assert reply == VECTORS["registration_reply_ios_style_nhrp_group"]


@pytest.mark.conforms("cisco-redirect", "frr-16371")
def test_a_traffic_indication() -> None:
    overlay = _cloud()
    overlay.start()
    overlay.run(1)
    overlay.members["hub"].effects.clear()
    vector = VECTORS["traffic_indication_ios_style"]
    offset = int.from_bytes(vector[14:16], "big")
    overlay.handle("hub", Hairpin(TUNNEL, TUNNEL, SPOKE, vector[offset - 28 : offset] + bytes(56)))
    assert _sent(overlay, "hub") == [vector]


@pytest.mark.conforms("cisco-resolution")
def test_a_resolution_request() -> None:
    overlay = _cloud()
    overlay.start()
    overlay.run(1)
    overlay.members["spoke"].effects.clear()
    indication = bytearray(VECTORS["traffic_indication_ios_style"])
    overlay.handle("spoke", NhrpReceived(TUNNEL, HUB, bytes(indication)))
    assert _with_id(_sent(overlay, "spoke")[0], 1) == VECTORS["resolution_request_ios_style"]


@pytest.mark.conforms("cisco-resolution")
def test_a_resolution_request_that_a_hub_forwards() -> None:
    overlay = _cloud()
    overlay.start()
    overlay.run(1)
    forwarded = _received(overlay, "hub", "resolution_request_ios_style", SPOKE)
    assert forwarded == VECTORS["resolution_request_ios_style_forwarded"]


@pytest.mark.conforms("cisco-resolution", "frr-16507")
def test_a_resolution_reply_for_a_prefix() -> None:
    overlay = _cloud()
    overlay.start()
    overlay.run(1)
    reply = _received(overlay, "egress", "resolution_request_ios_style_forwarded", HUB)
    assert reply == VECTORS["resolution_reply_ios_style_prefix24"]


@pytest.mark.parametrize(
    ("vector", "source"),
    [
        ("registration_request_frr_style", SPOKE),
        ("registration_request_ios_style_auth", SPOKE),
    ],
)
def test_registrations_of_both_families_are_accepted(vector: str, source: object) -> None:
    overlay = _cloud()
    overlay.start("hub")
    _received(overlay, "hub", vector, source)
    assert overlay.members["hub"].adjacencies == {address("10.255.0.2"): SPOKE}


@pytest.mark.conforms("cisco-redirect-frr")
def test_a_redirect_of_frr_is_followed() -> None:
    overlay = _cloud()
    overlay.start()
    overlay.run(1)
    request = _received(overlay, "spoke", "traffic_indication_frr_style", HUB)
    assert parse(request).destination_protocol == address("192.168.3.10")


def test_a_nak_is_a_nak_in_every_form() -> None:
    overlay = _cloud()
    overlay.start("hub")
    request = _received(overlay, "hub", "registration_request_ios_style_auth", SPOKE)
    assert parse(request)
    overlay.handle("hub", NhrpReceived(TUNNEL, address("198.51.100.9"), VECTORS["registration_request_frr_style"]))
    refused = parse(_sent(overlay, "hub")[-1])
    assert isinstance(refused, ClientMessage)
    expected = parse(VECTORS["registration_reply_nak_14"])
    assert isinstance(expected, ClientMessage)
    # The vector is a refusal of FRR's request, which has the prefix length 255.
    assert refused.cies == (expected.cies[0],)


@pytest.mark.conforms("6.3-covered")
def test_the_egress_gives_the_prefix_of_its_route_even_if_it_is_no_interface_of_its_own() -> None:
    overlay = _cloud()
    overlay.start()
    overlay.run(1)
    egress = overlay.members["egress"]
    egress.rib.known = [route for route in egress.rib.known if "192.168.3." not in str(route.prefix)]
    egress.interfaces.states = egress.interfaces.states[:1]
    egress.rib.known.append(
        Route(
            prefix=Prefix.parse("192.168.0.0/20"),
            source=RouteSource.STATIC,
            distance=1,
            next_hops=(NextHop("GigabitEthernet0/3", address("192.168.15.254")),),
        )
    )
    reply = parse(_received(overlay, "egress", "resolution_request_ios_style_forwarded", HUB))
    assert isinstance(reply, ClientMessage)
    assert reply.cies[0].prefix_length == 20
