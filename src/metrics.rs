//! What can be said: definitions of metrics, samples of them, and the two text formats.
//!
//! Knows nothing of Microsoft. A [`Metric`] is defined once, as a value; [`Samples`] are made anew
//! for each snapshot; a [`Family`] is one metric with its lines, whoever counted it; an
//! [`Exposition`] is a whole page in both formats, plain and compressed, ready to be served; a
//! [`History`] is what was true at many moments, to be imported.

mod definition;
mod exposition;
mod family;
mod history;
mod samples;

pub use definition::{Kind, Metric};
pub use exposition::{Encoded, Exposition, Press};
pub use family::{Family, escape_label, write_value};
pub use history::History;
pub use samples::Samples;
