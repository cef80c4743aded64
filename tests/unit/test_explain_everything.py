"""Nothing that the program prints is without an explanation: what there is to explain is read from the code itself."""

from __future__ import annotations

import json
import re
import sys
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.explanations import WordGroup, WordKind, groups
from dmvpn.base.notices import log_messages
from dmvpn.base.reasons import ReasonCode
from dmvpn.face.language import exec_parser
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.ios import ConfigLine, ExecCommand
from dmvpn.ios.begun import begun
from dmvpn.ios.matcher import Grammar
from dmvpn.router.features import FEATURES
from dmvpn.tools.explain import Explainer
from dmvpn.tools.explain.outer import RULE_GROUP, TERM_GROUP
from support import commands_page, printed, shows_page, words_page

if TYPE_CHECKING:
    import enum


#: Where the words are written that a test misses: what fails says so.
WRITE = "write it into `explain` of the feature (src/dmvpn/features/FEATURE/explain*), then make the page again: "
WRITE += "python -m support.words_page (from the folder tests)"

COMMANDS = exec_parser(FEATURES).commands
EXPLAINER = Explainer(FEATURES, COMMANDS)
WORDS = EXPLAINER.whole
GRAMMAR = Grammar(COMMANDS)

_MOVES = "moves of a machine; what they lead to is printed, not they"
_CONFIGURED = "words of configuration lines, which the grammar explains"
#: Enums whose members are not printed as words of their own, and why not.
NOT_PRINTED = {
    "dmvpn.base.shell.CaptureDirection": "words of `monitor capture`",
    "dmvpn.base.effects.DfBit": "an order to the data plane",
    "dmvpn.base.protection.IkeVersion": "printed as IKEv1 and IKEv2",
    "dmvpn.base.explanations.WordKind": "of explanations themselves",
    "dmvpn.base.filters.TcpFlag": "words of access lists",
    "dmvpn.base.metrics.Bound": "how many rows of metrics there are",
    "dmvpn.base.metrics.Kind": "words of OpenMetrics",
    "dmvpn.base.streams.StreamEnd": "why a stream of TCP ended; what BGP makes of it is printed",
    "dmvpn.base.terms.Likeness": "of comparisons",
    "dmvpn.base.terms.NoValue": "of comparisons",
    "dmvpn.base.terms.Odd": "of comparisons",
    "dmvpn.features.bgp.paths.Merit": "printed as best2, all and the like, which are explained",
    "dmvpn.features.bgp.events.Softness": "words of `clear ip bgp`",
    "dmvpn.features.bgp.model.FilterDirection": _CONFIGURED,
    "dmvpn.features.bgp.model.FilterKind": _CONFIGURED,
    "dmvpn.features.bgp.model.PrivateAs": _CONFIGURED,
    "dmvpn.features.bgp.session.SessionMove": _MOVES,
    "dmvpn.features.dhcp.packet.Code": "numbers of options, which are configured",
    "dmvpn.features.dhcp.packet6.Code": "numbers of options, which nobody sees",
    "dmvpn.features.dhcp.packet6.Kind": "in metrics alone, by the names of RFC 8415",
    "dmvpn.features.dhcp.packet.MessageType": "printed as DHCPOFFER and the like, which are explained",
    "dmvpn.features.eigrp.model.AuthenticationMode": _CONFIGURED,
    "dmvpn.features.ike.model.AuthenticationMethod": _CONFIGURED,
    "dmvpn.features.ike.model.Encryption": _CONFIGURED,
    "dmvpn.features.ike.model.Hash": _CONFIGURED,
    "dmvpn.features.ike.crypto.material.BlockCipher": "an algorithm by its name; its number is explained",
    "dmvpn.features.ike.crypto.PrfAlgorithm": "an algorithm by its name in the library; the number is explained",
    "dmvpn.features.ike.model.IdentityKind": _CONFIGURED,
    "dmvpn.features.ike.peers.Deadline": "why an IKE SA is looked at again, which no line says",
    "dmvpn.features.ike.v1.sa.SaMove": _MOVES,
    "dmvpn.features.ike.v1.sa.SaState": "its values are those of IkePhase, which shows print",
    "dmvpn.features.ike.v2.sa.SaMove": _MOVES,
    "dmvpn.features.eigrp.reasons.NeighborMove": _MOVES,
    "dmvpn.features.ipsec.model.Cipher": _CONFIGURED,
    "dmvpn.features.ipsec.model.Integrity": _CONFIGURED,
    "dmvpn.features.nhrp.cache.RouteState": "printed as T1, T2 and as flags",
    "dmvpn.features.nhrp.client.RegistrationOutput": _MOVES,
    "dmvpn.features.nhrp.client.RegistrationMove": _MOVES,
    "dmvpn.features.nhrp.debug.Processing": "the first words of a debug line, explained with it",
    "dmvpn.features.nhrp.path.PathOutput": _MOVES,
    "dmvpn.features.nhrp.path.PathMove": _MOVES,
    "dmvpn.features.nhrp.questions.Purpose": "why a question is out; printed nowhere",
    "dmvpn.features.ospf.settings.Algorithm": _CONFIGURED,
    "dmvpn.features.bfd.packet.SessionMove": _MOVES,
    "dmvpn.features.ospf.model.AreaKind": _CONFIGURED,
    "dmvpn.features.ospf.model.AuthenticationType": _CONFIGURED,
    "dmvpn.features.ospf.model.NetworkType": _CONFIGURED,
    "dmvpn.features.ospf.spf.WayKind": "the codes of `show ip route`, which the routing table explains",
    "dmvpn.features.ospf.neighbor.InterfaceMove": _MOVES,
    "dmvpn.features.ospf.neighbor.NeighborMove": _MOVES,
    "dmvpn.features.pki.model.Comparison": _CONFIGURED,
    "dmvpn.features.pki.model.CertificatePart": _CONFIGURED,
    "dmvpn.features.system.clock.StampStyle": _CONFIGURED,
    "dmvpn.features.system.events.ConditionKind": _CONFIGURED,
    "dmvpn.features.system.model.Login": _CONFIGURED,
    "dmvpn.features.rip.database.RouteMove": _MOVES,
    "dmvpn.features.rip.database.RouteState": "printed as `possibly down`, or as a route",
    "dmvpn.net.pcap.LinkType": "a number in a capture file",
    "dmvpn.net.tcp.Flag": "control bits of TCP, which captures show",
    "dmvpn.net.translate.Side": "of a packet, inside a translator",
}
#: Reasons that are made of others, which are explained piece by piece.
TOLD_BY_OTHERS = {IkeReason.FAILED_AS_RESPONDER, IkeReason.UNWANTED, IkeReason.OF_WIRE}


#: Numbers that nobody sees: the name is what shows print.
BY_NAME = {"ProtectionPhase", "Origin"}


def _is_explained(member: enum.Enum) -> bool:
    if isinstance(member, int) and type(member).__name__ not in BY_NAME:
        return any(found.explanation.number == int(member) for found in WORDS.meanings(str(member.name)))
    if isinstance(member.value, str):
        return bool(WORDS.meanings(member.value)) or WORDS.of_line(member.value) is not None
    return bool(WORDS.meanings(member.name))


def test_every_log_message_has_its_explanation_under_the_name_that_it_writes() -> None:
    for message in [message for feature in FEATURES for message in feature.messages]:
        found = [each for each in WORDS.meanings(f"%{message.name}") if each.group.kind is WordKind.LOG]
        texts = [each.explanation.what for each in found]
        missing = f"the row `%{message.name} :: when it comes` is missing: {WRITE}"
        assert message.meaning in texts, missing
        assert all(each.explanation.when or each.next for each in found), missing


def test_no_log_message_is_missing_from_its_feature() -> None:
    named = {message for feature in FEATURES for message in feature.messages}
    files = [module for name, module in sys.modules.items() if name.startswith("dmvpn.features.")]
    known = {each for module in files for each in log_messages(vars(module))}
    assert known - named == set(), "name it in MESSAGES of the feature's messages.py"
    assert named <= known


def test_no_line_command_or_group_of_words_is_missing_from_its_feature() -> None:
    """A line that its module defines and does not list was unknown at the prompt, and no test named it."""
    offered = [[*feature.config, *feature.commands, *feature.explanations] for feature in FEATURES]
    known = {id(each) for each in chain(*offered)}
    modules = {name: module for name, module in sys.modules.items() if name.startswith("dmvpn.features.")}
    missing = [
        f"{module}.{name}"
        for module, loaded in modules.items()
        for name, values in vars(loaded).items()
        for value in (groups({name: values}) or (values,))
        if isinstance(value, ConfigLine | ExecCommand | WordGroup) and id(value) not in known
    ]
    assert missing == []


def test_every_member_of_every_enum_that_is_printed_has_an_explanation() -> None:
    found = {f"{each.__module__}.{each.__name__}": each for each in printed.enums()}
    assert set(found) >= set(NOT_PRINTED)
    missing = [
        f"{name}.{member.name}"
        for name, each in found.items()
        if name not in NOT_PRINTED and not issubclass(each, ReasonCode)
        for member in each
        if not _is_explained(member)
    ]
    assert missing == [], WRITE


def test_every_letter_of_every_legend_has_an_explanation_for_that_screen() -> None:
    legends = printed.legends()
    assert len(legends["show dmvpn"]) == 14  # the letters are really found: 11 attributes and 3 of servers
    assert {"H", "%", "su"} <= legends["show ip route"]
    missing = [
        (command, letter)
        for command, letters in legends.items()
        for letter in letters
        if not any(
            any(set(screen.split()) <= set(command.split()) for screen in found.group.screens)
            for found in WORDS.meanings(letter)
            if letter == found.explanation.word
        )
    ]
    assert missing == [], WRITE


@pytest.mark.lengthy
def test_every_debug_line_has_an_explanation() -> None:
    lines = list(printed.debug_lines())
    assert len(lines) > 80
    assert [(where, line) for where, line in lines if WORDS.of_line(line, (WordKind.DEBUG,)) is None] == [], WRITE


def test_every_reason_has_an_explanation_of_its_own_sentence() -> None:
    codes = [member for each in printed.enums() if issubclass(each, ReasonCode) for member in each]
    assert len(codes) > 50
    missing = [
        code.id
        for code in codes
        if code not in TOLD_BY_OTHERS and WORDS.of_line(code.value, (WordKind.REASON,)) is None
    ]
    assert missing == [], WRITE


@pytest.mark.lengthy
def test_every_answer_of_the_prompt_has_an_explanation() -> None:
    answers = list(printed.answers())
    assert len(answers) > 60
    assert [(where, text) for where, text in answers if WORDS.of_line(text, (WordKind.ANSWER,)) is None] == [], WRITE


@pytest.mark.lengthy
def test_every_label_that_a_show_prints_has_an_explanation() -> None:
    known = {feature.name: printed.spellings(feature.name) for feature in FEATURES}
    literals = [each for each in printed.literals() if not each[2].lstrip().startswith("%")]
    assert len(literals) > 900
    missing = [
        (path, text, words)
        for feature, path, text in literals
        if (words := printed.without_explanation(text, known[feature]))
    ]
    assert missing == [], WRITE


@pytest.mark.parametrize(
    ("feature", "line", "missing"),
    [
        ("nhrp", "    (no-socket) ", []),
        ("nhrp", "  Requester: 10.0.0.1 Frobnication: 7", ["Frobnication"]),
        ("eigrp", "H   Address   Hold Uptime   SRTT   RTO  Q  Seq", []),
        ("eigrp", "SRTT  XYZ", ["XYZ"]),
        ("static", "    Requester: 10.0.0.1", ["Requester"]),  # another feature's word
    ],
)
def test_a_label_without_an_explanation_would_be_found(feature: str, line: str, missing: list[str]) -> None:
    assert printed.without_explanation(line, printed.spellings(feature)) == missing


@pytest.mark.lengthy
def test_a_call_whose_texts_are_not_printed_keeps_its_name() -> None:
    """A class of prompts was renamed, and 33 of its words were missed in explanations."""
    assert printed.uncalled(("DialogStep", "NoSuchCall")) == ["NoSuchCall"]
    assert printed.uncalled() == [], "rename it in _ASKING of tests/support/printed.py, too"


@pytest.mark.lengthy
def test_every_exception_for_words_of_screens_is_needed() -> None:
    left = {
        word.casefold()
        for feature, _, text in printed.literals()
        for word in printed.words_of(printed.spellings(feature).sub("\0", text))
    }
    plain = {word for words in printed.PLAIN.values() for word in words.split()}
    assert plain - left == set()


@pytest.mark.lengthy
def test_every_clause_that_an_answer_names_can_be_asked_for() -> None:
    for clause in sorted({found.clause for found in WORDS.all()} - {""}):
        found = EXPLAINER.ask(clause).found
        assert {each.kind for each in found} == {"clause"}, clause
        assert any(kind == "word" for each in found for kind, _ in each.details), clause


def test_letters_side_by_side_are_known_by_the_shape_of_their_cell() -> None:
    assert [group.title for group in WORDS.groups if group.joined and not group.cell] == []


def test_every_command_and_configuration_line_says_what_it_is_for() -> None:
    listed = list(EXPLAINER.commands)
    assert len(listed) > 450
    assert [each.syntax for each in listed if len(each.what) < 2] == []


def test_every_explanation_says_something_in_a_few_sentences() -> None:
    for found in WORDS.all():
        what = found.explanation.what
        assert re.match(r"[\w`\[(\"'.!/*%$<>-]", what), found.explanation.word
        assert what.rstrip().endswith((".", ".)")), found
        assert len(re.findall(r"[.!?](?: |$)", f"{what} {found.explanation.when}")) <= 8, found.explanation.word
        assert what.casefold().rstrip(".") != found.explanation.word.casefold()


def test_no_two_words_share_a_text_by_accident() -> None:
    seen: dict[str, tuple[str, str]] = {}
    for found in WORDS.all():
        here = (found.group.title, found.explanation.word)
        assert seen.setdefault(found.explanation.what, here) == here


def test_no_template_would_fit_anything() -> None:
    templates = [found.explanation for found in WORDS.all() if found.group.lines and "<" in found.explanation.word]
    assert [each.word for each in templates if each.certainty < 4] == []


def test_no_place_has_a_word_twice() -> None:
    for group in WORDS.groups:
        words = [each.word for each in group.explanations]
        assert len(words) == len(set(words)), group.title


#: A command in a text that says what to look at next.
_COMMAND = re.compile(r"\b((?:show|clear|debug|ping|traceroute)(?: [a-z][a-z0-9-]*)*)")


def test_every_explanation_says_what_to_look_at_next() -> None:
    assert [(found.group.title, found.explanation.word) for found in WORDS.all() if not found.next] == []


def test_whatever_is_named_to_be_looked_at_next_exists() -> None:
    texts = {found.next for found in WORDS.all() if found.group.kind is not WordKind.ANSWER}
    for text in sorted(texts):
        for named in _COMMAND.findall(re.sub(r"\([^)]*\)", "", text)):
            assert begun(GRAMMAR, named) is not None, text


def test_the_screens_that_words_are_on_exist() -> None:
    screens = {screen for group in WORDS.groups for screen in group.screens if screen.startswith("show ")}
    assert [screen for screen in sorted(screens) if begun(GRAMMAR, screen) is None] == []


def test_every_word_has_a_meaning() -> None:
    assert [found.explanation.word for found in WORDS.all() if not found.explanation.what] == []


def test_clauses_are_written_as_in_the_docstrings() -> None:
    for found in WORDS.all():
        if found.clause:
            assert re.match(r"(RFC \d{3,4}|draft-)", found.clause), found


def test_the_pages_of_words_and_commands_are_not_old() -> None:
    pages = {words_page.PAGE: words_page.page(EXPLAINER)} | commands_page.pages(words_page.TITLES)
    for path, text in pages.items():
        old = f"{path} is old: python -m support.words_page (from the folder tests)"
        assert path.read_text(encoding="utf-8") == text, old
    assert {*commands_page.FOLDER.iterdir()} == {*pages} - {words_page.PAGE, commands_page.PAGE}


def test_every_word_is_on_one_page_of_the_site_and_in_its_field() -> None:
    pages = {name: page for name, _, page in words_page.site_pages(EXPLAINER)}
    script = words_page.script(EXPLAINER)
    assert "</" not in script
    found = json.loads(script.removeprefix("const WORDS = ").rstrip().removesuffix(";"))
    listed = (group for group in EXPLAINER.whole.groups if group not in (RULE_GROUP, TERM_GROUP))
    words = sum(len(group.explanations) for group in listed)
    assert sum(page.count("<tr><td>") for page in pages.values()) == len(found) == words
    assert ["nhrp", "column-attrb-show-dmvpn", "Column Attrb: show dmvpn", "S"] in [word[:4] for word in found]
    assert all(f'<section id="{anchor}">' in pages[f"reference/words/{name}"] for name, anchor, *_ in found)


def test_the_page_of_words_in_the_site_has_the_field_and_leads_to_a_page_of_each_feature() -> None:
    made = words_page.for_site(words_page.PAGE.read_text(encoding="utf-8"))
    assert made.index('<div id="explain">') < made.index("| words of |")
    linked = re.findall(r'<a href="(words/\w+)\.html">', made)
    assert [f"reference/{page}" for page in linked] == [name for name, _, _ in words_page.site_pages(EXPLAINER)]


def test_what_a_word_has_in_it_is_text_in_its_page_of_the_site() -> None:
    """Words have places in angle brackets, which a browser takes for elements."""
    pages = "".join(page for _, _, page in words_page.site_pages(EXPLAINER))
    tables = {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert {*re.findall(r"</?(\w+)", pages)} == {"section", "h1", "h2", "a", "p", "ul", "li", "code"} | tables


def test_the_page_of_shows_is_new() -> None:
    old = "docs/reference/shows.md is old: python -m support.words_page (from the folder tests)"
    assert shows_page.PAGE.read_text(encoding="utf-8") == shows_page.page(), old
