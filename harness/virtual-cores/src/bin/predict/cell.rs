//! One cell on virtual cores.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, ensure};
use table::{Books, Feed, Form, MapOptions, Op, Structures, Table};
use trials::case::Case;
use trials::workload::{Stream, Streams, prefill_keys};
use virtual_cores::{
    CoreProgram, CycleStack, HotLine, MachineModel, Traffic, counts, forget_waits, mispredict, now,
    parks, run, spent,
};

use crate::charge::{self, Attempt, Work};
use crate::glue;
use crate::instructions::{self, SubjectWork};
use crate::spec::PredictedCell;

/// Operations by which caches fill, and which are not counted, as a multiple of the keys.
const WARM_UP: u64 = 2;
/// The most of these operations; or as many as are counted, where more of each thread are asked for.
const LONGEST_WARM_UP: u64 = 400_000;
/// Operations that are counted, of all threads together, at least …
const OPERATIONS: u64 = 40_000;
/// … and of each, unless that is asked for.
const OPERATIONS_EACH: u64 = 1000;

/// How one run of a cell went.
#[derive(Clone, Debug)]
pub(crate) struct CellRun {
    pub(crate) ops_per_sec: f64,
    pub(crate) ops: u64,
    pub(crate) counts: Traffic,
    /// What the cycles of all cores went to.
    pub(crate) spent: CycleStack,
    pub(crate) parks: u64,
    /// Retired nodes that were freed.
    pub(crate) reclaimed: u64,
    /// The lines that were waited for most, the most first.
    pub(crate) hot: Vec<HotLine>,
    /// The cycles that all lines were waited for.
    pub(crate) waited: u64,
}

/// Where all workers of a run are.
#[derive(Debug)]
struct Progress {
    done: Cell<u64>,
    warm: u64,
    all: u64,
    begin: Cell<Moment>,
    end: Cell<Moment>,
}

/// Where a run is at a time.
#[derive(Clone, Copy, Debug, Default)]
struct Moment {
    at: u64,
    counts: Traffic,
    spent: CycleStack,
    parks: u64,
    reclaimed: u64,
}

impl Moment {
    fn now() -> Self {
        let (parks, reclaimed) = (parks(), glue::reclaimed());
        Self { at: now(), counts: counts(), spent: spent(), parks, reclaimed }
    }

    /// What was done since `before`; `at` is how long it took.
    fn since(&self, before: &Self) -> Self {
        Self {
            at: self.at.saturating_sub(before.at),
            counts: self.counts.since(&before.counts),
            spent: self.spent.since(&before.spent),
            parks: self.parks - before.parks,
            reclaimed: self.reclaimed - before.reclaimed,
        }
    }
}

impl Progress {
    /// An operation has been done.
    fn note(&self) {
        let done = self.done.get() + 1;
        self.done.set(done);
        if done == self.warm {
            self.begin.set(Moment::now());
            forget_waits();
        } else if done == self.all {
            self.end.set(Moment::now());
        }
    }

    /// What the operations that count have done, when all are.
    fn counted(&self) -> Moment {
        self.end.get().since(&self.begin.get())
    }
}

/// Operations one at a time, with the time that they take beside their memory.
struct Worker {
    stream: Stream,
    progress: Rc<Progress>,
    work: Work,
    mispredicted: f64,
    /// What has added up to the next mispredicted branch.
    added_up: f64,
    is_first: bool,
    op: [(Op, u64); 1],
}

impl Feed for Worker {
    fn next(&mut self) -> &[(Op, u64)] {
        if !self.is_first {
            self.added_up += self.mispredicted;
            while self.added_up >= 1.0 {
                self.added_up -= 1.0;
                mispredict();
            }
            self.progress.note();
        }
        self.is_first = false;
        if self.progress.done.get() >= self.progress.all {
            return &[];
        }
        charge::operation(self.work);
        self.op[0] = self.stream.next_op();
        &self.op
    }
}

/// A cell that can be run.
#[derive(Debug)]
pub(crate) struct Prepared<'s> {
    pub(crate) cell: &'s PredictedCell,
    subject: &'s table::Subject,
    work: SubjectWork,
    /// Whether that was counted for the subject itself.
    pub(crate) are_its_own: bool,
    /// Operations of each thread that are counted at least, and that fill caches before, if that is asked for.
    pub(crate) operations_each: Option<u64>,
}

impl<'s> Prepared<'s> {
    pub(crate) fn new(structures: &'s Structures, cell: &'s PredictedCell) -> anyhow::Result<Self> {
        let structure = structures.get(&cell.structure).context("the structure was looked up")?;
        let subject =
            structure.subject(Form::Usual, &cell.reclaimer).context("the subject was looked up")?;
        let (work, are_its_own) = instructions::work(cell)?;
        Ok(Self { cell, subject, work, are_its_own, operations_each: None })
    }

    /// Its instructions on `machine`.
    pub(crate) fn work(&self, machine: &MachineModel) -> Work {
        Work::Instructions(self.work.operation.cycles(machine))
    }

    /// Runs it on so many threads, each operation taking `work` beside its memory. In a thread of its own,
    /// where the allocator has memory of its own that nothing has been in: where nodes are then does not depend
    /// on what the process has done before.
    pub(crate) fn run(
        &self,
        machine: &MachineModel,
        threads: usize,
        work: Work,
        seed: u64,
    ) -> anyhow::Result<CellRun> {
        let run = || self.run_here(machine, threads, work, seed);
        thread::scope(|scope| scope.spawn(run).join().expect("no run panics"))
    }

    fn run_here(
        &self,
        machine: &MachineModel,
        threads: usize,
        work: Work,
        seed: u64,
    ) -> anyhow::Result<CellRun> {
        let case = self.case(threads);
        let table = self.filled(case.keys, case.prefill, seed)?;
        let streams = Streams::of(&case, seed)?;
        let (warm, ops) = self.lengths(threads);
        let progress = Rc::new(Progress {
            done: Cell::new(0),
            warm,
            all: warm + ops,
            begin: Cell::default(),
            end: Cell::default(),
        });
        let attempt = &self.work.attempt;
        let (cycles, mispredicted) = (attempt.cycles(machine), attempt.mispredicted);
        charge::open(threads, Attempt { cycles, mispredicted });
        let program = |thread: usize| -> CoreProgram {
            let table = Arc::clone(&table);
            let mut worker = Worker {
                stream: streams.worker(thread),
                progress: Rc::clone(&progress),
                work,
                mispredicted: self.work.operation.mispredicted,
                added_up: thread as f64 / threads as f64,
                is_first: true,
                op: [(Op::Get, 0)],
            };
            Box::new(move || table.handle().run(&mut worker, &mut Books::default()))
        };
        let report = run(machine, (0..threads).map(program).collect())?;
        // SAFETY: of this run alone; this program's allocator is `Telling`.
        unsafe { glue::release(&report.left) };
        let Moment { at: cycles, counts, spent, parks, reclaimed } = progress.counted();
        ensure!(cycles > 0, "no virtual time has passed in {ops} operations");
        Ok(CellRun {
            ops_per_sec: ops as f64 / cycles as f64 * machine.ghz.is * 1e9,
            ops,
            counts,
            spent,
            parks,
            reclaimed,
            hot: report.hot,
            waited: report.waited,
        })
    }

    /// The operations of a run that fill caches, and those that are counted.
    fn lengths(&self, threads: usize) -> (u64, u64) {
        let of_all = threads as u64 * self.operations_each.unwrap_or(OPERATIONS_EACH);
        let usual = (WARM_UP * self.cell.keys).min(LONGEST_WARM_UP);
        let warm = if self.operations_each.is_some() { usual.max(of_all) } else { usual };
        (warm, OPERATIONS.max(of_all))
    }

    fn case(&self, threads: usize) -> Case {
        Case {
            threads,
            mix: self.cell.mix(),
            zipf: self.cell.zipf,
            keys: self.cell.keys,
            prefill: self.cell.present(),
            ..Case::new(&self.cell.structure, &self.cell.reclaimer)
        }
    }

    fn filled(&self, keys: u64, prefill: u64, seed: u64) -> anyhow::Result<Arc<Box<dyn Table>>> {
        let capacity = usize::try_from(prefill + prefill / 8 + 64)?;
        let reclaim_batch = self.cell.reclaim_batch;
        let options = MapOptions { capacity, reclaim_batch, ..MapOptions::default() };
        let table = (self.subject.maker.build)(&options);
        let chosen: Vec<u64> = prefill_keys(keys, prefill, seed).collect();
        let filled = table.filler().fill(&chosen);
        ensure!(filled as u64 == prefill, "of {prefill} keys {filled} fit");
        Ok(Arc::new(table))
    }

    /// The work with which one thread does `ops_per_sec`.
    pub(crate) fn fitted(
        &self,
        machine: &MachineModel,
        ops_per_sec: f64,
        seed: u64,
    ) -> anyhow::Result<Work> {
        let fastest = self.run(machine, 1, Work::Beside(0), seed)?.ops_per_sec;
        ensure!(
            fastest >= ops_per_sec * 0.95,
            "{} cannot do {ops_per_sec:.3e} operations a second on one thread of {}: with no instructions at all \
             it does {fastest:.3e}",
            self.cell.subject(),
            machine.name
        );
        let all = (machine.ghz.is * 1e9 / ops_per_sec) as u64;
        // More cycles are never faster: bisected.
        let (mut low, mut high) = (0, all);
        while high - low > 1 + all / 200 {
            let middle = u64::midpoint(low, high);
            let work = Work::Beside(middle);
            if self.run(machine, 1, work, seed)?.ops_per_sec > ops_per_sec {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(Work::Beside(low))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use table::NO_RECLAIMER;
    use virtual_cores::{Part, park, turn, unpark, work};

    use super::*;

    fn machine() -> MachineModel {
        let machines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/machines");
        MachineModel::read(&machines.join("xeon-8375c.toml")).expect("it is shipped")
    }

    /// What is done in the warm-up, and after the last operation that counts, counts nowhere.
    #[test]
    fn what_counts_is_what_operations_between_have_done() {
        let progress = Rc::new(Progress {
            done: Cell::new(0),
            warm: 1,
            all: 3,
            begin: Cell::default(),
            end: Cell::default(),
        });
        let told = Rc::clone(&progress);
        let sleeper: CoreProgram = Box::new(move || {
            for _ in 0..5 {
                park(8);
                work(100);
                told.note();
            }
        });
        let waker: CoreProgram = Box::new(|| {
            for _ in 0..5 {
                work(10_000_000);
                turn();
                unpark(8);
            }
        });
        let report = run(&machine(), vec![sleeper, waker]).expect("they fit");
        let counted = progress.counted();
        assert_eq!((report.parks, counted.parks), (5, 2));
        // The waker's work comes twice between the two moments.
        assert!((20_000_000..20_100_000).contains(&counted.at), "{counted:?}");
        assert_eq!(counted.spent.of(Part::Work), 2 * (10_000_000 + 100));
    }

    fn lookups(keys: u64) -> PredictedCell {
        PredictedCell {
            structure: "cuckoo-optimistic".to_owned(),
            reclaimer: NO_RECLAIMER.to_owned(),
            reclaim_batch: None,
            reads: 100.0,
            upserts: 0.0,
            zipf: 0.0,
            keys,
        }
    }

    /// As many as are counted of themselves are no exception.
    #[test]
    fn operations_that_are_asked_for_fill_caches_before() {
        glue::install(true);
        let structures = subjects_cuckoo::registrar().into_structures();
        let (few, many) = (lookups(100), lookups(200_000));
        let lengths = |cell, operations_each| {
            let prepared = Prepared::new(&structures, cell).expect("it is modelled");
            Prepared { operations_each, ..prepared }.lengths(64)
        };
        assert_eq!(lengths(&few, None), (200, 64_000));
        assert_eq!(lengths(&few, Some(1)), (200, 40_000));
        let warm = [999, 1000, 1001].map(|each| lengths(&few, Some(each)).0);
        assert_eq!(warm, [63_936, 64_000, 64_064]);
        assert_eq!(lengths(&many, Some(1000)), (400_000, 64_000));
    }

    /// An operation's loads and stores are among its instructions: both together take what these take.
    #[test]
    fn accesses_are_among_the_instructions() {
        glue::install(true);
        let structures = subjects_cuckoo::registrar().into_structures();
        let cell = lookups(2000);
        let (prepared, machine) =
            (Prepared::new(&structures, &cell).expect("it is modelled"), machine());
        let cycles = |work: Work| {
            let outcome = prepared.run(&machine, 1, work, 42).expect("it runs");
            outcome.spent.of(Part::Work) as f64 / outcome.ops as f64
        };
        assert!((cycles(Work::Instructions(40)) - 40.0).abs() < 0.01);
        assert!(cycles(Work::Beside(40)) > 44.0, "it reads words");
        assert!(cycles(Work::Instructions(0)) > 4.0, "an access takes a cycle in any case");
    }
}
