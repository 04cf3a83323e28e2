//! Rows registered at run time: a made-up class of 24 bytes, in bytes and text of both dialects, and what is refused.

use skep_isa::rowset::{ExpandError, Isa, RowSetCause};
use skep_isa::text::{Dialect, Reader};
use skep_isa::{Endian, FormId, Insn, decode_all, encode_all};

/// Multiply and add in 24 bytes, with and without a meaning.
const ROWS: &str = "
row      mac                      # a comment
doc      multiply and add: dst = src * factor + addend
opcode   0xff
selector off 1
slots    3
operand  d register 0 8 4
operand  s register 0 12 4
operand  factor signed 1 0 64
operand  addend signed 2 32 32
operand  flag unsigned 2 3 5
pseudoc  {d} = mac({s}, {factor}, {addend}, {flag})
normal   mac {d},{s},{factor},{addend},{flag}
expand   {d} = {s}
expand   if {d} == 0 goto +3
expand   r0 = {factor} ll
expand   {d} *= r0
expand   {d} += {addend}

row      fence
doc      nothing says what it does
opcode   0xff
selector off 2
slots    1
pseudoc  full_fence
normal   ffence
";

fn isa() -> Isa {
    Isa::parse(ROWS).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn any_bytes_survive_and_so_do_their_texts() {
    let isa = isa();
    let mut extensions = 0;
    arbtest::arbtest(|u| {
        let mut slots: Vec<[u8; 8]> = u.arbitrary()?;
        slots.truncate(16);
        // Random bytes rarely are one: slots of the class are put among them.
        let wanted: [u64; 3] = [
            u64::from(u.arbitrary::<u8>()?) << 8 | 0x0001_00ff,
            u.arbitrary()?,
            u.arbitrary::<u64>()? & 0xffff_ffff_0000_00f8,
        ];
        let at = u.choose_index(slots.len() + 1)?;
        for endian in [Endian::Little, Endian::Big] {
            let mut code = slots[..at].concat();
            let swapped = encode_all(&wanted.map(Insn::raw), endian);
            code.extend(swapped);
            code.extend(slots[at..].concat());
            let insns = isa.decode_all(&code, endian).expect("whole slots");
            assert_eq!(insns.len() * 8, code.len());
            assert_eq!(isa.encode_all(&insns, endian), code);
            let plain = decode_all(&code, endian).expect("whole slots");
            assert_eq!(isa.lift(&plain), insns);
            assert_eq!(encode_all(&isa.lower(&insns), endian), code);
            for (start, insn) in insns.iter().enumerate().filter(|(_, insn)| isa.row(insn.form).is_some()) {
                extensions += 1;
                let whole = &insns[start..start + isa.slots(insn)];
                for dialect in [Dialect::Pseudoc, Dialect::Normal] {
                    let text = isa.text(dialect, whole).expect("a text");
                    assert_eq!(
                        isa.read(dialect, &text, &|_| None).expect(&text).as_deref(),
                        Ok(whole),
                        "{text}"
                    );
                    // Nothing of the table is written like it.
                    assert!(Reader::new(dialect).insn(&text).is_err(), "{text}");
                }
                if let Ok(expansion) = isa.expand(whole).expect("an extension") {
                    assert!(expansion.len() == 6 && expansion.iter().all(|insn| insn.form != FormId::RAW));
                }
            }
        }
        Ok(())
    })
    .budget_ms(1_000);
    assert!(extensions > 100, "{extensions}");
}

#[test]
fn text_is_read_written_and_expanded() {
    let isa = isa();
    let read =
        |text: &str| isa.read(Dialect::Pseudoc, text, &|name| (name == "SEVEN").then_some(7)).expect(text);
    let insn = read("r1 = mac(r2, 0x100000000, -SEVEN, 31)").expect("a mac");
    assert_eq!(isa.text(Dialect::Normal, &insn).as_deref(), Some("mac %r1,%r2,4294967296,-7,31"));
    assert_eq!(isa.row(insn[0].form).expect("a row").name, "mac");
    let expansion = isa.expand(&insn).expect("an extension").expect("a meaning");
    let text: Vec<String> = expansion.iter().map(|insn| format!("{insn:?}")).collect();
    let expected = ["r1 = r2", "if r1 == 0 goto +3", "r0 = 0x100000000 ll", "", "r1 *= r0", "r1 += -7"];
    assert_eq!(text, expected);

    let error = read("r1 = mac(r2, 1, 2, 32)").expect_err("five bits");
    assert_eq!((error.at, error.to_string().as_str()), (19, "32 is out of range, expected 0 to 31"));
    let error = read("r1 = mac(r2, 1 2, 3)").expect_err("no comma");
    assert_eq!(error.to_string(), "expected `,`, found `2`");
    assert!(isa.read(Dialect::Pseudoc, "r1 = r2", &|_| None).is_none());

    let fence = read("full_fence").expect("a fence");
    let refused = isa.expand(&fence).expect("an extension").expect_err("no meaning");
    assert_eq!(refused, ExpandError::NoMeaning { row: "fence".into() });
}

#[test]
fn what_makes_no_sense_is_refused_with_its_line_and_reason() {
    let error = |from: &str, to: &str| {
        assert!(ROWS.contains(from), "{from}");
        Isa::parse(&ROWS.replacen(from, to, 1)).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(error("normal   ffence", "normal   ffence {"), "");
    let unclosed = error("{flag}\nexpand", "{flag\nexpand");
    assert_eq!(unclosed, "line 2: template of `mac`: operand `flag` is missing");
    assert_eq!(error("0xff", "0xb7"), "line 2: row `mac` can't be told from `mov64_imm`");
    assert_eq!(error("off 2", "off 1"), "line 20: row `fence` can't be told from `mac`");
    assert_eq!(error("off 2", "imm 2"), "line 20: row `fence` can't be told from `mac`");
    assert_eq!(error("selector off 2", ""), "line 20: row `fence` can't be told from `mac`");
    assert_eq!(error("row      fence", "row mac"), "line 20: row `mac` can't be told from `mac`");
    assert_eq!(error("slots    1", "slots 17"), "line 24: more than 16 slots");
    assert_eq!(error("slots    1", "slots 0"), "line 24: expected a number of slots, found `0`");
    assert_eq!(error("slots    3", ""), "line 2: row `mac` needs one `slots`");
    assert_eq!(error("slots    3", "slots 3\nslots 3"), "line 7: row `mac` needs one `slots`");
    let place = "line 2: operand `addend` lies outside its row's slots, or on bits that are taken";
    assert_eq!(error("addend signed 2 32 32", "addend signed 3 32 32"), place);
    assert_eq!(error("addend signed 2 32 32", "addend signed 1 32 32"), place);
    assert_eq!(error("addend signed 2 32 32", "addend signed 0 16 16"), place);
    assert_eq!(
        error("{d} = mac({s}, {factor}, {addend}, {flag})", "{d} = mac({s}, {factor}, {addend})"),
        "line 2: template of `mac`: operand `flag` is missing"
    );
    assert_eq!(
        error("mac({s}, ", "mac{s}("),
        "line 2: template of `mac`: `r0 = macr0(-9223372036854775808, -2147483648, 0)` is not read as it was \
         written"
    );
    assert_eq!(
        error("full_fence", "exit"),
        "line 20: template of `fence`: `exit` has another meaning already"
    );
    assert_eq!(
        error("goto +3", "goto +5"),
        "line 2: expansion of `mac`: `if r0 == 0 goto +5` leaves the expansion"
    );
    assert_eq!(
        error("{d} *= r0", "{d} *= {nothing}"),
        "line 2: expansion of `mac`: there is no operand `nothing`"
    );
    assert!(error("{d} *= r0", "{d} ** r0").starts_with("line 2: expansion of `mac`: `r0 ** r0`: "));
    assert_eq!(error("doc      nothing", "dog nothing"), "line 21: expected a word of a row, found `dog`");
    assert!(matches!(
        Isa::parse(&"#".repeat(2 << 20)).err().map(|error| error.cause),
        Some(RowSetCause::Limit { what: "bytes", .. })
    ));
}

#[test]
fn no_text_makes_the_parser_panic() {
    let lines: Vec<&str> = ROWS.lines().collect();
    arbtest::arbtest(|u| {
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=40)? {
            let mut line = (*u.choose(&lines)?).to_string();
            let at = u.choose_index(line.len() + 1)?;
            if line.is_char_boundary(at) && u.arbitrary()? {
                line.insert_str(
                    at,
                    u.choose(&["{", "}", "{d}", "-1", "0x", "99999999999999999999", "\u{e9}", "r"])?,
                );
            }
            text += &line;
            text.push('\n');
        }
        if let Ok(isa) = Isa::parse(&text) {
            let insns = isa.decode_all(&[0xff; 64], Endian::Little).expect("whole slots");
            assert_eq!(isa.encode_all(&insns, Endian::Little), [0xff; 64]);
        }
        Ok(())
    })
    .budget_ms(1_000);
}

/// As many rows as there may be, of as many bytes as they may have, that differ only at their ends.
#[test]
fn the_largest_row_set_is_read_in_a_moment() {
    let filler = "a + ".repeat(110);
    let row = |row: usize| {
        let text = format!("word {filler}x{row}");
        format!(
            "row r{row}\ndoc d\nopcode 0xff\nselector imm {row}\nslots 1\npseudoc {text}\nnormal {text}\n"
        )
    };
    let text: String = (0..1024).map(row).collect();
    assert!((900_000..skep_isa::rowset::MAX_BYTES).contains(&text.len()), "{}", text.len());
    let start = std::time::Instant::now();
    let isa = Isa::parse(&text).expect("a row set");
    assert_eq!(isa.rows().len(), 1024);
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
}
