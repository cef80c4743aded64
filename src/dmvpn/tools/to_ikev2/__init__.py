"""`dmvpn import --to-ikev2`: a network whose tunnels begin with IKEv1, moved to IKEv2 router by router.

written     the IKEv2 lines of one router, made of what its isakmp lines mean as IKEv2; the isakmp lines that stay
plan        the routers in a safe order, three times: they answer IKEv2, begin with it, drop their isakmp lines

After each step every pair of routers has a version in common: all routers answer IKEv2 before the first one begins
with it, a server takes IKEv1 until its last client begins with IKEv2, and no isakmp line goes while a tunnel may begin
with it.
"""

from __future__ import annotations

from dmvpn.tools.to_ikev2.written import Plan, Stage, Step, plan

__all__ = ["Plan", "Stage", "Step", "plan"]
