# Our router is the hub, both spokes are FRR nhrpd: spoke1 registers with the unique flag, spoke2 without. See _world.inc.
# In this kernel only the first network namespace gets a gre0.
sysctl -qw net.core.fb_tunnels_only_for_init_net=1
. ./scen/_world.inc
UNIQUE=spoke1
world hub; ours_start hub hub; ours_ready hub; frr_all
reach "registered" both
seen registered
flows; wait_for 6 direct; sleep 1; seen shortcut; flows_end
trace by-hub host-spoke1 192.168.22.1; wait_for 5 shortcut; trace direct host-spoke1 192.168.22.1
trace to-hub host-spoke1 192.168.0.10
ours_end hub KILL; ours_cleanup hub
in_ns host-spoke1 ping -n -i 0.2 -c 5 -W 1 192.168.0.10 > "$OUT/ping.nobody.txt" 2>&1
ours_start hub hub
reach "registered again" both
frr_stop spoke2 nhrpd KILL; mark silence
reach "expired" unknown spoke2
seen expired
ours_end hub TERM
finish
