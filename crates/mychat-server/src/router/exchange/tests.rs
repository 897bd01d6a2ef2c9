use proptest::prelude::*;

use super::super::{FrameKind, SessionAddress};
use super::*;

fn said(from: u16, text: &str) -> Arc<Batch> {
    let mut batch = Batch::default();
    let written = batch.broadcast(std::time::Instant::now(), |out| {
        out.extend_from_slice(text.as_bytes());
        Ok(())
    });
    written.unwrap();
    batch.seal(from, 2);
    Arc::new(batch)
}

fn whispered(from: u16, to: u16) -> Arc<Batch> {
    let mut batch = Batch::default();
    batch.private(SessionAddress { worker: to, index: 0, generation: 0 }, FrameKind::Message, |_| Ok(())).unwrap();
    batch.seal(from, 2);
    Arc::new(batch)
}

fn order(batches: &[Arc<Batch>]) -> Vec<usize> {
    batches.iter().map(|batch| Arc::as_ptr(batch) as usize).collect()
}

#[test]
fn what_is_said_while_somebody_writes_goes_out_together() {
    let (exchange, mut calls) = (Exchange::new(2, false), Vec::new());
    exchange.hand_in(Some(said(0, "a")), Publish::Batched, &mut calls);
    assert_eq!(std::mem::take(&mut calls), [0, 1]);
    assert_eq!((0..2).map(|me| exchange.take(me, &mut calls).0.len()).collect::<Vec<_>>(), [1, 1]);
    exchange.hand_in(Some(said(0, "b")), Publish::Batched, &mut calls);
    exchange.done(0, &mut calls);
    exchange.hand_in(Some(said(1, "c")), Publish::Batched, &mut calls);
    assert!(calls.is_empty() && exchange.take(0, &mut calls).0.is_empty(), "worker 1 still writes");
    exchange.done(1, &mut calls);
    assert_eq!(calls, [0, 1]);
    assert_eq!(order(&exchange.take(0, &mut calls).0), order(&exchange.take(1, &mut calls).0));
}

#[test]
fn what_may_not_wait_does_not_and_takes_along_what_was_before_it() {
    let (exchange, mut calls) = (Exchange::new(2, false), Vec::new());
    exchange.hand_in(Some(said(0, "a")), Publish::Batched, &mut calls);
    exchange.hand_in(Some(said(1, "b")), Publish::Batched, &mut calls);
    exchange.hand_in(None, Publish::Now, &mut calls);
    assert_eq!(exchange.take(0, &mut calls).0.len(), 2);
}

#[test]
fn a_private_frame_waits_for_nobody_and_concerns_one_worker() {
    let (exchange, mut calls) = (Exchange::new(3, false), Vec::new());
    exchange.hand_in(Some(said(0, "a")), Publish::Batched, &mut calls);
    (0..3).for_each(|me| assert!(exchange.take(me, &mut calls).1));
    calls.clear();
    exchange.pass(&whispered(0, 2), &mut calls);
    exchange.pass(&whispered(0, 2), &mut calls);
    assert_eq!(calls, [2], "called once");
    assert_eq!([0, 1, 2].map(|me| exchange.take(me, &mut calls).0.len()), [0, 0, 2]);
}

#[test]
fn readers_stop_while_too_much_waits_and_are_called_when_they_may_go_on() {
    let (exchange, mut calls) = (Exchange::new(2, false), Vec::new());
    assert!(!exchange.is_congested());
    exchange.hand_in(Some(said(0, &"x".repeat(CONGESTED + 1))), Publish::Batched, &mut calls);
    assert!(exchange.is_congested());
    calls.clear();
    exchange.take(0, &mut calls);
    assert!(calls.is_empty() && exchange.is_congested());
    exchange.take(1, &mut calls);
    assert_eq!(calls, [0, 1]);
    assert!(!exchange.is_congested());
}

#[test]
fn the_first_worker_is_alone_again_when_nothing_is_on_its_way() {
    let (exchange, mut calls) = (Exchange::new(2, true), Vec::new());
    exchange.send_guests(1);
    exchange.open_up();
    exchange.hand_in(Some(said(1, "a")), Publish::Batched, &mut calls);
    exchange.lose_guests(1);
    for me in 0..2 {
        assert!(!exchange.close_down(), "worker {me} has not written it");
        exchange.take(me, &mut calls);
        exchange.done(me, &mut calls);
    }
    assert!(!exchange.is_alone());
    assert!(exchange.close_down() && exchange.is_alone());
}

proptest! {
    /// Whatever the workers do, all hear the same broadcasts in the same order, and once everybody is done nothing is
    /// left waiting.
    #[test]
    fn m5_all_workers_hear_one_order(steps in proptest::collection::vec((0..3u16, 0..4u8), 0..60)) {
        let (exchange, mut calls) = (Exchange::new(3, false), Vec::new());
        let (mut heard, mut said_so_far) = (vec![Vec::new(); 3], Vec::new());
        let settle = (0..3).chain(0..3).flat_map(|me| [(me, 0), (me, 1)]);
        for (me, step) in steps.into_iter().chain(settle.collect::<Vec<_>>()) {
            match step {
                0 => heard[usize::from(me)].extend(exchange.take(me, &mut calls).0),
                1 => exchange.done(me, &mut calls),
                haste => {
                    let batch = said(me, "x");
                    said_so_far.push(Arc::clone(&batch));
                    let haste = if haste == 2 { Publish::Batched } else { Publish::Now };
                    exchange.hand_in(Some(batch), haste, &mut calls);
                }
            }
        }
        for batches in &heard {
            prop_assert_eq!(order(batches), order(&said_so_far));
        }
    }
}
