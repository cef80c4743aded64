"""The data plane without an operating system, for the simulator and for `lab up --simulated`."""

from dmvpn.dataplane.simulated.vrfs import SimulatedPlane

__all__ = ["SimulatedPlane"]
