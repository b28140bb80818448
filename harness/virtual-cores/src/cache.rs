//! A set-associative cache, by line numbers: which lines it has, the least recently used leaving first.

/// Instead of a line: nothing.
const NOTHING: u32 = u32::MAX;

/// A cache.
#[derive(Clone, Debug)]
pub struct LineCache {
    ways: usize,
    sets: usize,
    /// Set by set, each from the most to the least recently used.
    lines: Vec<u32>,
}

impl LineCache {
    /// An empty cache of `sets` sets of `ways` lines.
    #[must_use]
    pub fn new(sets: usize, ways: usize) -> Self {
        Self { ways, sets, lines: vec![NOTHING; sets * ways] }
    }

    fn set(&mut self, line: u32) -> &mut [u32] {
        let start = line as usize % self.sets * self.ways;
        &mut self.lines[start..start + self.ways]
    }

    /// Whether it has `line`, which is then its set's most recently used.
    pub fn touch(&mut self, line: u32) -> bool {
        let set = self.set(line);
        let Some(at) = set.iter().position(|other| *other == line) else { return false };
        set[..=at].rotate_right(1);
        true
    }

    /// Takes in `line`, which it has not; returns the line that had to leave for it.
    pub fn insert(&mut self, line: u32) -> Option<u32> {
        let set = self.set(line);
        // An empty place before a line that is in use.
        let at = set.iter().position(|other| *other == NOTHING).unwrap_or(set.len() - 1);
        let left = std::mem::replace(&mut set[at], line);
        set[..=at].rotate_right(1);
        (left != NOTHING).then_some(left)
    }

    /// Whether it has `line`.
    #[must_use]
    pub fn has(&self, line: u32) -> bool {
        let start = line as usize % self.sets * self.ways;
        self.lines[start..start + self.ways].contains(&line)
    }

    /// Lets go of `line`, if it has it.
    pub fn remove(&mut self, line: u32) {
        if let Some(place) = self.set(line).iter_mut().find(|other| **other == line) {
            *place = NOTHING;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a list that does what the words say, on random lines.
    #[test]
    fn it_is_lru_in_each_set() {
        for (sets, ways) in [(1, 1), (1, 4), (3, 2), (8, 8)] {
            let mut cache = LineCache::new(sets, ways);
            let mut naive: Vec<Vec<u32>> = vec![Vec::new(); sets];
            let mut state = 1_u32;
            for step in 0..20_000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let line = (state >> 16) % 100;
                let set = &mut naive[line as usize % sets];
                let at = set.iter().position(|other| *other == line);
                if step % 7 == 0 {
                    cache.remove(line);
                    at.map(|at| set.remove(at));
                    continue;
                }
                assert_eq!(cache.touch(line), at.is_some(), "line {line} in step {step}");
                match at {
                    Some(at) => drop(set.remove(at)),
                    None => {
                        let left = (set.len() == ways).then(|| set.pop().unwrap());
                        assert_eq!(cache.insert(line), left, "line {line} in step {step}");
                    }
                }
                set.insert(0, line);
            }
        }
    }
}
