"""What the system prints: log messages, severities, `!` and `.` of ping. For `dmvpn explain`; imported when asked."""

import enum
from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.system import messages

# --------------------------------------------------------------------------------------------- answers and log messages


_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of the system :: the prompt next: show ip interface brief
    %Warning: any reader of the configuration can read this password; `secret` keeps a hash of it :: `password` is kept
        as it was typed; type 7 hides it from a glance, and no more.
    %Warning: only the router that wrote a type 6 password can read it; no user can log in with it here :: The line is
        kept for that router. Give the user a `secret` to let them in here.
    %Warning: no user can log in with it: <fault> :: The hash is incomplete, often because a file was published
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


# ------------------------------------------------------------------------------------------------ shows


_VERSION = words(WordKind.LABEL, mark=r"^Cisco IOS (?:XE )?Software", sighted=True)("""
    ## lines of show version :: show version next: show running-config
    Cisco IOS XE Software | Cisco IOS Software | Software :: The dialect that this program speaks, in a line that tools
        look for; it is no Cisco software.
    NOT Cisco software | an open DMVPN router | the next two lines only name the dialect for tools | compatible mode ::
        The program's own name and version; the lines below it have the form that tools search for.
    uptime | Uptime | Uptime for this control processor :: For how long the router has been running.
    System returned to ROM | Last reload reason | reload :: Why it started the last time.
    Configuration register :: Where a router of IOS starts from; without effect here.
    """)
_LABELS = words(WordKind.LABEL)("""
    ## further lines of show version :: show version next: show version
    Copyright | by the dmvpn contributors | Apache-2.0 :: Who wrote it and under which license.
    ROM :: What starts a router of IOS; here the program's name.
    System image file | bootflash | conf :: Where the router was started from; a name for tools.
    processor | Processor board ID | revision VXE | VXE | non-volatile configuration memory | physical memory | virtual
        hard disk | memory :: A model and memory in IOS's form; nothing of it is hardware.
    Router operating mode | Autonomous | IOS-XE dialect | Dialect :: Who configures the router: it does so itself.
    interfaces :: How many ports of a kind there are. next: show ip interface brief

    ## labels of the system's shows :: show running-config, show clock, show debugging next: show running-config
    Building configuration :: The lines are put together; they follow.
    Current configuration :: The configuration that is in force now, and its size.
    Written by dmvpn :: Marks a file of this program: settings that it lacks do not have the defaults of an IOS release.
    Last configuration change :: When a line was changed the last time, and by whom.
    Time source | the operating system :: Where the time comes from; the operating system keeps the clock.
        next: show clock
    Condition :: Debugs speak of this peer or interface alone. next: show debugging

    ## columns of UDP ports :: show udp, show ip sockets next: show ip protocols
    Proto | listen :: The IP protocol: 17 is UDP.
    Remote | Port :: The far end; a port that listens has none.
    Local | any :: The address at which the port is open; `--any--`: at all.
    Stat | In | Out | TTY :: Flags of the socket, as IOS has them; 111 hears a multicast group.
    OutputIF :: The only interface on which the port is heard; empty: all.
    NTP :: The Network Time Protocol: not here; the clock is that of the machine. next: show clock

    ## columns of the names :: show hosts next: show hosts
    Default domain :: The domain that is appended to a name without dots (`ip domain name`).
    Name/address lookup | domain service | static mappings | uses :: Whether names are asked for in the domain service,
        or known by `ip host` alone.
    perm | permanent :: The name is from the configuration and stays.
    temp | temporary :: The name was looked up and is forgotten later.
    OK :: The address of the name is good.
    EX | expired | ?? - revalidate | revalidate :: The entry was looked up and has expired.
    UN | unknown :: The name is unknown.
    NA | Not Applicable | Not defined :: A port means nothing for this name.
    Host | Port | Age | Type | Name :: A name, and in its row the port, flags, age in hours, type and addresses.

    ## columns of path MTUs :: show ipv6 mtu [RFC 8201] next: ping (the address) size 1500
    MTU | Since | Destination Address :: The largest packet of this router, in octets, that fits on the way to the
        address, as a router there said in a Packet Too Big, and how long ago. It counts for ten minutes.

    ## labels of the inventory :: show inventory next: show version
    NAME | Chassis | DESCR | dmvpn router (software) :: A part of the device; there is one, and it is a program.
        next: show inventory
    PID | VID | SN :: The product, its version and serial number, for inventories. next: show inventory

    ## labels of show logging :: show logging next: show logging
    Syslog logging | flushes | overruns | messages dropped | messages rate-limited :: The whole of logging, on or off.
    Console logging :: Messages of this severity and worse go to the console (`logging console`).
    Monitor logging | Monitor :: Messages that go to sessions with `terminal monitor`.
    Buffer logging | Log Buffer :: Messages that are kept here (`logging buffered`).
    Trap logging :: Messages that go to a server (`logging host`). [RFC 5424 §6.2.1]
    level :: The least severe level that is still logged. [RFC 5424 §6.2.1]
    messages logged | message lines logged | message lines rate-limited | message lines dropped-by-MD :: How many
        messages were logged there.
    Logging to | udp port | port | link | up | down | audit | sequence number :: A server that gets messages by UDP, or
        by TCP: there `link` says whether the connection is up. The name of a VRF, if it is in one, is behind its
        address.
    Exception Logging | size :: A buffer of IOS for crashes; for tools alone.
    Count and timestamp logging messages :: Whether messages are counted by kind; they are not.
    Persistent logging :: Whether the buffer outlives a restart; it does not.
    Message Discriminator | No Active Message Discriminator | No Inactive Message Discriminator | No active filter
        modules | filtering | xml :: Filters of IOS for messages; not in this router.
    Logging Source-Interface | VRF Name :: The interface whose address messages are sent from; with the name of a VRF,
        those to servers in it.

    ## debug conditions :: show nhrp debug-condition next: show debugging
    Peer NBMA addresses under debug are | Peer NBMA addresses | under debug are :: Debugs of NHRP print what concerns
        these peers alone; set by `debug nhrp condition peer nbma`.
    Peer tunnel addresses under debug are | Peer tunnel addresses :: The same, by tunnel address; set by `debug nhrp
        condition peer tunnel`.
    Interfaces under debug are | Interfaces :: Debugs of NHRP print what concerns these tunnels alone; set by `debug
        nhrp condition interface`.

    ## what this router does not have :: show lldp, show cdp, show snmp next: show ip interface brief
    LLDP | CDP :: The Link Layer Discovery Protocol: nothing here speaks it.
    SNMP | agent :: The Simple Network Management Protocol: its lines are kept, and no agent answers.

    ## memory :: show memory statistics next: show version
    Processor :: The memory of the machine, and what this router's process took of it when it started.
    lsmpi_io | lsmpi | io :: A pool of IOS XE that tools look for; there is none here.
    Total(b) | Total | Head :: Octets in all.
    Used(b) | Used :: Octets in use.
    Free(b) | Free | Lowest(b) | Lowest | Largest(b) | Largest :: Octets that are left.

    ## TCP connections :: show tcp brief next: show ip bgp neighbors
    TCB :: A number of the connection; IOS has an address in its memory here.
    Local Address :: Our address and port; 0.0.0.0: any.
    Foreign Address :: The far end's address and port.
    (state) | state :: What it is doing. [RFC 9293 §3.3.2]
    ESTAB :: It is there. [RFC 9293 §3.3.2]
    SYNSENT :: It is being opened. [RFC 9293 §3.3.2]
    LISTEN :: The port accepts connections. [RFC 9293 §3.3.2]
    """)


GROUPS: Final = groups(vars())
