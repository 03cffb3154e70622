//! Blocks of memory for entries, all owned by one keyspace.
//!
//! ```text
//! page: 64 KiB, aligned to 64 KiB, one size class
//! +--------------+-------+-------+-------+-----+---------------+----------+
//! | Page 32 B    | block | block | block | ... | never used    | 64 B for |
//! | class, used, |  live |  free |  live |     | yet (bump ->) | malloc   |
//! | free, bump.. |       | next->|       |     |               |          |
//! +--------------+-------+-------+-------+-----+---------------+----------+
//! ```
//!
//! - Classes: every 4 bytes from 16 to 128, every 8 to 512, then 32 for each doubling up to 8 KiB: a block wastes at
//!   most 3 bytes where entries are small (a step of 8 would cost 2 bytes for each key on average), 3 % where they are
//!   large. What is bigger goes to the global allocator. Blocks are aligned to 4 bytes only.
//! - A block carries no header: its page is found by masking its address. A page costs 96 bytes, 0.15 %.
//! - The last 64 bytes of the 64 KiB are left to the allocator's own chunk header: with it, aligned pages lie side by
//!   side under glibc, where a full 64 KiB would leave nearly a page of address space between two of them.
//! - Empty pages go back to the global allocator, but for [`SPARES_MAX`].
//!
//! Invariants:
//! - A page is in the list of its class if and only if it has room (a free block or space past `bump`).
//! - `pages[page.index]` is the page itself; spare pages are in no list and not in `pages`.
//! - Offsets in a page count 4 bytes; offset 0 (the header) stands for "none".
//! - No address ever uses more than 48 bits (checked for each page and each large block).
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};

const PAGE_ALIGN: usize = 64 * 1024;
const PAGE_BYTES: usize = PAGE_ALIGN - 64;
const PAGE_LAYOUT: Layout = match Layout::from_size_align(PAGE_BYTES, PAGE_ALIGN) {
    Ok(layout) => layout,
    Err(_) => panic!("a valid layout"),
};
/// Offsets inside a page count this many bytes.
const GRAIN: usize = 4;
/// Empty pages kept for the next allocation, whatever its class.
const SPARES_MAX: usize = 4;

const SMALLEST: usize = 16;
const FINE_MAX: usize = 128;
const STEP8_MAX: usize = 512;
/// The biggest block that lives in a page.
pub(super) const BLOCK_MAX: usize = 8192;
const FINE_CLASSES: usize = (FINE_MAX - SMALLEST) / 4 + 1;
const STEP8_CLASSES: usize = (STEP8_MAX - FINE_MAX) / 8;
const CLASSES: usize = FINE_CLASSES + STEP8_CLASSES + 4 * 32;

/// Block size of each class, in bytes.
const BLOCK_BYTES: [u16; CLASSES] = {
    let mut table = [0u16; CLASSES];
    let mut class = 0;
    let mut size = SMALLEST;
    while class < CLASSES {
        table[class] = size as u16;
        class += 1;
        size += if size < FINE_MAX {
            4
        } else if size < STEP8_MAX {
            8
        } else if size < 1024 {
            16
        } else if size < 2048 {
            32
        } else if size < 4096 {
            64
        } else {
            128
        };
    }
    assert!(table[CLASSES - 1] as usize == BLOCK_MAX);
    table
};

/// Header at the start of each page.
#[repr(C)]
struct Page {
    prev: *mut Page,
    next: *mut Page,
    /// Where this page is in `Slab::pages`.
    index: u32,
    /// First free block, in grains from the page's start; 0 for none.
    free: u16,
    /// First byte never handed out, in grains from the page's start.
    bump: u16,
    /// Live blocks.
    used: u16,
    class: u8,
}

const _: () = assert!(size_of::<Page>() == 32);
const _: () = assert!(PAGE_BYTES / GRAIN <= u16::MAX as usize);

/// The allocator of one keyspace. Dropping it frees every page at once; blocks above [`BLOCK_MAX`] have to be freed one
/// by one before (they are leaked otherwise).
pub(super) struct Slab {
    with_room: [*mut Page; CLASSES],
    pages: Vec<NonNull<Page>>,
    spares: Vec<NonNull<Page>>,
    used_bytes: usize,
    large_bytes: usize,
    large_blocks: usize,
}

// SAFETY: all pointers lead to memory that this slab alone owns, and nothing in it is tied to a thread.
unsafe impl Send for Slab {}

impl Slab {
    pub(super) fn new() -> Self {
        Slab {
            with_room: [ptr::null_mut(); CLASSES],
            pages: Vec::new(),
            spares: Vec::new(),
            used_bytes: 0,
            large_bytes: 0,
            large_blocks: 0,
        }
    }

    /// An uninitialized block of at least `size` bytes, aligned to 4. O(1). Ends the process when memory is out.
    #[inline]
    pub(super) fn alloc(&mut self, size: usize) -> NonNull<u8> {
        if size > BLOCK_MAX {
            return self.alloc_large(size);
        }
        let class = class_of(size);
        let block = BLOCK_BYTES[class] as usize;
        self.used_bytes += block;
        let page = match NonNull::new(self.with_room[class]) {
            Some(page) => page,
            None => self.add_page(class),
        };
        let at = page.as_ptr();
        // SAFETY:
        // - `page` is a live page of this class with room, so either `free` or `bump` leads to a whole block inside it.
        // - A free block's first two bytes hold the offset of the next one (written by `free`).
        // - No reference to the page's header is held meanwhile.
        unsafe {
            (*at).used += 1;
            let offset = if (*at).free != 0 {
                let offset = (*at).free;
                (*at).free = at.cast::<u8>().add(offset as usize * GRAIN).cast::<u16>().read();
                offset
            } else {
                let offset = (*at).bump;
                (*at).bump += (block / GRAIN) as u16;
                offset
            };
            if !has_room(at, block) {
                self.unlink(at);
            }
            NonNull::new_unchecked(at.cast::<u8>().add(offset as usize * GRAIN))
        }
    }

    /// Gives back a block. O(1).
    ///
    /// Invariant: `block` came from `alloc` of this slab with a size of the same [`usable`] size, and is not used again.
    #[inline]
    pub(super) fn free(&mut self, block: NonNull<u8>, size: usize) {
        if size > BLOCK_MAX {
            return self.free_large(block, size);
        }
        let address = block.as_ptr();
        let offset = address as usize & (PAGE_ALIGN - 1);
        let page = address.wrapping_sub(offset).cast::<Page>();
        // SAFETY:
        // - A block of a page lies in the 64 KiB that start with its page's header, so `page` is a live page of this slab.
        // - The block is dead, so its first bytes may hold the free list's link (offsets are multiples of 4: aligned).
        unsafe {
            let bytes = BLOCK_BYTES[(*page).class as usize] as usize;
            debug_assert_eq!((*page).class as usize, class_of(size));
            debug_assert!((*page).used > 0);
            #[cfg(debug_assertions)]
            ptr::write_bytes(address, 0xDD, bytes);
            let had_room = has_room(page, bytes);
            address.cast::<u16>().write((*page).free);
            (*page).free = (offset / GRAIN) as u16;
            (*page).used -= 1;
            self.used_bytes -= bytes;
            if (*page).used == 0 {
                if had_room {
                    self.unlink(page);
                }
                self.drop_page(page);
            } else if !had_room {
                self.link(page);
            }
        }
    }

    /// Memory held, in bytes: pages, spare pages and large blocks.
    pub(super) fn bytes(&self) -> usize {
        (self.pages.len() + self.spares.len()) * PAGE_ALIGN
            + (self.pages.capacity() + self.spares.capacity()) * size_of::<NonNull<Page>>()
            + self.large_bytes
    }

    /// Bytes in live blocks.
    pub(super) fn used(&self) -> usize {
        self.used_bytes + self.large_bytes
    }

    /// Pages in use.
    pub(super) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Live blocks that are not in a page.
    pub(super) fn large_blocks(&self) -> usize {
        self.large_blocks
    }

    #[cold]
    fn alloc_large(&mut self, size: usize) -> NonNull<u8> {
        let layout = large_layout(size);
        // SAFETY: the layout's size is not zero.
        let block = unsafe { alloc(layout) };
        let Some(block) = NonNull::new(block) else { handle_alloc_error(layout) };
        assert_address(block.as_ptr() as usize);
        self.large_bytes += size;
        self.large_blocks += 1;
        block
    }

    #[cold]
    fn free_large(&mut self, block: NonNull<u8>, size: usize) {
        self.large_bytes -= size;
        self.large_blocks -= 1;
        // SAFETY: by `free`'s invariant it came from `alloc_large` with this size, hence this layout.
        unsafe { dealloc(block.as_ptr(), large_layout(size)) }
    }

    /// A page of `class` without live blocks, linked into the list of its class.
    #[cold]
    fn add_page(&mut self, class: usize) -> NonNull<Page> {
        let page = self.spares.pop().unwrap_or_else(|| {
            // SAFETY: the layout's size is not zero.
            let page = unsafe { alloc(PAGE_LAYOUT) };
            let Some(page) = NonNull::new(page) else { handle_alloc_error(PAGE_LAYOUT) };
            assert_address(page.as_ptr() as usize);
            page.cast()
        });
        // SAFETY: the page is ours, aligned, and big enough for the header; it is in no list yet.
        unsafe {
            page.as_ptr().write(Page {
                prev: ptr::null_mut(),
                next: ptr::null_mut(),
                index: self.pages.len() as u32,
                free: 0,
                bump: (size_of::<Page>() / GRAIN) as u16,
                used: 0,
                class: class as u8,
            });
            self.pages.push(page);
            self.link(page.as_ptr());
        }
        page
    }

    /// Takes an empty page, which is in no list, out of `pages`.
    ///
    /// # Safety
    /// `page` is a live page of this slab, unlinked, without live blocks.
    #[cold]
    unsafe fn drop_page(&mut self, page: *mut Page) {
        // SAFETY: `index` is the page's place in `pages`; the page that takes this place learns of it.
        unsafe {
            let index = (*page).index as usize;
            let page = self.pages.swap_remove(index);
            if let Some(moved) = self.pages.get(index) {
                (*moved.as_ptr()).index = index as u32;
            }
            if self.spares.len() < SPARES_MAX {
                self.spares.push(page);
            } else {
                dealloc(page.as_ptr().cast(), PAGE_LAYOUT);
            }
        }
    }

    /// # Safety
    /// `page` is a live page of this slab that is in no list.
    unsafe fn link(&mut self, page: *mut Page) {
        // SAFETY: the head of a list is null or a live page.
        unsafe {
            let head = &mut self.with_room[(*page).class as usize];
            (*page).prev = ptr::null_mut();
            (*page).next = *head;
            if !head.is_null() {
                (**head).prev = page;
            }
            *head = page;
        }
    }

    /// # Safety
    /// `page` is a live page of this slab that is in the list of its class.
    unsafe fn unlink(&mut self, page: *mut Page) {
        // SAFETY: neighbours in a list are null or live pages.
        unsafe {
            let (prev, next) = ((*page).prev, (*page).next);
            if prev.is_null() {
                self.with_room[(*page).class as usize] = next;
            } else {
                (*prev).next = next;
            }
            if !next.is_null() {
                (*next).prev = prev;
            }
        }
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        for page in self.pages.drain(..).chain(self.spares.drain(..)) {
            // SAFETY: every page in these lists came from `alloc` with this layout and is forgotten right here.
            unsafe { dealloc(page.as_ptr().cast(), PAGE_LAYOUT) }
        }
    }
}

/// Size in bytes of the block that a request of `size` bytes gets.
#[inline]
pub(super) fn usable(size: usize) -> usize {
    if size > BLOCK_MAX { size } else { BLOCK_BYTES[class_of(size)] as usize }
}

/// Class of a block of `size` bytes, at most [`BLOCK_MAX`].
#[inline]
fn class_of(size: usize) -> usize {
    debug_assert!(size <= BLOCK_MAX);
    if size <= FINE_MAX {
        size.saturating_sub(SMALLEST).div_ceil(4)
    } else if size <= STEP8_MAX {
        FINE_CLASSES + (size - FINE_MAX - 1) / 8
    } else {
        // (512 * 2^k, 1024 * 2^k] is cut in 32 steps of 16 * 2^k.
        let k = (usize::BITS - 1 - (size - 1).leading_zeros()) as usize - 9;
        FINE_CLASSES + STEP8_CLASSES + 32 * k + ((size - 1 - (STEP8_MAX << k)) >> (4 + k))
    }
}

/// # Safety
/// `page` is a live page and `block` the block size of its class.
#[inline]
unsafe fn has_room(page: *mut Page, block: usize) -> bool {
    // SAFETY: the page is live.
    unsafe { (*page).free != 0 || (*page).bump as usize * GRAIN + block <= PAGE_BYTES }
}

fn large_layout(size: usize) -> Layout {
    // A size beyond isize::MAX is the only error, and no caller has that much memory to fill the block from.
    Layout::from_size_align(size, 16).unwrap_or(PAGE_LAYOUT)
}

fn assert_address(address: usize) {
    assert!(address >> 48 == 0, "addresses have at most 48 bits: table slots keep 16 bits of the hash above them");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::test_scale;
    use proptest::prelude::*;

    #[test]
    fn every_size_gets_the_tightest_class() {
        for size in 1..=BLOCK_MAX {
            let class = class_of(size);
            assert!(BLOCK_BYTES[class] as usize >= size, "{size}");
            assert!(class == 0 || (BLOCK_BYTES[class - 1] as usize) < size, "{size}");
        }
        assert_eq!(usable(BLOCK_MAX + 1), BLOCK_MAX + 1);
    }

    /// A block filled with bytes that tell which block it is.
    struct Filled {
        block: NonNull<u8>,
        size: usize,
        stamp: u8,
    }

    fn fill(slab: &mut Slab, size: usize, stamp: u8) -> Filled {
        let block = slab.alloc(size);
        assert_eq!(block.as_ptr() as usize % 4, 0);
        // SAFETY: the block has at least `size` bytes.
        unsafe { ptr::write_bytes(block.as_ptr(), stamp, size) };
        Filled { block, size, stamp }
    }

    fn check(filled: &Filled) {
        // SAFETY: the block is live and was filled.
        let bytes = unsafe { std::slice::from_raw_parts(filled.block.as_ptr(), filled.size) };
        assert!(bytes.iter().all(|b| *b == filled.stamp), "block of {} bytes overwritten", filled.size);
    }

    fn release(slab: &mut Slab, filled: &Filled) {
        check(filled);
        slab.free(filled.block, filled.size);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(test_scale(40) as u32))]
        #[test]
        fn blocks_never_overlap(
            steps in prop::collection::vec(
                (any::<bool>(), prop_oneof![8 => 1usize..130, 4 => 1usize..9000, 1 => 9000usize..100_000], any::<prop::sample::Index>()),
                1..400,
            )
        ) {
            let mut slab = Slab::new();
            let mut live: Vec<Filled> = Vec::new();
            for (i, (take, size, which)) in steps.into_iter().enumerate() {
                if take || live.is_empty() {
                    live.push(fill(&mut slab, size, i as u8));
                } else {
                    let filled = live.swap_remove(which.index(live.len()));
                    release(&mut slab, &filled);
                }
                prop_assert_eq!(slab.used(), live.iter().map(|f| usable(f.size)).sum::<usize>());
            }
            for filled in &live {
                release(&mut slab, filled);
            }
            prop_assert_eq!(slab.used(), 0);
            prop_assert_eq!(slab.pages(), 0);
            prop_assert_eq!(slab.large_blocks(), 0);
        }
    }

    #[test]
    fn empty_pages_go_back_and_full_ones_are_reused() {
        let mut slab = Slab::new();
        let count = test_scale(20_000);
        let live: Vec<Filled> = (0..count).map(|i| fill(&mut slab, 64, i as u8)).collect();
        let held = slab.bytes();
        assert!(held < count * 65 + 2 * PAGE_ALIGN + 4096, "{held} bytes for {count} blocks of 64");
        for filled in live.iter().step_by(2) {
            release(&mut slab, filled);
        }
        let again: Vec<Filled> = (0..count / 2).map(|i| fill(&mut slab, 64, i as u8)).collect();
        assert!(slab.bytes() <= held, "holes are filled first");
        for filled in live.iter().skip(1).step_by(2).chain(&again) {
            release(&mut slab, filled);
        }
        assert_eq!(slab.pages(), 0);
        assert!(slab.bytes() <= SPARES_MAX * PAGE_ALIGN + 4096);
    }
}
