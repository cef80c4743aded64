"""Hypothesis strategies that make lines out of a grammar: right ones, cut ones, wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from dmvpn.ios import AnyOrder, Choice, ConfigLine, Keyword, Node, Optional_, Sequence, Value, compile_syntax
from support import small_language as small

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "192.0.2.1", "224.0.0.9", "255.255.255.255"])
MASKS = st.sampled_from(["255.255.255.0", "255.255.0.0", "128.0.0.0", "255.255.255.255"])
NAMES = st.sampled_from(["A", "DMVPN-TS", "x!y", "eigrp", "ip", "no", "default", "100", "a?b", "é|"])
INTERFACES = st.sampled_from(["Tunnel0", "tu 0", "gi0/1", "GigabitEthernet 0/2", "lo7", "Gi0/1.5"])
TEXTS = st.sampled_from(["text", "two  words", "| pipe", "! bang", "no ip mtu", "end"])

_VALUES = {
    "address": ADDRESSES,
    "mask": MASKS,
    "wildcard": MASKS,
    "prefix": st.sampled_from(["10.0.0.0/8", "10.1.2.3", "0.0.0.0/0"]),
    "word": NAMES,
    "secret": NAMES,
    "host-name": st.sampled_from(["A", '"B"']),
    "line": TEXTS,
    "interface": INTERFACES,
    "address6": st.sampled_from(["2001:db8::1", "FE80::1", "2001:0db8:0:0::0007"]),
    "prefix6": st.sampled_from(["2001:db8::/32", "::/0"]),
    "network6": st.sampled_from(["2001:db8::/32", "2001:db8::7/64", "::/0"]),
    "host6": st.sampled_from(["2001:db8::1/64", "2001:0db8::7/128"]),
}


def words_of(
    node: Node, value_of: Callable[[Value], SearchStrategy[str]] | None = None, *, in_order: bool = False
) -> SearchStrategy[list[str]]:
    """The words of a line that fits `node`. value_of: texts that a value reads, else those of the small language.

    in_order: what may be in any order is in that of the syntax.
    """
    texts = value_of or _value_of

    def words(node: Node) -> SearchStrategy[list[str]]:
        match node:
            case Keyword():
                return st.just([node.word])
            case Value():
                return texts(node).map(lambda text: [text])
            case Sequence():
                return st.tuples(*map(words, node.parts)).map(_joined)
            case Choice():
                return st.one_of(*map(words, node.alternatives))
            case Optional_():
                return st.one_of(st.just([]), words(node.node))
            case AnyOrder() if in_order:
                return words(Sequence(tuple(map(Optional_, node.alternatives))))
            case AnyOrder():
                chosen = st.permutations(node.alternatives).flatmap(
                    lambda order: st.integers(0, len(order)).map(lambda count: order[:count])
                )
                return chosen.flatmap(lambda nodes: st.tuples(*map(words, nodes)).map(_joined))

    return words(node)


def _joined(parts: tuple[list[str], ...]) -> list[str]:
    return [word for part in parts for word in part]


def _value_of(value: Value) -> SearchStrategy[str]:
    known = _VALUES.get(value.type.name)
    if known is not None:
        return known
    low, _, high = value.type.name.partition("-")
    return st.integers(int(low), int(high)).map(str)


def line_of(line: ConfigLine) -> SearchStrategy[str]:
    """Return a text that `line` understands."""
    return words_of(compile_syntax(line.syntax)).map(" ".join)


#: Any line of the small language, sometimes its `no` or `default`, and what moves between modes.
LINES = st.one_of(
    st.tuples(st.sampled_from(["", "", "", "no ", "default "]), st.sampled_from(small.LINES).flatmap(line_of)).map(
        "".join
    ),
    st.sampled_from(["exit", "end", "exit-address-family", "exit-af-topology", "!", ""]),
    st.sampled_from(["no ip http server", "ip ssh version 2", "line vty 0 4", "logging synchronous", "speed auto"]),
)

#: Lines of an interface: the richest mode.
INTERFACE_LINES = st.sampled_from([line for line in small.LINES if line.mode == "interface"])

#: Texts that look like lines: words of the language, values, rubbish and blanks in any order.
VOCABULARY = sorted({word for line in small.LINES for word in line.syntax.replace("[*", "").split()})
RUBBISH = st.lists(
    st.one_of(st.sampled_from(VOCABULARY), NAMES, ADDRESSES, INTERFACES, TEXTS, st.text(max_size=4)), max_size=8
).map(" ".join)
