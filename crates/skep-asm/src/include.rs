//! [`Include`]: who reads the files that `.include` names, as this crate touches none.

use std::fmt;
use std::sync::Arc;

/// A file that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// What it is called in errors and lines, and to whoever reads what it includes itself; the same file has the
    /// same name, by which circles are found.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Reads files: given the name that `.include` has and the name of the file in which it stands, the text or why
/// there is none.
#[derive(Clone)]
pub struct Include(Arc<Reader>);

type Reader = dyn Fn(&str, &str) -> Result<Included, String> + Send + Sync;

impl Include {
    /// From a function of the asked name and the asking file's name.
    pub fn new(read: impl Fn(&str, &str) -> Result<Included, String> + Send + Sync + 'static) -> Include {
        Include(Arc::new(read))
    }

    pub(crate) fn read(&self, asked: &str, from: &str) -> Result<Included, String> {
        (self.0)(asked, from)
    }
}

impl fmt::Debug for Include {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Include")
    }
}
