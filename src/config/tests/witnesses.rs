use super::*;

#[test]
fn a_server_that_checkpoints_cannot_be_told_is_refused_by_key() {
    for (key, text) in [
        ("witness_url", "witness_url = \"http://witness.example/\""),
        ("witness_url", "witness_url = \"https://me:planted@witness.example/\""),
        ("witness_url", "witness_url = \"https://witness.example/?planted\""),
        ("witness_url", "witness_url = \"witness.example\""),
        ("witness_url", "witness_url = \"\""),
        ("witness_ca", "witness_url = \"https://witness.example/\"\nwitness_ca = \"\""),
        ("witness_ca", "witness_ca = \"ca.pem\""),
        ("witness_dir", "witness_dir = \"\""),
    ] {
        let refusal = refusal(&with(&format!("[audit]\n{text}\n")));
        assert!(refusal.starts_with(&format!("`audit.{key}` must be ")), "{text}: {refusal}");
        assert!(!refusal.contains("planted"), "{refusal}");
    }
    let text = with("[audit]\nwitness_url = \"https://10.0.0.7:8443/log\"\n");
    let server = Config::parse(&text).unwrap().audit.witnesses.server.unwrap();
    assert_eq!((server.url.as_str(), server.ca), ("https://10.0.0.7:8443/log", None));
}
