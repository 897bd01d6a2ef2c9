//! Heatmap of a distribution over time: one column per interval, darker for values that occur more often.

use maud::{Markup, html};

/// Rectangle in axis coordinates with one of the shades.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HeatCell {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Shade from 1 (the lightest) to the number of [`SHADES`].
    pub(crate) shade: usize,
}

/// Shades from the lightest: the smallest share of a column's values for it, and its label.
pub(crate) const SHADES: [(f64, &str); 5] =
    [(0.0, "rarer"), (0.0001, "≥ 0.01 %"), (0.001, "≥ 0.1 %"), (0.01, "≥ 1 %"), (0.1, "≥ 10 %")];

/// Value classes per order of magnitude.
const PER_DECADE: f64 = 10.0;

/// Returns the cells of one column. `values` are pairs of value and count. Adjacent classes of one shade share a cell.
pub(crate) fn heat_column(from: f64, to: f64, values: impl Iterator<Item = (u64, u64)>) -> Vec<HeatCell> {
    let mut classes: Vec<u64> = Vec::new();
    for (value, count) in values {
        let class = ((value.max(1) as f64).log10() * PER_DECADE) as usize;
        classes.resize(classes.len().max(class + 1), 0);
        classes[class] += count;
    }
    let total = classes.iter().sum::<u64>() as f64;
    // First class, last class and shade.
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

/// Returns the legend entries, the darkest first.
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
        // 80 % and 20 % are adjacent and share a shade. One value in ten thousand is visible too.
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
