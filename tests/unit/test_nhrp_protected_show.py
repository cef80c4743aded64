"""What people read of protected tunnels: how far they are with each peer, and why not further."""

from __future__ import annotations

from dmvpn.base.events import Hairpin
from dmvpn.base.negotiation import ProtectionChanged
from dmvpn.base.protection import ProtectionPhase
from dmvpn.features.nhrp.packet import RegistrationRequest
from support.cloud import HUB_NBMA, PEER_NBMA
from support.nhrp_view import show
from support.overlay import TUNNEL, data_packet, make_shortcut
from support.protected import ProtectedOverlay, protected
from support.reasons import because


def _hub_line(overlay: ProtectedOverlay) -> str:
    """The hub's line on the spoke, from the state on."""
    lines = show(overlay, "R31", "show dmvpn").splitlines()
    return next(line for line in lines if " 192.168.100.11 " in line)[39:]


def _phase(overlay: ProtectedOverlay, phase: ProtectionPhase) -> None:
    ipsec = overlay.ipsec["R31"]
    ipsec.phases[HUB_NBMA] = phase
    overlay.handle("R31", ProtectionChanged(TUNNEL, HUB_NBMA, ipsec.between(TUNNEL, HUB_NBMA)))


def test_the_state_column_says_how_far_it_is() -> None:
    overlay = protected(3, ike=9.0)
    overlay.filter = lambda _, __, packet: not isinstance(packet, RegistrationRequest) or overlay.now > 20
    overlay.start("R31")
    seen = [_hub_line(overlay)]
    for phase in (ProtectionPhase.IKE, ProtectionPhase.IPSEC):
        _phase(overlay, phase)
        seen.append(_hub_line(overlay))
    overlay.start("R11")
    overlay.run(10)
    seen.append(_hub_line(overlay))
    overlay.run(40)
    seen.append(_hub_line(overlay)[:6])
    overlay.line("R31", up=False)
    seen.append(_hub_line(overlay)[:6])
    assert seen == [
        "  IKE    never     S",
        "  IKE    never     S",
        "IPSEC    never     S",
        " NHRP    never     S",
        "   UP ",
        " INTF ",
    ]


def test_a_server_that_was_up_shows_since_when_ike_is_gone() -> None:
    overlay = protected(3)
    overlay.start()
    overlay.run(60)
    overlay.disconnect("R31", "R11")
    overlay.run(5)
    assert _hub_line(overlay).startswith("  IKE 00:")


def test_what_ike_says_is_beside_the_server() -> None:
    overlay = protected(3)
    overlay.cut("R31", "R11")
    overlay.refusal = because("the peer does not answer IKE", "5 requests to 172.16.11.1")
    overlay.start()
    overlay.run(10)
    line = "     the peer does not answer IKE (5 requests to 172.16.11.1)\n"
    assert line in show(overlay, "R31", "show ip nhrp nhs detail")
    assert line in show(overlay, "R31", "show dmvpn detail")


def test_why_a_peer_stays_behind_the_hub_stands_in_the_detail() -> None:
    overlay = protected()
    overlay.cut("R31", "R41")
    overlay.refusal = because("both are behind symmetric NAT")
    overlay.start()
    overlay.run(5)
    make_shortcut(overlay)
    lines = show(overlay, "R31", "show dmvpn detail").splitlines()
    (at,) = [number for number, line in enumerate(lines) if "192.168.100.41/32" in line]
    assert "  IKE " in lines[at]
    assert lines[at + 1] == "     both are behind symmetric NAT"
    assert str(PEER_NBMA) in lines[at] or str(PEER_NBMA) in lines[at - 1]


def test_two_clients_behind_one_address_are_both_shown() -> None:
    overlay = protected(3, 4, behind={"R31": "203.0.113.7", "R41": "203.0.113.7"})
    overlay.start()
    overlay.run(5)
    table = show(overlay, "R11", "show dmvpn")
    assert "     2 203.0.113.7      192.168.100.31    UP " in table
    assert "                        192.168.100.41    UP " in table
    cache = show(overlay, "R11", "show ip nhrp")
    assert cache.count("   NBMA address: 203.0.113.7 \n") == 2
    assert [f"(Claimed NBMA address: 10.99.{n}.2)" in cache for n in (3, 4)] == [True, True]


def test_a_spoke_that_moved_is_shown_where_it_is() -> None:
    overlay = protected(3, behind={"R31": "203.0.113.7"})
    overlay.start()
    overlay.run(5)
    overlay.roam("R31", "203.0.113.8")
    assert "   NBMA address: 203.0.113.8 \n" in show(overlay, "R11", "show ip nhrp")


def test_a_prefix_behind_a_peer_behind_nat_is_up_with_its_peer() -> None:
    overlay = protected(3, 4, 5, behind={"R31": "203.0.113.7", "R41": "203.0.113.7"})
    overlay.start()
    overlay.run(5)
    for name, lan in (("R31", "10.3.3.1"), ("R41", "10.4.4.1")):
        number = next(c.number for c in overlay.ipsec["R11"].known if c.identity == f"{name}.example")
        packets = (data_packet(lan, "10.5.5.1"), data_packet("10.5.5.1", lan))
        overlay.handle("R11", Hairpin(TUNNEL, TUNNEL, overlay.members[name].outside, packets[0], number))
        overlay.handle("R11", Hairpin(TUNNEL, TUNNEL, overlay.members["R51"].outside, packets[1]))
    overlay.run(5)
    rows = [line for line in show(overlay, "R51", "show dmvpn detail").splitlines() if " DN" in line]
    assert [row.split()[-4] for row in rows] == ["UP"] * 4
