use proptest::prelude::*;

use super::super::{FrameKind, SessionAddress, SessionKey};
use super::*;

fn broadcast_batch(origin: u16, text: &str) -> Arc<Batch> {
    let mut batch = Batch::default();
    let written = batch.broadcast(std::time::Instant::now(), |out| {
        out.extend_from_slice(text.as_bytes());
        Ok(())
    });
    written.unwrap();
    batch.seal(origin, 2);
    Arc::new(batch)
}

fn private_batch(origin: u16, worker: u16) -> Arc<Batch> {
    let mut batch = Batch::default();
    let to = SessionAddress { worker, key: SessionKey { index: 0, generation: 0 } };
    batch.private(to, FrameKind::Message, |_| Ok(())).unwrap();
    batch.seal(origin, 2);
    Arc::new(batch)
}

/// The identities of batches, in their order.
fn order(batches: &[Arc<Batch>]) -> Vec<usize> {
    batches.iter().map(|batch| Arc::as_ptr(batch) as usize).collect()
}

#[test]
fn batches_submitted_while_a_worker_writes_are_distributed_together() {
    let (exchange, mut to_wake) = (Exchange::new(2, false), Vec::new());
    exchange.submit(Some(broadcast_batch(0, "a")), Publish::Batched, &mut to_wake);
    assert_eq!(std::mem::take(&mut to_wake), [0, 1]);
    assert_eq!((0..2).map(|worker| exchange.take(worker, &mut to_wake).0.len()).collect::<Vec<_>>(), [1, 1]);
    exchange.submit(Some(broadcast_batch(0, "b")), Publish::Batched, &mut to_wake);
    exchange.mark_written(0, &mut to_wake);
    exchange.submit(Some(broadcast_batch(1, "c")), Publish::Batched, &mut to_wake);
    assert!(to_wake.is_empty() && exchange.take(0, &mut to_wake).0.is_empty(), "worker 1 still writes");
    exchange.mark_written(1, &mut to_wake);
    assert_eq!(to_wake, [0, 1]);
    assert_eq!(order(&exchange.take(0, &mut to_wake).0), order(&exchange.take(1, &mut to_wake).0));
}

#[test]
fn publishing_now_distributes_everything_submitted_before() {
    let (exchange, mut to_wake) = (Exchange::new(2, false), Vec::new());
    exchange.submit(Some(broadcast_batch(0, "a")), Publish::Batched, &mut to_wake);
    exchange.submit(Some(broadcast_batch(1, "b")), Publish::Batched, &mut to_wake);
    exchange.submit(None, Publish::Now, &mut to_wake);
    assert_eq!(exchange.take(0, &mut to_wake).0.len(), 2);
}

#[test]
fn private_batches_wait_for_no_writer_and_reach_one_worker() {
    let (exchange, mut to_wake) = (Exchange::new(3, false), Vec::new());
    exchange.submit(Some(broadcast_batch(0, "a")), Publish::Batched, &mut to_wake);
    (0..3).for_each(|worker| assert!(exchange.take(worker, &mut to_wake).1));
    to_wake.clear();
    exchange.submit_private(&private_batch(0, 2), &mut to_wake);
    exchange.submit_private(&private_batch(0, 2), &mut to_wake);
    assert_eq!(to_wake, [2], "woken once");
    assert_eq!([0, 1, 2].map(|worker| exchange.take(worker, &mut to_wake).0.len()), [0, 0, 2]);
}

#[test]
fn readers_pause_during_congestion_and_are_woken_after_it() {
    let (exchange, mut to_wake) = (Exchange::new(2, false), Vec::new());
    assert!(!exchange.pause_if_congested());
    exchange.submit(Some(broadcast_batch(0, &"x".repeat(CONGESTION_BYTES + 1))), Publish::Batched, &mut to_wake);
    assert!(exchange.pause_if_congested());
    to_wake.clear();
    exchange.take(0, &mut to_wake);
    assert!(to_wake.is_empty() && exchange.pause_if_congested());
    exchange.take(1, &mut to_wake);
    assert_eq!(to_wake, [0, 1]);
    assert!(!exchange.pause_if_congested());
}

#[test]
fn worker_0_is_single_again_once_the_others_have_written_and_have_no_sessions() {
    let (exchange, mut to_wake) = (Exchange::new(2, true), Vec::new());
    exchange.add_migrated(1);
    exchange.leave_single_worker();
    exchange.submit(Some(broadcast_batch(1, "a")), Publish::Batched, &mut to_wake);
    exchange.remove_migrated(1);
    for worker in 0..2 {
        assert!(!exchange.try_collapse(), "worker {worker} has not written the batch");
        exchange.take(worker, &mut to_wake);
        exchange.mark_written(worker, &mut to_wake);
    }
    assert!(!exchange.is_single_worker());
    assert!(exchange.try_collapse() && exchange.is_single_worker());
}

proptest! {
    /// In any interleaving all workers take the same broadcasts in the same order, and once all have written nothing is
    /// left in the exchange.
    #[test]
    fn m5_all_workers_take_one_order(steps in proptest::collection::vec((0..3u16, 0..4u8), 0..60)) {
        let (exchange, mut to_wake) = (Exchange::new(3, false), Vec::new());
        let (mut taken, mut submitted) = (vec![Vec::new(); 3], Vec::new());
        // Twice: what the last writer releases is distributed and has to be written too.
        let finish = (0..3).chain(0..3).flat_map(|worker| [(worker, 0), (worker, 1)]);
        for (worker, step) in steps.into_iter().chain(finish.collect::<Vec<_>>()) {
            match step {
                0 => taken[usize::from(worker)].extend(exchange.take(worker, &mut to_wake).0),
                1 => exchange.mark_written(worker, &mut to_wake),
                other => {
                    let batch = broadcast_batch(worker, "x");
                    submitted.push(Arc::clone(&batch));
                    let when = if other == 2 { Publish::Batched } else { Publish::Now };
                    exchange.submit(Some(batch), when, &mut to_wake);
                }
            }
        }
        for batches in &taken {
            prop_assert_eq!(order(batches), order(&submitted));
        }
    }
}
