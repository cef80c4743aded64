# Our router is the spoke; at the other end OpenIKED, which has no AES-GCM by PF_KEY. See _others.inc.
. ./scen/_others.inc
our_spoke iked 's/esp-gcm 256/esp-aes 256 esp-sha512-hmac/'
