//! The judgement of a network's algorithms by a profile, as a report has it.

/// The judgement of a network's algorithms by a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compliance {
    /// The name of the profile. It may hold any character.
    pub profile: String,
    /// True if the profile is met, false if not; `None` if something that it asks for is not known.
    pub met: Option<bool>,
    /// The demands that are not met, or not known.
    pub findings: Vec<ProfileFinding>,
}

/// Something that a profile asks for and that is not so, or not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileFinding {
    /// The stable code.
    pub code: &'static str,
    /// The finding in one line, escaped.
    pub text: String,
}
