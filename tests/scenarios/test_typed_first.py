"""What engineers type first at a prompt: ranges of interfaces, dialogs of ping and traceroute, commands of others."""

from __future__ import annotations

import pytest

from dmvpn.face.context import new_session
from dmvpn.face.session import ConsoleSession
from support.world import World


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
        (["ipx"], "% Only ip is asked about; for IPv6: ping ipv6 ADDRESS\nProtocol [ip]: "),
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
