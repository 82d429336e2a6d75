//! What rows hold of the world outside: browsers, devices, places.

pub(super) const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8 \\\"Pro\\\") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36",
];

/// What follows a device's id.
pub(super) const DEVICES: [&str; 6] = [
    r#"","displayName":"","operatingSystem":"Windows 10","browser":"Edge 130.0.0","isCompliant":false,"isManaged":false,"trustType":""}"#,
    r#"","displayName":"LAPTOP-0417","operatingSystem":"Windows11","browser":"Edge 130.0.0","isCompliant":true,"isManaged":true,"trustType":"Azure AD joined"}"#,
    r#"","displayName":null,"operatingSystem":"MacOs","browser":"Safari 17.6","isCompliant":null,"isManaged":null,"trustType":null}"#,
    r#"","displayName":null,"operatingSystem":"Ios 17.6","browser":"Mobile Safari","isCompliant":null,"isManaged":null,"trustType":null}"#,
    r#"","displayName":"","operatingSystem":"Linux","browser":"Firefox 132.0","isCompliant":null,"isManaged":null,"trustType":""}"#,
    r#"","displayName":"DESKTOP-1187","operatingSystem":"Windows 10","browser":"Rich Client 5.2.8.0","isCompliant":true,"isManaged":true,"trustType":"Hybrid Azure AD joined"}"#,
];

pub(super) const LOCATIONS: [&str; 7] = [
    r#"{"city":"Utrecht","state":"Utrecht","countryOrRegion":"NL","geoCoordinates":{"altitude":null,"latitude":52.09083,"longitude":5.12222}}"#,
    r#"{"city":"Rotterdam","state":"Zuid-Holland","countryOrRegion":"NL","geoCoordinates":{"altitude":null,"latitude":51.9225,"longitude":4.47917}}"#,
    r#"{"city":"Antwerpen","state":"Antwerpen","countryOrRegion":"BE","geoCoordinates":{"altitude":null,"latitude":51.21989,"longitude":4.40346}}"#,
    r#"{"city":"K\u00f6ln","state":"Nordrhein-Westfalen","countryOrRegion":"DE","geoCoordinates":{"altitude":null,"latitude":50.93333,"longitude":6.95}}"#,
    r#"{"city":"São Paulo","state":"São Paulo","countryOrRegion":"BR","geoCoordinates":{"altitude":null,"latitude":-23.5475,"longitude":-46.63611}}"#,
    r#"{"city":"","state":"","countryOrRegion":"","geoCoordinates":{"altitude":null,"latitude":null,"longitude":null}}"#,
    "{}",
];

pub(super) const NETWORKS: [&str; 5] = [
    "[]",
    "[]",
    "[]",
    r#"[{"networkType":"namedNetwork","networkNames":["Headquarters"]}]"#,
    r#"[{"networkType":"trustedNamedLocation","networkNames":["Headquarters","Branch"]}]"#,
];
