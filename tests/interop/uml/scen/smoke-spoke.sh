# Our router is spoke1, hub and spoke2 are FRR nhrpd. See _world.inc.
. ./scen/_world.inc
world spoke1; frr_all
ours_start spoke1 spoke
reach "registered" registered
seen registered
# at once: of so short a holding time FRR renews no shortcut
flows; wait_for 6 direct; trace back host-spoke2 192.168.1.10; seen shortcut; flows_end
trace by-hub host-spoke1 192.168.22.1; wait_for 5 shortcut; trace direct host-spoke1 192.168.22.1
# four of our requests have come to FRR: three renewals
renewed(){ [ "$(grep -c "Recv Registration-Request(3) ${TUN[spoke1]} " /run/frr/hub/nhrpd.log)" -ge 4 ]; }
reach "renewed" renewed
ours_end spoke1 KILL; ours_cleanup spoke1
forgotten(){ ! vty hub "show ip nhrp cache" | grep -q ${TUN[spoke1]}; }
reach "expired" forgotten
ours_start spoke1 spoke-as-frr
reach "registered again" registered
in_ns host-spoke1 ping -n -i 0.2 -c 10 192.168.2.10 > "$OUT/ping.again.txt" 2>&1
seen again
ours_end spoke1 TERM
finish
