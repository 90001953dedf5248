//! The result as a page that needs nothing but itself: tables, and charts in SVG.

use std::fmt::Write;

use crate::report::{Latency, Report};
use crate::table::{duration, in_words};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2433;--soft:#657089;--line:#d9dee8;--page:#fff;--a:#0b66c3;--b:#c2410c;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaf1;--soft:#9aa5ba;--line:#333b4d;--page:#12161f;--a:#6cb2ff;--b:#ff9a62;--bad:#ff8a80}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-block:2rem .5rem}p{color:var(--soft)}
table{border-collapse:collapse;width:100%}td{border-block-end:1px solid var(--line);padding:.3rem .5rem}
td+td{text-align:end;font-variant-numeric:tabular-nums}.bad{color:var(--bad);font-weight:600}
svg{width:100%;height:auto}svg text{font-size:12px;fill:var(--soft)}
.grid{stroke:var(--line)}.a,.b{fill:none;stroke-width:2}.a{stroke:var(--a)}.b{stroke:var(--b)}
svg .ka{fill:var(--a)}svg .kb{fill:var(--b)}";

/// The whole report as HTML.
pub fn render(report: &Report) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>hamhame-bench: {workload}</title>\n<style>{STYLE}</style>\n\
         <h1>hamhame-bench: {workload}</h1>\n",
        workload = escape(report.workload),
    );
    let settings: Vec<String> =
        report.settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(page, "<p>{}</p>", escape(&settings.join(" · ")));
    for warning in &report.warnings {
        let _ = writeln!(page, "<p class=\"bad\">{}</p>", escape(warning));
    }
    write_figures(&mut page, report);
    if !report.latencies.is_empty() {
        let latencies: Vec<&Latency> = report.latencies.values().collect();
        let _ = writeln!(page, "<h2>Latency by percentile</h2>\n{}", latency_chart(&latencies));
    }
    if report.samples.len() > 1 {
        let line = |value: fn(&crate::drive::Sample) -> f64| -> Vec<(f64, f64)> {
            report.samples.iter().map(|sample| (sample.at, value(sample))).collect()
        };
        let deliveries = line(|sample| sample.deliveries_per_second);
        let server = line(|sample| sample.server_cores);
        let generator = line(|sample| sample.generator_cores);
        let of_rate = course_chart(&[("deliveries per second", &deliveries)], "/s");
        let of_cores = course_chart(&[("server", &server), ("generator", &generator)], "cores");
        let _ = writeln!(page, "<h2>Deliveries over time</h2>\n{of_rate}");
        let _ = writeln!(page, "<h2>CPU over time</h2>\n{of_cores}");
        let memory = line(|sample| sample.server_rss as f64);
        if memory.iter().any(|(_, bytes)| *bytes > 0.0) {
            let of_memory = course_chart(&[("server, resident", &memory)], "B");
            let _ = writeln!(page, "<h2>Memory over time</h2>\n{of_memory}");
        }
    }
    page
}

fn write_figures(page: &mut String, report: &Report) {
    page.push_str("<table>\n");
    let mut row = |label: &str, value: &str, class: &str| {
        let (label, value) = (escape(label), escape(value));
        let _ = writeln!(page, "<tr{class}><td>{label}</td><td>{value}</td></tr>");
    };
    let bad = " class=\"bad\"";
    for figure in &report.figures {
        row(figure.label, &in_words(figure.value, figure.unit), "");
    }
    for latency in report.latencies.values() {
        for (percent, micros) in &latency.percentiles {
            if [50.0, 99.0, 99.9, 100.0].contains(percent) {
                row(&format!("{}, p{percent}", latency.label), &duration(*micros), "");
            }
        }
    }
    let faults = report.faults;
    row("lost", &faults.lost.to_string(), if faults.lost > 0 { bad } else { "" });
    row("twice", &faults.duplicated.to_string(), if faults.duplicated > 0 { bad } else { "" });
    row("out of order", &faults.reordered.to_string(), if faults.reordered > 0 { bad } else { "" });
    for (what, count) in &report.troubles {
        row(what, &format!("{count}×"), bad);
    }
    page.push_str("</table>\n");
}

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 90.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 30.0;

/// A point of a chart, both coordinates from 0 to 1.
fn place((x, y): (f64, f64)) -> (f64, f64) {
    (LEFT + x * (WIDTH - LEFT - 20.0), HEIGHT - BOTTOM - y * (HEIGHT - BOTTOM - TOP))
}

fn frame(
    title: &str,
    across: &[(f64, String)],
    up: &[(f64, String)],
    lines: &[Line<'_>],
) -> String {
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escape(title)
    );
    for (x, label) in across {
        let (x, y) = place((*x, 0.0));
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{x:.1} {TOP}V{y:.1}\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            y + 18.0,
            escape(label)
        );
    }
    for (y, label) in up {
        let (x, y) = place((0.0, *y));
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{x:.1} {y:.1}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - 20.0,
            x - 8.0,
            y + 4.0,
            escape(label)
        );
    }
    for (number, (label, points)) in lines.iter().enumerate() {
        let class = if number == 0 { "a" } else { "b" };
        let path: Vec<String> = points
            .iter()
            .map(|point| place(*point))
            .map(|(x, y)| format!("{x:.1} {y:.1}"))
            .collect();
        let x = LEFT + number as f64 * 260.0;
        let _ = write!(
            svg,
            "<path class=\"{class}\" d=\"M{}\"/><text class=\"k{class}\" x=\"{x}\" y=\"18\">{}</text>",
            path.join("L"),
            escape(label)
        );
    }
    svg + "</svg>"
}

type Line<'a> = (&'a str, Vec<(f64, f64)>);

/// Across: how many nines; up: the latency, each step ten times the last.
fn latency_chart(latencies: &[&Latency]) -> String {
    let values = || {
        latencies.iter().flat_map(|latency| &latency.percentiles).map(|(_, micros)| micros.max(1.0))
    };
    let low = values().fold(f64::INFINITY, f64::min).log10().floor();
    let high = values().fold(1.0, f64::max).log10().ceil().max(low + 1.0);
    // 0 is at the left, each nine takes as much space as the last; the maximum stands beyond 99.99.
    let across = |percent: f64| (-(1.0 - percent / 100.0).max(1e-5).log10()) / 5.0;
    let lines: Vec<Line<'_>> = latencies
        .iter()
        .map(|latency| {
            let points = latency.percentiles.iter().map(|(percent, micros)| {
                (across(*percent), (micros.max(1.0).log10() - low) / (high - low))
            });
            (latency.label, points.collect())
        })
        .collect();
    let ticks: Vec<(f64, String)> = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99]
        .iter()
        .map(|&percent| (across(percent), format!("{percent} %")))
        .chain([(1.0, "max".to_owned())])
        .collect();
    let steps = (high - low) as i32;
    let up: Vec<(f64, String)> = (0..=steps)
        .map(|step| {
            (f64::from(step) / f64::from(steps), duration(10_f64.powf(low + f64::from(step))))
        })
        .collect();
    frame("latency by percentile", &ticks, &up, &lines)
}

/// Across: seconds; up: from 0 to the largest value.
fn course_chart(courses: &[(&str, &Vec<(f64, f64)>)], unit: &str) -> String {
    let points = || courses.iter().flat_map(|(_, points)| points.iter());
    let end = points().map(|(at, _)| *at).fold(0.001, f64::max);
    let top = points().map(|(_, value)| *value).fold(0.0, f64::max).max(1e-9) * 1.1;
    let lines: Vec<Line<'_>> = courses
        .iter()
        .map(|(label, points)| {
            (*label, points.iter().map(|(at, value)| (at / end, value / top)).collect())
        })
        .collect();
    let quarters = [0.0, 0.25, 0.5, 0.75, 1.0];
    let across: Vec<_> =
        quarters.iter().map(|&part| (part, format!("{:.1} s", part * end))).collect();
    let up: Vec<_> = quarters.iter().map(|&part| (part, in_words(part * top, unit))).collect();
    frame("course over time", &across, &up, &lines)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::Sample;
    use hdrhistogram::Histogram;
    use std::collections::BTreeMap;

    fn report() -> Report {
        let mut report = Report::new("fanout", BTreeMap::from([("url", "<ws&\">".to_owned())]));
        let mut histogram = Histogram::new(3).unwrap();
        (1..2000).for_each(|value| histogram.record(value * 1000).unwrap());
        report.latency("delivery", "delivery", &histogram);
        report.figure("deliveries", "deliveries", 1999.0, "");
        for at in 1..4 {
            report.samples.push(Sample {
                at: f64::from(at),
                deliveries_per_second: 5.0,
                server_cores: 0.5,
                generator_cores: 0.25,
                server_rss: 1 << 20,
            });
        }
        report
    }

    #[test]
    fn the_page_needs_nothing_but_itself_and_shows_what_it_is_given_as_text() {
        let page = render(&report());
        assert_eq!(page.matches("<svg").count(), 4);
        for outside in ["http://", "https://", "src=", "href=", "url(", "@import", "<script"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("&lt;ws&amp;&quot;&gt;") && !page.contains("<ws"));
    }

    #[test]
    fn a_chart_stays_within_its_frame() {
        let page = render(&report());
        for number in page.split("d=\"M").skip(1).flat_map(|path| {
            path.split('"')
                .next()
                .unwrap_or_default()
                .split(['L', ' ', 'H', 'V'])
                .collect::<Vec<_>>()
        }) {
            let number: f64 = number.parse().unwrap();
            assert!((0.0..=WIDTH).contains(&number), "{number}");
        }
    }
}
