//! Names as people type them: `acme/infor` for `tenants/acme/credentials/infor`.

use crate::model::{CredentialName, InvalidName, Parent};

/// Reads the full name of a credential or its short form.
///
/// # Errors
///
/// A sentence for the person who typed it.
pub(super) fn credential(text: &str) -> Result<CredentialName, String> {
    let name = match text.split_once('/') {
        Some(("tenants", _)) => text.parse(),
        Some((tenant, credential)) => short(tenant, credential),
        None => return Err(EXPECTED.to_owned()),
    };
    name.map_err(|error| match error {
        InvalidName::Shape(_) => EXPECTED.to_owned(),
        InvalidName::Id(_) | InvalidName::Version => error.to_string(),
    })
}

fn short(tenant: &str, credential: &str) -> Result<CredentialName, InvalidName> {
    Ok(CredentialName { tenant: tenant.parse()?, credential: credential.parse()? })
}

/// Reads `acme` or `tenants/acme`; `-` or `tenants/-` stands for all tenants.
///
/// # Errors
///
/// A sentence for the person who typed it.
pub(super) fn parent(text: &str) -> Result<Parent, String> {
    let parent = match text {
        "-" => Ok(Parent::AllTenants),
        _ if text.starts_with("tenants/") => text.parse(),
        _ => text.parse().map(Parent::Tenant),
    };
    parent.map_err(|error| error.to_string())
}

/// The short form of a name that the vault sent; whatever is not a name stays as it is.
pub(super) fn shorten(name: &str) -> String {
    match name.parse::<CredentialName>() {
        Ok(CredentialName { tenant, credential }) => format!("{tenant}/{credential}"),
        Err(_) => name.to_owned(),
    }
}

const EXPECTED: &str =
    "expected TENANT/CREDENTIAL such as acme/infor, or tenants/TENANT/credentials/CREDENTIAL";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_mean_the_same() {
        let full = "tenants/acme/credentials/infor";
        assert_eq!(credential(full).unwrap().to_string(), full);
        assert_eq!(credential("acme/infor").unwrap().to_string(), full);
        assert_eq!(shorten(full), "acme/infor");
        assert_eq!(parent("acme"), parent("tenants/acme"));
        assert_eq!(parent("-"), Ok(Parent::AllTenants));
    }

    #[test]
    fn a_wrong_name_is_told_what_was_expected() {
        for text in ["", "acme", "tenants/acme", "tenants/acme/infor"] {
            assert_eq!(credential(text), Err(EXPECTED.to_owned()), "{text}");
        }
        for (text, id) in
            [("Acme/infor", "tenant"), ("acme/", "credential"), ("a/b/c", "credential")]
        {
            assert!(credential(text).unwrap_err().starts_with(&format!("the {id} id")), "{text}");
        }
        assert!(parent("Acme").is_err());
        assert!(parent("tenants/").is_err());
    }
}
