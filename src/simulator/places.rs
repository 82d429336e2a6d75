//! The places that policies may name.

use serde_json::{Value, json};

/// The fields of one kind of place are missing from the others.
pub(super) fn places() -> Vec<Value> {
    let cidr = |kind: &str, range: &str| json!({ "@odata.type": format!("#microsoft.graph.{kind}"), "cidrAddress": range });
    vec![
        json!({
            "@odata.type": "#microsoft.graph.ipNamedLocation",
            "id": "2b0a9c1e-5f63-4c0e-9a45-61c1d8ef0a01",
            "displayName": "Headquarters",
            "modifiedDateTime": "2024-05-14T18:00:43.5796446Z",
            "createdDateTime": "2024-05-14T17:11:12Z",
            "isTrusted": true,
            "ipRanges": [
                cidr("iPv4CidrRange", "192.0.2.0/24"),
                cidr("iPv6CidrRange", "2001:db8:10::/48"),
            ],
        }),
        json!({
            "@odata.type": "#microsoft.graph.ipNamedLocation",
            "id": "2b0a9c1e-5f63-4c0e-9a45-61c1d8ef0a02",
            "displayName": "Guest network",
            "modifiedDateTime": "2024-05-14T18:02:10.1234567Z",
            "createdDateTime": "2024-05-14T17:20:01Z",
            "isTrusted": false,
            "ipRanges": [cidr("iPv4CidrRange", "198.51.100.0/25")],
        }),
        json!({
            "@odata.type": "#microsoft.graph.countryNamedLocation",
            "id": "2b0a9c1e-5f63-4c0e-9a45-61c1d8ef0a03",
            "displayName": "Where we work",
            "modifiedDateTime": "2024-05-14T18:03:54.7238848Z",
            "createdDateTime": "2024-05-14T18:03:54.7238848Z",
            "countriesAndRegions": ["NL", "BE"],
            "includeUnknownCountriesAndRegions": false,
        }),
    ]
}
