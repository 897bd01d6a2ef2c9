//! The rows, by the ids of the document that asks for them.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{Line, Row, close, exact, late_reads, measured, quantile, tool, validity_line};
use crate::cores::cores;
use crate::faulty_server::{FaultyServer, LoadFault};
use crate::timed_server::{TimedServer, Timing};
use crate::{Outcome, TestServer};

/// All rows that can be carried out by now.
pub const ROWS: [Row; 15] = [
    Row { id: "V1", server: "constant 5 ms", run: v1 },
    Row { id: "V2", server: "10 ms, frozen 200 ms every 10 s; even arrivals", run: v2 },
    Row { id: "V3", server: "the same; Poisson arrivals", run: v3 },
    Row { id: "V4", server: "the same, one queue of 1,000/s, 80 % used", run: v4 },
    Row { id: "V5", server: "as V2; the generator stopped for 300 ms", run: v5 },
    Row { id: "V6", server: "as V2; hogs on the generator's core", run: v6 },
    Row { id: "V7", server: "5 ms, then 500 writes 50 µs apart", run: v7 },
    Row { id: "V8", server: "loses 1 in 1,000, doubles 1 in 2,000, swaps 1 in 5,000", run: v8 },
    Row { id: "V9", server: "the reference server; 100 users churn at 10/s", run: v9 },
    Row { id: "V10", server: "one queue of 5,000/s", run: v10 },
    Row {
        id: "V13",
        server: "constant 5 ms; the generator halted for 20 ms of every 40; --clock read",
        run: late_reads::v13,
    },
    Row { id: "V14", server: "constant 5 ms; the generator halted for 20 ms at each arrival", run: late_reads::v14 },
    Row {
        id: "V15",
        server: "constant 5 ms; the generator halted for 20 ms of every 40; closed loops",
        run: late_reads::v15,
    },
    Row {
        id: "V16",
        server: "4 MB for one user while the generator is halted for 100 ms of every 200",
        run: late_reads::v16,
    },
    Row {
        id: "V18",
        server: "one queue, 10 ms a message; the generator halted before two arrive",
        run: late_reads::v18,
    },
];

pub(super) const MS: Duration = Duration::from_millis(1);
const FREEZES: Timing = Timing {
    delay: Duration::from_millis(10),
    freeze: Some((Duration::from_millis(200), Duration::from_secs(10))),
    work: Duration::ZERO,
    spacing: Duration::ZERO,
};

/// A server of known latency, on a core of its own where there are two.
pub(super) fn server(timing: Timing) -> TimedServer {
    TimedServer::start(timing, cores().map(|cores| cores.server))
}

pub(super) fn privates(rate: u32, arrivals: &str, seconds: u32) -> String {
    format!(
        "name: truth\nseed: 1\nusers:\n  u: {{ count: 50, join: 1000/s, rate: {rate}/s, arrivals: {arrivals}, \
         do: [ {{ private: {{ to: u }} }} ] }}\nload: [ {{ hold: {seconds}s }} ]\n\
         expect: [ \"lost == 0\", \"delivery.p99 < 1s\" ]\n"
    )
}

fn quantiles(outcome: &Outcome, wanted: impl Fn(f64) -> f64, tolerance: impl Fn(f64, f64) -> f64) -> Vec<Line> {
    [("p99", 0.99), ("p99.5", 0.995), ("p99.9", 0.999)]
        .map(|(what, q)| measured(outcome, what, "delivery", q, wanted(q), tolerance(q, wanted(q))))
        .into()
}

fn frozen(quantile: f64) -> f64 {
    10.0 + (200.0 - (1.0 - quantile) * 10_000.0).max(0.0)
}

fn v1(program: &str) -> Vec<Line> {
    let server = server(Timing { delay: 5 * MS, ..Timing::default() });
    let outcome = tool(program, &privates(1000, "poisson", 20)).target(server.address()).go();
    let line =
        |what, metric, q, late: Duration| measured(&outcome, what, metric, q, 5.0 + late.as_secs_f64() * 1e3, 0.2);
    let none = Duration::ZERO;
    vec![
        line("p50", "delivery", 0.5, none),
        line("p99", "delivery", 0.99, none),
        line("service p99, own clock", "service", 0.99, server.late(0.99)),
    ]
}

fn v2(program: &str) -> Vec<Line> {
    let server = server(FREEZES);
    let outcome = tool(program, &privates(1000, "even", 60)).target(server.address()).go();
    quantiles(&outcome, frozen, |_, wanted| (wanted * 0.01).max(1.0))
}

fn v3(program: &str) -> Vec<Line> {
    let server = server(FREEZES);
    let outcome = tool(program, &privates(1000, "poisson", 60)).target(server.address()).go();
    let samples = outcome.count("delivered") as f64;
    quantiles(&outcome, frozen, |q, _| 3.0 * 10_000.0 * (q * (1.0 - q) / samples).sqrt())
}

fn v4(program: &str) -> Vec<Line> {
    let server = server(Timing { work: MS, ..FREEZES });
    let outcome = tool(program, &privates(800, "even", 60)).target(server.address()).go();
    let wanted = |q: f64| 11.0 + (200.0 - (1.0 - q) * 0.2 * 10_000.0).max(0.0);
    quantiles(&outcome, wanted, |_, wanted| wanted * 0.02)
}

pub(super) fn signal(id: u32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(id.cast_signed()) {
        // Gone already: the run is over.
        let _ = kill_process(pid, signal);
    }
}

fn v5(program: &str) -> Vec<Line> {
    let server = server(FREEZES);
    let outcome = tool(program, &privates(1000, "even", 20)).target(server.address()).with(|id| {
        std::thread::sleep(3000 * MS);
        signal(id, Signal::STOP);
        std::thread::sleep(300 * MS);
        signal(id, Signal::CONT);
    });
    vec![
        close("lateness max", 300.0, quantile(&outcome, "lateness", 1.0), 10.0),
        close("service p50", 10.0, quantile(&outcome, "service", 0.5), 0.5),
        validity_line(&outcome, &["invalid"]),
    ]
}

/// A program that does nothing but take a core's time; ends when it is dropped.
struct Hog(Child);

impl Hog {
    fn start(core: &str) -> Self {
        let mut hog = Command::new("taskset");
        hog.args(["-c", core, "sh", "-c", "while :; do :; done"]).stdin(Stdio::null());
        Self(hog.spawn().expect("taskset is there"))
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        // It cannot have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn v6(program: &str) -> Vec<Line> {
    let server = server(FREEZES);
    let core = cores().map_or(0, |cores| cores.tool).to_string();
    let _hogs: Vec<Hog> = (0..3).map(|_| Hog::start(&core)).collect();
    // At the least of priorities: a scheduler wakes a light task early otherwise, and there is nothing to be seen.
    let run = tool(program, &privates(1000, "even", 20)).target(server.address());
    let outcome = run.under(&["taskset", "-c", &core, "nice", "-n", "19"]).go();
    vec![validity_line(&outcome, &["degraded", "invalid"])]
}

fn v7(program: &str) -> Vec<Line> {
    let server = server(Timing { delay: 5 * MS, spacing: MS / 20, ..Timing::default() });
    let text = "name: truth\nseed: 1\nusers:\n  talker: { count: 1, rate: 10/s, do: [ { broadcast: {} } ] }\n  \
                others: { count: 499, join: 1000/s }\nload: [ { hold: 30s } ]\n";
    let outcome = tool(program, text).target(server.address()).go();
    let line = |what, metric, q, wanted| measured(&outcome, what, metric, q, wanted, wanted * 0.03);
    vec![
        line("last − first, p50", "delivery_spread", 0.5, 499.0 * 0.05),
        line("delivery p10", "delivery", 0.1, 7.5),
        line("delivery p50", "delivery", 0.5, 17.5),
        line("delivery p90", "delivery", 0.9, 27.5),
    ]
}

fn v8(program: &str) -> Vec<Line> {
    let server = FaultyServer::start(LoadFault::Mixed, 1);
    let text = "name: truth\nseed: 8\nusers:\n  u: { count: 100, join: 500/s, rate: 80/s, do: [ { broadcast: {} } ] }\n\
                load: [ { hold: 10s } ]\n";
    let outcome = tool(program, text).target(server.address()).go();
    let mixed = server.mixed();
    let line = |what, wanted: u64, name| exact(what, wanted, outcome.count(name), wanted == outcome.count(name));
    vec![
        line("lost", mixed.lost, "lost"),
        line("duplicated", mixed.doubled, "duplicated"),
        line("reordered", mixed.swapped, "reordered"),
    ]
}

fn v9(program: &str) -> Vec<Line> {
    let server = TestServer::start();
    let text = "name: truth\nseed: 9\nusers:\n  talkers: { count: 5, rate: 50/s, do: [ { broadcast: {} } ] }\n  \
                visitors: { count: 100, join: 200/s, session: 5s..15s, leave: [disconnect, fin, rst] }\n\
                load: [ { hold: 20s } ]\n";
    let outcome = tool(program, text).target(server.address()).go();
    ["lost", "duplicated", "reordered"].map(|name| exact(name, 0, outcome.count(name), outcome.count(name) == 0)).into()
}

fn v10(program: &str) -> Vec<Line> {
    let server = server(Timing { work: MS / 5, ..Timing::default() });
    let text = "name: truth\nseed: 1\nusers:\n  u: { count: 50, join: 1000/s, rate: 1000/s, arrivals: even, \
                do: [ { private: { to: u } } ] }\nload:\n  - find_max: { start: 100%, max: 5000%, grow: 2x, probe: 4s, \
                settle: 1s, within: 4%, confirm: 8s }\nexpect: [ \"delivery.p99 < 50ms\", \"lost == 0\" ]\n";
    let outcome = tool(program, text).target(server.address()).go();
    let capacity = &outcome.json["capacity"];
    let rate = capacity["sent_per_second"].as_f64().unwrap_or(0.0);
    let reason = capacity["reason"].as_str().unwrap_or("nothing");
    let named = reason.contains("delivery.p99 < 50ms");
    vec![
        Line {
            what: "the highest rate",
            wanted: "4,750–5,000/s".to_owned(),
            got: format!("{rate:.0}/s"),
            tolerance: "5 %".to_owned(),
            // A bucket that is filled for a few seconds may take one in a hundred more.
            ok: (4750.0..=5050.0).contains(&rate),
        },
        exact("why it stopped", "delivery.p99 failed", reason, named),
    ]
}
