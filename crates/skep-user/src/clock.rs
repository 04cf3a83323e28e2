//! The virtual clock: time that passes only when it is looked at, so that every run of a program sees the same.
//!
//! It starts at [`CLOCK_START_NS`] after boot and goes on by [`CLOCK_STEP_NS`] each time a program reads it. A host
//! may set it. Nothing is ever suspended, so time since boot is one; the wall clock started at [`WALL_AT_BOOT_NS`].
//! Source of what programs see: kernel/time/timekeeping.c and jiffies.c, Linux 6.18.

/// What the clock shows at first, in nanoseconds since boot.
pub const CLOCK_START_NS: u64 = 1_000_000_000;
/// By how much each reading moves it on, in nanoseconds: about what a reading takes on a real machine.
pub const CLOCK_STEP_NS: u64 = 50;
/// Ticks a second (`CONFIG_HZ` of most distributions' kernels).
pub const TICKS_PER_SECOND: u64 = 250;
/// The wall clock at boot, in nanoseconds since 1970 without leap seconds: 2026-01-01.
pub const WALL_AT_BOOT_NS: u64 = 1_767_225_600_000_000_000;
/// How far International Atomic Time is ahead of the wall clock, in nanoseconds.
pub const TAI_OFFSET_NS: u64 = 37_000_000_000;

/// Nanoseconds between two ticks.
const TICK_NS: u64 = 1_000_000_000 / TICKS_PER_SECOND;
/// The tick count at boot: five minutes before it wraps around in 32 bits (`INITIAL_JIFFIES`).
const TICKS_AT_BOOT: u64 = (1 << 32) - 300 * TICKS_PER_SECOND;

/// The clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    now_ns: u64,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock { now_ns: CLOCK_START_NS }
    }
}

impl Clock {
    /// Sets it, in nanoseconds since boot.
    pub(crate) fn set(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
    }

    /// Nanoseconds since boot, without moving the clock.
    pub(crate) fn now(self) -> u64 {
        self.now_ns
    }

    /// Nanoseconds since boot, as a program reads it (`bpf_ktime_get_ns`).
    pub(crate) fn read(&mut self) -> u64 {
        let now = self.now_ns;
        self.now_ns = now.wrapping_add(CLOCK_STEP_NS);
        now
    }

    /// Nanoseconds since boot at the last tick (`bpf_ktime_get_coarse_ns`).
    pub(crate) fn read_coarse(&mut self) -> u64 {
        let now = self.read();
        now - now % TICK_NS
    }

    /// Nanoseconds of International Atomic Time (`bpf_ktime_get_tai_ns`).
    pub(crate) fn read_tai(&mut self) -> u64 {
        self.read().wrapping_add(WALL_AT_BOOT_NS + TAI_OFFSET_NS)
    }

    /// The tick count (`bpf_jiffies64`).
    pub(crate) fn ticks(self) -> u64 {
        TICKS_AT_BOOT + self.now_ns / TICK_NS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_by_a_step_a_reading() {
        let mut clock = Clock::default();
        assert_eq!(clock.read(), CLOCK_START_NS);
        assert_eq!(clock.read(), CLOCK_START_NS + CLOCK_STEP_NS);
        clock.set(7_000_000);
        assert_eq!(clock.read_coarse(), 4_000_000);
        assert_eq!(clock.now(), 7_000_000 + CLOCK_STEP_NS);
    }

    #[test]
    fn ticks_follow_the_time() {
        let mut clock = Clock::default();
        let before = clock.ticks();
        clock.set(CLOCK_START_NS + 1_000_000_000);
        assert_eq!(clock.ticks(), before + TICKS_PER_SECOND);
        clock.set(u64::MAX);
        assert!(clock.ticks() > before);
        clock.read_tai();
        clock.read_coarse();
    }
}
