//! A turn of a worker: what became ready is done, in the order in which it became so.

use mio::Events;

use super::clock::{Clock as _, RealClock};
use super::tcp::TcpWire;
use super::waiting::Sign;
use super::wire::{Ended, Line};
use super::worker::Worker;
use crate::plan::Nanos;

/// Reads of one connection before others have their turn.
const READS: usize = 4;

/// A worker over sockets.
pub(super) type TcpWorker = Worker<TcpWire, RealClock>;

/// Waits for changes, and does what they ask for.
pub(super) fn turn(worker: &mut TcpWorker, events: &mut Events) -> std::io::Result<()> {
    worker.wire.wait(events)?;
    for event in events.iter() {
        match worker.wire.note(event) {
            Sign::Bell => worker.collect(),
            Sign::Due => {}
            Sign::Sounding(late) => sound(worker, late),
            Sign::Socket(key) => serve(worker, key),
        }
    }
    if worker.wire.waiting.is_due() {
        worker.run_due();
    }
    if let Some(late) = worker.wire.waiting.is_sounding_due() {
        sound(worker, late);
    }
    for key in worker.wire.take_again() {
        worker.wire.has_its_turn(key);
        serve(worker, key);
    }
    for (line, error) in std::mem::take(&mut worker.wire.unbegun) {
        fail(worker, line, &error);
    }
    Ok(())
}

/// A descriptor that becomes readable at a known time shows how long sockets that do so wait until they are read.
fn sound(worker: &mut TcpWorker, late: Nanos) {
    worker.note_read_lag(late);
    let now = worker.clock.now();
    worker.wire.sound(now);
}

/// Does what a socket is ready for.
fn serve(worker: &mut TcpWorker, key: usize) {
    let Some((line, socket)) = worker.wire.at(key) else { return };
    if !socket.stands() {
        return stand(worker, line);
    }
    if worker.wire.takes_again(line) {
        worker.writable(line);
    }
    for _ in 0..READS {
        // Whoever has hung up by now is not read any more.
        if !worker.wire.at(key).is_some_and(|(same, socket)| same == line && socket.is_readable()) {
            return;
        }
        if !read(worker, line) {
            return;
        }
    }
    worker.wire.turn_again(key);
}

/// A connection that was being made has changed.
fn stand(worker: &mut TcpWorker, line: Line) {
    match worker.wire.stands(line) {
        Ok(false) => {}
        Ok(true) => {
            worker.opened(line);
            let now = worker.clock.now();
            worker.attend(now);
            serve(worker, line.key);
        }
        Err(error) => {
            drop(worker.wire.remove(line));
            fail(worker, line, &error);
        }
    }
}

fn fail(worker: &mut TcpWorker, line: Line, error: &std::io::Error) {
    worker.failed(line, &error.to_string());
    let now = worker.clock.now();
    worker.attend(now);
}

/// Reads once. Gives whether there may be more.
fn read(worker: &mut TcpWorker, line: Line) -> bool {
    let mut buffer = std::mem::take(&mut worker.wire.buffer);
    let read = worker.wire.take(line, &mut buffer);
    let now = worker.clock.now();
    let over = match read {
        None => None,
        Some(Ok(0)) => Some(Ended::Eof),
        Some(Ok(count)) => {
            if let Some(waited) = worker.wire.pass_mark(line, count, now) {
                worker.note_read_lag(waited);
            }
            worker.received(line, now, &buffer[..count]);
            None
        }
        Some(Err(ref error)) => Some(Ended::Broken(error.to_string())),
    };
    worker.wire.buffer = buffer;
    if let Some(why) = &over {
        // The socket goes first: what follows may use its place again.
        drop(worker.wire.remove(line));
        worker.ended(line, why);
    }
    worker.attend(now);
    over.is_none() && read.is_some()
}
