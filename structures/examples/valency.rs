//! A valency explorer: why registers cannot solve consensus, and why compare-and-swap can.
//!
//! `cargo run -p structures --example valency`
//!
//! M. Fischer, N. Lynch, M. Paterson, *Impossibility of distributed consensus with one faulty
//! process*, JACM 1985, and M. Herlihy, *Wait-free synchronization*, TOPLAS 1991, argue by *valency*:
//! a configuration is bivalent if both decisions can still come of it. This program builds every
//! configuration of five small protocols and shows, for each, what the argument says must exist:
//! two processes that decide differently, or a way to stay bivalent for ever; or neither, and then
//! critical configurations, from which every step decides.
//!
//! It shows this only for *these* protocols. That no protocol with registers works is the theorem.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

/// A value that processes agree on.
type Value = usize;

/// A process: where it is in its program, what it prefers, and what it has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    at: u8,
    prefers: Value,
    decided: Option<Value>,
}

/// The registers, the object (test-and-set, compare-and-swap), and the processes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Configuration {
    registers: Vec<Option<Value>>,
    object: Option<usize>,
    processes: Vec<Process>,
}

/// What process `p` does in its next step; it has not decided.
type Step = fn(&mut Configuration, p: usize);

struct Protocol {
    name: &'static str,
    /// Each process's input.
    inputs: &'static [Value],
    step: Step,
}

const PROTOCOLS: [Protocol; 5] = [
    Protocol { name: "registers: decide the least that you see", inputs: &[0, 1], step: least },
    Protocol { name: "registers: adopt the other's until you agree", inputs: &[0, 1], step: adopt },
    Protocol { name: "test-and-set, two processes", inputs: &[0, 1], step: test_and_set },
    Protocol { name: "test-and-set, three processes", inputs: &[0, 1, 1], step: test_and_set },
    Protocol {
        name: "compare-and-swap, three processes",
        inputs: &[0, 1, 1],
        step: compare_and_swap,
    },
];

/// Write your input; read the other's register; decide the smaller of what you have seen.
fn least(c: &mut Configuration, p: usize) {
    let Process { at, prefers, .. } = c.processes[p];
    match at {
        0 => write_own(c, p),
        _ => {
            let seen = c.registers[1 - p].map_or(prefers, |other| other.min(prefers));
            c.processes[p].decided = Some(seen);
        }
    }
}

/// Write what you prefer; read the other's register; if it is empty or the same, decide, else prefer
/// the other's and start again.
fn adopt(c: &mut Configuration, p: usize) {
    let Process { at, prefers, .. } = c.processes[p];
    match (at, c.registers[1 - p]) {
        (0, _) => write_own(c, p),
        (_, Some(other)) if other != prefers => {
            c.processes[p] = Process { at: 0, prefers: other, decided: None };
        }
        _ => c.processes[p].decided = Some(prefers),
    }
}

/// Write your input; test and set; who was first decides its own, the others what they find in the
/// first register that is not theirs.
fn test_and_set(c: &mut Configuration, p: usize) {
    let Process { at, prefers, .. } = c.processes[p];
    match at {
        0 => write_own(c, p),
        1 if c.object.is_none() => {
            // A register cannot tell who did it: the object holds no more than "set".
            c.object = Some(0);
            c.processes[p].decided = Some(prefers);
        }
        1 => c.processes[p].at = 2,
        _ => {
            let others = (0..c.registers.len()).filter(|other| *other != p);
            c.processes[p].decided = others.filter_map(|other| c.registers[other]).next();
        }
    }
}

/// Write your input; swap your number into the object if it is empty; decide the input of whose
/// number is there.
fn compare_and_swap(c: &mut Configuration, p: usize) {
    match c.processes[p].at {
        0 => write_own(c, p),
        _ => {
            let winner = *c.object.get_or_insert(p);
            c.processes[p].decided = c.registers[winner];
        }
    }
}

fn write_own(c: &mut Configuration, p: usize) {
    c.registers[p] = Some(c.processes[p].prefers);
    c.processes[p].at = 1;
}

/// Every configuration that can be reached, the steps between them, and what can come of each.
struct Explored {
    configurations: Vec<Configuration>,
    /// By process: the configuration after its step.
    after: Vec<BTreeMap<usize, usize>>,
    /// How each was first reached: from which, by whom.
    reached: Vec<Option<(usize, usize)>>,
    valency: Vec<BTreeSet<Value>>,
}

impl Explored {
    fn of(protocol: &Protocol) -> Self {
        let start = |input: &Value| Process { at: 0, prefers: *input, decided: None };
        let initial = Configuration {
            registers: vec![None; protocol.inputs.len()],
            object: None,
            processes: protocol.inputs.iter().map(start).collect(),
        };
        let mut numbers = BTreeMap::from([(initial.clone(), 0)]);
        let mut all = Self {
            configurations: vec![initial],
            after: Vec::new(),
            reached: vec![None],
            valency: Vec::new(),
        };
        let mut from = 0;
        while from < all.configurations.len() {
            let mut steps = BTreeMap::new();
            for p in 0..protocol.inputs.len() {
                let mut next = all.configurations[from].clone();
                if next.processes[p].decided.is_some() {
                    continue;
                }
                (protocol.step)(&mut next, p);
                let number = *numbers.entry(next.clone()).or_insert_with(|| {
                    all.configurations.push(next);
                    all.reached.push(Some((from, p)));
                    all.configurations.len() - 1
                });
                steps.insert(p, number);
            }
            all.after.push(steps);
            from += 1;
        }
        all.find_valencies();
        all
    }

    /// What is decided in a configuration, or in any that can come of it: the least fixpoint.
    fn find_valencies(&mut self) {
        self.valency = (0..self.configurations.len()).map(|c| self.decisions(c)).collect();
        let mut changed = true;
        while changed {
            changed = false;
            for c in (0..self.configurations.len()).rev() {
                for next in self.after[c].values() {
                    let more: Vec<_> =
                        self.valency[*next].difference(&self.valency[c]).copied().collect();
                    changed |= !more.is_empty();
                    self.valency[c].extend(more);
                }
            }
        }
    }

    fn decisions(&self, c: usize) -> BTreeSet<Value> {
        self.configurations[c].processes.iter().filter_map(|process| process.decided).collect()
    }

    fn is_bivalent(&self, c: usize) -> bool {
        self.valency[c].len() > 1
    }

    /// Who steps, from the start on, to get to a configuration.
    fn schedule_to(&self, mut c: usize) -> Vec<usize> {
        let mut schedule = VecDeque::new();
        while let Some((before, p)) = self.reached[c] {
            schedule.push_front(p);
            c = before;
        }
        schedule.into()
    }

    /// A configuration in which two have decided differently.
    fn disagreement(&self) -> Option<usize> {
        (0..self.configurations.len()).find(|c| self.decisions(*c).len() > 1)
    }

    /// Steps by which a bivalent configuration, in which nobody has decided, comes back to itself.
    fn endless(&self) -> Option<(usize, Vec<usize>)> {
        let open = |c: usize| self.is_bivalent(c) && self.decisions(c).is_empty();
        (0..self.configurations.len()).filter(|c| open(*c)).find_map(|start| {
            let mut ways = VecDeque::from([(start, Vec::new())]);
            let mut seen = BTreeSet::new();
            while let Some((c, way)) = ways.pop_front() {
                for (p, next) in &self.after[c] {
                    let way: Vec<_> = way.iter().copied().chain([*p]).collect();
                    if *next == start {
                        return Some((start, way));
                    }
                    if open(*next) && seen.insert(*next) {
                        ways.push_back((*next, way));
                    }
                }
            }
            None
        })
    }

    /// Bivalent configurations from which every step leads to a univalent one.
    fn critical(&self) -> Vec<usize> {
        let decides = |c: &usize| {
            let steps = &self.after[*c];
            !steps.is_empty() && steps.values().all(|next| !self.is_bivalent(*next))
        };
        (0..self.configurations.len()).filter(|c| self.is_bivalent(*c)).filter(decides).collect()
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bivalent = (0..self.configurations.len()).filter(|c| self.is_bivalent(*c)).count();
        writeln!(f, "  {} configurations, {bivalent} bivalent", self.configurations.len())?;
        match self.disagreement() {
            Some(c) => {
                let decided = self.configurations[c].processes.iter().map(|p| p.decided);
                let decided: Vec<_> =
                    decided.map(|d| d.map_or("-".into(), |d| d.to_string())).collect();
                let schedule = self.schedule_to(c);
                writeln!(
                    f,
                    "  DISAGREEMENT: steps of {schedule:?}, decided {}",
                    decided.join(", ")
                )?;
            }
            None => writeln!(f, "  agreement in every configuration")?,
        }
        match self.endless() {
            Some((c, way)) => writeln!(
                f,
                "  ENDLESS: after steps of {:?}, those of {way:?} come back, bivalent",
                self.schedule_to(c)
            ),
            None => writeln!(f, "  nobody can be kept undecided for ever"),
        }?;
        if let (None, None, Some(c)) = (self.disagreement(), self.endless(), self.critical().last())
        {
            writeln!(
                f,
                "  critical: after steps of {:?}, the next step decides:",
                self.schedule_to(*c)
            )?;
            for (p, next) in &self.after[*c] {
                writeln!(f, "    if process {p} steps, {:?}", self.valency[*next])?;
            }
        }
        Ok(())
    }
}

fn main() {
    for protocol in &PROTOCOLS {
        println!("{}; inputs {:?}\n{}", protocol.name, protocol.inputs, Explored::of(protocol));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explored(name: &str) -> (&'static Protocol, Explored) {
        const ALL: &[Protocol] = &PROTOCOLS;
        let protocol = ALL.iter().find(|protocol| protocol.name.contains(name)).unwrap();
        (protocol, Explored::of(protocol))
    }

    #[test]
    fn registers_disagree_or_go_on_for_ever() {
        let (protocol, least) = explored("least");
        let c = least.disagreement().expect("they disagree");
        let mut replayed = least.configurations[0].clone();
        for p in least.schedule_to(c) {
            (protocol.step)(&mut replayed, p);
        }
        assert_eq!(replayed, least.configurations[c], "the schedule is what it says");
        assert_eq!(least.endless(), None);

        let (protocol, adopt) = explored("adopt");
        assert_eq!(adopt.disagreement(), None);
        let (c, way) = adopt.endless().expect("they can go on");
        let mut replayed = adopt.configurations[c].clone();
        way.iter().for_each(|p| (protocol.step)(&mut replayed, *p));
        assert_eq!(replayed, adopt.configurations[c], "it comes back");
        assert!(way.contains(&0) && way.contains(&1), "neither stands still");
    }

    #[test]
    fn test_and_set_decides_between_two_and_not_three() {
        let (_, two) = explored("test-and-set, two");
        assert_eq!((two.disagreement(), two.endless()), (None, None));
        let (_, three) = explored("test-and-set, three");
        assert!(three.disagreement().is_some());
    }

    #[test]
    fn compare_and_swap_decides_at_a_critical_step() {
        let (_, three) = explored("compare-and-swap");
        assert_eq!((three.disagreement(), three.endless()), (None, None));
        assert!(three.is_bivalent(0), "at the start both are possible");
        let critical = three.critical();
        assert!(!critical.is_empty());
        for c in critical {
            assert_eq!(three.configurations[c].object, None, "nobody has swapped yet");
            let decisions: BTreeSet<_> =
                three.after[c].values().flat_map(|next| three.valency[*next].clone()).collect();
            assert_eq!(decisions, BTreeSet::from([0, 1]), "it matters who is next");
        }
    }

    /// A compare-and-swap of two steps is none.
    #[test]
    fn a_load_and_a_store_are_no_swap() {
        fn torn(c: &mut Configuration, p: usize) {
            match (c.processes[p].at, c.object) {
                (0, _) => write_own(c, p),
                (1, None) => c.processes[p].at = 2,
                (1, Some(winner)) => c.processes[p].decided = c.registers[winner],
                _ => {
                    c.object = Some(p);
                    c.processes[p].decided = Some(c.processes[p].prefers);
                }
            }
        }
        let torn = Explored::of(&Protocol { name: "torn", inputs: &[0, 1], step: torn });
        assert!(torn.disagreement().is_some());
    }
}
