"""`dmvpn explain`: what people ask, and what they are told."""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import pytest

from dmvpn.app.main import main
from dmvpn.base import explanations
from dmvpn.base.explanations import Explanation, WordKind
from dmvpn.base.findings import Cause
from dmvpn.face.language import exec_parser
from dmvpn.net.icmp import TimeExceededCode
from dmvpn.network import terms
from dmvpn.network.terms.table import Table
from dmvpn.router.features import FEATURES
from dmvpn.tools.doctor.report import as_text
from dmvpn.tools.doctor.verdicts import Copied, Diagnosis, Finding, Fine, Health, Hypothesis, Step, Trial, Unseen, View
from dmvpn.tools.explain import Answer, Explainer, render
from dmvpn.tools.explain.outer import OF_DOCTOR
from dmvpn.tools.watch.ladder import Ladder, Look
from dmvpn.tools.watch.steps import SHORT
from support.texts import file_text

if TYPE_CHECKING:
    from dmvpn.tools.explain import FoundMeaning

EXPLAINER = Explainer(FEATURES, exec_parser(FEATURES).commands)


def ask(question: str) -> tuple[FoundMeaning, ...]:
    return EXPLAINER.ask(question).found


def tables() -> list[Table[Any]]:
    """All tables of what two ends must agree on."""
    modules = [import_module(f"{terms.__name__}.{one.name}") for one in iter_modules(terms.__path__)]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Table)]


def words(question: str) -> list[str]:
    return [found.word for found in ask(question)]


def test_a_row_of_a_table_is_a_word_and_all_that_is_known_of_it() -> None:
    group, other = explanations.words(WordKind.LABEL, sighted=True)(file_text("explain_group_other.txt"))
    up = Explanation("up", "It works.", also=("up (interface)",))
    why = "It failed, and the answer says why."
    error = Explanation("% Error: <what>", why, "Often, or seldom.", "show logging", "RFC 2332 §5.2.7")
    assert group.explanations == (up, error)
    assert (group.title, group.screens) == ("column State", ("show line", "show lines brief"))
    assert (group.next_of(up), group.clause_of(up)) == ("show line", "RFC 2328 §9.1")
    assert re.findall(group.sighting, "link up (interface) upper up") == ["up (interface)", "up"]
    assert (other.next, other.explanations) == ("", (Explanation("Name", "Its name."),))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("## up :: show line\n    down: no", r"not WORD :: WHAT IT IS: 'down: no'"),
        ("up :: It works.", r"no ## TITLE :: SCREENS before 'up :: It works.'"),
    ],
)
def test_a_row_without_a_meaning_or_a_title_is_named(row: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        explanations.words(WordKind.LABEL)(f"\n    {row}\n    ")


def test_a_row_for_a_code_that_the_enum_lacks_is_named() -> None:
    codes = explanations.words(WordKind.CODE, TimeExceededCode)
    assert codes("\n## codes :: ping\nTTL :: x")[0].explanations[0].number == TimeExceededCode.TTL
    with pytest.raises(KeyError, match="TLL"):
        codes("\n## codes :: ping\nTLL :: x")


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("DT2", ["D", "T2"]),
        ("DNX", ["D", "N", "X"]),
        ("SX", ["S", "X"]),
        ("IX", ["I", "X"]),
        ("DI2", ["D", "I2"]),
        ("rib nho", ["rib", "nho"]),
        ("router implicit unique", ["router", "implicit", "unique"]),
        ("D/ur", ["D", "u", "r"]),
        ("S*", ["S", "*"]),
        ("RED", ["RE", "D"]),
    ],
)
def test_several_words_of_one_cell_are_taken_apart(question: str, found: list[str]) -> None:
    assert words(question)[: len(found)] == found


def test_a_cell_is_found_in_any_case_if_it_is_nothing_else() -> None:
    assert words("dt2") == ["D", "T2"]
    assert words("RIB NHO") == ["rib", "nho"]
    assert [found.kind for found in ask("exit")] == ["command"] * len(ask("exit"))


def test_the_letters_of_one_cell_are_those_of_its_screen() -> None:
    assert {found.screens[0] for found in ask("D/ur")} == {"show ip nhrp brief"}
    assert {found.screens[0] for found in ask("DT2")} == {"show dmvpn"}


def test_all_meanings_of_a_letter_are_listed_with_their_screens_those_of_dmvpn_first() -> None:
    screens = [found.screens[0] for found in ask("S")]
    assert screens[0] == "show dmvpn"
    assert screens.index("show ip route") < screens.index("show crypto session brief")
    assert len(screens) == len(set(screens))


def test_a_small_letter_is_not_the_large_one() -> None:
    words = ("reply", "registered", "legend", "rib-failure")
    assert all(any(word in found.what.lower() for word in words) for found in ask("r"))
    assert any("RIP" in found.what for found in ask("R"))


def test_a_word_is_found_in_any_case_if_it_means_nothing_as_it_is_written() -> None:
    assert [found.word for found in ask("up-active")] == ["UP-ACTIVE"]


@pytest.mark.parametrize("state", ["INTF", "IKE", "IPSEC", "NHRP", "UP"])
def test_the_states_of_show_dmvpn(state: str) -> None:
    first = ask(state)[0]
    assert (first.word, first.screens[0]) == (state, "show dmvpn")
    assert first.next.startswith("show ")


def test_a_word_that_is_a_command_as_well_has_both_meanings() -> None:
    kinds = [found.kind for found in ask("shutdown")]
    assert kinds[0] == "state"
    assert "command" in kinds


def test_of_several_lines_with_a_keyword_the_shortest_come_first() -> None:
    assert words("split-horizon")[0] == "split-horizon"
    assert words("adjust-mss")[0].startswith("ip tcp adjust-mss")
    lengths = [len(word.split()) for word in words("nbma")]
    assert lengths == sorted(lengths)


def test_a_log_line_is_found_as_it_was_copied_and_so_is_the_code_in_it() -> None:
    line = (
        "*Nov 20 10:00:01.123: %NHRP-3-PAKREPLY: Receive Registration Reply packet with error - "
        "unique address registered already(14)"
    )
    assert words(line)[:2] == ["%NHRP-3-PAKREPLY", "UNIQUE_ADDRESS_REGISTERED (14)"]


def test_why_a_neighbor_went_is_told_with_its_log_line() -> None:
    line = "%DUAL-5-NBRCHANGE: EIGRP-IPv4 100: Neighbor 10.0.0.2 (Tunnel0) is down: retry limit exceeded"
    assert words(line) == ["%DUAL-5-NBRCHANGE", "retry limit exceeded"]


@pytest.mark.parametrize(
    ("why", "found"),
    [
        (
            "pre-shared key: 203.0.113.9 has another one than ikev2 profile DMVPN",
            "pre-shared key: <peer> has another one than <profile>",
        ),
        (
            "no child SA: mode: ours transport; the peer's tunnel",
            "mode: ours transport; the peer's tunnel",
        ),
        ("encryption: ours AES-CBC 256; the peer's AES-CBC 128", "<kind>: ours <algorithms>; the peer's <algorithms>"),
    ],
)
def test_why_a_negotiation_was_aborted_is_told_with_its_log_line(why: str, found: str) -> None:
    line = f"%IKEV2-3-NEG_ABORT: Negotiation aborted due to ERROR: {why} (peer 203.0.113.9:500)"
    assert words(line)[:2] == ["%IKEV2-3-NEG_ABORT", found]
    line = f"%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Main mode failed with peer at 203.0.113.9: {why}"
    assert words(line)[:2] == ["%CRYPTO-6-IKMP_MODE_FAILURE", found]


@pytest.mark.parametrize(
    "mnemonic", ["%TUN-5-RECURDOWN", "TUN-5-RECURDOWN", "RECURDOWN", "%IKEV2-3-NEG_ABORT", "%CRYPTO-4-PKT_REPLAY_ERR"]
)
def test_a_mnemonic_alone_is_enough(mnemonic: str) -> None:
    assert [found.kind for found in ask(mnemonic)] == ["log message"]


def test_a_mnemonic_that_nobody_writes_is_not_explained_by_something_else() -> None:
    answer = EXPLAINER.ask("%NHRP-3-PAKREPLAY: Receive Registration Reply packet with error - no address binding(12)")
    assert answer.found == ()


@pytest.mark.parametrize(
    ("line", "about"),
    [
        ("NHRP: Send Registration Request via Tunnel100 vrf: global(0x0), packet size: 104", "debug nhrp"),
        ("*Mar  1 00:00:07.003: NHRP: 132 bytes out Tunnel100", "debug nhrp"),
        (' (M) flags: "unique nat ", reqid: 65537 ', "debug nhrp packet"),
        ("     shtl: 4(NSAP), sstl: 0(NSAP)", "debug nhrp packet"),
        ("EIGRP: Received UPDATE on Tu100 - paklen 0 nbr 192.168.100.11", "debug eigrp packets"),
        ("RT: add 10.4.4.0/24 via 192.168.100.11, eigrp metric [90/28288000]", "debug ip routing"),
        ("IPSEC(create_sa): sa created, (sa) sa_dest= 1.2.3.4, sa_proto= 50", "debug crypto ipsec"),
        ("IKEv2:(SESSION ID = 3,SA ID = 1):IKE SA rekeyed", "debug crypto ikev2"),
        ("Tunnel0: linestate evaluation down - no tunnel source", "debug tunnel"),
    ],
)
def test_a_debug_line_is_found_as_it_was_copied(line: str, about: str) -> None:
    assert ask(line)[0].screens[0] == about


def test_the_longest_template_that_fits_a_debug_line_wins() -> None:
    (found, *_) = ask("EIGRP: Neighbor 10.0.0.2 went down on Tunnel0: holding time expired")
    assert "given up" in found.what
    (found, *_) = ask("IKEv2:(SESSION ID = 3,SA ID = 1):IKE SA rekeyed")
    assert found.word.endswith("IKE SA rekeyed")


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("RFC 2332 code 14", "UNIQUE_ADDRESS_REGISTERED (14)"),
        ("rfc2332 code 14", "UNIQUE_ADDRESS_REGISTERED (14)"),
        ("NAK 12", "NO_BINDING (12)"),
        ("nhrp error 11", "AUTHENTICATION_FAILURE (11)"),
        ("RFC7296 NO_PROPOSAL_CHOSEN", "NO_PROPOSAL_CHOSEN (14)"),
        ("notify 14", "NO_PROPOSAL_CHOSEN (14)"),
        ("eigrp opcode 3", "QUERY (3)"),
        ("icmp unreachable 4", "FRAGMENTATION_NEEDED (4)"),
        ("ip protocol 50", "ESP (50)"),
        ("dh group 19", "ECP_256 (19)"),
        ("severity 3", "errors (3)"),
    ],
)
def test_a_code_is_found_by_its_standard_or_its_kind(question: str, first: str) -> None:
    assert words(question)[0] == first


def test_a_code_of_one_kind_is_not_that_of_another() -> None:
    assert all(found.place == "NAK, the code of a client information entry" for found in ask("NAK 11"))
    assert all(found.place == "code of an Error Indication" for found in ask("nhrp error 11"))


def test_a_bare_number_has_the_meanings_of_all_codes() -> None:
    found = words("14")
    assert {"UNIQUE_ADDRESS_REGISTERED (14)", "NO_PROPOSAL_CHOSEN (14)", "MODP_2048 (14)"} <= set(found)


def test_a_reason_is_found_with_and_without_its_evidence() -> None:
    for question in (
        "no reply from the next hop server",
        "no reply from the next hop server (4 registration requests unanswered)",
    ):
        assert words(question) == ["no reply from the next hop server"]
    assert words("no address for hub.example.net yet") == ["no address for <name> yet"]


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("show dmvpn detail", "the exec prompt"),
        ("ip nhrp redirect", "configuration mode config-if"),
        ("no ip nhrp redirect", "configuration mode config-if"),
        ("ip nhrp network-id 100", "configuration mode config-if"),
        ("tunnel protection ipsec profile DMVPN", "configuration mode config-if"),
        ("sh dmv det", "the exec prompt"),
    ],
)
def test_a_command_is_explained_by_its_grammar(question: str, place: str) -> None:
    (found, *_) = ask(question)
    assert (found.kind, found.place) == ("command", place)
    assert len(found.what) > 10


def test_the_key_of_an_explained_line_is_not_repeated() -> None:
    (found, *_) = ask("crypto isakmp key Geheim123 address")
    assert (found.word, found.next) == ("crypto isakmp key ********* *******", "crypto isakmp key ********* ******* ?")


def test_words_that_every_command_has_are_not_explained_with_each() -> None:
    (found,) = ask("show dmvpn detail")
    assert found.what.startswith("Peers of each tunnel")


def test_a_line_that_several_modes_have_is_explained_once() -> None:
    told = [(found.word, found.what) for found in ask("exit")]
    assert len(told) == len(set(told))


def test_a_word_that_was_copied_with_its_colors_is_found() -> None:
    assert words("\x1b[1;32mUP-ACTIVE\x1b[0m") == ["UP-ACTIVE"]


def test_a_begun_command_says_what_may_follow() -> None:
    (found,) = ask("show ip nhrp nhs")
    assert {"detail", "redundancy"} <= {word for word, _ in found.details}


def test_a_command_that_cannot_end_there_says_so() -> None:
    assert ask("ip nhrp nhs")[0].what.startswith("The line goes on. ")
    assert not ask("ip nhrp redirect")[0].what.startswith("The line goes on. ")


def test_a_keyword_finds_the_lines_that_have_it() -> None:
    assert any(word.startswith("ip nhrp network-id") for word in words("network-id"))


def test_a_flag_is_not_taken_for_a_cut_command() -> None:
    assert all(found.kind != "command" for found in ask("S"))


@pytest.mark.lengthy
def test_a_clause_names_code_requirements_and_tests() -> None:
    for question in ("RFC2332-5.2.3", "RFC 2332 §5.2.3", "rfc 2332 section 5.2.3"):
        (found,) = ask(question)
        assert found.word == "RFC 2332 §5.2.3"
        kinds = {kind for kind, _ in found.details}
        assert kinds == {"code", "asked", "test", "word"}
        assert any("features/nhrp/registration.py" in text for _, text in found.details)


def test_a_clause_that_nothing_names_is_not_made_up() -> None:
    assert ask("RFC 2332 §99.9") == ()
    assert ask("RFC 2332 §5.2.0") == ()  # what has a number behind it is another clause
    assert ask("RFC 9999 §5.2.3") == ()


def test_a_lint_rule_is_explained_by_its_own_text() -> None:
    from dmvpn.tools.lint import RULES

    (found, *_) = ask(RULES[0].id)
    assert RULES[0].why in found.what


@pytest.mark.parametrize("cause", list(Cause))
def test_what_the_doctor_finds_is_explained_by_its_name(cause: Cause) -> None:
    assert "dmvpn doctor" in {screen for found in EXPLAINER.ask(cause.value).found for screen in found.screens} or (
        cause is Cause.IKE  # a state of show dmvpn, first of all
    )


def _diagnosed() -> list[str]:
    """Whatever the doctor prints before a colon, at the beginning of a line, in reports with everything in them."""
    trials = (Trial(better=("R1 is well",)), Trial(worse=("R1 is not",)), Trial())
    sample = Finding(step=Step.SA, cause=Cause.PSK, router="R1", what="R1 is not", fix=("a",), order="b", decide="why?")
    broken = [replace(sample, trial=one) for one in trials]
    findings = (
        *broken,
        replace(broken[0], router="R2", stops=False, untried="as this is a test"),
        *(replace(broken[0], router=f"R{number}", advice=True) for number in range(3, 7)),
    )
    whole = Diagnosis(
        view=View.WHOLE, routers=("R1",), findings=findings, fine=(Fine(Step.GRE, "fine"),), probes=("-",)
    )
    guess = Hypothesis(cause=Cause.PSK, why="it is", decide="is it?", mild=True)
    alone = replace(whole, view=View.ONE_END, findings=(), hypotheses=(guess,))
    asking = replace(
        alone, hypotheses=(replace(guess, mild=False),), unseen=(Unseen(whom="R2", about="it", ask=("x",)),)
    )
    apart = replace(whole, findings=(replace(broken[0], apart=True, mild=True),))
    lines = [line for one in (whole, replace(whole, findings=()), alone, asking, apart) for line in as_text(one)]
    return [re.sub("( on| at) R[0-9].*", r"\1", line.removeprefix("R1: ").strip()) for line in lines if ":" in line]


@pytest.mark.parametrize(
    "word", [*(one.value for one in (*Step, *Health, *Copied)), *(term.name for one in tables() for term in one.terms)]
)
def test_a_word_of_a_diagnosis_is_explained(word: str) -> None:
    assert ask(word), "write it into tools/explain/outer.py"


def test_whatever_a_line_of_a_diagnosis_begins_with_is_explained() -> None:
    known = {word for group in OF_DOCTOR for each in group.explanations for word in (each.word, *each.also)}
    begun = [line for line in _diagnosed() if not line.startswith(("R1 is", "it;"))]
    assert len(begun) > 20
    assert [line for line in begun if not line.startswith(tuple(known))] == []


@pytest.mark.parametrize("line", ["doctor R31: broken at IKE (pre-shared key), at R31", "  1. pre-shared key"])
def test_what_the_doctor_prints_is_a_screen(line: str) -> None:
    report = ["R31: one end alone is in view, so nothing is certain; the likeliest first", "", line]
    (found,) = EXPLAINER.screen("\n".join(report))
    assert (found.group.title, found.explanation.word) == ("causes", "pre-shared key")
    assert "`dmvpn lab break` with psk" in found.explanation.when


def test_a_cause_with_parentheses_is_seen_in_a_report() -> None:
    (found,) = EXPLAINER.screen("lab: broken at the way between (GRE (protocol 47) blocked), at R31")
    assert found.explanation.word == "GRE (protocol 47) blocked"


@pytest.mark.parametrize("look", [Look(), Look(unicode=False)])
def test_the_signs_and_words_of_the_ladder_are_explained(look: Look) -> None:
    signs = ["─▶", "═▶", "─╳"] if look.unicode else ["+", "~", "-"]  # noqa: RUF001
    legend = " ".join(Ladder(["R31", "R11"], look).legend())
    for sign in signs:
        assert sign in legend
        assert ask(sign) != ()
    assert [word for word in SHORT.values() if not ask(word)] == []
    assert ask("shortcut")[0].what.startswith("Packets go straight to the peer")


def test_a_ladder_is_a_screen() -> None:
    ladder = Ladder(["R31", "R11"], Look())
    lost = "10:42:07.123     │──────── registration ───────╳│"  # noqa: RUF001
    (found,) = EXPLAINER.screen("\n".join([*ladder.legend()[:0], "─▶ sent", lost]))[1:]
    assert found.explanation.what == "A message whose arrival was not seen."


def test_an_unknown_word_gets_those_that_are_spelled_alike() -> None:
    answer = EXPLAINER.ask("UP-ACTIV")
    assert answer.found == ()
    assert "UP-ACTIVE" in answer.near
    assert "UP-ACTIVE" in "\n".join(render(answer))


@pytest.mark.lengthy
def test_no_question_breaks_it() -> None:
    for question in ("", " ", "%", "| | |", "§", "14 14", "-", "(", "[NHO", "a" * 5000, "RFC", "rfc 7296", "\x00"):
        assert isinstance(EXPLAINER.ask(question), Answer)


# ---------------------------------------------------------------------------------------- the outer command


def test_the_command_prints_what_when_next_and_clause(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "NAK", "14"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("UNIQUE_ADDRESS_REGISTERED (14)    NAK, ")
    for part in ("\n  when:   ", "\n  next:   ", "\n  clause: RFC 2332 §5.2.4"):
        assert part in shown


def test_an_unknown_word_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "UP-ACTIV"]) == 1
    assert "Spelled alike: " in capsys.readouterr().out


def test_the_answer_is_data_with_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--json", "T2"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["found"][0]["word"] == "T2"
    assert answer["found"][0]["next"] == "show ip route next-hop-override"


def test_an_arrow_is_a_word_and_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "->"]) == 0
    assert capsys.readouterr().out.startswith("->    flag: arrows of a message")


def test_the_minus_sign_is_a_word_in_quotes_or_where_nothing_is_piped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "'-'"]) == 0
    assert "Something is gone." in capsys.readouterr().out
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert main(["explain", "-"]) == 0
    assert "Something is gone." in capsys.readouterr().out


@pytest.mark.parametrize("words", [[""], [" "]])
def test_nothing_to_explain_is_asked_back(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *words]) == 1
    assert "as in 'dmvpn explain DT2'" in capsys.readouterr().err


def test_a_pipe_of_octets_is_no_text_and_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = io.BytesIO(bytes(range(256)) + b"\n%TUN-5-RECURDOWN: x\r\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(octets, encoding="utf-8", errors="strict"))
    assert main(["explain"]) == 0


@pytest.mark.parametrize("words", [["explain"], ["explain", "-"]])
def test_a_screen_that_is_piped_in_is_printed_with_its_words_beneath(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = "%TUN-5-RECURDOWN: Tunnel0 temporarily disabled due to recursive routing\nnothing\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(screen))
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(screen)
    assert shown.count("  %TUN-5-RECURDOWN") == 1


def test_several_lines_in_one_argument_are_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "%TUN-5-RECURDOWN: Tunnel0\n%DUAL-5-NBRCHANGE: x is down: peer restarted"]) == 0
    below = capsys.readouterr().out.split("\n\n", 1)[1]
    assert "%TUN-5-RECURDOWN" in below
    assert "  peer restarted" in below


def test_nothing_to_explain_on_a_screen_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("hello\n"))
    assert main(["explain"]) == 1


# `dmvpn explain` answers what was asked and nothing else: cells, headings, lines of commands, clauses.


@pytest.mark.parametrize("word", ["DNS", "FUT", "CTX", "KNX", "UNIX", "DUST", "SA", "MIA", "TCX"])
def test_a_word_of_letters_that_are_flags_elsewhere_is_no_cell(word: str) -> None:
    """`explain FUT` told of IKE fragmentation, a route update and TCP: any run of letters was a cell."""
    assert [found.kind for found in ask(word) if found.kind in ("flag", "state")] == []


@pytest.mark.parametrize(
    ("heading", "screen"),
    [
        ("SRTT", "show ip eigrp neighbors"),
        ("RTO", "show ip eigrp neighbors"),
        ("Q Cnt", "show ip eigrp neighbors"),
        ("FD", "show ip eigrp topology"),
        ("dst", "show crypto isakmp sa"),
        ("DST", "show crypto isakmp sa"),
        ("UDP-Encaps", "show crypto ipsec sa"),
        ("replay detection support", "show crypto ipsec sa"),
        ("IPSEC FLOW", "show crypto session"),
        ("no-socket", "show ip nhrp"),
        ("Claimed NBMA address", "show ip nhrp"),
        ("never expire", "show ip nhrp"),
        ("Requester", "show ip nhrp"),
        ("Nexthop-override", "show dmvpn"),
        ("Route Installed", "show dmvpn"),
        ("No Socket", "show dmvpn"),
    ],
)
def test_headings_labels_and_phrases_of_legends_are_words(heading: str, screen: str) -> None:
    (found, *more) = ask(heading)
    assert found.screens[0] == screen
    assert all(each.kind != "command" for each in more)


def test_a_phrase_of_a_legend_does_not_hide_the_words_that_are_written_otherwise() -> None:
    places = [found.place for found in ask("Down")]
    assert places[0] == "column Status"
    assert "status of an interface" in places


def test_a_counter_is_found_with_and_without_its_sign() -> None:
    assert words("pkts encaps") == words("#pkts encaps") == ["#pkts encaps"]


def test_a_label_does_not_hide_the_lines_that_have_the_word() -> None:
    assert [found.kind for found in ask("cluster")][:2] == ["label", "command"]
    assert [found.kind for found in ask("split-horizon")][-1] == "label"


@pytest.mark.parametrize("question", ["14", "90", "FD", "deadbeef", "do banana", "default banana", "no banana"])
def test_a_line_that_would_be_free_values_alone_is_no_command(question: str) -> None:
    """`explain 14` ended in an entry of an access list, `do banana` ran a command of the prompt."""
    assert [found.word for found in ask(question) if found.kind == "command"] == []


@pytest.mark.parametrize(
    ("question", "line", "place"),
    [
        ("do show dmvpn", "show dmvpn", "the exec prompt"),
        ("default ip mtu", "ip mtu", "configuration mode config-if"),
        ("No ip nhrp redirect", "ip nhrp redirect", "configuration mode config-if"),
        ("do", "do", "configuration mode config"),
    ],
)
def test_what_is_behind_do_no_and_default_is_explained(question: str, line: str, place: str) -> None:
    (found, *_) = ask(question)
    assert (found.word, found.place) == (line, place)


@pytest.mark.parametrize("word", ["W", "*", "ML_KEM_768", "interface shutdown", "BARE"])
def test_a_word_that_no_rfc_defines_names_none(word: str) -> None:
    answers = ask(word)
    assert answers
    assert [found.clause for found in answers if found.clause.startswith("RFC")] == []


def test_only_answers_of_a_server_rest_on_the_clause_of_its_reply() -> None:
    clauses = {found.word: found.clause for word in ("RE", "E", "W") for found in ask(word)}
    assert clauses == {"RE": "RFC 2332 §5.2.4", "E": "RFC 2332 §5.2.3", "W": ""}
    assert [found.clause for found in ask("D") if found.place == "letters behind a next hop server"] == [""]


def test_a_text_that_explains_is_no_place_where_something_is_done_but_its_word_is_named() -> None:
    (found,) = ask("RFC 4555 §3.9")
    assert found.details == (("word", "NO_NATS_ALLOWED (status notifications)"),)
    assert found.what == "1 explained word rests on it."


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("RFC 1191 §4", ["RFC 1191 §4"]),
        ("RFC 2332 §5.2.1 and §5.2.2", ["RFC 2332 §5.2.1", "RFC 2332 §5.2.2"]),
        ("RFC 4303, RFC 3948", ["RFC 4303", "RFC 3948"]),
        ("RFC 792, type 3", ["RFC 792"]),
        ("rfc 7868 §3.5, figure 1", ["RFC 7868 §3.5"]),
        ("draft-detienne-dmvpn-01", ["draft-detienne-dmvpn-01"]),
    ],
)
def test_a_clause_is_found_as_an_answer_prints_it(question: str, answers: list[str]) -> None:
    assert words(question) == answers
    assert all(found.kind == "clause" for found in ask(question))
