//! Whether JSON has the shape that a JSON Schema gives it: types, required fields, choices, references within the schema.

use serde_json::Value;

/// What in a value is not as the schema says; empty where all is. Fields that the schema does not name are allowed.
pub fn misfits(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Check { root: schema }.value(schema, value, "$", &mut found);
    found
}

struct Check<'a> {
    root: &'a Value,
}

impl Check<'_> {
    fn value(&self, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
        if let Some(target) = schema["$ref"].as_str() {
            let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{place}: {target} leads elsewhere"));
            let schema = self.root.pointer(pointer).unwrap_or_else(|| panic!("{place}: {target} leads nowhere"));
            return self.value(schema, value, place, found);
        }
        for choice in ["anyOf", "oneOf"] {
            let Some(schemas) = schema[choice].as_array() else { continue };
            if !schemas.iter().any(|schema| self.fits(schema, value, place)) {
                found.push(format!("{place}: none of {choice} fits {value}"));
            }
        }
        for schema in schema["allOf"].as_array().into_iter().flatten() {
            self.value(schema, value, place, found);
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind, value)) {
            found.push(format!("{place}: {value} is not {}", kinds.join(" or ")));
        }
        if schema["enum"].as_array().is_some_and(|known| !known.contains(value)) {
            found.push(format!("{place}: {value} is none of the choices"));
        }
        if let Some(fields) = value.as_object() {
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !fields.contains_key(name) {
                    found.push(format!("{place}: {name} is missing"));
                }
            }
            for (name, field) in fields.iter().filter(|(name, _)| !schema["properties"][name.as_str()].is_null()) {
                self.value(&schema["properties"][name.as_str()], field, &format!("{place}.{name}"), found);
            }
        }
        for (number, item) in value.as_array().into_iter().flatten().enumerate() {
            self.value(&schema["items"], item, &format!("{place}[{number}]"), found);
        }
    }

    fn fits(&self, schema: &Value, value: &Value, place: &str) -> bool {
        let mut found = Vec::new();
        self.value(schema, value, place, &mut found);
        found.is_empty()
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type of JSON Schema"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::misfits;

    #[test]
    fn what_does_not_fit_is_named_by_its_place() {
        let schema = json!({
            "type": "object", "required": ["a"],
            "properties": { "a": { "type": ["string", "null"] }, "b": { "type": "array", "items": { "$ref": "#/$defs/n" } } },
            "$defs": { "n": { "anyOf": [{ "type": "integer" }, { "enum": ["x"] }] } }
        });
        assert_eq!(misfits(&schema, &json!({ "a": null, "b": [1, "x"], "new": 1 })), Vec::<String>::new());
        assert_eq!(misfits(&schema, &json!({ "b": [1.5] })), ["$: a is missing", "$.b[0]: none of anyOf fits 1.5"]);
        assert_eq!(misfits(&schema, &json!({ "a": 1 })), ["$.a: 1 is not string or null"]);
    }
}
