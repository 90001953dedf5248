//! The query of a request, with what is wrong in it named.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::http::Uri;
use hamhame_core::codes::ErrorCode;

use super::problem::Problem;

/// Parameters by their names. Those that nobody knows are passed over.
pub struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Reads those of `names`.
    ///
    /// # Errors
    /// If one stands there twice.
    pub fn read(uri: &'a Uri, names: &[&str]) -> Result<Query<'a>, Problem> {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let mut query = Query(Vec::new());
        for (name, value) in pairs.filter(|(name, _)| names.contains(&&**name)) {
            if query.get(&name).is_some() {
                let detail = format!("`{name}` stands twice in the query.");
                return Err(Problem::new(ErrorCode::BadRequest, detail));
            }
            query.0.push((name, value));
        }
        Ok(query)
    }

    /// What stands under this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }

    /// The number under this name, or `default`.
    ///
    /// # Errors
    /// If it is none, or outside `range`.
    pub fn number<T>(&self, name: &str, range: RangeInclusive<T>, default: T) -> Result<T, Problem>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let detail =
                format!("`{name}` must be a number from {} to {}.", range.start(), range.end());
            Problem::new(ErrorCode::BadRequest, detail)
        })
    }
}
