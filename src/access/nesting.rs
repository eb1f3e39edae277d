//! How deep a policy text goes, seen before Cedar reads it.
//!
//! Cedar's parser calls itself for each bracket and each `if`, and its validator for each link of a
//! chain such as `1 + 1 + 1`, without a limit of its own: a hundred brackets within each other end
//! the process by an overflow of the stack. No error could be returned then, and a running vault
//! would fall with a mistake in a file.

/// Where a text goes too deep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TooDeep {
    /// Brackets and `if` within each other: the place of the one too many.
    Nesting(usize),
    /// Operators of one policy: the place of the one too many.
    Chain(usize),
}

/// Ten are hard to read.
pub(super) const NESTING_MAX: usize = 32;

/// Characters of operators in one policy: some three hundred conditions that each ask for a label.
/// More of them are better several policies.
pub(super) const CHAIN_MAX: usize = 2000;

/// What [`NESTING_MAX`] and [`CHAIN_MAX`] need together, several times over, in builds without
/// optimization.
pub(super) const STACK_BYTES: usize = 32 * 1024 * 1024;

/// Refuses what Cedar could not read safely. What is no Cedar at all is left for Cedar to refuse.
pub(super) fn check(text: &str) -> Result<(), TooDeep> {
    let mut open = 0_usize;
    // Of the policy that the place is in. Each `if` counts as if none ended before the policy does.
    let (mut ifs, mut chain) = (0, 0);
    let mut before = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        match character {
            '"' => skip_string(&mut characters),
            '/' if next == Some('/') => while characters.next_if(|(_, c)| *c != '\n').is_some() {},
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            ';' if open == 0 => (ifs, chain) = (0, 0),
            '.' | '+' | '-' | '*' | '|' | '&' => chain += 1,
            'i' if next == Some('f') && !before.is_some_and(is_of_word) => ifs += 1,
            _ => {}
        }
        if open + ifs > NESTING_MAX {
            return Err(TooDeep::Nesting(at));
        }
        if chain > CHAIN_MAX {
            return Err(TooDeep::Chain(at));
        }
        before = Some(character);
    }
    Ok(())
}

fn skip_string(characters: &mut impl Iterator<Item = (usize, char)>) {
    while let Some((_, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '"' => return,
            _ => {}
        }
    }
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Groups;
    use crate::access::policy::Policy;

    fn policy(condition: &str) -> String {
        format!("permit (principal, action, resource) when {{ {condition} }};\n")
    }

    fn nested(before: &str, after: &str, times: usize) -> String {
        policy(&format!("{}true{}", before.repeat(times), after.repeat(times)))
    }

    /// On a thread as small as a caller's may be; an overflow would end the test's process.
    #[test]
    fn nothing_that_passes_overflows_the_stack_and_the_rest_is_refused_with_its_line() {
        // The condition's own braces count, too.
        let most = NESTING_MAX - 1;
        for (before, after) in
            [("(", ")"), ("!(", ")"), ("[", "]"), ("{a: ", "}"), ("if true then ", " else false")]
        {
            let _valid_or_not = Policy::new(&nested(before, after, most), &Groups::default());
            for times in [most + 1, 100, 5000] {
                let text = "\n".to_owned() + &nested(before, after, times);
                let refusal = Policy::new(&text, &Groups::default()).map(drop).unwrap_err();
                let told = "line 2: more than 32 brackets and `if` within each other";
                assert!(refusal.to_string().starts_with(told), "{before}: {refusal}");
            }
        }
        for (start, link, length) in [("true", " && true", 2), ("0 < 1", " + 1", 1)] {
            let text = policy(&(start.to_owned() + &link.repeat(CHAIN_MAX / length)));
            assert!(Policy::new(&text, &Groups::default()).is_ok(), "{link}");
            let text = policy(&(start.to_owned() + &link.repeat(CHAIN_MAX / length + 1)));
            let refusal = Policy::new(&text, &Groups::default()).map(drop).unwrap_err();
            let told = "line 1: a policy with more than 2000 characters of operators";
            assert!(refusal.to_string().starts_with(told), "{link}: {refusal}");
        }
    }

    /// Where the stack is too small, Cedar's validator stops, and finds no fault.
    #[test]
    fn the_longest_chain_is_still_validated() {
        let text = policy(&("principal".to_owned() + &".a".repeat(CHAIN_MAX)));
        let refusal = Policy::new(&text, &Groups::default()).map(drop).unwrap_err().to_string();
        assert!(refusal.contains("attribute `a` on entity type `Caller` not found"), "{refusal}");
    }

    #[test]
    fn strings_comments_and_the_next_policy_begin_anew() {
        let brackets = "(".repeat(1000);
        for text in [
            format!("// {brackets}\n"),
            format!("\"\\\"{brackets}\""),
            "if ".repeat(NESTING_MAX) + ";" + &"if ".repeat(NESTING_MAX),
            ".".repeat(CHAIN_MAX) + ";" + &".".repeat(CHAIN_MAX),
            "(".repeat(NESTING_MAX) + ")" + "(",
            "elif notif ".repeat(NESTING_MAX + 1),
        ] {
            assert_eq!(check(&text), Ok(()), "{text}");
        }
        assert_eq!(check(&format!("\"\" {brackets}")), Err(TooDeep::Nesting(3 + NESTING_MAX)));
    }
}
