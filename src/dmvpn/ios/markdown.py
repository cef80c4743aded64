"""What surrounds configurations in a text that a person wrote: Markdown, and headings that name routers.

    fenced(lines)             the input of a router: the text between the fences of Markdown; the rest is prose
    heading_of(line)          the router that a heading names, in texts whose routers have no hostname
    hosts_of(text)            the names that hostnames and prompts of a text give routers
    heading_for(line, hosts)  which of these a heading names, and whether it may as well be a comment
    hostname_of(text)         the first host name that the text sets, "" if none
    looks_like_one(text)      not notes or scripts: it sets a host name, or addresses on an interface
    is_empty(text)            no line of a configuration is in it

Some pages have no fences: then each line of the configuration is a paragraph of HTML, or is between backticks, or is
indented by four blanks, as the first Markdown had it.

Headings are `! ===== R1 =====`, `SPOKE-2:`, `## Hub`, `Step 2: tunnel (SPOKE-A)`, `### R1, R2 and R3 (alike)`. `! R2`
above an interface may say where its wire leads, so it is a heading only if something else shows that it is.

A configuration is recognized in the lines that `Transcript` and `fenced` leave, so a log of a terminal and a page of
Markdown are looked into.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from dmvpn.ios.protection import asks_for_protection
from dmvpn.ios.transcript import BLOCK, Transcript, in_banners, without_prompt

# ------------------------------------------------------------------------------------------------ headings


_NAME: Final = re.compile(
    r"(?:r|rt|rtr|router|hub|spoke|branch|br|site|edge|isp|hq|core|csr|pe|ce|dc|sw)(?:[-_]?\d[\w-]*|[-_][a-z])"
    r"|[a-z]\w{0,15}[-_](?:r|rtr|router|hub|spoke|edge|gw)[-_]?\d*|(?:hub|spoke|branch|hq|isp|edge)[-_]?[\w-]{0,16}",
    re.IGNORECASE,
)
#: Of the names in a heading, the router's name, not its role: "R2 (Spoke1)".
_DEVICE: Final = re.compile(r"(?:r|rt|rtr|router|csr)[-_]?\d[\w-]*", re.IGNORECASE)
#: Two words that are a name: "PEER A", "Spoke 2".
_TWO: Final = re.compile(r"(?:PEER|ROUTER|Router|HUB|Hub|SPOKE|Spoke|SITE|Site|BRANCH|Branch) (?:[A-Z]|\d{1,3})")
#: Separators between the names of several routers, and the text about them.
_AND: Final = re.compile(r"\s*(?:,|/|&|\+|\b(?:and|y|e|et|und|и)\b)\s*")
_SAID: Final = re.compile(r"\([^()]{0,60}\)")
_MARK: Final = " & "
_SEVERAL: Final = re.compile(r"! == ([\w.-]{1,63}(?: & [\w.-]{1,63}){1,19}) ==")
#: What surrounds the name in a heading: rules, marks of comments and of Markdown.
_AROUND: Final = "!#*=-/_:~[](){}<>.,+`'\"|\\ \t"
_HTML_TAG: Final = re.compile(r"</?[a-z][^>]{0,40}>", re.IGNORECASE)
_LONGEST: Final = 120
#: More words are a sentence about routers.
_WORDS: Final = 4
#: A name at the end of a heading: `Tunnel of the branch (SPOKE-A)`, and how headings begin that have one.
_IN_BRACKETS: Final = re.compile(r"\(([\w.-]{2,63})\)[\s:*_`=#~-]*$")
_MOST_WORDS: Final = 12
_BEGINS: Final = re.compile(r"[A-Z0-9#*=_~`-]|!.{0,8}[=*#_~-]{2}")
#: Lines of a configuration that begin with a capital letter.
_COMMAND: Final = re.compile(
    r"(?:int\w*|ip|router|crypto|host\w*|line|access-list|route-map|key|vrf|no|ipv6|tunnel|desc\w*|banner|network)\s",
    re.IGNORECASE,
)
#: Marks that make a comment of a configuration a heading.
_RULE: Final = re.compile(r"[=*#_~-]{2}")
#: A hostname in a configuration, or typed, and a prompt of the configuration or with a usual command behind it.
_HOST: Final = re.compile(
    r"^[ \t\ufeff]{0,16}(?:[\w.:@/-]{1,63}\([a-z][\w-]{0,62}\)#[ \t]{0,8})?"
    r"hostname[ \t]{1,8}\"?([A-Za-z][\w.-]{0,62})"
    r"|^[ \t\ufeff]{0,16}([A-Za-z][\w.-]{0,62})"
    r"(?:\([a-z][\w-]{0,62}\)#|#[ \t]{0,8}(?:conf|sh|wr|ping|cop|clear|debug))",
    re.MULTILINE | re.IGNORECASE,
)


class Heading(NamedTuple):
    """A line that names routers. is_firm: it is a heading whatever the lines below it are."""

    names: tuple[str, ...] = ()
    is_firm: bool = False


NO_HEADING: Final = Heading()
_NO_HOSTS: Final[Mapping[str, str]] = MappingProxyType({})


def hosts_of(text: str) -> dict[str, str]:
    """Return the names that hostnames and prompts give routers, by their small letters."""
    return {name.lower(): name for found in _HOST.finditer(text) if (name := found[1] or found[2])}


def heading_for(line: str, hosts: Mapping[str, str]) -> Heading:
    """Return which of these hosts a line in or between configurations is the heading of."""
    if not line or len(line) > _LONGEST or line[0] in " \t":
        return NO_HEADING
    bare = line.strip(_AROUND)
    is_firm = _RULE.search(line) is not None if line[0] == "!" else bare != line.strip()
    if bare.lower() in hosts:
        return Heading((hosts[bare.lower()],), is_firm)
    several = _several(line, lambda name: name.lower() in hosts)
    if several:
        return Heading(tuple(hosts[name.lower()] for name in several), is_firm)
    name = _in_brackets(line)
    if name.lower() in hosts:
        return Heading((hosts[name.lower()],), line[0] != "!" or is_firm)
    name = heading_of(line) or next(iter(marked_by(line)), "")
    return Heading((name,)) if name else NO_HEADING


def _in_brackets(line: str) -> str:
    """Return the name in brackets at the end of a heading; "" if none is there, or the line is one of configuration."""
    found = _IN_BRACKETS.search(line)
    if found is None or not _BEGINS.match(line) or _COMMAND.match(line) or len(line.split()) > _MOST_WORDS:
        return ""
    return found[1]


def heading_of(line: str, *, is_prose: bool = False, hosts: Mapping[str, str] = _NO_HOSTS) -> str:
    """Return the router that a heading names, "" for other lines.

    is_prose: the line is outside of any configuration, so a few words beside the name do not matter.
    hosts: names of routers, in addition to names that look like a router's (`hosts_of`).
    """
    if not line or len(line) > _LONGEST or (line[0] in " \t" and not is_prose):
        return ""
    text = _HTML_TAG.sub(" ", line) if is_prose else line
    in_brackets = _in_brackets(text.strip()) if is_prose else ""
    if in_brackets.lower() in hosts:
        return in_brackets
    return _among(text, _WORDS if is_prose else 1, hosts) or (in_brackets if _NAME.fullmatch(in_brackets) else "")


def _among(text: str, most: int, hosts: Mapping[str, str]) -> str:
    """Return the router that a few words name; "" if none, or several."""
    words = [bare for word in text.split() if (bare := word.strip(_AROUND))]
    if _TWO.fullmatch(" ".join(words)):
        return "-".join(words)
    if not words or len(words) > most:
        return ""
    known = list(dict.fromkeys(word for word in words if word.lower() in hosts))
    if len(known) == 1:
        return known[0]
    names = list(dict.fromkeys(word for word in words if _NAME.fullmatch(word) and len(word) > 1))
    # "R5 - Branch", "R2 (Spoke1)": the one with a number, or of a device, is the name; the other says what it is.
    numbered = [name for name in names if any(letter.isdigit() for letter in name)]
    devices = [name for name in numbered if _DEVICE.fullmatch(name)]
    found = next((some for some in (names, numbered, devices) if len(some) == 1), [""])
    return found[0]


def several_of(line: str, hosts: Mapping[str, str] = _NO_HOSTS) -> tuple[str, ...]:
    """Return the routers that a heading of prose names together: the lines below it belong to the configuration of
    each.
    """
    if len(line) > _LONGEST or not line.startswith("#"):
        return ()
    return _several(line, lambda name: name.lower() in hosts or _DEVICE.fullmatch(name) is not None)


def _several(line: str, is_router: Callable[[str], bool]) -> tuple[str, ...]:
    names = [part.strip(_AROUND) for part in _AND.split(_SAID.sub(" ", line).strip(_AROUND))]
    return tuple(dict.fromkeys(names)) if len(names) > 1 and all(map(is_router, names)) else ()


def mark_of(names: tuple[str, ...]) -> str:
    """Return the comment that stands for a heading of these routers."""
    return f"! == {_MARK.join(names)} ==" if names else ""


def marked_by(line: str) -> tuple[str, ...]:
    """Return the routers of the comment that `mark_of` made."""
    found = _SEVERAL.fullmatch(line)
    return tuple(found[1].split(_MARK)) if found is not None else ()


# ------------------------------------------------------------------------------------------------ Markdown


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
_OF_CONFIGURATION: Final = r"(?:interface|crypto|router|hostname|ip|tunnel)[ \t]"
#: Two lines of a configuration between backticks, one behind the other.
_TICKED: Final = re.compile(
    rf"(?mi)^[ \t]{{0,16}}`[ \t]{{0,8}}{_OF_CONFIGURATION}[^`\n]{{1,200}}`[ \t\r\\]*\n"
    r"(?:[ \t\r]*\n)?[ \t]{0,16}`[^`\n]+`[ \t\r\\]*$"
)
_TICKS: Final = re.compile(r"[ \t]{0,16}`([^`\n]+)`[ \t\r\\]*")
#: A line of a configuration in a block that is one because it is indented.
_INDENTED: Final = re.compile(rf"(?mi)^(?:\t| {{4}}){_OF_CONFIGURATION}")
#: What pages put before a line and around it.
_MARKS: Final = " \t>-*+`|"
#: The first line of a block behind its fence.
_BEGUN: Final = re.compile(
    r"[ \t>]{0,12}```[ \t]*((?:interface|int|router|crypto|ip|hostname|line|route-map|conf)\s[^`]*)$"
)

#: The last line of a block before its fence.
_LAST: Final = re.compile(r"([^`]*[^`\s])```[ \t]*$")


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
            last = _LAST.match(line) if mark == "`" else None
            line = _BLANK.sub(" ", line if last is None else last[1])
            is_line = _LINE.match(without_prompt(line).lstrip()) is not None
            inside, outside = inside + (is_line and mark != ""), outside + (is_line and mark == "")
            is_taken = mark or _may_protect(line)
            lines.append("" if drawn else line if is_taken else _inline(line) or _heading(line, hosts))
            mark, drawn = (mark, drawn) if last is None else ("", False)
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


# ------------------------------------------------------------------------------------------------ recognition


#: A line that sets the host name.
HOSTNAME: Final = re.compile(r" ?hostname\s+\"?([A-Za-z][\w.-]{0,62})\"?\s*(?:[!;].*)?$", re.IGNORECASE)
#: The head of an interface's section.
INTERFACE: Final = re.compile(
    r"\s{0,2}int(?:e|er|erf|erfa|erfac|erface)?\s+([a-z][a-z-]*\s?[\d/.:]+)\s*$", re.IGNORECASE
)
#: Lines below that head in a configuration, within so many lines.
_OF_INTERFACES: Final = re.compile(r"ip addr?|ip nhrp|tunnel ", re.IGNORECASE)
_NEAR: Final = 8
#: Lines that only leave a mode.
_LEAVES: Final = ("end", "exit")


def hostname_of(text: str) -> str:
    """Return the host name that a configuration sets first; "" if it sets none."""
    return next((found[1] for line in _lines(text) if (found := HOSTNAME.match(line)) is not None), "")


def looks_like_one(text: str) -> bool:
    """Return whether it sets a host name, or addresses on an interface."""
    left = 0
    for line in _lines(text):
        if HOSTNAME.match(line) or (left and _OF_INTERFACES.match(line)):
            return True
        left = _NEAR if INTERFACE.match(line) else max(0, left - 1)
    return False


def is_empty(text: str) -> bool:
    """Return whether no line of it is configuration: comments, `end` and what commands printed are none."""
    return all(line.startswith("!") or line.lower() in _LEAVES for line in _lines(text))


def _lines(text: str) -> Iterator[str]:
    """Yield what of each line is configuration, without its indentation."""
    transcript = Transcript()
    for line in Transcript.lines(fenced(text)):
        taken = transcript.take(line)
        if taken is not None and taken.text:
            yield taken.text.strip()
