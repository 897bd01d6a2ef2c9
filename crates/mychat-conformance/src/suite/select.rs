//! Selects checks by the options `--only` and `--skip`.

use super::catalogue::Check;

/// Selects checks by id or glob.
///
/// # Errors
///
/// Fails if a pattern matches no check, or if no check is left.
pub fn select<'c>(checks: &'c [Check], only: &[String], skip: &[String]) -> Result<Vec<&'c Check>, String> {
    for pattern in only.iter().chain(skip) {
        if !checks.iter().any(|check| glob(pattern, &check.case.id)) {
            return Err(unknown(checks, pattern));
        }
    }
    let wanted = |check: &&Check| only.is_empty() || only.iter().any(|pattern| glob(pattern, &check.case.id));
    let unwanted = |check: &&Check| skip.iter().any(|pattern| glob(pattern, &check.case.id));
    let list: Vec<&Check> = checks.iter().filter(wanted).filter(|check| !unwanted(check)).collect();
    if list.is_empty() {
        return Err("--only and --skip leave no check at all".to_owned());
    }
    Ok(list)
}

/// Returns the message that no check matches `pattern`, with the most similar ids.
pub fn unknown(checks: &[Check], pattern: &str) -> String {
    let mut near: Vec<(f64, &str)> =
        checks.iter().map(|check| (strsim::jaro_winkler(pattern, &check.case.id), check.case.id.as_str())).collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    let near: Vec<&str> = near.iter().take(3).map(|(_, id)| *id).collect();
    format!("no check is called `{pattern}`; the nearest are {} (`conformance --list` shows all)", near.join(", "))
}

/// Returns true if an id matches a pattern, in which `*` stands for any text.
pub fn glob(pattern: &str, id: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == id,
        Some((head, rest)) => id.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len()).filter(|at| tail.is_char_boundary(*at)).any(|at| glob(rest, &tail[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn stars_stand_for_anything() {
        assert!(glob("frame.*", "frame.single"));
        assert!(glob("*.max", "frame.max"));
        assert!(glob("f*e.*x", "frame.max"));
        assert!(!glob("frame", "frame.max"));
        assert!(!glob("frame.*y", "frame.max"));
    }
}
