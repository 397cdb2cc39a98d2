//! A query string taken apart.

use crate::problem::Problem;
use domain::Fault;
use http::StatusCode;
use percent_encoding::percent_decode_str;

/// The decoded pairs of a query string, in their order: `+` is a space, and what is not UTF-8 is refused.
pub(crate) fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let parts = query.unwrap_or_default().split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decoded(name).ok_or_else(|| not_utf8(name))?, decoded(value).ok_or_else(|| not_utf8(name))?))
        })
        .collect()
}

fn decoded(text: &str) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn not_utf8(name: &str) -> Problem {
    let message = "is not UTF-8 once its percent signs are decoded";
    let fault = Fault::new(format!("/{name}"), message);
    Problem::new(StatusCode::BAD_REQUEST, "invalid_query", format!("the query string {message}")).errors(vec![fault])
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn pairs_are_decoded() {
        let decoded = pairs(Some("a=eq.b+c&d%2B=%C3%A9%26&&e&=f&g=h=i")).unwrap();
        let expected = [("a", "eq.b c"), ("d+", "é&"), ("e", ""), ("", "f"), ("g", "h=i")];
        assert_eq!(decoded, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(pairs(None).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_utf_8_is_refused() {
        for query in ["a=%FF", "%C3=1", "a=%C3%28"] {
            assert_eq!(pairs(Some(query)).unwrap_err().status().as_u16(), 400, "{query}");
        }
    }
}
