//! Which programs there are.
//!
//! Three families, of which each table gets its share:
//!
//! * **pairs**: one operation against another, all of them;
//! * **observers**: a thread that looks at a key twice (the first time by a `get`, an iteration or
//!   an insertion that is refused), or changes it and looks, against one that changes it, or another
//!   key and it, or moves entries: all of them in which each change, alone, would change something.
//!   In the smallest history that contradicts real time somebody looks twice;
//! * **drawn**: two threads of up to three operations or three of one or two, from a seed. Half of
//!   their operations are on one key.
//!
//! Programs that differ in the threads' order, or in the names of absent keys that hash alike, are
//! one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::program::Verb::{
    Cas, Contains, Displace, Get, GetMany, Grow, Insert, Iterate, Remove, Shrink, Update, Upsert,
};
use crate::program::{ALL_KEYS, Action, KEYS, Key, Program, Verb};

/// Where keys hash to, and how a table is filled.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Its name.
    pub name: &'static str,
    /// The keys a to h, as numbers: a hash is the number, but for what the hasher leaves out.
    pub keys: [u64; ALL_KEYS],
    /// Which of the keys a to d hash alike.
    pub alike: [u8; KEYS as usize],
    /// The keys that may be in at first, by their letters.
    pub fillings: &'static [&'static str],
}

/// Numbers that a seed determines: SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct SplitMix(u64);

impl SplitMix {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ mixed >> 31) * bound as u128) >> 64) as usize
    }

    fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for end in (1..all.len()).rev() {
            all.swap(end, self.below(end + 1));
        }
    }
}

/// Where a program is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// One operation against another.
    Pairs,
    /// Who looks twice against who changes.
    Observers,
    /// From the seed.
    Drawn,
}

/// What a map's programs do most.
const USUAL: [Verb; 8] = [Get, Get, Get, Insert, Insert, Remove, Remove, Update];

/// The programs of a table, in the order in which they are run: of the exhaustive families the first
/// of each kind, then the second of each, with drawn ones between them. The seed determines the
/// order of the kinds, and that within each.
#[derive(Debug)]
pub struct DrawnPrograms {
    pairs: Vec<Program>,
    observers: Vec<Program>,
    layouts: Vec<Layout>,
    verbs: Vec<Verb>,
    /// Those that are drawn most.
    usual: Vec<Verb>,
    rng: SplitMix,
    turn: usize,
}

impl DrawnPrograms {
    /// Those of a table with these layouts, and with what it can do besides a map's operations.
    #[must_use]
    pub fn new(layouts: &[Layout], extras: &[Verb], seed: u64) -> Self {
        let mut rng = SplitMix::new(seed);
        let mut verbs = vec![Get, Insert, Remove, Update, Upsert, Contains, GetMany, Iterate];
        verbs.extend(extras);
        let mut usual = USUAL.to_vec();
        usual.extend(extras.iter().filter(|verb| verb.writes()));
        let (mut pairs, mut observers) = (BTreeSet::new(), BTreeSet::new());
        for (layout, filling) in fillings(layouts) {
            let place = Place { layout, filling };
            pairs.extend(all_pairs(&place, &verbs));
            observers.extend(all_observers(&place, extras));
        }
        let (pairs, observers) = (in_turn(pairs, &mut rng), in_turn(observers, &mut rng));
        Self { pairs, observers, layouts: layouts.to_vec(), verbs, usual, rng, turn: 0 }
    }

    /// How many there are in the exhaustive families and have not been run.
    #[must_use]
    pub fn left(&self) -> usize {
        self.pairs.len() + self.observers.len()
    }

    /// The next one; `None` if the table has no layout with a filling.
    pub fn next_program(&mut self) -> Option<(Family, Program)> {
        fillings(&self.layouts).next()?;
        self.turn += 1;
        let exhaustive = match self.turn % 4 {
            0 => self.pairs.pop().map(|program| (Family::Pairs, program)),
            1 | 2 => self.observers.pop().map(|program| (Family::Observers, program)),
            _ => None,
        };
        exhaustive.or_else(|| Some((Family::Drawn, self.draw())))
    }

    fn draw(&mut self) -> Program {
        const SHAPES: [&[usize]; 8] =
            [&[2, 2], &[2, 2], &[1, 3], &[2, 3], &[3, 3], &[1, 1, 1], &[1, 1, 2], &[1, 2, 2]];
        loop {
            let layout = self.rng.of(&self.layouts);
            let filling = self.rng.of(layout.fillings);
            let focus = self.rng.below(KEYS.into());
            let shape = self.rng.of(&SHAPES);
            let thread = |&ops: &usize| (0..ops).map(|_| self.draw_op(focus)).collect();
            let threads: Vec<Vec<Action>> = shape.iter().map(thread).collect();
            let program = Place { layout: &layout, filling }.program(threads);
            let writes = |ops: &Vec<Action>| ops.iter().any(|op| !op.verb.reads());
            if program.threads.iter().any(writes) && is_canonical(&program, &layout) {
                return program;
            }
        }
    }

    fn draw_op(&mut self, focus: usize) -> Action {
        // Others than the usual ones, one time in six.
        let verbs = if self.rng.below(6) > 0 { &self.usual } else { &self.verbs };
        let verb = self.rng.of(verbs);
        let key = if self.rng.below(2) > 0 { focus } else { self.rng.below(KEYS.into()) };
        Action::new(verb, Key(key as u8))
    }
}

/// Programs of a kind have the same layout and filling, and the same operations on the key of the
/// first operation, and on others.
type Kind = (String, Vec<Key>, Vec<Vec<(Verb, bool)>>);

fn kind(program: &Program) -> Kind {
    let first = program.ops().next().map(|op| op.key);
    let ops = |ops: &Vec<Action>| ops.iter().map(|op| (op.verb, Some(op.key) == first)).collect();
    let threads = program.threads.iter().map(ops).collect();
    (program.layout.clone(), program.filling.clone(), threads)
}

/// Which kinds come first: those in which a thread both removes and inserts, so that what a table counts
/// goes down and up again under who looks, and of them those with the most entries.
fn rank(program: &Program) -> (bool, usize) {
    let has = |ops: &[Action], verb| ops.iter().any(|op| op.verb == verb);
    let replaces = program.threads.iter().any(|ops| has(ops, Remove) && has(ops, Insert));
    (replaces, program.filling.len())
}

/// In the reverse of the order in which they are run.
fn in_turn(programs: BTreeSet<Program>, rng: &mut SplitMix) -> Vec<Program> {
    let mut kinds: BTreeMap<Kind, Vec<Program>> = BTreeMap::new();
    for program in programs {
        kinds.entry(kind(&program)).or_default().push(program);
    }
    let mut kinds: Vec<Vec<Program>> = kinds.into_values().collect();
    kinds.iter_mut().for_each(|programs| rng.shuffle(programs));
    rng.shuffle(&mut kinds);
    kinds.sort_by_key(|programs| programs.first().map(|program| Reverse(rank(program))));
    let mut ordered = Vec::new();
    while !kinds.is_empty() {
        ordered.extend(kinds.iter_mut().filter_map(Vec::pop));
        kinds.retain(|programs| !programs.is_empty());
    }
    ordered.reverse();
    ordered
}

fn fillings(layouts: &[Layout]) -> impl Iterator<Item = (&Layout, &'static str)> {
    layouts.iter().flat_map(|layout| layout.fillings.iter().map(move |filling| (layout, *filling)))
}

/// A layout with a filling.
struct Place<'l> {
    layout: &'l Layout,
    filling: &'static str,
}

impl Place<'_> {
    fn program(&self, threads: Vec<Vec<Action>>) -> Program {
        let filling = self.filling.bytes().map(|letter| Key(letter - b'a')).collect();
        Program { layout: self.layout.name.to_owned(), filling, threads }
    }

    fn holds(&self, key: Key) -> bool {
        self.filling.bytes().any(|letter| letter == b'a' + key.0)
    }
}

fn keys() -> impl Iterator<Item = Key> {
    (0..KEYS).map(Key)
}

fn all_pairs(place: &Place<'_>, verbs: &[Verb]) -> Vec<Program> {
    let ops: BTreeSet<Action> =
        verbs.iter().flat_map(|verb| keys().map(|key| Action::new(*verb, key))).collect();
    let mut pairs = Vec::new();
    for first in &ops {
        for second in ops.iter().filter(|second| *second >= first) {
            let program = place.program(vec![vec![*first], vec![*second]]);
            if !(first.verb.reads() && second.verb.reads()) && is_canonical(&program, place.layout)
            {
                pairs.push(program);
            }
        }
    }
    pairs
}

/// The changes of a key that is present, or absent.
fn changes(present: bool) -> &'static [Verb] {
    if present { &[Remove, Update] } else { &[Insert] }
}

fn all_observers(place: &Place<'_>, extras: &[Verb]) -> Vec<Program> {
    let mut programs = Vec::new();
    for seen in keys() {
        let writers = writers(place, seen, extras);
        let look = Action::new(Get, seen);
        let changes = changes(place.holds(seen)).iter().chain([&Get, &Insert, &Iterate]);
        // An insertion changes what is absent, and is refused by what is present.
        let firsts: BTreeSet<Action> = changes.map(|verb| Action::new(*verb, seen)).collect();
        for first in firsts {
            let all =
                writers.iter().map(|writer| place.program(vec![vec![first, look], writer.clone()]));
            programs.extend(all.filter(|program| is_canonical(program, place.layout)));
        }
    }
    programs
}

/// Threads of one or two changes, one of them of the key `seen`, or of what moves it.
fn writers(place: &Place<'_>, seen: Key, extras: &[Verb]) -> Vec<Vec<Action>> {
    let moves = || extras.iter().map(|verb| Action::new(*verb, seen));
    let change =
        |key: Key, present: bool| changes(present).iter().map(move |verb| Action::new(*verb, key));
    let here = place.holds(seen);
    let mut writers: Vec<Vec<Action>> =
        change(seen, here).chain(moves()).map(|op| vec![op]).collect();
    for first in change(seen, here) {
        let then = change(seen, first.verb != Remove).chain(moves());
        writers.extend(then.map(|second| vec![first, second]));
    }
    for other in keys().filter(|other| *other != seen) {
        for of_other in change(other, place.holds(other)) {
            for of_seen in change(seen, here).chain(moves()) {
                writers.push(vec![of_other, of_seen]);
                writers.push(vec![of_seen, of_other]);
            }
            // An insertion alone may move others.
            writers.push(vec![of_other]);
        }
    }
    writers
}

/// Whether absent keys that hash alike are used in the order of their letters.
fn is_canonical(program: &Program, layout: &Layout) -> bool {
    let mut used: Vec<Key> = program.filling.clone();
    for op in program.ops().flat_map(Action::keys) {
        let alike = |key: &Key| layout.alike[key.0 as usize] == layout.alike[op.0 as usize];
        if !used.contains(&op) && keys().filter(alike).any(|key| key < op && !used.contains(&key)) {
            return false;
        }
        used.push(op);
    }
    true
}

/// Programs that are a little smaller than this one: without an operation, or with simpler ones.
#[must_use]
pub fn smaller(program: &Program) -> Vec<Program> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Program)| {
        let mut less = program.clone();
        change(&mut less);
        less.threads.retain(|ops| !ops.is_empty());
        all.push(less);
    };
    for (thread, ops) in program.threads.iter().enumerate() {
        for at in 0..ops.len() {
            with(&|less| {
                less.threads[thread].remove(at);
            });
        }
    }
    for at in (0..program.filling.len()).rev() {
        with(&|less| {
            less.filling.remove(at);
        });
    }
    for (thread, ops) in program.threads.iter().enumerate() {
        for (at, op) in ops.iter().enumerate() {
            let simpler = match op.verb {
                Contains | GetMany | Iterate => Get,
                Upsert if program.filling.contains(&op.key) => Update,
                Cas => Update,
                Upsert => Insert,
                Get | Insert | Remove | Update | Displace | Grow | Shrink => continue,
            };
            with(&|less| less.threads[thread][at] = Action::new(simpler, op.key));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIKE: Layout = Layout {
        name: "alike",
        keys: [0; ALL_KEYS],
        alike: [0; KEYS as usize],
        fillings: &["", "abc"],
    };

    fn all(of: Family) -> Vec<String> {
        let mut programs = DrawnPrograms::new(&[ALIKE], &[Displace], 1);
        let mut all = Vec::new();
        while programs.left() > 0 {
            let (family, program) = programs.next_program().expect("there is a layout");
            if family == of {
                all.push(program.to_string());
            }
        }
        all
    }

    #[test]
    fn pairs_are_all_pairs_up_to_symmetry() {
        let pairs = all(Family::Pairs);
        let has = |text: &str| pairs.iter().any(|pair| pair == text);
        assert!(has("alike [abc]: get a | remove a") && has("alike [abc]: insert d | iterate"));
        assert!(has("alike [abc]: get a | remove b") && has("alike []: insert a | insert b"));
        assert!(!has("alike [abc]: remove a | get a"), "the threads in the other order");
        assert!(!has("alike []: insert b | insert c"), "other names");
        assert!(!has("alike [abc]: get a | get b"), "nothing happens");
    }

    #[test]
    fn observers_are_there() {
        let observers = all(Family::Observers);
        for text in [
            "alike [abc]: get c, get c | remove c, insert c",
            "alike [abc]: get d, get d | remove c, insert d",
            "alike [abc]: update c, get c | remove c, insert c",
            "alike [abc]: update c, get c | insert d",
            "alike [abc]: update c, get c | displace c",
            "alike [abc]: insert c, get c | remove c",
            "alike [abc]: iterate, get c | update c",
            "alike []: insert a, get a | insert a, remove a",
        ] {
            assert!(observers.iter().any(|program| program == text), "{text}");
        }
        let distinct: BTreeSet<_> = observers.iter().collect();
        assert_eq!(distinct.len(), observers.len());
    }

    #[test]
    fn a_seed_means_the_same_programs() {
        let some = |seed| -> Vec<Program> {
            let mut programs = DrawnPrograms::new(&[ALIKE], &[], seed);
            (0..50).map(|_| programs.next_program().expect("there is a layout").1).collect()
        };
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
    }

    #[test]
    fn each_kind_has_its_turn_before_any_has_its_second() {
        let mut programs = DrawnPrograms::new(&[ALIKE], &[Displace], 1);
        let mut turns: BTreeMap<Kind, usize> = BTreeMap::new();
        let mut last = 1;
        while let Some(program) = programs.observers.pop() {
            let turn = turns.entry(kind(&program)).or_default();
            *turn += 1;
            assert!(*turn >= last, "{program} comes late");
            last = *turn;
        }
        assert!(turns.len() > 100 && last > 3, "{} kinds, {last} turns", turns.len());
    }

    #[test]
    fn without_a_layout_there_is_no_program() {
        assert!(DrawnPrograms::new(&[], &[], 1).next_program().is_none());
    }

    #[test]
    fn smaller_programs_are_smaller() {
        let program: Program = "alike [ab]: get_many a, upsert a | iterate".parse().unwrap();
        let texts: Vec<String> = smaller(&program).iter().map(ToString::to_string).collect();
        for text in [
            "alike [ab]: upsert a | iterate",
            "alike [ab]: get_many a, upsert a",
            "alike [a]: get_many a, upsert a | iterate",
            "alike [ab]: get_many a, update a | iterate",
            "alike [ab]: get a, upsert a | iterate",
        ] {
            assert!(texts.iter().any(|smaller| smaller == text), "{text} in {texts:?}");
        }
    }
}
