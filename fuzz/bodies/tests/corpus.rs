//! On stable, without a fuzzer: every body over its corpus, over damaged copies of it, and over noise.

use std::fs;
use std::path::Path;

use everywire_fuzz_bodies::BODIES;
use proptest::prelude::*;
use proptest::sample::Index;

/// The files of a target's corpus, in the order of their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(target);
    let mut seeds: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    assert!(!seeds.is_empty(), "{target} has no corpus");
    seeds.sort();
    seeds
}

#[test]
fn every_seed() {
    for (target, body) in BODIES {
        for (path, seed) in seeds(target) {
            println!("{path}");
            body(&seed);
        }
    }
}

/// One step of damage, such as a fuzzer does.
#[derive(Debug, Clone)]
enum Damage {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    /// Repeats a stretch at its end.
    Repeat(Index, Index),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let stretch = |from: &Index, to: &Index| {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Remove(from, to) => {
                bytes.drain(stretch(from, to));
            }
            Self::Repeat(from, to) => {
                let stretch = stretch(from, to);
                let copy = bytes[stretch.clone()].to_vec();
                bytes.splice(stretch.end..stretch.end, copy);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..9))
            .prop_map(|(at, more)| Damage::Insert(at, more)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Remove(from, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Repeat(from, to)),
    ];
    prop::collection::vec(one, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_seeds(damage in damage(), choice in any::<Index>()) {
        for (target, body) in BODIES {
            let mut seeds = seeds(target);
            let (_, mut seed) = seeds.swap_remove(choice.index(seeds.len()));
            for step in &damage {
                step.apply(&mut seed);
            }
            body(&seed);
        }
    }

    #[test]
    fn noise(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for (_, body) in BODIES {
            body(&bytes);
        }
    }
}
