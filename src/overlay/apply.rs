//! Doing what is planned, and taking it back when it fails half way.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::kernel::Kernel;
use super::plan::{Plan, Secrets};
use super::policy::vni_of_reqid;
use super::state::{StateError, Store};
use super::step::Step;
use crate::netlink::Refusal;
use crate::packet::Vni;

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
    /// Policies that stay because their devices do: those were there before, or could not be removed.
    pub kept: usize,
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kept > 0 {
            write!(f, "{} policies stay, as their devices do; ", self.kept)?;
        }
        if self.failed.is_empty() {
            let all = if self.kept > 0 { "the other" } else { "all" };
            return write!(f, "{all} {} steps before it were undone", self.steps);
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
            let undone = undo(&plan.steps, done, kernel);
            return Err(ApplyError::Step { step: Box::new(step.clone()), cause, undone });
        }
    }
    Ok(())
}

/// Takes back the first so many. A policy goes only when the device it is for is gone.
fn undo(steps: &[Step], done: usize, kernel: &mut Kernel) -> Undone {
    let mut undone = Undone { steps: 0, failed: Vec::new(), kept: 0 };
    let made = steps.iter().filter_map(|step| match step {
        Step::Vxlan(vxlan) => Some(vxlan.vni),
        _ => None,
    });
    let mut gone: BTreeSet<Vni> = made.collect();
    let mut settle = Settle::default();
    for step in steps[..done].iter().rev() {
        settle.before(step);
        if let Step::Policy(policy) | Step::MendPolicy(policy) = step {
            if vni_of_reqid(policy.reqid).is_some_and(|vni| !gone.contains(&vni)) {
                undone.kept += 1;
                continue;
            }
        }
        match kernel.undo(step) {
            Ok(()) => undone.steps += 1,
            Err(cause) => {
                if let Step::Vxlan(vxlan) = step {
                    gone.remove(&vxlan.vni);
                }
                undone.failed.push((step.clone(), cause));
            }
        }
    }
    undone
}

/// Waits between the end of decryption and the end of the device that takes what was decrypted.
///
/// In transport mode the kernel hands a decrypted packet on from a work queue (`xfrm_trans_queue`,
/// `net/xfrm/xfrm_input.c`), so the last ones arrive after their SA is gone. Without their device they would be answered with
/// an ICMP error that quotes them in clear.
#[derive(Default)]
struct Settle {
    decrypts: bool,
}

impl Settle {
    /// Nothing tells when the queue is empty; a worker that waits this long for its processor is not seen on a machine in use.
    const PAUSE: Duration = Duration::from_millis(100);

    /// To be called before each step that is done or taken back.
    fn before(&mut self, step: &Step) {
        match step {
            Step::Sa(_) | Step::DropSa { .. } => self.decrypts = true,
            Step::Up { .. } | Step::Vxlan(_) | Step::DropDevice { .. } if self.decrypts => {
                std::thread::sleep(Self::PAUSE);
                self.decrypts = false;
            }
            _ => {}
        }
    }
}

/// Does every step, whatever becomes of the others: for taking down. What is gone already counts as done. Only policies
/// stay when a device does, which without them would go on in clear.
pub fn apply_all(steps: &[Step], kernel: &mut Kernel) -> Vec<(Step, Refusal)> {
    let mut failed: Vec<(Step, Refusal)> = Vec::new();
    let mut settle = Settle::default();
    for step in steps {
        settle.before(step);
        if matches!(step, Step::DropPolicy { .. })
            && failed.iter().any(|(step, _)| matches!(step, Step::DropDevice { .. }))
        {
            let refusal = Refusal::new(nix::libc::EBUSY).saying("not tried, as a device is still there");
            failed.push((step.clone(), refusal));
            continue;
        }
        if let Err(cause) = kernel.perform(step, &Secrets::new()) {
            if !cause.is_absent() {
                failed.push((step.clone(), cause));
            }
        }
    }
    failed
}
