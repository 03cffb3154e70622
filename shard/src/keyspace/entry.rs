//! An entry: one key with its value, in one block.
//!
//! ```text
//!  8 bytes    8 bytes, LONG     12 bytes, TIMED             klen    vlen
//! +----------+-----------------+----------------------------+-------+-------------------------------+
//! | header   | klen u32        | deadline i64, unaligned    | key   | i64 | bytes | Box<Object>     |
//! |          | vlen u32        | position in the wheel u32  |       |                               |
//! +----------+-----------------+----------------------------+-------+-------------------------------+
//!
//! header, one u64 from its low end:  type 4 | form 4 | lru 24 | klen 8 | vlen 16 | flags 8
//! ```
//!
//! So a key costs 8 bytes, one with a deadline 20, and only keys above 255 or values above 65535 bytes 8 more. With its
//! block (a multiple of 4 bytes) and its slot in the table (10 bytes at the mean load):
//!
//! | | block | and the slot |
//! |---|---|---|
//! | 16-byte key, 32-byte value | 56 | 66 |
//! | the same with a deadline, 8 bytes in the wheel | 68 | 86 |
//! | 16-byte key, 8-byte value, deadline | 44 | 62 |
//! | 16-byte key, integer | 32 | 42 |
//! | 16-byte key, 1 KiB | 1056 | 1066 |
//!
//! Invariants:
//! - Every [`Block`] that the keyspace's table or wheel knows is a live block of that keyspace's slab, written by
//!   [`Block::write`], and of the size that [`Block::size`] computes from its header (up to its class).
//! - Handles ([`EntryRef`], [`EntryMut`]) are made by the keyspace only, with the lifetime of the borrow of the keyspace.
//!   So nobody frees or moves an entry under a handle, and an `EntryMut` is the only handle on its keyspace.
//! - The header word is read and written by value through the pointer; no reference to it ever exists. That is why
//!   `EntryRef::set_lru` may write it while other handles of the same thread live: handles are not `Send`, a keyspace is
//!   not `Sync`.
//! - An entry has the flag FIELDS_DUE if and only if its value is an object whose first field is due some time, and the
//!   keyspace has been told so; it has room for a deadline then.
//! - In the form `Boxed` the value is the pointer of a `Box<Object>` that the entry owns.
#![allow(unsafe_code)]

use super::slab;
use super::wheel::{Item, Owner, Position};
use crate::value::kind::Type;
use crate::value::object::{Boxed, Object};
use curfew_protocol::Error;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

/// A value, borrowed from its entry.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A string that is the decimal form of this number.
    Int(i64),
    /// Bytes inside the entry: a string, or the packed form of another type.
    Bytes(&'a [u8]),
    /// A value outside the entry.
    Object(&'a Object),
}

/// A string value as it is stored.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Str<'a> {
    /// Stored as a number.
    Int(i64),
    /// Stored as bytes.
    Bytes(&'a [u8]),
}

/// The string that an entry holds.
#[inline]
pub fn as_str(entry: EntryRef<'_>) -> Result<Str<'_>, Error> {
    if entry.kind() != Type::String {
        return Err(Error::WRONG_TYPE);
    }
    Ok(match entry.value() {
        Value::Int(number) => Str::Int(number),
        Value::Bytes(bytes) => Str::Bytes(bytes),
        Value::Object(Object::Str(bytes)) => Str::Bytes(bytes),
        Value::Object(_) => return Err(Error::WRONG_TYPE),
    })
}

/// Stands for "no deadline" in an entry that has room for one.
pub(super) const NEVER: i64 = i64::MAX;

const HEADER: usize = 8;
const LONG_PART: usize = 8;
const TIMED_PART: usize = 12;
/// Entries above this size always have room for a deadline, so that giving them one never copies them.
const ALWAYS_TIMED: usize = 64 * 1024;

const LONG: u64 = 1 << 56;
const TIMED: u64 = 2 << 56;
const RAW: u64 = 4 << 56;
const FIELDS_DUE: u64 = 8 << 56;
const LRU_MASK: u64 = 0xFF_FFFF << 8;

const FORM_INT: u64 = 0 << 4;
const FORM_INLINE: u64 = 1 << 4;
const FORM_BOXED: u64 = 2 << 4;
const FORM_MASK: u64 = 0xF << 4;

/// Lengths of an entry, from which all its offsets follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    klen: usize,
    vlen: usize,
    timed: bool,
}

impl Shape {
    /// `timed` asks for room for a deadline; very large entries have it anyway.
    #[inline]
    pub(super) const fn new(klen: usize, vlen: usize, timed: bool) -> Shape {
        Shape { klen, vlen, timed: timed || klen + vlen > ALWAYS_TIMED }
    }

    #[inline]
    const fn long(self) -> bool {
        self.klen > u8::MAX as usize || self.vlen > u16::MAX as usize
    }

    #[inline]
    const fn key_at(self) -> usize {
        HEADER + if self.long() { LONG_PART } else { 0 } + if self.timed { TIMED_PART } else { 0 }
    }

    /// The same with room for a deadline.
    #[inline]
    pub(super) const fn with_deadline(self) -> Shape {
        Shape { timed: true, ..self }
    }

    /// Whether an entry of the other shape has its key at the same place and its lengths in the same form.
    #[inline]
    pub(super) const fn same_front(self, other: Shape) -> bool {
        self.klen == other.klen && self.timed == other.timed && self.long() == other.long()
    }

    /// Bytes of the whole entry.
    #[inline]
    pub(super) const fn size(self) -> usize {
        self.key_at() + self.klen + self.vlen
    }
}

const _: () = assert!(Shape::new(16, 32, false).size() == 56);
const _: () = assert!(Shape::new(16, 32, true).size() == 68);
const _: () = assert!(Shape::new(16, 8, true).size() == 44);
const _: () = assert!(Shape::new(16, 8, false).size() == 32);
const _: () = assert!(Shape::new(255, 65535, true).size() == 8 + 12 + 255 + 65535);
const _: () = assert!(Shape::new(256, 1, false).size() == 16 + 257);
const _: () = assert!(size_of::<EntryRef<'_>>() == 8 && size_of::<Option<EntryMut<'_>>>() == 8);

/// The value of an entry to be written.
pub(super) enum Content<'v> {
    Int(i64),
    Bytes(&'v [u8]),
    Object(Box<Object>),
}

impl Content<'_> {
    /// Bytes that the value takes in its entry.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Content::Int(_) | Content::Object(_) => 8,
            Content::Bytes(bytes) => bytes.len(),
        }
    }
}

/// The raw handle of an entry: the address of its block. It does not keep the entry alive (see the invariants above).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block(NonNull<u8>);

impl Block {
    /// The entry at `address`, which came from [`Block::address`].
    #[inline]
    pub(super) fn from_address(address: u64) -> Block {
        debug_assert!(address != 0 && address >> 48 == 0);
        // SAFETY: addresses come from non-null pointers.
        unsafe { Block(NonNull::new_unchecked(ptr::with_exposed_provenance_mut(address as usize))) }
    }

    /// The block's address: 48 bits, never 0.
    #[inline]
    pub(super) fn address(self) -> u64 {
        self.0.as_ptr().expose_provenance() as u64
    }

    #[inline]
    pub(super) fn item(self) -> Item {
        Item::new(self.address())
    }

    #[inline]
    pub(super) fn pointer(self) -> NonNull<u8> {
        self.0
    }

    /// Makes an entry of a fresh block of at least `shape.size()` bytes. Not in the wheel; `deadline` is ignored where
    /// the shape has no room for it.
    #[inline]
    pub(super) fn write(
        at: NonNull<u8>,
        shape: Shape,
        kind: Type,
        lru: u32,
        key: &[u8],
        content: Content<'_>,
        deadline: i64,
    ) -> Block {
        assert!(shape.klen <= u32::MAX as usize && shape.vlen <= u32::MAX as usize, "keys and values are under 4 GiB");
        debug_assert_eq!((shape.klen, shape.vlen), (key.len(), content.len()));
        let block = Block(at);
        let mut header = kind as u64 | (u64::from(lru) << 8 & LRU_MASK);
        // SAFETY: the block has `shape.size()` bytes; every offset below lies inside by the shape's arithmetic.
        unsafe {
            let base = at.as_ptr();
            if shape.long() {
                header |= LONG;
                base.add(HEADER).cast::<u32>().write_unaligned(shape.klen as u32);
                base.add(HEADER + 4).cast::<u32>().write_unaligned(shape.vlen as u32);
            } else {
                header |= (shape.klen as u64) << 32 | (shape.vlen as u64) << 40;
            }
            if shape.timed {
                header |= TIMED;
            }
            block.set_header(header);
            if shape.timed {
                block.set_deadline(deadline);
                block.set_position(Position::NONE);
            }
            ptr::copy_nonoverlapping(key.as_ptr(), base.add(shape.key_at()), key.len());
        }
        block.put_value(shape, content);
        block
    }

    /// Writes another value of the same kind of header over the present one, whose object (if any) has been taken.
    /// The key and the deadline stay.
    ///
    /// Invariant: the block has room for `shape.size()` bytes, and `shape.same_front(self.shape())`.
    #[inline]
    pub(super) fn overwrite(self, shape: Shape, kind: Type, lru: u32, content: Content<'_>) {
        debug_assert!(shape.same_front(self.shape()));
        let old = self.header();
        let mut header = kind as u64 | (u64::from(lru) << 8 & LRU_MASK) | old & (LONG | TIMED);
        if shape.long() {
            // SAFETY: an entry with a long part has its vlen here.
            unsafe { self.0.as_ptr().add(HEADER + 4).cast::<u32>().write_unaligned(shape.vlen as u32) }
        } else {
            header |= (shape.klen as u64) << 32 | (shape.vlen as u64) << 40;
        }
        self.set_header(header);
        self.put_value(shape, content);
    }

    /// Writes the value and its form.
    #[inline]
    fn put_value(self, shape: Shape, content: Content<'_>) {
        let header = self.header() & !FORM_MASK;
        // SAFETY: the value's `vlen` bytes are the last of the block's `shape.size()` bytes, and the content has that
        // length. Bytes from outside never overlap a block that is being written (the keyspace is borrowed mutably).
        unsafe {
            let at = self.0.as_ptr().add(shape.key_at() + shape.klen);
            match content {
                Content::Int(number) => {
                    at.cast::<i64>().write_unaligned(number);
                    self.set_header(header | FORM_INT);
                }
                Content::Bytes(bytes) => {
                    ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len());
                    self.set_header(header | FORM_INLINE);
                }
                Content::Object(object) => {
                    at.cast::<*mut Object>().write_unaligned(Box::into_raw(object));
                    self.set_header(header | FORM_BOXED);
                }
            }
        }
    }

    /// Makes the same entry, of another shape, in a fresh block: key, value, flags, LRU bits and deadline are copied, an
    /// owned object goes along (the old block may only be freed then). Not in the wheel.
    pub(super) fn copy_to(self, at: NonNull<u8>, timed: bool) -> Block {
        let old = self.shape();
        let new = Shape::new(old.klen, old.vlen, timed);
        let copy = Block(at);
        let deadline = self.deadline();
        let header = self.header() & !TIMED | if new.timed { TIMED } else { 0 };
        copy.set_header(header);
        // SAFETY: the new block has `new.size()` bytes and is another one; long or not is the same in both.
        unsafe {
            if old.long() {
                ptr::copy_nonoverlapping(self.0.as_ptr().add(HEADER), at.as_ptr().add(HEADER), LONG_PART);
            }
            let (from, to) = (self.0.as_ptr().add(old.key_at()), at.as_ptr().add(new.key_at()));
            ptr::copy_nonoverlapping(from, to, old.klen + old.vlen);
        }
        if new.timed {
            copy.set_deadline(deadline);
            copy.set_position(Position::NONE);
        }
        copy
    }

    #[inline]
    pub(super) fn shape(self) -> Shape {
        let header = self.header();
        let timed = header & TIMED != 0;
        if header & LONG == 0 {
            return Shape { klen: (header >> 32 & 0xFF) as usize, vlen: (header >> 40 & 0xFFFF) as usize, timed };
        }
        // SAFETY: an entry with the flag LONG has both lengths here.
        unsafe {
            let at = self.0.as_ptr().add(HEADER).cast::<u32>();
            Shape { klen: at.read_unaligned() as usize, vlen: at.add(1).read_unaligned() as usize, timed }
        }
    }

    /// Bytes of the entry; its block may be bigger, up to `usable` of it.
    #[inline]
    pub(super) fn size(self) -> usize {
        self.shape().size()
    }

    /// The key, for as long as the caller knows the entry to live.
    #[inline]
    pub(super) fn key<'a>(self) -> &'a [u8] {
        let shape = self.shape();
        // SAFETY: the key's bytes are there by the shape, and never written again while the entry lives.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().add(shape.key_at()), shape.klen) }
    }

    #[inline]
    pub(super) fn has_key(self, key: &[u8]) -> bool {
        self.key() == key
    }

    #[inline]
    pub(super) fn kind(self) -> Type {
        Type::from_bits(self.header() & 0xF)
    }

    #[inline]
    pub(super) fn is_boxed(self) -> bool {
        self.header() & FORM_MASK == FORM_BOXED
    }

    /// Whether there is room for a deadline.
    #[inline]
    pub(super) fn timed(self) -> bool {
        self.header() & TIMED != 0
    }

    /// The deadline, [`NEVER`] without one.
    #[inline]
    pub(super) fn deadline(self) -> i64 {
        if !self.timed() {
            return NEVER;
        }
        // SAFETY: an entry with the flag TIMED has a deadline here.
        unsafe { self.timed_part().cast::<i64>().read_unaligned() }
    }

    /// Whether the value is a hash with fields that are due some time: then it has room for a deadline, and lies in the wheel
    /// at the earlier of its own deadline and that of its first field.
    #[inline]
    pub(super) fn has_fields_due(self) -> bool {
        self.header() & FIELDS_DUE != 0
    }

    #[inline]
    pub(super) fn set_has_fields_due(self, has: bool) {
        self.set_header(self.header() & !FIELDS_DUE | if has { FIELDS_DUE } else { 0 });
    }

    /// See [`Object::fields_due`]; [`NEVER`] for most.
    #[inline]
    pub(super) fn fields_due(self) -> i64 {
        // Every lookup asks: for nearly all entries it is over here, before the value is looked at.
        if !self.has_fields_due() {
            return NEVER;
        }
        match self.value() {
            Value::Object(object) => object.fields_due().unwrap_or(NEVER),
            _ => NEVER,
        }
    }

    /// Invariant: `self.timed()`.
    #[inline]
    pub(super) fn set_deadline(self, deadline: i64) {
        assert!(self.timed());
        // SAFETY: as above.
        unsafe { self.timed_part().cast::<i64>().write_unaligned(deadline) }
    }

    /// Where the wheel has this entry, `Position::NONE` if it is not there.
    #[inline]
    pub(super) fn position(self) -> Position {
        if !self.timed() {
            return Position::NONE;
        }
        // SAFETY: an entry with the flag TIMED has its place in the wheel behind its deadline.
        Position::from_raw(unsafe { self.timed_part().add(8).cast::<u32>().read_unaligned() })
    }

    /// Invariant: `self.timed()`.
    #[inline]
    pub(super) fn set_position(self, position: Position) {
        assert!(self.timed());
        // SAFETY: as above.
        unsafe { self.timed_part().add(8).cast::<u32>().write_unaligned(position.to_raw()) }
    }

    #[inline]
    pub(super) fn value<'a>(self) -> Value<'a> {
        let header = self.header();
        let shape = self.shape();
        // SAFETY: the value's bytes are there by the shape, and hold what the form says.
        unsafe {
            let at = self.0.as_ptr().add(shape.key_at() + shape.klen);
            match header & FORM_MASK {
                FORM_INT => Value::Int(at.cast::<i64>().read_unaligned()),
                FORM_BOXED => Value::Object(&*at.cast::<*const Object>().read_unaligned()),
                _ => Value::Bytes(std::slice::from_raw_parts(at, shape.vlen)),
            }
        }
    }

    /// Takes the object out of the entry, which becomes the integer 0.
    #[inline]
    pub(super) fn take_object(self) -> Option<Box<Object>> {
        if !self.is_boxed() {
            return None;
        }
        let shape = self.shape();
        // SAFETY: a boxed entry owns the box whose pointer is its value; overwriting the value gives the ownership away.
        let object = unsafe {
            let at = self.0.as_ptr().add(shape.key_at() + shape.klen);
            Box::from_raw(at.cast::<*mut Object>().read_unaligned())
        };
        self.put_value(shape, Content::Int(0));
        Some(object)
    }

    #[inline]
    pub(super) fn raw(self) -> bool {
        self.header() & RAW != 0
    }

    #[inline]
    pub(super) fn set_raw(self, raw: bool) {
        self.set_header(self.header() & !RAW | if raw { RAW } else { 0 });
    }

    #[inline]
    pub(super) fn lru(self) -> u32 {
        ((self.header() & LRU_MASK) >> 8) as u32
    }

    #[inline]
    pub(super) fn set_lru(self, lru: u32) {
        self.set_header(self.header() & !LRU_MASK | (u64::from(lru) << 8 & LRU_MASK));
    }

    #[inline]
    pub(super) fn as_ref<'a>(self) -> EntryRef<'a> {
        EntryRef { block: self, life: PhantomData }
    }

    #[inline]
    pub(super) fn as_mut<'a>(self) -> EntryMut<'a> {
        EntryMut { block: self, life: PhantomData }
    }

    #[inline]
    fn header(self) -> u64 {
        // SAFETY: every entry starts with its header.
        unsafe { self.0.as_ptr().cast::<u64>().read_unaligned() }
    }

    #[inline]
    fn set_header(self, header: u64) {
        // SAFETY: as above; no reference covers the header.
        unsafe { self.0.as_ptr().cast::<u64>().write_unaligned(header) }
    }

    /// # Safety
    /// The entry has the flag TIMED.
    #[inline]
    unsafe fn timed_part(self) -> *mut u8 {
        let offset = if self.header() & LONG == 0 { HEADER } else { HEADER + LONG_PART };
        // SAFETY: the part lies between the header and the key.
        unsafe { self.0.as_ptr().add(offset) }
    }
}

/// A read-only handle of an entry; as cheap to copy as a reference.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    block: Block,
    life: PhantomData<&'a ()>,
}

impl<'a> EntryRef<'a> {
    pub(super) fn block(&self) -> Block {
        self.block
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &'a [u8] {
        self.block.key()
    }

    /// The type of the value.
    #[inline]
    pub fn kind(&self) -> Type {
        self.block.kind()
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> Value<'a> {
        self.block.value()
    }

    /// The value as one of this type, in whichever form it is kept; None if it is of another.
    #[inline]
    pub fn view<T: Boxed>(&self) -> Option<T::View<'a>> {
        if self.kind() != T::KIND {
            return None;
        }
        match self.value() {
            Value::Bytes(bytes) => Some(T::view_inline(bytes)),
            Value::Object(object) => T::of(object).map(T::view),
            Value::Int(_) => None,
        }
    }

    /// When the key is due, in Unix milliseconds, if it has a deadline. It may have passed already.
    #[inline]
    pub fn deadline(&self) -> Option<i64> {
        Some(self.block.deadline()).filter(|t| *t != NEVER)
    }

    /// When the first field of a hash is due, in Unix milliseconds, if any ever is. It may have passed already.
    #[inline]
    pub fn fields_due(&self) -> Option<i64> {
        if !self.block.has_fields_due() {
            return None;
        }
        match self.block.value() {
            Value::Object(Object::Hash(hash)) => hash.due(),
            _ => None,
        }
    }

    /// Whether it is a hash that lies in the wheel for its fields: some are due one day, or are gone and left to be swept.
    #[inline]
    pub fn has_fields_due(&self) -> bool {
        self.block.has_fields_due()
    }

    /// Whether the key is gone at `now` (Unix milliseconds), though it was not removed yet: it is past its deadline, or all
    /// of its fields are. O(1), or O(log n) for large hashes with deadlines.
    #[inline]
    pub fn gone(&self, now: i64) -> bool {
        if now > self.block.deadline() {
            return true;
        }
        match self.block.value() {
            Value::Object(object) if self.block.has_fields_due() => object.all_due(now),
            _ => false,
        }
    }

    /// Whether the string was modified in place, so that Redis calls its encoding "raw" however short it is.
    #[inline]
    pub fn raw(&self) -> bool {
        self.block.raw()
    }

    /// The 24 bits kept for eviction.
    #[inline]
    pub fn lru(&self) -> u32 {
        self.block.lru()
    }

    /// Writes the 24 bits kept for eviction (higher bits are ignored). Other handles of the entry see it at once.
    #[inline]
    pub fn set_lru(&self, lru: u32) {
        self.block.set_lru(lru);
    }

    /// Footprint in bytes: block, slot, place in the wheel, and the object's own memory as far as it is known in O(1).
    pub fn bytes(&self) -> usize {
        const SLOT: usize = 10;
        const WHEEL: usize = 8;
        let object = match self.value() {
            Value::Object(object) => size_of::<Object>() + object.heap_bytes(),
            _ => 0,
        };
        let armed = self.deadline().is_some() || self.block.has_fields_due();
        slab::usable(self.block.size()) + SLOT + if armed { WHEEL } else { 0 } + object
    }
}

impl std::fmt::Debug for EntryRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("key", &String::from_utf8_lossy(self.key()))
            .field("kind", &self.kind())
            .field("value", &self.value())
            .field("deadline", &self.deadline())
            .finish()
    }
}

/// The handle of an entry whose value may be changed in place.
pub struct EntryMut<'a> {
    block: Block,
    life: PhantomData<&'a mut ()>,
}

impl EntryMut<'_> {
    /// The same entry, to read.
    #[inline]
    pub fn as_ref(&self) -> EntryRef<'_> {
        self.block.as_ref()
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        self.block.key()
    }

    /// The type of the value.
    #[inline]
    pub fn kind(&self) -> Type {
        self.block.kind()
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> Value<'_> {
        self.block.value()
    }

    /// When the key is due, in Unix milliseconds, if it has a deadline.
    #[inline]
    pub fn deadline(&self) -> Option<i64> {
        self.as_ref().deadline()
    }

    /// See [`EntryRef::raw`].
    #[inline]
    pub fn raw(&self) -> bool {
        self.block.raw()
    }

    /// See [`EntryRef::raw`].
    #[inline]
    pub fn set_raw(&mut self, raw: bool) {
        self.block.set_raw(raw);
    }

    /// See [`EntryRef::lru`].
    #[inline]
    pub fn lru(&self) -> u32 {
        self.block.lru()
    }

    /// See [`EntryRef::set_lru`].
    #[inline]
    pub fn set_lru(&self, lru: u32) {
        self.block.set_lru(lru);
    }

    /// Footprint in bytes, see [`EntryRef::bytes`].
    pub fn bytes(&self) -> usize {
        self.as_ref().bytes()
    }

    /// Replaces an integer by another; false (and nothing done) when the value is not in integer form.
    #[inline]
    pub fn set_int(&mut self, number: i64) -> bool {
        if !matches!(self.value(), Value::Int(_)) {
            return false;
        }
        self.block.put_value(self.block.shape(), Content::Int(number));
        true
    }

    /// The value's bytes when they are inside the entry, for changes that keep the length.
    #[inline]
    pub fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        if self.block.header() & FORM_MASK != FORM_INLINE {
            return None;
        }
        let shape = self.block.shape();
        // SAFETY: the bytes belong to this entry, of which this is the only handle, for as long as it is borrowed.
        unsafe {
            let at = self.block.0.as_ptr().add(shape.key_at() + shape.klen);
            Some(std::slice::from_raw_parts_mut(at, shape.vlen))
        }
    }

    /// The object, when the value is outside the entry.
    #[inline]
    pub fn object_mut(&mut self) -> Option<&mut Object> {
        self.block.object_mut()
    }
}

impl Block {
    /// The object, when the value is outside the entry; for callers that borrow the keyspace mutably.
    #[inline]
    pub(super) fn object_mut<'a>(self) -> Option<&'a mut Object> {
        if !self.is_boxed() {
            return None;
        }
        let shape = self.shape();
        // SAFETY: a boxed entry owns the object its value points to, and the caller is alone with the keyspace.
        unsafe {
            let at = self.0.as_ptr().add(shape.key_at() + shape.klen);
            Some(&mut *at.cast::<*mut Object>().read_unaligned())
        }
    }
}

/// What the wheel asks of entries. Every item in a keyspace's wheel is the address of a live entry of that keyspace that
/// has the flag TIMED: an entry leaves the wheel before its block is freed, and a moved one is replaced.
pub(super) struct Entries;

impl Owner for Entries {
    #[inline]
    fn deadline(&self, item: Item) -> i64 {
        let block = Block::from_address(item.get());
        block.deadline().min(block.fields_due())
    }

    #[inline]
    fn moved(&mut self, item: Item, position: Position) {
        Block::from_address(item.get()).set_position(position);
    }
}
