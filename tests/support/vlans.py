"""A router on a stick, two switches with two trunks between them, hosts in two VLANs."""

from __future__ import annotations

R1 = """\
hostname R1
interface GigabitEthernet0/0
 no ip address
interface GigabitEthernet0/0.10
 encapsulation dot1Q 10
 ip address 10.1.10.1 255.255.255.0
interface GigabitEthernet0/0.20
 encapsulation dot1Q 20
 ip address 10.1.20.1 255.255.255.0
interface GigabitEthernet0/0.99
 encapsulation dot1Q 99 native
 ip address 10.1.99.1 255.255.255.0
"""
SW1 = """\
hostname SW1
spanning-tree mode rapid-pvst
spanning-tree vlan 1,10,20 priority 24576
vlan 10
 name USERS
vlan 20,99
interface GigabitEthernet0/0
 switchport trunk encapsulation dot1q
 switchport trunk native vlan 99
 switchport mode trunk
interface GigabitEthernet0/1
 switchport trunk allowed vlan 1,10
 switchport trunk allowed vlan add 20
 switchport mode trunk
interface GigabitEthernet0/2
 switchport mode trunk
interface GigabitEthernet1/0
 switchport access vlan 10
 switchport mode access
interface Vlan10
 ip address 10.1.10.2 255.255.255.0
interface Vlan99
 ip address 10.1.99.2 255.255.255.0
interface Vlan50
 ip address 10.1.50.2 255.255.255.0
"""
SW2 = """\
hostname SW2
spanning-tree mode rapid-pvst
vlan 10
vlan 20
interface GigabitEthernet0/1
interface GigabitEthernet0/2
interface GigabitEthernet1/0
 switchport access vlan 20
interface GigabitEthernet1/1
 switchport access vlan 10
"""
TEXTS = {"R1": R1, "SW1": SW1, "SW2": SW2}
_LINKS = [
    ["R1:GigabitEthernet0/0", "SW1:GigabitEthernet0/0"],
    ["SW1:GigabitEthernet0/1", "SW2:GigabitEthernet0/1"],
    ["SW1:GigabitEthernet0/2", "SW2:GigabitEthernet0/2"],
]
_HOSTS = {
    "H1": {"link": "SW1:GigabitEthernet1/0", "address": "10.1.10.100/24", "gateway": "10.1.10.1"},
    "H2": {"link": "SW2:GigabitEthernet1/0", "address": "10.1.20.100/24", "gateway": "10.1.20.1"},
    "H3": {"link": "SW2:GigabitEthernet1/1", "address": "10.1.10.101/24", "gateway": "10.1.10.1"},
}
LAB = {"links": [{"ends": ends} for ends in _LINKS], "hosts": _HOSTS}
