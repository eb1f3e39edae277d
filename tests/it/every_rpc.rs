//! What holds for every RPC that there is: who gets which answer, and that nothing is told by the way
//! in which it is refused.

mod matrix;
mod requests;
mod rules;
mod timing;
mod uniform;

use prost::Message as _;

/// An RPC of the protos.
#[derive(Clone, Debug)]
struct Rpc {
    name: String,
    /// As requests name it.
    path: String,
}

/// All RPCs, as the protos have them.
fn every_rpc() -> Vec<Rpc> {
    let set = prost_types::FileDescriptorSet::decode(ionvault::pb::FILE_DESCRIPTOR_SET).unwrap();
    let mut rpcs = Vec::new();
    for file in set.file.iter().filter(|file| file.package() == "ionvault.v1") {
        for service in &file.service {
            rpcs.extend(service.method.iter().map(|method| Rpc {
                name: method.name().to_owned(),
                path: format!("/ionvault.v1.{}/{}", service.name(), method.name()),
            }));
        }
    }
    rpcs
}
