"""What people read: the commands of NHRP, to the blank."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import NhrpReceived
from dmvpn.base.notices import DebugOutput, InterfaceChanged
from dmvpn.features.nhrp import FEATURE
from dmvpn.features.nhrp.model import ClearCache, ClearNhrpCounters, ClearSessions, ClearStatistics
from support.cloud import View, match_of, show
from support.overlay import TUNNEL, Overlay, address, cloud, hairpin, make_shortcut
from support.texts import is_golden

LEGEND = """\
Legend: Attrb --> S - Static, D - Dynamic, I - Incomplete
\tN - NATed, L - Local, X - No Socket
\tT1 - Route Installed, T2 - Nexthop-override, B - BGP
\tC - CTS Capable, I2 - Temporary
\t# Ent --> Number of NHRP entries with same NBMA peer
\tNHS Status: E --> Expecting Replies, R --> Responding, W --> Waiting
\tUpDn Time --> Up or Down Time for a Tunnel
==========================================================================

"""


def _shortcut() -> Overlay:
    """The phase 3 cloud of the study notes, ten seconds after the traffic."""
    overlay = cloud().start().run(41)
    make_shortcut(overlay)
    for name, hub in (("R31", "172.16.11.1"), ("R41", "172.16.11.1")):
        overlay.members[name].count(address(hub), sent=1, received=1)
    overlay.members["R11"].count(address("172.16.31.1"), sent=1, received=1)
    overlay.members["R31"].count(address("172.16.41.1"), sent=1, received=1)
    overlay.run(9)
    return overlay


def test_show_dmvpn_on_a_spoke() -> None:
    is_golden(show(_shortcut(), "R31", "show dmvpn"), "nhrp_show/show_dmvpn_on_a_spoke")


def test_show_dmvpn_on_the_hub() -> None:
    is_golden(show(_shortcut(), "R11", "show dmvpn"), "nhrp_show/show_dmvpn_on_the_hub")


def test_show_dmvpn_detail_on_a_spoke() -> None:
    is_golden(show(_shortcut(), "R31", "show dmvpn detail"), "nhrp_show/show_dmvpn_detail_on_a_spoke")


def test_show_dmvpn_detail_of_a_phase_1_spoke() -> None:
    overlay = cloud(3)
    spoke = overlay.members["R31"]
    spoke.tunnel_state = replace(spoke.tunnel_state, multipoint=False, destination=address("172.16.11.1"))
    overlay.start().run(28.5)
    text = show(overlay, "R31", "show dmvpn detail")
    assert '   Tunnel Src./Dest. addr: 172.16.31.1/172.16.11.1, Tunnel VRF ""\n' in text
    assert '   Protocol/Transport: "GRE/IP", Protect "" \n' in text
    assert "    1 172.16.11.1      192.168.100.11    UP 00:00:28     S  192.168.100.11/32\n" in text


def test_show_dmvpn_of_a_tunnel_without_entries_is_the_legend_alone() -> None:
    overlay = cloud(3).start("R11")
    assert show(overlay, "R11", "show dmvpn") == LEGEND


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("show dmvpn peer nbma 172.16.41.1", 2),
        ("show dmvpn peer tunnel 192.168.100.11", 1),
        ("show dmvpn peer network 10.4.4.0/24", 1),
        ("show dmvpn static", 1),
        ("show dmvpn interface Tunnel100", 3),
        ("show dmvpn interface Tunnel0", 0),
        ("show dmvpn ipv4", 3),
        ("show dmvpn ipv6", 0),
    ],
)
def test_show_dmvpn_can_be_narrowed(line: str, rows: int) -> None:
    text = show(_shortcut(), "R31", line)
    assert sum(" UP " in row for row in text.splitlines()) == rows


def test_the_states_of_a_server_that_does_not_answer() -> None:
    overlay = cloud(3).start("R31").run(20)
    row = "     1 172.16.11.1      192.168.100.11  NHRP    never     S\n"
    assert row in show(overlay, "R31", "show dmvpn")
    member = overlay.members["R31"]
    old = member.interfaces.states[0]
    down = replace(old, line=False, since=overlay.now)
    overlay.handle("R31", InterfaceChanged(TUNNEL, old, down))
    overlay.run(5)
    assert "  INTF 00:00:05     S\n" in show(overlay, "R31", "show dmvpn")
    shut = replace(down, enabled=False)
    overlay.handle("R31", InterfaceChanged(TUNNEL, down, shut))
    assert "Tunnel100 is admin down\n" in show(overlay, "R31", "show dmvpn detail")


def test_an_unanswered_question_is_incomplete() -> None:
    overlay = cloud().start().run(1)
    overlay.filter = lambda member, _, packet: member.name != "R31"
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(12.5)
    row = "     1 UNKNOWN                10.4.4.1  NHRP    never    IX\n"
    assert row in show(overlay, "R31", "show dmvpn")
    assert show(overlay, "R31", "show ip nhrp incomplete") == (
        "10.4.4.1/32, Tunnel100 created 00:00:12, expire 00:02:47\n"
        "   Type: incomplete, Flags: negative \n"
        "   Cache hits: 1 \n"
    )


def test_show_ip_nhrp_detail_on_a_spoke() -> None:
    is_golden(show(_shortcut(), "R31", "show ip nhrp detail"), "nhrp_show/show_ip_nhrp_detail_on_a_spoke")


def test_show_ip_nhrp_on_the_hub_and_a_phase_1_spoke() -> None:
    overlay = cloud(3)
    spoke = overlay.members["R31"]
    spoke.tunnel_state = replace(spoke.tunnel_state, multipoint=False, destination=address("172.16.11.1"))
    overlay.start().run(5)
    overlay.members["R11"].count(address("172.16.31.1"), sent=1, received=1)
    spoke.count(address("172.16.11.1"), sent=1, received=1)
    overlay.run(10)
    assert show(overlay, "R11", "show ip nhrp") == (
        "192.168.100.31/32 via 192.168.100.31\n"
        "   Tunnel100 created 00:00:14, expire 01:59:45\n"
        "   Type: dynamic, Flags: unique registered used nhop \n"
        "   NBMA address: 172.16.31.1 \n"
    )
    assert show(overlay, "R31", "show ip nhrp") == (
        "192.168.100.11/32 via 192.168.100.11\n"
        "   Tunnel100 created 00:00:15, never expire \n"
        "   Type: static, Flags: \n"
        "   NBMA address: 172.16.11.1 \n"
    )


@pytest.mark.conforms("cisco-nat-register")
def test_a_spoke_behind_nat_shows_what_it_claims() -> None:
    overlay = cloud(3, group="GOLD")
    spoke = overlay.members["R31"]
    spoke.nbma, spoke.translated = address("192.168.7.2"), address("172.16.31.1")
    spoke.tunnel_state = replace(spoke.tunnel_state, source=spoke.nbma)
    overlay.start().run(1.5)
    is_golden(show(overlay, "R11", "show ip nhrp detail"), "nhrp_show/a_spoke_behind_nat_shows_what_it_claims")
    assert "     1 172.16.31.1      192.168.100.31    UP 00:00:01    DN\n" in show(overlay, "R11", "show dmvpn")


def test_show_ip_nhrp_brief() -> None:
    overlay = _shortcut()
    is_golden(show(overlay, "R11", "show ip nhrp brief"), "nhrp_show/show_ip_nhrp_brief")
    spoke = show(overlay, "R31", "show ip nhrp brief")
    assert "         192.168.100.11/32                           S/     \n" in spoke
    assert "10.3.3.0/24" not in spoke


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        ("dynamic", ["10.3.3.0/24", "10.4.4.0/24", "192.168.100.41/32"]),
        ("static", ["192.168.100.11/32"]),
        ("local", ["10.3.3.0/24"]),
        ("remote", ["10.4.4.0/24", "192.168.100.11/32", "192.168.100.41/32"]),
        ("shortcut", ["10.4.4.0/24"]),
        ("10.4.4.7", ["10.4.4.0/24"]),
        ("10.0.0.0/8", ["10.3.3.0/24", "10.4.4.0/24"]),
        ("dynamic tunnel 100", ["10.3.3.0/24", "10.4.4.0/24", "192.168.100.41/32"]),
        ("tunnel0", []),
    ],
)
def test_show_ip_nhrp_can_be_narrowed(words: str, targets: list[str]) -> None:
    text = show(_shortcut(), "R31", f"show ip nhrp {words}")
    assert [line.split()[0] for line in text.splitlines() if " via " in line] == targets


def test_show_ip_nhrp_self_is_the_router_itself() -> None:
    assert show(_shortcut(), "R31", "show ip nhrp self") == (
        "192.168.100.31/32 via 192.168.100.31\n"
        "   Tunnel100 created 00:00:51, never expire \n"
        "   Type: static, Flags: router unique local \n"
        "   NBMA address: 172.16.31.1 \n"
        "    (no-socket) \n"
    )


def test_show_ip_nhrp_nhs() -> None:
    overlay = _shortcut()
    legend = "Legend: E=Expecting replies, R=Responding, W=Waiting, D=Dynamic\n"
    line = "192.168.100.11  RE  NBMA Address: 172.16.11.1 priority = 0 cluster = 0"
    assert show(overlay, "R31", "show ip nhrp nhs") == f"{legend}Tunnel100:\n{line}\n"
    assert show(overlay, "R31", "show ip nhrp nhs detail") == (
        f"{legend}Tunnel100:\n{line}  req-sent 1  req-failed 0  repl-recv 1 (00:00:50 ago)\n"
    )
    assert show(overlay, "R11", "show ip nhrp nhs detail") == ""


def test_pending_registrations_are_below_the_servers() -> None:
    overlay = cloud(3).start("R31").run(180)
    text = show(overlay, "R31", "show ip nhrp nhs detail")
    assert "192.168.100.11   E  NBMA Address: 172.16.11.1 priority = 0 cluster = 0  req-sent 11  req-failed 0" in text
    assert text.endswith(
        "\n\n\nPending Registration Requests:\n"
        "Registration Request: Reqid 1, Ret 64  NHS 192.168.100.11 expired (Tu100)\n"
    )


def test_show_ip_nhrp_nhs_redundancy() -> None:
    is_golden(show(_shortcut(), "R31", "show ip nhrp nhs redundancy"), "nhrp_show/show_ip_nhrp_nhs_redundancy")
    assert show(_shortcut(), "R11", "show ip nhrp nhs redundancy") == ""


def test_show_ip_nhrp_traffic() -> None:
    overlay = _shortcut()
    is_golden(show(overlay, "R31", "show ip nhrp traffic interface tunnel100"), "nhrp_show/show_ip_nhrp_traffic")
    detail = show(overlay, "R11", "show ip nhrp traffic detail")
    assert detail.startswith("Global statistics:\n Packet Queue size: 0[0](1)\n   Sent: Total 4\n")
    assert "   Fwd: Total 2\n         2 Resolution Request  0 Resolution Reply  0 Registration Request\n" in detail


def test_refused_packets_are_in_the_detail_of_the_traffic() -> None:
    overlay = _shortcut()
    overlay.handle("R31", NhrpReceived(TUNNEL, address("6.6.6.6"), b"nonsense"))
    assert "   Refused: 1 malformed\n" in show(overlay, "R31", "show ip nhrp traffic detail")


def test_show_ip_nhrp_summary() -> None:
    is_golden(show(_shortcut(), "R31", "show ip nhrp summary"), "nhrp_show/show_ip_nhrp_summary")


def test_show_ip_nhrp_multicast() -> None:
    overlay = _shortcut()
    assert show(overlay, "R11", "show ip nhrp multicast") == (
        "  I/F     NBMA address\n"
        "Tunnel100  172.16.31.1     Flags: dynamic         (Enabled)\n"
        "Tunnel100  172.16.41.1     Flags: dynamic         (Enabled)\n"
    )
    assert show(overlay, "R31", "show ip nhrp multicast").splitlines()[1] == (
        "Tunnel100  172.16.11.1     Flags: nhs             (Enabled)"
    )


def test_show_ip_nhrp_redirect() -> None:
    overlay = cloud().start().run(1)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(2.5)
    assert show(overlay, "R11", "show ip nhrp redirect") == (
        "I/F          NBMA address    Destination     Drop Count  Expiry\n"
        "Tunnel100    172.16.31.1     10.4.4.1        0           00:00:05\n"
    )


# ------------------------------------------------------------------------------------------------ orders


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("clear ip nhrp", ClearCache()),
        ("clear ip nhrp 10.4.4.1", ClearCache(Prefix.parse("10.4.4.1"))),
        ("clear ip nhrp counters", ClearNhrpCounters()),
        ("clear ip nhrp counters interface tu100", ClearNhrpCounters(interface="Tunnel100")),
        ("clear ip nhrp 192.168.100.11 counters", ClearNhrpCounters(server=address("192.168.100.11"))),
        ("clear ipv6 nhrp 2001:db8::11 counters", ClearNhrpCounters(6, server=address("2001:db8::11"))),
        ("clear ip nhrp stats", ClearStatistics()),
        ("clear ip nhrp stats tu100", ClearStatistics("Tunnel100")),
        ("clear dmvpn session", ClearSessions()),
        ("clear dmvpn session interface tu100 static", ClearSessions(interface="Tunnel100", static=True)),
        ("clear dmvpn session peer nbma 172.16.41.1", ClearSessions(nbma=address("172.16.41.1"))),
        ("clear dmvpn session peer tunnel 192.168.100.41", ClearSessions(tunnel=address("192.168.100.41"))),
    ],
)
def test_orders_become_events(line: str, event: object) -> None:
    match = match_of(line)
    assert match.command.action is not None
    assert match.command.action(View(cloud(), "R31"), match.args) == event


def test_counters_of_packets_servers_and_happenings_are_cleared_apart() -> None:
    def totals() -> list[str]:
        lines = show(overlay, "R31", "show ip nhrp traffic").splitlines()
        return [line.split()[-1] for line in lines if "Total" in line]

    def happened(name: str) -> str:
        lines = show(overlay, "R31", "show nhrp stats tunnel 100 detail").splitlines()
        return next(line.split(name)[1].split()[1] for line in lines if name in line)

    overlay = cloud(3).start().run(1)
    overlay.handle("R31", ClearNhrpCounters(server=address("192.168.100.99")))
    assert "req-sent 1 " in show(overlay, "R31", "show ip nhrp nhs detail")
    overlay.handle("R31", ClearNhrpCounters(server=address("192.168.100.11")))
    assert "req-sent 0  req-failed 0  repl-recv 0" in show(overlay, "R31", "show ip nhrp nhs detail")
    assert totals() == ["1", "1"]
    overlay.handle("R31", ClearNhrpCounters(interface="Tunnel1"))
    assert totals() == ["1", "1"]
    overlay.handle("R31", ClearNhrpCounters())
    assert totals() == ["0", "0"]
    assert (happened("End Point Addition"), happened("Packets received")) == ("1[0]", "1[0]")
    overlay.handle("R31", ClearStatistics("Tunnel1"))
    assert happened("End Point Addition") == "1[0]"
    overlay.handle("R31", ClearStatistics())
    assert (happened("End Point Addition"), happened("Packets received")) == ("0[0]", "0[0]")


# ------------------------------------------------------------------------------------------------ debugs


def _debug(*flags: str) -> list[str]:
    overlay = cloud(3, authentication="NHRPSEC")
    overlay.members["R11"].debugging.flags = set(flags)
    overlay.start().run(1)
    return [line for e in overlay.members["R11"].effects if isinstance(e, DebugOutput) for line in e.lines]


def test_debug_nhrp_prints_a_line_for_each_packet_and_where_it_goes() -> None:
    is_golden(_debug("nhrp"), "nhrp_show/debug_nhrp_prints_a_line_for_each_packet_and_where_it_goes")


def test_debug_nhrp_packet_prints_its_parts() -> None:
    is_golden(_debug("nhrp packet", "nhrp extension")[:12], "nhrp_show/debug_nhrp_packet_prints_its_parts")
    assert "  type:Cleartext(1), data:(hidden, 7 octets) " in _debug("nhrp extension")


def test_debug_nhrp_cache() -> None:
    assert _debug("nhrp cache") == ["NHRP: Tunnel100: Cache add for target 192.168.100.31/32 next-hop 192.168.100.31"]


def test_every_packet_can_be_shown() -> None:
    overlay = cloud()
    for member in overlay.members.values():
        member.debugging.flags = {flag.name for flag in FEATURE.debugs}
    overlay.start().run(1)
    make_shortcut(overlay)
    overlay.handle("R31", ClearCache())
    overlay.run(1)
    text = "\n".join(line for e in overlay.members["R31"].effects if isinstance(e, DebugOutput) for line in e.lines)
    assert " (M) traffic code: redirect(0)" in text
    assert "     Contents of nhrp traffic indication packet:" in text
    assert "Send Purge Request" in text


def test_debug_nhrp_group_tells_once_to_which_group_a_client_belongs() -> None:
    overlay = cloud(3, group="GOLD", holdtime=30)
    overlay.members["R11"].debugging.flags = {"nhrp group"}
    overlay.start().run(25)
    lines = [line for e in overlay.members["R11"].effects if isinstance(e, DebugOutput) for line in e.lines]
    assert lines == ["NHRP: Tunnel100: 192.168.100.31 is of group GOLD"]


def test_debug_nhrp_rate_tells_what_max_send_holds_back() -> None:
    overlay = cloud(3, max_send=(1, 10))
    overlay.members["R31"].debugging.flags = {"nhrp rate"}
    overlay.start("R31").run(0.3)
    lines = [line for e in overlay.members["R31"].effects if isinstance(e, DebugOutput) for line in e.lines]
    assert lines == ["NHRP: Tunnel100: Registration Request not sent, max-send is reached"]
    assert "req-sent 1 " in show(overlay, "R31", "show ip nhrp nhs detail")
