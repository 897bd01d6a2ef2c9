//! `schema`: the JSON Schema of scenario files, as editors read it.

use crate::out;
use mychat_load::Exit;

/// Prints the schema.
pub(crate) fn schema() -> anyhow::Result<Exit> {
    out::print(&mychat_scenario::schema::text()?);
    Ok(Exit::Success)
}
