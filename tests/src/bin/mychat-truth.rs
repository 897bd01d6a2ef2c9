//! `mychat-truth [ID…]`: carries out the truth table, prints it, and writes it to `target/truth.md`.

#[cfg(target_os = "linux")]
#[expect(clippy::print_stdout, reason = "printing the table is what this program is for")]
fn main() -> std::process::ExitCode {
    use std::path::Path;
    use std::process::ExitCode;

    use mychat_tests::truth;

    let only: Vec<String> = std::env::args().skip(1).collect();
    let me = std::env::current_exe().expect("a program knows its own path");
    let tool = me.with_file_name("mychat-bench-under-test");
    println!("{:4} {:22} {:>14} {:>14} {:>14}", "id", "measured", "true", "reported", "tolerance");
    let table = truth::table(&tool.to_string_lossy(), &only, |row, lines| {
        for truth::Line { what, wanted, got, tolerance, ok } in lines {
            let mark = if *ok { "ok" } else { "WRONG" };
            println!("{:4} {what:22} {wanted:>14} {got:>14} {tolerance:>14}  {mark}", row.id);
        }
    });
    let text = truth::markdown(&table);
    let path = Path::new("target/truth.md");
    if let Err(error) = truth::write(path, &text) {
        println!("cannot write {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    println!("\nwritten to {}", path.display());
    let wrong = table.iter().flat_map(|(_, lines)| lines).any(|line| !line.ok);
    if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    panic!("the truth table takes Linux: its servers keep their times by timerfd");
}
