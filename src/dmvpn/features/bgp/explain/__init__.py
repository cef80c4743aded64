"""Explanations of the output of BGP for `dmvpn explain` and `| explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import (
    WordGroup,
    WordKind,
    answer_group,
    code,
    codes,
    label_group,
    log_group,
    reason,
    reason_group,
    words,
)
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.attributes import AttributeCode, Community, Origin, SegmentKind
from dmvpn.features.bgp.codes import Cease, ErrorCode, HeaderError, MessageType, OpenError, UpdateError
from dmvpn.features.bgp.explain import faces, labels, lines
from dmvpn.features.bgp.packet import Capability
from dmvpn.features.bgp.paths import PathOrigin
from dmvpn.features.bgp.reasons import BgpReason
from dmvpn.features.bgp.states import SessionState

_SUMMARY: Final = ("show ip bgp summary", "show bgp summary")
_RFC: Final = frozenset({"rfc", "4271", "bgp", "code"})

_LOGS = log_group(
    "BGP",
    messages.MESSAGES,
    """
    %BGP-5-ADJCHANGE :: When a session comes up or ends. next: show ip bgp summary
    %BGP-3-NOTIFICATION :: Before the session ends. next: show ip bgp neighbors
    %BGP-3-SENDHOLD :: When the session ends. [RFC 9687 §6] next: show ip bgp neighbors
    %BGP-4-MAXPFX :: At 75 percent, or what the line says. next: show ip bgp summary
    %BGP-3-MAXPFXEXCEED :: next: show ip bgp summary
    %BGP-4-MALFORMED :: [RFC 7606 §2] next: show ip bgp neighbors
    %BGP-3-LISTEN :: When the router starts. next: show ip bgp summary
    """,
)
_STATES = WordGroup(
    title="states of a BGP neighbor",
    kind=WordKind.STATE,
    screens=(*_SUMMARY, "show ip bgp neighbors", "show bgp neighbors"),
    rank=21,
    next="show ip bgp neighbors",
    clause="RFC 4271 §8.2.2",
    sighting=r"(?:^\S+ +4 .* |BGP state = )(Idle \(Admin\)|Idle|Active|Connect|OpenSent|OpenConfirm|Established)",
    explanations=words(f"""
        {SessionState.IDLE.value} :: There is no route to the neighbor, so no connection is tried; `show ip bgp
            neighbors` has the reason.
        Idle (Admin) :: `neighbor ... shutdown`: the session is disabled.
        Active :: There is no connection; this router tries again soon, or waits for the neighbor to connect.
        {SessionState.CONNECT.value} :: A TCP connection is being opened, and the neighbor has not answered yet.
        {SessionState.OPEN_SENT.value} :: There is a connection, and the neighbor's OPEN is awaited.
        {SessionState.OPEN_CONFIRM.value} :: The neighbor's OPEN was good; its KEEPALIVE is awaited.
        {SessionState.ESTABLISHED.value} :: The session is up. The summary shows the number of its prefixes instead.
        """),
)
_REASONS = reason_group(
    "BGP",
    ("show ip bgp neighbors",),
    reason(BgpReason.NO_ROUTE, "The routing table has no route to its address."),
    reason(
        BgpReason.NOT_CONNECTED,
        "Packets to an external neighbor have TTL 1, so a session across other routers is not tried.",
    ),
    reason(BgpReason.NO_ADDRESS, "`update-source`, or the interface that leads there, cannot be used."),
    next="show ip route",
)
_ANSWERS = answer_group(
    "BGP",
    *words("""
    % BGP: Incorrect network or mask/prefix-length configured :: The address of a `network` line has bits set behind its
        mask.
    % BGP not active :: There is no `router bgp`.
    % dampening not enabled for base :: There is no `bgp dampening`.
    % The reuse limit must be less than the suppress limit :: A route that is suppressed would be used again at once.
    % Failed to compile regular expression. :: The pattern is none of IOS's: a parenthesis or bracket is open.
    % Network not in table :: BGP knows no such prefix, and none that holds the address.
    % No such neighbor <address> :: No neighbor has this address.
    % Inbound soft reconfiguration not enabled on <address> :: Only accepted routes can be shown (`routes`), unless
        there is `neighbor ... soft-reconfiguration inbound`.
    """),
    next="show running-config",
)


def _codes(title: str, rank: int, clause: str, names: frozenset[str], *words: Word) -> WordGroup:
    return WordGroup(
        title=title,
        kind=WordKind.CODE,
        screens=("show logging",),
        rank=rank,
        next="show ip bgp neighbors",
        clause=clause,
        names=_RFC | names,
        explanations=words,
    )


_E, _C, _A = ErrorCode, Cease, AttributeCode
_MESSAGES = _codes(
    "messages of BGP",
    51,
    "RFC 4271 §4",
    frozenset({"message"}),
    code(MessageType.OPEN, "The first message of a session: the sender's AS, router ID and capabilities."),
    code(MessageType.UPDATE, "Advertises and withdraws routes."),
    code(MessageType.NOTIFICATION, "Ends the session, and says why."),
    code(MessageType.KEEPALIVE, "Says that the sender is alive."),
    code(MessageType.ROUTE_REFRESH, "Asks the neighbor to send all routes again.", clause="RFC 2918 §3"),
)
_ERRORS = _codes(
    "errors of a NOTIFICATION",
    52,
    "RFC 4271 §4.5",
    frozenset({"notification", "error"}),
    *codes(_E)("""
    HEADER :: The header of a message was wrong: the two ends do not agree where messages begin.
    OPEN :: The OPEN was not acceptable; the subcode says what of it.
    UPDATE :: An UPDATE was damaged beyond what RFC 7606 lets pass.
    HOLD_TIME :: Nothing was heard for the hold time.
    SEND_HOLD_TIME :: Nothing could be sent for the send hold time: the neighbor does not read. [RFC 9687 §4]
    STATE_MACHINE :: A message came that has no place in that state. [RFC 6608 §4]
    CEASE :: One end wants to end the session; the subcode says why. [RFC 4486 §4]
    """),
)
_HEADERS = _codes(
    "subcodes of a header error",
    53,
    "RFC 4271 §6.1",
    frozenset({"header"}),
    code(HeaderError.NOT_SYNCHRONIZED, "The marker was not all ones."),
    code(HeaderError.BAD_LENGTH, "No message of this type has this length."),
    code(HeaderError.BAD_TYPE, "There is no such message."),
)
_OPENS = _codes(
    "subcodes of an open error",
    54,
    "RFC 4271 §6.2",
    frozenset({"open"}),
    code(OpenError.UNSUPPORTED_VERSION, "The other end speaks another version."),
    code(OpenError.BAD_PEER_AS, "The neighbor's AS is another one than `remote-as` says."),
    code(OpenError.BAD_IDENTIFIER, "The router ID is zero, or an internal neighbor has ours."),
    code(OpenError.UNSUPPORTED_PARAMETER, "An optional parameter is unknown."),
    code(OpenError.UNACCEPTABLE_HOLD_TIME, "A hold time of 1 or 2 seconds."),
    code(OpenError.UNSUPPORTED_CAPABILITY, "The neighbor does not do IPv4 unicast.", clause="RFC 5492 §5"),
)
_UPDATES = _codes(
    "subcodes of an update error",
    55,
    "RFC 4271 §6.3",
    frozenset({"update"}),
    code(UpdateError.MALFORMED_LIST, "The lengths in an UPDATE do not fit."),
    code(UpdateError.UNRECOGNIZED_WELL_KNOWN, "A well-known attribute is unknown."),
    code(UpdateError.MISSING_WELL_KNOWN, "An attribute that every route needs is missing."),
    code(UpdateError.BAD_FLAGS, "The flags of an attribute are not those of its type."),
    code(UpdateError.BAD_LENGTH, "No attribute of this type has this length."),
    code(UpdateError.BAD_ORIGIN, "There is no such origin."),
    code(UpdateError.BAD_NEXT_HOP, "The next hop cannot be a host's address."),
    code(UpdateError.BAD_OPTIONAL, "An optional attribute is damaged."),
    code(UpdateError.BAD_NETWORK, "A prefix cannot be read, and so the prefixes behind it cannot, either."),
    code(UpdateError.BAD_AS_PATH, "The AS path is damaged."),
)
_CEASES = _codes(
    "subcodes of a cease",
    56,
    "RFC 4486 §4",
    frozenset({"cease"}),
    *codes(_C)("""
    MAXIMUM_PREFIXES :: More prefixes than `maximum-prefix` allows.
    SHUTDOWN :: `neighbor ... shutdown` at the other end, or here.
    DECONFIGURED :: The neighbor was taken out of the configuration.
    RESET :: A user typed `clear ip bgp`.
    REJECTED :: The other end accepts no connection from us.
    CONFIGURATION_CHANGE :: A line was changed that only a new session obeys.
    COLLISION :: Both ends had connected; one of the two connections is closed. [RFC 4271 §6.8]
    HARD_RESET :: The routes have to be removed, although the neighbor could restart gracefully. [RFC 8538 §3]
    BFD_DOWN :: BFD reports that the path is lost. [RFC 9384 §3]
    OUT_OF_RESOURCES :: The other end has no resources left, or no route to this router any more.
    """),
)
_CAPABILITIES = _codes(
    "capabilities of BGP",
    57,
    "RFC 5492 §4",
    frozenset({"capability"}),
    code(Capability.MULTIPROTOCOL, "Which address families it speaks.", clause="RFC 4760 §8"),
    code(Capability.ROUTE_REFRESH, "It sends its routes again on request.", clause="RFC 2918 §2"),
    code(
        Capability.GRACEFUL_RESTART, "It marks the end of its table, and may restart gracefully.", clause="RFC 4724 §3"
    ),
    code(Capability.FOUR_OCTET_AS, "AS numbers of four octets.", clause="RFC 6793 §3"),
    code(Capability.ADDITIONAL_PATHS, "It sends or accepts several paths for a prefix.", clause="RFC 7911 §4"),
    code(Capability.ENHANCED_REFRESH, "It marks where a refresh begins and ends.", clause="RFC 7313 §3.1"),
    code(Capability.OLD_ROUTE_REFRESH, "Route refresh, by Cisco's old number."),
)
_ATTRIBUTES = _codes(
    "path attributes of BGP",
    58,
    "RFC 4271 §5.1",
    frozenset({"attribute"}),
    *codes(_A)("""
    ORIGIN :: Where the route came from in its own AS.
    AS_PATH :: The autonomous systems on the way.
    NEXT_HOP :: The address that packets go to.
    MULTI_EXIT_DISC :: The metric (MED): of two paths into one AS the one with the smaller MED is used.
    LOCAL_PREF :: The preference inside our AS: the path with the largest is used.
    ATOMIC_AGGREGATE :: Its AS path may omit systems behind some of its parts.
    AGGREGATOR :: The AS and router ID of the router that made the aggregate.
    COMMUNITIES :: Marks of administrators. [RFC 1997]
    ORIGINATOR_ID :: The router from which a route reflector learned the route. [RFC 4456 §8]
    CLUSTER_LIST :: The reflectors on the way. [RFC 4456 §8]
    MP_REACH_NLRI :: Routes of other families; not looked at here. [RFC 4760 §3]
    MP_UNREACH_NLRI :: Withdrawals of other families; not looked at here. [RFC 4760 §4]
    EXTENDED_COMMUNITIES :: Marks of eight octets. [RFC 4360]
    AS4_PATH :: The path in AS numbers of four octets, carried across routers that know only two. [RFC 6793 §3]
    AS4_AGGREGATOR :: The aggregator, likewise. [RFC 6793 §3]
    LARGE_COMMUNITIES :: Marks of twelve octets. [RFC 8092]
    """),
)
_COMMUNITIES = _codes(
    "well-known communities",
    59,
    "RFC 1997",
    frozenset({"community"}),
    code(Community.GRACEFUL_SHUTDOWN, "The route will go soon; kept and passed on here.", clause="RFC 8326"),
    code(Community.NO_EXPORT, "Not advertised to external neighbors."),
    code(Community.NO_ADVERTISE, "Not advertised to any neighbor."),
    code(
        Community.NO_EXPORT_SUBCONFED,
        "Not advertised to external neighbors, including those in other member ASs of the confederation.",
    ),
)
_SEGMENTS = _codes(
    "segments of an AS path",
    59,
    "RFC 4271 §4.3",
    frozenset({"segment"}),
    code(SegmentKind.SET, "Systems in no order, of an aggregate: in braces."),
    code(SegmentKind.SEQUENCE, "Systems in the order of the way."),
    code(SegmentKind.CONFEDERATION_SEQUENCE, "Members of a confederation.", clause="RFC 5065 §3"),
    code(SegmentKind.CONFEDERATION_SET, "Members of a confederation, in no order.", clause="RFC 5065 §3"),
)
_ORIGINS = _codes(
    "origins of a route of BGP",
    59,
    "RFC 4271 §5.1.1",
    frozenset({"origin"}),
    code(Origin.IGP, "By a `network` line: `i`."),
    code(Origin.EGP, "By the protocol EGP, which is no longer in use: `e`."),
    code(Origin.INCOMPLETE, "By redistribution: `?`."),
)
_SOURCES = label_group(
    "where BGP has a path from",
    ("show ip bgp",),
    Word(PathOrigin.PEER.value, "Learned from a neighbor."),
    Word(PathOrigin.NETWORK.value, "A `network` line."),
    Word(PathOrigin.REDISTRIBUTED.value, "A `redistribute` line."),
    Word(PathOrigin.AGGREGATE.value, "An `aggregate-address` line."),
    Word(PathOrigin.IMPORTED.value, "Another VRF of this router exports it, and this one imports its route target."),
    next="show ip bgp",
)

GROUPS: Final = (
    *(_ANSWERS, _LOGS, _STATES, _REASONS, _MESSAGES, _ERRORS, _HEADERS, _OPENS, _UPDATES, _CEASES, _CAPABILITIES),
    *(_ATTRIBUTES, _COMMUNITIES, _SEGMENTS, _ORIGINS, _SOURCES, *labels.GROUPS, *faces.GROUPS, *lines.GROUPS),
)
