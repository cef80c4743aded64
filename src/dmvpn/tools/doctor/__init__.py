"""The doctor: why a tunnel is not up, or a way not direct, and which line to change.

    verdicts      fine, broken, or what may be: the values that come out
    probes        pings, and what came of them                  planning  which pings to try
    scene         the facts of a lab, and who is who in it      visit     facts, probes, facts again, diagnosis
    way           a packet's way through the underlay

The checks, each a function of the scene, in the order of a packet's way:

    kernel               what the router ordered of the machine below it, and what is there
    underlay, wires      routers, interfaces, masks; what gets lost between two ends
    whereabouts          whose the NBMA address of a server is
    there_and_back       the routes between the two ends of a tunnel
    line                 tunnel interfaces            ipsec, sas         IKE; what it made
    terms, keys          the lines that let two ends agree
    registration         GRE, NHRP                    passing            what goes through; multicast
    servers              the servers that all others of a cloud have
    routing, learnt      EIGRP, and what it tells     rip                the same of RIP
    ospf, bgp            the same of these        filters            who keeps a route from being told
    overtold             OSPF that tells the underlay by the tunnel
    absent               a protocol that all others speak, and one does not
    redistribution       what a route map keeps out of `redistribute connected`
    lans                 who should own an address, as hosts say it
    tracks               static routes that are gone with what they follow
    reading              a configuration as models
    translators          NAT                          shortcuts, path    phase 3; the way to one address
    peers                spokes that are to talk directly, by the facts of both
    apart, unlike        hosts that do not reach each other, though all of that is well
    doubt                what speaks against a finding about a pair
    settling             what cannot be known yet
    fair                 which lines may be shown

    examine      all of them, with the whole lab in view: it decides
    one_end      what one router can suspect by itself: hypotheses, from `suspicions`; unseen: whom else to ask
    report       for people and for programs
"""

from dmvpn.tools.doctor.examine import examine
from dmvpn.tools.doctor.one_end import suspect
from dmvpn.tools.doctor.report import as_json, as_text
from dmvpn.tools.doctor.scene import Scene
from dmvpn.tools.doctor.verdicts import Copied, Diagnosis, Finding, Fine, Hypothesis, Step, Trial, Unseen, View
from dmvpn.tools.doctor.visit import Patient, alone, visit

__all__ = [
    "Copied",
    "Diagnosis",
    "Finding",
    "Fine",
    "Hypothesis",
    "Patient",
    "Scene",
    "Step",
    "Trial",
    "Unseen",
    "View",
    "alone",
    "as_json",
    "as_text",
    "examine",
    "suspect",
    "visit",
]
