"""Address translation in memory, as Linux's conntrack does it: a gateway's of a simulated lab, and a router's own.

flows        which inside station talks to which outside station, under which public port
translator   packets and what ICMP errors quote, rewritten by those flows
"""
