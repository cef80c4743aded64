"""The door for programs, `dmvpn web`: labs and routers that run, as resources of HTTP.

serving       the process: its socket and its server
resources     the resources: what a URL means
commands      commands of the exec prompt
configuration the running configuration: changed by all lines or by none
errands       orders to routers; turns: threads that wait for a lab, a bounded number for each
labs          labs: up, down, orders; jobs: what takes long, in processes of its own
login         the code for a token or a session, and the page of a browser
guard         judges each request: who may come in; framing: by its form; bounded: bodies and answers in size and time
bodies        the object in the body of a request
origin        Host, Origin, and the headers of a reverse proxy
entrance      the printed code, tokens and sessions of this process
tokens        named tokens, in a file of the user
roles         roles and their privilege levels; permission: which role each resource needs
attempts      wrong tokens by address
audit         one line of JSON for each login, refusal, revocation and change
connections   accepts connections, and bounds their number and time
tls           certificates
fleet         the labs and routers that this process serves
watched       what Prometheus asks for: `/metrics`, and its targets
events        what happens at a router, as a stream; lab_events: at all routers of a lab
examination   the doctor and the way of a packet; teaching: a class, and the lesson of a lab
pages         the page that shows a lab, and the files that it has; exported: a film inside of one file
terminals     terminals of routers: output as a stream, keys by requests
saved         a lab as a file
following     a router that is followed, and the form of the streams
scraping      one scrape: what all routers count
exposition    metrics as text, in both formats
described     parts of the description
document      the description of all resources (OpenAPI), made from the schemas of the shows
problems      one error, as JSON (RFC 9457)

It is a process of its own and a client of the management sockets: a router imports none of it, and keeps running when
it dies.
"""
