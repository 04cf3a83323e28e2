//! The directives: one row a name, in the spellings of LLVM and GNU, and our own.

use crate::nearest::nearest;

/// What a directive does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Directive {
    /// `.section NAME[, FLAGS[, TYPE]]`
    Section,
    /// The same, remembering the section before.
    PushSection,
    /// Back to the section before the last `.pushsection`.
    PopSection,
    /// To the section before this one.
    Previous,
    /// The section of this name.
    Named(&'static str),
    /// `.globl NAME, …`
    Global,
    /// `.local NAME, …`
    Local,
    /// `.hidden NAME, …`
    Hidden,
    /// `.weak NAME, …`
    Weak,
    /// `.extern NAME, …`
    Extern,
    /// `.type NAME, @function | @object | TYPE`
    Type,
    /// Numbers of so many bytes.
    Numbers(u32),
    /// `.ascii "…", …`, with a zero after each or not.
    Strings {
        /// Whether a zero byte follows each string.
        zero: bool,
    },
    /// `.zero COUNT[, BYTE]`
    Room,
    /// `.fill COUNT[, SIZE[, VALUE]]`
    Fill,
    /// `.align N[, BYTE[, MOST]]`: bytes in pseudo-C, as for LLVM; in the normal dialect a power of two, as for GNU.
    AlignByDialect,
    /// `.balign BYTES[, BYTE[, MOST]]`
    Align,
    /// `.p2align BITS[, BYTE[, MOST]]`
    AlignBits,
    /// `.comm NAME, SIZE[, ALIGN]`
    Common,
    /// `.set NAME, VALUE`
    Set,
    /// `.file NUMBER "DIR" "NAME"`
    File,
    /// `.loc FILE LINE COLUMN`
    Loc,
    /// `.dialect normal | pseudoc`
    Dialect,
    /// `.license "GPL"`
    License,
    /// `.map NAME, ATTRIBUTE=VALUE, …`
    Map,
    /// `.struct NAME { TYPE MEMBER, … }`
    Struct,
    /// `.func [TYPE] NAME[(TYPE NAME, …)]`
    Func,
    /// `.end`: nothing after it is read.
    End,
    /// Macros, repetitions, conditions, inclusion: [`crate::expand`] is what knows them.
    Expands(Expands),
    /// Accepted, says nothing that an object keeps.
    Nothing,
    /// Data for sections that an object doesn't keep.
    DebugData,
}

/// What changes the text before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expands {
    /// `.macro NAME PARAMETER, …`
    Macro,
    /// `.endm`
    EndMacro,
    /// `.exitm`
    ExitMacro,
    /// `.purgem NAME`
    Purge,
    /// `.rept COUNT`
    Repeat,
    /// `.irp NAME, VALUE, …`
    ForEach,
    /// `.irpc NAME, CHARACTERS`
    ForEachCharacter,
    /// `.endr`
    EndRepeat,
    /// A condition.
    If(Test),
    /// `.elseif EXPRESSION`
    ElseIf,
    /// `.else`
    Else,
    /// `.endif`
    EndIf,
    /// `.include "FILE"`
    Include,
}

/// What a condition asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// Whether an expression is below, at, or above zero: where it holds.
    Number([bool; 3]),
    /// Whether a name is defined, or not.
    Defined(bool),
    /// Whether nothing follows, or something.
    Blank(bool),
    /// Whether two texts are the same, or not.
    Same(bool),
}

use Directive::*;

/// Every directive. Those that start with `.cfi_` are accepted besides, as [`Nothing`].
const DIRECTIVES: &[(&str, Directive)] = &[
    (".2byte", Numbers(2)),
    (".4byte", Numbers(4)),
    (".8byte", Numbers(8)),
    (".addrsig", Nothing),
    (".addrsig_sym", Nothing),
    (".align", AlignByDialect),
    (".ascii", Strings { zero: false }),
    (".asciz", Strings { zero: true }),
    (".balign", Align),
    (".bss", Named(".bss")),
    (".byte", Numbers(1)),
    (".comm", Common),
    (".data", Named(".data")),
    (".dialect", Dialect),
    (".dword", Numbers(8)),
    (".else", Expands(Expands::Else)),
    (".elseif", Expands(Expands::ElseIf)),
    (".end", End),
    (".endfunc", Nothing),
    (".endif", Expands(Expands::EndIf)),
    (".endm", Expands(Expands::EndMacro)),
    (".endmacro", Expands(Expands::EndMacro)),
    (".endr", Expands(Expands::EndRepeat)),
    (".equ", Set),
    (".exitm", Expands(Expands::ExitMacro)),
    (".extern", Extern),
    (".file", File),
    (".fill", Fill),
    (".func", Func),
    (".global", Global),
    (".globl", Global),
    (".half", Numbers(2)),
    (".hidden", Hidden),
    (".hword", Numbers(2)),
    (".ident", Nothing),
    (".if", Expands(Expands::If(Test::Number([true, false, true])))),
    (".ifb", Expands(Expands::If(Test::Blank(true)))),
    (".ifc", Expands(Expands::If(Test::Same(true)))),
    (".ifdef", Expands(Expands::If(Test::Defined(true)))),
    (".ifeq", Expands(Expands::If(Test::Number([false, true, false])))),
    (".ifeqs", Expands(Expands::If(Test::Same(true)))),
    (".ifge", Expands(Expands::If(Test::Number([false, true, true])))),
    (".ifgt", Expands(Expands::If(Test::Number([false, false, true])))),
    (".ifle", Expands(Expands::If(Test::Number([true, true, false])))),
    (".iflt", Expands(Expands::If(Test::Number([true, false, false])))),
    (".ifnb", Expands(Expands::If(Test::Blank(false)))),
    (".ifnc", Expands(Expands::If(Test::Same(false)))),
    (".ifndef", Expands(Expands::If(Test::Defined(false)))),
    (".ifne", Expands(Expands::If(Test::Number([true, false, true])))),
    (".ifnes", Expands(Expands::If(Test::Same(false)))),
    (".ifnotdef", Expands(Expands::If(Test::Defined(false)))),
    (".include", Expands(Expands::Include)),
    (".int", Numbers(4)),
    (".internal", Hidden),
    (".irp", Expands(Expands::ForEach)),
    (".irpc", Expands(Expands::ForEachCharacter)),
    (".lcomm", Common),
    (".license", License),
    (".loc", Loc),
    (".local", Local),
    (".long", Numbers(4)),
    (".macro", Expands(Expands::Macro)),
    (".map", Map),
    (".p2align", AlignBits),
    (".popsection", PopSection),
    (".previous", Previous),
    (".protected", Nothing),
    (".purgem", Expands(Expands::Purge)),
    (".pushsection", PushSection),
    (".quad", Numbers(8)),
    (".rep", Expands(Expands::Repeat)),
    (".rept", Expands(Expands::Repeat)),
    (".rodata", Named(".rodata")),
    (".section", Section),
    (".set", Set),
    (".short", Numbers(2)),
    (".size", Nothing),
    (".skip", Room),
    (".sleb128", DebugData),
    (".space", Room),
    (".string", Strings { zero: true }),
    (".struct", Struct),
    (".text", Named(".text")),
    (".type", Type),
    (".uleb128", DebugData),
    (".weak", Weak),
    (".word", Numbers(4)),
    (".zero", Room),
];

impl Directive {
    /// The directive of this name.
    pub(crate) fn by_name(name: &str) -> Option<Directive> {
        match DIRECTIVES.binary_search_by_key(&name, |row| row.0) {
            Ok(index) => Some(DIRECTIVES[index].1),
            Err(_) if name.starts_with(".cfi_") => Some(Nothing),
            Err(_) => None,
        }
    }

    /// The names of all of them.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        DIRECTIVES.iter().map(|row| row.0)
    }

    /// The name that was meant.
    pub(crate) fn nearest(name: &str) -> Option<&'static str> {
        nearest(name, DIRECTIVES.iter().map(|row| row.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_in_order_and_found() {
        assert!(DIRECTIVES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(Directive::by_name(".quad"), Some(Numbers(8)));
        assert_eq!(Directive::by_name(".cfi_startproc"), Some(Nothing));
        assert_eq!(Directive::by_name(".quod"), None);
        assert_eq!(Directive::nearest(".quod"), Some(".quad"));
    }
}
