//! Names of devices and network namespaces.

/// The error for a text that is no name for a device of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a device has up to 15 of letters, digits, '-', '_' and '.'")]
pub struct NotADeviceName;

/// Parses the name of a device: of a bridge, or of a network, whose device has the same name.
pub fn device_name(text: &str) -> Result<String, NotADeviceName> {
    if is_device_name(text) { Ok(text.to_owned()) } else { Err(NotADeviceName) }
}

/// Returns true for a name that a device of ours may have. Names with a meaning in a path or to a shell are
/// refused, even those that the kernel would take.
pub(super) fn is_device_name(text: &str) -> bool {
    let fits = (1..=15).contains(&text.len()) && !matches!(text, "." | "..");
    fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// The error for a text that is no name of a network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use the name of a network namespace in /run/netns, not a path")]
pub struct NotANamespaceName;

/// Parses the name of a network namespace in `/run/netns`.
pub fn namespace_name(text: &str) -> Result<String, NotANamespaceName> {
    if matches!(text, "" | "." | "..") || text.contains('/') {
        Err(NotANamespaceName)
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_names_that_mean_nothing_elsewhere() {
        for name in ["secure", "vx-1_a.b", "fifteen-letters"] {
            assert_eq!(device_name(name).as_deref(), Ok(name));
        }
        for wrong in ["", ".", "..", "a/b", "a b", "sixteen--letters", "gr\u{fc}n", "\u{1b}[2J"] {
            assert_eq!(device_name(wrong), Err(NotADeviceName), "{wrong:?}");
        }
    }

    #[test]
    fn namespaces_are_named_and_not_given_by_a_path() {
        assert_eq!(namespace_name("blue").as_deref(), Ok("blue"));
        for wrong in ["", ".", "..", "/run/netns/blue"] {
            assert_eq!(namespace_name(wrong), Err(NotANamespaceName), "{wrong}");
        }
    }
}
