//! What a call is subject to beyond its arguments: where it may sleep, and what single functions ask of the program.
//! Source: `check_helper_call`, `check_get_func_ip` of kernel/bpf/verifier.c; `bpf_d_path_allowed` of
//! kernel/trace/bpf_trace.c; `bpf_sk_storage_tracing_allowed` of net/core/bpf_sk_storage.c, Linux 6.18.

use skep_abi::{AttachType, Effect, Function, ProgType};
use skep_isa::Reg;
use skep_obj::ProgFlags;

use crate::error::Reason;
use crate::explore::Explorer;
use crate::state::State;

/// Programs that find a function's arguments in their context.
const TRAMPOLINES: &[AttachType] =
    &[AttachType::TRACE_FENTRY, AttachType::TRACE_FEXIT, AttachType::MODIFY_RETURN];

/// Functions of the kernel that have a path of which nothing is locked.
const D_PATH: &[&str] = &[
    "security_file_permission",
    "security_inode_getattr",
    "security_file_open",
    "security_path_truncate",
    "vfs_truncate",
    "vfs_fallocate",
    "dentry_open",
    "vfs_getattr",
    "filp_close",
];

impl Explorer<'_> {
    /// Whether the program may sleep at all.
    pub(crate) fn is_sleepable(&self) -> bool {
        self.program.flags.contains(ProgFlags::SLEEPABLE)
    }

    /// Checks what a function asks of the program and of where the path is.
    pub(super) fn allows_call(&self, function: &Function, state: &State) -> Result<(), Reason> {
        let refuse = |why: &str| {
            let what = format!("{}: {why}", function.name);
            Err(Reason::Forbidden { register: 0, what })
        };
        if function.has(Effect::Sleeps) {
            if !state.sections.sleepable {
                return refuse("helper call might sleep in a non-sleepable prog");
            }
            if state.sections.rcu {
                return refuse("sleepable helper in rcu_read_lock region");
            }
        }
        let (prog_type, attach_type) = (self.program.prog_type, self.program.attach_type);
        let attach_to = self.program.attach_to.as_deref().unwrap_or_default();
        match function.name {
            "bpf_get_func_ip" => {
                let known = match prog_type {
                    ProgType::Kprobe => true,
                    ProgType::Tracing => TRAMPOLINES.contains(&attach_type),
                    _ => false,
                };
                if !known {
                    return refuse("supported only for fentry/fexit/fmod_ret and kprobe programs");
                }
            }
            "bpf_d_path"
                if prog_type == ProgType::Tracing
                    && attach_type != AttachType::TRACE_ITER
                    && !D_PATH.contains(&attach_to) =>
            {
                return refuse("helper call is not allowed in probe: what it traces may hold locks");
            }
            "bpf_sk_storage_get" | "bpf_sk_storage_delete" if prog_type == ProgType::Tracing => {
                let allowed = match attach_type {
                    AttachType::TRACE_ITER | AttachType::TRACE_RAW_TP => true,
                    // A storage's own functions hold its lock.
                    AttachType::TRACE_FENTRY | AttachType::TRACE_FEXIT => {
                        !attach_to.starts_with("bpf_sk_storage")
                    }
                    _ => false,
                };
                if !allowed {
                    return refuse("helper call is not allowed in probe");
                }
            }
            "bpf_get_local_storage" if !state.reg(Reg::R2).is_null_constant() => {
                return refuse("get_local_storage() doesn't support non-zero flags");
            }
            _ => {}
        }
        Ok(())
    }
}
