"""What one can type at the hosts of a simulated lab: `ping` and `traceroute`, with the words and output of Linux'.

    program.py      what a program is: packets out, ICMP messages in, lines for the user who typed it
    ping.py         as iputils has it
    traceroute.py   as the traceroute of Linux has it
    running.py      the programs that run on the hosts of a world

The packets go through the simulated planes like any others, so they build shortcuts.
"""
