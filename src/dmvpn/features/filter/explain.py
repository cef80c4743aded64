"""What packet filters print, explained for `dmvpn explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.filter import messages
from dmvpn.features.filter.reasons import FilterReason

_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of packet filters :: show logging next: show logging
    %FILTER-3-PORT_SHUT :: When the host refuses a list, and drops the packets. next: show ip interface
    %FILTER-3-NOT_FILTERED :: When the host refuses all that filters. next: show ip interface
    %SEC-6-IPACCESSLOGP :: At the first packet of a flow, then every five minutes. next: show ip access-lists
    %SEC-6-IPACCESSLOGDP :: At the first packet of a flow, then every five minutes. next: show ip access-lists
    %SEC-6-IPACCESSLOGRP :: At the first packet of a flow, then every five minutes. next: show ip access-lists
    %SEC-6-IPACCESSLOGNP :: At the first packet of a flow, then every five minutes. next: show ip access-lists
    %IPV6_ACL-6-ACCESSLOGP :: At the first packet of a flow, then every five minutes. next: show ipv6 access-list
    %IPV6_ACL-6-ACCESSLOGDP :: At the first packet of a flow, then every five minutes. next: show ipv6 access-list
    %IPV6_ACL-6-ACCESSLOGNP :: At the first packet of a flow, then every five minutes. next: show ipv6 access-list
    %SEC-6-IPACCESSLOGS :: At the first packet of a sender, then every five minutes. next: show ip access-lists
    """)
_REASONS = words(WordKind.REASON, FilterReason)("""
    ## reasons of packet filters :: show logging next: show logging
    REFUSED :: The kernel refuses a list; its own words follow. Nothing passes the lists of the port meanwhile. The
        order is given again, later and later.
    UNFILTERED :: The kernel has no nf_tables, or the router lacks NET_ADMIN; its own words follow. All packets pass the
        port meanwhile, although its lists deny them. The order is given again, later and later.
    """)

GROUPS: Final = groups(vars())
