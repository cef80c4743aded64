"""Lines of EIGRP: log messages, debugs, reasons."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.eigrp import messages
from dmvpn.features.eigrp.reasons import EigrpReason

_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of EIGRP :: the prompt next: show running-config
    %Warning: automatic summaries are not made; use summary-address :: `auto-summary` is kept and does nothing: classful
        summaries break networks with parts in several places.
    % Autonomous system <number> is configured in named mode :: `router eigrp NAME` has this autonomous system already;
        one process cannot be written in both modes.
    % Autonomous system <number> is configured in classic mode :: `router eigrp NUMBER` exists already; take it away
        before it is written in named mode.
    % receive-only stands alone :: A stub that advertises nothing cannot also advertise connected or other routes.
    %Entry <prefix> not in topology table :: EIGRP knows no path to exactly this prefix. next: show ip eigrp topology
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of EIGRP :: show logging next: show logging
    %DUAL-5-NBRCHANGE :: At each neighbor that comes (`up: new adjacency`) or goes (`down: ` and why). [RFC 7868 §5.3]
        next: show ip eigrp neighbors
    %DUAL-3-SIA :: When the active timer (three minutes) ends without a reply or SIA-Reply, or after three SIA-Replies.
        [RFC 7868 §4.4.1]
        next: show ip eigrp topology active
    %DUAL-4-AUTHBLOCKED :: A key chain is missing or empty, or the mode is not in this build. [RFC 7868 §6.7.2]
        next: show ip eigrp interfaces detail
    %DUAL-4-AUTHMISMATCH :: The two ends have other modes, keys or passwords, or one of them has none. [RFC 7868 §6.7.2]
        next: show ip eigrp interfaces detail, show key chain
    %DUAL-6-NBRINFO :: When a Hello comes from outside the interface's subnet. next: show ip interface brief
    %DUAL-4-PFXLIMITTHR :: When so many percent of `maximum-prefix` are there (75 if the line does not say).
        next: show ip eigrp accounting
    %DUAL-3-PFXLIMIT :: When one more prefix is there than `maximum-prefix` allows. The neighbor is kept down for
        `restart` minutes (5), `restart-count` times (3), then until it is cleared.
        next: show ip eigrp accounting, clear ip eigrp neighbors
    %DUAL-4-BADPACKET :: A length or a field that the standard forbids. [RFC 7868 §6.5] next: debug eigrp packets
    %DUAL-4-NBRLIMIT :: A member greets by thousands of addresses, or the cloud is larger than any that this router is
        made for.
        next: show ip eigrp neighbors
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug eigrp packets :: debug eigrp packets, show logging [RFC 7868 §6.5] next: show ip eigrp traffic
    EIGRP: <Sending|Received> <packet> on <interface> - paklen <octets> nbr <address> :: A packet of EIGRP left for one
        neighbor, or came from it.
    EIGRP: <Sending|Received> <packet> on <interface> - paklen <octets> :: A packet of EIGRP left for all neighbors, by
        multicast to 224.0.0.10.
    AS <number>, Flags <flags>, Seq <number>/<number> interfaceQ 0/0 iidbQ un/rely 0/0 :: The autonomous system, which
        must be the same; the flags; the packet's sequence number, and the sequence number that it acknowledges (0:
        none). [RFC 7868 §5.2]

    ## lines of debug ip eigrp :: debug ip eigrp, show logging next: show ip eigrp topology
    EIGRP-IPv4(<number>): <Int|Ext> <prefix> metric <distance> from <address> :: What a neighbor says of a destination,
        external or not, with its own distance. [RFC 7868 §5.6]
    EIGRP-IPv4(<number>): <Int|Ext> <prefix> unreachable from <address> :: The neighbor has no way to it.

    ## lines of debug eigrp fsm :: debug eigrp fsm, show logging [RFC 7868 §3.5] next: show ip eigrp topology all-links
    DUAL: rcv<update|query|reply>: <prefix> via <address> metric <distances> :: A report about the destination reached
        DUAL, with our distance by that neighbor and its own.
    DUAL: <prefix> from <state> to <state>: <event> :: The destination moved in DUAL's state machine, because of the
        event behind the colon.

    ## lines of debug eigrp neighbors :: debug eigrp neighbors, show logging [RFC 7868 §5.3]
        next: show ip eigrp neighbors
    EIGRP: New peer <address> on <interface> :: A Hello came from a router that was no neighbor before.
    EIGRP: Neighbor <address> went down on <interface>: <reason> :: A neighbor was given up, and why.
    """)
_REASONS = words(WordKind.REASON, EigrpReason)("""
    ## reasons of EIGRP :: show ip eigrp interfaces detail, show logging next: show ip eigrp interfaces detail
    HIDDEN :: A hidden password (type 6 or 7) is not read. The interface stays silent: nothing is sent unprotected
        instead.
    NO_KEY_CHAIN :: `ip authentication mode eigrp` is there and `ip authentication key-chain eigrp` is missing.
    NO_KEY :: The chain that the interface names does not exist, is empty, or no key of it is valid now.
        next: show running-config (key chain)
    NO_VALID_KEY :: Let lifetimes of keys overlap, and look at the clock. next: show key chain, show clock
    WRONG_DIGEST :: The neighbor's packets were made with another key, or changed on the way.
    NO_DIGEST :: The neighbor's packets carry no authentication, and our interface asks for it.
    OFF_HERE :: The neighbor's packets carry a digest, and our interface asks for none.
    """)

GROUPS: Final = groups(vars())
