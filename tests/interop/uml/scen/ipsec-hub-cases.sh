# FRR nhrpd with strongSwan is the hub; our router is spoke1. One case after the other, as in ipsec-spoke-cases.sh. spoke2
# has strongSwan alone, and begins what it never ends, so that the hub is wary.
. ./scen/_world.inc
. ./scen/_ipsec.inc
world spoke1; NODES="hub"; frr_all
certs rsa > "$OUT/pki.log" 2>&1
case_begin(){ local c=$1; shift
  mark "case $c"; written spoke1 ipsec-spoke $c "$@"; protect hub spoke1 spoke2
  ours_start spoke1 "$OUT/conf/$c/spoke1.cfg"
  attain 90 "up $c" has spoke1 ${TUN[hub]}; flow $c host-spoke1 192.168.0.10; sleep 1; crypto $c; }
case_end(){ flow_end $1; ours_end spoke1 TERM; charon_logs $1; charon_stop hub; }

CERTIFICATES=rsa
case_begin rsa "$(by_certificates rsa)"; case_end rsa
CERTIFICATES='' IKE_PROPOSAL=aes256-sha256-modp2048
case_begin other-group 's/ group 19/ group 19 14/'; case_end other-group
IKE_PROPOSAL='' MODE=tunnel
case_begin tunnel; case_end tunnel
MODE='' ESP_PROPOSAL=aes256gcm16-esn
case_begin esn 's/ set transform-set.*/&\n set security-association esn/'; case_end esn
ESP_PROPOSAL='' MOBIKE=yes
case_begin mobike; case_end mobike
MOBIKE=''
protect spoke2 hub; in_ns spoke2 iptables-legacy -A INPUT -p udp --sport 500 -j DROP
CHARON="cookie_threshold = 1"
half_open(){ sw spoke2 --initiate --child gre --timeout 1 > /dev/null; }
written spoke1 ipsec-spoke cookie; mark "case cookie"; protect hub spoke1 spoke2; half_open
ours_start spoke1 "$OUT/conf/cookie/spoke1.cfg"; attain 90 "up cookie" has spoke1 ${TUN[hub]}
flow cookie host-spoke1 192.168.0.10; sleep 1; crypto cookie; case_end cookie
charon_stop spoke2
CHARON='' DPD=2s
case_begin dead; flow_end dead
ours_end spoke1 KILL
gone(){ ! sw hub --list-sas | grep -q ESTABLISHED; }
attain 60 "noticed" gone; ours_start spoke1 ipsec-spoke; attain 90 "back" has spoke1 ${TUN[hub]}
flow dead-back host-spoke1 192.168.0.10; sleep 2; flow_end dead-back
ours_end spoke1 TERM; charon_logs dead
finish
