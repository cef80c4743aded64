"""The shells that drive a router: `runtime` on a real machine, `lab` in namespaces, `simulator` in virtual time.

A shell reads, calls `Router.handle`, carries the effects out in order and arms one timer. It decides nothing about a
protocol.
"""
