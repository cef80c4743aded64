# Our router is the hub; spoke1 is FRR nhrpd with strongSwan. One case after the other, each with a suite, a proof or a
# trouble of its own; both daemons begin again in each. See _ipsec.inc.
sysctl -qw net.core.fb_tunnels_only_for_init_net=1
. ./scen/_world.inc
. ./scen/_ipsec.inc
world hub; NODES=spoke1; frr_all; frr_stop spoke1 nhrpd
for kind in rsa ecdsa; do certs $kind; done > "$OUT/pki.log" 2>&1
# case_begin CASE [SED...]: the configuration of our hub is made from these changes
case_begin(){ local c=$1; shift
  mark "case $c"; written hub ipsec-hub $c "$@"; ours_start hub "$OUT/conf/$c/hub.cfg"; ours_ready hub; protect spoke1 hub; frr_again spoke1 nhrpd
  attain 90 "up $c" has hub ${TUN[spoke1]}; flow $c host-spoke1 192.168.0.10; sleep 1; crypto $c; }
case_end(){ flow_end $1; ours_end hub TERM; frr_stop spoke1 nhrpd; charon_logs $1; charon_stop spoke1; }
rekeys(){ keys spoke1; sw spoke1 --rekey --child gre > "$OUT/$1.rekey.txt"; replaced spoke1; asked hub clear crypto sa; replaced spoke1
  sw spoke1 --rekey --ike to-hub >> "$OUT/$1.rekey.txt"; sleep 1; crypto $1-rekeyed; }

IKE_PROPOSAL=aes256-sha256-modp2048 ESP_PROPOSAL=aes256-sha256-modp2048
case_begin cbc-pfs 's/ group 19/ group 14/' 's/esp-gcm 256/esp-aes 256 esp-sha256-hmac/' 's/ set transform-set.*/&\n set pfs group14/'
rekeys cbc-pfs; case_end cbc-pfs
IKE_PROPOSAL='' ESP_PROPOSAL=''

CERTIFICATES=rsa CHARON="fragment_size = 576"
case_begin rsa "$(by_certificates rsa)"; rekeys rsa; case_end rsa
CERTIFICATES=ecdsa CHARON='' IKE_PROPOSAL=aes256gcm16-prfsha384-ecp384 ESP_PROPOSAL=aes128gcm16
case_begin ecdsa "$(by_certificates ecdsa)" 's/aes-cbc-256/aes-gcm-256/; s/ integrity sha256/ prf sha384/; s/ group 19/ group 20/; s/esp-gcm 256/esp-gcm 128/'
case_end ecdsa
CERTIFICATES='' IKE_PROPOSAL=aes256-sha256-ecp256-modp2048 ESP_PROPOSAL=''
case_begin other-group 's/ group 19/ group 14/'; case_end other-group
IKE_PROPOSAL='' MODE=tunnel
case_begin tunnel; case_end tunnel
MODE='' ESP_PROPOSAL=aes256-sha256-esn
case_begin esn 's/esp-gcm 256/esp-aes 256 esp-sha256-hmac/' 's/ set transform-set.*/&\n set security-association esn/'; case_end esn
# As strongSwan is without a configuration, and with an IKE SA that proves itself again.
ESP_PROPOSAL='' MOBIKE=yes CHARON="make_before_break = yes"
case_begin mobike; sw spoke1 --rekey --ike to-hub --reauth > "$OUT/mobike.rekey.txt"; sleep 3; crypto mobike-again; case_end mobike
MOBIKE='' CHARON=''
# Its kernel asks for SAs for a packet with a GRE key, and puts ports that are agreed on into the SAs.
CHARON="plugins { kernel-netlink { set_proto_port_transport_sa = yes } }"
case_begin ports; case_end ports
CHARON=''
case_begin silent 's/ keyring local KEYS/&\n dpd 10 2 periodic/'
silence(){ in_ns spoke1 iptables-legacy -$1 OUTPUT -o eth0 -j DROP; mark "silence $1"; }
gone(){ ! has hub ${TUN[spoke1]}; }
silence A; attain 60 "noticed" gone; crypto silent-noticed; silence D; attain 90 "back" has hub ${TUN[spoke1]}; sleep 2; case_end silent
finish
