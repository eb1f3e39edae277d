//! What an operator has: certificates, a policy, a configuration, and soon a store.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ionvault::access::SHIPPED_POLICY;
use ionvault::simulator::Simulator;
use ionvault::simulator::certificates::{Authority, Identity};
use rustix::process::Signal;
use tempfile::TempDir;

use super::program::{Ended, Program};

/// Everything in one directory that goes with it.
pub(crate) struct Installation {
    dir: TempDir,
    /// Signs for the server and for clients.
    pub(crate) authority: Authority,
}

/// A vault that answers.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) mtls: SocketAddr,
    /// None unless it is configured.
    pub(crate) jwt: Option<SocketAddr>,
    pub(crate) ops: SocketAddr,
}

/// The client that is a member of the group `admin`.
pub(crate) const ADMIN: &str = "spiffe://prod.example.org/admin";

impl Installation {
    /// All but what `ionvault init` makes.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = Self { dir, authority: Authority::generate().unwrap() };
        made.write("ca.pem", made.authority.certificate_pem());
        made.write_identity("server", &made.authority.server().unwrap());
        made.write_identity("client", &made.authority.client(ADMIN).unwrap());
        made.write("policy.cedar", SHIPPED_POLICY);
        made.write("ionvault.toml", made.configuration());
        made
    }

    /// With a root key and an empty store.
    pub(crate) fn initialized() -> Self {
        Self::initialized_with_key().0
    }

    /// The same, with the key that verifies its audit log.
    pub(crate) fn initialized_with_key() -> (Self, String) {
        let made = Self::new();
        let key = made.init();
        (made, key)
    }

    /// Makes the root key and the store; returns the key that verifies the audit log.
    pub(crate) fn init(&self) -> String {
        let ended = self.run(&["init"]);
        assert_eq!((ended.code, ended.said.len()), (Some(0), 0), "{ended:?}");
        let printed = ended.stdout.lines().rev().nth(1);
        printed.unwrap().to_owned()
    }

    fn configuration(&self) -> String {
        let path = |name| format!("{:?}", self.path(name));
        format!(
            "[store]\ndata_dir = {data}\n[root_key]\nfile = {root_key}\n\
             [listen.mtls]\naddress = \"127.0.0.1:0\"\ncertificate = {certificate}\nkey = {key}\n\
             client_ca = {ca}\ntrust_domain = \"prod.example.org\"\nreflection = true\n\
             [listen.admin]\nsocket = {socket}\n[listen.ops]\naddress = \"127.0.0.1:0\"\n\
             [access]\npolicy = {policy}\n\
             [[access.group]]\nname = \"admin\"\nmembers = [\"{ADMIN}\", \"uid:{uid}\"]\n\
             [log]\nformat = \"json\"\n",
            data = path("data"),
            root_key = path("root.key"),
            certificate = path("server.pem"),
            key = path("server.key"),
            ca = path("ca.pem"),
            socket = path("admin.sock"),
            policy = path("policy.cedar"),
            uid = rustix::process::geteuid().as_raw(),
        )
    }

    /// Lets credentials point to the simulator.
    pub(crate) fn approve(&self, simulator: &Simulator) {
        self.approve_server(simulator.port(), simulator.ca_pem());
    }

    /// Lets credentials point to a server on this machine.
    pub(crate) fn approve_server(&self, port: u16, ca_pem: &str) {
        self.write("infor-ca.pem", ca_pem);
        let approval = format!(
            "[[egress.host]]\nhost = \"localhost\"\nport = {}\nca = {:?}\nprivate_addresses = true\n",
            port,
            self.path("infor-ca.pem")
        );
        let configuration = self.read("ionvault.toml");
        self.write("ionvault.toml", &(configuration + &approval));
    }

    /// Writes something else into a file, such as a typo into the configuration.
    #[track_caller]
    pub(crate) fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file} has no {from:?}");
        self.write(file, text.replacen(from, to, 1));
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(file), content).unwrap();
    }

    pub(crate) fn write_identity(&self, name: &str, identity: &Identity) {
        self.write(&format!("{name}.pem"), &identity.certificate_pem);
        self.write(&format!("{name}.key"), identity.key_pem.as_str());
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The program with this configuration, this admin socket, and nothing of this process's
    /// environment.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ionvault"));
        command.env_clear().args(words);
        command.env("IONVAULT_CONFIG", self.path("ionvault.toml"));
        command.env("IONVAULT_ENDPOINT", format!("unix:{}", self.path("admin.sock").display()));
        command
    }

    /// Runs the program to its end.
    #[track_caller]
    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        Program::spawn(self.command(words)).end()
    }

    /// Starts the vault and waits until it is ready.
    #[track_caller]
    pub(crate) fn serve(&self) -> Server {
        self.serve_by(self.command(&["serve"]))
    }

    /// As [`Self::serve`], by a command of one's own.
    #[track_caller]
    pub(crate) fn serve_by(&self, command: Command) -> Server {
        let mut program = Program::spawn(command);
        let mtls = address(&program.says("listening for TLS"));
        let takes_tokens = self.read("ionvault.toml").contains("[listen.jwt]");
        let jwt = takes_tokens.then(|| address(&program.says("listening for TLS")));
        let ops = address(&program.says("listening for probes"));
        program.says("\"serving\"");
        let server = Server { program, mtls, jwt, ops };
        // Who connects before it answers is answered as soon as it does.
        assert_eq!(server.probe("/readyz"), 200);
        server
    }
}

impl Server {
    /// The status of a page of `[listen.ops]`.
    pub(crate) fn probe(&self, page: &str) -> u16 {
        let answer = self.get(page);
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        status.unwrap().parse().unwrap()
    }

    /// What a metric stands at, by its name with labels.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let page = self.get("/metrics");
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in:\n{page}")).parse().unwrap()
    }

    fn get(&self, page: &str) -> String {
        let mut stream = TcpStream::connect(self.ops).unwrap();
        stream.set_read_timeout(Some(ANSWER_TIME_MAX)).unwrap();
        write!(stream, "GET {page} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Stops it, as a supervisor does.
    #[track_caller]
    pub(crate) fn stop(self) {
        self.program.signal(Signal::TERM);
        self.stopped();
    }

    /// Waits for its end, which must be a good one.
    #[track_caller]
    pub(crate) fn stopped(self) {
        let ended = self.program.end();
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let last = ended.said.last().unwrap();
        assert!(last.contains("drained, synced and closed"), "{ended:#?}");
    }
}

/// The address in a line of the log.
pub(crate) fn address(line: &str) -> SocketAddr {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["address"].as_str().unwrap().parse().unwrap()
}

/// Only a server that hangs takes so long, however busy the machine.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
