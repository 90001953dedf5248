//! In which coding an asset is sent (RFC 9110, section 12.5.3).

use axum::http::{HeaderMap, header};

/// How the bytes of a representation are coded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coding {
    /// As they are.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
}

impl Coding {
    /// As `Content-Encoding` says it.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Gzip => "gzip",
            Coding::Brotli => "br",
        }
    }
}

/// The coding that the client likes best of `available`, which stands in the order of the server's liking. `None`: it takes none.
pub fn choose(request: &HeaderMap, available: &[Coding]) -> Option<Coding> {
    let lists = request.get_all(header::ACCEPT_ENCODING).iter();
    let mut wishes = Wishes::default();
    for list in lists {
        wishes.asked = true;
        for item in list.to_str().unwrap_or_default().split(',') {
            wishes.add(item);
        }
    }
    let liked = available.iter().map(|&coding| (wishes.weight(coding), coding));
    let best = liked.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    (best.0 > 0).then_some(best.1)
}

/// Weights in thousandths, of what was named.
#[derive(Default)]
struct Wishes {
    asked: bool,
    brotli: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    others: Option<u16>,
}

impl Wishes {
    fn add(&mut self, item: &str) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let name = name.trim();
        let place = if name.eq_ignore_ascii_case("br") {
            &mut self.brotli
        } else if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            &mut self.gzip
        } else if name.eq_ignore_ascii_case("identity") {
            &mut self.identity
        } else if name == "*" {
            &mut self.others
        } else {
            return;
        };
        *place = Some(weight(parameters));
    }

    fn weight(&self, coding: Coding) -> u16 {
        let named = match coding {
            Coding::Brotli => self.brotli,
            Coding::Gzip => self.gzip,
            Coding::Identity => self.identity,
        };
        match (coding, named.or(self.others)) {
            (_, Some(weight)) => weight,
            // Acceptable unless it is excluded; what was named goes first.
            (Coding::Identity, None) => 1,
            (_, None) => 0,
        }
    }
}

/// `q` in thousandths; 1 where there is none, 0 where it is no weight.
fn weight(parameters: &str) -> u16 {
    let Some((name, value)) = parameters.split_once('=') else { return 1000 };
    if !name.trim().eq_ignore_ascii_case("q") {
        return 1000;
    }
    match value.trim().parse::<f32>() {
        Ok(weight) if (0.0..=1.0).contains(&weight) => (weight * 1000.0).round() as u16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_coding_is_the_one_that_the_client_likes_best_and_else_ours() {
        use Coding::{Brotli, Gzip, Identity};
        for (asked, expected) in [
            (&[][..], Some(Identity)),
            (&[""], Some(Identity)),
            (&["gzip, deflate, br, zstd"], Some(Brotli)),
            (&["gzip", "br"], Some(Brotli)),
            (&["br;q=0.5, gzip"], Some(Gzip)),
            (&["br;q=0, gzip;q=0.001"], Some(Gzip)),
            (&["BR ; Q=0.9 , X-GZIP;q=0.8"], Some(Brotli)),
            (&["*"], Some(Brotli)),
            (&["*, br;q=0"], Some(Gzip)),
            (&["br;q=0, gzip;q=0"], Some(Identity)),
            (&["identity, br;q=0.5"], Some(Identity)),
            (&["identity;q=0.5, gzip;q=0.4"], Some(Identity)),
            (&["identity;q=0, gzip"], Some(Gzip)),
            (&["identity;q=0"], None),
            (&["*;q=0"], None),
            (&["*;q=0, identity"], Some(Identity)),
            (&["*;q=0, gzip;q=0.1"], Some(Gzip)),
            (&["br;q=2, gzip;q=x, deflate"], Some(Identity)),
            (&["brr, gzipped, zstd"], Some(Identity)),
        ] {
            let mut headers = HeaderMap::new();
            for list in asked {
                headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(list));
            }
            assert_eq!(choose(&headers, &[Brotli, Gzip, Identity]), expected, "{asked:?}");
        }
    }
}
