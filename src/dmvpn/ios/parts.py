"""Several routers in one text: what courses print one below the other, and logs of a terminal that changed places.

    parts_of(text)    the text of each router, each line at the number that it has in the whole

A router begins with a prompt of another name, or with another `hostname` and the lines above it at the head of a
configuration. A heading that names one of these routers goes back to it. A `hostname` typed at a prompt renames the
router whose prompt it is. Lines of all other routers are blank in a part, so that messages name the lines of the file.

Configurations of devices that do not run IOS: the device is named once, instead of refusing each line.

other_device(text)    "a Cisco ASA (line 3: nameif outside)"; "" for what may be of IOS or IOS XE
has_signs(text)       any line of another device is in it
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from dmvpn.base.breath import breathing
from dmvpn.ios import markdown
from dmvpn.ios.damage import count_twice, merged
from dmvpn.ios.errors import without_keys
from dmvpn.ios.protection import asks_for_protection
from dmvpn.ios.transcript import PROMPT, Transcript, shown, text_end

#: More routers, or more lines times routers, are no network in one file.
MOST_ROUTERS: Final = 200
MOST_LINES: Final = 20_000_000

_TYPED_HOSTNAME: Final = re.compile(r"host\w{0,4}\s+\"?([A-Za-z][\w.-]{0,62})\"?\s*(?:[!;].*)?$", re.IGNORECASE)
#: What a text has at least two of that is of more than one router.
_MANY: Final = re.compile(
    r"^[ \t\ufeff]{0,16}(?:hostname\s+\S|[A-Z0-9][\w.:@/-]{0,62}(?:\([a-z][\w-]{0,62}\))?[#>])",
    re.MULTILINE | re.IGNORECASE,
)
#: Lines above the hostname at the head of a configuration, or typed before it.
_HEAD: Final = re.compile(
    r"\s*(?:$|!|#|-{3}|={3}|\*|//|```|version\s|(?:no\s+)?service\s|(?:no\s+)?platform\s|upgrade\s|boot-|Building\s"
    r"|:|(?:ASA|PIX) Version"
    r"|Current configuration|Using \d|Last configuration|en(?:able)?\s*$|conf\w*\s+t|sh\w*\s+(?:run|start)|\[OK\])",
    re.IGNORECASE,
)
#: What ends a section of an interface.
_SECTION: Final = re.compile(
    r"\s{0,2}(?:int\w*\s|router\s|crypto\s|line\s|key\s+chain|class-map|policy-map|route-map|ip\s+access-list|hostname"
    r"|end\s*$|exit\s*$)",
    re.IGNORECASE,
)
#: The text before the first, and two headings.
_FEWEST_HEADINGS: Final = 3
#: A line of at most so many words that names the router is a heading.
_HEADING: Final = 3


class RouterText(NamedTuple):
    """One router of a text. name: "" if nothing says it."""

    name: str
    text: str


class _Router:
    """The state of one router while the lines are read."""

    __slots__ = ("has_hostname", "name", "old_name")

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.old_name = ""
        self.has_hostname = False


def parts_of(text: str) -> tuple[RouterText, ...]:
    """Return the routers of a text in their order, of Markdown the parts between fences; a single part if the routers
    cannot be separated.

    Raises ValueError if they are too many, or surely several. What holds no line of a configuration (the prompt of a
    host) is no part.
    """
    parts = _parts(text)
    (only,) = parts[:1]
    is_nameless = len(parts) == 1 and not only.name and not markdown.hostname_of(only.text)
    if is_nameless and (said := merged(Transcript.lines(only.text))):
        raise ValueError(said)
    return parts


def _parts(text: str) -> tuple[RouterText, ...]:
    text = markdown.fenced(text)
    lines = Transcript.lines(text)
    name = ""
    if _has_two(_MANY, text):
        found = _walked(lines, markdown.hosts_of(text))
        if len(found) > 1:
            return found
        name = found[0].name if found else ""
    return _under_headings(lines) or (RouterText(name, text),)


def _walked(lines: list[str], hosts: Mapping[str, str]) -> tuple[RouterText, ...]:
    """Return the routers by hostnames, prompts and headings; by lines that may be headings if that leaves fewer
    interfaces two addresses.
    """
    found = _Walk(lines, hosts).parts()
    twice = sum(count_twice(part.text) for part in found)
    if twice:
        other = _Walk(lines, hosts, takes_comments=True).parts()
        if sum(count_twice(part.text) for part in other) < twice:
            return other
    return found


def _has_two(pattern: re.Pattern[str], text: str) -> bool:
    found = pattern.finditer(text)
    return next(found, None) is not None and next(found, None) is not None


def _separated(lines: list[str], owners: list[tuple[int, ...]], routers: list[_Router]) -> tuple[RouterText, ...]:
    """Return the lines of each router. owners: of each line, several where it is in the configuration of each."""
    if len(routers) > 1 and len(routers) * len(lines) > MOST_LINES:
        raise ValueError("the text of too many routers")
    own = [_Own() for _ in routers]
    tunnels = _OpenTunnels()
    for number, line_of in breathing(enumerate(owners)):
        for owner in line_of:
            own[owner].take(number, lines[number])
            other = tunnels.pass_by(lines[number], owner)
            if other is not None and other not in line_of:
                own[other].take(number, lines[number])
    parts = [(router, mine) for router, mine in zip(routers, own, strict=True) if mine.is_configuration]
    return tuple(RouterText(router.name, "\n".join(mine.lines)) for router, mine in parts)


def _under_headings(lines: list[str]) -> tuple[RouterText, ...]:
    """Return the routers that headings name, if two of them configure the same interface; else nothing.

    `! R2` above an interface may as well say where its wire leads.
    """
    owners: list[tuple[int, ...]] = []
    routers = [_Router()]
    known: dict[str, int] = {}
    interfaces: dict[str, tuple[int, ...]] = {}
    now: tuple[int, ...] = (0,)
    is_shared = False
    for line in breathing(lines):
        name = markdown.heading_of(line)
        names = (name,) if name else markdown.marked_by(line)
        for one in names:
            if known.setdefault(one.lower(), len(routers)) == len(routers):
                if len(routers) >= MOST_ROUTERS:
                    return ()
                routers.append(_Router(one))
        if names:
            now = tuple(known[one.lower()] for one in names)
        elif (opened := markdown.INTERFACE.match(line)) is not None:
            is_shared |= interfaces.setdefault("".join(opened[1].lower().split()), now) != now
        owners.append(now)
    if not is_shared or len(routers) < _FEWEST_HEADINGS:
        return ()
    first = next((number for number, owner in enumerate(owners) if owner != (0,)), 0)
    head = range(first)
    if any(markdown.INTERFACE.match(lines[number]) for number in head):
        return ()  # the text before the first heading is a router without one
    found = _separated(lines, [(1,) if owner == (0,) else owner for owner in owners], routers)
    return found if len(found) > 1 else ()


class _OpenTunnels:
    """Which router has a tunnel's section open, and which had one open last."""

    __slots__ = ("_last", "_open")

    def __init__(self) -> None:
        self._open: dict[int, bool] = {}
        self._last: int | None = None

    def pass_by(self, line: str, owner: int) -> int | None:
        """Return the router that must have this line of another one, too: it may be what protects the tunnel of the
        former.

        A prompt, or a hostname, in the middle of a tunnel assigns the rest of it to a router without an open tunnel.
        """
        line = shown(line)
        prompt = PROMPT.match(line)
        text = line[prompt.end() :] if prompt is not None else line
        if _SECTION.match(text):
            opened = markdown.INTERFACE.match(text)
            self._open[owner] = opened is not None and opened[1][:2].lower() == "tu"
            self._last = owner if self._open[owner] else self._last
        is_stray = not self._open.get(owner) and self._last != owner and asks_for_protection(text)
        return self._last if is_stray else None


class _Own:
    """The lines of one router, and whether any is configuration."""

    __slots__ = ("_transcript", "is_configuration", "lines")

    def __init__(self) -> None:
        self._transcript = Transcript()
        self.is_configuration = False
        self.lines: list[str] = []

    def take(self, number: int, line: str) -> None:
        self.lines.extend([""] * (number - len(self.lines)))
        self.lines.append(line)
        taken = self._transcript.take(line)
        if taken is not None and not self.is_configuration:
            words = taken.text.split(None, 1)
            # Commands that show something, or leave a mode, do not configure a router.
            self.is_configuration = bool(words) and words[0][0] != "!" and words[0].lower() not in ("end", "exit")


class _Walk:
    """Which line is whose. takes_comments: lines that may be headings are."""

    def __init__(self, lines: list[str], hosts: Mapping[str, str], *, takes_comments: bool = False) -> None:
        self._lines = [*lines]  # headings become comments
        self._hosts = hosts
        self._takes_comments = takes_comments
        self._owners: list[tuple[int, ...]] = []
        self._routers = [_Router()]
        self._known: dict[str, int] = {}
        self._now = 0
        self._together: tuple[int, ...] = ()  # the routers of a heading that names several
        self._named_at = -1  # the last hostname that took the lines above it: nothing above that is another's

    def parts(self) -> tuple[RouterText, ...]:
        """Return the routers."""
        transcript = Transcript()
        until = ""
        for number, printed in enumerate(self._lines):
            line = shown(printed)
            taken = transcript.take(printed)
            if until:
                until = "" if until in line else until
            elif (prompt := PROMPT.match(line)) is not None:
                typed = line[prompt.end() :].strip()
                self._together = ()
                self._prompted(prompt["name"])
                if prompt["mode"] and (hostname := _TYPED_HOSTNAME.match(typed)) is not None:
                    self._typed(hostname[1], prompt["name"])
                until = text_end(typed)
            elif self._hosts and (heading := markdown.heading_for(line, self._hosts)).names:
                self._headed(heading, number)
            elif taken is not None:
                if (hostname := markdown.HOSTNAME.match(line)) is not None:
                    self._together = ()
                    self._named(hostname[1])
                until = text_end(line)
            self._owners.append(self._together or (self._now,))
        return _separated(self._lines, self._owners, self._routers)

    def _headed(self, heading: markdown.Heading, number: int) -> None:
        """Go over to the routers of a heading, which is no line of theirs."""
        if not (heading.is_firm or self._takes_comments):
            return
        if self._lines[number][0] != "!":
            self._lines[number] = markdown.mark_of(heading.names)
        self._together = ()
        indexes = []
        for name in heading.names:
            self._prompted(name)
            indexes.append(self._now)
        self._together = tuple(indexes) if len(indexes) > 1 else ()
        if not self._together:
            self._take_head(heading.names[0])

    def _prompted(self, name: str) -> None:
        key = name.lower()
        router = self._routers[self._now]
        if key in self._known:
            self._now = self._known[key]
            router = self._routers[self._now]
            if router.old_name and router.name.lower() == key:
                self._known.pop(router.old_name, None)  # the new one was seen, so the old may be another router's
                router.old_name = ""
        elif not router.name and not self._known:
            self._call(name)
        else:
            self._begin(name)

    def _typed(self, name: str, prompt: str) -> None:
        """Handle a `hostname` after a prompt; authors who write prompts by hand do not always change them with it."""
        router = self._routers[self._now]
        if router.has_hostname and prompt.lower() != router.name.lower() != name.lower():
            self._begin(name)
            self._routers[self._now].old_name = prompt.lower()
            self._known[prompt.lower()] = self._now
        else:
            self._call(name)
        self._routers[self._now].has_hostname = True

    def _named(self, name: str) -> None:
        """Handle a `hostname` without a prompt before it."""
        router = self._routers[self._now]
        known = self._known.get(name.lower(), self._now)
        if known != self._now:
            self._now = known
            self._take_head(name)
        elif router.has_hostname and router.name.lower() != name.lower():
            self._begin(name)
            self._take_head(name)
        else:
            self._call(name)
        self._routers[self._now].has_hostname = True

    def _call(self, name: str) -> None:
        """Call the router so from now on; its prompt may go on with the old name."""
        key = name.lower()
        if self._known.get(key, self._now) != self._now:
            self._now = self._known[key]
        router = self._routers[self._now]
        if router.name.lower() != key:
            if router.old_name:
                self._known.pop(router.old_name, None)
            router.old_name = router.name.lower()
        router.name = name
        self._known[key] = self._now

    def _begin(self, name: str) -> None:
        if len(self._routers) >= MOST_ROUTERS:
            raise ValueError(f"the text of more than {MOST_ROUTERS} routers")
        self._routers.append(_Router(name))
        self._now = self._known[name.lower()] = len(self._routers) - 1

    def _take_head(self, name: str) -> None:
        """Give the lines above the hostname to its router."""
        for number in range(len(self._owners) - 1, self._named_at, -1):
            line = self._lines[number]
            if not _HEAD.match(line) and not (name.lower() in line.lower() and len(line.split()) <= _HEADING):
                break
            self._owners[number] = (self._now,)
        self._named_at = len(self._owners)


#: A device, and how lines begin that only it has.
_SIGNS: Final = (
    ("a Cisco ASA", r"ASA Version \d|PIX Version|[ \t]{1,16}nameif \S|object network \S"),
    ("a Cisco ASA", r"access-list \S{1,99} extended "),
    ("a Cisco ASA", r"crypto ikev[12] enable (?:out|in)side|tunnel-group \S{1,99} (?:type|ipsec-attributes)"),
    ("a Nexus (NX-OS)", r"!Command: show|feature [a-z][\w-]{0,60}[ \t]{0,16}$|vrf context \S|boot nxos "),
    ("a router of IOS XR", r"!! IOS XR|RP/\d/"),
    ("a router of IOS XR", r"[ \t]{0,16}vrf \S{1,99} address-family |route-policy \S{1,99}$"),
    ("Junos", r"set (?:system|interfaces|protocols|security|routing-options) \S"),
    ("Junos", r"[ \t]{0,32}host-name \S{1,99};|system \{"),
    ("Arista EOS", r"! device: .*\bEOS-|! Command: show|transceiver qsfp "),
    ("FRR", r"frr (?:version|defaults) "),
    ("Huawei VRP", r"[ \t]{0,16}sysname \S|\[?V\d{3}R\d{3}"),
    ("MikroTik RouterOS", r"/(?:ip|interface|routing|system|ppp|queue)[ \w/-]{0,80}(?:add |set |$)|# .* by RouterOS"),
    ("FortiOS", r"config (?:system|firewall|vpn|router) \S|#config-version="),
    ("VyOS", r"set (?:vpn|service|firewall|nat) \S|interfaces \{"),
    ("strongSwan", r"conn \S{1,60}[ \t]{0,16}$|config setup[ \t]{0,16}$|connections \{"),
    (
        "iptables, whose rules are not taken (access lists are, as `ip access-group` applies them)",
        r"# Generated by ip6?tables|\*(?:filter|nat|mangle|raw)[ \t]{0,16}$"
        r"|(?:ip6?tables )?-[AI] (?:INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING) ",
    ),
    (
        "nftables, whose rules are not taken (access lists are, as `ip access-group` applies them)",
        r"#!.{0,40}\bnft -f|flush ruleset|table (?:ip6?|inet|arp|bridge|netdev) \S{1,60} \{"
        r"|add (?:table|chain|rule) (?:ip6?|inet) ",
    ),
)
_SIGN: Final = re.compile("|".join(f"(?P<d{index}>{sign})" for index, (_, sign) in enumerate(_SIGNS)))
#: A line that was typed has a prompt before it.
_MARKS: Final = re.compile(rf"^(?:[\w.:@/()-]{{1,99}}[#>][ \t]?)?(?:{_SIGN.pattern})", re.MULTILINE)
#: Lines of IOS and IOS XE alone; in a file with such a line, lines of other devices are only blocks beside
#: it.
_IOS: Final = re.compile(
    r"^[ \t]{0,16}(?:\S{1,80}[#>][ \t]{0,16})?"
    r"(?:ip nhrp |tunnel mode gre |service timestamps |version 1[2-9]\.\d{1,2}[ \t\r]*$|ip cef\b)",
    re.MULTILINE,
)
#: So much of a line is quoted.
_QUOTED: Final = 60


def has_signs(text: str) -> bool:
    """Return whether any line is of another device, beside whatever else is in the text."""
    return _MARKS.search(text) is not None


def other_device(text: str) -> str:
    """Return what device the configuration is of, and by which line that is seen; "" for a router of IOS, or an unknown
    device.
    """
    found = _MARKS.search(text)
    if found is None or found.lastgroup is None or _IOS.search(text):
        return ""
    device, _ = _SIGNS[int(found.lastgroup[1:])]
    line = text.count("\n", 0, found.start()) + 1
    quoted = text[found.start() :].split("\n", 1)[0].strip()[:_QUOTED]
    return f"{device} (line {line}: {without_keys(quoted)})"
