//! Charts as inline SVG: no script, coloured by the page's style sheet, told apart by dashes too, and read aloud by
//! their title and description.

mod scale;

use std::fmt::Write as _;

use maud::{Markup, html};

pub(crate) use scale::{Axis, compact, nines};

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// Which of the style sheet's lines it is, from 1.
    pub(crate) style: u8,
    /// What the legend says beside the name.
    pub(crate) figure: String,
    /// Along the axes; `None` where nothing was measured: the line has a gap there.
    pub(crate) points: Vec<(f64, Option<f64>)>,
}

impl Series {
    /// Whether no point has a neighbour to draw a line to.
    fn is_dots(&self) -> bool {
        self.points.windows(2).all(|pair| pair[0].1.is_none() || pair[1].1.is_none())
    }
}

/// A stretch of the horizontal axis with a name: a stage of the run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Band {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) name: String,
}

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chart {
    /// Distinct among the charts of a page: ids are made of it.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// What it shows, for those who cannot see it.
    pub(crate) description: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) bands: Vec<Band>,
    pub(crate) series: Vec<Series>,
    /// What is shown where the pointer rests: from where to where, and the text.
    pub(crate) hints: Vec<(f64, f64, String)>,
}

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 290.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = WIDTH - 14.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = HEIGHT - 30.0;

impl Chart {
    /// The chart with its heading and legend.
    pub(crate) fn render(&self) -> Markup {
        let measured = self.series.iter().any(|series| series.points.iter().any(|(_, value)| value.is_some()));
        html! {
            figure.chart {
                figcaption {
                    h3 { (self.title) }
                    @if measured { ul.legend { @for series in &self.series { (legend(series)) } } }
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
                (self.grid())
                @for series in &self.series { (self.line(series)) }
                @for (from, to, text) in &self.hints {
                    @let (left, right) = (self.across(*from), self.across(*to));
                    rect.hint x=(round(left)) y=(TOP) width=(round((right - left).max(1.0))) height=(BOTTOM - TOP) {
                        title { (text) }
                    }
                }
            }
        }
    }

    fn background(&self) -> Markup {
        html! {
            @for (number, band) in self.bands.iter().enumerate() {
                @let (left, right) = (self.across(band.from), self.across(band.to));
                @let room = right - left;
                @if number % 2 == 0 {
                    rect.band x=(round(left)) y=(TOP) width=(round(room)) height=(BOTTOM - TOP) {}
                }
                @if number > 0 { line.stage x1=(round(left)) x2=(round(left)) y1=(TOP - 16.0) y2=(BOTTOM) {} }
                // A name that does not fit is left out: the table below has it.
                @if room > 7.6 * band.name.chars().count() as f64 + 6.0 {
                    text.stage x=(round(left + 4.0)) y=(TOP - 7.0) { (band.name) }
                }
            }
        }
    }

    fn grid(&self) -> Markup {
        html! {
            @for (value, label) in &self.y.ticks {
                @let y = self.up(*value);
                line.grid x1=(LEFT) x2=(RIGHT) y1=(round(y)) y2=(round(y)) {}
                text.y x=(LEFT - 7.0) y=(round(y + 4.0)) { (label) }
            }
            @for (value, label) in &self.x.ticks {
                @let x = self.across(*value);
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
                stretch.iter().filter_map(|(x, y)| Some((self.across(*x), self.up((*y)?)))).collect();
            // A point without neighbours has no line to be seen by.
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

    fn across(&self, value: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * self.x.scale.at(value)
    }

    fn up(&self, value: f64) -> f64 {
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
