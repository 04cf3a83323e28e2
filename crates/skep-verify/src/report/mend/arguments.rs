//! Arguments of calls: lengths, addresses where numbers are, constants; and the size that a field of the context is
//! accessed in, and the licence.

use skep_abi::{Arg, Function};

use super::names::CallSource;
use super::{Applicability, At, Change, Place};

impl At<'_> {
    /// The call that was refused, with what it calls, and which argument is wrong.
    fn refused_call(&self) -> Option<(&'static Function, CallSource, usize)> {
        let function = self.helper()?;
        let mut calls = self.source.calls(function.name, self.statement.tokens.clone());
        let call = calls.next().filter(|_| calls.next().is_none())?;
        let arg = usize::from(self.report.register?).checked_sub(1).filter(|arg| *arg < call.args.len())?;
        Some((function, call, arg))
    }

    /// Bounds a length by the buffer that it goes with.
    pub(super) fn length(&self) -> Option<Change> {
        let source = self.source;
        let (function, call, arg) = self.refused_call()?;
        let sized = |at: usize| match function.args.get(at) {
            Some(Arg::Memory { size, .. }) => Some((at, *size as usize)),
            _ => None,
        };
        let (buffer, size) = sized(arg).or_else(|| sized(arg.checked_sub(1)?))?;
        let (buffer, size) = (call.args.get(buffer)?, call.args.get(size)?);
        let name = match source.word(buffer.start) {
            "&" if buffer.len() == 2 => source.word(buffer.start + 1),
            _ => source
                .only_name(buffer)
                .filter(|name| self.declared(name).is_some_and(|d| d.length.is_some()))?,
        };
        if source.number(size).is_some() {
            return Some((Applicability::Maybe, vec![(source.bytes(size), format!("sizeof({name})"))]));
        }
        let length = source.only_name(size)?;
        self.declared(length).filter(|declared| declared.is_number() && !declared.is_constant())?;
        // Without the barrier, compilers compare another number: the length less one.
        let mut lines = vec![format!("asm volatile(\"\" : \"+r\"({length}));")];
        lines.extend(self.check(&format!("{length} < 1 || {length} > sizeof({name})")));
        self.put_before(self.leaving(), &lines)
    }

    /// Gives the address of a variable where its value is given.
    pub(super) fn address_of(&self) -> Option<Change> {
        let source = self.source;
        let (function, call, arg) = self.refused_call()?;
        let takes_memory = matches!(
            function.args.get(arg)?,
            Arg::MapKey(_) | Arg::MapValue(_) | Arg::MapValueOut(_) | Arg::Memory { .. } | Arg::Fixed { .. }
        );
        let given = source.without_casts(&call.args[arg]);
        let name = source.only_name(&given).filter(|_| takes_memory)?;
        self.declared(name).filter(super::names::Declared::is_number)?;
        Some((Applicability::Maybe, vec![(source.bytes(&call.args[arg]), format!("&{name}"))]))
    }

    /// Gives the size of what the result is used as where a constant has to be.
    pub(super) fn constant_size(&self) -> Option<Change> {
        let source = self.source;
        let (_, call, arg) = self.refused_call()?;
        let name = call.name.checked_sub(2).filter(|_| source.word(call.name - 1) == "=")?;
        let declared = source.declared(source.word(name), &self.function, call.name)?;
        if declared.stars != 1 || declared.type_words == "void" {
            return None;
        }
        let size = format!("sizeof(*{})", source.word(name));
        Some((Applicability::Maybe, vec![(source.bytes(&call.args[arg]), size)]))
    }

    /// Accesses a field of the context in its own size.
    pub(super) fn field_size(&self) -> Option<Change> {
        let source = self.source;
        let insn = self.insn()?;
        let context = self.program.prog_type.context()?;
        let field = context.fields.iter().find(|f| i64::from(f.off) == i64::from(insn.off))?;
        // `*(__u64 *)&ctx->mark`, with or without `volatile`.
        let (open, close) = self.statement.tokens.clone().find_map(|at| {
            let close = source.partner(at).filter(|_| source.word(at) == "(" && source.is_cast(at))?;
            let names = source.word(close + 1) == "&"
                && source.word(close + 3) == "->"
                && source.word(close + 4) == field.name;
            names.then_some((at, close))
        })?;
        let last = (open + 1..close).rfind(|at| source.is_name(*at))?;
        let words =
            ((open + 1)..=last).find(|at| source.word(*at) != "volatile").map(|first| first..last + 1)?;
        let own = format!("__u{}", field.element * 8);
        (source.text_of(&words) != own).then(|| (Applicability::Maybe, vec![(source.bytes(&words), own)]))
    }
}

impl Place<'_> {
    /// Declares a licence that is compatible.
    pub(super) fn licence(&self) -> Option<Change> {
        let source = self.source;
        let is_licence = |at: &usize| source.word(*at) == "\"license\"" && source.word(at + 1) == ")";
        let declared = (0..source.tokens.len()).find(is_licence);
        let part = match declared {
            Some(at) => {
                let text = (at + 2..at + 6).find(|at| source.word(*at).starts_with('"'))?;
                (source.bytes(&(text..text + 1)), "\"GPL\"".to_owned())
            }
            None => {
                let end = source.text.len();
                let line_end = if source.text.ends_with('\n') { "" } else { "\n" };
                (end..end, format!("{line_end}\nchar _license[] SEC(\"license\") = \"GPL\";\n"))
            }
        };
        // Only its authors know under which licence a program is.
        Some((Applicability::Maybe, vec![part]))
    }
}
