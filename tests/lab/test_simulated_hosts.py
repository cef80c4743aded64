"""`lab exec H3 ping|traceroute` in a simulated lab: words and output of Linux, packets through the simulated planes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.simulator.network import Impairment
from dmvpn.shells.simulator.programs.running import Programs
from support.labs import Labs
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.shells.lab.control import Json


class Terminal:
    """At a host of a world."""

    def __init__(self, name: str = "notes-phase3") -> None:
        self.world = World(name).converge()
        self.programs = Programs(self.world.sim)

    def type(self, line: str, *, host: str = "H3", seconds: float = 60.0) -> tuple[str, int | None]:
        """What a command prints, and its exit code; after so many seconds Ctrl-C."""
        job = self.programs.start(host, line.split(), 0.0)
        self.world.wait_until(lambda: self.programs._jobs[job].program.code is not None, seconds)
        self.programs.interrupt(job)
        lines, code = self.programs.output(job, 0.0)
        return "\n".join(lines), code


@pytest.fixture(scope="module")
def terminal() -> Terminal:
    """At H3 of notes-phase3."""
    return Terminal()


def test_the_first_ping_builds_the_shortcut_and_the_second_takes_it() -> None:
    said, code = Terminal().type("ping -c 2 10.4.4.100")
    assert code == 0
    first, second = re.findall(r"^64 bytes from 10\.4\.4\.100: icmp_seq=\d ttl=(\d+) time=[\d.]+ ms$", said, re.M)
    assert (int(first), int(second)) == (61, 62), "by the hub, then past it"


def test_what_ping_prints_is_what_the_ping_of_linux_prints(terminal: Terminal) -> None:
    said, code = terminal.type("ping -c 3 -i 0.2 -s 100 10.4.4.100")
    assert code == 0
    lines = said.split("\n")
    assert lines[0] == "PING 10.4.4.100 (10.4.4.100) 100(128) bytes of data."
    assert re.fullmatch(r"108 bytes from 10\.4\.4\.100: icmp_seq=3 ttl=62 time=0\.\d{3} ms", lines[3])
    assert lines[4:7] == [
        "",
        "--- 10.4.4.100 ping statistics ---",
        "3 packets transmitted, 3 received, 0% packet loss, time 400ms",
    ]
    assert re.fullmatch(r"rtt min/avg/max/mdev = \d\.\d{3}/\d\.\d{3}/\d\.\d{3}/\d\.\d{3} ms", lines[7])


def test_traceroute_shows_the_routers_by_their_tunnel_addresses(terminal: Terminal) -> None:
    terminal.type("ping -c 2 10.4.4.100")
    said, code = terminal.type("traceroute 10.4.4.100")
    assert code == 0
    head, *hops = said.split("\n")
    assert head == "traceroute to 10.4.4.100 (10.4.4.100), 30 hops max, 60 byte packets"
    names = [re.sub(r"  [\d.]+ ms", " ms", hop) for hop in hops]
    assert names == [
        " 1  10.3.3.1 (10.3.3.1) ms ms ms",
        " 2  192.168.100.41 (192.168.100.41) ms ms ms",
        " 3  10.4.4.100 (10.4.4.100) ms ms ms",
    ]
    assert terminal.type("traceroute -n -I -q 1 10.4.4.100")[0].split("\n")[2].startswith(" 2  192.168.100.41  ")


@pytest.mark.parametrize(
    ("line", "expected", "code"),
    [
        ("ping -c 1 -t 1 10.4.4.100", "From 10.3.3.1 icmp_seq=1 Time to live exceeded", 1),
        ("ping -c 1 -M do -s 1472 10.4.4.100", "From 10.3.3.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)", 1),
        ("ping -c 2 -M do -s 1472 10.4.4.100", "ping: local error: message too long, mtu=1400", 1),
        ("ping -c 1 -M do -s 2000 10.4.4.100", "ping: local error: message too long, mtu=1500", 1),
        ("ping -c 1 -s 2000 10.4.4.100", "2008 bytes from 10.4.4.100: icmp_seq=1 ttl=62", 0),
        ("ping -c 1 -s 8 10.4.4.100", "16 bytes from 10.4.4.100: icmp_seq=1 ttl=62\n", 0),
        ("ping -c 1 10.3.3.77", "From 10.3.3.100 icmp_seq=1 Destination Host Unreachable", 1),
        ("ping -c 1 10.4.4.7", "From 192.168.100.41 icmp_seq=1 Destination Host Unreachable", 1),
        ("ping -c 3 -W 1 10.99.9.9", "3 packets transmitted, 0 received, 100% packet loss, time 2000ms", 1),
        ("ping -w 3 10.4.4.100", "3 packets transmitted, 3 received, 0% packet loss", 0),
        ("ping -q -c 2 10.4.4.100", "bytes of data.\n\n--- 10.4.4.100 ping statistics ---", 0),
        ("traceroute -F 10.4.4.100 1500", " 2  10.3.3.1 (10.3.3.1)  0.100 ms !F-1400", 0),
        ("traceroute -m 2 -w 1 10.99.9.9", "\n 2  * * *", 0),
        ("traceroute -n -q 1 10.4.4.7", " ms !H", 0),
    ],
)
def test_what_goes_wrong_is_said_as_linux_says_it(terminal: Terminal, line: str, expected: str, code: int) -> None:
    terminal.type("ping -c 2 10.4.4.100")  # so that there is a shortcut, whatever ran before
    said, ended = terminal.type(line)
    assert expected in said
    assert ended == code


def test_ctrl_c_ends_an_endless_ping_with_its_statistics(terminal: Terminal) -> None:
    said, code = terminal.type("ping 10.4.4.100", seconds=4.5)
    assert code == 0
    assert "5 packets transmitted, 5 received, 0% packet loss" in said


def test_pings_of_ipv6_work_as_well() -> None:
    to = "2001:db8:4::100"
    for name in ("ipv6-phase3", "dual-stack"):
        there = Terminal(name)
        said, code = there.type(f"ping -c 2 {to}")
        assert code == 0
        assert said.startswith(f"PING {to} ({to}) 56 data bytes\n64 bytes from {to}: icmp_seq=1 ttl=")
        assert f" 3  {to} ({to})  " in there.type(f"traceroute {to}")[0]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("ssh 10.4.4.100", "run ping and traceroute, and not ssh"),
        ("ping", "ping: which address"),
        ("ping H4", "ping: H4: hosts of a simulated lab know no names"),
        ("ping -f 10.4.4.100", "ping: option -f not recognized; at a simulated host it has -c -s "),
        ("ping -c banana 10.4.4.100", "ping: -c banana: a number from 1 to 1e"),
        ("ping -s 65508 10.4.4.100", "ping: -s 65508: a number from 0 to 65507"),
        ("ping -M maybe 10.4.4.100", "ping: -M maybe: do, want or dont"),
        ("ping -6 10.4.4.100", "ping: 10.4.4.100 is no IPv6 address"),
        ("ping -I 10.9.9.9 10.4.4.100", "10.9.9.9 is no address of this host; it has 10.3.3.100"),
        ("ping 224.0.0.5", "224.0.0.5 is the address of no single station"),
        ("ping 127.0.0.1", "127.0.0.1 is the host itself"),
        ("traceroute 10.4.4.100 60 61", "traceroute: 61: unexpected arguments"),
        ("traceroute -m 999 10.4.4.100", "traceroute: -m 999: a number from 1 to 255"),
    ],
)
def test_what_a_simulated_host_cannot_do_is_refused_in_one_line(terminal: Terminal, line: str, complaint: str) -> None:
    with pytest.raises(UserError) as refused:
        terminal.programs.start("H3", line.split(), 0.0)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_two_pings_at_one_host_do_not_take_each_others_answers(terminal: Terminal) -> None:
    one = terminal.programs.start("H3", ["ping", "-c", "3", "10.4.4.100"], 0.0)
    other = terminal.programs.start("H3", ["ping", "-c", "3", "10.1.1.100"], 0.0)
    terminal.world.run_for(10)
    for job in (one, other):
        lines, code = terminal.programs.output(job, 0.0)
        assert "3 packets transmitted, 3 received, 0% packet loss" in "\n".join(lines)
        assert code == 0


def test_a_ping_whose_terminal_is_gone_ends(terminal: Terminal) -> None:
    job = terminal.programs.start("H3", ["ping", "10.4.4.100"], 0.0)
    terminal.programs.prune(5.0)
    terminal.programs.output(job, 9.0)
    terminal.programs.prune(20.0)
    with pytest.raises(UserError, match="runs no more"):
        terminal.programs.output(job, 20.0)


# ------------------------------------------------------------------------------------------------ bad wires


def bad(terminal: Terminal, **wrong: Json) -> None:
    """H4's wire is this bad from now on."""
    wire = terminal.world.sim.segment_of("H4", "eth0")
    wire.impairment = Impairment.of(Badness.read(wrong))


@pytest.mark.parametrize(
    ("wrong", "line", "expected"),
    [
        ({"loss": 100}, "ping -c 2 -W 1 10.4.4.100", "2 packets transmitted, 0 received, 100% packet loss"),
        ({"delay": 50}, "ping -c 2 10.4.4.100", r"icmp_seq=2 ttl=62 time=100 ms"),
        ({"delay": 50, "sender": "H4"}, "ping -c 2 10.4.4.100", r"icmp_seq=2 ttl=62 time=50\.\d ms"),
        ({"cut": 1}, "ping -c 2 -W 1 10.4.4.100", "100% packet loss"),
        ({"cut": 1, "sender": "R41"}, "ping -c 2 -W 1 10.4.4.100", "100% packet loss"),
        ({"rate": 8}, "ping -c 2 -s 72 10.4.4.100", r"icmp_seq=2 ttl=62 time=20\d ms"),
        ({"mtu": 1000}, "ping -c 2 -s 972 10.4.4.100", "2 received, 0% packet loss"),
        ({"mtu": 1000}, "ping -c 2 -W 1 -s 973 10.4.4.100", "0 received, 100% packet loss"),
        ({"block": ["icmp"]}, "ping -c 2 -W 1 10.4.4.100", "0 received, 100% packet loss"),
        ({"loss": 30}, "ping -c 100 -i 0.1 -W 1 10.4.4.100", r"\b[3-6]\d received"),
    ],
)
def test_a_bad_wire_does_to_a_ping_what_it_says(
    terminal: Terminal, wrong: dict[str, Json], line: str, expected: str
) -> None:
    bad(terminal)
    terminal.type("ping -c 2 10.4.4.100")
    bad(terminal, **wrong)
    said, _ = terminal.type(line)
    bad(terminal)
    assert re.search(expected, said), said


# ------------------------------------------------------------------------------------------------ as it is typed


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    """notes-phase3, simulated, in a process of its own."""
    with Labs() as labs:
        labs.up("notes-phase3", "--simulated")
        yield labs


def test_exec_pings_from_a_host_of_a_simulated_lab_and_the_spokes_have_a_shortcut_then(labs: Labs) -> None:
    assert "2 received" in labs.say("lab", "exec", "H3", "ping", "-c", "2", "-i", "0.3", "10.4.4.100")
    assert "10.4.4.0/24 via 192.168.100.41" in labs.on("R31", "show ip nhrp")
    lost = labs.run("lab", "exec", "H3", "ping", "-c", "1", "-W", "0.2", "10.99.9.9")
    assert (lost.returncode, lost.stderr) == (1, "")
    assert "1 packets transmitted, 0 received, 100% packet loss" in lost.stdout


def test_exec_at_a_router_of_a_simulated_lab_names_the_command_that_works(labs: Labs) -> None:
    refused = labs.run("lab", "exec", "R31", "ping", "10.4.4.100")
    assert refused.returncode == 1
    assert refused.stderr == (
        "dmvpn: R31 is a router: 'dmvpn -r R31 ping ADDRESS' is for those; hosts of this lab: H1, H3, H4\n"
    )
    assert "there is no host H9 in this lab; it has H1, H3, H4" in labs.run("lab", "exec", "H9", "ping").stderr
