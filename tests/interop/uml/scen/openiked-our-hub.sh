# Our router is the hub; at the other end OpenIKED, which has no AES-GCM by PF_KEY. See _others.inc.
. ./scen/_others.inc
our_hub iked 's/esp-gcm 256/esp-aes 256 esp-sha512-hmac/'
