//! CURFEW.EXPIRYLAG: how late keys go.

use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use crate::observe::stats::Lags;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply};

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[ServerRow::new(
    Spec::new("curfew.expirylag", 1, Group::Server, "1.0.0").flags(LOADING | STALE | FAST).doc(
        "O(1)",
        "Returns the cumulative distribution of the time between the deadlines of keys and their removal.",
        "",
    ),
    ServerHandler::Inline(expirylag),
)];

/// A map as that of one command in the reply of LATENCY HISTOGRAM: `calls`, the keys counted, and `histogram_usec`, the keys
/// up to each bound in microseconds, without the bounds that add none.
fn expirylag(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    write(&ctx.thread.shared.stats.expiry_lag.all(), ctx.out);
    Ok(())
}

fn write(lags: &Lags, out: &mut Reply) {
    let occupied = || lags.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
    out.map(2);
    out.bulk(b"calls");
    out.count(lags.total() as usize);
    out.bulk(b"histogram_usec");
    out.map(occupied().count());
    let mut total = 0;
    for (bucket, count) in occupied() {
        total += count;
        out.count(lags.bound_ms(bucket) as usize * 1000);
        out.count(total as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::stats::LagHistogram;
    use curfew_protocol::Resp;

    #[test]
    fn bounds_and_counts_go_up() {
        let histogram = LagHistogram::default();
        histogram.record(&[1, 1, 4, 70_000], 0);
        let mut out = Reply::new(Resp::Three);
        write(&histogram.all(), &mut out);
        let text = String::from_utf8_lossy(out.as_bytes()).replace("\r\n", " ");
        assert_eq!(text, "%2 $5 calls :4 $14 histogram_usec %3 :1000 :2 :5000 :3 :70000000 :4 ");
        let mut out = Reply::new(Resp::Two);
        write(&LagHistogram::default().all(), &mut out);
        assert_eq!(out.as_bytes(), b"*4\r\n$5\r\ncalls\r\n:0\r\n$14\r\nhistogram_usec\r\n*0\r\n");
    }
}
