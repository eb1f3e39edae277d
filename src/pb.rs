//! The code that `build.rs` generates from `proto/`.

#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated code; the proto files are its manual"
)]

/// `ionvault.v1`.
pub mod v1 {
    tonic::include_proto!("ionvault.v1");
}

/// All of it as a `google.protobuf.FileDescriptorSet`, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
