//! Stops the server while connections are open, and starts it again on the same port at once.

use crate::harness::context::CaseContext;
use crate::harness::failure::{CaseFailure, StepResult};
use crate::harness::liveness::{connect_users, numbered_name};
use crate::harness::monitor::FrameRule;

pub(super) async fn restart(ctx: &mut CaseContext, connections: usize) -> StepResult {
    let Some(watch) = ctx.env.watch.clone() else {
        return Err(CaseFailure::Skipped(
            "this tool can only restart a server that it started: use --spawn".to_owned(),
        ));
    };
    let conns = connect_users(ctx, "open", connections).await?;
    let started = watch.restart().await;
    drop(conns);
    // The server was killed, so its last frame may be incomplete.
    ctx.env.monitors.forget(FrameRule::Terminated, "robust.restart");
    if let Err(error) = started {
        // The other checks need a server. The port becomes free after a while.
        let got = error.to_string();
        let _ = watch.start_afresh().await;
        return Err(CaseFailure::fail("stopped with open connections, it starts on the same port at once", got));
    }
    ctx.connect_as("newcomer", &numbered_name(&ctx.names, "newc", 0)).await?;
    Ok(())
}
