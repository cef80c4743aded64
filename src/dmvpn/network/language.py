"""Lines that rules are about and upon which no router here acts: those of the table that routers read, too."""

from __future__ import annotations

from typing import Final

from dmvpn.ios import known_command
from dmvpn.ios.vrfs import DEFINITION, FORWARDING, IP_FORWARDING, IP_VRF

VRF: Final = DEFINITION
VRF_OLD: Final = IP_VRF
IN_VRF: Final = FORWARDING
IN_VRF_OLD: Final = IP_FORWARDING
POLICY_MAP: Final = known_command("global", "policy-map {name:word}")
SERVICE_POLICY: Final = known_command("interface", "service-policy (")
PIM: Final = known_command("interface", "ip pim")
PIM_BIDIR: Final = known_command("global", "ip pim bidir-enable")
PIM_GLOBAL: Final = known_command("global", "ip pim [")
NEGOTIATED: Final = known_command("interface", "ip address negotiated")
CLASS: Final = known_command("policy-map", "class")
