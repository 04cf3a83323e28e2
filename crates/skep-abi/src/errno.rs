//! Linux's error numbers as a newtype with names: values that no name is known for survive and print.
//! Source: include/uapi/asm-generic/errno-base.h and errno.h, Linux 6.18.

use core::fmt;

/// A positive Linux error number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($name:ident = $value:literal, $text:literal;)*) => {
        impl Errno {
            $(#[doc = $text] pub const $name: Errno = Errno($value);)*

            /// The kernel's name for it, such as `EINVAL`, where there is one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($value => Some(stringify!($name)),)* _ => None }
            }

            /// What it means, in the words of `strerror(3)`, where it is known.
            pub const fn text(self) -> Option<&'static str> {
                match self.0 { $($value => Some($text),)* _ => None }
            }
        }
    };
}

errnos! {
    EPERM = 1, "operation not permitted";
    ENOENT = 2, "no such file or directory";
    EIO = 5, "input/output error";
    E2BIG = 7, "argument list too long";
    EBADF = 9, "bad file descriptor";
    EAGAIN = 11, "resource temporarily unavailable";
    ENOMEM = 12, "cannot allocate memory";
    EACCES = 13, "permission denied";
    EFAULT = 14, "bad address";
    EBUSY = 16, "device or resource busy";
    EEXIST = 17, "file exists";
    ENODEV = 19, "no such device";
    EINVAL = 22, "invalid argument";
    ENFILE = 23, "too many open files in system";
    ENOSPC = 28, "no space left on device";
    ERANGE = 34, "numerical result out of range";
    EDEADLK = 35, "resource deadlock avoided";
    ENAMETOOLONG = 36, "file name too long";
    ENOSYS = 38, "function not implemented";
    ELOOP = 40, "too many levels of symbolic links";
    EOVERFLOW = 75, "value too large for defined data type";
    EPROTONOSUPPORT = 93, "protocol not supported";
    EOPNOTSUPP = 95, "operation not supported";
    ESTALE = 116, "stale file handle";
    ENOTSUPP = 524, "operation is not supported (kernel-internal)";
}

impl Errno {
    /// The value that a BPF helper or `bpf(2)` returns for it: the negated number.
    pub const fn negated(self) -> i64 {
        -(self.0 as i64)
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Errno({})", self.0),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.text()) {
            (Some(name), Some(text)) => write!(f, "{name}: {text}"),
            _ => write!(f, "error {}", self.0),
        }
    }
}

impl std::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_numbers_survive_and_print() {
        assert_eq!(Errno(4095).name(), None);
        assert_eq!(Errno(4095).to_string(), "error 4095");
        assert_eq!(Errno::ENOSPC.to_string(), "ENOSPC: no space left on device");
        assert_eq!(Errno::ENOENT.negated(), -2);
    }
}
