"""The shows of VLANs and switch ports."""

from typing import Final

from dmvpn.features.switching.show import ports, trees

COMMANDS: Final = (*ports.COMMANDS, *trees.COMMANDS)
