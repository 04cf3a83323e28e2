//! What each kind of map does, one behaviour a test. Expected errors are those of Linux 6.18.

use core::ptr::NonNull;

use skep_abi::{Errno, MapDef, MapFlags, MapType};
use skep_map::*;

fn map(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> Map {
    flagged(map_type, key_size, value_size, max_entries, MapFlags(0))
}

fn flagged(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32, flags: MapFlags) -> Map {
    Map::new(&MapDef { map_type, key_size, value_size, max_entries, flags }, 2, 1).unwrap()
}

fn key(number: u32) -> [u8; 4] {
    number.to_ne_bytes()
}

fn value(number: u64) -> [u8; 8] {
    number.to_ne_bytes()
}

/// What a program reads at an address.
fn peek(address: NonNull<u8>) -> u64 {
    // SAFETY: the address is of an 8-byte value of a map that is alive, and no other thread runs.
    unsafe { address.cast().read_volatile() }
}

/// What a program writes to an address.
fn poke(address: NonNull<u8>, value: u64) {
    // SAFETY: as in `peek`.
    unsafe { address.cast().write_volatile(value) }
}

fn keys(map: &Map) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    while let Ok(next) = map.next_key(out.last().map(Vec::as_slice)) {
        out.push(next);
    }
    out
}

#[test]
fn wrong_sizes_and_cpus_are_errors() {
    for map in [map(MapType::Hash, 4, 8, 4), map(MapType::Array, 4, 8, 4), map(MapType::PercpuArray, 4, 8, 4)]
    {
        assert_eq!(map.lookup(&[0; 3], 0), None);
        assert_eq!(map.lookup(&key(0), 2), None);
        assert_eq!(map.update(&key(0), &[0; 7], BPF_ANY, 0), Err(Errno::EINVAL));
        assert_eq!(map.update(&key(0), &value(0), BPF_ANY, 2), Err(Errno::EINVAL));
        assert_eq!(map.update(&[0; 5], &value(0), BPF_ANY, 0), Err(Errno::EINVAL));
        assert_eq!(map.read(&[]), Err(Errno::EINVAL));
        assert_eq!(map.write(&key(0), &[0; 4], BPF_ANY), Err(Errno::EINVAL));
        assert_eq!(map.next_key(Some(&[0; 8])), Err(Errno::EINVAL));
        assert_eq!(map.remove(&[0; 8]), Err(Errno::EINVAL));
    }
}

#[test]
fn arrays_exist_from_the_start_and_stay() {
    let map = map(MapType::Array, 4, 8, 3);
    assert_eq!(map.read(&key(2)).unwrap(), value(0));
    assert_eq!(map.read(&key(3)), Err(Errno::ENOENT));
    assert_eq!(map.lookup(&key(3), 0), None);
    assert_eq!(map.update(&key(3), &value(1), BPF_ANY, 0), Err(Errno::E2BIG));
    assert_eq!(map.update(&key(0), &value(1), BPF_NOEXIST, 0), Err(Errno::EEXIST));
    assert_eq!(map.update(&key(0), &value(1), 3, 0), Err(Errno::EINVAL));
    assert_eq!(map.update(&key(0), &value(1), BPF_F_LOCK, 0), Err(Errno::EINVAL));
    assert_eq!(map.delete(&key(0)), Err(Errno::EINVAL));
    assert_eq!(map.update(&key(1), &value(5), BPF_EXIST, 0), Ok(()));
    assert_eq!(peek(map.lookup(&key(1), 1).unwrap()), 5);
    assert_eq!(keys(&map), [key(0), key(1), key(2)]);
    assert_eq!(map.next_key(Some(&key(99))).unwrap(), key(0));
}

#[test]
fn global_data_is_addressed_inside_the_only_element() {
    let data = map(MapType::Array, 4, 20, 1);
    let start = data.direct_value(0).unwrap().as_ptr() as usize;
    assert_eq!(data.direct_value(19).unwrap().as_ptr() as usize, start + 19);
    assert_eq!(data.direct_value(20), None);
    assert!(data.value_memory(start, 20) && data.value_memory(start + 19, 1));
    assert!(!data.value_memory(start, 21) && !data.value_memory(start + 20, 1));
    assert!(!data.value_memory(start - 1, 1) && !data.value_memory(start, usize::MAX));
    assert_eq!(map(MapType::Array, 4, 20, 2).direct_value(0), None);
    assert_eq!(map(MapType::Hash, 4, 20, 1).direct_value(0), None);
}

#[test]
fn value_memory_ends_with_each_value() {
    for kind in [MapType::Array, MapType::PercpuArray, MapType::Hash, MapType::PercpuHash, MapType::LruHash] {
        let map = map(kind, 4, 12, 5);
        for number in 0..5 {
            let _ = map.update(&key(number), &[1; 12], BPF_ANY, 0);
            for cpu in 0..2 {
                let start = map.lookup(&key(number), cpu).unwrap().as_ptr() as usize;
                assert!(map.value_memory(start, 12), "{kind}");
                assert!(map.value_memory(start + 11, 1), "{kind}");
                assert!(!map.value_memory(start, 13), "{kind}");
                assert!(!map.value_memory(start + 12, 1), "{kind}");
                assert!(!map.value_memory(start - 1, 2), "{kind}");
            }
        }
        assert!(!map.value_memory(0, 1) && !map.value_memory(usize::MAX, 1), "{kind}");
    }
}

#[test]
fn percpu_values_are_apart_and_come_out_together() {
    for kind in [MapType::PercpuArray, MapType::PercpuHash, MapType::LruPercpuHash] {
        let map = map(kind, 4, 4, 3);
        map.write(&key(1), &[1, 1, 1, 1, 9, 9, 9, 9, 2, 2, 2, 2, 9, 9, 9, 9], BPF_ANY).unwrap();
        map.update(&key(1), &[3; 4], BPF_ANY, 1).unwrap();
        let read = map.read(&key(1)).unwrap();
        assert_eq!((&read[..4], &read[8..12]), (&[1; 4][..], &[3; 4][..]), "{kind}");
        assert_ne!(map.lookup(&key(1), 0), map.lookup(&key(1), 1));
    }
}

#[test]
fn a_new_percpu_element_is_zero_on_other_cpus_even_in_used_memory() {
    let map = map(MapType::PercpuHash, 4, 8, 1);
    for round in 1..10 {
        map.write(&key(round), &[0xff; 16], BPF_ANY).unwrap();
        map.delete(&key(round)).unwrap();
        map.update(&key(round), &value(7), BPF_NOEXIST, 1).unwrap();
        assert_eq!(map.read(&key(round)).unwrap(), [value(0), value(7)].concat());
        map.delete(&key(round)).unwrap();
    }
}

#[test]
fn hashes_are_full_at_exactly_max_entries() {
    for flags in [MapFlags(0), MapFlags::NO_PREALLOC] {
        let map = flagged(MapType::Hash, 4, 8, 100, flags);
        for round in 0..3 {
            for number in 0..100 {
                assert_eq!(map.update(&key(number), &value(round), BPF_NOEXIST, 0), Ok(()));
            }
            assert_eq!(map.len(), 100);
            assert_eq!(map.update(&key(100), &value(0), BPF_ANY, 0), Err(Errno::E2BIG));
            assert_eq!(map.update(&key(100), &value(0), BPF_EXIST, 0), Err(Errno::ENOENT));
            assert_eq!(map.update(&key(99), &value(0), BPF_NOEXIST, 0), Err(Errno::EEXIST));
            assert_eq!(map.update(&key(99), &value(0), BPF_EXIST, 0), Ok(()), "a full map can be updated");
            assert_eq!(keys(&map).len(), 100);
            for number in 0..100 {
                assert_eq!(map.delete(&key(number)), Ok(()));
                assert_eq!(map.delete(&key(number)), Err(Errno::ENOENT));
            }
            assert!(map.is_empty() && keys(&map).is_empty());
        }
    }
}

#[test]
fn an_update_leaves_the_old_value_to_who_holds_its_address() {
    let map = map(MapType::Hash, 4, 8, 4);
    map.update(&key(1), &value(10), BPF_ANY, 0).unwrap();
    let old = map.lookup(&key(1), 0).unwrap();
    map.update(&key(1), &value(11), BPF_ANY, 0).unwrap();
    assert_eq!(peek(old), 10);
    let new = map.lookup(&key(1), 0).unwrap();
    assert_eq!(peek(new), 11);
    poke(new, 12);
    assert_eq!(map.read(&key(1)).unwrap(), value(12), "programs write in place");
    map.delete(&key(1)).unwrap();
    assert_eq!(peek(new), 12, "memory stays after deletion");
    assert!(map.value_memory(new.as_ptr() as usize, 8));
}

#[test]
fn deleting_behind_an_iteration_skips_nothing() {
    let map = map(MapType::Hash, 4, 8, 1000);
    for number in 0..1000 {
        map.update(&key(number), &value(0), BPF_ANY, 0).unwrap();
    }
    let mut seen = 0;
    let mut last: Option<Vec<u8>> = None;
    while let Ok(next) = map.next_key(last.as_deref()) {
        if let Some(last) = last {
            map.remove(&last).unwrap();
        }
        seen += 1;
        last = Some(next);
    }
    assert_eq!(seen, 1000);
}

#[test]
fn lookup_and_delete_takes_the_value_out() {
    let table = map(MapType::Hash, 4, 8, 4);
    table.write(&key(1), &value(3), BPF_ANY).unwrap();
    assert_eq!(table.read_and_remove(&key(1)).unwrap(), value(3));
    assert_eq!(table.read_and_remove(&key(1)), Err(Errno::ENOENT));
    assert_eq!(map(MapType::Array, 4, 8, 4).read_and_remove(&key(1)), Err(Errno::ENOTSUPP));
}

#[test]
fn lru_evicts_what_was_not_used() {
    for kind in [MapType::LruHash, MapType::LruPercpuHash] {
        let map = map(kind, 4, 8, 64);
        for number in 0..64 {
            map.update(&key(number), &value(1), BPF_ANY, 0).unwrap();
        }
        // The even ones are used by a program, the odd ones only read from user space.
        for number in 0..64 {
            if number % 2 == 0 {
                map.lookup(&key(number), 0).unwrap();
            } else {
                map.read(&key(number)).unwrap();
            }
        }
        for number in 100..132 {
            map.update(&key(number), &value(1), BPF_NOEXIST, 0).unwrap();
            assert_eq!(map.len(), 64);
        }
        for number in (0..64).chain(100..132) {
            let expected = number >= 100 || number % 2 == 0;
            assert_eq!(map.read(&key(number)).is_ok(), expected, "{kind}: key {number}");
        }
    }
}

#[test]
fn lru_never_is_full() {
    for flags in [MapFlags(0), MapFlags::NO_COMMON_LRU] {
        for entries in [1, 2, 3, 10] {
            let map = flagged(MapType::LruHash, 4, 8, entries, flags);
            for number in 0..1000 {
                assert_eq!(map.update(&key(number), &value(1), BPF_ANY, 0), Ok(()));
                assert_eq!(map.update(&key(number), &value(2), BPF_EXIST, 0), Ok(()), "not evicted at once");
                assert!(map.len() <= map.def().max_entries);
            }
        }
    }
}

#[test]
fn the_longest_prefix_wins() {
    let map = flagged(MapType::LpmTrie, 8, 8, 4, MapFlags::NO_PREALLOC);
    let prefix = |len: u32, address: [u8; 4]| [len.to_ne_bytes(), address].concat();
    map.update(&prefix(0, [0; 4]), &value(0), BPF_ANY, 0).unwrap();
    map.update(&prefix(8, [10, 0, 0, 0]), &value(8), BPF_ANY, 0).unwrap();
    map.update(&prefix(24, [10, 1, 2, 77]), &value(24), BPF_ANY, 0).unwrap();
    let find = |address| peek(map.lookup(&prefix(32, address), 0).unwrap());
    assert_eq!([find([10, 1, 2, 3]), find([10, 1, 3, 3]), find([11, 1, 2, 3])], [24, 8, 0]);
    assert_eq!(
        peek(map.lookup(&prefix(16, [10, 1, 0, 0]), 0).unwrap()),
        8,
        "keys may be prefixes themselves"
    );
    assert_eq!(map.lookup(&prefix(33, [10, 1, 2, 3]), 0), None);
    assert_eq!(map.update(&prefix(33, [0; 4]), &value(0), BPF_ANY, 0), Err(Errno::EINVAL));
    // More specific first; bits behind the prefix come back as they were given.
    assert_eq!(keys(&map), [prefix(24, [10, 1, 2, 77]), prefix(8, [10, 0, 0, 0]), prefix(0, [0; 4])]);
    map.update(&prefix(25, [10, 1, 2, 128]), &value(25), BPF_NOEXIST, 0).unwrap();
    assert_eq!(map.update(&prefix(26, [10, 1, 2, 128]), &value(0), BPF_ANY, 0), Err(Errno::ENOSPC));
    assert_eq!(map.update(&prefix(25, [10, 1, 2, 128]), &value(0), BPF_NOEXIST, 0), Err(Errno::EEXIST));
    assert_eq!(map.update(&prefix(25, [10, 1, 2, 129]), &value(7), BPF_EXIST, 0), Ok(()), "full, but known");
    assert_eq!(map.delete(&prefix(26, [10, 1, 2, 128])), Err(Errno::ENOENT));
    assert_eq!(map.delete(&prefix(24, [10, 1, 2, 0])), Ok(()));
    assert_eq!([find([10, 1, 2, 3]), find([10, 1, 2, 200])], [8, 7]);
}

#[test]
fn records_come_out_in_order_and_wait_for_busy_ones() {
    let map = map(MapType::Ringbuf, 0, 0, 4096);
    let first = map.reserve(8).unwrap();
    map.output(b"second", 0).unwrap();
    let mut seen = Vec::new();
    assert_eq!(map.drain(|record| seen.push(record.to_vec())), Ok(0), "the first is busy");
    assert!(map.value_memory(first.as_ptr() as usize, 8));
    assert!(
        !map.value_memory(first.as_ptr() as usize, 9) && !map.value_memory(first.as_ptr() as usize - 8, 8)
    );
    poke(first, 0x11);
    let third = map.reserve(3).unwrap();
    map.submit(first, 0).unwrap();
    assert_eq!(map.submit(first, 0), Err(Errno::EINVAL), "submitted already");
    assert!(!map.value_memory(first.as_ptr() as usize, 8), "submitted records are the consumer's");
    map.discard(third, 0).unwrap();
    map.output(b"", 0).unwrap();
    assert_eq!(map.query(BPF_RB_AVAIL_DATA), 16 + 16 + 16 + 8);
    assert_eq!(map.drain(|record| seen.push(record.to_vec())), Ok(3));
    assert_eq!(seen, [&value(0x11)[..], b"second", b""]);
    assert_eq!((map.query(BPF_RB_CONS_POS), map.query(BPF_RB_PROD_POS)), (56, 56));
    assert_eq!((map.query(BPF_RB_RING_SIZE), map.query(99)), (4096, 0));
}

#[test]
fn a_ring_is_full_one_byte_before_its_size() {
    let map = map(MapType::Ringbuf, 0, 0, 4096);
    assert!(map.reserve(4096 - 8).is_none(), "would fill the ring to the last byte");
    assert!(map.reserve(u64::MAX).is_none() && map.reserve(1 << 30).is_none());
    let record = map.reserve(4096 - 16).unwrap();
    assert!(map.reserve(0).is_none());
    assert_eq!(map.output(&[0], 0), Err(Errno::EAGAIN));
    map.discard(record, 0).unwrap();
    assert!(map.reserve(0).is_none(), "discarded, but not consumed");
    assert_eq!(map.drain(|_| panic!("discarded")), Ok(0));
    assert_eq!(map.output(&[0], 4), Err(Errno::EINVAL));
    assert!(map.reserve(0).is_some());
}

#[test]
fn records_run_over_the_end_of_the_ring() {
    let map = map(MapType::Ringbuf, 0, 0, 4096);
    let mut expected = 0_u32;
    for turn in 0..500_u32 {
        let data: Vec<u8> = (0..turn * 7 % 1500).map(|byte| (byte + turn) as u8).collect();
        map.output(&data, 0).unwrap();
        let found = map.drain(|record| {
            assert_eq!(record, data, "turn {turn}");
            expected += 1;
        });
        assert_eq!(found, Ok(1));
    }
    assert_eq!(expected, 500);
}

#[test]
fn pollers_wake_when_the_consumer_has_caught_up() {
    let map = map(MapType::Ringbuf, 0, 0, 4096);
    map.output(b"a", 0).unwrap();
    assert_eq!(map.wakeups(), 1);
    map.output(b"b", 0).unwrap();
    assert_eq!(map.wakeups(), 1, "the consumer has something to do already");
    map.output(b"c", BPF_RB_FORCE_WAKEUP).unwrap();
    assert_eq!(map.wakeups(), 2);
    map.drain(|_| ()).unwrap();
    map.output(b"d", BPF_RB_NO_WAKEUP).unwrap();
    assert_eq!(map.wakeups(), 2);
}

#[test]
fn a_callback_cannot_drain_again() {
    let map = map(MapType::Ringbuf, 0, 0, 4096);
    map.output(b"a", 0).unwrap();
    let mut inner = Ok(0);
    map.drain(|_| inner = map.drain(|_| ())).unwrap();
    assert_eq!(inner, Err(Errno::EBUSY));
}

#[test]
fn program_arrays_hold_ids() {
    let map = map(MapType::ProgArray, 4, 4, 3);
    assert_eq!(map.prog_at(1), None);
    assert_eq!(map.set_prog(1, 42), Ok(()));
    assert_eq!(map.prog_at(1), Some(42));
    assert_eq!(map.read(&key(1)).unwrap(), key(42));
    assert_eq!(map.read(&key(0)), Err(Errno::ENOENT));
    assert_eq!(map.lookup(&key(1), 0), None);
    assert_eq!(map.write(&key(1), &key(43), BPF_EXIST), Err(Errno::EINVAL));
    assert_eq!(map.write(&key(3), &key(43), BPF_ANY), Err(Errno::E2BIG));
    assert_eq!(map.write(&key(2), &key(43), BPF_ANY), Ok(()));
    assert_eq!((map.set_prog(3, 1), map.set_prog(0, 0)), (Err(Errno::E2BIG), Err(Errno::EBADF)));
    assert_eq!(map.len(), 2);
    assert_eq!(map.remove(&key(1)), Ok(()));
    assert_eq!(map.remove(&key(1)), Err(Errno::ENOENT));
    assert_eq!(map.remove(&key(3)), Err(Errno::E2BIG));
    assert_eq!((map.prog_at(1), map.prog_at(9)), (None, None));
}

#[test]
fn queues_and_stacks_differ_in_the_end_they_give() {
    for (kind, order) in [(MapType::Queue, [2, 3, 4]), (MapType::Stack, [4, 3, 2])] {
        let map = map(kind, 0, 8, 3);
        assert_eq!(map.read(&[]), Err(Errno::ENOENT));
        for number in 1..=3 {
            map.push(&value(number), BPF_ANY).unwrap();
        }
        assert_eq!(map.push(&value(4), BPF_ANY), Err(Errno::E2BIG));
        assert_eq!(map.push(&value(4), BPF_NOEXIST), Err(Errno::EINVAL));
        assert_eq!(map.push(&value(4), BPF_EXIST), Ok(()), "drops the oldest");
        let mut out = value(0);
        for expected in order {
            map.peek(&mut out).unwrap();
            assert_eq!(out, value(expected), "{kind}");
            assert_eq!(map.read(&[]).unwrap(), value(expected));
            map.pop(&mut out).unwrap();
            assert_eq!(out, value(expected), "{kind}");
        }
        assert_eq!(map.pop(&mut out), Err(Errno::ENOENT));
        assert_eq!(out, value(0));
        assert_eq!(map.next_key(None), Err(Errno::EINVAL));
    }
}

#[test]
fn a_map_that_may_hold_much_costs_little_while_empty() {
    // 1 GiB of values: creating it in time shows that it was not touched.
    let map = flagged(MapType::Hash, 4, 1 << 20, 1000, MapFlags::NO_PREALLOC);
    map.update(&key(1), &vec![7; 1 << 20], BPF_ANY, 0).unwrap();
    assert_eq!(map.read(&key(1)).unwrap(), vec![7; 1 << 20]);
}

#[test]
fn memory_has_a_limit() {
    let def =
        |map_type, flags| MapDef { map_type, key_size: 4, value_size: 1 << 20, max_entries: 1 << 20, flags };
    let error = Map::new(&def(MapType::Array, MapFlags(0)), 1, 0).unwrap_err();
    assert_eq!(error, MapError::Memory { bytes: 1 << 40, left: MAX_MEMORY });
    assert_eq!(error.errno(), Errno::ENOMEM);
    assert!(Map::new(&def(MapType::Hash, MapFlags(0)), 1, 0).is_err());
    let map = Map::new(&def(MapType::Hash, MapFlags::NO_PREALLOC), 1, 0).unwrap();
    assert!(map.is_empty(), "what does not fit is an error of the insertion");
}
