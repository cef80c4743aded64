"""Markdown around configurations: the text between its fences is the input of a router; the rest is prose.

Some pages have no fences: then each line of the configuration is a paragraph of HTML, or is between backticks, or is
indented by four blanks, as the first Markdown had it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.ios.headings import heading_of, hosts_of, mark_of, several_of
from dmvpn.ios.protection import asks_for_protection
from dmvpn.ios.transcript import BLOCK, in_banners, without_prompt

if TYPE_CHECKING:
    from collections.abc import Mapping

#: More than four tildes are a ruler.
_FENCE: Final = re.compile(r"[ \t>]{0,12}(?P<mark>`{3,}|~{3,4}(?!~))[ \t]*(?P<kind>[\w+#.-]*)[^`]*$")
_ANY: Final = re.compile(r"(?m)^[ \t>]{0,12}(?:`{3}|~{3,4}(?!~))")
#: A single one may be quoted by a sentence.
_FEWEST_OUTSIDE: Final = 3
_OF_INLINE: Final = 6
#: Two lines of a configuration that are paragraphs, one behind the other.
_PARAGRAPHS: Final = re.compile(
    r"(?mi)^[ \t]{0,16}<p>[ \t]{0,16}(?:interface|crypto|router|hostname|ip|tunnel)[ \t][^<\n]{1,200}</p>[ \t\r]*\n"
    r"[ \t]{0,16}<p>"
)
_TAG: Final = re.compile(r"</?(?:p|pre|code|br|div|span|blockquote)(?:\s[^<>]{0,80})?/?>", re.IGNORECASE)
#: The first line of a block of a page of HTML, and any tag.
_PRE: Final = re.compile(r"<pre(?:\s[^<>]{0,200})?>", re.IGNORECASE)
_ANY_TAG: Final = re.compile(r"</?[a-z][a-z0-9]{0,12}(?:\s[^<>]{0,400})?/?>", re.IGNORECASE)
#: A blank that an editor of web pages escaped, so that it is not stripped.
_BLANK: Final = re.compile(r"^&(?:#x20|#32|nbsp);")
#: How lines of a configuration begin that no sentence begins with, in the first column.
_LINE: Final = re.compile(
    r"(?m)^ ?(?:interface [A-Z][a-z-]+ ?\d|int(?:erface)? tu\w* ?\d|router (?:eigrp|ospf|bgp|rip)|hostname \S+[ \t\r]*$"
    r"|crypto (?:isakmp|ikev2|ipsec|keyring|pki) |ip (?:address|nhrp|route) |tunnel (?:source|mode|key|protection) )"
)
#: Headings and tables.
_OF_PAGES: Final = re.compile(r"(?m)^(?:#{1,6} \S|\|.{1,400}\|[ \t\r]*$)")
#: Parts of boxes and of the wires between them, in two lines of a drawing.
_DRAWN: Final = re.compile(r"[\u2500-\u257f]|\+-{3,}|-{3,}\+|[-=]{3,}>|<[-=]{3,}")
_OF_DRAWINGS: Final = 2
_WORDS: Final = r"(?:interface|crypto|router|hostname|ip|tunnel)[ \t]"
#: Two lines of a configuration between backticks, one behind the other.
_TICKED: Final = re.compile(
    rf"(?mi)^[ \t]{{0,16}}`[ \t]{{0,8}}{_WORDS}[^`\n]{{1,200}}`[ \t\r\\]*\n"
    r"(?:[ \t\r]*\n)?[ \t]{0,16}`[^`\n]+`[ \t\r\\]*$"
)
_TICKS: Final = re.compile(r"[ \t]{0,16}`([^`\n]+)`[ \t\r\\]*")
#: A line of a configuration in a block that is one because it is indented.
_INDENTED: Final = re.compile(rf"(?mi)^(?:\t| {{4}}){_WORDS}")
#: What pages put before a line and around it.
_MARKS: Final = " \t>-*+`|"
#: The first line of a block behind its fence.
_BEGUN: Final = re.compile(
    r"[ \t>]{0,12}```[ \t]*((?:interface|int|router|crypto|ip|hostname|line|route-map|conf)\s[^`]*)$"
)


def has_fences(text: str) -> bool:
    """Return whether it has two fences, so that something is between them. Banners are drawn with the same marks."""
    found = _ANY.finditer(text)
    if next(found, None) is None or next(found, None) is None:
        return False
    if "banner" not in text.lower():
        return True
    lines = text.split("\n")
    return (
        sum(not inside and _ANY.match(line) is not None for line, inside in zip(lines, in_banners(lines), strict=True))
        > 1
    )


def _may_protect(line: str) -> bool:
    """Return whether it is, without what pages put around it and without a prompt, a line that protects a tunnel, or
    nearly so.

    Such a line counts wherever it is: without it the tunnel would be in clear. Sentences begin with other words.
    """
    bare = without_prompt(line.strip(_MARKS)).lstrip(_MARKS)
    return bare[:3].lower() == "tun" and asks_for_protection(bare)


def fenced(text: str) -> str:
    """Return the text with blank lines for everything outside fences, but comments for headings that name a router.

    The text itself if it has no two fences, then without tags of HTML around its lines, if those are what it has; and
    if all lines of a configuration are outside.
    """
    hosts = hosts_of(text)
    if not has_fences(text):
        return _without_fences(text, hosts)
    mark = ""
    drawn = False
    inside = outside = 0  # lines of a configuration
    lines: list[str] = []
    all_lines = [line.rstrip("\r") for line in text.split("\n")]
    banners = in_banners(all_lines)
    for number, line in enumerate(all_lines):
        fence = _FENCE.match(line) if not banners[number] else None
        if fence is None:
            line = _BLANK.sub(" ", line)
            is_line = _LINE.match(without_prompt(line).lstrip()) is not None
            inside, outside = inside + (is_line and mark != ""), outside + (is_line and mark == "")
            is_taken = mark or _may_protect(line)
            lines.append("" if drawn else line if is_taken else _inline(line) or _heading(line, hosts))
            continue
        # One with a word behind it begins a block, even if the one before was never closed.
        if not mark and not fence["kind"] and _is_page(all_lines, number + 1):
            mark = ""  # it closes a block that is closed already
        elif not mark or fence["kind"]:
            mark = fence["mark"][0]
        elif fence["mark"][0] == mark:
            mark = ""
        drawn = bool(mark) and _is_drawn(all_lines, number + 1)
        begun = _BEGUN.match(line) if mark else None
        lines.append(begun[1] if begun is not None else BLOCK if mark else "")
        inside += begun is not None
    return text if outside >= _FEWEST_OUTSIDE and not inside else "\n".join(lines)


def _is_page(lines: list[str], start: int) -> bool:
    """Return whether there are headings or tables up to the next fence, and no line of a configuration."""
    of_pages = False
    for number in range(start, len(lines)):
        if _FENCE.match(lines[number]):
            break
        if _LINE.match(lines[number]):
            return False
        of_pages = of_pages or _OF_PAGES.match(lines[number]) is not None
    return of_pages


def _is_drawn(lines: list[str], start: int) -> bool:
    """Return whether there is a drawing up to the next fence, and no line of a configuration or of tunnel
    protection.
    """
    parts = 0
    for number in range(start, len(lines)):
        line = lines[number]
        if _FENCE.match(line):
            break
        if _LINE.match(line.strip()) or asks_for_protection(line):
            return False
        parts += _DRAWN.search(line) is not None
    return parts >= _OF_DRAWINGS


def _without_fences(text: str, hosts: Mapping[str, str]) -> str:
    if _PRE.search(text) and _LINE.search(between := _between_pre(text, hosts)):
        return between
    if _PARAGRAPHS.search(text):
        return _without_tags(text)
    if _TICKED.search(text) and not _LINE.search(text):
        return "\n".join(_between_ticks(line, hosts) for line in text.split("\n"))
    if _INDENTED.search(text) and _OF_PAGES.search(text) and not _LINE.search(text):
        return "\n".join(_indented(line, hosts) for line in text.split("\n"))
    return text


def _between_pre(text: str, hosts: Mapping[str, str]) -> str:
    """Return the blocks `pre` of a page of HTML, with blank lines for everything else, as `fenced` does."""
    import html  # its table of names is large, and pages of the web are few

    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        begins = _PRE.search(line)
        bare = html.unescape(_ANY_TAG.sub("", line[begins.end() :] if begins is not None else line))
        if inside or begins is not None:
            lines.append(bare if inside or bare.strip() else BLOCK)
            inside = "</pre" not in line.lower().rpartition("<pre")[2]
        else:
            is_taken = _may_protect(bare) and "<td" not in line
            lines.append(bare if is_taken else _heading(bare, hosts))
    return "\n".join(lines)


def _between_ticks(line: str, hosts: Mapping[str, str]) -> str:
    found = _TICKS.fullmatch(line)
    return found[1] if found is not None else line if _may_protect(line) else _heading(line, hosts)


def _indented(line: str, hosts: Mapping[str, str]) -> str:
    if line.startswith("\t"):
        return line[1:]
    return line[4:] if line.startswith("    ") else line if _may_protect(line) else _heading(line, hosts)


def _without_tags(text: str) -> str:
    """Return the text of a page whose lines are paragraphs of HTML."""
    import html  # its table of names is large, and pages of the web are few

    return "\n".join(html.unescape(_TAG.sub("", line)) if "<" in line else line for line in text.split("\n"))


def _inline(line: str) -> str:
    """Return what a block of one line holds."""
    bare = line.strip()
    is_block = bare.startswith("```") and bare.endswith("```") and bare.count("`") == _OF_INLINE
    return bare.strip("`").strip() if is_block else ""


def _heading(line: str, hosts: Mapping[str, str]) -> str:
    several = several_of(line, hosts)
    name = "" if several else heading_of(line, is_prose=True, hosts=hosts)
    return mark_of((name,) if name else several)
