"""Rows that became better, as clauses for people: "R31 and R41 reach each other directly"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.tools.diff.behavior import LanPair
from dmvpn.tools.diff.compare import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.diff.rows import Rows

#: The improvements of a pair, the most important first.
_TOPICS = (Topic.REACHABILITY, Topic.WAY, Topic.LOSS, Topic.MTU, Topic.MSS)


def clauses(before: Rows, after: Rows, better: list[tuple[str, Topic]]) -> tuple[str, ...]:
    """Return the improvements, one clause for each pair: its most important topic. better: pairs and topics."""
    of_pair: dict[LanPair, Topic] = {}
    for topic in _TOPICS:
        for pair in (one for one in after.talks if (str(one), topic) in better):
            of_pair.setdefault(pair, topic)
    for pair in after.full:
        if pair in before.talks and pair not in before.full:
            of_pair.setdefault(pair, Topic.MTU)
    return tuple(_said(of_pair, after))


def _said(of_pair: dict[LanPair, Topic], after: Rows) -> Iterator[str]:
    done: set[LanPair] = set()
    for pair, topic in of_pair.items():
        if pair in done:
            continue
        back = LanPair(pair.destination, pair.source)
        is_mutual = of_pair.get(back) is topic and after.talks[back].path == after.talks[pair].path
        done |= {pair, back} if is_mutual else {pair}
        yield _clause(pair, topic, after, is_mutual=is_mutual)


def _clause(pair: LanPair, topic: Topic, after: Rows, *, is_mutual: bool) -> str:
    talk = after.talks[pair]
    path = "directly" if talk.path == "direct" else talk.path
    ends = f"between {pair.source} and {pair.destination}" if is_mutual else f"from {pair}"
    match topic:
        case Topic.LOSS:
            return f"packets {ends} no longer get lost"
        case Topic.MTU:
            return f"large packets {ends} arrive"
        case Topic.MSS:
            return f"TCP {ends} sends segments that fit"
        case _ if is_mutual:
            return f"{pair.source} and {pair.destination} reach each other {path}"
        case _:
            return f"{pair.source} reaches {pair.destination} {path}"
