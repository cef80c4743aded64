"""Changes that may be tried in a copy of a network: a line is removed, added, or replaced.

They are derived from the configurations alone: lines that a router has and routers of its role lack, lines that it
lacks and they have, lines for one peer that are missing for a similar peer, and switches of the language. The latter
are commands without a value, or with only a neighbor as argument; they are read from the grammar of the features, so
that new commands are included automatically.

Words of lines are mapped to routers, by their addresses, networks and autonomous systems, so that lines of two
routers can be compared. They are alike if they say the same of each: `network 10.3.3.0 0.0.0.255` of R31, and
`network 10.4.4.0 0.0.0.255` of R41. A word that may mean two routers means neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import chain, islice, pairwise, product
from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.ios import AnyOrder, Choice, Keyword, Node, Optional_, Value, compile_syntax
from dmvpn.ios import Sequence as OneAfterOther
from dmvpn.network.device import Device
from dmvpn.network.lines import Lines, lines_after, removal
from dmvpn.router.features import FEATURES
from dmvpn.shells.scenario import Scenario

# ------------------------------------------------------------------------------------------------ what words mean


_WORD: Final = re.compile(r"[\w.:-]+")
_MARK: Final = re.compile("\0([^\0]*)\0")


@dataclass(frozen=True)
class Names:
    """The words of a network's routers."""

    scenario: Scenario

    @cached_property
    def _devices(self) -> dict[str, Device]:
        return {name: Device.read(name, text) for name, text in self.scenario.configurations.items()}

    @cached_property
    def _meanings(self) -> dict[str, tuple[str, str]]:
        """Router and role of each word that means one router alone."""
        found: dict[str, tuple[str, str]] = {}
        twice: dict[str, None] = {}
        for name in self.overlay:
            for word, role in _words(self._devices[name]):
                if found.get(word, (name, role))[0] != name:
                    twice[word] = None
                found.setdefault(word, (name, role))
        return {word: meaning for word, meaning in found.items() if word not in twice}

    @cached_property
    def _of_roles(self) -> dict[tuple[str, str], str]:
        return {meaning: word for word, meaning in reversed(self._meanings.items())}

    @property
    def overlay(self) -> tuple[str, ...]:
        """Return the routers without those of providers, which only have the other ends of their wires."""
        return tuple(name for name in self._devices if self.scenario.role(name) != "provider")

    def alike(self, router: str) -> tuple[str, ...]:
        """Return the other routers of its role."""
        role = self.scenario.role(router)
        return tuple(name for name in self._devices if name != router and self.scenario.role(name) == role)

    def owners(self, line: str) -> tuple[str, ...]:
        """Return the routers that a line speaks of."""
        known = (self._meanings.get(word) for word in _WORD.findall(line))
        return tuple(dict.fromkeys(meaning[0] for meaning in known if meaning is not None))

    def general(self, line: str, router: str) -> str:
        """Return a line with a mark for each word that means this router."""

        def marked(match: re.Match[str]) -> str:
            meaning = self._meanings.get(match[0])
            return f"\0{meaning[1]}\0" if meaning is not None and meaning[0] == router else match[0]

        return _WORD.sub(marked, line)

    def filled(self, line: str, router: str) -> str | None:
        """Return a line with a router's words for the marks; None if it has no such word."""
        roles = _MARK.findall(line)
        words = {role: self._of_roles.get((router, role)) for role in roles}
        if any(word is None for word in words.values()):
            return None
        return _MARK.sub(lambda match: words[match[1]] or "", line)


def _words(device: Device) -> Iterator[tuple[str, str]]:
    """Yield the words that mean a router, each with what it is there."""
    yield device.name, "name"
    for port, address in device.ports.items():
        yield str(address.ip), f"address of {port}"
        yield str(address.network.network_address), f"network of {port}"
    for number, gateway in enumerate(device.default_gateways):
        yield str(gateway), f"gateway {number}"
    if device.bgp.local_as:
        yield str(device.bgp.local_as), "system"


# --------------------------------------------------------------------------------------------- switches of the language


#: Modes by how the last line begins that leads there, the longer ones first; of `address-family` its router decides.
_MODES: Final = (
    ("interface Tunnel", "interface"),
    ("router bgp ", "router-bgp"),
    ("router ospf ", "router-ospf"),
    ("router rip", "router-rip"),
    ("af-interface ", "eigrp-af-interface"),
    ("topology ", "eigrp-af-topology"),
)
#: Forms of one command at most.
_FORMS: Final = 40
#: What keeps strangers out, what turns something off, what restricts, and what no packet could need.
_NEVER: Final = re.compile(
    r"shutdown|authentication|password|ipv6|crypto|log|passive|disable|suppress|bfd|default|keepalive|checksum|overload"
    r"|dynamic|dhcp|tunnel |ip nat|version|community|additional-paths|dampening|graceful|bestpath|-med|compare|mtu"
    r"|reduction|demand|filter|server-only|interest|peer-group|fall-over|refresh|inbound|no-ecmp|distance|security|nsf"
    r"|event-|if-state|watch|identity|record|redirects$|^neighbor$|max-metric|discard"
)


def switches(lines: Iterable[tuple[tuple[str, ...], str]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield section and line of each switch. lines: of a router, each with the path of section headers to it."""
    sections: dict[tuple[str, ...], dict[str, None]] = {}
    for path, text in lines:
        words = text.split()
        peers = sections.setdefault(path, {})
        if words[0] == "neighbor" and len(words) > 1:
            peers[words[1]] = None
    for path, peers in sections.items():
        for syntax, is_on in _of_mode(_mode(path)):
            if syntax.startswith("neighbor "):
                yield from ((path, f"neighbor {peer} {syntax.split(maxsplit=1)[1]}") for peer in peers)
            else:
                yield path, f"no {syntax}" if is_on else syntax


def _mode(path: tuple[str, ...]) -> str:
    last = path[-1] if path else ""
    if last.startswith("address-family "):
        if path[0].startswith("router bgp "):
            return "bgp-ipv4-vrf" if " vrf " in last else "bgp-ipv4"
        if path[0].startswith("router rip"):
            return "rip-af"
        if path[0].startswith("router eigrp "):
            return "eigrp-classic-af" if path[0].split()[-1].isdigit() else "eigrp-af"
        return ""  # of `vrf definition`: it has no switches
    if last.startswith("router eigrp "):
        return "eigrp" if last.split()[-1].isdigit() else "eigrp-named"
    return next((mode for beginning, mode in _MODES if last.startswith(beginning)), "")


@lru_cache(maxsize=32)
def _of_mode(mode: str) -> tuple[tuple[str, bool], ...]:
    """Return commands of a mode without values, and whether each is on by itself; those of neighbors begin so."""
    found: dict[str, bool] = {}
    for feature in FEATURES:
        for line in feature.config if mode else ():
            if line.mode != mode or line.opens or line.group is not None:
                continue
            for words in _without_values(compile_syntax(line.syntax)):
                said = " ".join(words)
                if said and not _NEVER.search(said):
                    found[said] = line.default_on or line.default == said
    return tuple(found.items())


def _without_values(node: Node) -> list[tuple[str, ...]]:
    """Return the forms of a command that need no value; behind `neighbor` the neighbor is left out."""
    match node:
        case Keyword(shown=shown):
            return [(shown,)]
        case Value():
            return []
        case Optional_(node=inner):
            return [(), *_without_values(inner)]
        case Choice(alternatives=alternatives):
            return [form for one in alternatives for form in _without_values(one)]
        case AnyOrder():
            return [()]
        case OneAfterOther(parts=parts):
            match parts:
                case Keyword(word="neighbor") as first, Value(), *rest:
                    parts = (first, *rest)
            forms = product(*map(_without_values, parts))
            return [tuple(chain.from_iterable(form)) for form in islice(forms, _FORMS)]


# ------------------------------------------------------------------------------------------------ the changes


#: Lines that affect no packet; and lines that every router of a cloud needs, which are never left out.
_IDLE: Final = ("description ", "hostname ", "no ip redirects", "exit-", "bandwidth ")
_NEEDED: Final = ("ip address ", "tunnel source ", "tunnel mode ", "ip nhrp network-id ", "no shutdown")
#: Lines whose values belong to one interface alone.
_OF_THE_PLACE: Final = (
    "ip address ",
    "tunnel source ",
    "tunnel mode ",
    "no shutdown",
    "shutdown",
    "tunnel destination ",
)
#: The part of a heading that differs between sections of one kind.
_NUMBER: Final = re.compile(r"[\d./]+$|(?<=^router eigrp ).*|(?<=autonomous-system ).*")
#: Lines that keep packets or routes out, or turn something off: without them, or with others, something is opened.
_KEEPS_OUT: Final = re.compile(
    r"(ip access-group|ip verify|distribute-list|offset-list|(ip )?vrf forwarding|route-map \S+ deny) "
    r"|shutdown$|neighbor \S+ (prefix-list|distribute-list|filter-list|route-map|shutdown)\b|ip route .* Null0|match "
)
#: Lines that let in.
_LETS_IN: Final = ("no shutdown", "route-target import ", "vrf forwarding ", "ip vrf forwarding ")
#: Beginnings of headings and lines of lists, whose entries permit or deny.
_LISTS: Final = ("ip access-list ", "access-list ", "ip prefix-list ")
#: Words in front of a secret.
_SECRETS: Final = frozenset(
    (
        *("authentication", "authentication-key", "password", "secret", "key-string", "pre-shared-key", "md5", "key"),
        "community",
    )
)


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line of a configuration, with the path of section headers to it."""

    path: tuple[str, ...]
    text: str

    @property
    def is_secret(self) -> bool:
        """Whether the line may contain a secret."""
        words = self.text.removeprefix("no ").split()
        return not _SECRETS.isdisjoint(words[:-1]) and words[:2] != ["tunnel", "key"]

    @property
    def bare(self) -> str:
        """The line with dots in the place of its secret, if it has one."""
        words = self.text.split()
        place = next((number for number, word in enumerate(words) if word in _SECRETS), len(words))
        return " ".join([*words[: place + 1], "..."]) if self.is_secret else self.text

    def is_entry(self, kind: str) -> bool:
        """Return whether it is an entry of a list, of this kind: "permit", "deny"."""
        return (*self.path, self.text)[0].startswith(_LISTS) and kind in self.text.split()

    def __str__(self) -> str:
        return " / ".join((*self.path, self.text))


@dataclass(frozen=True, slots=True)
class RouterChange:
    """A change of the configuration of one router: lines that are removed, and lines that are added.

    typed, shown: the lines to enter, and the same without secrets, where a comparison with an earlier configuration
    knows them; (): those of the lines removed and added.
    """

    router: str
    gone: tuple[ChangedLine, ...] = ()
    new: tuple[ChangedLine, ...] = ()
    typed: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the lines to enter in configuration mode."""
        if self.typed:
            return self.typed
        typed: list[str] = []
        path: tuple[str, ...] = ()
        wanted = (*((one.path, removal(one.text)) for one in self.gone), *((one.path, one.text) for one in self.new))
        for section, text in wanted:
            typed += section if section != path or not typed else ()
            typed.append(text)
            path = section
        return tuple(typed)

    @property
    def summary(self) -> str:
        """The router and the last line of the change, with its section and without secrets, to show progress."""
        line = self.new[-1] if self.new else self.gone[-1]
        bare = line.bare if self.new else removal(line.bare)
        return f"{self.router}: {' / '.join((*line.path[-1:], bare))}"

    @property
    def opens(self) -> bool:
        """Whether it takes a filter or isolation away, which may be meant: no trial shows the intention.

        Lines that take protection away are never shown (`verdicts.permitted`).
        """
        removed = any(_KEEPS_OUT.match(one.text) or one.is_entry("deny") for one in self.gone)
        return removed or any(one.text.startswith(_LETS_IN) or one.is_entry("permit") for one in self.new)

    @property
    def size(self) -> int:
        """The number of lines that the change removes or adds."""
        return len(self.gone) + len(self.new)


def lines_of(text: str) -> tuple[ChangedLine, ...]:
    """Return the lines of a configuration, without comments, idle lines and headings of sections that are not empty."""
    lines = [line for line in Lines.of(text).lines if line.strip() not in ("", "end") and line.lstrip()[0] != "!"]
    return tuple(one for one in leaves(lines) if not one.text.startswith(_IDLE))


def leaves(lines: Iterable[str], within: tuple[str, ...] = ()) -> Iterator[ChangedLine]:
    """Yield indented lines with their sections, but headings of sections that are not empty. within: the headings above
    all of them.
    """
    trail: list[str] = []
    for line, following in pairwise((*lines, "")):
        depth = len(line) - len(line.lstrip())
        del trail[depth:]
        if len(following) - len(following.lstrip()) <= depth:
            yield ChangedLine((*within, *trail), line.strip())
        trail.append(line.strip())


def command_of(line: str) -> str:
    """Return the words that name a command and what it is about: `ip route PREFIX`, `neighbor ADDRESS remote-as`."""
    return " ".join(line.split()[:3])


def with_changes(texts: Mapping[str, str], changes: Iterable[RouterChange]) -> dict[str, str]:
    """Return the configurations with these changes. Raises UserError if a router refuses one, or one has no effect."""
    now = dict(texts)
    for change in changes:
        after = lines_after(now[change.router], change.lines)
        if tuple(after) == Lines.of(now[change.router]).lines:
            raise UserError(f"{change.router} has that already")
        now[change.router] = "\n".join([*after, "end", ""])
    return now


class Proposals:
    """Proposes the changes of each kind for the routers of a network."""

    def __init__(self, texts: Mapping[str, str], names: Names) -> None:
        self._lines = {name: lines_of(text) for name, text in texts.items()}
        self._names = names

    def odd(self, router: str) -> list[RouterChange]:
        """Return removals of the lines that no other router of the same role has.

        Without another router of that role: of the lines whose words no other router has.
        """
        alike = self._names.alike(router)
        if alike:
            theirs = {self._general(line, name) for name in alike for line in self._lines[name]}
            mine = [line for line in self._lines[router] if self._general(line, router) not in theirs]
        else:
            shapes = {_shape(line) for name in self._lines if name != router for line in self._lines[name]}
            mine = [line for line in self._lines[router] if _shape(line) not in shapes]
        return [RouterChange(router, gone=(line,)) for line in mine if not line.text.startswith(_NEEDED)]

    def gone(self, router: str) -> list[RouterChange]:
        """Return the removals of single lines, of all lines."""
        return [RouterChange(router, gone=(line,)) for line in self._lines[router] if not line.text.startswith(_NEEDED)]

    def missing(self, router: str) -> list[RouterChange]:
        """Return additions of lines that routers of the same role have, and of lines that it has for a similar peer."""
        return self._put(router, (*self._of_alike(router), *self._of_peers(router)))

    def elsewhere(self, router: str) -> list[RouterChange]:
        """Return additions of lines from sections of the same kind, of this router and of other routers."""
        paths = dict.fromkeys(line.path for line in self._lines[router] if line.path)
        return self._put(router, self._of_sections(router, paths))

    def outermost(self, router: str) -> list[RouterChange]:
        """Return additions of lines that other routers have in no section."""
        return self._put(router, self._of_sections(router, [()]))

    def switched(self, router: str) -> list[RouterChange]:
        """Return the switches of the language that the router can turn in its sections."""
        mine = {(line.path, line.text) for line in self._lines[router]}
        found = switches((line.path, line.text) for line in self._lines[router])
        return [
            RouterChange(router, new=(ChangedLine(path, text),)) for path, text in found if (path, text) not in mine
        ]

    def likewise(self, change: RouterChange) -> list[RouterChange]:
        """Return the same change for each router of the same role, and for each peer of the same role as its peer."""
        router = change.router
        found = [self._translated(change, router, other, other) for other in self._names.alike(router)]
        for peer in dict.fromkeys(owner for line in change.new for owner in self._names.owners(line.text)):
            found += [self._translated(change, peer, other, router) for other in self._names.alike(peer)]
        return [one for one in found if one is not None]

    def _translated(self, change: RouterChange, before: str, after: str, router: str) -> RouterChange | None:
        """Return the change with the words of router `after` in the place of those of router `before`."""
        gone = [self._filled(self._general(line, before), after) for line in change.gone]
        new = [self._filled(self._general(line, before), after) for line in change.new]
        mine, theirs = (tuple(one for one in some if one is not None) for some in (gone, new))
        return RouterChange(router, mine, theirs) if None not in (*gone, *new) else None

    def _put(self, router: str, lines: Iterable[ChangedLine]) -> list[RouterChange]:
        """Return the changes that put each of these lines in the place of a line of its command, then additions."""
        mine = dict.fromkeys(self._lines[router])
        wanted = [line for line in dict.fromkeys(lines) if line not in mine]
        odd = [line for change in self.odd(router) for line in change.gone]
        replaced = [
            RouterChange(router, gone=(one,), new=(line,))
            for one in (*odd, *(other for other in mine if other not in odd))
            for line in wanted
            if one.path == line.path and _says_the_same(one.text, line.text)
        ]
        return [*replaced, *(RouterChange(router, new=(line,)) for line in wanted)]

    def _of_alike(self, router: str) -> Iterator[ChangedLine]:
        """Yield lines that routers of its role have and it lacks, with its own words in the place of theirs."""
        mine = {self._general(line, router) for line in self._lines[router]}
        ports = {line.path[0] for line in self._lines[router] if line.path}
        for name in self._names.alike(router):
            for line in self._lines[name]:
                general = self._general(line, name)
                filled = self._filled(general, router)
                is_here = not line.path or not line.path[0].startswith("interface ") or line.path[0] in ports
                if filled is not None and general not in mine and is_here and router not in self._owners(line):
                    yield filled

    def _of_peers(self, router: str) -> Iterator[ChangedLine]:
        """Yield the lines that it has for one peer, rewritten for each peer of the same role."""
        for line in self._lines[router]:
            owners = self._owners(line)
            if len(owners) != 1 or owners[0] == router:
                continue
            general = self._names.general(line.text, owners[0])
            for other in self._names.alike(owners[0]):
                filled = self._names.filled(general, other)
                if filled is not None and filled != line.text:
                    yield ChangedLine(line.path, filled)

    def _of_sections(self, router: str, paths: Iterable[tuple[str, ...]]) -> Iterator[ChangedLine]:
        """Yield lines that name no router, first of this router, then of all other routers. paths: of the sections."""
        others = [line for name in (router, *(n for n in self._lines if n != router)) for line in self._lines[name]]
        for path in paths:
            for line in others:
                of_kind = _kind(line.path) == _kind(path)
                if of_kind and not self._owners(line) and not line.text.startswith(_OF_THE_PLACE):
                    yield ChangedLine(path, line.text)

    def _owners(self, line: ChangedLine) -> tuple[str, ...]:
        return self._names.owners(line.text)

    def _general(self, line: ChangedLine, router: str) -> ChangedLine:
        path = tuple(self._names.general(one, router) for one in line.path)
        return ChangedLine(path, self._names.general(line.text, router))

    def _filled(self, line: ChangedLine, router: str) -> ChangedLine | None:
        path = [self._names.filled(one, router) for one in line.path]
        text = self._names.filled(line.text, router)
        known = tuple(one for one in path if one is not None)
        return ChangedLine(known, text) if text is not None and len(known) == len(path) else None


def _says_the_same(one: str, other: str) -> bool:
    """Return whether two lines are of one command, with other values."""
    words, others = one.split(), other.split()
    equal = sum(word == there for word, there in zip(words, others, strict=False))
    return one != other and len(words) == len(others) and words[0] == others[0] and 2 * equal > len(words)


def _shape(line: ChangedLine) -> tuple[str, ...]:
    """Return the words of a line without its values."""
    return tuple(word for word in line.text.split() if not any(letter.isdigit() for letter in word))


def _kind(path: Sequence[str]) -> tuple[str, ...]:
    """Return the headings of a section without its number or name: equal for sections of one kind."""
    return tuple(_NUMBER.sub("", one) for one in path)
