//! Rules on the source text, for what Rust-HDL leaves out of the syntax tree.

use super::finding::{Finding, Rule};
use anyhow::{Context, Result};
use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit::Visit;

/// Name prefixes of functions that Rust-HDL takes for casts.
const CASTS: [&str; 3] = ["bits", "Bits", "bit_cast"];

/// Checks every `.rs` file below `dir`.
pub fn check_sources(dir: impl AsRef<Path>) -> Result<Vec<Finding>> {
    let dir = dir.as_ref();
    let mut files = Vec::new();
    collect(dir, &mut files)?;
    let mut findings = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let label = file.strip_prefix(dir).unwrap_or(&file).display().to_string();
        findings.extend(check_source(&label, &text)?);
    }
    Ok(findings)
}

/// Checks the text of one source file; `label` names it in the findings.
pub fn check_source(label: &str, text: &str) -> Result<Vec<Finding>> {
    let file = syn::parse_file(text).with_context(|| format!("{label} is not Rust; let it compile first"))?;
    let mut source = Source {
        label,
        in_kernel: false,
        findings: Vec::new(),
    };
    source.visit_file(&file);
    Ok(source.findings)
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

struct Source<'a> {
    label: &'a str,
    in_kernel: bool,
    findings: Vec<Finding>,
}

impl Source<'_> {
    fn add(&mut self, rule: Rule, at: Span, expression: impl Into<String>, message: &str) {
        self.findings.push(Finding {
            module: format!("{}:{}", self.label, at.start().line),
            rule,
            message: message.to_string(),
            expression: expression.into(),
        });
    }

    fn inclusive_range(&mut self, at: Span) {
        self.add(
            Rule::InclusiveRange,
            at,
            "..=",
            "Rust-HDL loses the last turn of an inclusive range; write an exclusive one (`0..4`)",
        );
    }

    fn guard(&mut self, at: Span) {
        self.add(
            Rule::MatchGuard,
            at,
            "if",
            "Rust-HDL drops the guard and keeps the arm; put an `if` inside the arm",
        );
    }

    fn cast_name(&mut self, name: &syn::Ident) {
        let text = name.to_string();
        if CASTS.iter().any(|prefix| text.starts_with(prefix)) {
            self.add(
                Rule::CastLikeFunction,
                name.span(),
                text,
                "in a kernel Rust-HDL takes every function whose name begins with `bits`, `Bits` or `bit_cast` for a cast; rename it, and use a child module for logic",
            );
        }
    }

    /// Bodies of macros are not syntax yet; those that hold kernels are searched by token.
    fn macro_body(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let punct =
            |at: usize, wanted: char| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == wanted);
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Punct(p)
                    if p.as_char() == '.'
                        && p.spacing() == Spacing::Joint
                        && punct(at + 1, '.')
                        && punct(at + 2, '=')
                        && !(at > 0 && punct(at - 1, '.')) =>
                {
                    self.inclusive_range(p.span());
                }
                TokenTree::Ident(word) if word == "if" && guards(&tokens[at + 1..]) => self.guard(word.span()),
                TokenTree::Group(group) => self.macro_body(group.stream()),
                _ => {}
            }
        }
    }
}

/// What follows an `if` runs into `=>` before any block.
fn guards(rest: &[TokenTree]) -> bool {
    for (at, token) in rest.iter().enumerate() {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return false,
            TokenTree::Punct(p)
                if p.as_char() == '='
                    && p.spacing() == Spacing::Joint
                    && matches!(rest.get(at + 1), Some(TokenTree::Punct(next)) if next.as_char() == '>') =>
            {
                return true;
            }
            _ => {}
        }
    }
    false
}

fn holds_a_kernel(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "hdl_gen",
        TokenTree::Group(group) => holds_a_kernel(group.stream()),
        _ => false,
    })
}

impl<'ast> Visit<'ast> for Source<'_> {
    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        let outer = self.in_kernel;
        self.in_kernel = item
            .attrs
            .iter()
            .any(|a| a.path().segments.last().is_some_and(|s| s.ident == "hdl_gen"));
        syn::visit::visit_impl_item_fn(self, item);
        self.in_kernel = outer;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.cast_name(&item.sig.ident);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        use_tree(self, &item.tree, None);
    }

    fn visit_expr_for_loop(&mut self, e: &'ast syn::ExprForLoop) {
        if let (true, syn::Expr::Range(range)) = (self.in_kernel, &*e.expr) {
            if matches!(range.limits, syn::RangeLimits::Closed(_)) {
                self.inclusive_range(range.limits.span());
            }
        }
        syn::visit::visit_expr_for_loop(self, e);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if let (true, Some((word, _))) = (self.in_kernel, &arm.guard) {
            self.guard(word.span());
        }
        syn::visit::visit_arm(self, arm);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let (true, syn::Expr::Path(path)) = (self.in_kernel, &*call.func) {
            if let Some(first) = path.path.segments.first() {
                if !["bits", "bit_cast", "Bits"].iter().any(|known| first.ident == known) {
                    self.cast_name(&first.ident);
                }
            }
        }
        syn::visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, m: &'ast syn::Macro) {
        if holds_a_kernel(m.tokens.clone()) {
            self.macro_body(m.tokens.clone());
        }
    }
}

/// Finds `use path::Type::*`.
fn use_tree(source: &mut Source, tree: &syn::UseTree, parent: Option<&syn::Ident>) {
    match tree {
        syn::UseTree::Path(path) => use_tree(source, &path.tree, Some(&path.ident)),
        syn::UseTree::Group(group) => group.items.iter().for_each(|item| use_tree(source, item, parent)),
        syn::UseTree::Glob(glob) => {
            if let Some(name) = parent.filter(|p| p.to_string().starts_with(char::is_uppercase)) {
                source.add(
                    Rule::BareVariants,
                    glob.span(),
                    format!("use {name}::*"),
                    "a variant without its enum's name is no name in Verilog; write `Type::Variant` in kernels and remove this",
                );
            }
        }
        syn::UseTree::Rename(rename) => source.cast_name(&rename.rename),
        syn::UseTree::Name(_) => {}
    }
}
