//! Which CPUs measure.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Serialize;
use virtual_cores::{MOST_CORES, MOST_SOCKETS};

use crate::caches::{first_of, first_sharer};

/// Where a CPU is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CpuPlace {
    /// Its socket.
    pub socket: usize,
    /// Its core, a number within the socket: the first of its CPUs, which are its hardware threads. If the system
    /// does not tell which these are, what it calls the core; if that is not told either, the CPU itself.
    pub core: usize,
    /// Whether the system tells its socket and its core.
    pub is_told: bool,
    /// Its last cache, by the first CPU that shares it; if the system tells.
    pub last_cache: Option<usize>,
}

impl CpuPlace {
    /// Of the CPU of that number, as the files under `root` say; what they do not is a core of socket 0.
    #[must_use]
    pub fn read(root: &Path, cpu: usize) -> Self {
        let folder = root.join(format!("sys/devices/system/cpu/cpu{cpu}/topology"));
        let first = |file: &str| first_of(&fs::read_to_string(folder.join(file)).ok()?);
        let socket = first("physical_package_id");
        let core = first("thread_siblings_list").or_else(|| first("core_id"));
        Self {
            socket: socket.unwrap_or(0),
            core: core.unwrap_or(cpu),
            is_told: socket.is_some() && core.is_some(),
            last_cache: first_sharer(root, cpu),
        }
    }

    /// Whether the last caches of both are told, and are two.
    fn is_apart(&self, other: &Self) -> bool {
        self.last_cache.zip(other.last_cache).is_some_and(|(own, other)| own != other)
    }
}

/// Two CPUs, as indices into those that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// That of the thread that measures.
    pub first: usize,
    /// That of the other.
    pub second: usize,
}

/// Which CPUs measure, as indices into those that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Two cores of a socket; of one last cache, if there are such.
    pub near: Option<Pair>,
    /// Two cores of a socket with two last caches, unless `near` are such.
    pub across: Option<Pair>,
    /// Cores of two sockets.
    pub far: Option<Pair>,
}

impl Placement {
    /// Of CPUs at these places: the first pairs that there are. Two hardware threads of a core are no pair.
    ///
    /// Complexity: O(n²).
    #[must_use]
    pub fn of(places: &[CpuPlace]) -> Self {
        let pairs = || {
            let all = 0..places.len();
            let with = |first| (first + 1..places.len()).map(move |second| Pair { first, second });
            all.flat_map(with)
        };
        let socket = |cpu: usize| places[cpu].socket;
        let near = |pair: &Pair| {
            socket(pair.first) == socket(pair.second)
                && places[pair.first].core != places[pair.second].core
        };
        let is_apart = |pair: &Pair| places[pair.first].is_apart(&places[pair.second]);
        let far = |pair: &Pair| socket(pair.first) != socket(pair.second);
        let together = pairs().filter(near).find(|pair| !is_apart(pair));
        let apart = pairs().filter(near).find(is_apart);
        Self {
            near: together.or(apart),
            across: apart.filter(|_| together.is_some()),
            far: pairs().find(far),
        }
    }
}

/// How many last caches the socket of these CPUs has that has the most; 1 at least.
#[must_use]
pub fn last_caches(places: &[CpuPlace]) -> usize {
    let told = |place: &CpuPlace| Some((place.socket, place.last_cache?));
    let caches: BTreeSet<(usize, usize)> = places.iter().filter_map(told).collect();
    let of = |socket: usize| caches.iter().filter(|(own, _)| *own == socket).count();
    places.iter().map(|place| of(place.socket)).max().unwrap_or(1).max(1)
}

/// How many cores each of the sockets has that the CPUs at these places are in.
pub(crate) fn cores_of_sockets(places: &[CpuPlace]) -> Vec<usize> {
    let core = |place: &CpuPlace| (place.socket, place.core);
    let cores: BTreeSet<(usize, usize)> = places.iter().map(core).collect();
    let sockets: BTreeSet<usize> = places.iter().map(|place| place.socket).collect();
    let of = |socket: &usize| cores.iter().filter(|(own, _)| own == socket).count();
    sockets.iter().map(of).collect()
}

/// The sockets, and the cores of each, of the machine that is modelled: the most cores together that are there, in
/// sockets of the same size, and no more than a machine can have. None is invented where sockets differ.
#[must_use]
pub fn counts(places: &[CpuPlace]) -> (usize, usize) {
    let mut cores = cores_of_sockets(places);
    cores.sort_unstable_by_key(|cores| Reverse(*cores));
    let machine = |(at, cores): (usize, &usize)| (at + 1, (*cores).min(MOST_CORES / (at + 1)));
    let machines = cores.iter().enumerate().take(MOST_SOCKETS).map(machine);
    // Of two with as many together, that of larger sockets: its near cores are measured.
    machines.max_by_key(|(sockets, cores)| (sockets * cores, *cores)).unwrap_or((1, 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Places of CPUs, of each the socket, the core and the last cache.
    fn places() -> impl Strategy<Value = Vec<CpuPlace>> {
        let place =
            |(socket, core, last_cache)| CpuPlace { socket, core, is_told: true, last_cache };
        let drawn = (0_usize..3, 0_usize..3, prop::option::of(0_usize..3)).prop_map(place);
        prop::collection::vec(drawn, 1..9)
    }

    proptest! {
        /// A pair is found wherever there is one, and is what it is said to be.
        #[test]
        fn pairs_are_of_different_cores(places in places()) {
            let placement = Placement::of(&places);
            for Pair { first, second } in [placement.near, placement.across].into_iter().flatten() {
                prop_assert!(places[first].socket == places[second].socket);
                prop_assert!(places[first].core != places[second].core);
            }
            if let Some(Pair { first, second }) = placement.far {
                prop_assert!(places[first].socket != places[second].socket);
            }
            let cores = cores_of_sockets(&places);
            prop_assert_eq!(placement.near.is_some(), cores.iter().any(|cores| *cores > 1));
            prop_assert_eq!(placement.far.is_some(), cores.len() > 1);
        }

        /// Near cores share a last cache if any two do, and of two that have one each there is another pair.
        #[test]
        fn last_caches_are_told_apart(places in places()) {
            let are_apart = |Pair { first, second }: Pair| {
                let both = (places[first].last_cache, places[second].last_cache);
                matches!(both, (Some(one), Some(other)) if one != other)
            };
            let Placement { near, across, .. } = Placement::of(&places);
            let all = (0..places.len())
                .flat_map(|first| (0..first).map(move |second| Pair { first, second }));
            let is_near = |pair: &Pair| {
                let [one, other] = [pair.first, pair.second].map(|cpu| places[cpu]);
                one.socket == other.socket && one.core != other.core
            };
            let all: Vec<bool> = all.filter(is_near).map(are_apart).collect();
            prop_assert_eq!(near.is_some_and(|pair| !are_apart(pair)), all.contains(&false));
            prop_assert!(across.is_none_or(are_apart));
            prop_assert_eq!(across.is_some(), all.contains(&true) && all.contains(&false));
            prop_assert!(last_caches(&places) > 1 || !all.contains(&true));
        }

        /// Sockets, cores and last caches are counted, whatever the number of hardware threads and their order.
        #[test]
        fn cores_are_counted(
            sockets in 1_usize..4,
            cores in 1_usize..6,
            threads in 1_usize..3,
            sharers in 1_usize..6,
        ) {
            let place = |socket: usize, core: usize| CpuPlace {
                socket,
                core: core * 2,
                is_told: true,
                last_cache: Some(100 * socket + core / sharers),
            };
            let all = (0..sockets).flat_map(|socket| (0..cores).map(move |core| (socket, core)));
            let once: Vec<CpuPlace> = all.map(|(socket, core)| place(socket, core)).collect();
            prop_assert_eq!(counts(&once.repeat(threads)), (sockets, cores));
            prop_assert_eq!(last_caches(&once.repeat(threads)), cores.div_ceil(sharers));
        }
    }

    proptest! {
        /// However many CPUs of which sockets may be used, the machine has cores that are there, as many as it can.
        #[test]
        fn no_core_is_invented(cores in prop::collection::vec(1_usize..300, 1..12)) {
            let place = |socket| {
                move |core| CpuPlace { socket, core, is_told: true, last_cache: None }
            };
            let of = |(socket, count): (usize, &usize)| (0..*count).map(place(socket));
            let places: Vec<CpuPlace> = cores.iter().enumerate().flat_map(of).collect();
            prop_assert_eq!(&cores_of_sockets(&places), &cores);
            let (own_sockets, own_cores) = counts(&places);
            prop_assert!(own_sockets <= MOST_SOCKETS && own_sockets * own_cores <= MOST_CORES);
            prop_assert!(cores.iter().filter(|cores| **cores >= own_cores).count() >= own_sockets);
            for sockets in 1..=MOST_SOCKETS {
                for each in 1..=MOST_CORES / sockets {
                    let are_there = cores.iter().filter(|cores| **cores >= each).count() >= sockets;
                    prop_assert!(!are_there || sockets * each <= own_sockets * own_cores);
                }
            }
        }
    }

    #[test]
    fn places_are_read() {
        let root = std::env::temp_dir().join(format!("calibrate-places-{}", std::process::id()));
        let write = |file: &str, text: &str| {
            let file = root.join("sys/devices/system/cpu/cpu7").join(file);
            fs::create_dir_all(file.parent().expect("a folder")).expect("it can be made");
            fs::write(file, text).expect("it can be written");
        };
        write("topology/physical_package_id", "1\n");
        write("topology/core_id", "12\n");
        let place = CpuPlace { socket: 1, core: 12, is_told: true, last_cache: None };
        assert_eq!(CpuPlace::read(&root, 7), place);
        // Of two dies the cores may have the same numbers; their hardware threads have not.
        write("topology/thread_siblings_list", "3,7\n");
        let place = CpuPlace { core: 3, ..place };
        assert_eq!(CpuPlace::read(&root, 7), place);
        write("cache/index3/level", "3\n");
        write("cache/index3/type", "Unified\n");
        write("cache/index3/shared_cpu_list", "6-9,70-73\n");
        assert_eq!(CpuPlace::read(&root, 7), CpuPlace { last_cache: Some(6), ..place });
        let untold = CpuPlace { socket: 0, core: 3, is_told: false, last_cache: None };
        assert_eq!(CpuPlace::read(&root, 3), untold, "nothing is told");
        fs::remove_dir_all(&root).expect("it was made");
    }
}
