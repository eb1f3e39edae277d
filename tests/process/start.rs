//! What `serve` and `init` refuse, in which words.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use ionvault::simulator::certificates::Authority;
use rustix::process::Signal;

use super::installation::Installation;
use super::refusals::files;

const SERVE: &[&str] = &["serve"];
const INIT: &[&str] = &["init"];

#[test]
fn a_start_that_is_not_refused_shows_in_the_files() {
    let house = Installation::initialized();
    let before = files(&house.path("data"));
    house.serve().stop();
    assert!(files(&house.path("data")) != before, "the other tests could not bite");
    house.serve().stop();
}

#[test]
fn a_root_key_that_is_missing_wrong_damaged_or_readable_for_others() {
    let (house, other) = (Installation::initialized(), Installation::initialized());
    let key = house.read("root.key");

    house.replace("root.key", "key ", "key 0");
    house.refuses(
        SERVE,
        "error: root_key.file: DIR/root.key is of no use\n  \
         cause: the root key file is damaged or is another file: restore it from your copy",
    );
    house.write("root.key", other.read("root.key"));
    house.refuses(
        SERVE,
        "error: the store was sealed with root key `ID`, and this is `ID`: configure the right one",
    );
    house.write("root.key", &key);
    fs::set_permissions(house.path("root.key"), fs::Permissions::from_mode(0o644)).unwrap();
    house.refuses(
        SERVE,
        "error: root_key.file: DIR/root.key is of no use\n  \
         cause: the root key file has mode 0644, so others may read it: run `chmod 600` on it",
    );
    fs::remove_file(house.path("root.key")).unwrap();
    house.refuses(
        SERVE,
        "error: root_key.file: DIR/root.key is of no use\n  \
         cause: there is no root key file: restore it from your copy, or run `ionvault init` for a \
         new store",
    );
}

#[test]
fn files_of_two_stores() {
    let (house, other) = (Installation::initialized(), Installation::initialized());
    let swap = |name: &str| {
        let kept = house.path("kept");
        fs::rename(house.path(name), &kept).unwrap();
        copy(&other.path(name), &house.path(name));
        kept
    };
    let restore = |name: &str, kept: &Path| {
        let _removed = fs::remove_file(house.path(name))
            .or_else(|_directory| fs::remove_dir_all(house.path(name)));
        fs::rename(kept, house.path(name)).unwrap();
    };
    for (name, refusal) in [
        (
            "data/keyring",
            "error: the keyring belongs to store ID, the data to store ID: restore both together",
        ),
        (
            "data/db",
            "error: the files of the store in DIR/data do not belong together, or were cut: restore \
             all of them from one backup",
        ),
        (
            "data/store.json",
            "error: the files of the store in DIR/data do not belong together, or were cut: restore \
             all of them from one backup",
        ),
        (
            "data",
            "error: the store was sealed with root key `ID`, and this is `ID`: configure the right \
             one",
        ),
    ] {
        let kept = swap(name);
        house.refuses(SERVE, refusal);
        restore(name, &kept);
    }
    house.serve().stop();
}

#[test]
fn a_store_that_was_cut() {
    let house = Installation::initialized();
    let server = house.serve();
    house.write("DocBits.ionapi", CLOUD_FILE);
    let file = house.path("DocBits.ionapi").display().to_string();
    assert_eq!(house.run(&["upload", "acme/infor", &file, "--verification", "skip"]).code, Some(0));
    server.stop();

    let damaged = |cause| {
        format!(
            "error: the store in DIR/data is damaged or was cut: restore it from a backup\n  \
             cause: the store holds something that it was not given: {cause}"
        )
    };
    let keyring = "error: the keyring is damaged: restore it from a backup\n  \
                   cause: not a keyring: the file is damaged, or is another file";
    let incomplete = |cause| {
        format!(
            "error: DIR/data holds no complete store: restore it from a backup, or empty it and \
             run `ionvault init`\n  cause: {cause}"
        )
    };
    let mixed = "error: the files of the store in DIR/data do not belong together, or were cut: \
                 restore all of them from one backup";
    // What follows the last record is empty, and its loss is none.
    let log = fs::read(house.path("data/db/db")).unwrap();
    let last = log.iter().rposition(|byte| *byte != 0).unwrap();
    for (name, left, refusal) in [
        ("data/db/db", last, mixed.to_owned()),
        ("data/db/db", 0, damaged("no log")),
        ("data/db/db", 200, damaged("a page that fails its checksum")),
        ("data/keyring", 0, keyring.to_owned()),
        ("data/keyring", 40, keyring.to_owned()),
        ("data/progress", 8, incomplete("invalid data")),
        ("data/store.json", 0, incomplete("EOF while parsing a value at line 1 column 0")),
    ] {
        let whole = fs::read(house.path(name)).unwrap();
        assert!(whole.len() > left, "{name} has {} bytes", whole.len());
        house.write(name, &whole[..left]);
        house.refuses(SERVE, &refusal);
        house.write(name, &whole);
    }
    fs::remove_file(house.path("data/keyring")).unwrap();
    house.refuses(
        SERVE,
        "error: the store has no keyring: restore it from a backup, or empty the directory of a \
         store that was never used and run `ionvault init`",
    );
}

#[test]
fn a_second_process_on_the_same_store() {
    let house = Installation::initialized();
    let first = house.serve();
    // Frozen, it holds its locks and writes nothing by itself.
    first.program.signal(Signal::STOP);
    house.replace("ionvault.toml", "admin.sock", "second.sock");
    house.refuses(
        SERVE,
        "error: the store in DIR/data is in use by another process: stop that process first",
    );
    first.program.signal(Signal::CONT);
    first.stop();
}

#[test]
fn a_port_or_socket_that_is_in_use() {
    let house = Installation::initialized();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let configuration = house.read("ionvault.toml");
    for (section, key) in
        [("[listen.mtls]", "listen.mtls.address"), ("[listen.ops]", "listen.ops.address")]
    {
        let line = |address: &str| format!("{section}\naddress = \"{address}\"");
        house.replace("ionvault.toml", &line("127.0.0.1:0"), &line(&address));
        house.refuses(
            SERVE,
            &format!(
                "error: {key}: the address 127.0.0.1:PORT is in use; stop the other program or \
                 choose another port"
            ),
        );
        house.write("ionvault.toml", &configuration);
    }
    let _taken = UnixListener::bind(house.path("admin.sock")).unwrap();
    house.refuses(
        SERVE,
        "error: listen.admin.socket: another process listens on DIR/admin.sock; stop it or choose \
         another path",
    );
}

#[test]
fn a_configuration_that_is_missing_misspelt_or_unreadable() {
    let house = Installation::initialized();
    let missing = house.path("nowhere.toml").display().to_string();
    house.refuses(
        &["serve", "--config", &missing],
        "error: the configuration DIR/nowhere.toml cannot be read\n  \
         cause: No such file or directory (os error 2)",
    );
    house.replace("ionvault.toml", "trust_domain", "trust_domian");
    for command in [SERVE, INIT] {
        house.refuses(
            command,
            "error: the configuration DIR/ionvault.toml is not valid\n  \
             cause: line 10: unknown field `trust_domian`, expected one of `address`, \
             `certificate`, `key`, `client_ca`, `trust_domain`, `allow_dns_san`, `reflection`",
        );
    }
}

#[test]
fn a_policy_or_certificate_of_no_use() {
    let house = Installation::initialized();
    let policy = house.read("policy.cedar");
    house.write("policy.cedar", format!("{policy}\npermit (principal, action, ressource);"));
    let line = policy.lines().count() + 2;
    house.refuses(
        SERVE,
        &format!(
            "error: access.policy: the file DIR/policy.cedar is no valid policy\n  \
             cause: line {line}: found an invalid variable in the policy scope: ressource"
        ),
    );
    fs::remove_file(house.path("policy.cedar")).unwrap();
    house.refuses(
        SERVE,
        "error: access.policy: the file DIR/policy.cedar cannot be read\n  \
         cause: No such file or directory (os error 2)",
    );
    house.write("policy.cedar", &policy);

    let stranger = Authority::generate().unwrap().server().unwrap();
    let key = house.read("server.key");
    house.write("server.key", stranger.key_pem.as_str());
    house.refuses(
        SERVE,
        "error: listen.mtls.key: DIR/server.key is not the key of the first certificate in \
         DIR/server.pem",
    );
    house.write("server.key", &key);
    house.write("ca.pem", "no certificate");
    house.refuses(
        SERVE,
        "error: listen.mtls.client_ca is of no use\n  \
         cause: the file DIR/ca.pem holds no PEM certificates",
    );
}

#[test]
fn a_store_that_was_never_made_or_is_made_twice() {
    let house = Installation::new();
    house.refuses(
        SERVE,
        "error: root_key.file: DIR/root.key is of no use\n  \
         cause: there is no root key file: restore it from your copy, or run `ionvault init` for a \
         new store",
    );
    fs::create_dir(house.path("data")).unwrap();
    house.write("data/letter", "dear reader");
    house.refuses(
        INIT,
        "error: DIR/data is not empty: name another directory for the store, or empty this one \
         first",
    );
    fs::remove_dir_all(house.path("data")).unwrap();
    assert_eq!(house.run(INIT).code, Some(0));
    house.refuses(
        INIT,
        "error: there is a store in DIR/data already: use it, or name another directory for a new \
         one",
    );
    fs::rename(house.path("data"), house.path("elsewhere")).unwrap();
    house.refuses(
        SERVE,
        "error: there is no store in DIR/data: make one with `ionvault init`, or correct the path",
    );
}

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

/// Of Infor's cloud, with invented values.
const CLOUD_FILE: &str = r##"{"ti":"ACME_TST","cn":"DocBits","dt":"12","ci":"ACME_TST~invented-client","cs":"invented-secret","iu":"https://mingle-ionapi.eu1.inforcloudsuite.com","pu":"https://mingle-sso.eu1.inforcloudsuite.com:443/ACME_TST/as/","oa":"authorization.oauth2","ot":"token.oauth2","or":"revoke_token.oauth2","ev":"U1470000000","v":"1.0","saak":"ACME_TST#invented-access","sask":"invented-password"}"##;
