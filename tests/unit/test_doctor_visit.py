"""A visit of the doctor: what it asks, how long it waits, and what it makes of pings."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.base.findings import Cause
from dmvpn.labs import copied
from dmvpn.labs.copied import CopiedLab
from dmvpn.network.overlay import tunnel_ends
from dmvpn.network.terms.preshared_keys import is_special, key_lines
from dmvpn.router.facts import RouterFacts
from dmvpn.shells.facts import LabFacts
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.configuration import device, routes_to, static_lines
from dmvpn.tools.doctor.missing_routes import withdrawn
from dmvpn.tools.doctor.report import as_text, brief
from dmvpn.tools.doctor.scene import (
    MOST_COMMANDS,
    MOST_ECHOES,
    Probe,
    ProbePurpose,
    ProbeResult,
    Scene,
    carry_out,
    read,
)
from dmvpn.tools.doctor.verdicts import Diagnosis, Finding, Step, Trial, View, in_words, permitted
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.lint.rules.registration import lines_about, with_address
from dmvpn.tools.remedies.changes import ChangedLine, RouterChange
from dmvpn.tools.remedies.trial import settle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dmvpn.base.barriers import Barrier, Gap

PING = "Sending 5, 100-byte ICMP Echos to 192.0.2.1, timeout is 1 seconds:\n{}\nSuccess rate is 80 percent (4/5)\n"
TRACE = "Tracing the route to 10.4.4.1\n  1 192.168.100.11 0 msec\n  2 192.168.100.41 0 msec\n"


class Fake:
    """A lab of routers without tunnels. dead: those that do not run."""

    def __init__(self, *names: str, dead: tuple[str, ...] = ()) -> None:
        self.waited: list[float] = []
        self._routers = {name: None if name in dead else RouterFacts(tunnels=()) for name in names}

    def facts(self) -> LabFacts:
        return LabFacts(routers=dict(self._routers), gateways={}, links=())

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        assert not questions
        return []

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)

    def why(self, gap: Gap) -> Barrier | None:
        """Know no reason."""
        return None


def test_nobody_waits_where_all_is_well() -> None:
    examined = Fake("R1", "R2")
    assert visit(examined).healthy
    assert examined.waited == []


def test_where_something_is_broken_it_waits_until_all_have_read_their_counters() -> None:
    examined = Fake("R1", "R2", dead=("R2",))
    assert visit(examined).findings[0].cause is Cause.ROUTER_DEAD
    assert [seconds > 5 for seconds in examined.waited] == [True]


def test_without_probes_it_does_not_wait() -> None:
    examined = Fake("R1", "R2", dead=("R2",))
    assert visit(examined, probing=False).findings
    assert examined.waited == []


def test_a_router_that_runs_alone_is_one_end() -> None:
    assert visit(Fake("R1"), "R1").view is View.ONE_END


def test_from_one_end_nothing_is_a_finding() -> None:
    diagnosis = visit(Fake("R1", "R2", dead=("R1",)), "R1", one_end=True)
    assert diagnosis.findings == ()
    assert [one.cause for one in diagnosis.hypotheses] == [Cause.ROUTER_DEAD]
    assert "nothing is certain" in next(as_text(diagnosis))


def test_a_router_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(UserError, match="there is no router R9 in this lab; it has R1, R2"):
        visit(Fake("R1", "R2"), "R9")


@pytest.mark.parametrize(
    ("marks", "passed", "silent", "refused"),
    [
        ("!!!!!", True, False, False),
        (".!!!!", True, False, False),
        ("..!!!", False, False, False),
        (".....", False, True, False),
        ("UUUUU", False, False, True),
        ("U.U.U", False, False, True),
        ("", False, False, False),
    ],
)
def test_one_lost_ping_may_be_the_first_and_two_are_a_loss(
    marks: str, passed: bool, silent: bool, refused: bool
) -> None:
    outcome = read(PING.format(marks))
    assert (outcome.marks, outcome.passed, outcome.silent, outcome.refused) == (marks, passed, silent, refused)


def test_a_traceroute_tells_whom_packets_passed_by() -> None:
    assert read(TRACE).path == ("192.168.100.11", "192.168.100.41")


def test_what_only_makes_sense_after_an_answer_is_not_tried_without_one() -> None:
    first = Probe(kind=ProbePurpose.UNDERLAY, router="R1", target=ip_address("192.0.2.1"), source="Gi0/1")
    more = Probe(kind=ProbePurpose.LOSS, router="R1", target=ip_address("192.0.2.1"), source="Gi0/1", only_if=first)
    assert list(carry_out((first, more), lambda asked: [PING.format(".....")] * len(asked))) == [first]
    answers = carry_out((first, more), lambda asked: [PING.format("....!")] * len(asked))
    assert answers == {first: ProbeResult("....!"), more: ProbeResult("....!")}


# Lines of a configuration that the doctor's remedies name: found by what they say, not by how their text begins.

NEAR, FAR = ip_address("10.0.0.1"), ip_address("10.0.0.11")


def router(*lines: str) -> RouterFacts:
    """A router with these lines."""
    return RouterFacts(configuration=lines, tunnels=())


def test_a_server_is_not_taken_for_another_whose_address_begins_alike() -> None:
    """The lines to remove the server 10.0.0.1 removed the server 10.0.0.11, too."""
    lines = (" ip nhrp nhs 10.0.0.1 nbma 192.0.2.1 multicast", " ip nhrp nhs 10.0.0.11 nbma 192.0.2.11 multicast")
    (end,) = tunnel_ends(device(router("interface Tunnel0", *lines)))
    (found,) = lines_about(end, NEAR)
    assert found.text == lines[0].strip()
    assert with_address(found, FAR) == "ip nhrp nhs 10.0.0.11 nbma 192.0.2.1 multicast"


def test_a_mapping_of_ipv6_is_found_and_gets_another_address() -> None:
    """A mapping of IPv6 is of a prefix, so that none was ever found."""
    (end,) = tunnel_ends(device(router("interface Tunnel0", " ipv6 nhrp map 2001:db8::1/128 192.0.2.1")))
    (found,) = lines_about(end, ip_address("2001:db8::1"))
    assert found.text == "ipv6 nhrp map 2001:DB8::1/128 192.0.2.1"
    assert with_address(found, ip_address("2001:db8::2")) == "ipv6 nhrp map 2001:DB8::2/128 192.0.2.1"


def test_a_key_for_another_peer_is_not_taken_for_the_key_of_this_one() -> None:
    """The key for 10.0.0.11 was taken for the key for 10.0.0.1."""
    both = device(
        router("crypto isakmp key <removed> address 10.0.0.11", "crypto isakmp key <removed> address 0.0.0.0")
    )
    assert not is_special(both, NEAR)
    assert is_special(both, FAR)
    assert key_lines(both, FAR, missing=False) == ("crypto isakmp key <secret> address 10.0.0.11",)


def test_the_next_hop_of_a_static_route_with_a_distance_is_not_its_distance() -> None:
    """A gateway behind which a distance was written was no gateway."""
    facts = router("ip route 0.0.0.0 0.0.0.0 192.0.2.254 250", "ip route 10.9.0.0 255.255.0.0 10.0.0.1 5")
    assert device(facts).default_gateways_of("") == [ip_address("192.0.2.254")]
    ((route, line),) = routes_to(facts, ip_network("10.9.0.0/16"))
    assert (route.next_hop, line) == (NEAR, "ip route 10.9.0.0 255.255.0.0 10.0.0.1 5")
    assert static_lines(facts, ip_network("10.9.0.0/24")) == ()


@pytest.mark.parametrize(
    ("lines", "fix"),
    [
        (
            ("ip route 0.0.0.0 0.0.0.0 192.0.2.254 name UPLINK track 7",),
            (
                "no ip route 0.0.0.0 0.0.0.0 192.0.2.254 name UPLINK track 7",
                "ip route 0.0.0.0 0.0.0.0 192.0.2.254 name UPLINK",
            ),
        ),
        (
            [f"ip route 172.16.0.0 {mask} 192.0.2.254 track 1" for mask in ("255.255.255.0", "255.255.0.0")],
            (
                "no ip route 172.16.0.0 255.255.0.0 192.0.2.254 track 1",
                "ip route 172.16.0.0 255.255.0.0 192.0.2.254",
            ),
        ),
    ],
)
def test_a_route_that_follows_a_tracked_object_keeps_all_else_without_it(
    lines: list[str], fix: tuple[str, ...]
) -> None:
    """The line to enter instead had lost what stood behind the object, or was that of another mask."""
    scene = Scene(LabFacts(routers={"R1": router(*lines)}, gateways={}, links=()))
    finding = withdrawn(scene, "R1", ip_address("172.16.9.1"), (), Step.ROUTING)
    assert finding is not None
    assert finding.fix == fix


# The doctor's report for people: what is the same of many tunnels is said once.

ROUTERS = ("HUB", "SPOKE1", "SPOKE2")


def unclamped(router: str, number: int, mss: int = 1360) -> Finding:
    """Advice about a tunnel."""
    return Finding(
        step=Step.GRE,
        cause=Cause.MSS,
        router=router,
        what=f"Tunnel{number} of {router} does not clamp TCP: full segments of hosts (1500 octets) do not fit",
        fix=(f"interface Tunnel{number}", f"ip tcp adjust-mss {mss}"),
        advice=True,
    )


def advice(*findings: Finding, verbose: bool = False) -> list[str]:
    """The lines of the report behind its headline."""
    lines = list(as_text(Diagnosis(view=View.WHOLE, routers=ROUTERS, findings=findings), verbose=verbose))
    return lines[lines.index("advice:") + 1 :]


def test_advice_about_a_hundred_tunnels_of_three_routers_is_one_paragraph() -> None:
    said = advice(*(unclamped(router, number) for router in ROUTERS for number in range(1, 101)))
    assert said == [
        "  Tunnel1 of HUB does not clamp TCP: full segments of hosts (1500 octets) do not fit: "
        "interface Tunnel1 / ip tcp adjust-mss 1360",
        "    likewise: Tunnel2 of HUB, Tunnel3 of HUB, Tunnel4 of HUB, Tunnel5 of HUB and 295 more (-v)",
    ]


def test_with_v_all_tunnels_are_named() -> None:
    _, others = advice(*(unclamped("HUB", number) for number in range(1, 101)), verbose=True)
    assert others.count(" of HUB") == 99
    assert "more" not in others


def test_advice_with_other_values_is_said_apart() -> None:
    said = advice(*(unclamped("HUB", number, 1360 if number < 5 else 1300) for number in range(1, 9)))
    assert [line.split()[-1] for line in said if "adjust-mss" in line] == ["1360", "1300"]
    assert [line for line in said if "likewise" in line][
        1
    ] == "    likewise: Tunnel6 of HUB, Tunnel7 of HUB, Tunnel8 of HUB"


def test_two_of_a_kind_are_two_lines() -> None:
    assert len([line for line in advice(unclamped("HUB", 1), unclamped("SPOKE1", 1)) if "adjust-mss" in line]) == 2


def test_brief_has_the_command_to_type_where_no_line_is_wrong() -> None:
    broken = replace(unclamped("HUB", 1), advice=False, fix=(), order="clear ip bgp 10.0.0.2")
    said = brief(Diagnosis(view=View.WHOLE, routers=ROUTERS, findings=(broken,)))
    assert said.endswith(", at HUB; on HUB: clear ip bgp 10.0.0.2")


# What nobody tried, said in words.


def said(*fix: str, trial: Trial | None = None) -> Finding:
    """The finding as it is printed."""
    one = Finding(step=Step.GRE, cause=Cause.KEY, router="S1", what="it is so", fix=fix, trial=trial)
    return in_words(Diagnosis(view=View.WHOLE, routers=("S1",), findings=(one,)), "none at hand").findings[0]


@pytest.mark.parametrize(
    ("fix", "words"),
    [
        (("interface Tunnel0", "tunnel key 7"), "look at 'tunnel key' under 'interface Tunnel0', of S1"),
        (
            ("interface Tunnel0", "no tunnel destination", "tunnel mode gre multipoint"),
            "look at 'tunnel destination' and 'tunnel mode gre multipoint' under 'interface Tunnel0', of S1",
        ),
        (
            ("no ip route 10.0.0.0 255.0.0.0 10.1.1.1", "ip route 10.0.0.0 255.0.0.0 <next-hop>"),
            "look at 'ip route', of S1",
        ),
    ],
)
def test_lines_that_nobody_tried_become_the_place_to_look_at(fix: tuple[str, ...], words: str) -> None:
    found = said(*fix)
    assert (found.fix, found.order) == ((), words)
    assert found.untried


def test_lines_that_were_tried_stay() -> None:
    found = said("interface Tunnel0", "tunnel key 7", trial=Trial(better=("S1 reaches S2",)))
    assert (found.fix, found.untried) == (("interface Tunnel0", "tunnel key 7"), "")


def test_a_secret_to_fill_in_stays_marked() -> None:
    found = said("interface Tunnel0", "ip nhrp authentication <secret>")
    assert (found.fix[-1], found.untried) == ("ip nhrp authentication <secret>", "")


@pytest.mark.parametrize(
    "badness",
    [
        Badness(delay=20.0, loss=2.5, mtu=1300.0),
        Badness(block=("gre", "udp-500"), sender="R31"),
        Badness(cut=1.0),
        Badness(),
    ],
)
def test_what_is_said_of_a_wire_can_be_read_back(badness: Badness) -> None:
    assert Badness.named(badness.particulars) == (badness if badness.particulars else Badness())


# Which lines the doctor may print: none that let strangers in, turn anything off, or are many.


def finding(*lines: str) -> Finding:
    return Finding(step=Step.ROUTING, cause=Cause.PSK, router="R1", what="it is so", fix=lines)


@pytest.mark.parametrize(
    "lines",
    [
        ("interface Tunnel0", "no tunnel protection"),
        ("interface Tunnel0", "no ip nhrp authentication"),
        ("interface Tunnel0", "no ip authentication mode eigrp 100 md5"),
        ("interface Tunnel0", "no ip ospf authentication"),
        ("router eigrp A", "af-interface Tunnel0", "no authentication mode"),
        ("router bgp 65000", "no neighbor 10.0.0.1 password"),
        ("no crypto isakmp key SECRET address 0.0.0.0",),
        ("key chain K", "no key 2"),
        ("interface GigabitEthernet0/1", "no ip access-group 101 in"),
        ("line vty 0 4", "no access-class GUARD in"),
        ("interface GigabitEthernet0/1", "no ip verify unicast source reachable-via rx"),
        ("interface Tunnel0", "no ip nhrp bind identity"),
        ("router bgp 65000", "no neighbor 10.0.0.1 ttl-security hops 2"),
        ("interface GigabitEthernet0/1", "shutdown"),
        ("interface Tunnel0", *(f"ip nhrp map 10.0.0.{n} 192.0.2.{n}" for n in range(6))),
    ],
)
def test_lines_that_open_doors_turn_off_or_are_many_are_words_instead(lines: tuple[str, ...]) -> None:
    found = permitted(finding(*lines))
    assert found.fix == ()
    assert found.order


@pytest.mark.parametrize(
    "lines",
    [
        ("interface Tunnel0", "no shutdown"),
        ("interface Tunnel0", "no tunnel key"),
        ("ip access-list standard ROUTES", "no 10 deny 10.1.1.0 0.0.0.255"),
        ("no ip prefix-list P seq 5 deny 10.1.1.0/24",),
        ("interface Tunnel0", "tunnel protection ipsec profile P"),
        ("router bgp 65000", "no neighbor 10.0.0.1 shutdown"),
        ("key chain K", "no key 2", "key 1", "key-string <secret>"),
        ("interface Tunnel0", *(f"ip nhrp map 10.0.0.{n} 192.0.2.{n}" for n in range(5))),
    ],
)
def test_other_lines_stay(lines: tuple[str, ...]) -> None:
    assert permitted(finding(*lines)).fix == lines


# The trial of the doctor's lines is a value: what the user is to read comes back, and nothing is printed.

SICK = Finding(step=Step.GRE, cause=Cause.KEY, router="R31", what="its key is another one", fix=("tunnel key 1",))
#: A router that signs, and whose private keys are not at hand.
SIGNS = "crypto pki trustpoint CA\ncrypto isakmp policy 1\n authentication rsa-sig\n"


@pytest.mark.parametrize(
    ("findings", "note"), [((SICK,), "nothing was tried: the keys of certificates are not at hand"), ((), "")]
)
def test_without_the_keys_of_certificates_the_diagnosis_stays_and_a_note_says_why(
    findings: tuple[Finding, ...], note: str, capsys: pytest.CaptureFixture[str]
) -> None:
    network = Scenario.load("notes-phase3")
    network.configurations["R31"] += SIGNS
    network.certificates.clear()
    diagnosis = Diagnosis(view=View.WHOLE, routers=("R31",), findings=findings)
    tried = copied.tried(diagnosis, network, LabFacts(routers={}, gateways={}, links=()), print)
    assert tried == copied.Tried(diagnosis, note)
    assert capsys.readouterr() == ("", "")


@pytest.mark.lengthy
def test_a_trustpoint_that_nobody_signs_with_does_not_keep_lines_from_being_tried() -> None:
    """IOS XE has trustpoints of its own (TP-self-signed, SLA-TrustPoint): of no network with one a line was tried."""
    network = Scenario.load("notes-phase3")
    network.configurations["R31"] += "crypto pki trustpoint TP-self-signed-1\n"
    broken = {**network.configurations, "R31": network.configurations["R31"].replace("key 100", "key 7")}
    copy = CopiedLab(Scenario(network.name, network.lab, broken))
    settle(copy)
    said = visit(copy)
    assert copied.tried(said, copy.scenario(), copy.facts(), lambda _: None).diagnosis.findings[0].trial is not None


def test_without_lines_that_work_nothing_is_written_and_a_note_says_so(tmp_path: Path) -> None:
    said = copied.write(Diagnosis(view=View.WHOLE, routers=("R31",)), None, tmp_path / "review", force=False)
    assert said == "no lines were tried that work, so nothing was written"
    assert not [*tmp_path.iterdir()]


# What the doctor sends: bounded, and slow paths get time.

SILENT, WELL = ".....", "!!!!!"


def probes(count: int, repeat: int = 5) -> list[Probe]:
    return [
        Probe(kind=ProbePurpose.UNDERLAY, router="R1", target=IPv4Address(number), source="Gi0/1", repeat=repeat)
        for number in range(1, count + 1)
    ]


class Prompt:
    """Answers everything alike, and counts. slow: only pings with a longer timeout are answered."""

    def __init__(self, *, slow: bool = False) -> None:
        self.slow = slow
        self.lines: list[str] = []

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        self.lines += [line for _, line in questions]
        return [SILENT if self.slow and "timeout 1" in line else WELL for _, line in questions]


def test_no_visit_sends_more_than_its_commands_and_requests() -> None:
    prompt = Prompt()
    carry_out(probes(200), prompt.ask)
    assert len(prompt.lines) == MOST_COMMANDS
    prompt = Prompt()
    carry_out(probes(50, repeat=300), prompt.ask)
    assert sum(int(line.split("repeat ")[1].split()[0]) for line in prompt.lines) <= MOST_ECHOES


def test_a_way_whose_answers_take_seconds_is_asked_again_with_patience_and_is_well() -> None:
    prompt = Prompt(slow=True)
    (outcome,) = carry_out(probes(1), prompt.ask).values()
    assert outcome.passed
    assert len(prompt.lines) == 2


# Changes that are tried in copies of a network: what people see of them.

INTERFACE = ("interface Tunnel0",)


@pytest.mark.parametrize(
    "text",
    [
        "ip nhrp authentication HIDDEN",
        "ip ospf message-digest-key 1 md5 HIDDEN",
        "ip ospf authentication-key 7 HIDDEN",
        "neighbor 192.0.2.1 password HIDDEN",
        "key-string HIDDEN",
        "pre-shared-key remote HIDDEN",
        "crypto isakmp key HIDDEN address 0.0.0.0",
        "username admin privilege 15 secret 5 HIDDEN",
        "enable secret HIDDEN",
        "snmp-server community HIDDEN RO",
    ],
)
def test_nobody_who_waits_for_a_search_sees_a_secret(text: str) -> None:
    """The progress of `dmvpn doctor` printed the keys of the lines that it tried."""
    line = ChangedLine(INTERFACE, text)
    changes = (
        RouterChange("R1", gone=(line,)),
        RouterChange("R1", new=(line,)),
        RouterChange("R1", new=(ChangedLine((), f"no {text}"),)),
    )
    assert not any("HIDDEN" in change.summary for change in changes)
    assert "HIDDEN" not in line.bare


def test_a_change_is_said_with_its_router_section_and_line() -> None:
    gone = RouterChange("R1", gone=(ChangedLine(INTERFACE, "tunnel key 7"),))
    assert gone.summary == "R1: interface Tunnel0 / no tunnel key 7"
    assert RouterChange("R1", new=(ChangedLine((), "ip routing"),)).summary == "R1: ip routing"
