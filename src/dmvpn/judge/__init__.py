"""Judges whole networks from outside: faults drawn from a seed, a judge that sees every packet, campaigns of many runs.

faults, schedule, variants    which faults there are, when they come, and how a scenario is changed before
injector, forgeries           carry them out in the simulator
traffic, anatomy              what hosts send, and which ways are open for it
judge, bounds, tables         what may be lost, for how long, and what tables may say
clear, sealed                 nothing in clear; what is inside ESP
campaign, campaigns, shrink   one run, many of them, and a short one that fails the same way
"""
