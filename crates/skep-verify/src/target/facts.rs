//! What the kernel's types don't say of what programs are written for: which arguments may be null, which hooks are not
//! there, which results they have.
//! Source: `raw_tp_null_args` of kernel/bpf/btf.c, `bpf_lsm_disabled_hooks`, `untrusted_lsm_hooks`, `bool_lsm_hooks` of
//! kernel/bpf/bpf_lsm.c, `btf_id_deny` of kernel/bpf/verifier.c, and the iterators' `ctx_arg_info`, Linux 6.18.

use super::ERRORS;
use crate::value::Flags;

/// What an argument that is a pointer may be instead.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Pointer {
    /// Nothing else.
    Sure,
    /// Null.
    MaybeNull,
    /// An error number.
    MaybeError,
}

/// Tracepoints whose argument of this number may be null.
const NULL: &[(usize, &[&str])] = &[
    (
        0,
        &[
            "afs_protocol_error",
            "amdgpu_vm_bo_map",
            "amdgpu_vm_bo_unmap",
            "cachefiles_io_error",
            "cachefiles_lookup",
            "cachefiles_mark_active",
            "cachefiles_mark_failed",
            "cachefiles_mark_inactive",
            "cachefiles_ondemand_close",
            "cachefiles_ondemand_copen",
            "cachefiles_ondemand_cread",
            "cachefiles_ondemand_fd_release",
            "cachefiles_ondemand_fd_write",
            "cachefiles_ondemand_open",
            "cachefiles_ondemand_read",
            "cachefiles_prep_read",
            "cachefiles_rename",
            "cachefiles_unlink",
            "cachefiles_vfs_error",
            "mm_collapse_huge_page_isolate",
            "mm_page_alloc",
            "mm_page_alloc_zone_locked",
            "mm_page_pcpu_drain",
            "netfs_folioq",
            "rxrpc_client",
            "rxrpc_recvdata",
            "tcp_send_reset",
            "tmigr_update_events",
            "xfs_defer_add_item",
            "xfs_defer_cancel_item",
            "xfs_defer_cancel_list",
            "xfs_defer_create_intent",
            "xfs_defer_finish_item",
            "xfs_defer_isolate_paused",
            "xfs_defer_item_pause",
            "xfs_defer_item_unpause",
            "xfs_defer_pending_abort",
            "xfs_defer_pending_finish",
            "xfs_defer_relog_intent",
            "xs_stream_read_data",
        ],
    ),
    (
        1,
        &[
            "afs_flock_ev",
            "afs_make_fs_call",
            "afs_make_fs_call1",
            "afs_make_fs_call2",
            "afs_make_fs_calli",
            "break_lease_block",
            "break_lease_noblock",
            "break_lease_unblock",
            "device_pm_callback_start",
            "ext4_mballoc_discard",
            "ext4_mballoc_free",
            "fcntl_setlk",
            "flock_lock_inode",
            "folio_wait_writeback",
            "generic_delete_lease",
            "locks_remove_posix",
            "mm_khugepaged_collapse_file",
            "mm_khugepaged_scan_file",
            "mm_khugepaged_scan_pmd",
            "netfs_failure",
            "posix_lock_inode",
            "rxrpc_resend",
            "rxrpc_tq",
            "sched_pi_setprio",
            "tcp_send_reset",
            "time_out_leases",
            "writeback_dirty_folio",
            "xfs_blockgc_free_space",
            "xfs_ioc_free_eofblocks",
            "xprt_get_cong",
            "xprt_put_cong",
            "xprt_release_cong",
            "xprt_reserve_cong",
        ],
    ),
    (
        2,
        &[
            "fib_table_lookup",
            "sched_stick_numa",
            "sched_swap_numa",
            "tcp_sendmsg_locked",
            "tegra_dma_tx_status",
            "xfs_btree_overlapped_query_range",
            "xfs_btree_updkeys",
        ],
    ),
    (3, &["kfree_skb", "qdisc_dequeue"]),
    (4, &["host1x_cdma_push_gather"]),
];

/// Tracepoints whose argument of this number may be an error number.
const ERROR: &[(usize, &[&str])] = &[(2, &["cachefiles_lookup"]), (3, &["mr_integ_alloc"])];

/// What an argument of a tracepoint may be instead of a pointer.
pub(super) fn tracepoint_argument(name: &str, index: usize) -> Pointer {
    let name = name.strip_prefix("btf_trace_").unwrap_or(name);
    let listed =
        |list: &[(usize, &[&str])]| list.iter().any(|(i, names)| *i == index && names.contains(&name));
    match (listed(ERROR), listed(NULL)) {
        (true, _) => Pointer::MaybeError,
        (_, true) => Pointer::MaybeNull,
        _ => Pointer::Sure,
    }
}

/// The buffers that iterators give, by the argument's number, and how they may be used.
pub(super) fn iterator_buffer(name: &str, index: usize) -> Option<Flags> {
    match (name, index) {
        ("bpf_iter_bpf_map_elem" | "bpf_iter_sockmap", 2) => Some(Flags::READONLY),
        ("bpf_iter_bpf_map_elem" | "bpf_iter_bpf_sk_storage_map", 3) => Some(Flags::NONE),
        _ => None,
    }
}

/// Whether the iterator's argument is there at every step: the map that it walks over.
pub(super) fn iterator_map(name: &str, index: usize) -> bool {
    let over_map = ["bpf_iter_bpf_map_elem", "bpf_iter_bpf_sk_storage_map", "bpf_iter_sockmap"];
    index == 1 && over_map.contains(&name)
}

/// Whether the iterator walks over sockets, with their locks held.
pub(super) fn iterates_sockets(name: &str) -> bool {
    matches!(name, "bpf_iter_tcp" | "bpf_iter_unix")
}

/// Whether what the iterator gives is certainly there, if it is not null.
pub(super) fn iterator_trusts(name: &str) -> bool {
    matches!(
        name,
        "bpf_iter_task"
            | "bpf_iter_bpf_map"
            | "bpf_iter_cgroup"
            | "bpf_iter_tcp"
            | "bpf_iter_udp"
            | "bpf_iter_unix"
            | "bpf_iter_kmem_cache"
    )
}

/// Functions that no program may run at: programs' own bookkeeping calls them.
pub(super) const NOT_TRACED: &[&str] = &[
    "migrate_disable",
    "migrate_enable",
    "rcu_read_unlock_strict",
    "preempt_count_add",
    "preempt_count_sub",
    "__rcu_read_lock",
    "__rcu_read_unlock",
];

/// Hooks that are not for programs: they hand out what a program can't.
pub(super) const HOOKS_NOT_THERE: &[&str] = &[
    "bpf_lsm_vm_enough_memory",
    "bpf_lsm_inode_need_killpriv",
    "bpf_lsm_inode_getsecurity",
    "bpf_lsm_inode_listsecurity",
    "bpf_lsm_inode_copy_up_xattr",
    "bpf_lsm_getselfattr",
    "bpf_lsm_getprocattr",
    "bpf_lsm_setprocattr",
    "bpf_lsm_dentry_init_security",
    "bpf_lsm_xfrm_decode_session",
    "bpf_lsm_ismaclabel",
    "bpf_lsm_key_getsecurity",
    "bpf_lsm_audit_rule_match",
];

/// Hooks that run where their object is being made or freed.
pub(super) const HOOKS_AT_THE_END: &[&str] = &[
    "bpf_lsm_bpf_map_free",
    "bpf_lsm_bpf_prog_free",
    "bpf_lsm_file_alloc_security",
    "bpf_lsm_file_free_security",
    "bpf_lsm_sk_alloc_security",
    "bpf_lsm_sk_free_security",
    "bpf_lsm_task_free",
];

/// What a hook may return: an error number, or yes or no.
pub(super) fn hook_results(name: &str) -> (i32, i32) {
    match name {
        "bpf_lsm_audit_rule_known" | "bpf_lsm_inode_xattr_skipcap" => (0, 1),
        _ => ERRORS,
    }
}

/// Whether programs can't stand in for the member of a structure of functions.
pub(super) fn unsupported_member(structure: &str, member: &str, sleepable: bool) -> bool {
    match structure {
        "bpf_dummy_ops" => sleepable && member != "test_sleepable",
        "tcp_congestion_ops" => member == "get_info",
        _ => false,
    }
}
