"""A peer behind NAT begins: what we sent it first could keep its own packets out, at its own translator.

Linux tracks GRE without the key. A stray echo from outside that the translator takes for one to itself makes a flow
there, for 30 s and longer with every further one; what the station inside then sends to us finds its place taken and is
dropped. A peer that does not prove its paths, as FRR does not, sends its traffic into that for a holding time.
"""

from __future__ import annotations

from dataclasses import replace

from dmvpn.base.effects import GRE_IPV4, SendGre
from dmvpn.features.nhrp.parts import ClientInfo, NatAddress, ReverseTransitRecord
from dmvpn.features.nhrp.path import PathState
from support.cloud import HUB_NBMA, PEER, PEER_NBMA, SPOKE_NBMA, answer, question, ready, receive, targets, tunnel_of
from support.overlay import TUNNEL, Overlay, address, cloud, hairpin


def _resolved(*behind_nat: str, direct: bool = False) -> Overlay:
    """R31 has resolved what is behind R41. direct: the reply came straight from it; else by the hub, as FRR does it."""
    overlay = cloud()
    for name, inside in (("R31", "10.98.0.2"), ("R41", "10.99.0.2")):
        member = overlay.members[name]
        if name in behind_nat:
            member.translated, member.nbma = member.nbma, address(inside)
            member.tunnel_state = replace(member.tunnel_state, source=member.nbma)
    overlay.start()
    overlay.run(5)
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
    overlay = _resolved("R41")
    overlay.run(6)
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
