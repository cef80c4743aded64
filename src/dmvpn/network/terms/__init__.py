"""Terms of the two ends of a pair: on which the ends do not agree, at which end, and the lines that change it.

    table      the terms of a protocol, and the comparison of pairs by them
    protocols  the tables of routing protocols, of tunnels, of NHRP, of protection and of SAs
    preshared_keys  the lines of keys
    bgp        the table of BGP sessions, and what each end knows of the other one
    ike        the table of IKE; ike_sides: how each end would talk to the other one

Terms that concern the settings of one feature are in its `terms.py`; those of several features are here. Lint compares
configurations, and the doctor the configurations of running routers, which also say why they refuse each other.
"""
