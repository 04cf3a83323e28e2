//! Native code for x86-64.
use crate::error::CompileError;
use crate::lower::Lowered;
use crate::runtime::{Runtime, World};
use skep_map::Map;
use std::marker::PhantomData;
use std::sync::Arc;
pub(crate) struct Native<W>(PhantomData<fn() -> W>);
impl<W: World> Native<W> {
    pub(crate) fn new(_: &Lowered<W>, _: &[Arc<Map>]) -> Result<Native<W>, CompileError> {
        Err(CompileError::NoNative { arch: "x" })
    }
    pub(crate) unsafe fn run(&self, _: &mut Runtime<W>) -> u64 {
        0
    }
    pub(crate) fn code(&self) -> &[u8] {
        &[]
    }
}
