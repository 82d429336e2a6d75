//! A whole page, ready to be served: both formats, plain and gzip, made once and not per scrape.
//!
//! Each family is deflated by itself to a byte boundary. The segments are joined into one gzip
//! member by combining their checksums, so a refresh compresses only the families that changed.

use std::collections::BTreeMap;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use super::family::Family;

/// A page in both formats. Cloning shares the bytes.
#[derive(Debug, Clone, Default)]
pub struct Exposition {
    /// Prometheus' text format 0.0.4.
    pub text: Encoded,
    /// OpenMetrics 1.0, ending in `# EOF`.
    pub open_metrics: Encoded,
}

/// The same bytes twice: as they are, and as one gzip member.
#[derive(Debug, Clone, Default)]
pub struct Encoded {
    /// For who did not ask for compression.
    pub plain: Bytes,
    /// For everybody else.
    pub gzip: Bytes,
}

/// Prints expositions and remembers the pieces of the last one, to compress only what changed.
#[derive(Debug, Default)]
pub struct Press {
    pieces: BTreeMap<String, Piece>,
}

#[derive(Debug)]
struct Piece {
    family: Family,
    text: Segment,
    open_metrics: Segment,
}

#[derive(Debug)]
struct Segment {
    plain: Vec<u8>,
    deflated: Vec<u8>,
    crc: Crc,
}

impl Press {
    /// Prints a page of `families`, in the order of their names.
    ///
    /// # Panics
    /// In debug builds, when two families share a name or one has the same series twice: both
    /// would be served without a word and dropped by Prometheus.
    pub fn print(&mut self, families: Vec<Family>) -> Exposition {
        let mut kept = std::mem::take(&mut self.pieces);
        for family in families {
            debug_assert!(repeated_series(&family).is_none(), "{:?}", repeated_series(&family));
            let piece = match kept.remove(&*family.name) {
                Some(piece) if piece.family == family => piece,
                _ => Piece {
                    text: Segment::of(family.text()),
                    open_metrics: Segment::of(family.open_metrics()),
                    family,
                },
            };
            let twin = self.pieces.insert(piece.family.name.to_string(), piece);
            debug_assert!(
                twin.is_none(),
                "two families are called {:?}",
                twin.map(|p| p.family.name)
            );
        }
        let end = Segment::of("# EOF\n".to_owned());
        Exposition {
            text: join(self.pieces.values().map(|piece| &piece.text)),
            open_metrics: join(self.pieces.values().map(|p| &p.open_metrics).chain([&end])),
        }
    }
}

impl Segment {
    fn of(plain: String) -> Self {
        let plain = plain.into_bytes();
        let mut crc = Crc::new();
        crc.update(&plain);
        Self { deflated: deflate(&plain), plain, crc }
    }
}

/// Raw deflate, ended on a byte boundary and not marked final. Each segment starts with an empty
/// window, so segments may be joined in any order.
fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut deflater = Compress::new(Compression::new(6), false);
    let mut out = Vec::with_capacity(plain.len() / 4 + 64);
    loop {
        let read = usize::try_from(deflater.total_in()).expect("what was read fits in memory");
        let room = out.capacity() - out.len();
        let status = deflater
            .compress_vec(&plain[read..], &mut out, FlushCompress::Sync)
            .expect("a deflate stream that only compresses has no failing state");
        let all_read = deflater.total_in() as usize == plain.len();
        // A flush is complete once it left room in the buffer (zlib's own rule).
        if status == Status::Ok && all_read && room > 0 && out.len() < out.capacity() {
            return out;
        }
        out.reserve(plain.len() / 4 + 64);
    }
}

/// One gzip member (RFC 1952) of all segments.
fn join<'a>(segments: impl Iterator<Item = &'a Segment> + Clone) -> Encoded {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    const FINAL_EMPTY_BLOCK: [u8; 2] = [0x03, 0x00];
    let sum = |size: fn(&Segment) -> usize| segments.clone().map(size).sum::<usize>();
    let mut plain = Vec::with_capacity(sum(|segment| segment.plain.len()));
    let mut gzip = Vec::with_capacity(sum(|segment| segment.deflated.len()) + 20);
    let mut crc = Crc::new();
    gzip.extend_from_slice(&HEADER);
    for segment in segments {
        plain.extend_from_slice(&segment.plain);
        gzip.extend_from_slice(&segment.deflated);
        crc.combine(&segment.crc);
    }
    gzip.extend_from_slice(&FINAL_EMPTY_BLOCK);
    gzip.extend_from_slice(&crc.sum().to_le_bytes());
    // The length modulo 2^32, as the format has it.
    gzip.extend_from_slice(&(plain.len() as u32).to_le_bytes());
    Encoded { plain: plain.into(), gzip: gzip.into() }
}

fn repeated_series(family: &Family) -> Option<&str> {
    let mut seen = std::collections::BTreeSet::new();
    family
        .lines
        .lines()
        .map(|line| line.rsplit_once(' ').map_or(line, |(series, _)| series))
        .find(|series| !seen.insert(*series))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::super::definition::Kind;
    use super::*;

    fn family(name: &str, lines: &str) -> Family {
        Family {
            name: name.to_owned().into(),
            help: "What it is.".into(),
            kind: Kind::Gauge,
            lines: lines.to_owned(),
        }
    }

    fn inflated(gzip: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(gzip);
        decoder.read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn families_stand_in_the_order_of_their_names_and_open_metrics_ends_in_eof() {
        let page = Press::default().print(vec![family("b", "b 2\n"), family("a", "a 1\n")]);
        let text = std::str::from_utf8(&page.text.plain).unwrap();
        assert!(text.starts_with("# HELP a ") && text.ends_with("b 2\n"), "{text}");
        assert!(page.open_metrics.plain.ends_with(b"b 2\n# EOF\n"));
    }

    #[test]
    fn only_the_family_that_changed_is_compressed_again() {
        let mut press = Press::default();
        press.print(vec![family("a", "a 1\n"), family("b", "b 1\n")]);
        let before: Vec<_> =
            press.pieces.values().map(|piece| piece.text.deflated.as_ptr()).collect();
        press.print(vec![family("a", "a 1\n"), family("b", "b 2\n")]);
        let after: Vec<_> =
            press.pieces.values().map(|piece| piece.text.deflated.as_ptr()).collect();
        assert_eq!(before[0], after[0]);
        assert!(std::str::from_utf8(&press.pieces["b"].text.plain).unwrap().ends_with("b 2\n"));
    }

    #[test]
    fn a_family_that_is_gone_is_gone() {
        let mut press = Press::default();
        press.print(vec![family("a", "a 1\n"), family("b", "b 1\n")]);
        let page = press.print(vec![family("b", "b 1\n")]);
        assert!(!page.text.plain.starts_with(b"# HELP a"));
    }

    #[test]
    #[should_panic(expected = "a{x=")]
    fn the_same_series_twice_is_caught() {
        Press::default().print(vec![family("a", "a{x=\"1\"} 1\na{x=\"1\"} 2\n")]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_joined_member_inflates_to_the_plain_page(
            bodies in proptest::collection::vec("[ -~]{0,300}", 0..12),
            long in 0..3usize,
        ) {
            let families = bodies.iter().enumerate().map(|(index, body)| {
                let repeat = if index == 0 { long * 150 } else { 1 };
                family(&format!("f{index:02}"), &format!("{body}\n").repeat(repeat.max(1)))
            });
            let page = {
                let mut pieces = BTreeMap::new();
                for family in families {
                    let piece = Piece {
                        text: Segment::of(family.text()),
                        open_metrics: Segment::of(family.open_metrics()),
                        family,
                    };
                    pieces.insert(piece.family.name.to_string(), piece);
                }
                join(pieces.values().map(|piece| &piece.text))
            };
            prop_assert_eq!(inflated(&page.gzip), page.plain.to_vec());
        }
    }
}
