//! What disturbed a trial: CPU time that the host or other processes took.

use std::collections::HashMap;
use std::fs;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use crate::pin::Cpus;

/// The verdict on a trial that nothing disturbed.
pub const QUIET: &str = "quiet";

/// The verdict where nothing can be read.
pub const UNKNOWN: &str = "unknown";

/// Above this share of all CPUs' time stolen by the hypervisor, a trial is not quiet. The
/// counter has steps of 10 ms: half a second on two CPUs resolves 1 %.
pub const STEAL_LIMIT: f64 = 0.01;

/// Above this share of the time in which the process could have run and did not, a trial is not
/// quiet. The same 3 % makes a window unclean.
pub const RUN_DELAY_LIMIT: f64 = 0.03;

/// Above this share of time in which some task of the machine waited for a CPU, a trial is not
/// quiet. Looser, because it counts tasks that do not compete with the trial.
pub const PRESSURE_LIMIT: f64 = 0.10;

/// Length of a tick of `/proc/stat`: `USER_HZ` is 100 wherever Rust's Linux targets run.
const TICK: f64 = 0.01;

/// What was taken from a trial; a field is absent where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Wall time between start and stop.
    pub wall_seconds: f64,
    /// CPUs that the process may use.
    pub cpus: Option<usize>,
    /// CPUs of the machine.
    pub machine_cpus: Option<usize>,
    /// CPU time stolen by the hypervisor, all CPUs.
    pub steal_seconds: Option<f64>,
    /// Time the threads alive at the stop ran.
    pub run_seconds: Option<f64>,
    /// Time the threads alive at the stop were runnable but not running.
    pub run_delay_seconds: Option<f64>,
    /// Involuntary context switches of the process.
    pub involuntary_switches: Option<u64>,
    /// Moves to another CPU of the threads alive at the stop.
    pub migrations: Option<u64>,
    /// Time in which some task of the machine waited for a CPU.
    pub cpu_pressure_seconds: Option<f64>,
}

impl Noise {
    /// `quiet`, or what exceeded its limit, as in `steal 3.1 %; run delay 12.0 %`; `unknown`
    /// where none of it can be read.
    ///
    /// More threads than CPUs must wait for each other, and that is no noise: only the delay in
    /// which CPUs that the process may use did not run it counts, and pressure only if the
    /// threads fit the CPUs.
    #[must_use]
    pub fn verdict(&self) -> String {
        let shares = [
            ("steal", self.steal_share(), STEAL_LIMIT),
            ("run delay", self.run_delay_share(), RUN_DELAY_LIMIT),
            ("cpu pressure", self.pressure_share(), PRESSURE_LIMIT),
        ];
        if shares.iter().all(|(_, share, _)| share.is_none()) {
            return UNKNOWN.to_owned();
        }
        let loud: Vec<String> = shares
            .iter()
            .filter_map(|&(name, share, limit)| share.filter(|&s| s > limit).map(|s| (name, s)))
            .map(|(name, share)| format!("{name} {:.1} %", share * 100.0))
            .collect();
        if loud.is_empty() { QUIET.to_owned() } else { loud.join("; ") }
    }

    /// Adds what was taken in another part of the trial; what one part does not tell, the sum does not.
    pub fn add(&mut self, other: &Self) {
        fn sum<T: std::ops::Add<Output = T>>(one: Option<T>, other: Option<T>) -> Option<T> {
            one.zip(other).map(|(one, other)| one + other)
        }
        self.wall_seconds += other.wall_seconds;
        self.steal_seconds = sum(self.steal_seconds, other.steal_seconds);
        self.run_seconds = sum(self.run_seconds, other.run_seconds);
        self.run_delay_seconds = sum(self.run_delay_seconds, other.run_delay_seconds);
        self.involuntary_switches = sum(self.involuntary_switches, other.involuntary_switches);
        self.migrations = sum(self.migrations, other.migrations);
        self.cpu_pressure_seconds = sum(self.cpu_pressure_seconds, other.cpu_pressure_seconds);
    }

    fn steal_share(&self) -> Option<f64> {
        share(self.steal_seconds?, self.wall_seconds * self.machine_cpus? as f64)
    }

    /// The delay that CPUs enough for all threads would not have caused is noise: the CPU time
    /// available less what was used, but no more than the delay.
    fn run_delay_share(&self) -> Option<f64> {
        let (ran, waited) = (self.run_seconds?, self.run_delay_seconds?);
        let available = self.wall_seconds * self.cpus? as f64;
        let lost = waited.min((available - ran).max(0.0));
        if ran + waited == 0.0 { Some(0.0) } else { share(lost, ran + lost) }
    }

    fn pressure_share(&self) -> Option<f64> {
        let demand = self.run_seconds.unwrap_or(0.0) + self.run_delay_seconds.unwrap_or(0.0);
        // A little slack: the clocks are not read at the same moment.
        let fits = demand <= 1.02 * self.wall_seconds * self.cpus? as f64;
        if fits { share(self.cpu_pressure_seconds?, self.wall_seconds) } else { None }
    }
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// Reads the counters at the start; [`stop`](Self::stop) reads them again.
#[derive(Debug)]
pub struct NoiseProbe {
    start: Instant,
    /// The process, if it is another one.
    process: Option<u32>,
    counters: NoiseCounters,
}

impl NoiseProbe {
    /// Starts to watch. The calling thread's set of CPUs is taken for the process': start
    /// before threads are bound.
    #[must_use]
    pub fn start() -> Self {
        Self { counters: NoiseCounters::read(), process: None, start: Instant::now() }
    }

    /// Starts to watch the threads of another process, and nothing else: what the machine does is told by the caller's
    /// own probe. The set of CPUs of its first thread is taken for the process'.
    #[must_use]
    pub fn start_of(process: u32) -> Self {
        let counters = NoiseCounters::read_of(process);
        Self { counters, process: Some(process), start: Instant::now() }
    }

    /// What happened since the start. Call it while the workers are alive (at a barrier): the
    /// times of a thread that has ended are gone.
    #[must_use]
    pub fn stop(&self) -> Noise {
        let wall_seconds = self.start.elapsed().as_secs_f64();
        let now = self.process.map_or_else(NoiseCounters::read, NoiseCounters::read_of);
        self.counters.until(&now, wall_seconds)
    }
}

/// The counters at one moment.
#[derive(Debug, Default)]
struct NoiseCounters {
    cpus: Option<usize>,
    stat: Option<Stat>,
    threads: HashMap<String, Thread>,
    involuntary_switches: Option<u64>,
    pressure_micros: Option<u64>,
}

/// What `/proc/stat` says.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stat {
    steal_ticks: u64,
    cpus: usize,
}

/// What `/proc` says of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Thread {
    times: Option<CpuTimes>,
    migrations: Option<u64>,
}

/// What a thread's `schedstat` says, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct CpuTimes {
    ran: u64,
    waited: u64,
}

impl NoiseCounters {
    fn read() -> Self {
        let text = |path| fs::read_to_string(path).ok();
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
        Self {
            cpus: Cpus::allowed().ok().map(|cpus| cpus.len()),
            stat: text("/proc/stat").as_deref().and_then(parse_stat),
            threads: read_threads("self").unwrap_or_default(),
            involuntary_switches: usage
                .and_then(|usage| u64::try_from(usage.involuntary_context_switches()).ok()),
            pressure_micros: text("/proc/pressure/cpu").as_deref().and_then(parse_pressure),
        }
    }

    /// Those of another process: of its threads alone.
    fn read_of(process: u32) -> Self {
        Self {
            cpus: Cpus::allowed_to(process).ok().map(|cpus| cpus.len()),
            threads: read_threads(&process.to_string()).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// What was counted from `self` to `end`. The CPUs are those of the start.
    fn until(&self, end: &Self, wall_seconds: f64) -> Noise {
        let since = |get: fn(&Self) -> Option<u64>| Some(get(end)?.saturating_sub(get(self)?));
        let nanos = |get: fn(&CpuTimes) -> u64| {
            self.sum_over_threads(end, |thread| thread.times.as_ref().map(get))
                .map(|nanos| nanos as f64 / 1e9)
        };
        Noise {
            wall_seconds,
            cpus: self.cpus,
            machine_cpus: self.stat.map(|stat| stat.cpus),
            steal_seconds: since(|at| Some(at.stat?.steal_ticks)).map(|ticks| ticks as f64 * TICK),
            run_seconds: nanos(|times| times.ran),
            run_delay_seconds: nanos(|times| times.waited),
            involuntary_switches: since(|at| at.involuntary_switches),
            migrations: self.sum_over_threads(end, |thread| thread.migrations),
            cpu_pressure_seconds: since(|at| at.pressure_micros).map(|micros| micros as f64 / 1e6),
        }
    }

    /// The growth of a counter, summed over the threads alive at the end; one that started
    /// meanwhile started at 0. Absent if a thread does not tell.
    fn sum_over_threads(&self, end: &Self, get: impl Fn(&Thread) -> Option<u64>) -> Option<u64> {
        if end.threads.is_empty() {
            return None;
        }
        let growth = |(id, now): (&String, &Thread)| {
            let before = self.threads.get(id).and_then(&get).unwrap_or(0);
            Some(get(now)?.saturating_sub(before))
        };
        end.threads.iter().map(growth).sum()
    }
}

/// Every thread of the process that lets itself be read.
fn read_threads(process: &str) -> Option<HashMap<String, Thread>> {
    let mut threads = HashMap::new();
    for entry in fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let entry = entry.ok()?;
        let text = |file| fs::read_to_string(entry.path().join(file)).ok();
        // One that ended since the directory was read is not alive.
        let Some(times) = text("schedstat") else { continue };
        let thread = Thread {
            times: parse_schedstat(&times),
            migrations: text("sched").as_deref().and_then(parse_migrations),
        };
        threads.insert(entry.file_name().to_string_lossy().into_owned(), thread);
    }
    Some(threads)
}

/// The eighth number of the line of all CPUs, and the number of lines of one CPU.
fn parse_stat(text: &str) -> Option<Stat> {
    let all = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let steal_ticks = all.split_whitespace().nth(7)?.parse().ok()?;
    let of_one = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    Some(Stat { steal_ticks, cpus: text.lines().filter(of_one).count() })
}

/// Time on a CPU and time waiting for one.
fn parse_schedstat(text: &str) -> Option<CpuTimes> {
    let mut numbers = text.split_whitespace().map(|word| word.parse().ok());
    Some(CpuTimes { ran: numbers.next()??, waited: numbers.next()?? })
}

/// `nr_migrations` of a thread's `sched`.
fn parse_migrations(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("se.nr_migrations"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

/// The total of the line `some`, in microseconds.
fn parse_pressure(text: &str) -> Option<u64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    some.split_whitespace().find_map(|word| word.strip_prefix("total="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  18759 0 4529 261590 439 0 43 25 7 0\n\
        cpu0 9286 0 1917 131281 56 0 7 11 0 0\ncpu1 9473 0 2612 130309 383 0 36 13 0 0\n\
        intr 1201 0 9\nctxt 4\nbtime 5\n";

    #[test]
    fn files_are_parsed() {
        assert_eq!(parse_stat(STAT), Some(Stat { steal_ticks: 25, cpus: 2 }));
        let times = parse_schedstat("490445 17 1\n");
        assert_eq!(times, Some(CpuTimes { ran: 490_445, waited: 17 }));
        let sched = "bench (7, #threads: 1)\n-----\n\
            se.exec_start                                :       5000.1\n\
            se.nr_migrations                             :                   12\n\
            numa_pages_migrated                          :                    3\n";
        assert_eq!(parse_migrations(sched), Some(12));
        let pressure = "some avg10=0.00 avg60=0.08 avg300=0.55 total=10029197\n\
            full avg10=0.00 avg60=0.00 avg300=0.00 total=3\n";
        assert_eq!(parse_pressure(pressure), Some(10_029_197));
    }

    #[test]
    fn other_text_gives_nothing() {
        for text in ["", "\n", "cpu", "cpu  1 2 3\n", "some total=x", "se.nr_migrations : ?", "7"] {
            assert_eq!(parse_stat(text), None);
            assert_eq!(parse_schedstat(text), None);
            assert_eq!(parse_migrations(text), None);
            assert_eq!(parse_pressure(text), None);
        }
    }

    fn thread(ran: u64, waited: u64, migrations: u64) -> Thread {
        Thread { times: Some(CpuTimes { ran, waited }), migrations: Some(migrations) }
    }

    fn counters(steal_ticks: u64, threads: &[(&str, Thread)]) -> NoiseCounters {
        NoiseCounters {
            cpus: Some(2),
            stat: Some(Stat { steal_ticks, cpus: 4 }),
            threads: threads.iter().map(|&(id, thread)| (id.to_owned(), thread)).collect(),
            involuntary_switches: Some(10 * steal_ticks),
            pressure_micros: Some(100_000 * steal_ticks),
        }
    }

    #[test]
    fn growth_is_counted() {
        let second = 1_000_000_000;
        let old = [("1", thread(second, 5, 7)), ("2", thread(9, 9, 9))];
        // 2 has ended, 3 has started.
        let new = [("1", thread(2 * second, 5 + second / 2, 8)), ("3", thread(second, 0, 3))];
        let noise = counters(3, &old).until(&counters(5, &new), 2.0);
        let expected = Noise {
            wall_seconds: 2.0,
            cpus: Some(2),
            machine_cpus: Some(4),
            steal_seconds: Some(0.02),
            run_seconds: Some(2.0),
            run_delay_seconds: Some(0.5),
            involuntary_switches: Some(20),
            migrations: Some(4),
            cpu_pressure_seconds: Some(0.2),
        };
        assert_eq!(noise, expected);
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        let nothing = NoiseCounters::default();
        let noise = nothing.until(&NoiseCounters::default(), 1.0);
        assert_eq!(noise, Noise { wall_seconds: 1.0, ..Noise::default() });
        assert_eq!(noise.verdict(), UNKNOWN);
        let mute = [("1", Thread { times: None, migrations: Some(1) }), ("2", thread(1, 1, 1))];
        let noise = nothing.until(&counters(0, &mute), 1.0);
        assert_eq!((noise.run_delay_seconds, noise.migrations), (None, Some(2)));
    }

    fn noise(steal: f64, ran: f64, waited: f64, pressure: f64) -> Noise {
        Noise {
            wall_seconds: 10.0,
            cpus: Some(2),
            machine_cpus: Some(4),
            steal_seconds: Some(steal),
            run_seconds: Some(ran),
            run_delay_seconds: Some(waited),
            cpu_pressure_seconds: Some(pressure),
            ..Noise::default()
        }
    }

    #[test]
    fn verdicts() {
        assert_eq!(noise(0.4, 20.0, 0.0, 1.0).verdict(), "quiet");
        assert_eq!(noise(0.0, 0.0, 0.0, 0.0).verdict(), "quiet");
        assert_eq!(noise(1.24, 20.0, 0.0, 0.0).verdict(), "steal 3.1 %");
        assert_eq!(noise(0.0, 19.0, 1.0, 0.0).verdict(), "run delay 5.0 %");
        assert_eq!(noise(0.0, 10.0, 0.0, 1.5).verdict(), "cpu pressure 15.0 %");
        assert_eq!(
            noise(1.24, 15.0, 5.0, 6.0).verdict(),
            "steal 3.1 %; run delay 25.0 %; cpu pressure 60.0 %"
        );
    }

    #[test]
    fn the_noise_of_slices_adds_up() {
        let mut all = noise(0.4, 19.0, 1.0, 0.5);
        all.add(&noise(0.6, 20.0, 0.5, 1.0));
        assert_eq!(all, Noise { wall_seconds: 20.0, ..noise(1.0, 39.0, 1.5, 1.5) });
        all.add(&Noise { steal_seconds: None, ..noise(0.0, 1.0, 1.0, 1.0) });
        assert_eq!((all.steal_seconds, all.run_seconds), (None, Some(40.0)));
    }

    #[test]
    fn waiting_for_each_other_is_no_noise() {
        // Four threads on two CPUs that they have to themselves.
        assert_eq!(noise(0.0, 20.0, 20.0, 10.0).verdict(), "quiet");
        // The same, and somebody else takes a quarter of the CPUs.
        assert_eq!(noise(0.0, 15.0, 25.0, 10.0).verdict(), "run delay 25.0 %");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_probe_sees_its_own_thread_run() {
        let probe = NoiseProbe::start();
        let begin = crate::metric::thread_cpu_seconds().expect("there is a clock");
        while crate::metric::thread_cpu_seconds().expect("there is a clock") < begin + 0.05 {
            std::hint::spin_loop();
        }
        let noise = probe.stop();
        assert!(noise.wall_seconds >= 0.05);
        assert!(noise.run_seconds.is_none_or(|ran| ran >= 0.04), "{noise:?}");
        assert!(!noise.verdict().is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_probe_of_another_process_sees_that_one_alone() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let (own, other) = (NoiseProbe::start(), NoiseProbe::start_of(child.id()));
        let begin = crate::metric::thread_cpu_seconds().expect("there is a clock");
        while crate::metric::thread_cpu_seconds().expect("there is a clock") < begin + 0.2 {
            std::hint::spin_loop();
        }
        let (own, other) = (own.stop(), other.stop());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(other.run_seconds.is_some(), own.run_seconds.is_some());
        assert!(other.run_seconds.is_none_or(|ran| ran < 0.1), "it sleeps: {other:?}");
        assert_eq!(other.cpus, Cpus::allowed().ok().map(|cpus| cpus.len()));
        assert_eq!((other.steal_seconds, other.cpu_pressure_seconds), (None, None));
        let waits = noise(0.0, 9.0, 1.0, 0.0);
        let alone = Noise { steal_seconds: None, cpu_pressure_seconds: None, ..waits };
        assert_eq!(alone.verdict(), "run delay 10.0 %");
    }
}
