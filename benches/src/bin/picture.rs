//! `make picture`: draws docs/expiry-lag.svg from the lags that the rows `lag` of `make bench` left.
//!
//!     curfew-picture [FROM.csv [TO.svg]]
//!
//! Log-log: lag against the number of keys with a TTL, Curfew beside redis-server. What did not come while it was waited
//! for has no number; it is drawn hollow, in a strip above the axis.

use curfew_benches::lags::{Lags, Point};
use curfew_benches::{Failure, Result};
use std::fmt::Write as _;
use std::process::ExitCode;

const FROM: &str = "benches/results/expiry-lag.csv";
const TO: &str = "docs/expiry-lag.svg";

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 532.0;
/// The area of the curves. Above it, down from `STRIP`, is the place of what never came.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 826.0;
const TOP: f64 = 150.0;
const BOTTOM: f64 = 432.0;
const STRIP: f64 = 112.0;
/// Where hollow marks are.
const NEVER: f64 = (STRIP + TOP) / 2.0;

/// Decades of the axes: keys, and milliseconds. The milliseconds begin a little lower, the keys a little further in.
const KEYS: [i32; 2] = [3, 7];
const MS: [i32; 2] = [0, 5];
const LOWEST: f64 = -0.35;
const INSET: f64 = 46.0;
const GOAL_MS: f64 = 5.0;
const WHAT: &str =
    "Lag: when the expired events of 1000 keys of one deadline reach a subscriber. All other keys have an hour's TTL.";

/// Colours by class, for light and dark. Its own ground, so that it is legible on any page.
const STYLE: &str = "\
text{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#3b4148}\
.title{font-size:18px;font-weight:600;fill:#14181c}.small{font-size:12px;fill:#5b636b}.value{font-size:12px}\
.ground{fill:#ffffff}.strip{fill:#f1f3f5}.grid{stroke:#dfe3e7;stroke-width:1}.axis{stroke:#8a929a;stroke-width:1}\
.goal{stroke:#5b636b;stroke-width:1;stroke-dasharray:2 4}\
.p99{fill:none;stroke-width:2.5}.p50{fill:none;stroke-width:1.6;stroke-dasharray:6 4}.unseen{fill:none;stroke-width:1.4;stroke-dasharray:1.5 4}\
.curfew{stroke:#0b6e99}.redis{stroke:#c2410c}.dot.curfew{fill:#0b6e99}.dot.redis{fill:#c2410c}\
.dot.hollow{fill:#ffffff;stroke-width:2}text.curfew{fill:#0b6e99;stroke:none}text.redis{fill:#b23a08;stroke:none}\
@media(prefers-color-scheme:dark){\
text{fill:#c3cad1}.title{fill:#f0f3f6}.small{fill:#98a2ac}.ground{fill:#14181d}.strip{fill:#20262d}.grid{stroke:#2b323a}\
.axis{stroke:#6b747d}.goal{stroke:#98a2ac}.curfew{stroke:#56c2ef}.redis{stroke:#ff9a62}.dot.curfew{fill:#56c2ef}\
.dot.redis{fill:#ff9a62}.dot.hollow{fill:#14181d}text.curfew{fill:#56c2ef}text.redis{fill:#ff9a62}}";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (from, to) = (args.next().unwrap_or(FROM.into()), args.next().unwrap_or(TO.into()));
    match run(&from, &to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("curfew-picture: {from}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(from: &str, to: &str) -> Result<()> {
    let lags = Lags::read(&std::fs::read_to_string(from)?)?;
    Ok(std::fs::write(to, draw(&lags)?)?)
}

fn draw(lags: &Lags) -> Result<String> {
    let of = |name: &str| -> Result<Vec<&Point>> {
        let points: Vec<&Point> = lags.points.iter().filter(|point| point.server.starts_with(name)).collect();
        if points.is_empty() { Err(Failure(format!("no points of {name}"))) } else { Ok(points) }
    };
    let (curfew, redis) = (of("Curfew")?, of("Redis")?);
    let title = "Expiry lag against the number of keys with a TTL";
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         role=\"img\" aria-label=\"{title}: {} beside {}\">\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\"/>\n",
        curfew[0].server, redis[0].server
    );
    text(&mut out, LEFT, 34.0, "title", "start", title);
    legend(&mut out, &[("curfew", &curfew[0].server), ("redis", &redis[0].server)]);
    axes(&mut out);
    // The one that is to be seen best comes last.
    curve(&mut out, "redis", &redis);
    curve(&mut out, "curfew", &curfew);
    let foot = format!(
        "{} and {}, each with one thread for commands on the same core; one run of make bench, {}.",
        curfew[0].server, redis[0].server, lags.date
    );
    for (row, line) in [&foot[..], WHAT].into_iter().enumerate() {
        text(&mut out, LEFT, HEIGHT - 30.0 + 17.0 * row as f64, "small", "start", line);
    }
    out.push_str("</svg>\n");
    Ok(out)
}

fn legend(out: &mut String, servers: &[(&str, &str)]) {
    for (row, (class, name)) in servers.iter().enumerate() {
        let at = 62.0 + 23.0 * row as f64;
        for (kind, what, x) in [("p99", "99th percentile", LEFT), ("p50", "median", LEFT + 260.0)] {
            line(out, &format!("{kind} {class}"), (x, at), (x + 30.0, at));
            if kind == "p99" {
                mark(out, class, false, (x + 15.0, at));
            }
            text(out, x + 38.0, at + 4.5, "", "start", &format!("{name}, {what}"));
        }
    }
    mark(out, "redis", true, (LEFT + 485.0, 85.0));
    text(out, LEFT + 498.0, 89.5, "", "start", "too few came to tell: how many did");
}

fn axes(out: &mut String) {
    let _ = writeln!(
        out,
        "<rect class=\"strip\" x=\"{LEFT}\" y=\"{STRIP}\" width=\"{}\" height=\"{}\"/>",
        RIGHT - LEFT,
        TOP - 8.0 - STRIP
    );
    text(out, LEFT - 8.0, NEVER + 4.0, "small", "end", "not seen");
    for exponent in MS[0]..=MS[1] {
        let at = y(10f64.powi(exponent));
        line(out, "grid", (LEFT, at), (RIGHT, at));
        text(out, LEFT - 8.0, at + 4.5, "", "end", &milliseconds(10f64.powi(exponent)));
    }
    for exponent in KEYS[0]..=KEYS[1] {
        let at = x(10f64.powi(exponent));
        line(out, "grid", (at, TOP), (at, BOTTOM));
        let label = ["1,000", "10,000", "100,000", "1 million", "10 million"][(exponent - KEYS[0]) as usize];
        text(out, at, BOTTOM + 20.0, "", "middle", label);
    }
    line(out, "axis", (LEFT, TOP), (LEFT, BOTTOM));
    line(out, "axis", (LEFT, BOTTOM), (RIGHT, BOTTOM));
    line(out, "goal", (LEFT, y(GOAL_MS)), (RIGHT, y(GOAL_MS)));
    text(out, RIGHT - 6.0, y(GOAL_MS) - 6.0, "small", "end", &format!("goal: 99th percentile below {GOAL_MS} ms"));
    text(out, (LEFT + RIGHT) / 2.0, BOTTOM + 42.0, "", "middle", "keys with a TTL");
    let middle = (TOP + BOTTOM) / 2.0;
    let _ = writeln!(
        out,
        "<text transform=\"translate(22 {middle}) rotate(-90)\" text-anchor=\"middle\">time from deadline to event</text>"
    );
}

fn curve(out: &mut String, class: &str, points: &[&Point]) {
    for (kind, of) in [("p50", (|point| point.p50_ms) as fn(&Point) -> f64), ("p99", |point| point.p99_ms)] {
        let at = |point: &Point| (x(point.keys as f64), if of(point).is_finite() { y(of(point)) } else { NEVER });
        for pair in points.windows(2) {
            let seen = of(pair[0]).is_finite() && of(pair[1]).is_finite();
            line(out, &format!("{} {class}", if seen { kind } else { "unseen" }), at(pair[0]), at(pair[1]));
        }
    }
    for point in points {
        let (at, finite) = (x(point.keys as f64), point.p99_ms.is_finite());
        let value = format!("value {class}");
        if finite {
            mark(out, class, false, (at, y(point.p99_ms)));
            // To the left of a curve that rises, and below one that keeps low.
            let (shift, anchor, below) = if class == "curfew" { (0.0, "middle", 20.0) } else { (4.0, "end", -10.0) };
            text(out, at + shift, y(point.p99_ms) + below, &value, anchor, &milliseconds(point.p99_ms));
        } else {
            mark(out, class, true, (at, NEVER));
            let came = format!("{} of 1000 in {} s", point.came, point.within_s);
            text(out, at, TOP + 16.0, &value, "middle", &came);
        }
    }
}

fn x(keys: f64) -> f64 {
    LEFT + INSET + (keys.log10() - f64::from(KEYS[0])) / f64::from(KEYS[1] - KEYS[0]) * (RIGHT - LEFT - 2.0 * INSET)
}

fn y(ms: f64) -> f64 {
    BOTTOM - (ms.log10() - LOWEST) / (f64::from(MS[1]) - LOWEST) * (BOTTOM - TOP)
}

fn line(out: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let _ = writeln!(
        out,
        "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn mark(out: &mut String, class: &str, hollow: bool, (x, y): (f64, f64)) {
    let class = format!("dot {class}{}", if hollow { " hollow" } else { "" });
    let _ = writeln!(out, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>");
}

fn text(out: &mut String, x: f64, y: f64, class: &str, anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let _ = writeln!(out, "<text{class} x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>");
}

/// With its unit, as short as it can be told.
fn milliseconds(ms: f64) -> String {
    match ms {
        ..9.95 if ms.fract() != 0.0 => format!("{ms:.1} ms"),
        ..1000.0 => format!("{ms:.0} ms"),
        ..9950.0 if ms % 1000.0 != 0.0 => format!("{:.1} s", ms / 1e3),
        _ => format!("{:.0} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(server: &str, keys: u64, ms: f64) -> Point {
        Point { server: server.into(), keys, p50_ms: ms / 2.0, p99_ms: ms, came: 7, within_s: 5 }
    }

    #[test]
    fn what_came_has_a_number_and_what_did_not_is_hollow() {
        let points = vec![point("Curfew 0.1.0", 1000, 1.94), point("Redis 8.0.6", 1000, f64::INFINITY)];
        let picture = draw(&Lags { date: "2026-11-22".into(), points }).unwrap();
        assert!(picture.contains(">1.9 ms<") && picture.contains(">7 of 1000 in 5 s<"));
        assert_eq!(picture.matches("hollow\"").count(), 2);
        assert!(!picture.contains("inf") && !picture.contains("NaN"));
        assert!(draw(&Lags { date: String::new(), points: vec![point("Redis 8.0.6", 1000, 1.0)] }).is_err());
    }

    #[test]
    fn times_are_told_shortly() {
        let cases = [
            (1.0, "1 ms"),
            (1.94, "1.9 ms"),
            (104.5, "104 ms"),
            (1000.0, "1 s"),
            (2480.0, "2.5 s"),
            (51_234.0, "51 s"),
        ];
        for (ms, text) in cases {
            assert_eq!(milliseconds(ms), text);
        }
    }
}
