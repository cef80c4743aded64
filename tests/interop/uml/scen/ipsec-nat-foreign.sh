# Our routers are hub and spoke2; spoke1 is FRR nhrpd with strongSwan behind a NAT: ESP of the kernel in UDP port 4500.
SPOKE1_BEHIND_NAT=1
. ./scen/_world.inc
. ./scen/_ipsec.inc
world hub spoke2; ours_start hub ipsec-hub; ours_start spoke2 ipsec-spoke2; ours_ready hub
protect spoke1 hub spoke2; frr_all
reach "registered" has hub ${TUN[spoke1]} ${TUN[spoke2]}
seen registered; crypto registered
flow spoke1 host-spoke1 192.168.2.10; flow spoke2 host-spoke2 192.168.1.10
reach "direct" direct
sleep 2; seen_direct direct; crypto direct; keys spoke1
sw spoke1 --rekey --child gre > "$OUT/rekey.txt"; replaced spoke1
for p in hub spoke2; do sw spoke1 --rekey --ike to-$p; done >> "$OUT/rekey.txt"; replaced spoke1
for n in hub spoke2; do asked $n clear crypto sa; done; replaced spoke1; crypto rekeyed
flow_end spoke1 spoke2
ours_end spoke2 TERM; ours_end hub TERM
charon_logs
finish
