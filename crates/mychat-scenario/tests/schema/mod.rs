//! Tests of the JSON Schema: it is up to date, and accepts every value that the parser accepts.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use mychat_scenario::schema;
use serde_json::Value;

use super::yaml_files;

const REGENERATE: &str = "cargo run -p mychat-bench -- schema > scenarios/scenario.schema.json";

/// The bad files whose errors a schema can find: shapes, keys and single values.
const CAUGHT: [&str; 24] = [
    "action_oversize",
    "action_sizes",
    "action_two_keys",
    "action_unknown",
    "action_unknown_key",
    "action_weight",
    "case_keys",
    "case_steps",
    "case_texts",
    "condition_metric",
    "condition_operator",
    "condition_shape",
    "condition_statistic",
    "condition_window",
    "file_no_name",
    "file_scalars",
    "file_target_port",
    "file_unknown_key",
    "file_users_without_load",
    "group_rate_and_think",
    "group_rates",
    "load_durations",
    "load_spike",
    "student_second_try",
];

fn in_repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&schema::text().expect("a schema")).expect("JSON");
    jsonschema::meta::validate(&schema).expect("a schema by the rules of draft-07");
    jsonschema::draft7::new(&schema).expect("a schema")
}

fn value(yaml: &str) -> Value {
    serde_yaml::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

fn assert_fits(validator: &Validator, name: &str, yaml: &str) {
    let value = value(yaml);
    let errors: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name} does not fit the schema: {errors:#?}");
}

#[test]
fn the_file_is_what_the_code_says() {
    let file = in_repository("scenarios/scenario.schema.json");
    assert!(file == schema::text().expect("a schema"), "scenarios/scenario.schema.json is out of date: {REGENERATE}");
}

#[test]
fn shipped_files_fit() {
    let validator = validator();
    for file in yaml_files("../../scenarios") {
        assert_fits(&validator, &file.display().to_string(), &fs::read_to_string(&file).expect("text"));
    }
    let readme = in_repository("scenarios/README.md");
    let blocks: Vec<&str> = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 6);
    for block in blocks {
        let whole = if block.starts_with("name:") { block.to_owned() } else { format!("name: part\n{block}") };
        assert_fits(&validator, "README.md", &whole);
    }
}

#[test]
fn bad_files_do_not_fit() {
    let validator = validator();
    for name in CAUGHT {
        let file = in_repository(&format!("crates/mychat-scenario/tests/bad/{name}.yaml"));
        assert!(!validator.is_valid(&value(&file)), "{name} fits the schema");
    }
}

#[test]
fn examples_and_defaults_fit() {
    let text = schema::text().expect("a schema");
    let root: Value = serde_json::from_str(&text).expect("JSON");
    let mut places = vec![&root];
    let mut seen = 0;
    while let Some(place) = places.pop() {
        let examples = place["examples"].as_array().into_iter().flatten().chain(place.get("default"));
        for example in examples {
            let mut alone = place.clone();
            alone["definitions"] = root["definitions"].clone();
            assert!(jsonschema::draft7::is_valid(&alone, example), "{example} of {place:#}");
            seen += 1;
        }
        places.extend(place.as_object().into_iter().flat_map(|map| map.values()));
        places.extend(place.as_array().into_iter().flatten());
    }
    assert!(seen > 40);
}

/// The schema accepts every value that the parser accepts.
#[test]
fn the_schema_takes_what_the_parser_takes() {
    const VALUES: &str = "0 1 7 40 64 1_000 1025 2000 64.5 1.5KiB 4KiB 48..200 1KiB..2KiB max 0s 80us 80µs 1.5s 500ms \
        30s 24h 0s..2s 5s..20s 50/s 0.5/s 0.5/s~each 0.5/seach 256B/s 4KiB/s 256/s 0% 5% 12.5% 300% 1x 1.5x true false \
        fast never nobody self a {group}{n} {n:04} poisson even disconnect [fin,rst] full auto lf text ERROR|*|* closed";
    let validator = validator();
    let mut taken = 0;
    for template in [
        "{ name: V, users: { a: { count: 1, rate: 1/s, do: [ { broadcast: {} } ] } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: V } }, load: [ { hold: 1s } ] }",
        "{ name: x, timeout: V, users: { a: { count: 1 } }, load: [ { hold: 1s } ] }",
        "{ name: x, seed: V, users: { a: { count: 1 } }, load: [ { hold: 1s } ] }",
        "{ name: x, verify: V, framing: auto, users: { a: { count: 1 } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, name: V } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, join: V } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, session: V, leave: fin } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, session: 1s, leave: V } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, read: V } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, read: { rate: V } } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, hostile: V } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, rate: V, do: [ { broadcast: } ] } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, think: V, do: [ { broadcast: {} } ] } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, rate: 1/s, arrivals: V, do: [ { broadcast: {} } ] } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, rate: 1/s, do: [ { broadcast: { size: V } } ] } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, rate: 1/s, do: [ { broadcast: { text: V } } ] } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, rate: 1/s, do: [ { broadcast: { weight: V } } ] } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, rate: 1/s, do: [ { private: { to: V } } ] } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, rate: 1/s, do: [ { oversize: { size: V } } ] } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1, rate: 1/s, do: [ { reconnect: { leave: V } } ], leave: fin } }, load: [ { hold: 1s } ] }",
        "{ name: x, users: { a: { count: 1 } }, load: [ { hold: V } ] }",
        "{ name: x, users: { a: { count: 1 } }, load: [ { ramp: { from: V, to: 5%, over: 1s } } ] }",
        "{ name: x, users: { a: { count: 1 } }, load: [ { spike: { to: V, for: 1s } } ] }",
        "{ name: x, users: { a: { count: 1, rate: 1/s, do: [ { broadcast: {} } ] } }, load: [ { hold: { for: 1s, only: V } } ] }",
        "{ name: x, users: { a: { count: 1 } }, load: [ { hold: 1s } ], expect: [ 'connect.p99 < V', 'lost < V', 'errors < V' ] }",
    ] {
        for word in VALUES.split_whitespace() {
            let word = word.replace('~', " ");
            let quoted = if word.starts_with(['{', '*']) { format!("'{word}'") } else { word };
            let yaml = template.replace('V', &quoted);
            if mychat_scenario::parse("x.yaml", &yaml).is_ok() {
                assert_fits(&validator, &yaml, &yaml);
                taken += 1;
            }
        }
    }
    assert!(taken > 150, "{taken}");
}
