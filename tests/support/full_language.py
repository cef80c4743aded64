"""Hypothesis strategies for the real language: texts made of the lines of all features, in the modes they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hypothesis import strategies as st

from dmvpn.ios import ConfigLine, OneOf, Value, compile_syntax, known_commands
from dmvpn.ios.config_line import FREE, is_free
from dmvpn.ios.matcher import tokenize
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support.ios_strategies import words_of

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from dmvpn.features.interface.model import InterfaceConfig
    from dmvpn.ios import ConfigTree

LANGUAGE = configurator(FEATURES)
#: Those behind whose beginning anything may follow are in no grammar.
FREE_LINES: tuple[ConfigLine, ...] = tuple(line for line in known_commands()[0] if is_free(line))
_KNOWN = tuple(line for line in known_commands()[0] if not is_free(line))
#: Every line that this release reads.
LINES: tuple[ConfigLine, ...] = (*(line for feature in FEATURES for line in feature.config), *_KNOWN)
#: The line that leads into each mode.
OPENERS: dict[str, ConfigLine] = {line.opens: line for line in (*FREE_LINES, *LINES) if line.opens is not None}


def models(tree: ConfigTree) -> dict[str, object]:
    """Return what every feature makes of a configuration. Interfaces have no order: shows sort them by their names."""
    found = {feature.name: feature.model(tree) for feature in FEATURES if feature.model is not None}
    interfaces = cast("InterfaceConfig", found["interface"])
    return found | {"interface": (sorted(map(repr, interfaces.interfaces)), interfaces.forwards_ipv6)}


_ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "172.16.0.0", "192.0.2.1", "0.0.0.0", "224.0.0.9"])
_MASKS = st.sampled_from(["255.255.255.0", "255.255.0.0", "255.255.255.255", "0.0.0.0"])
#: Names that look like words of the language: allowed, and sometimes taken for these words.
KEYWORDS_AS_NAMES = {"eigrp", "ip", "no", "default", "0", "local", "key", "in"}
_NAMES = st.sampled_from(["A", "DMVPN-TS", "x!y", "100", *sorted(KEYWORDS_AS_NAMES - {"in"})])
_VALUES: dict[str, SearchStrategy[str]] = {
    "address": _ADDRESSES,
    "mask": _MASKS,
    "wildcard": st.sampled_from(["0.0.0.255", "0.0.0.0", "255.255.255.255", "0.0.255.0"]),
    "prefix": st.sampled_from(["10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "10.0.0.7/24"]),
    "address6": st.sampled_from(["2001:db8::1", "FE80::1", "::", "2001:0db8:0:0::0007", "::ffff:10.0.0.1"]),
    "prefix6": st.sampled_from(["2001:db8::/32", "2001:db8::1", "::/0"]),
    "network6": st.sampled_from(["2001:db8::/32", "2001:db8::7/64", "::/0"]),
    "host6": st.sampled_from(["2001:db8::1/64", "2001:DB8:1::1/128", "fe80::1/64"]),
    "word": _NAMES,
    "host-name": st.sampled_from(["A", '"A"', "x!y"]),
    "secret": _NAMES,
    "secret-kind": st.sampled_from(["0", "4", "5", "8", "9"]),
    "password-kind": st.sampled_from(["0", "7"]),
    "user-password-kind": st.sampled_from(["0", "6", "7"]),
    "password": st.sampled_from(["text", "two  words", "$1$x", "local", "7seas"]),
    "key-data": st.sampled_from(["AAAAB3NzaC1yc2E", "ssh-rsa", "AAAAB3Nz/+aC1yc2E="]),
    "route-name": _NAMES,
    "line": st.sampled_from(["text", "two  words", "| pipe", "! bang", "0a0b", "no ip mtu", "local", "end", "6 x"]),
    "interface": st.sampled_from(["Tunnel0", "tu 0", "gi0/1", "GigabitEthernet 0/2", "lo7", "Null0"]),
    "banner": st.sampled_from(["#hello#", "^Ctwo words^C", "xa ^C bx"]),
    "certificate-octets": st.sampled_from(["30820330 30820218 A0030201", "02020101", "DEFA"]),
    "vlans": st.sampled_from(["1", "10,20", "10,20-30,99"]),
    "release": st.sampled_from(["17.9", "15.2(4)M"]),
    "classful-network": _ADDRESSES,
    "ospf-area": st.sampled_from(["0", "0.0.0.0", "0.0.0.1", "4294967295"]),
    "ospf-network": st.sampled_from(["10.0.0.0 0.0.0.255", "10.0.0.7 0.0.0.255", "10.0.0.0 255.255.255.0"]),
    "bgp-as": st.sampled_from(["65000", "1", "4200000000", "1.1"]),
    "bgp-peer": st.sampled_from(["10.0.0.2", "SPOKES", "in"]),
    "bgp-community": st.sampled_from(["65000:1", "4259840001", "no-export", "local-AS", "internet"]),
    "bgp-extcommunity": st.sampled_from(["65000:1", "192.0.2.1:7", "4200000000:9"]),
    "bgp-large-community": st.sampled_from(["65000:1:2", "4294967295:0:0"]),
    "metric-step": st.sampled_from(["+5", "-4294967295", "+0"]),
    "ospf-kinds": st.sampled_from(["internal", "internal external 1 external 2", "ext nssa-external 2"]),
    "acl-ports": st.sampled_from(["eq 80", "eq www 443 ntp", "range 9 5", "gt 1023", "neq 7 echo", "lt 0"]),
    "acl-icmp": st.sampled_from(["echo", "echo-r", "unr", "8", "8 0", "3 4", "255 255", "unreachable", "0"]),
    "acl-icmp6": st.sampled_from(["echo-request", "echo-rep", "nd-ns", "packet-too-big", "128", "1 4", "255 255"]),
    "acl-igmp": st.sampled_from(["host-report", "7", "pim"]),
    "acl-flags": st.sampled_from(["+syn -ack", "+RST", "-urg +psh -fin"]),
    "acl-dscp": st.sampled_from(["ef", "af11", "63", "default"]),
    "acl-precedence": st.sampled_from(["flash", "7", "critical"]),
    "route-distinguisher": st.sampled_from(["65000:1", "192.0.2.1:7", "1.65000:3"]),
    "acl-option": st.sampled_from(["any-options", "lsr", "255"]),
    "acl-ttl": st.sampled_from(["eq 1", "lt 5", "range 2 9", "neq 255"]),
    "acl-tos": st.sampled_from(["normal", "15", "min-delay"]),
}


def value_of(value: Value) -> SearchStrategy[str]:
    """Texts that a value reads; nearly all of them."""
    kind = value.type
    if isinstance(kind, OneOf):
        return st.sampled_from(kind.words(""))
    if kind.name in _VALUES:
        return _VALUES[kind.name]
    low, _, high = kind.name.partition("-")
    return st.one_of(st.just(low), st.just(high), st.integers(int(low), int(high)).map(str))


def line_of(line: ConfigLine) -> SearchStrategy[str]:
    """Return a text that `line` understands."""
    if is_free(line):
        return st.just(f"{line.syntax.removesuffix(FREE)} x1")
    return words_of(compile_syntax(line.syntax), value_of).map(" ".join)


#: Types whose values are names and texts: they may be spelled like a keyword.
_NAMED = ("word", "secret", "line")


def named_of(line: ConfigLine) -> SearchStrategy[str]:
    """Return a text that `line` understands, in which every name, key and text is `x:` and what the syntax calls it."""

    def text_of(value: Value) -> SearchStrategy[str]:
        return st.just(f"x:{value.name}") if value.type.name in _NAMED else value_of(value)

    return words_of(compile_syntax(line.syntax), text_of).map(" ".join)


def rivals_of(mode: str, beginning: str) -> list[str]:
    """Return numbers, and the keywords that may follow these words in a mode."""
    walk = LANGUAGE.grammar(mode).walk(beginning, tokenize(beginning))
    return sorted({"0", "7", "100", *(word for thread in walk.threads for word in thread.place.shown_words)})


#: Texts of values as `ConfigLine.line` writes them, of types that may be typed in several ways and are shown as typed.
_WRITTEN: dict[str, SearchStrategy[str]] = {
    "prefix": st.sampled_from(["10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0"]),
    "banner": st.sampled_from(["^Cone^C", "^Ctwo words^C"]),
    "ospf-area": st.sampled_from(["0", "4294967295"]),
    "bgp-as": st.sampled_from(["65000", "4200000000"]),
    "bgp-community": st.sampled_from(["65000:1", "no-export", "local-AS", "internet"]),
    "metric-step": st.sampled_from(["+5", "-4294967295", "+0"]),
    "ospf-kinds": st.sampled_from(["internal", "internal external", "external 2 nssa-external 1"]),
}


def written_of(line: ConfigLine) -> SearchStrategy[str]:
    """Return a text of `line` as `ConfigLine.line` writes it, but for keywords and names that may be cut or capital."""
    return words_of(compile_syntax(line.syntax), _text_written_of, in_order=True).map(" ".join)


def _text_written_of(value: Value) -> SearchStrategy[str]:
    return _WRITTEN[value.type.name] if value.type.name in _WRITTEN else value_of(value)


def way_to(mode: str) -> SearchStrategy[list[str]]:
    """Return the lines that lead from the global mode into `mode`."""
    if mode == "global":
        return st.just([])
    opener = OPENERS[mode]
    return st.tuples(way_to(opener.mode), line_of(opener)).map(lambda parts: [*parts[0], parts[1]])


_BY_MODE: dict[str, list[ConfigLine]] = {}
for _line in LINES:
    _BY_MODE.setdefault(_line.mode, []).append(_line)

_PREFIXES = st.sampled_from(["", "", "", "", "no ", "default "])


def block_of(mode: str) -> SearchStrategy[list[str]]:
    """Return the way into a mode, and some of its lines."""
    line = st.tuples(_PREFIXES, st.sampled_from(_BY_MODE[mode]).flatmap(line_of)).map("".join)
    return st.tuples(way_to(mode), st.lists(line, max_size=8)).map(lambda parts: [*parts[0], *parts[1], "end"])


#: A text of several such blocks.
TEXTS = st.lists(st.sampled_from(sorted(_BY_MODE)).flatmap(block_of), max_size=8).map(
    lambda blocks: "\n".join(line for block in blocks for line in block)
)
