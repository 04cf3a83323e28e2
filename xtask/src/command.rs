//! Starting other programs, and saying which.

use std::fmt::Write as _;
use std::process::Command;

use crate::error::Error;
use crate::workspace::Workspace;

/// The cargo that runs this task, in the workspace's directory.
pub(crate) fn cargo(workspace: &Workspace) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&workspace.root);
    command
}

/// Runs `command`, which speaks for itself, after saying what is run.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let text = text(command);
    eprintln!("$ {text}");
    let status = command.status().map_err(|error| Error::Start { command: text.clone(), error })?;
    if status.success() { Ok(()) } else { Err(Error::Exit { command: text, status }) }
}

/// Runs `command` quietly, for what it prints. What it says on standard error is passed on.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, Error> {
    let text = text(command);
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| Error::Start { command: text.clone(), error })?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(Error::Exit { command: text, status: output.status })
    }
}

/// Whether `command` starts and ends with success; all that it says is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// The command as a person would type it: the program by its name, and each argument.
fn text(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut text = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        let quoted = if argument.contains([' ', '\t', '*', '$', ';']) { "'" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, " {quoted}{argument}{quoted}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_by_its_name_with_its_arguments() {
        let mut command = Command::new("/usr/bin/env");
        command.args(["true", "a b"]);
        assert_eq!(text(&command), "env true 'a b'");
    }

    #[test]
    fn failure_to_start_and_failure_are_told_apart() {
        assert!(matches!(run(&mut Command::new("skep-no-such-program")), Err(Error::Start { .. })));
        assert!(matches!(run(&mut Command::new("false")), Err(Error::Exit { .. })));
        assert!(succeeds(&mut Command::new("true")) && !succeeds(&mut Command::new("false")));
    }
}
