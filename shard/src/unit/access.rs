//! The 24 access bits of an entry: an LRU clock, or an LFU counter with its decay time, as in Redis (evict.c).
//!
//! LRU: the last access in seconds, modulo 2^24 (194 days). LFU: 16 bits of minutes (last decay) above an 8-bit
//! logarithmic counter that starts at 5.

use crate::keyspace::EntryRef;
use crate::moment::Moment;
use crate::settings::Settings;

/// The counter of a new key under LFU: not the first to go.
const LFU_START: u32 = 5;
const CLOCK_MASK: u32 = (1 << 24) - 1;

/// The bits of a key that is made now.
pub fn fresh(now: Moment, settings: &Settings) -> u32 {
    if settings.lfu { minutes(now) << 8 | LFU_START } else { clock(now) }
}

/// The bits of a key that is accessed now. `chance` is a random number.
pub fn touched(bits: u32, now: Moment, settings: &Settings, chance: u32) -> u32 {
    if !settings.lfu {
        return clock(now);
    }
    let mut counter = frequency(bits, now, settings);
    if counter < 255 {
        let base = counter.saturating_sub(LFU_START);
        if f64::from(chance) / f64::from(u32::MAX) < 1.0 / f64::from(base * settings.lfu_log_factor + 1) {
            counter += 1;
        }
    }
    minutes(now) << 8 | counter
}

/// Notes that an entry is accessed now.
#[inline]
pub fn mark(entry: EntryRef<'_>, now: Moment, settings: &Settings) {
    entry.set_lru(touched(entry.lru(), now, settings, chance(entry.lru(), now)));
}

/// Seconds since the last access, under LRU.
pub fn idle_seconds(bits: u32, now: Moment) -> i64 {
    i64::from(clock(now).wrapping_sub(bits) & CLOCK_MASK)
}

/// The bits of a key that was last accessed so many seconds ago.
pub fn idle_since(now: Moment, idle_seconds: i64) -> u32 {
    // The clock goes round: what is longer than it can tell is the longest that it can.
    (now.seconds().wrapping_sub(idle_seconds.min(i64::from(CLOCK_MASK))) as u32) & CLOCK_MASK
}

/// The bits of a key with this counter, 0 to 255, under LFU.
pub fn with_frequency(now: Moment, frequency: u8) -> u32 {
    minutes(now) << 8 | u32::from(frequency)
}

/// The decayed counter, under LFU.
pub fn frequency(bits: u32, now: Moment, settings: &Settings) -> u32 {
    let elapsed = minutes(now).wrapping_sub(bits >> 8) & 0xffff;
    let periods = elapsed.checked_div(settings.lfu_decay_minutes).unwrap_or(0);
    (bits & 0xff).saturating_sub(periods)
}

/// A number for LFU's dice, from what is at hand: quality does not matter, speed does.
#[inline]
fn chance(bits: u32, now: Moment) -> u32 {
    (bits ^ (now.ms as u32).wrapping_mul(1000).wrapping_add(u32::from(now.us))).wrapping_mul(0x9E37_79B1)
}

fn clock(now: Moment) -> u32 {
    now.seconds() as u32 & CLOCK_MASK
}

fn minutes(now: Moment) -> u32 {
    (now.seconds() / 60) as u32 & 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_survives_the_clock_going_round() {
        let then = Moment::from_millis(i64::from(CLOCK_MASK) * 1000);
        let bits = fresh(then, &Settings::default());
        assert_eq!(idle_seconds(bits, Moment::from_millis(then.ms + 7_999)), 7);
        assert_eq!(idle_seconds(idle_since(then, 12), then), 12);
    }

    #[test]
    fn a_frequency_grows_and_decays() {
        let settings = Settings { lfu: true, ..Settings::default() };
        let now = Moment::from_millis(60_000 * 1_000);
        let mut bits = fresh(now, &settings);
        for _ in 0..3 {
            bits = touched(bits, now, &settings, 0);
        }
        assert_eq!(frequency(bits, now, &settings), 8);
        assert_eq!(frequency(bits, Moment::from_millis(now.ms + 120_000), &settings), 6);
        assert_eq!(frequency(touched(bits, now, &settings, u32::MAX), now, &settings), 8);
    }
}
