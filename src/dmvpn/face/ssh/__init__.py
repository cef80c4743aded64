"""SSH to routers, in a process of its own: SSH (asyncssh) on one side, the management protocol on the other.

    keys.py         host keys, for their owner alone
    link.py         the management socket of a router, for asyncio
    visitors.py     limits of connections before authentication
    entrance.py     listening sockets, and the permitted source addresses
    copying.py      SCP
    sftp.py         SFTP
    memory.py       its use of memory
    gate.py         one listening address that leads to one router
    __main__.py     the process beside `dmvpn run`

A router does not depend on this process, which holds no state of it. The process asks the router for the permitted
users at each login, and checks passwords itself, because that would delay a router's timers. It offers no forwarding
and no agent; a session is a terminal line (`line vty`), and files are read and written only in flash.
"""
