//! A result as the text of a message. By hand: rows are passed on as PostgreSQL wrote them, which serde's raw values would read once more, and most
//! of what is written is a text in which every few bytes have to be escaped.

use super::ToolResult;

impl ToolResult {
    /// Writes the result as a message has it. `resultType` belongs to the newest revision only.
    pub(crate) fn write(&self, result_type: Option<&str>, out: &mut Vec<u8>) {
        out.push(b'{');
        if let Some(result_type) = result_type {
            out.extend_from_slice(b"\"resultType\":");
            push_text(out, result_type);
            out.push(b',');
        }
        out.extend_from_slice(b"\"content\":[");
        for (index, text) in self.texts.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"" } else { b"," });
            out.extend_from_slice(b"{\"type\":\"text\",\"text\":");
            push_text(out, text);
            out.push(b'}');
        }
        out.push(b']');
        if let Some(structured) = &self.structured {
            out.extend_from_slice(b",\"structuredContent\":");
            out.extend_from_slice(structured.as_bytes());
        }
        out.extend_from_slice(if self.is_error { b",\"isError\":true}" } else { b",\"isError\":false}" });
    }

    /// About how many bytes [`Self::write`] writes: a quarter of a text of rows are quotes.
    pub(crate) fn written_size(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.len() + text.len() / 4 + 32).sum();
        texts + self.structured.as_ref().map_or(0, String::len) + 128
    }
}

/// Writes a JSON string (RFC 8259, section 7).
fn push_text(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in text.bytes() {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            0x00..0x20 => {
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]]);
                continue;
            }
            _ => {
                out.push(byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::push_text;
    use crate::tool::ToolResult;
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        #[test]
        fn texts_are_what_serde_writes(text in "(?s).{0,200}") {
            let mut out = Vec::new();
            push_text(&mut out, &text);
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn every_byte_that_has_to_be_is_escaped() {
        let text: String = (0..0x80_u8).map(char::from).collect();
        let mut out = Vec::new();
        push_text(&mut out, &text);
        assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
    }

    #[test]
    fn a_result_has_the_members_of_the_protocol() {
        let result = ToolResult { texts: vec!["[]".to_owned(), "a\"b".to_owned()], structured: Some("{\"rows\":[]}".to_owned()), is_error: false };
        let written = |result: &ToolResult, kind| {
            let mut out = Vec::new();
            result.write(kind, &mut out);
            serde_json::from_slice::<serde_json::Value>(&out).unwrap()
        };
        let content = json!([{"type": "text", "text": "[]"}, {"type": "text", "text": "a\"b"}]);
        assert_eq!(written(&result, None), json!({"content": content, "structuredContent": {"rows": []}, "isError": false}));
        let failed = ToolResult { texts: Vec::new(), structured: None, is_error: true };
        assert_eq!(written(&failed, Some("complete")), json!({"resultType": "complete", "content": [], "isError": true}));
    }
}
