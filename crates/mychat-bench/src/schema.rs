//! `schema`: the JSON Schema of scenario files, as editors read it.

use crate::exit::Exit;
use crate::{out, scenario};

/// Prints the schema.
pub(crate) fn schema() -> anyhow::Result<Exit> {
    out::print(&scenario::schema::text()?);
    Ok(Exit::Held)
}
