# Our router is spoke1, hub and spoke2 are FRR nhrpd. See _smoke.inc.
. ./scen/_smoke.inc
world spoke1; frr_all
ours_start spoke
wait_for 30 registered && mark registered
seen registered
flows; sleep 2; seen shortcut; trace back host-spoke2 192.168.1.10; flows_end
trace by-hub host-spoke1 192.168.22.1; wait_for 5 shortcut; trace direct host-spoke1 192.168.22.1
ours_end KILL; ours_cleanup
unknown(){ ! vty hub "show ip nhrp cache" | grep -q ${TUN[spoke1]}; }
wait_for 20 unknown && mark expired
ours_start spoke-as-frr
wait_for 30 registered && mark registered again
in_ns host-spoke1 ping -n -i 0.2 -c 10 192.168.2.10 > "$OUT/ping.again.txt" 2>&1
seen again
ours_end TERM
stop_caps; save_logs
