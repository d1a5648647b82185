//! A set that keeps the order in which its members came.

use std::collections::HashSet;
use std::hash::Hash;

/// Members in the order of their first insertion.
#[derive(Debug, Clone)]
pub struct OrderedSet<T> {
    order: Vec<T>,
    members: HashSet<T>,
}

impl<T> Default for OrderedSet<T> {
    fn default() -> Self {
        OrderedSet {
            order: Vec::new(),
            members: HashSet::new(),
        }
    }
}

impl<T: PartialEq> PartialEq for OrderedSet<T> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl<T: Eq> Eq for OrderedSet<T> {}

impl<T: Clone + Eq + Hash> OrderedSet<T> {
    /// Adds a member at the end unless it is there; whether it was added.
    pub fn insert(&mut self, member: T) -> bool {
        let new = self.members.insert(member.clone());
        if new {
            self.order.push(member);
        }
        new
    }

    /// Adds at the end even what is there already: what `--default` does.
    pub fn push(&mut self, member: T) {
        self.members.insert(member.clone());
        self.order.push(member);
    }

    /// Whether it is a member.
    pub fn contains(&self, member: &T) -> bool {
        self.members.contains(member)
    }

    /// Drops every member that is not to be kept.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.order.retain(&mut keep);
        self.members = self.order.iter().cloned().collect();
    }

    /// The members in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.order.iter()
    }

    /// How many there are, counting what was pushed twice.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

impl<'a, T> IntoIterator for &'a OrderedSet<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.order.iter()
    }
}

impl<T: Clone + Eq + Hash> Extend<T> for OrderedSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, members: I) {
        members.into_iter().for_each(|member| {
            self.insert(member);
        });
    }
}
