//! Rows spoiled on demand.

use serde_json::{Value, json};

use super::faults::Kind;

/// Makes the first rows of a list unreadable, when that was asked for; so many came before.
pub(super) fn rows(faults: &[Kind], rows: &mut [Value], before: usize) {
    for fault in faults {
        if let Kind::MalformedRows(bad) = fault {
            let left = bad.saturating_sub(before);
            let rows = rows.iter_mut().take(left).enumerate();
            rows.for_each(|(place, row)| garble(before + place, row));
        }
    }
}

/// Leaves nothing in a row but these fields, when that was asked for.
pub(super) fn null_but(faults: &[Kind], row: &mut Value, kept: &[&str]) {
    if !faults.contains(&Kind::NullEverything) {
        return;
    }
    for (_, value) in
        row.as_object_mut().into_iter().flatten().filter(|(name, _)| !kept.contains(&name.as_str()))
    {
        *value = Value::Null;
    }
}

/// Makes a row unreadable, each third in another way.
fn garble(place: usize, row: &mut Value) {
    match (place % 3, row) {
        (0, Value::Object(fields)) => {
            for value in fields.values_mut() {
                *value = match value {
                    Value::String(_) => json!({ "unexpected": true }),
                    Value::Bool(_) => json!("perhaps"),
                    _ => json!(-7.5),
                };
            }
        }
        (1, Value::Object(fields)) => fields.values_mut().for_each(|value| *value = json!([[]])),
        (_, row) => *row = json!("this should have been an object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_garbled_row_keeps_no_right_type() {
        for place in 0..3 {
            let mut row = json!({ "id": "x", "accountEnabled": true, "createdDateTime": null });
            garble(place, &mut row);
            assert!(!row["id"].is_string() && !row["accountEnabled"].is_boolean());
        }
    }
}
