//! Which language the page is sent in.

use axum::http::{HeaderMap, header};

use super::document::Language;
use crate::config::Lang;

/// What the address asks for, else what `--lang` says, else what the browser likes best. The script of the page knows besides
/// what this visitor chose earlier.
pub fn choose(query: Option<&str>, lang: Lang, request: &HeaderMap) -> Language {
    let asked = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .find(|(name, _)| name == "lang")
        .and_then(|(_, value)| known(&value));
    match (asked, lang) {
        (Some(language), _) => language,
        (None, Lang::Fa) => Language::Fa,
        (None, Lang::En) => Language::En,
        (None, Lang::Auto) => liked(request),
    }
}

fn known(code: &str) -> Option<Language> {
    Language::ALL.into_iter().find(|language| language.code() == code)
}

/// The first of our languages in the order of the browser's liking (RFC 9110, section 12.5.4). Who says nothing gets Persian, who
/// names others only gets English.
fn liked(request: &HeaderMap) -> Language {
    let Some(list) = request.get(header::ACCEPT_LANGUAGE) else { return Language::Fa };
    let mut best = (0.0, Language::En);
    for item in list.to_str().unwrap_or_default().split(',') {
        let (range, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse().ok()).unwrap_or(0.0);
        let primary = range.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
        if let Some(language) = known(&primary)
            && weight > best.0
        {
            best = (weight, language);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_address_goes_before_the_option_and_the_option_before_the_browser() {
        use Language::{En, Fa};
        for (query, lang, accepted, expected) in [
            (None, Lang::Fa, Some("en"), Fa),
            (None, Lang::En, Some("fa"), En),
            (Some("lang=en"), Lang::Fa, None, En),
            (Some("transport=sse&lang=fa"), Lang::En, None, Fa),
            (Some("lang=de"), Lang::En, None, En),
            (None, Lang::Auto, None, Fa),
            (None, Lang::Auto, Some("fa-IR,fa;q=0.9,en;q=0.8"), Fa),
            (None, Lang::Auto, Some("en-US,en;q=0.9,fa;q=0.8"), En),
            (None, Lang::Auto, Some("de, EN;q=0.2, fa;q=0.3"), Fa),
            (None, Lang::Auto, Some("fa;q=0, de"), En),
            (None, Lang::Auto, Some("de"), En),
            (None, Lang::Auto, Some(";;q=,,"), En),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accepted) = accepted {
                headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepted));
            }
            assert_eq!(choose(query, lang, &headers), expected, "{query:?} {lang:?} {accepted:?}");
        }
    }
}
