//! [`Assembled`]: what `bpf_asm!` makes.

use skep_obj::{LinkError, Object, Program};

/// Assembly that was assembled when this was compiled: a constant, by [`bpf_asm!`](crate::bpf_asm).
///
/// ```
/// use skep::host::{Host, LoadOptions, Loaded, TestRun};
/// use skep::{Assembled, UserConfig, UserHost};
///
/// const LENGTH: Assembled = skep::bpf_asm!(r#"
///     .section socket
///     length:
///         r0 = *(u32 *)(r1 + __sk_buff.len)
///         exit
/// "#);
///
/// let mut host = UserHost::new(UserConfig::default());
/// let loaded = Loaded::new(&mut host, &LENGTH.object(), &[], &LoadOptions::default()).unwrap();
/// let test = TestRun { data: &[0; 64], ..TestRun::default() };
/// assert_eq!(host.test_run(loaded.programs[0].id, &test).unwrap().retval, 50);
/// ```
///
/// What is wrong with the assembly is an error of the compiler, with its place in the Rust file:
///
/// ```compile_fail
/// const WRONG: skep::Assembled = skep::bpf_asm!("
///     .section xdp
///     f:
///         gtoo out
/// ");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assembled {
    elf: &'static [u8],
}

impl Assembled {
    /// For `bpf_asm!` alone, which has read these bytes back.
    #[doc(hidden)]
    pub const fn from_macro(elf: &'static [u8]) -> Assembled {
        Assembled { elf }
    }

    /// The bytes of the object file, little endian.
    pub const fn elf(&self) -> &'static [u8] {
        self.elf
    }

    /// The object.
    pub fn object(&self) -> Object {
        Object::from_elf(self.elf).expect("the macro has read the same bytes with the same code")
    }

    /// Its programs, linked, in the object's order.
    pub fn programs(&self) -> Result<Vec<Program>, LinkError> {
        self.object().link_all().map(|(_, program)| program).collect()
    }
}
