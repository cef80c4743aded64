"""Which communities a neighbor is told of a route."""

from __future__ import annotations

import pytest

from dmvpn.features.bgp.attributes import Attributes, Community
from dmvpn.features.bgp.outbound import Audience, default_route, told
from dmvpn.features.bgp.paths import Path, PathOrigin
from dmvpn.features.bgp.settings import configured_peers
from dmvpn.network.device import Device
from support.routing import a

NEIGHBOR = a("192.0.2.2")
ROUTE_TARGET, LINK_BANDWIDTH = bytes.fromhex("0002fe4c00000005"), bytes.fromhex("4004fe4c49742400")
PLAIN, LARGE = (65100 << 16) + 33, bytes(11) + b"\x01"


def audience(*lines: str, remote_as: int = 65002) -> Audience:
    """The neighbor with these lines, as an audience."""
    text = "".join(f" neighbor {NEIGHBOR} {line}\n" for line in (f"remote-as {remote_as}", *lines))
    settings = configured_peers(Device.read("R1", f"router bgp 65001\n{text}").bgp)[NEIGHBOR]
    us = a("192.0.2.1")
    return Audience.of(settings, local=us, router_id=us, cluster_id=us, shared=None)


def heard(*lines: str, remote_as: int = 65002) -> Attributes:
    """What the neighbor with these lines hears of a route with a community of every kind."""
    attributes = Attributes(
        next_hop=a("192.0.2.9"), communities=(PLAIN,), extended=(ROUTE_TARGET, LINK_BANDWIDTH), large=(LARGE,)
    )
    path = Path(origin=PathOrigin.PEER, attributes=attributes, peer=a("192.0.2.9"))
    answer = told(path, audience(*lines, remote_as=remote_as))
    assert answer is not None
    return answer


@pytest.mark.conforms("bgp:1997-kinds")
@pytest.mark.parametrize(
    ("lines", "plain", "extended"),
    [
        ((), False, False),
        (("send-community",), True, False),
        (("send-community standard",), True, False),
        (("send-community extended",), False, True),
        (("send-community both",), True, True),
    ],
)
def test_a_neighbor_is_told_the_kinds_of_communities_that_its_line_names(
    lines: tuple[str, ...], plain: bool, extended: bool
) -> None:
    """Seen beside FRR: `send-community` told extended communities, too."""
    attributes = heard(*lines)
    assert (bool(attributes.communities), bool(attributes.large)) == (plain, plain)
    assert bool(attributes.extended) is extended


@pytest.mark.conforms("bgp:4360-scope")
def test_an_extended_community_that_is_not_transitive_stays_in_its_system() -> None:
    """RFC 4360 §6."""
    assert heard("send-community both").extended == (ROUTE_TARGET,)
    assert heard("send-community both", remote_as=65001).extended == (ROUTE_TARGET, LINK_BANDWIDTH)


@pytest.mark.conforms("bgp:8326-sender")
@pytest.mark.parametrize(("remote_as", "preference"), [(65002, None), (65001, 7)])
def test_a_default_route_that_we_originate_is_marked_before_the_session_ends(
    remote_as: int, preference: int | None
) -> None:
    lines = ("default-originate", "send-community", "shutdown graceful 60 local-preference 7")
    route = default_route(audience(*lines, remote_as=remote_as))
    assert (route.communities, route.local_pref) == ((Community.GRACEFUL_SHUTDOWN,), preference)
