//! `ionvault completions`.

use clap::Args;
use clap_complete::Shell;

use super::failure::Failure;
use super::output::Output;

/// Print the completion script of a shell
///
/// The script completes commands, options and their values.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault completions bash > ~/.local/share/bash-completion/completions/ionvault
  ionvault completions zsh > ~/.zfunc/_ionvault
  ionvault completions fish > ~/.config/fish/completions/ionvault.fish")]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(arguments: &Completions, output: &mut Output<'_>) -> Result<(), Failure> {
    // Into memory first: clap_complete panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "ionvault", &mut script);
    Ok(output.verbatim(&script)?)
}
