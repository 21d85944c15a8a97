//! What the description of the API tells of who may do what.

use axum::http::Method;
use serde_json::{Value, json};

use super::table::{Entry, entry};
use crate::auth::Permission;

/// Adds to each operation what it wants, how one shows it, and the answers for who may not.
pub(in crate::http) fn describe(description: &mut Value) {
    description["components"]["securitySchemes"] = json!({
        "token": {"type": "http", "scheme": "bearer", "description": "A token: sgt_..."},
        "password": {"type": "http", "scheme": "basic", "description": "A user and a password, or any name and a token"},
        "session": {"type": "apiKey", "in": "cookie", "name": "sightglass_session", "description": "As POST /api/v1/login sets it"},
    });
    let paths = description["paths"].as_object_mut().into_iter().flatten();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes());
            if let (Ok(method), Some(operation)) = (method, operation.as_object_mut())
                && let Entry::Wants(wanted) = entry(path, &method)
            {
                operation.insert("x-permission".to_owned(), json!(wanted.as_str()));
                if wanted == Permission::Public {
                    continue;
                }
                let ways = json!([{"token": []}, {"password": []}, {"session": []}]);
                operation.insert("security".to_owned(), ways);
                let responses = operation.entry("responses").or_insert_with(|| json!({}));
                for (status, text) in [
                    ("401", "Nobody is known by these credentials"),
                    ("403", "That is not allowed"),
                    ("429", "Too many tries with wrong credentials"),
                ] {
                    if responses.get(status).is_none() {
                        responses[status] = problem(text);
                    }
                }
            }
        }
    }
}

fn problem(text: &str) -> Value {
    json!({
        "description": text,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    })
}
