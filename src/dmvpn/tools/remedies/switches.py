"""The switches of the language in a section: commands without a value, or with only a neighbor as argument.

They are read from the grammar of the features, so that new commands are included automatically.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain, islice, product
from typing import TYPE_CHECKING, Final

from dmvpn.ios import AnyOrder, Choice, Keyword, Optional_, Value, compile_syntax
from dmvpn.ios import Sequence as OneAfterOther
from dmvpn.router.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.ios import Node

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
        return _mode_of_family(path[0], is_of_vrf=" vrf " in last)
    if last.startswith("router eigrp "):
        return "eigrp" if last.split()[-1].isdigit() else "eigrp-named"
    return next((mode for beginning, mode in _MODES if last.startswith(beginning)), "")


def _mode_of_family(header: str, *, is_of_vrf: bool) -> str:
    """Return the mode of an address family. header: of the section around it."""
    if header.startswith("router bgp "):
        return "bgp-ipv4-vrf" if is_of_vrf else "bgp-ipv4"
    if header.startswith("router rip"):
        return "rip-af"
    if header.startswith("router eigrp "):
        return "eigrp-classic-af" if header.split()[-1].isdigit() else "eigrp-af"
    return ""  # of `vrf definition`: it has no switches


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
            parts = tuple(one for number, one in enumerate(parts) if not (number == 1 and _is_peer(parts)))
            forms = product(*map(_without_values, parts))
            return [tuple(chain.from_iterable(form)) for form in islice(forms, _FORMS)]


def _is_peer(parts: tuple[Node, ...]) -> bool:
    return isinstance(parts[0], Keyword) and parts[0].word == "neighbor" and isinstance(parts[1], Value)
