//! The encoder beside GNU objdump: every shape of instruction, on registers that are encoded differently, reads as meant.

use std::process::Command;

use skep_isa::{Size, Width};
use skep_testkit::{TempDir, skip, tool};

use super::Features;
use super::asm::*;
use super::operand::*;

/// Registers whose encodings differ in kind: low and high, those that change the meaning of ModRM and SIB, and those
/// whose low byte needs a prefix.
const REGS: [Gpr; 9] = [RAX, RDX, RBX, RBP, RSI, R8, R12, R13, R15];

/// Displacements of each size, and immediates at the borders of theirs.
const DISPS: [i32; 6] = [0, 8, -128, 127, 128, -0x1234_5678];
const IMMS: [i32; 8] = [0, 1, -1, 127, 128, -129, i32::MAX, i32::MIN];
const SIZES: [Size; 4] = [Size::B, Size::H, Size::W, Size::Dw];
const WIDTHS: [Width; 2] = [Width::W32, Width::W64];

const NAMES: [[&str; 4]; 16] = [
    ["al", "ax", "eax", "rax"],
    ["cl", "cx", "ecx", "rcx"],
    ["dl", "dx", "edx", "rdx"],
    ["bl", "bx", "ebx", "rbx"],
    ["spl", "sp", "esp", "rsp"],
    ["bpl", "bp", "ebp", "rbp"],
    ["sil", "si", "esi", "rsi"],
    ["dil", "di", "edi", "rdi"],
    ["r8b", "r8w", "r8d", "r8"],
    ["r9b", "r9w", "r9d", "r9"],
    ["r10b", "r10w", "r10d", "r10"],
    ["r11b", "r11w", "r11d", "r11"],
    ["r12b", "r12w", "r12d", "r12"],
    ["r13b", "r13w", "r13d", "r13"],
    ["r14b", "r14w", "r14d", "r14"],
    ["r15b", "r15w", "r15d", "r15"],
];

fn sized(reg: Gpr, size: Size) -> &'static str {
    NAMES[reg.0 as usize][size.bytes().trailing_zeros() as usize]
}

const fn size_of_width(width: Width) -> Size {
    match width {
        Width::W32 => Size::W,
        Width::W64 => Size::Dw,
    }
}

fn named(reg: Gpr, width: Width) -> &'static str {
    sized(reg, size_of_width(width))
}

fn memory(size: Size, Mem { base, index, disp }: Mem) -> String {
    let kind = match size {
        Size::B => "BYTE",
        Size::H => "WORD",
        Size::W => "DWORD",
        Size::Dw => "QWORD",
    };
    // These can't be encoded without a displacement.
    let needs_disp = base == RBP || base == R13;
    let disp = match disp {
        0 if !needs_disp => String::new(),
        0.. => format!("+{disp:#x}"),
        _ => format!("-{:#x}", disp.unsigned_abs()),
    };
    let index = index.map(|index| format!("+{}*1", sized(index, Size::Dw))).unwrap_or_default();
    format!("{kind} PTR [{}{index}{disp}]", sized(base, Size::Dw))
}

/// An immediate as objdump prints it: sign-extended to the operand's size.
fn immediate(imm: i32, size: Size) -> String {
    format!("{:#x}", i64::from(imm) as u64 & (u64::MAX >> (64 - size.bits())))
}

/// Code, with the text that each instruction must be read as.
struct Sheet {
    asm: Asm,
    texts: Vec<String>,
}

impl Sheet {
    fn line(&mut self, text: String, emit: impl FnOnce(&mut Asm)) {
        emit(&mut self.asm);
        self.texts.push(text);
    }

    fn registers(&mut self) {
        for width in WIDTHS {
            for a in REGS {
                let na = named(a, width);
                for b in REGS {
                    let nb = named(b, width);
                    for (op, name) in ALUS {
                        self.line(format!("{name} {na},{nb}"), |asm| asm.alu_rr(op, width, a, b));
                    }
                    self.line(format!("test {na},{nb}"), |asm| asm.test_rr(width, a, b));
                    self.line(format!("mov {na},{nb}"), |asm| asm.mov_rr(width, a, b));
                    self.line(format!("imul {na},{nb}"), |asm| asm.imul_rr(width, a, b));
                    for imm in IMMS {
                        let text = format!("imul {na},{nb},{}", immediate(imm, size_of_width(width)));
                        self.line(text, |asm| asm.imul_rri(width, a, b, imm));
                    }
                    for (from, name) in [(Size::B, "movsx"), (Size::H, "movsx"), (Size::W, "movsxd")] {
                        if from != size_of_width(width) {
                            let text = format!("{name} {na},{}", sized(b, from));
                            self.line(text, |asm| asm.sign_extend(from, width, a, b));
                        }
                    }
                    self.bmi2(width, a, b);
                }
                self.one_register(width, a);
            }
        }
        for a in REGS {
            for b in REGS {
                for from in [Size::B, Size::H] {
                    let text = format!("movzx {},{}", sized(a, Size::W), sized(b, from));
                    self.line(text, |asm| asm.zero_extend(from, a, b));
                }
            }
        }
    }

    fn bmi2(&mut self, width: Width, a: Gpr, b: Gpr) {
        let (na, nb) = (named(a, width), named(b, width));
        for c in [RCX, R9] {
            let nc = named(c, width);
            for (op, name) in [(Shift::Shl, "shlx"), (Shift::Shr, "shrx"), (Shift::Sar, "sarx")] {
                self.line(format!("{name} {na},{nb},{nc}"), |asm| asm.shift_rr(op, width, a, b, c));
            }
            self.line(format!("mulx {na},{nc},{nb}"), |asm| asm.mulx(width, a, c, b));
        }
        self.line(format!("rorx {na},{nb},0x7"), |asm| asm.rorx(width, a, b, 7));
    }

    fn one_register(&mut self, width: Width, a: Gpr) {
        let na = named(a, width);
        for imm in IMMS {
            for (op, name) in ALUS {
                let text = format!("{name} {na},{}", immediate(imm, size_of_width(width)));
                self.line(text, |asm| asm.alu_ri(op, width, a, imm));
            }
            // Where the immediate has no high bits, a narrower test sees the same.
            let (text, value) = match imm {
                0..=127 => (sized(a, Size::B), immediate(imm, Size::B)),
                128.. => (sized(a, Size::W), immediate(imm, Size::W)),
                _ => (na, immediate(imm, size_of_width(width))),
            };
            self.line(format!("test {text},{value}"), |asm| asm.test_ri(width, a, imm));
        }
        for (op, name) in [(Unary::Neg, "neg"), (Unary::Div, "div"), (Unary::Idiv, "idiv")] {
            self.line(format!("{name} {na}"), |asm| asm.unary(op, width, a));
        }
        for (op, name) in [(Shift::Rol, "rol"), (Shift::Shl, "shl"), (Shift::Shr, "shr"), (Shift::Sar, "sar")]
        {
            self.line(format!("{name} {na},cl"), |asm| asm.shift_cl(op, width, a));
            self.line(format!("{name} {na},1"), |asm| asm.shift_ri(op, width, a, 1));
            self.line(format!("{name} {na},0x1f"), |asm| asm.shift_ri(op, width, a, 31));
        }
        self.line(format!("bswap {na}"), |asm| asm.bswap(width, a));
        if width == Width::W64 {
            self.line(format!("push {na}"), |asm| asm.push(a));
            self.line(format!("pop {na}"), |asm| asm.pop(a));
            self.line(format!("call {na}"), |asm| asm.call_reg(a));
            self.line(format!("rol {},0x8", sized(a, Size::H)), |asm| asm.swap_low_bytes(a));
            self.line(format!("xor {0},{0}", sized(a, Size::W)), |asm| asm.mov_ri(a, 0));
            self.line(format!("mov {},0xffffffff", sized(a, Size::W)), |asm| asm.mov_ri(a, 0xffff_ffff));
            self.line(format!("mov {na},0xffffffff80000000"), |asm| asm.mov_ri(a, i32::MIN.into()));
            self.line(format!("movabs {na},0x100000000"), |asm| asm.mov_ri(a, 1 << 32));
            self.line(format!("movabs {na},0x5"), |asm| asm.mov_ri64(a, 5));
        }
    }

    fn memory(&mut self) {
        for base in REGS {
            for disp in DISPS {
                let mem = memory_at(base, disp);
                for reg in REGS {
                    self.moves(mem, reg);
                    self.moves(Mem { index: Some(reg), ..mem }, reg);
                    self.atomics(mem, reg);
                }
                for size in SIZES {
                    for imm in IMMS {
                        let value = match size {
                            Size::B => format!("{:#x}", imm as u8),
                            Size::H => format!("{:#x}", imm as u16),
                            _ => immediate(imm, size),
                        };
                        let text = format!("mov {},{value}", memory(size, mem));
                        self.line(text, |asm| asm.store_imm(size, mem, imm));
                    }
                }
                for (op, name) in ALUS {
                    for size in SIZES {
                        for imm in IMMS {
                            let value = match size {
                                Size::B => format!("{:#x}", imm as u8),
                                Size::H => format!("{:#x}", imm as u16),
                                _ => immediate(imm, size),
                            };
                            let text = format!("{name} {},{value}", memory(size, mem));
                            self.line(text, |asm| asm.alu_mi(op, size, mem, imm));
                        }
                    }
                }
                let text = format!("movups {},xmm0", memory(Size::Dw, mem).replace("QWORD", "XMMWORD"));
                self.line(text, |asm| asm.store_xmm0(mem));
            }
        }
    }

    fn moves(&mut self, mem: Mem, reg: Gpr) {
        for size in SIZES {
            let (load, signed, to) = match size {
                Size::B | Size::H => ("movzx", "movsx", Size::W),
                Size::W => ("mov", "movsxd", Size::W),
                Size::Dw => ("mov", "mov", Size::Dw),
            };
            let place = memory(size, mem);
            self.line(format!("{load} {},{place}", sized(reg, to)), |asm| asm.load(size, reg, mem));
            self.line(format!("{signed} {},{place}", sized(reg, Size::Dw)), |asm| {
                asm.load_signed(size, reg, mem);
            });
            self.line(format!("mov {place},{}", sized(reg, size)), |asm| asm.store(size, mem, reg));
        }
        for width in WIDTHS {
            let (place, name) = (memory(size_of_width(width), mem), named(reg, width));
            for (op, op_name) in ALUS {
                self.line(format!("{op_name} {name},{place}"), |asm| asm.alu_rm(op, width, reg, mem));
            }
            let place = memory(Size::Dw, mem).replace("QWORD PTR ", "");
            self.line(format!("lea {},{place}", named(reg, width)), |asm| asm.lea(width, reg, mem));
        }
    }

    fn atomics(&mut self, mem: Mem, reg: Gpr) {
        for width in WIDTHS {
            let (place, name) = (memory(size_of_width(width), mem), named(reg, width));
            for (op, op_name) in ALUS.into_iter().filter(|(op, _)| !matches!(op, Alu::Cmp)) {
                let text = format!("lock {op_name} {place},{name}");
                self.line(text, |asm| asm.lock_alu(op, width, mem, reg));
            }
            self.line(format!("lock xadd {place},{name}"), |asm| asm.lock_xadd(width, mem, reg));
            self.line(format!("lock cmpxchg {place},{name}"), |asm| asm.lock_cmpxchg(width, mem, reg));
            self.line(format!("xchg {place},{name}"), |asm| asm.xchg(width, mem, reg));
        }
    }

    fn control(&mut self) {
        const NAMES: [(Cc, &str); 10] = [
            (Cc::Below, "jb"),
            (Cc::AboveEqual, "jae"),
            (Cc::Equal, "je"),
            (Cc::NotEqual, "jne"),
            (Cc::BelowEqual, "jbe"),
            (Cc::Above, "ja"),
            (Cc::Less, "jl"),
            (Cc::GreaterEqual, "jge"),
            (Cc::LessEqual, "jle"),
            (Cc::Greater, "jg"),
        ];
        let named = NAMES.map(|(cc, name)| (Some(cc), name));
        for (cc, name) in named.into_iter().chain([(None, "jmp")]) {
            let here = self.asm.here();
            self.line(format!("{name} {:#x}", here + 2), |asm| {
                let jump = asm.jump_short(cc);
                asm.land(jump);
            });
            let here = self.asm.here();
            self.line(format!("{name} {:#x}", here + 0x1000), |asm| {
                let at = asm.jump_near(cc);
                asm.patch_near(at, here + 0x1000);
            });
        }
        let here = self.asm.here();
        self.line(format!("call {:#x}", here - 0x20), |asm| {
            let at = asm.call_near();
            asm.patch_near(at, here - 0x20);
        });
        self.line("ret".into(), Asm::ret);
        self.line("ud2".into(), Asm::ud2);
        self.line("cdq".into(), |asm| asm.sign_to_rdx(Width::W32));
        self.line("cqo".into(), |asm| asm.sign_to_rdx(Width::W64));
        self.line("xorps xmm0,xmm0".into(), Asm::zero_xmm0);
    }
}

const ALUS: [(Alu, &str); 6] = [
    (Alu::Add, "add"),
    (Alu::Or, "or"),
    (Alu::And, "and"),
    (Alu::Sub, "sub"),
    (Alu::Xor, "xor"),
    (Alu::Cmp, "cmp"),
];

#[test]
fn every_shape_of_instruction_reads_as_meant() {
    let Some(objdump) = tool("objdump") else { skip!("objdump is not installed") };
    let mut sheet = Sheet { asm: Asm::default(), texts: Vec::new() };
    sheet.registers();
    sheet.memory();
    sheet.control();
    let dir = TempDir::new("encoder");
    let file = dir.path().join("code");
    std::fs::write(&file, sheet.asm.into_code()).expect("written");
    let output = Command::new(objdump)
        .args(["-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", "--no-show-raw-insn"])
        .arg(&file)
        .output()
        .expect("objdump runs");
    let listing = String::from_utf8(output.stdout).expect("text");
    // Lines of instructions are `address:`, a tab, the instruction, perhaps with a comment.
    let found: Vec<String> = listing
        .lines()
        .filter_map(|line| line.trim_start().split_once(":\t"))
        .map(|(_, text)| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for (at, (found, expected)) in found.iter().zip(&sheet.texts).enumerate() {
        assert_eq!(found, expected, "instruction {at}");
    }
    assert_eq!(found.len(), sheet.texts.len());
}

#[test]
fn a_short_jump_says_when_it_can_not_reach() {
    let mut asm = Asm::default();
    let jump = asm.jump_short(None);
    assert!(asm.patch_short(jump, 2 + 127));
    let jump = asm.jump_short(None);
    assert!(!asm.patch_short(jump, 4 + 128));
}

/// Whether the code of a program has this instruction in it.
fn has(program: &str, features: Features, emit: impl Fn(&mut Asm)) -> bool {
    let mut asm = Asm::default();
    emit(&mut asm);
    let proof = crate::tests::Assumed(crate::tests::program(crate::tests::parse(program)));
    let functions = crate::Functions::<crate::tests::Nowhere>::new();
    let lowered = crate::lower::lower(&proof, &[], &functions).expect("lowers");
    let code = super::emit(&lowered, &[], features).expect("emits");
    let wanted = asm.into_code();
    code.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn neighbours_become_one_instruction_where_nothing_else_sees_the_difference() {
    let old = Features { bmi2: false };
    let new = Features { bmi2: true };
    let rotate = "r2 = r1\nr2 >>= 51\nr1 <<= 13\nr1 |= r2\nr0 = r1\nexit";
    let rol = |asm: &mut Asm| asm.shift_ri(Shift::Rol, Width::W64, RDI, 13);
    assert!(has(rotate, old, rol) && has(rotate, new, rol));
    assert!(!has(&rotate.replace("51", "50"), new, rol), "no rotate");
    assert!(!has(&rotate.replace("r0 = r1", "r0 = r2"), new, rol), "a half is needed");
    assert!(!has(&format!("if r2 == 0 goto +2\n{rotate}"), new, rol), "a jump leads between");
    assert!(!has(&rotate.replace("r1 |= r2", "w1 |= w2"), new, rol), "half of it is lost");

    let by_copy = "w2 = w1\nw2 <<= 8\nw3 = w1\nw3 >>= 24\nr3 |= r2\nr0 = r3\nr0 += r1\nexit";
    assert!(has(by_copy, new, |asm| asm.rorx(Width::W32, RDX, RDI, 24)));
    assert!(has(by_copy, old, |asm| asm.shift_ri(Shift::Rol, Width::W32, RDX, 8)));

    let indexed = "r3 = r1\nr3 += r2\nr0 = *(u16 *)(r3 + 4)\nexit";
    let load = |asm: &mut Asm| asm.load(Size::H, RAX, Mem { base: RDI, index: Some(RSI), disp: 4 });
    assert!(has(indexed, old, load));
    assert!(!has(&indexed.replace("exit", "r0 += r3\nexit"), old, load), "the address is needed");

    let operand = "r2 = *(u64 *)(r1 + 8)\nr0 += r2\nexit";
    let add = |asm: &mut Asm| asm.alu_rm(Alu::Add, Width::W64, RAX, memory_at(RDI, 8));
    assert!(has(operand, old, add));
    assert!(!has(&operand.replace("u64", "u32"), old, add), "the operand is narrower");

    let compare = "r2 = *(u8 *)(r1 + 0)\nif r2 == 65 goto +1\nr0 = 1\nexit";
    let cmp = |asm: &mut Asm| asm.alu_mi(Alu::Cmp, Size::B, memory_at(RDI, 0), 65);
    assert!(has(compare, old, cmp));
    assert!(!has(&compare.replace("65", "321"), old, cmp), "no byte is that large");
}
