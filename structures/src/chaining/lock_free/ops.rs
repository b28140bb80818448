//! The operations of a handle.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::mem;

use super::super::list::{Ahead, Cursor, Entry, Link, ListNode, MARK, has, with};
use super::super::split_order::entry_order;
use super::{ChainingLockFree, Found, Handle, Pinned};
use crate::operations::{derived, forwarded};
use crate::panics;
use crate::reclaim::{Guard, Node, Offline, Owned, Participant, Reclaimer};
use crate::sync::{Ordering, set_bits};

impl<K, V, R, S> Pinned<'_, '_, K, V, R, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
{
    derived!((mut) [K, V] [<Q> Q]: get contains get_many insert_many insert_or_assign
        get_or_insert_with remove retain clear);

    derived!(() [K, V] [<Q> Q]: is_empty);

    /// Runs `read` on the value of `key`. Lock-free; expected O(1).
    #[inline]
    pub fn get_with<Q, T>(&mut self, key: &Q, read: impl FnOnce(&V) -> T) -> Option<T>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        let found = self.map.locate(&mut self.guard, hash, |k| k.borrow() == key);
        found.entry().map(|entry| read(&entry.value))
    }

    /// Adds `key` with `value` and returns true; if the key is present, **keeps the old value** and
    /// returns false. Lock-free; expected O(1).
    #[inline]
    pub fn insert(&mut self, key: K, value: V) -> bool {
        let hash = self.map.hasher.hash_one(&key);
        let found = self.map.locate(&mut self.guard, hash, |k| *k == key);
        !found.present && insert_at(self.map, found, hash, node(self.map, hash, key, value)).is_ok()
    }

    /// Replaces the value of `key` by the result of `f` on it, and returns the old value; `None` if
    /// the key is absent. Lock-free; expected O(1); `f` runs once for each attempt.
    #[inline]
    pub fn update<Q>(&mut self, key: &Q, mut f: impl FnMut(&V) -> V) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        let mut spare = None;
        loop {
            let found = self.map.locate(&mut self.guard, hash, |k| k.borrow() == key);
            if !found.present {
                panics::in_vain(spare);
                return None;
            }
            if let Some(old) = replace(self.map, found, &mut spare, &mut f) {
                return Some(old);
            }
        }
    }

    /// Updates the value if `key` is present, else adds `key` with the value `f(None)`; returns the
    /// old value, if there was one. Lock-free; expected O(1); `f` runs once for each attempt.
    #[inline]
    pub fn upsert(&mut self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        let hash = self.map.hasher.hash_one(&key);
        let (mut own, mut spare) = (Own::Key(key), None);
        loop {
            let key = match &own {
                Own::Key(key) => key,
                Own::Node(node) => &node.key,
            };
            let found = self.map.locate(&mut self.guard, hash, |k| k == key);
            if found.present {
                let f = |value: &V| f(Some(value));
                if let Some(old) = replace(self.map, found, &mut spare, f) {
                    return Some(old);
                }
                continue;
            }
            let value = f(None);
            let node = match own {
                Own::Key(key) => node(self.map, hash, key, value),
                Own::Node(mut node) => {
                    panics::in_vain(mem::replace(&mut node.value, value));
                    node
                }
            };
            match insert_at(self.map, found, hash, node) {
                Ok(()) => return None,
                Err(node) => own = Own::Node(node),
            }
        }
    }

    /// Removes `key` if `condition` holds for its value, and returns the value. Lock-free; expected
    /// O(1); `condition` runs once for each attempt.
    ///
    /// The linearization point is lock_free-L4. A value does not change in its node, and an update marks the
    /// node as a removal does, so the value that is removed is the one that `condition` has seen. If `condition`
    /// returned false, the linearization point is lock_free-L1, at which the value was present. While `condition`
    /// and `clone` read the node, it is protected, and was found reachable (reclaim-D1). The thread that unlinks
    /// the node retires it, once (reclaim-D2, lock_free-I3).
    #[inline]
    pub fn remove_if<Q>(&mut self, key: &Q, mut condition: impl FnMut(&V) -> bool) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.map.hasher.hash_one(key);
        loop {
            let found = self.map.locate(&mut self.guard, hash, |k| k.borrow() == key);
            let entry = found.entry()?;
            if !condition(&entry.value) {
                return None;
            }
            // Before the mark: a panic in `clone` must leave the key present (lock_free-I6).
            let value = entry.value.clone();
            // Acquire: the successor's contents, to be passed on by `unlink`. lock_free-L4.
            let next = set_bits(&entry.next, MARK, Ordering::Acquire);
            if !has(next, MARK) {
                self.map.entries.add(-1);
                unlink(self.map, found, next);
                return Some(value);
            }
            panics::in_vain(value);
        }
    }

    /// Weak iteration: see [`PinnedMap::for_each`](crate::map::PinnedMap::for_each). Entries are visited as copies, in the order
    /// of the list. O(n), plus O(1) for each entry that is removed while the traversal is at it.
    pub fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        // Entries of equal hashes stand in no order, so only a whole run of them can be passed to
        // `f` if none is to be missed or seen twice when the traversal must start again.
        let mut run = Vec::new();
        let mut run_order = 0;
        // Entries before this order have been passed to `f`.
        let mut done = 0;
        let mut at = Cursor::enter(&mut self.guard, self.map.buckets.entrance(0).link);
        loop {
            match at.look() {
                Ahead::Lost => {
                    run.clear();
                    at.enter_again(self.map.buckets.entrance(u64::reverse_bits(done)).link);
                    continue;
                }
                Ahead::Sentinel(_) => {}
                Ahead::End => return run.iter().for_each(|(key, value)| f(key, value)),
                Ahead::Live(entry) => {
                    if entry.order != run_order && !run.is_empty() {
                        done = run_order + 1;
                        run.drain(..).for_each(|(key, value)| f(&key, &value));
                    }
                    if entry.order >= done {
                        run_order = entry.order;
                        run.push((entry.key.clone(), entry.value.clone()));
                    }
                }
            }
            at.pass();
        }
    }

    /// The number of entries: see [the map's `len`](ChainingLockFree::len).
    pub fn len(&self) -> usize {
        self.map.len()
    }
}

impl<'m, K, V, R, S> Handle<'m, K, V, R, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
{
    /// Enters a critical section, in which any number of operations can run.
    #[inline]
    pub fn pin(&mut self) -> Pinned<'_, 'm, K, V, R, S> {
        Pinned { map: self.map, guard: self.participant.enter() }
    }

    /// Runs `f`, which may block, with this thread in an extended quiescent state: schemes that
    /// wait for every registered thread do not wait for this one meanwhile.
    pub fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        let _online_again = Offline::<R, _>::start(&mut self.participant);
        f()
    }

    forwarded!(steps (mut) [K, V] [<Q> Q] to pin());

    forwarded!(many (mut) [K, V] to pin());

    forwarded!(away (mut) [K, V] to pin());
}

impl<R: Reclaimer, K: Send, V: Send, G: Guard<R>> Found<'_, R, K, V, G> {
    /// The entry found.
    #[inline]
    fn entry(&self) -> Option<&Entry<R, K, V>> {
        if self.present { self.at.entry() } else { None }
    }
}

/// What an upsert has of its own.
enum Own<R: Reclaimer, K, V> {
    /// The key that it was given.
    Key(K),
    /// The node that an attempt has given back, with the key.
    Node(Owned<R, Entry<R, K, V>>),
}

/// A node of this entry, for an insertion, which needs no other whatever attempts it takes.
#[inline]
fn node<K, V, R: Reclaimer, S>(
    map: &ChainingLockFree<K, V, R, S>,
    hash: u64,
    key: K,
    value: V,
) -> Owned<R, Entry<R, K, V>> {
    let entry = Entry { next: Link::default(), order: entry_order(hash), key, value };
    Node::alloc(&map.domain, entry)
}

/// Inserts `node` after a search that found its key absent; gives it back if the key has meanwhile
/// become present.
#[inline]
fn insert_at<K, V, R, S, G>(
    map: &ChainingLockFree<K, V, R, S>,
    mut found: Found<'_, R, K, V, G>,
    hash: u64,
    mut node: Owned<R, Entry<R, K, V>>,
) -> Result<(), Owned<R, Entry<R, K, V>>>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    G: Guard<R>,
{
    loop {
        match found.at.link_before(node) {
            Ok(()) => {
                map.added(found.passed);
                return Ok(());
            }
            Err(back) => node = back,
        }
        found = map.locate(found.at.into_guard(), hash, |k| *k == node.key);
        if found.present {
            return Err(node);
        }
    }
}

/// Replaces the node that was found by one with the value `f` of its; returns the old value, or
/// `None` if the node has changed meanwhile: then `spare` is the node that was to replace it, which the
/// next attempt takes. It has nothing of the last one: the key that is there may be another, which equals it.
#[inline]
fn replace<K, V, R, S, G>(
    map: &ChainingLockFree<K, V, R, S>,
    mut found: Found<'_, R, K, V, G>,
    spare: &mut Option<Owned<R, Entry<R, K, V>>>,
    f: impl FnOnce(&V) -> V,
) -> Option<V>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    G: Guard<R>,
{
    // Protected, so that it is not freed and its address used anew, while we compare.
    let next = found.at.protect_successor()?;
    if has(next, MARK) {
        return None;
    }
    let entry = found.entry()?;
    let (key, value, old) = (entry.key.clone(), f(&entry.value), entry.value.clone());
    let replacement = Entry { next: Link::new(next), order: entry.order, key, value };
    // What the last attempt made is dropped after this one: a `Drop` that writes this key would make it fail.
    let (new, last) = match spare.take() {
        Some(mut node) => {
            let last = mem::replace(&mut *node, replacement);
            (node, Some(last))
        }
        None => (Node::alloc(&map.domain, replacement), None),
    };
    let new = new.publish();
    // Release lock_free-L3: publishes the new node; pairs with the Acquire in `look` and `protect`.
    // From here on the old node is removed and the new one is in the list behind it.
    let marked =
        entry.next.compare_exchange(next, with(new, MARK), Ordering::Release, Ordering::Relaxed);
    if marked.is_err() {
        // SAFETY: from `publish` just above, and not stored.
        *spare = Some(unsafe { Owned::unpublished(new) });
        panics::in_vain(last);
        panics::in_vain(old);
        return None;
    }
    unlink(map, found, new);
    Some(old)
}

/// Unlinks the node that was found, now marked and leading to `successor`, or sees to it that
/// somebody has. Of the user's code only that runs which lock_free-I6 says.
#[inline]
fn unlink<K, V, R, S, G>(
    map: &ChainingLockFree<K, V, R, S>,
    mut found: Found<'_, R, K, V, G>,
    successor: *mut ListNode<R, K, V>,
) where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
    G: Guard<R>,
{
    let Some(order) = found.entry().map(|entry| entry.order) else { return };
    if !found.at.unlink(successor) {
        map.find_place(found.at.into_guard(), order.reverse_bits(), order);
    }
}
