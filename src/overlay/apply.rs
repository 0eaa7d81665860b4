//! Doing what is planned, and taking it back when it fails half way.

use super::kernel::Kernel;
use super::netlink::Refusal;
use super::plan::{Plan, Secrets};
use super::state::{StateError, Store};
use super::step::Step;
use std::fmt;

/// A plan that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The counters could not be kept, so nothing was begun.
    #[error("{0}; nothing was changed")]
    State(#[from] StateError),
    /// A step failed; those before it were undone.
    #[error("{step}: {cause}; {undone}")]
    Step {
        /// What was to be done.
        step: Box<Step>,
        /// Why it was not.
        cause: Refusal,
        /// How taking back the others went.
        undone: Undone,
    },
}

/// How taking back went.
#[derive(Debug)]
pub struct Undone {
    /// Steps that were taken back.
    pub steps: usize,
    /// Steps that were not, and why.
    pub failed: Vec<(Step, Refusal)>,
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.failed.is_empty() {
            return write!(f, "all {} steps before it were undone", self.steps);
        }
        write!(f, "of the steps before it, {} were undone and these were not:", self.steps)?;
        for (i, (step, cause)) in self.failed.iter().enumerate() {
            write!(f, "{} {step}: {cause}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Does every step in order. On failure those that were done are undone in reverse.
pub fn apply(plan: &Plan, kernel: &mut Kernel, secrets: &Secrets, store: &Store) -> Result<(), ApplyError> {
    if let Some(state) = &plan.remember {
        store.save(state)?;
    }
    for (done, step) in plan.steps.iter().enumerate() {
        if let Err(cause) = kernel.perform(step, secrets) {
            // What somebody else removed first is as removed as it should be.
            if step.removes() && cause.is_absent() {
                continue;
            }
            let undone = undo(&plan.steps[..done], kernel);
            return Err(ApplyError::Step { step: Box::new(step.clone()), cause, undone });
        }
    }
    Ok(())
}

fn undo(steps: &[Step], kernel: &mut Kernel) -> Undone {
    let mut undone = Undone { steps: 0, failed: Vec::new() };
    for step in steps.iter().rev() {
        match kernel.undo(step) {
            Ok(()) => undone.steps += 1,
            Err(cause) => undone.failed.push((step.clone(), cause)),
        }
    }
    undone
}

/// Does every step, whatever becomes of the others: for taking down. What is gone already counts as done.
pub fn apply_all(steps: &[Step], kernel: &mut Kernel) -> Vec<(Step, Refusal)> {
    let mut failed = Vec::new();
    for step in steps {
        if let Err(cause) = kernel.perform(step, &Secrets::new()) {
            if !cause.is_absent() {
                failed.push((step.clone(), cause));
            }
        }
    }
    failed
}
