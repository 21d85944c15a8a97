//! The description of the API, finished from what the routes tell of themselves.

use serde_json::{Value, json};
use utoipa::openapi::{Info, OpenApi, Server};

/// The media type of problem details (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// What live updates tell in part: a delta has of each row its id and what has changed. What is always there.
const DELTAS: [(&str, &[&str]); 5] = [
    ("LiveDocument", &["type", "id", "at"]),
    ("LiveStream", &["id"]),
    ("LiveSession", &["id"]),
    ("LivePool", &[]),
    ("LiveServer", &[]),
];

/// The description as JSON; the server is below this path.
pub(super) fn describe(mut description: OpenApi, base_path: &str) -> Vec<u8> {
    description.info = Info::new("Sightglass", env!("CARGO_PKG_VERSION"));
    description.info.description = Some(
        "Stream preview and monitoring server. Errors are RFC 9457 problem details with a stable \
         code."
            .to_owned(),
    );
    if !base_path.is_empty() {
        description.servers = Some(vec![Server::new(base_path)]);
    }
    let mut json = serde_json::to_value(&description).unwrap_or_default();
    for (path, operations) in json["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            operation["operationId"] = name(method, path).into();
            add_failure(operation);
            for response in responses(operation) {
                name_problem(response);
            }
        }
    }
    for (schema, always) in DELTAS {
        if let Some(schema) = json["components"]["schemas"].get_mut(schema) {
            schema["required"] = json!(always);
        }
    }
    super::gate::describe(&mut json);
    serde_json::to_vec(&json).unwrap_or_default()
}

fn responses(operation: &mut Value) -> impl Iterator<Item = &mut Value> {
    let responses = operation.get_mut("responses");
    let responses = responses.and_then(Value::as_object_mut);
    responses
        .into_iter()
        .flatten()
        .map(|(_, response)| response)
}

/// The name of an operation, which is no other's (`OpenAPI` 3.1, 4.8.10.1): `get_streams_id`. Those of the handlers are not.
fn name(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    std::iter::once(method)
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

/// What any request may come to before it is looked at: too often, too large, from another site...
fn add_failure(operation: &mut Value) {
    if let Some(responses) = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
    {
        let failure = json!({
            "description": "Any other failure",
            "content": { PROBLEM: { "schema": { "$ref": "#/components/schemas/Problem" } } }
        });
        responses.insert("default".to_owned(), failure);
    }
}

/// The routes tell the schema of a problem; its media type is ours to tell, once.
fn name_problem(response: &mut Value) {
    let Some(content) = response.get_mut("content").and_then(Value::as_object_mut) else {
        return;
    };
    let is_problem = |body: &Value| {
        body.pointer("/schema/$ref")
            .and_then(Value::as_str)
            .is_some_and(|schema| schema.ends_with("/Problem"))
    };
    if content.get("application/json").is_some_and(is_problem)
        && let Some(body) = content.remove("application/json")
    {
        content.insert(PROBLEM.to_owned(), body);
    }
}
