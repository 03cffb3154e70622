//! A world for tests: shards, a made-up clock, and one line per command. Used by the unit tests of the families, by the
//! simulation and by the replay property (`shard/tests`).

use crate::command::registry;
use crate::command::row::{Reach, Row};
use crate::event::Event;
use crate::keyspace::Hasher;
use crate::moment::Moment;
use crate::settings::Settings;
use crate::shard::Shard;
use crate::slots::shard_of;
use crate::unit::sink::{Effect, Sink};
use crate::unit::{Held, Unit};
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::{Args, Error, Reply, Resp};
use std::ops::Range;

/// The seeds that a randomized test goes through: the same in every run, or from the one on that `CURFEW_SEED` says (`make fuzz`).
pub fn seeds(count: u64) -> Range<u64> {
    let first = first_seed();
    first..first.saturating_add(count)
}

/// The first of them.
pub fn first_seed() -> u64 {
    std::env::var("CURFEW_SEED").map_or(0, |text| text.parse().expect("CURFEW_SEED is a number"))
}

/// Some shards at some moment.
pub struct World {
    /// The shards.
    pub shards: Vec<Shard>,
    /// The made-up clock: moved by the test, read by nobody else.
    pub now: Moment,
    /// The database of the commands.
    pub db: usize,
    /// Configuration.
    pub settings: Settings,
    /// The protocol of the replies.
    pub resp: Resp,
    /// What the commands have left behind; all of it is kept until the test takes it.
    pub sink: Sink,
}

impl World {
    /// Empty shards on 2025-01-01, with all events switched on and a journal.
    pub fn new(shards: u16) -> World {
        crate::value::dict::set_seed(first_seed());
        let settings = Settings {
            notify: !(crate::event::class::KEY_MISS | crate::event::class::NEW),
            shards: shards.into(),
            ..Settings::default()
        };
        World {
            shards: (0..shards).map(|index| Shard::new(index, settings.databases, Hasher::new(7))).collect(),
            now: Moment::from_millis(1_735_689_600_000),
            db: 0,
            settings,
            resp: Resp::Two,
            sink: Sink::with_journal(),
        }
    }

    /// Runs a command given as words and answers its reply with line breaks shown as spaces: `$1 v`.
    pub fn run(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
        self.run_words(&words)
    }

    /// Runs a command given as arguments.
    pub fn run_words(&mut self, words: &[&[u8]]) -> String {
        let args = OwnedArgs::from_slices(words);
        let mut out = Reply::new(self.resp);
        self.run_args(args.view(), &mut out);
        String::from_utf8_lossy(out.as_bytes()).trim_end_matches("\r\n").replace("\r\n", " ")
    }

    /// Runs a command as one unit at the moment that the clock shows.
    pub fn run_args(&mut self, args: Args<'_>, out: &mut Reply) {
        let mark = out.len();
        if let Err(error) = self.try_run(args, out) {
            out.truncate(mark);
            out.error(&error);
        }
    }

    /// Moves the clock on.
    pub fn pass(&mut self, ms: i64) {
        self.now = Moment::from_micros(self.now.micros() + ms * 1000);
    }

    /// Lets the wheels of all shards do what is due at the moment.
    pub fn expire(&mut self) {
        let (now, db) = (self.now, self.db);
        for shard in &mut self.shards {
            let mut unit = Unit::new(Held::One(shard), &mut self.sink, now, db, &self.settings);
            while unit.expire_due(1_000) {}
        }
    }

    /// The effects left behind since the last call.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.sink.effects)
    }

    /// The effects since the last call, each as one line of words.
    pub fn effect_lines(&mut self) -> Vec<String> {
        let lines = |effect: Effect| {
            let words: Vec<_> = effect.args.view().iter().map(String::from_utf8_lossy).map(String::from).collect();
            words.join(" ")
        };
        self.effects().into_iter().map(lines).collect()
    }

    /// The events since the last call, each as `name key`.
    pub fn events(&mut self) -> Vec<String> {
        let show = |event: Event| format!("{} {}", event.name, String::from_utf8_lossy(&event.key));
        std::mem::take(&mut self.sink.events).into_iter().map(show).collect()
    }

    fn try_run(&mut self, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
        let name = String::from_utf8_lossy(args.at(0)).to_lowercase();
        let sub = args.get(1).map(|sub| format!("{name}|{}", String::from_utf8_lossy(sub).to_lowercase()));
        let row = find(sub.as_deref()).or_else(|| find(Some(&name))).ok_or_else(|| Error::unknown_command(args))?;
        if !row.spec.accepts(args.len()) {
            return Err(Error::wrong_arity(row.spec.name));
        }
        let count = self.shards.len();
        let all: Vec<&mut Shard> = self.shards.iter_mut().collect();
        let held = match row.reach {
            Reach::Keys => {
                let keys = row.spec.key_positions(&args);
                let wanted: Vec<usize> = keys.into_iter().flatten().map(|at| shard_of(args.at(at), count)).collect();
                let keep = |(index, shard)| wanted.contains(&index).then_some(shard);
                Held::Many(all.into_iter().enumerate().map(keep).collect())
            }
            _ => Held::Many(all.into_iter().map(Some).collect()),
        };
        let mut unit = Unit::new(held, &mut self.sink, self.now, self.db, &self.settings);
        let result = (row.run)(&mut unit, args, out);
        unit.append_events();
        result
    }
}

fn find(name: Option<&str>) -> Option<&'static Row> {
    registry::rows().find(|row| Some(row.spec.name) == name && !row.spec.is_container)
}
