//! `ionvault policy`: what a policy file says, without a running vault.

use std::path::Path;

use crate::access::{
    Access, Action, Explanation, Groups, Inapplicable, Outline, PolicyVersion, Resource,
};
use crate::model::Caller;

use super::config_file::{ReadConfigError, read_config};
use super::policy_file::{ReadPolicyError, read_policy};

/// Why a policy cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ExaminePolicyError {
    /// There is no configuration.
    #[error(transparent)]
    Config(#[from] ReadConfigError),
    /// There is no policy.
    #[error(transparent)]
    Policy(#[from] ReadPolicyError),
    /// Neither file was named.
    #[error("no policy is named: give --file, or --config")]
    NoPolicy,
}

/// A policy that was read from files, and judges as a vault would that has them.
pub struct ExaminedPolicy(Access);

impl ExaminedPolicy {
    /// Reads the policy in `file`, or the one that the configuration names, with the groups of the
    /// configuration; without one, the four roles have no members.
    ///
    /// # Errors
    ///
    /// As [`ExaminePolicyError`] says.
    pub fn read(file: Option<&Path>, config: Option<&Path>) -> Result<Self, ExaminePolicyError> {
        let config = config.map(read_config).transpose()?;
        let named = config.as_ref().map(|config| config.policy.as_path());
        let file = file.or(named).ok_or(ExaminePolicyError::NoPolicy)?;
        let groups = config.as_ref().map(|config| config.groups.clone());
        Ok(Self(read_policy(file, &groups.unwrap_or_else(Groups::default))?))
    }

    /// Which policy it is.
    #[must_use]
    pub fn version(&self) -> PolicyVersion {
        self.0.version()
    }

    /// What stands in it.
    #[must_use]
    pub fn outline(&self) -> Outline {
        self.0.outline()
    }

    /// How it answers, and why.
    ///
    /// # Errors
    ///
    /// [`Inapplicable`] if the action is never asked about this kind of resource.
    pub fn explain(
        &self,
        caller: &Caller,
        action: Action,
        resource: Resource<'_>,
    ) -> Result<Explanation, Inapplicable> {
        self.0.explain(caller, action, resource)
    }
}
