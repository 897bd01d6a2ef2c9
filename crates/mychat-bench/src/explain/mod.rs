//! `explain`: the plan of a scenario in words and figures before anything runs, and whether this machine can do it.

mod forecast;
mod machine;
mod words;

use crate::cli;
use crate::out;
use mychat_load::Exit;

pub use forecast::Forecast;
pub use machine::{Machine, Need};
pub use words::text;

/// Explains one file. A plan that this machine cannot carry out is no error of the file: it is said, and exit 3.
pub(crate) fn explain(args: &cli::Explain) -> Exit {
    match mychat_scenario::load(&args.file) {
        Ok(loaded) => {
            let forecast = Forecast::new(&loaded.scenario);
            let needs = Machine::here().needs(&forecast);
            out::print(&text(&loaded.scenario, &forecast, &needs));
            if needs.iter().all(|need| need.met) { Exit::Success } else { Exit::CouldNotRun }
        }
        Err(diagnostics) => {
            out::complain(&diagnostics.render(out::colours_on_stderr()));
            Exit::Usage
        }
    }
}
