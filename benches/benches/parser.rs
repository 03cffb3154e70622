//! The request parser on a full read buffer: sixteen requests, in place.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use curfew_benches::requests::{Requests, value_of};
use curfew_protocol::request::{Parser, Progress, RequestLimits};
use std::hint::black_box;

const REQUESTS: usize = 16;

fn parser(criterion: &mut Criterion) {
    let value = value_of(64);
    let get: &[&[u8]] = &[b"GET", b"{key}"];
    let set: &[&[u8]] = &[b"SET", b"{key}", &value];
    let set_px: &[&[u8]] = &[b"SET", b"{key}", &value, b"PX", b"3600000"];
    let mut group = criterion.benchmark_group("parser");
    group.throughput(Throughput::Elements(REQUESTS as u64));
    for (name, words) in [("get", get), ("set", set), ("set px", set_px)] {
        let requests = Requests::random_keys(REQUESTS, "key:", 1_000_000, words);
        let mut buffer = requests.bytes(requests.range(0, REQUESTS)).to_vec();
        let mut ranges = Vec::with_capacity(REQUESTS * words.len());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                ranges.clear();
                let mut parser = Parser::default();
                let mut found = 0;
                while let Ok(Progress::Request) =
                    parser.next(black_box(&mut buffer), &mut ranges, RequestLimits::default())
                {
                    found += 1;
                }
                assert_eq!(found, REQUESTS);
                black_box(&ranges);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parser);
criterion_main!(benches);
