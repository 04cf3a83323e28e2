//! The kernel's functions that programs may call by name (kfuncs): what a call does, and who may make it.
//!
//! What they take and return is not here: the prototypes in the kernel's types say that, with suffixes on the names of
//! parameters ([`suffix`]) for what C types can't.
//! Source: the `BTF_KFUNCS_START` sets of kernel/bpf, kernel/trace, net and fs, Linux 6.18; who may call them
//! measured on Linux 6.18.

use crate::{AttachType, ProgType};

/// What a call of a kernel function does, or needs: Linux's `KF_*`, and what its BTF says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KfuncFlag {
    /// It returns a reference that must be released.
    Acquire,
    /// It releases the reference that it is given.
    Release,
    /// It may return null.
    Nullable,
    /// Objects that it is given must be alive for certain.
    Trusted,
    /// It may sleep.
    Sleeps,
    /// It may bring the machine down.
    Destructive,
    /// Objects that it is given must be alive in an RCU section at least.
    Rcu,
    /// It is to be called in an RCU section, and what it returns lives as long as that.
    RcuProtected,
    /// It makes an iterator.
    IterNew,
    /// It gives an iterator's next element, and null after the last.
    IterNext,
    /// It ends an iterator.
    IterDestroy,
    /// It only looks: nothing that anybody else sees changes. Calls that are not said to do so may change anything.
    Reads,
    /// It leaves all registers but r0 as they were, where the compiler asked for that.
    Fastcall,
}

/// Who may call a kernel function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Programs of every kind.
    All,
    /// Programs of these kinds.
    Kinds(&'static [&'static [ProgType]]),
    /// Programs of this kind, attached so.
    Attached(ProgType, AttachType),
}

/// A kernel function that programs may call.
#[derive(Clone, Copy, Debug)]
pub struct Kfunc {
    /// Its name.
    pub name: &'static str,
    /// What a call does.
    pub flags: &'static [KfuncFlag],
    /// Who may call it.
    pub callers: Callers,
}

impl Kfunc {
    /// The kernel function with this name.
    pub fn by_name(name: &str) -> Option<&'static Kfunc> {
        KFUNCS.iter().find(|f| f.name == name)
    }

    /// Whether a call does this.
    pub fn has(&self, flag: KfuncFlag) -> bool {
        self.flags.contains(&flag)
    }

    /// Whether a program of this kind, attached so, may call it.
    pub fn callable_from(&self, prog_type: ProgType, attach_type: AttachType) -> bool {
        match self.callers {
            Callers::All => true,
            Callers::Kinds(lists) => lists.iter().any(|kinds| kinds.contains(&prog_type)),
            Callers::Attached(kind, attach) => kind == prog_type && attach == attach_type,
        }
    }
}

/// Suffixes of parameters' names, which say what a kernel function takes where its C type doesn't.
pub mod suffix {
    /// The size of the memory before it.
    pub const SIZE: &str = "__sz";
    /// The same, and a known constant.
    pub const CONST_SIZE: &str = "__szk";
    /// A known constant.
    pub const CONST: &str = "__k";
    /// Whatever it is.
    pub const IGNORED: &str = "__ign";
    /// A map.
    pub const MAP: &str = "__map";
    /// An object that the program allocated.
    pub const ALLOCATED: &str = "__alloc";
    /// Something that the call makes.
    pub const UNINITIALISED: &str = "__uninit";
    /// An object with a reference count in it.
    pub const REFCOUNTED: &str = "__refcounted_kptr";
    /// Maybe null.
    pub const NULLABLE: &str = "__nullable";
    /// Memory that may be null, whatever the size.
    pub const OPTIONAL: &str = "__opt";
    /// A string that is constant.
    pub const STRING: &str = "__str";
    /// The program itself, which the kernel puts in.
    pub const PROGRAM: &str = "__prog";
    /// Where interrupt flags are saved.
    pub const IRQ_FLAGS: &str = "__irq_flag";
    /// An iterator, for functions that neither make, step nor end it.
    pub const ITERATOR: &str = "__iter";
}

/// Programs that observe.
const TRACING: &[ProgType] = &[ProgType::Tracepoint, ProgType::PerfEvent, ProgType::Tracing, ProgType::Lsm];
const LSM: &[ProgType] = &[ProgType::Lsm];
/// Programs on control groups, and on the events of sockets in them.
const CGROUP: &[ProgType] = &[
    ProgType::CgroupSkb,
    ProgType::CgroupSock,
    ProgType::SockOps,
    ProgType::CgroupDevice,
    ProgType::CgroupSockAddr,
    ProgType::CgroupSysctl,
    ProgType::CgroupSockopt,
];
const LWT: &[ProgType] = &[ProgType::LwtIn, ProgType::LwtOut, ProgType::LwtXmit, ProgType::LwtSeg6local];
const SOCKET_FILTER: &[ProgType] = &[ProgType::SocketFilter];
const SCHED_CLS: &[ProgType] = &[ProgType::SchedCls];
const SCHED_ACT: &[ProgType] = &[ProgType::SchedAct];
const XDP: &[ProgType] = &[ProgType::Xdp];
const SYSCALL: &[ProgType] = &[ProgType::Syscall];
const STRUCT_OPS: &[ProgType] = &[ProgType::StructOps];
const SK_SKB: &[ProgType] = &[ProgType::SkSkb];
const NETFILTER: &[ProgType] = &[ProgType::Netfilter];

macro_rules! kfuncs {
    ($($callers:expr => { $($name:ident [$($flag:ident)*];)* })*) => {
        /// Every kernel function of Linux 6.18 that is built in.
        pub static KFUNCS: &[Kfunc] = &[$($(Kfunc {
            name: stringify!($name),
            flags: &[$(KfuncFlag::$flag),*],
            callers: $callers,
        },)*)*];
    };
}

kfuncs! {
    Callers::All => {
        __bpf_trap [];
        bpf_arena_alloc_pages [Sleeps Trusted];
        bpf_arena_free_pages [Sleeps Trusted];
        bpf_arena_reserve_pages [Trusted];
        bpf_cast_to_kern_ctx [Fastcall Reads];
        bpf_cgroup_read_xattr [Rcu Reads];
        bpf_copy_from_user_dynptr [Sleeps Reads];
        bpf_copy_from_user_str [Sleeps Reads];
        bpf_copy_from_user_str_dynptr [Sleeps Reads];
        bpf_copy_from_user_task_dynptr [Sleeps Trusted Reads];
        bpf_copy_from_user_task_str [Sleeps Reads];
        bpf_copy_from_user_task_str_dynptr [Sleeps Trusted Reads];
        bpf_dynptr_adjust [Reads];
        bpf_dynptr_clone [Reads];
        bpf_dynptr_copy [];
        bpf_dynptr_is_null [Reads];
        bpf_dynptr_is_rdonly [Reads];
        bpf_dynptr_memset [];
        bpf_dynptr_size [Reads];
        bpf_dynptr_slice [Nullable Reads];
        bpf_dynptr_slice_rdwr [Nullable];
        bpf_get_kmem_cache [Nullable Reads];
        bpf_iter_bits_destroy [IterDestroy Reads];
        bpf_iter_bits_new [IterNew Reads];
        bpf_iter_bits_next [IterNext Nullable Reads];
        bpf_iter_css_destroy [IterDestroy Reads];
        bpf_iter_css_new [IterNew RcuProtected Trusted Reads];
        bpf_iter_css_next [IterNext Nullable Reads];
        bpf_iter_css_task_destroy [IterDestroy Reads];
        bpf_iter_css_task_new [IterNew Trusted Reads];
        bpf_iter_css_task_next [IterNext Nullable Reads];
        bpf_iter_dmabuf_destroy [IterDestroy Sleeps Reads];
        bpf_iter_dmabuf_new [IterNew Sleeps Reads];
        bpf_iter_dmabuf_next [IterNext Nullable Sleeps Reads];
        bpf_iter_kmem_cache_destroy [IterDestroy Sleeps Reads];
        bpf_iter_kmem_cache_new [IterNew Sleeps Reads];
        bpf_iter_kmem_cache_next [IterNext Nullable Sleeps Reads];
        bpf_iter_num_destroy [IterDestroy Reads];
        bpf_iter_num_new [IterNew Reads];
        bpf_iter_num_next [IterNext Nullable Reads];
        bpf_iter_task_destroy [IterDestroy Reads];
        bpf_iter_task_new [IterNew RcuProtected Trusted Reads];
        bpf_iter_task_next [IterNext Nullable Reads];
        bpf_iter_task_vma_destroy [IterDestroy Reads];
        bpf_iter_task_vma_new [IterNew Rcu Reads];
        bpf_iter_task_vma_next [IterNext Nullable Reads];
        bpf_local_irq_restore [];
        bpf_local_irq_save [];
        bpf_map_sum_elem_count [Trusted Reads];
        bpf_modify_return_test_tp [];
        bpf_preempt_disable [Reads];
        bpf_preempt_enable [Reads];
        bpf_probe_read_kernel_dynptr [Reads];
        bpf_probe_read_kernel_str_dynptr [Reads];
        bpf_probe_read_user_dynptr [Reads];
        bpf_probe_read_user_str_dynptr [Reads];
        bpf_rcu_read_lock [Reads];
        bpf_rcu_read_unlock [Reads];
        bpf_rdonly_cast [Fastcall Reads];
        bpf_res_spin_lock [Nullable];
        bpf_res_spin_lock_irqsave [Nullable];
        bpf_res_spin_unlock [];
        bpf_res_spin_unlock_irqrestore [];
        bpf_strcasecmp [Reads];
        bpf_strchr [Reads];
        bpf_strchrnul [Reads];
        bpf_strcmp [Reads];
        bpf_strcspn [Reads];
        bpf_stream_vprintk_impl [Trusted];
        bpf_strlen [Reads];
        bpf_strnchr [Reads];
        bpf_strnlen [Reads];
        bpf_strnstr [Reads];
        bpf_strrchr [Reads];
        bpf_strspn [Reads];
        bpf_strstr [Reads];
        bpf_task_work_schedule_resume_impl [Trusted];
        bpf_task_work_schedule_signal_impl [Trusted];
        bpf_wq_init [];
        bpf_wq_set_callback_impl [];
        bpf_wq_start [];
        bpf_xdp_metadata_rx_hash [Trusted Reads];
        bpf_xdp_metadata_rx_timestamp [Trusted Reads];
        bpf_xdp_metadata_rx_vlan_tag [Trusted Reads];
    }
    Callers::Kinds(&[STRUCT_OPS]) => {
        bbr_cwnd_event [];
        bbr_init [];
        bbr_main [];
        bbr_min_tso_segs [];
        bbr_set_state [];
        bbr_sndbuf_expand [];
        bbr_ssthresh [];
        bbr_undo_cwnd [];
        cubictcp_acked [];
        cubictcp_cong_avoid [];
        cubictcp_cwnd_event [];
        cubictcp_init [];
        cubictcp_recalc_ssthresh [];
        cubictcp_state [];
        tcp_cong_avoid_ai [];
        tcp_reno_cong_avoid [];
        tcp_reno_ssthresh [];
        tcp_reno_undo_cwnd [];
        tcp_slow_start [];
    }
    Callers::Kinds(&[TRACING, CGROUP, SCHED_CLS, XDP, SYSCALL, STRUCT_OPS]) => {
        bpf_cgroup_acquire [Acquire Rcu Nullable];
        bpf_cgroup_ancestor [Acquire Rcu Nullable];
        bpf_cgroup_from_id [Acquire Nullable];
        bpf_cgroup_release [Release];
        bpf_key_put [Release];
        bpf_list_back [Nullable];
        bpf_list_front [Nullable];
        bpf_list_pop_back [Acquire Nullable];
        bpf_list_pop_front [Acquire Nullable];
        bpf_list_push_back_impl [];
        bpf_list_push_front_impl [];
        bpf_lookup_system_key [Acquire Nullable];
        bpf_lookup_user_key [Acquire Nullable Sleeps];
        bpf_obj_drop_impl [Release];
        bpf_obj_new_impl [Acquire Nullable];
        bpf_percpu_obj_drop_impl [Release];
        bpf_percpu_obj_new_impl [Acquire Nullable];
        bpf_rbtree_add_impl [];
        bpf_rbtree_first [Nullable];
        bpf_rbtree_left [Nullable];
        bpf_rbtree_remove [Acquire Nullable];
        bpf_rbtree_right [Nullable];
        bpf_rbtree_root [Nullable];
        bpf_refcount_acquire_impl [Acquire Rcu Nullable];
        bpf_send_signal_task [Trusted];
        bpf_task_acquire [Acquire Rcu Nullable];
        bpf_task_from_pid [Acquire Nullable];
        bpf_task_from_vpid [Acquire Nullable];
        bpf_task_get_cgroup1 [Acquire Rcu Nullable];
        bpf_task_release [Release];
        bpf_task_under_cgroup [Rcu];
        bpf_throw [];
    }
    Callers::Kinds(&[TRACING, SYSCALL, STRUCT_OPS]) => {
        bpf_cpumask_acquire [Acquire Trusted];
        bpf_cpumask_and [Rcu];
        bpf_cpumask_any_and_distribute [Rcu];
        bpf_cpumask_any_distribute [Rcu];
        bpf_cpumask_clear [Rcu];
        bpf_cpumask_clear_cpu [Rcu];
        bpf_cpumask_copy [Rcu];
        bpf_cpumask_create [Acquire Nullable];
        bpf_cpumask_empty [Rcu];
        bpf_cpumask_equal [Rcu];
        bpf_cpumask_first [Rcu];
        bpf_cpumask_first_and [Rcu];
        bpf_cpumask_first_zero [Rcu];
        bpf_cpumask_full [Rcu];
        bpf_cpumask_intersects [Rcu];
        bpf_cpumask_or [Rcu];
        bpf_cpumask_populate [Rcu];
        bpf_cpumask_release [Release];
        bpf_cpumask_set_cpu [Rcu];
        bpf_cpumask_setall [Rcu];
        bpf_cpumask_subset [Rcu];
        bpf_cpumask_test_and_clear_cpu [Rcu];
        bpf_cpumask_test_and_set_cpu [Rcu];
        bpf_cpumask_test_cpu [Rcu];
        bpf_cpumask_weight [Rcu];
        bpf_cpumask_xor [Rcu];
    }
    Callers::Kinds(&[SYSCALL]) => {
        bpf_crypto_ctx_acquire [Acquire Rcu Nullable];
        bpf_crypto_ctx_create [Acquire Nullable Sleeps];
        bpf_crypto_ctx_release [Release];
    }
    Callers::Kinds(&[SCHED_CLS, SCHED_ACT, XDP]) => {
        bpf_crypto_decrypt [Rcu];
        bpf_crypto_encrypt [Rcu];
    }
    Callers::Kinds(&[SCHED_CLS, XDP]) => {
        bpf_ct_change_status [Trusted];
        bpf_ct_change_timeout [Trusted];
        bpf_ct_insert_entry [Acquire Release Nullable];
        bpf_ct_release [Release];
        bpf_ct_set_nat_info [Trusted];
        bpf_ct_set_status [Trusted];
        bpf_ct_set_timeout [Trusted];
        bpf_skb_ct_alloc [Acquire Nullable];
        bpf_skb_ct_lookup [Acquire Nullable];
        bpf_xdp_ct_alloc [Acquire Nullable];
        bpf_xdp_ct_lookup [Acquire Nullable];
    }
    Callers::Kinds(&[TRACING, CGROUP, LWT, SOCKET_FILTER, SCHED_CLS, SCHED_ACT, SK_SKB, NETFILTER]) => {
        bpf_dynptr_from_skb [Trusted];
    }
    Callers::Kinds(&[SCHED_CLS, SCHED_ACT]) => {
        bpf_dynptr_from_skb_meta [Trusted];
    }
    Callers::Kinds(&[XDP]) => {
        bpf_dynptr_from_xdp [];
        bpf_xdp_get_xfrm_state [Acquire Nullable];
        bpf_xdp_pull_data [];
        bpf_xdp_xfrm_state_release [Release];
    }
    // Only tracing programs attach to them.
    Callers::Kinds(&[]) => {
        bpf_fentry_test1 [Sleeps];
        bpf_modify_return_test [];
        bpf_modify_return_test2 [];
    }
    Callers::Kinds(&[LSM]) => {
        bpf_get_dentry_xattr [Sleeps Trusted];
        bpf_get_file_xattr [Sleeps Trusted];
        bpf_get_task_exe_file [Acquire Nullable Trusted];
        bpf_path_d_path [Trusted];
        bpf_put_file [Release];
        bpf_remove_dentry_xattr [Sleeps Trusted];
        bpf_set_dentry_xattr [Sleeps Trusted];
    }
    Callers::Kinds(&[TRACING, SCHED_CLS, SYSCALL]) => {
        bpf_kfunc_call_memb_release [Release];
        bpf_kfunc_call_test_release [Release];
    }
    Callers::Attached(ProgType::Kprobe, AttachType::TRACE_KPROBE_SESSION) => {
        bpf_session_cookie [];
        bpf_session_is_return [];
    }
    Callers::Kinds(&[SCHED_CLS]) => {
        bpf_sk_assign_tcp_reqsk [Trusted];
    }
    Callers::Kinds(&[CGROUP]) => {
        bpf_sock_addr_set_sun_path [];
        bpf_sock_ops_enable_tx_tstamp [Trusted];
    }
    Callers::Attached(ProgType::Tracing, AttachType::TRACE_ITER) => {
        bpf_sock_destroy [Trusted];
    }
    Callers::Kinds(&[TRACING]) => {
        css_rstat_flush [Sleeps];
        css_rstat_updated [];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_iterators_are_whole() {
        for (index, f) in KFUNCS.iter().enumerate() {
            assert!(KFUNCS[..index].iter().all(|other| other.name != f.name), "{}", f.name);
            if let Some(iterator) = f.name.strip_suffix("_new").filter(|_| f.has(KfuncFlag::IterNew)) {
                let next = Kfunc::by_name(&format!("{iterator}_next")).expect("a next");
                let destroy = Kfunc::by_name(&format!("{iterator}_destroy")).expect("a destroy");
                assert!(next.has(KfuncFlag::IterNext) && next.has(KfuncFlag::Nullable));
                assert!(destroy.has(KfuncFlag::IterDestroy));
            }
        }
    }
}
