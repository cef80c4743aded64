"""What the words of tracked objects and of IP SLA mean, for `dmvpn explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.track import messages, model
from dmvpn.features.track.machine import Code

_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of tracked objects :: show logging next: show logging
    %TRACK-6-STATE :: When the change has lasted for the delay of its direction. next: show track
    """)
_TRACK = words(WordKind.LABEL, mark=r"^Track (?:Type|\d+$)", sighted=True)("""
    ## tracked objects :: show track next: show track brief
    Track :: Number of the object.
    Type :: What it looks at: an interface, an operation of IP SLA, a route, or other objects.
    Instance :: Which one.
    Parameter | boolean :: What of it.
    State :: Up or Down: lines with `track` count only while it is up.
    Last Change | last change | change | changes :: For how long it has been so.
    Line protocol :: Of an interface: packets pass. next: show interfaces
    IP routing | IPv6 routing :: Of an interface: its line protocol is up, and it has an address.
    Reachability :: Of an operation: the last request was answered. Of a route: the routing table has it.
    List :: Other objects: whether all of them, or at least one, are up.
    object | not :: A member of the list; `not`: it counts when it is down.
    weight :: What a member counts in a list whose threshold is a weight.
    Threshold | threshold :: The list is up from the one on, and down from the other one downwards.
    Delay | up | down | secs :: Seconds for which a change has to last before it counts.
    First-hop interface :: By which the route leaves.
    Latest RTT (millisecs) :: Milliseconds until the last request was answered.
    VPN Routing/Forwarding table :: The VRF that has the route. next: show ip route vrf <name>
    Tracked by: | Static IP Routing 0 | Static IP Routing :: Who follows the object.
    IP SLA :: An operation, by its number. next: show ip sla statistics
    IP route :: A route, by its network. next: show ip route
    Interface :: An interface, by its name.
    """)
_SLA = words(WordKind.LABEL, mark=r"^IP ?SLAs ", sighted=True)("""
    ## operations of IP SLA :: show ip sla statistics, show ip sla summary, show ip sla configuration
        next: show ip sla statistics
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
    Operation timeout (milliseconds) :: Time to wait for an answer.
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
    """)
_CODES = words(WordKind.STATE, Code)("""
    ## what became of a request of IP SLA :: show ip sla statistics, show ip sla summary, show track
        next: show ip sla statistics
    UNKNOWN :: No request has ended yet: it is not scheduled, or has only begun.
    OK :: The last request was answered within the threshold.
    OVER :: It was answered, later than the threshold: `reachability` is up, `state` is down.
    TIMEOUT :: No answer came in time. next: ping, show ip route
    """)
_KINDS = words(WordKind.STATE)(f"""
    ## what a tracked object looks at :: show track, show logging next: show track
    {model.TrackKind.LINE.value} :: The line protocol of an interface is up.
    {model.TrackKind.ROUTING.value} :: An interface is up and has an address.
    {model.TrackKind.REACHABLE.value} :: An operation of IP SLA is answered.
    {model.TrackKind.STATE.value} :: An operation of IP SLA is answered within its threshold.
    {model.TrackKind.ROUTE.value} :: The routing table has a route to just this network.
    {model.TrackKind.ALL.value} | Boolean AND :: All objects of the list are up.
    {model.TrackKind.ANY.value} | Boolean OR :: One object of the list is up.
    {model.TrackKind.WEIGHT.value} | Threshold Weight :: The weight of the objects that are up reaches the threshold; it
        stays up until the other one.
    {model.TrackKind.PERCENTAGE.value} | Threshold Percentage :: So many percent of the objects are up; it stays up
        until the other threshold.
    """)
_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of tracked objects :: the prompt next: show running-config
    % Track <number> is not of an IP route :: Only a tracked route is looked up in the table of a VRF. A request of IP
        SLA has a VRF of its own (`vrf`).
    %Invalid time :: HH:MM:SS is what `after` takes.
    %Illegal Value: Cannot set Frequency to be less than Timeout (<number> milliseconds) :: An answer may still come
        when the next request leaves; enter a shorter `timeout` first.
    %Illegal Value: Cannot set Timeout to be greater than Frequency (<number> seconds) :: Enter a longer `frequency`
        first.
    """)

GROUPS: Final = groups(vars())
