use super::*;

fn folder(results: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = results.iter().map(|(name, _)| folder.path().join(name)).collect::<Vec<_>>();
    for (path, (_, text)) in paths.iter().zip(results) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    (folder, paths)
}

#[test]
fn a_class_becomes_a_table() {
    let ana = r#"{"schema":"mychat-bench/conformance@1","target":"x","exit_code":1,"statements":[
        {"id":"T13","section":"3.3.1","text":"CONNECT is answered by CONNECT_ACK","status":"pass","checks":["conn.ack-ok"]},
        {"id":"T16","section":"3.3.3","text":"all get BROADCAST","status":"fail","checks":[]}],"checks":[
        {"id":"conn.ack-ok","level":"must","status":"fail"},
        {"id":"list.order","level":"should","status":"fail"},
        {"id":"list.fast","level":"should","status":"pass"},
        {"id":"name.empty","level":"may","status":"fail"}]}"#;
    let bob = r#"{"schema":"mychat-bench/conformance@1","statements":[{"id":"T13","status":"inconclusive"}],"checks":[
        {"id":"list.order","level":"should","status":"pass"}]}"#;
    let (_folder, paths) = folder(&[("10/ana.json", ana), ("2/=bob,x.json", bob)]);
    let matrix = read(&paths);
    let csv = "server,passed,T13,T16,must_failed,should_failed,error,list.order\n\
        \"'=bob,x\",0,inconclusive,,0,0,,pass\nana,1,pass,fail,1,1,,fail\n";
    assert_eq!(matrix.csv(), csv);
    assert_eq!((matrix.passed_by(0), matrix.passed_by(1), matrix.failed_by(0)), (1, 0, vec!["ana"]));
}

#[test]
fn a_result_that_cannot_be_read_is_a_row_that_says_so() {
    let good = r#"{"schema":"mychat-bench/conformance@1","statements":[{"id":"T1","status":"pass"}]}"#;
    let other = r#"{"schema":"mychat-bench/run@1","statements":[]}"#;
    let (folder, mut paths) = folder(&[("s10/r.json", good), ("s2/r.json", other), ("s1/r.json", "{")]);
    paths.push(folder.path().join("s3").join("r.json"));
    let matrix = read(&paths);
    let names: Vec<&str> = matrix.servers.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["s1", "s2", "s3", "s10"]);
    let said: Vec<&str> = matrix.unreadable().map(|(_, reason)| reason).collect();
    for (said, expected) in
        said.iter().zip(["it ends in the middle", "its schema is `mychat-bench/run@1`", "there is no such file"])
    {
        assert!(said.contains(expected), "{said}");
    }
    let csv = matrix.csv();
    let last = csv.lines().last().unwrap();
    assert_eq!(last, "s10,1,pass,0,0,");
    for line in csv.lines().skip(1).take(3) {
        assert!(line.contains(",,,,") && line.contains("r.json"), "{line}");
    }
}
