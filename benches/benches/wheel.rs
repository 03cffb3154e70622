//! The timing wheel: what a TTL costs when it is set, taken back, and due.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use curfew_benches::requests::Random;
use curfew_shard::keyspace::wheel::{Item, Owner, Position, Wheel};
use std::hint::black_box;

const NOW: i64 = 1_735_689_600_000;
const HOUR_MS: usize = 3_600_000;
const ITEMS: usize = 100_000;

/// Deadlines and positions by item.
struct Items {
    deadlines: Vec<i64>,
    positions: Vec<Position>,
}

impl Owner for Items {
    fn deadline(&self, item: Item) -> i64 {
        self.deadlines[item.get() as usize - 1]
    }

    fn moved(&mut self, item: Item, at: Position) {
        self.positions[item.get() as usize - 1] = at;
    }
}

/// A wheel with all items armed, their deadlines spread over `span_ms`. The token of an item is its number, from 1 (0 is none).
fn armed(span_ms: usize) -> (Wheel, Items) {
    let mut random = Random::new(7);
    let deadlines: Vec<i64> = (0..ITEMS).map(|_| NOW + 1 + random.below(span_ms) as i64).collect();
    let mut wheel = Wheel::new(NOW);
    let positions = deadlines.iter().enumerate().map(|(i, &at)| wheel.arm(at, Item::new(i as u64 + 1))).collect();
    (wheel, Items { deadlines, positions })
}

fn wheel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel");
    group.sample_size(20).throughput(Throughput::Elements(ITEMS as u64));
    group.bench_function("arm within an hour", |bencher| {
        bencher.iter_batched(|| (), |()| armed(HOUR_MS), BatchSize::PerIteration);
    });
    group.bench_function("cancel", |bencher| {
        bencher.iter_batched(
            || armed(HOUR_MS),
            |(mut wheel, items)| {
                items.positions.iter().for_each(|&at| wheel.cancel(at));
                (wheel, items)
            },
            BatchSize::PerIteration,
        );
    });
    for (name, span_ms) in [("advance over an hour", HOUR_MS), ("drain one deadline", 1)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || armed(span_ms),
                |(mut wheel, mut items)| {
                    let (mut due, mut now) = (0, NOW);
                    while due < ITEMS {
                        now += (span_ms as i64 / 1000).max(2);
                        let mut steps = u32::MAX;
                        while let Some(item) = wheel.next_due(now, &mut items, &mut steps) {
                            black_box(item);
                            due += 1;
                        }
                    }
                    (wheel, items)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, wheel);
criterion_main!(benches);
