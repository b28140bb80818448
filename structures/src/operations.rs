//! Methods that are alike in all tables.
//!
//! A method that can be called without an import must be an inherent one, so 14 tables and their
//! handles would repeat it. These macros write it once: [`constructors!`] derives all constructors from
//! the most general one, [`derived!`] derives operations from others of the same type, and
//! [`forwarded!`] forwards operations to a field.
//!
//! `derived!` and `forwarded!` take the receiver (`mut` or nothing), the types of keys and values,
//! and the type that lookups take: `<Q> Q` for any borrowed form of the key, `<> K` for the key
//! itself.

/// The constructors that follow from `with_capacity_and_hasher` (or from `with_capacity_and_hasher_in`, if a
/// domain of type `$domain` frees the table's nodes), and a method that returns the hasher.
///
/// Those with a random hasher belong in an `impl` whose hasher is [`RandomState`], as in `std`: elsewhere
/// the type of the hasher could not be inferred.
///
/// [`RandomState`]: foldhash::fast::RandomState
macro_rules! constructors {
    (with a hasher) => {
        /// An empty table of the smallest size.
        pub fn with_hasher(hasher: S) -> Self {
            Self::with_capacity_and_hasher(0, hasher)
        }

        /// The hasher that the table uses for its keys.
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
        /// If `capacity` is too large, or there is no memory for it.
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
        /// If `capacity` is too large, or there is no memory for it.
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
        /// If `capacity` is too large, or there is no memory for it.
        pub fn with_capacity_in(capacity: usize, domain: $domain) -> Self {
            Self::with_capacity_and_hasher_in(capacity, Default::default(), domain)
        }
    };
}

/// The named operations, each derived from others of the same type.
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
        /// lookup takes effect by itself, in any order: the lookups are not one atomic step.
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
        /// takes effect by itself: the insertions are not one atomic step.
        #[inline]
        pub fn insert_many(
            &$($mut)? self,
            entries: impl IntoIterator<Item = ($K, $V)>,
        ) -> usize {
            entries.into_iter().map(|(key, value)| usize::from(self.insert(key, value))).sum()
        }
    };
    (@insert_or_assign ($($mut:ident)?) [$K:ty, $V:ty] $lookup:tt) => {
        /// Sets the value of `key`, whether the key is present or not, and returns the old value, if there was
        /// one: what `insert` of other maps does. Atomic, as [`upsert`](Self::upsert) is.
        pub fn insert_or_assign(&$($mut)? self, key: $K, value: $V) -> Option<$V>
        where
            $V: Clone,
        {
            self.upsert(key, |_| value.clone())
        }
    };
    (@get_or_insert_with ($($mut:ident)?) [$K:ty, $V:ty] $lookup:tt) => {
        /// Returns the value of `key`; if the key is absent, adds it with `make()` first. If several threads
        /// do so at once, one adds its value, and all return that value.
        ///
        /// It takes effect as the [`get`](Self::get) that finds the key, or as the
        /// [`insert`](Self::insert) that adds it. It tries again only if other threads have added
        /// and removed the key meanwhile. `make` runs at most once, while this thread holds
        /// no lock, so it may use the map; its value is dropped if another thread was faster.
        ///
        /// # Panics
        ///
        /// Where [`insert`](Self::insert) does.
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
        /// Removes `key` and returns its value; `None` if the key is absent. The same as
        /// [`remove_if`](Self::remove_if) with a condition that always holds.
        #[inline]
        pub fn remove<$($Q)?>(&$($mut)? self, key: &$key) -> Option<$V>
        where
            $($K: std::borrow::Borrow<$Q>, $Q: Eq + std::hash::Hash + ?Sized,)?
        {
            self.remove_if(key, |_| true)
        }
    };
    (@retain ($($mut:ident)?) [$K:ty, $V:ty] $lookup:tt) => {
        /// Removes the entries for which `keep` returns false. Not atomic as a whole: each removal is a
        /// separate [`remove_if`](Self::remove_if), for a key that [`for_each`](Self::for_each) has visited.
        ///
        /// * always removed, by this or by another thread: an entry for which `keep` returns false, that is
        ///   present when the call starts, and that nobody else changes until it ends;
        /// * never removed: a value for which `keep` has not returned false;
        /// * perhaps removed: an entry that is inserted or updated meanwhile.
        ///
        /// `keep` runs within `for_each`, and a second time for an entry that is removed; [the table of
        /// user code](crate::map#user-code-that-uses-the-map) states what it may do with the map. Takes O(n)
        /// time, and memory for as many keys as are removed.
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
        /// Removes all entries that are present when the call starts and that nobody else changes until it
        /// ends, and perhaps some that are inserted or updated meanwhile. Not atomic as a whole: it is a
        /// [`retain`](Self::retain) that keeps nothing. The table keeps its capacity.
        pub fn clear(&$($mut)? self)
        where
            $K: Clone,
        {
            self.retain(|_, _| false);
        }
    };
    (@reserve ($($mut:ident)?) [$K:ty, $V:ty] $lookup:tt) => {
        /// Makes room for `additional` entries beyond those present, as
        /// [`try_reserve`](Self::try_reserve) does.
        ///
        /// # Panics
        ///
        /// If there is no memory for it; the entries stay as they were.
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

/// The operations of a handle, each forwarded to `self.$via`. Without a keyword, all of them. `steps`: those on
/// single keys, and those that only read. `many`: those that may change many keys. `away`: `get_or_insert_with`,
/// which runs its closure outside of any critical section, since the closure may take long.
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
        /// [`insert`](Self::insert)s many entries and returns how many were added. Where the table has critical
        /// sections, all run in a single one, and so does the iterator: it should not wait for anything.
        #[inline]
        pub fn insert_many(
            &$($mut)? self,
            entries: impl IntoIterator<Item = ($K, $V)>,
        ) -> usize {
            self.$($via)*.insert_many(entries)
        }

        /// Removes the entries for which `keep` returns false, each in a step of its own. Where the table has
        /// critical sections, all of it runs in a single one.
        pub fn retain(&$($mut)? self, keep: impl FnMut(&$K, &$V) -> bool)
        where
            $K: Clone,
        {
            self.$($via)*.retain(keep);
        }

        /// Removes the entries that are present when the call starts and that nobody else changes until it
        /// ends, each in a step of its own.
        pub fn clear(&$($mut)? self)
        where
            $K: Clone,
        {
            self.$($via)*.clear();
        }
    };
    (away ($($mut:ident)?) [$K:ty, $V:ty] to $($via:tt)*) => {
        /// Returns the value of `key`; if the key is absent, adds it with `make()` first. `make` runs at most
        /// once, outside of any critical section and with this thread in an extended quiescent state, so it may
        /// take long. Its value is dropped if another thread was faster.
        ///
        /// # Panics
        ///
        /// Where [`insert`](Self::insert) does.
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
        /// Returns the value of `key`; if the key is absent, adds it with `make()` first. `make` runs at most
        /// once.
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
        /// A copy of the value of `key`; `None` if the key is absent.
        #[inline]
        pub fn get<$($Q)?>(&$($mut)? self, key: &$key) -> Option<$V>
        where
            $($K: std::borrow::Borrow<$Q>, $Q: Eq + std::hash::Hash + ?Sized,)?
            $V: Clone,
        {
            self.$($via)*.get(key)
        }

        /// Runs `read` on the value of `key` while the value is protected; `None` if the key is absent.
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

        /// Replaces the value of `key` by the result of `f` on it, and returns the old value; `None` if the key is
        /// absent.
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

        /// Removes `key` and returns its value; `None` if the key is absent.
        #[inline]
        pub fn remove<$($Q)?>(&$($mut)? self, key: &$key) -> Option<$V>
        $(where $K: std::borrow::Borrow<$Q>, $Q: Eq + std::hash::Hash + ?Sized)?
        {
            self.$($via)*.remove(key)
        }

        /// Atomically removes `key` if `condition` holds for its value, and returns the value. Where `condition`
        /// runs without a lock, it runs again after each change nearby, even one that it made itself: a condition
        /// that writes each time may make the operation run for ever.
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
        /// lookup takes effect by itself, in any order: the lookups are not one atomic step.
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

        /// Adds `key` with `value` and returns true; if the key is present, **keeps the old value** and returns
        /// false.
        #[inline]
        pub fn insert(&$($mut)? self, key: $K, value: $V) -> bool {
            self.$($via)*.insert(key, value)
        }

        /// Sets the value of `key`, whether the key is present or not, and returns the old value, if there was
        /// one: what `insert` of other maps does.
        #[inline]
        pub fn insert_or_assign(&$($mut)? self, key: $K, value: $V) -> Option<$V>
        where
            $V: Clone,
        {
            self.$($via)*.insert_or_assign(key, value)
        }

        /// Updates the value if `key` is present, else adds `key` with the value `f(None)`; returns the old value,
        /// if there was one.
        #[inline]
        pub fn upsert(
            &$($mut)? self,
            key: $K,
            f: impl FnMut(Option<&$V>) -> $V,
        ) -> Option<$V> {
            self.$($via)*.upsert(key, f)
        }

        /// Runs `f` on the entries, in no particular order. The documentation of the map says what a concurrent
        /// change does to it.
        pub fn for_each(&$($mut)? self, f: impl FnMut(&$K, &$V)) {
            self.$($via)*.for_each(f);
        }

        /// The number of entries, as the map's `len` returns it.
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
