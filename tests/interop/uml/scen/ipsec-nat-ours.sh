# FRR nhrpd with strongSwan is the hub and spoke2; our router is spoke1, behind a NAT. See _ipsec.inc.
SPOKE1_BEHIND_NAT=1
. ./scen/_world.inc
. ./scen/_ipsec.inc
world spoke1
protect hub spoke1 spoke2; protect spoke2 hub spoke1; frr_all
written spoke1 ipsec-spoke nat 's/ip address 198.51.100.2 /ip address 10.99.0.2 /'
ours_start spoke1 "$OUT/conf/nat/spoke1.cfg"
reach "registered" both
seen registered; crypto registered
flow spoke1 host-spoke1 192.168.2.10; flow spoke2 host-spoke2 192.168.1.10
reach "direct" direct
sleep 2; seen_direct direct; crypto direct; keys hub spoke2
for n in hub spoke2; do sw $n --rekey --child gre; done > "$OUT/rekey.txt"; replaced hub spoke2
for n in hub spoke2; do sw $n --rekey --ike to-spoke1; done >> "$OUT/rekey.txt"; sleep 2
asked spoke1 clear crypto sa; replaced spoke2; crypto rekeyed
flow_end spoke1 spoke2
ours_end spoke1 TERM
charon_logs
finish
