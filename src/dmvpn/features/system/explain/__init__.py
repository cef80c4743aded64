"""What the system prints: log messages, severities, `!` and `.` of ping. For `dmvpn explain`; imported when asked."""

from __future__ import annotations

import enum
from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.system import messages
from dmvpn.features.system.explain import labels

_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of the system :: the prompt next: show ip interface brief
    %Warning: whoever sees the configuration can read this password; `secret` keeps a hash of it :: `password` is kept
        as it was typed; type 7 hides it from a glance, and no more.
    %Warning: type 6 can be read by the router alone that wrote it; here nobody can log in with it :: The line is kept
        for that router. Give the user a `secret` to let them in here.
    %Warning: nobody can log in with it: <what is wrong> :: The hash is incomplete, often because a file was published
        without the real one. The user cannot log in.
    % No policy map acts here: quality of service is not supported :: `policy-map` and `service-policy` lines are kept
        and shown back, and nothing acts on them.
        next: show running-config | section policy-map
    % Not a valid time: hh:mm:ss, a day, and a month by its name :: `clock set` did not understand it, and changed
        nothing.
        next: show clock
    % Not a valid date: that month has no such day :: `clock set` knows how many days a month of that year has, and
        changed nothing.
        next: show clock
    % The offset must be from -23 to 23 hours :: A time zone lies less than a day from UTC. next: show clock
    % Condition was not set :: `no debug ... condition` names a condition that is not there. next: show debugging
    % Unrecognized host or address, or protocol not running. :: The name stands for no address. next: show hosts
    % VRF <name> does not exist :: The command names a VRF that is not configured. next: show vrf
    % Invalid source address- IP address not on any of our up interfaces :: A ping can start from an address of this
        router only, on an interface that is up.
    % Invalid source. Must use same IP version as the destination :: Source and destination are of IPv4 and IPv6:
        nothing can come back.
    % A link-local address is on one link only: say <command> :: FE80 addresses exist on every link; the interface says
        which link is meant. [RFC 4007 §6]
    % Invalid source interface - IP not enabled or interface is down :: The interface to start from has no IPv4 address,
        or is down.
    % Invalid source interface - IPv6 not enabled or interface is down :: The interface to start from runs no IPv6, or
        is down.
        next: show ipv6 interface brief
    % Invalid interface: it is not configured :: The running configuration has no such interface.
        next: show running-config
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of the system :: show logging next: show logging
    %SYS-5-CONFIG_I :: At `end`, with who it was. next: show running-config
    %SYS-5-CONFIG_RELOAD :: At SIGHUP without a terminal. next: show running-config
    %SYS-3-CONFIG_RELOAD_REFUSED :: At SIGHUP without a terminal; one message for each line that IOS would refuse.
        next: dmvpn config check (the file)
    %SYS-4-CONFIG_UNSAVED_LOST :: At SIGHUP without a terminal; one message for each line. With `no` in front: it was
        taken away, and is back.
        next: write memory (before the next time)
    %SYS-5-RESTART :: At each start. next: show version
    %SYS-3-LOGGINGHOST_FAIL :: With `logging host ... transport tcp`, once until it takes lines again; tried every 30 s.
        next: ping (the log host)
    %SYS-6-LOGGINGHOST_STARTSTOP :: After such a failure.
    %SEC_LOGIN-5-LOGIN_SUCCESS :: With `login on-success log`. next: show users
    %SEC_LOGIN-4-LOGIN_FAILED :: With `login on-failure log`.
    %SEC_LOGIN-1-QUIET_MODE_ON :: With `login block-for`.
    %SEC_LOGIN-5-QUIET_MODE_OFF :: When its time is over.
    """)
_Severity = enum.IntEnum(
    "_Severity", "emergencies alerts critical errors warnings notifications informational debugging", start=0
)
_SEVERITIES = words(WordKind.CODE, _Severity, rank=61, names="severity syslog level rfc 5424")("""
    ## severity of a log message :: show logging [RFC 5424 §6.2.1] next: show logging
    emergencies :: The system cannot be used.
    alerts :: Immediate action is needed.
    critical :: A part has failed that much depends on.
    errors :: Something does not work: refused packets, registrations, SAs.
    warnings :: Something will not work, or works otherwise than written.
    notifications :: Ordinary and worth knowing: neighbors and lines that come and go.
    informational :: News without consequence.
    debugging :: Lines of `debug`.
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug ip packet :: debug ip packet, show logging [RFC 791] next: show interfaces
    IP: s=<address> (<interface>), d=<address>, len <octets>, rcvd, proto=<number> :: A packet for the router itself
        came in. What the data plane forwards does not pass here.
    IP: s=<address> (local), d=<address> (<interface>), len <octets>, sending, proto=<number> :: The router sends a
        packet of its own; `routed`: the forwarding table chooses the interface.

    ## lines of debug ip icmp :: debug ip icmp, show logging [RFC 792] next: ping
    ICMP: <message> <rcvd|sent>, src <address>, dst <address>, dscp <number> :: An ICMP message for the router, or of
        its own. The data plane answers echo requests; these are not here.
    """)
_PING = words(
    WordKind.FLAG,
    rank=19,
    sighting=r"^([!.UQM&?]{1,})$",
    mark=r"^Sending \d+, \d+-byte ICMP Echos",
    cell=r"((?=.*[!.&?])[!.UQM&?]+|U+|Q+|M+)",
    joined=True,
)("""
    ## marks of ping :: ping, traceroute next: traceroute (the address)
    ! :: An answer came. [RFC 792, type 0]
    . :: No answer within the time-out.
        when: A first `.` and then `!` is harmless: the first packet waited for an address.
        next: show dmvpn, show ip route (the address)
    U :: A router on the path reported that the destination is unreachable. [RFC 792, type 3]
        next: show ip route (the address), on the router that answered
    Q :: A source quench asked to send less; RFC 6633 deprecates it. [RFC 6633]
    M :: The packet was too large for a link on the way and may not be fragmented. [RFC 1191 §4]
        when: With `df-bit`. Path MTU: lower `ip mtu` of the tunnel, or use `ip tcp adjust-mss`.
        next: show interfaces Tunnel
    & :: The packet lived too long: its TTL was used up, as in a loop. [RFC 792, type 11]
    ? :: An answer of a kind that has no mark of its own.
    """)
_TRACEROUTE = words(WordKind.FLAG, rank=22, sighting=r"(?<=\s)(![NHPA]|\*)(?=\s|$)", mark=r"^Tracing the route to")("""
    ## marks of traceroute :: traceroute next: show ip route (the address), on the last hop that answered
    * :: No answer in time: the hop is silent, or its answer is filtered.
    !N :: The way ends: that hop has no route to the network. [RFC 792, type 3]
    !H :: The way ends: that hop cannot reach the host. [RFC 792, type 3]
    !P :: The way ends: the host does not speak UDP. [RFC 792, type 3]
    !A :: The way ends: a filter forbids it. [RFC 1812 §5.2.7.1]
    """)

GROUPS: Final = (*groups(vars()), *labels.GROUPS)
