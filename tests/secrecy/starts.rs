//! Starts that fail, with files in each other's place.

use std::fs;

use ionvault::app::App;
use ionvault::config::Config;

use super::house::House;
use super::notes::Notes;
use super::planted::Planted;

/// Tries to start a vault with its files mixed up, one at a time. Leaves the house as it was.
pub(crate) async fn fail(house: &House, planted: &Planted, notes: &mut Notes) {
    let read = |name: &str| fs::read_to_string(house.path(name)).unwrap();
    let changed_digit = {
        let text = read("root.key");
        let last = text.trim_end().chars().last().unwrap();
        format!("{}{}\n", &text[..text.len() - 2], if last == '0' { '1' } else { '0' })
    };
    for (name, instead) in [
        ("server.pem", read("server.key")),
        ("server.key", read("server.pem")),
        ("server.key", read("root.key")),
        ("server.key", read("server.key").replacen('=', "", 2).replace("-----END", "---END")),
        ("ca.pem", read("server.key")),
        ("providers.pem", read("server.key")),
        ("policy.cedar", read("server.key")),
        ("policy.cedar", planted.any("policy")),
        ("root.key", read("server.key")),
        ("root.key", changed_digit),
        ("root.key", read("root.key").to_uppercase()),
    ] {
        let right = read(name);
        house.write(name, &instead);
        let error = App::start(&house.config(), None).await.err();
        house.write(name, &right);
        notes.error(name, &error.unwrap_or_else(|| panic!("started with a wrong {name}")));
    }
    configurations(house, planted, notes);
}

/// Configurations with a secret where its path should be, or anywhere else.
fn configurations(house: &House, planted: &Planted, notes: &mut Notes) {
    let right = fs::read_to_string(house.path("ionvault.toml")).unwrap();
    let secret = planted.token("password in the configuration");
    let key = fs::read_to_string(house.path("server.key")).unwrap();
    for (what, wrong) in [
        ("unknown key", format!("password = \"{secret}\"\n{right}")),
        ("not closed", format!("password = \"{secret}\n{right}")),
        ("not quoted", format!("password = {secret}\n{right}")),
        (
            "wrong type",
            right.replacen("drain_seconds = 30", &format!("drain_seconds = \"{secret}\""), 1),
        ),
        ("wrong level", right.replacen("\"trace\"", &format!("\"{secret}\""), 1)),
        ("wrong format", right.replacen("format = \"", &format!("format = \"{secret}"), 1)),
        ("wrong address", right.replacen("\"127.0.0.1:0\"", &format!("\"{secret}\""), 1)),
        ("wrong port", right.replacen("port = ", &format!("port = \"{secret}\" #"), 1)),
        ("key, not its path", right.replacen("key = ", &format!("key = '''{key}''' #"), 1)),
    ] {
        assert_ne!(wrong, right, "{what}");
        match Config::parse(&wrong) {
            Ok(_) => panic!("{what} was taken"),
            Err(error) => notes.error(what, &error),
        }
    }
}
