"""What engineers type first at a prompt: ranges of interfaces, dialogs of ping and traceroute, commands of others."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, Event, LinesEntered
from dmvpn.face.context import new_session
from dmvpn.face.session import ConsoleSession
from dmvpn.ios import INTERFACE, Args, Section, Statement
from dmvpn.router.router import Router
from dmvpn.shells.handle import Handle
from support.cases import one_in
from support.work import calls
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable


class Console:
    """Somebody at the console of a router in the simulator."""

    def __init__(self, router: str) -> None:
        self.world = World("notes-phase3").converge()
        handle = self.world.handle(router)
        self._session = ConsoleSession(handle, new_session())
        handle.subscribe(self._session.effect)
        self._session.start()
        self.types("terminal length 0")

    def types(self, *lines: str) -> str:
        """Type lines, each with Return. What the screen shows from then on."""
        for line in lines:
            self.presses(f"{line}\r")
        return self.shows()

    def presses(self, keys: str) -> None:
        """Press keys, and wait for what they do."""
        self._session.feed(keys.encode())
        for _ in range(600):
            if not self._session.busy:
                return
            self.world.run_for(0.1)
            self._session.pump()

    def shows(self) -> str:
        """Return what is new on the screen."""
        return self._session.take_output().decode().replace("\r\n", "\n")


@pytest.fixture(scope="module")
def console() -> Console:
    return Console("R31")


# ------------------------------------------------------------------------------------------------ interface range


def test_lines_below_a_range_are_for_each_of_its_interfaces(console: Console) -> None:
    """`interface range` was an invalid input at the prompt."""
    said = console.types("configure terminal", "interface range Lo10 - 12, lo20", "description several", "shutdown")
    assert "R31(config-if-range)#shutdown\nR31(config-if-range)#" in said
    console.types("end")
    shown = console.types("show running-config | section Loopback")
    for name in ("Loopback10", "Loopback11", "Loopback12", "Loopback20"):
        assert f"interface {name}\n description several\n" in shown
        assert console.world.show("R31", f"ip interface brief | include {name}").count("administratively down") == 1
    console.types("configure terminal", "int ran lo10-12 , lo20", "no description", "no shutdown", "end")
    assert "description several" not in console.types("show running-config")


@pytest.mark.parametrize(
    ("line", "prompt"),
    [
        ("exit", "R31(config)#"),
        ("interface Loopback11", "R31(config-if)#"),
        ("router eigrp 9", "R31(config-router)#"),
        ("do show privilege", "R31(config-if-range)#"),
        ("bogus", "R31(config-if-range)#"),
        ("end", "R31#"),
    ],
)
def test_a_range_ends_where_another_section_begins(console: Console, line: str, prompt: str) -> None:
    said = console.types("configure terminal", "interface range lo10 - 11", line)
    assert said.endswith(f"\n{prompt}")
    assert said.count("Invalid input") == (line == "bogus")
    console.presses("\x1a")
    console.types("configure terminal", "no router eigrp 9", "end")


def test_an_address_in_a_range_is_of_the_first_and_the_others_are_refused_it(console: Console) -> None:
    said = console.types("configure terminal", "interface range lo30 - 31", "ip address 192.0.2.77 255.255.255.255")
    assert "% 192.0.2.77 overlaps with Loopback30" in said
    console.types("end")
    assert " 192.0.2.77 " in console.types("show ip interface brief | include Loopback30")


@pytest.mark.parametrize("word", ["no", "default", "def"])
def test_no_and_default_of_a_range_are_for_each_of_its_interfaces(console: Console, word: str) -> None:
    """`no interface range` was taken without a word, and all interfaces stayed as they were."""
    console.types("configure terminal", "interface range lo40 - 42", "description several")
    said = console.types(f"{word} interface range lo40 - 41")
    assert said.endswith("R31(config)#")
    console.types("end")
    shown = console.types("show running-config | section Loopback4")
    assert shown.count("description several") == 1
    assert shown.count("interface Loopback4") == (1 if word == "no" else 3)
    console.types("configure terminal", "no interface range lo40 - 42", "end")


@pytest.mark.parametrize("what", ["xx", "Gi0/1 - x", "Gi0/1 to 3"])
def test_a_range_that_is_none_is_refused_with_how_to_write_it(console: Console, what: str) -> None:
    said = console.types("configure terminal", f"interface range {what}")
    assert "% Invalid range: write it as gi0/1 - 3, gi0/5\nR31(config)#" in said
    console.types("end")


def test_a_question_mark_lists_ranges_among_the_interfaces(console: Console) -> None:
    console.types("configure terminal")
    console.presses("interface ?")
    assert "\n  range " in console.shows()
    console.presses("\x15\x1a")
    console.shows()


# ------------------------------------------------------------------------------------------------ dialogs


def test_ping_asks_as_ios_does_and_its_defaults_are_those_in_brackets(console: Console) -> None:
    """`ping` alone was an incomplete command."""
    said = console.types("ping", "", "10.4.4.1", "", "", "", "", "")
    assert said.startswith(
        "ping\nProtocol [ip]: \nTarget IP address: 10.4.4.1\nRepeat count [5]: \nDatagram size [100]: \n"
        "Timeout in seconds [2]: \nExtended commands [n]: \nSweep range of sizes [n]: \n"
        "Type escape sequence to abort.\nSending 5, 100-byte ICMP Echos to 10.4.4.1, timeout is 2 seconds:\n"
    )
    assert said.endswith("\nR31#")
    assert "Success rate is " in said


def test_extended_commands_of_ping_are_asked_for_one_by_one(console: Console) -> None:
    answers = ("", "10.4.4.1", "3", "200", "1", "y", "Gi0/2", "", "y", "", "0x1234", "", "")
    said = console.types("ping", *answers)
    assert (
        "Extended commands [n]: y\nSource address or interface: Gi0/2\nType of service [0]: \n"
        "Set DF bit in IP header? [no]: y\nValidate reply data? [no]: \nData pattern [0xABCD]: 0x1234\n"
        "Loose, Strict, Record, Timestamp, Verbose[none]: \nSweep range of sizes [n]: \n"
    ) in said
    assert "Sending 3, 200-byte ICMP Echos to 10.4.4.1, timeout is 1 seconds:\n" in said
    assert "Packet sent with a source address of 10.3.3.1 \nPacket sent with the DF bit set\n!!!\n" in said


def test_traceroute_asks_as_ios_does(console: Console) -> None:
    said = console.types("traceroute", "", "192.168.100.11", "", "", "", "1", "", "5", "", "")
    assert said.startswith(
        "traceroute\nProtocol [ip]: \nTarget IP address: 192.168.100.11\nSource address: \nNumeric display [n]: \n"
        "Timeout in seconds [3]: \nProbe count [3]: 1\nMinimum Time to Live [1]: \nMaximum Time to Live [30]: 5\n"
        "Port Number [33434]: \nLoose, Strict, Record, Timestamp, Verbose[none]: \n"
        "Type escape sequence to abort.\nTracing the route to 192.168.100.11\n"
    )
    assert "  1 192.168.100.11 " in said


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        (["ipx"], "% The dialog is for IPv4; for IPv6: ping ipv6 ADDRESS\nProtocol [ip]: "),
        (["", ""], "% Bad IP address\nTarget IP address: "),
        (["", "10.4.4.1", "none"], "% A decimal number between 1 and 2147483647.\nRepeat count [5]: "),
        (["", "10.4.4.1", "", "35"], "% A decimal number between 36 and 18024.\nDatagram size [100]: "),
        (["", "10.4.4.1", "", "", "", "maybe"], "% Please answer 'yes' or 'no'.\nExtended commands [n]: "),
        (["", "10.4.4.1", "", "", "", "y", "no/such"], "% Invalid source: an IP address, or an interface without"),
        (["", "10.4.4.1", "", "", "", "", "y"], "% All requests have one size here\nSweep range of sizes [n]: "),
    ],
)
def test_a_wrong_answer_is_named_and_the_question_comes_again(
    console: Console, answers: list[str], complaint: str
) -> None:
    assert complaint in console.types("ping", *answers)
    console.presses("\x03")
    assert console.shows().endswith("\nR31#")


def test_ctrl_c_ends_a_dialog_without_a_packet(console: Console) -> None:
    console.types("ping", "", "10.4.4.1")
    console.presses("\x03")
    assert "Sending" not in console.shows()
    assert console.types("show privilege").endswith("Current privilege level is 15\nR31#")


def test_who_types_the_protocol_is_not_asked_for_it(console: Console) -> None:
    assert console.types("ping ip").startswith("ping ip\nTarget IP address: ")
    console.presses("\x03")
    console.shows()


# ------------------------------------------------------------------------------------------------ terminals and files


def test_write_terminal_shows_what_runs(console: Console) -> None:
    assert "\nhostname R31\n" in console.types("write terminal")
    assert "\nhostname R31\n" in console.types("wr t")


def test_shows_begin_with_the_load_and_the_time_once_the_terminal_wants_it(console: Console) -> None:
    said = console.types("terminal exec prompt timestamp", "show privilege")
    head, _, rest = said.partition("show privilege\n")[2].partition("\n")
    assert head.startswith("Load for five secs: ")
    assert "%/0%; one minute: " in head
    assert rest.startswith("No time source, *06:")
    assert rest.endswith("UTC Fri Nov 20 2026\n\nCurrent privilege level is 15\nR31#")
    assert "Load for" not in console.types("show privilege | json"), "a program reads it"
    said = console.types("terminal no exec prompt timestamp", "show privilege")
    assert "Load for" not in said


@pytest.mark.parametrize(("delay", "minutes"), [("5", 5), ("1:30", 90), ("500", 120), ("x", 10), ("9" * 5000, 10)])
def test_reload_in_names_the_change_that_takes_itself_back(console: Console, delay: str, minutes: int) -> None:
    assert f"configure terminal revert timer {minutes}, and then configure confirm" in console.types(
        f"reload in {delay} for safety"
    )


def test_no_reload_is_there_to_be_canceled(console: Console) -> None:
    assert "\n%No reload is scheduled.\n" in console.types("reload cancel")


@pytest.mark.parametrize("line", ["ssh -l admin 10.4.4.1", "telnet 10.4.4.1 2000"])
def test_clients_that_are_not_here_say_where_there_are_some(console: Console, line: str) -> None:
    said = console.types(line)
    assert f"\n%        dmvpn lab exec R31 {line}\n" in said
    assert "dmvpn shell NAME is the prompt of another router" in said


@pytest.mark.parametrize("line", ["show ip nhrp ?", "show dmvpn interface ?"])
def test_a_question_mark_lists_the_kinds_of_interfaces_that_are_there(console: Console, line: str) -> None:
    """46 kinds were listed that no router here has, and hid the words of the command."""
    console.presses(line)
    said = console.shows()
    assert "\n  GigabitEthernet  " in said
    assert "\n  Tunnel  " in said
    assert not any(f"\n  {kind} " in said for kind in ("ATM", "Serial", "Vlan", "Port-channel"))
    console.presses("\x15")
    console.shows()


def test_a_new_kind_of_interface_may_still_be_configured(console: Console) -> None:
    console.types("configure terminal")
    console.presses("interface ?")
    assert "\n  Port-channel " in console.shows()
    console.presses("\x15\x1a")
    console.shows()


# What is pasted into a configuration mode does what it does line by line, and in the time of one look at it all.

SITE = """hostname R1
interface GigabitEthernet0/1
 ip address 192.0.2.2 255.255.255.0
interface Tunnel0
 ip address 10.0.0.1 255.255.255.0
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 ip nhrp network-id 1
"""


class Desk:
    """A router with terminals, and what it was given."""

    def __init__(self, text: str = SITE) -> None:
        self.router = Router(SeededEntropy(1))
        self.given: list[Event] = []
        self.handle = Handle(lambda: self.router, lambda: 0.0, self.post, lambda _name, _octets: None)
        self.post(ConfigurationEntered(text))
        self.given.clear()

    def post(self, event: Event) -> None:
        self.given.append(event)
        self.router.handle(event, 0.0)

    def terminal(self) -> ConsoleSession:
        session = ConsoleSession(self.handle, 1)
        session.start()
        session.feed(b"configure terminal\r")
        return session

    def pasted(self) -> list[int]:
        """How many lines the router was given at a time."""
        return [len(event.lines) for event in self.given if isinstance(event, LinesEntered)]


def routes(first: int, count: int) -> str:
    return "".join(f"ip route 10.{n >> 8}.{n & 255}.0 255.255.255.0 192.0.2.1\r" for n in range(first, first + count))


def test_a_paste_is_given_to_the_router_some_lines_at_a_time() -> None:
    desk = Desk()
    desk.terminal().feed(routes(0, 50).encode())
    assert desk.pasted() == [8, 8, 8, 8, 8, 8, 2]
    assert sum(line.startswith("ip route") for line in desk.router.running.render()) == 50


def test_an_interface_that_is_shut_down_and_opened_in_one_paste_was_down() -> None:
    desk = Desk()
    desk.terminal().feed(b"interface Tunnel0\rshutdown\rip mtu 1400\rno shutdown\r")
    assert desk.pasted() == [2, 1]


def test_a_tunnel_that_goes_and_comes_in_one_paste_begins_with_nothing() -> None:
    desk = Desk()
    desk.terminal().feed(b"no interface Tunnel0\rinterface Tunnel0\rip mtu 1400\r")
    lines = desk.router.running.render()
    assert lines[lines.index("interface Tunnel0") :][:2] == ["interface Tunnel0", " ip mtu 1400"]
    assert desk.pasted() == [1, 2]


def test_a_show_amid_a_paste_sees_the_lines_before_it() -> None:
    desk = Desk()
    terminal = desk.terminal()
    terminal.take_output()
    terminal.feed(b"interface Tunnel0\rip mtu 1340\rdo show running-config interface Tunnel0 | include mtu\r")
    assert " ip mtu 1340" in terminal.take_output().decode().replace("\r\n", "\n").split("\n")


def test_a_new_name_is_in_the_next_prompt_of_a_paste() -> None:
    desk = Desk()
    terminal = desk.terminal()
    terminal.take_output()
    terminal.feed(b"hostname R2\rip route 10.9.9.0 255.255.255.0 192.0.2.1\r")
    assert b"R2(config)#ip route" in terminal.take_output()


def test_a_line_over_which_we_stumble_is_not_half_there(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    terminal = desk.terminal()
    terminal.feed(b"interface Tunnel0\r")

    def stumble(section: Section, statement: Statement) -> bool:
        put(section, statement)
        raise ZeroDivisionError

    put = Section.put
    with monkeypatch.context() as broken:
        broken.setattr(Section, "put", stumble)
        with pytest.raises(ZeroDivisionError):
            terminal.feed(b"ip mtu 1340\r")
    terminal.recover("% Internal error")
    assert " ip mtu 1340" not in desk.router.running.render()
    terminal.feed(b"ip mtu 1340\r")
    assert " ip mtu 1340" in desk.router.running.render()


def paste(count: int) -> None:
    Desk().terminal().feed(routes(0, count).encode())


def test_ten_times_the_lines_take_about_ten_times_the_work() -> None:
    """Seen: 1,200 pasted lines took 24 s; the whole configuration was read again at each."""
    small, large = (calls(partial(paste, count)) for count in (200, 2000))
    assert large < 12 * small


#: Lists: the line that opens one, and the lines of its n-th entry.
LISTS: dict[str, tuple[str, Callable[[int], str]]] = {
    "static routes": ("", lambda n: f"ip route {address(n << 8)} 255.255.255.0 192.0.2.1"),
    "static routes of IPv6": ("", lambda n: f"ipv6 route 2001:db8:{n:x}::/64 2001:db8:ffff::1"),
    "loopbacks": ("", lambda n: f"interface Loopback{n}\n ip address 11{address(n)[2:]} 255.255.255.255"),
    "loopbacks of IPv6": ("", lambda n: f"interface Loopback{n}\n ipv6 address 2001:db8::{n:x}/128"),
    "prefix list": ("", lambda n: f"ip prefix-list P permit {address(n << 8)}/24"),
    "access list": ("ip access-list extended A", lambda n: f" permit ip host {address(n)} any"),
    "numbered list": ("", lambda n: f"access-list 10 permit host {address(n)}"),
    "AS paths": ("", lambda n: f"ip as-path access-list 10 permit ^{n}_"),
    "route map": ("", lambda n: f"route-map M permit {n + 1}\n set metric {n + 1}"),
    "key chain": ("key chain K", lambda n: f" key {n}\n  key-string k{n}"),
    "keyring": ("crypto ikev2 keyring K", lambda n: f" peer P{n}\n  address {address(n)}\n  pre-shared-key k{n}"),
    "networks of EIGRP": ("router eigrp 1", lambda n: f" network {address(n << 8)} 0.0.0.255"),
    "networks of OSPF": ("router ospf 1", lambda n: f" network {address(n << 8)} 0.0.0.255 area 0"),
}


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def beside_and_into(kind: str, count: int) -> tuple[int, int]:
    """The work of a line beside a list, and that of an entry more."""
    head, entry = LISTS[kind]
    terminal = Desk("\n".join((SITE, head, *map(entry, range(count)), ""))).terminal()
    terminal.feed(b"interface Tunnel0\rip mtu 1300\r")
    beside = calls(lambda: terminal.feed(b"ip mtu 1400\r"))
    terminal.feed("\r".join((head, entry(count), head, "")).encode())
    more = "\r".join((entry(count + 1), "")).replace("\n", "\r").encode()
    return beside, calls(lambda: terminal.feed(more))


@pytest.mark.parametrize("kind", one_in(3, LISTS))
def test_a_line_costs_the_same_beside_and_in_many_others(kind: str) -> None:
    beside_and_into(kind, 20)  # what a process reads once is not counted below
    small, large = beside_and_into(kind, 100), beside_and_into(kind, 1500)
    assert large[0] < 1.3 * small[0] + 100
    assert large[1] < 1.3 * small[1] + 400


def test_a_model_that_looks_outside_of_its_section_is_found_at_once() -> None:
    router = Desk(SITE).router

    def make(args: Args, section: Section) -> str:
        return router.running.hostname

    with pytest.raises(AssertionError, match="outside"):
        router.running.made(INTERFACE, make)


# Commands that people type from habit, on a router that runs.


def sent(world: World, router: str) -> int:
    found = re.search(r"Sent: Total (\d+)", world.show(router, "ip nhrp traffic"))
    assert found, world.show(router, "ip nhrp traffic")
    return int(found[1])


@pytest.mark.parametrize("words", ["", " interface Tunnel100"])
def test_clear_dmvpn_statistics_begins_the_numbers_of_nhrp_again(words: str) -> None:
    world = World("notes-phase3").converge()
    assert sent(world, "R31") > 0
    world.do("R31", "clear dmvpn statistics interface Tunnel7")
    assert sent(world, "R31") > 0
    assert world.do("R31", f"clear dmvpn statistics{words}") == ""
    assert sent(world, "R31") == 0
    assert "req-sent 0 " in world.show("R31", "ip nhrp nhs detail").replace("  ", " ")


@pytest.mark.parametrize("peer", ["nbma 172.16.11.1", "tunnel 192.168.100.11"])
def test_clear_dmvpn_statistics_of_a_peer_leaves_the_others(peer: str) -> None:
    world = World("notes-phase3").converge()
    world.do("R31", f"clear dmvpn statistics peer {peer}")
    assert sent(world, "R31") > 0
    assert "req-sent 0 " in world.show("R31", "ip nhrp nhs detail").replace("  ", " ")


# `debug ip packet` and `debug ip icmp`: an engineer sees the packets of the router itself.


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
