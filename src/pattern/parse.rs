//! Regular expressions from their text to the form that is compiled.

use std::mem;

use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{Ast, Flag, Flags, FlagsItem, FlagsItemKind, Group, GroupKind};
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{Hir, HirKind, Look};

use super::{Error, Expressions};
use crate::escape::escape;

/// Groups inside one another. Everything below that walks an expression recurses no deeper than a few times this.
pub(super) const NESTING: u32 = 100;

/// One expression; never with capture groups, which nobody asks for and which cost the engine.
pub(super) fn parse(pattern: &str, options: &Expressions) -> Result<Hir, Error> {
    let wrong = |problem: &dyn ToString, offset: usize| Error::Syntax {
        pattern: escape(pattern).into_owned(),
        problem: problem.to_string(),
        column: offset + 1,
    };
    let mut parser = ParserBuilder::new().nest_limit(NESTING).build();
    let mut ast = parser.parse(pattern).map_err(|e| wrong(e.kind(), e.span().start.offset))?;
    read_as_unicode(&mut ast, pattern);
    let hir = TranslatorBuilder::new()
        .unicode(false)
        .utf8(false)
        .dot_matches_new_line(true)
        .case_insensitive(options.ignore_case)
        .build()
        .translate(pattern, &ast)
        .map_err(|e| wrong(e.kind(), e.span().start.offset))?;
    let hir = without_captures(hir);
    Ok(if options.word && !matches!(hir.kind(), HirKind::Empty) { as_word(hir) } else { hir })
}

/// Any of several; the empty one alone when one of them is empty, or when there are none.
pub(super) fn any_of(hirs: &[Hir]) -> Hir {
    match hirs {
        [] => Hir::empty(),
        hirs if hirs.iter().any(|h| matches!(h.kind(), HirKind::Empty)) => Hir::empty(),
        hirs => Hir::alternation(hirs.to_vec()),
    }
}

/// Half boundaries, as in ripgrep: unlike `\b` they hold beside a pattern that itself begins or ends with something
/// that is no word byte, and at the payload's ends.
fn as_word(hir: Hir) -> Hir {
    Hir::concat(vec![Hir::look(Look::WordStartHalfAscii), hir, Hir::look(Look::WordEndHalfAscii)])
}

fn without_captures(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(without_captures(*repetition.sub));
            Hir::repetition(repetition)
        }
        HirKind::Capture(capture) => without_captures(*capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(without_captures).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(without_captures).collect()),
    }
}

/// Wraps what is not ASCII in the expression as if `(?u:…)` stood around it. A letter such as `ü`, or a class of such,
/// means its UTF-8 bytes; the parser would refuse it in an expression on bytes.
fn read_as_unicode(ast: &mut Ast, pattern: &str) {
    match ast {
        Ast::Concat(concat) => concat.asts.iter_mut().for_each(|a| read_as_unicode(a, pattern)),
        Ast::Alternation(alternation) => {
            alternation.asts.iter_mut().for_each(|a| read_as_unicode(a, pattern));
        }
        Ast::Repetition(repetition) => read_as_unicode(&mut repetition.ast, pattern),
        Ast::Group(group) => read_as_unicode(&mut group.ast, pattern),
        Ast::Literal(_) | Ast::ClassBracketed(_) => {
            let span = *ast.span();
            if pattern.get(span.start.offset..span.end.offset).is_none_or(str::is_ascii) {
                return;
            }
            let item = FlagsItem { span, kind: FlagsItemKind::Flag(Flag::Unicode) };
            let kind = GroupKind::NonCapturing(Flags { span, items: vec![item] });
            let bare = Box::new(mem::replace(ast, Ast::empty(span)));
            *ast = Ast::group(Group { span, kind, ast: bare });
        }
        Ast::Empty(_)
        | Ast::Flags(_)
        | Ast::Dot(_)
        | Ast::Assertion(_)
        | Ast::ClassUnicode(_)
        | Ast::ClassPerl(_) => {}
    }
}
