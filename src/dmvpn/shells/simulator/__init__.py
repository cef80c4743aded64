"""Virtual time: the same routers on a simulated data plane, as fast as the processor goes or by the wall clock."""

from dmvpn.shells.simulator.simulator import Simulator

__all__ = ["Simulator"]
