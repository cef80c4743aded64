"""`debug ip packet` and `debug ip icmp`: an engineer sees the packets of the router itself."""

from __future__ import annotations

from support.world import World


def test_a_ping_is_seen_in_both_directions_and_only_while_the_debug_is_on() -> None:
    world = World("notes-phase3").converge()
    assert world.do("R31", "debug ip icmp") == "ICMP packet debugging is on\n"
    world.do("R31", "ping 192.168.100.11 repeat 1")
    lines = [line for line in world.console["R31"] if "ICMP: " in line]
    assert [line[line.index("ICMP: ") :] for line in lines] == [
        "ICMP: echo sent, src 0.0.0.0, dst 192.168.100.11, dscp 0",
        "ICMP: echo reply rcvd, src 192.168.100.11, dst 192.168.100.31, dscp 0",
    ]
    world.do("R31", "no debug ip icmp")
    world.do("R31", "ping 192.168.100.11 repeat 1")
    assert len([line for line in world.console["R31"] if "ICMP: " in line]) == 2


def test_packets_of_routing_protocols_are_seen_with_their_interface_and_protocol() -> None:
    world = World("notes-phase3").converge()
    world.do("R31", "debug ip packet detail")
    world.run_for(12)
    lines = [line[line.index("IP: ") :] for line in world.console["R31"] if "IP: s=" in line]
    sent = [line for line in lines if "sending" in line and "d=224.0.0.10 (Tunnel100)" in line]
    heard = [line for line in lines if line.startswith("IP: s=192.168.100.11 (Tunnel100), d=224.0.0.10")]
    assert sent
    assert heard
    assert all(line.endswith("proto=88") for line in (*sent, *heard))


def test_the_lines_of_a_debug_that_go_to_a_log_host_cause_no_further_lines() -> None:
    world = World("notes-phase3").converge()
    world.configure("R31", "logging host 10.4.4.100", "logging trap debugging")
    world.do("R31", "debug ip packet")
    world.console["R31"].clear()
    world.run_for(30)
    assert 0 < len([line for line in world.console["R31"] if "IP: s=" in line]) < 200


def test_a_cleared_arp_cache_is_the_hosts_and_the_answer_says_so() -> None:
    world = World("notes-phase3")
    assert "ip neigh flush" in world.do("R31", "clear arp-cache")
