//! An application that runs untrusted programs against functions of its own: `cargo run -p skep --example embedding FILE`
//! with assembly, C or an object. `--header` prints what C programs include instead.

#[path = "../../../examples/embedding/sessions.rs"]
mod sessions;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use sessions::{SESSIONS, Sessions};
use skep::compile::CompileOptions;
use skep::host::{Host, LoadOptions, Loaded, TestRun};
use skep::{UserConfig, UserHost};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("embedding: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let argument = std::env::args().nth(1).ok_or("expected a program, or --header")?;
    if argument == "--header" {
        print!("{}", skep::abi::c_declarations("SESSIONS_H", &SESSIONS));
        return Ok(());
    }
    let object = skep::source::read(Path::new(&argument), &CompileOptions::default())?;
    let state = Sessions::with_mail([(7, "hello"), (8, "bye")]);
    let mut host = UserHost::with_functions(UserConfig::default(), sessions::add, state)?;
    let loaded = Loaded::new(&mut host, &object, &[], &LoadOptions::default())?;
    for program in &loaded.programs {
        let result = host.test_run(program.id, &TestRun { data: &[0; 64], ..TestRun::default() })?;
        let open = host.state::<Sessions>().map_or(0, |sessions| sessions.open());
        println!("returned {}; {open} sessions are open", result.retval);
    }
    Ok(())
}
