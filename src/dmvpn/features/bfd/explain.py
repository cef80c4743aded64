"""What BFD prints, explained for `dmvpn explain` and `| explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.bfd import messages
from dmvpn.features.bfd.packet import AuthType, BfdState, Diagnostic, Drop
from dmvpn.features.bfd.reasons import BfdReason

_NAMES: Final = "rfc 5880 bfd code"

_STATES = words(WordKind.STATE, rank=40, sighting=r"^\d+\.\d+\.\d+\.\d+ +\d+/\d+ +(\w+) +(\w+) ")(f"""
    ## states of BFD :: show bfd neighbors, show bfd neighbors details [RFC 5880 §6.2] next: show bfd neighbors details
    {BfdState.ADMIN_DOWN.word} :: No protocol at that end uses the session; that is no failure of the path.
    Down (BFD) | Down :: That end does not hear the other one.
    {BfdState.INIT.word} :: It hears the other end, and does not know yet whether that hears it.
    Up (BFD) | Up :: Both hear each other: the state to be in.
    """)
_BITS = words(WordKind.CODE, BfdState, rank=58, names=f"{_NAMES} state sta")("""
    ## states in packets of BFD :: debug bfd packet [RFC 5880 §4.1] next: show bfd neighbors details
    ADMIN_DOWN :: The sender does not want a session.
    DOWN :: The sender does not hear us.
    INIT :: The sender hears us.
    UP :: The sender knows that both ends hear each other.
    """)
_DIAGNOSTICS = words(WordKind.CODE, Diagnostic, rank=54, names=f"{_NAMES} diag diagnostic")("""
    ## diagnostics of BFD :: show bfd neighbors details, debug bfd packet [RFC 5880 §4.1]
        next: show bfd neighbors details
    NONE :: Nothing has failed since the session came up.
    TIME_EXPIRED :: Nothing was heard for the detection time. [RFC 5880 §6.8.4]
    ECHO_FAILED :: Echoes were not returned; this router sends none.
    NEIGHBOR_DOWN :: The other end said that it does not hear this one.
    FORWARDING_RESET :: The sender's forwarding was reset.
    PATH_DOWN :: The sender's interface is down.
    CONCATENATED_PATH_DOWN :: A path behind the sender is down.
    ADMIN_DOWN :: No protocol at the sender uses the session any more.
    REVERSE_PATH_DOWN :: A path behind the sender, towards it, is down.
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of BFD :: show logging next: show bfd neighbors
    %BFD-6-BFD_SESS_CREATED :: When a neighbor of a protocol with `bfd` comes.
    %BFD-6-BFD_SESS_DESTROYED :: When the last protocol has lost that neighbor.
    %BFDFSM-6-BFD_SESS_UP :: When packets have passed both ways. [RFC 5880 §6.2]
    %BFDFSM-6-BFD_SESS_DOWN :: DETECT TIMER EXPIRED: silence; RX DOWN: the far end does not hear us; RX ADMINDOWN: it
        does not want to. [RFC 5880 §6.8.4]
        next: show bfd neighbors details
    %BFD-4-TOO_MANY :: When another neighbor is to be watched. next: show bfd summary
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug bfd event :: debug bfd event, show logging [RFC 5880 §6.8.6] next: show bfd neighbors details
    BFD: <address> on <interface>: <state> -> <state> :: A session changed its state.

    ## lines of debug bfd packet :: debug bfd packet, show logging [RFC 5880 §6.8.6] next: show bfd neighbors details
    BFD <Tx|Rx>: <address> on <interface>, diag:<number> state:<state> P:<bit> F:<bit> ld/rd:<number>/<number>
        tx:<microseconds> rx:<microseconds> mult:<number> :: A packet left or came. P asks for an answer, F is one.
    BFD Rx: <address> on <interface>, not taken: <why> :: A packet was counted and dropped.
    """)
_AUTHENTICATION = words(WordKind.STATE, AuthType)("""
    ## how BFD authenticates :: show bfd neighbors details [RFC 5880 §4.1] next: show bfd neighbors details
    PASSWORD :: A password in each packet; this router reads it and sends none.
    MD5 :: A digest of MD5 in each packet; its number need not grow.
    METICULOUS_MD5 :: A digest of MD5, and a number that grows with each packet.
    SHA1 :: A digest of SHA1 in each packet; its number need not grow.
    METICULOUS_SHA1 :: A digest of SHA1, and a number that grows with each packet.
    """)
_REASONS = words(WordKind.REASON, BfdReason)("""
    ## reasons of BFD :: show bfd neighbors details next: show bfd neighbors details
    NO_INTERVAL :: Say `bfd interval` on the interface; until then the neighbor is not watched.
    NO_LINE :: Nothing is watched over an interface that is down.
    OTHER_AUTHENTICATION :: Both ends need the same `authentication` (mode and keys) in their templates; `nothing`: that
        end has none.
    WRONG_DIGEST :: The keys of this number differ, or it is not the time of that key here.
    OLD_NUMBER :: Packets are replayed, or the far end restarted: then its packets are accepted again soon.
    NO_KEY :: The key chain is missing or empty, or no `send-lifetime` holds now.
    NOT_HEARD :: BFD may be missing at the far end, or UDP port 3784 is filtered on the way.
    SILENT :: The path is lost, or the far end died.
    FAR_END_DOWN :: What we send is lost; look at the far end why.
    NOT_WANTED_THERE :: The far end's `bfd` lines are gone, or its protocol has no neighbor here.
    """)
_LABELS = words(WordKind.LABEL)("""
    ## columns of BFD's neighbors :: show bfd neighbors, show bfd neighbors details next: show bfd neighbors details
    NeighAddr :: The neighbor's address on this network.
    LD/RD :: Discriminators, ours and the far end's: each packet names both. [RFC 5880 §6.3]
    RH/RS :: What the far end says: its state. [RFC 5880 §4.1]
    Int :: The interface that the neighbor is behind.
    IPv4 Sessions | IPv6 Sessions :: The sessions below watch neighbors by this version of IP.

    ## particulars of a session of BFD :: show bfd neighbors details next: debug bfd packet
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
    IPv4 Static | IPv6 Static :: Static routes that want the session (`ip route static bfd`).
    Uptime :: For how long both ends have heard each other.
    Last packet | Version :: What the far end said last.
    State bit :: The far end's state. [RFC 5880 §4.1]
    Length :: Octets of the packet.
    My Discr. | Your Discr. :: The far end's discriminator, and ours as it knows it.
    """)
_SUMMARY = words(WordKind.LABEL, sighted=True)("""
    ## labels of BFD's summary :: show bfd summary next: show bfd neighbors
    Session :: How many neighbors are watched, how many answer, and how many do not; of each protocol, too.
    Packets that were not taken :: Packets without a session here, malformed, or not from a direct neighbor (TTL).
    """)
_DROPS = words(WordKind.LABEL)(f"""
    ## packets of BFD that were not taken :: show bfd drops next: show bfd neighbors
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
    """)

GROUPS: Final = groups(vars())
