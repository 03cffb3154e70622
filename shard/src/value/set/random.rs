//! Members chosen at random: SPOP and SRANDMEMBER.

use super::{Element, Set, SetRef};
use crate::random::Random;
use crate::value::limits::Limits;
use crate::value::packed::Packed;
use std::collections::HashSet;

/// Says for one item after the other whether it is among those chosen, so that each choice is as likely as any other.
struct Choice {
    /// Items to come.
    left: usize,
    /// Items to be chosen among them.
    wanted: usize,
}

impl Choice {
    fn next(&mut self, random: &mut Random) -> bool {
        let chosen = random.below(self.left) < self.wanted;
        self.left = self.left.saturating_sub(1);
        self.wanted -= usize::from(chosen);
        chosen
    }
}

impl<'a> SetRef<'a> {
    /// One member. None if there is none. O(1); of a packed set O(n).
    pub fn random(self, random: &mut Random) -> Option<Element<'a>> {
        match self {
            SetRef::Ints(ints) => (!ints.is_empty()).then(|| Element::Int(ints.get(random.below(ints.len())))),
            SetRef::Packed(packed) => packed.seek(random.below(packed.len()) as i64).map(|place| packed.get(place)),
            SetRef::Table(table) => table.random(random.number()).map(|(member, _)| Element::Bytes(member)),
        }
    }

    /// Calls `each` with `count` different members, or with all if there are no more. O(count); of a packed set O(n).
    pub fn sample(self, count: usize, random: &mut Random, mut each: impl FnMut(Element<'a>)) {
        let len = self.len();
        // Where many are wanted one pass over all is cheaper than to draw again those that were drawn before.
        if let SetRef::Table(table) = self
            && count.saturating_mul(3) <= len
        {
            let mut drawn = HashSet::with_capacity_and_hasher(count, foldhash::fast::RandomState::default());
            while drawn.len() < count {
                let Some((member, _)) = table.random(random.number()) else { return };
                if drawn.insert(member) {
                    each(Element::Bytes(member));
                }
            }
            return;
        }
        let mut choice = Choice { left: len, wanted: count.min(len) };
        self.iter().filter(|_| choice.next(random)).for_each(&mut each);
    }

    /// Calls `each` with `count` members, each drawn from all of them. O(count), and of a packed set n more. Nothing
    /// without members.
    pub fn draw(self, count: usize, random: &mut Random, mut each: impl FnMut(Element<'a>)) {
        let SetRef::Packed(packed) = self else {
            for _ in 0..count {
                let Some(member) = self.random(random) else { return };
                each(member);
            }
            return;
        };
        let members: Vec<Element<'a>> = packed.iter().collect();
        for _ in 0..count {
            let Some(member) = members.get(random.below(members.len())) else { return };
            each(*member);
        }
    }
}

impl Set {
    /// Removes `count` members, fewer than there are, and calls `popped` with each. A packed set keeps the order of the
    /// rest. Gives what is to be freed, where that may take long. O(count) or O(n), whichever is cheaper.
    ///
    /// When few of a table are left, these move to a new set, as in Redis (SPOP's case 3): it is packed if it can be.
    pub fn pop(
        &mut self,
        count: usize,
        limits: &Limits,
        random: &mut Random,
        mut popped: impl FnMut(Element<'_>),
    ) -> Option<Set> {
        /// Redis's SPOP_MOVE_STRATEGY_MUL.
        const FEW_LEFT: usize = 5;
        let len = self.view().len();
        let mut choice = Choice { left: len, wanted: count.min(len) };
        match self {
            Set::Ints(ints) if count == 1 => {
                ints.remove_at(random.below(len)).map(Element::Int).into_iter().for_each(popped)
            }
            Set::Ints(ints) => ints.retain(|value| {
                let chosen = choice.next(random);
                if chosen {
                    popped(Element::Int(value));
                }
                !chosen
            }),
            Set::Packed(packed) if count == 1 => {
                if let Some(place) = packed.view().seek(random.below(len) as i64) {
                    popped(packed.view().get(place));
                    packed.remove(place, 1);
                }
            }
            Set::Packed(packed) => {
                let mut rest = Packed::new();
                for member in packed.view().iter() {
                    if choice.next(random) { popped(member) } else { rest.push_back(member) }
                }
                *packed = rest;
            }
            Set::Table(table) if len.saturating_sub(count).saturating_mul(FEW_LEFT) > count => {
                let mut member = Vec::new();
                for _ in 0..count {
                    let Some((chosen, _)) = table.random(random.number()) else { break };
                    member.clear();
                    member.extend_from_slice(chosen);
                    table.remove(&member);
                    popped(Element::Bytes(&member));
                }
            }
            Set::Table(table) => {
                let mut rest = Set::Packed(Packed::new());
                let mut member = Vec::new();
                for _ in count..len {
                    let Some((chosen, _)) = table.random(random.number()) else { break };
                    member.clear();
                    member.extend_from_slice(chosen);
                    table.remove(&member);
                    rest.add(Element::Bytes(&member), limits);
                }
                table.iter().for_each(|(member, _)| popped(Element::Bytes(member)));
                return Some(std::mem::replace(self, rest));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{members, set_of};
    use super::*;
    use std::collections::BTreeSet;

    /// One of each encoding.
    fn sets() -> Vec<Set> {
        let numbers: Vec<String> = (0..100).map(|i| (i * 7).to_string()).collect();
        let words: Vec<String> = (0..100).map(|i| format!("w{i}")).collect();
        let many: Vec<String> = (0..1000).map(|i| i.to_string()).collect();
        [numbers, words, many].into_iter().map(|of| set_of(of.iter().map(String::as_bytes))).collect()
    }

    #[test]
    fn popping_any_number() {
        for (which, set) in sets().into_iter().enumerate() {
            let len = set.view().len();
            for count in [0, 1, 2, len / 10, len / 2, len * 9 / 10, len - 1] {
                let (mut set, all) = (set.clone(), members(&set));
                let (mut random, mut popped) = (Random::new(count as u64), Vec::new());
                set.pop(count, &Limits::default(), &mut random, |member| popped.push(member.to_vec()));
                assert_eq!(popped.len(), count);
                let left = members(&set);
                assert_eq!(left.len(), len - count);
                let both: BTreeSet<_> = popped.iter().chain(&left).cloned().collect();
                assert_eq!(both, all.iter().cloned().collect());
                // What is left keeps its order, but for a table.
                if which < 2 {
                    assert_eq!(all.into_iter().filter(|member| left.contains(member)).collect::<Vec<_>>(), left);
                }
            }
        }
    }

    #[test]
    fn a_table_of_which_little_is_left_is_packed_again() {
        let mut set = sets().remove(2);
        let old = set.pop(900, &Limits::default(), &mut Random::new(1), |_| {});
        assert_eq!(set.view().encoding(), "listpack");
        assert_eq!(set.view().len() + old.map_or(0, |old| old.view().len()), 1000);
        let mut set = sets().remove(2);
        assert!(set.pop(800, &Limits::default(), &mut Random::new(1), |_| {}).is_none());
        assert_eq!(set.view().encoding(), "hashtable");
    }

    #[test]
    fn samples_are_different_members_and_every_member_comes() {
        for set in sets() {
            let (view, mut random) = (set.view(), Random::new(3));
            let mut seen = BTreeSet::new();
            for count in [0, 1, 5, view.len() / 2, view.len() - 1, view.len(), view.len() + 1] {
                let mut found = BTreeSet::new();
                view.sample(count, &mut random, |member| assert!(found.insert(member.to_vec())));
                assert_eq!(found.len(), count.min(view.len()));
                let mut drawn = 0;
                view.draw(count, &mut random, |member| {
                    assert!(view.contains(member));
                    drawn += 1;
                });
                assert_eq!(drawn, count);
            }
            view.draw(view.len() * 20, &mut random, |member| {
                seen.insert(member.to_vec());
            });
            assert_eq!(seen, members(&set).into_iter().collect());
        }
    }

    #[test]
    fn every_member_is_as_likely_as_any_other() {
        for set in sets().into_iter().take(2) {
            let mut random = Random::new(11);
            let mut counts = std::collections::BTreeMap::<Vec<u8>, u32>::new();
            for _ in 0..4000 {
                let mut count = |member: Element<'_>| *counts.entry(member.to_vec()).or_default() += 1;
                set.view().sample(5, &mut random, &mut count);
                set.clone().pop(5, &Limits::default(), &mut random, &mut count);
            }
            // 400 each; the standard deviation is below 20.
            assert_eq!(counts.len(), 100);
            assert!(counts.values().all(|count| (300..500).contains(count)), "{counts:?}");
        }
    }
}
