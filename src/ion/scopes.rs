//! `sc`, the one value that is not a text, in all the shapes it was seen in.

use super::encoding::Text;
use super::json::Value;
use super::text;
use super::violation::Problem;

/// Reads `sc`: a list, one text split by commas or spaces, or `null`, `{}` and nothing for none.
/// Empty scopes and repetitions are left out; the order stays.
pub(super) fn read(value: Option<&Value<'_>>) -> Result<Vec<String>, Problem> {
    let mut scopes = Vec::new();
    match value {
        None | Some(Value::Null) => {}
        Some(Value::Object(members)) if members.is_empty() => {}
        Some(Value::Text(line)) => {
            for scope in line.split([',', ' ']) {
                add(&mut scopes, scope)?;
            }
        }
        Some(Value::Array(items)) => {
            for item in items {
                add(&mut scopes, scope_text(item)?)?;
            }
        }
        Some(Value::Object(_)) => return Err(Problem::NotScopes("an object")),
        Some(other @ (Value::Number | Value::Boolean)) => {
            return Err(Problem::NotScopes(other.kind()));
        }
    }
    Ok(scopes)
}

/// Infor's suites have fewer than 20 products.
const SCOPES_MAX: usize = 32;

fn scope_text<'v>(item: &'v Value<'_>) -> Result<&'v Text<'v>, Problem> {
    match item {
        Value::Text(scope) => Ok(scope),
        Value::Number => Err(Problem::NotScopes("a list with a number")),
        Value::Boolean => Err(Problem::NotScopes("a list with true or false")),
        Value::Null => Err(Problem::NotScopes("a list with null")),
        Value::Array(_) => Err(Problem::NotScopes("a list with a list")),
        Value::Object(_) => Err(Problem::NotScopes("a list with an object")),
    }
}

fn add(scopes: &mut Vec<String>, scope: &str) -> Result<(), Problem> {
    if scope.is_empty() || scopes.iter().any(|other| other == scope) {
        return Ok(());
    }
    if scopes.len() == SCOPES_MAX {
        return Err(Problem::TooManyScopes(SCOPES_MAX));
    }
    scopes.push(text::scope(scope)?.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;

    fn scopes(source: &str) -> Result<Vec<String>, Problem> {
        read(Some(&json::read(source).unwrap()))
    }

    #[test]
    fn all_shapes_are_read() {
        assert_eq!(read(None), Ok(vec![]));
        for none in ["null", "{}", "[]", "[\"\"]", "\"\"", "\" , \""] {
            assert_eq!(scopes(none), Ok(vec![]), "{none}");
        }
        for two in ["[\"A-1\",\"B\"]", "\"A-1 B\"", "\"A-1, B\"", "\"A-1,B,A-1\""] {
            assert_eq!(scopes(two), Ok(vec!["A-1".to_owned(), "B".to_owned()]), "{two}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for (source, kind) in [
            ("7", "a number"),
            ("true", "true or false"),
            ("{\"a\":\"b\"}", "an object"),
            ("[1]", "a list with a number"),
            ("[null]", "a list with null"),
            ("[[\"A\"]]", "a list with a list"),
        ] {
            assert_eq!(scopes(source), Err(Problem::NotScopes(kind)), "{source}");
        }
        assert_eq!(scopes("[\"A\",\"B C\"]"), Err(Problem::Character { what: "a space", at: 2 }));
    }

    #[test]
    fn there_is_room_for_so_many_scopes_and_no_more() {
        let many = |count: usize| {
            let names: Vec<String> = (0..count).map(|n| format!("\"S{n}\"")).collect();
            scopes(&format!("[{}]", names.join(",")))
        };
        assert_eq!(many(SCOPES_MAX).map(|scopes| scopes.len()), Ok(SCOPES_MAX));
        assert_eq!(many(SCOPES_MAX + 1), Err(Problem::TooManyScopes(SCOPES_MAX)));
    }
}
