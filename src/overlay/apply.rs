//! Carrying out a plan, and undoing it when a step fails.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::kernel::Kernel;
use super::plan::{Plan, Secrets};
use super::policy::vni_of_reqid;
use super::state::{StateError, Store};
use super::step::Step;
use crate::escape::counted;
use crate::netlink::Refusal;
use crate::packet::Vni;

/// A plan that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The counters could not be put on the disk, so no step was begun.
    #[error("{0}; nothing was changed")]
    State(#[from] StateError),
    /// A step failed, and the steps before it were undone.
    #[error("{step}: {cause}; {undone}")]
    Step {
        /// The step that failed.
        step: Box<Step>,
        /// The kernel's reason.
        cause: Refusal,
        /// The outcome of undoing the steps before it.
        undone: Undone,
    },
}

/// The outcome of undoing steps.
#[derive(Debug)]
pub struct Undone {
    /// The number of steps that were undone.
    pub steps: usize,
    /// The steps that could not be undone, each with the kernel's reason.
    pub failed: Vec<(Step, Refusal)>,
    /// The number of policies that stay because their devices stay. Such a device was there before, or could not be
    /// removed.
    pub kept: usize,
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kept > 0 {
            let stay =
                counted(self.kept, "policy stays, as its device does", "policies stay, as their devices do");
            write!(f, "{stay}; ")?;
        }
        if self.failed.is_empty() {
            let all = if self.kept > 0 { "the other" } else { "all" };
            return match self.steps {
                0 => f.write_str("nothing before it had to be undone"),
                1 => write!(f, "the {}step before it was undone", if self.kept > 0 { "other " } else { "" }),
                steps => write!(f, "{all} {steps} steps before it were undone"),
            };
        }
        write!(f, "of the steps before it, {} were undone and these were not:", self.steps)?;
        for (i, (step, cause)) in self.failed.iter().enumerate() {
            write!(f, "{} {step}: {cause}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Keeps the plan's state on the disk and does every step in order. If one fails, those before it are undone in
/// reverse.
pub fn apply(plan: &Plan, kernel: &mut Kernel, secrets: &Secrets, store: &Store) -> Result<(), ApplyError> {
    if let Some(state) = &plan.remember {
        store.save(state)?;
    }
    for (done, step) in plan.steps.iter().enumerate() {
        if let Err(cause) = kernel.perform(step, secrets) {
            // An object that somebody else removed first needs no removal.
            if step.removes() && cause.is_absent() {
                continue;
            }
            let undone = undo(&plan.steps, done, kernel);
            return Err(ApplyError::Step { step: Box::new(step.clone()), cause, undone });
        }
    }
    Ok(())
}

/// Undoes the first `done` steps in reverse. A policy is removed only if the device that it protects is gone.
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

/// A pause between the removal of SAs and the removal of the device that takes the decrypted packets.
///
/// In transport mode the kernel hands decrypted packets on from a work queue (net/xfrm/xfrm_input.c,
/// `xfrm_trans_queue`), so the last ones arrive after their SA is gone. Without their device, the kernel would
/// answer them with an ICMP error that quotes them in clear.
#[derive(Default)]
struct Settle {
    decrypts: bool,
}

impl Settle {
    /// The length of the pause. The kernel does not tell when the queue is empty, but on a machine in use no worker
    /// is seen to wait this long for its processor.
    const PAUSE: Duration = Duration::from_millis(100);

    /// Pauses if `step` takes a device down and an SA was removed since the last pause. It must be called before
    /// each step that is done or undone.
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

/// Does every step of a teardown, even if others fail, and returns the steps that failed. Removing an object that
/// is gone already is no failure. If a device could not be removed, the policies stay, because the device would go
/// on in clear without them.
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
