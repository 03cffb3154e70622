//! SORT and SORT_RO.
//!
//! BY and GET make keys of the elements, so any shard may be needed, and both commands hold all of them. What is sorted is copied
//! into one run of bytes first; then an order of its indices is made.

mod pattern;

use super::describe;
use crate::command::row::{Reach, Row};
use crate::event::class;
use crate::keyspace::{Deadline, as_str};
use crate::unit::Unit;
use crate::value::hash::Hash;
use crate::value::kind::Type;
use crate::value::list::{Limit, List};
use crate::value::packed::Element;
use crate::value::set::Set;
use crate::value::sorted_set::SortedSet;
use curfew_protocol::args::{integer, is};
use curfew_protocol::error::c_string;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply};
use pattern::Pattern;
use std::cmp::Ordering;

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row {
        spec: Spec::new("sort", -2, Group::Generic, "1.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RO | ACCESS), KeySpec::unknown(RO | ACCESS).notes("BY and GET make names out of the elements that are sorted, so nobody knows them beforehand"), KeySpec::unknown(OW | UPDATE).notes("STORE may stand anywhere among the options")])
            .finder(Finder::Sort)
            .acl(acl::LIST | acl::SET | acl::SORTEDSET | acl::DANGEROUS)
            .no_group_acl()
            .doc("O(n*log(n)), n = elements; in no order (BY without *) O(m), m = elements returned", "Sorts a list, set or sorted set by its elements or by values of other keys, and returns or stores them.", "key [BY by-pattern:pattern@1\"pattern\"] [LIMIT limit(offset count)] [GET get-pattern:pattern@1\"pattern\"+...] [order<ASC|DESC>] [sorting!ALPHA] [STORE destination@2]"),
        reach: Reach::All,
        run: sort,
        serve: None,
    },
    Row {
        spec: Spec::new("sort_ro", -2, Group::Generic, "7.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS), KeySpec::unknown(RO | ACCESS).notes("BY and GET make names out of the elements that are sorted, so nobody knows them beforehand")])
            .finder(Finder::First)
            .acl(acl::LIST | acl::SET | acl::SORTEDSET | acl::DANGEROUS)
            .no_group_acl()
            .doc("O(n*log(n)), n = elements; in no order (BY without *) O(m), m = elements returned", "Sorts a list, set or sorted set by its elements or by values of other keys, and stores nothing.", "key [BY by-pattern:pattern@1\"pattern\"] [LIMIT limit(offset count)] [GET get-pattern:pattern@1\"pattern\"+...] [order<ASC|DESC>] [sorting!ALPHA]"),
        reach: Reach::All,
        run: sort_ro,
        serve: None,
    },
];

fn sort(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    run(unit, args.at(1), Options::parse(args, true)?, out)
}

fn sort_ro(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    run(unit, args.at(1), Options::parse(args, false)?, out)
}

/// How to sort, and what to do with the result.
struct Options<'a> {
    descending: bool,
    /// By bytes rather than by numbers.
    alpha: bool,
    /// BY of a pattern without a star: in the order in which they are.
    unsorted: bool,
    by: Option<Pattern<'a>>,
    /// First and how many; negative: all.
    limit: (i64, i64),
    get: Vec<Pattern<'a>>,
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>, may_store: bool) -> Result<Options<'a>, Error> {
        let mut options = Options {
            descending: false,
            alpha: false,
            unsorted: false,
            by: None,
            limit: (0, -1),
            get: Vec::new(),
            store: None,
        };
        let mut cursor = args.cursor(2);
        while let Some(option) = cursor.next() {
            match option {
                _ if is(option, "ASC") => options.descending = false,
                _ if is(option, "DESC") => options.descending = true,
                _ if is(option, "ALPHA") => options.alpha = true,
                _ if is(option, "LIMIT") && cursor.left() >= 2 => {
                    options.limit = (integer(cursor.need()?)?, integer(cursor.need()?)?);
                }
                _ if may_store && is(option, "STORE") => options.store = Some(cursor.need()?),
                _ if is(option, "BY") => {
                    let by = Pattern::parse(cursor.need()?);
                    // One without a star is never taken back.
                    options.unsorted |= !by.has_star();
                    options.by = Some(by);
                }
                _ if is(option, "GET") => options.get.push(Pattern::parse(cursor.need()?)),
                _ => return Err(Error::SYNTAX),
            }
        }
        Ok(options)
    }

    /// Which elements of `len` are asked for: the first, and how many.
    fn window(&self, len: usize) -> (usize, usize) {
        let len = len as i64;
        let start = self.limit.0.clamp(0, len);
        let count = if self.limit.1 < 0 { len } else { self.limit.1 };
        (start as usize, count.min(len - start) as usize)
    }
}

fn run(unit: &mut Unit<'_>, key: &[u8], mut options: Options<'_>, out: &mut Reply) -> Result<(), Error> {
    let (kind, len) = source(unit, key)?;
    // A set has no order. Where one must be the same each time - the result is kept, or a script goes on with it - it is that
    // of the bytes, as in Redis.
    if options.unsorted && kind == Type::Set && (options.store.is_some() || !unit.may_wait) {
        (options.unsorted, options.alpha, options.by) = (false, true, None);
    }
    let (start, count) = options.window(len);
    let mut items = Items::default();
    let mut order: Vec<usize>;
    if options.unsorted {
        // Only what is asked for is read.
        load(unit, key, (start, count), options.descending && kind != Type::Set, &mut items);
        order = (0..items.len()).collect();
    } else {
        load(unit, key, (0, len), false, &mut items);
        order = arrange(unit, &items, &options)?;
        order.truncate(start + count);
        order.drain(..start.min(order.len()));
    }
    match options.store {
        Some(destination) => store(unit, destination, &items, &order, &options.get, out),
        None => {
            out.array(order.len() * options.get.len().max(1));
            let mut name = Vec::new();
            for index in order {
                let item = items.get(index);
                if options.get.is_empty() {
                    out.bulk(item);
                }
                for pattern in &options.get {
                    look_up(unit, pattern, item, &mut name, |value| match value {
                        Some(value) => out.bulk(value),
                        None => out.null(),
                    });
                }
            }
        }
    }
    Ok(())
}

/// The order of the items, by their indices.
fn arrange(unit: &mut Unit<'_>, items: &Items, options: &Options<'_>) -> Result<Vec<usize>, Error> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    let mut name = Vec::new();
    let directed = |ordering: Ordering| if options.descending { ordering.reverse() } else { ordering };
    // Redis compares by the locale, up to a NUL, unless the result is kept. The locale here is C.
    let text = |bytes| if options.store.is_some() { bytes } else { c_string(bytes) };
    if !options.alpha {
        let mut weights = Vec::with_capacity(items.len());
        for item in items.iter() {
            let weight = match &options.by {
                None => score(item),
                Some(by) => look_up(unit, by, item, &mut name, |value| value.map_or(Some(0.0), score)),
            };
            weights.push(weight);
        }
        // All are looked up before it fails, as in Redis: lookups are counted.
        let weights: Vec<f64> = weights.into_iter().collect::<Option<_>>().ok_or(Error::SORT_SCORES)?;
        order.sort_by(|one, other| {
            let by_weight = weights[*one].partial_cmp(&weights[*other]).unwrap_or(Ordering::Equal);
            directed(by_weight.then_with(|| items.get(*one).cmp(items.get(*other))))
        });
        return Ok(order);
    }
    let Some(by) = &options.by else {
        order.sort_by(|one, other| directed(text(items.get(*one)).cmp(text(items.get(*other)))));
        return Ok(order);
    };
    let (mut weights, mut places) = (Items::default(), Vec::with_capacity(items.len()));
    for item in items.iter() {
        places.push(look_up(unit, by, item, &mut name, |value| {
            value.map(|value| {
                weights.push(value);
                weights.len() - 1
            })
        }));
    }
    let weight = |index: usize| places[index].map(|place| text(weights.get(place)));
    // Those without a weight come first, and `None` is less than any `Some`.
    order.sort_by(|one, other| directed(weight(*one).cmp(&weight(*other))));
    Ok(order)
}

/// Makes a list of the result at `destination`; an empty one removes what was there.
fn store(
    unit: &mut Unit<'_>,
    destination: &[u8],
    items: &Items,
    order: &[usize],
    get: &[Pattern<'_>],
    out: &mut Reply,
) {
    out.count(order.len() * get.len().max(1));
    if order.is_empty() {
        if unit.remove(destination) {
            unit.effect(destination, [b"DEL".as_slice(), destination]);
            unit.changed(destination, class::GENERIC, "del");
        }
        return;
    }
    let limit = Limit::of(unit.settings.limits.list_size);
    let list = if get.is_empty() {
        List::collect(order.iter().map(|index| Element::of(items.get(*index))), limit)
    } else {
        let (mut found, mut name) = (Items::default(), Vec::new());
        for index in order {
            for pattern in get {
                let item = items.get(*index);
                look_up(unit, pattern, item, &mut name, |value| found.push(value.unwrap_or_default()));
            }
        }
        List::collect(found.iter().map(Element::of), limit)
    };
    unit.put_value(destination, list, Deadline::Clear);
    describe::leave(unit, unit.db, destination);
    unit.changed(destination, class::LIST, "sortstore");
}

/// A weight as a number: decimal, without white space. Nothing at all is 0, as in Redis; what is too large or too small for a
/// double is infinite or zero.
fn score(text: &[u8]) -> Option<f64> {
    let text = c_string(text);
    if text.is_empty() {
        return Some(0.0);
    }
    str::from_utf8(text).ok()?.parse().ok().filter(|score: &f64| !score.is_nan())
}

/// Byte strings in one run of memory.
#[derive(Default)]
struct Items {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Items {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn push(&mut self, item: &[u8]) {
        self.bytes.extend_from_slice(item);
        self.ends.push(self.bytes.len());
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }
}

// ---- what it needs to know of the types --------------------------------------------------------------------------------------

/// The type and the number of elements of what is to be sorted; an empty list without the key.
fn source(unit: &mut Unit<'_>, key: &[u8]) -> Result<(Type, usize), Error> {
    let Some(entry) = unit.read(key) else { return Ok((Type::List, 0)) };
    let kind = entry.kind();
    let len = match kind {
        Type::List => entry.view::<List>().map(|list| list.len()),
        Type::Set => entry.view::<Set>().map(|set| set.len()),
        Type::ZSet => entry.view::<SortedSet>().map(|zset| zset.len()),
        Type::String | Type::Hash | Type::Stream => None,
    };
    len.map(|len| (kind, len)).ok_or(Error::WRONG_TYPE)
}

/// Copies elements: those from the first of `window`, as many as its second, in their own order or `backward`.
fn load(unit: &mut Unit<'_>, key: &[u8], window: (usize, usize), backward: bool, items: &mut Items) {
    let Some(entry) = unit.peek(key) else { return };
    let mut digits = itoa::Buffer::new();
    let (start, count) = window;
    let mut add = |element: Element<'_>| items.push(element.bytes(&mut digits));
    match entry.kind() {
        Type::List => {
            let Some(list) = entry.view::<List>().filter(|list| start < list.len()) else { return };
            let first = if backward { list.len() - 1 - start } else { start };
            list.walk(first, backward).take(count).for_each(add);
        }
        Type::Set => {
            let Some(set) = entry.view::<Set>() else { return };
            set.iter().skip(start).take(count).for_each(add);
        }
        Type::ZSet => {
            let Some(zset) = entry.view::<SortedSet>() else { return };
            let start = start.min(zset.len());
            let count = count.min(zset.len() - start);
            match backward {
                false => zset.range(start..start + count).for_each(|(member, _)| add(member)),
                true => {
                    let end = zset.len() - start;
                    zset.range_back(end - count..end).for_each(|(member, _)| add(member));
                }
            }
        }
        Type::String | Type::Hash | Type::Stream => {}
    }
}

/// Shows what `pattern` stands for with `item` in place of its star: the item itself, the string at a key, or a field of the
/// hash there. `name` is memory for the key.
fn look_up<R>(
    unit: &mut Unit<'_>,
    pattern: &Pattern<'_>,
    item: &[u8],
    name: &mut Vec<u8>,
    show: impl FnOnce(Option<&[u8]>) -> R,
) -> R {
    let field = match pattern {
        Pattern::Item => return show(Some(item)),
        Pattern::Fixed => return show(None),
        Pattern::Key { before, behind, field } => {
            name.clear();
            [*before, item, *behind].into_iter().for_each(|part| name.extend_from_slice(part));
            *field
        }
    };
    let Some(entry) = unit.read(name) else { return show(None) };
    let mut digits = itoa::Buffer::new();
    match field {
        None => match as_str(entry) {
            Ok(crate::keyspace::Str::Int(number)) => show(Some(digits.format(number).as_bytes())),
            Ok(crate::keyspace::Str::Bytes(bytes)) => show(Some(bytes)),
            Err(_) => show(None),
        },
        Some(field) => {
            let value = entry.view::<Hash>().and_then(|hash| hash.get(field));
            match value {
                Some(value) => show(Some(value.bytes(&mut digits))),
                None => show(None),
            }
        }
    }
}

#[cfg(test)]
mod tests;
