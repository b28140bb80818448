//! Machines of no maker, for tests.

#![allow(dead_code, reason = "each test has use for some")]

use virtual_cores::MachineModel;

/// So many sockets of so many cores, with caches of such KiB and ways.
pub(crate) fn machine(sockets: usize, cores: usize, caches: [(usize, usize); 3]) -> MachineModel {
    let level = |name: &str, (kib, ways): (usize, usize), cycles: usize| {
        format!(
            "[{name}]\nkib = {{ is = {kib}, source = 's' }}\nways = {{ is = {ways}, source = 's' }}\n\
             cycles = {{ is = {cycles}, source = 's' }}\n"
        )
    };
    let [l1, l2, llc] = caches;
    let numbers = [
        ("sockets", sockets as f64),
        ("cores_per_socket", cores as f64),
        ("ghz", 2.5),
        ("memory_ns", 90.0),
        ("far_memory_ns", 150.0),
        ("near_ns", 48.0),
        ("far_ns", 120.0),
        ("window", 64.0),
        ("misses", 10.0),
        ("stores", 40.0),
        ("rmw_cycles", 20.0),
        ("rmw_overlaps", 0.0),
        ("fence_cycles", 33.0),
        ("mispredict_cycles", 16.0),
        ("pause_cycles", 44.0),
        ("ipc", 2.0),
        ("membarrier_ns", 2000.0),
        ("interrupt_ns", 800.0),
        ("sleep_ns", 1500.0),
        ("wake_ns", 1000.0),
        ("woken_ns", 5000.0),
    ];
    let numbers = numbers.map(|(name, is)| format!("{name} = {{ is = {is:.1}, source = 's' }}\n"));
    let text = format!(
        "name = 'test'\n{}{}{}{}",
        numbers.concat(),
        level("l1", l1, 5),
        level("l2", l2, 14),
        level("llc", llc, 50)
    );
    MachineModel::parse(&text).expect("it is a machine")
}

/// Two sockets of 16 cores, with caches of a usual size.
pub(crate) fn two_sockets() -> MachineModel {
    machine(2, 16, [(32, 8), (256, 8), (16 * 1024, 16)])
}
