//! The rooms of `src`, one above the other: nothing imports upwards, and no files import each other in a circle; and units begin and end in
//! one place.

#[path = "../../shard/tests/support/layers.rs"]
#[allow(dead_code)] // what only the shard's test uses
mod layers;

use layers::Rooms;
use std::fs;
use std::path::Path;

/// From the top down; those of one row do not know each other. ARCHITECTURE.md has the same.
const ROOMS: Rooms<'_> = &[
    &["main"],
    &["server"],
    &["command", "connection", "keeper"],
    &["units"],
    &["lua"],
    &["exec"],
    &["thread", "metrics", "signals"],
    &["shared"],
    &["session"],
    &["script", "request"],
    &["observe", "shards"],
    &["clients", "system"],
    &["config"],
];

#[test]
fn the_rooms_are_kept() {
    layers::check(env!("CARGO_MANIFEST_DIR"), "### Layers of `server`", ROOMS);
}

/// What follows a unit follows all of them only if all end where it is done: whoever makes a unit anywhere else forgets some of it.
#[test]
fn units_begin_and_end_in_a_stay() {
    let mut found = Vec::new();
    search(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert_eq!(found, ["stay.rs", "stay.rs"], "Unit::new is called in `units/stay.rs` alone");
}

/// The names of the files that make units, once for each call.
fn search(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            search(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let name = path.file_name().expect("a name").to_string_lossy();
        found.extend(text.match_indices("Unit::new(").map(|_| name.clone().into_owned()));
    }
}
