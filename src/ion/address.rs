//! The addresses in a file: where tokens are asked for, and where they are used.
//!
//! They come from an upload, so they are checked as they are written, before a URL parser mends
//! them: the WHATWG rules turn backslashes into slashes, drop tabs and resolve `..`.

use url::Url;

use super::text;
use super::violation::Problem;

/// Parses `pu` or `iu`. The result is normalised: lower-case host, no default port, a path that
/// ends with exactly one slash.
pub(super) fn base(written: &str) -> Result<Url, Problem> {
    let written = text::address(written)?;
    let scheme = written.get(..SCHEME.len()).unwrap_or("");
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        let is_url = written.contains("://") || written.starts_with("http:");
        return Err(if is_url { Problem::NotHttps } else { Problem::NotUrl });
    }
    let after_scheme = written.get(SCHEME.len()..).unwrap_or("");
    if written.contains('\\') {
        return Err(Problem::Backslash);
    }
    if written.contains(['?', '#']) {
        return Err(Problem::QueryOrFragment);
    }
    let (authority, path) = after_scheme.split_once('/').unwrap_or((after_scheme, ""));
    if authority.contains('@') {
        return Err(Problem::UserInfo);
    }
    if authority.is_empty() || authority.contains('%') {
        return Err(Problem::NotUrl);
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    if !path.is_empty() {
        segments(path)?;
    }
    let slash = if path.is_empty() { "" } else { "/" };
    let Ok(url) = Url::parse(&format!("{SCHEME}{authority}/{path}{slash}")) else {
        return Err(Problem::NotUrl);
    };
    Ok(url)
}

/// Checks `oa`, `ot` or `or`, and takes one leading slash away.
pub(super) fn path(written: &str) -> Result<String, Problem> {
    let written = text::address(written)?;
    if written.contains('\\') {
        return Err(Problem::Backslash);
    }
    // A colon in the first segment makes a scheme (RFC 3986, section 4.2); Infor has none anywhere.
    if written.starts_with("//") || written.contains(':') {
        return Err(Problem::AbsolutePath);
    }
    if written.contains(['?', '#']) {
        return Err(Problem::QueryOrFragment);
    }
    let path = written.strip_prefix('/').unwrap_or(written);
    if path.is_empty() {
        return Err(Problem::Empty);
    }
    segments(path.strip_suffix('/').unwrap_or(path))?;
    Ok(path.to_owned())
}

/// Joins what [`base`] and [`path`] gave.
pub(super) fn join(base: &Url, path: &str) -> Result<Url, Problem> {
    match Url::parse(&format!("{base}{path}")) {
        Ok(url) => Ok(url),
        Err(_) => Err(Problem::NotUrl),
    }
}

/// `{iu}/{ti}` with exactly one slash; some files carry the tenant in `iu` already.
pub(super) fn api_base(gateway: &Url, tenant: &str) -> String {
    let gateway = gateway.as_str().trim_end_matches('/');
    match gateway.rsplit_once('/') {
        Some((_, last)) if last == tenant => gateway.to_owned(),
        _ => format!("{gateway}/{tenant}"),
    }
}

const SCHEME: &str = "https://";

fn segments(path: &str) -> Result<(), Problem> {
    // `%2e%2e` is `..` to a URL parser, and `%2f` a slash to some servers.
    if path.contains('%') {
        return Err(Problem::PercentSign);
    }
    path.split('/').try_for_each(|segment| match segment {
        "" => Err(Problem::EmptySegment),
        "." | ".." => Err(Problem::DotSegment),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base_text(written: &str) -> Result<String, Problem> {
        base(written).map(String::from)
    }

    #[test]
    fn bases_are_normalised() {
        let cloud = "https://mingle-sso.eu1.inforcloudsuite.com/ACME_TST/as/";
        for (written, expected) in [
            (cloud, cloud),
            ("https://mingle-sso.eu1.inforcloudsuite.com:443/ACME_TST/as", cloud),
            ("HTTPS://Mingle-SSO.EU1.InforCloudSuite.com/ACME_TST/as/", cloud),
            ("https://erp.example", "https://erp.example/"),
            ("https://erp.example:7443/", "https://erp.example:7443/"),
            ("https://[2001:DB8::1]:8443/sts", "https://[2001:db8::1]:8443/sts/"),
            ("https://2130706433/", "https://127.0.0.1/"),
        ] {
            assert_eq!(base_text(written), Ok(expected.to_owned()), "{written}");
        }
    }

    #[test]
    fn bases_that_trick_a_url_parser_are_refused() {
        for (written, problem) in [
            ("http://erp.example/", Problem::NotHttps),
            ("http:erp.example", Problem::NotHttps),
            ("ftp://erp.example/", Problem::NotHttps),
            ("erp.example/as/", Problem::NotUrl),
            ("https:erp.example", Problem::NotUrl),
            ("https:///erp.example/", Problem::NotUrl),
            ("https://", Problem::NotUrl),
            ("https://erp.example:99999/", Problem::NotUrl),
            ("https://%65rp.example/", Problem::NotUrl),
            ("https://me@erp.example/", Problem::UserInfo),
            ("https://me:pw@erp.example/", Problem::UserInfo),
            ("https://@erp.example/", Problem::UserInfo),
            ("https://erp.example\\@evil.example/", Problem::Backslash),
            ("https://erp.example/?", Problem::QueryOrFragment),
            ("https://erp.example/as#", Problem::QueryOrFragment),
            ("https://erp.example/../as/", Problem::DotSegment),
            ("https://erp.example//as/", Problem::EmptySegment),
            ("https://erp.example/as//", Problem::EmptySegment),
            ("https://erp.example/%2e%2e/as/", Problem::PercentSign),
        ] {
            assert_eq!(base_text(written), Err(problem), "{written}");
        }
    }

    #[test]
    fn paths_are_relative() {
        for (written, expected) in [
            ("token.oauth2", Ok("token.oauth2")),
            ("/connect/token", Ok("connect/token")),
            ("connect/token/", Ok("connect/token/")),
            ("https://evil.example/token", Err(Problem::AbsolutePath)),
            ("//evil.example/token", Err(Problem::AbsolutePath)),
            ("javascript:token", Err(Problem::AbsolutePath)),
            ("\\\\evil.example\\token", Err(Problem::Backslash)),
            ("../token", Err(Problem::DotSegment)),
            ("a/./token", Err(Problem::DotSegment)),
            ("a//token", Err(Problem::EmptySegment)),
            ("%2e%2e/token", Err(Problem::PercentSign)),
            ("token?x=1", Err(Problem::QueryOrFragment)),
            ("token#x", Err(Problem::QueryOrFragment)),
            ("/", Err(Problem::Empty)),
        ] {
            assert_eq!(path(written), expected.map(str::to_owned), "{written}");
        }
    }

    #[test]
    fn one_slash_stands_between_the_parts() {
        for pu in ["https://erp.example/as", "https://erp.example/as/"] {
            for ot in ["token.oauth2", "/token.oauth2"] {
                let url = join(&base(pu).unwrap(), &path(ot).unwrap()).unwrap();
                assert_eq!(url.as_str(), "https://erp.example/as/token.oauth2");
            }
        }
        for iu in ["https://api.example", "https://api.example/", "https://api.example/ACME_TST/"] {
            assert_eq!(api_base(&base(iu).unwrap(), "ACME_TST"), "https://api.example/ACME_TST");
        }
    }
}
