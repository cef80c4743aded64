"""Marks and kinds of `show dmvpn events`, explained for `dmvpn explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.chronicle import Sign, Topic
from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import WordGroup, WordKind, answer_group, label_group, words

_SCREENS: Final = ("show dmvpn events", "show dmvpn changes since")
#: Behind the time of a line.
_TIME: Final = r"^.{0,20}\d\d:\d\d:\d\d(?:\.\d+)? "

_WAYS = WordGroup(
    title="arrows of a message",
    kind=WordKind.FLAG,
    screens=("show dmvpn events",),
    rank=36,
    next="debug nhrp packet",
    sighting=rf"{_TIME}(->|=>|<-) ",
    mark=r"^Legend: -> sent, => passed on",
    explanations=words("""
        -> | sent :: Sent by this router.
        => | forwarded | passed on :: Forwarded by this router: neither its source nor its destination is here.
            when: On hubs, for NHRP.
        <- | received :: Received by this router.
        """),
)

_SIGNS = WordGroup(
    title="signs of a change",
    kind=WordKind.FLAG,
    screens=_SCREENS,
    rank=37,
    next="show dmvpn events",
    sighting=rf"{_TIME}([+~-])  ?[a-z]",
    mark=r"^Legend: \+ came",
    explanations=words(f"""
        {Sign.CAME.value} | came :: Something new: it was not there before.
        {Sign.CHANGED.value} | changed :: Something was there before and is different now.
        {Sign.WENT.value} | went :: Something is gone.
        """),
)

_TOPICS = WordGroup(
    title="kinds of change",
    kind=WordKind.STATE,
    screens=_SCREENS,
    rank=62,
    sighting=rf"{_TIME}[+~-]  ?([a-z]+)",
    explanations=words(f"""
        {Topic.MAPPING.value} :: An entry of the NHRP cache. next: show ip nhrp
        {Topic.SERVER.value} :: A next hop server, as this spoke sees it. next: show ip nhrp nhs
        {Topic.PROTECTION.value} :: IPsec with a peer. next: show crypto session
        {Topic.NEIGHBOR.value} :: A neighbor of a routing protocol. next: show ip eigrp neighbors
        {Topic.INTERFACE.value} :: An interface, its line or its address. next: show ip interface brief
        {Topic.ROUTE.value} :: A route of the routing table. next: show ip route
        {Topic.CONFIGURATION.value} :: The running configuration. next: show running-config
        """),
)

_ANSWERS = answer_group(
    "the chronicle",
    Word("% nothing happened", "No message and no change is remembered, or none about this peer."),
    Word("% nothing changed", "Nothing is different since that moment, as far as it is remembered."),
    next="show dmvpn events",
)

_LABELS = label_group(
    "what the chronicle says of itself",
    _SCREENS,
    *words("""
    Nothing is remembered of what was before | Nothing is remembered of messages before | Nothing is remembered of
        changes before :: The router began later, or its memory is full and older lines went.
    keeps no past :: The table remembers nothing of earlier moments.
    """),
    next="show dmvpn events",
)

GROUPS: Final = (_ANSWERS, _WAYS, _SIGNS, _TOPICS, _LABELS)
