//! Compiles `proto/` without a `protoc` on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "proto/ionvault/v1/audit.proto",
        "proto/ionvault/v1/authorization.proto",
        "proto/ionvault/v1/credential.proto",
        "proto/ionvault/v1/token.proto",
    ];
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(files, ["proto"])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    let bytes = prost_encode(&descriptors);
    std::fs::write(out.join("descriptors.bin"), bytes)?;
    tonic_prost_build::configure()
        // prost would derive a `Debug` that prints the secrets of these.
        .skip_debug([
            "ionvault.v1.CompleteAuthorizationRequest",
            "ionvault.v1.IssueTokenResponse",
            "ionvault.v1.StartAuthorizationResponse",
            "ionvault.v1.UploadCredentialRequest",
        ])
        .compile_fds(descriptors)?;
    Ok(())
}

fn prost_encode(descriptors: &impl prost::Message) -> Vec<u8> {
    descriptors.encode_to_vec()
}
