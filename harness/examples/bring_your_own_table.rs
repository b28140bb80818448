//! Your own table under the whole command line, beside every built-in one:
//!
//! ```text
//! cargo run --release --example bring_your_own_table -- list
//! cargo run --release --example bring_your_own_table -- run --structure mine --threads 2
//! cargo run --release --example bring_your_own_table -- sweep my-experiment.toml
//! ```

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Mutex;

use structures::map::{ConcurrentMap, Direct, DirectMap};

fn main() -> ExitCode {
    harness::Bench::new().structure::<MyMap>("mine").main()
}

/// The table: here the simplest that is correct.
#[derive(Default)]
struct MyMap(Mutex<HashMap<u64, u64>>);

// What the harness needs: twenty lines that say what a map is.
impl ConcurrentMap<u64, u64> for MyMap {
    type Handle<'m> = Direct<'m, Self>;

    fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl DirectMap<u64, u64> for MyMap {
    fn get_with<T>(&self, key: &u64, read: impl FnOnce(&u64) -> T) -> Option<T> {
        self.0.lock().unwrap().get(key).map(read)
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        let mut map = self.0.lock().unwrap();
        let absent = !map.contains_key(&key);
        map.entry(key).or_insert(value);
        absent
    }

    fn update(&self, key: &u64, mut f: impl FnMut(&u64) -> u64) -> Option<u64> {
        let mut map = self.0.lock().unwrap();
        let value = map.get_mut(key)?;
        let new = f(value);
        Some(std::mem::replace(value, new))
    }

    fn upsert(&self, key: u64, mut f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
        let mut map = self.0.lock().unwrap();
        let new = f(map.get(&key));
        map.insert(key, new)
    }

    fn remove(&self, key: &u64) -> Option<u64> {
        self.0.lock().unwrap().remove(key)
    }

    fn for_each(&self, mut f: impl FnMut(&u64, &u64)) {
        self.0.lock().unwrap().iter().for_each(|(key, value)| f(key, value));
    }
}
