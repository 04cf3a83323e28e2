//! `bpf_asm!`: BPF assembly in Rust source, assembled when the Rust is compiled.
//!
//! The macro takes one string literal, which keeps the layout that assembly has (Rust's own tokens would lose its
//! lines), and gives the bytes of an object: nothing is assembled when the program starts. Mistakes are errors of the
//! Rust compiler, each with the line and column in the Rust file where it stands, as precise as a stable compiler lets
//! a macro be: the underlined span is the literal's, the place is in the message.
//!
//! It expands to `::skep::Assembled`, so it is for users of the `skep` library, which re-exports it. It reads no files:
//! `.include` finds none.
#![forbid(unsafe_code)]

mod literal;
mod report;

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

use crate::literal::Text;
use crate::report::Report;

/// Assembles a string literal to a `skep::Assembled`, a constant.
///
/// `const DROP: skep::Assembled = skep::bpf_asm!(".section xdp; drop_all: r0 = XDP_DROP; exit");` is such a constant; the
/// documentation of `skep::Assembled` has one that runs.
#[proc_macro]
pub fn bpf_asm(input: TokenStream) -> TokenStream {
    match expand(input) {
        Ok(tokens) => tokens,
        Err(reports) => errors(&reports),
    }
}

fn expand(input: TokenStream) -> Result<TokenStream, Vec<Report>> {
    let literal = only_literal(input).map_err(|report| vec![report])?;
    let span = literal.span();
    let text = Text::parse(&literal.to_string())
        .map_err(|what| vec![Report { span, message: format!("expected a string literal, found {what}") }])?;
    let place = report::Place { file: span.file(), line: span.line(), column: span.column() };
    // Lines of the Rust file, where the literal has them: debug information then leads there.
    let above = if text.is_verbatim() { place.line - 1 } else { 0 };
    let source = "\n".repeat(above) + text.value();
    let object = skep_asm::assemble(&source, &place.file).map_err(|errors| {
        let message = |error: &skep_asm::AsmError| report::message(error, above, &text, &place);
        errors.errors.iter().map(|error| Report { span, message: message(error) }).collect::<Vec<_>>()
    })?;
    let failed = |message: String| vec![Report { span, message }];
    let elf = object.to_elf().map_err(|error| failed(error.to_string()))?;
    // What is read from these bytes at run time has been read from them here.
    skep_obj::Object::from_elf(&elf).map_err(|error| failed(error.to_string()))?;
    Ok(assembled(&elf))
}

/// The literal that is all of the input; a comma may follow it.
fn only_literal(input: TokenStream) -> Result<Literal, Report> {
    let mut tokens = input.into_iter();
    let wrong = |found: Option<&TokenTree>| Report {
        span: found.map_or_else(Span::call_site, TokenTree::span),
        message: match found {
            Some(token) => format!("expected one string literal with assembly, found `{token}`"),
            None => "expected one string literal with assembly, found nothing".to_owned(),
        },
    };
    let literal = match tokens.next() {
        Some(TokenTree::Literal(literal)) => literal,
        // A literal that came through another macro.
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {
            only_literal(group.stream())?
        }
        other => return Err(wrong(other.as_ref())),
    };
    match tokens.next() {
        None => Ok(literal),
        Some(TokenTree::Punct(comma)) if comma.as_char() == ',' => match tokens.next() {
            None => Ok(literal),
            more => Err(wrong(more.as_ref())),
        },
        more => Err(wrong(more.as_ref())),
    }
}

/// `::skep::Assembled::from_macro(b"…")`.
fn assembled(elf: &[u8]) -> TokenStream {
    let argument = TokenTree::from(Literal::byte_string(elf));
    let mut tokens = path(&["skep", "Assembled", "from_macro"]);
    tokens.extend([TokenTree::from(Group::new(Delimiter::Parenthesis, argument.into()))]);
    tokens
}

/// `::a::b::c`.
fn path(names: &[&str]) -> TokenStream {
    let colons = || [Spacing::Joint, Spacing::Alone].map(|spacing| TokenTree::from(Punct::new(':', spacing)));
    let segment = |name: &&str| {
        let name = TokenTree::from(Ident::new(name, Span::call_site()));
        colons().into_iter().chain([name]).collect::<Vec<_>>()
    };
    names.iter().flat_map(segment).collect()
}

/// `{ ::core::compile_error!("…"); … ::core::unreachable!() }`: an expression of any type, so that nothing but the
/// errors is complained about.
fn errors(reports: &[Report]) -> TokenStream {
    let mut block = TokenStream::new();
    for Report { span, message } in reports {
        let literal = TokenTree::from(Literal::string(message));
        let mut call: Vec<TokenTree> = path(&["core", "compile_error"]).into_iter().collect();
        call.push(Punct::new('!', Spacing::Alone).into());
        call.push(Group::new(Delimiter::Parenthesis, literal.into()).into());
        call.push(Punct::new(';', Spacing::Alone).into());
        for token in &mut call {
            token.set_span(*span);
        }
        block.extend(call);
    }
    block.extend(path(&["core", "unreachable"]));
    block.extend([
        TokenTree::from(Punct::new('!', Spacing::Alone)),
        Group::new(Delimiter::Parenthesis, TokenStream::new()).into(),
    ]);
    TokenTree::from(Group::new(Delimiter::Brace, block)).into()
}
