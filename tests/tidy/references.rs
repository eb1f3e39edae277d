//! What a source file names: modules of this crate, and libraries.

use crate::tokens::Token;

/// Every path inside this crate that the file names, from the top: `["ports", "Store"]` for
/// `crate::ports::Store`, however it is spelled (`use` groups, `super::super`, full paths).
///
/// `module` is the path of the file's own module, such as `["vault", "change"]`.
pub(crate) fn own_paths(tokens: &[Token], module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut inline = InlineModules::default();
    let mut at = 0;
    while at < tokens.len() {
        inline.step(tokens, at);
        let begins = at == 0 || tokens[at - 1] != Token::Path;
        if begins && (tokens[at].is("crate") || tokens[at].is("super")) {
            let mut base = Vec::new();
            if tokens[at].is("super") {
                base.extend(module.iter().cloned());
                base.extend(inline.names.iter().map(|(name, _)| name.clone()));
                base.pop();
            }
            at += 1;
            while tokens.get(at) == Some(&Token::Path)
                && tokens.get(at + 1).is_some_and(|next| next.is("super"))
            {
                base.pop();
                at += 2;
            }
            if tokens.get(at) == Some(&Token::Path) {
                at = tree(tokens, at + 1, &base, &mut found);
            }
        } else {
            at += 1;
        }
    }
    found
}

/// Whether the file names the library `library`, by a path or by `use`.
pub(crate) fn names_library(tokens: &[Token], library: &str) -> bool {
    (0..tokens.len()).any(|at| {
        let follows = |distance: usize| at.checked_sub(distance).and_then(|at| tokens.get(at));
        let inside_a_path = follows(1) == Some(&Token::Path)
            && follows(2).is_some_and(|before| {
                matches!(before, Token::Word(word) if word != "use") || *before == Token::Sign('>')
            });
        tokens[at].is(library)
            && !inside_a_path
            && (tokens.get(at + 1) == Some(&Token::Path)
                || follows(1).is_some_and(|before| before.is("use")))
    })
}

/// The code of the program: `tokens` without the unit tests at the foot of the file.
pub(crate) fn without_tests(tokens: &[Token]) -> &[Token] {
    let begins = tokens.windows(3).position(|three| {
        three[0].is("mod") && three[1].is("tests") && three[2] == Token::Sign('{')
    });
    begins.map_or(tokens, |begins| &tokens[..begins])
}

/// Reads one use tree or path from `at`, below `base`; returns where it ends.
fn tree(tokens: &[Token], at: usize, base: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = base.to_vec();
    let mut at = at;
    loop {
        match tokens.get(at) {
            Some(Token::Word(word)) => {
                if word != "self" {
                    path.push(word.clone());
                }
                at += 1;
            }
            Some(Token::Sign('{')) => {
                at += 1;
                while tokens.get(at).is_some_and(|token| *token != Token::Sign('}')) {
                    let end = tree(tokens, at, &path, found);
                    // Behind a branch stands a comma, or `as name`: nothing that matters here.
                    at = if end == at { at + 1 } else { end };
                    while tokens.get(at).is_some_and(|token| {
                        *token != Token::Sign('}') && *token != Token::Sign(',')
                    }) {
                        at += 1;
                    }
                    if tokens.get(at) == Some(&Token::Sign(',')) {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Some(Token::Sign('*')) => {
                path.push("*".to_owned());
                at += 1;
            }
            Some(Token::Path | Token::Sign(_)) | None => break,
        }
        if tokens.get(at) != Some(&Token::Path) {
            break;
        }
        at += 1;
    }
    found.push(path);
    at
}

/// The `mod name { … }` that surround a token: they move `super`.
#[derive(Default)]
struct InlineModules {
    names: Vec<(String, usize)>,
    depth: usize,
}

impl InlineModules {
    fn step(&mut self, tokens: &[Token], at: usize) {
        match &tokens[at] {
            Token::Sign('{') => {
                self.depth += 1;
                if let Some([keyword, Token::Word(name)]) =
                    at.checked_sub(2).map(|from| &tokens[from..at])
                    && keyword.is("mod")
                {
                    self.names.push((name.clone(), self.depth));
                }
            }
            Token::Sign('}') => {
                if self.names.last().is_some_and(|(_, depth)| *depth == self.depth) {
                    self.names.pop();
                }
                self.depth = self.depth.saturating_sub(1);
            }
            Token::Sign(_) | Token::Path | Token::Word(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{names_library, own_paths, without_tests};
    use crate::tokens::tokens;

    fn paths(source: &str) -> Vec<String> {
        let module = ["vault".to_owned(), "change".to_owned()];
        let paths = own_paths(&tokens(source), &module);
        paths.iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn every_spelling_of_a_path_is_found() {
        for (source, expected) in [
            ("use crate::ports::Store;", vec!["ports::Store"]),
            ("use crate::ports::{self, Store as S};", vec!["ports", "ports::Store"]),
            (
                "use crate::{grpc, ports::{Clock, Store}};",
                vec!["grpc", "ports::Clock", "ports::Store"],
            ),
            ("use crate::grpc::*;", vec!["grpc::*"]),
            ("let x: crate::grpc::Status = f();", vec!["grpc::Status"]),
            ("use super::super::grpc;", vec!["grpc"]),
            ("use super::other::X;", vec!["vault::other::X"]),
            ("mod tests { use super::super::super::grpc; }", vec!["grpc"]),
            (
                "mod tests { use super::X; } use super::super::grpc;",
                vec!["vault::change::X", "grpc"],
            ),
            ("pub(crate) fn f() {}", vec![]),
        ] {
            assert_eq!(paths(source), expected, "{source}");
        }
    }

    #[test]
    fn unit_tests_are_not_the_program() {
        let source = tokens("use tonic::Code; mod tests; #[cfg(test)] mod tests { use sled::Db; }");
        assert!(names_library(without_tests(&source), "tonic"));
        assert!(!names_library(without_tests(&source), "sled"));
    }

    #[test]
    fn every_spelling_of_a_library_is_found() {
        for source in [
            "use tonic::Status;",
            "use tonic as t;",
            "use ::tonic::Code;",
            "fn f() -> tonic::Status",
            "tonic::include_proto!()",
        ] {
            assert!(names_library(&tokens(source), "tonic"), "{source}");
        }
        for source in
            ["use crate::tonic::X;", "let tonic = 1;", "// tonic::Status", "tonic_health::X"]
        {
            assert!(!names_library(&tokens(source), "tonic"), "{source}");
        }
    }
}
