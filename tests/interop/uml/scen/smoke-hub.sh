# Our router is the hub, both spokes are FRR nhrpd: spoke1 registers with the unique flag, spoke2 without. See _smoke.inc.
# In this kernel only the first network namespace gets a gre0.
sysctl -qw net.core.fb_tunnels_only_for_init_net=1
. ./scen/_smoke.inc
UNIQUE=spoke1
knows(){ ip -n hub neigh show dev Tunnel0 2>/dev/null | grep -q "^${TUN[$1]} "; }
both(){ knows spoke1 && knows spoke2; }
gone(){ ! knows spoke2; }
world hub; ours_start hub; frr_all
wait_for 30 both && mark registered
seen registered
flows; sleep 2; seen shortcut; flows_end
trace by-hub host-spoke1 192.168.22.1; wait_for 5 shortcut; trace direct host-spoke1 192.168.22.1
trace to-hub host-spoke1 192.168.0.10
ours_end KILL; ours_cleanup
in_ns host-spoke1 ping -n -i 0.2 -c 5 -W 1 192.168.0.10 > "$OUT/ping.nobody.txt" 2>&1
ours_start hub
wait_for 30 both && mark registered again
frr_stop spoke2 nhrpd KILL; mark silence
wait_for 20 gone && mark expired
seen expired
ours_end TERM
stop_caps; save_logs
