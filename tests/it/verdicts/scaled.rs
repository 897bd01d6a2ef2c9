//! The shipped scenarios, scaled down: fewer users, shorter stages, the same expectations.

/// A shipped scenario and the parts of its text that are replaced.
struct Scaled {
    file: &'static str,
    replaced: &'static [(&'static str, &'static str)],
}

const SCENARIOS: [Scaled; 10] = [
    Scaled { file: "smoke", replaced: &[("hold: 10s", "hold: 1s"), ("rate: 10/s", "rate: 60/s")] },
    Scaled {
        file: "classroom",
        replaced: &[
            ("for: 20s", "for: 2s"),
            ("rate: 0.5/s each", "rate: 3/s each"),
            ("rate: 0.2/s each", "rate: 3/s each"),
            ("session: 3s..8s", "session: 300ms..900ms"),
        ],
    },
    Scaled {
        file: "broadcast_storm",
        replaced: &[
            ("count: 1000", "count: 40"),
            ("rate: 100/s", "rate: 40/s"),
            ("warmup: 3s", "warmup: 300ms"),
            ("for: 12s", "for: 1s"),
            ("for: 2s }", "for: 300ms }"),
            ("for: 3s, name: recovery", "for: 500ms, name: recovery"),
        ],
    },
    Scaled {
        file: "private_mix",
        replaced: &[
            ("count: 300", "count: 40"),
            ("count: 60", "count: 15"),
            ("rate: 0.5/s each", "rate: 4/s each"),
            ("rate: 0.25/s each", "rate: 2/s each"),
            ("session: 5s..15s", "session: 300ms..900ms"),
            ("over: 8s", "over: 500ms"),
            ("for: 20s", "for: 2s"),
        ],
    },
    Scaled {
        file: "churn",
        replaced: &[
            ("count: 50", "count: 10"),
            ("count: 100", "count: 20"),
            ("session: 500ms..4s", "session: 200ms..800ms"),
            ("rate: 0.5/s each", "rate: 3/s each"),
            ("warmup: 2s", "warmup: 300ms"),
            ("for: 20s", "for: 2s"),
        ],
    },
    Scaled {
        file: "rooms",
        replaced: &[
            ("count: 1000", "count: 40"),
            ("rate: 300/s", "rate: 150/s"),
            ("rate: 5/s", "rate: 20/s"),
            ("warmup: 2s", "warmup: 300ms"),
            ("for: 15s", "for: 1s"),
        ],
    },
    Scaled {
        file: "room_churn",
        replaced: &[
            ("count: 150", "count: 20"),
            ("count: 60", "count: 10"),
            ("count: 40", "count: 8"),
            ("session: 1s..4s", "session: 200ms..800ms"),
            ("rate: 2/s each", "rate: 15/s each"),
            ("rate: 1/s each", "rate: 5/s each"),
            ("warmup: 2s", "warmup: 300ms"),
            ("for: 20s", "for: 2s"),
        ],
    },
    Scaled { file: "connect_storm", replaced: &[("count: 1000", "count: 60"), ("for: 5s", "for: 2500ms")] },
    Scaled {
        file: "slow_readers",
        replaced: &[
            ("count: 60", "count: 20"),
            ("for: 8s, name: calm", "for: 1s, name: calm"),
            ("for: 15s", "for: 2s"),
        ],
    },
    Scaled {
        file: "edge_cases",
        replaced: &[
            ("timeout: 2s", "timeout: 1s"),
            ("count: 200", "count: 20"),
            ("count: 20\n    read", "count: 5\n    read"),
            ("stall: 3s", "stall: 300ms"),
            ("for: 10s, name: calm", "for: 1s, name: calm"),
            ("for: 20s, name: siege", "for: 2s, name: siege"),
        ],
    },
];

/// Returns the names of the shipped scenarios with users and a load of stages.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SCENARIOS.iter().map(|scenario| scenario.file)
}

/// Returns the text of a shipped scenario, scaled down.
pub(super) fn text(name: &str) -> String {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.file == name).expect("a shipped scenario");
    let path = format!("{}/../scenarios/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let mut text = std::fs::read_to_string(path).expect("a shipped scenario");
    for (from, to) in scenario.replaced {
        assert!(text.contains(from), "{name}.yaml no longer contains `{from}`");
        text = text.replace(from, to);
    }
    text
}
