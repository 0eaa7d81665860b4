//! Parsing regular expressions, up to the form that is compiled.

use std::mem;

use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{Ast, Flag, Flags, FlagsItem, FlagsItemKind, Group, GroupKind};
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{Hir, HirKind, Look};

use super::pcre::{self, Rewritten};
use super::{Dot, Error, Expressions};
use crate::escape::escape;

/// The most groups inside one another. Every function below that walks an expression recurses no deeper than a few
/// times this.
const NESTING: u32 = 100;

/// Parses one expression. Capture groups are removed, since nothing uses them and they slow the engine down.
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
    Ok(finished(hir, options))
}

/// Parses one expression of ngrep's dialect.
pub(super) fn parse_ngrep(pattern: &str, options: &Expressions, dot: Dot) -> Result<Hir, Error> {
    parse_rewritten(pattern, &pcre::rewrite(pattern)?, options, dot)
}

/// Parses one expression of ngrep's dialect that has `$`, for payloads without a newline at their end.
pub(super) fn parse_ngrep_without_newline(
    pattern: &str,
    options: &Expressions,
    dot: Dot,
) -> Result<Option<Hir>, Error> {
    let without = pcre::rewrite(pattern)?.without_newline();
    without.map(|rewritten| parse_rewritten(pattern, &rewritten, options, dot)).transpose()
}

fn parse_rewritten(
    pattern: &str,
    rewritten: &Rewritten,
    options: &Expressions,
    dot: Dot,
) -> Result<Hir, Error> {
    let wrong = |problem: &dyn ToString, offset: usize| Error::Syntax {
        pattern: escape(pattern).into_owned(),
        problem: problem.to_string(),
        column: rewritten.original(offset) + 1,
    };
    let text = &rewritten.text;
    let mut parser = ParserBuilder::new().nest_limit(NESTING).build();
    let ast = parser.parse(text).map_err(|e| wrong(e.kind(), e.span().start.offset))?;
    let hir = TranslatorBuilder::new()
        .unicode(false)
        .utf8(false)
        .swap_greed(true)
        .dot_matches_new_line(dot == Dot::Any)
        .case_insensitive(options.ignore_case)
        .build()
        .translate(text, &ast)
        .map_err(|e| wrong(e.kind(), e.span().start.offset))?;
    Ok(finished(hir, options))
}

fn finished(hir: Hir, options: &Expressions) -> Hir {
    let hir = without_captures(hir);
    if options.word && !matches!(hir.kind(), HirKind::Empty) { as_word(hir) } else { hir }
}

/// Returns the expression that matches if any of several does. It is the empty one if any of them is empty, or if
/// there are none.
pub(super) fn any_of(hirs: &[Hir]) -> Hir {
    match hirs {
        [] => Hir::empty(),
        hirs if hirs.iter().any(|h| matches!(h.kind(), HirKind::Empty)) => Hir::empty(),
        hirs => Hir::alternation(hirs.to_vec()),
    }
}

/// Puts half boundaries around the expression, as ripgrep does. Unlike `\b`, they hold at the payload's ends, and
/// beside a pattern that itself begins or ends with a byte that is not a word byte.
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

/// Wraps the parts of the expression that are not ASCII as if `(?u:…)` stood around them. A letter such as `ü`, or a
/// class of such letters, then means its UTF-8 bytes. The parser would refuse it in an expression on bytes.
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
