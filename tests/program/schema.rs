//! Values are held to the schemas of `docs/`, with as much of JSON Schema as these use.

use serde_json::Value;

/// Asserts that a value is by a schema, which `docs` holds as text. The name of the value is for the message.
pub(crate) fn by_schema(docs: &str, value: &Value, name: &str) {
    let schema: Value = serde_json::from_str(docs).unwrap();
    check(&schema, &schema, value, name);
}

/// Checks a value by a part of a schema. A keyword that is not known is a failure, so that nothing goes unchecked.
fn check(root: &Value, schema: &Value, value: &Value, at: &str) {
    let Some(rules) = schema.as_object() else {
        assert_ne!(schema, &Value::Bool(false), "{at} may not be there");
        return;
    };
    for (keyword, rule) in rules {
        let words = || rule.as_array().unwrap();
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let place = rule.as_str().unwrap();
                let part = root.pointer(place.trim_start_matches('#'));
                check(root, part.unwrap_or_else(|| panic!("{place}")), value, at);
            }
            // One that may be null is the other way round if it is not.
            "anyOf" => {
                let [other, null] = &words()[..] else { panic!("{at}: {rule}") };
                assert_eq!(null["type"], "null", "{at}");
                if !value.is_null() {
                    check(root, other, value, at);
                }
            }
            "type" => {
                let is = |kind: &Value| kind == kind_of(value);
                assert!(is(rule) || rule.as_array().is_some_and(|any| any.iter().any(is)), "{at}: {value}");
            }
            "enum" => assert!(words().contains(value), "{at}: {value}"),
            "const" => assert_eq!(rule, value, "{at}"),
            "pattern" => {
                let pattern = regex::Regex::new(rule.as_str().unwrap()).unwrap();
                assert!(value.as_str().is_none_or(|text| pattern.is_match(text)), "{at}: {value}");
            }
            "minimum" => assert!(value.as_i64().is_none_or(|n| Some(n) >= rule.as_i64()), "{at}: {value}"),
            "minItems" => {
                assert!(
                    value.as_array().is_none_or(|all| all.len() as u64 >= rule.as_u64().unwrap()),
                    "{at}"
                );
            }
            "prefixItems" => {
                for (n, (rule, item)) in
                    words().iter().zip(value.as_array().into_iter().flatten()).enumerate()
                {
                    check(root, rule, item, &format!("{at}[{n}]"));
                }
            }
            "items" => {
                let first = rules.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
                for (n, item) in value.as_array().into_iter().flatten().enumerate().skip(first) {
                    check(root, rule, item, &format!("{at}[{n}]"));
                }
            }
            "required" => {
                for name in words().iter().filter_map(Value::as_str) {
                    let is_there = value.as_object().is_none_or(|members| members.contains_key(name));
                    assert!(is_there, "{at}: {name} is missing");
                }
            }
            "properties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    if let Some(rule) = rule.get(name) {
                        check(root, rule, member, &format!("{at}.{name}"));
                    }
                }
            }
            "additionalProperties" => {
                let known = |name: &str| rules.get("properties").is_some_and(|all| all.get(name).is_some());
                for (name, member) in value.as_object().into_iter().flatten().filter(|(name, _)| !known(name))
                {
                    check(root, rule, member, &format!("{at}.{name}"));
                }
            }
            other => panic!("{at}: {other}"),
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
