"""Next hop servers by host name: when a name is looked up, and what follows from the answer."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from dmvpn.base.effects import Resolve, SendGre
from dmvpn.base.events import NameResolved
from dmvpn.base.notices import Configured
from dmvpn.base.pages import Pages
from dmvpn.features.nhrp.model import NhrpConfig, NhsConfig
from support.overlay import Overlay, address, client_of, cloud

NAMED = NhsConfig(address=address("192.168.100.11"), name="hub.example", multicast=True)


def test_a_server_known_by_name_is_looked_up_and_asked_again_while_nobody_knows_it() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(NAMED,))
    overlay.start()
    spoke = overlay.members["R31"]
    assert [e for e in spoke.effects if isinstance(e, Resolve)] == [Resolve("hub.example")]
    overlay.handle(spoke, NameResolved("hub.example", ()))
    overlay.run(1.5)
    assert [e for e in spoke.effects if isinstance(e, Resolve)] == [Resolve("hub.example")] * 2
    overlay.handle(spoke, NameResolved("hub.example", (address("172.16.11.1"),)))
    overlay.run(0.5)
    assert client_of(overlay).is_responding
    assert spoke.adjacencies == {address("192.168.100.11"): address("172.16.11.1")}


def test_a_name_with_addresses_of_ipv6_alone_stands_for_no_server_yet() -> None:
    """GRE goes over IPv4 here: what was sent to such an address could go nowhere."""
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(NAMED,))
    overlay.start()
    spoke = overlay.members["R31"]
    overlay.handle(spoke, NameResolved("hub.example", (address("2001:db8::1"),)))
    overlay.run(1.5)
    assert [e for e in spoke.effects if isinstance(e, Resolve)] == [Resolve("hub.example")] * 2
    assert not [e for e in spoke.effects if isinstance(e, SendGre)]
    overlay.handle(spoke, NameResolved("hub.example", (address("2001:db8::1"), address("172.16.11.1"))))
    overlay.run(0.5)
    assert client_of(overlay).is_responding


def _asked(overlay: Overlay, seconds: float, *answers: str) -> list[float]:
    """When R31 looks names up within this time; each question is answered at once."""
    spoke, times, end = overlay.members["R31"], [], overlay.now + seconds
    while overlay.now < end:
        spoke.effects.clear()
        overlay.run(0.1)
        if any(isinstance(effect, Resolve) for effect in spoke.effects):
            times.append(overlay.now)
            overlay.handle(spoke, NameResolved("hub.example", tuple(map(address, answers))))
    return times


def test_a_name_that_nobody_knows_is_asked_for_ever_more_rarely() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(NAMED,))
    overlay.start("R31")
    overlay.handle("R31", NameResolved("hub.example", ()))
    times = [0.0, *_asked(overlay, 300)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == [pytest.approx(gap, abs=0.21) for gap in (1, 2, 4, 8, 16, 32, 64, 64, 64)]


def test_a_name_whose_server_is_silent_is_asked_for_once_a_minute_and_again_at_once_if_it_is_lost() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(NAMED,))
    overlay.start("R31")
    for _ in range(4):
        overlay.handle("R31", NameResolved("hub.example", ()))
        overlay.run(70)
    overlay.handle("R31", NameResolved("hub.example", (address("172.16.55.1"),)))
    times = _asked(overlay, 400, "172.16.55.1")
    assert len(times) in (6, 7)  # when the server is asked anyway, but not more often than once a minute
    assert all(later - earlier > 59.9 for earlier, later in pairwise(times))
    overlay.handle("R31", NameResolved("hub.example", ()))
    assert _asked(overlay, 1.5, "172.16.55.1") != []


def test_a_name_without_a_dot_is_looked_up_in_the_domain() -> None:
    overlay = cloud(3)
    spoke = overlay.members["R31"]
    spoke.config = replace(spoke.config, nhs=(replace(NAMED, name="hub"),))
    overlay.start()
    config = NhrpConfig(tunnels=(spoke.config,), domain="example")
    assert Resolve("hub.example") in overlay.handle(spoke, Configured("nhrp", config))
    table = Pages([("Hub.EXAMPLE", address("172.16.11.1"))])
    overlay.handle(spoke, Configured("nhrp", replace(config, hosts=table)))
    overlay.run(1)
    assert client_of(overlay).is_responding


def test_a_name_that_is_configured_again_is_looked_up_again() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(NAMED,))
    overlay.start()
    spoke = overlay.members["R31"]
    overlay.handle(spoke, NameResolved("hub.example", (address("172.16.55.1"),)))
    overlay.configure("R31", nhs=())
    overlay.run(1)
    spoke.effects.clear()
    overlay.configure("R31", nhs=(NAMED,))
    assert [e for e in spoke.effects if isinstance(e, Resolve)] == [Resolve("hub.example")]
    overlay.handle(spoke, NameResolved("hub.example", (address("172.16.11.1"),)))
    overlay.run(0.5)
    assert client_of(overlay).is_responding


def test_nobody_asks_for_a_name_that_is_not_configured_any_more() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(NAMED,))
    overlay.start()
    spoke = overlay.members["R31"]
    overlay.handle(spoke, NameResolved("hub.example", ()))
    overlay.configure("R31", nhs=())
    spoke.effects.clear()
    overlay.run(100)
    assert [e for e in spoke.effects if isinstance(e, Resolve)] == []
