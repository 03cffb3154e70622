//! More items of one deadline than a slice hands out: nobody waits for them, and they wait for nobody.

use super::*;
use std::collections::BTreeMap;

/// The clock goes on by a millisecond and the wheel has so many steps, again and again until it is empty: the lag of each item in
/// order of the tokens, from the first moment at which it is due, and the tokens in the order in which they came.
fn live(wheel: &mut Wheel, keys: &mut Keys, mut now: i64, steps: u32) -> (BTreeMap<u64, i64>, Vec<u64>) {
    let (mut lags, mut order) = (BTreeMap::new(), Vec::new());
    while !wheel.is_empty() {
        let mut left = steps;
        while let Some(item) = wheel.next_due(now, keys, &mut left) {
            let (deadline, _) = keys.0.remove(&item.get()).expect("comes once");
            assert!(deadline < now, "early");
            assert!(lags.insert(item.get(), now - deadline - 1).is_none());
            order.push(item.get());
        }
        if left > 0 {
            wheel.work_ahead(now, keys, &mut left);
        }
        now += 1;
    }
    (lags, order)
}

const BURST: u64 = 100_000;
/// Tokens from here on are single items.
const SINGLE: u64 = 1_000_000;

#[test]
fn later_items_do_not_wait_for_a_burst() {
    // In the lowest level at once, or from 1, 2 or 3 levels above.
    for ahead in [100, 1_000, 100_000, 40_000_000] {
        let (mut wheel, mut keys) = (Wheel::new(START), Keys::default());
        let at = START + ahead;
        for token in 1..=BURST {
            keys.arm(&mut wheel, at, token);
            if token % 2_000 == 0 {
                let k = (token / 2_000) as i64;
                keys.arm(&mut wheel, at + k, SINGLE + k as u64);
            }
        }
        // Single ones all the time before.
        for k in (1..2_000).filter(|k| at - k > START) {
            keys.arm(&mut wheel, at - k, 2 * SINGLE + k as u64);
        }
        let from = START.max(at - 70_000);
        assert_eq!(keys.drain(&mut wheel, from), []);
        let (lags, order) = live(&mut wheel, &mut keys, from, 1_024);
        let worst = lags.range(SINGLE..).map(|(_, lag)| *lag).max();
        assert_eq!(worst, Some(0), "{ahead} ms ahead: lags of single items");
        assert!(order.iter().filter(|token| **token < SINGLE).is_sorted());
        // As fast as there are steps for it, but for some.
        assert!(lags[&BURST] <= BURST as i64 / 1_024 + 2, "the burst took {} ms", lags[&BURST]);
        assert_eq!((lags.len(), wheel.bytes() < 20_000), (order.len(), true));
    }
}

#[test]
fn a_burst_that_was_not_cascaded_in_time_delays_only_what_lies_behind_it_in_its_bucket() {
    let (mut wheel, mut keys) = (Wheel::new(START), Keys::default());
    let begin = ((START >> 8) + 20) << 8;
    for k in 0..100 {
        keys.arm(&mut wheel, begin + k, SINGLE + k as u64);
    }
    (1..=BURST).for_each(|token| keys.arm(&mut wheel, begin + 60, token));
    for k in 200..2_000 {
        keys.arm(&mut wheel, begin + k, SINGLE + k as u64);
    }
    // Not a step of work until then.
    let (lags, order) = live(&mut wheel, &mut keys, begin, 256);
    for (token, lag) in lags.range(SINGLE..) {
        let k = token - SINGLE;
        assert!((200..256).contains(&k) || *lag <= 2, "{k}: {lag}");
    }
    assert!(order.iter().filter(|token| **token < SINGLE).is_sorted());
    // Cascaded for a quarter of a step each, and looked at.
    assert!(lags[&BURST] < 2 * BURST as i64 / 256, "the burst took {} ms", lags[&BURST]);
}

#[test]
fn bursts_and_a_crowd_of_single_items_share_the_steps() {
    let (mut wheel, mut keys) = (Wheel::new(START), Keys::default());
    for burst in 0..3 {
        (1..=BURST).for_each(|token| keys.arm(&mut wheel, START + 10 + burst as i64, burst * BURST + token));
    }
    // As many as there are steps: the ticks alone could keep the wheel busy for ever.
    for k in 0..400_u64 {
        (0..500).for_each(|n| keys.arm(&mut wheel, START + 20 + k as i64, SINGLE + 500 * k + n));
    }
    let mut from_bursts = 0;
    for now in START..START + 420 {
        let mut steps = 500;
        while let Some(item) = wheel.next_due(now, &mut keys, &mut steps) {
            from_bursts += usize::from(item.get() < SINGLE && now > START + 100);
        }
    }
    assert!((70_000..90_000).contains(&from_bursts), "{from_bursts} of 160,000 steps");
    let [due, later] = wheel.count_until([START + 421, START + 10]);
    assert_eq!((due, later), (wheel.len(), 0));
    // What is set aside can be cancelled, and moved, and goes to the end of the queue if it is armed again for what is past.
    let waits = |keys: &Keys, token: u64| keys.0.get(&token).copied();
    let (a, b, c) = (3 * BURST, 3 * BURST - 1, 3 * BURST - 2);
    for token in [a, b, c] {
        assert_eq!(waits(&keys, token).map(|(_, at)| wheel.armed_for(at)), Some(START + 12));
    }
    keys.cancel(&mut wheel, a);
    keys.0.get_mut(&b).expect("there").0 = START + 5_000;
    keys.cancel(&mut wheel, c);
    keys.arm(&mut wheel, START + 12, c);
    assert_eq!(wheel.next_wakeup().map(|at| at <= START + 13), Some(true));
    // The clock goes back before all of it: nothing comes before its time.
    assert_eq!(keys.drain(&mut wheel, START), []);
    let (lags, order) = live(&mut wheel, &mut keys, START + 1_000, PLENTY);
    assert_eq!(order.last(), Some(&b));
    assert_eq!(lags[&b], 0);
    assert!(!lags.contains_key(&a) && lags[&c] == 987);
    assert!(order.iter().filter(|token| **token <= 2 * BURST && **token > BURST).is_sorted());
    assert!(keys.0.values().all(|(_, at)| *at == Position::NONE));
}

/// More bursts than can be set aside, each in a slot of its own or all in the same: the rest is served in its order.
#[test]
fn of_more_bursts_than_can_be_set_aside_none_is_lost() {
    for (bursts, apart, most) in [(100, 1, 64), (30, 512, 15)] {
        let (mut wheel, mut keys) = (Wheel::new(START), Keys::default());
        let size = 600;
        for burst in 0..bursts {
            for token in 1..=size {
                keys.arm(&mut wheel, START + burst * apart, (burst * size + token) as u64);
            }
        }
        // All but the last bursts come due while the first has hardly begun.
        let mut last = vec![0; bursts as usize];
        let mut take = |wheel: &mut Wheel, keys: &mut Keys, now: i64, mut steps: u32| {
            while let Some(item) = wheel.next_due(now, keys, &mut steps) {
                let (deadline, _) = keys.0.remove(&item.get()).expect("comes once");
                assert!(deadline < now);
                let before = &mut last[((deadline - START) / apart) as usize];
                assert!(*before < item.get(), "out of the order of arming");
                *before = item.get();
            }
        };
        let mut at_once = 0;
        for now in START..START + bursts * apart {
            keys.ahead(&mut wheel, now, PLENTY);
            take(&mut wheel, &mut keys, now, u32::from(apart == 1 || now % 16 == 0));
            at_once = at_once.max(wheel.aside.len());
            assert_eq!(wheel.len(), keys.0.len());
        }
        assert_eq!(at_once, most);
        // Some more for the slots of those that wait.
        let next = START + bursts * apart + 512;
        for token in 1..=size {
            keys.arm(&mut wheel, next, (bursts * size + token) as u64);
        }
        take(&mut wheel, &mut keys, next, PLENTY);
        assert_eq!(wheel.len(), size as usize);
        assert_eq!(keys.drain(&mut wheel, next + 1).len(), size as usize);
        assert!(wheel.next_wakeup().is_none() && !wheel.work_ahead(next + 1, &mut keys, &mut PLENTY.clone()));
        assert!(wheel.bytes() < 240);
    }
}
