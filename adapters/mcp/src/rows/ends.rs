//! Where rows end in the text of an array of objects.

/// Cuts an array to its first rows and gives their number.
pub(super) fn keep_rows(text: &mut Vec<u8>, rows: u64) -> u64 {
    let end = row_ends(text).zip(1..=rows).last();
    close(text, end)
}

/// Cuts an array to the rows that fit into so many bytes and gives their number.
pub(super) fn keep_bytes(text: &mut Vec<u8>, bytes: usize) -> u64 {
    // The closing bracket takes one.
    let end = row_ends(text).take_while(|end| *end < bytes).zip(1..).last();
    close(text, end)
}

fn close(text: &mut Vec<u8>, end: Option<(usize, u64)>) -> u64 {
    let (end, rows) = end.unwrap_or((1, 0));
    text.truncate(end);
    text.push(b']');
    rows
}

/// The places behind each row.
fn row_ends(text: &[u8]) -> impl Iterator<Item = usize> {
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    text.iter().enumerate().filter_map(move |(place, byte)| {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => {
                depth = depth.saturating_sub(1);
                return (depth == 1).then_some(place + 1);
            }
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::row_ends;

    #[test]
    fn brackets_in_texts_end_nothing() {
        let text = br#"[{"a":"}]\"}"},{"b":{"c":[{}]}} , {}]"#;
        let ends: Vec<_> = row_ends(text).map(|end| text[end - 1] as char).collect();
        assert_eq!(ends, ['}', '}', '}']);
        assert_eq!(row_ends(b"[]").count(), 0);
    }
}
