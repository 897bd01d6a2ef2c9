//! The server is stopped with connections open, and started again on the same port at once.

use crate::script::alive::{numbered, users};
use crate::script::monitor::Rule;
use crate::script::outcome::{Played, Trouble};
use crate::script::stage::Stage;

pub(super) async fn restart(stage: &mut Stage, connections: usize) -> Played {
    let Some(watch) = stage.around.watch.clone() else {
        return Err(Trouble::Skipped(
            "only a server that this tool starts can be started again: use --spawn".to_owned(),
        ));
    };
    let lines = users(stage, "open", connections).await?;
    let started = watch.restart().await;
    drop(lines);
    // It was killed in the middle of whatever it was saying.
    stage.around.monitors.forgive(Rule::Terminated, "robust.restart");
    if let Err(error) = started {
        // The rest of the suite needs one: a port that is still taken is free after a while.
        let got = error.to_string();
        let _ = watch.start_afresh().await;
        return Err(Trouble::fail("stopped with open connections, it starts on the same port at once", got));
    }
    stage.welcome("newcomer", &numbered(&stage.cast, "newc", 0)).await?;
    Ok(())
}
