//! The result as a table for a terminal.

use std::fmt::Write;

use crate::report::Report;

/// The whole report as text.
pub fn render(report: &Report) -> String {
    let settings: Vec<String> =
        report.settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let mut text = format!("{}: {}\n\n", report.workload, settings.join(", "));
    let mut rows: Vec<(String, String)> = report
        .figures
        .iter()
        .map(|figure| (figure.label.to_owned(), in_words(figure.value, figure.unit)))
        .collect();
    for latency in report.latencies.values() {
        let values: Vec<String> = [50.0, 90.0, 99.0, 99.9, 100.0]
            .iter()
            .filter_map(|&percent| Some((percent, latency.at(percent)?)))
            .map(|(percent, micros)| format!("p{percent} {}", duration(micros)))
            .collect();
        rows.push((format!("latency, {}", latency.label), values.join("  ")));
    }
    let faults = report.faults;
    rows.push((
        "order, loss, duplicates".to_owned(),
        if faults.is_none() {
            "all kept".to_owned()
        } else {
            format!(
                "BROKEN: {} lost, {} twice, {} out of order",
                faults.lost, faults.duplicated, faults.reordered
            )
        },
    ));
    for (what, count) in &report.troubles {
        rows.push(("TROUBLE".to_owned(), format!("{what} ({count}×)")));
    }
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or_default();
    for (label, value) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {label:<width$}  {value}");
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "\nwarning: {warning}");
    }
    text
}

/// A figure with its unit, at a scale that can be read.
pub fn in_words(value: f64, unit: &str) -> String {
    match unit {
        "B" if value.abs() >= 10_485_760.0 => format!("{:.1} MiB", value / 1_048_576.0),
        "B" if value.abs() >= 1024.0 => format!("{:.2} KiB", value / 1024.0),
        "B" => format!("{value:.0} B"),
        "s" => format!("{value:.3} s"),
        "each" => format!("{value:.3}"),
        "cores" => format!("{value:.3} cores"),
        "" => grouped(value),
        "/s" => format!("{} /s", grouped(value)),
        "ns" => format!("{} ns", grouped(value)),
        unit => format!("{value:.1} {unit}"),
    }
}

/// Microseconds, at a scale that can be read.
pub fn duration(micros: f64) -> String {
    match micros {
        _ if micros >= 1e6 => format!("{:.2} s", micros / 1e6),
        _ if micros >= 1e3 => format!("{:.2} ms", micros / 1e3),
        _ => format!("{micros:.0} µs"),
    }
}

fn grouped(value: f64) -> String {
    if value < 100.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_at_a_scale_that_can_be_read() {
        assert_eq!(in_words(1_234_567.0, ""), "1,234,567");
        assert_eq!(in_words(-123.0, ""), "-123");
        assert_eq!(in_words(99.5, "/s"), "99.5 /s");
        assert_eq!(in_words(1536.0, "B"), "1.50 KiB");
        assert_eq!(duration(999.4), "999 µs");
        assert_eq!(duration(2_500_000.0), "2.50 s");
    }
}
