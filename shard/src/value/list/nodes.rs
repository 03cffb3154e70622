//! A list of more than one node's worth: nodes in a ring.
//!
//! Nodes are filled, split and merged as in Redis's quicklist, so that OBJECT ENCODING changes where Redis's does, with one
//! difference: neighbours that have become small by LREM are merged (never down to one node), so that a list thinned out by it
//! does not keep one node for each few elements. Redis can compress inner nodes (`list-compress-depth`); here that parameter
//! is accepted and nothing is compressed: it would cost time on each access for what the operating system's swap or zram does
//! as well.
//!
//! Only the first and the last node have room to grow; a node that gets a neighbour outside is cut to its exact size.
//!
//! Resident bytes for an element of 14 bytes, a million in turn, nodes of 8 KiB: 16.0 in the nodes (511 of 16 bytes each are
//! 8180, in 8192), 0.07 in the ring, 0.28 of jemalloc's own (it describes each allocation of 8 KiB in 128 bytes).

use super::limit::Limit;
use super::node::Node;
use crate::value::packed::Element;
use std::collections::VecDeque;

/// An end of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Left, the head.
    Front,
    /// Right, the tail.
    Back,
}

/// See the module's documentation. No node is empty.
#[derive(Clone, Debug, Default)]
pub struct Nodes {
    ring: VecDeque<Node>,
    /// Elements of all nodes.
    len: usize,
    /// Bytes on the heap of all nodes.
    heap: usize,
}

impl Nodes {
    /// Elements. O(1).
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes on the heap. O(1).
    pub(super) fn heap_bytes(&self) -> usize {
        self.heap + self.ring.capacity() * size_of::<Node>()
    }

    /// The nodes.
    pub(super) fn ring(&self) -> &VecDeque<Node> {
        &self.ring
    }

    /// Which node holds the element at `index`, and where in it. Walks over the nodes from the nearer end.
    pub(super) fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 {
            let mut left = index;
            for (at, node) in self.ring.iter().enumerate() {
                if left < node.count() {
                    return Some((at, left));
                }
                left -= node.count();
            }
            return None;
        }
        let mut behind = self.len - index;
        for (at, node) in self.ring.iter().enumerate().rev() {
            if behind <= node.count() {
                return Some((at, node.count() - behind));
            }
            behind -= node.count();
        }
        None
    }

    /// Adds a node at the end.
    pub(super) fn push_node(&mut self, node: Node) {
        self.put(self.ring.len(), node);
    }

    /// The only node, if there is one alone.
    pub(super) fn only(&self) -> Option<&Node> {
        if self.ring.len() == 1 { self.ring.front() } else { None }
    }

    /// Takes the first node.
    pub(super) fn take_first(&mut self) -> Option<Node> {
        (!self.ring.is_empty()).then(|| self.take(0)).flatten()
    }

    /// Adds an element at one end. Amortized O(1).
    pub(super) fn push(&mut self, side: Side, element: Element<'_>, limit: Limit, scratch: &mut Vec<u8>) {
        let end = match side {
            Side::Front => 0,
            Side::Back => self.ring.len().saturating_sub(1),
        };
        if limit.is_large(element.len()) || !limit.admits(self.ring.get(end), element.len()) {
            // Where it is little beside the others, the memory of a full node is taken at once.
            let ahead = side == Side::Back && limit.full_bytes() <= self.heap / 8;
            let node = single(element, limit, if ahead { limit.full_bytes() } else { 0 });
            if let Some(old) = self.ring.get_mut(end) {
                self.heap -= old.heap_bytes();
                old.shrink();
                self.heap += old.heap_bytes();
            }
            let at = if side == Side::Front { 0 } else { self.ring.len() };
            return self.put(at, node);
        }
        self.push_at(end, side, element, scratch);
    }

    /// Removes up to `count` elements from one end and shows them. Amortized O(1) for each.
    pub(super) fn pop(&mut self, side: Side, count: usize, mut visit: Option<&mut dyn FnMut(Element<'_>)>) {
        let mut left = count;
        while left > 0 && !self.ring.is_empty() {
            let end = if side == Side::Front { 0 } else { self.ring.len() - 1 };
            let there = self.ring[end].count();
            let here = left.min(there);
            if let Some(visit) = &mut visit {
                let mut elements = self.ring[end].elements();
                let next = || if side == Side::Front { elements.next() } else { elements.next_back() };
                std::iter::from_fn(next).take(here).for_each(visit);
            }
            if here == there {
                self.take(end);
            } else {
                self.change(end, |node| match side {
                    Side::Front => node.drop_front(here),
                    Side::Back => node.drop_back(here),
                });
            }
            left -= here;
        }
        // What was needed for far more nodes.
        if self.ring.capacity() > 64 && self.ring.len() < self.ring.capacity() / 4 {
            self.ring.shrink_to(self.ring.len() * 2);
        }
    }

    /// Adds an element in front of or behind the one at `index`, which is below the length.
    pub(super) fn insert(
        &mut self,
        index: usize,
        before: bool,
        element: Element<'_>,
        limit: Limit,
        scratch: &mut Vec<u8>,
    ) {
        let Some((at, offset)) = self.locate(index) else { return };
        let count = self.ring[at].count();
        let (at_edge, side) = if before { (offset == 0, Side::Back) } else { (offset + 1 == count, Side::Front) };
        // The place between nodes next to which it goes, if it goes to an edge; and the node on the other side of that.
        let gap = if before { at } else { at + 1 };
        let beyond = if before { at.checked_sub(1) } else { Some(at + 1).filter(|at| *at < self.ring.len()) };
        let split = if before { offset } else { offset + 1 };
        if limit.is_large(element.len()) {
            let node = single(element, limit, 0);
            if at_edge {
                return self.put(gap, node);
            }
            let tail = self.change(at, |node| node.split_off(split));
            self.put(at + 1, tail);
            return self.put(at + 1, node);
        }
        if limit.admits(Some(&self.ring[at]), element.len()) {
            return self.change(at, |node| node.insert(split, element));
        }
        if at_edge {
            return match beyond {
                Some(beyond) if limit.admits(self.ring.get(beyond), element.len()) => {
                    self.push_at(beyond, side, element, scratch);
                }
                _ => self.put(gap, single(element, limit, 0)),
            };
        }
        let tail = self.change(at, |node| node.split_off(split));
        self.put(at + 1, tail);
        self.push_at(if before { at } else { at + 1 }, side, element, scratch);
        self.merge_around(if before { at + 1 } else { at }, limit);
    }

    /// Replaces the element at `index`, which is below the length.
    pub(super) fn set(&mut self, index: usize, element: Element<'_>, limit: Limit) {
        let Some((at, offset)) = self.locate(index) else { return };
        let large = limit.is_large(element.len());
        let node = &self.ring[at];
        if node.is_plain() {
            self.take(at);
            return self.put(at, single(element, limit, 0));
        }
        // As Redis, which lets a node grow by this; but not without any bound, or each further change would be slow.
        if !large && node.size() <= 4 * limit.bytes() {
            return self.change(at, |node| node.replace(offset, element));
        }
        let tail = self.change(at, |node| node.split_off(offset + 1));
        if tail.count() > 0 {
            self.put(at + 1, tail);
        }
        self.change(at, |node| node.remove(offset));
        self.put(at + 1, single(element, limit, 0));
        if self.ring[at].count() == 0 {
            self.take(at);
        } else {
            self.merge_around(at + 1, limit);
        }
    }

    /// Removes elements equal to `wanted`: `count` at most, counted from one end. Answers how many. O(n).
    pub(super) fn remove(&mut self, wanted: Element<'_>, side: Side, count: usize, limit: Limit) -> usize {
        let (mut left, mut touched, mut last) = (count, 0, 0);
        for step in 0..self.ring.len() {
            let at = if side == Side::Front { step } else { self.ring.len() - 1 - step };
            let found = self.ring[at].elements().filter(|element| *element == wanted).count();
            let here = found.min(left);
            if here > 0 {
                let skip = if side == Side::Front { 0 } else { found - here };
                self.change(at, |node| node.remove_equal(wanted, skip, here));
                (touched, last, left) = (touched + 1, at, left - here);
            }
            if left == 0 {
                break;
            }
        }
        match touched {
            0 => {}
            1 if self.ring[last].count() == 0 => drop(self.take(last)),
            1 => {
                // Behind first, so that `last` still is the place of the same node.
                self.merge_small(last, limit);
                if let Some(before) = last.checked_sub(1) {
                    self.merge_small(before, limit);
                }
            }
            _ => self.thin_out(limit),
        }
        count - left
    }

    // ---- below -----------------------------------------------------------------------------------------------------------

    /// Drops empty nodes and merges small neighbours, all over the list.
    fn thin_out(&mut self, limit: Limit) {
        let old = std::mem::take(&mut self.ring);
        let mut left = old.iter().filter(|node| node.count() > 0).count();
        for node in old {
            if node.count() == 0 {
                continue;
            }
            match self.ring.back_mut() {
                Some(last) if left > 2 && limit.admits_small(last, &node) => {
                    last.append(&node);
                    left -= 1;
                }
                _ => self.ring.push_back(node),
            }
        }
        self.len = self.ring.iter().map(Node::count).sum();
        self.heap = self.ring.iter().map(Node::heap_bytes).sum();
    }

    /// Merges the nodes at `at` and behind it if both together are half a node at most, and others are left.
    fn merge_small(&mut self, at: usize, limit: Limit) {
        if let (Some(one), Some(two)) = (self.ring.get(at), self.ring.get(at + 1))
            && self.ring.len() > 2
            && limit.admits_small(one, two)
        {
            self.merge(at);
        }
    }

    /// Merges what fits into one node around the node at `center`, in Redis's order.
    fn merge_around(&mut self, center: usize, limit: Limit) {
        let fits = |nodes: &Nodes, at: usize| match (nodes.ring.get(at), nodes.ring.get(at + 1)) {
            (Some(one), Some(two)) => limit.admits_both(one, two),
            _ => false,
        };
        let mut center = center;
        if center >= 2 && fits(self, center - 2) {
            self.merge(center - 2);
            center -= 1;
        }
        if fits(self, center + 1) {
            self.merge(center + 1);
        }
        if center >= 1 && fits(self, center - 1) {
            self.merge(center - 1);
            center -= 1;
        }
        if fits(self, center) {
            self.merge(center);
        }
    }

    /// Appends the node behind `at` to the one at `at`.
    fn merge(&mut self, at: usize) {
        if let Some(next) = self.take(at + 1) {
            self.change(at, |node| node.append(&next));
        }
    }

    fn push_at(&mut self, at: usize, side: Side, element: Element<'_>, scratch: &mut Vec<u8>) {
        let Some(node) = self.ring.get_mut(at) else { return };
        self.heap -= node.heap_bytes();
        match side {
            Side::Front => node.push_front(element, scratch),
            Side::Back => node.push_back(element),
        }
        self.heap += node.heap_bytes();
        self.len += 1;
    }

    /// Changes a node, and keeps the sums right.
    fn change<R>(&mut self, at: usize, change: impl FnOnce(&mut Node) -> R) -> R {
        let node = &mut self.ring[at];
        let (count, heap) = (node.count(), node.heap_bytes());
        let result = change(node);
        self.len = self.len - count + node.count();
        self.heap = self.heap - heap + node.heap_bytes();
        result
    }

    fn put(&mut self, at: usize, node: Node) {
        self.len += node.count();
        self.heap += node.heap_bytes();
        match at {
            0 => self.ring.push_front(node),
            _ => self.ring.insert(at, node),
        }
    }

    fn take(&mut self, at: usize) -> Option<Node> {
        let node = self.ring.remove(at)?;
        self.len -= node.count();
        self.heap -= node.heap_bytes();
        Some(node)
    }
}

/// A node of one element, in memory of `room` bytes if that is more.
fn single(element: Element<'_>, limit: Limit, room: usize) -> Node {
    match element {
        Element::Bytes(bytes) if limit.is_large(bytes.len()) => Node::plain(bytes),
        _ => {
            let mut node = Node::with_room(room);
            node.push_back(element);
            node
        }
    }
}
