"""Marks and kinds of `show dmvpn events`, explained for `dmvpn explain`. Imported on first use."""

from typing import Final

from dmvpn.base.chronicle import Sign, Topic
from dmvpn.base.explanations import WordKind, groups, words

#: Behind the time of a line.
_TIME: Final = r"^.{0,20}\d\d:\d\d:\d\d(?:\.\d+)? "

_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of the chronicle :: the prompt next: show dmvpn events
    % nothing happened :: No message and no change is remembered, or none about this peer.
    % nothing changed :: Nothing is different since that moment, as far as it is remembered.
    """)
_WAYS = words(WordKind.FLAG, rank=36, sighting=rf"{_TIME}(->|=>|<-) ", mark=r"^Legend: -> sent, => passed on")("""
    ## arrows of a message :: show dmvpn events next: debug nhrp packet
    -> | sent :: Sent by this router.
    => | forwarded | passed on :: Forwarded by this router: neither its source nor its destination is here.
        when: On hubs, for NHRP.
    <- | received :: Received by this router.
    """)
_SIGNS = words(WordKind.FLAG, Sign, rank=37, sighting=rf"{_TIME}([+~-])  ?[a-z]", mark=r"^Legend: \+ came")("""
    ## signs of a change :: show dmvpn events, show dmvpn changes since next: show dmvpn events
    CAME | came :: Something new: it was not there before.
    CHANGED | changed :: Something was there before and is different now.
    WENT | went :: Something is gone.
    """)
_TOPICS = words(WordKind.STATE, Topic, rank=62, sighting=rf"{_TIME}[+~-]  ?([a-z]+)")("""
    ## kinds of change :: show dmvpn events, show dmvpn changes since
    MAPPING :: An entry of the NHRP cache. next: show ip nhrp
    SERVER :: A next hop server, as this spoke sees it. next: show ip nhrp nhs
    PROTECTION :: IPsec with a peer. next: show crypto session
    NEIGHBOR :: A neighbor of a routing protocol. next: show ip eigrp neighbors
    INTERFACE :: An interface, its line or its address. next: show ip interface brief
    ROUTE :: A route of the routing table. next: show ip route
    CONFIGURATION :: The running configuration. next: show running-config
    """)
_LABELS = words(WordKind.LABEL)("""
    ## what the chronicle says of itself :: show dmvpn events, show dmvpn changes since next: show dmvpn events
    Nothing is remembered of events before | Nothing is remembered of messages before | Nothing is remembered of
        changes before :: The router began later, or its memory is full and older lines went.
    keeps no past :: The table remembers nothing of earlier moments.
    """)

GROUPS: Final = groups(vars())
