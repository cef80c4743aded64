"""Commands of the hosts of a simulated lab: `ping` and `traceroute`, with the options and output of Linux.

    commands.py    the interface of a program, `ping` as in iputils, `traceroute` as in that of Linux
    running.py     the programs that run on the hosts of a simulation

The packets go through the simulated planes like all packets, so they build shortcuts.
"""
