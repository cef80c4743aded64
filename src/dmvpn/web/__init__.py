"""The door for programs, `dmvpn web`: labs and routers that run, as resources of HTTP.

serving       the process: its socket and its server
resources     the resources: what a URL means
guard         who may come in: Host, Origin, tokens, sizes and time of requests
tokens        tokens and their roles, and the code that is exchanged for a token
fleet         the labs and routers that this process serves
document      the description of all resources (OpenAPI), made from the schemas of the shows
problems      one error, as JSON (RFC 9457)

Needs the extra `web` (Starlette, uvicorn). It is a process of its own and a client of the management sockets: a router
imports none of it, and keeps running when it dies.
"""
