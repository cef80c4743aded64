"""What people keep as a configuration: logs of terminals, backups, files of other encodings."""

from __future__ import annotations

import pytest

from dmvpn.ios.transcript import LONGEST_FILE, Transcript, decode
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

LANGUAGE = configurator(FEATURES)

LOG = """\
R1>en
Password:
R1#sh run
Building configuration...

Current configuration : 1234 bytes
!
! Last configuration change at 09:12:11 UTC Mon Mar 1 2021
version 15.2
hostname R1
*Mar  1 00:01:02.003: %SYS-5-CONFIG_I: Configured from console by console
 --More-- \b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\binterface Tunnel0
\tip address 10.0.0.1 255.255.255.0 ! the cloud
 ip nhrp network-id 1
end

R1#sh ip nhrp
hostname R2
   Tunnel0 created 00:00:10, expire 01:59:50
R1#conf t
Enter configuration commands, one per line.  End with CNTL/Z.
R1(config)#int tu0
R1(config-if)#ip nhrp holdtime 300
R1(config-if)#do sh ip int br
interface Loopback9
R1(config-if)#ip nhrp shortcut
R1(config)#hostname R1
R1(config)#^Z
R1#wr
Building configuration...
[OK]
"""


def rendered(text: str) -> list[str]:
    result = LANGUAGE.parse_text(text)
    assert result.problems == ()
    return [line for line in result.tree.render() if line != "!"]


def test_the_log_of_a_terminal_leaves_what_was_shown_and_typed_as_configuration() -> None:
    assert rendered(LOG)[2:] == [
        "hostname R1",
        "interface Tunnel0",
        " ip address 10.0.0.1 255.255.255.0",
        " ip nhrp network-id 1",
        " ip nhrp holdtime 300",
        " ip nhrp shortcut",
    ]


def test_a_prompt_says_that_a_line_is_global() -> None:
    lines = rendered("R1(config)#int tu0\nR1(config-if)#no shut\nR1(config)#ip route 10.0.0.0 255.0.0.0 Null0\n")
    assert "ip route 10.0.0.0 255.0.0.0 Null0" in lines


def test_messages_name_the_lines_of_the_file() -> None:
    (problem,) = LANGUAGE.parse_text("R1#sh run\r\nBuilding configuration...\r\n\r\nhostnaem R1\r\n").problems
    assert (problem.line_number, problem.text) == (4, "hostnaem R1")


@pytest.mark.parametrize(
    "octets",
    [
        "interface Tunnel0\n description Zürich".encode("latin-1"),
        b"\xef\xbb\xbfinterface Tunnel0\r\n description Z\xc3\xbcrich",
        "interface Tunnel0\r description Zürich".encode("utf-16"),
    ],
)
def test_encodings_and_line_ends_of_other_systems_are_read(octets: bytes) -> None:
    assert rendered(decode(octets)) == ["interface Tunnel0", " description Zürich"]


def test_text_inside_a_banner_is_not_taken_for_a_prompt_or_a_header() -> None:
    lines = rendered("banner motd ^C\nR1#sh run\n--More--\n[OK]\n^C\n")
    assert lines == ["banner motd ^C", "R1#sh run", "--More--", "[OK]", "^C"]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (" ip address 10.0.0.1 255.0.0.0 ! LAN", " ip address 10.0.0.1 255.0.0.0"),
        (" description to HQ ! urgent", " description to HQ ! urgent"),
        (" ip nhrp authentication !secret", " ip nhrp authentication !secret"),
        (" ip nhrp authentication one ! two", " ip nhrp authentication one"),
    ],
)
def test_a_comment_behind_a_line_goes_and_texts_keep_their_exclamation_marks(line: str, left: str) -> None:
    assert rendered(f"interface Tunnel0\n{line}") == ["interface Tunnel0", left]


def test_no_text_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="zero octets"):
        decode(b"abc\0def")
    with pytest.raises(ValueError, match="longer than"):
        decode(b" " * (LONGEST_FILE + 1))


@pytest.mark.lengthy
def test_a_line_of_a_megabyte_costs_no_more_than_its_length() -> None:
    transcript = Transcript()
    for hostile in ("\b" * 1_000_000, "a\b" * 500_000, "--More--" * 100_000, "a" * 1_000_000 + "#", "! " * 500_000):
        transcript.take(hostile)


def test_a_remark_may_have_the_number_of_the_entry_that_it_is_about() -> None:
    text = "ip access-list extended X\n 10 remark web\n 10 permit ip any any"
    assert rendered(text) == text.split("\n")


def test_what_show_printed_is_no_configuration_though_no_prompt_is_before() -> None:
    text = (
        "interface Tunnel0\n ip nhrp network-id 1\n"
        "Tunnel0 is up, line protocol is up\n  Internet address is 10.0.0.1/24\n"
        "IPv4 Crypto ISAKMP SA\ndst             src             state\n192.0.2.2  192.0.2.1  QM_IDLE\n"
        "interface: Tunnel0\n    Crypto map tag: Tunnel0-head-0\n"
        "interface Loopback0\n description Codes: none\n"
    )
    assert {"interface Loopback0", " description Codes: none", " ip nhrp network-id 1"} <= set(rendered(text))
    assert not any("Crypto map" in line or "QM_IDLE" in line for line in rendered(text))


@pytest.mark.parametrize("octets", [b"\x9b31m", b"\xc2\x9b31m", b"\x1bP1q", b"\x90q"])
def test_nothing_of_a_file_moves_the_cursor_of_whoever_reads_about_it(octets: bytes) -> None:
    result = LANGUAGE.parse_text(decode(b"interface Tunnel0\n frobnicate " + octets + b"\n"))
    said = "".join(problem.text + "".join(problem.message_lines) for problem in result.problems)
    assert "frobnicate" in said
    assert said.isprintable()


def test_quotation_marks_of_windows_are_what_they_are_there() -> None:
    assert decode(b"description \x93the hub\x94 \x96 caf\xe9") == "description \u201cthe hub\u201d \u2013 caf\xe9"


def test_a_tab_that_a_program_wrote_out_is_a_tab() -> None:
    """The `quit` of a certificate was `\\tquit`, which ended nothing and held the tunnels down."""
    text = (
        "crypto pki trustpoint CA\ncrypto pki certificate chain CA\n certificate ca 01\n"
        "  30820330 30820218\n  \\tquit\n"
        "hostname R2\ninterface Loopback0\n description C:\\temp\n"
    )
    assert not LANGUAGE.parse_text(text).problems
    assert {"hostname R2", " description C:\\temp"} <= set(rendered(text))


@pytest.mark.parametrize(
    "title", ["Tunnel configuration", "Hub 1 Configuration:", "Spoke-2 OSPF config", "Crypto Configs"]
)
def test_a_heading_that_says_what_comes_next_is_no_line(title: str) -> None:
    """`Tunnel configuration` between two sections was taken for a line of a tunnel, and held them all down."""
    result = LANGUAGE.parse_text(f"hostname R1\n{title}\ninterface Tunnel0\n ip nhrp network-id 1\n{title}\n")
    assert not result.problems
    assert all(entry.text != title for entry in result.entries)


@pytest.mark.parametrize("line", ["Tunnel protection ipsec configuration", "Description Tunnel configuration"])
def test_what_only_looks_like_a_heading_stays_a_line(line: str) -> None:
    result = LANGUAGE.parse_text(f"interface Tunnel0\n{line}\n")
    assert result.problems or any("Tunnel configuration" in text for text in result.tree.render())


def test_a_remark_in_other_letters_behind_a_dash_is_no_part_of_the_line() -> None:
    """`ip mtu 1400 - (a word in Cyrillic)` was refused, with all lines below it."""
    text = "interface Tunnel0\n ip mtu 1400 - \u0440\u0430\u0437\u043c\u0435\u0440\n description a - \u0431\n"
    assert not LANGUAGE.parse_text(text).problems
    assert {" ip mtu 1400", " description a - \u0431"} <= set(rendered(text))


@pytest.mark.parametrize(
    ("line", "is_kept"),
    [
        ("   //sJ6qlZlkyKD7aDuAdTM8kntNSK6lbGoxUzhHEpKKrV65Pwru/yPRn5i2Srn/A/NlAHoL6Q", True),
        ("   //sJ6qlZlkyKD7aA==", True),
        ("// the hub", False),
        ("//------------------------", False),
        ("# the hub", False),
    ],
)
def test_a_piece_of_a_public_key_that_begins_with_slashes_is_no_comment(line: str, is_kept: bool) -> None:
    """A user whose RSA key has such a piece, one in six hundred, did not get in."""
    assert (Transcript().take(line) is not None) is is_kept
