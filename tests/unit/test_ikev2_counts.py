"""What `show crypto ikev2 stats` counts: requests for IKE SAs, and what came of them."""

from __future__ import annotations

from dmvpn.base.protection import IkeStats
from support.ike_net import Flight, IkeNet, Settings, Site


def pair(hub: Settings | None = None, spoke: Settings | None = None) -> tuple[IkeNet, Site, Site]:
    """Two routers with a wire between them."""
    net = IkeNet()
    return net, net.site("203.0.113.1", hub), net.site("198.51.100.1", spoke)


def up(hub: Settings | None = None, spoke: Settings | None = None) -> tuple[IkeNet, Site, Site]:
    """The same, and the spoke has begun."""
    net, one, other = pair(hub, spoke)
    other.connect(one)
    net.run(2)
    return net, one, other


def test_a_request_that_is_accepted_counts_at_both_ends() -> None:
    _, hub, spoke = up()
    assert hub.sas.counts.view == IkeStats(incoming=1, incoming_accepted=1)
    assert spoke.sas.counts.view == IkeStats(outgoing=1, outgoing_accepted=1)


def test_a_peer_that_cannot_prove_itself_is_rejected_at_both_ends() -> None:
    net, hub, spoke = pair(Settings(), Settings(secret=b"another"))
    spoke.connect(hub)
    net.run(60)
    assert hub.sas.counts.view == IkeStats(incoming=1, incoming_rejected=1)
    assert spoke.sas.counts.view == IkeStats(outgoing=1, outgoing_rejected=1)


def test_a_peer_that_never_answers_is_a_rejected_request() -> None:
    net, hub, spoke = pair()
    net.drops = lambda flight: True
    spoke.connect(hub)
    net.run(60)
    assert spoke.sas.counts.view == IkeStats(outgoing=1, outgoing_rejected=1)


def test_strangers_that_must_return_a_cookie_are_counted_by_what_they_return() -> None:
    _, hub, _ = up(Settings(cookies_from=0))
    assert hub.sas.counts.view == IkeStats(incoming=1, incoming_accepted=1, challenged=1, cookies_accepted=1)


def test_more_than_are_wanted_are_refused_and_counted_as_such() -> None:
    net, hub, spoke = pair()
    hub.sas.largest_number = 1
    spoke.connect(hub)
    net.run(2)
    other = net.site("198.51.100.99")
    other.connect(hub)
    net.run(2)
    assert (hub.sas.counts.view.incoming_accepted, hub.sas.counts.view.refused_by_limit) == (
        1,
        hub.sas.counts.view.incoming_rejected,
    )
    assert hub.sas.counts.view.refused_by_limit > 0


def test_what_fits_no_sa_and_asks_for_none_is_dropped() -> None:
    net, hub, spoke = up()
    stray = net.log[-1]
    for octets in (b"", b"\x01" * 40, bytes(8) + stray.octets[8:]):
        net.deliver(Flight(0, 0, "?", stray.path, octets))
    assert hub.sas.counts.view.dropped + spoke.sas.counts.view.dropped == 3


def test_a_rekeyed_sa_is_no_new_request() -> None:
    net, hub, spoke = up(Settings(lifetime=300.0), Settings(lifetime=300.0))
    net.run(1000)
    assert hub.sas.counts.view == IkeStats(incoming=1, incoming_accepted=1)
    assert spoke.sas.counts.view == IkeStats(outgoing=1, outgoing_accepted=1)
