//! The report as metrics, in the text format that the textfile collector of Prometheus's node exporter
//! reads (exposition format 0.0.4).

use std::fmt::Write;

use super::model::{Plugin, Report};

/// A metric: its name, what it says, and its samples as labels with a value.
struct Metric {
    name: &'static str,
    help: &'static str,
    samples: Vec<(Vec<(&'static str, String)>, usize)>,
}

/// The metrics. `differences` is how many `check` finds; `settled` is when the state was written, in
/// seconds since 1970.
pub fn prometheus(report: &Report, differences: usize, settled: Option<i64>) -> String {
    let settled = settled.and_then(|time| usize::try_from(time).ok()).map(|time| (Vec::new(), time));
    let metrics = [
        Metric {
            name: "nodeshim_plugin_info",
            help: "Plugins, with the version that is installed; 0 for one that is gone.",
            samples: report.plugins.iter().map(info).collect(),
        },
        Metric {
            name: "nodeshim_plugin_open_ports",
            help: "Ports and services that a plugin opens.",
            samples: each(report, |plugin| plugin.ports.len() + plugin.services.len()),
        },
        Metric {
            name: "nodeshim_plugin_units",
            help: "Units and services whose state a plugin asks for.",
            samples: each(report, |plugin| plugin.units.len()),
        },
        Metric {
            name: "nodeshim_plugin_denied",
            help: "What policy denies a plugin.",
            samples: each(report, |plugin| plugin.denied.len()),
        },
        Metric {
            name: "nodeshim_plugin_failed",
            help: "What a plugin's tools refused.",
            samples: each(report, |plugin| plugin.failed.len()),
        },
        Metric {
            name: "nodeshim_plugin_overruled",
            help: "Requests that lost against an administrator, a builder or a later request.",
            samples: each(report, |plugin| plugin.overruled.len()),
        },
        Metric {
            name: "nodeshim_plugin_bypasses",
            help: "What a plugin's scriptlets changed directly, without a tool.",
            samples: each(report, |plugin| plugin.bypasses.len()),
        },
        Metric {
            name: "nodeshim_check_differences",
            help: "What nodeshim check finds to differ from the records.",
            samples: vec![(Vec::new(), differences)],
        },
        Metric {
            name: "nodeshim_settled_timestamp_seconds",
            help: "When the state was written last.",
            samples: settled.into_iter().collect(),
        },
    ];
    metrics.iter().map(text).collect()
}

fn info(plugin: &Plugin) -> (Vec<(&'static str, String)>, usize) {
    let version = plugin.evr.clone().unwrap_or_default();
    (vec![("plugin", plugin.name.clone()), ("version", version)], usize::from(!plugin.gone))
}

fn each(report: &Report, count: impl Fn(&Plugin) -> usize) -> Vec<(Vec<(&'static str, String)>, usize)> {
    let sample = |plugin: &Plugin| (vec![("plugin", plugin.name.clone())], count(plugin));
    report.plugins.iter().map(sample).collect()
}

fn text(metric: &Metric) -> String {
    if metric.samples.is_empty() {
        return String::new();
    }
    let Metric { name, help, samples } = metric;
    let mut text = format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
    for (labels, value) in samples {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}{labels} {value}");
    }
    text
}

/// A label's value: backslash, quote and line feed are escaped, as the format has it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_a_label() {
        let plugin = Plugin {
            name: "a\"} 1\nx\\".into(),
            evr: Some("1-1".into()),
            ports: vec!["80/tcp".into()],
            ..Plugin::default()
        };
        let report = Report {
            plugins: vec![plugin],
            ..Report::default()
        };
        let text = prometheus(&report, 2, Some(17));
        assert!(
            text.contains("nodeshim_plugin_info{plugin=\"a\\\"} 1\\nx\\\\\",version=\"1-1\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("\nnodeshim_check_differences 2\n"), "{text}");
        assert!(text.contains("\nnodeshim_settled_timestamp_seconds 17\n"), "{text}");
        assert_eq!(text.matches("# TYPE ").count(), 9, "{text}");
    }
}
