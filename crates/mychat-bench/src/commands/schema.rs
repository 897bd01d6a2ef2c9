//! `schema`: prints the JSON Schema of scenario files for editors.

use crate::error::CommandError;
use crate::terminal::print;
use mychat_load::Exit;

/// Help of the command, which has no arguments.
pub(crate) const EXAMPLE: &str = "\
Example:
  mychat-bench schema > scenario.schema.json
      and then, as the first line of a scenario: # yaml-language-server: $schema=scenario.schema.json";

/// Prints the schema.
pub(crate) fn schema() -> Result<Exit, CommandError> {
    print::result(&mychat_scenario::schema::text().map_err(anyhow::Error::from)?);
    Ok(Exit::Success)
}
