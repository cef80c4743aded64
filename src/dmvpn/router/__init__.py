"""One router: the tuple of all features, the dispatch of events to them, and the ports that connect them.

`Router.handle(event, now)` returns effects, `Router.next_deadline()` says when it wants to be called again. Nothing
here owns a socket or a clock; the shells do.
"""
