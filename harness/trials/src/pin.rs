//! Binding threads to CPUs.

use std::io;

/// The CPUs that the process may use.
///
/// Take them before any thread is bound: a thread that is bound, and every thread it starts,
/// sees only its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpus(Vec<usize>);

impl Cpus {
    /// The CPUs that the calling thread may use, in ascending order.
    ///
    /// # Errors
    ///
    /// If the system does not tell, or has no such notion.
    pub fn allowed() -> io::Result<Self> {
        Self::some(system::allowed(system::SELF)?)
    }

    /// The CPUs that the first thread of this process may use, in ascending order.
    ///
    /// # Errors
    ///
    /// If there is no such process, the system does not tell, or has no such notion.
    pub fn allowed_to(process: u32) -> io::Result<Self> {
        Self::some(system::allowed(i32::try_from(process).map_err(io::Error::other)?)?)
    }

    fn some(cpus: Vec<usize>) -> io::Result<Self> {
        if cpus.is_empty() {
            return Err(io::Error::other("no CPU is allowed"));
        }
        Ok(Self(cpus))
    }

    /// How many there are; at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Their numbers.
    #[must_use]
    pub fn numbers(&self) -> &[usize] {
        &self.0
    }

    /// The first `count` of them, and the others: at least one each. Of a single CPU both have it.
    #[must_use]
    pub fn parted(&self, count: usize) -> (Self, Self) {
        let count = count.clamp(1, (self.len() - 1).max(1));
        let (first, others) = self.0.split_at(count);
        let others = if others.is_empty() { first } else { others };
        (Self(first.to_vec()), Self(others.to_vec()))
    }

    /// Binds the calling thread to all of them: what it starts may use these too, and no others.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn bind_to_all(&self) -> io::Result<()> {
        system::bind(&self.0)
    }

    /// Binds the calling thread to the `index`-th, modulo their number, and says which that is.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn bind(&self, index: usize) -> io::Result<usize> {
        let cpu = self.0[index % self.0.len()];
        system::bind(&[cpu])?;
        Ok(cpu)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;

    /// The calling thread.
    pub(super) const SELF: i32 = 0;

    pub(super) fn allowed(thread: i32) -> io::Result<Vec<usize>> {
        let set = sched_getaffinity(Pid::from_raw(thread))?;
        Ok((0..CpuSet::count()).filter(|&cpu| set.is_set(cpu) == Ok(true)).collect())
    }

    pub(super) fn bind(cpus: &[usize]) -> io::Result<()> {
        let mut set = CpuSet::new();
        for cpu in cpus {
            set.set(*cpu)?;
        }
        Ok(sched_setaffinity(Pid::from_raw(SELF), &set)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    pub(super) const SELF: i32 = 0;

    pub(super) fn allowed(_thread: i32) -> io::Result<Vec<usize>> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    pub(super) fn bind(_cpus: &[usize]) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_bound_thread_may_use_that_cpu_alone() {
        let cpus = Cpus::allowed().expect("Linux tells");
        assert!(cpus.numbers().is_sorted());
        for index in 0..2 * cpus.len() {
            let all = cpus.clone();
            let check = move || {
                let cpu = all.bind(index).expect("it is allowed");
                assert_eq!(cpu, all.numbers()[index % all.len()]);
                assert_eq!(Cpus::allowed().expect("Linux tells").numbers(), [cpu]);
            };
            std::thread::spawn(check).join().expect("the thread succeeds");
        }
        assert_eq!(Cpus::allowed().expect("Linux tells"), cpus, "only those threads are bound");
    }

    #[test]
    fn who_is_measured_and_who_measures_have_cpus_of_their_own() {
        let parted = |all: &[usize], count| {
            let (first, others) = Cpus(all.to_vec()).parted(count);
            (first.0, others.0)
        };
        assert_eq!(parted(&[2, 5, 7], 1), (vec![2], vec![5, 7]));
        assert_eq!(parted(&[2, 5, 7], 2), (vec![2, 5], vec![7]));
        assert_eq!(parted(&[2, 5, 7], 9), (vec![2, 5], vec![7]), "one is left");
        assert_eq!(parted(&[2, 5], 0), (vec![2], vec![5]));
        assert_eq!(parted(&[2], 1), (vec![2], vec![2]), "there is no other");
        let all = Cpus::allowed().expect("Linux tells");
        std::thread::spawn(move || {
            let (_, others) = all.parted(1);
            others.bind_to_all().expect("they are allowed");
            assert_eq!(Cpus::allowed().expect("Linux tells"), others);
        })
        .join()
        .expect("the thread succeeds");
    }

    #[test]
    fn a_cpu_that_does_not_exist_is_an_error() {
        let far = Cpus(vec![1 << 20]);
        assert!(far.bind(0).is_err());
    }
}
