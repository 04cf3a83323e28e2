//! An encoder for the x86-64 instructions that the emitter uses, and no others.
//!
//! Each method appends one instruction. Operands are registers, memory at a register plus a constant, and immediates;
//! the shortest usual encoding is taken. What can't be encoded can't be said, but for distances of jumps, which whoever
//! patches them checks.
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.

use skep_isa::{Size, Width};

use super::operand::*;

/// A jump within 127 bytes whose distance is not known yet.
#[must_use]
pub(super) struct Short(usize);

/// Bytes of room that are made before an instruction: the longest has 15.
const ROOM: usize = 16;

/// The encoder: a growing piece of code.
#[derive(Default)]
pub(super) struct Asm {
    code: Vec<u8>,
}

/// What comes before an opcode byte.
#[derive(Clone, Copy)]
struct Prefix {
    /// The operand size is 16 bits.
    word: bool,
    /// The operand size is 64 bits.
    wide: bool,
    /// A register operand is a single byte, which needs a prefix from 4 on: without, 4 to 7 are AH to BH.
    byte: bool,
    /// The opcode is in the map that starts with this byte.
    escape: bool,
}

const P32: Prefix = Prefix { word: false, wide: false, byte: false, escape: false };
const P64: Prefix = Prefix { wide: true, ..P32 };
const P16: Prefix = Prefix { word: true, ..P32 };
const P8: Prefix = Prefix { byte: true, ..P32 };

const fn by_width(width: Width) -> Prefix {
    match width {
        Width::W32 => P32,
        Width::W64 => P64,
    }
}

const fn by_size(size: Size) -> Prefix {
    match size {
        Size::B => P8,
        Size::H => P16,
        Size::W => P32,
        Size::Dw => P64,
    }
}

const fn escaped(prefix: Prefix) -> Prefix {
    Prefix { escape: true, ..prefix }
}

impl Asm {
    pub(super) fn with_capacity(bytes: usize) -> Asm {
        Asm { code: Vec::with_capacity(bytes) }
    }

    /// The code.
    pub(super) fn into_code(self) -> Vec<u8> {
        self.code
    }

    /// Where the next instruction will be.
    #[inline]
    pub(super) fn here(&self) -> usize {
        self.code.len()
    }

    /// Makes room for one instruction: before its first byte, so that the others need not look.
    #[inline(always)]
    fn begin(&mut self) {
        if self.code.capacity() - self.code.len() < ROOM {
            self.code.reserve(4 * ROOM + self.code.len() / 2);
        }
    }

    #[inline(always)]
    fn byte(&mut self, byte: u8) {
        self.bytes([byte]);
    }

    #[inline(always)]
    fn bytes<const N: usize>(&mut self, bytes: [u8; N]) {
        let len = self.code.len();
        assert!(self.code.capacity() - len >= N);
        // SAFETY: just looked at.
        unsafe {
            self.code.as_mut_ptr().add(len).cast::<[u8; N]>().write(bytes);
            self.code.set_len(len + N);
        }
    }

    #[inline(always)]
    fn dword(&mut self, value: i32) {
        self.bytes(value.to_le_bytes());
    }

    /// Prefixes and opcode of an instruction with these register fields, 0 where there is none.
    #[inline(always)]
    fn head(&mut self, prefix: Prefix, opcode: u8, reg: u8, index: u8, rm: Gpr) {
        self.begin();
        if prefix.word {
            self.byte(0x66);
        }
        let rex = (prefix.wide as u8) << 3 | (reg >> 3) << 2 | (index >> 3) << 1 | rm.high();
        if rex != 0 || prefix.byte {
            self.byte(0x40 | rex);
        }
        if prefix.escape {
            self.byte(0x0f);
        }
        self.byte(opcode);
    }

    /// An instruction with two registers, `reg` in the field of that name; a byte is the other one.
    #[inline]
    fn rr(&mut self, prefix: Prefix, opcode: u8, reg: Gpr, rm: Gpr) {
        let prefix = Prefix { byte: prefix.byte && rm.0 >= 4, ..prefix };
        self.head(prefix, opcode, reg.0, 0, rm);
        self.byte(0xc0 | reg.low() << 3 | rm.low());
    }

    /// An instruction with one register, and a number in the other field.
    #[inline]
    fn nr(&mut self, prefix: Prefix, opcode: u8, number: u8, rm: Gpr) {
        let prefix = Prefix { byte: prefix.byte && rm.0 >= 4, ..prefix };
        self.head(prefix, opcode, 0, 0, rm);
        self.byte(0xc0 | number << 3 | rm.low());
    }

    /// An instruction with a register and memory; a byte is the register.
    #[inline]
    fn rm(&mut self, prefix: Prefix, opcode: u8, reg: Gpr, mem: Mem) {
        let prefix = Prefix { byte: prefix.byte && reg.0 >= 4, ..prefix };
        self.head(prefix, opcode, reg.0, mem.index.map_or(0, |index| index.0), mem.base);
        self.mem(reg.low(), mem);
    }

    /// An instruction with memory, and a number in the other field.
    #[inline]
    fn nm(&mut self, prefix: Prefix, opcode: u8, number: u8, mem: Mem) {
        let prefix = Prefix { byte: false, ..prefix };
        self.head(prefix, opcode, 0, mem.index.map_or(0, |index| index.0), mem.base);
        self.mem(number, mem);
    }

    /// ModRM, SIB and displacement of a memory operand.
    #[inline]
    fn mem(&mut self, field: u8, Mem { base, index, disp }: Mem) {
        // Without a displacement, the encoding of rbp and r13 means something else.
        let mode = match i8::try_from(disp) {
            Ok(0) if base.low() != RBP.0 => 0,
            Ok(_) => 0x40,
            Err(_) => 0x80,
        };
        // The encoding of rsp and r12 announces a SIB byte, in which that of rsp means no index.
        if index.is_some() || base.low() == RSP.0 {
            self.byte(mode | field << 3 | RSP.0);
            self.byte(index.map_or(RSP.0, Gpr::low) << 3 | base.low());
        } else {
            self.byte(mode | field << 3 | base.low());
        }
        match mode {
            0 => {}
            0x40 => self.byte(disp as u8),
            _ => self.dword(disp),
        }
    }

    /// `op dst, [mem]`
    #[inline]
    pub(super) fn alu_rm(&mut self, op: Alu, width: Width, dst: Gpr, mem: Mem) {
        self.rm(by_width(width), (op as u8) << 3 | 3, dst, mem);
    }

    /// `op [mem], imm`, on one, four or eight bytes. The low byte of the immediate counts for one byte.
    pub(super) fn alu_mi(&mut self, op: Alu, size: Size, mem: Mem, imm: i32) {
        match (size, i8::try_from(imm)) {
            (Size::B, _) => {
                self.nm(P8, 0x80, op as u8, mem);
                self.byte(imm as u8);
            }
            (_, Ok(imm)) => {
                self.nm(by_size(size), 0x83, op as u8, mem);
                self.byte(imm as u8);
            }
            (Size::H, _) => {
                self.nm(P16, 0x81, op as u8, mem);
                self.bytes((imm as i16).to_le_bytes());
            }
            _ => {
                self.nm(by_size(size), 0x81, op as u8, mem);
                self.dword(imm);
            }
        }
    }

    /// `op dst, src`
    #[inline]
    pub(super) fn alu_rr(&mut self, op: Alu, width: Width, dst: Gpr, src: Gpr) {
        self.rr(by_width(width), (op as u8) << 3 | 1, src, dst);
    }

    /// `op dst, imm`
    #[inline]
    pub(super) fn alu_ri(&mut self, op: Alu, width: Width, dst: Gpr, imm: i32) {
        if let Ok(imm) = i8::try_from(imm) {
            self.nr(by_width(width), 0x83, op as u8, dst);
            self.byte(imm as u8);
        } else {
            self.nr(by_width(width), 0x81, op as u8, dst);
            self.dword(imm);
        }
    }

    /// `lock op [mem], src`
    pub(super) fn lock_alu(&mut self, op: Alu, width: Width, mem: Mem, src: Gpr) {
        self.begin();
        self.byte(0xf0);
        self.rm(by_width(width), (op as u8) << 3 | 1, src, mem);
    }

    /// `lock xadd [mem], src`
    pub(super) fn lock_xadd(&mut self, width: Width, mem: Mem, src: Gpr) {
        self.begin();
        self.byte(0xf0);
        self.rm(escaped(by_width(width)), 0xc1, src, mem);
    }

    /// `lock cmpxchg [mem], src`
    pub(super) fn lock_cmpxchg(&mut self, width: Width, mem: Mem, src: Gpr) {
        self.begin();
        self.byte(0xf0);
        self.rm(escaped(by_width(width)), 0xb1, src, mem);
    }

    /// `xchg [mem], src`, which locks by itself.
    pub(super) fn xchg(&mut self, width: Width, mem: Mem, src: Gpr) {
        self.rm(by_width(width), 0x87, src, mem);
    }

    /// `test a, b`
    #[inline]
    pub(super) fn test_rr(&mut self, width: Width, a: Gpr, b: Gpr) {
        self.rr(by_width(width), 0x85, b, a);
    }

    /// `test reg, imm`
    pub(super) fn test_ri(&mut self, width: Width, reg: Gpr, imm: i32) {
        if (0..0x80).contains(&imm) {
            self.nr(P8, 0xf6, 0, reg);
            self.byte(imm as u8);
        } else {
            // The high half of the register is not looked at if the immediate has none.
            let width = if imm >= 0 { Width::W32 } else { width };
            self.nr(by_width(width), 0xf7, 0, reg);
            self.dword(imm);
        }
    }

    /// `mov dst, src`; with 32 bits, zero-extending.
    #[inline]
    pub(super) fn mov_rr(&mut self, width: Width, dst: Gpr, src: Gpr) {
        self.rr(by_width(width), 0x89, src, dst);
    }

    /// `dst = imm`, all 64 bits, in the fewest bytes; leaves no flags as they were.
    #[inline]
    pub(super) fn mov_ri(&mut self, dst: Gpr, imm: i64) {
        if imm == 0 {
            self.alu_rr(Alu::Xor, Width::W32, dst, dst);
        } else if let Ok(imm) = u32::try_from(imm) {
            self.head(P32, 0xb8 | dst.low(), 0, 0, dst);
            self.dword(imm as i32);
        } else if let Ok(imm) = i32::try_from(imm) {
            self.nr(P64, 0xc7, 0, dst);
            self.dword(imm);
        } else {
            self.mov_ri64(dst, imm);
        }
    }

    /// `dst = imm` in ten bytes, whatever the immediate.
    pub(super) fn mov_ri64(&mut self, dst: Gpr, imm: i64) {
        self.head(P64, 0xb8 | dst.low(), 0, 0, dst);
        self.bytes(imm.to_le_bytes());
    }

    /// `movzx dst, src`, from one or two bytes; `mov` from four or eight.
    pub(super) fn zero_extend(&mut self, from: Size, dst: Gpr, src: Gpr) {
        match from {
            Size::B => self.rr(escaped(P8), 0xb6, dst, src),
            Size::H => self.rr(escaped(P32), 0xb7, dst, src),
            Size::W => self.mov_rr(Width::W32, dst, src),
            Size::Dw => self.mov_rr(Width::W64, dst, src),
        }
    }

    /// `movsx dst, src`, to the width.
    pub(super) fn sign_extend(&mut self, from: Size, width: Width, dst: Gpr, src: Gpr) {
        let prefix = by_width(width);
        match from {
            Size::B => self.rr(escaped(Prefix { byte: true, ..prefix }), 0xbe, dst, src),
            Size::H => self.rr(escaped(prefix), 0xbf, dst, src),
            Size::W => self.rr(prefix, 0x63, dst, src),
            Size::Dw => self.mov_rr(width, dst, src),
        }
    }

    /// A load, zero-extended to 64 bits.
    #[inline]
    pub(super) fn load(&mut self, size: Size, dst: Gpr, mem: Mem) {
        match size {
            Size::B => self.rm(escaped(P32), 0xb6, dst, mem),
            Size::H => self.rm(escaped(P32), 0xb7, dst, mem),
            Size::W => self.rm(P32, 0x8b, dst, mem),
            Size::Dw => self.rm(P64, 0x8b, dst, mem),
        }
    }

    /// A load, sign-extended to 64 bits.
    pub(super) fn load_signed(&mut self, size: Size, dst: Gpr, mem: Mem) {
        match size {
            Size::B => self.rm(escaped(P64), 0xbe, dst, mem),
            Size::H => self.rm(escaped(P64), 0xbf, dst, mem),
            Size::W => self.rm(P64, 0x63, dst, mem),
            Size::Dw => self.rm(P64, 0x8b, dst, mem),
        }
    }

    /// A store of a register's low bytes.
    #[inline]
    pub(super) fn store(&mut self, size: Size, mem: Mem, src: Gpr) {
        let opcode = if size == Size::B { 0x88 } else { 0x89 };
        self.rm(by_size(size), opcode, src, mem);
    }

    /// A store of an immediate, sign-extended.
    pub(super) fn store_imm(&mut self, size: Size, mem: Mem, imm: i32) {
        let opcode = if size == Size::B { 0xc6 } else { 0xc7 };
        self.nm(by_size(size), opcode, 0, mem);
        match size {
            Size::B => self.byte(imm as u8),
            Size::H => self.bytes((imm as i16).to_le_bytes()),
            Size::W | Size::Dw => self.dword(imm),
        }
    }

    /// `lea dst, [mem]`, all 64 bits or, zero-extended, the low 32.
    pub(super) fn lea(&mut self, width: Width, dst: Gpr, mem: Mem) {
        self.rm(by_width(width), 0x8d, dst, mem);
    }

    /// `imul dst, src`
    pub(super) fn imul_rr(&mut self, width: Width, dst: Gpr, src: Gpr) {
        self.rr(escaped(by_width(width)), 0xaf, dst, src);
    }

    /// `imul dst, src, imm`
    pub(super) fn imul_rri(&mut self, width: Width, dst: Gpr, src: Gpr, imm: i32) {
        if let Ok(imm) = i8::try_from(imm) {
            self.rr(by_width(width), 0x6b, dst, src);
            self.byte(imm as u8);
        } else {
            self.rr(by_width(width), 0x69, dst, src);
            self.dword(imm);
        }
    }

    /// `mulx high, low, src`: `rdx * src`, no flags. Needs BMI2.
    pub(super) fn mulx(&mut self, width: Width, high: Gpr, low: Gpr, src: Gpr) {
        self.vex(width, 2, 3, 0xf6, high, low, src);
    }

    /// Negation or division by one operand.
    pub(super) fn unary(&mut self, op: Unary, width: Width, reg: Gpr) {
        self.nr(by_width(width), 0xf7, op as u8, reg);
    }

    /// Sign of rax into all of rdx.
    pub(super) fn sign_to_rdx(&mut self, width: Width) {
        self.head(by_width(width), 0x99, 0, 0, RAX);
    }

    /// A shift by an immediate.
    #[inline]
    pub(super) fn shift_ri(&mut self, op: Shift, width: Width, reg: Gpr, count: u8) {
        if count == 1 {
            self.nr(by_width(width), 0xd1, op as u8, reg);
        } else {
            self.nr(by_width(width), 0xc1, op as u8, reg);
            self.byte(count);
        }
    }

    /// A shift by cl.
    pub(super) fn shift_cl(&mut self, op: Shift, width: Width, reg: Gpr) {
        self.nr(by_width(width), 0xd3, op as u8, reg);
    }

    /// `op dst, src, count`: a shift by a register's low bits, no flags. Needs BMI2; rotates have no such form.
    pub(super) fn shift_rr(&mut self, op: Shift, width: Width, dst: Gpr, src: Gpr, count: Gpr) {
        let prefix = match op {
            Shift::Shl => 1,
            Shift::Sar => 2,
            Shift::Shr | Shift::Rol => 3,
        };
        self.vex(width, 2, prefix, 0xf7, dst, count, src);
    }

    /// `rorx dst, src, count`: a rotate to the right, no flags. Needs BMI2.
    pub(super) fn rorx(&mut self, width: Width, dst: Gpr, src: Gpr, count: u8) {
        // The field for a third register says none by all ones, which is what r0 is inverted to.
        self.vex(width, 3, 3, 0xf0, dst, RAX, src);
        self.byte(count);
    }

    #[allow(clippy::too_many_arguments)] // they are the fields of the encoding
    /// An instruction in the VEX encoding: opcode map, implied prefix, opcode, and its three registers.
    fn vex(&mut self, width: Width, map: u8, prefix: u8, opcode: u8, reg: Gpr, third: Gpr, rm: Gpr) {
        let wide = (width == Width::W64) as u8;
        self.begin();
        self.byte(0xc4);
        self.byte((reg.high() ^ 1) << 7 | 1 << 6 | (rm.high() ^ 1) << 5 | map);
        self.byte(wide << 7 | (third.0 ^ 15) << 3 | prefix);
        self.byte(opcode);
        self.byte(0xc0 | reg.low() << 3 | rm.low());
    }

    /// `bswap reg`
    pub(super) fn bswap(&mut self, width: Width, reg: Gpr) {
        self.head(escaped(by_width(width)), 0xc8 | reg.low(), 0, 0, reg);
    }

    /// `rol reg16, 8`: swaps the two low bytes.
    pub(super) fn swap_low_bytes(&mut self, reg: Gpr) {
        self.nr(P16, 0xc1, Shift::Rol as u8, reg);
        self.byte(8);
    }

    /// `push reg`
    pub(super) fn push(&mut self, reg: Gpr) {
        self.head(P32, 0x50 | reg.low(), 0, 0, reg);
    }

    /// `pop reg`
    pub(super) fn pop(&mut self, reg: Gpr) {
        self.head(P32, 0x58 | reg.low(), 0, 0, reg);
    }

    /// `xorps xmm0, xmm0`
    pub(super) fn zero_xmm0(&mut self) {
        self.begin();
        self.bytes([0x0f, 0x57, 0xc0]);
    }

    /// `movups [mem], xmm0`: 16 bytes.
    pub(super) fn store_xmm0(&mut self, mem: Mem) {
        self.nm(escaped(P32), 0x11, 0, mem);
    }

    /// `ret`
    pub(super) fn ret(&mut self) {
        self.begin();
        self.byte(0xc3);
    }

    /// `ud2`: an instruction that is none.
    pub(super) fn ud2(&mut self) {
        self.begin();
        self.bytes([0x0f, 0x0b]);
    }

    /// `call reg`
    pub(super) fn call_reg(&mut self, reg: Gpr) {
        self.nr(P32, 0xff, 2, reg);
    }

    /// `call`, with a distance to be patched by [`Asm::patch_near`]: where that is.
    pub(super) fn call_near(&mut self) -> usize {
        self.begin();
        self.byte(0xe8);
        self.dword(0);
        self.here() - 4
    }

    /// A jump (with a condition, or always), with a distance of 32 bits to be patched: where that is.
    #[inline]
    pub(super) fn jump_near(&mut self, cc: Option<Cc>) -> usize {
        self.begin();
        match cc {
            Some(cc) => {
                self.byte(0x0f);
                self.byte(0x80 | cc as u8);
            }
            None => self.byte(0xe9),
        }
        self.dword(0);
        self.here() - 4
    }

    /// The same with a distance of 8 bits, to be patched by [`Asm::patch_short`].
    #[inline]
    pub(super) fn jump_short(&mut self, cc: Option<Cc>) -> Short {
        self.begin();
        self.byte(cc.map_or(0xeb, |cc| 0x70 | cc as u8));
        self.byte(0);
        Short(self.here() - 1)
    }

    /// Lets a short jump lead here. Panics if that is too far: short jumps are for within one instruction's code.
    pub(super) fn land(&mut self, jump: Short) {
        self.land_at(jump, self.here());
    }

    /// Lets a short jump lead to a place that is known to be near. Panics if it is not.
    pub(super) fn land_at(&mut self, jump: Short, to: usize) {
        let fits = self.patch_short(jump, to);
        assert!(fits, "a short jump reaches 127 bytes");
    }

    /// Lets a short jump lead to a place; whether it reaches so far.
    #[must_use]
    pub(super) fn patch_short(&mut self, Short(at): Short, to: usize) -> bool {
        match i8::try_from(to as i64 - (at as i64 + 1)) {
            Ok(distance) => {
                self.code[at] = distance as u8;
                true
            }
            Err(_) => false,
        }
    }

    /// Lets a jump or call with a distance of 32 bits lead to a place. Code is far smaller than that reaches
    /// ([`crate::MAX_CODE_BYTES`]).
    pub(super) fn patch_near(&mut self, at: usize, to: usize) {
        let distance = (to as i64 - (at as i64 + 4)) as i32;
        self.code[at..at + 4].copy_from_slice(&distance.to_le_bytes());
    }
}
