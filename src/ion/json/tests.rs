//! Where the reader stands on valid, broken and hostile texts, and that it agrees with `serde_json`.

use proptest::prelude::*;

use super::*;

/// The value as `serde_json` has it; numbers and booleans count by kind only.
fn rendered(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Text(text) => serde_json::Value::from(&**text),
        Value::Number => serde_json::Value::from(0),
        Value::Boolean => serde_json::Value::from(true),
        Value::Null => serde_json::Value::Null,
        Value::Array(items) => items.iter().map(rendered).collect(),
        Value::Object(members) => members
            .iter()
            .map(|member| (member.key.to_string(), rendered(&member.value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

fn by_kind(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(_) => serde_json::Value::from(0),
        serde_json::Value::Bool(_) => serde_json::Value::from(true),
        serde_json::Value::Array(items) => items.into_iter().map(by_kind).collect(),
        serde_json::Value::Object(members) => {
            members.into_iter().map(|(key, value)| (key, by_kind(value))).collect()
        }
        other @ (serde_json::Value::Null | serde_json::Value::String(_)) => other,
    }
}

fn problem(source: &str) -> (usize, usize, JsonProblem) {
    let Err(invalid) = read(source) else { panic!("{source} is valid") };
    (invalid.line, invalid.column, invalid.problem)
}

#[test]
fn problems_have_a_place() {
    use JsonProblem::{
        ControlCharacter, DuplicateKey, DuplicateUnknownKey, EndsEarly, Escape, Expected,
        TypographicQuotes,
    };
    for (source, expected) in [
        ("", (1, 1, EndsEarly)),
        ("{\"ti\":\"x\",\n  \"ci\":", (2, 8, EndsEarly)),
        ("{\"ti\":\"x", (1, 7, EndsEarly)),
        ("{\n  ti: \"x\"\n}", (2, 3, Expected("a key in quotes"))),
        ("{\"ti\":\"x\",}", (1, 11, Expected("a key in quotes"))),
        ("{\"ti\" \"x\"}", (1, 7, Expected("a colon"))),
        ("{\"ti\":\"x\" \"cn\":\"y\"}", (1, 11, Expected("a comma or }"))),
        ("{\"ä\":\"x\"} x", (1, 11, Expected("the end of the file"))),
        ("[1 2]", (1, 4, Expected("a comma or ]"))),
        ("{\"ti\":tru}", (1, 7, Expected("a value"))),
        ("{\"ti\":-}", (1, 8, Expected("a digit"))),
        ("{\"ti\":01}", (1, 8, Expected("a comma or }"))),
        ("{\u{201C}ti\u{201D}:1}", (1, 2, TypographicQuotes)),
        ("{\"ti\":\"\\q\"}", (1, 7, Escape)),
        ("{\"unknown\":\"a\nb\"}", (1, 12, ControlCharacter)),
        ("{\"x\":{\"cs\":\"a\nb\"}}", (1, 12, ControlCharacter)),
        ("{\"ti\":1,\n\"cs\":2,\n\"t\\u0069\":3}", (3, 1, DuplicateKey("ti"))),
        ("{\"x\":[{\"a\":1,\"a\":1}]}", (1, 14, DuplicateUnknownKey)),
    ] {
        assert_eq!(problem(source), expected, "{source}");
    }
}

#[test]
fn a_line_break_within_a_known_key_is_left_to_the_check_of_that_key() {
    let value = read("{\"cs\":\"a\nb\"}");
    assert!(matches!(value.as_ref().ok().and_then(|value| value.get("cs")),
        Some(Value::Text(text)) if &**text == "a\nb"));
}

#[test]
fn nesting_ends_before_the_stack_does() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&nested(DEPTH_MAX)).is_ok());
    assert_eq!(problem(&nested(DEPTH_MAX + 1)).2, JsonProblem::TooDeep);
    assert_eq!(problem(&"[".repeat(60_000)).2, JsonProblem::TooDeep);
    assert_eq!(problem(&"{\"a\":".repeat(10_000)).2, JsonProblem::TooDeep);
}

/// Texts that are JSON more often than not: fragments of the grammar in random order.
fn json_like() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "\"[a-c\\\\/nu0-9é\u{1F680}]{0,6}\"",
        "-?[0-9]{1,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
        Just("true".to_owned()),
        Just("null".to_owned()),
        "[ \\[\\]{},:\"a]{0,3}",
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = "\"[a-z]{1,4}\"";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((key, inner), 0..4).prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(key, value)| format!("{key}:{value}")).collect();
                format!("{{{}}}", members.join(",\n"))
            }),
        ]
    })
}

proptest! {
    /// Except where this reader is stricter (equal keys, depth) by intention.
    #[test]
    fn the_reader_agrees_with_serde_json(source in json_like()) {
        let theirs = serde_json::from_str::<serde_json::Value>(&source);
        match read(&source) {
            Ok(value) => prop_assert_eq!(Some(rendered(&value)), theirs.ok().map(by_kind)),
            Err(InvalidJson {
                problem: JsonProblem::DuplicateKey(_) | JsonProblem::DuplicateUnknownKey, ..
            }) => {}
            // serde_json has no room for numbers such as 1e999.
            Err(_) => prop_assert!(theirs.is_err()),
        }
    }
}
