//! `skep feature functions` and `skep feature function NAME`: the function table, and what of it a host has. The user
//! host says so itself; the running kernel is asked by loading a program with the call for each kind of program that may
//! make it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};
use skep::abi::{AttachType, Function, ProgType, SECTIONS};
use skep::host::{Host as _, HostError, LoadOptions};
use skep::isa::{Callee, FormId, Insn, Op, Reg};
use skep::obj::{KernelSymbol, Program};
use skep::{LinuxHost, UserConfig, UserHost};

use crate::failure::Failure;
use crate::feature::{Listing, Plain, print, version};
use crate::output::Output;

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Place {
    User,
    Linux,
}

#[derive(Args)]
pub(crate) struct Functions {
    /// Where: what the user host has, or what the running kernel lets programs call
    #[arg(long, value_enum, default_value = "user")]
    host: Place,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct One {
    /// Its name, as in C
    name: String,

    /// A JSON object
    #[arg(long)]
    json: bool,
}

/// Whether a host has a function, and why not.
struct Status {
    word: &'static str,
    why: Option<String>,
}

const COLUMNS: [&str; 9] = ["id", "name", "args", "linux", "user", "programs", "status", "why", "doc"];

/// The table, with a host's answer to each row.
pub(crate) fn functions(out: &mut Output, options: &Functions) -> Result<(), Failure> {
    let user = UserHost::new(UserConfig::default());
    let mut kernel = match options.host {
        Place::User => None,
        Place::Linux => Some(Kernel::new()?),
    };
    let row = |function: &'static Function| -> Vec<Json> {
        let status = match &mut kernel {
            None => user_status(&user, function),
            Some(kernel) => kernel.status(function),
        };
        row(&user, function, &status)
    };
    let rows = Function::all().map(row).collect();
    print(out, &Plain { json: options.json }, &Listing { columns: &COLUMNS, rows })
}

/// All that is known of one function.
pub(crate) fn function(out: &mut Output, options: &One) -> Result<(), Failure> {
    let name = &options.name;
    let found = Function::by_name(name).or_else(|| Function::by_name(&format!("bpf_{name}")));
    let Some(function) = found else {
        return Err(Failure::Message(format!(
            "no function is named `{name}`; `skep feature functions` lists all of them"
        )));
    };
    let user = UserHost::new(UserConfig::default());
    let status = user_status(&user, function);
    if options.json {
        let listing = Listing { columns: &COLUMNS, rows: Vec::new() };
        let mut object = listing.object(&row(&user, function, &status));
        object["declaration"] = json!(function.declaration());
        let args: Vec<String> = function.args.iter().map(ToString::to_string).collect();
        object["takes"] = json!(args);
        object["returns"] = json!(function.ret.to_string());
        let effects: Vec<&str> = function.effects.iter().filter_map(|effect| effect.meaning()).collect();
        object["effects"] = json!(effects);
        return out.json(&object);
    }
    Ok(write!(out, "{}", function.page(&[format!("user host: {}", user.supports(function))]))?)
}

fn row(user: &UserHost, function: &'static Function, status: &Status) -> Vec<Json> {
    let programs = match function.kinds() {
        None => json!("all"),
        Some(kinds) => json!(kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>()),
    };
    vec![
        json!(function.id),
        json!(function.name),
        json!(function.args.len()),
        version(function.since),
        json!(user.supports(function).name() != "missing"),
        programs,
        json!(status.word),
        json!(status.why),
        json!(function.doc),
    ]
}

fn user_status(user: &UserHost, function: &'static Function) -> Status {
    let support = user.supports(function);
    Status { word: support.name(), why: support.why() }
}

/// The running kernel.
struct Kernel {
    /// The kinds of program that it loads at all, with the places that they are asked for.
    kinds: BTreeMap<ProgType, Vec<AttachType>>,
}

/// What the kernel says of calls that it does not allow.
const NOT_ALLOWED: [&str; 5] =
    ["unknown func", "invalid func", "cannot use helper", "is not allowed", "has no valid kfunc"];

impl Kernel {
    fn new() -> Result<Kernel, Failure> {
        let mut kinds = BTreeMap::new();
        let mut refusal = None;
        // Those that are written for something of the kernel's would need its name.
        for kind in ProgType::ALL.iter().filter(|kind| !kind.needs_target()) {
            let mut places = Vec::new();
            for attach_type in attach_types(*kind) {
                // Where nothing loads, a refusal would say nothing of the call.
                match load(*kind, attach_type, None) {
                    Ok(()) => places.push(attach_type),
                    Err(error) => refusal = Some(error),
                }
            }
            if !places.is_empty() {
                kinds.insert(*kind, places);
            }
        }
        match refusal {
            Some(error) if kinds.is_empty() => Err(error.into()),
            _ => Ok(Kernel { kinds }),
        }
    }

    /// Which programs may call it.
    fn status(&mut self, function: &'static Function) -> Status {
        let wanted = function.kinds().unwrap_or_else(|| ProgType::ALL.to_vec());
        let (asked, unasked): (Vec<ProgType>, Vec<ProgType>) =
            wanted.into_iter().partition(|kind| self.kinds.contains_key(kind));
        let (may, may_not): (Vec<ProgType>, Vec<ProgType>) = asked.into_iter().partition(|kind| {
            self.kinds[kind].iter().any(|attach_type| may_call(function, *kind, *attach_type))
        });
        let list = |kinds: &[ProgType]| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        let mut why = Vec::new();
        if !may.is_empty() && !may_not.is_empty() {
            why.push(format!("not for {}", list(&may_not)));
        }
        if may.is_empty() && !may_not.is_empty() {
            why.push("the kernel lets no program call it".to_owned());
        }
        if !unasked.is_empty() {
            why.push(format!("not asked for {}", list(&unasked)));
        }
        let word = match (may.is_empty(), may_not.is_empty()) {
            (false, true) => "supported",
            (false, false) => "partial",
            (true, false) => "missing",
            (true, true) => "unknown",
        };
        Status { word, why: (!why.is_empty()).then(|| why.join("; ")) }
    }
}

/// Where programs of a kind attach, as far as that changes what they may call; nowhere in particular first.
fn attach_types(kind: ProgType) -> BTreeSet<AttachType> {
    let listed = kind.attach_types().unwrap_or_default().iter().copied();
    let sections = SECTIONS.iter().filter(|section| section.prog_type == kind);
    listed.chain(sections.map(|section| section.attach_type)).chain([AttachType(0)]).collect()
}

fn may_call(function: &Function, kind: ProgType, attach_type: AttachType) -> bool {
    match load(kind, attach_type, Some(function)) {
        Ok(()) => true,
        Err(HostError::RefusedByKernel { log, .. }) => {
            !log.is_empty() && !NOT_ALLOWED.iter().any(|words| log.contains(words))
        }
        Err(_) => false,
    }
}

/// Loads a program that makes this call, with nothing in the registers, on a host that is gone afterwards.
fn load(kind: ProgType, attach_type: AttachType, call: Option<&Function>) -> Result<(), HostError> {
    let call_insn = |function: &Function| match function.id {
        Some(id) => Insn::call_helper(id),
        None => Insn { form: KFUNC, dst: Reg::R0, src: Reg::R0, off: 0, imm: 0 },
    };
    // All kinds may return 1.
    let one = Insn::mov_imm(Reg::R0, 1);
    let insns = call.map(call_insn).into_iter().chain([one, Insn::exit()]).collect();
    let mut program = Program::from_insns("probe", kind, insns);
    program.attach_type = attach_type;
    "GPL".clone_into(&mut program.license);
    if let Some(function) = call.filter(|function| function.id.is_none()) {
        let name = function.name.to_owned();
        program.kernel_symbols = vec![KernelSymbol { name, btf_id: None, weak: false }];
    }
    LinuxHost::new().load(&program, &[], &LoadOptions::default()).map(|_| ())
}

/// The form of a call by name.
const KFUNC: FormId = FormId::of(Op::Call(Callee::Kfunc)).expect("the table has calls by name");
