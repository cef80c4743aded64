"""What the built-in scenarios teach: the order and the headings of `dmvpn lab list`."""

from __future__ import annotations

from typing import Final

#: Topics in the order in which one meets them, and their scenarios in the order in which one would bring them up.
TOPICS: Final[dict[str, tuple[str, ...]]] = {
    "phases": ("notes-gre", "notes-phase1", "phase2-eigrp", "notes-phase3", "mixed-spokes", "migration"),
    "routing": (
        "phase3-summary",
        "phase3-default",
        "several-lans",
        "two-tunnels",
        "guide-phase2",
        "guide-phase2-broadcast",
        "ospf-phase3",
        "bgp-phase3",
        "bgp-ebgp-phase2",
        "eigrp-to-ospf",
    ),
    "security": ("intro-phase3", "course-lab", "isakmp-phase3", "isakmp-and-ikev2"),
    "redundancy": ("dual-hub", "dual-hub-two-clouds", "ipsec-dual-hub", "bgp-two-hubs", "hierarchical"),
    "NAT": (
        "spoke-behind-nat",
        "ipsec-spoke-behind-nat",
        "ipsec-two-spokes-one-nat",
        "ipsec-both-behind-nat",
        "isakmp-nat",
        "nat-overload",
    ),
    "VRFs": ("front-door", "front-door-breakout", "two-customers", "shared-services"),
    "IPv6": ("dual-stack", "ipv6-phase3"),
    "troubleshooting": ("network-ids", "two-spokes-one-nat", "ipsec-symmetric-nat"),
}
#: Behind a topic, what else there is about it.
HINTS: Final = {
    "phases": "'dmvpn lab phase 1|2|3' changes one into another",
    "troubleshooting": "'dmvpn lab break' breaks any of the others for you to find out why",
}
#: Of what came since.
OTHER: Final = "other"


def topic_of(name: str) -> str:
    """Return the topic of a built-in scenario."""
    return next((topic for topic, names in TOPICS.items() if name in names), OTHER)


def in_order(names: list[str]) -> list[tuple[str, list[str]]]:
    """Return these scenarios by topic."""
    found = [(topic, [name for name in known if name in names]) for topic, known in TOPICS.items()]
    others = [name for name in names if topic_of(name) == OTHER]
    return [(topic, some) for topic, some in [*found, (OTHER, others)] if some]
