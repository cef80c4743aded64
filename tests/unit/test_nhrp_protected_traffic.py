"""Protected tunnels: traffic is counted by connection, and orders to the data plane name theirs."""

from __future__ import annotations

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import SetAdjacency, SetMulticast
from dmvpn.base.events import EffectFailed, Hairpin, IpReceived, NhrpReceived, PeerUsage, Unresolved, UsageReported
from dmvpn.base.pages import Pages
from dmvpn.features.nhrp.packet import ErrorIndication, PurgeFlag, PurgeRequest, TrafficIndication
from dmvpn.features.nhrp.parts import ClientInfo
from dmvpn.features.nhrp.shared import Shared
from dmvpn.net import icmp
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, IpProtocol
from support.cloud import PEER, PEER_NBMA, SPOKE, tunnel_of
from support.overlay import TUNNEL, address, data_packet
from support.protected import ProtectedOverlay, protected

PUBLIC = address("203.0.113.7")


def _ready(behind: tuple[str, ...] = ()) -> ProtectedOverlay:
    overlay = protected(3, 4, behind=dict.fromkeys(behind, str(PUBLIC)))
    overlay.start()
    overlay.run(5)
    overlay.packets.clear()
    return overlay


def test_an_address_is_not_silent_while_one_of_its_connections_is_heard() -> None:
    counts = (PeerUsage(PUBLIC, 3, 3, connection=1), PeerUsage(PUBLIC, 3, 0, connection=2))
    for report in (counts, counts[::-1]):
        traffic = Shared().take_in(UsageReported(TUNNEL, report), 1.0)
        assert list(traffic.heard) == [1, PUBLIC]
        assert list(traffic.silent) == [2]


def test_the_answer_to_the_check_of_another_is_no_use_of_the_connection_that_it_takes() -> None:
    overlay = _ready()
    overlay.handle("R31", Unresolved(TUNNEL, PEER))  # its packets go by the hub
    (connection,) = overlay.ipsec["R31"].known
    usage = tunnel_of(overlay).usage[connection.number]
    before = usage.own
    check = icmp.EchoRequest(identifier=1, sequence=1).serialize()
    overlay.handle("R31", IpReceived(TUNNEL, PEER, SPOKE, IpProtocol.ICMP, check, tos=TOS_INTERNETWORK_CONTROL))
    assert usage.own == before + 1


def test_an_adjacency_over_a_connection_that_is_no_more_is_not_ordered_again() -> None:
    overlay = _ready(behind=("R31", "R41"))
    hub = overlay.members["R11"]
    old = SetAdjacency(TUNNEL, SPOKE, PUBLIC, overlay.adjacent["R11"][SPOKE])
    overlay.disconnect("R31", "R11")
    overlay.connect("R31", "R11")
    overlay.run(1)
    now = SetAdjacency(TUNNEL, SPOKE, PUBLIC, overlay.adjacent["R11"][SPOKE])
    for order, again in ((old, False), (now, True)):
        hub.effects.clear()
        overlay.handle(hub, EffectFailed(order, 105, "No buffer space available"))
        overlay.run(3)
        assert (order in hub.effects) is again


def test_a_list_of_receivers_that_is_out_of_date_is_not_ordered_again() -> None:
    overlay = _ready(behind=("R31", "R41"))
    hub = overlay.members["R11"]
    right = SetMulticast(TUNNEL, hub.multicast, 4, overlay.bound["R11"])
    wrong = SetMulticast(TUNNEL, hub.multicast, 4, overlay.bound["R11"][:1])
    for order, again in ((wrong, False), (right, True)):
        hub.effects.clear()
        overlay.handle(hub, EffectFailed(order, 105, "No buffer space available"))
        overlay.run(3)
        assert (order in hub.effects) is again


def test_a_packet_that_goes_back_to_where_it_came_from_is_no_reason_for_a_redirect() -> None:
    """Not even where the adjacency names no connection, because the station is only mapped."""
    overlay = _ready()
    overlay.configure("R11", maps=Pages([(Prefix.host(PEER), PEER_NBMA)]))
    number = next(c.number for c in overlay.ipsec["R11"].known if c.identity == "R41.example")
    assert overlay.adjacent["R11"][PEER] == 0
    overlay.handle("R11", Hairpin(TUNNEL, TUNNEL, PEER_NBMA, data_packet("10.4.4.1", str(PEER)), number))
    assert overlay.sent(TrafficIndication) == []


def test_one_who_makes_many_mistakes_does_not_silence_what_his_neighbor_is_told() -> None:
    overlay = _ready(behind=("R31", "R41"))
    numbers = {c.identity: c.number for c in overlay.ipsec["R11"].known}
    told = []
    for name, source in [("R31", SPOKE)] * 50 + [("R41", PEER)]:
        request = PurgeRequest(
            source_nbma=address("10.99.1.1"),
            source_protocol=source,
            destination_protocol=address("172.31.0.1"),
            flags=PurgeFlag(0),
            request_id=1,
            cies=(ClientInfo(protocol=source),),
        )
        overlay.packets.clear()
        overlay.handle("R11", NhrpReceived(TUNNEL, PUBLIC, request.serialize(), numbers[f"{name}.example"]))
        told += [name] * len(overlay.sent(ErrorIndication))
    assert 0 < told.count("R31") < 50
    assert told.count("R41") == 1
