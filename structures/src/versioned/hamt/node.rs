//! The trie's nodes: branches of up to 32 children, and leaves. Each has a mark `M`, by which the trie's sharing
//! knows whose it is; nodes themselves make no use of it.

use std::alloc::{self, Layout};
use std::fmt;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use crate::meter::{self, Event, record};
use crate::panics;
use crate::sync::{AtomicBool, Ordering, touch, touch_bytes, touch_bytes_mut, touch_mut};
use crate::versioned::map::Binding;

/// Bits of the hash that a level looks at.
pub(super) const BITS: u32 = 5;

/// The bit of `hash`'s child in a bitmap at depth `shift / BITS`; any bit below the last depth,
/// where there are buckets alone.
#[inline(always)]
pub(super) fn bit(hash: u64, shift: u32) -> u32 {
    1 << (hash.wrapping_shr(shift) & ((1 << BITS) - 1))
}

/// What every node begins with.
pub(super) struct Header<M> {
    pub(super) mark: M,
    /// Whether the meter has counted it as retired.
    retired: AtomicBool,
}

/// A node whose children stand behind it in memory, in the order of their bits; or, if it has no
/// bits, a bucket: leaves whose hashes are all equal, in no order.
#[repr(C)]
pub(super) struct Branch<K, V, M> {
    header: Header<M>,
    /// Which of the 32 children there are; 0 in a bucket.
    pub(super) bitmap: u32,
    /// How many children.
    len: u32,
    children: [Child<K, V, M>; 0],
}

/// A binding.
#[repr(C)]
pub(super) struct Leaf<K, V, M> {
    header: Header<M>,
    pub(super) binding: Binding<K, V>,
}

/// A reference to a node: not counted by itself, not owned by itself.
pub(super) struct Child<K, V, M> {
    /// With [`LEAF`] set if it is a leaf.
    tagged: NonNull<u8>,
    _node: PhantomData<*const Leaf<K, V, M>>,
}

const LEAF: usize = 1;

/// Nodes that an update replaced.
pub struct Nodes<K, V, M>(pub(super) Vec<Child<K, V, M>>);

impl<K, V, M> fmt::Debug for Nodes<K, V, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Nodes").field(&self.0.len()).finish()
    }
}

/// What a [`Child`] leads to.
pub(super) enum Kind<'a, K, V, M> {
    Branch(&'a Branch<K, V, M>),
    Leaf(&'a Leaf<K, V, M>),
}

impl<K, V, M> Clone for Child<K, V, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V, M> Copy for Child<K, V, M> {}

impl<K, V, M> PartialEq for Child<K, V, M> {
    fn eq(&self, other: &Self) -> bool {
        self.tagged == other.tagged
    }
}

impl<K, V, M> Eq for Child<K, V, M> {}

// SAFETY: who may use a child is the trie's business; it hands out shared references to keys, values
// and marks on any thread, and drops them on any.
unsafe impl<K: Send + Sync, V: Send + Sync, M: Send + Sync> Send for Child<K, V, M> {}
// SAFETY: as above.
unsafe impl<K: Send + Sync, V: Send + Sync, M: Send + Sync> Sync for Child<K, V, M> {}

impl<K, V, M> fmt::Debug for Child<K, V, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tagged.fmt(f)
    }
}

impl<M> Header<M> {
    fn new(mark: M) -> Self {
        Self { mark, retired: AtomicBool::new(false) }
    }
}

impl<K, V, M> Branch<K, V, M> {
    /// The place of the child of `bit` among the children.
    #[inline(always)]
    pub(super) fn index(&self, bit: u32) -> usize {
        // A full branch, as most are near the root, needs no count of bits.
        if self.bitmap == u32::MAX {
            bit.trailing_zeros() as usize
        } else {
            (self.bitmap & (bit - 1)).count_ones() as usize
        }
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn is_bucket(&self) -> bool {
        self.bitmap == 0
    }
}

impl<K, V, M> Child<K, V, M> {
    /// A leaf of its own.
    pub(super) fn leaf(mark: M, binding: Binding<K, V>) -> Self {
        let leaf = Box::new(Leaf { header: Header::new(mark), binding });
        record(Event::Allocated, size_of::<Leaf<K, V, M>>());
        let address = NonNull::from(Box::leak(leaf)).cast::<u8>();
        Self { tagged: address.map_addr(|address| address | LEAF), _node: PhantomData }
    }

    /// A branch or bucket of its own, whose children are those of `pieces`, one after the other, in
    /// the order of their bits.
    pub(super) fn branch(mark: M, bitmap: u32, pieces: [&[Self]; 3]) -> Self {
        let count: usize = pieces.iter().map(|piece| piece.len()).sum();
        debug_assert!(bitmap == 0 || bitmap.count_ones() as usize == count);
        let len = u32::try_from(count).expect("fewer than 2^32 keys with equal hashes");
        let layout = Self::branch_layout(count);
        // SAFETY: the layout is not empty: it has a header.
        let address = unsafe { alloc::alloc(layout) };
        let Some(address) = NonNull::new(address) else { alloc::handle_alloc_error(layout) };
        let branch = address.cast::<Branch<K, V, M>>();
        // SAFETY: just allocated, with room for it.
        unsafe { branch.write(Branch { header: Header::new(mark), bitmap, len, children: [] }) };
        let mut place = Self::first_child(branch);
        for piece in pieces {
            let from = NonNull::from(piece).cast::<Self>();
            // SAFETY: the layout has room for the children of all pieces.
            unsafe { place.copy_from_nonoverlapping(from, piece.len()) };
            // SAFETY: as above; behind the last at most.
            place = unsafe { place.add(piece.len()) };
        }
        touch_bytes_mut(branch.as_ptr(), layout.size());
        record(Event::Allocated, layout.size());
        Self { tagged: address, _node: PhantomData }
    }

    fn branch_layout(len: usize) -> Layout {
        let children = Layout::array::<Self>(len);
        let whole = children.and_then(|array| Layout::new::<Branch<K, V, M>>().extend(array));
        whole.expect("fewer children than fill the address space").0
    }

    #[inline(always)]
    fn first_child(branch: NonNull<Branch<K, V, M>>) -> NonNull<Self> {
        let after = branch.as_ptr().wrapping_byte_add(std::mem::offset_of!(
            Branch<K, V, M>,
            children
        ));
        // SAFETY: an address within an allocation is not null.
        unsafe { NonNull::new_unchecked(after.cast()) }
    }

    #[inline(always)]
    pub(super) fn is_leaf(self) -> bool {
        self.tagged.addr().get() & LEAF != 0
    }

    /// The node's address.
    #[inline(always)]
    pub(super) fn address(self) -> NonNull<u8> {
        // SAFETY: nodes are aligned, so what is left of an address without its low bit is not 0.
        unsafe { NonNull::new_unchecked(self.tagged.as_ptr().map_addr(|addr| addr & !LEAF)) }
    }

    /// What it leads to.
    ///
    /// # Safety
    ///
    /// The node is not freed, nor changed, during `'a`.
    #[inline(always)]
    pub(super) unsafe fn kind<'a>(self) -> Kind<'a, K, V, M> {
        if self.is_leaf() {
            // SAFETY: a tagged address is a leaf's; it lives by this function's contract.
            let leaf: &Leaf<K, V, M> = unsafe { self.address().cast().as_ref() };
            touch_bytes(&raw const leaf.binding, size_of::<Binding<K, V>>());
            Kind::Leaf(leaf)
        } else {
            // SAFETY: an untagged address is a branch's; it lives by this function's contract.
            let branch: &Branch<K, V, M> = unsafe { self.address().cast().as_ref() };
            touch(&raw const branch.bitmap, ptr::null::<()>());
            Kind::Branch(branch)
        }
    }

    /// The node's header.
    ///
    /// # Safety
    ///
    /// The node is not freed during `'a`.
    #[inline(always)]
    unsafe fn header<'a>(self) -> &'a Header<M> {
        // SAFETY: every node begins with its header; it lives by this function's contract.
        unsafe { self.address().cast::<Header<M>>().as_ref() }
    }

    /// The children of a branch.
    ///
    /// # Safety
    ///
    /// It is a branch, not freed nor changed during `'a`.
    #[inline(always)]
    pub(super) unsafe fn children<'a>(self) -> &'a [Self] {
        let branch = self.address().cast::<Branch<K, V, M>>();
        // SAFETY: a branch, by this function's contract.
        let len = unsafe { branch.as_ref() }.len();
        let first = Self::first_child(branch).as_ptr();
        touch_bytes(first, len * size_of::<Self>());
        // SAFETY: that many children stand behind it, all of them written by `branch`.
        unsafe { std::slice::from_raw_parts(first, len) }
    }

    /// The child at `index` of a branch.
    ///
    /// # Safety
    ///
    /// It is a branch with more than `index` children, not freed nor changed meanwhile.
    #[inline(always)]
    pub(super) unsafe fn child(self, index: usize) -> Self {
        let first = Self::first_child(self.address().cast());
        // SAFETY: within the branch's children, by this function's contract.
        let place = unsafe { first.add(index) };
        // SAFETY: as above.
        let child = unsafe { place.read() };
        touch(place.as_ptr(), child.address().as_ptr());
        child
    }

    /// Puts `child` into the place `index` of a branch.
    ///
    /// # Safety
    ///
    /// It is a branch with more than `index` children, and nobody else has it.
    pub(super) unsafe fn set_child(self, index: usize, child: Self) {
        let first = Self::first_child(self.address().cast());
        // SAFETY: within the branch's children, by this function's contract.
        let place = unsafe { first.add(index) };
        touch_mut(place.as_ptr());
        // SAFETY: as above.
        unsafe { place.write(child) };
    }

    /// The node's mark.
    ///
    /// # Safety
    ///
    /// The node is not freed meanwhile.
    #[inline(always)]
    pub(super) unsafe fn mark<'a>(self) -> &'a M {
        // SAFETY: by this function's contract.
        &unsafe { self.header() }.mark
    }

    /// Counts the node as retired, once.
    ///
    /// # Safety
    ///
    /// The node is not freed meanwhile.
    pub(super) unsafe fn count_retired(self) {
        // SAFETY: by this function's contract.
        let header = unsafe { self.header() };
        // Relaxed: the freeing thread has the node from one that came after this.
        header.retired.store(true, Ordering::Relaxed);
        // SAFETY: as above.
        meter::retired(self.address().as_ptr(), unsafe { self.weight() });
    }

    /// # Safety
    ///
    /// The node is not freed meanwhile.
    unsafe fn weight(self) -> usize {
        // SAFETY: by this function's contract.
        match unsafe { self.kind() } {
            Kind::Branch(branch) => Self::branch_layout(branch.len()).size(),
            Kind::Leaf(_) => size_of::<Leaf<K, V, M>>(),
        }
    }

    /// Frees this node alone, as `event` unless it was retired. A panic in the key's or value's
    /// `Drop` ends here, after the panic hook has reported it: others must be freed after it.
    ///
    /// # Safety
    ///
    /// Nobody else has the node.
    pub(super) unsafe fn free(self, event: Event) {
        // SAFETY: by this function's contract.
        let retired = unsafe { self.header() }.retired.load(Ordering::Relaxed);
        // SAFETY: as above.
        let weight = unsafe { self.weight() };
        let address = self.address();
        if retired || matches!(event, Event::Freed) {
            meter::freed(address.as_ptr(), weight);
        } else {
            record(event, weight);
        }
        if self.is_leaf() {
            // SAFETY: a leaf, from `Box` in `leaf`, that nobody else has.
            let leaf = unsafe { Box::from_raw(address.cast::<Leaf<K, V, M>>().as_ptr()) };
            panics::contain(|| drop(leaf));
        } else {
            let branch = address.cast::<Branch<K, V, M>>();
            // SAFETY: a branch that nobody else has.
            let layout = Self::branch_layout(unsafe { branch.as_ref() }.len());
            // SAFETY: as above.
            unsafe { ptr::drop_in_place(branch.as_ptr()) };
            // SAFETY: allocated in `branch` with this layout.
            unsafe { alloc::dealloc(address.as_ptr(), layout) };
        }
    }
}
