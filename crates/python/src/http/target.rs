//! URLs that scripts ask for again and again, parsed once for all users.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gregaria_http::{Method, Url, UrlError};
use gregaria_stats::EntryId;

use super::settings::Style;

/// Targets kept per thread; a script with more different URLs than that parses them anew, which costs a fraction of a
/// request.
const MAX_TARGETS: usize = 10_000;

/// A URL as a script gave it, and what is known about it.
#[derive(Debug)]
pub(super) struct Target {
    /// Where it leads.
    pub(super) url: Arc<Url>,
    /// Whether there is a user or password in it.
    pub(super) has_credentials: bool,
    entries: Mutex<[Option<EntryId>; 7]>,
}

impl Target {
    /// A target that is not kept.
    pub(super) fn new(url: Arc<Url>) -> Self {
        let has_credentials = url.userinfo().is_some();
        Self { url, has_credentials, entries: Mutex::default() }
    }

    /// The statistics entry of this target's own name under `method`, as it was looked up last: perhaps in other statistics,
    /// which these do not take for theirs.
    pub(super) fn entry(&self, method: &Method) -> Option<EntryId> {
        *lock(&self.entries).get(slot(method)?)?
    }

    /// Remembers the entry.
    pub(super) fn remember(&self, method: &Method, id: EntryId) {
        if let Some(slot) = slot(method) {
            lock(&self.entries)[slot] = Some(id);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn slot(method: &Method) -> Option<usize> {
    Some(match method {
        Method::Get => 0,
        Method::Head => 1,
        Method::Post => 2,
        Method::Put => 3,
        Method::Patch => 4,
        Method::Delete => 5,
        Method::Options => 6,
        Method::Other(_) => return None,
    })
}

#[derive(Default)]
struct Cache {
    bases: HashMap<Box<str>, usize>,
    targets: Vec<HashMap<Box<str>, Arc<Target>>>,
    count: usize,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// A number for a base URL and the habits it is read with: cheaper to keep and compare than the text.
pub(super) fn base(style: Style, url: &str) -> usize {
    let url = &match style {
        Style::Requests => format!("r {url}"),
        Style::Fast => format!("f {url}"),
    } as &str;
    CACHE.with_borrow_mut(|cache| {
        if let Some(&known) = cache.bases.get(url) {
            return known;
        }
        let number = cache.targets.len();
        cache.bases.insert(url.into(), number);
        cache.targets.push(HashMap::new());
        number
    })
}

/// The target of `path` under a base: an absolute URL as it is, anything else appended to the base's text.
pub(super) fn find(style: Style, base: usize, base_url: &str, path: &str) -> Result<Arc<Target>, UrlError> {
    let found = CACHE.with_borrow(|cache| cache.targets.get(base).and_then(|known| known.get(path).cloned()));
    if let Some(target) = found {
        return Ok(target);
    }
    let parse = |text: &str| Url::parse_with(style, text);
    let url = if is_absolute(path) { parse(path)? } else { parse(&format!("{base_url}{path}"))? };
    let target = Arc::new(Target::new(Arc::new(url)));
    CACHE.with_borrow_mut(|cache| {
        if cache.count >= MAX_TARGETS {
            cache.count = 0;
            for known in &mut cache.targets {
                known.clear();
            }
        }
        if let Some(known) = cache.targets.get_mut(base) {
            known.insert(path.into(), Arc::clone(&target));
            cache.count += 1;
        }
    });
    Ok(target)
}

/// Whether Locust takes `path` for a whole URL.
pub(super) fn is_absolute(path: &str) -> bool {
    let starts =
        |scheme: &str| path.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    starts("http://") || starts("https://")
}

#[cfg(test)]
mod tests {
    use super::is_absolute;

    #[test]
    fn only_http_urls_are_absolute() {
        assert!(is_absolute("http://a") && is_absolute("HTTPS://a/b"));
        assert!(
            !is_absolute("/http://a") && !is_absolute("ftp://a") && !is_absolute("é") && !is_absolute("")
        );
    }
}
