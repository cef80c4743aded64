"""SSH to routers, in a process of its own: SSH (asyncssh) on one side, the management protocol on the other.

    link.py         the management socket of a router, for asyncio
    entrance.py     listening sockets, permitted source addresses, limits before authentication
    transfer.py     SCP and SFTP
    gate.py         one listening address that leads to one router; host keys
    __main__.py     the process beside `dmvpn run`

A router does not depend on this process, which holds no state of it. The process asks the router for the permitted
users at each login, and checks passwords itself, because that would delay a router's timers. It offers no forwarding
and no agent; a session is a terminal line (`line vty`), and files are read and written only in flash.
"""
