//! Network namespaces that were not looked into, in words for the user.

use crate::escape::{counted, escape};
use crate::host::namespace;
use crate::host::survey;

/// A network namespace that could not be looked into.
#[derive(Debug)]
pub struct Closed {
    path: String,
    cause: survey::Error,
}

impl Closed {
    pub(super) fn new(path: &str, cause: survey::Error) -> Self {
        Self { path: path.to_owned(), cause }
    }

    /// Returns true if there is nothing to look into: the file has gone, or is that of no network namespace.
    pub(super) fn is_none(&self) -> bool {
        use namespace::Error::{Other, Unknown};
        matches!(self.cause, survey::Error::Namespace(Unknown { .. } | Other { .. }))
    }

    /// Returns the file, the reason and what to do, escaped.
    pub fn with_remedy(&self) -> String {
        let path = escape(&self.path);
        match &self.cause {
            survey::Error::Namespace(namespace::Error::Unknown { .. }) => {
                format!("{path} is not here; in a container, mount its folder from the host")
            }
            survey::Error::Namespace(namespace::Error::Permission { .. }) => {
                format!(
                    "{path}: permission denied; run as root, in a container with the capability SYS_ADMIN"
                )
            }
            cause => cause.to_string(),
        }
    }
}

/// Says of several namespaces that they were not looked into, and why: they are closed, or there are that many beside all that
/// were. `None` if there are neither.
pub(super) fn all(closed: &[Closed], too_many: usize) -> Option<String> {
    let count = |number: usize| counted(number as u64, "network namespace", "network namespaces");
    let first = closed.first().map(Closed::with_remedy);
    let closed = first.map(|first| format!("{} could not be looked into: {first}", count(closed.len())));
    let rest = (too_many > 0).then(|| {
        format!(
            "{} were not looked into, because this host has so many: name the one of the network with --netns",
            count(too_many)
        )
    });
    let both: Vec<String> = [closed, rest].into_iter().flatten().collect();
    (!both.is_empty()).then(|| both.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(path: &str, cause: namespace::Error) -> Closed {
        Closed::new(path, cause.into())
    }

    fn denied(path: &str) -> Closed {
        closed(path, namespace::Error::Permission { name: path.to_owned() })
    }

    #[test]
    fn what_would_help_is_said_with_the_first_file_and_the_number() {
        let both = [denied("/run/docker/netns/1-a\u{1b}"), denied("/run/docker/netns/0f3b2a")];
        assert_eq!(
            all(&both, 0).unwrap(),
            "2 network namespaces could not be looked into: /run/docker/netns/1-a\\u{1b}: permission denied; run as root, in a container with the capability SYS_ADMIN"
        );
        assert_eq!(all(&[], 0), None);
        let (closed, both) = (all(&both, 0).unwrap(), all(&both, 44).unwrap());
        let rest = all(&[], 44).unwrap();
        assert!(rest.starts_with("44 network namespaces were not looked into, because "), "{rest}");
        assert_eq!(both, format!("{closed}; {rest}"));
    }

    #[test]
    fn a_file_that_has_gone_hides_no_namespace() {
        let gone = closed("/x", namespace::Error::Unknown { name: "/x".to_owned(), known: Vec::new() });
        assert!(gone.is_none() && !denied("/x").is_none());
        assert_eq!(gone.with_remedy(), "/x is not here; in a container, mount its folder from the host");
    }
}
