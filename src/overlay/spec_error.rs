//! Errors in a specification.

/// An error in a specification. Nothing has been changed when it is returned.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A word that is not known.
    #[error("{what} {word}: no such {what}{hint}")]
    Unknown {
        /// The kind of word: key, cipher or node.
        what: String,
        /// The word.
        word: String,
        /// `; did you mean …?`, or a list of the known words.
        hint: String,
    },
    /// An option of `--opt` that does not exist.
    #[error("--opt {word}: no such option{hint}")]
    Option {
        /// The option.
        word: String,
        /// `; did you mean …?`, or a list of the options.
        hint: String,
    },
    /// An option of `--opt` with a wrong value.
    #[error("--opt {word}: {cause}")]
    Value {
        /// The option with its value.
        word: String,
        /// The values that would be right.
        cause: String,
    },
    /// An error in the file, or in reading it.
    #[error("{file}: {cause}")]
    File {
        /// The file.
        file: String,
        /// The error.
        cause: String,
    },
    /// An error in one network.
    #[error("network {network}: {cause}")]
    Network {
        /// The network, by its name or its VNI.
        network: String,
        /// The error and, if there is one, the remedy.
        cause: String,
    },
}
