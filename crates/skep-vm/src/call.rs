//! A call as the called function sees it: arguments by kind, the world, the context.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use skep_abi::{Access, Arg, Effect, Function, MapFlags};
use skep_map::Map;

use crate::context::RunContext;
use crate::memory::{copy_from_shared, copy_to_shared, private_bytes, private_bytes_mut};
use crate::runtime::{Runtime, World};
use crate::typed::{Input, MapArg, Output};

/// A call of a function by a program.
///
/// The function's description says what each argument is; the verifier has held the call to it, and the checked
/// interpreter does so again. [`functions!`](crate::functions) takes arguments as what they are; asking another call for
/// them panics.
pub struct Call<'a, W: World> {
    args: [u64; 5],
    function: &'static Function,
    run: &'a mut Runtime<W>,
    /// Whether the function has had its hands on the context.
    touched: bool,
}

impl<'a, W: World> Call<'a, W> {
    /// # Safety
    /// The arguments must be what the function's description says, by the verifier's proof or an engine's check, and
    /// stay so for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn new(
        args: [u64; 5],
        function: &'static Function,
        run: &'a mut Runtime<W>,
    ) -> Call<'a, W> {
        Call { args, function, run, touched: false }
    }

    /// The description that the call was checked against.
    pub fn function(&self) -> &'static Function {
        self.function
    }

    /// The argument with this index, from 0 to 4, as a number.
    #[inline(always)]
    pub fn arg(&self, index: usize) -> u64 {
        self.args[index]
    }

    /// The place that the program runs in.
    #[inline(always)]
    pub fn world(&mut self) -> &mut W {
        self.run.world()
    }

    /// The context that the program runs on.
    ///
    /// Only functions described as moving packets may move its packet's bounds, replace the packet, or make it need a
    /// larger buffer, and none may replace the context: the program's pointers would be left behind. The process is
    /// aborted if one does.
    pub fn context(&mut self) -> &mut RunContext {
        self.touched = true;
        self.run.context()
    }

    /// A map argument.
    ///
    /// A function may write to a map that programs may not write (`BPF_F_RDONLY_PROG`) under no circumstances: what such
    /// maps hold may be part of a proof.
    #[inline(always)]
    pub fn map(&self, MapArg(index): MapArg) -> &'a Map {
        self.map_at(usize::from(index))
    }

    #[inline(always)]
    fn map_at(&self, index: usize) -> &'a Map {
        let is_map = matches!(self.function.args.get(index), Some(Arg::Map(_)));
        assert!(is_map, "{}: argument {index} is no map", self.function.name);
        // SAFETY: by the contract of `new` the address of one of the program's maps, which the executable keeps for
        // the whole run.
        unsafe { &*std::ptr::with_exposed_provenance::<Map>(self.args[index] as usize) }
    }

    /// The bytes of a memory argument: key, value, or memory with a size; none for a null pointer. They are copied if
    /// other threads may write them.
    #[inline(always)]
    pub fn bytes(&self, Input(index): Input) -> Cow<'_, [u8]> {
        let (addr, len) = self.memory(usize::from(index));
        if self.is_private(addr, len) {
            // SAFETY: readable by the contract of `new`, on this thread's stack below this run, where only the program
            // has memory, which does not run now; a `BytesMut` of it would need `self` exclusively.
            return Cow::Borrowed(unsafe { private_bytes(addr, len) });
        }
        let mut copy = vec![0; len];
        // SAFETY: readable by the contract of `new`.
        unsafe { copy_from_shared(addr, &mut copy) };
        Cow::Owned(copy)
    }

    /// The bytes of a memory argument, to be written. They reach the program when the result is dropped.
    pub fn bytes_mut(&mut self, Output(index): Output) -> BytesMut<'_> {
        let index = usize::from(index);
        let writes = matches!(
            self.function.args.get(index),
            Some(
                Arg::MapValueOut(_)
                    | Arg::Memory { access: Access::Write | Access::Update, .. }
                    | Arg::Fixed { access: Access::Write | Access::Update, .. }
            )
        );
        assert!(writes, "{}: does not fill argument {index}", self.function.name);
        let (addr, len) = self.memory(index);
        if self.is_private(addr, len) {
            // SAFETY: writable by the contract of `new`, and private as in `bytes`; `self` is borrowed exclusively.
            return BytesMut(Target::Direct(unsafe { private_bytes_mut(addr, len) }));
        }
        let mut copy = vec![0; len];
        // SAFETY: writable, and thereby readable, by the contract of `new`.
        unsafe { copy_from_shared(addr, &mut copy) };
        BytesMut(Target::Copy { addr, copy })
    }

    /// Up to `len` bytes at an address that the program passes as a plain number, as messages do with strings: as many
    /// as lie there in one piece of memory that the program may read. `None` if there are none.
    pub fn peek(&mut self, addr: u64, len: usize) -> Option<Vec<u8>> {
        let maps = self.maps();
        let (packet, meta) = self.run.context().spans();
        let span = [packet, meta].into_iter().find(|span| span.holds(addr, 1));
        let room = if let Some(span) = span {
            span.end - addr
        } else if self.is_private(addr, 1) {
            (&raw const *self.run).addr() as u64 - addr
        } else {
            let readable = |map: &&Arc<Map>| {
                !map.def().flags.contains(MapFlags::WRONLY_PROG) && map.value_memory(addr as usize, 1)
            };
            let map = maps.iter().find(readable)?;
            // The most bytes from there on that are inside one value.
            let (mut fits, mut beyond) = (1, len + 1);
            while beyond - fits > 1 {
                let middle = fits.midpoint(beyond);
                let inside = map.value_memory(addr as usize, middle);
                *(if inside { &mut fits } else { &mut beyond }) = middle;
            }
            fits as u64
        };
        let mut bytes = vec![0; len.min(room as usize)];
        // SAFETY: inside the packet or its metadata, inside a map's value, or on this thread's stack below the run,
        // which is the program's and the engine's; nothing writes the first and the last meanwhile, and values are
        // read as memory that others write.
        unsafe { copy_from_shared(addr, &mut bytes) };
        Some(bytes)
    }

    /// Address and size of a memory argument.
    #[inline(always)]
    fn memory(&self, index: usize) -> (u64, usize) {
        let len = memory_len(self.function, index, &self.args, |map| self.map_at(map));
        let Some(len) = len else { panic!("{}: argument {index} is no memory", self.function.name) };
        match self.args[index] {
            0 => (0, 0),
            addr => (addr, len as usize),
        }
    }

    /// Whether this lies on the stack of this thread, below the run: in the program's frames.
    #[inline(always)]
    fn is_private(&self, addr: u64, len: usize) -> bool {
        let marker = 0_u8;
        let low = (&raw const marker).addr() as u64;
        let high = (&raw const *self.run).addr() as u64;
        len == 0 || addr > low && addr < high && len as u64 <= high - addr
    }

    /// The maps of the program.
    pub(crate) fn maps(&self) -> &'a [Arc<Map>] {
        self.run.maps()
    }

    /// After the function: points the context's pointers to where the packet is now.
    #[inline(always)]
    pub(crate) fn settle(self) {
        if self.touched {
            settle(self.run, self.function);
        }
    }
}

#[inline(never)]
fn settle<W: World>(run: &mut Runtime<W>, function: &Function) {
    let fields = run.fields;
    let context = run.context();
    assert!(context.address() == fields, "{} replaced the context", function.name);
    let moved = context.settle();
    assert!(!moved || function.has(Effect::MovesPacket), "{} moved the packet", function.name);
}

/// Bytes of a memory argument; `None` if it is no memory.
#[inline(always)]
pub(crate) fn memory_len<'m>(
    function: &Function,
    index: usize,
    args: &[u64; 5],
    map: impl Fn(usize) -> &'m Map,
) -> Option<u64> {
    match *function.args.get(index)? {
        Arg::MapKey(of) => Some(map(of as usize).def().key_size.into()),
        Arg::MapValue(of) | Arg::MapValueOut(of) => Some(map(of as usize).def().value_size.into()),
        Arg::Memory { size, .. } => Some(args[size as usize]),
        Arg::Fixed { size, .. } => Some(size.into()),
        _ => None,
    }
}

/// Memory of a program, to be written.
pub struct BytesMut<'a>(Target<'a>);

enum Target<'a> {
    /// The memory itself.
    Direct(&'a mut [u8]),
    /// A copy of memory that other threads may touch, which is written back at the end.
    Copy { addr: u64, copy: Vec<u8> },
}

impl Deref for BytesMut<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Target::Direct(bytes) => bytes,
            Target::Copy { copy, .. } => copy,
        }
    }
}

impl DerefMut for BytesMut<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Target::Direct(bytes) => bytes,
            Target::Copy { copy, .. } => copy,
        }
    }
}

impl Drop for BytesMut<'_> {
    fn drop(&mut self) {
        if let Target::Copy { addr, copy } = &self.0 {
            // SAFETY: made by `Call::bytes_mut` of writable memory of this length, for a lifetime within the call.
            unsafe { copy_to_shared(*addr, copy) };
        }
    }
}
