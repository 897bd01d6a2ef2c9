//! The hot path without sockets: frames from bytes to actions, one turn of broadcasts to a thousand outboxes, and a private
//! frame to one. The kernel's part of each write takes about a hundred times as long.
#![expect(clippy::unwrap_used, reason = "a benchmark fails where a test would")]

use std::hint::black_box;
use std::time::Instant;

use divan::{Bencher, counter::ItemsCount};
use mychat_proto::{Deframer, Framing, Reply};
use mychat_server::internals::{
    Directory, FrameKind, LocalCounts, Outbox, SessionAddress, SessionKey, SessionState, TurnLog,
};

fn main() {
    divan::main();
}

const USERS: usize = 1000;

/// Parses 64 broadcasts of 64 bytes from one read.
#[divan::bench]
fn parse_64_frames(bencher: Bencher<'_, '_>) {
    let bytes = format!("BROADCAST|{}\n", "x".repeat(64)).repeat(64);
    bencher.counter(ItemsCount::new(64_u32)).bench_local(|| {
        let mut deframer = Deframer::new(Framing::Lf);
        let mut feed = deframer.feed(black_box(bytes.as_bytes()));
        while let Some(inbound) = feed.next() {
            black_box(SessionState::Connected.on(inbound));
        }
    });
}

/// One turn: 64 broadcasts are appended to the log, and written to each of a thousand users.
#[divan::bench]
fn broadcast_64_frames_to_1000_users(bencher: Bencher<'_, '_>) {
    let (mut log, mut counts, now) = (TurnLog::default(), LocalCounts::default(), Instant::now());
    let mut outboxes: Vec<Outbox> = (0..USERS).map(|_| Outbox::default()).collect();
    for outbox in &mut outboxes {
        outbox.subscribe(&log);
    }
    let mut frame = Vec::new();
    Reply::Broadcast { sender: "ana", content: &"x".repeat(64) }.write(&mut frame).unwrap();
    frame.push(b'\n');
    bencher.counter(ItemsCount::new(64 * USERS)).bench_local(|| {
        (0..64).for_each(|_| log.append(&frame, 1));
        for outbox in &mut outboxes {
            let bytes = black_box(outbox.parts(&log, &[])).len();
            assert!(outbox.record_sent(bytes, &log, &[], now, &mut counts));
        }
        log.clear();
    });
}

/// One private frame: recipient located, frame enqueued and sent.
#[divan::bench]
fn private_frame(bencher: Bencher<'_, '_>) {
    let (log, mut counts, now) = (TurnLog::default(), LocalCounts::default(), Instant::now());
    let mut directory = Directory::new(usize::MAX);
    for index in 0..USERS as u32 {
        let address = SessionAddress { worker: 0, key: SessionKey { index, generation: 0 } };
        directory.claim(&format!("user{index}"), address).unwrap();
    }
    let mut outboxes: Vec<Outbox> = (0..USERS).map(|_| Outbox::default()).collect();
    let content = "x".repeat(64);
    bencher.bench_local(|| {
        let to = directory.locate(black_box("user500")).unwrap();
        let outbox = &mut outboxes[to.key.index as usize];
        let write = |out: &mut Vec<u8>| Reply::Message { sender: "ana", content: &content }.write(out);
        outbox.enqueue(&log, FrameKind::Message, write).unwrap();
        let bytes = black_box(outbox.parts(&log, &[])).len();
        assert!(outbox.record_sent(bytes, &log, &[], now, &mut counts));
    });
}
