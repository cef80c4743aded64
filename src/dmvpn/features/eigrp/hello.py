"""Content of our Hellos, RFC 7868 §6.7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.eigrp.packet import EigrpPacket, Opcode
from dmvpn.features.eigrp.tlv import Parameters, SoftwareVersion, Stub, Tlv

if TYPE_CHECKING:
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.model import ProcessSettings

#: Our version TLV: the IOS version that we resemble, and TLV version 2.0 (wide metrics), which we read in classic mode
#: too.
VERSION: Final = SoftwareVersion(os_major=17, os_minor=9, tlv_major=2, tlv_minor=0)


def parameters(settings: ProcessSettings, interface: EigrpInterface) -> Parameters:
    """Return the weights of the process and the holding time on an interface."""
    weights = settings.scale.weights
    return Parameters(
        k1=weights.k1,
        k2=weights.k2,
        k3=weights.k3,
        k4=weights.k4,
        k5=weights.k5,
        k6=weights.k6,
        hold_time=interface.settings.hold_time,
    )


def hello(settings: ProcessSettings, interface: EigrpInterface, *more: Tlv) -> EigrpPacket:
    """Return a Hello for this interface. more: further TLVs."""
    stub = () if settings.stub is None else (Stub(flags=settings.stub),)
    return greeting(settings, parameters(settings, interface), VERSION, *stub, *more)


def greeting(settings: ProcessSettings, *tlvs: Tlv) -> EigrpPacket:
    """Return a Hello with exactly these TLVs."""
    return EigrpPacket(opcode=Opcode.HELLO, autonomous_system=settings.autonomous_system, tlvs=tlvs)
