//! One answer into one instruction.
//!
//! An answer goes into the immediate of an arithmetic instruction or a wide load, or into the offset of an access to
//! memory. An access also moves a number of bytes, which must be those of the field: a wider or narrower access
//! serves only where the missing bits are zeros. An address that is computed says nothing of what is read there, so what
//! is read is taken to be the field as the program knows it, unless the function asks for the field's size too. libbpf
//! lets such a program read whatever is there; here it is refused where it would read something else than the field.

use skep_btf::core::{Field, Resolved, Shape};
use skep_isa::{Endian, FormId, Insn, Op, Size, Src, Wide, Width};

/// What became of an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Patched {
    /// It carries the answer.
    Done,
    /// It can't be made to do what it is meant to do.
    Unreadable(String),
}

/// Where an instruction carries an answer.
enum Place {
    Immediate(Width),
    Wide,
    /// The offset of an access of this size.
    Offset(Size),
}

impl Place {
    fn of(insn: &Insn) -> Option<Place> {
        Some(match insn.op() {
            Op::Alu { width, src: Src::Imm, .. } => Place::Immediate(width),
            Op::Wide(Wide::Imm) => Place::Wide,
            Op::Load { size, .. }
            | Op::Store { size, .. }
            | Op::Atomic { size, .. }
            | Op::LoadAcquire { size }
            | Op::StoreRelease { size } => Place::Offset(size),
            _ => return None,
        })
    }
}

/// What an instruction is part of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    /// The byte order of the object.
    pub(super) endian: Endian,
    /// Whether the function asks for the size of the field too.
    pub(super) sized: bool,
}

/// Puts an answer into the instruction at `at`. An error means that it is no instruction that can have that question.
pub(super) fn apply(
    insns: &mut [Insn],
    at: usize,
    found: &Resolved,
    around: Around,
) -> Result<Patched, String> {
    let insn = insns.get_mut(at).ok_or_else(|| "there is no instruction".to_owned())?;
    let Some(place) = Place::of(insn) else {
        return Err(format!(
            "expected an arithmetic instruction with an immediate, an access to memory or a wide load, found `{insn:?}`"
        ));
    };
    match place {
        Place::Immediate(width) => immediate(insn, width, found, around),
        Place::Wide => wide(insn, found),
        Place::Offset(size) => offset(insn, size, found, around),
    }
}

fn unexpected(expected: u64, found: i64) -> String {
    format!("expected {} by the object's own types, found {found}", expected as i64)
}

fn immediate(insn: &mut Insn, width: Width, found: &Resolved, around: Around) -> Result<Patched, String> {
    if found.exact && insn.imm as u32 != found.local as u32 {
        return Err(unexpected(found.local, insn.imm));
    }
    if let Some((own, there)) = &found.fields
        && !around.sized
        && let Some(why) = misread(own, there, around.endian)
    {
        return Ok(Patched::Unreadable(why));
    }
    let value = i64::from(found.value as i32);
    let fits = match width {
        Width::W64 => found.value as i64 == value,
        Width::W32 => found.value as i64 == value || u32::try_from(found.value).is_ok(),
    };
    if !fits {
        return Ok(Patched::Unreadable(format!("{} does not fit into the instruction", found.value)));
    }
    insn.imm = value;
    Ok(Patched::Done)
}

/// Why reading the program's field at the address of the kernel's would not give its value.
fn misread(own: &Field, there: &Field, endian: Endian) -> Option<String> {
    if own.bitfield || there.bitfield {
        let bits = |field: &Field| (field.bitfield, field.byte_size, field.bits, start(field));
        return (bits(own) != bits(there)).then(|| {
            let (own, there) = (spelled(own), spelled(there));
            format!("{there}, expected {own}; BPF_CORE_READ_BITFIELD_PROBED reads both")
        });
    }
    let whole = |field: &Field| field.byte_size == field.element_size;
    let scalar = |field: &Field| field.shape != Shape::Other;
    let (size, found) = (own.element_size, there.element_size);
    // The low bytes of a longer number are the number, if it is one that small.
    let longer = found > size && whole(own) && whole(there) && endian == Endian::Little;
    (scalar(own) && scalar(there) && found != size && !longer)
        .then(|| format!("{found} bytes long, expected {size}; bpf_core_field_size() says how many to read"))
}

/// The first bit of a bitfield in its container.
fn start(field: &Field) -> u32 {
    field.bit_offset.wrapping_sub(field.byte_offset.wrapping_mul(8))
}

/// A field in words.
fn spelled(field: &Field) -> String {
    if !field.bitfield {
        return format!("{} bytes", field.byte_size);
    }
    format!("{} bits from bit {} of {} bytes", field.bits, start(field), field.byte_size)
}

fn wide(insn: &mut Insn, found: &Resolved) -> Result<Patched, String> {
    let (local, value) = (found.local as i64, found.value as i64);
    let own = insn.imm;
    // Whether an enumerator is signed may be nowhere but in the instruction that the compiler made.
    let zero_extended = own != local && own == i64::from(local as u32);
    if found.exact && own != local && !zero_extended {
        return Err(unexpected(found.local, own));
    }
    insn.imm = if found.exact && zero_extended { i64::from(value as u32) } else { value };
    Ok(Patched::Done)
}

fn offset(insn: &mut Insn, size: Size, found: &Resolved, around: Around) -> Result<Patched, String> {
    if found.exact && i64::from(insn.off) != found.local as i64 {
        return Err(unexpected(found.local, i64::from(insn.off)));
    }
    let unreadable = |why| Ok(Patched::Unreadable(why));
    let Some((own, there)) = &found.fields else { return set_offset(insn, found.value as i64) };
    if own.bitfield {
        // Shifts and masks are in instructions without records: the bits must be at the same place of what is accessed.
        let moved = i64::from(there.bit_offset) - i64::from(own.bit_offset);
        if !there.bitfield || there.bits != own.bits || moved % 8 != 0 {
            let (own, there) = (spelled(own), spelled(there));
            return unreadable(format!("{there}, expected {own}; BPF_CORE_READ_BITFIELD reads both"));
        }
        let off = i64::from(insn.off) + moved / 8;
        // Or the program asks where the container is and how to shift, and the compiler made one instruction of an address
        // and the access to it. Which of the two it is can't be seen, and only matters where they differ.
        if around.sized && off != found.value as i64 {
            return unreadable(NEEDS_BARRIER.to_owned());
        }
        return set_offset(insn, off);
    }
    if there.bitfield {
        let there = spelled(there);
        return unreadable(format!(
            "{there}, expected {} bytes; BPF_CORE_READ_BITFIELD reads both",
            size.bytes()
        ));
    }
    // A program that asks for the size has an access of each size, of which it takes the right one.
    let asked = around.sized && size.bytes() == there.element_size;
    if own.element_size != there.element_size
        && !asked
        && let Err(why) = resize(insn, size, own, there)
    {
        return unreadable(why);
    }
    set_offset(insn, found.value as i64)
}

/// What helps where an access could mean two things.
const NEEDS_BARRIER: &str = "a bitfield that the program accesses directly as well as by size and shifts: make the address \
                             opaque with `asm volatile(\"\" : \"+r\"(address))` before it is accessed";

fn set_offset(insn: &mut Insn, off: i64) -> Result<Patched, String> {
    Ok(match i16::try_from(off) {
        Ok(off) => {
            insn.off = off;
            Patched::Done
        }
        Err(_) => Patched::Unreadable(format!("offset {off} does not fit into the instruction")),
    })
}

/// Makes an access as long as the kernel's field, if that reads the same number: pointers of 32 bits and numbers without
/// a sign are filled up with zeros.
fn resize(insn: &mut Insn, size: Size, own: &Field, there: &Field) -> Result<(), String> {
    let (expected, found) = (own.element_size, there.element_size);
    let zero_extends = own.shape == there.shape && own.shape.zero_extends();
    if !zero_extends {
        return Err(format!(
            "{found} bytes long, expected {expected}; only pointers and unsigned numbers can be read in another size"
        ));
    }
    if size.bytes() != expected {
        return Err(format!(
            "{found} bytes long, expected {expected}, of which {} are accessed",
            size.bytes()
        ));
    }
    let sizes = [Size::B, Size::H, Size::W, Size::Dw];
    let resized = sizes.into_iter().find(|size| size.bytes() == found).and_then(|size| with_size(insn, size));
    let resized = resized.ok_or_else(|| format!("no such access of {found} bytes, expected {expected}"))?;
    *insn = resized;
    Ok(())
}

/// The instruction with another size of access, if there is one.
fn with_size(insn: &Insn, size: Size) -> Option<Insn> {
    let op = match insn.op() {
        Op::Load { signed, .. } => Op::Load { size, signed },
        Op::Store { src, .. } => Op::Store { size, src },
        Op::Atomic { op, fetch, .. } => Op::Atomic { op, size, fetch },
        Op::LoadAcquire { .. } => Op::LoadAcquire { size },
        Op::StoreRelease { .. } => Op::StoreRelease { size },
        _ => return None,
    };
    FormId::of(op).map(|form| Insn { form, ..*insn })
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_isa::{AluOp, Reg};

    const AROUND: Around = Around { endian: Endian::Little, sized: false };

    fn number(byte_offset: u32, byte_size: u32, shape: Shape) -> Field {
        Field {
            bit_offset: 8 * byte_offset,
            bits: 8 * u64::from(byte_size),
            bitfield: false,
            byte_offset,
            byte_size,
            element_size: byte_size,
            shape,
        }
    }

    fn field(own: Field, there: Field) -> Resolved {
        let [local, value] = [own, there].map(|field| u64::from(field.byte_offset));
        Resolved { local, value, exact: !own.bitfield, fields: Some((own, there)) }
    }

    fn constant(local: u64, value: u64) -> Resolved {
        Resolved { local, value, exact: true, fields: None }
    }

    fn patched(insn: Insn, found: &Resolved) -> Result<Insn, String> {
        let mut insns = [insn];
        match apply(&mut insns, 0, found, AROUND)? {
            Patched::Done => Ok(insns[0]),
            Patched::Unreadable(why) => Err(format!("unreadable: {why}")),
        }
    }

    #[test]
    fn an_access_takes_the_size_of_the_field_where_zeros_fill_it_up() {
        let load = Insn::load(Size::Dw, Reg::R0, Reg::R1, 8);
        for shape in [Shape::Pointer, Shape::Unsigned] {
            let found = field(number(8, 8, shape), number(4, 4, shape));
            assert_eq!(patched(load, &found), Ok(Insn::load(Size::W, Reg::R0, Reg::R1, 4)));
        }
        for shape in [Shape::Signed, Shape::Enumeration { signed: false }, Shape::Other] {
            let found = field(number(8, 8, shape), number(4, 4, shape));
            let why = patched(load, &found).expect_err("other sizes read other numbers");
            assert!(why.starts_with("unreadable: 4 bytes long, expected 8"), "{why}");
        }
    }

    #[test]
    fn a_bitfield_that_moves_by_bytes_takes_its_container_along() {
        let bits = |bit_offset, bits| Field {
            bit_offset,
            bits,
            bitfield: true,
            byte_offset: bit_offset / 32 * 4,
            ..number(0, 4, Shape::Unsigned)
        };
        // The compiler loads the byte in which the bits are.
        let load = Insn::load(Size::B, Reg::R0, Reg::R1, 1);
        let moved = patched(load, &field(bits(11, 3), bits(35, 3)));
        assert_eq!(moved, Ok(load.off(4)));
        assert!(patched(load, &field(bits(11, 3), bits(36, 3))).is_err(), "within the byte");
        assert!(patched(load, &field(bits(11, 3), bits(11, 4))).is_err(), "another width");
        assert!(patched(load, &field(bits(8, 8), number(1, 1, Shape::Unsigned))).is_err(), "no bitfield");
    }

    #[test]
    fn an_address_is_only_good_for_what_is_read_there() {
        let add = Insn::alu_imm(AluOp::Add, Width::W64, Reg::R1, 8);
        let found = |size| field(number(8, 8, Shape::Signed), number(16, size, Shape::Signed));
        assert_eq!(patched(add, &found(8)), Ok(add.imm(16)));
        assert!(patched(add, &found(4)).is_err(), "the program reads 8 bytes");
        let asks = Around { sized: true, ..AROUND };
        let mut insns = [add];
        assert_eq!(apply(&mut insns, 0, &found(4), asks), Ok(Patched::Done));
        let shorter = field(number(8, 4, Shape::Signed), number(16, 8, Shape::Signed));
        assert_eq!(patched(add, &shorter), Ok(add.imm(16)), "the low half comes first");
        let big = Around { endian: Endian::Big, ..AROUND };
        let refused = apply(&mut [add], 0, &shorter, big);
        assert!(matches!(refused, Ok(Patched::Unreadable(_))), "{refused:?}");
    }

    #[test]
    fn numbers_that_do_not_fit_are_not_cut() {
        let mov = Insn::mov_imm(Reg::R1, 1);
        assert_eq!(patched(mov, &constant(1, (-2_i64) as u64)), Ok(mov.imm(-2)));
        assert!(patched(mov, &constant(1, 1 << 31)).is_err(), "the sign would fill it up");
        let half = Insn::alu_imm(AluOp::Mov, Width::W32, Reg::R1, 1);
        assert!(patched(half, &constant(1, 1 << 31)).is_ok());
        let load = Insn::load(Size::W, Reg::R0, Reg::R1, 0);
        let far = field(number(0, 4, Shape::Signed), number(1 << 15, 4, Shape::Signed));
        assert!(patched(load, &far).is_err());
    }

    #[test]
    fn a_wide_load_extends_as_the_compiler_did() {
        let value = |insn: i64, local: i32, value: i32| {
            let load = Insn::wide(Wide::Imm, Reg::R1, insn)[0];
            patched(load, &constant(i64::from(local) as u64, i64::from(value) as u64)).map(|insn| insn.imm)
        };
        assert_eq!(value(-1, -1, -2), Ok(-2));
        assert_eq!(value(0xffff_ffff, -1, -2), Ok(0xffff_fffe));
        assert_eq!(value(7, 7, -2), Ok(-2));
        assert!(value(8, 7, 9).is_err(), "not what the object's types say");
    }

    #[test]
    fn other_instructions_carry_no_answers() {
        let jump = Insn::ja(3);
        assert!(patched(jump, &constant(3, 4)).is_err());
        assert!(apply(&mut [], 0, &constant(0, 0), AROUND).is_err());
    }
}
