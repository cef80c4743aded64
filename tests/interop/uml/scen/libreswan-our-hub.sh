# Our router is the hub; at the other end libreswan. See _others.inc.
. ./scen/_others.inc
our_hub libreswan
