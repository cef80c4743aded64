//! A connection on which packets go out and none comes in: `dmvpn.dataplane.esp.table` says the same in Python.

use std::cell::Cell;

/// Seconds from the first packet that nothing has followed to the first alarm.
const PATIENCE: f64 = 10.0;
/// How many times as long the silence must be for the next alarm. To send without an answer is allowed.
const GROWTH: f64 = 4.0;

/// How long a peer has been silent while packets went to it. It changes under the core's lock alone.
#[derive(Debug)]
pub struct Silence {
    /// When the first packet went out that nothing has followed.
    since: Cell<Option<f64>>,
    patience: Cell<f64>,
}

impl Default for Silence {
    fn default() -> Self {
        Self { since: Cell::new(None), patience: Cell::new(PATIENCE) }
    }
}

impl Silence {
    /// A packet went out: is an alarm due?
    pub fn sent(&self, now: f64) -> bool {
        let Some(since) = self.since.get() else {
            self.since.set(Some(now));
            return false;
        };
        let patience = self.patience.get();
        let is_due = now - since >= patience;
        if is_due {
            self.patience.set(GROWTH * patience);
        }
        is_due
    }

    /// A packet came in, or the peer is elsewhere from now on: the next silence is another one.
    pub fn ended(&self) {
        self.since.set(None);
        self.patience.set(PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds, from 0 to `end`, in which a peer that is sent to each second causes an alarm.
    fn alarms(silence: &Silence, end: u32) -> Vec<u32> {
        (0..end).filter(|&second| silence.sent(second.into())).collect()
    }

    #[test]
    fn a_silence_causes_few_alarms_however_long_it_is() {
        let silence = Silence::default();
        assert_eq!(alarms(&silence, 3600), [10, 40, 160, 640, 2560]);
    }

    #[test]
    fn what_comes_in_ends_a_silence_and_the_next_one_begins_with_the_next_packet_out() {
        let silence = Silence::default();
        assert_eq!(alarms(&silence, 100), [10, 40]);
        silence.ended();
        assert!(!silence.sent(200.0));
        assert!(!silence.sent(209.9));
        assert!(silence.sent(210.0));
    }
}
