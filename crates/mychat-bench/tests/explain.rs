//! Snapshots of `explain` for the shipped scenarios, on a machine with fixed resources.

use std::path::Path;

use mychat_bench::forecast::{Forecast, HostCapacity, text};

const MACHINE: HostCapacity =
    HostCapacity { descriptors: 4096, ports: Some((32_768, 60_999)), memory: Some(4 << 30), cores: 2 };

fn explained(text_of_it: &str) -> String {
    let loaded = mychat_scenario::parse("it.yaml", text_of_it).unwrap_or_else(|errors| panic!("{errors}"));
    let forecast = Forecast::new(&loaded.scenario);
    text(&loaded.scenario, &forecast, &MACHINE.needs(&forecast))
}

fn shipped(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    explained(&std::fs::read_to_string(folder.join(name)).expect("a shipped scenario"))
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn shipped_scenarios_are_said_back() {
    snapshot("explain_private_mix", &shipped("private_mix.yaml"));
    snapshot("explain_edge_cases", &shipped("edge_cases.yaml"));
    snapshot("explain_broadcast_storm", &shipped("broadcast_storm.yaml"));
}

#[test]
fn what_a_machine_lacks_is_said_with_what_to_do() {
    let text = explained(
        "name: crowd\nusers: { u: { count: 30000, join: 5000/s, rate: 0.01/s each, do: [ { broadcast: {} } ] } }\n\
         load: [ { ramp: { from: 0%, to: 100%, over: 10s } }, { pause: 5s }, { spike: { to: 300%, for: 2s } } ]",
    );
    snapshot("explain_crowd", &text);
}

#[test]
fn loops_sessions_and_slow_readers_are_said() {
    let text = explained(
        "name: loops\nusers:\n  a: { count: 1, think: 100ms..2s, do: [ { broadcast: { size: max } } ] }\n  \
         b: { count: 20, session: 5s..15s, leave: [disconnect, rst], rate: 3/s each, arrivals: even, read: { rate: 4KiB/s }, \
         do: [ { private: { to: self } } ] }\nload: [ { hold: 20s } ]",
    );
    snapshot("explain_loops", &text);
}

#[test]
fn what_is_timed_by_stage_and_group_takes_its_memory() {
    let forecast = |stages: usize, groups: usize| {
        let group = "count: 2, rate: 40/s, do: [ { private: { to: self } }, { broadcast: {} } ]";
        let groups: Vec<String> = (0..groups).map(|index| format!("g{index}: {{ {group} }}")).collect();
        let groups = format!("{{ {} }}", groups.join(", "));
        let text = format!("name: cells\nusers: {groups}\nload: [ {} ]", vec!["{ hold: 1s }"; stages].join(", "));
        let loaded = mychat_scenario::parse("it.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
        Forecast::new(&loaded.scenario).memory / 1024.0 / 1024.0
    };
    assert!((10.0..16.0).contains(&forecast(1, 1)), "{} MiB", forecast(1, 1));
    // 20 stages, 12 groups, nine timed metrics: 2,160 histograms of 130 KiB.
    assert!((300.0..400.0).contains(&forecast(20, 12)), "{} MiB", forecast(20, 12));
}
