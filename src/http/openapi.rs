//! The description of the API, finished from what the routes tell of themselves.

use serde_json::Value;
use utoipa::openapi::{Info, OpenApi};

/// The media type of problem details (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// The description as JSON.
pub(super) fn describe(mut description: OpenApi) -> Vec<u8> {
    description.info = Info::new("Sightglass", env!("CARGO_PKG_VERSION"));
    description.info.description = Some(
        "Stream preview and monitoring server. Errors are RFC 9457 problem details with a stable \
         code."
            .to_owned(),
    );
    let mut json = serde_json::to_value(&description).unwrap_or_default();
    for response in responses(&mut json) {
        name_problem(response);
    }
    super::gate::describe(&mut json);
    serde_json::to_vec(&json).unwrap_or_default()
}

fn responses(json: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = json["paths"].as_object_mut().into_iter().flatten();
    let operations = paths.flat_map(|(_, path)| path.as_object_mut().into_iter().flatten());
    operations.flat_map(|(_, operation)| {
        let responses = operation.get_mut("responses");
        let responses = responses.and_then(Value::as_object_mut);
        responses
            .into_iter()
            .flatten()
            .map(|(_, response)| response)
    })
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
