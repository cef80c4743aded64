"""A DMVPN router: mGRE, NHRP and routing in pure Python behind an IOS-style command line.

Every protocol is a value that turns events into effects (`features`); three shells drive the same objects: a running
router, a lab of namespaces, a simulator in virtual time (`shells`). ARCHITECTURE.md shows the rooms.
"""

__version__ = "0.3.0"
