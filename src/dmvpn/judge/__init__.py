"""Judges whole networks from outside: faults drawn from a seed, a judge that sees every packet, campaigns of many runs.

faults, variants     the faults, their times, and changes of a scenario before a run
injector             carries the faults out in the simulator, also packets in a neighbor's name
anatomy, traffic     the working paths, what may not be in clear; the packets of hosts, also inside ESP
drawn_lists          access lists from a seed, and the packets that they let through
judge, bounds        the losses that are permitted, for how long, and the entries that tables may have
campaign, campaigns  one run; many runs, as text for any process of any machine, and a short run that fails alike
"""
