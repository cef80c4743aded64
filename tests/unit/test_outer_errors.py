"""Wrong usage of the outer commands: one clear line and an exit code, never a traceback."""

from __future__ import annotations

import signal
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NoReturn

import pytest

from dmvpn.app.main import main
from dmvpn.app.run import HangUp
from dmvpn.base.errors import UserError
from dmvpn.base.facts import NeighborFacts, PeerFacts, ReasonFacts, reason_facts
from dmvpn.dataplane.host import HostProblem
from dmvpn.features.nhrp.facts import ServerFacts
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.shells.lab import namespaces
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.checking import Level, Wanted, judge
from support.texts import because

if TYPE_CHECKING:
    from pathlib import Path

ROUTER = "hostname R1\n!\ninterface GigabitEthernet0/1\n ip address 192.0.2.1 255.255.255.0\n!\nend\n"
RECORDED = '{"router":"R1","t":0,"event":"ClockSet","fields":FIELDS}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scenario of one router, and no labs."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "dmvpn").mkdir(mode=0o700)
    scenario = tmp_path / "net"
    scenario.mkdir()
    (scenario / "R1.cfg").write_text(ROUTER)
    return scenario


def _complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("dmvpn: ")
    assert len(complaint.splitlines()) == 1
    return complaint


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("up", "notes-phase3"), "dmvpn lab up notes-phase3"),
        (("show", "dmvpn"), "dmvpn -r ROUTER show dmvpn"),
        (("lnt", "hub.cfg"), "dmvpn lint hub.cfg"),
    ],
)
def test_a_command_that_does_not_exist_is_answered_with_the_one_that_was_meant(
    words: tuple[str, ...], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert f"no command {words[0]!r}: did you mean '{meant}'?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("config", "check"), ("replay",), ("run",)])
def test_a_file_that_cannot_be_read_is_named(
    words: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nosuch" in _complaint(capsys, *words, str(folder / "nosuch"))
    assert str(folder) in _complaint(capsys, *words, str(folder))


def test_a_run_that_cannot_begin_leaves_hanging_up_as_it_was(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was started afterwards ignored the end of its terminal, too."""
    monkeypatch.setattr("dmvpn.app.run.hang_up", lambda: HangUp.RELOAD)
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        _complaint(capsys, "run", str(folder / "nosuch"))
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_place_where_no_recording_can_be_written_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nosuch/x" in _complaint(capsys, "simulate", str(folder), "--record", str(folder / "nosuch" / "x"))


@pytest.mark.parametrize(
    "octets",
    [
        b"\xd0\xff\x00\n",
        b"7\n",
        b"null\n",
        b"[" * 100_000 + b"\n",
        RECORDED.replace("FIELDS", "[]").encode(),
        RECORDED.replace("FIELDS", '{"offset":{}}').encode(),
        RECORDED.replace("FIELDS", '{"offset":{"$enum":"Key.__class__"}}').encode(),
        RECORDED.replace("FIELDS", '{"offset":{"$os":{}}}').encode(),
    ],
)
def test_what_is_no_recording_is_not_replayed(octets: bytes, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "life.jsonl").write_bytes(octets)
    assert "not a line of a recording" in _complaint(capsys, "replay", str(folder / "life.jsonl"))


@pytest.mark.parametrize("amount", ["nan", "inf", "-5", "soon"])
def test_an_amount_that_is_none_is_refused(amount: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["simulate", str(folder), f"--seconds={amount}"])
    assert refused.value.code == 2
    assert "--seconds" in capsys.readouterr().err


def test_no_spokes_are_not_the_usual_number_of_spokes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--spokes 0" in _complaint(capsys, "simulate", "phase3", "--spokes", "0")


@pytest.mark.parametrize("option", ["--spokes=7", "--record=life.jsonl"])
def test_a_run_with_faults_does_not_pass_over_an_option_in_silence(
    option: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _complaint(capsys, "simulate", "notes-phase3", "--faults", "random", option)
    assert "--spokes and --record go with a run without faults" in said


def test_a_misspelled_scenario_is_recognized(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean notes-phase3" in _complaint(capsys, "lab", "up", "notes-fase3")
    assert "'dmvpn lab list'" in _complaint(capsys, "simulate", "something-else")


def test_who_may_not_make_namespaces_is_told_what_helps_and_what_works_without(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object, **__: object) -> NoReturn:
        raise HostProblem("making namespaces: not permitted", fix="ask the owner")

    monkeypatch.setattr(namespaces, "start", refused)
    complaint = _complaint(capsys, "lab", "up", str(folder))
    assert "ask the owner" in complaint
    assert f"dmvpn lab up {folder} --simulated" in complaint
    assert not list((folder.parent / "dmvpn" / "labs").iterdir()), "the lab's folder is gone again"


def test_hours_of_faults_are_not_ignored_where_there_are_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--faults" in _complaint(capsys, "simulate", str(folder), "--hours", "1")


def test_a_variant_that_is_simulated_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "notes-phase3", "--variant", "protected"]) == 0
    assert capsys.readouterr().out.startswith("notes-phase3+protected: ")


def test_who_gives_no_command_is_shown_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "dmvpn lab up notes-phase3" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["supervisor", "0R", "a b", "x" * 32])
def test_a_router_with_an_impossible_name_is_refused(name: str, folder: Path) -> None:
    (folder / f"{name}.cfg").write_text(ROUTER)
    (folder / "lab.yaml").write_text("{}")  # without it a router is called what its `hostname` says
    with pytest.raises(UserError, match="cannot have this name"):
        Scenario.load(str(folder))


@pytest.mark.parametrize(
    ("yaml", "complaint"),
    [
        ("hosts: {R1: {link: 'R1:Gi0/1', address: 192.0.2.9/24}}", "a router and a host"),
        ("hosts: {H1: {link: 'R9:Gi0/1', address: 192.0.2.9/24}}", "names no router interface"),
        ("hosts: {H1: {link: R1, address: 192.0.2.9/24}}", "names no router interface"),
        ("hosts: {H1: {link: 'R1:Gi0/1', address: 192.0.2.999/24}}", "hosts|host H1"),
        ("links: [{ends: ['R1:Gi0/1', 'R9:Gi0/1']}]", "names no router interface"),
        ("links: [{ends: ['R1:Gi0/1', 'R1:Gi0/1']}]", "is on two links"),
        ("links: {", "lab.yaml"),
        ("title: \udcff", "not text"),
    ],
)
def test_a_lab_file_that_fits_nothing_is_refused(yaml: str, complaint: str, folder: Path) -> None:
    (folder / "lab.yaml").write_bytes(yaml.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=complaint):
        Scenario.load(str(folder))


def test_a_configuration_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "R1.cfg").write_bytes(b"hostname R1\0\xff")
    with pytest.raises(UserError, match="not text"):
        Scenario.load(str(folder))


# What `dmvpn check` says of a router, and how it ends.

_HUB = IPv4Address("10.0.0.1")
_SECOND = IPv4Address("10.0.0.2")
_NBMA = IPv4Address("192.0.2.1")


def said(words: str) -> ReasonFacts:
    return reason_facts(because(words) if words else None)


def server(address: IPv4Address = _HUB, *, responding: bool, reason: str = "") -> ServerFacts:
    return ServerFacts(
        address=address, nbma=_NBMA, wanted=True, responding=responding, refused=False, reason=said(reason)
    )


def tunnel(*servers: ServerFacts, up: bool = True, enabled: bool = True, **more: object) -> TunnelFacts:
    return TunnelFacts.model_validate(
        {
            **{"name": "Tunnel0", "up": up, "enabled": enabled, "addresses": (), "source": None, "nhrp": True},
            **{"source_interface": "GigabitEthernet0/1", "destination": None, "key": None, "servers": servers},
            **more,
        }
    )


def neighbor(*, up: bool) -> NeighborFacts:
    return NeighborFacts(protocol="eigrp 1", interface="Tunnel0", address=_HUB, up=up, age=1.0, reason=said("no reply"))


@pytest.mark.parametrize(
    ("facts", "level", "said"),
    [
        (RouterFacts(tunnels=(tunnel(server(responding=True)),)), Level.OK, "OK - R1: tunnels up 1, registered 1,"),
        (
            RouterFacts(tunnels=(tunnel(server(responding=False, reason="no answer for 30 s")),)),
            Level.CRITICAL,
            "CRITICAL - R1: Tunnel0 is not registered with 10.0.0.1: no answer for 30 s |",
        ),
        (
            RouterFacts(tunnels=(tunnel(server(responding=True), server(_SECOND, responding=False)),)),
            Level.WARNING,
            "WARNING - R1: Tunnel0 is not registered with 10.0.0.2 |",
        ),
        (
            RouterFacts(tunnels=(tunnel(up=False, reason=said("no source")),)),
            Level.CRITICAL,
            "Tunnel0 is down: no source",
        ),
        (RouterFacts(tunnels=(tunnel(up=False, enabled=False),)), Level.OK, "tunnels up 0"),
        (RouterFacts(tunnels=(tunnel(up=False, source_interface=""),)), Level.OK, "tunnels up 0"),
        (
            RouterFacts(tunnels=(tunnel(unsecured=(PeerFacts(nbma=_NBMA, reason=said("no proposal chosen")),)),)),
            Level.WARNING,
            "Tunnel0 has no SAs with 192.0.2.1: no proposal chosen",
        ),
        (RouterFacts(tunnels=(tunnel(by_server=(_SECOND,)),)), Level.WARNING, "packets for 10.0.0.2 go by a server"),
        (
            RouterFacts(tunnels=(), neighbors=(neighbor(up=False),)),
            Level.WARNING,
            "eigrp 1 neighbor 10.0.0.1 on Tunnel0 is not up: no reply",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_reason(facts: RouterFacts, level: Level, said: str) -> None:
    verdict = judge("R1", facts, Wanted())
    assert verdict.level is level
    assert said in verdict.lines()[0]


def test_the_worst_comes_first_and_the_rest_has_lines_of_its_own() -> None:
    facts = RouterFacts(tunnels=(tunnel(up=False),), neighbors=(neighbor(up=False),))
    first, second = judge("R1", facts, Wanted()).lines()
    assert first.startswith("DMVPN CRITICAL - R1: Tunnel0 is down | tunnels_up=0 registered=0 ")
    assert second == "eigrp 1 neighbor 10.0.0.1 on Tunnel0 is not up: no reply"


def test_a_bar_in_a_reason_is_not_taken_for_the_beginning_of_the_counts() -> None:
    facts = RouterFacts(tunnels=(tunnel(up=False, reason=said("no|source")),))
    assert judge("R1", facts, Wanted()).lines()[0].startswith("DMVPN CRITICAL - R1: Tunnel0 is down: no/source | tunn")


def test_fewer_than_were_asked_for_is_critical() -> None:
    facts = RouterFacts(tunnels=(tunnel(),), neighbors=(neighbor(up=True),))
    assert judge("R1", facts, Wanted(neighbors=1)).level is Level.OK
    texts = [concern.text for concern in judge("R1", facts, Wanted(clients=3, neighbors=2)).concerns]
    assert texts == ["1 neighbors of routing protocols instead of 2", "0 registered clients instead of 3"]


@pytest.mark.parametrize("words", [["R1", "--clients", "many"], ["no-lab/R1"], ["R1", "--color"], []])
def test_what_cannot_be_asked_is_unknown_and_not_critical(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    try:
        code = main(["check", *words])
    except SystemExit as end:
        code = int(str(end.code))
    assert code == Level.UNKNOWN
    if "--color" not in words and words:
        assert capsys.readouterr().out.startswith(f"DMVPN UNKNOWN - {words[0]}: ")
