//! `Debug`: what has one must not print a secret, and what is a secret must not have one.

use ionvault::adapters::RootKeyFile;
use ionvault::config::Config;
use ionvault::ion::{ApprovedHost, HostRules, IonApiFile, ServiceAccount};
use ionvault::model::{Caller, Parent};
use ionvault::pb::v1::IssueTokenResponse;
use ionvault::ports::{GrantRequest, TokenAnswer, TokenRequest};
use ionvault::sealing::{Envelope, Keyring, Payload, SealingKey};
use ionvault::secret::{LockedKey, Secret};
use ionvault::simulator::certificates::{Authority, Identity};
use ionvault::simulator::{App, AppGrant};
use ionvault::tokens::{AccessToken, Issued, StartedAuthorization};
use ionvault::vault::{CheckedUpload, OpenedFile, PageQuery, RequestStamp, Upload};

use super::files;
use super::notes::Notes;
use super::planted::Planted;
use super::providers::FileSecrets;

/// Does not compile if one of these gets a `Debug`: then two implementations of `Ambiguous` fit.
macro_rules! assert_no_debug {
    ($($secret:ty),* $(,)?) => { $( const _: fn() = || {
        trait Ambiguous<Which> { fn choose() {} }
        struct Printable;
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + std::fmt::Debug> Ambiguous<Printable> for T {}
        let _unambiguous = <$secret as Ambiguous<_>>::choose;
    }; )* };
}

assert_no_debug! {
    Secret, LockedKey, SealingKey, Keyring, Payload, Envelope<'static>, RootKeyFile,
    IonApiFile, ServiceAccount<'static>, OpenedFile, Upload, CheckedUpload,
    TokenRequest<'static>, GrantRequest<'static>, TokenAnswer, AccessToken, Issued,
    StartedAuthorization,
    App, AppGrant, Authority, Identity,
}

/// Prints what can be printed with something secret in or near it.
pub(crate) fn print(config: &Config, planted: &Planted, notes: &mut Notes) {
    notes.debug("configuration", config);
    let answer = IssueTokenResponse {
        access_token: planted.token("access token in a message"),
        ..Default::default()
    };
    notes.debug("message", &answer);
    notes.debug("response", &tonic::Response::new(answer));
    for (what, file) in files::refused(planted) {
        match IonApiFile::parse(&file) {
            Ok(_) => panic!("{what} was read"),
            Err(error) => {
                notes.debug(what, &error);
                notes.add(super::notes::ERRORS, what, error.to_string());
            }
        }
    }
    let file = FileSecrets::plant(planted, "of a file that is parsed").file("https://localhost:2");
    let file = IonApiFile::parse(&file).unwrap();
    notes.debug("facts", &file.facts());
    let hosts = HostRules::new(vec![ApprovedHost {
        host: "localhost".to_owned(),
        port: 2,
        private_addresses: true,
        trust_anchors: vec![],
    }]);
    notes.debug("target", &hosts.check(&file, &[]).unwrap());
    let caller: Caller = super::house::ADMIN.parse().unwrap();
    let filter = format!("labels.{}", planted.any("filter that is none"));
    notes.debug("filter", &filter.parse::<ionvault::vault::Filter>());
    let query = PageQuery {
        caller: caller.clone(),
        parent: Parent::AllTenants,
        filter_text: String::new(),
        filter: Default::default(),
        show_deleted: true,
    };
    notes.debug("query", &query);
    let id = planted.any("request id that is none").parse::<ionvault::vault::RequestId>();
    notes.debug("request id", &id);
    let id = "a-request".parse().unwrap();
    notes.debug("stamp", &RequestStamp { caller, rpc: "UploadCredential", id, content: vec![] });
}
