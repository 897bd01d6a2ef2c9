//! One worker thread: a runtime of its own, a pacer, the users' sockets, and the orders of the conductor.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::LocalSet;

use super::clock::{Clock as _, RealClock};
use super::pace::{PROBE, Pacer};
use super::shared::Shared;
use super::tcp::{TcpWire, TcpWorker};
use super::worker::{Seen, Worker};
use crate::observe::books::Books;
use crate::observe::recorder::Recorder;
use crate::plan::{Nanos, nanos};

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
    Outstanding(Option<Arc<Books>>),
    /// End.
    Finish,
}

/// What a worker tells.
#[derive(Debug)]
pub(super) enum Report {
    /// What an interval recorded.
    Interval(Box<Recorder>),
    /// What is outstanding.
    Outstanding(u64),
    /// Everything else, at the end.
    Seen(Box<Seen>),
    /// The thread could not start.
    Failed(std::io::Error),
}

/// Which worker it is, and of whom it hears.
pub(super) struct Post {
    pub(super) index: u32,
    pub(super) count: u32,
    pub(super) address: SocketAddr,
    pub(super) sources: Arc<[IpAddr]>,
    pub(super) clock: RealClock,
    pub(super) orders: UnboundedReceiver<Order>,
    pub(super) reports: UnboundedSender<Report>,
}

/// The shortest turns that Linux grants.
const SLICE: Duration = Duration::from_micros(100);

/// Runs a worker to its end.
pub(super) fn run(shared: Arc<Shared>, post: Post) {
    let reports = post.reports.clone();
    // A message that falls due must not wait for the end of somebody else's long turn on this core. Without it the run is
    // later at times, and says so.
    let _ = mychat_sys::short_slice(SLICE);
    // The driver is asked for events after few tasks: a socket that became readable is read soon.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(64).build();
    match runtime {
        Ok(runtime) => LocalSet::new().block_on(&runtime, work(shared, post)),
        // The conductor is there until it has heard of every worker.
        Err(error) => drop(reports.send(Report::Failed(error))),
    }
}

async fn work(shared: Arc<Shared>, mut post: Post) {
    let pacer = Rc::new(Pacer::new());
    let worker: Rc<RefCell<TcpWorker>> = Rc::new_cyclic(|me| {
        let wire = TcpWire::new(post.address, Arc::clone(&post.sources), post.clock, Rc::clone(&pacer), me.clone());
        RefCell::new(Worker::new(Arc::clone(&shared), wire, post.clock, post.index, post.count))
    });
    let told = Rc::clone(&worker);
    let mail = Arc::clone(&shared);
    let telling = tokio::task::spawn_local(async move {
        loop {
            mail.mail[post.index as usize].rung().await;
            told.borrow_mut().collect();
        }
    });
    // A descriptor that becomes readable at a known time shows how long sockets that do so wait until they are read.
    let probed = Rc::clone(&worker);
    let probing = tokio::task::spawn_local(async move {
        let probe = Pacer::new();
        loop {
            let due = std::time::Instant::now() + PROBE;
            probe.arm(due);
            probe.fired().await;
            let mut worker = probed.borrow_mut();
            worker.note_read_lag(nanos(due.elapsed()));
            let now = worker.clock.now();
            worker.wire.sound(now);
        }
    });
    let woken = Rc::clone(&worker);
    let pacing = tokio::task::spawn_local(async move {
        loop {
            pacer.fired().await;
            woken.borrow_mut().run_due();
        }
    });
    while let Some(order) = post.orders.recv().await {
        match order {
            Order::Join(start) => worker.borrow_mut().join(start),
            Order::Load(start) => worker.borrow_mut().load(start),
            Order::Interval(empty) => {
                let recorded = worker.borrow_mut().swap_recorder(empty);
                let _ = post.reports.send(Report::Interval(recorded));
            }
            Order::Outstanding(books) => {
                let outstanding = books.map_or(0, |books| worker.borrow().outstanding(&books));
                let _ = post.reports.send(Report::Outstanding(outstanding));
            }
            Order::Finish => break,
        }
    }
    pacing.abort();
    telling.abort();
    probing.abort();
    let now = worker.borrow().clock.now();
    let unreached = worker.borrow().wire.unreached(now);
    for waited in unreached {
        worker.borrow_mut().note_read_lag(waited);
    }
    let mut seen = worker.borrow_mut().finish();
    seen.unread = worker.borrow().wire.most_unread;
    let _ = post.reports.send(Report::Seen(Box::new(seen)));
    // Connections close and their tasks end with the set that they run on.
    tokio::time::sleep(Duration::ZERO).await;
}
