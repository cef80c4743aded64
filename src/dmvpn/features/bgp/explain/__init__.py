"""Explanations of the output of BGP for `dmvpn explain` and `| explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.attributes import AttributeCode, Community, Origin, SegmentKind
from dmvpn.features.bgp.explain import faces, labels, lines
from dmvpn.features.bgp.packet import Capability, Cease, ErrorCode, HeaderError, MessageType, OpenError, UpdateError
from dmvpn.features.bgp.paths import PathOrigin
from dmvpn.features.bgp.reasons import BgpReason
from dmvpn.features.bgp.session import SessionState

_RFC: Final = "rfc 4271 bgp code"

_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of BGP :: the prompt next: show running-config
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
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of BGP :: show logging next: show logging
    %BGP-5-ADJCHANGE :: When a session comes up or ends. next: show ip bgp summary
    %BGP-3-NOTIFICATION :: Before the session ends. next: show ip bgp neighbors
    %BGP-3-SENDHOLD :: When the session ends. [RFC 9687 §6] next: show ip bgp neighbors
    %BGP-4-MAXPFX :: At 75 percent, or what the line says. next: show ip bgp summary
    %BGP-3-MAXPFXEXCEED :: next: show ip bgp summary
    %BGP-4-MALFORMED :: [RFC 7606 §2] next: show ip bgp neighbors
    %BGP-3-LISTEN :: When the router starts. next: show ip bgp summary
    """)
_STATES = words(
    WordKind.STATE,
    rank=21,
    sighting=r"(?:^\S+ +4 .* |BGP state = )(Idle \(Admin\)|Idle|Active|Connect|OpenSent|OpenConfirm|Established)",
)(f"""
    ## states of a BGP neighbor :: show ip bgp summary, show bgp summary, show ip bgp neighbors, show bgp neighbors
        [RFC 4271 §8.2.2]
        next: show ip bgp neighbors
    {SessionState.IDLE.value} :: There is no route to the neighbor, so no connection is tried; `show ip bgp neighbors`
        has the reason.
    Idle (Admin) :: `neighbor ... shutdown`: the session is disabled.
    Active :: There is no connection; this router tries again soon, or waits for the neighbor to connect.
    {SessionState.CONNECT.value} :: A TCP connection is being opened, and the neighbor has not answered yet.
    {SessionState.OPEN_SENT.value} :: There is a connection, and the neighbor's OPEN is awaited.
    {SessionState.OPEN_CONFIRM.value} :: The neighbor's OPEN was good; its KEEPALIVE is awaited.
    {SessionState.ESTABLISHED.value} :: The session is up. The summary shows the number of its prefixes instead.
    """)
_REASONS = words(WordKind.REASON, BgpReason)("""
    ## reasons of BGP :: show ip bgp neighbors next: show ip route
    NO_ROUTE :: The routing table has no route to its address.
    NOT_CONNECTED :: Packets to an external neighbor have TTL 1, so a session across other routers is not tried.
    NO_ADDRESS :: `update-source`, or the interface that leads there, cannot be used.
    """)
_MESSAGES = words(WordKind.CODE, MessageType, rank=51, names=f"{_RFC} message")("""
    ## messages of BGP :: show logging [RFC 4271 §4] next: show ip bgp neighbors
    OPEN :: The first message of a session: the sender's AS, router ID and capabilities.
    UPDATE :: Advertises and withdraws routes.
    NOTIFICATION :: Ends the session, and says why.
    KEEPALIVE :: Says that the sender is alive.
    ROUTE_REFRESH :: Asks the neighbor to send all routes again. [RFC 2918 §3]
    """)
_ERRORS = words(WordKind.CODE, ErrorCode, rank=52, names=f"{_RFC} notification error")("""
    ## errors of a NOTIFICATION :: show logging [RFC 4271 §4.5] next: show ip bgp neighbors
    HEADER :: The header of a message was wrong: the two ends do not agree where messages begin.
    OPEN :: The OPEN was not acceptable; the subcode says what of it.
    UPDATE :: An UPDATE was damaged beyond what RFC 7606 lets pass.
    HOLD_TIME :: Nothing was heard for the hold time.
    SEND_HOLD_TIME :: Nothing could be sent for the send hold time: the neighbor does not read. [RFC 9687 §4]
    STATE_MACHINE :: A message came that has no place in that state. [RFC 6608 §4]
    CEASE :: One end wants to end the session; the subcode says why. [RFC 4486 §4]
    """)
_HEADERS = words(WordKind.CODE, HeaderError, rank=53, names=f"{_RFC} header")("""
    ## subcodes of a header error :: show logging [RFC 4271 §6.1] next: show ip bgp neighbors
    NOT_SYNCHRONIZED :: The marker was not all ones.
    BAD_LENGTH :: No message of this type has this length.
    BAD_TYPE :: There is no such message.
    """)
_OPENS = words(WordKind.CODE, OpenError, rank=54, names=f"{_RFC} open")("""
    ## subcodes of an open error :: show logging [RFC 4271 §6.2] next: show ip bgp neighbors
    UNSUPPORTED_VERSION :: The other end speaks another version.
    BAD_PEER_AS :: The neighbor's AS is another one than `remote-as` says.
    BAD_IDENTIFIER :: The router ID is zero, or an internal neighbor has ours.
    UNSUPPORTED_PARAMETER :: An optional parameter is unknown.
    UNACCEPTABLE_HOLD_TIME :: A hold time of 1 or 2 seconds.
    UNSUPPORTED_CAPABILITY :: The neighbor does not do IPv4 unicast. [RFC 5492 §5]
    """)
_UPDATES = words(WordKind.CODE, UpdateError, rank=55, names=f"{_RFC} update")("""
    ## subcodes of an update error :: show logging [RFC 4271 §6.3] next: show ip bgp neighbors
    MALFORMED_LIST :: The lengths in an UPDATE do not fit.
    UNRECOGNIZED_WELL_KNOWN :: A well-known attribute is unknown.
    MISSING_WELL_KNOWN :: An attribute that every route needs is missing.
    BAD_FLAGS :: The flags of an attribute are not those of its type.
    BAD_LENGTH :: No attribute of this type has this length.
    BAD_ORIGIN :: There is no such origin.
    BAD_NEXT_HOP :: The next hop cannot be a host's address.
    BAD_OPTIONAL :: An optional attribute is damaged.
    BAD_NETWORK :: A prefix cannot be read, and so the prefixes behind it cannot, either.
    BAD_AS_PATH :: The AS path is damaged.
    """)
_CEASES = words(WordKind.CODE, Cease, rank=56, names=f"{_RFC} cease")("""
    ## subcodes of a cease :: show logging [RFC 4486 §4] next: show ip bgp neighbors
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
    """)
_CAPABILITIES = words(WordKind.CODE, Capability, rank=57, names=f"{_RFC} capability")("""
    ## capabilities of BGP :: show logging [RFC 5492 §4] next: show ip bgp neighbors
    MULTIPROTOCOL :: Which address families it speaks. [RFC 4760 §8]
    ROUTE_REFRESH :: It sends its routes again on request. [RFC 2918 §2]
    GRACEFUL_RESTART :: It marks the end of its table, and may restart gracefully. [RFC 4724 §3]
    FOUR_OCTET_AS :: AS numbers of four octets. [RFC 6793 §3]
    ADDITIONAL_PATHS :: It sends or accepts several paths for a prefix. [RFC 7911 §4]
    ENHANCED_REFRESH :: It marks where a refresh begins and ends. [RFC 7313 §3.1]
    OLD_ROUTE_REFRESH :: Route refresh, by Cisco's old number.
    """)
_ATTRIBUTES = words(WordKind.CODE, AttributeCode, rank=58, names=f"{_RFC} attribute")(
    "## path attributes of BGP :: show logging [RFC 4271 §5.1] next: show ip bgp neighbors\n"
    + "\n".join(f"{code.name} :: {code.row.meaning}" for code in AttributeCode)
)
_COMMUNITIES = words(WordKind.CODE, Community, rank=59, names=f"{_RFC} community")("""
    ## well-known communities :: show logging [RFC 1997] next: show ip bgp neighbors
    GRACEFUL_SHUTDOWN :: The route will go soon; kept and passed on here. [RFC 8326]
    NO_EXPORT :: Not advertised to external neighbors.
    NO_ADVERTISE :: Not advertised to any neighbor.
    NO_EXPORT_SUBCONFED :: Not advertised to external neighbors, including those in other member ASs of the
        confederation.
    """)
_SEGMENTS = words(WordKind.CODE, SegmentKind, rank=59, names=f"{_RFC} segment")("""
    ## segments of an AS path :: show logging [RFC 4271 §4.3] next: show ip bgp neighbors
    SET :: Systems in no order, of an aggregate: in braces.
    SEQUENCE :: Systems in the order of the way.
    CONFEDERATION_SEQUENCE :: Members of a confederation. [RFC 5065 §3]
    CONFEDERATION_SET :: Members of a confederation, in no order. [RFC 5065 §3]
    """)
_ORIGINS = words(WordKind.CODE, Origin, rank=59, names=f"{_RFC} origin")("""
    ## origins of a route of BGP :: show logging [RFC 4271 §5.1.1] next: show ip bgp neighbors
    IGP :: By a `network` line: `i`.
    EGP :: By the protocol EGP, which is no longer in use: `e`.
    INCOMPLETE :: By redistribution: `?`.
    """)
_SOURCES = words(WordKind.LABEL, PathOrigin)("""
    ## where BGP has a path from :: show ip bgp next: show ip bgp
    PEER :: Learned from a neighbor.
    NETWORK :: A `network` line.
    REDISTRIBUTED :: A `redistribute` line.
    AGGREGATE :: An `aggregate-address` line.
    IMPORTED :: Another VRF of this router exports it, and this one imports its route target.
    """)

GROUPS: Final = (*groups(vars()), *labels.GROUPS, *faces.GROUPS, *lines.GROUPS)
