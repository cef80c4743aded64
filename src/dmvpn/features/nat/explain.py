"""What address translation prints, explained for `dmvpn explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.nat import messages
from dmvpn.features.nat.reasons import NatReason

_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of address translation :: show logging next: show logging
    %NAT-3-RULE_REFUSED :: When the configuration is read. next: show running-config
    %NAT-3-NOT_TRANSLATING :: When the host refuses the order. next: show ip nat statistics
    """)
_ANSWERS = words(WordKind.ANSWER)("""
    ## answers about address translation :: ip nat pool, ip nat inside source static network
        next: show running-config
    %End address less than start address :: The second address of a pool comes before the first one.
    %Start and end addresses on different subnets :: By the mask of the pool they are in two networks.
    % Invalid address: no station has <address> :: Addresses of 0/8, 127/8 and from 224.0.0.0 on never get an answer.
    % Invalid network mask :: Write /24 or 255.255.255.0.
    % The data plane reports flows, no single packets: show ip nat translations verbose :: `debug ip nat`: kernels
        translate without a word.
    % Inconsistent address and mask :: An address of a `static network` line has bits set behind its mask.
    """)
_REASONS = words(WordKind.REASON, NatReason)("""
    ## reasons of address translation :: show ip nat statistics next: show logging
    REFUSED :: The kernel has no nf_tables with masquerade, or the router lacks NET_ADMIN; its own words follow. The
        order is given again, later and later.
    """)
_FLOWS = words(WordKind.LABEL, mark=r"^Pro +Inside global +Inside local", sighted=True)("""
    ## columns of address translation :: show ip nat translations, show ip nat translations verbose
        next: show ip nat statistics
    Pro | icmp | tcp | udp | gre | esp :: Protocol of the flow, or its number; `---`: a station has the address in
        whole, by a static rule or from a pool.
    Inside global :: The address and port by which the outside knows the station inside.
    Inside local :: The station inside, by its own address and port; of an echo the identifier.
    Outside local :: The outside host's address, as inside hosts know it. It is not translated here.
    Outside global :: The same, as the outside knows it; `---`: any.
    Total number of translations :: As many lines are above.
    Map-Id(In) :: Number of the rule, as in show ip nat statistics.
    left :: Time until the flow is forgotten if no packet comes.
    flags | extended | static | none :: Extended: by addresses and ports, not by addresses alone. Static: a line of
        the configuration, which does not expire.
    not answered :: No packet of the flow has been answered yet.
    """)
_COUNTS = words(WordKind.LABEL, sighted=True)("""
    ## labels of show ip nat statistics :: show ip nat statistics next: show ip nat translations
    Total active translations | static | dynamic | extended :: Static rules; flows that live, and addresses of pools
        that stations have for themselves; of all of them those with ports.
    Outside interfaces | Outside :: Those with `ip nat outside`.
    Inside interfaces | Inside :: Those with `ip nat inside`.
    Hits :: Translated packets that belonged to a flow, since `clear ip nat statistics`.
    Misses :: Packets that made a flow, since then.
    nat-limit statistics | All Host Max allowed | missed :: Flows that one station inside may have by one rule, and
        packets without a translation: their station has that many, or no address or port is free.
    Most used | host | used :: The station with the most flows.
    Not translating :: The host's error when the translation was set up; nothing passes from inside to outside, and
        this router tries again.
    Translating nothing :: A static rule that would take packets away from the router itself; the reason follows.
    Dynamic mappings | Inside Source | Id :: The rules (`ip nat inside source`).
    access-list :: Translates what this access list permits.
    route-map :: Translates what this route map permits.
    interface :: To the address of this interface, where it leaves by it.
    pool | id | netmask | start | end :: To an address of this pool; with overload to its first one.
    type | generic | total addresses | allocated | misses :: How many addresses the pool has, and how many are in use.
    refcount :: Flows of this rule that live.
    translates nothing :: The rule cannot be obeyed to the letter, so it is not obeyed; the reason follows.
    """)

GROUPS: Final = groups(vars())
