//! Messages that are changed or cut in transit: each is counted as corrupted, once, and as nothing else.

use mychat_load::record::recorder::Count;

use super::run::run;
use super::server::{Behaviour, Mangled};

/// Bytes of the longest frame of the load, its end not counted.
const FRAME: usize = "BROADCAST|ana17|".len() + 64;

fn assert_corrupted(how: Mangled, verify: &str, workers: u32) {
    // Names that are pieces of each other: what is left of one may be another.
    let scenario = format!(
        "verify: {verify}\nusers: {{ u: {{ count: 20, name: \"ana{{n}}\", rate: 200/s, do: [ {{ broadcast: {{}} }}, \
         {{ private: {{ to: u }} }} ] }} }}\nload: [ {{ hold: 2s }} ]"
    );
    let behaviour = Behaviour { mangled: Some((1000..1200, how)), ..Behaviour::default() };
    let outcome = run(&scenario, behaviour).workers(workers).go();
    assert!(outcome.mangled > 50, "{how:?}");
    assert_eq!(outcome.violations(), [0, 0, 0, 0, outcome.mangled, 0, 0, 0], "{how:?} {verify}");
    assert_eq!(outcome.count(Count::Delivered), outcome.reconciliation.owed - outcome.mangled, "{how:?} {verify}");
}

#[test]
fn a_changed_byte_is_one_corrupted_message_wherever_it_is() {
    for at in 0..FRAME - "BROADCAST|".len() + "MESSAGE|".len() {
        assert_corrupted(Mangled::Byte(at), if at % 2 == 0 { "full" } else { "counts" }, 1 + at as u32 % 2);
    }
}

#[test]
fn a_cut_message_is_one_corrupted_message_wherever_it_ends() {
    for at in 1..FRAME - "BROADCAST|".len() + "MESSAGE|".len() {
        assert_corrupted(Mangled::Cut(at), if at % 2 == 0 { "full" } else { "counts" }, 1 + at as u32 % 2);
    }
}
