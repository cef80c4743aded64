"""The doctor: finds why a tunnel is down, or traffic takes a detour, and which line to change.

    verdicts          fine, broken, or suspected: the resulting values
    scene             the facts of a lab, with look-ups
    probes            pings and their results; probe_planning selects them
    visit             facts, probes, facts again, diagnosis
    underlay_path     a packet's path through the underlay
    configuration     a router's configuration as models
    eigrp_lines       the sections of an EIGRP process
    static_routes     static routes of a configuration

The checks, each a function of the scene, in the order of a packet's path:

    kernel                  the router's orders to the machine below it, compared with its tables
    underlay                routers and interfaces
    access_lists            lists that drop what tunnels, routing protocols or hosts need
    packet_loss             packets lost on the wires between two ends
    masks                   masks, and which end of a wire has the wrong one
    packet_sizes            packet sizes on a path, and which end is narrow
    server_nbma             the router that has the NBMA address of a server
    underlay_routes         the routes between the two ends of a tunnel, and the underlay in the tunnel's routes
    nat                     NAT on the path
    tunnel_interfaces       tunnel interfaces
    ipsec, sas              IKE; its SAs
    registration            GRE, NHRP
    terms                   what a client and its server must agree on
    tunnel_traffic          traffic through the tunnel; multicast
    protocols               neighbors by EIGRP, OSPF, RIP and BGP; bgp_sessions; router_ids: their IDs
    missing_routes          routes that do not pass from a router to its neighbor, and why; route_lines: the lines
    black_holes             static routes that lead nowhere
    addressing              correct addresses, and correct sources of tunnels
    lans                    the owner of an address, judged by the hosts
    tracked_routes          static routes that are withdrawn by tracking
    clocks                  wrong clocks
    shortcuts, site_path    phase 3; the path to one address
    spoke_pairs             spokes with a direct path
    host_reachability       hosts that do not reach each other, though everything else works
    host_pairs              the pairs of hosts between which packets are traced
    counter_evidence        evidence against a finding about a pair
    convergence             results that are not known yet
    impact                  the sites that a finding affects
    intended_configuration  findings that may be intended
    permitted_lines         lines that the report may show

    examine             all checks, with the whole lab in view: it decides
    single_router       suspicions of one router by itself: hypotheses, from `suspicions`
    remote_checks       what one router cannot see, and the commands to check it
    untried_remedies    remedies that were not tried are described in words, without lines
    report              for people and for programs
"""

from dmvpn.tools.doctor.examine import examine
from dmvpn.tools.doctor.report import as_json, as_text, brief
from dmvpn.tools.doctor.scene import Scene
from dmvpn.tools.doctor.single_router import suspect
from dmvpn.tools.doctor.verdicts import Copied, Diagnosis, Finding, Health, Step, Trial, View, in_words
from dmvpn.tools.doctor.visit import Lab, visit

__all__ = [
    "Copied",
    "Diagnosis",
    "Finding",
    "Health",
    "Patient",
    "Scene",
    "Step",
    "Trial",
    "View",
    "as_json",
    "as_text",
    "brief",
    "examine",
    "in_words",
    "suspect",
    "visit",
]
