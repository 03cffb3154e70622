//! Joins the rows of all families of data commands.

use super::row::Row;
use crate::unit::Serve;
use std::sync::LazyLock;

/// All data commands, family by family.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    FAMILIES.iter().copied().flatten()
}

/// How those are served who wait in the command of this name: what [`Unit::serve_ready`](crate::Unit::serve_ready) asks.
pub fn serve_of(name: &[u8]) -> Option<Serve> {
    static WAITING: LazyLock<Vec<(&str, Serve)>> =
        LazyLock::new(|| rows().filter_map(|row| Some((row.spec.name, row.serve?))).collect());
    // A dozen: hashing would take longer.
    WAITING.iter().find(|(waiting, _)| waiting.as_bytes().eq_ignore_ascii_case(name)).map(|(_, serve)| *serve)
}

const FAMILIES: &[&[Row]] = &[
    super::curfew::ROWS,
    super::database::ROWS,
    super::expiry::ROWS,
    super::generic::ROWS,
    super::object::ROWS,
    super::scan::ROWS,
    super::bitmap::ROWS,
    super::string::ROWS,
    super::list::ROWS,
    super::set::ROWS,
    super::hash::ROWS,
    super::sorted_set::ROWS,
    super::stream::ROWS,
    super::geo::ROWS,
    super::hyperloglog::ROWS,
    super::sort::ROWS,
    super::dump::ROWS,
];

#[cfg(test)]
mod tests {
    use super::*;
    use curfew_protocol::spec::BLOCKING;

    #[test]
    fn what_waits_is_served() {
        for row in rows() {
            let waits = row.spec.flags & BLOCKING != 0;
            assert_eq!(row.serve.is_some(), waits, "{}", row.spec.name);
            assert_eq!(serve_of(row.spec.name.to_uppercase().as_bytes()).is_some(), waits, "{}", row.spec.name);
        }
    }
}
