//! Whatever a neighbor sends is a header or refused; what we write is read back.
#![no_main]

use dmvpn_engine::gre::{self, Header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Ok(header) = Header::parse(octets) {
        assert!(header.length <= octets.len());
        let mut written = Vec::new();
        gre::write(header.protocol, header.key, &mut written);
        let again = Header { length: written.len(), ..header };
        assert_eq!(Header::parse(&written), Ok(again));
    }
});
