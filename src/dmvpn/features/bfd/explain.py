"""What BFD prints, explained for `dmvpn explain` and `| explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import (
    WordGroup,
    WordKind,
    code,
    debug_group,
    label_group,
    log_group,
    reason_group,
    reasons,
    words,
)
from dmvpn.features.bfd import messages
from dmvpn.features.bfd.auth import AuthType
from dmvpn.features.bfd.drops import Drop
from dmvpn.features.bfd.reasons import BfdReason
from dmvpn.features.bfd.states import BfdState, Diagnostic

_SHOW: Final = "show bfd neighbors"
_DETAILS: Final = "show bfd neighbors details"
_NAMES: Final = frozenset({"rfc", "5880", "bfd", "code"})

_STATES = WordGroup(
    title="states of BFD",
    kind=WordKind.STATE,
    screens=(_SHOW, _DETAILS),
    rank=40,
    next=_DETAILS,
    clause="RFC 5880 §6.2",
    sighting=r"^\d+\.\d+\.\d+\.\d+ +\d+/\d+ +(\w+) +(\w+) ",
    explanations=words(f"""
        {BfdState.ADMIN_DOWN.word} :: No protocol at that end uses the session; that is no failure of the path.
        Down (BFD) | Down :: That end does not hear the other one.
        {BfdState.INIT.word} :: It hears the other end, and does not know yet whether that hears it.
        Up (BFD) | Up :: Both hear each other: the state to be in.
        """),
)
_BITS = WordGroup(
    title="states in packets of BFD",
    kind=WordKind.CODE,
    screens=("debug bfd packet",),
    rank=58,
    next=_DETAILS,
    clause="RFC 5880 §4.1",
    names=_NAMES | {"state", "sta"},
    explanations=(
        code(BfdState.ADMIN_DOWN, "The sender does not want a session."),
        code(BfdState.DOWN, "The sender does not hear us."),
        code(BfdState.INIT, "The sender hears us."),
        code(BfdState.UP, "The sender knows that both ends hear each other."),
    ),
)
_DIAGNOSTICS = WordGroup(
    title="diagnostics of BFD",
    kind=WordKind.CODE,
    screens=(_DETAILS, "debug bfd packet"),
    rank=54,
    next=_DETAILS,
    clause="RFC 5880 §4.1",
    names=_NAMES | {"diag", "diagnostic"},
    explanations=(
        code(Diagnostic.NONE, "Nothing has failed since the session came up."),
        code(Diagnostic.TIME_EXPIRED, "Nothing was heard for the detection time.", clause="RFC 5880 §6.8.4"),
        code(Diagnostic.ECHO_FAILED, "Echoes were not returned; this router sends none."),
        code(Diagnostic.NEIGHBOR_DOWN, "The other end said that it does not hear this one."),
        code(Diagnostic.FORWARDING_RESET, "The sender's forwarding was reset."),
        code(Diagnostic.PATH_DOWN, "The sender's interface is down."),
        code(Diagnostic.CONCATENATED_PATH_DOWN, "A path behind the sender is down."),
        code(Diagnostic.ADMIN_DOWN, "No protocol at the sender uses the session any more."),
        code(Diagnostic.REVERSE_PATH_DOWN, "A path behind the sender, towards it, is down."),
    ),
)
_LOGS = log_group(
    "BFD",
    messages.MESSAGES,
    """
    %BFD-6-BFD_SESS_CREATED :: When a neighbor of a protocol with `bfd` comes.
    %BFD-6-BFD_SESS_DESTROYED :: When the last protocol has lost that neighbor.
    %BFDFSM-6-BFD_SESS_UP :: When packets have passed both ways. [RFC 5880 §6.2]
    %BFDFSM-6-BFD_SESS_DOWN :: DETECT TIMER EXPIRED: silence; RX DOWN: the far end does not hear us; RX ADMINDOWN: it
        does not want to. [RFC 5880 §6.8.4]
        next: show bfd neighbors details
    %BFD-4-TOO_MANY :: When another neighbor is to be watched. next: show bfd summary
    """,
    next=_SHOW,
)
_EVENTS = debug_group(
    "debug bfd event",
    Word("BFD: <address> on <interface>: <state> -> <state>", "A session changed its state."),
    next=_DETAILS,
    clause="RFC 5880 §6.8.6",
)
_PACKETS = debug_group(
    "debug bfd packet",
    *words("""
    BFD <Tx|Rx>: <address> on <interface>, diag:<number> state:<state> P:<bit> F:<bit> ld/rd:<number>/<number>
        tx:<microseconds> rx:<microseconds> mult:<number> :: A packet left or came. P asks for an answer, F is one.
    BFD Rx: <address> on <interface>, not taken: <why> :: A packet was counted and dropped.
    """),
    next=_DETAILS,
    clause="RFC 5880 §6.8.6",
)
_AUTHENTICATION = WordGroup(
    title="how BFD authenticates",
    kind=WordKind.STATE,
    screens=(_DETAILS,),
    next=_DETAILS,
    clause="RFC 5880 §4.1",
    explanations=(
        code(AuthType.PASSWORD, "A password in each packet; this router reads it and sends none."),
        code(AuthType.MD5, "A digest of MD5 in each packet; its number need not grow."),
        code(AuthType.METICULOUS_MD5, "A digest of MD5, and a number that grows with each packet."),
        code(AuthType.SHA1, "A digest of SHA1 in each packet; its number need not grow."),
        code(AuthType.METICULOUS_SHA1, "A digest of SHA1, and a number that grows with each packet."),
    ),
)
_REASONS = reason_group(
    "BFD",
    (_DETAILS,),
    *reasons(BfdReason)("""
    NO_INTERVAL :: Say `bfd interval` on the interface; until then the neighbor is not watched.
    NO_LINE :: Nothing is watched over an interface that is down.
    OTHER_AUTHENTICATION :: Both ends need the same `authentication` (mode and keys) in their templates; `nothing`:
        that end has none.
    WRONG_DIGEST :: The keys of this number differ, or it is not the time of that key here.
    OLD_NUMBER :: Packets are replayed, or the far end restarted: then its packets are accepted again soon.
    NO_KEY :: The key chain is missing or empty, or no `send-lifetime` holds now.
    NOT_HEARD :: BFD may be missing at the far end, or UDP port 3784 is filtered on the way.
    SILENT :: The path is lost, or the far end died.
    FAR_END_DOWN :: What we send is lost; look at the far end why.
    NOT_WANTED_THERE :: The far end's `bfd` lines are gone, or its protocol has no neighbor here.
    """),
    next=_DETAILS,
)
_TABLE = label_group(
    "columns of BFD's neighbors",
    (_SHOW, _DETAILS),
    Word("NeighAddr", "The neighbor's address on this network."),
    Word("LD/RD", "Discriminators, ours and the far end's: each packet names both.", clause="RFC 5880 §6.3"),
    Word("RH/RS", "What the far end says: its state.", clause="RFC 5880 §4.1"),
    Word("Int", "The interface that the neighbor is behind."),
    Word("IPv4 Sessions", "The sessions below watch neighbors by IPv4."),
    next=_DETAILS,
)
_BLOCK = label_group(
    "particulars of a session of BFD",
    (_DETAILS,),
    *words("""
    Session state is | and not using echo function :: Ours. Echoes are never used here.
    Session Hosts do not hear each other :: Its state is not Up, and this is why. A line of our own.
    Session Host | Software :: Who sends the packets: this program itself.
    OurAddr :: Our address, which packets come from.
    Handle :: The number of the session on this router.
    Local Diag | Diagnostic :: Why our state changed last.
    Demand mode | Demand bit :: Whether this end asks the other one to be silent: never.
    Poll bit :: Whether a change of intervals waits for an answer. [RFC 5880 §6.5]
    Final bit :: Whether the packet was the answer to a poll. [RFC 5880 §6.5]
    C bit :: Whether the far end's BFD survives its control plane.
    MinTxInt | Min tx interval :: Microseconds between packets that this end wishes to send.
    MinRxInt | Min rx interval | Received MinRxInt :: Microseconds between packets that this end can receive.
    Min Echo interval :: Microseconds between echoes that it takes; 0: none.
    Multiplier | Received Multiplier :: How many packets may be missing until the path is lost. [RFC 5880 §6.8.4]
    Holddown (hits) :: How often nothing was heard for the detection time.
    Hello (hits) :: Milliseconds between our packets, and how many were sent.
    Rx Count | Tx Count | Rx | Tx | Count | Interval (ms) min/max/avg | last | ms ago :: Packets of this direction, and
        the milliseconds between them.
    Elapsed time watermarks :: A counter of IOS, always 0 here.
    Registered protocols :: The protocols that use the session and react when it goes down.
    Uptime :: For how long both ends have heard each other.
    Last packet | Version :: What the far end said last.
    State bit :: The far end's state. [RFC 5880 §4.1]
    Length :: Octets of the packet.
    My Discr. | Your Discr. :: The far end's discriminator, and ours as it knows it.
    """),
    next="debug bfd packet",
)
_DROPS = label_group(
    "packets of BFD that were not taken",
    ("show bfd drops",),
    *words(f"""
    BFD Drop Statistics :: Since the start, or since `clear bfd counters`.
    IPV4 | IPV6 | IPV4-M | IPV6-M | MPLS_PW | MPLS_TP_LSP | IPV | MPLS | PW | TP | LSP | M :: The only column that
        counts here: BFD watches neighbors by IPv4.
    {Drop.TTL.value} :: Of no neighbor: it came through a router. [RFC 5881 §5]
    {Drop.SESSION.value} :: From an address that is not watched. [RFC 5880 §6.8.6]
    {Drop.HEADER.value} :: It broke the standard. [RFC 5880 §6.8.6]
    {Drop.DISCRIMINATOR.value} :: It was for a session that has ended. [RFC 5880 §6.3]
    {Drop.AUTH_LENGTH.value} :: What it proves itself with is cut short. [RFC 5880 §4.2]
    {Drop.AUTH_SEQUENCE.value} :: It is an old one, or comes again. [RFC 5880 §6.7.3]
    {Drop.AUTH_FAILED.value} :: Its digest or password is another one, or it has none. [RFC 5880 §6.7]
        next: show bfd neighbors details
    """),
    next=_SHOW,
)
_SUMMARY = label_group(
    "labels of BFD's summary",
    ("show bfd summary",),
    Word("Session", "How many neighbors are watched, how many answer, and how many do not; of each protocol, too."),
    Word(
        "Packets that were not taken", "Packets without a session here, malformed, or not from a direct neighbor (TTL)."
    ),
    next=_SHOW,
    sighted=True,
)
GROUPS: Final = (
    *(
        _STATES,
        _BITS,
        _DIAGNOSTICS,
        _LOGS,
        _EVENTS,
        _PACKETS,
        _AUTHENTICATION,
        _REASONS,
        _TABLE,
        _BLOCK,
        _SUMMARY,
        _DROPS,
    ),
)
