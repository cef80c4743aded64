"""The doctor: finds why a tunnel is down, or traffic takes a detour, and which line to change.

    verdicts          fine, broken, or suspected: the resulting values, and the lines that the report may show
    scene             the facts of a lab, with look-ups; pings and their results
    visit             which pings; facts, probes, facts again, diagnosis; of one router by itself hypotheses, from
                      `suspicions`, and what it cannot see
    underlay_path     a packet's path through the underlay; packet loss and packet sizes on it
    configuration     a router's configuration as models; the lines of its routes

The checks, each a function of the scene, in the order of a packet's path:

    host                the kernel below a router, compared with its orders; wrong clocks
    underlay            routers and interfaces; the routes between the two ends of a tunnel
    access_lists        lists, and the check of senders, that drop what tunnels, routing protocols or hosts need
    packet_flows        what packets a network needs, and what lists do with them; list_remedies: the lines to change
    registration        GRE and NHRP; the router that has the NBMA address of a server; NAT on the path
    tunnels             tunnel interfaces; traffic through them; multicast
    tables              the tables of ports, tunnels and routes; clouds with exchanged keys
    ipsec               IKE, and the meaning of its reasons; its SAs
    terms               what a client and its server must agree on, and what one end must have
    protocols           neighbors by EIGRP, OSPF, RIP and BGP; router IDs
    missing_routes      routes that do not pass to a neighbor, and why; static routes that lead nowhere
    addressing          correct addresses, masks, and sources of tunnels; the owner of an address
    shortcuts           phase 3; spokes with a direct path
    host_reachability   hosts that do not reach each other, though everything else works; the path to one address
    impact              the sites that a finding affects; findings that may be intended

    examine             all checks, with the whole lab in view: it decides
    report              for people and for programs
"""
