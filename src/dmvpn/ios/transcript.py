"""What people keep as "the configuration": files as a router writes them, backups, logs of terminals.

    decode(octets)      the text of a file, whatever its encoding
    Transcript          takes the lines one after the other and keeps the configuration

Terminals leave prompts with commands, `--More--` and what wipes it out, headers, log messages and the output of other
commands. None of these is a line of the configuration, and each of them begins in a way in which no line of a
configuration does; so a plain file passes through unchanged. Line numbers remain those of the file.

    text_end(line)      how the banner ends that this line begins: texts of several lines, in which nothing is a line
    in_banners(lines)   which of the lines are in one
    kind_of(octets)     "a gzip file: unpack it first (gunzip)"; "" for what may be text
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from dmvpn.base.breath import breathing
from dmvpn.ios.protection import asks_for_protection

# ---------------------------------------------------------------------------------------------- files that hold no text


#: How files of a kind begin, what they are, and what to do with them.
_BEGINNINGS: Final = (
    (b"\x1f\x8b", "a gzip file: unpack it first (`gunzip`, or `tar xzf` for a .tar.gz)"),
    (b"PK\x03\x04", "a zip archive, or a document of an office program: unpack it first (`unzip`), or save it as text"),
    (b"PK\x05\x06", "a zip archive with nothing in it"),
    (b"BZh91AY&SY", "a bzip2 file: unpack it first (`bunzip2`)"),
    (b"\xfd7zXZ\0", "an xz file: unpack it first (`unxz`)"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file: unpack it first (`unzstd`)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first (`7z x`)"),
    (b"Rar!\x1a\x07", "a RAR archive: unpack it first (`unrar x`)"),
    (b"%PDF-", "a PDF document: save it as text first (`pdftotext -layout`)"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of an office program: save it as text first"),
    (b"\x89PNG\r\n", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"\xd4\xc3\xb2\xa1", "a capture of packets (pcap)"),
    (b"\xa1\xb2\xc3\xd4", "a capture of packets (pcap)"),
    (b"SQLite format 3\0", "a database (SQLite)"),
    (b"\x7fELF", "a program"),
)
#: A tar archive says so behind the name and the numbers of its first file.
_TAR: Final = (257, b"ustar", "a tar archive: unpack it first (`tar xf`)")


def kind_of(octets: bytes) -> str:
    """Return what a file is that holds no text, and what to do with it; "" for what may be text."""
    found = next((said for beginning, said in _BEGINNINGS if octets.startswith(beginning)), "")
    offset, mark, said = _TAR
    return found or (said if octets.startswith(mark, offset) else "")


# ------------------------------------------------------------------------------------------------ texts


#: A longer file is no configuration of a router: 20,000 spokes on one hub need less.
LONGEST_FILE: Final = 64 * 1024 * 1024

#: A longer line is none of a configuration, nor of a page about one.
LONGEST_LINE: Final = 64 * 1024

#: Marks where a block of a page begins: the output that the block before showed has ended.
BLOCK: Final = "\x1c"

#: The prompt of a router; the typed line follows it.
PROMPT: Final = re.compile(
    r"[ \t]{0,16}(?P<name>[A-Za-z0-9][\w.:@/-]{0,62})(?:\((?P<mode>[a-z][\w-]{0,62})\))?(?P<mark>[#>])"
)
_CONFIG_MODE: Final = ("config", "cfg-", "ca-", "conf-")
_MORE: Final = re.compile(r"\s*<?-+\s?[Mm]ore\s?-+>?[ \t]*")
#: Characters that would move the cursor of a report's reader are removed with it.
_ESCAPE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>78]|[\x00\x07\x1b\x80-\x9f]")
#: Octets that are no letters in Latin-1 are quotation marks and dashes of Windows.
_WINDOWS: Final = {number: bytes([number]).decode("cp1252", "ignore") for number in range(0x80, 0xA0)}
_HEADER: Final = re.compile(
    r"Building configuration\.\.\.|Current configuration\b.*:|Using \d+ out of \d+ bytes|Startup-config\b.*:"
    r"|Enter configuration commands, one per line|Load for five secs|Time source is |No time source"
    r"|(Last|NVRAM|No) configuration (change|last updated)|NVRAM config last updated|Uncompressed configuration from"
    r"|\[OK\]|Destination filename \[|Configuring from |-----+ ?show |```|Press RETURN to get started"
    r"|\s{0,16}(?:[*.]|\d{6}: )?[*.]?"
    r"(?:[A-Z][a-z]{2} +\d+ (?:\d{4} )?\d\d:\d\d:\d\d|\d\d:\d\d:\d\d)[^%]*: %[A-Z]"
    r"|\s*crypto\s+(?:pki|ca)\s+(?:authenticate|enroll|import|export|crl|benchmark)\s"
    r"|\s*cry(?:pto?)?\s+key\s+(?:gen\w*|zer\w*|exp\w*|imp\w*)(?:\s|$)"
    r"|\s*(?:en(?:able)?|conf\w*\s+t\w*|wr\w*(?:\s+mem\w*)?|copy\s+run\S*\s+star\S*|sh\w*\s+(?:run|start)\S*.*)\s*$"
    r"|\s*(?:do\s+)?(?:sh|sho|show|ping|trace|tracer|traceroute|clear|debug|undebug|no\s+debug|reload|terminal|dir|copy|write)"
    r"\s+\S|\s*[-=_*~+]{3,}\s*$|\s*[<\[(]?(?:\.{2,}|\u2026)[>\])]?\s*$"
    r"|\s*[<\[(]{1,3}\s?(?:output\s)?(?:snip|omitted)\s?[>\])]{1,3}\s*$"
    # what a terminal shows before the first prompt, and behind the last one
    r"|=~=~|(?:login as|[Uu]sername|[Pp]assword): ?\S*\s*$|\S{1,80}'s password:|Using username "
    r"|Using keyboard-interactive |(?:Keyboard-interactive authentication|End of keyboard-interactive) prompts"
    r"|User Access Verification\s*$"
    r"|Last login: |Trying \S+ ?\.\.\.|Connected to \S|Escape character is |Connection (?:to \S+ )?closed"
    # items of lists, bold words, rows of tables
    r"|\s{0,80}(?:[-*+]\s{1,8}\S|\*\*\S|\d{1,3}[.)]\s|\|.{0,400}\|\s{0,80}$)"
    r"|%[A-Z][A-Z0-9_]*-\d-[A-Z0-9_]+:|%(?: |Warning|Error)|\s*\^\s*$"
)
#: How items of lists and rows of tables begin.
_OF_LISTS: Final = "-*+|0123456789"
#: Headers of sections: lines below such a header belong to no section before it.
_LISTED: Final = re.compile(
    r"\s{0,80}(?:[-*+]|\d{1,3}[.)]|\|)\s{0,8}[`*]{0,3}(?:int\w{0,6}\s{1,8}[a-z-]{2,24}\s?[\d/.:]{1,16}[\s`*|]{0,80}$"
    r"|router\s{1,8}(?:eigrp|ospf|bgp|rip)\b|cry\w{0,3}\s{1,8}(?:isa|ike|ips|key|pki|map|dyn)\w{0,12}\s|key\s{1,8}chain\s)",
    re.IGNORECASE,
)
#: How what `show` and `ping` print begins, where people left the prompts away; no line of a configuration does.
_OUTPUT: Final = re.compile(
    r"Interface +(?:IP-Address|Hold|Peers|PID|State)|[A-Z][\w/.-]{1,40} is (?:administratively down|up|down), line"
    r"|IPv[46] Crypto (?:ISAKMP|IKEv2) +SA|Crypto [Ss]ession current status"
    r"|[Ii]nterface: [A-Z]\w+[\d/.]+(?:,|\s*$)"
    r"|Codes: |Legend: Attrb|Type escape sequence|Sending \d+, \d+-byte|Success rate is|Gateway of last resort"
    r"|(?:IP-)?EIGRP(?:-IPv[46])? (?:VR\(\S+\) )?(?:[Nn]eighbors|[Tt]opology)|Neighbor ID +Pri|BGP table version"
    r"|dst {3,}src {3,}state|\d+\.\d+\.\d+\.\d+/\d+ via \d|Tracing the route"
)
#: How a configuration goes on behind it.
_BEGINS: Final = re.compile(
    r"!|(?:interface|int|router|crypto|hostname|version|line|access-list|route-map|key|vrf|ip|no|ipv6|service|aaa|end|exit)"
    r"(?:\s+[^\s:]|\s*$)"
)
#: Lines that are comments in other languages, and no piece of a public key, which may begin with slashes, too.
_COMMENT: Final = re.compile(r"#|//(?![A-Za-z0-9+/=]{10,}$)")
#: How comments begin behind a line; the second is other languages'.
_COMMENTS: Final = (" !", " //", "\t!")
#: Notes that people write behind a line: `# the WAN`, `<-- important`, `(phase 3)`; and a remark in a language of other
#: letters, set off from the line by more than one space, or a dash.
_REMARK: Final = re.compile(
    r"(?<=\S)(?:\s{1,80}(?:#|;|<[-=]{1,8}|--|\u2190|\()[^#;<]{0,200}$|(?:\s{2,}|\s-\s+)(?=[^\x00-\x7f]))"
)
#: Without one of these there is no comment behind a line.
_MAY_REMARK: Final = re.compile(r"[!#;<(/-]|[^\x00-\x7f]")
#: Commands of configuration mode that ask questions, and print; their answers are no configuration.
_ASKS: Final = re.compile(
    r"(?:do\s+)?cry\w*\s+(?:(?:pki|ca)\s+(?:auth\w*|enr\w*|imp\w*|exp\w*)|key\s+(?:gen\w*|zero\w*|imp\w*|exp\w*))(?:\s|$)",
    re.IGNORECASE,
)
_SHOWS: Final = re.compile(r"(do )?(sh(o|ow)?\s+(ru|star|conf|arch)|more\s|wr(i|it|ite)?\s+t)", re.IGNORECASE)
#: What comes behind it is a configuration, whatever was typed to see it.
_ANNOUNCES: Final = re.compile(r"\s{0,16}(?:Building configuration\.\.\.|Current configuration\b[^:]{0,80}:)")
_CONFIGURES: Final = re.compile(r"conf(ig?|igur?|igure)?(\s+t\w*)?\s*$|configure\b", re.IGNORECASE)


#: The tab before `quit` as programs write it that keep configurations in strings; no line of IOS begins so.
_WRITTEN_TAB: Final = re.compile(r"\A\s*(?:\\t)+")

#: Invisible characters that web pages leave between letters: zero-width blanks and joiners, a mark in the middle.
_INVISIBLE: Final = dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))


def decode(octets: bytes) -> str:
    """Return the text of a file: UTF-8 or UTF-16 with or without its mark, else Latin-1, as IOS knows octets alone.

    Raises ValueError for a file that is not text (naming its type), or too long.
    """
    if len(octets) > LONGEST_FILE:
        raise ValueError(f"longer than {LONGEST_FILE >> 20} MiB, so it is no configuration")
    if kind := kind_of(octets):
        raise ValueError(f"not text but {kind}")
    if octets[:2] in (b"\xff\xfe", b"\xfe\xff"):
        octets = octets.decode("utf-16", errors="replace").encode()
    if b"\0" in octets:
        raise ValueError("not text: it has zero octets in it")
    for number, line in enumerate(octets.splitlines(), 1):
        if len(line) > LONGEST_LINE:
            raise ValueError(f"line {number} has {len(line)} characters, and at most {LONGEST_LINE} are read of a line")
    try:
        return octets.decode("utf-8-sig").translate(_INVISIBLE)
    except UnicodeDecodeError:
        return octets.decode("latin-1").translate(_WINDOWS)


#: Six words or more, of which the first begins in capitals, and none of the first two has a figure in it.
_SENTENCE: Final = re.compile(
    r"(?!(?i:desc|rem|ban|title|alias|event|action|user))[A-Z][a-z]*\s[A-Za-z'-]+(?:\s+\S+){4,}$"
)
#: What comes next, as a heading of up to five words says it: `Tunnel configuration`, `Hub 1 Configuration:`.
_TITLE: Final = re.compile(
    r"(?!(?i:desc|rem|ban|title|alias|name|no|event|action|user))[A-Z][\w/-]*(?:[ \t]+[\w/-]+){0,3}[ \t]+"
    r"[Cc]onfig(?:uration)?s?[ \t]*:?[ \t]*$"
)
_LONGEST_SENTENCE: Final = 400
#: Words of sentences; two of them make one.
_SMALL: Final = frozenset(
    (
        *("the", "a", "an", "is", "are", "was", "be", "of", "and", "or", "to", "on", "with", "from", "this", "that"),
        *("which", "when", "if", "will", "can", "must", "not", "we", "you", "it", "as", "for", "by", "has", "have"),
    )
)
_FEWEST_SMALL: Final = 2


class _Reads(enum.Enum):
    """What the lines are that come next."""

    CONFIGURATION = "lines of a configuration, or typed ones"
    OUTPUT = "the output of a command that shows no configuration"


class TypedLine(NamedTuple):
    """A line of configuration. `at_top`: the prompt before it says that it was typed in global configuration mode."""

    text: str
    at_top: bool = False


class Transcript:
    """Leaves the configuration of what a terminal showed. One for each text; lines in their order."""

    __slots__ = ("_bare_at", "_reads")

    def __init__(self) -> None:
        self._bare_at: int | None = None  # the column of output without a prompt before it
        self._reads = _Reads.CONFIGURATION

    @property
    def is_in_output(self) -> bool:
        """Whether the next lines are the output of a command that shows no configuration."""
        return self._reads is _Reads.OUTPUT

    @staticmethod
    def lines(text: str) -> list[str]:
        """Return the lines of a file as an editor counts them."""
        if "\n" not in text:
            return text.split("\r")
        lines = [line.rstrip("\r") for line in breathing(text.split("\n"))]
        return [part for line in breathing(lines) for part in _parted(line)] if "\r" in text else lines

    def take(self, line: str) -> TypedLine | None:
        """Return what of this line is configuration; None if nothing is."""
        if line == BLOCK:
            self._reads, self._bare_at = _Reads.CONFIGURATION, None
            return None
        line = shown(line)
        if not line or line.isspace():
            return TypedLine("")
        prompt = PROMPT.match(line) if "#" in line or ">" in line else None
        if prompt is not None:
            return self._behind(prompt["mode"], line[prompt.end() :])
        bare = line.lstrip()
        if self._reads is _Reads.OUTPUT and _ANNOUNCES.match(line):
            self._reads, self._bare_at = _Reads.CONFIGURATION, None
        if self._reads is _Reads.CONFIGURATION and _OUTPUT.match(bare):
            self._reads, self._bare_at = _Reads.OUTPUT, len(line) - len(bare)
        elif self._bare_at is not None and len(line) - len(bare) <= self._bare_at and _BEGINS.match(bare):
            self._reads, self._bare_at = _Reads.CONFIGURATION, None
        if bare[0] in _OF_LISTS and self._reads is _Reads.CONFIGURATION and _LISTED.match(line):
            return TypedLine(line)
        if self._reads is _Reads.OUTPUT or _HEADER.match(line) or _COMMENT.match(bare) or is_prose(line):
            return None
        return TypedLine(line)

    def _behind(self, mode: str | None, typed: str) -> TypedLine | None:
        """Return the command behind a prompt; in exec mode it says what the next lines are."""
        typed = typed.strip()
        if mode is not None and mode.startswith(_CONFIG_MODE):
            self._reads = _Reads.CONFIGURATION
            if typed.lower().startswith("do "):
                return self._behind(None, typed[3:])
            if typed in ("^Z", "\x1a"):
                return TypedLine("end")
            if _ASKS.match(typed):
                self._reads = _Reads.OUTPUT
                return None
            return TypedLine(typed, at_top=mode == "config") if typed else None
        if typed:
            self._bare_at = None
            shows = _SHOWS.match(typed) or _CONFIGURES.match(typed)
            self._reads = _Reads.CONFIGURATION if shows else _Reads.OUTPUT
        return None


def without_prompt(line: str) -> str:
    """Return the typed text, or the line itself if it has no prompt."""
    prompt = PROMPT.match(line)
    return line if prompt is None else line[prompt.end() :]


def is_pager(line: str) -> bool:
    """Return whether it is the prompt of a pager that was not erased."""
    more = _MORE.match(_ESCAPE.sub("", line))
    return more is not None and not line[more.end() :].strip()


def is_log(text: str) -> bool:
    """Return whether there are lines in it that only a terminal shows: prompts, headers, the output of commands."""
    transcript = Transcript()
    return any(transcript.take(line) is None for line in Transcript.lines(text))


def _parted(line: str) -> list[str]:
    """Return the lines that carriage returns alone end; where a terminal wiped something out with them, it is one
    line.
    """
    parts = line.split("\r")
    seen = sum(1 for part in parts if shown(part).strip())
    return parts if seen > 1 else [line]


def without_comment(line: str) -> str:
    """Return the line without a comment behind it: IOS has none there, but people write them into files.

    Protection behind a semicolon is no comment: other languages have their next command there.
    """
    if _MAY_REMARK.search(line) is None:
        return line
    for mark in _COMMENTS:
        before, found, _ = line.partition(mark)
        if found and before.strip():
            return before.rstrip()
    remark = _REMARK.search(line)
    if remark is None or (";" in remark.group() and asks_for_protection(remark.group())):
        return line
    return line[: remark.start()]


def is_prose(line: str) -> bool:
    """Return whether it can be no line of IOS, nor a slip of one.

    No letter is in it that a line could begin with; or it is a sentence, or a heading.
    """
    if line[:1].isupper() and len(line) <= _LONGEST_SENTENCE:
        if _SENTENCE.match(line) is not None:
            return sum(word in _SMALL for word in line.lower().split()) >= _FEWEST_SMALL
        if _TITLE.match(line) is not None:
            return not asks_for_protection(line)
    return not line.isascii() and not any(letter.isascii() and letter.isalnum() for letter in line)


def shown(line: str) -> str:
    """Return what the screen shows when everything was printed: backspaces and carriage returns go back and
    overwrite.
    """
    line = _ESCAPE.sub("", line.lstrip("\ufeff"))
    if "\\t" in line:
        line = _WRITTEN_TAB.sub("\t", line)
    if "\b" in line or "\r" in line:
        screen: list[str] = []
        column = 0
        for letter in line:
            if letter == "\b":
                column = max(column - 1, 0)
            elif letter == "\r":
                column = 0
            else:
                screen[column : column + 1] = letter
                column += 1
        line = "".join(screen).rstrip()
    more = _MORE.match(line)
    return line[more.end() :] if more else line


# ------------------------------------------------------------------------------------------------ banners


_BANNER: Final = re.compile(
    r"\s*banner\s+(?:(?:motd|login|exec|incoming|slip-ppp|prompt-timeout)\s+)?(\^.|\S)", re.IGNORECASE
)
#: A text that goes on for longer has no end.
_LONGEST: Final = 200


def text_end(line: str) -> str:
    """Return how the text of a banner ends that goes on in the next lines; "" if none does."""
    banner = _BANNER.match(line)
    if banner is None or banner[1] in line[banner.end(1) :]:
        return ""
    return "\x03" if banner[1] == "^C" and "^C" not in line else banner[1]


def in_banners(lines: Sequence[str]) -> list[bool]:
    """Return whether this line is the text of a banner, without the first line of it.

    A banner that does not end does not begin.
    """
    found = [False] * len(lines)
    number = 0
    while number < len(lines):
        until = text_end(without_prompt(lines[number]))
        number += 1
        if until:
            behind = lines[number : number + _LONGEST]
            length = next((count for count, line in enumerate(behind, 1) if until in line), 0)
            found[number : number + length] = [True] * length
            number += length
    return found
