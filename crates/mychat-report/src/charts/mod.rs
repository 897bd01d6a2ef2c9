//! Charts as inline SVG without scripts. The page's style sheet colours the lines, and dashes distinguish them too. Screen
//! readers get a title and a description.

mod heatmap;
mod axis;

use std::fmt::Write as _;

use maud::{Markup, html};

pub(crate) use axis::{Axis, compact, nines};
pub(crate) use heatmap::{HeatCell, heat_column};

/// Line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// Number of the line style in the style sheet, from 1.
    pub(crate) style: u8,
    /// Legend text beside the name.
    pub(crate) figure: String,
    /// Points in axis coordinates. `None` is a gap: nothing was measured.
    pub(crate) points: Vec<(f64, Option<f64>)>,
}

impl Series {
    /// Returns true if no point has a neighbour to draw a line to.
    fn is_dots(&self) -> bool {
        self.points.windows(2).all(|pair| pair[0].1.is_none() || pair[1].1.is_none())
    }
}

/// Named section of the horizontal axis: a stage of the run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Band {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) name: String,
}

/// Chart with axes, lines and bands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chart {
    /// Prefix of all element ids. It must be unique on the page.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// Description for screen readers.
    pub(crate) description: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) bands: Vec<Band>,
    pub(crate) series: Vec<Series>,
    /// Heatmap behind the lines.
    pub(crate) heat: Vec<HeatCell>,
    /// Tooltips: start and end on the horizontal axis, and the text.
    pub(crate) tooltips: Vec<(f64, f64, String)>,
}

/// Position of a band's label.
struct BandLabel<'c> {
    /// Horizontal position of the band's start.
    left: f64,
    /// Label row, counted upwards from the plot area.
    row: usize,
    /// True for a label that is right-aligned to the plot area, because it does not fit to the right of the band's start.
    at_end: bool,
    text: &'c str,
}

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 306.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = WIDTH - 14.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = HEIGHT - 30.0;
/// Number of label rows above the plot area, and their distance.
const ROWS: usize = 2;
const ROW: f64 = 17.0;
/// Width reserved per letter of a stage name. It also suffices on phones, where the style sheet enlarges the text.
const LETTER: f64 = 9.4;

impl Chart {
    /// Renders the chart with its heading and legend.
    pub(crate) fn render(&self) -> Markup {
        let lines = self.series.iter().any(|series| series.points.iter().any(|(_, value)| value.is_some()));
        let measured = lines || !self.heat.is_empty();
        html! {
            figure.chart {
                figcaption {
                    h3 { (self.title) }
                    @if measured {
                        ul.legend {
                            @for series in &self.series { (legend(series)) }
                            @if !self.heat.is_empty() { (heatmap::legend()) }
                        }
                    }
                }
                @if measured { (self.picture()) } @else { p.empty { "Nothing was measured." } }
            }
        }
    }

    fn picture(&self) -> Markup {
        let (title, description) = (format!("{}-t", self.id), format!("{}-d", self.id));
        html! {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby={ (title) " " (description) } {
                title id=(title) { (self.title) }
                desc id=(description) { (self.description) }
                (self.background())
                (self.heat_paths())
                (self.grid())
                @for series in &self.series { (self.line(series)) }
                @for (from, to, text) in &self.tooltips {
                    @let (left, right) = (self.x_position(*from), self.x_position(*to));
                    rect.tooltip x=(round(left)) y=(TOP) width=(round((right - left).max(1.0))) height=(BOTTOM - TOP) {
                        title { (text) }
                    }
                }
            }
        }
    }

    fn background(&self) -> Markup {
        let names = self.band_labels();
        html! {
            @for (number, band) in self.bands.iter().enumerate() {
                @let (left, right) = (self.x_position(band.from), self.x_position(band.to));
                @let room = right - left;
                // Behind a heatmap, a shaded band would change the shades.
                @if number % 2 == 0 && self.heat.is_empty() {
                    rect.band x=(round(left)) y=(TOP) width=(round(room)) height=(BOTTOM - TOP) {}
                }
                @if number > 0 { line.stage x1=(round(left)) x2=(round(left)) y1=(TOP - 16.0) y2=(BOTTOM) {} }
            }
            @for name in names {
                @let up = ROW * name.row as f64;
                @if name.row > 0 {
                    line.stage x1=(round(name.left)) x2=(round(name.left)) y1=(TOP - 16.0 - up) y2=(TOP - 16.0) {}
                }
                @if name.at_end { text.stage.end x=(RIGHT) y=(TOP - 7.0 - up) { (name.text) } }
                @else { text.stage x=(round(name.left + 4.0)) y=(TOP - 7.0 - up) { (name.text) } }
            }
        }
    }

    /// Renders the band labels above the plot area. A label that fits into no row is omitted: the table below has it.
    fn band_labels(&self) -> Vec<BandLabel<'_>> {
        let mut free = [LEFT; ROWS];
        let mut names = Vec::new();
        for band in &self.bands {
            let left = self.x_position(band.from);
            let length = LETTER * band.name.chars().count() as f64 + 6.0;
            let at_end = left + length > WIDTH;
            let begin = if at_end { RIGHT - length } else { left };
            if let Some(row) = free.iter().position(|free| *free <= begin + 0.1) {
                free[row] = begin + length;
                names.push(BandLabel { left, row, at_end, text: &band.name });
            }
        }
        names
    }

    /// Renders one path per shade, however many cells there are.
    fn heat_paths(&self) -> Markup {
        let mut paths = [const { String::new() }; heatmap::SHADES.len()];
        for cell in &self.heat {
            let (left, right) = (round(self.x_position(cell.from)), round(self.x_position(cell.to)));
            let (top, bottom) = (round(self.y_position(cell.high)), round(self.y_position(cell.low)));
            // Writing to a String cannot fail.
            let _ = write!(paths[cell.shade - 1], "M{left} {top}H{right}V{bottom}H{left}z");
        }
        html! {
            @for (number, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
                path class={ "heat h" (number + 1) } d=(path) {}
            }
        }
    }

    fn grid(&self) -> Markup {
        html! {
            @for (value, label) in &self.y.ticks {
                @let y = self.y_position(*value);
                line.grid x1=(LEFT) x2=(RIGHT) y1=(round(y)) y2=(round(y)) {}
                text.y x=(LEFT - 7.0) y=(round(y + 4.0)) { (label) }
            }
            @for (value, label) in &self.x.ticks {
                @let x = self.x_position(*value);
                line.tick x1=(round(x)) x2=(round(x)) y1=(BOTTOM) y2=(BOTTOM + 5.0) {}
                text.x x=(round(x)) y=(HEIGHT - 9.0) { (label) }
            }
            line.axis x1=(LEFT) x2=(RIGHT) y1=(BOTTOM) y2=(BOTTOM) {}
        }
    }

    fn line(&self, series: &Series) -> Markup {
        let mut path = String::new();
        let mut dots = Vec::new();
        for stretch in series.points.split(|(_, value)| value.is_none()) {
            let places: Vec<(f64, f64)> =
                stretch.iter().filter_map(|(x, y)| Some((self.x_position(*x), self.y_position((*y)?)))).collect();
            // A point without neighbours is part of no line, so it is drawn as a dot.
            if let [alone] = places[..] {
                dots.push(alone);
            }
            for (number, (x, y)) in places.iter().enumerate() {
                // Writing to a String cannot fail.
                let _ = write!(path, "{}{x:.1} {y:.1}", if number == 0 { 'M' } else { 'L' });
            }
        }
        html! {
            path class={ "line s" (series.style) } d=(path) {}
            @for (x, y) in dots { circle class={ "dot s" (series.style) } cx=(round(x)) cy=(round(y)) r="3.5" {} }
        }
    }

    fn x_position(&self, value: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * self.x.scale.at(value)
    }

    fn y_position(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * self.y.scale.at(value)
    }
}

fn legend(series: &Series) -> Markup {
    html! {
        li {
            svg.swatch viewBox="0 0 26 10" aria-hidden="true" {
                @if series.is_dots() { circle class={ "dot s" (series.style) } cx="13" cy="5" r="3.5" {} }
                @else { path class={ "line s" (series.style) } d="M1 5L25 5" {} }
            }
            span { (series.name) }
            @if !series.figure.is_empty() { b { (series.figure) } }
        }
    }
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(bands: &[(f64, f64, &str)]) -> Chart {
        let band = |&(from, to, name): &(f64, f64, &str)| Band { from, to, name: name.to_owned() };
        Chart {
            id: "test",
            title: "Test",
            description: String::new(),
            x: Axis::time(22.0),
            y: Axis::amounts(1.0, compact),
            bands: bands.iter().map(band).collect(),
            series: Vec::new(),
            heat: Vec::new(),
            tooltips: Vec::new(),
        }
    }

    #[test]
    fn short_stages_keep_their_names_and_no_two_overlap() {
        let stages = [
            (0.0, 2.0, "join"),
            (2.0, 5.0, "warmup-1"),
            (5.0, 17.0, "steady"),
            (17.0, 19.0, "spike-1"),
            (19.0, 22.0, "recovery"),
        ];
        let told = chart(&stages);
        let names = told.band_labels();
        let texts: Vec<&str> = names.iter().map(|name| name.text).collect();
        assert_eq!(texts, ["join", "warmup-1", "steady", "spike-1", "recovery"]);
        let reach = |name: &BandLabel| {
            let length = LETTER * name.text.len() as f64;
            if name.at_end { (RIGHT - length, RIGHT) } else { (name.left, name.left + length) }
        };
        for (number, name) in names.iter().enumerate() {
            assert!(reach(name).1 <= WIDTH, "{} leaves the picture", name.text);
            for other in names[..number].iter().filter(|other| other.row == name.row) {
                assert!(reach(other).1 <= reach(name).0, "{} runs into {}", other.text, name.text);
            }
        }
    }

    #[test]
    fn more_stages_than_there_is_room_for_are_not_all_named() {
        let stages: Vec<(f64, f64, &str)> =
            (0..22).map(|at| (f64::from(at), f64::from(at) + 1.0, "a-long-name")).collect();
        assert!((3..12).contains(&chart(&stages).band_labels().len()));
    }
}
