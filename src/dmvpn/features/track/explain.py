"""What the words of tracked objects and of IP SLA mean, for `dmvpn explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import WordGroup, WordKind, answer_group, label_group, log_group, words
from dmvpn.features.track import messages, model
from dmvpn.features.track.echoes import Code

_LOGS = log_group(
    "tracked objects",
    messages.MESSAGES,
    """
    %TRACK-6-STATE :: When the change has lasted for the delay of its direction. next: show track
    """,
)
_TRACK = label_group(
    "tracked objects",
    ("show track",),
    Word("Track", "Number of the object."),
    Word("Type", "What it looks at: an interface, an operation of IP SLA, a route, or other objects."),
    Word("Instance", "Which one."),
    Word("Parameter", "What of it.", also=("boolean",)),
    Word("State", "Up or Down: lines with `track` count only while it is up."),
    Word("Last Change", "For how long it has been so.", also=("last change", "change", "changes")),
    Word("Line protocol", "Of an interface: packets pass.", next="show interfaces"),
    Word("IP routing", "Of an interface: its line protocol is up, and it has an address."),
    Word("Reachability", "Of an operation: the last request was answered. Of a route: the routing table has it."),
    Word("List", "Other objects: whether all of them, or at least one, are up."),
    Word("object", "A member of the list; `not`: it counts when it is down.", also=("not",)),
    Word("weight", "What a member counts in a list whose threshold is a weight."),
    Word("Threshold", "The list is up from the one on, and down from the other one downwards.", also=("threshold",)),
    Word("Delay", "Seconds for which a change has to last before it counts.", also=("up", "down", "secs")),
    Word("First-hop interface", "By which the route leaves."),
    Word("Latest RTT (millisecs)", "Milliseconds until the last request was answered."),
    Word("VPN Routing/Forwarding table", "The VRF that has the route.", next="show ip route vrf <name>"),
    Word("Tracked by:", "Who follows the object.", also=("Static IP Routing 0", "Static IP Routing")),
    Word("IP SLA", "An operation, by its number.", next="show ip sla statistics"),
    Word("IP route", "A route, by its network.", next="show ip route"),
    Word("Interface", "An interface, by its name."),
    next="show track brief",
    sighted=True,
    mark=r"^Track (?:Type|\d+$)",
)
_SLA = label_group(
    "operations of IP SLA",
    ("show ip sla statistics", "show ip sla summary", "show ip sla configuration"),
    *words("""
    IPSLAs Latest Operation Statistics :: What became of the last request of each operation.
    IPSLAs Latest Operation Summary :: One line for each operation.
    IP SLAs Infrastructure Engine-III | IP SLAs :: The operations, and what they are to do.
    IPSLA operation id | Entry number | ID :: Number of the operation.
    Latest RTT | Stats | RTT :: Milliseconds until the last request was answered; none if it was not.
    NoConnection/Busy/Timeout :: The last request was not answered. next: ping
    Latest operation start time | Last Run | Last | Run :: When the last request left.
    Latest operation return code | Return Code | Return | Code :: What became of it.
    Number of successes :: Requests that were answered.
    Number of failures :: Requests that were not.
    Operation time to live | Forever :: How much longer it goes on (`life` of `ip sla schedule`).
    Codes :: * runs, ^ does not run any more, ~ is not scheduled yet.
    active | * :: It sends requests.
    inactive | ^ :: Its life is over.
    pending | ~ | Pending trigger :: No `ip sla schedule` lets it begin.
    All Stats are in milliseconds | Stats with u are in microseconds :: As it says.
    Type | icmp-echo | Type of operation to perform :: What it does: icmp-echo, an echo request.
    Destination | Target address/Source address :: Whom it asks.
    Owner :: Of the line `owner`.
    Tag :: Of the line `tag`.
    Operation timeout (milliseconds) :: How long an answer may take.
    Type Of Service parameter :: Of the requests' IP headers.
    Request size (ARR data portion) :: Octets of data in a request.
    Data pattern | 0xABCDABCD | xABCDABCD :: With what requests are filled.
    Verify data :: Answers are not compared with their requests beyond number and sender.
    Vrf Name :: The VRF in which requests are sent; empty: the global table.
    Schedule :: When it runs.
    Operation frequency (seconds) | not considered if randomly scheduled :: Time between two requests.
    Next Scheduled Start Time | Start Time already passed :: Whether it has begun.
    Group Scheduled | Randomly Scheduled | Recurring (Starting Everyday) :: Never here.
    Life (seconds) :: For how long it goes on.
    Entry Ageout (seconds) :: Never: the entry is kept until it is removed from the configuration.
    Status of entry (SNMP RowStatus) | Active | notInService :: Active: it is scheduled.
    Threshold (milliseconds) :: An answer that took longer is `Over threshold`.
    """),
    next="show ip sla statistics",
    sighted=True,
    mark=r"^IP ?SLAs ",
)
_CODES = WordGroup(
    title="what became of a request of IP SLA",
    kind=WordKind.STATE,
    screens=("show ip sla statistics", "show ip sla summary", "show track"),
    next="show ip sla statistics",
    explanations=words(f"""
        {Code.UNKNOWN.value} :: No request has ended yet: it is not scheduled, or has only begun.
        {Code.OK.value} :: The last request was answered within the threshold.
        {Code.OVER.value} :: It was answered, later than the threshold: `reachability` is up, `state` is down.
        {Code.TIMEOUT.value} :: No answer came in time. next: ping, show ip route
        """),
)
_KINDS = WordGroup(
    title="what a tracked object looks at",
    kind=WordKind.STATE,
    screens=("show track", "show logging"),
    next="show track",
    explanations=words(f"""
        {model.TrackKind.LINE.value} :: The line protocol of an interface is up.
        {model.TrackKind.ROUTING.value} :: An interface is up and has an address.
        {model.TrackKind.REACHABLE.value} :: An operation of IP SLA is answered.
        {model.TrackKind.STATE.value} :: An operation of IP SLA is answered within its threshold.
        {model.TrackKind.ROUTE.value} :: The routing table has a route to just this network.
        {model.TrackKind.ALL.value} | Boolean AND :: All objects of the list are up.
        {model.TrackKind.ANY.value} | Boolean OR :: One object of the list is up.
        {model.TrackKind.WEIGHT.value} | Threshold Weight :: The weight of the objects that are up reaches the
            threshold; it stays up until the other one.
        {model.TrackKind.PERCENTAGE.value} | Threshold Percentage :: So many percent of the objects are up; it stays up
            until the other threshold.
        """),
)
_ANSWERS = answer_group(
    "tracked objects",
    *words("""
    % Track <number> is not of an IP route :: Only a tracked route is looked up in the table of a VRF. A request of IP
        SLA has a VRF of its own (`vrf`).
    %Invalid time :: HH:MM:SS is what `after` takes.
    %Illegal Value: Cannot set Frequency to be less than Timeout (<number> milliseconds) :: An answer may still come
        when the next request leaves; enter a shorter `timeout` first.
    %Illegal Value: Cannot set Timeout to be greater than Frequency (<number> seconds) :: Enter a longer `frequency`
        first.
    """),
    next="show running-config",
)
GROUPS: Final = (_LOGS, _TRACK, _SLA, _CODES, _KINDS, _ANSWERS)
