mod bursts;

use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

const START: i64 = 1_700_000_000_000;
const PLENTY: u32 = u32::MAX;

/// Deadline and position of each item, by token.
#[derive(Default)]
struct Keys(HashMap<u64, (i64, Position)>);

impl Owner for Keys {
    fn deadline(&self, item: Item) -> i64 {
        self.0[&item.get()].0
    }
    fn moved(&mut self, item: Item, at: Position) {
        self.0.get_mut(&item.get()).expect("an item that the owner has").1 = at;
    }
}

impl Keys {
    fn arm(&mut self, wheel: &mut Wheel, deadline: i64, token: u64) {
        let at = wheel.arm(deadline, Item::new(token));
        assert!(wheel.armed_for(at) <= deadline);
        assert!(self.0.insert(token, (deadline, at)).is_none());
    }

    fn cancel(&mut self, wheel: &mut Wheel, token: u64) {
        let (_, at) = self.0.remove(&token).expect("a known token");
        wheel.cancel(at);
    }

    fn drain(&mut self, wheel: &mut Wheel, now: i64) -> Vec<u64> {
        std::iter::from_fn(|| wheel.next_due(now, self, &mut PLENTY.clone())).map(Item::get).collect()
    }

    /// Work ahead to the end in slices of `slice` steps; gives the number of slices.
    fn ahead(&mut self, wheel: &mut Wheel, now: i64, slice: u32) -> usize {
        (1..).find(|_| !wheel.work_ahead(now, self, &mut slice.clone())).unwrap_or(0)
    }
}

#[test]
fn is_due_once_now_is_past_the_deadline() {
    let (mut wheel, mut keys) = (Wheel::new(START), Keys::default());
    for (token, deadline) in [(1, START), (2, START + 1), (3, START - 1), (4, START + 1)] {
        keys.arm(&mut wheel, deadline, token);
    }
    assert_eq!(wheel.next_wakeup(), Some(START));
    assert_eq!(keys.drain(&mut wheel, START), [3]);
    assert_eq!(keys.drain(&mut wheel, START), []);
    assert_eq!(wheel.next_wakeup(), Some(START + 1));
    assert_eq!(keys.drain(&mut wheel, START + 1), [1]);
    assert_eq!(keys.drain(&mut wheel, START + 2), [2, 4]);
    assert_eq!((wheel.len(), wheel.next_wakeup()), (0, None));
}

#[test]
fn crosses_every_level_in_order() {
    for start in [START, 0, -5, (1 << 48) - 1, i64::MAX, i64::MIN] {
        let (mut wheel, mut keys) = (Wheel::new(start), Keys::default());
        let mut deadlines: Vec<i64> = (0..60)
            .flat_map(|bit| [-1, 0, 1].map(|d| within(start).saturating_add((1 << bit) + d)))
            .chain([i64::MIN, i64::MAX - 1])
            .collect();
        for (token, &deadline) in deadlines.iter().enumerate().rev() {
            keys.arm(&mut wheel, deadline, token as u64 + 1);
        }
        deadlines.sort_unstable();
        let mut fired = Vec::new();
        // From wake-up to wake-up, as the server does it.
        while let Some(now) = wheel.next_wakeup().filter(|&now| now < FARTHEST) {
            let due = keys.drain(&mut wheel, now);
            fired.extend(due.iter().map(|token| keys.0[token].0));
            assert!(due.iter().all(|token| keys.0[token].0 < now && keys.0[token].1 == Position::NONE));
            assert!(deadlines[fired.len()] >= now, "late");
            keys.ahead(&mut wheel, now, 7);
            assert!(wheel.next_wakeup().is_none_or(|next| next > now));
        }
        let reach = deadlines.iter().filter(|&&d| d < FARTHEST - 1).count();
        assert_eq!(fired, deadlines[..reach]);
    }
}

#[test]
fn a_jump_over_years_fires_what_is_due_and_nothing_else() {
    let (mut wheel, mut keys) = (Wheel::new(START), Keys::default());
    let year = 365 * 86_400_000;
    for (token, ahead) in [(1, 40 * year), (2, 5), (3, 90_000), (4, 40 * year + 1), (5, 3 * year)] {
        keys.arm(&mut wheel, START + ahead, token);
    }
    let mut steps = 100;
    let mut fired = Vec::new();
    while let Some(item) = wheel.next_due(START + 40 * year + 1, &mut keys, &mut steps) {
        fired.push(item.get());
    }
    assert_eq!(fired, [2, 3, 5, 1]);
    assert!(steps > 60, "looked at far more than there is: {steps} left");
    assert_eq!(wheel.len(), 1);
}

#[test]
fn a_clock_stepped_back_delays_nothing() {
    for back in [1, 300, 70_000, 3_600_000, 20_000_000, 1 << 42] {
        let (mut wheel, mut keys) = (Wheel::new(START), Keys::default());
        for token in 1..=2000 {
            keys.arm(&mut wheel, START + token as i64 * 61, token);
        }
        keys.ahead(&mut wheel, START, 100);
        let now = START - back;
        // Armed before the wheel has heard of the step, and after.
        keys.arm(&mut wheel, now + 1, 5001);
        assert!(wheel.next_wakeup() <= Some(now + 2));
        assert_eq!(keys.drain(&mut wheel, now), []);
        keys.arm(&mut wheel, now, 5002);
        keys.arm(&mut wheel, now + back / 2, 5003);
        let mut at = now;
        let mut fired = Vec::new();
        while !wheel.is_empty() {
            let wakeup = wheel.next_wakeup().expect("not empty");
            assert!(wakeup > at || at == now);
            at = at.max(wakeup);
            for token in keys.drain(&mut wheel, at) {
                assert_eq!(keys.0[&token].0, at - 1, "not on time");
                fired.push(token);
            }
            keys.ahead(&mut wheel, at, PLENTY);
        }
        assert_eq!(fired.len(), 2003);
        assert_eq!(fired[0], 5002);
    }
}

#[test]
fn a_million_of_one_deadline_are_cascaded_in_slices_before() {
    let (mut wheel, mut keys) = (Wheel::new(START), Keys::default());
    let deadline = START + 3_600_000;
    for token in 1..=1_000_000 {
        keys.arm(&mut wheel, deadline, token);
    }
    println!("one deadline: {} bytes an item", wheel.bytes() as f64 / 1e6);
    assert!(wheel.bytes() < 7_000_000);
    while let Some(now) = wheel.next_wakeup().filter(|&now| now <= deadline) {
        assert_eq!(wheel.next_due(now, &mut keys, &mut PLENTY.clone()), None);
        assert!((250..=251).contains(&keys.ahead(&mut wheel, now, 1000)));
    }
    assert_eq!(wheel.next_wakeup(), Some(deadline + 1));
    // All stand in their tick: a step for each, and each in the order of arming, however small the budget.
    let mut expected = 1;
    while !wheel.is_empty() {
        let mut steps = 997;
        while let Some(item) = wheel.next_due(deadline + 1, &mut keys, &mut steps) {
            assert_eq!(item.get(), expected);
            expected += 1;
        }
        assert!(steps == 0 || wheel.is_empty());
    }
    assert_eq!(expected, 1_000_001);
}

#[test]
fn eight_bytes_an_item() {
    let (mut wheel, mut keys) = (Wheel::new(START), Keys::default());
    println!("empty: {} bytes", wheel.bytes());
    assert!(wheel.bytes() < 240);
    let hour = 3_600_000;
    let mut random = 1_u64;
    for token in 1..=1_000_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        keys.arm(&mut wheel, START + (random >> 33) as i64 % hour, token);
        if token == 10 {
            println!("ten items: {} bytes", wheel.bytes());
            assert!(wheel.bytes() < 10_000);
        }
    }
    println!("one hour: {} bytes an item", wheel.bytes() as f64 / 1e6);
    assert!(wheel.bytes() <= 8 * wheel.len());
    keys.ahead(&mut wheel, START, PLENTY);
    println!("worked ahead: {} bytes an item", wheel.bytes() as f64 / 1e6);
    assert!(wheel.bytes() <= 8 * wheel.len());
    // 990,000 cancelled: the memory goes, but for the table of chunks.
    for token in (1..=1_000_000).filter(|token| token % 100 != 0) {
        keys.cancel(&mut wheel, token);
    }
    keys.ahead(&mut wheel, START, 50);
    println!("10,000 left: {} bytes", wheel.bytes());
    assert_eq!(wheel.len(), 10_000);
    assert!(wheel.bytes() < 1_200_000);
    let mut due: Vec<_> = keys.0.iter().map(|(token, key)| (key.0, *token)).collect();
    due.sort_unstable();
    let due: Vec<_> = due.into_iter().map(|(_, token)| token).collect();
    assert_eq!(keys.drain(&mut wheel, START + hour), due);
    keys.ahead(&mut wheel, START + hour, PLENTY);
    assert!(wheel.bytes() < 240);
}

#[test]
fn set_and_delete_for_ever_does_not_grow_it() {
    let (mut wheel, mut keys) = (Wheel::new(START), Keys::default());
    for token in 1..200_000_u64 {
        keys.arm(&mut wheel, START + 3_600_000, 2 * token);
        keys.arm(&mut wheel, START + 3_600_000 + token as i64 % 7, 2 * token + 1);
        // One of the two at once, the other much later; the order differs.
        keys.cancel(&mut wheel, 2 * token + token % 2);
        if token > 300 {
            let old = token - 300;
            keys.cancel(&mut wheel, 2 * old + 1 - old % 2);
        }
        if wheel.next_wakeup().is_some_and(|now| now <= START) {
            keys.ahead(&mut wheel, START, 10);
        }
        assert!(wheel.bytes() < 20_000, "{} bytes for {} items", wheel.bytes(), wheel.len());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Arm(i64),
    Cancel(usize),
    MoveLater(usize, i64),
    MoveEarlier(usize, i64),
    Persist(usize),
    Replace(usize),
    Forward(i64),
    Back(i64),
    Drain(u32),
    Ahead(u32),
    /// So many with one deadline, some before each other one.
    Burst(usize, i64),
}

fn span() -> impl Strategy<Value = i64> {
    prop_oneof![0..4_i64, 0..700_i64, 0..200_000_i64, 0..50_000_000_i64, 0..(1_i64 << 44)]
}

fn budget() -> impl Strategy<Value = u32> {
    prop_oneof![3 => 1..4_u32, 1 => 4..300_u32, 2 => Just(PLENTY)]
}

fn step() -> impl Strategy<Value = Step> {
    let key = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        12 => prop_oneof![9 => span(), 1 => -500..0_i64, 1 => Just(i64::MAX / 2)].prop_map(Step::Arm),
        3 => key.clone().prop_map(Step::Cancel),
        2 => (key.clone(), span()).prop_map(|(key, by)| Step::MoveLater(key, by)),
        2 => (key.clone(), span()).prop_map(|(key, by)| Step::MoveEarlier(key, by)),
        1 => key.clone().prop_map(Step::Persist),
        2 => key.prop_map(Step::Replace),
        4 => span().prop_map(Step::Forward),
        1 => span().prop_map(Step::Back),
        5 => budget().prop_map(Step::Drain),
        3 => budget().prop_map(Step::Ahead),
    ]
}

/// Steps among which are bursts, and the clock is mostly in their midst.
fn step_of_bursts() -> impl Strategy<Value = Step> {
    let size = prop_oneof![3 => 513..700_usize, 1 => 1..600_usize];
    let near = prop_oneof![4 => 0..12_i64, 2 => 0..300_i64, 1 => 0..3_000_i64];
    prop_oneof![
        6 => step(),
        2 => (size, near.clone()).prop_map(|(size, by)| Step::Burst(size, by)),
        3 => near.clone().prop_map(Step::Arm),
        3 => near.clone().prop_map(Step::Forward),
        1 => near.prop_map(Step::Back),
        6 => (1..400_u32).prop_map(Step::Drain),
        2 => (1..400_u32).prop_map(Step::Ahead),
    ]
}

/// What the model knows of an item beside its deadline.
#[derive(Clone, Copy)]
struct Known {
    armed: u64,
    /// Steps back of the clock before it was armed; None if it was moved, or armed for what may have been the past, so that
    /// its order is not promised.
    era: Option<u32>,
    /// Armed for a time that the wheel may have passed.
    late: bool,
}

#[derive(Default)]
struct Model {
    keys: Keys,
    known: HashMap<u64, Known>,
    now: i64,
    /// The last time that the wheel was told; its own is not later.
    told: i64,
    /// How often the clock was set back.
    era: u32,
    token: u64,
    /// There were bursts: the order of deadlines is not promised, only that of arming.
    bursts: bool,
    /// For each deadline the era and the number of the last item whose order is promised.
    gone: HashMap<i64, (u32, u64)>,
}

impl Model {
    fn arm(&mut self, wheel: &mut Wheel, deadline: i64) {
        self.token += 1;
        self.keys.arm(wheel, deadline, self.token);
        let late = deadline < self.told;
        self.known.insert(self.token, Known { armed: self.token, era: (!late).then_some(self.era), late });
    }

    fn pick(&self, index: usize) -> Option<u64> {
        let mut tokens: Vec<_> = self.keys.0.keys().copied().collect();
        tokens.sort_unstable();
        (!tokens.is_empty()).then(|| tokens[index % tokens.len()])
    }

    fn drain(&mut self, wheel: &mut Wheel, budget: u32) -> Result<(), TestCaseError> {
        let mut last: Option<(i64, Known)> = None;
        self.told = self.now;
        loop {
            let mut steps = budget;
            while let Some(item) = wheel.next_due(self.now, &mut self.keys, &mut steps) {
                let Some((deadline, at)) = self.keys.0.remove(&item.get()) else {
                    return Err(TestCaseError::fail("fired twice, after its cancel, or under an old token"));
                };
                prop_assert_eq!(at, Position::NONE);
                prop_assert!(deadline < self.now, "early");
                let known = self.known[&item.get()];
                if known.late {
                    continue;
                }
                self.note_order(deadline, known)?;
                if let Some((before, other)) = last.filter(|_| !self.bursts) {
                    prop_assert!(before <= deadline, "out of order");
                    if before == deadline && known.era == Some(self.era) && other.era == Some(self.era) {
                        prop_assert!(other.armed < known.armed, "out of the order of arming");
                    }
                }
                last = Some((deadline, known));
            }
            if steps > 0 {
                break;
            }
        }
        for (deadline, _) in self.keys.0.values() {
            prop_assert!(*deadline >= self.now, "late");
        }
        Ok(())
    }

    /// Fewer than the budget's worth of calls: stops in the middle.
    fn some(&mut self, wheel: &mut Wheel, budget: u32) -> Result<(), TestCaseError> {
        let mut steps = budget;
        self.told = self.now;
        while let Some(item) = wheel.next_due(self.now, &mut self.keys, &mut steps) {
            let gone = self.keys.0.remove(&item.get());
            prop_assert!(gone.is_some_and(|(deadline, _)| deadline < self.now));
            if let (Some((deadline, _)), Some(known)) = (gone, self.known.get(&item.get()).copied()) {
                self.note_order(deadline, known)?;
            }
        }
        Ok(())
    }

    /// Items of one deadline come in the order of arming, whatever comes between them.
    fn note_order(&mut self, deadline: i64, known: Known) -> Result<(), TestCaseError> {
        if let Some(era) = known.era.filter(|era| *era == self.era) {
            let before = self.gone.insert(deadline, (era, known.armed));
            prop_assert!(
                before.is_none_or(|(of, armed)| of != era || armed < known.armed),
                "out of the order of arming"
            );
        }
        Ok(())
    }

    /// What is shown of the future has everything, and nothing that its times exclude.
    fn look_ahead(&self, wheel: &Wheel) -> Result<(), TestCaseError> {
        let (mut seen, mut from, mut wrong) = (0, i64::MIN, 0);
        wheel.upcoming(&mut |step| {
            match step {
                Upcoming::From(time) => from = from.max(time),
                Upcoming::Item(item) => {
                    seen += 1;
                    wrong += usize::from(self.keys.deadline(item) < from);
                }
            }
            true
        });
        prop_assert_eq!((seen, wrong), (wheel.len(), 0));
        prop_assert_eq!(wheel.count_until([i64::MAX]), [wheel.len()]);
        Ok(())
    }

    fn run(&mut self, wheel: &mut Wheel, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Arm(by) => self.arm(wheel, self.now.saturating_add(by)),
            Step::Burst(size, by) => {
                self.bursts = true;
                (0..size).for_each(|_| self.arm(wheel, self.now + by));
            }
            Step::Cancel(index) => {
                if let Some(token) = self.pick(index) {
                    self.keys.cancel(wheel, token);
                }
            }
            Step::MoveLater(index, by) => {
                if let Some(token) = self.pick(index) {
                    let (deadline, at) = self.keys.0[&token];
                    // As an owner does it: nothing but the deadline, if it is armed at all.
                    if at != Position::NONE {
                        self.keys.0.insert(token, ((deadline.saturating_add(by)).min(i64::MAX - 1), at));
                        self.known.entry(token).and_modify(|known| known.era = None);
                    }
                }
            }
            Step::MoveEarlier(index, by) => {
                if let Some(token) = self.pick(index) {
                    let (deadline, at) = self.keys.0[&token];
                    let deadline = deadline.saturating_sub(by).max(self.now - 3);
                    if wheel.armed_for(at) <= deadline {
                        self.keys.0.insert(token, (deadline, at));
                        let late = deadline < self.told;
                        self.known.entry(token).and_modify(|known| (known.era, known.late) = (None, known.late | late));
                    } else {
                        self.keys.cancel(wheel, token);
                        self.arm(wheel, deadline);
                    }
                }
            }
            Step::Persist(index) => {
                if let Some(token) = self.pick(index)
                    && let Some(key) = self.keys.0.get_mut(&token)
                {
                    key.0 = i64::MAX;
                    self.known.entry(token).and_modify(|known| known.era = None);
                }
            }
            Step::Replace(index) => {
                if let Some(token) = self.pick(index)
                    && let Some(key) = self.keys.0.remove(&token)
                {
                    self.token += 1;
                    wheel.replace(key.1, Item::new(self.token));
                    self.keys.0.insert(self.token, key);
                    self.known.insert(self.token, self.known[&token]);
                }
            }
            Step::Forward(by) => self.now += by,
            Step::Back(by) => {
                self.now -= by;
                self.era += 1;
                // What is armed before the wheel hears of the step may be in its past. Here it hears at once, or some day.
                if by % 2 == 0 {
                    self.some(wheel, 2)?;
                }
            }
            Step::Drain(budget) if budget % 3 == 1 => self.some(wheel, budget)?,
            Step::Drain(budget) => self.drain(wheel, budget)?,
            Step::Ahead(budget) => {
                let mut steps = budget;
                self.told = self.now;
                wheel.work_ahead(self.now, &mut self.keys, &mut steps);
            }
        }
        let armed = self.keys.0.values().filter(|key| key.1 != Position::NONE);
        prop_assert_eq!(wheel.len(), armed.clone().count());
        let due = armed.clone().map(|key| key.0.saturating_add(1)).min();
        prop_assert_eq!(wheel.next_wakeup().is_some(), due.is_some());
        prop_assert!(wheel.next_wakeup() <= due, "would sleep past a deadline");
        for (deadline, at) in armed {
            prop_assert!(wheel.armed_for(*at) <= *deadline);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn bursts_are_set_aside_and_lose_nothing(
        start in prop_oneof![Just(START), Just(-3), START..START + (1 << 17)],
        steps in prop::collection::vec(step_of_bursts(), 1..120),
    ) {
        let mut wheel = Wheel::new(start);
        let mut model = Model { now: start, told: start, ..Model::default() };
        for step in steps {
            model.run(&mut wheel, step)?;
            model.look_ahead(&wheel)?;
        }
        model.drain(&mut wheel, 3)?;
        while wheel.work_ahead(model.now, &mut model.keys, &mut 5) {}
        prop_assert!(wheel.next_wakeup().is_none_or(|next| next > model.now), "would spin");
        model.now = FARTHEST;
        model.drain(&mut wheel, PLENTY)?;
        prop_assert_eq!(wheel.len(), model.keys.0.values().filter(|key| key.1 != Position::NONE).count());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn behaves_like_a_sorted_map(
        start in prop_oneof![Just(START), Just(0), START..START + (1 << 25), -1000..1000_i64],
        steps in prop::collection::vec(step(), 1..250),
    ) {
        let mut wheel = Wheel::new(start);
        let mut model = Model { now: start, told: start, ..Model::default() };
        for step in steps {
            model.run(&mut wheel, step)?;
        }
        model.drain(&mut wheel, 3)?;
        while wheel.work_ahead(model.now, &mut model.keys, &mut 5) {}
        prop_assert!(wheel.next_wakeup().is_none_or(|next| next > model.now), "would spin");
        model.now = FARTHEST;
        model.drain(&mut wheel, PLENTY)?;
        let left = model.keys.0.values().filter(|key| key.1 != Position::NONE).count();
        prop_assert_eq!(wheel.len(), left);
    }

    #[test]
    fn cancels_in_any_order_keep_the_order_and_bound_the_memory(
        items in 1..3000_usize,
        buckets in 1..5_i64,
        kept in 0..100_u64,
        slice in 1..100_u32,
        seed in any::<u64>(),
    ) {
        let (mut wheel, mut keys) = (Wheel::new(START), Keys::default());
        let mut random = seed;
        let mut order = Vec::new();
        for token in 1..=items as u64 {
            keys.arm(&mut wheel, START + 1_000_000 + token as i64 % buckets, token);
        }
        for token in 1..=items as u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if (random >> 33) % 100 < kept {
                order.push((token as i64 % buckets, token));
            } else {
                keys.cancel(&mut wheel, token);
            }
            if token % 64 == 0 {
                wheel.work_ahead(START, &mut keys, &mut slice.clone());
            }
        }
        keys.ahead(&mut wheel, START, slice);
        prop_assert_eq!(wheel.len(), order.len());
        prop_assert!(wheel.bytes() < 12_000 + 21 * wheel.len() + items, "{} for {}", wheel.bytes(), wheel.len());
        order.sort_unstable();
        // In order for each deadline: with so many items of one, others come beside them.
        let mut gone: Vec<_> = keys.drain(&mut wheel, START + 2_000_000).into_iter().map(|t| (t as i64 % buckets, t)).collect();
        gone.sort_by_key(|(deadline, _)| *deadline);
        prop_assert_eq!(gone, order);
    }
}

/// What comes next is what will come next: the upcoming items, sorted as far as the visit says, are those that a drain gives.
#[test]
fn upcoming_items_are_those_that_come_next() {
    let mut random = 12_345u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for _ in 0..40 {
        let (mut wheel, mut keys, mut now) = (Wheel::new(START), Keys::default(), START);
        for token in 1..=400 {
            let ahead = 1i64 << next(36);
            keys.arm(&mut wheel, now - 5 + ahead + next(100) as i64, token);
            if next(40) == 0 {
                now += next(100_000) as i64;
                keys.drain(&mut wheel, now);
                keys.ahead(&mut wheel, now, 7);
            }
        }
        // Some deadlines have moved since: later ones only, as entries move them without touching the wheel.
        for (deadline, at) in keys.0.values_mut() {
            if *at != Position::NONE && next(5) == 0 {
                *deadline += next(1_000_000) as i64;
            }
        }
        let mut expected: Vec<i64> =
            keys.0.values().filter(|(_, at)| *at != Position::NONE).map(|(deadline, _)| *deadline).collect();
        expected.sort_unstable();
        let (mut waiting, mut sorted) = (std::collections::BinaryHeap::new(), Vec::new());
        wheel.upcoming(&mut |step| {
            match step {
                Upcoming::Item(item) => waiting.push(std::cmp::Reverse(keys.deadline(item))),
                Upcoming::From(time) => {
                    while let Some(std::cmp::Reverse(first)) = waiting.peek().copied().filter(|first| first.0 < time) {
                        sorted.push(first);
                        waiting.pop();
                    }
                }
            }
            true
        });
        sorted.extend(std::iter::from_fn(|| waiting.pop()).map(|last| last.0));
        assert_eq!(sorted, expected);
        let mut seen = 0;
        wheel.upcoming(&mut |_| {
            seen += 1;
            seen < 3
        });
        assert_eq!(seen, 3, "a visit can be ended");
    }
}

/// The counts of the buckets are those of the items in them, whatever was armed, moved, cancelled and cascaded.
#[test]
fn items_due_until_a_time_are_counted_by_buckets() {
    let (mut wheel, mut keys) = (Wheel::new(START), Keys::default());
    let mut random = 1_u64;
    let mut draw = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut deadlines = std::collections::BTreeMap::new();
    let mut now = START;
    for token in 1..=20_000_u64 {
        let deadline = now
            + draw(match token % 3 {
                0 => 1_000,
                1 => 100_000,
                _ => 10_000_000,
            }) as i64;
        keys.arm(&mut wheel, deadline, token);
        deadlines.insert(token, deadline);
        if token % 5 == 0 {
            let victim = 1 + draw(token);
            if deadlines.remove(&victim).is_some() {
                keys.cancel(&mut wheel, victim);
            }
        }
        if token % 100 == 0 {
            now += draw(3_000) as i64;
            let mut steps = PLENTY;
            while let Some(item) = wheel.next_due(now, &mut keys, &mut steps) {
                deadlines.remove(&item.get());
            }
            keys.ahead(&mut wheel, now, PLENTY);
            let [next, all, none] = wheel.count_until([now + 60_000, i64::MAX, now]);
            assert_eq!((all, none), (deadlines.len(), 0));
            // Right but for the buckets that begin before and end after: 256 ms, or 65 s where it was not worked ahead.
            let exactly = |time: i64| deadlines.values().filter(|deadline| **deadline < time).count();
            let (least, most) = (exactly(now + 60_000 - 65_536), exactly(now + 60_000 + 65_536));
            assert!((least..=most).contains(&next), "{least} <= {next} <= {most}");
        }
    }
    assert!(deadlines.len() > 1_000, "there was something to count");
    keys.arm(&mut wheel, now - 5, 30_000);
    assert_eq!(wheel.count_until([now]), [1], "what is overdue is due");
}
