"""The common part of both userspace planes: the kernel's part of forwarding, control sockets, and the plane itself."""

from dmvpn.dataplane.userspace.kernel_gre import KernelGre
from dmvpn.dataplane.userspace.plane import UserspacePlane
from dmvpn.dataplane.userspace.watch import Watch

__all__ = ["KernelGre", "UserspacePlane", "Watch"]
