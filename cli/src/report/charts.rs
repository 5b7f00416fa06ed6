//! Charts as SVG. Colours are variables of the page's style sheet, so that a chart follows the page's light or dark theme.

use anyhow::{anyhow, Result};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Width of every chart, in pixels.
const WIDTH: u32 = 760;
/// Height of a bar with the space below it.
const ROW: i32 = 26;
/// Height of a legend, and of an axis with its label.
const LEGEND: i32 = 34;
const AXIS: i32 = 44;
const TEXT: i32 = 16;

/// Stands for the style sheet's `--ink`, `--muted` and `--grid`; no chart uses these colours for anything else.
const INK: RGBColor = RGBColor(1, 1, 1);
const MUTED: RGBColor = RGBColor(1, 1, 2);
const GRID: RGBColor = RGBColor(1, 1, 3);

/// Stands for `--series-N`.
fn series(number: usize) -> RGBColor {
    RGBColor(1, 2, number as u8)
}

/// Number of series colours that the style sheet has.
const SERIES: usize = 8;

/// A named line.
pub struct Line {
    /// Name in the legend.
    pub name: String,
    /// Points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// What stands around lines.
pub struct Axes<'a> {
    /// What the chart shows, for readers that do not see it.
    pub title: &'a str,
    /// Label of the horizontal axis.
    pub x: &'a str,
    /// Label of the vertical axis, which goes from 0 to 1.
    pub y: &'a str,
    /// Places on the horizontal axis, which are as far apart as they are many.
    pub ticks: Vec<f64>,
}

/// Lines over evenly spaced places. Lines that lie on each other are drawn thick below thin.
pub fn lines(axes: &Axes, lines: &[Line]) -> Result<String> {
    const HEIGHT: u32 = 340;
    draw(axes.title, HEIGHT, |area| {
        let place = |x: f64| axes.ticks.iter().position(|tick| *tick == x).unwrap_or(0) as f64;
        let last = axes.ticks.len().saturating_sub(1) as f64;
        let (legend, body) = area.split_vertically(LEGEND);
        draw_legend(&legend, lines.iter().map(|line| line.name.as_str()))?;
        let mut chart = ChartBuilder::on(&body)
            .margin_right(24)
            .margin_top(8)
            .x_label_area_size(AXIS)
            .y_label_area_size(54)
            .build_cartesian_2d(-0.2..last + 0.2, 0.0..1.05)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(GRID)
            .label_style(font(&MUTED))
            .axis_desc_style(font(&INK))
            .y_labels(6)
            .x_labels(0)
            .y_desc(axes.y)
            .draw()?;
        let (left, top) = (54, LEGEND + 8);
        let (right, bottom) = (WIDTH as i32 - 24, HEIGHT as i32 - AXIS);
        let at = |number: f64| left + ((number + 0.2) / (last + 0.4) * f64::from(right - left)) as i32;
        for (number, tick) in axes.ticks.iter().enumerate() {
            let x = at(number as f64);
            area.draw(&PathElement::new([(x, top), (x, bottom)], GRID))?;
            text(
                area,
                &format!("{tick}"),
                (x, bottom + 6),
                MUTED,
                HPos::Center,
                VPos::Top,
            )?;
        }
        text(
            area,
            axes.x,
            ((left + right) / 2, bottom + 24),
            INK,
            HPos::Center,
            VPos::Top,
        )?;
        for (number, line) in lines.iter().enumerate() {
            let width = 2 + 2 * (lines.len() - 1 - number) as u32;
            let points = line.points.iter().map(|(x, y)| (place(*x), *y));
            chart.draw_series(LineSeries::new(points, series(number % SERIES).stroke_width(width)))?;
        }
        Ok(())
    })
}

/// A bar of parts one behind the other.
pub struct Bar {
    /// Name on the left.
    pub name: String,
    /// Length of each part.
    pub parts: Vec<f64>,
    /// Text behind the bar.
    pub label: String,
}

/// What stands around bars.
pub struct Bars<'a> {
    /// What the chart shows, for readers that do not see it.
    pub title: &'a str,
    /// Names of the parts; none leaves the legend out.
    pub parts: &'a [&'a str],
    /// Where marks stand, and what they say.
    pub marks: &'a [(f64, String)],
    /// Length that fills the chart.
    pub full: f64,
    /// Pixels for the names on the left, and for the labels on the right.
    pub margins: (i32, i32),
}

/// Horizontal bars.
pub fn bars(bars: &Bars, rows: &[Bar]) -> Result<String> {
    let legend_height = if bars.parts.is_empty() { 4 } else { LEGEND };
    let marks_height = if bars.marks.is_empty() { 6 } else { 26 };
    let bottom = legend_height + ROW * rows.len() as i32;
    draw(bars.title, (bottom + marks_height) as u32, |area| {
        draw_legend(area, bars.parts.iter().copied())?;
        let (left, right) = (bars.margins.0, WIDTH as i32 - bars.margins.1);
        let at = |value: f64| left + (value / bars.full * f64::from(right - left)).round() as i32;
        for (number, row) in rows.iter().enumerate() {
            let top = legend_height + ROW * number as i32 + 3;
            let middle = top + (ROW - 6) / 2;
            text(area, &row.name, (left - 8, middle), INK, HPos::Right, VPos::Center)?;
            let mut start = 0.0;
            for (part, length) in row.parts.iter().enumerate() {
                let corners = [(at(start), top), (at(start + length), top + ROW - 6)];
                if corners[1].0 > corners[0].0 {
                    area.draw(&Rectangle::new(corners, series(part % SERIES).filled()))?;
                }
                start += length;
            }
            text(
                area,
                &row.label,
                (at(start) + 6, middle),
                MUTED,
                HPos::Left,
                VPos::Center,
            )?;
        }
        for (value, label) in bars.marks {
            let x = at(*value);
            area.draw(&PathElement::new(
                [(x, legend_height), (x, bottom + 4)],
                INK.stroke_width(2),
            ))?;
            text(area, label, (x, bottom + 8), INK, HPos::Center, VPos::Top)?;
        }
        Ok(())
    })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw(title: &str, height: u32, paint: impl FnOnce(&Area) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        paint(&area)?;
        area.present()?;
    }
    Ok(with_variables(&svg, title))
}

/// Puts variables in place of colours, and a size that follows the page.
fn with_variables(svg: &str, title: &str) -> String {
    let mut svg = svg.to_string();
    let named = [(INK, "ink"), (MUTED, "muted"), (GRID, "grid")];
    for (colour, name) in named {
        svg = svg.replace(&hex(colour), &format!("var(--{name})"));
    }
    for number in 0..SERIES {
        svg = svg.replace(&hex(series(number)), &format!("var(--series-{number})"));
    }
    let title: String = maud::html! { title { (title) } }.into_string();
    let size = svg.find("viewBox").unwrap_or(0);
    let end = svg[size..].find('>').map_or(svg.len(), |end| size + end);
    format!(
        "<svg class=\"chart\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" {}>{title}{}",
        &svg[size..end],
        &svg[end + 1..]
    )
}

fn hex(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

fn font(colour: &RGBColor) -> TextStyle<'_> {
    TextStyle::from(("sans-serif", TEXT).into_font()).color(colour)
}

fn text(area: &Area, text: &str, at: (i32, i32), colour: RGBColor, across: HPos, down: VPos) -> Result<()> {
    area.draw_text(text, &font(&colour).pos(Pos::new(across, down)), at)
        .map_err(|error| anyhow!("a chart cannot be drawn: {error}"))
}

/// Squares with names, in one line.
fn draw_legend<'a>(area: &Area, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut x = 8;
    for (number, name) in names.enumerate() {
        area.draw(&Rectangle::new(
            [(x, 8), (x + 12, 20)],
            series(number % SERIES).filled(),
        ))?;
        text(area, name, (x + 18, 14), INK, HPos::Left, VPos::Center)?;
        // a letter is about as wide as half its height
        x += 18 + (name.chars().count() as i32 * TEXT * 9 / 20) + 18;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_are_svg_in_colours_of_the_page() {
        let axes = Axes {
            title: "a < b",
            x: "x",
            y: "y",
            ticks: vec![1.0, 2.0],
        };
        let line = Line {
            name: "one".into(),
            points: vec![(1.0, 0.5), (2.0, 1.0)],
        };
        let svg = lines(&axes, &[line]).unwrap();
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(
            svg.contains("<title>a &lt; b</title>") && svg.contains("var(--series-0)"),
            "{svg}"
        );
        assert!(!svg.contains("#01"), "a colour stayed in {svg}");
        let row = Bar {
            name: "row".into(),
            parts: vec![1.0, 2.0],
            label: "3".into(),
        };
        let around = Bars {
            title: "t",
            parts: &["a", "b"],
            marks: &[(2.5, "aim".into())],
            full: 4.0,
            margins: (100, 50),
        };
        let svg = bars(&around, &[row]).unwrap();
        assert!(svg.contains("var(--series-1)") && svg.contains("aim"), "{svg}");
    }
}
