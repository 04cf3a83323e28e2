//! `bpf(2)`, one typed function a command.
//!
//! Each opens with the C members it sets; all others of `union bpf_attr` are zero, which kernels that don't know
//! them accept. Descriptors come out owned. Nothing here interprets an error or tries again.
//!
//! Source: include/uapi/linux/bpf.h and kernel/bpf/syscall.c, Linux 6.18.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use skep_abi::Errno;

/// Bytes of a map's or program's name, the zero byte included (`BPF_OBJ_NAME_LEN`).
pub(crate) const NAME_BYTES: usize = 16;

/// Commands (`enum bpf_cmd`).
#[derive(Clone, Copy)]
enum Command {
    MapCreate = 0,
    MapLookup = 1,
    MapUpdate = 2,
    MapDelete = 3,
    MapNextKey = 4,
    ProgLoad = 5,
    ProgTestRun = 10,
    ObjectInfo = 15,
    BtfLoad = 18,
    MapFreeze = 22,
}

/// Calls `bpf(command, attr, sizeof attr)`.
///
/// # Safety
/// Every pointer in `attr` must be null or point to as many bytes as the command reads or writes there.
unsafe fn bpf<T>(command: Command, attr: &mut T) -> Result<libc::c_long, Errno> {
    let size = size_of::<T>() as libc::c_uint;
    // SAFETY: `attr` is valid for reads and writes of `size` bytes; the pointers in it are the caller's promise.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command as libc::c_int, std::ptr::from_mut(attr), size) };
    if result < 0 { Err(last_errno()) } else { Ok(result) }
}

/// The calling thread's `errno`.
pub(crate) fn last_errno() -> Errno {
    Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
}

/// The descriptor that a command returned.
fn owned(fd: libc::c_long) -> OwnedFd {
    // SAFETY: the command succeeded, so this is a new descriptor that nobody else has.
    unsafe { OwnedFd::from_raw_fd(fd as i32) }
}

fn address<T>(slice: &[T]) -> u64 {
    if slice.is_empty() { 0 } else { slice.as_ptr() as u64 }
}

fn address_mut<T>(slice: &mut [T]) -> u64 {
    if slice.is_empty() { 0 } else { slice.as_mut_ptr() as u64 }
}

/// What `BPF_MAP_CREATE` is told.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct MapCreate {
    pub(crate) map_type: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) map_flags: u32,
    pub(crate) inner_map_fd: u32,
    pub(crate) numa_node: u32,
    pub(crate) map_name: [u8; NAME_BYTES],
    pub(crate) map_ifindex: u32,
    pub(crate) btf_fd: u32,
    pub(crate) btf_key_type_id: u32,
    pub(crate) btf_value_type_id: u32,
    pub(crate) btf_vmlinux_value_type_id: u32,
    pub(crate) map_extra: u64,
}

/// `{ map_type, key_size, value_size, max_entries, map_flags, inner_map_fd, numa_node, map_name, btf_fd,
/// btf_key_type_id, btf_value_type_id, map_extra }`
pub(crate) fn map_create(attr: &MapCreate) -> Result<OwnedFd, Errno> {
    let mut attr = *attr;
    // SAFETY: there are no pointers in it.
    unsafe { bpf(Command::MapCreate, &mut attr) }.map(owned)
}

/// `{ map_fd, key, value or next_key, flags }`
#[repr(C)]
struct MapElement {
    map_fd: u32,
    unused: u32,
    key: u64,
    value: u64,
    flags: u64,
}

impl MapElement {
    fn new(map: BorrowedFd<'_>, key: u64, value: u64, flags: u64) -> MapElement {
        MapElement { map_fd: map.as_raw_fd() as u32, unused: 0, key, value, flags }
    }
}

/// `{ map_fd, key, value }`: copies out the value of a key.
///
/// # Safety
/// `key` must have the map's key size, and `value` the size of its value, for all CPUs where it has one each.
pub(crate) unsafe fn map_lookup(map: BorrowedFd<'_>, key: &[u8], value: &mut [u8]) -> Result<(), Errno> {
    let mut attr = MapElement::new(map, address(key), address_mut(value), 0);
    // SAFETY: the kernel reads a key and writes a value, of the sizes that the caller promises.
    unsafe { bpf(Command::MapLookup, &mut attr) }.map(drop)
}

/// `{ map_fd, key, value, flags }`: sets the value of a key.
///
/// # Safety
/// As for [`map_lookup`].
pub(crate) unsafe fn map_update(
    map: BorrowedFd<'_>,
    key: &[u8],
    value: &[u8],
    flags: u64,
) -> Result<(), Errno> {
    let mut attr = MapElement::new(map, address(key), address(value), flags);
    // SAFETY: the kernel reads both, of the sizes that the caller promises.
    unsafe { bpf(Command::MapUpdate, &mut attr) }.map(drop)
}

/// `{ map_fd, key }`: removes a key.
///
/// # Safety
/// `key` must have the map's key size.
pub(crate) unsafe fn map_delete(map: BorrowedFd<'_>, key: &[u8]) -> Result<(), Errno> {
    let mut attr = MapElement::new(map, address(key), 0, 0);
    // SAFETY: the kernel reads a key, of the size that the caller promises.
    unsafe { bpf(Command::MapDelete, &mut attr) }.map(drop)
}

/// `{ map_fd, key, next_key }`: copies out the key after `key`, or the first.
///
/// # Safety
/// Both must have the map's key size.
pub(crate) unsafe fn map_next_key(
    map: BorrowedFd<'_>,
    key: Option<&[u8]>,
    next: &mut [u8],
) -> Result<(), Errno> {
    let mut attr = MapElement::new(map, key.map_or(0, address), address_mut(next), 0);
    // SAFETY: the kernel reads one key and writes another, of the size that the caller promises.
    unsafe { bpf(Command::MapNextKey, &mut attr) }.map(drop)
}

/// `{ map_fd }`: forbids writes from user space.
pub(crate) fn map_freeze(map: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut attr = MapElement::new(map, 0, 0, 0);
    // SAFETY: there are no pointers in it.
    unsafe { bpf(Command::MapFreeze, &mut attr) }.map(drop)
}

/// `struct bpf_func_info`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct FuncInfo {
    pub(crate) insn_off: u32,
    pub(crate) type_id: u32,
}

/// `struct bpf_line_info`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct LineInfo {
    pub(crate) insn_off: u32,
    pub(crate) file_name_off: u32,
    pub(crate) line_off: u32,
    pub(crate) line_col: u32,
}

/// What `BPF_PROG_LOAD` is told, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct ProgLoad<'a> {
    pub(crate) prog_type: u32,
    pub(crate) expected_attach_type: u32,
    pub(crate) flags: u32,
    /// What of the kernel the program is written for, by its id in the kernel's types; 0 for nothing.
    pub(crate) attach_btf_id: u32,
    pub(crate) name: [u8; NAME_BYTES],
    pub(crate) insns: &'a [u8],
    pub(crate) license: &'a std::ffi::CStr,
    pub(crate) kern_version: u32,
    pub(crate) btf: Option<BorrowedFd<'a>>,
    pub(crate) funcs: &'a [FuncInfo],
    pub(crate) lines: &'a [LineInfo],
    pub(crate) maps: &'a [i32],
}

#[repr(C)]
#[derive(Default)]
struct ProgLoadAttr {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; NAME_BYTES],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    line_info_rec_size: u32,
    line_info: u64,
    line_info_cnt: u32,
    attach_btf_id: u32,
    attach_prog_fd: u32,
    core_relo_cnt: u32,
    fd_array: u64,
    core_relos: u64,
    core_relo_rec_size: u32,
    log_true_size: u32,
}

/// `{ prog_type, insn_cnt, insns, license, log_level, log_size, log_buf, kern_version, prog_name,
/// expected_attach_type, prog_flags, attach_btf_id, prog_btf_fd, func_info…, line_info…, fd_array }`: loads a program. Gives beside the
/// descriptor or error how long the log would like to be, where the kernel says it (6.4).
pub(crate) fn prog_load(
    load: &ProgLoad<'_>,
    log_level: u32,
    log: &mut [u8],
) -> (Result<OwnedFd, Errno>, u32) {
    let mut attr = ProgLoadAttr {
        prog_type: load.prog_type,
        insn_cnt: (load.insns.len() / skep_isa::SLOT_BYTES) as u32,
        insns: address(load.insns),
        license: load.license.as_ptr() as u64,
        log_level,
        log_size: log.len() as u32,
        log_buf: address_mut(log),
        kern_version: load.kern_version,
        prog_flags: load.flags,
        attach_btf_id: load.attach_btf_id,
        prog_name: load.name,
        expected_attach_type: load.expected_attach_type,
        prog_btf_fd: load.btf.map_or(0, |fd| fd.as_raw_fd() as u32),
        func_info_rec_size: if load.funcs.is_empty() { 0 } else { size_of::<FuncInfo>() as u32 },
        func_info: address(load.funcs),
        func_info_cnt: load.funcs.len() as u32,
        line_info_rec_size: if load.lines.is_empty() { 0 } else { size_of::<LineInfo>() as u32 },
        line_info: address(load.lines),
        line_info_cnt: load.lines.len() as u32,
        fd_array: address(load.maps),
        ..ProgLoadAttr::default()
    };
    // SAFETY: each pointer is to a slice whose length stands beside it, or to a string that ends with a zero byte.
    // Of `fd_array` the kernel reads what instructions index; see `prog::Prepared`, which checks them.
    let result = unsafe { bpf(Command::ProgLoad, &mut attr) }.map(owned);
    (result, attr.log_true_size)
}

#[repr(C)]
#[derive(Default)]
struct BtfLoadAttr {
    btf: u64,
    btf_log_buf: u64,
    btf_size: u32,
    btf_log_size: u32,
    btf_log_level: u32,
    btf_log_true_size: u32,
}

/// `{ btf, btf_size, btf_log_buf, btf_log_size, btf_log_level }`: loads types.
pub(crate) fn btf_load(btf: &[u8], log: &mut [u8]) -> Result<OwnedFd, Errno> {
    let mut attr = BtfLoadAttr {
        btf: address(btf),
        btf_size: btf.len() as u32,
        btf_log_buf: address_mut(log),
        btf_log_size: log.len() as u32,
        btf_log_level: u32::from(!log.is_empty()),
        ..BtfLoadAttr::default()
    };
    // SAFETY: both pointers are to slices whose lengths stand beside them.
    unsafe { bpf(Command::BtfLoad, &mut attr) }.map(owned)
}

/// What `BPF_PROG_TEST_RUN` is told, and where it writes.
pub(crate) struct TestRun<'a> {
    pub(crate) data_in: &'a [u8],
    pub(crate) data_out: &'a mut [u8],
    pub(crate) ctx_in: &'a [u8],
    pub(crate) ctx_out: &'a mut [u8],
    pub(crate) repeat: u32,
}

/// What a test run gave.
pub(crate) struct TestRan {
    pub(crate) retval: u32,
    /// Nanoseconds a run.
    pub(crate) duration_ns: u32,
    /// Bytes that the packet has; the first ones of them are in `data_out`.
    pub(crate) data_size: usize,
    /// Bytes that the context has; the first ones of them are in `ctx_out`.
    pub(crate) ctx_size: usize,
}

#[repr(C)]
#[derive(Default)]
struct TestRunAttr {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
    flags: u32,
    cpu: u32,
}

/// `{ prog_fd, data_in, data_size_in, data_out, data_size_out, ctx_in, ctx_size_in, ctx_out, ctx_size_out, repeat }`:
/// runs a program on test input.
pub(crate) fn prog_test_run(prog: BorrowedFd<'_>, run: &mut TestRun<'_>) -> Result<TestRan, Errno> {
    let mut attr = TestRunAttr {
        prog_fd: prog.as_raw_fd() as u32,
        data_size_in: run.data_in.len() as u32,
        data_size_out: run.data_out.len() as u32,
        data_in: address(run.data_in),
        data_out: address_mut(run.data_out),
        repeat: run.repeat,
        ctx_size_in: run.ctx_in.len() as u32,
        ctx_size_out: run.ctx_out.len() as u32,
        ctx_in: address(run.ctx_in),
        ctx_out: address_mut(run.ctx_out),
        ..TestRunAttr::default()
    };
    // SAFETY: each pointer is to a slice whose length stands beside it.
    unsafe { bpf(Command::ProgTestRun, &mut attr) }?;
    Ok(TestRan {
        retval: attr.retval,
        duration_ns: attr.duration,
        data_size: attr.data_size_out as usize,
        ctx_size: attr.ctx_size_out as usize,
    })
}

/// The start of `struct bpf_prog_info`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct ProgInfo {
    pub(crate) prog_type: u32,
    pub(crate) id: u32,
    pub(crate) tag: [u8; 8],
    pub(crate) jited_prog_len: u32,
    pub(crate) xlated_prog_len: u32,
}

/// The start of `struct bpf_map_info`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct MapInfo {
    pub(crate) map_type: u32,
    pub(crate) id: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
}

/// A structure that `BPF_OBJ_GET_INFO_BY_FD` fills: plain numbers, for which any bytes are valid.
///
/// # Safety
/// The structure must have no pointers and no invalid values: the kernel writes it, as long as it is.
pub(crate) unsafe trait Info: Default {}

// SAFETY: numbers only.
unsafe impl Info for ProgInfo {}
// SAFETY: numbers only.
unsafe impl Info for MapInfo {}

#[repr(C)]
struct InfoAttr {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
}

/// `{ bpf_fd, info_len, info }`: what the kernel knows of a map or program, as far as the structure goes.
pub(crate) fn info<T: Info>(object: BorrowedFd<'_>) -> Result<T, Errno> {
    let mut info = T::default();
    let mut attr = InfoAttr {
        bpf_fd: object.as_raw_fd() as u32,
        info_len: size_of::<T>() as u32,
        info: std::ptr::from_mut(&mut info) as u64,
    };
    // SAFETY: `info` has `info_len` bytes; `Info` promises that the kernel may write them, and that it reads no
    // pointers among them: all are zero or numbers.
    unsafe { bpf(Command::ObjectInfo, &mut attr) }?;
    Ok(info)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    /// Where the kernel's header has these members.
    #[test]
    fn members_are_where_the_kernel_reads_them() {
        assert_eq!(offset_of!(MapCreate, map_name), 28);
        assert_eq!(offset_of!(MapCreate, btf_fd), 48);
        assert_eq!(offset_of!(MapCreate, map_extra), 64);
        assert_eq!(offset_of!(ProgLoadAttr, log_buf), 32);
        assert_eq!(offset_of!(ProgLoadAttr, expected_attach_type), 68);
        assert_eq!(offset_of!(ProgLoadAttr, line_info), 96);
        assert_eq!(offset_of!(ProgLoadAttr, fd_array), 120);
        assert_eq!(offset_of!(ProgLoadAttr, log_true_size), 140);
        assert_eq!(offset_of!(TestRunAttr, ctx_in), 48);
        assert_eq!(offset_of!(MapElement, flags), 24);
        assert_eq!(offset_of!(BtfLoadAttr, btf_log_true_size), 28);
    }

    #[test]
    fn a_descriptor_of_something_else_is_refused() {
        let file = std::fs::File::open("/dev/null").expect("a file");
        let refused = info::<ProgInfo>(std::os::fd::AsFd::as_fd(&file)).err();
        assert!(refused.is_some(), "not a BPF object");
    }
}
