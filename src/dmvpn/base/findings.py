"""Findings of `dmvpn lint` in configurations, and the rules that it applies.

    Rule        what lint looks for, why it matters, an example: the reference page is made of these
    Concern     what a rule says about one router's configuration; it points at a line by the words of the line
    LintFinding a concern in its file: what people and programs get

A feature's `lint.py` has rules about its own model and answers with concerns; it knows neither files nor line numbers.
`tools/lint` has the rules that look at several features or several routers, and makes findings of all of them.

The causes of faults in a DMVPN, one name for each: the thing to fix, not the symptom.

The doctor decides on one of them, the catalog of troubles injects them, and a test holds the two together. They are
in the order in which the doctor checks them: from the wire up, since a fault in a lower layer breaks all layers above.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable

from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ causes of faults


class Cause(enum.Enum):
    """The cause of a fault. The values are for programs that read the JSON form."""

    # underlay
    ROUTER_DEAD = "router dead"
    INTERFACE_SHUTDOWN = "interface shut down"
    NO_ADDRESS = "interface without address"
    KERNEL_TABLES = "kernel tables changed by others"
    HOST_FILTER = "packet filter of the host"
    NOT_FILTERED = "port not filtered"
    WRONG_MASK = "wrong mask"
    MISSING_ROUTE = "no route to the underlay"
    WRONG_NEXT_HOP = "default route to nobody"
    NBMA_CONFLICT = "same NBMA address twice"
    # the way between
    LIST_CUTS_TUNNEL = "access list cuts the tunnel"
    LINK_CUT = "link cut"
    LOSSY_LINK = "lossy link"
    ONE_WAY_LOSS = "one-way loss"
    GRE_BLOCKED = "GRE (protocol 47) blocked"
    ESP_BLOCKED = "ESP (protocol 50) blocked"
    IKE_BLOCKED = "UDP 500 blocked"
    NAT_T_BLOCKED = "UDP 4500 blocked"
    FRAGMENTS_BLOCKED = "fragments blocked"
    PATH_MTU = "path MTU black hole"
    # NAT
    SERVER_BEHIND_NAT = "server behind NAT"
    SAME_NAT = "same NAT"
    NAT_KIND = "symmetric NAT"
    # tunnel
    TUNNEL_SHUTDOWN = "tunnel shut down"
    WRONG_SOURCE = "wrong tunnel source"
    WRONG_DESTINATION = "wrong tunnel destination"
    RECURSION = "recursive routing"
    KEEPALIVE = "GRE keepalive on a multipoint tunnel"
    TUNNEL_DOWN = "tunnel down"
    NO_TUNNEL_THERE = "no tunnel there"
    HUB_POINT_TO_POINT = "point-to-point tunnel at the hub"
    TUNNEL_MASK = "tunnel address outside the common subnet"
    ADDRESS_CONFLICT = "same tunnel address twice"
    # IPsec
    UNPROTECTED = "tunnel without protection"
    PROFILE = "IPsec profile incomplete"
    PSK_MISSING = "no pre-shared key for the peer"
    PSK = "pre-shared key"
    CERTIFICATE = "certificate"
    CLOCK = "wall clock"
    IKE_PROPOSAL = "IKE proposal"
    IKE_IDENTITY = "IKE identity not accepted"
    TRANSFORM = "IPsec transform set"
    MODE = "IPsec mode"
    PFS = "perfect forward secrecy"
    IKE = "IKE"
    # GRE
    TTL = "tunnel TTL"
    KEY = "tunnel key"
    # packet filters of the router itself
    PACKET_FILTER = "packet filter of the router"
    REVERSE_PATH = "senders verified too strictly"
    LIST_MISSING = "access list that does not exist"
    # what a branch has around its tunnels
    POOL = "DHCP pool that leases nothing"
    RELAY = "DHCP relay without a server"
    VLAN = "VLAN that leads nowhere"
    TRANSLATION = "NAT rule that does not translate"
    OWN_PACKETS = "NAT takes packets of the router"
    # VRFs: each is about where packets are looked up
    TABLE = "wrong VRF"
    # registration
    NETWORK_ID = "no network-id"
    AUTHENTICATION = "NHRP authentication"
    NHS_MISSING = "no NHS"
    NHS_NBMA = "wrong NBMA address of the NHS"
    NHS_ADDRESS = "wrong NHS tunnel address"
    NHS_ROUTE = "tunnel address of the other end not reached by the tunnel"
    WRONG_MAP = "wrong NHRP map"
    STALE_UNIQUE = "unique entry of an old NBMA address"
    REFUSED = "registration refused"
    HOLDING_TIME = "holding time shorter than the registration interval"
    # MTU
    MTU = "tunnel MTU"
    MSS = "TCP MSS not clamped"
    # multicast map
    HUB_MULTICAST = "hub replicates no multicast"
    SPOKE_MULTICAST = "spoke sends no multicast to the hub"
    # routing
    RIP_BLOCKED = "RIP kept from the tunnel"
    RIP_AUTHENTICATION = "RIP authentication"
    RIP_TIMERS = "RIP timers"
    OSPF_TERMS = "OSPF terms"
    OSPF_AUTHENTICATION = "OSPF authentication"
    OSPF_NETWORK_TYPE = "OSPF network type"
    BGP_NEIGHBOR = "no BGP neighbor"
    BGP_SYSTEM = "wrong BGP autonomous system"
    BGP_PASSWORD = "BGP password"  # noqa: S105 - a name, no secret
    REFLECTION = "routes of BGP are not reflected"
    AUTONOMOUS_SYSTEM = "wrong EIGRP autonomous system"
    EIGRP_WEIGHTS = "EIGRP K-values"
    EIGRP_AUTHENTICATION = "EIGRP authentication"
    EIGRP_TIMERS = "EIGRP hold time shorter than the hello interval"
    PASSIVE_INTERFACE = "passive interface"
    NETWORK_STATEMENT = "network statement missing"
    REDISTRIBUTION = "route not redistributed"
    AREAS = "route kept out of an OSPF area"
    LOOP = "route taken for a loop"
    ROUTE_NEXT_HOP = "next hop of a route not reached"
    MAXIMUM = "too many prefixes"
    ROUTE_TARGET = "route target"
    SPLIT_HORIZON = "split horizon"
    NEXT_HOP_SELF = "hub is the next hop of all routes"
    HUB_STUB = "hub is an EIGRP stub"
    SPOKE_STUB = "EIGRP stub keeps its LAN to itself"
    ROUTE_FILTERED = "route filtered"
    BLACK_HOLE = "static route into nothing"
    LAN_OVERLAP = "two sites with one LAN"
    HOST_GATEWAY = "host's gateway is nobody"
    NO_ROUTE_THERE = "no route to the destination"
    # redirect, resolution, shortcut
    REDIRECT = "redirect missing"
    SPOKE_POINT_TO_POINT = "point-to-point tunnel at a phase 3 spoke"
    SHORTCUT = "shortcut missing"
    PEERS_APART = "spokes do not reach each other"
    # whatever it is called
    BY_TRIAL = "found by trial"
    # no cause
    UNDECIDED = "undecided"


# ------------------------------------------------------------------------------------------------ findings of lint


class Severity(enum.Enum):
    """How bad a finding is. The values are for people and programs."""

    ERROR = "error"  # something that is configured will not work
    WARNING = "warning"  # it works, but not as the author of these lines wanted
    ADVICE = "advice"  # it works; there is a better way, or a risk to know about

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)


class Rule(Value, kw_only=True):
    """One thing that lint looks for.

    id: as in `! lint: allow ID REASON`.
    severity: that of the worst case.
    title: the problem, in one line.
    why: the consequence, and the evidence for it.
    bad, fix: an example, configuration lines.
    cause: the fault of a running network for which the doctor takes it, None: there is none.
    """

    id: str
    severity: Severity
    title: str
    why: str
    bad: str
    fix: str
    cause: Cause | None = None


def rule(severity: Severity, cause: Cause | None = None) -> Callable[[str], Rule]:
    r"""Return what makes a rule of its text: "ID: TITLE", then rows of why, "bad: LINES" and "fix: LINES".

    A `\n` ends a line of the examples. A row that is deeper than the title is a part of it.
    """

    def of_text(text: str) -> Rule:
        margin = text[: len(text) - len(text.lstrip())]
        head, _, rest = re.sub(r"\n {4,}", " ", text.replace(margin, "\n").strip()).partition("\n")
        name, title = head.split(": ", 1)
        why, bad, fix = re.split(r" (?:bad|fix):(?: |$)", rest.replace("\n", " ").replace(r"\n", "\n"))
        return Rule(id=name, severity=severity, title=title, why=why, bad=bad, fix=fix, cause=cause)

    return of_text


class Concern(Value, kw_only=True):
    """What a rule says about one configuration.

    at: the line, by its words: the lines of the enclosing sections, then its own, as many words as distinguish it from
        its neighbors ("interface Tunnel0", "tunnel key"). If there is none, it is about the section.
    fix: lines to enter, "" if that cannot be said in lines.
    severity, cause: None: the rule's.
    """

    rule: Rule
    at: tuple[str, ...]
    what: str
    fix: str = ""
    severity: Severity | None = None
    cause: Cause | None = None

    @property
    def typed(self) -> tuple[str, ...]:
        """The lines of the fix, as they are typed."""
        return tuple(line.strip() for line in self.fix.splitlines())


class Location(Value):
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class LintFinding(Value, kw_only=True):
    """A concern in its file.

    rule: its identifier.
    file: as the caller named the configuration.
    line: from 1.
    router: its host name.
    what: a sentence with its evidence.
    why: the rule's.
    fix: lines to enter on that router, or "".
    related: other lines that have to do with it. No key or password is in any of this.
    """

    rule: str
    severity: Severity
    file: str
    line: int
    router: str
    what: str
    why: str
    fix: str = ""
    related: tuple[Location, ...] = ()
