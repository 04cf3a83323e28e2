//! Memory that code runs in: written once, then executable and never writable again.

use std::ptr::NonNull;

use crate::error::CompileError;

/// Pages with code.
pub(super) struct CodeMemory {
    start: NonNull<u8>,
    /// Bytes of code; the pages go on to their end.
    len: usize,
}

// SAFETY: after `new` the pages are only read and executed.
unsafe impl Send for CodeMemory {}
// SAFETY: as above.
unsafe impl Sync for CodeMemory {}

impl CodeMemory {
    /// Pages with this code.
    pub(super) fn new(code: &[u8]) -> Result<CodeMemory, CompileError> {
        let failed = || {
            let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
            CompileError::CodeMemory { bytes: code.len(), errno }
        };
        let len = code.len().max(1);
        // SAFETY: a new private mapping, nowhere in particular.
        let pages = unsafe {
            let (access, kind) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            libc::mmap(std::ptr::null_mut(), len, access, kind, -1, 0)
        };
        if pages == libc::MAP_FAILED {
            return Err(failed());
        }
        let Some(start) = NonNull::new(pages.cast::<u8>()) else { return Err(failed()) };
        let memory = CodeMemory { start, len };
        // SAFETY: the mapping has room for the code, and nobody else knows it yet.
        unsafe { start.as_ptr().copy_from_nonoverlapping(code.as_ptr(), code.len()) };
        // SAFETY: these pages are ours.
        if unsafe { libc::mprotect(pages, len, libc::PROT_READ | libc::PROT_EXEC) } != 0 {
            return Err(failed());
        }
        Ok(memory)
    }

    /// The code.
    pub(super) fn code(&self) -> &[u8] {
        // SAFETY: readable for as long as `self` lives, and never written.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// Where it starts.
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length; whoever runs the code borrows `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
