//! The `Accept` header: which shape of rows a client takes.

use crate::problem::Problem;
use domain::table::Shape;
use http::{HeaderMap, StatusCode, header};

const SUPPORTED: &str = "application/json, application/vnd.pgrst.array+json, application/vnd.pgrst.object+json";

/// The shape that the client likes best among those there are.
pub(super) fn shape(headers: &HeaderMap) -> Result<Shape, Problem> {
    // What most clients send.
    if headers.get(header::ACCEPT).is_none_or(|accept| accept == "*/*" || accept == "application/json") {
        return Ok(Shape::Array);
    }
    let mut wanted = Vec::new();
    for line in headers.get_all(header::ACCEPT) {
        wanted.extend(line.to_str().unwrap_or_default().split(',').map(str::trim).filter(|range| !range.is_empty()).map(MediaRange::read));
    }
    if wanted.is_empty() {
        return Ok(Shape::Array);
    }
    wanted.sort_by_key(|range| std::cmp::Reverse(range.quality));
    let shape = wanted.iter().filter(|range| range.quality > 0).find_map(MediaRange::shape);
    shape.ok_or_else(|| {
        let stripped = wanted.iter().any(|range| range.stripped);
        let detail = if stripped { "'nulls=stripped' is not supported yet" } else { "none of the accepted media types can be given" };
        Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", format!("{detail}; there are {SUPPORTED}"))
    })
}

/// The content type of a shape.
pub(super) const fn content_type(shape: Shape) -> &'static str {
    match shape {
        Shape::Array => "application/json; charset=utf-8",
        Shape::Singular => "application/vnd.pgrst.object+json; charset=utf-8",
    }
}

struct MediaRange {
    essence: String,
    /// In thousandths.
    quality: u16,
    stripped: bool,
}

impl MediaRange {
    fn read(text: &str) -> Self {
        let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
        let mut range = Self { essence: parts.next().unwrap_or_default(), quality: 1000, stripped: false };
        for parameter in parts {
            match parameter.split_once('=') {
                Some(("q", quality)) => range.quality = thousandths(quality),
                Some(("nulls", "stripped")) => range.stripped = true,
                _ => {}
            }
        }
        range
    }

    fn shape(&self) -> Option<Shape> {
        match self.essence.as_str() {
            _ if self.stripped => None,
            "*/*" | "application/*" | "application/json" | "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" => Some(Shape::Array),
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => Some(Shape::Singular),
            _ => None,
        }
    }
}

fn thousandths(quality: &str) -> u16 {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    let fraction = format!("{fraction:0<3}");
    let thousandths = fraction.get(..3).and_then(|digits| digits.parse::<u16>().ok()).unwrap_or_default();
    if whole == "0" { thousandths } else { 1000 }
}

#[cfg(test)]
mod tests {
    use super::shape;
    use domain::table::Shape::{self, Array, Singular};
    use http::{HeaderMap, HeaderValue, header::ACCEPT};

    fn of(accept: &'static str) -> Result<Shape, u16> {
        shape(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))])).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn the_shape_follows_from_what_is_accepted() {
        assert_eq!(shape(&HeaderMap::new()).ok(), Some(Array));
        for (accept, expected) in [
            ("", Ok(Array)),
            ("*/*", Ok(Array)),
            ("application/json", Ok(Array)),
            ("text/html, application/xml;q=0.9, */*;q=0.8", Ok(Array)),
            ("application/vnd.pgrst.object+json", Ok(Singular)),
            ("application/vnd.pgrst.object", Ok(Singular)),
            ("application/json;q=0.5, application/vnd.pgrst.object+json", Ok(Singular)),
            ("application/vnd.pgrst.object+json;nulls=stripped", Err(406)),
            ("application/vnd.pgrst.array+json; nulls=stripped", Err(406)),
            ("text/csv", Err(406)),
            ("application/json;q=0", Err(406)),
            ("text/csv, application/json", Ok(Array)),
        ] {
            assert_eq!(of(accept), expected, "{accept}");
        }
    }
}
