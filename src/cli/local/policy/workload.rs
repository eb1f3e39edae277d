//! What a token of Kubernetes says of its holder, for `ionvault policy explain`.

use clap::Args;

use crate::model::{Caller, Workload};

/// The workload that a caller with a token is supposed to be.
#[derive(Args, Debug)]
#[command(next_help_heading = "Workload, of a caller with a token of Kubernetes")]
pub(super) struct Supposition {
    /// The namespace of its service account
    #[arg(long, requires = "service_account")]
    namespace: Option<String>,
    /// The name of its service account
    #[arg(long, requires = "namespace")]
    service_account: Option<String>,
    /// The pod that its token is bound to
    #[arg(long, requires = "namespace")]
    pod: Option<String>,
}

impl Supposition {
    /// The caller as this workload. One that no token can name is refused: an explanation of what
    /// cannot be would mislead.
    pub(super) fn of(self, caller: Caller) -> Result<Caller, String> {
        let Self { namespace: Some(namespace), service_account: Some(service_account), pod } = self
        else {
            return Ok(caller);
        };
        let subject = format!("system:serviceaccount:{namespace}:{service_account}");
        match caller {
            Caller::Jwt(caller) if caller.subject() == subject => {
                let workload = Workload { namespace, service_account, pod };
                Ok(Caller::Jwt(caller.with_workload(workload)))
            }
            Caller::Jwt(_) | Caller::Spiffe(_) | Caller::Dns(_) | Caller::LocalUser(_) => {
                Err(format!(
                    "only `jwt:issuer#{subject}` can be this workload: correct --caller, or \
                     --namespace and --service-account"
                ))
            }
        }
    }
}
