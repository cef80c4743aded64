"""The door for programs, `dmvpn web`: labs and routers that run, as resources of HTTP.

serving        the process: its socket, its certificate and its server
resources      the resources: what a URL means
document       the description of all resources (OpenAPI), made from the schemas of the shows; long lists in parts
fleet          the labs and routers that this process serves
labs           labs: up, down, orders, a lab as a file; classes and lessons
jobs           what takes long, in processes of its own; doctor, lint and the way of a packet; programs at hosts
configuration  the running configuration, changed by all lines or by none; commands of the exec prompt
terminals      terminals of routers: output as a stream, keys by requests
events         what happens at a router, as a stream; lab_events: at all routers of a lab, and their traffic
metrics        what Prometheus asks for: `/metrics`, and its targets
pages          the page that shows a lab, and the files that it has; the code for a token or a session;
               exported: a film inside of one file
guard          judges each request: `Host`, `Origin`, a reverse proxy, its form, its token
entrance       the printed code, tokens and sessions of this process; wrong tokens by address; the audit
permission     roles, named tokens, and the role that each resource needs
bounds         the table of bounds, threads that wait for a lab, and connections: how many, and for how long
bodies         objects of JSON in requests, problems (RFC 9457), and bodies in bounded size and time

It is a process of its own and a client of the management sockets: a router imports none of it, and keeps running when
it dies.
"""
