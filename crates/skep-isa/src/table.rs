//! The instruction table: one row a form, 182 forms. The only place where opcode numbers stand.
//!
//! Rows are written by families: a macro fills in what a family shares, so that what is left on a line is
//! what distinguishes its forms. Sources: RFC 9669 sections 3-5; kernel/bpf/verifier.c and
//! include/uapi/linux/bpf.h, Linux 6.18; `gotox` and `callx` from LLVM 22.
//!
//! Templates: literal text with operands in braces.
//!
//! | tag | operand |
//! |---|---|
//! | `{d}` `{s}` | destination and source register |
//! | `{dw}` `{sw}` | the same, as 32-bit registers where the dialect has them |
//! | `{i}` | the 32-bit immediate |
//! | `{i+}` | the same as an addend: nothing when it is zero |
//! | `{I}` | the 64-bit immediate |
//! | `{lo}` `{hi}` | its halves |
//! | `{o}` | the offset of an address, with its sign |
//! | `{t}` `{T}` | 16-bit and 32-bit distance of a jump |
//! | `{c}` | 32-bit distance of a call |
//! | `{k}` | the offset as a plain number |
//! | `{a}` `{b}` | destination and source address space |

use crate::row::{
    AluOp, AtomicOp, Callee, Cond, Cpu, Group, ImmUse, OffUse, Op, Order, Role, Row, Selector, Size, Src,
    Wide, Width,
};

/// Classes: the low three bits of an opcode byte.
const LD: u8 = 0;
const LDX: u8 = 1;
const ST: u8 = 2;
const STX: u8 = 3;
const ALU32: u8 = 4;
const JMP: u8 = 5;
const JMP32: u8 = 6;
const ALU64: u8 = 7;

/// Bit 3 of ALU and jump opcodes: the operand is a register.
const X: u8 = 8;

/// Modes of loads and stores: the high three bits.
const ABS: u8 = 0x20;
const IND: u8 = 0x40;
const MEM: u8 = 0x60;
const MEMSX: u8 = 0x80;
const ATOMIC: u8 = 0xc0;

/// Sizes of loads and stores: bits 3 and 4.
const fn size_bits(size: Size) -> u8 {
    match size {
        Size::W => 0x00,
        Size::H => 0x08,
        Size::B => 0x10,
        Size::Dw => 0x18,
    }
}

/// What most rows have in common.
const BLANK: Row = Row {
    name: "",
    opcode: 0,
    selector: Selector::None,
    slots: 1,
    dst: Role::None,
    src: Role::None,
    off: OffUse::None,
    imm: ImmUse::None,
    op: Op::Raw,
    cpu: Cpu::V1,
    linux: (3, 18),
    linux_ignores: 0,
    group: Group::Base64,
    pseudoc: "",
    normal: "",
    doc: "",
};

/// The first Linux version with a cpu level.
const fn linux_of(cpu: Cpu) -> (u8, u8) {
    match cpu {
        Cpu::V1 => (3, 18),
        Cpu::V2 => (4, 14),
        Cpu::V3 => (5, 1),
        Cpu::V4 => (6, 6),
        Cpu::Later => (0, 0),
    }
}

/// The conformance group of an arithmetic form.
const fn alu_group(op: AluOp, width: Width) -> Group {
    let divmul = matches!(op, AluOp::Mul | AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod);
    match (width, divmul) {
        (Width::W32, false) => Group::Base32,
        (Width::W64, false) => Group::Base64,
        (Width::W32, true) => Group::DivMul32,
        (Width::W64, true) => Group::DivMul64,
    }
}

/// Four rows of a two-operand operation: 64 and 32 bits, immediate and register.
macro_rules! alu {
    ($name:literal, $code:literal, $op:ident, $sign:literal, $doc:literal) => {
        alu!($name, $code, $op, $sign, $doc, BLANK, Selector::None, Selector::None)
    };
    ($name:literal, $code:literal, $op:ident, $sign:literal, $doc:literal, $base:expr, $imm_sel:expr, $reg_sel:expr) => {
        [
            Row {
                name: concat!($name, "64_imm"),
                opcode: $code | ALU64,
                selector: $imm_sel,
                imm: ImmUse::Number,
                op: Op::Alu { op: AluOp::$op, width: Width::W64, src: Src::Imm },
                group: alu_group(AluOp::$op, Width::W64),
                dst: alu_dst(AluOp::$op),
                pseudoc: concat!("{d} ", $sign, " {i}"),
                normal: concat!($name, " {d},{i}"),
                doc: $doc,
                ..$base
            },
            Row {
                name: concat!($name, "64_reg"),
                opcode: $code | X | ALU64,
                selector: $reg_sel,
                src: Role::Read,
                op: Op::Alu { op: AluOp::$op, width: Width::W64, src: Src::Reg },
                group: alu_group(AluOp::$op, Width::W64),
                dst: alu_dst(AluOp::$op),
                pseudoc: concat!("{d} ", $sign, " {s}"),
                normal: concat!($name, " {d},{s}"),
                doc: $doc,
                ..$base
            },
            Row {
                name: concat!($name, "32_imm"),
                opcode: $code | ALU32,
                selector: $imm_sel,
                imm: ImmUse::Number,
                op: Op::Alu { op: AluOp::$op, width: Width::W32, src: Src::Imm },
                group: alu_group(AluOp::$op, Width::W32),
                dst: alu_dst(AluOp::$op),
                pseudoc: concat!("{dw} ", $sign, " {i}"),
                normal: concat!($name, "32 {d},{i}"),
                doc: $doc,
                ..$base
            },
            Row {
                name: concat!($name, "32_reg"),
                opcode: $code | X | ALU32,
                selector: $reg_sel,
                src: Role::Read,
                op: Op::Alu { op: AluOp::$op, width: Width::W32, src: Src::Reg },
                group: alu_group(AluOp::$op, Width::W32),
                dst: alu_dst(AluOp::$op),
                pseudoc: concat!("{dw} ", $sign, " {sw}"),
                normal: concat!($name, "32 {d},{s}"),
                doc: $doc,
                ..$base
            },
        ]
    };
}

/// A move only writes its destination; everything else reads it first.
const fn alu_dst(op: AluOp) -> Role {
    if matches!(op, AluOp::Mov) { Role::Write } else { Role::ReadWrite }
}

/// Rows of cpu v4.
const V4: Row = Row { cpu: Cpu::V4, linux: linux_of(Cpu::V4), ..BLANK };

const NO: Selector = Selector::None;
const OFF0: Selector = Selector::Off(0);
const OFF1: Selector = Selector::Off(1);

const ALU: [[Row; 4]; 14] = [
    alu!("add", 0x00, Add, "+=", "add"),
    alu!("sub", 0x10, Sub, "-=", "subtract"),
    alu!("mul", 0x20, Mul, "*=", "multiply"),
    alu!("div", 0x30, Div, "/=", "divide, unsigned; by zero gives 0", BLANK, OFF0, OFF0),
    alu!("or", 0x40, Or, "|=", "bitwise or"),
    alu!("and", 0x50, And, "&=", "bitwise and"),
    alu!("lsh", 0x60, Lsh, "<<=", "shift left"),
    alu!("rsh", 0x70, Rsh, ">>=", "shift right, logical"),
    alu!("mod", 0x90, Mod, "%=", "remainder, unsigned; by zero leaves the dividend", BLANK, OFF0, OFF0),
    alu!("xor", 0xa0, Xor, "^=", "bitwise exclusive or"),
    alu!("mov", 0xb0, Mov, "=", "copy", BLANK, NO, OFF0),
    alu!("arsh", 0xc0, Arsh, "s>>=", "shift right, arithmetic"),
    alu!("sdiv", 0x30, Sdiv, "s/=", "divide, signed; by zero gives 0", V4, OFF1, OFF1),
    alu!("smod", 0x90, Smod, "s%=", "remainder, signed; by zero leaves the dividend", V4, OFF1, OFF1),
];

/// Sign-extending moves; the offset selects the source width.
macro_rules! movsx {
    ($name:literal, $class:ident, $width:ident, $from:ident, $bits:literal, $p:literal, $n:literal) => {
        Row {
            name: $name,
            opcode: 0xb0 | X | $class,
            selector: Selector::Off($bits),
            dst: Role::Write,
            src: Role::Read,
            op: Op::MovSx { width: Width::$width, from: Size::$from },
            group: alu_group(AluOp::Mov, Width::$width),
            pseudoc: $p,
            normal: $n,
            doc: "copy with sign extension",
            ..V4
        }
    };
}

/// Byte order; the immediate selects the size.
macro_rules! end {
    ($name:literal, $opcode:expr, $order:ident, $size:ident, $bits:literal, $group:ident, $base:expr, $n:literal) => {
        Row {
            name: $name,
            opcode: $opcode,
            selector: Selector::Imm($bits),
            dst: Role::ReadWrite,
            op: Op::End { order: Order::$order, size: Size::$size },
            group: Group::$group,
            pseudoc: concat!("{d} = ", $name, " {d}"),
            normal: concat!($n, " {d},", $bits),
            doc: "convert byte order; higher bits become zero",
            ..$base
        }
    };
}

const UNARY: [Row; 17] = [
    Row {
        name: "neg64",
        opcode: 0x80 | ALU64,
        dst: Role::ReadWrite,
        op: Op::Neg { width: Width::W64 },
        pseudoc: "{d} = -{d}",
        normal: "neg {d}",
        doc: "negate",
        ..BLANK
    },
    Row {
        name: "neg32",
        opcode: 0x80 | ALU32,
        dst: Role::ReadWrite,
        op: Op::Neg { width: Width::W32 },
        group: Group::Base32,
        pseudoc: "{dw} = -{dw}",
        normal: "neg32 {d}",
        doc: "negate",
        ..BLANK
    },
    movsx!("movsx8_64", ALU64, W64, B, 8, "{d} = (s8){s}", "movs {d},{s},8"),
    movsx!("movsx16_64", ALU64, W64, H, 16, "{d} = (s16){s}", "movs {d},{s},16"),
    movsx!("movsx32_64", ALU64, W64, W, 32, "{d} = (s32){s}", "movs {d},{s},32"),
    movsx!("movsx8_32", ALU32, W32, B, 8, "{dw} = (s8){sw}", "movs32 {d},{s},8"),
    movsx!("movsx16_32", ALU32, W32, H, 16, "{dw} = (s16){sw}", "movs32 {d},{s},16"),
    Row {
        name: "addr_space_cast",
        opcode: 0xb0 | X | ALU64,
        selector: Selector::Off(1),
        dst: Role::Write,
        src: Role::Read,
        imm: ImmUse::AddrSpaces,
        op: Op::AddrSpaceCast,
        cpu: Cpu::Later,
        linux: (6, 9),
        group: Group::Linux,
        pseudoc: "{d} = addr_space_cast({s}, {a}, {b})",
        normal: "addr_space_cast {d},{s},{a},{b}",
        doc: "move a pointer between the address spaces of an arena",
        ..BLANK
    },
    end!("le16", 0xd0 | ALU32, Little, H, 16, Base32, BLANK, "endle"),
    end!("be16", 0xd0 | X | ALU32, Big, H, 16, Base32, BLANK, "endbe"),
    end!("bswap16", 0xd0 | ALU64, Swap, H, 16, Base32, V4, "bswap"),
    end!("le32", 0xd0 | ALU32, Little, W, 32, Base32, BLANK, "endle"),
    end!("be32", 0xd0 | X | ALU32, Big, W, 32, Base32, BLANK, "endbe"),
    end!("bswap32", 0xd0 | ALU64, Swap, W, 32, Base32, V4, "bswap"),
    end!("le64", 0xd0 | ALU32, Little, Dw, 64, Base64, BLANK, "endle"),
    end!("be64", 0xd0 | X | ALU32, Big, Dw, 64, Base64, BLANK, "endbe"),
    end!("bswap64", 0xd0 | ALU64, Swap, Dw, 64, Base64, V4, "bswap"),
];

/// Four rows of a condition: 64 and 32 bits, immediate and register.
macro_rules! jump {
    ($name:literal, $code:literal, $cond:ident, $sign:literal, $cpu:ident, $doc:literal) => {
        [
            Row {
                name: concat!($name, "_imm"),
                opcode: $code | JMP,
                imm: ImmUse::Number,
                op: Op::Jump { cond: Cond::$cond, width: Width::W64, src: Src::Imm },
                pseudoc: concat!("if {d} ", $sign, " {i} goto {t}"),
                normal: concat!($name, " {d},{i},{t}"),
                doc: $doc,
                ..jump_base(Cpu::$cpu)
            },
            Row {
                name: concat!($name, "_reg"),
                opcode: $code | X | JMP,
                src: Role::Read,
                op: Op::Jump { cond: Cond::$cond, width: Width::W64, src: Src::Reg },
                pseudoc: concat!("if {d} ", $sign, " {s} goto {t}"),
                normal: concat!($name, " {d},{s},{t}"),
                doc: $doc,
                ..jump_base(Cpu::$cpu)
            },
            Row {
                name: concat!($name, "32_imm"),
                opcode: $code | JMP32,
                imm: ImmUse::Number,
                op: Op::Jump { cond: Cond::$cond, width: Width::W32, src: Src::Imm },
                group: Group::Base32,
                pseudoc: concat!("if {dw} ", $sign, " {i} goto {t}"),
                normal: concat!($name, "32 {d},{i},{t}"),
                doc: $doc,
                ..jump_base(Cpu::V3)
            },
            Row {
                name: concat!($name, "32_reg"),
                opcode: $code | X | JMP32,
                src: Role::Read,
                op: Op::Jump { cond: Cond::$cond, width: Width::W32, src: Src::Reg },
                group: Group::Base32,
                pseudoc: concat!("if {dw} ", $sign, " {sw} goto {t}"),
                normal: concat!($name, "32 {d},{s},{t}"),
                doc: $doc,
                ..jump_base(Cpu::V3)
            },
        ]
    };
}

/// What conditional jumps share.
const fn jump_base(cpu: Cpu) -> Row {
    Row { dst: Role::Read, off: OffUse::Target, cpu, linux: linux_of(cpu), ..BLANK }
}

const JUMPS: [[Row; 4]; 11] = [
    jump!("jeq", 0x10, Eq, "==", V1, "jump if equal"),
    jump!("jgt", 0x20, Gt, ">", V1, "jump if greater, unsigned"),
    jump!("jge", 0x30, Ge, ">=", V1, "jump if greater or equal, unsigned"),
    jump!("jset", 0x40, Set, "&", V1, "jump if a bit is set in both"),
    jump!("jne", 0x50, Ne, "!=", V1, "jump if not equal"),
    jump!("jsgt", 0x60, Sgt, "s>", V1, "jump if greater, signed"),
    jump!("jsge", 0x70, Sge, "s>=", V1, "jump if greater or equal, signed"),
    jump!("jlt", 0xa0, Lt, "<", V2, "jump if less, unsigned"),
    jump!("jle", 0xb0, Le, "<=", V2, "jump if less or equal, unsigned"),
    jump!("jslt", 0xc0, Slt, "s<", V2, "jump if less, signed"),
    jump!("jsle", 0xd0, Sle, "s<=", V2, "jump if less or equal, signed"),
];

const CONTROL: [Row; 9] = [
    Row {
        name: "ja",
        opcode: JMP,
        off: OffUse::Target,
        op: Op::Ja { long: false },
        group: Group::Base32,
        pseudoc: "goto {t}",
        normal: "ja {t}",
        doc: "jump",
        ..BLANK
    },
    Row {
        name: "gotol",
        opcode: JMP32,
        imm: ImmUse::Target,
        op: Op::Ja { long: true },
        group: Group::Base32,
        pseudoc: "gotol {T}",
        normal: "jal {T}",
        doc: "jump, with a 32-bit distance",
        ..V4
    },
    Row {
        name: "may_goto",
        opcode: 0xe0 | JMP,
        selector: Selector::Src(0),
        off: OffUse::Target,
        op: Op::MayGoto,
        cpu: Cpu::Later,
        linux: (6, 9),
        group: Group::Linux,
        pseudoc: "may_goto {t}",
        normal: "may_goto {t}",
        doc: "jump once the program has run too long: the exit of a loop without a proven bound",
        ..BLANK
    },
    Row {
        name: "gotox",
        opcode: X | JMP,
        dst: Role::Read,
        op: Op::GotoX,
        cpu: Cpu::Later,
        linux: (6, 19),
        group: Group::Linux,
        pseudoc: "gotox {d}",
        normal: "gotox {d}",
        doc: "jump to the instruction whose address the register holds",
        ..BLANK
    },
    Row {
        name: "call_helper",
        opcode: 0x80 | JMP,
        selector: Selector::Src(0),
        imm: ImmUse::Helper,
        op: Op::Call(Callee::Helper),
        group: Group::Base32,
        pseudoc: "call {i}",
        normal: "call {i}",
        doc: "call a helper by number: arguments r1-r5, result r0, which leaves r1-r5 undefined",
        ..BLANK
    },
    Row {
        name: "call_local",
        opcode: 0x80 | JMP,
        selector: Selector::Src(1),
        imm: ImmUse::Target,
        op: Op::Call(Callee::Local),
        group: Group::Base32,
        linux: (4, 16),
        pseudoc: "call pc{c}",
        normal: "call pc{c}",
        doc: "call a function of the program",
        ..BLANK
    },
    Row {
        name: "call_kfunc",
        opcode: 0x80 | JMP,
        selector: Selector::Src(2),
        off: OffUse::FdIndex,
        imm: ImmUse::BtfId,
        op: Op::Call(Callee::Kfunc),
        group: Group::Base32,
        linux: (5, 13),
        pseudoc: "call kfunc({i}, {k})",
        normal: "call kfunc({i}, {k})",
        doc: "call a kernel function by BTF id",
        ..BLANK
    },
    Row {
        name: "callx",
        opcode: 0x80 | X | JMP,
        dst: Role::Read,
        op: Op::CallX,
        cpu: Cpu::Later,
        linux: (0, 0),
        group: Group::Callx,
        pseudoc: "callx {d}",
        normal: "callx {d}",
        doc: "call the function whose number or address the register holds",
        ..BLANK
    },
    Row {
        name: "exit",
        opcode: 0x90 | JMP,
        op: Op::Exit,
        linux_ignores: 0xffff << 16, // its check of this class leaves the offset out here
        group: Group::Base32,
        pseudoc: "exit",
        normal: "exit",
        doc: "return r0",
        ..BLANK
    },
];

/// Loads and stores of one size: plain, sign-extending, from packets, acquire and release.
macro_rules! memory {
    ($size:ident, $letter:literal, $u:literal, $r:literal, $s:literal) => {
        [
            Row {
                name: concat!("ldx", $letter),
                opcode: MEM | size_bits(Size::$size) | LDX,
                dst: Role::Write,
                src: Role::Read,
                off: OffUse::Memory,
                op: Op::Load { size: Size::$size, signed: false },
                group: mem_group(Size::$size),
                pseudoc: concat!("{d} = *(", $u, " *)({s} {o})"),
                normal: concat!("ldx", $letter, " {d},[{s}{o}]"),
                doc: "load, zero-extended",
                ..BLANK
            },
            Row {
                name: concat!("stx", $letter),
                opcode: MEM | size_bits(Size::$size) | STX,
                dst: Role::Read,
                src: Role::Read,
                off: OffUse::Memory,
                op: Op::Store { size: Size::$size, src: Src::Reg },
                group: mem_group(Size::$size),
                pseudoc: concat!("*(", $u, " *)({d} {o}) = {s}"),
                normal: concat!("stx", $letter, " [{d}{o}],{s}"),
                doc: "store a register",
                ..BLANK
            },
            Row {
                name: concat!("st", $letter),
                opcode: MEM | size_bits(Size::$size) | ST,
                dst: Role::Read,
                off: OffUse::Memory,
                imm: ImmUse::Number,
                op: Op::Store { size: Size::$size, src: Src::Imm },
                group: mem_group(Size::$size),
                pseudoc: concat!("*(", $u, " *)({d} {o}) = {i}"),
                normal: concat!("st", $letter, " [{d}{o}],{i}"),
                doc: "store an immediate",
                ..BLANK
            },
            Row {
                name: concat!("load_acquire_", $letter),
                opcode: ATOMIC | size_bits(Size::$size) | STX,
                selector: Selector::Imm(0x100),
                dst: Role::Write,
                src: Role::Read,
                off: OffUse::Memory,
                op: Op::LoadAcquire { size: Size::$size },
                cpu: Cpu::Later,
                linux: (6, 15),
                group: Group::Linux,
                pseudoc: concat!($r, " = load_acquire((", $u, " *)({s} {o}))"),
                normal: concat!("ldacq", $letter, " {d},[{s}{o}]"),
                doc: "load with acquire order",
                ..BLANK
            },
            Row {
                name: concat!("store_release_", $letter),
                opcode: ATOMIC | size_bits(Size::$size) | STX,
                selector: Selector::Imm(0x110),
                dst: Role::Read,
                src: Role::Read,
                off: OffUse::Memory,
                op: Op::StoreRelease { size: Size::$size },
                cpu: Cpu::Later,
                linux: (6, 15),
                group: Group::Linux,
                pseudoc: concat!("store_release((", $u, " *)({d} {o}), ", $s, ")"),
                normal: concat!("strel", $letter, " [{d}{o}],{s}"),
                doc: "store with release order",
                ..BLANK
            },
        ]
    };
}

/// The conformance group of a plain load or store.
const fn mem_group(size: Size) -> Group {
    if matches!(size, Size::Dw) { Group::Base64 } else { Group::Base32 }
}

const MEMORY: [[Row; 5]; 4] = [
    memory!(B, "b", "u8", "{dw}", "{sw}"),
    memory!(H, "h", "u16", "{dw}", "{sw}"),
    memory!(W, "w", "u32", "{dw}", "{sw}"),
    memory!(Dw, "dw", "u64", "{d}", "{s}"),
];

/// What only three sizes have: sign-extending loads and packet loads.
macro_rules! narrow {
    ($size:ident, $letter:literal, $u:literal, $s:literal) => {
        [
            Row {
                name: concat!("ldxs", $letter),
                opcode: MEMSX | size_bits(Size::$size) | LDX,
                dst: Role::Write,
                src: Role::Read,
                off: OffUse::Memory,
                op: Op::Load { size: Size::$size, signed: true },
                group: Group::Base32,
                pseudoc: concat!("{d} = *(", $s, " *)({s} {o})"),
                normal: concat!("ldxs", $letter, " {d},[{s}{o}]"),
                doc: "load, sign-extended",
                ..V4
            },
            Row {
                name: concat!("ldabs", $letter),
                opcode: ABS | size_bits(Size::$size) | LD,
                imm: ImmUse::Number,
                op: Op::LoadPacket { size: Size::$size, indirect: false },
                group: Group::Packet,
                pseudoc: concat!("r0 = *(", $u, " *)skb[{i}]"),
                normal: concat!("ldabs", $letter, " {i}"),
                doc: "load from the packet in r6, in host order; ends the program when out of bounds",
                ..BLANK
            },
            Row {
                name: concat!("ldind", $letter),
                opcode: IND | size_bits(Size::$size) | LD,
                src: Role::Read,
                imm: ImmUse::Number,
                op: Op::LoadPacket { size: Size::$size, indirect: true },
                group: Group::Packet,
                pseudoc: concat!("r0 = *(", $u, " *)skb[{s}{i+}]"),
                normal: concat!("ldind", $letter, " {s},{i}"),
                doc: "load from the packet in r6, in host order; ends the program when out of bounds",
                ..BLANK
            },
        ]
    };
}

const NARROW: [[Row; 3]; 3] =
    [narrow!(B, "b", "u8", "s8"), narrow!(H, "h", "u16", "s16"), narrow!(W, "w", "u32", "s32")];

/// Read-modify-write forms of one operation and size; the immediate selects.
macro_rules! atomic {
    ($name:literal, $imm:literal, $op:ident, $size:ident, $fetch:literal, $base:expr, $p:literal, $n:literal) => {
        Row {
            name: $name,
            opcode: ATOMIC | size_bits(Size::$size) | STX,
            selector: Selector::Imm($imm),
            dst: Role::Read,
            src: match ($fetch, AtomicOp::$op) {
                (true, AtomicOp::CmpXchg) | (false, _) => Role::Read,
                (true, _) => Role::ReadWrite,
            },
            off: OffUse::Memory,
            op: Op::Atomic { op: AtomicOp::$op, size: Size::$size, fetch: $fetch },
            group: match Size::$size {
                Size::Dw => Group::Atomic64,
                _ => Group::Atomic32,
            },
            pseudoc: $p,
            normal: $n,
            ..$base
        }
    };
}

/// The atomic additions that cpu v1 has.
const XADD: Row = Row { doc: "atomic, no result", ..BLANK };
/// The other atomics without a result.
const LOCK: Row = Row { cpu: Cpu::V3, linux: (5, 12), ..XADD };
/// Atomics that return the old value.
const FETCH: Row = Row { doc: "atomic, returns the old value", ..LOCK };

const ATOMICS: [Row; 20] = [
    atomic!("lock_add32", 0x00, Add, W, false, XADD, "lock *(u32 *)({d} {o}) += {sw}", "aadd32 [{d}{o}],{s}"),
    atomic!(
        "fetch_add32",
        0x01,
        Add,
        W,
        true,
        FETCH,
        "{sw} = atomic_fetch_add((u32 *)({d} {o}), {sw})",
        "afadd32 [{d}{o}],{s}"
    ),
    atomic!("lock_or32", 0x40, Or, W, false, LOCK, "lock *(u32 *)({d} {o}) |= {sw}", "aor32 [{d}{o}],{s}"),
    atomic!(
        "fetch_or32",
        0x41,
        Or,
        W,
        true,
        FETCH,
        "{sw} = atomic_fetch_or((u32 *)({d} {o}), {sw})",
        "afor32 [{d}{o}],{s}"
    ),
    atomic!("lock_and32", 0x50, And, W, false, LOCK, "lock *(u32 *)({d} {o}) &= {sw}", "aand32 [{d}{o}],{s}"),
    atomic!(
        "fetch_and32",
        0x51,
        And,
        W,
        true,
        FETCH,
        "{sw} = atomic_fetch_and((u32 *)({d} {o}), {sw})",
        "afand32 [{d}{o}],{s}"
    ),
    atomic!("lock_xor32", 0xa0, Xor, W, false, LOCK, "lock *(u32 *)({d} {o}) ^= {sw}", "axor32 [{d}{o}],{s}"),
    atomic!(
        "fetch_xor32",
        0xa1,
        Xor,
        W,
        true,
        FETCH,
        "{sw} = atomic_fetch_xor((u32 *)({d} {o}), {sw})",
        "afxor32 [{d}{o}],{s}"
    ),
    atomic!("xchg32", 0xe1, Xchg, W, true, FETCH, "{sw} = xchg32_32({d} {o}, {sw})", "axchg32 [{d}{o}],{s}"),
    atomic!(
        "cmpxchg32",
        0xf1,
        CmpXchg,
        W,
        true,
        FETCH,
        "w0 = cmpxchg32_32({d} {o}, w0, {sw})",
        "acmp32 [{d}{o}],{s}"
    ),
    atomic!("lock_add64", 0x00, Add, Dw, false, XADD, "lock *(u64 *)({d} {o}) += {s}", "aadd [{d}{o}],{s}"),
    atomic!(
        "fetch_add64",
        0x01,
        Add,
        Dw,
        true,
        FETCH,
        "{s} = atomic_fetch_add((u64 *)({d} {o}), {s})",
        "afadd [{d}{o}],{s}"
    ),
    atomic!("lock_or64", 0x40, Or, Dw, false, LOCK, "lock *(u64 *)({d} {o}) |= {s}", "aor [{d}{o}],{s}"),
    atomic!(
        "fetch_or64",
        0x41,
        Or,
        Dw,
        true,
        FETCH,
        "{s} = atomic_fetch_or((u64 *)({d} {o}), {s})",
        "afor [{d}{o}],{s}"
    ),
    atomic!("lock_and64", 0x50, And, Dw, false, LOCK, "lock *(u64 *)({d} {o}) &= {s}", "aand [{d}{o}],{s}"),
    atomic!(
        "fetch_and64",
        0x51,
        And,
        Dw,
        true,
        FETCH,
        "{s} = atomic_fetch_and((u64 *)({d} {o}), {s})",
        "afand [{d}{o}],{s}"
    ),
    atomic!("lock_xor64", 0xa0, Xor, Dw, false, LOCK, "lock *(u64 *)({d} {o}) ^= {s}", "axor [{d}{o}],{s}"),
    atomic!(
        "fetch_xor64",
        0xa1,
        Xor,
        Dw,
        true,
        FETCH,
        "{s} = atomic_fetch_xor((u64 *)({d} {o}), {s})",
        "afxor [{d}{o}],{s}"
    ),
    atomic!("xchg64", 0xe1, Xchg, Dw, true, FETCH, "{s} = xchg_64({d} {o}, {s})", "axchg [{d}{o}],{s}"),
    atomic!(
        "cmpxchg64",
        0xf1,
        CmpXchg,
        Dw,
        true,
        FETCH,
        "r0 = cmpxchg_64({d} {o}, r0, {s})",
        "acmp [{d}{o}],{s}"
    ),
];

/// Two-slot loads; the source register field selects the kind.
macro_rules! wide {
    ($name:literal, $src:literal, $kind:ident, $imm:ident, $linux:expr, $p:literal, $n:literal, $doc:literal) => {
        Row {
            name: $name,
            opcode: size_bits(Size::Dw) | LD,
            selector: Selector::Src($src),
            slots: 2,
            dst: Role::Write,
            imm: ImmUse::$imm,
            op: Op::Wide(Wide::$kind),
            linux: $linux,
            pseudoc: $p,
            normal: $n,
            doc: $doc,
            ..BLANK
        }
    };
}

const WIDE: [Row; 7] = [
    wide!("lddw_imm", 0, Imm, Wide, (3, 18), "{d} = {I} ll", "lddw {d},{I}", "a 64-bit number"),
    wide!(
        "lddw_map_fd",
        1,
        MapFd,
        WideLow,
        (3, 18),
        "{d} = map_fd({lo}) ll",
        "lddw {d},map_fd({lo})",
        "a map"
    ),
    wide!(
        "lddw_map_value",
        2,
        MapValue,
        WidePair,
        (5, 2),
        "{d} = map_value({lo}, {hi}) ll",
        "lddw {d},map_value({lo}, {hi})",
        "an address inside a map's value"
    ),
    wide!(
        "lddw_btf_id",
        3,
        BtfId,
        WidePair,
        (5, 9),
        "{d} = btf_id({lo}, {hi}) ll",
        "lddw {d},btf_id({lo}, {hi})",
        "a kernel variable by BTF id; high, the fd of a module's BTF"
    ),
    wide!(
        "lddw_func",
        4,
        Func,
        WideLow,
        (5, 13),
        "{d} = func(pc{c}) ll",
        "lddw {d},func(pc{c})",
        "a function"
    ),
    wide!(
        "lddw_map_idx",
        5,
        MapIdx,
        WideLow,
        (5, 14),
        "{d} = map_idx({lo}) ll",
        "lddw {d},map_idx({lo})",
        "a map, by index"
    ),
    wide!(
        "lddw_map_idx_value",
        6,
        MapIdxValue,
        WidePair,
        (5, 14),
        "{d} = map_idx_value({lo}, {hi}) ll",
        "lddw {d},map_idx_value({lo}, {hi})",
        "an address inside a map's value, by index"
    ),
];

const COUNT: usize = 56 + 17 + 44 + 9 + 20 + 9 + 20 + 7;

/// All forms. An index into it is a [`crate::FormId`]; rows are only ever appended, so that ids stay.
pub static ROWS: [Row; COUNT] = {
    let mut rows = [BLANK; COUNT];
    let mut at = 0;
    macro_rules! append {
        ($family:expr) => {
            let mut i = 0;
            while i < $family.len() {
                rows[at] = $family[i];
                at += 1;
                i += 1;
            }
        };
    }
    append!(ALU.as_flattened());
    append!(UNARY);
    append!(JUMPS.as_flattened());
    append!(CONTROL);
    append!(MEMORY.as_flattened());
    append!(NARROW.as_flattened());
    append!(ATOMICS);
    append!(WIDE);
    assert!(at == COUNT);
    rows
};

/// Further spellings that readers take, by form: other tools' and older ones'.
pub static ALIASES: &[(&str, &str)] = &[
    // LLVM writes the narrow loads and stores with 32-bit registers.
    ("ldxb", "{dw} = *(u8 *)({s} {o})"),
    ("ldxh", "{dw} = *(u16 *)({s} {o})"),
    ("ldxw", "{dw} = *(u32 *)({s} {o})"),
    ("stxb", "*(u8 *)({d} {o}) = {sw}"),
    ("stxh", "*(u16 *)({d} {o}) = {sw}"),
    ("stxw", "*(u32 *)({d} {o}) = {sw}"),
    // The kernel's log and GNU write 32-bit atomics with 64-bit registers.
    ("lock_add32", "lock *(u32 *)({d} {o}) += {s}"),
    ("lock_or32", "lock *(u32 *)({d} {o}) |= {s}"),
    ("lock_and32", "lock *(u32 *)({d} {o}) &= {s}"),
    ("lock_xor32", "lock *(u32 *)({d} {o}) ^= {s}"),
    ("fetch_add32", "{s} = atomic_fetch_add((u32 *)({d} {o}), {s})"),
    ("fetch_or32", "{s} = atomic_fetch_or((u32 *)({d} {o}), {s})"),
    ("fetch_and32", "{s} = atomic_fetch_and((u32 *)({d} {o}), {s})"),
    ("fetch_xor32", "{s} = atomic_fetch_xor((u32 *)({d} {o}), {s})"),
    ("fetch_add64", "{s} = atomic64_fetch_add((u64 *)({d} {o}), {s})"),
    ("fetch_or64", "{s} = atomic64_fetch_or((u64 *)({d} {o}), {s})"),
    ("fetch_and64", "{s} = atomic64_fetch_and((u64 *)({d} {o}), {s})"),
    ("fetch_xor64", "{s} = atomic64_fetch_xor((u64 *)({d} {o}), {s})"),
    ("xchg32", "{s} = atomic_xchg((u32 *)({d} {o}), {s})"),
    ("xchg64", "{s} = atomic64_xchg((u64 *)({d} {o}), {s})"),
    ("cmpxchg32", "r0 = atomic_cmpxchg((u32 *)({d} {o}), r0, {s})"),
    ("cmpxchg64", "r0 = atomic64_cmpxchg((u64 *)({d} {o}), r0, {s})"),
    ("load_acquire_b", "{d} = load_acquire((u8 *)({s} {o}))"),
    ("load_acquire_h", "{d} = load_acquire((u16 *)({s} {o}))"),
    ("load_acquire_w", "{d} = load_acquire((u32 *)({s} {o}))"),
    ("store_release_b", "store_release((u8 *)({d} {o}), {s})"),
    ("store_release_h", "store_release((u16 *)({d} {o}), {s})"),
    ("store_release_w", "store_release((u32 *)({d} {o}), {s})"),
    // LLVM's spelling of the two-slot kinds; it has no place for the second number.
    ("lddw_map_fd", "ld_pseudo {d}, 1, {lo}"),
    ("lddw_map_value", "ld_pseudo {d}, 2, {lo}"),
    ("lddw_btf_id", "ld_pseudo {d}, 3, {lo}"),
    ("lddw_func", "ld_pseudo {d}, 4, {lo}"),
    ("lddw_map_idx", "ld_pseudo {d}, 5, {lo}"),
    ("lddw_map_idx_value", "ld_pseudo {d}, 6, {lo}"),
    ("call_kfunc", "call kfunc({i})"),
    // GNU before 2.41.
    ("lock_add32", "xaddw [{d}{o}],{s}"),
    ("lock_add64", "xadddw [{d}{o}],{s}"),
];

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::format;

    use super::*;

    #[test]
    fn names_and_keys_are_unique() {
        let names: BTreeSet<_> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), 182);
        let keys: BTreeSet<_> =
            ROWS.iter().map(|row| format!("{:02x} {:?} {:?}", row.opcode, row.selector, row.imm)).collect();
        assert_eq!(keys.len(), 182);
        assert_eq!(ROWS.iter().map(|row| row.opcode).collect::<BTreeSet<_>>().len(), 130);
    }

    #[test]
    fn a_selector_is_one_field_for_all_rows_of_an_opcode() {
        for a in &ROWS {
            for b in ROWS.iter().filter(|b| b.opcode == a.opcode) {
                assert_eq!(
                    core::mem::discriminant(&a.selector),
                    core::mem::discriminant(&b.selector),
                    "{} {}",
                    a.name,
                    b.name
                );
            }
        }
    }

    #[test]
    fn aliases_name_forms() {
        for (name, _) in ALIASES {
            assert!(ROWS.iter().any(|row| row.name == *name), "{name}");
        }
    }
}
