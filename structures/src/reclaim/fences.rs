//! An asymmetric store-load fence: the reclaiming thread pays for it, and not the readers.
//!
//! Every scheme that announces something before it reads needs such a fence: "announce; fence; read"
//! against "unlink; fence; read the announcements". Readers are many and reclaiming threads few. So the
//! reader's fence, [`Fences::light`], only keeps the compiler from reordering, and the
//! reclaiming thread's, [`Fences::heavy`], makes the kernel run a fence in every thread of the process:
//! `membarrier(2)`, command `PRIVATE_EXPEDITED`, Linux 4.14. (D. Goldblatt, P1202, proposes asymmetric fences
//! for C++; the papers of these schemes all have the symmetric pair.)
//!
//! F. Of a light and a heavy fence, one comes first: either everything before the light fence is
//! visible after the heavy one, or everything before the heavy fence is visible after the light
//! one. For two SeqCst fences the language guarantees that. For an asymmetric pair the kernel guarantees
//! it: each thread passes a full fence at some point of its program between the start of the call
//! and its end, and at that point it either has not reached its light fence, or is behind it.
//!
//! On virtual cores (`--cfg simulate`) the call is reported to them, and has the cost that their machine states; a
//! machine may also lack it.
//!
//! Where the kernel lacks the call, and under loom and Miri, which do not know it, both are SeqCst
//! fences: so loom explores the symmetric pair.

use crate::sync::{Ordering, fence};

/// Which pair of fences a domain uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fences {
    /// A compiler fence and `membarrier(2)`. Only [`Fences::best`] makes it.
    Asymmetric,
    /// Two SeqCst fences.
    Symmetric,
}

impl Fences {
    /// The cheapest pair for readers that this system has; the process asks the kernel once.
    pub(super) fn best() -> Self {
        if membarrier::is_registered() { Self::Asymmetric } else { Self::Symmetric }
    }

    /// The reader's side of F.
    #[inline(always)]
    pub(super) fn light(self) {
        match self {
            Self::Asymmetric => std::sync::atomic::compiler_fence(Ordering::SeqCst),
            Self::Symmetric => fence(Ordering::SeqCst),
        }
    }

    /// The reclaiming thread's side of F: some microseconds if it is asymmetric.
    pub(super) fn heavy(self) {
        fence(Ordering::SeqCst);
        if self == Self::Asymmetric {
            membarrier::run();
        }
    }
}

#[cfg(simulate)]
mod membarrier {
    pub(super) fn is_registered() -> bool {
        crate::sync::simulated::has_membarrier()
    }

    pub(super) fn run() {
        crate::sync::simulated::membarrier();
    }
}

#[cfg(all(target_os = "linux", not(any(loom, shuttle, simulate, miri))))]
mod membarrier {
    use std::io;
    use std::sync::OnceLock;

    use libc::{MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED};

    /// Whether this process may use the command; registers it at the first call.
    pub(super) fn is_registered() -> bool {
        static REGISTERED: OnceLock<bool> = OnceLock::new();
        // A kernel that does not know the command refuses to register for it.
        *REGISTERED.get_or_init(|| call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED).is_ok())
    }

    /// # Panics
    ///
    /// If the kernel is out of memory. To go on without the fence would free nodes that are in use.
    pub(super) fn run() {
        if let Err(error) = call(MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
            panic!("membarrier(2) failed although the process is registered for it: {error}");
        }
    }

    fn call(command: libc::membarrier_cmd) -> io::Result<()> {
        // SAFETY: takes three integers and touches no memory of ours.
        let result = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(not(any(simulate, all(target_os = "linux", not(any(loom, shuttle, miri))))))]
mod membarrier {
    pub(super) fn is_registered() -> bool {
        false
    }

    pub(super) fn run() {
        unreachable!("only registered processes come here");
    }
}
