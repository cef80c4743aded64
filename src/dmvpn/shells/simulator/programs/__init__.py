"""Commands of the hosts of a simulated lab: `ping` and `traceroute`, with the options and output of Linux.

    program.py      the interface of a program: packets out, ICMP messages in, lines for the user
    ping.py         as in iputils
    traceroute.py   as in the traceroute of Linux
    running.py      the programs that run on the hosts of a simulation

The packets go through the simulated planes like all packets, so they build shortcuts.
"""
