//! Walking over the entries of a tree, forwards and backwards.

use super::leaf::{Frame, HEADER, body, offset};
use super::{Below, Inner, Tree};

impl Tree {
    /// The entries of the ranks from `start` to below `end`, in order. O(log n), then O(1) each.
    pub fn range(&self, start: usize, end: usize) -> Iter<'_> {
        let end = end.min(self.len());
        let mut iter = Iter { path: Vec::new(), frame: Frame::EMPTY, rest: &[], left: end.saturating_sub(start) };
        if iter.left > 0 {
            let (leaf, skip) = seek(&mut iter.path, &self.root, start);
            iter.frame = Frame::of(leaf);
            iter.rest = &leaf[offset(leaf, skip)..];
        }
        iter
    }

    /// The same entries from the last to the first.
    pub fn range_back(&self, start: usize, end: usize) -> IterBack<'_> {
        let end = end.min(self.len());
        let left = end.saturating_sub(start);
        let mut iter =
            IterBack { path: Vec::new(), frame: Frame::EMPTY, leaf: &[], end: HEADER, places: Vec::new(), left };
        if iter.left > 0 {
            let (leaf, skip) = seek(&mut iter.path, &self.root, end - 1);
            iter.enter(leaf, skip + 1);
        }
        iter
    }
}

/// See [`Tree::range`].
#[derive(Clone)]
pub struct Iter<'a> {
    path: Vec<(&'a Inner, usize)>,
    /// That of the leaf.
    frame: Frame,
    /// What is left of the leaf.
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (f64, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        if self.rest.is_empty() {
            let leaf = next_leaf(&mut self.path)?;
            self.frame = Frame::of(leaf);
            self.rest = body(leaf);
        }
        let (score, member, size) = self.frame.read(self.rest)?;
        self.rest = &self.rest[size..];
        self.left -= 1;
        Some((score, member))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// See [`Tree::range_back`].
#[derive(Clone)]
pub struct IterBack<'a> {
    path: Vec<(&'a Inner, usize)>,
    /// That of the leaf.
    frame: Frame,
    leaf: &'a [u8],
    /// Where the entries of the leaf end that are still to come.
    end: usize,
    /// Where they begin, if lengths differ: they can only be walked forward.
    places: Vec<u32>,
    left: usize,
}

impl<'a> IterBack<'a> {
    /// Goes to a leaf, of which so many entries are to come at most.
    fn enter(&mut self, leaf: &'a [u8], count: usize) {
        self.leaf = leaf;
        self.frame = Frame::of(leaf);
        self.end = HEADER;
        if let Some(stride) = self.frame.stride() {
            self.end = leaf.len().min(HEADER + count.min(leaf.len()) * stride);
            return;
        }
        while self.places.len() < count
            && let Some((_, _, size)) = self.frame.read(&leaf[self.end..])
        {
            self.places.push(self.end as u32);
            self.end += size;
        }
    }
}

impl<'a> Iterator for IterBack<'a> {
    type Item = (f64, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        if self.end <= HEADER {
            let leaf = previous_leaf(&mut self.path)?;
            self.enter(leaf, usize::MAX);
        }
        self.end = match self.frame.stride() {
            Some(stride) => self.end.checked_sub(stride)?,
            None => self.places.pop()? as usize,
        };
        let (score, member, _) = self.frame.read(self.leaf.get(self.end..)?)?;
        self.left -= 1;
        Some((score, member))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// The leaf of the entry at `rank`, which is there, and its index in it.
fn seek<'a>(path: &mut Vec<(&'a Inner, usize)>, root: &'a Inner, mut rank: usize) -> (&'a [u8], usize) {
    let mut inner = root;
    loop {
        let child = inner.child_at(&mut rank);
        path.push((inner, child));
        match &inner.below {
            Below::Leaves(leaves) => return (leaves.get(child).map_or(&[], Vec::as_slice), rank),
            Below::Inners(inners) => inner = &inners[child],
        }
    }
}

fn next_leaf<'a>(path: &mut Vec<(&'a Inner, usize)>) -> Option<&'a [u8]> {
    loop {
        let (inner, child) = path.last_mut()?;
        *child += 1;
        if *child < inner.width() {
            break;
        }
        path.pop();
    }
    loop {
        let (inner, child) = *path.last()?;
        match &inner.below {
            Below::Leaves(leaves) => return leaves.get(child).map(Vec::as_slice),
            Below::Inners(inners) => path.push((inners.get(child)?, 0)),
        }
    }
}

fn previous_leaf<'a>(path: &mut Vec<(&'a Inner, usize)>) -> Option<&'a [u8]> {
    loop {
        let (_, child) = path.last_mut()?;
        if let Some(previous) = child.checked_sub(1) {
            *child = previous;
            break;
        }
        path.pop();
    }
    loop {
        let (inner, child) = *path.last()?;
        match &inner.below {
            Below::Leaves(leaves) => return leaves.get(child).map(Vec::as_slice),
            Below::Inners(inners) => {
                let inner = inners.get(child)?;
                path.push((inner, inner.width().checked_sub(1)?));
            }
        }
    }
}
