//! Every path, method and macro that a file mentions, with names brought in by `use` written out in full.
//!
//! Bodies of macros and attributes are read as tokens, since their grammar is their own. Comments and doc links are
//! no mentions: a lower floor may *say* who stands above it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, Meta, Stmt, TraitItem, UseTree};

use crate::source::is_test;

/// What kind of thing is mentioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A path in full: `crate::…` for our own, else a crate's name first.
    Path(Vec<String>),
    /// `.name(…)`
    Method(String),
    /// `name!(…)`
    Macro(String),
    /// `#[name…]`, also inside `cfg_attr`.
    Attribute(String),
}

/// One mention.
#[derive(Debug, Clone)]
pub(crate) struct Mention {
    /// The thing.
    pub(crate) what: What,
    /// Line in the file, from 1.
    pub(crate) line: usize,
    /// Whether it stands in code that only tests compile.
    pub(crate) in_test: bool,
}

/// All mentions of the file that is `module`, in the order of the text.
pub(crate) fn of(file: &syn::File, module: &[String]) -> Vec<Mention> {
    let mut finder = Finder {
        module: module.to_vec(),
        scopes: vec![Scope::of(&file.items, module)],
        in_test: false,
        found: Vec::new(),
    };
    finder.visit_file(file);
    finder.found
}

/// The names that one module brings into view.
#[derive(Default)]
struct Scope {
    aliases: BTreeMap<String, Vec<String>>,
    children: BTreeSet<String>,
}

impl Scope {
    fn of(items: &[Item], module: &[String]) -> Self {
        let mut scope = Self::default();
        for item in items {
            if let Item::Mod(declared) = item {
                scope.children.insert(declared.ident.to_string());
            }
        }
        let mut uses = Uses(Vec::new());
        for item in items {
            uses.visit_item(item);
        }
        for (name, path) in uses.0 {
            let full = scope.resolve(&path, module);
            scope.aliases.insert(name, full);
        }
        scope
    }

    /// The path in full, as seen from `module`.
    fn resolve(&self, path: &[String], module: &[String]) -> Vec<String> {
        let Some(first) = path.first() else { return Vec::new() };
        let join = |start: &[String], rest: &[String]| [start, rest].concat();
        match first.as_str() {
            "crate" | "carnetd" => join(&["crate".to_owned()], &path[1..]),
            "self" => join(module, &path[1..]),
            "super" => {
                let up = path.iter().take_while(|part| *part == "super").count();
                join(&module[..module.len().saturating_sub(up).max(1)], &path[up..])
            }
            name => match self.aliases.get(name) {
                Some(full) => join(full, &path[1..]),
                None if self.children.contains(name) => join(module, path),
                None => path.to_vec(),
            },
        }
    }
}

/// Collects `use` declarations of one module, those inside its functions too.
struct Uses(Vec<(String, Vec<String>)>);

impl<'ast> Visit<'ast> for Uses {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        flatten(&item.tree, &mut Vec::new(), &mut self.0);
    }

    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}
}

/// The leaves of a `use` tree: the name it brings in, and the path it stands for.
fn flatten(tree: &UseTree, before: &mut Vec<String>, leaves: &mut Vec<(String, Vec<String>)>) {
    let leaf = |name: String, last: Option<String>, before: &[String]| {
        (name, before.iter().cloned().chain(last).collect::<Vec<_>>())
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, leaves);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            leaves.push(leaf(before.last().cloned().unwrap_or_default(), None, before));
        }
        UseTree::Name(name) => leaves.push(leaf(name.ident.to_string(), Some(name.ident.to_string()), before)),
        UseTree::Rename(renamed) => {
            let last = (renamed.ident != "self").then(|| renamed.ident.to_string());
            leaves.push(leaf(renamed.rename.to_string(), last, before));
        }
        UseTree::Glob(_) => leaves.push(leaf("*".to_owned(), Some("*".to_owned()), before)),
        UseTree::Group(group) => {
            for inner in &group.items {
                flatten(inner, before, leaves);
            }
        }
    }
}

struct Finder {
    module: Vec<String>,
    scopes: Vec<Scope>,
    in_test: bool,
    found: Vec<Mention>,
}

impl Finder {
    fn note(&mut self, what: What, line: usize) {
        self.found.push(Mention { what, line, in_test: self.in_test });
    }

    fn note_path(&mut self, path: &[String], line: usize) {
        let scope = self.scopes.last().map(|scope| scope.resolve(path, &self.module));
        self.note(What::Path(scope.unwrap_or_else(|| path.to_vec())), line);
    }

    fn within_test(&mut self, attributes: &[Attribute], visit: impl FnOnce(&mut Self)) {
        let outer = self.in_test;
        self.in_test |= is_test(attributes);
        visit(self);
        self.in_test = outer;
    }

    /// Reads tokens whose grammar is unknown: finds `a::b::c`, `.method(` and `name!`.
    fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |at: usize, c: char| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == c);
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Ident(ident) if at > 0 && is(at - 1, '.') && !(at > 1 && is(at - 2, '.')) => {
                    if matches!(tokens.get(at + 1), Some(TokenTree::Group(_))) {
                        self.note(What::Method(ident.to_string()), ident.span().start().line);
                    }
                }
                TokenTree::Ident(ident) => {
                    let mut path = vec![ident.to_string()];
                    while is(at + 1, ':') && is(at + 2, ':') {
                        let Some(TokenTree::Ident(next)) = tokens.get(at + 3) else { break };
                        path.push(next.to_string());
                        at += 3;
                    }
                    let line = ident.span().start().line;
                    if is(at + 1, '!') && !is(at + 2, '=') {
                        self.note(What::Macro(path.last().cloned().unwrap_or_default()), line);
                    }
                    self.note_path(&path, line);
                }
                _ => {}
            }
            at += 1;
        }
    }
}

fn names(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item(&mut self, item: &'ast Item) {
        self.within_test(attributes_of(item), |finder| visit::visit_item(finder, item));
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Fn(function) => &function.attrs,
            ImplItem::Const(constant) => &constant.attrs,
            _ => &[],
        };
        self.within_test(attributes, |finder| visit::visit_impl_item(finder, item));
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let attributes: &[Attribute] = if let TraitItem::Fn(function) = item { &function.attrs } else { &[] };
        self.within_test(attributes, |finder| visit::visit_trait_item(finder, item));
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let attributes: &[Attribute] = if let Stmt::Local(local) = statement { &local.attrs } else { &[] };
        self.within_test(attributes, |finder| visit::visit_stmt(finder, statement));
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let Some((_, inner)) = &item.content else { return };
        self.module.push(item.ident.to_string());
        self.scopes.push(Scope::of(inner, &self.module));
        visit::visit_item_mod(self, item);
        self.scopes.pop();
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
        for (_, path) in leaves {
            self.note_path(&path, item.span().start().line);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let (written, line) = (names(path), path.span().start().line);
        if path.leading_colon.is_some() {
            self.note(What::Path(written), line);
        } else {
            self.note_path(&written, line);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.note(What::Method(call.method.to_string()), call.method.span().start().line);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        let line = invoked.path.span().start().line;
        self.note(What::Macro(names(&invoked.path).pop().unwrap_or_default()), line);
        self.note_path(&names(&invoked.path), line);
        self.scan(invoked.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let line = attribute.span().start().line;
        self.note(What::Attribute(names(attribute.path()).join("::")), line);
        let Meta::List(list) = &attribute.meta else { return };
        if attribute.path().is_ident("cfg_attr")
            && list.tokens.to_string().split(',').any(|part| part.trim() == "ignore")
        {
            self.note(What::Attribute("ignore".to_owned()), line);
        }
        if !attribute.path().is_ident("expect") && !attribute.path().is_ident("allow") {
            self.note_path(&names(attribute.path()), line);
            self.scan(list.tokens.clone());
        }
    }
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(i) => &i.attrs,
        Item::Enum(i) => &i.attrs,
        Item::Fn(i) => &i.attrs,
        Item::Impl(i) => &i.attrs,
        Item::Macro(i) => &i.attrs,
        Item::Mod(i) => &i.attrs,
        Item::Static(i) => &i.attrs,
        Item::Struct(i) => &i.attrs,
        Item::Trait(i) => &i.attrs,
        Item::Type(i) => &i.attrs,
        Item::Use(i) => &i.attrs,
        _ => &[],
    }
}
