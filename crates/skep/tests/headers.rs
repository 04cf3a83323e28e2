//! The headers, under every compiler that is there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use skep::compile::{CompileError, CompileOptions, Compiler, Family, compile};
use skep::obj::Object;
use skep_testkit::TempDir;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/headers")
}

fn options(compiler: &Compiler, arguments: &[&str]) -> CompileOptions {
    let arguments = arguments.iter().map(OsString::from).collect();
    CompileOptions { compiler: Some(compiler.path.clone().into()), arguments }
}

/// Compiles a text with one compiler.
fn compiled(compiler: &Compiler, text: &str, arguments: &[&str]) -> Result<Vec<u8>, CompileError> {
    let folder = TempDir::new("headers");
    let source = folder.path().join("source.c");
    std::fs::write(&source, text).expect("a written source");
    Ok(compile(&source, &options(compiler, arguments))?.object)
}

/// All compilers, or none with a word about it.
fn compilers(test: &str) -> Vec<Compiler> {
    let present = Compiler::present();
    if present.is_empty() {
        println!("skipped: {test}: neither clang nor bpf-gcc is installed");
    }
    present
}

#[test]
fn each_header_stands_alone_and_without_warnings() {
    for compiler in compilers("each_header_stands_alone_and_without_warnings") {
        for (path, _) in skep::compile::headers() {
            let path = path.strip_prefix("compat/").unwrap_or(path);
            // These two are of macros over functions that whoever includes them has.
            let first =
                if matches!(path, "skep/map.h" | "skep/packet.h") { "#include <skep.h>\n" } else { "" };
            // What is printed needs the integers; `skep.h` brings them.
            let first = match path {
                "skep/contexts.h" | "skep/helpers.h" | "skep/kfuncs.h" => "#include <skep/types.h>\n",
                _ => first,
            };
            let text = format!("{first}#include <{path}>\n#include <{path}>\nint unused;\n");
            if let Err(error) = compiled(&compiler, &text, &["-Werror", "-Wextra"]) {
                panic!("{path}: {error}");
            }
        }
    }
}

#[test]
fn sources_are_accepted_whoever_compiles_them() {
    for compiler in compilers("sources_are_accepted_whoever_compiles_them") {
        for source in ["typed.c", "compat.c"] {
            for level in ["-O1", "-O2", "-Os"] {
                let made = compile(&folder().join(source), &options(&compiler, &["-Werror", level]))
                    .unwrap_or_else(|error| panic!("{source} {level}: {error}"));
                let object = Object::from_elf(&made.object).expect("an object");
                for (function, _) in object.programs() {
                    let program = object.program(function).expect("a program");
                    let name = program.name.clone();
                    if let Err(error) =
                        skep::verify::verify(program.into(), &skep::verify::Options::default())
                    {
                        panic!("{source} {level} {name} by {}: {error}", compiler.path.display());
                    }
                }
            }
        }
    }
}

#[test]
fn a_key_of_another_type_is_an_error_when_compiled() {
    let uses = [
        ("__u32 key = 0; skep_map_lookup(&numbers, &key);", true),
        ("const __u32 key = 0; skep_map_lookup(&numbers, &key);", true),
        ("__u64 key = 0; skep_map_lookup(&numbers, &key);", false),
        ("__u32 key = 0; skep_map_lookup(&numbers, key);", false),
        ("__u32 key = 0; struct value v = {}; skep_map_update(&numbers, &key, &v, BPF_ANY);", true),
        ("__u32 key = 0; skep_map_update(&numbers, &key, &key, BPF_ANY);", false),
        ("__u32 key = 0; struct value *v = skep_map_lookup(&numbers, &key); return v ? v->x : 0;", true),
        ("__u32 key = 0; int *v = skep_map_lookup(&numbers, &key); return v ? *v : 0;", false),
    ];
    for compiler in compilers("a_key_of_another_type_is_an_error_when_compiled") {
        for (statements, fits) in uses {
            let text = format!(
                "#include <skep.h>\n#include <skep/map.h>\nstruct value {{ int x; }};\n\
                 SKEP_MAP(numbers, HASH, __u32, struct value, 4);\n\
                 SEC(\"xdp\") int f(void *ctx) {{ {statements} return 0; }}\n"
            );
            let made = compiled(&compiler, &text, &["-Werror=incompatible-pointer-types"]);
            assert_eq!(made.is_ok(), fits, "{}: {statements}: {:?}", compiler.path.display(), made.err());
        }
    }
}

#[test]
fn what_a_compiler_can_not_ask_is_said_when_it_compiles() {
    let text = "#include <bpf/bpf_core_read.h>\nstruct s { int x; };\n\
                int f(struct s *s) { return bpf_core_field_exists(s->x); }\n";
    for compiler in compilers("what_a_compiler_can_not_ask_is_said_when_it_compiles") {
        let made = compiled(&compiler, text, &[]);
        if compiler.family == Family::Clang {
            made.expect("clang knows expressions");
        } else {
            let said = made.expect_err("a marker needs a type").to_string();
            assert!(said.contains("needs the type and the member"), "{said}");
        }
    }
}
