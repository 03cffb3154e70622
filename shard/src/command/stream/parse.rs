//! Arguments that several commands share: ids, intervals, trims.

use crate::value::limits::Limits;
use crate::value::stream::{NewId, NodeLimits, StreamId, Trim, TrimBy};
use curfew_protocol::args::is;
use curfew_protocol::{Args, Error, number};

/// The limits of nodes.
pub(super) fn node_limits(limits: Limits) -> NodeLimits {
    NodeLimits { bytes: limits.stream_bytes, entries: limits.stream_entries }
}

/// An id where `-` and `+` are none.
pub(super) fn strict_id(arg: &[u8]) -> Result<StreamId, Error> {
    StreamId::parse_strict(arg, 0).ok_or(Error::STREAM_ID)
}

/// Ids where `-` and `+` are none.
pub(super) fn strict_ids(args: Args<'_>) -> Result<Vec<StreamId>, Error> {
    args.iter().map(strict_id).collect()
}

/// The start of an interval; behind `(` it is not part of it.
pub(super) fn start_id(arg: &[u8]) -> Result<StreamId, Error> {
    match arg {
        [b'(', rest @ ..] if !rest.is_empty() => strict_id(rest)?.next().ok_or(Error::STREAM_START),
        _ => StreamId::parse(arg, 0).ok_or(Error::STREAM_ID),
    }
}

/// The end of an interval; behind `(` it is not part of it.
pub(super) fn end_id(arg: &[u8]) -> Result<StreamId, Error> {
    match arg {
        [b'(', rest @ ..] if !rest.is_empty() => {
            StreamId::parse_strict(rest, u64::MAX).ok_or(Error::STREAM_ID)?.prev().ok_or(Error::STREAM_END)
        }
        _ => StreamId::parse(arg, u64::MAX).ok_or(Error::STREAM_ID),
    }
}

/// `arg` as a 64-bit integer, or this error.
pub(super) fn integer_or(arg: &[u8], error: Error) -> Result<i64, Error> {
    number::parse_i64(arg).ok_or(error)
}

/// The options of XADD and XTRIM.
pub(super) struct AddOptions {
    /// What XADD's entry is to be called.
    pub id: Option<NewId>,
    /// Where that stands, or would stand.
    pub at: usize,
    pub no_mkstream: bool,
    pub trim: Option<Trim>,
}

/// Reads the options of XADD (up to the id) or of XTRIM.
pub(super) fn add_options(args: Args<'_>, xadd: bool, limits: Limits) -> Result<AddOptions, Error> {
    let mut options = AddOptions { id: None, at: 2, no_mkstream: false, trim: None };
    let (mut by, mut approximate, mut limit) = (None, false, None);
    while let Some(option) = args.get(options.at) {
        let more = args.len() - 1 - options.at;
        if xadd && option == b"*" {
            options.id = Some(NewId::Auto);
            break;
        }
        let (maxlen, minid) = (is(option, "MAXLEN"), is(option, "MINID"));
        if (maxlen || minid) && more > 0 {
            if by.is_some() {
                return Err(Error::TRIM_BOTH);
            }
            options.at += 1;
            let sign = args.at(options.at);
            approximate = more >= 2 && sign == b"~";
            options.at += usize::from(more >= 2 && (sign == b"~" || sign == b"="));
            let arg = args.at(options.at);
            by = Some(if maxlen {
                let most = integer_or(arg, Error::NOT_AN_INTEGER)?;
                TrimBy::MaxLen(u64::try_from(most).map_err(|_| Error::TRIM_MAXLEN)?)
            } else {
                TrimBy::MinId(strict_id(arg)?)
            });
        } else if is(option, "LIMIT") && more > 0 {
            options.at += 1;
            let most = integer_or(args.at(options.at), Error::NOT_AN_INTEGER)?;
            limit = Some(u64::try_from(most).map_err(|_| Error::TRIM_LIMIT)?);
        } else if xadd && is(option, "NOMKSTREAM") {
            options.no_mkstream = true;
        } else if xadd {
            options.id = Some(NewId::parse(option).ok_or(Error::STREAM_ID)?);
            break;
        } else {
            return Err(Error::SYNTAX);
        }
        options.at += 1;
    }
    match by {
        None if limit.is_some_and(|limit| limit > 0) => return Err(Error::TRIM_LIMIT_ALONE),
        None if !xadd => return Err(Error::TRIM_NONE),
        _ => {}
    }
    let limit = match limit {
        Some(_) if !approximate => return Err(Error::TRIM_LIMIT_EXACT),
        Some(limit) => limit,
        // A hundred nodes, so that one command does not take too long.
        None if approximate => match 100u64.saturating_mul(limits.stream_entries as u64) {
            0 => 10_000,
            limit => limit.min(1_000_000),
        },
        None => 0,
    };
    options.trim = by.map(|by| Trim { by, approximate, limit });
    Ok(options)
}
