"""Address translation in memory, as Linux's conntrack does it: a gateway's of a simulated lab, and a router's own.

flows        who inside speaks to whom outside, under which public port
translator   packets and what ICMP errors quote, rewritten by those flows
"""
