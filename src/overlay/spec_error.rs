//! Errors in what was asked for.

/// What is wrong with what was asked for. Nothing has been touched when one of these is returned.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A word that means nothing here.
    #[error("{what} {word}: no such {what}{hint}")]
    Unknown {
        /// The kind of word: option, key, cipher, node.
        what: String,
        /// The word.
        word: String,
        /// `; did you mean …?`, or what there is.
        hint: String,
    },
    /// What `--opt` was given.
    #[error("--opt {word}: no such option{hint}")]
    Option {
        /// The word.
        word: String,
        /// `; did you mean …?`, or what there is.
        hint: String,
    },
    /// What an option of `--opt` was given.
    #[error("--opt {word}: {cause}")]
    Value {
        /// The option with its value.
        word: String,
        /// What the value should be.
        cause: String,
    },
    /// The file as a whole.
    #[error("{file}: {cause}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        cause: String,
    },
    /// One network in itself.
    #[error("network {network}: {cause}")]
    Network {
        /// The network.
        network: String,
        /// What is wrong with it, and what to do.
        cause: String,
    },
}
