//! Whether a file is of the environment that its credential is meant for.

/// Says, in a sentence for the person who uploaded the file, that an Infor tenant is of another
/// environment than the credential's label `environment`. `None` if it fits, or if one of the two
/// is not known to name an environment: customers may call theirs as they like.
#[must_use]
pub fn environment_mismatch(infor_tenant: &str, label: &str) -> Option<String> {
    let (_, suffix) = infor_tenant.rsplit_once('_')?;
    let (_, stage) = SUFFIXES.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(suffix))?;
    let (_, stages) = LABELS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(label))?;
    (!stages.contains(&stage)).then(|| {
        format!(
            "The Infor tenant {infor_tenant} is a {} tenant, but the credential's label \
             `environment` says {label}: check that the file is of the right environment, or \
             change the label.",
            stage.word()
        )
    })
}

/// What a tenant is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Production,
    Preproduction,
    Test,
    Training,
    Development,
}

impl Stage {
    fn word(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Preproduction => "preproduction",
            Self::Test => "test",
            Self::Training => "training",
            Self::Development => "development",
        }
    }
}

/// How Infor ends the names of its cloud's tenants.
const SUFFIXES: [(&str, Stage); 5] = [
    ("PRD", Stage::Production),
    ("PP1", Stage::Preproduction),
    ("TST", Stage::Test),
    ("TRN", Stage::Training),
    ("DEV", Stage::Development),
];

/// What people call their environments, and what tenants fit.
const LABELS: [(&str, &[Stage]); 22] = {
    use Stage::{Development, Preproduction, Production, Test, Training};
    const PRODUCTION: &[Stage] = &[Production];
    const TEST: &[Stage] = &[Test];
    const TRAINING: &[Stage] = &[Training];
    const DEVELOPMENT: &[Stage] = &[Development];
    const BEFORE_PRODUCTION: &[Stage] = &[Preproduction, Test];
    const PLAYGROUND: &[Stage] = &[Test, Training, Development];
    [
        ("prd", PRODUCTION),
        ("prod", PRODUCTION),
        ("production", PRODUCTION),
        ("live", PRODUCTION),
        ("tst", TEST),
        ("test", TEST),
        ("testing", TEST),
        ("trn", TRAINING),
        ("train", TRAINING),
        ("training", TRAINING),
        ("dev", DEVELOPMENT),
        ("development", DEVELOPMENT),
        ("pp1", BEFORE_PRODUCTION),
        ("preprod", BEFORE_PRODUCTION),
        ("preproduction", BEFORE_PRODUCTION),
        ("stg", BEFORE_PRODUCTION),
        ("stage", BEFORE_PRODUCTION),
        ("staging", BEFORE_PRODUCTION),
        ("qa", BEFORE_PRODUCTION),
        ("uat", BEFORE_PRODUCTION),
        ("sandbox", PLAYGROUND),
        ("demo", PLAYGROUND),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_of_another_environment_is_noticed() {
        for (tenant, label) in [
            ("ACME_TST", "PRD"),
            ("ACME_TST", "production"),
            ("ACME_PRD", "test"),
            ("AB12CD34EF56GH78_PRD", "Sandbox"),
            ("ACME_DEV", "staging"),
            ("ACME_TRN", "test"),
            ("acme_prd", "DEV"),
        ] {
            let said = environment_mismatch(tenant, label).expect(tenant);
            assert!(said.contains(tenant) && said.contains(label), "{said}");
        }
    }

    #[test]
    fn what_fits_or_is_not_known_is_left_alone() {
        for (tenant, label) in [
            ("ACME_PRD", "PRD"),
            ("ACME_PRD", "production"),
            ("ACME_TST", "staging"),
            ("ACME_TST", "sandbox"),
            ("ACME_DEM", "production"),
            ("ACME_AX1", "PRD"),
            ("infor", "PRD"),
            ("PRD", "TST"),
            ("ACME_TST", "berlin"),
            ("ACME_TST", ""),
            ("", "PRD"),
        ] {
            assert_eq!(environment_mismatch(tenant, label), None, "{tenant} {label}");
        }
    }
}
