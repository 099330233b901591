//! Differences between two settings, in words.

use serde_json::Value;

/// For each number that differs, `recipe.style was 3.0, now 7.0`.
pub(crate) fn differences(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", old, new, &mut found);
    found
}

fn compare(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let part = |of: &serde_json::Map<String, Value>| of.get(key).cloned().unwrap_or(Value::Null);
                compare(&path, &part(a), &part(b), found);
            }
        }
        _ if old == new => {}
        (Value::Null, _) => found.push(format!("{path} was not set, now {new}")),
        (_, Value::Null) => found.push(format!("{path} was {old}, now not set")),
        _ => found.push(format!("{path} was {old}, now {new}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_told() {
        let old = json!({"a": 1, "b": {"c": [1, 2], "d": 2}, "gone": true});
        let new = json!({"a": 1, "b": {"c": [1, 3], "d": 2}, "more": 5});
        assert_eq!(
            differences(&old, &new),
            ["b.c was [1,2], now [1,3]", "gone was true, now not set", "more was not set, now 5"]
        );
        assert!(differences(&old, &old).is_empty());
    }
}
