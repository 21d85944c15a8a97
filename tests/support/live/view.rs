//! What a client knows: documents laid over each other, as the manual says.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Rows of a table, by id; a table of one row has it under the empty id.
pub type Rows = BTreeMap<String, Map<String, Value>>;

/// What one client knows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// By the name of the member.
    pub tables: BTreeMap<String, Rows>,
    /// Where it is.
    pub id: String,
    /// Documents that it got, and those of them that were snapshots.
    pub documents: usize,
    pub snapshots: usize,
}

impl View {
    /// Lays a document over what is known.
    pub fn take(&mut self, document: &Value) {
        self.documents += 1;
        if document["type"] == "snapshot" {
            self.snapshots += 1;
            self.tables.clear();
        }
        for (name, value) in document.as_object().expect("a document") {
            match (name.as_str(), value) {
                ("id", Value::String(id)) => self.id.clone_from(id),
                ("type" | "at", _) => {}
                (name, value) => match (name.strip_suffix("_removed"), value) {
                    (Some(name), ids) => {
                        let rows = self.tables.entry(name.to_owned()).or_default();
                        for id in ids.as_array().expect("ids") {
                            rows.remove(id.as_str().expect("an id"));
                        }
                    }
                    (None, Value::Array(rows)) => rows.iter().for_each(|row| self.lay(name, row)),
                    (None, row) => self.lay(name, row),
                },
            }
        }
    }

    /// The streams, by id.
    pub fn streams(&self) -> &Rows {
        static NONE: Rows = Rows::new();
        self.tables.get("streams").unwrap_or(&NONE)
    }

    fn lay(&mut self, table: &str, row: &Value) {
        let id = row["id"].as_str().unwrap_or_default().to_owned();
        let rows = self.tables.entry(table.to_owned()).or_default();
        let members = row.as_object().expect("a row").clone();
        rows.entry(id).or_default().extend(members);
    }
}
