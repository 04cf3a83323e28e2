//! Random operations on a map and on a plain model of it, which must agree at every step.

use std::collections::{BTreeMap, HashMap, VecDeque};

use arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use skep_abi::{Errno, MapDef, MapFlags, MapType};
use skep_map::*;

/// How long each property is tried for.
const BUDGET_MS: u64 = 1500;

fn keys_of(map: &Map) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    while let Ok(next) = map.next_key(out.last().map(Vec::as_slice)) {
        out.push(next);
        assert!(out.len() <= map.len() as usize, "the iteration does not end");
    }
    out
}

/// The error that an update with these flags gets, if the key is there or not.
fn wrong_flags(flags: u64, there: bool) -> Option<Errno> {
    match (flags, there) {
        (3.., _) => Some(Errno::EINVAL),
        (BPF_NOEXIST, true) => Some(Errno::EEXIST),
        (BPF_EXIST, false) => Some(Errno::ENOENT),
        _ => None,
    }
}

fn hash_like_a_hash_map(u: &mut Unstructured<'_>) -> Result<()> {
    let key_size = *u.choose(&[1_usize, 3, 4, 8, 12, 16, 17, 24])?;
    let value_size = u.int_in_range(1..=20_usize)?;
    let max_entries = u.int_in_range(1..=40)?;
    let no_prealloc = if u.arbitrary()? { MapFlags::NO_PREALLOC } else { MapFlags(0) };
    let def = MapDef {
        map_type: MapType::Hash,
        key_size: key_size as u32,
        value_size: value_size as u32,
        max_entries,
        flags: no_prealloc,
    };
    let map = Map::new(&def, 2, u.arbitrary()?).unwrap();
    let mut model: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    while !u.is_empty() {
        let mut key = vec![0; key_size];
        key[key_size - 1] = u.int_in_range(0..=60)?;
        let there = model.contains_key(&key);
        match u.int_in_range(0..=5)? {
            0..=2 => {
                let value = vec![u.arbitrary()?; value_size];
                let flags = u.int_in_range(0..=3)?;
                let expected = match wrong_flags(flags, there) {
                    Some(errno) => Err(errno),
                    None if !there && model.len() == max_entries as usize => Err(Errno::E2BIG),
                    None => Ok(()),
                };
                assert_eq!(map.update(&key, &value, flags, 0), expected);
                if expected.is_ok() {
                    model.insert(key, value);
                }
            }
            3 => assert_eq!(map.read(&key).ok(), model.get(&key).cloned()),
            4 => {
                let expected = model.remove(&key).map(|_| ()).ok_or(Errno::ENOENT);
                assert_eq!(map.delete(&key), expected);
            }
            _ => {
                let mut keys = keys_of(&map);
                keys.sort();
                let mut expected: Vec<_> = model.keys().cloned().collect();
                expected.sort();
                assert_eq!(keys, expected);
            }
        }
        assert_eq!(map.len() as usize, model.len());
    }
    Ok(())
}

#[test]
fn hash_maps_agree_with_a_hash_map() {
    arbtest(hash_like_a_hash_map).budget_ms(BUDGET_MS);
}

/// Whether the prefix covers the address, bit by bit.
fn covers(len: u32, data: &[u8], key_len: u32, key: &[u8]) -> bool {
    let bit = |bytes: &[u8], at: u32| bytes[at as usize / 8] >> (7 - at % 8) & 1;
    len <= key_len && (0..len).all(|at| bit(data, at) == bit(key, at))
}

fn lpm_like_brute_force(u: &mut Unstructured<'_>) -> Result<()> {
    let data_size = *u.choose(&[1_usize, 2, 4, 7, 8, 9, 16, 33])?;
    let max_entries = u.int_in_range(1..=40)?;
    let def = MapDef {
        map_type: MapType::LpmTrie,
        key_size: 4 + data_size as u32,
        value_size: 8,
        max_entries,
        flags: MapFlags::NO_PREALLOC,
    };
    let map = Map::new(&def, 1, 0).unwrap();
    // From length and masked data to the data as given and the value.
    let mut model: BTreeMap<(u32, Vec<u8>), (Vec<u8>, u64)> = BTreeMap::new();
    while !u.is_empty() {
        let len = u.int_in_range(0..=data_size as u32 * 8)?;
        // Few different bytes, so that prefixes are related.
        let mut data = vec![0; data_size];
        for byte in &mut data {
            *byte = *u.choose(&[0, 0, 0x80, 0xff])?;
        }
        let key = [&len.to_ne_bytes()[..], &data].concat();
        let masked = (0..data_size)
            .map(|at| data[at] & !(0xff_u32 >> len.saturating_sub(at as u32 * 8).min(8)) as u8)
            .collect::<Vec<u8>>();
        let name = (len, masked);
        let there = model.contains_key(&name);
        match u.int_in_range(0..=5)? {
            0..=2 => {
                let value: u64 = u.arbitrary()?;
                let flags = u.int_in_range(0..=3)?;
                let expected = match wrong_flags(flags, there) {
                    Some(errno) => Err(errno),
                    None if !there && model.len() == max_entries as usize => Err(Errno::ENOSPC),
                    None => Ok(()),
                };
                assert_eq!(map.update(&key, &value.to_ne_bytes(), flags, 0), expected);
                if expected.is_ok() {
                    model.insert(name, (data, value));
                }
            }
            3 => {
                let expected = model.iter().filter(|((l, d), _)| covers(*l, d, len, &data));
                let longest = expected.max_by_key(|((len, _), _)| *len).map(|(_, (_, value))| *value);
                assert_eq!(map.read(&key).ok(), longest.map(|value| value.to_ne_bytes().to_vec()));
            }
            4 => {
                let expected = model.remove(&name).map(|_| ()).ok_or(Errno::ENOENT);
                assert_eq!(map.delete(&key), expected);
            }
            _ => {
                // By data, then longer first: a prefix comes after all it covers, the 0 side before the 1 side.
                let mut expected: Vec<_> = model.iter().map(|((len, _), (data, _))| (*len, data)).collect();
                expected.sort_by(|(len_a, a), (len_b, b)| {
                    if covers(*len_a, a, *len_b, b) {
                        return len_b.cmp(len_a);
                    }
                    if covers(*len_b, b, *len_a, a) { len_b.cmp(len_a) } else { a.cmp(b) }
                });
                let expected: Vec<Vec<u8>> =
                    expected.iter().map(|(len, data)| [&len.to_ne_bytes()[..], data].concat()).collect();
                assert_eq!(keys_of(&map), expected);
            }
        }
        assert_eq!(map.len() as usize, model.len());
    }
    Ok(())
}

#[test]
fn tries_agree_with_brute_force() {
    arbtest(lpm_like_brute_force).budget_ms(BUDGET_MS);
}

fn ring_like_a_list(u: &mut Unstructured<'_>) -> Result<()> {
    #[derive(PartialEq)]
    enum State {
        Busy,
        Submitted,
        Discarded,
    }
    let def = MapDef {
        map_type: MapType::Ringbuf,
        key_size: 0,
        value_size: 0,
        max_entries: 4096,
        flags: MapFlags(0),
    };
    let map = Map::new(&def, 1, 0).unwrap();
    let mut model: VecDeque<(Option<core::ptr::NonNull<u8>>, Vec<u8>, State)> = VecDeque::new();
    let room = |len: usize| (len + 8).next_multiple_of(8);
    let mut position = 0;
    while !u.is_empty() {
        let used: usize = model.iter().map(|(_, data, _)| room(data.len())).sum();
        match u.int_in_range(0..=4)? {
            0 => {
                let size = u.int_in_range(0..=1200)?;
                let record = map.reserve(size as u64);
                assert_eq!(record.is_some(), used + room(size) < 4096, "{used} bytes used, {size} wanted");
                if let Some(record) = record {
                    let fill: u8 = u.arbitrary()?;
                    // SAFETY: the record of `size` bytes was just reserved, and is not submitted yet.
                    unsafe { record.as_ptr().write_bytes(fill, size) };
                    model.push_back((Some(record), vec![fill; size], State::Busy));
                    position += room(size);
                }
            }
            1 => {
                let data = vec![u.arbitrary()?; u.int_in_range(0..=600)?];
                let fits = used + room(data.len()) < 4096;
                assert_eq!(map.output(&data, 0), if fits { Ok(()) } else { Err(Errno::EAGAIN) });
                if fits {
                    position += room(data.len());
                    model.push_back((None, data, State::Submitted));
                }
            }
            2 | 3 => {
                let busy: Vec<usize> = (0..model.len()).filter(|&at| model[at].2 == State::Busy).collect();
                if !busy.is_empty() {
                    let (record, data, state) = &mut model[*u.choose(&busy)?];
                    let record = record.unwrap();
                    let start = record.as_ptr() as usize;
                    assert!(map.value_memory(start, data.len()));
                    assert!(!map.value_memory(start, data.len() + 1));
                    if u.arbitrary()? {
                        assert_eq!(map.submit(record, 0), Ok(()));
                        *state = State::Submitted;
                    } else {
                        assert_eq!(map.discard(record, 0), Ok(()));
                        *state = State::Discarded;
                    }
                    assert!(!map.value_memory(start, 1));
                }
            }
            _ => {
                let mut expected = Vec::new();
                while model.front().is_some_and(|(_, _, state)| *state != State::Busy) {
                    let (_, data, state) = model.pop_front().unwrap();
                    if state == State::Submitted {
                        expected.push(data);
                    }
                }
                let mut found = Vec::new();
                assert_eq!(map.drain(|record| found.push(record.to_vec())), Ok(expected.len()));
                assert_eq!(found, expected);
            }
        }
        let used: usize = model.iter().map(|(_, data, _)| room(data.len())).sum();
        assert_eq!(map.query(BPF_RB_AVAIL_DATA), used as u64);
        assert_eq!(map.query(BPF_RB_PROD_POS), position as u64);
    }
    Ok(())
}

#[test]
fn ring_buffers_agree_with_a_list() {
    arbtest(ring_like_a_list).budget_ms(BUDGET_MS);
}

fn lru_like_a_bounded_map(u: &mut Unstructured<'_>) -> Result<()> {
    let max_entries = u.int_in_range(1..=30)?;
    let map_type = *u.choose(&[MapType::LruHash, MapType::LruPercpuHash])?;
    let def = MapDef { map_type, key_size: 4, value_size: 8, max_entries, flags: MapFlags(0) };
    let map = Map::new(&def, 1, u.arbitrary()?).unwrap();
    // The last value of each key ever written; the map holds some of these.
    let mut model: HashMap<u32, u64> = HashMap::new();
    while !u.is_empty() {
        let number = u.int_in_range(0..=50_u32)?;
        let key = number.to_ne_bytes();
        let held = map.read(&key).ok();
        match u.int_in_range(0..=3)? {
            0 | 1 => {
                let (value, flags) = (u.arbitrary::<u64>()?, u.int_in_range(0..=3)?);
                let expected = wrong_flags(flags, held.is_some()).map_or(Ok(()), Err);
                assert_eq!(map.update(&key, &value.to_ne_bytes(), flags, 0), expected);
                if expected.is_ok() {
                    model.insert(number, value);
                    assert_eq!(map.read(&key).unwrap(), value.to_ne_bytes(), "evicted at once");
                }
            }
            2 => {
                assert_eq!(map.delete(&key), held.map(|_| ()).ok_or(Errno::ENOENT));
                model.remove(&number);
            }
            _ => assert_eq!(map.lookup(&key, 0).is_some(), held.is_some()),
        }
        let keys = keys_of(&map);
        assert_eq!(keys.len(), map.len() as usize);
        assert!(map.len() <= max_entries);
        for key in keys {
            let number = u32::from_ne_bytes(key.as_slice().try_into().unwrap());
            assert_eq!(map.read(&key).unwrap(), model[&number].to_ne_bytes());
        }
    }
    Ok(())
}

#[test]
fn lru_maps_hold_the_last_value_of_what_they_hold() {
    arbtest(lru_like_a_bounded_map).budget_ms(BUDGET_MS);
}

#[test]
fn queues_and_stacks_agree_with_a_deque() {
    arbtest(|u| {
        let stack: bool = u.arbitrary()?;
        let map_type = if stack { MapType::Stack } else { MapType::Queue };
        let max_entries = u.int_in_range(1..=6)?;
        let def = MapDef { map_type, key_size: 0, value_size: 3, max_entries, flags: MapFlags(0) };
        let map = Map::new(&def, 1, 0).unwrap();
        let mut model: VecDeque<[u8; 3]> = VecDeque::new();
        while !u.is_empty() {
            if u.arbitrary()? {
                let value: [u8; 3] = u.arbitrary()?;
                let flags = u.int_in_range(0..=3)?;
                let full = model.len() == max_entries as usize;
                let expected = match flags {
                    BPF_NOEXIST | 3 => Err(Errno::EINVAL),
                    BPF_ANY if full => Err(Errno::E2BIG),
                    _ => Ok(()),
                };
                assert_eq!(map.push(&value, flags), expected);
                if expected.is_ok() {
                    if full {
                        model.pop_front();
                    }
                    model.push_back(value);
                }
            } else {
                let next = if stack { model.pop_back() } else { model.pop_front() };
                let mut out = [9; 3];
                assert_eq!(map.pop(&mut out), next.map(|_| ()).ok_or(Errno::ENOENT));
                assert_eq!(out, next.unwrap_or_default());
            }
            assert_eq!(map.len() as usize, model.len());
        }
        Ok(())
    })
    .budget_ms(BUDGET_MS);
}
