//! Loading a program: instructions, types and lines as the kernel wants them, and the log that it gives back.
//!
//! Source: `bpf_prog_load` of kernel/bpf/syscall.c, `bpf_check` of kernel/bpf/verifier.c, Linux 6.18.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use skep_abi::{AttachType, Errno, MapType, ProgType};
use skep_btf::Kind;
use skep_host::{HostError, LoadInfo, LoadOptions, VerifierStats};
use skep_isa::{Callee, Endian, FormId, Insn, Op, Reg, Wide, encode_all};
use skep_obj::{POISON, Program};

use crate::kernel_types;
use crate::map::kernel_name;
use crate::sys::{self, MapCreate, ProgInfo, ProgLoad};
use crate::types::{Records, TypeStore};
use crate::{log, machine};

/// The machine's byte order.
const NATIVE: Endian = if cfg!(target_endian = "big") { Endian::Big } else { Endian::Little };
/// How often to try again when a signal interrupts the verifier.
const INTERRUPTED_MAX: usize = 5;

/// Attach types that kernels older than they load programs of their kinds without.
const OPTIONAL: [u32; 3] = [AttachType::XDP.0, AttachType::TCX_INGRESS.0, AttachType::TCX_EGRESS.0];

/// A loaded program.
pub(crate) struct Prog {
    fd: OwnedFd,
    pub(crate) id: u32,
    pub(crate) prog_type: ProgType,
    pub(crate) name: String,
}

impl Prog {
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Loads a program whose maps have these descriptors.
pub(crate) fn load(
    program: &Program,
    map_fds: &[i32],
    options: &LoadOptions,
    types: &mut TypeStore,
) -> Result<(Prog, LoadInfo), HostError> {
    let start = Instant::now();
    let ((result, log), elapsed) = with_request(program, map_fds, types, |request| {
        let answer = load_with_log(request, options);
        (answer, start.elapsed())
    })?;
    let fd = result.map_err(|errno| refusal(program, errno, log.clone()))?;
    let info: ProgInfo = sys::info(fd.as_fd()).unwrap_or_default();
    let stats = VerifierStats::of_log(&log);
    let load_info = LoadInfo {
        engine: "kernel",
        verify: stats.time.unwrap_or(elapsed),
        compile: Duration::ZERO,
        code_bytes: info.jited_prog_len,
        insns_processed: stats.insns.unwrap_or(0),
        stats,
        log: if options.log { log } else { String::new() },
    };
    let prog = Prog { fd, id: info.id, prog_type: program.prog_type, name: program.name.clone() };
    Ok((prog, load_info))
}

/// Asks for the verdict on a program exactly as it is: whether the kernel takes it, and the log without the states.
pub(crate) fn judge(
    program: &Program,
    map_fds: &[i32],
    types: &mut TypeStore,
) -> Result<(Result<(), Errno>, String), HostError> {
    let (result, log) = with_request(program, map_fds, types, |request| load_at(&request, log::LEVEL_STATS))?;
    Ok((result.map(drop), log))
}

/// Makes ready what a load is asked with, and asks.
fn with_request<T>(
    program: &Program,
    map_fds: &[i32],
    types: &mut TypeStore,
    ask: impl FnOnce(ProgLoad<'_>) -> T,
) -> Result<T, HostError> {
    let what = || format!("load program `{}`", program.name);
    let license = CString::new(program.license.as_bytes()).map_err(|_| HostError::Errno {
        what: what(),
        errno: Errno::EINVAL,
        why: Some("expected a licence without zero bytes".into()),
    })?;
    check(program, map_fds).map_err(|why| HostError::Errno {
        what: what(),
        errno: Errno::EINVAL,
        why: Some(why),
    })?;
    // Types that are not in order are no reason to refuse what may well run without.
    let records = Records::new(program).ok().flatten();
    let btf = records.as_ref().and_then(|records| types.load(&records.btf));
    let (funcs, lines) = match (&records, btf) {
        (Some(records), Some(_)) => (&records.funcs[..], &records.lines[..]),
        _ => (&[][..], &[][..]),
    };
    let indexed = map_fds.is_empty() || has_fd_array();
    let mut insns = if indexed { program.insns.clone() } else { by_descriptor(&program.insns, map_fds) };
    by_kernel_id(program, &mut insns)?;
    let insns = encode_all(&insns, NATIVE);
    let kern_version = match program.kern_version {
        0 => machine::version_code(machine::kernel_version()),
        given => given,
    };
    Ok(ask(ProgLoad {
        prog_type: program.prog_type.0,
        expected_attach_type: program.attach_type.0,
        flags: program.flags.0,
        attach_btf_id: attach_btf_id(program)?,
        name: kernel_name(&program.name),
        insns: &insns,
        license: &license,
        kern_version,
        btf,
        funcs,
        lines,
        maps: if indexed { map_fds } else { &[] },
    }))
}

/// What of the kernel the program is written for, by its id in the kernel's types; 0 if it names nothing there.
/// What an extension replaces is a function of another program, which has no id there.
fn attach_btf_id(program: &Program) -> Result<u32, HostError> {
    let kind = match (program.prog_type, program.attach_type) {
        (ProgType::StructOps, _) => Kind::Struct,
        (ProgType::Tracing, AttachType::TRACE_RAW_TP) => Kind::Typedef,
        (ProgType::Tracing | ProgType::Lsm, _) => Kind::Func,
        _ => return Ok(0),
    };
    let Some(name) = program.attach_to.as_deref() else { return Ok(0) };
    kernel_types::running_types()
        .and_then(|btf| btf.find(name, kind))
        .map(|id| id.0)
        .ok_or_else(|| absent(program, name))
}

/// The error for what the kernel has not.
fn absent(program: &Program, name: &str) -> HostError {
    HostError::Unsupported {
        what: format!("load program `{}`, which needs `{name}` of the kernel", program.name),
        why: format!("{} of this kernel names none: it may be newer, or in a module", kernel_types::PATH),
    }
}

/// What the kernel could only say in its own words, or what would make it read memory that isn't ours.
fn check(program: &Program, map_fds: &[i32]) -> Result<(), String> {
    if let Some(btf) = &program.btf
        && btf.endian() != skep_btf::Endian::NATIVE
    {
        return Err("it is compiled for the other byte order".into());
    }
    for (slot, insn) in program.insns.iter().enumerate() {
        if let Some(map) = map_index(insn)
            && map >= map_fds.len()
        {
            return Err(format!("instruction {slot} has map {map}, expected one of {}", map_fds.len()));
        }
    }
    Ok(())
}

/// The map that an instruction refers to by index.
fn map_index(insn: &Insn) -> Option<usize> {
    let index = insn.wide_halves().0;
    match insn.op() {
        Op::Wide(Wide::MapIdx | Wide::MapIdxValue) => Some(usize::try_from(index).unwrap_or(usize::MAX)),
        _ => None,
    }
}

/// The program with descriptors in its instructions, as kernels before 5.14 want them.
fn by_descriptor(insns: &[Insn], map_fds: &[i32]) -> Vec<Insn> {
    const FD: FormId = FormId::of(Op::Wide(Wide::MapFd)).expect("the table has maps by descriptor");
    const VALUE: FormId = FormId::of(Op::Wide(Wide::MapValue)).expect("the table has values by descriptor");
    let by_fd = |insn: &Insn| {
        let Some(fd) = map_index(insn).and_then(|map| map_fds.get(map)) else { return *insn };
        let form = if insn.op() == Op::Wide(Wide::MapIdx) { FD } else { VALUE };
        let offset = i64::from(insn.wide_halves().1) << 32;
        let offset = if form == FD { 0 } else { offset };
        Insn { form, imm: offset | i64::from(*fd), ..*insn }
    };
    insns.iter().map(by_fd).collect()
}

/// Puts the running kernel's type ids in place of the names of its functions and variables. Those of modules are not
/// looked for.
fn by_kernel_id(program: &Program, insns: &mut [Insn]) -> Result<(), HostError> {
    for insn in insns {
        let kind = match insn.op() {
            Op::Call(Callee::Kfunc) => Kind::Func,
            Op::Wide(Wide::BtfId) => Kind::Var,
            _ => continue,
        };
        let symbol = program.kernel_symbol(insn.imm);
        let name = symbol.map_or("", |symbol| symbol.name.as_str());
        let found = kernel_types::running_types().and_then(|btf| btf.find(name, kind));
        let weak = symbol.is_some_and(|symbol| symbol.weak);
        match found {
            Some(id) => insn.imm = i64::from(id.0),
            // The program does without it: the kernel refuses the call only where it is reached.
            None if weak => insn.imm = 0,
            None => return Err(absent(program, name)),
        }
    }
    Ok(())
}

/// Whether the kernel takes maps by index (5.14): a program that only names one answers it. The map is the
/// question's own, because a program array belongs to the kind of the first program that names it.
fn has_fd_array() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let array = MapCreate {
            map_type: MapType::Array.0,
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            ..MapCreate::default()
        };
        // Where no map can be made nothing is known, and what comes after will say why.
        let Ok(map) = sys::map_create(&array) else { return true };
        let mut insns = Insn::map_idx(Reg::R1, 0).to_vec();
        insns.extend([Insn::mov_imm(Reg::R0, 0), Insn::exit()]);
        let insns = encode_all(&insns, NATIVE);
        let request = ProgLoad {
            prog_type: ProgType::SocketFilter.0,
            expected_attach_type: 0,
            flags: 0,
            attach_btf_id: 0,
            name: [0; sys::NAME_BYTES],
            insns: &insns,
            license: c"GPL",
            kern_version: 0,
            btf: None,
            funcs: &[],
            lines: &[],
            maps: &[map.as_raw_fd()],
        };
        let (result, _) = ask(&request, 0, &mut []);
        !matches!(result, Err(Errno::EINVAL | Errno::EBADF))
    })
}

/// One load, tried again when a signal interrupts the verifier.
fn ask(request: &ProgLoad<'_>, level: u32, log: &mut [u8]) -> (Result<OwnedFd, Errno>, u32) {
    let mut answer = sys::prog_load(request, level, log);
    for _ in 1..INTERRUPTED_MAX {
        match answer.0 {
            Err(Errno::EAGAIN) => answer = sys::prog_load(request, level, log),
            Err(Errno::EPERM) if machine::lift_memlock() => answer = sys::prog_load(request, level, log),
            _ => break,
        }
    }
    answer
}

/// Loads, and gives the log: statistics on success, everything when it was refused or is wanted.
fn load_with_log(mut request: ProgLoad<'_>, options: &LoadOptions) -> (Result<OwnedFd, Errno>, String) {
    let quiet = if options.log { log::LEVEL_ALL | log::LEVEL_STATS } else { log::LEVEL_STATS };
    let (result, text) = load_at(&request, quiet);
    let Err(errno) = result else { return (result, text) };
    // Refused before the verifier had a say: what the kernel does not know may be what the hook does without.
    if text.is_empty() && errno == Errno::EINVAL && OPTIONAL.contains(&request.expected_attach_type) {
        let without = load_at(&ProgLoad { expected_attach_type: 0, ..request }, quiet);
        if without.0.is_ok() {
            return without;
        }
    }
    let refused = load_at(&request, log::LEVEL_FAILURE);
    // Types that the verifier does not like the program to have: it looks at them before any instruction.
    if refused.0.is_err()
        && request.btf.is_some()
        && VerifierStats::of_log(&refused.1).insns.unwrap_or(0) == 0
    {
        request = ProgLoad { btf: None, funcs: &[], lines: &[], ..request };
        let bare = load_at(&request, quiet);
        if bare.0.is_ok() {
            return bare;
        }
    }
    refused
}

/// Loads with a log that grows until all of it fits.
fn load_at(request: &ProgLoad<'_>, level: u32) -> (Result<OwnedFd, Errno>, String) {
    let mut level = level;
    let mut bytes = log::BYTES_MIN;
    loop {
        let mut buffer = vec![0; bytes];
        let (result, wanted) = ask(request, level, &mut buffer);
        let full = matches!(result, Err(Errno::ENOSPC));
        let larger = match wanted as usize {
            0 => bytes.saturating_mul(4),
            wanted => wanted.max(bytes + 1),
        };
        let text = log::text(&buffer);
        if full && larger <= log::BYTES_MAX {
            bytes = larger;
        } else if matches!(result, Err(Errno::EINVAL)) && text.is_empty() && bytes > log::BYTES_MAX_OLD {
            // An older kernel, with a smaller limit: what it keeps is the best there is.
            bytes = log::BYTES_MAX_OLD;
        } else if matches!(result, Err(Errno::EINVAL)) && text.is_empty() && level == log::LEVEL_STATS {
            // Kernels before 5.2 have no such level.
            level = 0;
            let (result, _) = ask(request, level, &mut []);
            return (result, String::new());
        } else {
            return (result, text);
        }
    }
}

/// Why the kernel refused.
fn refusal(program: &Program, errno: Errno, log: String) -> HostError {
    if errno == Errno::EPERM && log.is_empty() {
        return HostError::Errno {
            what: format!("load program `{}`", program.name),
            errno,
            why: Some(machine::why_not_permitted(Some(program.prog_type))),
        };
    }
    let log = match unrelocated(program, &log) {
        Some(why) => format!("{log}\ninvalid CO-RE relocation: {why}\n"),
        None => log,
    };
    HostError::RefusedByKernel { program: program.name.clone(), errno, log }
}

/// Why an instruction could not be made to fit the kernel, if that is what the log ends with: the kernel only sees a call
/// of a function that does not exist.
fn unrelocated(program: &Program, log: &str) -> Option<String> {
    let poison = format!("unknown#{POISON}");
    let line = log.lines().find(|line| line.contains(&poison) && line.contains("call"))?;
    let insn: usize = line.trim().split(':').next()?.parse().ok()?;
    let relo = program.core_relos.iter().find(|relo| relo.insn == insn)?;
    Some(relo.failure.as_deref()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_isa::Reg;

    #[test]
    fn maps_by_index_become_maps_by_descriptor() {
        let insns = [Insn::map_idx(Reg::R1, 1), Insn::map_idx_value(Reg::R2, 0, 24)].concat();
        let expected =
            [Insn::wide(Wide::MapFd, Reg::R1, 8), Insn::wide(Wide::MapValue, Reg::R2, 24 << 32 | 5)];
        assert_eq!(by_descriptor(&insns, &[5, 8]), expected.concat());
        let plain = [Insn::mov_imm(Reg::R0, 1), Insn::exit()];
        assert_eq!(by_descriptor(&plain, &[5, 8]), plain);
    }
}
