# Our router is the hub and spoke2; spoke1 is FRR nhrpd with strongSwan: its GRE goes in ESP of the kernel. See _ipsec.inc.
sysctl -qw net.core.fb_tunnels_only_for_init_net=1
. ./scen/_world.inc
. ./scen/_ipsec.inc
world hub spoke2; ours_start hub ipsec-hub; ours_start spoke2 ipsec-spoke2; ours_ready hub
protect spoke1 hub spoke2; frr_all
reach "registered" has hub ${TUN[spoke1]} ${TUN[spoke2]}
seen registered; crypto registered
flow spoke1 host-spoke1 192.168.2.10; flow spoke2 host-spoke2 192.168.1.10
reach "direct" direct
sleep 2; seen_direct direct; crypto direct; keys spoke1
mark "strongSwan rekeys its child SAs"; sw spoke1 --rekey --child gre > "$OUT/rekey.txt"; replaced spoke1; crypto rekeyed-child
mark "strongSwan rekeys its IKE SAs"; for p in hub spoke2; do sw spoke1 --rekey --ike to-$p; done >> "$OUT/rekey.txt"; replaced spoke1; crypto rekeyed-ike
for n in hub spoke2; do asked $n clear crypto sa; done; replaced spoke1; crypto rekeyed-ours
flow_end spoke1 spoke2
flow again host-spoke1 192.168.0.10 0.2
ours_end hub KILL; sleep 1; ours_start hub ipsec-hub
reach "registered again" has hub ${TUN[spoke1]} ${TUN[spoke2]}
sleep 5; flow_end again; crypto again
ours_end hub TERM; ours_end spoke2 TERM
charon_logs
finish
