//! Which CPUs measure.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Serialize;

/// Where a CPU is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CpuPlace {
    /// Its socket.
    pub socket: usize,
    /// Its core, a number within the socket. CPUs of one core are its hardware threads.
    pub core: usize,
}

impl CpuPlace {
    /// Of the CPU of that number, as the files under `root` say; if they do not, it is a core of socket 0.
    #[must_use]
    pub fn read(root: &Path, cpu: usize) -> Self {
        let folder = root.join(format!("sys/devices/system/cpu/cpu{cpu}/topology"));
        let number = |file: &str| {
            fs::read_to_string(folder.join(file)).ok().and_then(|text| text.trim().parse().ok())
        };
        let places = number("physical_package_id").zip(number("core_id"));
        let (socket, core) = places.unwrap_or((0, cpu));
        Self { socket, core }
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
    /// Two cores of a socket.
    pub near: Option<Pair>,
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
        let far = |pair: &Pair| socket(pair.first) != socket(pair.second);
        Self { near: pairs().find(near), far: pairs().find(far) }
    }
}

/// How many sockets the CPUs at these places are in, and how many cores the largest of those has.
#[must_use]
pub fn counts(places: &[CpuPlace]) -> (usize, usize) {
    let cores: BTreeSet<&CpuPlace> = places.iter().collect();
    let sockets: BTreeSet<usize> = places.iter().map(|place| place.socket).collect();
    let of = |socket: &usize| cores.iter().filter(|place| place.socket == *socket).count();
    (sockets.len().max(1), sockets.iter().map(of).max().unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A pair is found wherever there is one, and is what it is said to be.
        #[test]
        fn pairs_are_of_different_cores(
            places in prop::collection::vec((0_usize..3, 0_usize..3), 1..9),
        ) {
            let places: Vec<CpuPlace> =
                places.into_iter().map(|(socket, core)| CpuPlace { socket, core }).collect();
            let placement = Placement::of(&places);
            if let Some(Pair { first, second }) = placement.near {
                prop_assert!(places[first].socket == places[second].socket);
                prop_assert!(places[first].core != places[second].core);
            }
            if let Some(Pair { first, second }) = placement.far {
                prop_assert!(places[first].socket != places[second].socket);
            }
            let (sockets, cores) = counts(&places);
            prop_assert_eq!(placement.near.is_some(), cores > 1);
            prop_assert_eq!(placement.far.is_some(), sockets > 1);
        }

        /// Sockets and cores are counted, whatever the number of hardware threads and their order.
        #[test]
        fn cores_are_counted(sockets in 1_usize..4, cores in 1_usize..6, threads in 1_usize..3) {
            let core = move |socket| (0..cores).map(move |core| CpuPlace { socket, core: core * 2 });
            let once: Vec<CpuPlace> = (0..sockets).flat_map(core).collect();
            prop_assert_eq!(counts(&once.repeat(threads)), (sockets, cores));
        }
    }

    #[test]
    fn places_are_read() {
        let root = std::env::temp_dir().join(format!("calibrate-places-{}", std::process::id()));
        let folder = root.join("sys/devices/system/cpu/cpu7/topology");
        fs::create_dir_all(&folder).expect("it can be made");
        fs::write(folder.join("physical_package_id"), "1\n").expect("it can be written");
        fs::write(folder.join("core_id"), "12\n").expect("it can be written");
        assert_eq!(CpuPlace::read(&root, 7), CpuPlace { socket: 1, core: 12 });
        assert_eq!(CpuPlace::read(&root, 3), CpuPlace { socket: 0, core: 3 }, "nothing is told");
        fs::remove_dir_all(&root).expect("it was made");
    }
}
