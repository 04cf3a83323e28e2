//! What whoever wrote the program can do about a refusal: words, and where there are names for it, the line of C.

use std::fmt;

use skep_abi::ProgType;

use super::Report;
use super::edit::Edit;

/// A way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What to do.
    pub text: String,
    /// The lines that do it, in C, in general terms.
    pub code: Option<String>,
    /// The change of the source that does it, where the source was looked at ([`Report::mend`]).
    pub edit: Option<Edit>,
}

impl Suggestion {
    /// One in words.
    pub(super) fn words(text: impl Into<String>) -> Suggestion {
        Suggestion { text: text.into(), code: None, edit: None }
    }

    /// One with lines of C.
    fn code(text: impl Into<String>, code: String) -> Suggestion {
        Suggestion { code: Some(code), ..Suggestion::words(text) }
    }
}

/// What a program of a kind returns when it has nothing to do.
pub(super) fn pass_value(prog_type: ProgType) -> &'static str {
    match prog_type {
        ProgType::Xdp => "XDP_PASS",
        ProgType::SchedCls | ProgType::SchedAct => "TC_ACT_OK",
        _ => "0",
    }
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if let Some(edit) = &self.edit {
            return write!(f, "{edit}");
        }
        if let Some(code) = &self.code {
            for line in code.lines() {
                write!(f, "\n      {line}")?;
            }
        }
        Ok(())
    }
}

/// What to do about what a report says; `returns` is what a program of the kind returns when it has nothing to do.
pub(super) fn suggest(report: &Report, returns: &str) -> Option<Suggestion> {
    let code = |text: &str, code: String| Some(Suggestion::code(text, code));
    let words = |text: &str| Some(Suggestion::words(text));
    let register = report.register.map_or_else(|| "the register".to_owned(), |r| format!("r{r}"));
    let moved = report.causes.iter().find(|cause| cause.what.contains("may move the packet"));
    match report.rule.name {
        "packet-bounds" if report.class == super::Class::VerifierLimit => code(
            "keep what is added to the packet pointer below 0xffff, then compare with `data_end`",
            format!(
                "offset &= 0x7fff;\nif (data + offset + {} > data_end)\n    return {returns};",
                report.bytes.unwrap_or(1)
            ),
        ),
        "packet-bounds" if report.class == super::Class::CompilerArtefact => words(
            "compare the very pointer that is read through, in 64 bits, and read right after; a barrier, \
             `asm volatile(\"\" : \"+r\"(pointer))`, keeps the compiler from taking another",
        ),
        "packet-bounds" if report.meta => {
            let bytes = report.bytes.unwrap_or(1);
            code(
                &format!("compare `data_meta + {bytes}` with `data` before this access"),
                format!("if (data_meta + {bytes} > data)\n    return {returns};"),
            )
        }
        "packet-bounds" => match report.bytes {
            Some(bytes) if report.varies => code(
                "compare with `data_end` after the last change of the pointer, before this access",
                format!("if (pointer + {bytes} > data_end)\n    return {returns};"),
            ),
            Some(bytes) => code(
                &format!("compare `data + {bytes}` with `data_end` before this access"),
                format!("if (data + {bytes} > data_end)\n    return {returns};"),
            ),
            None => words("compare the end of this access with `data_end` before it"),
        },
        "not-a-pointer" | "argument-type" if moved.is_some() => code(
            "read `data` and `data_end` from the context again after that call, and compare again",
            "data = (void *)(long)ctx->data;\ndata_end = (void *)(long)ctx->data_end;".to_owned(),
        ),
        "not-a-pointer" if report.class == super::Class::CompilerArtefact => {
            words("keep pointers in 64-bit variables: `void *`, not `__u32`")
        }
        "not-a-pointer" if report.is_null() => {
            words("the pointer is null on this path: the check of it goes the wrong way, or does not leave")
        }
        "not-a-pointer" => words(
            "this is a number to the verifier: read kernel memory with `bpf_probe_read_kernel` or `BPF_CORE_READ`, user memory \
             with `bpf_probe_read_user`",
        ),
        "null-check" => {
            let name = report.assigned_name();
            code(
                "compare with null first, and use it only where it is not",
                format!("if (!{})\n    return {returns};", name.as_deref().unwrap_or("pointer")),
            )
        }
        "leaked-reference" => {
            let name = report.assigned_name().unwrap_or_else(|| "pointer".to_owned());
            let acquired = report.causes.iter().map(|c| c.what.as_str()).collect::<String>();
            let release = [("ringbuf", "bpf_ringbuf_discard(@, 0);"), ("sk", "bpf_sk_release(@);")];
            let found = release.iter().find(|(word, _)| acquired.contains(word));
            match found {
                Some((_, line)) => code("release it on this path, too", line.replace('@', &name)),
                None => words("release it on every path: the path above is one that does not"),
            }
        }
        "map-value-bounds" | "memory-bounds" | "unbounded-index" | "negative-index" | "argument-size" => {
            if report.class == super::Class::VerifierLimit {
                return code(
                    "give offset and length bounds of their own that fit together, rather than one for their sum",
                    "if (offset > SIZE / 2)\n    return 0;\nif (length > SIZE / 2)\n    length = SIZE / 2;"
                        .to_owned(),
                );
            }
            bound(report, &register)
        }
        "uninit-register" => match report.register {
            Some(1..=5) if report.causes.iter().any(|c| c.what.contains("leaves r1 to r5")) => words(
                "calls leave r1 to r5 without a value: keep what is needed later in r6 to r9 or on the stack",
            ),
            Some(2..=5) if report.causes.iter().any(|c| c.what.contains("nothing on this path")) => words(
                "programs are given one argument, the context, in r1: take the others from it, \
                 `BPF_PROG(name, type arg, …)` or `BPF_KPROBE(…)` does so",
            ),
            Some(0) => words("set r0, the value that is returned, on every path"),
            _ => code("give the variable a value where it is declared", "type variable = 0;".to_owned()),
        },
        "uninit-stack" => code(
            "give the variable a value, its padding included, where it is declared",
            "__builtin_memset(&variable, 0, sizeof(variable));".to_owned(),
        ),
        "stack-bounds" => {
            words("bound the index by the size of the array before it is used: `index &= SIZE - 1`")
        }
        "misaligned-access" => words(
            "align the variable to eight bytes, `__attribute__((aligned(8)))`, or copy it with `__builtin_memcpy` by bytes",
        ),
        "pointer-arithmetic" => words(
            "add to pointers only numbers with bounds, in 64 bits: compare the number with its limit first, or mask it",
        ),
        "modified-pointer" => words(
            "keep the pointer as received, and access its fields by constant offsets: `ctx->field`; a barrier, \
             `barrier_var(ctx)`, keeps the compiler from moving it",
        ),
        "context-access" => words(
            "access the field as it is declared, in its own size, and only those fields that this kind of program has",
        ),
        "mixed-pointers" => {
            words("access the memory in each branch, rather than once after them: `READ_ONCE` in both")
        }
        "infinite-loop" => {
            words("let the loop count up to a constant, and change what it counts in every round")
        }
        "too-complex" => words(
            "make the loops shorter, or use `bpf_loop`, whose body is looked at once; move parts into global functions, \
             which are looked at apart",
        ),
        "stack-size" => words("move large buffers from the stack into a per-CPU array"),
        "return-value" => words("return one of the values that this kind of program may return"),
        "gpl-only" => {
            code("say so, if that is the licence", "char _license[] SEC(\"license\") = \"GPL\";".to_owned())
        }
        "function-not-allowed" => {
            words("use a function that this kind of program has, or another kind of program")
        }
        "unknown-function" => {
            words("write for a kernel that has it, or ask with `bpf_ksym_exists` whether it is there")
        }
        "locked-section" => words("leave the section before this, on every path, and call nothing inside"),
        "map-kind" => words("use the function that goes with this kind of map"),
        "sleeping" => {
            words("use the program's sleepable kind, `SEC(\"….s\")`, or a function that does not sleep")
        }
        "constant-argument" => {
            words("give a constant: the largest size that is needed, and the length beside it")
        }
        "frame-pointer-write" => words("use r0 to r9"),
        "function-arguments" => words(
            "give the function what its types promise, check its pointers for null inside, or make it `static`",
        ),
        "reference-state" => {
            words("give it the pointer that was acquired, unchanged, once, and not after it was released")
        }
        "argument-type" => words("give the function what it takes, in the order that its documentation has"),
        "missing-exit" => words("end the function in `exit`, or in a jump"),
        "unreachable-code" => words("remove the code, or the condition that is always the same"),
        _ => None,
    }
}

/// A bound for an index or a length.
fn bound(report: &Report, register: &str) -> Option<Suggestion> {
    let room = report.room.filter(|room| *room > 1);
    if let (Some(room), false, "map-value-bounds" | "memory-bounds") = (room, report.varies, report.rule.name)
    {
        let text =
            format!("access only the {room} bytes that there are, or make them more where they are declared");
        return Some(Suggestion::words(text));
    }
    let (text, code) = match (report.rule.name, room) {
        ("argument-size", _) => (
            "let the length be at least 1 and at most the buffer's size, as the compiler sees it, too",
            "if (length < 1 || length > sizeof(buffer))\n    return 0;".to_owned(),
        ),
        ("negative-index", _) => {
            ("make the index unsigned, or compare it with 0", "if (index < 0)\n    return 0;".to_owned())
        }
        (_, Some(room)) if room.is_power_of_two() => {
            let text = format!("mask the index with `& {}`, or compare it", room - 1);
            let code = format!("index &= {};", room - 1);
            return Some(Suggestion::code(text, code));
        }
        (_, Some(room)) => {
            let text =
                format!("compare the index before: all of {register}'s access must stay below {room} bytes");
            let code = format!("if (index >= {room})\n    return 0;");
            return Some(Suggestion::code(text, code));
        }
        _ => (
            "compare the index with its limit before, or mask it",
            "if (index >= LIMIT)\n    return 0;".to_owned(),
        ),
    };
    Some(Suggestion::code(text, code))
}
