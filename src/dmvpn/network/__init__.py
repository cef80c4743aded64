"""A network as its configurations have it, parsed once for several rooms. Nothing runs here.

device     one configuration: its lines and their places, and the model that each feature makes of it
overlay    the overlay of all routers: tunnel ends, clients and servers, and clouds
routing    the routing protocols on an interface, and the LANs advertised to other sites
underlay   the paths between tunnel ends, over wires that a lab file draws or that addresses imply
clouds     keys for tunnels that would otherwise be indistinguishable
maps       (`crypto_maps`) GRE tunnels that a crypto map protects, as IPsec profiles would
unnamed    files of IOS XE that name no release
sites      the place of a router in the underlay, which no configuration shows
lines      a configuration as text: its sections, and its text after more lines were typed
"""
