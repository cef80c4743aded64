"""What the prompt itself answers, explained for `dmvpn explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, words

GROUPS: Final = words(WordKind.ANSWER, rank=25)("""
    ## answers of the prompt :: the prompt next: ? (behind the words that were taken)
    % Invalid input detected at '^' marker. :: The line was understood up to the caret `^`, and not from there on.
        when: A typing error, a value outside its range, a command of another mode, or a command that this router lacks.
    % Incomplete command. :: All words are right and more have to follow. next: ? (behind the line, after a blank)
    % Ambiguous command: "<line>" :: A word was cut so short that it means several commands. Type a letter more.
        next: ? (directly behind the word, without a blank)
    % Unknown command or computer name, or unable to find computer address :: A single word that is no command; IOS
        would take it for a host to log in to.
    % Unrecognized command :: There is nothing to help with: the words before `?` are no command.
        next: ? (on an empty line)
    % Error: "<filter>" is not possible here :: The output filter is known and writes to files, which this router's
        prompt does not.
        next: ? (behind the |)
    % "json" must be the first filter :: `| json` takes the data itself, so nothing can filter before it.
    % Not all config may be removed and may reappear after reactivating the logical-interface/sub-interfaces :: IOS says
        this whenever an interface is removed; here nothing of it stays.
        next: show running-config
    % Removal of physical interfaces is not permitted :: Only tunnels, loopbacks and the like can be taken away;
        `default interface` empties a physical one.
        next: show ip interface brief
    % It belongs to the line above, which was refused :: A line of a file belongs to a line that was refused; it is
        refused as well, and not read as a line of the section before.
    % No line of this section: <section> :: A line of a file is indented in a section, and only the router itself has
        such a line. Read so, it would end the section, and the lines below it would be lost.
    % Lines are missing here, and one of them may have named the IPsec profile <name> :: Dots, or words such as `output
        omitted`, stand in the place of lines of this tunnel, which has no protection, and there is an IPsec profile.
        Write the line that was cut, or take the dots away.
        next: dmvpn config check FILE
    % Crypto maps have no effect here, and this one may protect <tunnels> :: The tunnel leaves by the interface
        that has the crypto map, and names no IPsec profile, so it would be in clear. Write a `crypto ipsec profile` and
        `tunnel protection ipsec profile`, at both ends.
        next: dmvpn config check FILE
    % The interface line of this section is missing, as for the line above :: The `interface ...` line above these lines
        is missing in the file: their interface is unknown.
        next: dmvpn config check FILE
    % The line protects a tunnel, and no tunnel is open here :: A line of a file says `protection ipsec` where no tunnel
        is open: below an unknown line, in a banner, behind a prompt. The tunnel that it was meant for would be in
        clear, so each that it could be is shut down.
        next: dmvpn config check FILE
    % Replace the template's placeholder by a value: <name> :: The file is a template: a value is missing,
        and nothing else may be in its place.
    % Warning: a template's placeholder is kept as text: <name> :: The file is a template: the line takes any word, so
        it took the placeholder itself.
    % Error: no <group> here; the line was refused, because <meaning> :: The line would restrict or divert traffic on
        IOS and has no effect here. A configuration may rely on it.
        next: dmvpn config check FILE
    % A text is not terminated: <text> :: A banner or certificate was begun and its closing mark never came.
    % The file is cut off here: <what> :: What a router shows or saves has an end, and this file has not: a pager
        waited, a disk was full. A tunnel in which it ends stays shut down, because the line that protects it may be
        missing.
        next: dmvpn config check FILE
    % No password set :: Over the network `enable` needs an `enable secret`; only the console goes without.
        next: show running-config | include ^enable
    % Error: a configuration change needs privilege level 15 :: `privilege exec` lets lower levels use commands of
        the exec prompt, and no more. These show configurations without keys and passwords.
        next: enable
    % Error: this is a recording: it is read-only :: The routers are those of `dmvpn replay
        --serve`: shows work, at the moment at which the recording ends.
        next: show clock
    % Error: a transaction has lines of the configuration alone, without `do` :: A program sent a change by HTTP or by
        the management socket; commands of the exec prompt are no part.
        next: show running-config
    % Error: the line above it left configuration mode :: In a change that a program sent nothing follows behind `end`,
        or behind an `exit` of the global mode.
        next: show running-config
    %No SSHv2 server connections running. :: No user is logged in by SSH. next: show users
    % That line is not in use :: `show users` lists the lines that are in use. next: show users
    % Bad secrets :: Three wrong passwords for `enable`. next: show privilege
    % Error: packets are captured on a router that runs, and in labs, not here :: What answers here has configurations
        and no packets.
        next: dmvpn lab capture
    % Error: one capture at a time: <name> is there; no monitor capture <name> removes it :: A router has one `monitor
        capture`, whichever session ordered it. `dmvpn lab capture` captures more.
        next: show monitor capture
    % Error: there is no capture <name>; monitor capture <name> interface INTERFACE both :: A capture begins with its
        interface or its filter, and ends with the router or at `no monitor capture`.
        next: show monitor capture
    % Error: capture <name> is not active; monitor capture <name> start :: There is nothing to stop: it was not started,
        or was stopped already.
        next: show monitor capture
    % Error: capture <name> is active; monitor capture <name> stop ends it :: A capture that goes on is neither started
        again nor changed nor exported.
        next: show monitor capture
    % Error: there is no interface <name>; show ip interface brief has them :: The name is well formed, and this router
        has no such interface.
        next: show ip interface brief
    % Error: capture <name> is not complete; monitor capture <name> <line> :: It needs an interface and a filter before
        it can be started; `match any` is the filter.
        next: show monitor capture
    % Error: <name> cannot be captured: <error> :: The machine refused to listen to this interface: it does not exist
        there at the moment, or a right is missing.
        next: show ip interface brief
    % Error: capture <name> was not started; monitor capture <name> start :: There are no packets to export.
        next: show monitor capture
    % Error: a capture here takes every packet: match any; Wireshark and tcpdump filter an exported file :: `match any`
        is the only filter of `monitor capture`.
        next: show monitor capture
    %Error <doing> <file> (<error>) :: The file could not be opened, written or deleted: it is not there, its name is
        none of a file (letters, digits, `.`, `_`, `-`, no folders), the disk is full, or a level below 15 wants to read
        in flash. Nothing was changed.
        next: dir
    %Warning:There is a file already existing with this name :: The copy would take its place. `file prompt quiet` asks
        nothing.
        next: dir
    %Error erasing nvram (<error>) :: The disk did not let the startup configuration be removed.
    % Error: configuration comes from the terminal only :: `configure memory` and `configure network` are IOS's; here
        `configure terminal` alone.
        next: configure terminal
    % Error: only <name> can be written here :: NVRAM has the startup configuration, and the system the running one.
        Other files go to flash.
    % Error: reload is not possible from here; restart the router with the command that runs it :: A router is a program
        of its host: `dmvpn lab kill` and `start`, or the service that runs it.
        next: dmvpn lab status
    % Error: this router cannot start itself again. A change that takes itself back unless you confirm it: :: `reload
        in` is typed as a way back from a change that locks its author out. Here the change takes itself back.
        next: configure terminal revert timer 10
    %No reload is scheduled. :: `reload in` schedules none here, so there is none to cancel.
    % Error: no client runs on this router. A program of its machine connects from here: in a lab with real packets, ::
        Routers have a server of SSH and no client. In a lab with real packets, a program that `dmvpn lab exec` starts
        is in the router's network.
        next: dmvpn lab exec ROUTER ssh ADDRESS
    % Bad IP address :: A dialog needs an address, or a name of a host, in one word.
    % A decimal number between <least> and <most>. :: The answer to a dialog is no such number.
    % Please answer 'yes' or 'no'. :: Or the beginning of one of them.
    % Invalid source: an IP address, or an interface without spaces (GigabitEthernet0/1) :: The packets are to come from
        an address, or an interface, of this router.
        next: show ip interface brief
    % Invalid pattern: up to four hexadecimal digits :: The data of the packets, such as 0xABCD.
    % The dialog is for IPv4; for IPv6: ping ipv6 ADDRESS :: The dialog has the questions of IPv4; what follows the
        address says the rest for IPv6.
    % Invalid range: write it as gi0/1 - 3, gi0/5 :: A kind of interface, the first number and the last; several of
        these with commas between.
        next: show ip interface brief
    % <interface> had the address <address> (line <number>), and the last one counts; if these lines are of two routers,
        write `hostname NAME` above those of each :: A file gives an interface one address and later another, as a page
        of several routers without names does.
        next: dmvpn import FILE
    % Error: there is no Tcl here; loop outside: for a in ADDRESS...; do dmvpn -r ROUTER ping $a; done :: A script that
        runs beside the router has the whole language of its shell, and each command's exit status: of `ping` it says
        whether anything was answered. By SSH it is `ssh ROUTER ping ADDRESS`.
        next: ping
    % Console already monitors :: `terminal monitor` is for other lines; the console sees the log anyway.
    % The script ended before it answered a question :: Lines came from a file or pipe, and a command asked a question
        that no further line answered.
    % Error: internal fault: <error>; report it with the traceback that the log of this program has :: A mistake of this
        program. The router keeps running; the command was not carried out.
        next: show logging
    % Invalid regular expression: <error> :: The pattern behind the filter cannot be read.
    """)
