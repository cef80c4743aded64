# Our router is the spoke; at the other end libreswan. See _others.inc.
. ./scen/_others.inc
our_spoke libreswan
