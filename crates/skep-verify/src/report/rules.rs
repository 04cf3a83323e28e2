//! The rules that programs break: a stable name each, whose fault a break of it usually is, and how it is recognised.
//!
//! A refusal's rule is found by its words, Linux's or ours: ours have Linux's well-known words in them, so that one
//! table serves both. Only a few of our own reasons say less than their variant does, and name their rule themselves.
//! Source: the messages of kernel/bpf/verifier.c, Linux 6.18.

use std::fmt;

use crate::error::Reason;

/// Whose fault it usually is that a rule is broken, and so where to look for a remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The source does something that is not allowed, or does not make sure of what it relies on.
    SourceBug,
    /// The source is right, and the compiler made instructions of it that can't be followed.
    CompilerArtefact,
    /// It may be right, and is beyond what can be proved.
    VerifierLimit,
    /// This kernel, this kind of program or this way of loading it does not have what it needs.
    Environment,
}

impl Class {
    /// A word for programs to read: `source_bug`, `compiler_artefact`, `verifier_limit`, `environment`.
    pub const fn name(self) -> &'static str {
        match self {
            Class::SourceBug => "source_bug",
            Class::CompilerArtefact => "compiler_artefact",
            Class::VerifierLimit => "verifier_limit",
            Class::Environment => "environment",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::SourceBug => "a mistake in the source",
            Class::CompilerArtefact => "what the compiler made of the source",
            Class::VerifierLimit => "a limit of the verifier",
            Class::Environment => "the kernel or kind of program",
        })
    }
}

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, which does not change: `packet-bounds`.
    pub name: &'static str,
    /// Whose fault it usually is.
    pub class: Class,
    /// The rule in one sentence.
    pub title: &'static str,
}

impl Rule {
    /// The rule of this name.
    pub fn by_name(name: &str) -> Option<&'static Rule> {
        RULES.iter().find(|rule| rule.name == name)
    }

    /// The rule that a message is about, ours or Linux's; none if it is not one of a verifier.
    pub fn of_message(message: &str) -> Option<&'static Rule> {
        let (_, name) =
            WORDS.iter().find(|(words, _)| words.split('…').all(|part| message.contains(part)))?;
        Rule::by_name(name)
    }
}

impl Reason {
    /// The rule that is broken.
    pub fn rule(&self) -> &'static Rule {
        let name = match self {
            Reason::BadLayout { .. } => "bad-layout",
            Reason::BadOperand { .. } | Reason::Undecodable { .. } => "bad-instruction",
            Reason::Unsupported { .. } | Reason::NoKernelTypes => "unsupported",
            Reason::Later { .. } => "linux-version",
            Reason::Unrelocated { .. } => "kernel-type-missing",
            Reason::MaybeNull { .. } => "null-check",
            Reason::NotAPointer { .. } => "not-a-pointer",
            Reason::NegativeOffset { .. } => "negative-index",
            Reason::UnboundedOffset { .. } => "unbounded-index",
            Reason::OutOfBounds { kind: "pkt" | "pkt_meta", .. } => "packet-bounds",
            Reason::OutOfBounds { kind: "map_value", .. } => "map-value-bounds",
            Reason::OutOfBounds { .. } => "memory-bounds",
            Reason::StackOutOfBounds { .. } => "stack-bounds",
            Reason::Context { .. } => "context-access",
            Reason::ModifiedPointer { .. } => "modified-pointer",
            Reason::Unreleased { .. } => "leaked-reference",
            _ => return Rule::of_message(&self.to_string()).unwrap_or(&RULES[FORBIDDEN]),
        };
        Rule::by_name(name).unwrap_or(&RULES[FORBIDDEN])
    }
}

/// The rule of whatever has no better one.
const FORBIDDEN: usize = 0;

const fn rule(name: &'static str, class: Class, title: &'static str) -> Rule {
    Rule { name, class, title }
}

use Class::{CompilerArtefact as Compiler, Environment, SourceBug as Bug, VerifierLimit as Limit};

/// Every rule.
pub static RULES: &[Rule] = &[
    rule("forbidden-access", Bug, "memory is used only in the ways that its kind allows"),
    rule(
        "argument-size",
        Bug,
        "a length given to a function has a bound, is not negative, and not zero where that is not allowed",
    ),
    rule("argument-type", Bug, "an argument is what the function takes"),
    rule(
        "atomic-access",
        Bug,
        "atomic operations are for memory that is shared, not for contexts, packets and objects",
    ),
    rule("bad-instruction", Bug, "every slot is an instruction that exists, with operands that it can have"),
    rule(
        "bad-jump",
        Bug,
        "jumps and calls lead to instructions of the program, and jumps stay in their function",
    ),
    rule("bad-layout", Bug, "functions divide the instructions among them"),
    rule("call-depth", Limit, "no more functions call each other than there may be frames"),
    rule("callback", Bug, "what a callback may do and return is restricted"),
    rule("constant-argument", Bug, "some arguments and offsets must be constants"),
    rule(
        "context-access",
        Bug,
        "only the fields of the context that this kind of program has are accessed, each in its size",
    ),
    rule("dynptr-state", Bug, "a dynptr is made, used and released in that order, and not touched otherwise"),
    rule(
        "exception",
        Bug,
        "exceptions are thrown where nothing is held, and caught by a function of the right shape",
    ),
    rule("frame-pointer-write", Bug, "the frame pointer r10 is not written"),
    rule(
        "function-arguments",
        Bug,
        "a global function is called with what its types say, and is judged by them alone",
    ),
    rule(
        "function-not-allowed",
        Environment,
        "a function is called only from the kinds of program that have it",
    ),
    rule("gpl-only", Environment, "some functions are for programs under a licence compatible with the GPL"),
    rule("infinite-loop", Bug, "every loop comes to an end"),
    rule("iterator-state", Bug, "an iterator is made, asked and destroyed in that order"),
    rule(
        "kernel-pointer",
        Bug,
        "pointers of the kernel in map values are loaded and stored whole, and exchanged by function",
    ),
    rule(
        "kernel-type-missing",
        Environment,
        "types and fields that the program asks the kernel for are there, or it tests whether they are",
    ),
    rule("leaked-reference", Bug, "what was acquired is released on every path"),
    rule("linux-version", Environment, "the program needs only what the Linux that it is judged for has"),
    rule("list-or-tree", Bug, "nodes, lists and trees go together as their types say"),
    rule(
        "locked-section",
        Bug,
        "sections that lock, or disable preemption or interrupts, are left as they were entered, and kept simple",
    ),
    rule("map-kind", Bug, "a function is given a kind of map that it works on"),
    rule("map-value-bounds", Bug, "accesses to a map's value stay within its size"),
    rule("memory-bounds", Bug, "accesses to memory stay within its size"),
    rule("misaligned-access", Compiler, "accesses to the stack and to contexts are aligned to their size"),
    rule("missing-exit", Bug, "every function ends in an exit or a jump"),
    rule("mixed-pointers", Compiler, "one instruction accesses one kind of memory on all paths"),
    rule("modified-pointer", Bug, "pointers to contexts and objects are used as they were received"),
    rule("negative-index", Bug, "an index is not negative"),
    rule("not-a-pointer", Bug, "memory is accessed only through pointers"),
    rule("null-check", Bug, "a pointer that may be null is compared with null before it is used"),
    rule(
        "object-access",
        Bug,
        "objects of the kernel are accessed by the fields of their type, and written only where that is allowed",
    ),
    rule("object-type", Bug, "an object is of the type that the function takes"),
    rule("packet-bounds", Bug, "an access to the packet lies within what was compared with its end"),
    rule("partial-pointer", Bug, "a pointer on the stack is stored and loaded whole"),
    rule("pointer-arithmetic", Bug, "pointers are moved only by adding and subtracting bounded numbers"),
    rule(
        "pointer-leak",
        Environment,
        "without CAP_PERFMON, pointers do not become numbers that the program can see",
    ),
    rule("program-type", Environment, "the kind of program, and what it attaches to, exist and go together"),
    rule("recursion", Bug, "no function calls itself"),
    rule("reference-state", Bug, "what is released, or must stay alive, is a pointer that was acquired"),
    rule("return-value", Bug, "a program returns a value that its kind may return"),
    rule("sleeping", Bug, "functions that may sleep are called only where that is possible"),
    rule(
        "speculation",
        Environment,
        "without CAP_PERFMON, what is not safe when branches are mispredicted is refused",
    ),
    rule("stack-bounds", Bug, "accesses to the stack stay within the frame's 512 bytes"),
    rule("stack-pointer-escape", Bug, "a pointer into a frame does not outlive it"),
    rule("stack-size", Limit, "the frames of a chain of calls fit on the stack together"),
    rule("too-complex", Limit, "all paths together are short enough to be looked at"),
    rule("types", Environment, "the program's types are there, and say what the kernel needs to know"),
    rule("unbounded-index", Bug, "an index has an upper bound"),
    rule("uninit-register", Bug, "a register is read only after it was written"),
    rule("uninit-stack", Bug, "the stack is read only where it was written"),
    rule(
        "unknown-function",
        Environment,
        "functions and variables that the program names exist in this kernel",
    ),
    rule("unreachable-code", Compiler, "every instruction is reached by some path"),
    rule("unsupported", Environment, "the program needs only what this verifier knows"),
];

/// Words of messages, `…` standing for anything, and the rule they are about. The first row that fits counts.
static WORDS: &[(&str, &str)] = &[
    ("invalid CO-RE relocation", "kernel-type-missing"),
    ("unknown#195896080", "kernel-type-missing"),
    // What is said of more than one kind of thing comes first, by what tells them apart.
    ("would lead to reference leak", "leaked-reference"),
    ("Unreleased reference", "leaked-reference"),
    ("unreleased reference", "leaked-reference"),
    ("null-check it first", "null-check"),
    ("_or_null'", "null-check"),
    ("Possibly NULL pointer passed", "null-check"),
    ("NULL pointer passed", "null-check"),
    ("_or_null expected=", "null-check"),
    ("_or_null_ expected=", "null-check"),
    ("may be null here", "null-check"),
    ("invalid mem access", "not-a-pointer"),
    ("!read_ok", "uninit-register"),
    ("is invalid, expected r0 to r10", "bad-instruction"),
    ("prohibited for !root", "speculation"),
    ("must name what of the kernel", "program-type"),
    ("the kernel has no function", "unknown-function"),
    ("has to have BTF", "types"),
    ("expected=pointer to STRUCT", "object-type"),
    ("type=ptr_…expected=ptr_, trusted_ptr_", "object-type"),
    ("type=trusted_ptr_…expected=ptr_, trusted_ptr_", "object-type"),
    // Sections.
    ("-ed region", "locked-section"),
    ("bpf_spin_lock at off=", "locked-section"),
    ("bpf_spin_unlock", "locked-section"),
    ("bpf_res_spin_", "locked-section"),
    ("while holding a lock", "locked-section"),
    ("holding a lock", "locked-section"),
    ("valid bpf_spin_lock", "locked-section"),
    ("tracing progs cannot use bpf_", "function-not-allowed"),
    ("struct bpf_spin_lock' that is at", "locked-section"),
    ("access to bpf_spin_lock", "locked-section"),
    ("bpf_spin_lock cannot be accessed", "locked-section"),
    ("bpf_preempt", "locked-section"),
    ("rcu_read_unlock", "locked-section"),
    ("irq", "locked-section"),
    // Callbacks and exceptions.
    ("insn…cannot call exception cb", "exception"),
    ("in rbtree cb", "callback"),
    ("cannot be called from callback", "exception"),
    ("exception c", "exception"),
    ("exception_cb", "exception"),
    ("bpf_throw", "exception"),
    ("callback return", "return-value"),
    ("callback", "callback"),
    // Calls.
    ("invalid bpf_context access", "context-access"),
    ("GPL", "gpl-only"),
    ("invalid func unknown", "unknown-function"),
    ("unknown func", "unknown-function"),
    ("failed to find the address for kernel symbol", "unknown-function"),
    ("invalid kernel function call", "unknown-function"),
    ("program of this type cannot use helper", "function-not-allowed"),
    ("cannot use helper", "function-not-allowed"),
    ("calling kernel function…is not allowed", "function-not-allowed"),
    ("metadata kfuncs require", "function-not-allowed"),
    ("might sleep", "sleeping"),
    ("can be sleepable", "sleeping"),
    ("sleepable", "sleeping"),
    ("the prog does not allow writes to packet data", "function-not-allowed"),
    ("Caller passes invalid args", "function-arguments"),
    ("Global function", "function-arguments"),
    ("use static function instead", "function-arguments"),
    ("pointer type STRUCT", "argument-type"),
    ("type=a map of kind", "map-kind"),
    ("cannot pass map_type", "map-kind"),
    ("expected prog array map", "map-kind"),
    ("does not point to a readonly map", "map-kind"),
    ("is not pointing to valid bpf_map", "types"),
    ("get_local_storage()", "argument-type"),
    ("string is not zero-terminated", "argument-type"),
    ("helper access to the packet", "argument-type"),
    ("invalid zero-sized read", "argument-size"),
    ("memory, len pair leads to invalid memory access", "argument-size"),
    ("unbounded memory access, use 'var", "argument-size"),
    ("unbounded memory access, use '", "argument-size"),
    ("either use unsigned or '", "argument-size"),
    ("expected=a known constant", "constant-argument"),
    ("must be a known constant", "constant-argument"),
    ("have constant offset", "constant-argument"),
    ("type ID argument", "types"),
    ("dynptr_ptr ptr", "modified-pointer"),
    ("Unsupported reg type", "argument-type"),
    ("write into memory pointed by", "argument-type"),
    ("ringbuf_mem", "argument-type"),
    ("expected=fp, dynptr_ptr", "dynptr-state"),
    ("bpf_dynptr", "dynptr-state"),
    ("dynptr", "dynptr-state"),
    ("Dynptr", "dynptr-state"),
    ("initialized iter", "iterator-state"),
    ("iter_", "iterator-state"),
    ("iterator", "iterator-state"),
    // Objects.
    ("bpf_list_", "list-or-tree"),
    ("bpf_rb", "list-or-tree"),
    ("bpf_{list_head,rb_root}", "list-or-tree"),
    ("non-owning", "list-or-tree"),
    ("kptr", "kernel-pointer"),
    ("referenced when passed to release", "reference-state"),
    ("zero offset when passed to release", "reference-state"),
    ("unacquired reference", "reference-state"),
    ("must be referenced", "reference-state"),
    ("must be a rcu pointer", "reference-state"),
    ("expects refcounted", "reference-state"),
    ("expected pointer to allocated object", "reference-state"),
    ("release", "reference-state"),
    ("expected pointer to STRUCT", "object-type"),
    ("is of type…is expected", "object-type"),
    ("access beyond", "object-access"),
    ("no write support to", "object-access"),
    ("only read is supported", "object-access"),
    ("untrusted_ptr_ access", "object-access"),
    ("ptr_ access var_off", "object-access"),
    ("only read from bpf_array", "forbidden-access"),
    ("is bpf_array invalid negative access", "negative-index"),
    ("sock access off=", "object-access"),
    ("sock_common access off=", "object-access"),
    ("cannot write into sock", "object-access"),
    ("attach to unsupported member", "program-type"),
    // Return values.
    ("At program exit", "return-value"),
    ("should have been in", "return-value"),
    ("LD_ABS is only allowed in functions that return", "return-value"),
    // Instructions.
    ("call to invalid destination", "bad-jump"),
    ("call of slot", "bad-jump"),
    ("jump out of range", "bad-jump"),
    ("jump into the middle", "bad-jump"),
    ("last insn is not an exit or jmp", "missing-exit"),
    ("uses reserved fields", "bad-instruction"),
    ("unknown opcode", "bad-instruction"),
    ("not an instruction", "bad-instruction"),
    ("bpf_ld_imm", "bad-instruction"),
    ("ldimm", "bad-instruction"),
    ("div by zero", "bad-instruction"),
    ("is invalid", "bad-instruction"),
    ("invalid shift", "bad-instruction"),
    ("frame pointer is read only", "frame-pointer-write"),
    ("unreachable insn", "unreachable-code"),
    ("recursive call", "recursion"),
    ("back-edge", "infinite-loop"),
    ("infinite loop", "infinite-loop"),
    // The last line of such a log is one of the two states that are the same.
    ("old state:", "infinite-loop"),
    ("cur state:", "infinite-loop"),
    ("the call stack of", "call-depth"),
    ("call stack is too deep", "call-depth"),
    ("combined stack size", "stack-size"),
    ("is too large", "too-complex"),
    ("jumps is too complex", "too-complex"),
    ("is too complex", "too-complex"),
    // Memory.
    ("BPF_ATOMIC", "atomic-access"),
    ("misaligned", "misaligned-access"),
    ("same insn cannot be used with different pointers", "mixed-pointers"),
    ("dereference of modified", "modified-pointer"),
    ("negative offset", "modified-pointer"),
    ("variable ctx access", "modified-pointer"),
    ("offset is outside of the packet", "packet-bounds"),
    ("invalid access to packet", "packet-bounds"),
    ("invalid access to map value pointer", "map-value-bounds"),
    ("invalid access to map value", "map-value-bounds"),
    ("direct value offset", "map-value-bounds"),
    ("outside of the allowed memory range", "memory-bounds"),
    ("invalid access to memory", "memory-bounds"),
    ("buffer access", "memory-bounds"),
    ("variable buffer offset", "constant-argument"),
    ("min value is negative", "negative-index"),
    ("unbounded memory access", "unbounded-index"),
    ("invalid size of register", "partial-pointer"),
    ("attempt to corrupt spilled", "partial-pointer"),
    ("At subprogram exit…not a scalar…fp", "stack-pointer-escape"),
    ("stack pointer to the caller", "stack-pointer-escape"),
    ("into stack frame of the caller", "stack-pointer-escape"),
    ("the frame it points into ends", "stack-pointer-escape"),
    ("invalid read from stack", "uninit-stack"),
    ("invalid indirect read from stack", "uninit-stack"),
    ("variable-offset…stack", "stack-bounds"),
    ("invalid unbounded variable-offset", "stack-bounds"),
    ("invalid write to stack", "stack-bounds"),
    ("invalid stack", "stack-bounds"),
    ("invalid access to stack", "stack-bounds"),
    ("to stack", "stack-bounds"),
    // Arithmetic.
    ("value -…makes…pointer be out of bounds", "negative-index"),
    ("with unbounded min value", "negative-index"),
    ("makes…pointer be out of bounds", "pointer-arithmetic"),
    ("math between", "pointer-arithmetic"),
    ("pointer arithmetic", "pointer-arithmetic"),
    ("on pointer prohibited", "pointer-arithmetic"),
    ("subtract pointer from scalar", "pointer-arithmetic"),
    ("subtraction from stack pointer", "pointer-arithmetic"),
    ("pointer += pointer", "pointer-arithmetic"),
    ("pointer offset…is not allowed", "pointer-arithmetic"),
    ("leaks addr", "pointer-leak"),
    ("pointer comparison prohibited", "pointer-leak"),
    ("under speculation", "speculation"),
    ("speculat", "speculation"),
    ("cannot write into", "forbidden-access"),
    ("from map forbidden", "forbidden-access"),
    ("into map forbidden", "forbidden-access"),
    ("forbidden", "forbidden-access"),
    ("is not supported", "unsupported"),
    ("are not supported", "program-type"),
    ("type=…expected=percpu_", "argument-type"),
    ("type=…expected=", "argument-type"),
    ("BTF", "types"),
    ("func_info", "types"),
    ("line_info", "types"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_each_rule_has_its_own() {
        for (index, rule) in RULES.iter().enumerate() {
            assert!(rule.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", rule.name);
            assert!(RULES[..index].iter().all(|earlier| earlier.name != rule.name), "{}", rule.name);
        }
        assert_eq!(RULES[FORBIDDEN].name, "forbidden-access");
    }

    #[test]
    fn every_row_of_words_names_a_rule_and_is_reached() {
        for (index, (words, name)) in WORDS.iter().enumerate() {
            assert!(Rule::by_name(name).is_some(), "{words}: no rule {name}");
            let earlier = WORDS[..index].iter().find(|(earlier, _)| words == earlier);
            assert_eq!(earlier, None, "{words}");
        }
    }
}
