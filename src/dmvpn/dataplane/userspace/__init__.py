"""The common part of both userspace planes: the kernel's part of forwarding, control sockets, and the plane itself."""

from dmvpn.dataplane.userspace.plane import UserspacePlane

__all__ = ["UserspacePlane"]
