"""Judges whole networks from outside: faults drawn from a seed, a judge that sees every packet, campaigns of many runs.

faults, schedule, variants    the faults, their times, and changes of a scenario before a run
injector, forgeries           carry them out in the simulator
traffic, anatomy              the packets of hosts, and the working paths for them
judge, bounds, tables         the losses that are permitted, for how long, and the entries that tables may have
clear, sealed                 nothing in clear; the packets inside ESP
campaign, campaigns, shrink   one run, many runs, and a short run that fails in the same way
work                          a run of a campaign as text, for any process of any machine
"""
