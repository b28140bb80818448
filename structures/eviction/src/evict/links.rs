//! Lists of slots, linked both ways: eight bytes a slot.

/// No slot.
const NONE: u32 = u32::MAX;

/// What is before a slot that is in no list.
const UNLISTED: u32 = u32::MAX - 1;

/// The links of all slots. A slot is in one list at most.
#[derive(Debug, Default)]
pub(super) struct Links(Vec<Link>);

#[derive(Clone, Copy, Debug)]
struct Link {
    /// The one towards the front.
    before: u32,
    /// The one towards the back.
    after: u32,
}

impl Links {
    /// Whether there is memory for so many.
    pub(super) fn has_memory(&mut self, slots: usize) -> bool {
        self.0.try_reserve(slots.saturating_sub(self.0.len())).is_ok()
    }

    pub(super) fn resize(&mut self, slots: usize) {
        self.0.resize(slots, Link { before: UNLISTED, after: NONE });
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Link>()
    }

    /// Whether the slot is in a list; false if there is no such slot.
    pub(super) fn is_listed(&self, slot: u32) -> bool {
        self.0.get(slot as usize).is_some_and(|link| link.before != UNLISTED)
    }

    /// The slot before this one, towards the front of its list.
    pub(super) fn before(&self, slot: u32) -> Option<u32> {
        some(self.0[slot as usize].before)
    }
}

fn some(slot: u32) -> Option<u32> {
    (slot != NONE).then_some(slot)
}

/// A list: its newest slot is at the front.
#[derive(Debug)]
pub(super) struct List {
    front: u32,
    back: u32,
    len: usize,
}

impl Default for List {
    fn default() -> Self {
        Self { front: NONE, back: NONE, len: 0 }
    }
}

impl List {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn back(&self) -> Option<u32> {
        some(self.back)
    }

    /// Adds `slot`, which is in no list.
    pub(super) fn push_front(&mut self, links: &mut Links, slot: u32) {
        links.0[slot as usize] = Link { before: NONE, after: self.front };
        match some(self.front) {
            Some(front) => links.0[front as usize].before = slot,
            None => self.back = slot,
        }
        self.front = slot;
        self.len += 1;
    }

    /// Takes `slot` out, which is in this list.
    pub(super) fn remove(&mut self, links: &mut Links, slot: u32) {
        let Link { before, after } = links.0[slot as usize];
        match some(before) {
            Some(before) => links.0[before as usize].after = after,
            None => self.front = after,
        }
        match some(after) {
            Some(after) => links.0[after as usize].before = before,
            None => self.back = before,
        }
        links.0[slot as usize].before = UNLISTED;
        self.len -= 1;
    }

    /// Takes the slot at the back out.
    pub(super) fn pop_back(&mut self, links: &mut Links) -> Option<u32> {
        let back = self.back()?;
        self.remove(links, back);
        Some(back)
    }

    /// Moves `slot`, which is in this list, to the front.
    pub(super) fn move_to_front(&mut self, links: &mut Links, slot: u32) {
        if self.front != slot {
            self.remove(links, slot);
            self.push_front(links, slot);
        }
    }
}
