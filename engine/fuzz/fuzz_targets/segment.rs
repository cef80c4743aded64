//! Whatever a TAP returns is completed, cut or refused. What is cut has all the data, once and in order.
#![no_main]

use dmvpn_engine::segment::{Train, complete};
use dmvpn_engine::vnet::{SIZE, Vnet};
use libfuzzer_sys::fuzz_target;

fn all_data_is_there(train: &Train, length: usize) {
    let mut end = train.body(0).start;
    for number in 0..train.count() {
        let mut head = Vec::new();
        train.write_head(number, &mut head);
        assert_eq!(train.body(number).start, end);
        end = train.body(number).end;
    }
    assert_eq!(end, length);
}

fuzz_target!(|frame: &[u8]| {
    let Some(vnet) = Vnet::parse(frame) else { return };
    let mut octets = frame[SIZE..].to_vec();
    match Train::of(vnet, &octets) {
        Ok(Some(train)) => all_data_is_there(&train, octets.len()),
        Ok(None) => assert!(complete(vnet, &mut octets).is_ok() || vnet.flags != 0),
        Err(_) => (),
    }
});
