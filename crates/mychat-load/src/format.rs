//! Formats numbers for people.

/// Formats microseconds with three significant digits: `87 µs`, `1.93 ms`, `12.4 s`.
pub fn duration(micros: f64) -> String {
    let digits = |value: f64| {
        let places = if value >= 100.0 {
            0
        } else if value >= 10.0 {
            1
        } else {
            2
        };
        format!("{value:.places$}")
    };
    if micros < 999.5 {
        format!("{micros:.0} µs")
    } else if micros < 999_500.0 {
        format!("{} ms", digits(micros / 1e3))
    } else {
        format!("{} s", digits(micros / 1e6))
    }
}

/// Formats a load in percent: `150 %`, and one more digit below twenty: `3.1 %`.
pub fn load_percent(percent: f64) -> String {
    let is_whole = (percent - percent.round()).abs() < 0.05;
    let places = usize::from(percent < 20.0 && !is_whole);
    format!("{percent:.places$} %")
}

/// Formats a count with a comma between groups of three digits.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_formatted_with_units_and_commas() {
        assert_eq!([12.5, 100.0, 187.5, 3.125].map(super::load_percent), ["12.5 %", "100 %", "188 %", "3.1 %"]);
        assert_eq!(super::grouped(0), "0");
        assert_eq!(super::grouped(999), "999");
        assert_eq!(super::grouped(1_234_567), "1,234,567");
        assert_eq!(super::duration(87.0), "87 µs");
        assert_eq!(super::duration(999.7), "1.00 ms");
        assert_eq!(super::duration(12_400.0), "12.4 ms");
        assert_eq!(super::duration(1_500_000.0), "1.50 s");
    }
}
