"""The judge: networks that bear what happens to them pass, broken ones do not, and every fault list that once hurt."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.addresses import Prefix
from dmvpn.dataplane.simulated.gre import TunnelBox
from dmvpn.features.nhrp.cache import Entry, EntryType
from dmvpn.features.nhrp.client import NhsClient
from dmvpn.features.nhrp.forwarding import Forwarding, OfferedRoutes
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.path import DirectPath, PathOutput, PathState
from dmvpn.features.nhrp.peers import Peers
from dmvpn.features.nhrp.purge import Purger
from dmvpn.judge import faults
from dmvpn.judge.campaign import IN_CLEAR, Plan, RunVerdict, run
from dmvpn.judge.campaigns import load, shrink
from dmvpn.judge.injector import Injector
from dmvpn.judge.variants import vary
from dmvpn.net import ip
from dmvpn.shells.lab_model import HostSpec
from dmvpn.shells.scenario import Scenario
from support.cases import one_in

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import TunnelSpec
    from dmvpn.dataplane.simulated.forwarding import NbmaPeer, Outer
    from dmvpn.features.nhrp.packet import PurgeRequest
    from dmvpn.features.nhrp.tunnel import Tunnel
    from dmvpn.judge.faults import Fault

KEPT = sorted((Path(__file__).parent / "faults").glob("*.json"))
#: What cures each of them, and what is put into its place to have the sickness back. A list that has no line here once
#: broke a network, and would not break it today without that cure.
CURES: dict[str, tuple[str, object]] = {
    "forgotten-while-direct": ("features.nhrp.registration.is_overlooked", lambda *_: False),
    "kept-while-tried-again": (
        "features.nhrp.peers._was_kept_for_want_of_another",
        lambda _, path: path.state is PathState.LOST,
    ),
    "redirected-to-an-idle-path": ("features.nhrp.path.FRESH", 1e9),
    "goodbye-sent-to-the-wrong-hub": ("features.eigrp.output.Farewells.to_one", lambda *_: None),
    "goodbye-sent-to-the-wrong-hub-in-esp": ("features.eigrp.output.Farewells.to_one", lambda *_: None),
    "tunnel-taken-down-without-a-word": ("features.eigrp.output.Greetings.say_goodbye", lambda *_: None),
    "away-while-another-hub-carried-everything": ("judge.judge.Judge._unanswered_since", lambda *_: 1e9),
    "drawn-to-the-hub-that-stands-in": ("features.nhrp.resolver._is_in_doubt", lambda *_: False),
    "heard-and-not-known": ("features.nhrp.registration.Registration.neighbor_silent", lambda *_: None),
}
#: The rules that they broke, where that is another one than `black hole`.
RULES = {"drawn-to-the-hub-that-stands-in": "direct path"}


def judged(*happens: Fault, variants: tuple[str, ...] = (), seconds: float = 60.0) -> RunVerdict:
    """notes-phase3 under these faults."""
    return run(Plan(scenario=vary(Scenario.load("notes-phase3"), variants), seed=1, seconds=seconds, faults=happens))


def rules(verdict: RunVerdict) -> set[str]:
    """The rules that were broken."""
    return {violation.rule for violation in verdict.violations}


# ------------------------------------------------------------------------------------------- what happened once


@pytest.mark.parametrize("path", one_in(3, KEPT), ids=lambda path: path.stem)
def test_what_once_broke_a_network_breaks_it_no_more(path: Path) -> None:
    order = load(path)
    assert order.why
    verdict = run(order.plan())
    assert verdict.violations == ()


@pytest.mark.slow
@pytest.mark.parametrize("path", [one for one in KEPT if one.stem in CURES], ids=lambda path: path.stem)
def test_what_is_kept_still_breaks_a_network_without_its_cure(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it proves nothing: schedules of traffic and timers change, and a list may miss what it was kept for.

    This is about the lists, not about the router, so `make test-all` is early enough.
    """
    place, sickness = CURES[path.stem]
    monkeypatch.setattr(f"dmvpn.{place}", sickness)
    assert rules(run(load(path).plan())) == {RULES.get(path.stem, "black hole")}


# ------------------------------------------------------------------------------------------- good networks


def test_a_network_without_faults_loses_nothing() -> None:
    verdict = judged()
    assert verdict.ok
    assert verdict.sent > 50
    assert verdict.lost == 0
    assert verdict.demanded == verdict.sent


def test_what_is_excused_does_not_count_as_judged() -> None:
    quiet = judged(faults.ClockStep(at=20.0, router="R31", step=60.0))
    assert quiet.demanded == quiet.sent
    lossy = judged(faults.Impair(at=20.0, seconds=20.0, router="R31", loss=0.1))
    assert 0 < lossy.demanded < lossy.sent - 50


@pytest.mark.parametrize("name", ["ipv6-only", "ipv6-phase3"])
def test_direct_paths_that_stay_in_use_are_no_leftovers_in_a_network_of_ipv6(name: str) -> None:
    """The judge knew sites by addresses of IPv4 alone: what was in use for a holding time was called stale."""
    whole = Scenario.load(name)
    network = " ipv6 nhrp network-id 100\n"
    texts = {
        at: text.replace(network, f" ipv6 nhrp holdtime 90\n{network}") for at, text in whole.configurations.items()
    }
    verdict = run(Plan(scenario=Scenario(name, whole.lab, texts), seed=1, seconds=3600.0))
    assert verdict.violations == ()
    assert "malformed" in [fault.KIND for fault in verdict.faults]


def test_malformed_packets_are_made_in_networks_of_ipv6_too() -> None:
    storm = faults.Malformed(at=20.0, router="R31", pretended="R11", count=64)
    plan = Plan(scenario=Scenario.load("ipv6-phase3"), seed=1, seconds=60.0, faults=(storm,))
    assert run(plan).violations == ()


@pytest.mark.parametrize(
    "fault",
    [
        faults.Kill(at=20.0, seconds=8.0, router="R11"),
        faults.Restart(at=20.0, seconds=8.0, router="R31"),
        faults.LinkDown(at=20.0, seconds=5.0, router="R31"),
        faults.Cut(at=20.0, seconds=30.0, router="R11"),
        faults.Partition(at=20.0, seconds=30.0, one="R31", other="R41"),
        faults.Partition(at=20.0, seconds=30.0, one="R31", other="R41", one_way=True),
        faults.Impair(at=20.0, seconds=20.0, router="R31", loss=0.3),
        faults.Impair(at=20.0, seconds=20.0, router="R31", duplicate=0.3, jitter=0.05),
        faults.ClockStep(at=20.0, router="R31", step=-86400.0),
        faults.Clear(at=20.0, router="R11", what="session"),
        faults.Purges(at=20.0, router="R31", pretended="R11", count=100),
        faults.Malformed(at=20.0, router="R11", pretended="R31", count=100),
    ],
    ids=lambda fault: fault.KIND,
)
def test_phase_3_bears_each_kind_of_fault_within_its_bound(fault: Fault) -> None:
    assert judged(fault).violations == ()


def test_a_spoke_with_a_new_address_is_back_at_once_if_its_registration_is_not_unique() -> None:
    assert judged(faults.Renumber(at=20.0, router="R31", network=1), variants=("no-unique",)).violations == ()


def test_a_translator_that_forgets_its_flows_is_borne() -> None:
    scenario = vary(Scenario.load("spoke-behind-nat"), ("no-unique",))
    behind = next(name for name in scenario.configurations if any("NAT" in link.ends[1] for link in scenario.lab.links))
    happens = (faults.Rebind(at=20.0, router=behind),)
    assert run(Plan(scenario=scenario, seed=1, seconds=60.0, faults=happens)).violations == ()


# ------------------------------------------------------------------------------------------- broken networks


def test_the_judge_sees_a_direct_path_that_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(_path: DirectPath, _now: float) -> list[PathOutput]:
        return []

    monkeypatch.setattr(DirectPath, "check", blind)
    verdict = judged(faults.Partition(at=20.0, seconds=30.0, one="R31", other="R41"))
    assert rules(verdict) == {"black hole"}


def test_the_judge_sees_a_direct_path_that_is_used_before_it_has_proved_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each new try costs packets, in a partition that is long."""

    def start(path: DirectPath, now: float) -> list[PathOutput]:
        return [] if path.usable else [*real(path, now), *path.answered(path.sequence, now)]

    real = DirectPath.start
    monkeypatch.setattr(DirectPath, "start", start)
    monkeypatch.setattr("dmvpn.features.nhrp.path.ANSWERS_AFTER_LOSS", 1)
    verdict = judged(faults.Partition(at=20.0, seconds=100.0, one="R31", other="R41"), seconds=130.0)
    assert rules(verdict) == {"black hole"}


def test_the_judge_sees_spokes_that_give_up_their_direct_path_when_the_hub_dies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def give_up(peers: Peers, tunnel: Tunnel) -> None:
        for path in [path for path in tunnel.paths.values() if path.usable]:
            peers._leave(tunnel, path)

    monkeypatch.setattr(Peers, "server_changed", give_up)
    monkeypatch.setattr(Peers, "_has_other_way", lambda *_: True)
    verdict = judged(faults.Kill(at=20.0, seconds=60.0, router="R11"), variants=("static",), seconds=90.0)
    assert rules(verdict) == {"direct path"}


def test_the_judge_sees_a_shortcut_that_outlives_its_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OfferedRoutes, "withdraw", lambda *_: None)
    verdict = judged(faults.Kill(at=20.0, seconds=350.0, router="R41"), variants=("short",), seconds=380.0)
    assert rules(verdict) == {"stale shortcut"}


def test_the_judge_sees_a_server_that_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NhsClient, "silence", lambda *_: [])
    verdict = judged(faults.Clear(at=20.0, router="R11", what="session"), variants=("static",))
    assert rules(verdict) == {"black hole"}


def test_the_judge_sees_an_adjacency_that_outlives_its_neighbor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Forwarding, "clear", lambda *_: None)
    verdict = judged(faults.Kill(at=20.0, seconds=250.0, router="R41"), variants=("short",), seconds=280.0)
    assert rules(verdict) == {"stale adjacency"}


def test_the_judge_sees_an_entry_that_outlives_its_holding_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Instance, "time_entry", lambda *_: None)
    verdict = judged(faults.Kill(at=20.0, seconds=250.0, router="R41"), variants=("short",), seconds=280.0)
    assert rules(verdict) == {"stale entry"}


def test_the_judge_sees_a_router_that_does_not_care_for_purges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Purger, "request", lambda *_: None)
    verdict = judged(faults.Restart(at=20.0, seconds=20.0, router="R41"))
    assert rules(verdict) == {"purged entry"}


def test_the_judge_sees_a_cache_that_grows_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    def note(purger: Purger, tunnel: Tunnel, packet: PurgeRequest, _source: IPAddress) -> None:
        for cie in packet.cies:
            if cie.protocol is not None and tunnel.cache.host(cie.protocol) is None:
                target = Prefix.host(cie.protocol)
                negative = Entry(
                    target=target, next_hop=cie.protocol, nbma=None, type=EntryType.INCOMPLETE, created=0.0
                )
                purger._instance.add_entry(tunnel, negative)

    monkeypatch.setattr(Purger, "request", note)
    verdict = judged(faults.Purges(at=20.0, router="R31", pretended="R11", count=2000))
    assert rules(verdict) == {"bounds"}


def test_the_judge_sees_a_router_that_takes_nothing_from_the_ttl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ip, "one_hop_on", bytes)
    assert rules(judged()) == {"ttl"}


@pytest.mark.parametrize("happens", [(), (faults.Impair(at=0.0, seconds=19.0, router="R41", duplicate=0.3),)])
def test_the_judge_sees_two_routers_that_send_packets_to_each_other(happens: tuple[Fault, ...]) -> None:
    scenario = Scenario.load("notes-phase1")
    texts = dict(scenario.configurations)
    texts["R11"] = texts["R11"].replace("\nend\n", "\nip route 10.9.9.0 255.255.255.0 192.168.100.31\n!\nend\n")
    texts["R31"] = texts["R31"].replace("\nend\n", "\nip route 10.9.9.0 255.255.255.0 192.168.100.11\n!\nend\n")
    moved = HostSpec(link=scenario.lab.hosts["H4"].link, address="10.9.9.100/24")
    lab = scenario.lab.model_copy(update={"hosts": {**scenario.lab.hosts, "H4": moved}})
    verdict = run(Plan(scenario=Scenario("looping", lab, texts), seed=1, seconds=20.0, faults=happens))
    assert "loop" in rules(verdict)


def test_the_judge_sees_an_entry_that_no_message_explains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the messages are hidden from the judge; an entry out of thin air looks the same."""
    monkeypatch.setattr("dmvpn.judge.judge.Tables._take", lambda *_: None)
    assert rules(judged()) == {"unexplained entry"}


def test_the_judge_names_the_event_that_a_router_did_not_survive(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object) -> None:
        raise KeyError("stumbled")

    monkeypatch.setattr(Purger, "request", stumble)
    verdict = judged(faults.Purges(at=20.0, router="R31", pretended="R11", count=2))
    assert rules(verdict) == {"crash"}
    assert "stumbled" in verdict.violations[0].text


def test_a_network_that_does_not_become_whole_again_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wire stays cut when the judge believes it fixed."""
    monkeypatch.setattr(Injector, "end", lambda *_: None)
    verdict = judged(faults.Cut(at=5.0, seconds=20.0, router="R31"), seconds=26.0)
    assert rules(verdict) == {"convergence"}


def test_shrinking_leaves_only_the_fault_that_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DirectPath, "check", lambda *_: [])
    guilty = faults.Partition(at=300.0, seconds=30.0, one="R31", other="R41")
    innocent = [faults.ClockStep(at=10.0 * number, router="R11", step=60.0) for number in range(1, 9)]
    plan = Plan(scenario=Scenario.load("notes-phase3"), seed=1, seconds=340.0, faults=(*innocent, guilty))
    found = shrink(plan, run(plan))
    assert found.plan.faults is not None
    assert [fault.KIND for fault in found.plan.faults] == ["partition"]
    assert found.plan.faults[0].at < 30.0
    assert not run(found.plan).ok


def test_what_goes_wrong_before_the_first_fault_is_shrunk_to_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dmvpn.judge.judge.Tables._take", lambda *_: None)
    late = faults.Partition(at=300.0, seconds=30.0, one="R31", other="R41")
    plan = Plan(scenario=Scenario.load("notes-phase3"), seed=1, seconds=340.0, faults=(late,))
    found = shrink(plan, run(plan))
    assert found.plan.faults == ()
    assert not found.verdict.ok


@pytest.mark.parametrize(
    "line", ["interface GigabitEthernet0/2\n ip access-group L {}", "interface Tunnel100\n ip access-group L {}"]
)
@pytest.mark.parametrize("direction", ["in", "out"])
def test_the_judge_demands_no_packet_that_a_list_of_the_network_denies(line: str, direction: str) -> None:
    scenario = Scenario.load("notes-phase3")
    entries = "ip access-list extended L\n deny udp any eq echo any\n permit ip any any\n"
    text = scenario.configurations["R41"].removesuffix("end\n")
    scenario.configurations["R41"] = f"{text}{line.format(direction)}\n{entries}"
    verdict = run(Plan(scenario=scenario, seed=1, seconds=30.0, faults=()))
    assert verdict.ok
    assert verdict.sent, "others talk"


# ------------------------------------------------------------------------------------------- the command


def test_the_same_seed_gives_the_same_hash_whatever_python_does_with_its_sets() -> None:
    command = [sys.executable, "-m", "dmvpn", "simulate", "notes-phase3", "--faults", "random", "--hours", "0.1"]
    lines = []
    for hash_seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run([*command, "--seed", "3"], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        lines.append(done.stdout.splitlines()[-1])
    assert ": ok, hash " in lines[0]
    assert lines[0] == lines[1]


def test_a_kept_list_is_given_back_to_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = tmp_path / "faults.json"
    listed.write_text('{"scenario": "notes-phase3", "seed": 1, "seconds": 20, "faults": []}')
    assert main(["simulate", "notes-phase3", "--faults", str(listed)]) == 0
    assert ": ok, hash " in capsys.readouterr().out.splitlines()[-1]
    assert main(["simulate", "notes-phase1", "--faults", str(listed)]) == 1
    assert "is about notes-phase3" in capsys.readouterr().err


def test_a_failure_ends_in_the_shortest_list_and_a_line_that_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dmvpn.judge.judge.Tables._take", lambda *_: None)
    assert main(["simulate", "notes-phase3", "--faults", "random", "--hours", "0.05"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any('"faults": [' in line for line in lines)
    assert "FAILED (unexplained entry), hash " in lines[-1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_short_campaign_over_all_networks_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """`make test` runs each network with faults for its hash, and a router-hour for its page of the documentation."""
    assert main(["simulate", "--campaign", "5", "--hours", "0.1", "--seed", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "seeds 1 to" in lines[0]
    assert lines[-1].startswith("campaign: ")
    assert lines[-1].endswith(": ok")


# The judge on protected networks: what they bear, and that nothing excuses a packet in clear.


def judged_protected(*happens: Fault, seconds: float = 60.0, variant: str = "protected") -> RunVerdict:
    """notes-phase3 with IPsec under these faults."""
    scenario = vary(Scenario.load("notes-phase3"), (variant,))
    return run(Plan(scenario=scenario, seed=1, seconds=seconds, faults=happens))


VERSIONS = ("protected", "protected-v1")


@pytest.mark.parametrize("variant", VERSIONS)
def test_what_esp_carries_is_judged_like_what_gre_carries(variant: str) -> None:
    verdict = judged_protected(variant=variant)
    assert verdict.ok
    assert verdict.sent > 50
    assert verdict.lost == 0
    assert verdict.demanded == verdict.sent


@pytest.mark.parametrize("variant", VERSIONS)
@pytest.mark.parametrize(
    "fault",
    [
        faults.Kill(at=20.0, seconds=8.0, router="R11"),
        faults.Kill(at=20.0, seconds=2.0, router="R31"),
        faults.Cut(at=20.0, seconds=30.0, router="R11"),
        faults.Partition(at=20.0, seconds=30.0, one="R31", other="R41"),
        faults.Impair(at=20.0, seconds=20.0, router="R31", loss=0.3),
        faults.Impair(at=20.0, seconds=20.0, router="R31", duplicate=0.3, jitter=0.05),
        faults.Clear(at=20.0, router="R11", what="crypto"),
        faults.Clear(at=20.0, router="R31", what="crypto"),
        faults.Malformed(at=20.0, router="R11", pretended="R31", count=100),
    ],
    ids=lambda fault: f"{fault.KIND}-{fault.places[0]}",
)
def test_a_protected_network_bears_each_kind_of_fault_within_its_bound(fault: Fault, variant: str) -> None:
    assert judged_protected(fault, variant=variant).violations == ()


def test_a_translator_that_forgets_its_flows_while_the_hub_is_away_touches_all_who_are_behind_it() -> None:
    """Those of its other spoke are lost with them, though its direct path should not notice that the hub is away."""
    scenario = vary(Scenario.load("ipsec-two-spokes-one-nat"), ("static",))
    happens = (
        faults.LinkDown(at=60.0, seconds=100.0, router="R11"),
        faults.Rebind(at=96.064, router="R31"),
    )
    assert run(Plan(scenario=scenario, seed=77057, seconds=200.0, faults=happens)).violations == ()


def test_the_judge_sees_a_plane_that_sends_in_clear_what_it_has_no_sa_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first packet of the first second."""

    def outer(
        box: TunnelBox, spec: TunnelSpec, receiver: NbmaPeer, message: bytes, tos: int, *, df: bool = False
    ) -> Outer | None:
        in_clear = right(box, replace(spec, protected=False), receiver, message, tos, df=df)
        return right(box, spec, receiver, message, tos, df=df) or in_clear

    right = TunnelBox.outer
    monkeypatch.setattr(TunnelBox, "outer", outer)
    verdict = judged_protected(faults.Clear(at=20.0, router="R31", what="crypto"))
    assert {violation.rule for violation in verdict.violations} == {IN_CLEAR}
