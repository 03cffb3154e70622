//! The rooms of `src`, one above the other: nothing imports upwards, and no files import each other in a circle.

#[path = "support/layers.rs"]
mod layers;

use layers::{Files, Rooms, rooms_in};

/// From the top down; those of one row do not know each other. ARCHITECTURE.md has the same.
const ROOMS: Rooms<'_> = &[
    &["testing"],
    &["command"],
    &["unit"],
    &["settings"],
    &["rdb", "event", "shard"],
    &["keyspace"],
    &["value"],
    &["prefetch", "random", "slots", "moment", "sync"],
];

#[test]
fn the_rooms_are_kept() {
    layers::check(env!("CARGO_MANIFEST_DIR"), "### Layers of `shard`", ROOMS);
}

// ---- that what is wrong would be found ---------------------------------------------------------------------------------

/// Two storeys, for made-up crates.
const HOUSE: Rooms<'_> = &[&["attic"], &["east", "west"], &["cellar"]];

/// What is wrong with a crate of these files, and of empty ones for its root and its rooms where there are none among them.
fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let rooms = HOUSE.iter().copied().flatten().map(|room| format!("{room}/mod.rs"));
    let names = rooms.chain(["lib.rs".into()]).filter(|name| files.iter().all(|(own, _)| own != name));
    let mut texts: Vec<(String, String)> = names.map(|name| (name, String::new())).collect();
    texts.extend(files.iter().map(|(name, text)| (name.to_string(), text.to_string())));
    Files::of(&texts).faults(HOUSE)
}

#[test]
fn an_import_of_a_room_above_is_found() {
    let attic = ("attic/mod.rs", "pub mod roof;\npub use roof::Tile;\npub struct Beam;");
    let roof = ("attic/roof.rs", "pub struct Tile;");
    for (text, told) in [
        ("use crate::attic::Beam;", "imports attic/mod.rs (crate::attic::Beam)"),
        ("use crate::attic::Tile;", "imports attic/roof.rs (crate::attic::Tile)"),
        ("pub use crate::attic::Tile;\nfn of(tile: Tile) {}", "imports attic/roof.rs (crate::attic::Tile)"),
        ("use crate::{attic::{Beam}, cellar};", "imports attic/mod.rs (crate::attic::Beam)"),
        ("use crate::attic::roof::{self};", "imports attic/roof.rs (crate::attic::roof)"),
        ("use crate::attic::roof as top;", "imports attic/roof.rs (crate::attic::roof)"),
        ("use crate::attic::*;", "imports attic/mod.rs (crate::attic)"),
        ("use super::super::attic::roof::Tile;", "imports attic/roof.rs (super::super::attic::roof::Tile)"),
        (
            "fn of() { let tile = \"}\"; crate::attic::Tile::new(tile) }",
            "imports attic/roof.rs (crate::attic::Tile::new)",
        ),
        ("mod inner { use super::super::super::attic::Beam; }", "imports attic/mod.rs"),
        ("#[cfg(test)]\nmod tests { fn of() {} }\nuse crate::attic::Beam;", "imports attic/mod.rs"),
    ] {
        let found = faults(&[attic, roof, ("cellar/mod.rs", "pub mod wine;"), ("cellar/wine.rs", text)]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains(told) && found[0].starts_with("cellar/wine.rs:"), "{text}: {found:?}");
        assert!(found[0].ends_with("`attic` is above `cellar`"), "{text}: {found:?}");
    }
}

#[test]
fn rooms_side_by_side_do_not_know_each_other() {
    let found = faults(&[("east/mod.rs", "use crate::west::Window;"), ("west/mod.rs", "pub struct Window;")]);
    assert_eq!(found, ["east/mod.rs:1 imports west/mod.rs (crate::west::Window): `west` is beside `east`"]);
}

#[test]
fn what_leads_down_or_is_for_tests_or_is_no_code_is_well() {
    let text = r##"
        //! See crate::attic::Beam.
        use crate::cellar::Wine;
        use std::attic::Beam;
        /* use crate::attic::Beam; /* nested */ crate::attic::Beam */
        const TEXT: &str = "crate::attic::Beam \" crate::attic::Beam";
        const RAW: &str = r#"crate::attic::Beam" crate::attic::Beam"#;
        const CHAR: [char; 3] = ['"', '\'', '\u{22}'];
        fn of<'crate_>(wine: &'crate_ Wine) -> attic::Beam { wine.attic::<u8>() }
        #[cfg(test)]
        use crate::attic::Beam;
        #[cfg(test)]
        fn only(beam: [u8; 3]) { crate::attic::Beam; }
        #[cfg(test)]
        mod tests;
        #[cfg(test)]
        mod more { use crate::attic::Beam; }
    "##;
    let attic = ("attic/mod.rs", "use crate::east::TEXT;\nuse crate::cellar::Wine;\npub struct Beam;");
    let cellar = ("cellar/mod.rs", "pub struct Wine;");
    assert_eq!(faults(&[attic, cellar, ("east/mod.rs", text), ("east/tests.rs", "use crate::attic::Beam;")]), [""; 0]);
}

#[test]
fn a_circle_of_files_is_found() {
    let through = "pub mod red;\npub mod white;\npub use red::Red;\npub use white::White;";
    let white = ("cellar/white.rs", "pub struct White(Option<Box<super::Red>>);");
    let found =
        faults(&[("cellar/mod.rs", through), ("cellar/red.rs", "use crate::cellar::White;\npub struct Red;"), white]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("a circle of 2 files: cellar/red.rs, cellar/white.rs\n"), "{found:?}");
    assert!(found[0].contains("cellar/red.rs:1 imports cellar/white.rs (crate::cellar::White)"), "{found:?}");
    assert!(found[0].contains("cellar/white.rs:1 imports cellar/red.rs (super::Red)"), "{found:?}");

    let found = faults(&[("cellar/mod.rs", through), ("cellar/red.rs", "pub struct Red;"), white]);
    assert_eq!(found, [""; 0], "handing on is no import");

    // Of three; and a file with its own folder.
    let (one, two) =
        (("cellar/one.rs", "use super::two::Two;"), ("cellar/two.rs", "use super::Three;\npub struct Two;"));
    let found = faults(&[("cellar/mod.rs", "mod one;\nmod two;\nuse one::One;\npub struct Three;"), one, two]);
    assert!(found[0].starts_with("a circle of 3 files: cellar/mod.rs, cellar/one.rs, cellar/two.rs\n"), "{found:?}");
    let own = "mod one;\npub use one::One;\nfn of() -> One { One }\npub struct Three;";
    let found = faults(&[("cellar/mod.rs", own), ("cellar/one.rs", "use super::Three;\npub struct One;")]);
    assert!(found[0].starts_with("a circle of 2 files: cellar/mod.rs, cellar/one.rs\n"), "{found:?}");
}

#[test]
fn a_name_that_only_the_root_hands_on_is_found() {
    let root = ("lib.rs", "mod attic;\nmod cellar;\npub use cellar::Wine;\npub use attic::Beam;");
    let cellar = ("cellar/mod.rs", "pub struct Wine;");
    let found = faults(&[root, cellar, ("attic/mod.rs", "use crate::Wine;\npub struct Beam;")]);
    assert_eq!(
        found,
        ["attic/mod.rs:1 imports cellar/mod.rs (crate::Wine): name it where it is, not at the crate's root"]
    );
}

#[test]
fn the_table_has_the_rooms_that_there_are() {
    let files = ["lib.rs", "attic.rs", "shed/mod.rs"].map(|name| (name.into(), String::new()));
    let found = Files::of(&files).faults(HOUSE);
    assert!(found.contains(&"the room `shed` stands in no row of the table".into()), "{found:?}");
    assert!(found.contains(&"the room `cellar` of the table has no file".into()), "{found:?}");
    assert!(!found.iter().any(|fault| fault.contains("attic")), "{found:?}");
}

#[test]
fn a_document_lists_rooms() {
    let document = "# A\n```\nno\n```\n## B\nText.\n\n```text\nattic/\neast/  west/\ncellar\n```\n## C\n```\nno\n```\n";
    assert_eq!(rooms_in(document, "## B").expect("there it is"), HOUSE);
    assert_eq!(rooms_in(document, "## D"), None);
    assert_eq!(rooms_in("## B\n## C\n```\nno\n```\n", "## B"), None);
}
