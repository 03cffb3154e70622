//! Lists: one packed node while that suffices, a ring of nodes beyond.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the list in both forms, and how it changes between them |
//! | `limit.rs` | how large a node may get |
//! | `node.rs` | one node: a packed sequence with room in front, or one large element |
//! | `nodes.rs` | many nodes |
//!
//! The forms are Redis's `listpack` and `quicklist`, and change at the same points (8.0, t_list.c): before elements are added
//! ([`List::prepare`], which counts what is to be added and not its encoding), and after some were removed ([`List::settle`]: back
//! to one packed node at half the limit, so that a list at the limit does not go back and forth).

mod limit;
mod node;
mod nodes;

pub use limit::Limit;
pub use node::Chunk;
pub use nodes::{Nodes, Side};

use crate::value::Collection;
use crate::value::collection::describe_items;
use crate::value::kind::Type;
use crate::value::packed::{Element, Packed, PackedRef};
use curfew_protocol::args::OwnedArgs;
use node::{Elements, Node};
use std::collections::vec_deque;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct List {
    form: Form,
    /// Where an element is encoded that comes to the front: memory to be used again.
    scratch: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Form {
    /// `listpack`.
    Packed(Node),
    /// `quicklist`; it may be of one node or none, until it is settled.
    Nodes(Nodes),
}

impl Default for List {
    fn default() -> List {
        List::from(Node::new())
    }
}

impl From<Node> for List {
    fn from(node: Node) -> List {
        List { form: Form::Packed(node), scratch: Vec::new() }
    }
}

/// A list to be read.
#[derive(Clone, Copy)]
pub enum ListRef<'a> {
    /// One packed node.
    Packed(PackedRef<'a>),
    /// Many nodes.
    Nodes(&'a Nodes),
}

impl<'a> ListRef<'a> {
    /// Elements. O(1).
    pub fn len(self) -> usize {
        match self {
            ListRef::Packed(packed) => packed.len(),
            ListRef::Nodes(nodes) => nodes.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The element at `index`. O(nodes to the nearer end).
    pub fn get(self, index: usize) -> Option<Element<'a>> {
        match self {
            ListRef::Packed(packed) => packed.seek(index as i64).map(|place| packed.get(place)),
            ListRef::Nodes(nodes) => {
                let (at, offset) = nodes.locate(index)?;
                nodes.ring()[at].get(offset)
            }
        }
    }

    /// All elements.
    pub fn iter(self) -> Iter<'a> {
        self.iter_from(0)
    }

    /// The elements from `index` on.
    pub fn iter_from(self, index: usize) -> Iter<'a> {
        match self {
            ListRef::Packed(packed) => {
                let from = packed.seek(index as i64).map(|place| Elements::Packed(packed.iter_from(place)));
                Iter { front: from.unwrap_or_default(), rest: vec_deque::Iter::default(), back: Elements::default() }
            }
            ListRef::Nodes(nodes) => {
                let Some((at, offset)) = nodes.locate(index) else { return Iter::default() };
                let front = nodes.ring()[at].elements_from(offset);
                Iter { front, rest: nodes.ring().range(at + 1..), back: Elements::default() }
            }
        }
    }

    /// The elements up to `index`, with it: to be walked from the back.
    pub fn iter_to(self, index: usize) -> Iter<'a> {
        match self {
            ListRef::Packed(packed) => {
                let mut all = self.iter();
                for _ in index + 1..packed.len() {
                    all.next_back();
                }
                all
            }
            ListRef::Nodes(nodes) => {
                let Some((at, offset)) = nodes.locate(index) else { return self.iter() };
                let back = nodes.ring()[at].elements_to(offset);
                Iter { front: Elements::default(), rest: nodes.ring().range(..at), back }
            }
        }
    }

    /// The elements from the one at `index` to the end, or back to the beginning.
    pub fn walk(self, index: usize, backward: bool) -> impl Iterator<Item = Element<'a>> {
        let mut iter = if backward { self.iter_to(index) } else { self.iter_from(index) };
        std::iter::from_fn(move || if backward { iter.next_back() } else { iter.next() })
    }
}

/// See [`ListRef::iter`].
#[derive(Clone, Default)]
pub struct Iter<'a> {
    front: Elements<'a>,
    rest: vec_deque::Iter<'a, Node>,
    back: Elements<'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            if let Some(element) = self.front.next() {
                return Some(element);
            }
            match self.rest.next() {
                Some(node) => self.front = node.elements(),
                None => return self.back.next(),
            }
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(element) = self.back.next_back() {
                return Some(element);
            }
            match self.rest.next_back() {
                Some(node) => self.back = node.elements(),
                None => return self.front.next_back(),
            }
        }
    }
}

impl List {
    /// The list of these elements, in the form that Redis keeps a new list of them in. O(n).
    pub fn collect<'a>(elements: impl Iterator<Item = Element<'a>>, limit: Limit) -> List {
        let mut list = List::default();
        for element in elements {
            if let Form::Packed(node) = &list.form
                && limit.exceeds(node.size() + element.size(), node.count() + 1)
            {
                list.spread();
            }
            list.push(Side::Back, element, limit);
        }
        list
    }

    /// Elements. O(1).
    #[allow(clippy::len_without_is_empty)] // `Collection::is_empty` is it
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Packed(node) => node.count(),
            Form::Nodes(nodes) => nodes.len(),
        }
    }

    /// Bytes on the heap. O(1).
    pub fn heap_bytes(&self) -> usize {
        let form = match &self.form {
            Form::Packed(node) => node.heap_bytes(),
            Form::Nodes(nodes) => nodes.heap_bytes(),
        };
        form + self.scratch.capacity()
    }

    /// To be called before `count` elements of `bytes` bytes together are added, or one is replaced: where they would be too
    /// much for one packed node, makes many nodes of it.
    pub fn prepare(&mut self, bytes: usize, count: usize, limit: Limit) {
        if let Form::Packed(node) = &self.form
            && limit.exceeds(node.size() + bytes, node.count() + count)
        {
            self.spread();
        }
    }

    /// To be called after elements were removed or replaced: makes one packed node of it again where it has become that small.
    pub fn settle(&mut self, limit: Limit) {
        let Form::Nodes(nodes) = &mut self.form else { return };
        let Some(only) = nodes.only() else { return };
        if !only.is_plain()
            && limit.is_half(only.size(), only.count())
            && let Some(mut node) = nodes.take_first()
        {
            // It may have been meant for the end of a long list.
            node.shrink();
            self.form = Form::Packed(node);
        }
    }

    /// Adds elements at one end, one after the other. Amortized O(1) for each.
    pub fn push_all<'a>(&mut self, side: Side, items: impl Iterator<Item = &'a [u8]> + Clone, limit: Limit) {
        let (bytes, count) = items.clone().fold((0, 0), |(bytes, count), item| (bytes + item.len(), count + 1));
        self.prepare(bytes, count, limit);
        items.for_each(|item| self.push(side, Element::of(item), limit));
    }

    /// Adds an element at one end, for which it is prepared. Amortized O(1).
    pub fn push(&mut self, side: Side, element: Element<'_>, limit: Limit) {
        match &mut self.form {
            Form::Packed(node) if side == Side::Back => node.push_back(element),
            Form::Packed(node) => node.push_front(element, &mut self.scratch),
            Form::Nodes(nodes) => nodes.push(side, element, limit, &mut self.scratch),
        }
    }

    /// Removes up to `count` elements from one end, and shows each. Amortized O(1) for each.
    pub fn pop(&mut self, side: Side, count: usize, mut visit: impl FnMut(Element<'_>)) {
        let node = match &mut self.form {
            Form::Packed(node) => node,
            Form::Nodes(nodes) => return nodes.pop(side, count, Some(&mut visit)),
        };
        let mut elements = node.elements();
        match side {
            Side::Front => elements.take(count).for_each(visit),
            Side::Back => std::iter::from_fn(|| elements.next_back()).take(count).for_each(visit),
        }
        drop_from(node, side, count);
    }

    /// Keeps the elements from `start` to `end`, which is behind the last of them; removes the others. O(removed).
    pub fn trim(&mut self, start: usize, end: usize) {
        let behind = self.len().saturating_sub(end);
        for (side, count) in [(Side::Front, start), (Side::Back, behind)] {
            match &mut self.form {
                Form::Packed(node) => drop_from(node, side, count),
                Form::Nodes(nodes) => nodes.pop(side, count, None),
            }
        }
    }

    /// Replaces the element at `index`, which is below the length, and for which it is prepared.
    pub fn set(&mut self, index: usize, element: Element<'_>, limit: Limit) {
        match &mut self.form {
            Form::Packed(node) => node.replace(index, element),
            Form::Nodes(nodes) => nodes.set(index, element, limit),
        }
    }

    /// Adds an element, for which it is prepared, in front of or behind the one at `index`, which is below the length.
    pub fn insert(&mut self, index: usize, before: bool, element: Element<'_>, limit: Limit) {
        match &mut self.form {
            Form::Packed(node) => node.insert(if before { index } else { index + 1 }, element),
            Form::Nodes(nodes) => nodes.insert(index, before, element, limit, &mut self.scratch),
        }
    }

    /// Removes elements equal to `wanted`: `count` at most, counted from one end. Answers how many. O(n).
    pub fn remove(&mut self, wanted: &[u8], side: Side, count: usize, limit: Limit) -> usize {
        let wanted = Element::of(wanted);
        match &mut self.form {
            Form::Packed(node) => {
                let found = node.elements().filter(|element| *element == wanted).count();
                let count = found.min(count);
                if count > 0 {
                    node.remove_equal(wanted, if side == Side::Front { 0 } else { found - count }, count);
                }
                count
            }
            Form::Nodes(nodes) => nodes.remove(wanted, side, count, limit),
        }
    }

    /// Makes it a list of nodes, the first of which is what it was.
    fn spread(&mut self) {
        if let Form::Packed(node) = &mut self.form {
            let node = std::mem::replace(node, Node::new());
            let mut nodes = Nodes::default();
            if node.count() > 0 {
                nodes.push_node(node);
            }
            self.form = Form::Nodes(nodes);
        }
    }
}

/// Removes up to `count` elements of a node, perhaps all.
fn drop_from(node: &mut Node, side: Side, count: usize) {
    match side {
        _ if count == 0 => {}
        _ if count >= node.count() => *node = Node::new(),
        Side::Front => node.drop_front(count),
        Side::Back => node.drop_back(count),
    }
}

impl Collection for List {
    const KIND: Type = Type::List;
    const INLINE_MAX: usize = 512;
    type View<'a> = ListRef<'a>;

    fn view_inline(bytes: &[u8]) -> ListRef<'_> {
        ListRef::Packed(PackedRef::new(bytes))
    }

    fn view(&self) -> ListRef<'_> {
        match &self.form {
            Form::Packed(node) => ListRef::Packed(node.view()),
            Form::Nodes(nodes) => ListRef::Nodes(nodes),
        }
    }

    fn from_inline(bytes: Vec<u8>) -> List {
        List::from(Node::from(Packed::from_bytes(bytes)))
    }

    fn inline(&self) -> Option<&[u8]> {
        match &self.form {
            Form::Packed(node) => Some(node.bytes()),
            Form::Nodes(_) => None,
        }
    }

    fn into_buffer(self) -> Vec<u8> {
        match self.form {
            Form::Packed(node) => node.into_buffer(),
            Form::Nodes(_) => Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shrink(&mut self) {
        // It may lie in memory that was meant for more.
        if let Form::Packed(node) = &mut self.form {
            node.shrink();
        }
    }

    fn encoding(view: ListRef<'_>) -> &'static str {
        match view {
            ListRef::Packed(_) => "listpack",
            ListRef::Nodes(_) => "quicklist",
        }
    }

    fn describe(view: ListRef<'_>, key: &[u8], commands: &mut Vec<OwnedArgs>) {
        describe_items(b"RPUSH", key, view.iter().map(|item| item.to_vec().into()), commands);
    }
}

// ---- node by node, for DUMP and RDB files -----------------------------------------------------------------------------------

impl<'a> ListRef<'a> {
    /// How many nodes there are. O(1).
    pub fn chunk_count(self) -> usize {
        match self {
            ListRef::Packed(_) => 1,
            ListRef::Nodes(nodes) => nodes.ring().len(),
        }
    }

    /// The nodes in order.
    pub fn chunks(self) -> impl Iterator<Item = Chunk<'a>> {
        let (packed, nodes) = match self {
            ListRef::Packed(packed) => (Some(Chunk::Packed(packed)), None),
            ListRef::Nodes(nodes) => (None, Some(nodes.ring().iter())),
        };
        packed.into_iter().chain(nodes.into_iter().flatten().map(Node::chunk))
    }
}

impl List {
    /// Appends a node of these elements, if there are any; [`List::loaded`] may be called at the end.
    pub fn push_chunk(&mut self, packed: Packed) {
        if !packed.is_empty() {
            self.push_node(Node::from(packed));
        }
    }

    /// Appends a node of one large element; [`List::loaded`] may be called at the end.
    pub fn push_large(&mut self, bytes: &[u8]) {
        match Element::of(bytes) {
            // Comparisons rely on it that what looks like a number is one.
            number @ Element::Int(_) => {
                let mut node = Node::new();
                node.push_back(number);
                self.push_node(node);
            }
            Element::Bytes(bytes) => self.push_node(Node::plain(bytes)),
        }
    }

    /// To be called when all nodes were appended: makes one packed node of it if that is enough.
    pub fn loaded(&mut self, limit: Limit) {
        let Form::Nodes(nodes) = &mut self.form else { return };
        if let Some(only) = nodes.only()
            && !only.is_plain()
            && !limit.exceeds(only.size(), only.count())
            && let Some(node) = nodes.take_first()
        {
            self.form = Form::Packed(node);
        }
    }

    fn push_node(&mut self, node: Node) {
        self.spread();
        if let Form::Nodes(nodes) = &mut self.form {
            nodes.push_node(node);
        }
    }
}

#[cfg(test)]
mod tests;
