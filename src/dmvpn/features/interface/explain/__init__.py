"""What interfaces print, explained for `dmvpn explain` and `| explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import WordGroup, WordKind, answer_group, log, log_group, reason, reason_group
from dmvpn.features.interface import messages
from dmvpn.features.interface.explain import labels
from dmvpn.features.interface.port import Status
from dmvpn.features.interface.reasons import InterfaceReason

_BRIEF = ("show ip interface brief", "show interfaces description")
_ALL = ("show interfaces", "show ip interface", "show ipv6 interface", *_BRIEF)

_STATUS = WordGroup(
    title="status of an interface",
    kind=WordKind.STATE,
    screens=_ALL,
    rank=11,
    next="show interfaces",
    sighting=r"(?:^\S+ is (administratively down|up|down), line protocol"
    r"|(?:YES|NO) \S+ +(administratively down|up|down) +(?:up|down)|\[(administratively down|up|down)/(?:up|down)\])",
    mark=r"^\S+ is (?:administratively down|up|down), line protocol is",
    explanations=(
        Word(
            Status.UP.value,
            "The first of the two words: the interface itself works. A tunnel is up as soon as it is not shut down.",
            also=("up (interface)",),
        ),
        Word(
            Status.DOWN.value,
            "No carrier: the cable, the far end or the host's link is off.",
            next="show interfaces, show logging",
        ),
        Word(
            Status.SHUT.value,
            "`shutdown` is configured; `no shutdown` brings the interface back.",
            next="show running-config interface",
            also=("admin down", "shutdown"),
        ),
    ),
)

_PROTOCOL = WordGroup(
    title="line protocol",
    kind=WordKind.STATE,
    screens=_ALL,
    rank=12,
    next="show interfaces",
    sighting=r"(line protocol is (?:up|down))",
    explanations=(
        Word("line protocol is up", "The second word: the interface carries packets."),
        Word(
            "line protocol is down",
            "The interface carries nothing. Of a tunnel: it has no source, no route to its destination, would route "
            "into itself, or cannot be protected; `Tunnel linestate evaluation` names which.",
            next="show interfaces Tunnel",
        ),
        Word("up/up", "The interface works and carries packets."),
        Word(
            "up/down",
            "The interface itself works and carries no packets. Of a tunnel this is the usual fault: its source, its "
            "destination, recursion, protection, or `if-state nhrp` without a server.",
            next="show interfaces Tunnel (the line Tunnel linestate evaluation)",
        ),
        Word("down/down", "The interface has no carrier, so it carries nothing."),
        Word("administratively down/down", "Shut down by configuration.", also=("admin down/down",)),
    ),
)

_METHODS = WordGroup(
    title="column Method",
    kind=WordKind.FLAG,
    screens=("show ip interface brief",),
    rank=50,
    next="show ip interface",
    mark=r"^Interface +IP-Address +OK\?",
    sighting=r"(?:YES|NO) (\w+) +(?:administratively|up|down)",
    explanations=(
        Word("manual", "The address comes from the configuration."),
        Word("other", "The address is the host's own; the configuration names none."),
        Word("DHCP", "`ip address dhcp`: the host's DHCP client gets it."),
        Word("unset", "There is no address."),
    ),
)

_LOGS = log_group(
    "interfaces",
    log(messages.LinkUpDown, "At each change of the carrier.", next="show interfaces"),
    log(
        messages.LinkChanged,
        "After `shutdown` in configuration mode.",
        next="show ip interface brief",
    ),
    log(
        messages.LineProtocolUpDown,
        "Of a tunnel: when its source, destination, keepalive, protection or next hop servers change.",
        next="show interfaces",
    ),
    log(
        messages.Ipv6Down,
        "When the data plane, or the kernel, carries no IPv6 there.",
        next="show ipv6 interface",
    ),
)

_REASONS = reason_group(
    "interfaces",
    ("show interfaces", "show ipv6 interface"),
    reason(InterfaceReason.REFUSED, "The kernel did not take up, down, an address or an MTU."),
    reason(InterfaceReason.ONLY_IPV4, "The running data plane does not support IPv6 inside the tunnel."),
    reason(InterfaceReason.SHUT, "`shutdown` is configured.", next="show running-config interface"),
    reason(InterfaceReason.UNDECIDED, "The tunnel exists in the configuration and its state is not decided yet."),
    reason(
        InterfaceReason.MISSING,
        "The configuration names an interface that the host lacks, or that `--map` gives to none.",
        next="show ip interface brief",
    ),
    reason(InterfaceReason.NO_CARRIER, "The link is off: no cable, or the other end is down."),
    reason(InterfaceReason.NO_LEASE, "`ip address dhcp`, and no lease so far.", next="show ip interface brief"),
    reason(
        InterfaceReason.OTHER_ADDRESS,
        "An adopted interface has one address in the host and another in the configuration; nothing is changed "
        "without `--manage`.",
        next="show ip interface brief",
    ),
    next="show interfaces",
)

_ANSWERS = answer_group(
    "interfaces",
    Word(
        "% <address> overlaps with <interface>",
        "Another interface has an address in the same network; packets to it could not know which way to go.",
    ),
    Word(
        "% The host keeps these addresses and asks for them again; to forget one there: ip neigh flush to <address>",
        "`clear arp-cache` has nothing to clear: the kernel under this router learns link-layer addresses.",
        next="show arp",
    ),
    Word("% <address> is a link-local address: say <command>", "FE80 addresses are written with `link-local` behind."),
    Word(
        "% <address> cannot be the address of an interface",
        "It is a multicast, a loopback or the unspecified one.",
        clause="RFC 4291 §2",
    ),
    Word(
        "% <address> is not a link-local address (FE80::/10)",
        "`link-local` was said of an address that is none.",
        clause="RFC 4291 §2.5.6",
    ),
    next="show ip interface brief",
)

GROUPS: Final = (_ANSWERS, _STATUS, _PROTOCOL, _METHODS, _LOGS, _REASONS, *labels.GROUPS)
