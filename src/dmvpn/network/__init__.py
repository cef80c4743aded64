"""A network as its configurations have it: what several rooms ask of them, read once. Nothing runs here.

device     one configuration: its lines and their places, and the model that each feature makes of it
overlay    the routers together: tunnel ends, who is client of whom, which ends are one cloud
routing    which routing protocols run on an interface, and which LANs other sites hear of
underlay   the ways between tunnel ends, over wires that somebody drew or addresses say
clouds     keys for tunnels that cannot be told apart
maps       (`crypto_maps`) GRE tunnels that a crypto map protects, as IPsec profiles would
unnamed    files of IOS XE that name no release
sites      what no configuration says of where a router is
lines      a configuration as text: sections, and what it says after somebody typed something
"""
