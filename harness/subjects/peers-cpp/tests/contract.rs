//! The contract of `PinnedMap`, checked on every table in C++ that was compiled.

#[path = "../../tests/contract.rs"]
mod shared;

use structures::map::{ConcurrentMap, Direct, DirectMap, MapInfo};
use table::{Calls, Form, MapOptions, NO_RECLAIMER, Structures, Table};

use self::shared::{
    agrees_with_model, keeps_key_sums, reads_are_monotonic, survives_a_panic, updates_are_atomic,
    upserts_are_atomic, writes_are_accounted_for,
};

/// A table behind its pointer, as a map: each operation by a handle of its own.
struct Unpacked(Box<dyn Table>);

impl Unpacked {
    fn with<T>(&self, call: impl FnOnce(&mut dyn Calls) -> T) -> T {
        call(self.0.handle().calls())
    }
}

impl ConcurrentMap<u64, u64> for Unpacked {
    const INFO: MapInfo = MapInfo::UNKNOWN;

    type Handle<'m> = Direct<'m, Self>;

    fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl DirectMap<u64, u64> for Unpacked {
    fn get_with<T>(&self, key: &u64, read: impl FnOnce(&u64) -> T) -> Option<T> {
        let (mut read, mut result) = (Some(read), None);
        self.with(|calls| {
            calls.get_with(*key, &mut |value| {
                result = read.take().map(|read| read(value));
                *value
            })
        });
        result
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        self.with(|calls| calls.insert(key, value))
    }

    fn update(&self, key: &u64, mut f: impl FnMut(&u64) -> u64) -> Option<u64> {
        self.with(|calls| calls.update(*key, &mut f))
    }

    fn upsert(&self, key: u64, mut f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
        self.with(|calls| calls.upsert(key, &mut f))
    }

    fn remove(&self, key: &u64) -> Option<u64> {
        self.with(|calls| calls.remove(*key))
    }

    fn for_each(&self, mut f: impl FnMut(&u64, &u64)) {
        self.with(|calls| calls.for_each(&mut |key, value| f(&key, &value)));
    }
}

fn structures() -> Structures {
    subjects_peers_cpp::registrar().into_structures()
}

/// What makes a table of that name; none if its library was not there.
fn made(name: &'static str) -> Option<impl Fn(usize) -> Unpacked> {
    let structures = structures();
    structures.get(name)?;
    Some(move |capacity| {
        let subject = structures.get(name).unwrap().subject(Form::Usual, NO_RECLAIMER).unwrap();
        let options = MapOptions { capacity, hash_seed: 7, ..MapOptions::default() };
        Unpacked((subject.maker.build)(&options))
    })
}

/// `mod $name` with a test for each property.
macro_rules! conforms {
    ($module:ident: $name:literal, $($property:ident),+) => {
        mod $module {
            $(#[test]
            fn $property() {
                if let Some(make) = super::made($name) {
                    super::$property(make);
                }
            })+
        }
    };
}

macro_rules! peer {
    ($module:ident: $name:literal) => {
        conforms!(
            $module: $name,
            agrees_with_model,
            keeps_key_sums,
            upserts_are_atomic,
            updates_are_atomic,
            writes_are_accounted_for,
            reads_are_monotonic,
            survives_a_panic
        );
    };
}

peer!(libcuckoo: "libcuckoo");
peer!(rculfhash: "rculfhash");
peer!(tbb: "tbb-hash-map");

/// What no module above checks would be checked by nobody.
#[test]
fn every_table_is_among_them() {
    let checked = ["libcuckoo", "rculfhash", "tbb-hash-map"];
    for structure in structures().all.iter().filter(|one| one.name != "cpp-no-op") {
        assert!(checked.contains(&structure.name.as_str()), "{}", structure.name);
    }
}
