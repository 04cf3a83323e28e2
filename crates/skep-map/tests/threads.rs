//! Two threads on one map: no value is torn, none is lost, counts add up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use skep_abi::{MapDef, MapFlags, MapType};
use skep_map::*;

const ROUNDS: u64 = 300_000;

fn map(map_type: MapType, value_size: u32, max_entries: u32) -> Map {
    let key_size = if map_type == MapType::Ringbuf { 0 } else { 8 };
    let flags = if map_type == MapType::LpmTrie { MapFlags::NO_PREALLOC } else { MapFlags(0) };
    Map::new(&MapDef { map_type, key_size, value_size, max_entries, flags }, 2, 3).unwrap()
}

/// Bytes of a value: so many that reading one takes about as long as an update.
const VALUE: usize = 512;

/// A value that tells whether all its words come from one update of one key.
fn value(key: u64, round: u64) -> Vec<u8> {
    let word = |at| if at == 0 { key } else { round.wrapping_mul(at).wrapping_add(key) };
    (0..VALUE as u64 / 8).flat_map(|at| word(at).to_ne_bytes()).collect()
}

fn check(key: u64, found: &[u8]) {
    let second = u64::from_ne_bytes(found[8..16].try_into().unwrap());
    assert_eq!(found, value(key, second.wrapping_sub(key)), "torn, or of another key");
}

/// One thread inserts, updates and deletes, the other reads: it sees whole values of the right key only.
fn writer_and_reader(map_type: MapType, keys: u64, max_entries: u32) {
    let map = map(map_type, VALUE as u32, max_entries);
    let name = |number: u64| match map_type {
        // A prefix of full length, so that a key covers no other.
        MapType::LpmTrie => [32_u32.to_ne_bytes(), (number as u32).to_be_bytes()].concat(),
        _ => number.to_ne_bytes().to_vec(),
    };
    let stop = AtomicBool::new(false);
    let hits = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for number in 0..keys {
                    if let Ok(found) = map.read(&name(number)) {
                        check(number, &found);
                        hits.fetch_add(1, Ordering::Relaxed);
                    }
                }
                let mut last: Option<Vec<u8>> = None;
                for _ in 0..keys {
                    match map.next_key(last.as_deref()) {
                        Ok(next) => last = Some(next),
                        Err(_) => break,
                    }
                }
            }
        });
        for round in 0..ROUNDS {
            let number = (round * 7) % keys;
            map.update(&name(number), &value(number, round), BPF_ANY, 0).unwrap();
            if round % 3 == 0 {
                let _ = map.delete(&name((round * 11) % keys));
            }
        }
        // A reader that never ran would prove nothing.
        while hits.load(Ordering::Relaxed) == 0 && !reader.is_finished() {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn readers_of_hash_maps_see_whole_values() {
    writer_and_reader(MapType::Hash, 3, 3);
}

#[test]
fn readers_of_lru_maps_see_whole_values_while_others_are_evicted() {
    writer_and_reader(MapType::LruHash, 6, 3);
}

#[test]
fn readers_of_tries_see_whole_values() {
    writer_and_reader(MapType::LpmTrie, 5, 5);
}

#[test]
fn two_writers_leave_exactly_what_they_should() {
    for map_type in [MapType::Hash, MapType::LruHash] {
        let map = map(map_type, VALUE as u32, 128);
        std::thread::scope(|scope| {
            for thread in 0..2_u64 {
                let map = &map;
                scope.spawn(move || {
                    // Each thread has its own keys, in the same buckets.
                    for round in 0..ROUNDS / 4 {
                        let number = (round % 50) * 2 + thread;
                        let key = number.to_ne_bytes();
                        map.update(&key, &value(number, round), BPF_ANY, 0).unwrap();
                        check(number, &map.read(&key).unwrap());
                        if round % 2 == 0 {
                            assert_eq!(map.delete(&key), Ok(()));
                            assert!(map.read(&key).is_err());
                        }
                    }
                });
            }
        });
        let mut keys = 0;
        let mut last: Option<Vec<u8>> = None;
        while let Ok(next) = map.next_key(last.as_deref()) {
            check(u64::from_ne_bytes(next.as_slice().try_into().unwrap()), &map.read(&next).unwrap());
            keys += 1;
            last = Some(next);
        }
        // Of each thread's 50 keys, those of odd rounds stay.
        assert_eq!((keys, map.len()), (50, 50), "{map_type}");
    }
}

#[test]
fn two_evicting_writers_stay_within_the_limit() {
    for max_entries in [1, 2, 32] {
        let map = map(MapType::LruHash, VALUE as u32, max_entries);
        std::thread::scope(|scope| {
            for thread in 0..2_u64 {
                let map = &map;
                scope.spawn(move || {
                    for round in 0..ROUNDS / 8 {
                        let number = round * 2 + thread;
                        map.update(&number.to_ne_bytes(), &value(number, round), BPF_ANY, 0).unwrap();
                        assert!(map.len() <= max_entries);
                    }
                });
            }
        });
        let next = |key: &Vec<u8>| map.next_key(Some(key)).ok();
        let keys = std::iter::successors(map.next_key(None).ok(), next).count();
        assert_eq!((keys as u32, map.len()), (max_entries, max_entries));
    }
}

#[test]
fn a_full_hash_map_counts_exactly() {
    let map = map(MapType::Hash, VALUE as u32, 10);
    let inserted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..2_u64 {
            let (map, inserted) = (&map, &inserted);
            scope.spawn(move || {
                for number in 0..1000_u64 {
                    let number = number * 2 + thread;
                    if map.update(&number.to_ne_bytes(), &value(number, 0), BPF_ANY, 0).is_ok() {
                        inserted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!((inserted.load(Ordering::Relaxed), map.len()), (10, 10));
}

#[test]
fn a_ring_loses_and_mixes_nothing() {
    let map = map(MapType::Ringbuf, 0, 4096);
    const EACH: u64 = 40_000;
    let mut next = [0_u64; 2];
    std::thread::scope(|scope| {
        for thread in 0..2_u64 {
            let map = &map;
            scope.spawn(move || {
                for number in 0..EACH {
                    let data = [thread.to_ne_bytes(), number.to_ne_bytes()].concat();
                    let data = &data.repeat(1 + number as usize % 5);
                    let full = (0..10_000_000).take_while(|_| {
                        std::thread::yield_now();
                        map.output(data, 0).is_err()
                    });
                    assert!(full.count() < 10_000_000, "the consumer is gone");
                }
            });
        }
        while next != [EACH; 2] {
            let drained = map.drain(|record| {
                let words: Vec<u64> =
                    record.chunks(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap())).collect();
                let thread = words[0] as usize;
                assert_eq!(words[1], next[thread], "out of order");
                assert_eq!(words.len() as u64, 2 * (1 + words[1] % 5));
                assert!(words.chunks(2).all(|pair| pair == &words[..2]));
                next[thread] += 1;
            });
            if drained == Ok(0) {
                std::thread::yield_now();
            }
        }
    });
}
