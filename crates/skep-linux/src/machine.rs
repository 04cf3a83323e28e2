//! What the running machine is: its CPUs, its kernel's version, and why it says no to whom.
//!
//! Source: /sys/devices/system/cpu/possible, uname(2), capabilities(7).

use std::fs;

use skep_abi::{Errno, ProgType};

/// How many CPUs may ever exist: as many values as a per-CPU map copies in and out. `None` where the machine does
/// not tell, which is not the same as one: the kernel would write beyond the room for it.
pub(crate) fn possible_cpus() -> Option<u32> {
    count_of(fs::read_to_string("/sys/devices/system/cpu/possible").ok()?.trim())
}

/// How many numbers are in a list such as `0-3,7`.
fn count_of(list: &str) -> Option<u32> {
    let count = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        last.parse::<u32>().ok()?.checked_sub(first.parse().ok()?)?.checked_add(1)
    };
    list.split(',').try_fold(0u32, |sum, range| sum.checked_add(count(range)?))
}

/// The running kernel's version, major, minor and patch.
pub(crate) fn kernel_version() -> (u32, u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    version_of(&release)
}

fn version_of(release: &str) -> (u32, u32, u32) {
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

/// `KERNEL_VERSION(major, minor, patch)`, as old kernels want it to be told with probes.
pub(crate) fn version_code((major, minor, patch): (u32, u32, u32)) -> u32 {
    major << 16 | minor << 8 | patch.min(255)
}

/// Capabilities: number and name.
const CAPABILITIES: [(u32, &str); 4] =
    [(39, "CAP_BPF"), (12, "CAP_NET_ADMIN"), (38, "CAP_PERFMON"), (21, "CAP_SYS_ADMIN")];

/// Why the kernel may have said `EPERM`: what the process lacks, and what the machine forbids.
pub(crate) fn why_not_permitted(prog_type: Option<ProgType>) -> String {
    let effective = effective_capabilities();
    let has = |name: &str| {
        CAPABILITIES.iter().any(|&(number, known)| known == name && effective >> number & 1 == 1)
    };
    let mut needed = vec!["CAP_BPF"];
    match prog_type {
        Some(ProgType::Kprobe | ProgType::Tracepoint | ProgType::PerfEvent | ProgType::RawTracepoint) => {
            needed.push("CAP_PERFMON");
        }
        Some(ProgType::Tracing | ProgType::Lsm) => needed.push("CAP_PERFMON"),
        Some(ProgType::SocketFilter) | None => {}
        Some(_) => needed.push("CAP_NET_ADMIN"),
    }
    let missing: Vec<_> = needed.into_iter().filter(|name| !has(name) && !has("CAP_SYS_ADMIN")).collect();
    let setting = fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled").unwrap_or_default();
    let setting = match setting.trim() {
        "" => String::new(),
        value => format!("; kernel.unprivileged_bpf_disabled is {value}"),
    };
    if missing.is_empty() {
        return format!(
            "the process has the capabilities, but a security module, a lockdown or the kernel's build forbids it{setting}"
        );
    }
    format!("the process lacks {}{setting}", missing.join(" and "))
}

/// The effective set of the calling thread; empty where it can't be told.
fn effective_capabilities() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
}

/// Lifts the limit on locked memory, against which kernels before 5.11 count maps and programs. The whole
/// process has the limit, so this is only done when the kernel says no. Whether it changed anything.
pub(crate) fn lift_memlock() -> bool {
    let unlimited = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both point to a whole structure that outlives the calls.
    unsafe {
        libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut now) == 0
            && now.rlim_cur != libc::RLIM_INFINITY
            && libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const unlimited) == 0
    }
}

/// Tries again with more locked memory if there was not enough permission.
pub(crate) fn with_memlock<T>(mut ask: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    match ask() {
        Err(Errno::EPERM) if lift_memlock() => ask(),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cpus_is_counted() {
        assert_eq!(count_of("0"), Some(1));
        assert_eq!(count_of("0-3"), Some(4));
        assert_eq!(count_of("0,2-4,7"), Some(5));
        assert_eq!(count_of(""), None);
        assert_eq!(count_of("3-1"), None);
        assert_eq!(count_of("0-4294967295,1"), None);
    }

    #[test]
    fn a_release_is_three_numbers() {
        assert_eq!(version_of("6.18.44-fc-v657\n"), (6, 18, 44));
        assert_eq!(version_of("6.1.0-13-amd64"), (6, 1, 0));
        assert_eq!(version_of("7.0-rc1"), (7, 0, 0));
        assert_eq!(version_code((6, 18, 44)), 0x06122c);
        assert_eq!(version_code((4, 19, 300)), 0x0413ff);
    }
}
