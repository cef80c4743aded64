"""A network as its configurations have it, parsed once for several rooms. Nothing runs here.

device     one configuration: its lines and their places, and the model that each feature makes of it
overlay    the overlay of all routers: tunnel ends, clients and servers, and clouds
routing    the routing protocols on an interface, and the LANs advertised to other sites
underlay   the paths between tunnel ends, over wires that a lab file draws or that addresses imply
lab_lines  what a lab changes: keys for tunnels that would otherwise be indistinguishable, IPsec profiles instead of
           crypto maps, a release for files of IOS XE that name none
references names that lines use, and the lines that define them
terms      what two ends must agree on
sites      the place of a router in the underlay, which no configuration shows
lines      a configuration as text: its sections, and its text after more lines were typed
"""
