//! One worker thread: the users' sockets, turn by turn, and between two turns the orders of the conductor.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use mio::{Events, Poll};
use mychat_os::ThreadWaker;
use tokio::sync::mpsc::UnboundedSender;

use super::clock::{Clock as _, RealClock};
use super::shared::Shared;
use super::tcp::TcpWire;
use super::turn::{TcpWorker, turn};
use super::waiting::BELL;
use super::worker::{Outstanding, Seen, Worker};
use crate::plan::Nanos;
use crate::reconcile::Accounting;
use crate::record::recorder::Recorder;

/// What a worker is told. Few in number, so the channels are unbounded: a handful a second at most.
#[derive(Debug)]
pub(super) enum Order {
    /// Users join from then on.
    Join(Nanos),
    /// The load begins then.
    Load(Nanos),
    /// An interval is over: hand over what was recorded, and use this one from now on.
    Interval(Box<Recorder>),
    /// Tell what is outstanding of this; without it, only that nothing is being sent any more.
    Outstanding(Option<Arc<Accounting>>),
    /// End.
    Finish,
}

/// What a worker tells.
#[derive(Debug)]
pub(super) enum Report {
    /// What an interval recorded.
    Interval(Box<Recorder>),
    /// What is outstanding.
    Outstanding(Outstanding),
    /// Everything else, at the end.
    Seen(Box<Seen>),
    /// The thread could not start, or not wait for its sockets.
    Failed(std::io::Error),
}

/// Which worker it is, and of whom it hears.
pub(super) struct Post {
    pub(super) index: u32,
    pub(super) count: u32,
    pub(super) address: SocketAddr,
    pub(super) sources: Arc<[IpAddr]>,
    pub(super) clock: RealClock,
    pub(super) orders: Receiver<Order>,
    pub(super) reports: UnboundedSender<Report>,
    /// What its sockets are waited for with.
    pub(super) poll: Poll,
    /// Whether its core was set apart for it.
    pub(super) own_core: bool,
}

/// Gives a worker its orders. Where the hand is gone the worker ends.
#[derive(Debug)]
pub(super) struct Hand {
    orders: Option<Sender<Order>>,
    bell: Arc<ThreadWaker>,
}

impl Hand {
    /// One, with what the worker at the other end needs.
    pub(super) fn new() -> std::io::Result<(Self, Receiver<Order>, Poll)> {
        let poll = Poll::new()?;
        let bell = Arc::new(ThreadWaker::new(poll.registry(), BELL)?);
        let (orders, received) = channel();
        Ok((Self { orders: Some(orders), bell }, received, poll))
    }

    /// Makes the worker take a turn.
    pub(super) fn bell(&self) -> &Arc<ThreadWaker> {
        &self.bell
    }

    /// Gives an order.
    pub(super) fn give(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // A worker that is gone has said why, or is found missing when its report is awaited.
            let _ = orders.send(order);
            self.bell.wake();
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        drop(self.orders.take());
        self.bell.wake();
    }
}

/// Changes taken from the kernel at a time.
const EVENTS: usize = 1024;

/// The shortest turns that Linux grants.
const SLICE: Duration = Duration::from_micros(100);

/// Runs a worker to its end.
pub(super) fn run(shared: Arc<Shared>, post: Post) {
    let reports = post.reports.clone();
    // A message that falls due must not wait for the end of somebody else's long turn on this core. Without it the run is
    // later at times, and says so.
    let _ = mychat_os::request_short_time_slice(SLICE);
    if let Err(error) = work(shared, post) {
        // The conductor is there until it has heard of every worker.
        drop(reports.send(Report::Failed(error)));
    }
}

fn work(shared: Arc<Shared>, post: Post) -> std::io::Result<()> {
    let wire = TcpWire::new(post.address, post.sources, post.clock, (post.poll, post.own_core))?;
    let mut worker = Worker::new(shared, wire, post.clock, post.index, post.count);
    let mut events = Events::with_capacity(EVENTS);
    loop {
        match post.orders.try_recv() {
            Ok(Order::Finish) | Err(TryRecvError::Disconnected) => break,
            Ok(order) => obey(&mut worker, order, &post.reports),
            Err(TryRecvError::Empty) => turn(&mut worker, &mut events)?,
        }
    }
    let now = worker.clock.now();
    for waited in worker.wire.unreached(now) {
        worker.note_read_lag(waited);
    }
    let mut seen = worker.finish();
    seen.unread = worker.wire.most_unread;
    seen.awake = worker.wire.waiting.awake();
    let _ = post.reports.send(Report::Seen(Box::new(seen)));
    // The conductor lets go of all hands at once, when it has heard of every worker.
    while post.orders.recv().is_ok() {}
    worker.leave_all();
    Ok(())
}

fn obey(worker: &mut TcpWorker, order: Order, reports: &UnboundedSender<Report>) {
    match order {
        Order::Join(start) => worker.join(start),
        Order::Load(start) => worker.load(start),
        Order::Interval(empty) => {
            let recorded = worker.swap_recorder(empty);
            let _ = reports.send(Report::Interval(recorded));
        }
        Order::Outstanding(books) => {
            let outstanding = books.map_or_else(Outstanding::default, |books| worker.outstanding(&books));
            let _ = reports.send(Report::Outstanding(outstanding));
        }
        Order::Finish => {}
    }
}
