//! Where the values of a distribution lie as time passes: a column a moment, darker where more of its values lie.

use maud::{Markup, html};

/// A rectangle along the axes, in one of the shades.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HeatCell {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// 1 for the least, up to the number of [`SHADES`].
    pub(crate) shade: usize,
}

/// The shades from the least: the part of a column's values from which each is used, and its name.
pub(crate) const SHADES: [(f64, &str); 5] =
    [(0.0, "rarer"), (0.0001, "≥ 0.01 %"), (0.001, "≥ 0.1 %"), (0.01, "≥ 1 %"), (0.1, "≥ 10 %")];

/// Classes of values in each order of magnitude.
const PER_DECADE: f64 = 10.0;

/// The cells of one moment's values, given with how often each came up; neighbours of a shade are one cell.
pub(crate) fn heat_column(from: f64, to: f64, values: impl Iterator<Item = (u64, u64)>) -> Vec<HeatCell> {
    let mut classes: Vec<u64> = Vec::new();
    for (value, count) in values {
        let class = ((value.max(1) as f64).log10() * PER_DECADE) as usize;
        classes.resize(classes.len().max(class + 1), 0);
        classes[class] += count;
    }
    let total = classes.iter().sum::<u64>() as f64;
    // From which class to which, and the shade.
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (class, count) in classes.into_iter().enumerate().filter(|(_, count)| *count > 0) {
        let shade = SHADES.iter().filter(|(part, _)| count as f64 / total >= *part).count();
        match runs.last_mut() {
            Some((_, end, below)) if (*end, *below) == (class, shade) => *end = class + 1,
            _ => runs.push((class, class + 1, shade)),
        }
    }
    let bound = |class: usize| 10f64.powf(class as f64 / PER_DECADE);
    runs.into_iter()
        .map(|(low, high, shade)| HeatCell { from, to, low: bound(low), high: bound(high), shade })
        .collect()
}

/// What each shade means, the darkest first.
pub(super) fn legend() -> Markup {
    html! {
        @for (number, (_, name)) in SHADES.iter().enumerate().rev() {
            li {
                svg.swatch viewBox="0 0 26 10" aria-hidden="true" { rect class={ "heat h" (number + 1) } width="26" height="10" {} }
                span { (name) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_covers_its_values_and_nothing_between_them() {
        let cells = heat_column(2.0, 3.0, [(100, 8_000), (130, 1_990), (50_000, 9), (60_000_000, 1)].into_iter());
        let covers = |value: f64| cells.iter().find(|cell| (cell.low..cell.high).contains(&value));
        // 80 % and 20 % are of one shade, side by side; one in ten thousand is seen as well.
        assert_eq!(covers(100.0), covers(130.0));
        let shades = [100.0, 50_000.0, 60_000_000.0].map(|value| covers(value).map(|cell| cell.shade));
        assert_eq!(shades, [Some(5), Some(2), Some(2)]);
        assert_eq!(covers(5_000.0), None);
        assert!(cells.iter().all(|cell| cell.low < cell.high), "{cells:?}");
    }

    #[test]
    fn nothing_measured_is_an_empty_column() {
        assert_eq!(heat_column(0.0, 1.0, std::iter::empty()), []);
    }
}
