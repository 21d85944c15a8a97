//! JSON merge patch, RFC 7396.

use serde_json::{Map, Value};

use super::{Definition, Draft, Invalid};

/// Applies a merge patch to a definition and checks what comes out. `null` removes a member, and an array such as
/// `sources` is replaced whole (RFC 7396, 1); its secrets need not be sent again ([`restore`](super::restore)). The id
/// cannot change.
pub fn merge_patch(definition: &Definition, patch: &Value) -> Result<Definition, Vec<Invalid>> {
    let mut target = serde_json::to_value(definition).map_err(|e| not_applicable(e.to_string()))?;
    apply_to(&mut target, patch)?;
    super::restore(&mut target, definition);
    Draft::define(target, Some(definition.id.clone()), |_| false)
}

/// Applies a merge patch to an object; what is no object cannot be one.
pub(crate) fn apply_to(target: &mut Value, patch: &Value) -> Result<(), Vec<Invalid>> {
    if !patch.is_object() {
        return Err(not_applicable("has the wrong type".to_owned()));
    }
    apply(target, patch);
    Ok(())
}

fn not_applicable(problem: String) -> Vec<Invalid> {
    vec![Invalid {
        pointer: String::new(),
        problem,
        allowed: "an object (RFC 7396)".to_owned(),
    }]
}

/// RFC 7396, 2. Recursion ends because parsed JSON is at most 128 levels deep.
fn apply(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(object) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            object.remove(name);
        } else {
            apply(object.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn examples_of_the_rfc() {
        // RFC 7396, appendix A.
        for (original, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": "b"}),
                json!({"b": "c"}),
                json!({"a": "b", "b": "c"}),
            ),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (
                json!({"a": "b", "b": "c"}),
                json!({"a": null}),
                json!({"b": "c"}),
            ),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1]}),
                json!({"a": [1]}),
            ),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (
                json!({"e": null}),
                json!({"a": 1}),
                json!({"e": null, "a": 1}),
            ),
            (
                json!([1, 2]),
                json!({"a": "b", "c": null}),
                json!({"a": "b"}),
            ),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ] {
            let mut target = original;
            apply(&mut target, &patch);
            assert_eq!(target, result);
        }
    }

    fn news() -> Definition {
        let body = json!({"id": "news", "name": "News", "group": "A", "enabled": false, "options": {"quality": "low", "linger_ms": 5},
            "sources": [{"url": "http://h/1", "credentials": {"type": "bearer", "token": "t"}}]});
        Draft::define(body, None, |_| false).unwrap()
    }

    #[test]
    fn patches_a_definition() {
        let patch = json!({"name": "N", "group": null, "options": {"quality": null}, "attributes": {"x": "1"}, "id": "news"});
        let patched = merge_patch(&news(), &patch).unwrap();
        assert_eq!(
            (
                patched.name.as_str(),
                patched.group.as_deref(),
                patched.enabled
            ),
            ("N", None, false)
        );
        assert_eq!(
            (
                patched.options.quality.as_deref(),
                patched.options.linger_ms
            ),
            (None, Some(5))
        );
        assert_eq!(patched.sources, news().sources);
        assert_eq!(merge_patch(&news(), &json!({})).unwrap(), news());
    }

    #[test]
    fn a_bad_patch_changes_nothing() {
        for (patch, at) in [
            (json!([]), ""),
            (json!({"id": "other"}), "/id"),
            (json!({"sources": null}), "/sources"),
            (json!({"sources": [{"url": "ftp://h/x"}]}), "/sources/0/url"),
            (json!({"colour": 1}), "/colour"),
            (json!({"options": 1}), "/options"),
        ] {
            let told = merge_patch(&news(), &patch).unwrap_err();
            assert_eq!((told.len(), told[0].pointer.as_str()), (1, at), "{told:?}");
        }
    }
}
