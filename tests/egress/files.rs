//! Files that are refused for what is written in them.

use crate::attempts::{Outcome, World, file};
use crate::listener::DOMAIN;

/// Not an address that anything is sent to: refused as a file.
const NO_ADDRESS: [&str; 57] = [
    "",
    "http://sts.front.example/",
    "HTTP://sts.front.example/",
    "ftp://10.0.0.7/",
    "file:///etc/ionvault/root.key",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "javascript:alert(1)",
    "data:text/html,token",
    "unix:/run/ionvault/admin.sock",
    "ldap://10.0.0.7/",
    "jar:https://10.0.0.7/!/",
    "//10.0.0.7/",
    "///10.0.0.7/",
    "10.0.0.7",
    "10.0.0.7:443/sts/",
    "sts.front.example/sts/",
    "https",
    "https:",
    "https:/10.0.0.7/",
    "https:10.0.0.7",
    "https://",
    "https:///10.0.0.7/",
    "https://:443/",
    "https://me@10.0.0.7/",
    "https://me:pw@10.0.0.7/",
    "https://@10.0.0.7/",
    "https://sts.front.example@10.0.0.7/",
    "https://sts.front.example:443@10.0.0.7/",
    "https://sts.front.example\\@10.0.0.7/",
    "https://sts.front.example\\.evil.example/",
    "https:\\\\10.0.0.7\\sts",
    "https://sts.front.example/?@10.0.0.7/",
    "https://sts.front.example?.evil.example/",
    "https://sts.front.example#@10.0.0.7/",
    "https://sts.front.example/../",
    "https://sts.front.example/sts/./",
    "https://sts.front.example//10.0.0.7/",
    "https://sts.front.example/%2e%2e/",
    "https://sts.front.example/%00/",
    "https://sts.front.example:443:443/",
    "https://sts.front.example:99999/",
    "https://sts.front.example:-1/",
    "https://sts.front.example:443abc/",
    "https://sts%2efront.example/",
    "https://%31%30.0.0.7/",
    " https://sts.front.example/",
    "https://sts.front\t.example/",
    "https://sts.front.example/\r\nhost: 10.0.0.7",
    "https://sts.front.example\0.evil.example/",
    "https://sts.front.example\u{200b}/",
    "https://１０.0.0.7/",
    "https://10。0。0。7/",
    "https://①②⑦.0.0.1/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://256.1.1.1/",
    "https://1.2.3.4.5/",
];

/// Addresses of hosts that nobody approved.
const STRANGE_HOSTS: [&str; 49] = [
    "https://10.0.0.7/",
    "https://172.16.0.1/",
    "https://192.168.0.1/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0x7F.0x0.0x0.0x1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://127.0.0.1./",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://20.30.40.50/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://metadata.google.internal/",
    "https://kubernetes.default.svc/",
    "https://127.0.0.1.nip.example/",
    "https://sts.front.example./",
    "https://sts.front.example:8443/",
    "https://sts.front.example:0/",
    "https://www.sts.front.example/",
    "https://evil-sts.front.example/",
    "https://sts.front.example.evil.example/",
    "https://sts-front.example/",
    "https://front.example/",
    "https://mingle-sso.eu1.inforcloudsuite.com:8443/ACME_TST/as/",
    "https://mingle-sso.eu1.inforcloudsuite.com./ACME_TST/as/",
    "https://mingle-sso.eu1.inforcloudsuite.com.evil.example/ACME_TST/as/",
    "https://mingle-sso.xn--bcher-kva.inforcloudsuite.com/ACME_TST/as/",
];

/// Not a path below `pu`.
const NO_PATH: [&str; 14] = [
    "https://10.0.0.7/token",
    "//10.0.0.7/token",
    "/\\10.0.0.7/token",
    "\\\\10.0.0.7\\token",
    "http:token",
    ":8443/token",
    "../../token",
    "a/../../token",
    "..%2f..%2ftoken",
    "%2f%2f10.0.0.7/token",
    "a//token",
    "token?host=10.0.0.7",
    "token#10.0.0.7",
    "token HTTP/1.1\r\nhost: 10.0.0.7",
];

pub(crate) async fn refused_as_they_are_written(world: &mut World) {
    let rules = world.rules(&format!("sts.{DOMAIN}"), true);
    let mut vectors = Vec::new();
    vectors.extend(NO_ADDRESS.map(|written| ("pu", written, true)));
    vectors.extend(STRANGE_HOSTS.map(|written| ("pu", written, false)));
    let addresses = ["http://sts.front.example/", "https://me@10.0.0.7/", "https:\\\\10.0.0.7"];
    vectors.extend(addresses.map(|written| ("iu", written, true)));
    let hosts = ["https://10.0.0.7/", "https://localhost:7443/", "https://sts.front.example:7443/"];
    vectors.extend(hosts.map(|written| ("iu", written, false)));
    for key in ["ot", "or", "oa"] {
        vectors.extend(NO_PATH.map(|written| (key, written, true)));
    }
    for (key, written, as_a_file) in vectors {
        let outcome = world.attempt(&file(&[(key, written)]), &rules).await;
        let expected = match outcome {
            Outcome::File => as_a_file,
            Outcome::Host => !as_a_file,
            Outcome::Token | Outcome::Exchange(_) => false,
        };
        assert!(expected, "{key} {written:?}: {outcome:?}");
        world.refused(written);
    }
}
