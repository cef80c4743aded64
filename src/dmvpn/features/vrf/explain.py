"""What VRFs print, explained for `dmvpn explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.vrf import messages
from dmvpn.features.vrf.reasons import VrfReason

_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of VRFs :: the prompt next: show running-config
    % Interface <interface> <IPv4|IPv6> disabled and address(es) removed due to <enabling|disabling> VRF <name> :: An
        address belongs to a routing table. The interface is in another one now: enter its addresses again.
    % <IPv4|IPv6> addresses from all interfaces in VRF <name> have been removed :: The VRF or its address family is
        removed. Interfaces of a removed VRF are in the global table from now on.
    % VRF <name> does not exist or does not have a RD/AF. :: There is no such VRF: `vrf definition` or `ip vrf` makes
        it.
        next: show vrf
    % <interface> is linked to a VRF. Enable <IPv4|IPv6> on that VRF first. :: The VRF has no `address-family ipv4` (or
        `ipv6`), so nothing in it can have such an address.
    % Warning: taken as if it were above line <number>, which names this VRF :: A file has the definition of the VRF
        below its first use. A router of IOS refuses the lines above it.
    % Use '<command>' command for VRF <name> :: Each VRF is configured in one of two forms, and so are its interfaces.
    % RD <route distinguisher> already in use by VRF <name> :: Another VRF has this route distinguisher: BGP could not
        distinguish their prefixes.
    % VRF name is too long, maximum length <number> :: A name has at most 32 characters; on a Linux host, where a device
        has it, at most 15.
    % No VRF named <name> :: No VRF is configured by this name. Case counts. next: show vrf
    """)
_TABLES = words(WordKind.LABEL, mark=r"^ +Name +Default RD", sighted=True)("""
    ## columns of VRFs :: show vrf, show ip vrf next: show vrf detail
    Default RD | <not set> :: The route distinguisher: it makes the prefixes of a VRF unique in BGP.
    Protocols :: The address families of the VRF.
    Interfaces | No interfaces | Name | VRF :: The interfaces of the VRF.
    """)
_ADDRESSES = words(WordKind.LABEL, mark=r"^Interface +(?:IP-Address +)?VRF ", sighted=True)("""
    ## columns of show ip vrf interfaces :: show ip vrf interfaces, show vrf interface next: show ip interface brief
    IP-Address | unassigned | Address :: The IPv4 address that an interface has within its VRF.
    Protocol | up | down :: Whether the interface of the VRF carries packets.
    """)
_DETAILS = words(WordKind.LABEL, mark=r"^VRF .* default RD ", sighted=True)("""
    ## labels of show vrf detail :: show vrf detail, show ip vrf detail next: show vrf
    VRF Id | Table ID :: Its number among the VRFs of this router.
    default VPNID :: An identifier of VPNs that nothing here uses.
    Description :: What `description` says.
    Not on the host :: The host refused this VRF, so nothing in it works; its reason follows.
    New CLI format | Old CLI format | supports multiple address-families | supports IPv4 only :: It is configured by
        `vrf definition`, or by `ip vrf` (old format).
    Flags | xC :: As a router prints them; they mean nothing here.
    Address family | not active | unicast | multicast :: Its routes of one version of IP.
    VPN route-target communities | RT | Export | Import :: By these, routes go from VRF to VRF: what one exports,
        another imports.
    route-map | Import route-map | Export route-map | No import route-map | No export route-map | No global export
        route-map :: The route map that decides which routes are imported (`import map`), or which targets exported
        routes get (`export map`).
    VRF label | VRF label distribution protocol | VRF label allocation mode | per-prefix | not configured :: There is no
        MPLS here.
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of VRFs :: show logging next: show logging
    %VRF-3-NOT_SEPARATED :: When the host refuses the order. next: show vrf detail
    %VRF-4-DEVICE_LOST :: When the kernel of a Linux host reports that the device is gone.
    """)
_REASONS = words(WordKind.REASON, VrfReason)("""
    ## reasons of VRFs :: show vrf detail next: show logging
    REFUSED :: The host cannot keep tables of routes apart, or must not; its own words follow. The order is given again,
        later and later.
    """)

GROUPS: Final = groups(vars())
