"""What the words of tracked objects and of IP SLA mean, for `dmvpn explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import WordGroup, WordKind, answer_group, label_group, log, log_group
from dmvpn.features.track import messages, model
from dmvpn.features.track.echoes import Code

_LOGS = log_group(
    "tracked objects",
    log(
        messages.StateChanged,
        "When the change has lasted for the delay of its direction.",
        next="show track",
    ),
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
    Word("IPSLAs Latest Operation Statistics", "What became of the last request of each operation."),
    Word("IPSLAs Latest Operation Summary", "One line for each operation."),
    Word("IP SLAs Infrastructure Engine-III", "The operations, and what they are to do.", also=("IP SLAs",)),
    Word("IPSLA operation id", "Number of the operation.", also=("Entry number", "ID")),
    Word("Latest RTT", "Milliseconds until the last request was answered; none if it was not.", also=("Stats", "RTT")),
    Word("NoConnection/Busy/Timeout", "The last request was not answered.", next="ping"),
    Word("Latest operation start time", "When the last request left.", also=("Last Run", "Last", "Run")),
    Word("Latest operation return code", "What became of it.", also=("Return Code", "Return", "Code")),
    Word("Number of successes", "Requests that were answered."),
    Word("Number of failures", "Requests that were not."),
    Word("Operation time to live", "How much longer it goes on (`life` of `ip sla schedule`).", also=("Forever",)),
    Word("Codes", "* runs, ^ does not run any more, ~ is not scheduled yet."),
    Word("active", "It sends requests.", also=("*",)),
    Word("inactive", "Its life is over.", also=("^",)),
    Word("pending", "No `ip sla schedule` lets it begin.", also=("~", "Pending trigger")),
    Word("All Stats are in milliseconds", "As it says.", also=("Stats with u are in microseconds",)),
    Word("Type", "What it does: icmp-echo, an echo request.", also=("icmp-echo", "Type of operation to perform")),
    Word("Destination", "Whom it asks.", also=("Target address/Source address",)),
    Word("Owner", "Of the line `owner`."),
    Word("Tag", "Of the line `tag`."),
    Word("Operation timeout (milliseconds)", "How long an answer may take."),
    Word("Type Of Service parameter", "Of the requests' IP headers."),
    Word("Request size (ARR data portion)", "Octets of data in a request."),
    Word("Data pattern", "With what requests are filled.", also=("0xABCDABCD", "xABCDABCD")),
    Word("Verify data", "Answers are not compared with their requests beyond number and sender."),
    Word("Vrf Name", "The VRF in which requests are sent; empty: the global table."),
    Word("Schedule", "When it runs."),
    Word(
        "Operation frequency (seconds)",
        "Time between two requests.",
        also=("not considered if randomly scheduled",),
    ),
    Word("Next Scheduled Start Time", "Whether it has begun.", also=("Start Time already passed",)),
    Word("Group Scheduled", "Never here.", also=("Randomly Scheduled", "Recurring (Starting Everyday)")),
    Word("Life (seconds)", "For how long it goes on."),
    Word("Entry Ageout (seconds)", "Never: the entry is kept until it is removed from the configuration."),
    Word("Status of entry (SNMP RowStatus)", "Active: it is scheduled.", also=("Active", "notInService")),
    Word("Threshold (milliseconds)", "An answer that took longer is `Over threshold`."),
    next="show ip sla statistics",
    sighted=True,
    mark=r"^IP ?SLAs ",
)
_CODES = WordGroup(
    title="what became of a request of IP SLA",
    kind=WordKind.STATE,
    screens=("show ip sla statistics", "show ip sla summary", "show track"),
    next="show ip sla statistics",
    explanations=(
        Word(Code.UNKNOWN.value, "No request has ended yet: it is not scheduled, or has only begun."),
        Word(Code.OK.value, "The last request was answered within the threshold."),
        Word(Code.OVER.value, "It was answered, later than the threshold: `reachability` is up, `state` is down."),
        Word(Code.TIMEOUT.value, "No answer came in time.", next="ping, show ip route"),
    ),
)
_KINDS = WordGroup(
    title="what a tracked object looks at",
    kind=WordKind.STATE,
    screens=("show track", "show logging"),
    next="show track",
    explanations=(
        Word(model.TrackKind.LINE.value, "The line protocol of an interface is up."),
        Word(model.TrackKind.ROUTING.value, "An interface is up and has an address."),
        Word(model.TrackKind.REACHABLE.value, "An operation of IP SLA is answered."),
        Word(model.TrackKind.STATE.value, "An operation of IP SLA is answered within its threshold."),
        Word(model.TrackKind.ROUTE.value, "The routing table has a route to just this network."),
        Word(model.TrackKind.ALL.value, "All objects of the list are up.", also=("Boolean AND",)),
        Word(model.TrackKind.ANY.value, "One object of the list is up.", also=("Boolean OR",)),
        Word(
            model.TrackKind.WEIGHT.value,
            "The weight of the objects that are up reaches the threshold; it stays up until the other one.",
            also=("Threshold Weight",),
        ),
        Word(
            model.TrackKind.PERCENTAGE.value,
            "So many percent of the objects are up; it stays up until the other threshold.",
            also=("Threshold Percentage",),
        ),
    ),
)
_ANSWERS = answer_group(
    "tracked objects",
    Word(
        "% Track <number> is not of an IP route",
        "Only a tracked route is looked up in the table of a VRF. A request of IP SLA has a VRF of its own (`vrf`).",
    ),
    Word("%Invalid time", "HH:MM:SS is what `after` takes."),
    Word(
        "%Illegal Value: Cannot set Frequency to be less than Timeout (<number> milliseconds)",
        "An answer may still come when the next request leaves; enter a shorter `timeout` first.",
    ),
    Word(
        "%Illegal Value: Cannot set Timeout to be greater than Frequency (<number> seconds)",
        "Enter a longer `frequency` first.",
    ),
    next="show running-config",
)
GROUPS: Final = (_LOGS, _TRACK, _SLA, _CODES, _KINDS, _ANSWERS)
