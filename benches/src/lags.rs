//! Measured expiry lags as a small CSV file, kept in git: `make bench` writes it, `make picture` draws it.
//!
//! ```text
//! # 2026-11-22; lag of the expired events of 1000 keys, in milliseconds; inf: not within within_s
//! server,keys_with_ttl,p50_ms,p99_ms,came,within_s
//! Curfew 0.1.0,1000,1.612,1.901,1000,5
//! ```

use crate::{Failure, Result};
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

const HEAD: &str = "server,keys_with_ttl,p50_ms,p99_ms,came,within_s";

/// One server beside one number of keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its name, with the version; no commas.
    pub server: String,
    /// Keys with a TTL when it was measured, the probes included.
    pub keys: u64,
    /// Median of the lags, infinite if fewer than half of the events came.
    pub p50_ms: f64,
    /// The 99th percentile, infinite if more than a hundredth of the events did not come.
    pub p99_ms: f64,
    /// Events that came.
    pub came: usize,
    /// How long they were waited for.
    pub within_s: u64,
}

/// What one run measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Lags {
    /// The day, as `2026-11-22`.
    pub date: String,
    /// Server by server, each from few keys to many.
    pub points: Vec<Point>,
}

impl Lags {
    /// Measured today.
    pub fn of_today(points: Vec<Point>) -> Lags {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Lags { date: date(seconds / 86_400), points }
    }

    /// As the text of the file.
    pub fn write(&self) -> String {
        let mut out = format!(
            "# {}; lag of expired events in milliseconds; inf: not within within_s seconds\n{HEAD}\n",
            self.date
        );
        for point in &self.points {
            let Point { server, keys, p50_ms, p99_ms, came, within_s } = point;
            let _ = writeln!(out, "{server},{keys},{p50_ms:.3},{p99_ms:.3},{came},{within_s}");
        }
        out
    }

    /// From the text of the file.
    pub fn read(text: &str) -> Result<Lags> {
        let mut lines = text.lines();
        let date = lines.next().and_then(|line| line.strip_prefix("# ")?.split(';').next()).map(str::to_owned);
        let date = date.ok_or_else(|| Failure("the first line is to be a comment with the date".into()))?;
        if lines.next() != Some(HEAD) {
            return Err(Failure(format!("the second line is to be {HEAD}")));
        }
        let point = |line: &str| {
            let mut words = line.split(',');
            Some(Point {
                server: words.next()?.to_owned(),
                keys: words.next()?.parse().ok()?,
                p50_ms: words.next()?.parse().ok()?,
                p99_ms: words.next()?.parse().ok()?,
                came: words.next()?.parse().ok()?,
                within_s: words.next()?.parse().ok()?,
            })
        };
        let points = lines.map(|line| point(line).ok_or_else(|| Failure(format!("not a point: {line}"))));
        Ok(Lags { date, points: points.collect::<Result<_>>()? })
    }
}

/// The day of the Gregorian calendar that many days after 1970-01-01.
fn date(days: u64) -> String {
    // Counted in years that begin in March, so that the day that comes and goes is the last; 400 years have 146097 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let (month, carried) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{}-{month:02}-{of_month:02}", era * 400 + year + carried)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let point = |server: &str, p99_ms| Point {
            server: server.into(),
            keys: 10_001_000,
            p50_ms: 1.5,
            p99_ms,
            came: 1000,
            within_s: 5,
        };
        let lags = Lags::of_today(vec![point("Curfew 0.1.0", 2.25), point("Redis 8.0.6", f64::INFINITY)]);
        assert_eq!(Lags::read(&lags.write()), Ok(lags));
        assert!(Lags::read("# 2026-11-22\nserver\n").is_err());
        assert!(Lags::read(&format!("# 2026-11-22\n{HEAD}\nRedis,1\n")).is_err());
    }

    #[test]
    fn days_have_dates() {
        let cases =
            [(0, "1970-01-01"), (58, "1970-02-28"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_779, "2026-11-22")];
        for (days, text) in cases {
            assert_eq!(date(days), text);
        }
    }
}
