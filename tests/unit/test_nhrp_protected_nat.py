"""Protected tunnels and translators: a station is known by its connection, whatever address it seems to have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import GRE_IPV4, SendGre
from dmvpn.base.events import Hairpin, NhrpReceived
from dmvpn.base.pages import Pages
from dmvpn.features.nhrp.cache import NbmaPeer
from dmvpn.features.nhrp.packet import (
    PurgeFlag,
    PurgeRequest,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
    TrafficIndication,
)
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, ForwardTransitRecord, NatAddress, ReverseTransitRecord
from dmvpn.features.nhrp.path import PathState
from dmvpn.features.nhrp.questions import binding_of
from support.cloud import (
    HUB_NBMA,
    PEER,
    PEER_NBMA,
    SPOKE,
    SPOKE_NBMA,
    answer,
    question,
    ready,
    receive,
    targets,
    tunnel_of,
)
from support.overlay import TUNNEL, Overlay, address, cloud, data_packet, hairpin
from support.protected import ProtectedOverlay, protected

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

#: Two spokes behind one translator, and a third one that has an address of its own.
PUBLIC = address("203.0.113.7")
THIRD, THIRD_NBMA = address("192.168.100.51"), address("172.16.51.1")


def _ready(*spokes: int, behind: tuple[str, ...] = ("R31", "R41"), **settings: object) -> ProtectedOverlay:
    outside = dict.fromkeys(behind, str(PUBLIC))
    return protected(*(spokes or (3, 4, 5)), behind=outside, **settings).settled()  # type: ignore[arg-type]


def _redirect(overlay: ProtectedOverlay, source: str, destination: str, by: str) -> None:
    """The hub forwards a packet that came from a spoke back into the tunnel."""
    member, hub = overlay.members[by], overlay.ipsec["R11"]
    number = next(c.number for c in hub.known if c.identity == f"{by}.example")
    overlay.handle("R11", Hairpin(TUNNEL, TUNNEL, member.outside, data_packet(source, destination), number))


# ------------------------------------------------------------------------------------------------ at the hub


def test_two_clients_behind_one_address_are_both_registered_and_both_reached() -> None:
    overlay = _ready()
    entries = [targets(overlay, "R11")[f"192.168.100.{n}1/32"] for n in (3, 4)]
    assert [(entry.nbma, str(entry.claimed)) for entry in entries] == [
        (PUBLIC, "10.99.3.2"),
        (PUBLIC, "10.99.4.2"),
    ]
    connections = [entry.connection for entry in entries]
    assert len({*connections}) == 2
    assert [overlay.adjacent["R11"][address(f"192.168.100.{n}1")] for n in (3, 4)] == connections


def test_both_get_copies_of_multicasts() -> None:
    overlay = _ready().run(1)
    copies = overlay.bound["R11"]
    assert [nbma for nbma, _ in copies] == [PUBLIC, PUBLIC, THIRD_NBMA]
    assert len({number for _, number in copies}) == 3


def test_both_stay_registered() -> None:
    overlay = _ready(holdtime=30)
    created = [targets(overlay, "R11")[f"192.168.100.{n}1/32"].created for n in (3, 4)]
    overlay.run(300)
    assert [targets(overlay, "R11")[f"192.168.100.{n}1/32"].created for n in (3, 4)] == created


def test_one_cannot_purge_the_other() -> None:
    overlay = _ready()
    number = targets(overlay, "R11")["192.168.100.41/32"].connection
    purge = PurgeRequest(
        source_nbma=address("10.99.4.2"),
        source_protocol=PEER,
        destination_protocol=address("192.168.100.11"),
        flags=PurgeFlag.NAT,
        request_id=77,
        cies=(ClientInfo(prefix_length=32, protocol=SPOKE),),
    )
    overlay.handle("R11", NhrpReceived(TUNNEL, PUBLIC, purge.serialize(), number))
    assert SPOKE in overlay.adjacent["R11"]
    assert "192.168.100.31/32" in targets(overlay, "R11")
    itself = replace(purge, cies=(ClientInfo(prefix_length=32, protocol=PEER),))
    overlay.handle("R11", NhrpReceived(TUNNEL, PUBLIC, itself.serialize(), number))
    assert "192.168.100.41/32" not in targets(overlay, "R11")


def test_one_cannot_register_the_address_of_the_other_while_that_one_is_there() -> None:
    """By its NBMA address it looks the same; by its connection it is another station, and the binding is unique."""
    overlay = _ready()
    _register_as(overlay, SPOKE, by="R41")
    assert _codes(overlay) == [CieCode.UNIQUE_ADDRESS_REGISTERED]


def test_a_redirect_goes_to_the_one_whose_packet_it_was() -> None:
    overlay = _ready()
    for name, lan in (("R31", "10.3.3.1"), ("R41", "10.4.4.1")):
        _redirect(overlay, lan, "10.5.5.1", by=name)
    assert [receiver for _, receiver in overlay.ways(TrafficIndication.__name__)] == ["R31", "R41"]


def test_a_request_from_one_for_the_other_is_passed_on() -> None:
    """Both have the same NBMA address: it does not go back to where it came from."""
    overlay = _ready()
    _redirect(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    assert overlay.ways("ResolutionRequest")[:2] == [("R31", "R11"), ("R11", "R41")]
    assert overlay.ways("ResolutionReply") == [("R41", "R11"), ("R11", "R31")]


def test_a_client_whose_translator_moves_it_keeps_its_entry_and_shows_its_new_address() -> None:
    overlay = _ready()
    before = targets(overlay, "R11")["192.168.100.31/32"]
    number, created = before.connection, before.created
    overlay.roam("R31", "203.0.113.8")
    after = targets(overlay, "R11")["192.168.100.31/32"]
    assert (after.nbma, after.connection, after.created) == (address("203.0.113.8"), number, created)
    assert overlay.adjacent["R11"][SPOKE] == number
    assert overlay.members["R11"].adjacencies[SPOKE] == address("203.0.113.8")
    assert address("203.0.113.8") in overlay.wanted["R11"]


def test_a_client_that_comes_with_a_new_connection_keeps_its_entry() -> None:
    overlay = _ready()
    entry = targets(overlay, "R11")["192.168.100.31/32"]
    number, created = entry.connection, entry.created
    overlay.disconnect("R31", "R11")
    overlay.connect("R31", "R11")
    overlay.run(1)
    entry = targets(overlay, "R11")["192.168.100.31/32"]
    assert entry.connection not in (0, number)
    assert entry.created == created
    assert overlay.adjacent["R11"][SPOKE] == entry.connection


def test_what_is_for_a_client_whose_connection_is_gone_does_not_go_to_its_neighbor() -> None:
    overlay = _ready()
    number = targets(overlay, "R11")["192.168.100.31/32"].connection
    overlay.disconnect("R31", "R11")
    assert overlay.adjacent["R11"][SPOKE] == number
    assert overlay.ipsec["R11"].connection(number) is None


# ------------------------------------------------------------------------------------------------ between spokes


def test_a_requester_behind_nat_is_answered_through_the_hub_and_begins() -> None:
    overlay = _ready()
    _redirect(overlay, "10.3.3.1", "10.5.5.1", by="R31")
    overlay.run(1)
    assert overlay.ways("ResolutionReply")[:2] == [("R51", "R11"), ("R11", "R31")]
    assert overlay.members["R31"].adjacencies[THIRD] == THIRD_NBMA
    assert overlay.members["R31"].forwards("10.5.5.1") == (TUNNEL, THIRD_NBMA)


@pytest.mark.parametrize("ike", [0.05, 2.0])
def test_a_peer_learns_which_of_two_connections_from_one_address_is_whose(ike: float) -> None:
    """By the answers to its own questions, if they could wait for IKE; else because both introduce themselves."""
    overlay = _ready()
    overlay.ike = ike
    for name, lan in (("R31", "10.3.3.1"), ("R41", "10.4.4.1")):
        _redirect(overlay, lan, "10.5.5.1", by=name)
        _redirect(overlay, "10.5.5.1", lan, by="R51")
    overlay.run(5)
    bound = {c.number: c.identity for c in overlay.ipsec["R51"].known}
    assert [bound[overlay.adjacent["R51"][peer]] for peer in (SPOKE, PEER)] == ["R31.example", "R41.example"]
    for peer in (SPOKE, PEER):  # what is behind it is used when its own packets pass, not those of its neighbor
        behind = tunnel_of(overlay, "R51").cache.behind(peer)
        assert [entry.connection for entry in behind] == [overlay.adjacent["R51"][peer]] * 2


def test_no_echo_is_sent_over_the_connection_of_somebody_else() -> None:
    """R41 has a connection with R51, R31 has none: an echo to R31 would reach R41, and come back by the hub."""
    overlay = _ready()
    overlay.connect("R41", "R51")
    overlay.filter = lambda sender, _, packet: not (sender.name == "R51" and type(packet).__name__ == "ResolutionReply")
    _redirect(overlay, "10.3.3.1", "10.5.5.1", by="R31")
    _redirect(overlay, "10.4.4.1", "10.5.5.1", by="R41")
    overlay.run(3)
    echoes = [e for e in overlay.members["R51"].effects if isinstance(e, SendGre) and e.protocol != 0x2001]
    assert {e.nbma for e in echoes} <= {HUB_NBMA}
    assert tunnel_of(overlay, "R51").paths[SPOKE].state is PathState.BARE


def test_the_only_connection_from_behind_a_translator_is_that_of_the_only_peer_there() -> None:
    """A foreign spoke does not say which connection is its own."""
    overlay = _ready(3, 5, behind=("R31",))
    overlay.filter = lambda sender, _, packet: not (sender.name == "R31" and packet.destination_protocol == THIRD)
    _redirect(overlay, "10.3.3.1", "10.5.5.1", by="R31")
    overlay.run(3)
    assert overlay.adjacent["R51"][SPOKE] != 0


def test_the_only_connection_from_behind_a_translator_is_nobodys_while_two_peers_there_wait_for_one() -> None:
    overlay = _ready()
    overlay.cut("R31", "R51")
    overlay.filter = lambda sender, nbma, _: not (sender.name in ("R31", "R41") and nbma == THIRD_NBMA)
    for name, lan in (("R31", "10.3.3.1"), ("R41", "10.4.4.1")):
        _redirect(overlay, lan, "10.5.5.1", by=name)
    overlay.run(0.1)
    overlay.disconnect("R31", "R51")
    overlay.disconnect("R41", "R51")
    overlay.connect("R41", "R51")
    overlay.run(3)
    assert [tunnel_of(overlay, "R51").paths[peer].state for peer in (SPOKE, PEER)] == [PathState.BARE] * 2


def test_a_peer_that_has_begun_is_not_said_to_have_to_begin_while_its_path_is_proved() -> None:
    overlay = _ready(3, 5, behind=("R31",))
    overlay.ike = 2.0
    overlay.cut("R51", "R31", both=False)
    _redirect(overlay, "10.3.3.1", "10.5.5.1", by="R31")
    overlay.run(1.5)
    path, entry = tunnel_of(overlay, "R51").paths[SPOKE], targets(overlay, "R51")["192.168.100.31/32"]
    assert (path.state, entry.reason and entry.reason.what) == (
        PathState.BARE,
        "the peer is behind NAT and has to begin",
    )
    overlay.run(2)
    assert (path.state, entry.reason) == (PathState.PROVING, None)


def test_who_introduces_himself_over_a_connection_that_was_thought_another_ones_has_it_alone() -> None:
    overlay = _ready()
    overlay.cut("R31", "R51")
    _redirect(overlay, "10.3.3.1", "10.5.5.1", by="R31")
    overlay.run(1.5)
    _, number = overlay.connect("R41", "R51")  # the only one from there, and R31 is the only peer there
    overlay.run(1)
    path = tunnel_of(overlay, "R51").paths[SPOKE]
    assert (path.state, path.neighbor) == (PathState.PROVING, NbmaPeer(PUBLIC, number))
    request = ResolutionRequest(
        source_nbma=address("10.99.4.2"),
        source_protocol=PEER,
        destination_protocol=THIRD,
        flags=ResolutionFlag.SOURCE_STABLE,
        request_id=4711,
        cies=(ClientInfo(holding_time=600),),
        extensions=(ForwardTransitRecord(),),
    )
    overlay.handle("R51", NhrpReceived(TUNNEL, PUBLIC, request.serialize(), number))
    assert targets(overlay, "R51")["192.168.100.41/32"].connection == number
    assert targets(overlay, "R51")["192.168.100.31/32"].connection == 0
    assert path.state is PathState.BARE


def test_a_peer_that_answers_straight_is_where_its_connection_is_whatever_its_server_sees() -> None:
    """Its translator has two addresses, and shows the hub the other one."""
    overlay = _ready(3, 5, behind=("R31",))
    cie = ClientInfo(prefix_length=32, holding_time=600, nbma=address("10.99.3.2"), protocol=SPOKE)
    seen = replace(cie, nbma=address("203.0.113.99"), holding_time=0)
    reply = ResolutionReply(
        source_nbma=THIRD_NBMA,
        source_protocol=THIRD,
        destination_protocol=SPOKE,
        flags=ResolutionFlag(0),
        request_id=1,
        cies=(cie,),
        extensions=(ReverseTransitRecord(), NatAddress(entries=(seen,))),
    )
    tunnel = tunnel_of(overlay, "R51")
    straight, by_hub = (binding_of(tunnel, reply, cie, NbmaPeer(at, 7)) for at in (PUBLIC, HUB_NBMA))
    assert straight is not None
    assert by_hub is not None
    assert (straight.nbma, straight.direct, straight.connection) == (PUBLIC, True, 7)
    assert (by_hub.nbma, by_hub.direct) == (address("203.0.113.99"), False)


def test_both_behind_translators_stay_with_the_hub() -> None:
    overlay = _ready()
    _redirect(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(30)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    nat, port = "the peer and we are behind the same NAT", "the hub does not say at which UDP port"
    reason = f"{nat} (the peer does not answer IKE; {port})"
    assert str(targets(overlay, "R31")["192.168.100.41/32"].reason) == reason


# ------------------------------------------------------------------------------------------------ identities


def _register_as(overlay: ProtectedOverlay, tunnel_address: IPAddress, by: str, prefix_length: int = 32) -> None:
    """A spoke registers a tunnel address, as if it were its own, or a prefix that begins with it."""
    number = next(c.number for c in overlay.ipsec["R11"].known if c.identity == f"{by}.example")
    member = overlay.members[by]
    request = RegistrationRequest(
        source_nbma=member.nbma,
        source_protocol=tunnel_address,
        destination_protocol=address("192.168.100.11"),
        flags=RegistrationFlag.UNIQUE if member.config.unique else RegistrationFlag(0),
        request_id=4711,
        cies=(ClientInfo(prefix_length=prefix_length, holding_time=600),),
    )
    overlay.packets.clear()
    overlay.handle("R11", NhrpReceived(TUNNEL, member.outside, request.serialize(), number))


def _codes(overlay: ProtectedOverlay) -> list[int]:
    return [cie.code for reply in overlay.sent(RegistrationReply, "R11") for cie in reply.cies]


@pytest.mark.parametrize("unique", [True, False])
def test_with_bound_identities_a_rogue_spoke_cannot_take_the_address_of_another(unique: bool) -> None:
    overlay = _ready(bind_identity=True, unique=unique)
    _register_as(overlay, THIRD, by="R41")
    assert _codes(overlay) == [CieCode.ADMINISTRATIVELY_PROHIBITED]
    assert overlay.log_texts("R11")[-1] == (
        "%NHRP-4-IDENTITY: Tunnel100: (Tunnel: 192.168.100.51 NBMA: 203.0.113.7) is registered by R51.example, "
        "refused to R41.example"
    )
    assert targets(overlay, "R11")["192.168.100.51/32"].nbma == THIRD_NBMA


def test_a_name_that_reads_the_same_and_was_proved_by_another_key_is_another_identity() -> None:
    """The key of everybody is good for the name of anybody, as letters."""
    overlay = _ready(bind_identity=True)
    overlay.disconnect("R51", "R11")
    overlay.connect("R51", "R11", entry="keyring RING peer ALL")
    _register_as(overlay, THIRD, by="R51")
    assert CieCode.ADMINISTRATIVELY_PROHIBITED in _codes(overlay)
    assert "refused to R51.example (another kind of name, or proved by another key)" in overlay.log_texts("R11")[-1]


def test_with_bound_identities_a_rogue_spoke_cannot_take_a_part_of_what_another_has_registered() -> None:
    overlay = _ready(bind_identity=True, unique=False)
    _register_as(overlay, address("192.168.100.64"), by="R31")
    _register_as(overlay, address("192.168.100.64"), by="R51", prefix_length=28)  # the rest of it
    assert _codes(overlay) == [CieCode.SUCCESS]
    assert targets(overlay, "R11")["192.168.100.64/32"].identity == "R31.example"
    _register_as(overlay, address("192.168.100.65"), by="R41")
    assert _codes(overlay) == [CieCode.ADMINISTRATIVELY_PROHIBITED]
    _register_as(overlay, address("192.168.100.65"), by="R51")
    assert _codes(overlay) == [CieCode.SUCCESS]


def test_without_bound_identities_whoever_registers_without_unique_has_the_address() -> None:
    overlay = _ready(unique=False)
    _register_as(overlay, THIRD, by="R41")
    assert _codes(overlay) == [CieCode.SUCCESS]


def test_a_bound_identity_may_come_from_elsewhere_though_its_entry_is_unique() -> None:
    overlay = _ready(bind_identity=True)
    spoke = overlay.members["R51"]
    overlay.disconnect("R51", "R11")
    spoke.nbma = address("172.16.99.1")
    overlay.connect("R51", "R11")
    overlay.run(1)
    assert targets(overlay, "R11")["192.168.100.51/32"].connection == overlay.adjacent["R11"][THIRD]


def test_an_identity_keeps_its_address_while_its_connection_is_gone_and_loses_it_with_the_entry() -> None:
    overlay = _ready(bind_identity=True, unique=False, holdtime=60)
    overlay.disconnect("R51", "R11")
    overlay.cut("R51", "R11").run(5)
    _register_as(overlay, THIRD, by="R41")
    assert _codes(overlay) == [CieCode.ADMINISTRATIVELY_PROHIBITED]
    overlay.run(60)
    _register_as(overlay, THIRD, by="R41")
    assert _codes(overlay) == [CieCode.SUCCESS]


def test_with_bound_identities_nobody_asks_or_purges_in_the_name_of_another() -> None:
    overlay = _ready(bind_identity=True)
    (number,) = [c.number for c in overlay.ipsec["R11"].known if c.identity == "R41.example"]
    request = ResolutionRequest(
        source_nbma=address("10.99.4.2"),
        source_protocol=THIRD,
        destination_protocol=address("10.3.3.1"),
        flags=ResolutionFlag.SOURCE_STABLE,
        request_id=4711,
        cies=(ClientInfo(holding_time=600),),
    )
    overlay.handle("R11", NhrpReceived(TUNNEL, PUBLIC, request.serialize(), number))
    assert overlay.ways("ResolutionRequest") == []
    itself = replace(request, source_protocol=PEER)
    overlay.handle("R11", NhrpReceived(TUNNEL, PUBLIC, itself.serialize(), number))
    assert overlay.ways("ResolutionRequest") == [("R11", "R31")]


def test_what_a_configured_server_passes_on_is_taken_though_another_identity_has_the_address() -> None:
    overlay = _ready(bind_identity=True)
    overlay.configure("R11", maps=Pages([(Prefix.host(address("192.168.100.99")), THIRD_NBMA)]))
    (number,) = [c.number for c in overlay.ipsec["R11"].known if c.identity == "R51.example"]
    request = ResolutionRequest(
        source_nbma=address("10.99.4.2"),
        source_protocol=PEER,
        destination_protocol=address("10.3.3.1"),
        flags=ResolutionFlag.SOURCE_STABLE,
        request_id=4711,
        cies=(ClientInfo(holding_time=600),),
    )
    overlay.way.clear()
    overlay.handle("R11", NhrpReceived(TUNNEL, THIRD_NBMA, request.serialize(), number))
    assert overlay.ways("ResolutionRequest") == [("R11", "R31")]


def test_who_registers_last_from_a_place_is_the_one_who_has_the_address() -> None:
    """A spoke that gets another certificate: `bind identity`, once it is configured, must mean that one."""
    overlay = _ready()
    overlay.disconnect("R51", "R11")
    overlay.connect("R51", "R11", identity="new.example")
    overlay.run(1)
    assert targets(overlay, "R11")["192.168.100.51/32"].identity == "new.example"


# A peer behind NAT begins: what we sent it first could keep its own packets out, at its own translator.
#
# Linux tracks GRE without the key. A stray echo from outside that the translator takes for one to itself makes a flow
# there, for 30 s and longer with every further one; what the station inside then sends to us finds its place taken and
# is dropped. A peer that does not prove its paths, as FRR does not, sends its traffic into that for a holding time.


def _resolved(*behind_nat: str, direct: bool = False) -> Overlay:
    """R31 has resolved what is behind R41. direct: the reply came straight from it; else by the hub, as FRR does it."""
    overlay = cloud()
    for name, inside in (("R31", "10.98.0.2"), ("R41", "10.99.0.2")):
        member = overlay.members[name]
        if name in behind_nat:
            member.translated, member.nbma = member.nbma, address(inside)
            member.tunnel_state = replace(member.tunnel_state, source=member.nbma)
    overlay.start().run(5)
    if not direct:
        overlay.cut("R41", "R31", both=False)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1.5)
    assert targets(overlay)["192.168.100.41/32"].nbma == PEER_NBMA
    return overlay


def _echoes(overlay: Overlay) -> int:
    """How many R31 sent to R41 directly."""
    effects = overlay.members["R31"].effects
    return sum(isinstance(e, SendGre) and (e.nbma, e.protocol) == (PEER_NBMA, GRE_IPV4) for e in effects)


def test_nothing_goes_to_the_translator_of_a_peer_before_the_peer_was_heard() -> None:
    """With FRR behind a NAT its LAN and ours lost each other for a holding time whenever it took the direct way."""
    overlay = _resolved("R41")
    assert _echoes(overlay) == 0
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    assert str(targets(overlay)["192.168.100.41/32"].reason) == (
        "the peer is behind NAT and has sent nothing directly yet (172.16.41.1 stands for 10.99.0.2)"
    )


def test_as_soon_as_the_peer_is_heard_its_path_is_proved() -> None:
    overlay = _resolved("R41")
    overlay.fix()
    overlay.members["R31"].count(PEER_NBMA, received=1)
    overlay.run(1.2)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    assert targets(overlay)["192.168.100.41/32"].reason is None


def test_a_reply_that_the_peer_sends_directly_is_enough() -> None:
    overlay = _resolved("R41", direct=True)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


def test_a_reply_that_comes_from_elsewhere_is_no_word_of_the_peer() -> None:
    """It says where the peer is, and does not come from there: the peer itself has sent nothing yet."""
    overlay = ready()
    cie = ClientInfo(prefix_length=24, holding_time=600, nbma=address("10.99.0.2"), protocol=PEER)
    nat = NatAddress(entries=(ClientInfo(nbma=PEER_NBMA, protocol=PEER),))
    receive(overlay, "R31", replace(answer(question(overlay), cie), extensions=(nat,)), address("172.16.77.1"))
    overlay.run(2)
    assert (targets(overlay)["192.168.100.41/32"].nbma, _echoes(overlay)) == (PEER_NBMA, 0)


def test_a_server_that_is_none_of_ours_and_passes_a_reply_on_is_not_taken_for_the_peer() -> None:
    """Of a hierarchy we know our own server alone; the record tells that somebody passed it on."""
    overlay = ready()
    cie = ClientInfo(prefix_length=24, holding_time=600, nbma=PEER_NBMA, protocol=PEER)
    passed_on = ReverseTransitRecord(entries=(replace(cie, nbma=address("172.16.77.1")),))
    receive(overlay, "R31", replace(answer(question(overlay), cie), extensions=(passed_on,)), address("172.16.77.1"))
    entry = targets(overlay)["192.168.100.41/32"]
    assert (entry.nbma, entry.claimed) == (PEER_NBMA, None)


def test_a_peer_that_stays_silent_is_tried_in_the_end() -> None:
    """Its translator may let everything in: a fixed mapping for each address."""
    overlay = _resolved("R41").run(6)
    overlay.fix()
    overlay.run(2)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


def test_of_two_that_are_both_behind_nat_none_waits() -> None:
    """Each has to make way for the other."""
    overlay = _resolved("R31", "R41")
    assert overlay.members["R31"].outside == SPOKE_NBMA
    assert _echoes(overlay) == 1


def test_a_peer_without_nat_is_tried_at_once() -> None:
    overlay = _resolved()
    assert _echoes(overlay) == 1
    assert tunnel_of(overlay).paths[PEER].state is PathState.PROVEN
