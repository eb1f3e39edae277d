//! Every text field of every RPC that the protos have, with a secret in it. What a new RPC takes is
//! filled without anybody thinking of it.

use ionvault::pb::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

use super::calls::{channel, full};
use super::house::{House, misuser};
use super::notes::{ANSWERS, Notes};
use super::planted::Planted;
use super::running::Running;
use crate::raw::send;

/// An RPC of the protos.
pub(crate) struct Rpc {
    pub(crate) name: String,
    path: String,
    /// The type of its request.
    request: String,
}

/// A field of a request that holds text, and the numbers on the way to it.
struct Field {
    name: String,
    numbers: Vec<u64>,
}

/// All RPCs.
pub(crate) fn every_rpc() -> Vec<Rpc> {
    let mut rpcs = Vec::new();
    for file in descriptors().file.iter().filter(|file| file.package() == "ionvault.v1") {
        for service in &file.service {
            rpcs.extend(service.method.iter().map(|method| Rpc {
                name: method.name().to_owned(),
                path: format!("/ionvault.v1.{}/{}", service.name(), method.name()),
                request: method.input_type().to_owned(),
            }));
        }
    }
    rpcs
}

/// Those who call here: one for each RPC.
pub(crate) fn callers() -> impl Iterator<Item = String> {
    every_rpc().into_iter().map(|rpc| rpc.name)
}

/// Sends each RPC once with a secret in each of its text fields, everything else being good; then
/// with one in a field that it does not have, and with one in place of the message. `stored` is a
/// credential, `file` a good file.
pub(crate) async fn misuse(
    (running, house): (&Running, &House),
    (stored, file): (&str, &[u8]),
    planted: &Planted,
    notes: &mut Notes,
) {
    let set = descriptors();
    for rpc in every_rpc() {
        let caller = misuser(&rpc.name);
        let identity = house.client(planted, &caller);
        let ca = house.authority.certificate_pem();
        let channel = channel(running.mtls, ca, Some(&identity)).await.unwrap();
        let fields = texts(&set, &rpc.request);
        let good: Vec<u8> =
            fields.iter().flat_map(|field| good(&rpc, field, stored, file)).collect();
        let mut messages: Vec<(String, Vec<u8>)> = Vec::new();
        for Field { name, numbers } in &fields {
            let what = format!("{name} of {}", rpc.name);
            let secret = planted.any(&what);
            messages.push((what, [good.clone(), written(numbers, secret.as_bytes())].concat()));
        }
        let what = format!("unknown field of {}", rpc.name);
        let secret = written(&[UNKNOWN_FIELD], planted.any(&what).as_bytes());
        // Beside a name that is none, so that nothing is deleted by it.
        let broken = fields.first().map(|first| written(&first.numbers, b"?")).unwrap_or_default();
        messages.push((what, [secret, broken].concat()));
        let what = format!("in place of the request of {}", rpc.name);
        messages.push((what.clone(), planted.any(&what).into_bytes()));

        let calls = messages.len();
        for (what, message) in messages {
            let answer = send(&channel, &rpc.path, &message).await;
            notes.debug(&what, &answer.headers);
            notes.debug(&what, &answer.trailers);
            match answer.result() {
                Ok(message) => notes.add(ANSWERS, &what, message),
                Err(status) => notes.status(&what, &status),
            }
        }
        notes.called(&caller, calls);
        // An RPC that there is not.
        let secret = planted.token(&format!("in the path of {}", rpc.name));
        let answer = send(&channel, &format!("{}{secret}", rpc.path), b"").await;
        notes.status("path", &answer.result().unwrap_err());
        notes.called(&caller, 1);
    }
}

/// What belongs into a field for the call to get further, if that is known.
fn good(rpc: &Rpc, field: &Field, stored: &str, file: &[u8]) -> Vec<u8> {
    let tenant = || "tenants/acme".to_owned();
    let text = match (rpc.name.as_str(), field.name.as_str()) {
        ("UploadCredential", "ion_api_file") => file.to_vec(),
        ("ActivateCredentialVersion", "name") => format!("{}/versions/1", full(stored)).into(),
        ("ListCredentials" | "ListAuditEvents", "parent") => tenant().into(),
        (_, "name" | "parent" | "credential.name") => full(stored).into(),
        _ => return Vec::new(),
    };
    written(&field.numbers, &text)
}

/// All fields below a type that hold text or bytes. No type of ours holds itself.
fn texts(set: &FileDescriptorSet, of: &str) -> Vec<Field> {
    let mut texts = Vec::new();
    for field in &message(set, of).field {
        let number = u64::try_from(field.number()).unwrap();
        let kind = field.r#type();
        if matches!(kind, Type::String | Type::Bytes) {
            texts.push(Field { name: field.name().to_owned(), numbers: vec![number] });
        } else if kind == Type::Message {
            let inner = self::texts(set, field.type_name()).into_iter();
            texts.extend(inner.map(|Field { name, numbers }| Field {
                name: format!("{}.{name}", field.name()),
                numbers: [vec![number], numbers].concat(),
            }));
        }
    }
    texts
}

/// The message of that full name, such as `.ionvault.v1.Credential`; a map's entry lies in another.
fn message(set: &FileDescriptorSet, full_name: &str) -> DescriptorProto {
    for file in &set.file {
        let inside = full_name.strip_prefix(&format!(".{}.", file.package()));
        let mut names = inside.into_iter().flat_map(|names| names.split('.'));
        let Some(outermost) = names.next() else { continue };
        let mut found = file.message_type.iter().find(|message| message.name() == outermost);
        for name in names {
            found = found.and_then(|it| it.nested_type.iter().find(|it| it.name() == name));
        }
        if let Some(found) = found {
            return found.clone();
        }
    }
    panic!("{full_name} is not in the descriptors");
}

/// A field as it is on the wire (length-delimited, within the fields on the way to it). Of a field
/// that is there twice the last counts, and messages are merged.
fn written(numbers: &[u64], text: &[u8]) -> Vec<u8> {
    const LENGTH_DELIMITED: u64 = 2;
    let mut inner = text.to_vec();
    for number in numbers.iter().rev() {
        let mut outer = Vec::new();
        prost::encoding::encode_varint(number << 3 | LENGTH_DELIMITED, &mut outer);
        prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        inner = outer;
    }
    inner
}

fn descriptors() -> FileDescriptorSet {
    FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap()
}

/// No message has so many.
const UNKNOWN_FIELD: u64 = 1000;
