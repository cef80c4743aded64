"""What VLANs and switch ports print, explained for `dmvpn explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.switching import PortMode, PortRole

_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of VLANs :: the prompt next: show vlan brief
    % Bad VLAN list: VLANs are 1 to 4094, as in 10,20,30-40 :: A list of VLANs has numbers and ranges with commas and no
        blanks between them.
    % encapsulation dot1Q is for subinterfaces :: The port itself carries frames without a tag; a VLAN needs an
        interface such as GigabitEthernet0/0.10.
    % Two tags (second-dot1q) are not supported :: One tag is all that a wire of a lab carries.
    % Invalid VLAN <vlan>: VLANs are 1 to 4094 :: 0 and 4095 are reserved (IEEE 802.1Q).
    % Configuration of multiple subinterfaces of the same main interface with the same VID (<vlan>) is not permitted: it
        is on <interface> :: A frame of this VLAN could belong to either.
    % Bridge Priority must be in increments of 4096 :: The low 12 bits are the VLAN (IEEE 802.1t).
    """)
_ROLES = words(WordKind.STATE, PortRole, rank=40)("""
    ## roles of a port in a spanning tree :: show spanning-tree next: show spanning-tree
    ROOT | Root :: The port towards the root: the cheapest path. It forwards.
    DESIGNATED | Desg :: The port by which its wire reaches the root. It forwards.
    ALTERNATE | Altn :: Another way to the root, which would close a circle: it blocks until the tree changes.
    """)
_MODES = words(WordKind.STATE, PortMode, rank=41)("""
    ## modes of a port :: show interfaces switchport next: show interfaces trunk
    ROUTED | routed :: A port with addresses of its own, and with subinterfaces.
    ACCESS | static access :: One VLAN, without a tag.
    TRUNK | trunk :: All allowed VLANs, with tags but the native one.
    AUTO | dynamic auto :: A trunk if the other end is one or asks for it, else an access port.
    DESIRABLE | dynamic desirable :: Asks for a trunk; an access port if the other end does not agree.
    """)
_VLANS = words(WordKind.LABEL, mark=r"^VLAN Name +Status +Ports", sighted=True)("""
    ## columns of show vlan :: show vlan, show vlan brief next: show interfaces trunk
    VLAN | Name | Status | active :: The VLANs that this switch has.
    Ports :: Its access ports; trunks are in `show interfaces trunk`.
    Type | enet | SAID | MTU | Parent | RingNo | BridgeNo | Stp | BrdgMode | Trans1 | Trans2 :: As IOS shows them; they
        mean nothing on Ethernet.
    """)
_TAGGED = words(WordKind.LABEL, sighted=True)("""
    ## labels of show vlans :: show vlans next: show ip interface brief
    Virtual LAN ID | IEEE 802.1Q Encapsulation :: The VLAN of a subinterface.
    vLAN Trunk Interface :: The subinterface.
    This is configured as native Vlan for the following interface(s) :: Its frames have no tag on this port.
    Protocols Configured | Address | unassigned | Received | Transmitted :: Its address, and its packets.
    No Virtual LANs configured. :: No subinterface has a tag.
    """)
_PORTS = words(WordKind.LABEL, sighted=True)("""
    ## labels of switch ports :: show interfaces trunk, show interfaces switchport next: show vlan brief
    Port | Mode | Encapsulation | 802.1q | Status | trunking | not-trunking | off | Native vlan | desirable :: The
        trunks, or the named port; the native VLAN has no tag.
    Vlans allowed on trunk :: As `switchport trunk allowed vlan` says; without it all.
    Vlans allowed and active in management domain :: Of these the VLANs that this switch has.
    Vlans in spanning tree forwarding state and not pruned :: Of these the VLANs in whose tree the port forwards.
    Name | Switchport | Enabled :: A port of layer 2.
    Administrative Mode | Operational Mode | down :: As configured, and as it is.
    Administrative Trunking Encapsulation | Operational Trunking Encapsulation | dot1q | native :: With tags or without.
    Negotiation of Trunking | On | Off :: Whether it asks the other end (DTP). next: show running-config interface
    Access Mode VLAN | Trunking Native Mode VLAN | Voice VLAN :: The VLANs of frames without a tag as an access port and
        as a trunk, and of a telephone.
    Trunking VLANs Enabled | ALL :: `switchport trunk allowed vlan`.
    member of bundle :: The port-channel that this port is part of; the port forwards as that one does.
    """)
_STATUS = words(WordKind.LABEL, mark=r"^Port +Name +Status +Vlan", sighted=True)("""
    ## columns of show interfaces status :: show interfaces status next: show interfaces trunk
    Port | Name | Type | RJ45 :: The ports of a switch, with their descriptions.
    Status | connected | notconnect | disabled :: Up; without a carrier; `shutdown`.
    Vlan | trunk | routed :: The VLAN of an access port; a trunk; a port with addresses of its own.
    Duplex | Speed | auto | a-full :: As IOS shows them; they mean nothing here.
    """)
_VTP = words(WordKind.LABEL, sighted=True)("""
    ## labels of show vtp status :: show vtp status next: show vlan brief
    VTP Version capable | VTP version running | VTP Domain Name | domain | VTP Operating Mode | Feature VLAN :: What the
        lines of VTP say. It is not spoken: each switch has the VLANs of its own file.
    VTP Pruning Mode | VTP Traps Generation | Disabled | Configuration Revision :: As without VTP.
    Maximum VLANs supported locally | Number of existing VLANs :: Those of `show vlan`.
    """)
_STATIONS = words(WordKind.LABEL, mark=r"^Vlan +Mac Address +Type +Ports", sighted=True)("""
    ## columns of show mac address-table :: show mac address-table next: show spanning-tree
    Mac Address Table | Vlan | Mac Address | Type | DYNAMIC :: Stations whose frames came by, in the last 300 seconds.
    Total Mac Addresses for this criterion :: How many stations that are.
    """)
_TREES = words(WordKind.LABEL, sighted=True)("""
    ## labels of show spanning-tree :: show spanning-tree next: show interfaces trunk
    Spanning tree enabled protocol | ieee | rstp :: The configured name. No protocol is spoken: the lab computes the
        trees from all switches and wires, again within a second of a cut.
    Root ID | Priority | Cost | Port :: The root of the tree, and the path to it.
    This bridge is the root :: It has the lowest priority, or of equal ones the lowest address.
    Bridge ID | sys-id-ext | priority :: This switch: its priority and the VLAN.
    Hello Time | Max Age | Forward Delay | Aging Time :: The standard's defaults; nothing waits here.
    Role | Sts | FWD | BLK | Prio.Nbr | P2p :: The ports: they forward or block.
    Blocked Interfaces List | Vlan | Number of blocked ports (segments) in the system :: The ports that do not forward.
    Switch is in | rapid-pvst | pvst | mode | Root bridge for | none :: The configured mode, and the VLANs whose root
        this is.
    Name | Blocking | Listening | Learning | Forwarding | STP Active :: The ports of each VLAN by their state.
    Extended system ID | Portfast Default | PortFast BPDU Guard Default | Portfast BPDU Filter Default | Loopguard
        Default | EtherChannel misconfig guard | UplinkFast | BackboneFast | enabled | disabled :: As no protocol is
        spoken, none of these guards and short cuts is there.
    Configured Pathcost method used is short :: Costs are those of IEEE 802.1D-1998: 4 for a gigabit.
    Hello | Max | Fwd | Time | Age | Dly | Root Port :: Of the root; the port towards it, empty at the root itself.
    is executing the | compatible Spanning Tree protocol | Bridge Identifier has | sysid :: This switch in the tree of a
        VLAN, by its configured name.
    Current root has priority | Root port is | cost of root path is | We are the root of the spanning tree :: Its way to
        the root.
    Configured hello time | transmit hold-count | Topology change flag | detected flag | not set | Times | Timers |
        hold | topology change | notification | aging | message age :: The standard's defaults: no protocol is spoken.
    root forwarding | designated forwarding | alternate blocking :: As `Root FWD`, `Desg FWD` and `Altn BLK`.
    Number of topology changes | last change occurred :: How often the lab computed another tree for this VLAN, and
        when.
    Port path cost | Port priority | Port Identifier | Link type is point-to-point by default :: The port.
    Designated root has priority | Designated bridge has priority | Designated port id is | designated path cost :: The
        port by which its wire reaches the root: at the root's side of it, or this one.
    Number of transitions to forwarding state :: 1 where it forwards in the present tree: nothing counts earlier ones.
    BPDU | sent | received :: 0: none are spoken.
    No spanning tree instances exist. | no spanning tree info available :: No port of layer 2 is plugged in.
    """)
_BUNDLES = words(WordKind.LABEL, sighted=True)("""
    ## labels of show etherchannel summary :: show etherchannel summary next: show interfaces trunk
    Flags | bundled in port-channel | Layer2 | Layer3 | in use :: What the letters behind a name mean.
    Number of channel-groups in use | Number of aggregators :: As many lines are below.
    Group | Port-channel | Protocol | LACP | PAgP :: The bundles; none of the protocols is spoken.
    """)

GROUPS: Final = groups(vars())
