//! Messages that are changed or cut in transit: each is counted as corrupted, once, and as nothing else.

use mychat_load::record::recorder::Count;

use super::run::run;
use super::server::{Behaviour, Corruption};

/// Bytes of the longest frame of the load, its end not counted.
const FRAME: usize = "BROADCAST|ana17|".len() + 64;

fn assert_corrupted(how: Corruption, verify: &str, workers: u32) {
    // Each name is a prefix of others: a cut name may be the name of another user.
    let scenario = format!(
        "verify: {verify}\nusers: {{ u: {{ count: 20, name: \"ana{{n}}\", rate: 200/s, do: [ {{ broadcast: {{}} }}, \
         {{ private: {{ to: u }} }} ] }} }}\nload: [ {{ hold: 2s }} ]"
    );
    let behaviour = Behaviour { corrupted: Some((1000..1200, how)), ..Behaviour::default() };
    let outcome = run(&scenario, behaviour).workers(workers).go();
    assert!(outcome.corrupted > 50, "{how:?}");
    assert_eq!(outcome.violations(), [0, 0, 0, 0, outcome.corrupted, 0, 0, 0, 0], "{how:?} {verify}");
    assert_eq!(outcome.count(Count::Delivered), outcome.reconciliation.owed - outcome.corrupted, "{how:?} {verify}");
}

#[test]
fn a_changed_byte_is_one_corrupted_message_wherever_it_is() {
    for at in 0..FRAME - "BROADCAST|".len() + "MESSAGE|".len() {
        assert_corrupted(Corruption::Byte(at), if at % 2 == 0 { "full" } else { "counts" }, 1 + at as u32 % 2);
    }
}

#[test]
fn a_cut_message_is_one_corrupted_message_wherever_it_ends() {
    for at in 1..FRAME - "BROADCAST|".len() + "MESSAGE|".len() {
        assert_corrupted(Corruption::Cut(at), if at % 2 == 0 { "full" } else { "counts" }, 1 + at as u32 % 2);
    }
}
