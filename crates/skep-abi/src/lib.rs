//! What BPF programs can see of the place they run in, described once, as tables.
//!
//! - [`Errno`]: Linux's error numbers, by name;
//! - [`MapType`], [`MapDef`]: the kinds of map and what a map is made with;
//! - [`ProgType`]: the kinds of program, with the [`Context`] each receives;
//! - [`Function`]: what programs may call, helpers and functions of the kernel, with the kinds of its arguments and its
//!   effects; [`rows!`] describes an application's own;
//! - [`import`]: what Linux says of functions in its own notations, held against that;
//! - [`c_contexts`], [`c_functions`] and [`c_kernel_functions`]: all of it as C headers.
//!
//! Nothing here says how any of it is *done*: the verifier, the hosts and the documentation read these
//! tables, and none of them keeps a list of its own.
//!
//! ```
//! use skep_abi::{Errno, MapType};
//! assert_eq!(MapType::LruHash.name(), "lru_hash");
//! assert_eq!(Errno::E2BIG.name(), Some("E2BIG"));
//! ```
#![forbid(unsafe_code)]

mod context;
mod errno;
mod function;
mod header;
pub mod import;
mod map;
mod prog;
mod result;
mod section;

pub use context::{
    CGROUP_DEV_CTX, CONTEXTS, Context, FLOW_KEYS, Field, FieldError, FieldKind, LIRC_MODE2, NF_CTX,
    PERF_EVENT_DATA, PT_REGS, Parts, RAW_TRACEPOINT, RAW_TRACEPOINT_WRITABLE, SK_BUFF, SK_LOOKUP, SK_MSG_MD,
    SK_REUSEPORT_MD, SOCK, SOCK_ADDR, SOCK_OPS, SOCKOPT, SYSCALL, SYSCTL, SocketKind, TCP_SOCK, TRACEPOINT,
    Who, XDP_MD, XDP_SOCK,
};
pub use errno::Errno;
pub use function::{
    Access, Arg, Attach, Callback, CallbackArg, Dynptr, Effect, Function, FunctionTable, Graph, HELPERS,
    LockUse, MAX_OWN_FUNCTIONS, Place, Programs, Prototype, Ret, Runs, Step, TableError, kernel_functions,
    words,
};
pub use header::{c_contexts, c_declarations, c_functions, c_kernel_functions};
pub use map::{MapDef, MapFlags, MapType};
pub use prog::{AttachType, PacketAccess, ProgType};
pub use result::Returns;
pub use section::{SECTIONS, SectionKind, section_kind};
