"""What address translation prints, explained for `dmvpn explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group, log_group, reason, reason_group
from dmvpn.features.nat import messages
from dmvpn.features.nat.reasons import NatReason

_TRANSLATIONS: Final = "show ip nat translations"
_STATISTICS: Final = "show ip nat statistics"

_LOGS = log_group(
    "address translation",
    messages.MESSAGES,
    """
    %NAT-3-RULE_REFUSED :: When the configuration is read. next: show running-config
    %NAT-3-NOT_TRANSLATING :: When the host refuses the order. next: show ip nat statistics
    """,
)
_REASONS = reason_group(
    "address translation",
    (_STATISTICS,),
    reason(
        NatReason.REFUSED,
        "The kernel has no nf_tables with masquerade, or the router lacks NET_ADMIN; its own words "
        "follow. The order is given again, later and later.",
    ),
    next="show logging",
)
_FLOWS = label_group(
    "columns of address translation",
    (_TRANSLATIONS, f"{_TRANSLATIONS} verbose"),
    Word("Pro", "Protocol of the flow, or its number.", also=("icmp", "tcp", "udp", "gre", "esp")),
    Word("Inside global", "The address and port by which the outside knows the station inside: the router's own."),
    Word("Inside local", "The station inside, by its own address and port; of an echo the identifier."),
    Word("Outside local", "The outside host's address, as inside hosts know it. It is not translated here."),
    Word("Outside global", "The same, as the outside knows it."),
    Word("Total number of translations", "As many lines are above."),
    Word("left", "Time until the flow is forgotten if no packet comes."),
    Word("flags", "Always extended: by addresses and ports, not by addresses alone.", also=("extended",)),
    Word("not answered", "No packet of the flow has been answered yet."),
    next=_STATISTICS,
    sighted=True,
    mark=r"^Pro +Inside global +Inside local",
)
_COUNTS = label_group(
    "labels of show ip nat statistics",
    (_STATISTICS,),
    Word("Total active translations", "Flows that live.", also=("static", "dynamic")),
    Word("Outside interfaces", "Those with `ip nat outside`.", also=("Outside",)),
    Word("Inside interfaces", "Those with `ip nat inside`.", also=("Inside",)),
    Word("Hits", "Translated packets that belonged to a flow."),
    Word("Misses", "Packets that made a flow."),
    Word("Not translating", "The host's error when the translation was set up; this router tries again."),
    Word("Dynamic mappings", "The rules (`ip nat inside source`).", also=("Inside Source", "Id")),
    Word("access-list", "Translates what this access list permits."),
    Word("route-map", "Translates what this route map permits."),
    Word("interface", "To the address of this interface, where it leaves by it."),
    Word("refcount", "Flows of this rule that live."),
    Word("translates nothing", "The rule cannot be obeyed to the letter, so it is not obeyed; the reason follows."),
    next=_TRANSLATIONS,
    sighted=True,
)

GROUPS: Final = (_LOGS, _REASONS, _FLOWS, _COUNTS)
