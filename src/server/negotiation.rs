//! Which format a scraper gets, and whether compressed.

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName};

/// A format of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus' text format 0.0.4: for who names nothing better, curl and browsers included.
    Text,
    /// OpenMetrics 1.0, only for who names it.
    OpenMetrics,
}

impl Format {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The format the scraper likes best of the two. Wildcards mean the text format.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let mut open_metrics: f64 = 0.0;
    let mut text: f64 = 0.0;
    for range in ranges(headers, &ACCEPT) {
        match range.name.as_str() {
            "application/openmetrics-text" if range.is_version(&["1.0.0", "0.0.1"]) => {
                open_metrics = open_metrics.max(range.quality);
            }
            "text/plain" if range.is_version(&["0.0.4"]) => text = text.max(range.quality),
            _ => {}
        }
    }
    if open_metrics > 0.0 && open_metrics >= text { Format::OpenMetrics } else { Format::Text }
}

/// Whether the client takes gzip.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut any = 0.0;
    for range in ranges(headers, &ACCEPT_ENCODING) {
        match range.name.as_str() {
            "gzip" | "x-gzip" => return range.quality > 0.0,
            "*" => any = range.quality,
            _ => {}
        }
    }
    any > 0.0
}

/// One item of an Accept header.
struct Range {
    name: String,
    /// Between 0 and 1; a version of Prometheus sends 2.
    quality: f64,
    version: Option<String>,
}

impl Range {
    /// An unnamed version is any.
    fn is_version(&self, versions: &[&str]) -> bool {
        self.version.as_deref().is_none_or(|version| versions.contains(&version))
    }
}

fn ranges(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = Range> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let mut range = Range { name, quality: 1.0, version: None };
            for part in parts {
                match part.split_once('=') {
                    Some(("q", quality)) => {
                        range.quality =
                            quality.trim().parse().map_or(0.0, |q: f64| q.clamp(0.0, 1.0));
                    }
                    Some(("version", version)) => {
                        range.version = Some(version.trim().trim_matches('"').to_owned());
                    }
                    _ => {}
                }
            }
            range
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn every_prometheus_gets_what_it_likes_best() {
        let table = [
            // 2.42
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
                 version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            // 2.49, with its impossible quality
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=2",
                Format::OpenMetrics,
            ),
            // 3.x
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;\
                 escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Format::OpenMetrics,
            ),
            // 3.x with native histograms: protobuf first, which we do not speak
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;\
                 escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            ("text/plain;version=0.0.4;q=0.5, application/openmetrics-text;q=0.3", Format::Text),
            ("application/openmetrics-text;version=2.0.0", Format::Text),
            ("application/openmetrics-text;version=1.0.0;q=0", Format::Text),
            ("application/openmetrics-text;version=1.0.0;q=much", Format::Text),
            ("application/json", Format::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::Text),
            ("", Format::Text),
        ];
        for (accept, expected) in table {
            assert_eq!(format(&headers(ACCEPT, accept)), expected, "{accept}");
        }
        assert_eq!(format(&HeaderMap::new()), Format::Text);
    }

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        let table = [
            ("gzip", true),
            ("gzip, deflate, br, zstd", true),
            ("GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("*", true),
            ("*;q=0", false),
            ("identity", false),
            ("", false),
        ];
        for (accept, expected) in table {
            assert_eq!(accepts_gzip(&headers(ACCEPT_ENCODING, accept)), expected, "{accept}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    proptest::proptest! {
        #[test]
        fn no_header_makes_it_panic(value in "[ -~]{0,80}") {
            let _ = format(&headers(ACCEPT, &value));
            let _ = accepts_gzip(&headers(ACCEPT_ENCODING, &value));
        }
    }
}
