//! One turn of a worker: handles what has become ready, in the order in which the kernel reported it.

use mio::Events;

use super::event_poller::WakeReason;
use super::socket_table::{BytesRead, TcpWire};
use crate::engine::clock::{Clock as _, RealClock};
use crate::engine::wire::{ConnId, DisconnectReason};
use crate::engine::worker::Worker;
use crate::plan::Nanos;

/// Reads of one connection before the next one has its turn.
const READS: usize = 4;

/// A worker over sockets.
pub(super) type TcpWorker = Worker<TcpWire, RealClock>;

/// Waits until something is ready, and handles it.
pub(super) fn turn(worker: &mut TcpWorker, events: &mut Events) -> std::io::Result<()> {
    worker.wire.wait(events)?;
    for event in events.iter() {
        match worker.wire.record_event(event) {
            WakeReason::Waker => worker.take_confirmations(),
            WakeReason::Timer => {}
            WakeReason::Probe(late) => probe(worker, late),
            WakeReason::Socket(key) => serve(worker, key),
        }
    }
    if worker.wire.poller.take_due() {
        worker.run_timers();
    }
    if let Some(late) = worker.wire.poller.take_probe_due() {
        probe(worker, late);
    }
    for key in worker.wire.take_ready() {
        worker.wire.clear_ready(key);
        serve(worker, key);
    }
    for (conn, error) in std::mem::take(&mut worker.wire.failed_opens) {
        report_failure(worker, conn, &error);
    }
    Ok(())
}

/// Probes one socket. Where the kernel keeps no arrival times, also records how late the probe timer was served: a socket that
/// becomes readable waits as long.
fn probe(worker: &mut TcpWorker, late: Nanos) {
    if !worker.wire.knows_arrivals() {
        worker.record_receive_lag(late);
    }
    let now = worker.clock.now();
    worker.wire.probe(now, late);
}

/// Does what a socket is ready for.
fn serve(worker: &mut TcpWorker, key: usize) {
    let Some((conn, socket)) = worker.wire.socket_at(key) else { return };
    if !socket.is_connected() {
        return finish_open(worker, conn);
    }
    if worker.wire.take_writable(conn) {
        worker.writable(conn);
    }
    for _ in 0..READS {
        // A frame may have closed the connection.
        if !worker.wire.socket_at(key).is_some_and(|(same, socket)| same == conn && socket.is_readable()) {
            return;
        }
        if !read(worker, conn) {
            return;
        }
    }
    worker.wire.mark_ready(key);
}

/// Completes a connection that was being made.
fn finish_open(worker: &mut TcpWorker, conn: ConnId) {
    match worker.wire.poll_connected(conn) {
        Ok(false) => {}
        Ok(true) => {
            worker.opened(conn);
            let now = worker.clock.now();
            worker.run_timers_if_due(now);
            serve(worker, conn.key);
        }
        Err(error) => {
            drop(worker.wire.remove(conn));
            report_failure(worker, conn, &error);
        }
    }
}

fn report_failure(worker: &mut TcpWorker, conn: ConnId, error: &std::io::Error) {
    match mychat_target::local_limit(error) {
        Some(limit) => worker.open_limited(conn, limit),
        None => worker.open_failed(conn, &error.to_string()),
    }
    let now = worker.clock.now();
    worker.run_timers_if_due(now);
}

/// Reads once. Returns true if there may be more.
fn read(worker: &mut TcpWorker, conn: ConnId) -> bool {
    let mut buffer = std::mem::take(&mut worker.wire.buffer);
    let read = worker.wire.read_into(conn, &mut buffer);
    let now = worker.clock.now();
    let closed = match read {
        None => None,
        Some(Ok(BytesRead { count: 0, .. })) => Some(DisconnectReason::Eof),
        Some(Ok(bytes)) => {
            let times = worker.wire.read_times(conn, bytes, now);
            if let Some(lag) = times.lag {
                worker.record_receive_lag(lag);
            }
            let delivered = worker.received(conn, now, times.arrived, &buffer[..bytes.count]);
            if let Some(error) = times.error {
                worker.record_arrival_error(error, delivered);
            }
            None
        }
        Some(Err(ref error)) => Some(DisconnectReason::Broken(error.to_string())),
    };
    worker.wire.buffer = buffer;
    if let Some(reason) = &closed {
        // The socket goes first: the worker may open a connection under the same key.
        drop(worker.wire.remove(conn));
        worker.closed(conn, reason);
    }
    worker.run_timers_if_due(now);
    closed.is_none() && read.is_some()
}
