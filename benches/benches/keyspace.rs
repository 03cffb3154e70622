//! The keyspace's table beyond the caches: a million entries, random keys.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use curfew_benches::requests::{Random, key, value_of};
use curfew_shard::keyspace::{Deadline, Hasher, Keyspace, NewValue};
use curfew_shard::value::kind::Type;
use std::hint::black_box;

const KEYS: usize = 1_000_000;
const INSERTED: usize = 100_000;

fn keyspace(criterion: &mut Criterion) {
    let hasher = Hasher::new(1);
    let keys: Vec<(u64, Vec<u8>)> = (0..KEYS)
        .map(|index| {
            let key = key("key:", index);
            (hasher.hash(&key), key)
        })
        .collect();
    let value = value_of(64);
    let filled = |keys: &[(u64, Vec<u8>)]| {
        let mut keyspace = Keyspace::new(hasher.clone());
        for (hash, key) in keys {
            let _ = keyspace.put(*hash, key, Type::String, NewValue::Bytes(&value), Deadline::Clear, 0);
        }
        keyspace
    };

    let mut group = criterion.benchmark_group("keyspace");
    let mut keyspace = filled(&keys);
    let mut random = Random::new(5);
    group.bench_function("get", |bencher| {
        bencher.iter(|| {
            let (hash, key) = &keys[random.below(KEYS)];
            black_box(keyspace.get(*hash, key).map(|entry| entry.lru()))
        });
    });
    group.bench_function("overwrite", |bencher| {
        bencher.iter(|| {
            let (hash, key) = &keys[random.below(KEYS)];
            black_box(keyspace.put(*hash, key, Type::String, NewValue::Bytes(&value), Deadline::Clear, 0))
        });
    });
    drop(keyspace);
    group.sample_size(10).throughput(Throughput::Elements(INSERTED as u64));
    group.bench_function("insert, growth included", |bencher| {
        bencher.iter_batched(|| (), |()| filled(&keys[..INSERTED]), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, keyspace);
criterion_main!(benches);
