//! Methods that are alike in all tables.
//!
//! A method that can be called without an import belongs to its type itself, so 14 tables and their
//! handles would repeat it. These macros say it once: [`constructors!`] makes the constructors that
//! follow from the longest one, [`derived!`] the operations that follow from others of the same
//! type, and [`forwarded!`] those of a type that hands them on.
//!
//! `derived!` and `forwarded!` are told the receiver (`mut` or nothing), the types of keys and values,
//! and what keys are looked up by: `<Q> Q` for all that a key can be borrowed as, `<> K` for the key
//! alone.

/// Constructors that follow from `with_capacity_and_hasher`, or, of a table whose nodes a domain of
/// type `$domain` frees, from `with_capacity_and_hasher_in`; and the hasher that they were given.
///
/// Those with a random hasher are for an `impl` whose hasher is [`RandomState`], as in `std`: elsewhere
/// the type of the hasher could not be inferred.
///
/// [`RandomState`]: foldhash::fast::RandomState
macro_rules! constructors {
    (with a hasher) => {
        /// An empty table of the smallest size.
        pub fn with_hasher(hasher: S) -> Self {
            Self::with_capacity_and_hasher(0, hasher)
        }

        /// The hasher of keys.
        pub fn hasher(&self) -> &S {
            &self.hasher
        }
    };
    (with a random hasher) => {
        /// An empty table of the smallest size, whose hasher is seeded at random.
        #[must_use]
        pub fn new() -> Self {
            Self::with_capacity(0)
        }

        /// An empty table with room for `capacity` entries, whose hasher is seeded at random.
        ///
        /// # Panics
        ///
        /// If there cannot be so many, or there is no memory for them.
        #[must_use]
        pub fn with_capacity(capacity: usize) -> Self {
            Self::with_capacity_and_hasher(capacity, Default::default())
        }
    };
    (with a hasher in $domain:ty) => {
        $crate::operations::constructors!(with a hasher);

        /// An empty table of the smallest size, whose nodes `domain` frees.
        pub fn with_hasher_in(hasher: S, domain: $domain) -> Self {
            Self::with_capacity_and_hasher_in(0, hasher, domain)
        }

        /// An empty table with room for `capacity` entries, with a domain of its own.
        ///
        /// # Panics
        ///
        /// If there cannot be so many, or there is no memory for them.
        pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
            let domain = <$domain as $crate::reclaim::Reclaimer>::new(None);
            Self::with_capacity_and_hasher_in(capacity, hasher, domain)
        }
    };
    (with a random hasher in $domain:ty) => {
        $crate::operations::constructors!(with a random hasher);

        /// An empty table of the smallest size, whose hasher is seeded at random and whose nodes
        /// `domain` frees.
        pub fn new_in(domain: $domain) -> Self {
            Self::with_capacity_in(0, domain)
        }

        /// An empty table with room for `capacity` entries, whose hasher is seeded at random and whose
        /// nodes `domain` frees.
        ///
        /// # Panics
        ///
        /// If there cannot be so many, or there is no memory for them.
        pub fn with_capacity_in(capacity: usize, domain: $domain) -> Self {
            Self::with_capacity_and_hasher_in(capacity, Default::default(), domain)
        }
    };
}

/// The operations that are named, each from others of the same type.
macro_rules! derived {
    ($receiver:tt $types:tt $lookup:tt: $($name:ident)*) => {
        $($crate::operations::derived!(@$name $receiver $types $lookup);)*
    };
    (@get ($($mut:ident)?) [$K:ty, $V:ty] [<$($Q:ident)?> $key:ty]) => {
        /// A copy of the value of `key`; takes effect as [`get_with`](Self::get_with) does.
        #[inline]
        pub fn get<$($Q)?>(&$($mut)? self, key: &$key) -> Option<$V>
        where
            $($K: std::borrow::Borrow<$Q>, $Q: Eq + std::hash::Hash + ?Sized,)?
            $V: Clone,
        {
            self.get_with(key, <$V>::clone)
        }
    };
    (@contains ($($mut:ident)?) [$K:ty, $V:ty] [<$($Q:ident)?> $key:ty]) => {
        /// Whether `key` is present; takes effect as [`get_with`](Self::get_with) does.
        #[inline]
        pub fn contains<$($Q)?>(&$($mut)? self, key: &$key) -> bool
        where
            $($K: std::borrow::Borrow<$Q>, $Q: Eq + std::hash::Hash + ?Sized,)?
        {
            self.get_with(key, |_| ()).is_some()
        }
    };
    (@get_many ($($mut:ident)?) [$K:ty, $V:ty] $lookup:tt) => {
        /// Looks up many keys: `values[i]` becomes what [`get`](Self::get) of `keys[i]` returns. Each
        /// lookup takes effect by itself, in any order.
        ///
        /// # Panics
        ///
        /// If the slices differ in length.
        #[inline]
        pub fn get_many(&$($mut)? self, keys: &[$K], values: &mut [Option<$V>])
        where
            $V: Clone,
        {
            $crate::map::one_by_one(keys, values, |key| self.get(key));
        }
    };
    (@insert_many ($($mut:ident)?) [$K:ty, $V:ty] $lookup:tt) => {
        /// [`insert`](Self::insert)s many entries and returns how many were added. Each insertion
        /// takes effect by itself.
        #[inline]
        pub fn insert_many(
            &$($mut)? self,
            entries: impl IntoIterator<Item = ($K, $V)>,
        ) -> usize {
            entries.into_iter().map(|(key, value)| usize::from(self.insert(key, value))).sum()
        }
    };
    (@insert_or_assign ($($mut:ident)?) [$K:ty, $V:ty] $lookup:tt) => {
        /// Binds `key` to `value`, whether it is present or not, and returns the value replaced: what
        /// `insert` of other maps does. One step, as [`upsert`](Self::upsert).
        pub fn insert_or_assign(&$($mut)? self, key: $K, value: $V) -> Option<$V>
        where
            $V: Clone,
        {
            self.upsert(key, |_| value.clone())
        }
    };
    (@get_or_insert_with ($($mut:ident)?) [$K:ty, $V:ty] $lookup:tt) => {
        /// The value of `key`, after adding it with `make()` if it is absent: of several threads that
        /// do so one adds its value, and all return that one.
        ///
        /// It takes effect as the [`get`](Self::get) that finds the key, or the
        /// [`insert`](Self::insert) that adds it; each further attempt means that somebody has added
        /// and somebody removed the key meanwhile. `make` runs once at most, while this thread holds
        /// no lock, so it may use the map; its value is dropped if another thread was faster. Panics
        /// where `insert` does.
        pub fn get_or_insert_with(&$($mut)? self, key: $K, make: impl FnOnce() -> $V) -> $V
        where
            $K: Clone,
            $V: Clone,
        {
            if let Some(value) = self.get(&key) {
                return value;
            }
            let value = make();
            loop {
                if self.insert(key.clone(), value.clone()) {
                    return value;
                }
                if let Some(value) = self.get(&key) {
                    return value;
                }
            }
        }
    };
    (@remove ($($mut:ident)?) [$K:ty, $V:ty] [<$($Q:ident)?> $key:ty]) => {
        /// Takes `key` out and returns its value: [`remove_if`](Self::remove_if), whatever the value
        /// is.
        #[inline]
        pub fn remove<$($Q)?>(&$($mut)? self, key: &$key) -> Option<$V>
        where
            $($K: std::borrow::Borrow<$Q>, $Q: Eq + std::hash::Hash + ?Sized,)?
        {
            self.remove_if(key, |_| true)
        }
    };
    (@retain ($($mut:ident)?) [$K:ty, $V:ty] $lookup:tt) => {
        /// Removes the entries that `keep` refuses. Not one step: each removal is one, a
        /// [`remove_if`](Self::remove_if) of what [`for_each`](Self::for_each) has shown.
        ///
        /// * always removed, by this or by another thread: an entry that `keep` refuses and that is
        ///   present when the call starts, and that nobody else changes until it ends;
        /// * never removed: a value that `keep` has not refused;
        /// * perhaps removed: an entry inserted or updated meanwhile.
        ///
        /// `keep` runs twice for an entry that is removed, and within `for_each`: what it may do with
        /// the map is said [there](crate::map#user-code-that-uses-the-map). O(n); room for as many
        /// keys as are removed.
        pub fn retain(&$($mut)? self, mut keep: impl FnMut(&$K, &$V) -> bool)
        where
            $K: Clone,
        {
            let mut refused = Vec::new();
            self.for_each(|key, value| {
                if !keep(key, value) {
                    refused.push(key.clone());
                }
            });
            for key in refused {
                self.remove_if(&key, |value| !keep(&key, value));
            }
        }
    };
    (@clear ($($mut:ident)?) [$K:ty, $V:ty] $lookup:tt) => {
        /// Removes the entries that are present when the call starts and that nobody else changes until it
        /// ends; of those inserted or updated meanwhile perhaps some. Not one step: a
        /// [`retain`](Self::retain) that keeps nothing. What room the table has it keeps.
        pub fn clear(&$($mut)? self)
        where
            $K: Clone,
        {
            self.retain(|_, _| false);
        }
    };
    (@reserve ($($mut:ident)?) [$K:ty, $V:ty] $lookup:tt) => {
        /// Makes room for `additional` entries more than there are, as
        /// [`try_reserve`](Self::try_reserve) does.
        ///
        /// # Panics
        ///
        /// If there is no memory for it; the table holds what it held.
        pub fn reserve(&self, additional: usize) {
            if let Err(why) = self.try_reserve(additional) {
                panic!("room for {additional} more entries was asked for; {why}");
            }
        }
    };
    (@is_empty ($($mut:ident)?) [$K:ty, $V:ty] $lookup:tt) => {
        /// Whether [`len`](Self::len) is 0.
        pub fn is_empty(&$($mut)? self) -> bool {
            self.len() == 0
        }
    };
}

/// The operations of a handle, each handed on to `self.$via`: all; or those that are one step or one look, the
/// `steps`; those that may be `many` steps; and the one that runs what takes its time, `away` from the table.
macro_rules! forwarded {
    (($($mut:ident)?) $types:tt $lookup:tt to $($via:tt)*) => {
        $crate::operations::forwarded!(steps ($($mut)?) $types $lookup to $($via)*);
        $crate::operations::forwarded!(@make ($($mut)?) $types $($via)*);
        $crate::operations::forwarded!(many ($($mut)?) $types to $($via)*);
    };
    (steps ($($mut:ident)?) $types:tt $lookup:tt to $($via:tt)*) => {
        $crate::operations::forwarded!(@lookups ($($mut)?) $types $lookup $($via)*);
        $crate::operations::forwarded!(@others ($($mut)?) $types $($via)*);
    };
    (many ($($mut:ident)?) [$K:ty, $V:ty] to $($via:tt)*) => {
        /// [`insert`](Self::insert)s many entries and returns how many were added: where the table has critical
        /// sections in a single one, in which the iterator runs as well. One that waits for something had better
        /// not be in there.
        #[inline]
        pub fn insert_many(
            &$($mut)? self,
            entries: impl IntoIterator<Item = ($K, $V)>,
        ) -> usize {
            self.$($via)*.insert_many(entries)
        }

        /// Removes the entries that `keep` refuses, each by itself; where the table has critical sections, in a
        /// single one.
        pub fn retain(&$($mut)? self, keep: impl FnMut(&$K, &$V) -> bool)
        where
            $K: Clone,
        {
            self.$($via)*.retain(keep);
        }

        /// Removes the entries that are present when the call starts and that nobody else changes until it
        /// ends, each by itself.
        pub fn clear(&$($mut)? self)
        where
            $K: Clone,
        {
            self.$($via)*.clear();
        }
    };
    (away ($($mut:ident)?) [$K:ty, $V:ty] to $($via:tt)*) => {
        /// The value of `key`, after adding it with `make()` if it is absent. `make` runs once at most, in no
        /// critical section, and with this thread declared quiescent: it may take its time. Its value is
        /// dropped if another thread was faster. Panics where [`insert`](Self::insert) does.
        pub fn get_or_insert_with(&$($mut)? self, key: $K, make: impl FnOnce() -> $V) -> $V
        where
            $K: Clone,
            $V: Clone,
        {
            if let Some(value) = self.get(&key) {
                return value;
            }
            let value = self.offline(make);
            self.$($via)*.get_or_insert_with(key, || value)
        }
    };
    (@make ($($mut:ident)?) [$K:ty, $V:ty] $($via:tt)*) => {
        /// The value of `key`, after adding it with `make()` if it is absent. `make` runs once at
        /// most.
        #[inline]
        pub fn get_or_insert_with(&$($mut)? self, key: $K, make: impl FnOnce() -> $V) -> $V
        where
            $K: Clone,
            $V: Clone,
        {
            self.$($via)*.get_or_insert_with(key, make)
        }
    };
    (@lookups ($($mut:ident)?) [$K:ty, $V:ty] [<$($Q:ident)?> $key:ty] $($via:tt)*) => {
        /// A copy of the value of `key`.
        #[inline]
        pub fn get<$($Q)?>(&$($mut)? self, key: &$key) -> Option<$V>
        where
            $($K: std::borrow::Borrow<$Q>, $Q: Eq + std::hash::Hash + ?Sized,)?
            $V: Clone,
        {
            self.$($via)*.get(key)
        }

        /// Runs `read` on the value of `key` while it is protected.
        #[inline]
        pub fn get_with<$($Q,)? Out>(
            &$($mut)? self,
            key: &$key,
            read: impl FnOnce(&$V) -> Out,
        ) -> Option<Out>
        $(where $K: std::borrow::Borrow<$Q>, $Q: Eq + std::hash::Hash + ?Sized)?
        {
            self.$($via)*.get_with(key, read)
        }

        /// Whether `key` is present.
        #[inline]
        pub fn contains<$($Q)?>(&$($mut)? self, key: &$key) -> bool
        $(where $K: std::borrow::Borrow<$Q>, $Q: Eq + std::hash::Hash + ?Sized)?
        {
            self.$($via)*.contains(key)
        }

        /// Replaces the value of `key` by `f` of it and returns the one replaced.
        #[inline]
        pub fn update<$($Q)?>(
            &$($mut)? self,
            key: &$key,
            f: impl FnMut(&$V) -> $V,
        ) -> Option<$V>
        $(where $K: std::borrow::Borrow<$Q>, $Q: Eq + std::hash::Hash + ?Sized)?
        {
            self.$($via)*.update(key, f)
        }

        /// Takes `key` out and returns its value.
        #[inline]
        pub fn remove<$($Q)?>(&$($mut)? self, key: &$key) -> Option<$V>
        $(where $K: std::borrow::Borrow<$Q>, $Q: Eq + std::hash::Hash + ?Sized)?
        {
            self.$($via)*.remove(key)
        }

        /// Takes `key` out if `condition` holds of its value, in one step, and returns the value.
        /// Where `condition` runs without a lock it runs again after each change nearby, also one of its own: one
        /// that writes each time may not end.
        #[inline]
        pub fn remove_if<$($Q)?>(
            &$($mut)? self,
            key: &$key,
            condition: impl FnMut(&$V) -> bool,
        ) -> Option<$V>
        $(where $K: std::borrow::Borrow<$Q>, $Q: Eq + std::hash::Hash + ?Sized)?
        {
            self.$($via)*.remove_if(key, condition)
        }
    };
    (@others ($($mut:ident)?) [$K:ty, $V:ty] $($via:tt)*) => {
        /// Looks up many keys: `values[i]` becomes what [`get`](Self::get) of `keys[i]` returns. Each
        /// lookup takes effect by itself, in any order.
        ///
        /// # Panics
        ///
        /// If the slices differ in length.
        #[inline]
        pub fn get_many(&$($mut)? self, keys: &[$K], values: &mut [Option<$V>])
        where
            $V: Clone,
        {
            self.$($via)*.get_many(keys, values);
        }

        /// Adds `key`; false, and **the old value stays**, if it is present.
        #[inline]
        pub fn insert(&$($mut)? self, key: $K, value: $V) -> bool {
            self.$($via)*.insert(key, value)
        }

        /// Binds `key` to `value`, whether it is present or not, and returns the value replaced: what
        /// `insert` of other maps does.
        #[inline]
        pub fn insert_or_assign(&$($mut)? self, key: $K, value: $V) -> Option<$V>
        where
            $V: Clone,
        {
            self.$($via)*.insert_or_assign(key, value)
        }

        /// Updates `key` if it is present, else adds it with `f(None)`; returns the value replaced.
        #[inline]
        pub fn upsert(
            &$($mut)? self,
            key: $K,
            f: impl FnMut(Option<&$V>) -> $V,
        ) -> Option<$V> {
            self.$($via)*.upsert(key, f)
        }

        /// Runs `f` on the entries.
        pub fn for_each(&$($mut)? self, f: impl FnMut(&$K, &$V)) {
            self.$($via)*.for_each(f);
        }

        /// The number of entries, as the map's.
        pub fn len(&$($mut)? self) -> usize {
            self.$($via)*.len()
        }

        /// Whether [`len`](Self::len) is 0.
        pub fn is_empty(&$($mut)? self) -> bool {
            self.$($via)*.is_empty()
        }
    };
}

pub(crate) use {constructors, derived, forwarded};
