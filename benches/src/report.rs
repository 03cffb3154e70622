//! The one table: ratios of Curfew to the better reference server, what was to be reached, and the raw numbers.

use crate::{Failure, Result};
use std::fmt::Write as _;

/// One line of the table.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// What is to be reached, in words; empty if nothing.
    pub goal: String,
    /// Whether it was; None if there is no goal or no measurement.
    pub met: Option<bool>,
    /// Curfew to the better of the others.
    pub ratio: String,
    /// The raw numbers: Curfew, then the others.
    pub cells: Vec<String>,
}

/// Which of two numbers is better.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Better {
    /// A cost.
    Lower,
    /// A speed.
    Higher,
}

/// Several measurements of one thing.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The one in the middle (the upper of two).
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of `values`; None of none.
    pub fn of(values: &[f64]) -> Option<Spread> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Spread { min: *sorted.first()?, median: *sorted.get(sorted.len() / 2)?, max: *sorted.last()? })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.min == self.max {
            true => write!(f, "**{:.2}**", self.median),
            false => write!(f, "**{:.2}** ({:.2} to {:.2})", self.median, self.min, self.max),
        }
    }
}

/// A line whose goal is a ratio. `measured` has one series for each server, Curfew's first; the numbers of one round are
/// at the same index. The better reference server is the one with the better median; the ratio is the median of the
/// rounds' ratios to it, since what disturbs a shared machine lasts longer than a round.
pub fn ratio_row(
    name: &str,
    better: Better,
    goal: Option<f64>,
    measured: &[Result<Vec<f64>>],
    show: impl Fn(f64) -> String,
) -> Row {
    let ratio = ratio(better, measured);
    let (sign, met) = match better {
        Better::Lower => ("≤", ratio.zip(goal).map(|(ratio, goal)| ratio.median <= goal)),
        Better::Higher => ("≥", ratio.zip(goal).map(|(ratio, goal)| ratio.median >= goal)),
    };
    Row {
        name: name.into(),
        goal: goal.map(|goal| format!("{sign} {goal}")).unwrap_or_default(),
        met,
        ratio: ratio.map(|ratio| ratio.to_string()).unwrap_or_default(),
        cells: measured.iter().map(|series| median_cell(series, &show)).collect(),
    }
}

/// The ratio of the first series to the better of the others, round by round.
pub fn ratio(better: Better, measured: &[Result<Vec<f64>>]) -> Option<Spread> {
    let [Ok(ours), others @ ..] = measured else { return None };
    let median = |series: &&Vec<f64>| Spread::of(series).map_or(f64::NAN, |spread| spread.median);
    let others = others.iter().flatten().filter(|series| !series.is_empty());
    let best = match better {
        Better::Lower => others.min_by(|a, b| median(a).total_cmp(&median(b))),
        Better::Higher => others.max_by(|a, b| median(a).total_cmp(&median(b))),
    }?;
    Spread::of(&ours.iter().zip(best).map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>())
}

/// The median as text, or why there is none.
pub fn median_cell(series: &Result<Vec<f64>>, show: impl Fn(f64) -> String) -> String {
    match series {
        Ok(values) => Spread::of(values).map(|spread| show(spread.median)).unwrap_or_default(),
        Err(failure) => missing(failure),
    }
}

/// What stands in the place of a number that could not be measured.
pub fn missing(failure: &Failure) -> String {
    let text: String = failure.0.chars().take(70).map(|c| if c == '|' || c.is_control() { ' ' } else { c }).collect();
    format!("not available: {text}")
}

/// The table in Markdown. `servers`: the heads of the columns of raw numbers.
pub fn table(servers: &[String], rows: &[Row]) -> String {
    let mut out = String::new();
    let heads = servers.join(" | ");
    let _ = writeln!(out, "| | goal | Curfew to the better of the others | | {heads} |");
    let _ = writeln!(out, "|---|---|---|---|{}", "---|".repeat(servers.len()));
    for row in rows {
        let mark = match row.met {
            Some(true) => "pass",
            Some(false) => "**miss**",
            None => "",
        };
        let cells = row.cells.join(" | ");
        let _ = writeln!(out, "| {} | {} | {} | {mark} | {cells} |", row.name, row.goal, row.ratio);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_median_of_the_rounds_to_the_better_server() {
        let measured = [Ok(vec![1.0, 2.0, 9.0]), Ok(vec![2.0, 2.0, 10.0]), Ok(vec![3.0, 3.0, 3.0])];
        let lower = ratio(Better::Lower, &measured).unwrap();
        assert_eq!(lower, Spread { min: 0.5, median: 0.9, max: 1.0 });
        let higher = ratio(Better::Higher, &measured).unwrap();
        assert_eq!(higher.max, 3.0, "against the second");
    }

    #[test]
    fn what_failed_is_said_and_has_no_verdict() {
        let measured = [Err(Failure("ERR unknown | command".into())), Ok(vec![1.0])];
        let row = ratio_row("x", Better::Lower, Some(1.0), &measured, |value| format!("{value}"));
        assert_eq!(row.met, None);
        assert_eq!(row.cells, ["not available: ERR unknown   command", "1"]);
        let others_missing = [Ok(vec![1.0]), Err(Failure("gone".into()))];
        assert_eq!(ratio_row("x", Better::Lower, Some(1.0), &others_missing, |v| v.to_string()).met, None);
    }

    #[test]
    fn a_goal_is_met_from_the_right_side() {
        let measured = [Ok(vec![2.0]), Ok(vec![1.0])];
        assert_eq!(ratio_row("", Better::Lower, Some(1.0), &measured, |v| v.to_string()).met, Some(false));
        assert_eq!(ratio_row("", Better::Higher, Some(1.0), &measured, |v| v.to_string()).met, Some(true));
        assert!(table(&["A".into()], &[]).starts_with("| | goal |"));
    }
}
