//! Joins the rows of all families of data commands.

use super::row::Row;

/// All data commands, family by family.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    FAMILIES.iter().copied().flatten()
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
