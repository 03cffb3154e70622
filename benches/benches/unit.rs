//! A run of 64 commands on a shard, as the server executes one: prefetch the slots, prefetch the entries, execute. What
//! is left out is the server around it: sockets, parsing, routing, statistics.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use curfew_benches::requests::{Random, key, value_of};
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::{Reply, Resp};
use curfew_shard::keyspace::Hasher;
use curfew_shard::{Handler, Held, Moment, Settings, Shard, Sink, Unit, registry};

const KEYS: usize = 1_000_000;
const RUN: usize = 64;
/// The server prefetches this many at a time.
const GROUP: usize = 16;
const NOW: Moment = Moment::from_millis(1_735_689_600_000);

fn unit(criterion: &mut Criterion) {
    let (Some(get), Some(set)) = (handler("get"), handler("set")) else {
        eprintln!("unit: GET and SET are not there yet");
        return;
    };
    let settings = Settings::default();
    let value = value_of(64);
    let mut shard = Shard::new(0, 1, Hasher::new(1));
    let mut sink = Sink::default();
    let mut out = Reply::new(Resp::Two);
    let mut random = Random::new(11);
    for index in 0..KEYS {
        let args = OwnedArgs::from_slices(&[b"SET", &key("key:", index), &value]);
        run(&mut shard, &mut sink, &settings, set, std::slice::from_ref(&args), &mut out);
    }
    // Enough runs that the keys of one are out of the caches when it comes again.
    let runs = |words: &[&[u8]], random: &mut Random| -> Vec<Vec<OwnedArgs>> {
        let mut args = || {
            let key = key("key:", random.below(KEYS));
            let mut slices = words.to_vec();
            slices[1] = &key;
            OwnedArgs::from_slices(&slices)
        };
        (0..4096).map(|_| (0..RUN).map(|_| args()).collect()).collect()
    };
    let gets = runs(&[b"GET", b""], &mut random);
    let sets = runs(&[b"SET", b"", &value], &mut random);
    let timed = runs(&[b"SET", b"", &value, b"PX", b"3600000"], &mut random);
    let mut group = criterion.benchmark_group("unit");
    group.throughput(Throughput::Elements(RUN as u64));
    for (name, handler, runs) in [("64 get", get, gets), ("64 set", set, sets), ("64 set px", set, timed)] {
        let mut next = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                next = (next + 1) % runs.len();
                run(&mut shard, &mut sink, &settings, handler, &runs[next], &mut out);
            });
        });
    }
    group.finish();
}

fn run(shard: &mut Shard, sink: &mut Sink, settings: &Settings, handler: Handler, args: &[OwnedArgs], out: &mut Reply) {
    out.clear();
    for group in args.chunks(GROUP) {
        let mut unit = Unit::new(Held::One(shard), sink, NOW, 0, settings);
        group.iter().for_each(|args| unit.prefetch_slot(args.view().at(1)));
        group.iter().for_each(|args| unit.prefetch_entry(args.view().at(1)));
        for args in group {
            assert!(handler(&mut unit, args.view(), out).is_ok());
        }
    }
    sink.events.clear();
    sink.garbage.clear();
}

fn handler(name: &str) -> Option<Handler> {
    registry::rows().find(|row| row.spec.name == name).map(|row| row.run)
}

criterion_group!(benches, unit);
criterion_main!(benches);
