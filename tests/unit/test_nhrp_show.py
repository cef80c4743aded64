"""What people read: the commands of NHRP, to the blank."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import NhrpReceived
from dmvpn.base.notices import DebugOutput, InterfaceChanged
from dmvpn.features.nhrp import FEATURE
from dmvpn.features.nhrp.model import ClearCache, ClearNhrpCounters, ClearSessions, ClearStatistics
from support.nhrp_view import View, match_of, show
from support.overlay import TUNNEL, Overlay, address, cloud, hairpin, make_shortcut

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
CRYPTO = "\nCrypto Session Details: \n" + "-" * 80 + "\n\nPending DMVPN Sessions:\n\n"


def _shortcut() -> Overlay:
    """The phase 3 cloud of the study notes, ten seconds after the traffic."""
    overlay = cloud()
    overlay.start()
    overlay.run(41)
    make_shortcut(overlay)
    for name, hub in (("R31", "172.16.11.1"), ("R41", "172.16.11.1")):
        overlay.members[name].count(address(hub), sent=1, received=1)
    overlay.members["R11"].count(address("172.16.31.1"), sent=1, received=1)
    overlay.members["R31"].count(address("172.16.41.1"), sent=1, received=1)
    overlay.run(9)
    return overlay


def test_show_dmvpn_on_a_spoke() -> None:
    assert show(_shortcut(), "R31", "show dmvpn") == LEGEND + (
        "Interface: Tunnel100, IPv4 NHRP Details \n"
        "Type:Spoke, NHRP Peers:2, \n"
        "\n"
        " # Ent  Peer NBMA Addr Peer Tunnel Add State  UpDn Tm Attrb\n"
        " ----- --------------- --------------- ----- -------- -----\n"
        "     2 172.16.41.1      192.168.100.41    UP 00:00:09   DT2\n"
        "                        192.168.100.41    UP 00:00:09   DT1\n"
        "     1 172.16.11.1      192.168.100.11    UP 00:00:50     S\n"
        "\n"
    )


def test_show_dmvpn_on_the_hub() -> None:
    assert show(_shortcut(), "R11", "show dmvpn") == LEGEND + (
        "Interface: Tunnel100, IPv4 NHRP Details \n"
        "Type:Hub, NHRP Peers:2, \n"
        "\n"
        " # Ent  Peer NBMA Addr Peer Tunnel Add State  UpDn Tm Attrb\n"
        " ----- --------------- --------------- ----- -------- -----\n"
        "     1 172.16.31.1      192.168.100.31    UP 00:00:50     D\n"
        "     1 172.16.41.1      192.168.100.41    UP 00:00:50     D\n"
        "\n"
    )


def test_show_dmvpn_detail_on_a_spoke() -> None:
    assert (
        show(_shortcut(), "R31", "show dmvpn detail")
        == LEGEND
        + (
            'Interface Tunnel100 is up/up, Addr. is 192.168.100.31, VRF "" \n'
            '   Tunnel Src./Dest. addr: 172.16.31.1/MGRE, Tunnel VRF ""\n'
            '   Protocol/Transport: "multi-GRE/IP", Protect "" \n'
            "   Interface State Control: Disabled\n"
            "   nhrp event-publisher : Disabled\n"
            "\n"
            "IPv4 NHS:\n"
            "192.168.100.11  RE NBMA Address: 172.16.11.1 priority = 0 cluster = 0\n"
            "Type:Spoke, Total NBMA Peers (v4/v6): 3\n"
            "\n"
            "# Ent  Peer NBMA Addr Peer Tunnel Add State  UpDn Tm Attrb    Target Network\n"
            "----- --------------- --------------- ----- -------- ----- -----------------\n"
            "    1 172.16.31.1      192.168.100.31    UP 00:00:09   DLX        10.3.3.0/24\n"
            "    2 172.16.41.1      192.168.100.41    UP 00:00:09   DT2        10.4.4.0/24\n"
            "      172.16.41.1      192.168.100.41    UP 00:00:09   DT1  192.168.100.41/32\n"
            "    1 172.16.11.1      192.168.100.11    UP 00:00:50     S  192.168.100.11/32\n"
            "\n"
        )
        + CRYPTO
    )


def test_show_dmvpn_detail_of_a_phase_1_spoke() -> None:
    overlay = cloud(3)
    spoke = overlay.members["R31"]
    spoke.tunnel_state = replace(spoke.tunnel_state, multipoint=False, destination=address("172.16.11.1"))
    overlay.start()
    overlay.run(28.5)
    text = show(overlay, "R31", "show dmvpn detail")
    assert '   Tunnel Src./Dest. addr: 172.16.31.1/172.16.11.1, Tunnel VRF ""\n' in text
    assert '   Protocol/Transport: "GRE/IP", Protect "" \n' in text
    assert "    1 172.16.11.1      192.168.100.11    UP 00:00:28     S  192.168.100.11/32\n" in text


def test_show_dmvpn_of_a_tunnel_without_entries_is_the_legend_alone() -> None:
    overlay = cloud(3)
    overlay.start("R11")
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
    overlay = cloud(3)
    overlay.start("R31")
    overlay.run(20)
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
    overlay = cloud()
    overlay.start()
    overlay.run(1)
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
    assert show(_shortcut(), "R31", "show ip nhrp detail") == (
        "10.3.3.0/24 via 192.168.100.31\n"
        "   Tunnel100 created 00:00:09, expire 01:59:50\n"
        "   Type: dynamic, Flags: router unique local \n"
        "   NBMA address: 172.16.31.1 \n"
        "   Preference: 255 \n"
        "    (no-socket) \n"
        "  Requester: 192.168.100.41 Request ID: 2 \n"
        "10.4.4.0/24 via 192.168.100.41\n"
        "   Tunnel100 created 00:00:09, expire 01:59:50\n"
        "   Type: dynamic, Flags: router rib nho \n"
        "   NBMA address: 172.16.41.1 \n"
        "   Preference: 255 \n"
        "192.168.100.11/32 via 192.168.100.11\n"
        "   Tunnel100 created 00:00:51, never expire \n"
        "   Type: static, Flags: used \n"
        "   NBMA address: 172.16.11.1 \n"
        "   Preference: 255 \n"
        "192.168.100.41/32 via 192.168.100.41\n"
        "   Tunnel100 created 00:00:09, expire 01:59:50\n"
        "   Type: dynamic, Flags: router used nhop rib \n"
        "   NBMA address: 172.16.41.1 \n"
        "   Preference: 255 \n"
    )


def test_show_ip_nhrp_on_the_hub_and_a_phase_1_spoke() -> None:
    overlay = cloud(3)
    spoke = overlay.members["R31"]
    spoke.tunnel_state = replace(spoke.tunnel_state, multipoint=False, destination=address("172.16.11.1"))
    overlay.start()
    overlay.run(5)
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
    overlay.start()
    overlay.run(1.5)
    assert show(overlay, "R11", "show ip nhrp detail") == (
        "192.168.100.31/32 via 192.168.100.31\n"
        "   Tunnel100 created 00:00:01, expire 01:59:58\n"
        "   Type: dynamic, Flags: unique registered nat nhop \n"
        "   NBMA address: 172.16.31.1 \n"
        "     (Claimed NBMA address: 192.168.7.2) \n"
        "   Preference: 255 \n"
        "   Group: GOLD \n"
    )
    assert "     1 172.16.31.1      192.168.100.31    UP 00:00:01    DN\n" in show(overlay, "R11", "show dmvpn")


def test_show_ip_nhrp_brief() -> None:
    overlay = _shortcut()
    assert show(overlay, "R11", "show ip nhrp brief") == (
        "****************************************************************************\n"
        "    NOTE: Link-Local, No-socket and Incomplete entries are not displayed    \n"
        "****************************************************************************\n"
        "Legend: Type --> S - Static, D - Dynamic\n"
        "        Flags --> u - unique, r - registered, e - temporary, c - claimed\n"
        "        a - authoritative, t - route\n"
        "============================================================================\n"
        "\n"
        "Intf     NextHop Address                                    NBMA Address\n"
        "         Target Network                              T/Flag\n"
        "-------- ------------------------------------------- ------ ----------------\n"
        "Tu100    192.168.100.31                                     172.16.31.1\n"
        "         192.168.100.31/32                           D/ur   \n"
        "Tu100    192.168.100.41                                     172.16.41.1\n"
        "         192.168.100.41/32                           D/ur   \n"
    )
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
    overlay = cloud(3)
    overlay.start("R31")
    overlay.run(180)
    text = show(overlay, "R31", "show ip nhrp nhs detail")
    assert "192.168.100.11   E  NBMA Address: 172.16.11.1 priority = 0 cluster = 0  req-sent 11  req-failed 0" in text
    assert text.endswith(
        "\n\n\nPending Registration Requests:\n"
        "Registration Request: Reqid 1, Ret 64  NHS 192.168.100.11 expired (Tu100)\n"
    )


def test_show_ip_nhrp_nhs_redundancy() -> None:
    assert show(_shortcut(), "R31", "show ip nhrp nhs redundancy") == (
        "Legend: E=Expecting replies, R=Responding, W=Waiting\n"
        "No. Interface  Cluster NHS             Priority Cur-State Cur-Queue Prev-State Prev-Queue\n"
        "1   Tunnel100  0       192.168.100.11  0        RE        Running   E          Running\n"
        "\n"
        "No. Interface  Cluster Status  Max-Con Total-NHS Registering/UP Expecting Waiting Fallback\n"
        "1   Tunnel100  0       Disable Not Set 1         1              0         0       0\n"
    )
    assert show(_shortcut(), "R11", "show ip nhrp nhs redundancy") == ""


def test_show_ip_nhrp_traffic() -> None:
    overlay = _shortcut()
    assert show(overlay, "R31", "show ip nhrp traffic interface tunnel100") == (
        "Tunnel100: Max-send limit:10000Pkts/10Sec, Usage:0%\n"
        "   Sent: Total 3\n"
        "         1 Resolution Request  1 Resolution Reply  1 Registration Request\n"
        "         0 Registration Reply  0 Purge Request  0 Purge Reply\n"
        "         0 Error Indication  0 Traffic Indication  0 Redirect Suppress\n"
        "   Rcvd: Total 4\n"
        "         1 Resolution Request  1 Resolution Reply  0 Registration Request\n"
        "         1 Registration Reply  0 Purge Request  0 Purge Reply\n"
        "         0 Error Indication  1 Traffic Indication  0 Redirect Suppress\n"
    )
    detail = show(overlay, "R11", "show ip nhrp traffic detail")
    assert detail.startswith("Global statistics:\n Packet Queue size: 0[0](1)\n   Sent: Total 4\n")
    assert "   Fwd: Total 2\n         2 Resolution Request  0 Resolution Reply  0 Registration Request\n" in detail


def test_refused_packets_are_in_the_detail_of_the_traffic() -> None:
    overlay = _shortcut()
    overlay.handle("R31", NhrpReceived(TUNNEL, address("6.6.6.6"), b"nonsense"))
    assert "   Refused: 1 malformed\n" in show(overlay, "R31", "show ip nhrp traffic detail")


def test_show_ip_nhrp_summary() -> None:
    assert show(_shortcut(), "R31", "show ip nhrp summary") == (
        "IP NHRP cache 4 entries, 3136 bytes\n"
        "    1 static   3 dynamic    0 incomplete\n"
        "3 Remote\n"
        "    1 static   2 dynamic    0 incomplete\n"
        "    2 nhop     0 bfd\n"
        "    0 default  0 temporary\n"
        "    1 route\n"
        "        2 rib (1 H    1 nho)\n"
        "        0 bgp\n"
        "    0 lfib\n"
        "1 Local\n"
        "    0 static   1 dynamic    0 incomplete\n"
        "    0 lfib\n"
    )


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
    overlay = cloud()
    overlay.start()
    overlay.run(1)
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

    overlay = cloud(3)
    overlay.start()
    overlay.run(1)
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
    overlay.start()
    overlay.run(1)
    return [line for e in overlay.members["R11"].effects if isinstance(e, DebugOutput) for line in e.lines]


def test_debug_nhrp_prints_a_line_for_each_packet_and_where_it_goes() -> None:
    assert _debug("nhrp") == [
        "NHRP: Receive Registration Request via Tunnel100 vrf: global(0x0), packet size: 107",
        "NHRP: Send Registration Reply via Tunnel100 vrf: global(0x0), packet size: 127",
        "      src: 192.168.100.31, dst: 192.168.100.11",
        "NHRP: Encapsulation succeeded.  Sending NHRP Control Packet  NBMA Address: 172.16.31.1",
        "NHRP: 155 bytes out Tunnel100 ",
    ]


def test_debug_nhrp_packet_prints_its_parts() -> None:
    assert _debug("nhrp packet", "nhrp extension")[:12] == [
        "NHRP: Receive Registration Request via Tunnel100 vrf: global(0x0), packet size: 107",
        " (F) afn: AF_IP(1), type: IP(800), hop: 255, ver: 1",
        "     shtl: 4(NSAP), sstl: 0(NSAP)",
        "     pktsz: 107 extoff: 52",
        ' (M) flags: "unique nat ", reqid: 1 ',
        "     src NBMA: 172.16.31.1",
        "     src protocol: 192.168.100.31, dst protocol: 192.168.100.11",
        " (C-1) code: no error(0)",
        "       prefix: 32, mtu: 17912, hd_time: 7200",
        "       addr_len: 0(NSAP), subaddr_len: 0(NSAP), proto_len: 0, pref: 255",
        "Responder Address Extension(3):",
        "Forward Transit NHS Record Extension(4):",
    ]
    assert "  type:Cleartext(1), data:(hidden, 7 octets) " in _debug("nhrp extension")


def test_debug_nhrp_cache() -> None:
    assert _debug("nhrp cache") == ["NHRP: Tunnel100: Cache add for target 192.168.100.31/32 next-hop 192.168.100.31"]


def test_every_packet_can_be_shown() -> None:
    overlay = cloud()
    for member in overlay.members.values():
        member.debugging.flags = {flag.name for flag in FEATURE.debugs}
    overlay.start()
    overlay.run(1)
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
    overlay.start()
    overlay.run(25)
    lines = [line for e in overlay.members["R11"].effects if isinstance(e, DebugOutput) for line in e.lines]
    assert lines == ["NHRP: Tunnel100: 192.168.100.31 is of group GOLD"]


def test_debug_nhrp_rate_tells_what_max_send_holds_back() -> None:
    overlay = cloud(3, max_send=(1, 10))
    overlay.members["R31"].debugging.flags = {"nhrp rate"}
    overlay.start("R31")
    overlay.run(0.3)
    lines = [line for e in overlay.members["R31"].effects if isinstance(e, DebugOutput) for line in e.lines]
    assert lines == ["NHRP: Tunnel100: Registration Request not sent, max-send is reached"]
    assert "req-sent 1 " in show(overlay, "R31", "show ip nhrp nhs detail")
