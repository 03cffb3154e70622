//! Makes a failing sequence small: fewer commands, then fewer and simpler arguments, as long as there is a difference.

use super::session::{Difference, Pair, Step};
use std::time::{Duration, Instant};

/// How long one failure may be shrunk.
const TIME: Duration = Duration::from_secs(20);

/// The smallest sequence found that still shows a difference, and that difference.
pub fn shrink(pair: &mut Pair, events: &str, steps: Vec<Step>, found: Difference) -> (Vec<Step>, Difference) {
    let mut best = Best { pair, events, start: Instant::now(), steps, found };
    if let Some(last) = best.found.step {
        best.attempt(best.steps[..=last].to_vec());
    }
    let mut chunk = best.steps.len().div_ceil(2);
    while chunk >= 1 {
        let mut at = 0;
        while at < best.steps.len() && best.steps.len() > 1 {
            let end = (at + chunk).min(best.steps.len());
            let fewer = [&best.steps[..at], &best.steps[end..]].concat();
            if fewer.is_empty() || !best.attempt(fewer) {
                at = end;
            }
        }
        chunk /= 2;
    }
    for step in (0..best.steps.len()).rev() {
        let mut arg = best.steps[step].args.len();
        while arg > 1 {
            arg -= 1;
            best.attempt_change(step, |args| drop(args.remove(arg)));
        }
        for arg in 1..best.steps[step].args.len() {
            // A smaller number may be a nearer deadline, and then the difference is one of chance. Half a script says
            // something else.
            if best.steps[step].args[arg].contains(&b' ') || best.steps[step].args[arg].iter().all(u8::is_ascii_digit) {
                continue;
            }
            if best.steps[step].args[arg].len() > 1 && best.attempt_change(step, |args| args[arg] = b"a".to_vec()) {
                continue;
            }
            while best.steps[step].args[arg].len() > 8
                && best.attempt_change(step, |args| {
                    let half = args[arg].len() / 2;
                    args[arg].truncate(half);
                })
            {}
        }
    }
    (best.steps, best.found)
}

struct Best<'a> {
    pair: &'a mut Pair,
    events: &'a str,
    start: Instant,
    steps: Vec<Step>,
    found: Difference,
}

impl Best<'_> {
    /// Takes the candidate where it still shows a difference.
    fn attempt(&mut self, candidate: Vec<Step>) -> bool {
        if self.start.elapsed() > TIME {
            return false;
        }
        match self.pair.run(self.events, &candidate) {
            Some(found) => {
                (self.steps, self.found) = (candidate, found);
                true
            }
            None => false,
        }
    }

    fn attempt_change(&mut self, step: usize, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> bool {
        let mut candidate = self.steps.clone();
        if candidate[step].args[0].starts_with(b"~EXPIRE") {
            return false; // it needs its arguments
        }
        change(&mut candidate[step].args);
        self.attempt(candidate)
    }
}
