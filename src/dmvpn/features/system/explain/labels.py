"""Labels of the system's shows. For `dmvpn explain`; imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words

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
