"""Labels of the system's shows. For `dmvpn explain`; imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

_VERSION = label_group(
    "lines of show version",
    ("show version",),
    Word(
        "Cisco IOS XE Software",
        "The dialect that this program speaks, in a line that tools look for; it is no Cisco software.",
        also=("Cisco IOS Software", "Software"),
    ),
    Word(
        "NOT Cisco software",
        "The program's own name and version; the lines below it have the form that tools search for.",
        also=("an open DMVPN router", "the next two lines only name the dialect for tools", "compatible mode"),
    ),
    Word("uptime", "For how long the router has been running.", also=("Uptime", "Uptime for this control processor")),
    Word("System returned to ROM", "Why it started the last time.", also=("Last reload reason", "reload")),
    Word("Configuration register", "Where a router of IOS starts from; without effect here."),
    next="show running-config",
    sighted=True,
    mark=r"^Cisco IOS (?:XE )?Software",
)

_VERSION_MORE = label_group(
    "further lines of show version",
    ("show version",),
    Word("Copyright", "Who wrote it and under which license.", also=("by the dmvpn contributors", "Apache-2.0")),
    Word("ROM", "What starts a router of IOS; here the program's name."),
    Word("System image file", "Where the router was started from; a name for tools.", also=("bootflash", "conf")),
    Word(
        "processor",
        "A model and memory in IOS's form; nothing of it is hardware.",
        also=(
            "Processor board ID",
            "revision VXE",
            "VXE",
            "non-volatile configuration memory",
            "physical memory",
            "virtual hard disk",
            "memory",
        ),
    ),
    Word(
        "Router operating mode",
        "Who configures the router: it does so itself.",
        also=("Autonomous", "IOS-XE dialect", "Dialect"),
    ),
    Word("interfaces", "How many ports of a kind there are.", next="show ip interface brief"),
    next="show version",
)

_SHOWS = label_group(
    "labels of the system's shows",
    ("show running-config", "show clock", "show debugging"),
    Word("Building configuration", "The lines are put together; they follow."),
    Word("Current configuration", "The configuration that is in force now, and its size."),
    Word(
        "Written by dmvpn",
        "Marks a file of this program: settings that it lacks do not have the defaults of an IOS release.",
    ),
    Word("Last configuration change", "When a line was changed the last time, and by whom."),
    Word(
        "Time source",
        "Where the time comes from; the operating system keeps the clock.",
        next="show clock",
        also=("the operating system",),
    ),
    Word("Condition", "Debugs speak of this peer or interface alone.", next="show debugging"),
    next="show running-config",
)

_SOCKETS = label_group(
    "columns of UDP ports",
    ("show udp", "show ip sockets"),
    Word("Proto", "The IP protocol: 17 is UDP.", also=("listen",)),
    Word("Remote", "The far end; a port that listens has none.", also=("Port",)),
    Word("Local", "The address at which the port is open; `--any--`: at all.", also=("any",)),
    Word("Stat", "Flags of the socket, as IOS has them; 111 hears a multicast group.", also=("In", "Out", "TTY")),
    Word("OutputIF", "The only interface on which the port is heard; empty: all."),
    Word("NTP", "The Network Time Protocol: not here; the clock is that of the machine.", next="show clock"),
    next="show ip protocols",
)

_HOSTS = label_group(
    "columns of the names",
    ("show hosts",),
    Word("Default domain", "The domain that is appended to a name without dots (`ip domain name`)."),
    Word(
        "Name/address lookup",
        "Whether names are asked for in the domain service, or known by `ip host` alone.",
        also=("domain service", "static mappings", "uses"),
    ),
    Word("perm", "The name is from the configuration and stays.", also=("permanent",)),
    Word("temp", "The name was looked up and is forgotten later.", also=("temporary",)),
    Word("OK", "The address of the name is good."),
    Word("EX", "The entry was looked up and has expired.", also=("expired", "?? - revalidate", "revalidate")),
    Word("UN", "The name is unknown.", also=("unknown",)),
    Word("NA", "A port means nothing for this name.", also=("Not Applicable", "Not defined")),
    Word(
        "Host",
        "A name, and in its row the port, flags, age in hours, type and addresses.",
        also=("Port", "Age", "Type", "Name"),
    ),
    next="show hosts",
)

_INVENTORY = label_group(
    "labels of the inventory",
    ("show inventory",),
    Word(
        "NAME",
        "A part of the device; there is one, and it is a program.",
        next="show inventory",
        also=("Chassis", "DESCR", "dmvpn router (software)"),
    ),
    Word(
        "PID", "The product, its version and serial number, for inventories.", next="show inventory", also=("VID", "SN")
    ),
    next="show version",
)

_LOGGING = label_group(
    "labels of show logging",
    ("show logging",),
    Word(
        "Syslog logging",
        "The whole of logging, on or off.",
        also=("flushes", "overruns", "messages dropped", "messages rate-limited"),
    ),
    Word("Console logging", "Messages of this severity and worse go to the console (`logging console`)."),
    Word("Monitor logging", "Messages that go to sessions with `terminal monitor`.", also=("Monitor",)),
    Word("Buffer logging", "Messages that are kept here (`logging buffered`).", also=("Log Buffer",)),
    Word("Trap logging", "Messages that go to a server (`logging host`).", clause="RFC 5424 §6.2.1"),
    Word("level", "The least severe level that is still logged.", clause="RFC 5424 §6.2.1"),
    Word(
        "messages logged",
        "How many messages were logged there.",
        also=("message lines logged", "message lines rate-limited", "message lines dropped-by-MD"),
    ),
    Word(
        "Logging to",
        "A server that gets messages by UDP, or by TCP: there `link` says whether the connection is up. The name of a "
        "VRF, if it is in one, is behind its address.",
        also=("udp port", "port", "link", "up", "down", "audit", "sequence number"),
    ),
    Word("Exception Logging", "A buffer of IOS for crashes; for tools alone.", also=("size",)),
    Word("Count and timestamp logging messages", "Whether messages are counted by kind; they are not."),
    Word("Persistent logging", "Whether the buffer outlives a restart; it does not."),
    Word(
        "Message Discriminator",
        "Filters of IOS for messages; not in this router.",
        also=(
            "No Active Message Discriminator",
            "No Inactive Message Discriminator",
            "No active filter modules",
            "filtering",
            "xml",
        ),
    ),
    Word(
        "Logging Source-Interface",
        "The interface whose address messages are sent from; with the name of a VRF, those to servers in it.",
        also=("VRF Name",),
    ),
    next="show logging",
)

_CONDITIONS = label_group(
    "debug conditions",
    ("show nhrp debug-condition",),
    Word(
        "Peer NBMA addresses under debug are",
        "Debugs of NHRP print what concerns these peers alone; set by `debug nhrp condition peer nbma`.",
        also=("Peer NBMA addresses", "under debug are"),
    ),
    Word(
        "Peer tunnel addresses under debug are",
        "The same, by tunnel address; set by `debug nhrp condition peer tunnel`.",
        also=("Peer tunnel addresses",),
    ),
    Word(
        "Interfaces under debug are",
        "Debugs of NHRP print what concerns these tunnels alone; set by `debug nhrp condition interface`.",
        also=("Interfaces",),
    ),
    next="show debugging",
)
_ABSENT = label_group(
    "what this router does not have",
    ("show lldp", "show cdp", "show snmp"),
    Word("LLDP", "The Link Layer Discovery Protocol: nothing here speaks it.", also=("CDP",)),
    Word("SNMP", "The Simple Network Management Protocol: its lines are kept, and no agent answers.", also=("agent",)),
    next="show ip interface brief",
)
_MEMORY = label_group(
    "memory",
    ("show memory statistics",),
    Word("Processor", "The memory of the machine, and what this router's process took of it when it started."),
    Word("lsmpi_io", "A pool of IOS XE that tools look for; there is none here.", also=("lsmpi", "io")),
    Word("Total(b)", "Octets in all.", also=("Total", "Head")),
    Word("Used(b)", "Octets in use.", also=("Used",)),
    Word("Free(b)", "Octets that are left.", also=("Free", "Lowest(b)", "Lowest", "Largest(b)", "Largest")),
    next="show version",
)

_TCP = label_group(
    "TCP connections",
    ("show tcp brief",),
    Word("TCB", "A number of the connection; IOS has an address in its memory here."),
    Word("Local Address", "Our address and port; 0.0.0.0: any."),
    Word("Foreign Address", "The far end's address and port."),
    Word("(state)", "What it is doing.", clause="RFC 9293 §3.3.2", also=("state",)),
    Word("ESTAB", "It is there.", clause="RFC 9293 §3.3.2"),
    Word("SYNSENT", "It is being opened.", clause="RFC 9293 §3.3.2"),
    Word("LISTEN", "The port accepts connections.", clause="RFC 9293 §3.3.2"),
    next="show ip bgp neighbors",
)

GROUPS: Final = (
    _VERSION,
    _VERSION_MORE,
    _SHOWS,
    _HOSTS,
    _INVENTORY,
    _LOGGING,
    _CONDITIONS,
    _ABSENT,
    _MEMORY,
    _TCP,
    _SOCKETS,
)
