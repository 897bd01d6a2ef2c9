//! Rows in which the generator reads late: what that may change, and what the tool says about it.

use std::time::Duration;

use rustix::process::Signal;

use super::rows::{MS, privates, server, signal};
use super::{Line, close, exact, measured, tool, validity_line};
use crate::timed_server::Timing;
use crate::{Outcome, RawPeer};

/// Halts the generator for `halt` of every two such times, whatever it is doing, `count` times.
fn halt_half_of_the_time(halt: Duration, count: u32) -> impl FnOnce(u32) {
    move |id| {
        std::thread::sleep(1500 * MS);
        for _ in 0..count {
            signal(id, Signal::STOP);
            std::thread::sleep(halt);
            signal(id, Signal::CONT);
            std::thread::sleep(halt);
        }
    }
}

/// Time between the writes of one broadcast. The witness gets the first copy, and has this long to halt the generator before
/// its users get theirs.
const APART: Duration = Duration::from_micros(250);

/// Halts the generator for 20 ms whenever the first of `group` broadcasts reaches `witness`, before it reaches the generator's
/// users.
fn halt_at_each_arrival(mut witness: RawPeer, group: u32) -> impl FnOnce(u32) {
    move |id| {
        for _ in 0..150 {
            witness.read_until("BROADCAST|");
            signal(id, Signal::STOP);
            std::thread::sleep(20 * MS);
            signal(id, Signal::CONT);
            for _ in 1..group {
                witness.read_until("BROADCAST|");
            }
        }
    }
}

/// Halts the generator for 100 ms of every 200, ten times. Meanwhile its user `flooded` gets 4 MB of private messages: a
/// generator that stands still sends nothing that could fill its own buffers.
fn flood_in_halts(mut flooder: RawPeer) -> impl FnOnce(u32) {
    move |id| {
        let frame = format!("MESSAGE|flooded1|{}\n", "x".repeat(980));
        std::thread::sleep(1500 * MS);
        for _ in 0..10 {
            signal(id, Signal::STOP);
            for _ in 0..4000 {
                flooder.send(frame.as_bytes());
            }
            std::thread::sleep(100 * MS);
            signal(id, Signal::CONT);
            std::thread::sleep(100 * MS);
        }
    }
}

/// Twenty times a second, each of `talkers` users sends a broadcast to ten others; and what else the users do.
fn broadcasts(talkers: u32, others: &str) -> String {
    let talker =
        |number| format!("  t{number}: {{ count: 1, rate: 20/s, arrivals: even, do: [ {{ broadcast: {{}} }} ] }}\n");
    let talkers = (0..talkers).map(talker).collect::<Vec<_>>().concat();
    format!(
        "name: truth\nseed: 1\nusers:\n{talkers}  readers: {{ count: 10, join: 1000/s }}\n{others}\
         load: [ {{ hold: 10s }} ]\nexpect: [ \"lost == 0\" ]\n"
    )
}

/// Checks that the reasons of the validity contain some words.
fn reason_line(outcome: &Outcome, words: &'static str) -> Line {
    let named = outcome.json["validity_reasons"].to_string().contains(words);
    exact("its reason", words, if named { words } else { "no word of it" }, named)
}

pub(super) fn v13(program: &str) -> Vec<Line> {
    let server = server(Timing { delay: 5 * MS, ..Timing::default() });
    let run = tool(program, &privates(1000, "even", 8)).target(server.address()).arg("--clock=read");
    let outcome = run.with(halt_half_of_the_time(20 * MS, 150));
    vec![validity_line(&outcome, &["invalid"]), reason_line(&outcome, "read late")]
}

pub(super) fn v14(program: &str) -> Vec<Line> {
    let server = server(Timing { delay: 5 * MS, ..Timing::default() });
    // The server writes in the order of names.
    let witness = RawPeer::join(server.address(), "a-witness");
    let run = tool(program, &broadcasts(1, "")).target(server.address()).declared();
    let outcome = run.with(halt_at_each_arrival(witness, 1));
    let lag = outcome.json["generator"]["read_lag"]["max"].as_f64().unwrap_or(0.0) / 1e3;
    vec![
        measured(&outcome, "p50", "delivery", 0.5, 5.0, 0.3),
        measured(&outcome, "p90", "delivery", 0.9, 5.0, 0.3),
        // Two of two hundred broadcasts decide: where the machine halts the server, its own clock shows it.
        measured(&outcome, "service p99, own clock", "service", 0.99, 5.0 + server.late(0.99).as_secs_f64() * 1e3, 0.3),
        close("read lag, max", 20.0, lag, 5.0),
        validity_line(&outcome, &["valid"]),
    ]
}

pub(super) fn v15(program: &str) -> Vec<Line> {
    let server = server(Timing { delay: 5 * MS, ..Timing::default() });
    let loops = "  loops: { count: 10, think: 10ms, do: [ { private: { to: loops } } ] }\n";
    let run = tool(program, &broadcasts(1, loops)).target(server.address());
    let outcome = run.with(halt_half_of_the_time(20 * MS, 150));
    vec![validity_line(&outcome, &["invalid"]), reason_line(&outcome, "closed loops acted later")]
}

pub(super) fn v16(program: &str) -> Vec<Line> {
    let server = server(Timing { delay: 5 * MS, ..Timing::default() });
    let text = "name: truth\nseed: 1\nusers:\n  flooded: { count: 1 }\n  u: { count: 10, rate: 100/s, arrivals: even, \
                do: [ { private: { to: u } } ] }\nload: [ { hold: 6s } ]\n";
    let flooder = RawPeer::join(server.address(), "flooder");
    let run = tool(program, text).target(server.address());
    let outcome = run.with(flood_in_halts(flooder));
    let held_up = server.held_up();
    let truth = format!("{:.0} ms", held_up.as_secs_f64() * 1e3);
    vec![
        exact("server had to wait", "for a while", truth.as_str(), held_up > 50 * MS),
        validity_line(&outcome, &["invalid"]),
        reason_line(&outcome, "so that the server had to wait"),
    ]
}

pub(super) fn v18(program: &str) -> Vec<Line> {
    // Two broadcasts are sent at the same moment and arrive 10 ms apart.
    let server = server(Timing { delay: 5 * MS, work: 10 * MS, spacing: APART, ..Timing::default() });
    let witness = RawPeer::join(server.address(), "a-witness");
    let run = tool(program, &broadcasts(2, "")).target(server.address()).declared();
    let outcome = run.with(halt_at_each_arrival(witness, 2));
    let error = outcome.json["generator"]["arrival_error"]["p90"].as_f64().unwrap_or(0.0) / 1e3;
    let reported = format!("{error:.2} ms");
    vec![
        // The tool reports an upper limit: no less than the error, and no more than the halt. Every second message has no error,
        // and one of four broadcasts comes after the last halt.
        exact("arrival error, p90", "10 to 20 ms", reported.as_str(), (9.9..=20.5).contains(&error)),
        validity_line(&outcome, &["degraded", "invalid"]),
        reason_line(&outcome, "read several segments at once"),
    ]
}
