"""What DHCP prints, explained for `dmvpn explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.dhcp import messages
from dmvpn.features.dhcp.client import ClientState
from dmvpn.features.dhcp.leases import BindingState

_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of DHCP :: show logging next: show logging
    %DHCPD-4-PING_CONFLICT :: When a station answers the ping before an offer, or a client declines its address. next:
        show ip dhcp conflict
    %DHCPD-4-POOL_EXHAUSTED :: When a client gets no offer. next: show ip dhcp pool
    %DHCP-6-ADDRESS_ASSIGN :: When an interface gets another address. next: show dhcp lease
    %DHCP-5-ROUTES_LEFT_OUT :: When a lease with classless routes comes, and a tunnel of the VRF is protected.
        next: show dhcp lease
    %DHCP-5-ANOTHER_CLIENT :: Under `dmvpn run --manage`, when a program of the host has UDP port 68 of an interface.
        next: show ip interface brief
    %DHCP-4-LEASE_REFUSED :: When a server says no, or its lease cannot be right. next: show dhcp lease
    """)
_CLIENT = words(WordKind.STATE, ClientState)("""
    ## states of the DHCP client :: show dhcp lease [RFC 2131 §4.4] next: show dhcp lease
    INIT :: The client waits before it begins again: a lease was refused.
    SELECTING :: It asks all servers (DHCPDISCOVER), and no good offer has come.
    REQUESTING :: It has chosen an offer, and the server has not confirmed it yet.
    BOUND :: The interface has the leased address.
    RENEWING :: Half of the lease is over: the client asks its server for more time.
    REBINDING :: Its server does not answer: the client asks any server for more time.
    """)
_BINDINGS = words(WordKind.STATE, BindingState)("""
    ## states of leased addresses :: show ip dhcp binding [RFC 2131 §4.3] next: show ip dhcp binding
    SELECTING :: The address was offered, and the client has not asked for it yet; after a minute it is free again.
    ACTIVE :: The client has the address until the lease expires.
    DECLINED :: Over IPv6: a client found that another station has it; it is not leased until this ends.
    """)
_LEASES = words(WordKind.LABEL, sighted=True)("""
    ## labels of show dhcp lease :: show dhcp lease next: show dhcp lease
    Temp IP addr | for peer on Interface :: The leased address, and the interface that has it.
    Temp | sub net mask | sub | net | mask :: Mask of its subnet.
    DHCP Lease server :: The server that gave it, and the state of the client.
    DHCP transaction id :: Number of the client's exchange with servers, in hexadecimal.
    Lease | Renewal | Rebind | secs :: How long the lease is, and after how much of it the client asks for more time.
    Temp default-gateway addr :: The router of the lease: the default route of distance 254 leads there.
    Next timer fires after | No timer running :: When the client acts by itself again.
    Retry count | Client-ID | Client-ID hex dump | Hostname :: What the client says of itself, and how often it asked.
    DHCP (UDP port 68) :: Where offers and leases arrive, and what an inbound list must permit.
    Ignored messages :: Offers that cannot be right, and answers that this client did not ask for.
    Last refusal :: Why the last offer or lease was not taken, or what the server said.
    """)
_SERVER = words(WordKind.LABEL, sighted=True)("""
    ## labels of the DHCP server :: show ip dhcp binding, show ip dhcp pool, show ip dhcp conflict,
        show ip dhcp server statistics, show ip dhcp database next: show ip dhcp binding
    Bindings from all pools not associated with VRF | Bindings from VRF pool :: Leased addresses of one table.
    Client-ID/ | Hardware address/ | User name :: The client, by its identifier or its hardware address.
    Lease expiration | Infinite :: When the address is free again.
    Automatic :: Of a pool with `network`.
    Manual :: Of a pool with `host`.
    Type :: Automatic or Manual.
    VRF :: Of the clients.
    Pool | VRF name :: The pool, and the VRF of its clients.
    Utilization mark (high/low) | Subnet size (first/next) | Pending event :: Always these: nothing here sets them.
    Total addresses | Leased addresses | Excluded addresses :: How many there are, are leased, may not be leased.
    1 subnet is currently in the pool :: A pool has one subnet here.
    Current index | IP address range | Leased/Excluded/Total :: Where the next search begins, and the subnet.
    Detection method | Ping | Gratuitous ARP :: How another owner was noticed: by us, or by the client.
    Detection time :: When that was.
    URL | Status | Read | Written | Never | Last read succeeded. Bindings have been loaded in RAM. | File not read yet.
        :: The line, and when its bindings were read and written: into a file of the router's own, whatever it names.
    Delay | Timeout | Failures | Successes :: From a change to the file, of a transfer; how often it was written.
    Address pools | Database agents :: Pools, and places for bindings, of the configuration.
    Automatic bindings | Manual bindings | Expired bindings :: Leased addresses, and leases that ended by themselves.
    Malformed messages :: Messages that the RFCs forbid: dropped.
    Message | Received | Sent | Forwarded :: Messages by type since the start; forwarded: by the relay agent.
    Reason | Dropped :: Messages that got no answer, or were not passed on.
    no free address in the pool :: All are leased, excluded or in conflict.
    too many offers on a port :: 256 offers of the pool wait for clients there.
    too many addresses of a client :: One hardware address has 16.
    from a relay agent that cannot be right :: Its address is that of another port, a client wrote
        option 82, or a client's own address is not its sender.
    too many relay agents :: 16 passed it on.
    too many messages on a port :: More than 500 a second, or 100 that would be relayed.
    for no client of ours :: Offers that cannot be right, and answers that no interface asked for.
    BOOTREQUEST | BOOTREPLY :: Messages without a type of DHCP; they get no answer.
    DHCPDISCOVER | DHCPOFFER :: A client looks for servers; an address for it.
    DHCPREQUEST | DHCPACK | DHCPNAK :: A client takes an address or asks for more time; yes; no.
    DHCPDECLINE | DHCPRELEASE | DHCPINFORM :: Another station has the address; it is given back; options alone.
    """)
_VERSION6 = words(WordKind.LABEL, sighted=True)("""
    ## labels of DHCP for IPv6 :: show ipv6 dhcp pool, show ipv6 dhcp binding, show ipv6 dhcp interface
        next: show ipv6 dhcp binding
    DHCPv6 pool | Using pool :: The pool, and that of a port.
    Address allocation prefix | valid | preferred | in use | conflicts :: Whose addresses it leases, for how many
        seconds, and how many are leased; declined ones are not leased.
    DNS server | Domain name :: What clients get besides an address.
    Active clients :: Leased addresses.
    Client | DUID | Username | unassigned :: Where a client sends from, and its identifier; a name it never has here.
    IA NA | IA ID | Address | expires at :: The port of the client, its address, and when that is free again.
    T1 | T2 :: Seconds after which the client asks this server, then any, for more time. [RFC 8415 §14.2]
    preferred lifetime | valid lifetime | INFINITY :: How long new sessions may use the address, and how long any.
    Preference value | Hint from client | ignored | Rapid-Commit :: A line changes the last alone. [RFC 8415 §21]
    mode | server | relay :: What the port does with messages of clients.
    Relay destinations :: The servers that get them.
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug ip dhcp server packet :: debug ip dhcp server packet, show logging next: show ip dhcp binding
    DHCPD: <type> on <interface> for client <client>: from <address> :: A message came to the server or relay agent.
    DHCPD: Sending <type> to client <client>: <address> :: The server answers; 0.0.0.0: without an address.
    DHCPD: dropped <type> from client <client>: <why> :: The message gets no answer.

    ## lines of debug dhcp :: debug dhcp, show logging next: show dhcp lease
    DHCP: <type> on <interface> of client <client>: <address> :: The client of an interface sends it there.
    DHCP: Received <type> on <interface> for client <client>: <answer> :: A server's message came: its address for the
        client, and the state of the client after it.
    """)
_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of DHCP :: the prompt next: show running-config
    % Invalid range: the last address is lower than the first :: Excluded addresses are said from the lowest on.
    % Invalid network mask :: A pool is of 2 to 2,147,483,646 addresses: a mask, or its length as in /24.
    % This option is the server's own :: The server itself makes it, for each client.
    % Invalid option: <why> :: RFC 2132 gives this option another length, as 4 octets for each address.
    % Invalid octets: an even number of hexadecimal digits :: As in 0100.5056.8a11.22; points may be left out.
    """)
GROUPS: Final = groups(vars())
