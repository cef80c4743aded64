"""Address translation in memory, like Linux's conntrack: a gateway's of a simulated lab, and a router's own.

flows        mappings between inside endpoints, public ports and remotes
translator   rewrites packets, and packets quoted in ICMP errors, by those flows
"""
