"""Pages and logs as strangers keep them: what is configuration in them is read, what is around it is passed over."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.ios import Fate
from dmvpn.ios.parts import parts_of
from dmvpn.ios.transcript import LONGEST_LINE
from dmvpn.router.entered_text import EnteredText, take_in
from dmvpn.shells.exercises import BUILT_IN
from dmvpn.shells.files import read_octets
from dmvpn.shells.scenario import Scenario
from dmvpn.tools import replaying

if TYPE_CHECKING:
    from collections.abc import Callable

TUNNEL = "interface Tunnel0\n tunnel mode gre multipoint\n tunnel protection ipsec profile P\n"


def intakes(text: str) -> list[EnteredText]:
    return [take_in(part.text) for part in parts_of(text)]


def shown(text: str) -> str:
    return "\n".join(line for intake in intakes(text) for line in intake.tree.render())


def refused(text: str) -> list[str]:
    return [entry.text for intake in intakes(text) for entry in intake.with_fate(Fate.REFUSED)]


def test_a_block_behind_one_that_shows_output_is_configuration_again() -> None:
    """Its protection was called astray, and its other lines were lost."""
    page = f"```\nR1#show ip nhrp brief\n   Target    Via\n```\ntext\n```\n{TUNNEL}```\n"
    assert refused(page) == []
    assert "tunnel protection ipsec profile P" in shown(page)


def test_paragraphs_of_html_are_lines() -> None:
    page = "<p>Spoke</p>\n" + "".join(f"<p>{line}</p>\n" for line in TUNNEL.splitlines()) + "<p>&nbsp;</p>\n"
    assert refused(page) == []
    assert "tunnel protection ipsec profile P" in shown(page)


def test_a_less_than_sign_in_a_configuration_is_no_tag() -> None:
    text = "interface Tunnel0\n description <p>\n"
    assert "description <p>" in shown(text)


def test_a_blank_that_an_editor_spelled_out_is_one() -> None:
    page = f"```\n{TUNNEL}```\n\n```\ninterface Tunnel1\n&#x20;ip nhrp network-id 3\n```\n"
    assert refused(page) == []
    assert " ip nhrp network-id 3" in shown(page).splitlines()


@pytest.mark.parametrize(
    "command",
    [
        "crypto pki authenticate CA",
        "crypto pki enroll CA",
        "crypto ca enroll CA",
        "crypto key generate rsa modulus 2048",
    ],
)
def test_what_a_command_asks_behind_a_prompt_is_no_configuration(command: str) -> None:
    log = (
        f"R1(config)#{command}\nCertificate has the following attributes:\n       Fingerprint MD5: 00112233\n"
        "% Do you accept this certificate? [yes/no]: yes\nPassword:\nRe-enter password:\n"
        "R1(config)#interface Tunnel0\nR1(config-if)#ip mtu 1400\n"
    )
    assert refused(log) == []
    assert "Fingerprint" not in shown(log)
    assert "ip mtu 1400" in shown(log)


def test_a_heading_of_one_word_is_kept_and_ends_the_section_before() -> None:
    text = f"{TUNNEL}SPOKE-ROUTER:\nip route 0.0.0.0 0.0.0.0 198.51.100.1\n"
    assert refused(text) == []
    assert "SPOKE-ROUTER:" in shown(text).splitlines()


def test_a_heading_with_more_words_in_a_tunnel_may_be_a_slip() -> None:
    assert refused("interface Tunnel0\n tunnl: protection ipsec profile P\n")


def test_a_sentence_that_begins_nearly_as_end_is_a_note() -> None:
    assert refused("Send a question every 30 seconds\nhostname R1\n") == []
    assert refused("inteface Tunnel0\n") != []


def test_a_banner_may_speak_of_protection() -> None:
    """A router with such a banner did not start."""
    text = "banner motd #\nThis link is under protection ipsec here\n#\n" + TUNNEL
    assert refused(text) == []


@pytest.mark.parametrize("prompt", ["", "R1(config-if)#"])
def test_a_banner_that_takes_the_protection_of_a_tunnel_with_it_is_refused(prompt: str) -> None:
    text = (
        f"interface Tunnel0\n tunnel source Loopback0\nbanner motd C\n{prompt}tunnel protection ipsec profile P\n\nC\n"
    )
    (intake,) = intakes(text)
    assert intake.with_fate(Fate.REFUSED)
    assert intake.held == ("Tunnel0",)


# Pages without fences ------------------------------------------------------------------------------------------------


def test_lines_between_backticks_are_lines() -> None:
    page = "# A spoke\nText of it.\n" + "".join(f"`{line}`  \n" for line in TUNNEL.splitlines()) + "\nMore text.\n"
    assert refused(page) == []
    assert shown(page).count("tunnel protection ipsec profile P") == 1
    assert "Text" not in shown(page)


def test_a_block_that_is_one_by_its_indentation_is_configuration_and_the_rest_is_text() -> None:
    page = "# A spoke\nInterface lines follow here:\n\n" + "".join(f"    {line}\n" for line in TUNNEL.splitlines())
    assert refused(page) == []
    assert shown(page).count("tunnel protection ipsec profile P") == 1
    assert "follow" not in shown(page)


def test_a_file_with_comments_in_the_first_column_is_no_page() -> None:
    text = "# the hub\ninterface Tunnel0\n    ip address 10.0.0.1 255.255.255.0\n    ip nhrp network-id 1\n"
    assert "ip nhrp network-id 1" in shown(text)


def test_a_fence_too_many_turns_no_text_into_configuration_and_no_configuration_into_text() -> None:
    page = f"```\nhostname R1\n```\n```\n\n## Keys\n|Tunnel Key|300|\n\n```\n{TUNNEL}```\n"
    assert refused(page) == []
    assert "tunnel protection ipsec profile P" in shown(page)


@pytest.mark.parametrize(
    "text",
    [
        "- Tunnel interfaces need a source",
        "* interface commands",
        "**crypto isakmp policy** defines phase one",
        "1. Interface configuration",
        "|Tunnel Key|300|",
        "Crypto maps are applied to the interface of the router.",
        "Interface tracking is used when the line of a provider fails",
    ],
)
def test_what_pages_say_between_lines_is_passed_over(text: str) -> None:
    assert refused(f"{TUNNEL}{text}\nip route 0.0.0.0 0.0.0.0 198.51.100.1\n") == []


def test_no_sentence_takes_protection_with_it() -> None:
    text = "interface Tunnel0\n tunnel source Loopback0\n- tunnel protection ipsec profile P\n"
    assert refused(text) == ["- tunnel protection ipsec profile P"]
    assert intakes(text)[0].held == ("Tunnel0",)


def test_a_description_in_capitals_is_one() -> None:
    text = "interface Tunnel0\nDescription This is the tunnel to the hub of the south\n"
    assert "description This is the tunnel to the hub of the south" in shown(text)


# Lines that were cut -------------------------------------------------------------------------------------------------

LONG = " description a tunnel to the hub in the main building of the town, by the provide"
assert len(LONG) == 81


@pytest.mark.parametrize(
    ("rest", "is_taken"), [("r North\n", True), ("ip mtu 1400\n", False), (" ip mtu 1400\n", False), ("!\n", False)]
)
def test_a_line_that_a_terminal_cut_in_two_is_one(rest: str, is_taken: bool) -> None:
    text = f"interface Tunnel0\n{LONG[:80]}\n{rest} ip nhrp network-id 7\n"
    assert refused(text) == []
    assert (f"{LONG[:80]}{rest.strip()}" in shown(text).splitlines()) == is_taken
    assert "ip nhrp network-id 7" in shown(text)


def test_protection_is_no_rest_of_a_description() -> None:
    text = f"interface Tunnel0\n{LONG[:80]}\ntunnel protection ipsec profile P\n"
    assert "tunnel protection ipsec profile P" in shown(text)
    slip = f"interface Tunnel0\n{LONG[:80]}\ntunnle protection ipsec profile P\n"
    assert refused(slip) == ["tunnle protection ipsec profile P"]


@pytest.mark.parametrize("dots", ["...", "<snip>", "! output omitted", "[omitted]", "! ..."])
def test_dots_in_the_place_of_protection_hold_the_tunnel_down(dots: str) -> None:
    """It came up in clear."""
    text = f"crypto ipsec profile P\n set transform-set TS\ninterface Tunnel0\n tunnel source Loopback0\n {dots}\n"
    (intake,) = intakes(text)
    assert [entry.text for entry in intake.with_fate(Fate.REFUSED)] == [dots]
    assert "IPsec profile P" in intake.with_fate(Fate.REFUSED)[0].message_lines[0]
    assert intake.held == ("Tunnel0",)


@pytest.mark.parametrize(
    "text",
    [
        "interface Tunnel0\n tunnel source Loopback0\n ...\n",
        f"crypto ipsec profile P\n{TUNNEL} ...\n",
        f"crypto ipsec profile Q\n{TUNNEL}interface Ethernet0/0\n ...\n",
    ],
)
def test_dots_that_cannot_have_named_a_profile_hold_nothing(text: str) -> None:
    assert refused(text) == []


def test_dots_in_one_of_two_tunnels_hold_it_though_the_other_names_the_profile() -> None:
    """Two tunnels of one source share theirs."""
    (intake,) = intakes(f"crypto ipsec profile P\n{TUNNEL}interface Tunnel1\n ...\n")
    assert intake.held == ("Tunnel1",)


@pytest.mark.parametrize("note", ["# the same everywhere", "<-- important", "; a note", "(phase 3)", "-- up"])
@pytest.mark.parametrize("line", ["tunnel key 1", "no shutdown", "tunnel protection ipsec profile P"])
def test_a_note_behind_a_line_is_none_of_its_words(line: str, note: str) -> None:
    text = f"interface Tunnel0\n tunnel source Loopback0\n {line} {note}\n"
    assert refused(text) == []
    assert f"{note}" not in shown(text)
    assert line == "no shutdown" or f" {line}" in shown(text).splitlines()


@pytest.mark.parametrize("line", ["description to the hub # 1 (south)", "description a; b"])
def test_a_description_keeps_what_looks_like_a_note(line: str) -> None:
    assert f" {line}" in shown(f"interface Tunnel0\n {line}\n").splitlines()


@pytest.mark.parametrize("line", ["ntp server 192.0.2.1", "snmp-server community public RO", "ip http server"])
def test_a_line_of_the_router_that_is_indented_in_a_tunnel_is_kept_and_does_not_end_it(line: str) -> None:
    text = f"interface Tunnel0\n tunnel source Loopback0\n {line}\n tunnel protection ipsec profile P\n"
    (intake,) = intakes(text)
    assert intake.is_whole
    assert not intake.held
    assert intake.tree.render()[-3:-1] == [" tunnel protection ipsec profile P", f" {line}"]


@pytest.mark.parametrize("line", ["crypto isakmp diagnose error 7", "ip local policy route-map M"])
def test_what_could_protect_or_diverts_is_not_kept_in_a_tunnel(line: str) -> None:
    assert refused(f"interface Tunnel0\n tunnel source Loopback0\n {line}\n")


_BOX = "```\n  \u250c\u2500\u2500\u2500\u2510  e0/0\n  \u2502 Router R1 \u2502 HUB\n Tunnel0: nhrp redirect\n"


def test_a_drawing_between_fences_is_no_configuration() -> None:
    """A picture of boxes was read as lines of the section before it, and refused."""
    page = "```\nhostname R1\ninterface Tunnel0\n ip nhrp network-id 1\n```\n" + _BOX + "```\n"
    assert not take_in(parts_of(page)[0].text).with_fate(Fate.REFUSED)
    protected = page.replace(" Tunnel0: nhrp", "tunnel protection ipsec profile P\n Tunnel0: nhrp")
    assert take_in(parts_of(protected)[0].text).with_fate(Fate.REFUSED)


@pytest.mark.parametrize("command", ["sh ru", "do sh ru", "sh star", "show tech", "redirect it"])
def test_what_a_router_announces_as_a_configuration_is_one(command: str) -> None:
    """An abbreviation that nobody had listed made it the output of another command, and it was lost."""
    announced = "Building configuration...\n\nCurrent configuration : 99 bytes\n!\n"
    text = f"R1#{command}\n{announced}{TUNNEL}end\n\nR1#sh ver\nx y\n"
    assert refused(text) == []
    assert "tunnel protection ipsec profile P" in shown(text)
    assert "x y" not in shown(text)


@pytest.mark.parametrize("command", ["sh ru", "show star"])
def test_abbreviations_of_what_shows_a_configuration_are_known(command: str) -> None:
    text = f"R1#{command}\n{TUNNEL}end\nR1#\n"
    assert "tunnel protection ipsec profile P" in shown(text)


# Files and folders that somebody else made: nothing is read outside of a folder, without an end, or for long.

SECRET = (
    "hostname SECRET\nusername bob secret 0 Parrot\ninterface Loopback0\n ip address 10.9.9.9 255.255.255.255\nend\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two routers, and links to what is beside the folder."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "S.cfg").write_text(SECRET)
    folder = tmp_path / "given"
    folder.mkdir()
    for name in ("R11", "R31"):
        (folder / f"{name}.cfg").write_bytes((BUILT_IN / "notes-phase3" / f"{name}.cfg").read_bytes())
    (folder / "inside.cfg").symlink_to("R31.cfg")
    (folder / "file.cfg").symlink_to(tmp_path / "secret" / "S.cfg")
    (folder / "relative.txt").symlink_to("../secret/S.cfg")
    (folder / "sub").symlink_to(tmp_path / "secret")
    return folder


def test_import_takes_nothing_that_a_link_has_outside_of_the_folder(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`dmvpn import FOLDER --to` printed and copied files of the machine that links in the folder led to."""
    (folder / "inside.cfg").unlink()
    main(["import", str(folder), "--to", str(tmp_path / "taken")])
    said = capsys.readouterr()
    assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == ["R11.cfg", "R31.cfg"]
    assert "SECRET" not in said.out + said.err
    assert "file.cfg is left out: it is a link out of the folder" in said.out
    assert "relative.txt is left out" in said.out


def test_lint_does_not_follow_links_out_of_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["lint", str(folder)])
    said = capsys.readouterr()
    assert "file.cfg:" not in said.out
    assert "file.cfg is left out: it is a link out of the folder" in said.err


def test_a_lab_has_no_router_that_a_link_has_outside_of_its_folder(folder: Path) -> None:
    (folder / "inside.cfg").unlink()
    scenario = Scenario.load(str(folder))
    assert {"R11", "R31"} <= set(scenario.configurations)
    assert not {"SECRET", "S", "file"} & set(scenario.configurations)
    assert any(note.startswith("file.cfg is left out") for note in scenario.notes)


def test_a_folder_of_links_has_no_configuration(folder: Path) -> None:
    for name in ("R11", "R31"):
        (folder / f"{name}.cfg").unlink()
    with pytest.raises(UserError, match="no router configuration"):
        Scenario.load(str(folder))


def test_a_described_lab_reads_nothing_outside_of_its_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "lab.yaml").write_text("routers: {}\n")
    assert "file" not in Scenario.load(str(folder)).configurations
    (tmp_path / "secret" / "lab.yaml").write_text("password: Parrot\n")
    (folder / "lab.yaml").unlink()
    (folder / "lab.yaml").symlink_to(tmp_path / "secret" / "lab.yaml")
    with pytest.raises(UserError, match="it is a link out of the folder") as error:
        Scenario.load(str(folder))
    assert "Parrot" not in str(error.value)


def test_a_link_within_a_folder_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "R11.cfg").unlink()
    main(["import", str(folder / "inside.cfg")])
    assert "inside.cfg: R31" in capsys.readouterr().out
    main(["lint", str(folder)])
    assert "inside.cfg is left out" not in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ render

TABLE = """\
name: branches
phase: 3
protection: none
tunnel: {network: 10.255.0.0/24}
pools: {lan: {network: 10.1.0.0/16, length: 24}}
hubs: {HUB1: {nbma: 203.0.113.1/30, gateway: 203.0.113.2}}
spokes: {PARIS: {nbma: 198.51.100.1/30, gateway: 198.51.100.2}}
"""


@pytest.fixture
def sites(folder: Path) -> Path:
    """A table in the folder, beside a template that includes what `part.j2` has."""
    for path in folder.glob("*.cfg"):
        path.unlink()
    (folder / "sites.yaml").write_text(TABLE)
    (folder / "mine.j2").write_text("hostname X\n{% include 'part.j2' %}\n")
    return folder / "sites.yaml"


@pytest.mark.parametrize(
    ("name", "leads", "to"),
    [
        ("part.j2", "../secret/S.cfg", "mine.j2"),
        ("deeper", "../secret", "deeper.j2"),
        ("mine.j2", "../secret/S.cfg", "mine.j2"),
        ("branches", "../secret", ""),
        ("sites.lock.yaml", "../secret/S.cfg", ""),
        ("branches/.made-by-render.yaml", "../../secret/S.cfg", ""),
        ("branches/PARIS.cfg", "../../secret/S.cfg", ""),
    ],
)
def test_render_reads_and_writes_nothing_that_a_link_has_elsewhere(
    name: str, leads: str, to: str, sites: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A template of a folder that somebody sent included a link, and `dmvpn render` printed a file of this machine."""
    (sites.parent / "deeper.j2").write_text("hostname X\n{% include 'deeper/S.cfg' %}\n")
    link = sites.parent / name
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(leads)
    words = ["--template", str(sites.parent / to)] if to else []
    for more in ((), ("--check",)):
        assert main(["render", str(sites), *words, *more]) == 2
        said = capsys.readouterr()
        assert "it is a link out of the folder, or to nothing" in said.err
        assert "SECRET" not in said.out + said.err
    assert [path.name for path in (tmp_path / "secret").iterdir()] == ["S.cfg"]
    assert (tmp_path / "secret" / "S.cfg").read_text() == SECRET


def test_a_template_that_includes_a_pipe_is_refused_at_once(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It never ended: a limit of processor time does not end a process that waits."""
    os.mkfifo(sites.parent / "part.j2")
    assert main(["render", str(sites), "--template", str(sites.parent / "mine.j2")]) == 2
    assert "no regular file" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ without an end


def _pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize(
    "words", [("import",), ("config", "check"), ("lint",), ("replay",), ("render",), ("lab", "up", "--simulated")]
)
@pytest.mark.parametrize("made", [lambda _: "/dev/zero", _pipe])
def test_a_file_without_an_end_is_refused_unread(
    words: tuple[str, ...], made: Callable[[Path], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`dmvpn replay /dev/zero` never ended, and took all memory."""
    path = made(tmp_path)
    assert main([*words, str(path)]) != 0
    said = capsys.readouterr().err
    assert "no regular file" in said or "no scenario" in said


def test_a_line_that_nobody_recorded_ends_a_replay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "LONGEST_LINE", 1 << 20)
    file = tmp_path / "life.jsonl"
    with file.open("wb") as holes:
        holes.truncate(1 << 40)  # it has no blocks, and no end of line in a terabyte
    assert main(["replay", str(file)]) != 0
    assert "life.jsonl:1: longer than 1 MiB, so it is no line of a recording" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("import",), ("config", "check"), ("lint",)])
def test_a_line_that_nobody_wrote_is_an_error_with_its_number(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "R1.cfg"
    file.write_text(f"hostname R1\ninterface Loopback0\n description {'x' * LONGEST_LINE}\nend\n")
    main([*words, str(file)])
    said = capsys.readouterr().err
    assert f"R1.cfg: line 3 has {LONGEST_LINE + 13} characters, and at most {LONGEST_LINE} are read of a line" in said
    file.write_text(f"hostname R1\ninterface Loopback0\n description {'x' * (LONGEST_LINE - 13)}\nend\n")
    main([*words, str(file)])
    assert "are read of a line" not in capsys.readouterr().err


@pytest.mark.lengthy
def test_an_address_is_compared_with_near_ones_alone_and_all_overlaps_are_found() -> None:
    """A file with 30,000 interfaces took half a minute, most of it for the question which subnets overlap."""
    lines = [
        line
        for n in range(400)
        for line in (f"interface Loopback{n}", f" ip address 10.{n // 200}.{n % 200}.1 255.255.255.0")
    ]
    text = "\n".join(lines)

    def said(address: str, mask: str) -> str:
        result = take_in(f"{text}\ninterface Loopback999\n ip address {address} {mask}\n").result
        return " ".join(line for problem in result.problems for line in problem.message_lines)

    assert "overlaps with Loopback7" in said("10.0.7.9", "255.255.255.255")
    assert "overlaps with Loopback200" in said("10.1.0.9", "255.255.0.0")
    assert "overlaps with Loopback0" in said("10.9.9.9", "255.0.0.0")
    assert said("10.2.0.1", "255.255.255.0") == ""


def test_a_short_file_takes_little_memory_however_long_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "R1.cfg").write_text("hostname R1\n")
    tracemalloc.start()
    try:
        assert read_octets(tmp_path / "R1.cfg", 64 << 20) == b"hostname R1\n"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    (tmp_path / "R2.cfg").write_bytes(b"x" * 100_000)
    assert len(read_octets(tmp_path / "R2.cfg", 100_000)) == 100_000
    assert len(read_octets(tmp_path / "R2.cfg", 99_000)) == 99_001


@pytest.mark.skipif(not os.access("/proc/kallsyms", os.R_OK), reason="no large file of the kernel")
def test_a_file_that_says_it_is_empty_is_read_to_its_end() -> None:
    with open("/proc/kallsyms", "rb") as file:
        whole = file.read()
    assert len(whole) > 1 << 17
    assert read_octets(Path("/proc/kallsyms"), 64 << 20) == whole


def test_a_host_name_in_quotation_marks_is_the_name_without_them(tmp_path: Path) -> None:
    """A course writes all names so: its routers had names that no file and no lab can have."""
    (tmp_path / "one").write_text(f'hostname "DP-R1"\n{TUNNEL}end\n')
    assert main(["import", str(tmp_path / "one"), "--to", str(tmp_path / "lab")]) == 0
    assert (tmp_path / "lab" / "DP-R1.cfg").exists()
    assert "hostname DP-R1" in shown('hostname "DP-R1"\n')
