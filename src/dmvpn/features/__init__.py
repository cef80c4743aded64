"""One folder for each protocol or service; none imports another.

A folder holds its packets, its state machines, its configuration lines, its shows, its messages and its lint rules,
and names what it offers in `FEATURE`. `dmvpn.router` puts the features together; the typed questions that they ask
each other are ports of `dmvpn.base`.
"""
