"""Data planes: modules that carry out effects on packets, behind one contract.

A small IP box for the simulator, a userspace plane in Python, the same in Rust (`dmvpn_engine`), and the kernel's own
tunnels; beside them the netlink codec and the sockets that they share. One suite of contract tests runs on all.
"""
