//! Files given on the command line, read within a limit.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::secret::Secret;

/// Where to read from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Source {
    /// A file.
    Path(PathBuf),
    /// Standard input, written `-`.
    StandardInput,
}

impl FromStr for Source {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Err("expected a file, or - for standard input"),
            "-" => Ok(Self::StandardInput),
            path => Ok(Self::Path(path.into())),
        }
    }
}

/// Reads a file of at most so many bytes. Nobody can tell from outside whether it holds a secret,
/// so each is treated as one: the only copy is wiped when it is dropped.
///
/// Blocks: a command has nothing else to do before it knows what to send.
///
/// # Errors
///
/// If it cannot be opened or read, or is longer; then at most one byte too many has been read.
pub(super) fn bounded(source: &Source, bytes_max: u64) -> Result<Secret, Failure> {
    let name = match source {
        Source::Path(path) => path.display().to_string(),
        Source::StandardInput => "standard input".to_owned(),
    };
    let read = match source {
        Source::Path(path) => match File::open(path) {
            Ok(file) => read_bounded(file, bytes_max),
            Err(error) => {
                let next = "check the path, and that you may read the file";
                return Err(Failure::caused(
                    Exit::Failed,
                    format!("{name} cannot be opened"),
                    &error,
                    next,
                ));
            }
        },
        Source::StandardInput => read_bounded(std::io::stdin().lock(), bytes_max),
    };
    match read {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(Failure::new(
            Exit::Failed,
            format!("{name} is larger than {} KiB", bytes_max / 1024),
            "check that it is the right file",
        )),
        Err(error) => {
            let what = format!("{name} cannot be read");
            Err(Failure::caused(Exit::Failed, what, &error, "check that it is a file"))
        }
    }
}

/// `None` if there are more bytes than allowed.
fn read_bounded(reader: impl Read, bytes_max: u64) -> std::io::Result<Option<Secret>> {
    let room = usize::try_from(bytes_max).map_err(std::io::Error::other)?;
    // Of its final size from the start: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(room + 1));
    let read = reader.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok(if read > room { None } else { Some(Secret::from(bytes)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_exact() {
        for (len, fits) in [(0, true), (1023, true), (1024, true), (1025, false), (9999, false)] {
            let file = vec![7; len];
            let read = read_bounded(file.as_slice(), 1024).unwrap();
            assert_eq!(read.map(|bytes| bytes.len()), fits.then_some(len), "{len}");
        }
    }

    #[test]
    fn a_dash_is_standard_input() {
        assert_eq!("-".parse(), Ok(Source::StandardInput));
        assert_eq!("./-".parse(), Ok(Source::Path("./-".into())));
        assert!("".parse::<Source>().is_err());
    }
}
