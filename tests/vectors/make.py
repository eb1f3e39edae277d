#!/usr/bin/env python3
"""Writes the vectors beside it, from the tables in the documentation of `sealing` alone.

It shares no code with ionvault: AES-GCM and HKDF come from the `cryptography` package. All keys
and salts are invented and fixed, so running it again changes no byte:

    pip install cryptography && python3 tests/vectors/make.py && git diff --exit-code tests/vectors
"""

import hashlib
import hmac
import pathlib
import shutil

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HERE = pathlib.Path(__file__).parent
FORMAT = b"IONV\x01\x01"


def invented(name, length=32):
    """Bytes that look random and are the same each time."""
    return hashlib.shake_256(b"ionvault test vector: " + name.encode()).digest(length)


def expand(key, salt, info):
    return HKDF(SHA256(), 32, salt, info).derive(key)


def prefixed(fields):
    return b"".join(len(field).to_bytes(8, "big") + field for field in fields)


def envelope(key, purpose, aad, plaintext, salt, nonce=bytes(12), commitment=None):
    label = b"ionvault/1/" + purpose
    commitment = commitment or expand(key, salt, label + b"/commitment")
    return salt + commitment + AESGCM(expand(key, salt, label + b"/key")).encrypt(nonce, plaintext, aad)


def aad_fields(place, key_version):
    return {
        "format": FORMAT,
        "store": place["store"],
        "tenant": place["tenant"],
        "kind": bytes([place["kind"]]),
        "id": place["id"],
        "version": place["version"].to_bytes(4, "big"),
        "key-version": key_version.to_bytes(4, "big"),
    }


def record(place, key, key_version, fields, salt, purpose=b"record", aad=None, plaintext=None, **more):
    if aad is None:
        aad = prefixed(aad_fields(place, key_version).values())
    head = FORMAT + bytes([place["kind"]]) + place["tenant"] + key_version.to_bytes(4, "big")
    return head + envelope(key, purpose, aad, prefixed(fields), salt, **more)


def write(folder, name, lines):
    text = f"ionvault {folder} vector 1\n"
    for key, value in lines.items():
        if isinstance(value, bytes):
            value = value.hex()
        text += f"{key}: {value}".rstrip() + "\n"
    (HERE / folder / f"{name}.txt").write_text(text)


def write_record(name, why, expect, place, key, key_version, bytes_, fields=None, salt=None):
    lines = {"why": why, "expect": expect, "key": key, "key-version": key_version}
    lines |= place
    if fields is not None:
        lines |= {"salt": salt, "fields": " ".join(field.hex() or "-" for field in fields)}
    write("record", name, lines | {"record": bytes_})


def flipped(bytes_, at, bit=0):
    changed = bytearray(bytes_)
    changed[at] ^= 1 << bit
    return bytes(changed)


def put(bytes_, at, new):
    return bytes_[:at] + new + bytes_[at + len(new):]


def records():
    key, salt = invented("tenant key"), invented("salt")
    base = {
        "store": invented("store", 16),
        "tenant": invented("tenant", 16),
        "kind": 2,
        "id": b"\x02" + invented("tenant name") + invented("credential name"),
        "version": 0,
    }
    fields = [b'{"labels":{}}', invented("a field", 20)]

    def good(name, why, place=base, key_version=1, fields=fields):
        salt = invented(name)
        bytes_ = record(place, key, key_version, fields, salt)
        write_record(name, why, "opens", place, key, key_version, bytes_, fields, salt)

    good("good-credential", "as it should be")
    good("good-tenant", "as it should be", base | {"kind": 1, "id": b"\x01" + invented("tenant name")})
    good("good-version-file", "as it should be, with the number of a version",
         base | {"kind": 3, "version": 7, "id": b"\x03" + invented("three names", 96)})
    good("good-request-id", "as it should be", base | {"kind": 4})
    good("good-no-fields", "a payload may be empty", fields=[])
    good("good-empty-field", "a field may be empty", fields=[b"", b"a", b""])
    good("good-one-byte-id", "the shortest id", base | {"id": b"\x02"})
    good("good-highest-versions", "both versions are whole 32-bit numbers",
         base | {"kind": 3, "version": 2**32 - 1}, key_version=2**32 - 1)
    good("good-long", "more than a block, and not a whole number of blocks", fields=[invented("long", 4_101)])

    whole = record(base, key, 1, fields, salt)

    def bad(name, why, bytes_, expect="not-authentic", place=base, key=key, key_version=1):
        write_record(name, why, expect, place, key, key_version, bytes_)

    bad("tag-last-bit", "tag's last bit flipped", flipped(whole, -1))
    bad("tag-first-bit", "tag's first bit flipped", flipped(whole, -16, 7))
    bad("ciphertext-bit", "one bit of the ciphertext flipped", flipped(whole, 91))
    bad("commitment-bit", "one bit of the commitment flipped", flipped(whole, 59))
    bad("salt-bit", "one bit of the salt flipped", flipped(whole, 27))
    bad("commitment-of-another-key", "the ciphertext is right, the commitment is another key's",
        record(base, key, 1, fields, salt, commitment=expand(invented("other"), salt, b"ionvault/1/record/commitment")))
    bad("commitment-zero", "the ciphertext is right, the commitment is zeros",
        put(whole, 59, bytes(32)))
    bad("nonce-not-zero", "the nonce must be 12 zero bytes", record(base, key, 1, fields, salt, nonce=b"\x01" + bytes(11)))
    bad("sealed-as-keyring", "derived under the labels of a keyring", record(base, key, 1, fields, salt, purpose=b"keyring"))
    bad("sealed-as-store-key", "derived under the labels of a store key", record(base, key, 1, fields, salt, purpose=b"store-key"))
    bad("key-without-salt", "the key was used without derivation", whole[:91] + AESGCM(key).encrypt(
        bytes(12), prefixed(fields), prefixed(aad_fields(base, 1).values())))
    bad("cut-by-one", "the last byte is missing", whole[:-1])
    bad("tag-missing", "the tag is missing", whole[:-16])
    bad("appended", "one byte too many", whole + b"\x00")
    bad("ciphertext-missing", "only a header and a tag", whole[:91] + whole[-16:])

    bad("empty", "no bytes at all", b"", "shape")
    bad("header-only", "ends behind the commitment", whole[:91], "shape")
    bad("shorter-than-a-tag", "one byte less than a header and a tag", whole[:106], "shape")
    bad("magic", "another magic", put(whole, 0, b"IONK"), "shape")
    bad("format-0", "there was no such format", put(whole, 4, b"\x00"), "unknown")
    bad("format-2", "a newer format", put(whole, 4, b"\x02"), "unknown")
    bad("suite-2", "a newer suite", put(whole, 5, b"\x02"), "unknown")
    bad("kind-0", "there was no such kind", put(whole, 6, b"\x00"), "unknown")
    bad("kind-255", "a newer kind", put(whole, 6, b"\xff"), "unknown")
    bad("header-key-version", "the header names another key than the reader's", put(whole, 23, bytes([0, 0, 0, 2])), "other-key")

    bad("other-key", "another key of the same version", whole, key=invented("other"))
    bad("other-store", "opened in another store", whole, place=base | {"store": invented("other", 16)})
    bad("other-id", "opened under another id", whole, place=base | {"id": base["id"][:-1] + b"\x00"})
    bad("shorter-id", "opened under a prefix of its id", whole, place=base | {"id": base["id"][:33]})
    bad("other-version", "opened as another version", whole, place=base | {"version": 1})
    bad("other-tenant", "opened as another tenant's", whole, place=base | {"tenant": invented("other", 16)})
    bad("other-tenant-header", "opened as another tenant's, and the header agrees",
        put(whole, 7, invented("other", 16)), place=base | {"tenant": invented("other", 16)})
    bad("header-tenant", "the header names another tenant than the place", put(whole, 7, invented("other", 16)))
    bad("other-kind", "opened as another kind", whole, place=base | {"kind": 3})
    bad("other-kind-header", "opened as another kind, and the header agrees", put(whole, 6, b"\x03"), place=base | {"kind": 3})
    bad("header-kind", "the header names another kind than the place", put(whole, 6, b"\x03"))
    bad("other-key-version-header", "the same key as another version, and the header agrees",
        put(whole, 23, bytes([0, 0, 0, 2])), key_version=2)

    parts = aad_fields(base, 1)
    for name in parts:
        rest = [value for key, value in parts.items() if key != name]
        bad(f"aad-without-{name}", f"sealed without the {name} in the associated data",
            record(base, key, 1, fields, salt, aad=prefixed(rest)))
    bad("aad-empty", "sealed without associated data", record(base, key, 1, fields, salt, aad=b""))
    bad("aad-not-prefixed", "sealed with associated data that run together",
        record(base, key, 1, fields, salt, aad=b"".join(parts.values())))
    bad("aad-reversed", "sealed with the associated data in another order",
        record(base, key, 1, fields, salt, aad=prefixed(reversed(parts.values()))))


def keyrings():
    root, store_key, blinding = invented("root key"), invented("store key"), invented("blinding key")
    store = invented("store", 16)
    root_id = hmac.new(root, b"ionvault/1/root-key-id", hashlib.sha256).hexdigest()[:32]
    root_text = f"ionvault root key 1\nid  {root_id}\nkey {root.hex()}\n".encode()

    def context(version=1):
        return b"IONK\x01\x01" + store + version.to_bytes(4, "big")

    def short(field):
        return len(field).to_bytes(2, "big") + field

    wrapped = envelope(root, b"store-key", context(), store_key, invented("wrap salt"))

    def keyring(version=1, root_id=root_id.encode(), wrapped=wrapped, purpose=b"keyring", key=store_key,
                fields=(blinding,), aad=None):
        head = context(version) + short(root_id) + short(wrapped)
        return head + envelope(key, purpose, head if aad is None else aad, prefixed(fields), invented("keyring salt"))

    def hashed(label, sort, parts):
        return hmac.new(blinding, prefixed([label, bytes([sort]), *parts]), hashlib.sha256).digest()

    def blind(kind, names):
        return bytes([kind]) + b"".join(
            hashed(b"ionvault/1/blind", kind, names[:end + 1]) for end in range(len(names)))

    def case(name, why, expect, bytes_, **more):
        write("keyring", name, {"why": why, "expect": expect, "root-key-file": root_text, "store-key": store_key,
                                "keyring": bytes_} | more)

    case("good", "as it should be: from the root key file down to a name", "unlocks", keyring(),
         **{"store": store, "blind": blind(3, [b"acme", b"erp", b"7"]),
            "keyed-hash": hashed(b"ionvault/1/keyed-hash", 2, [b"ab", b"c"])})
    whole = keyring()
    case("tag-last-bit", "the envelope's tag is changed", "not-authentic", flipped(whole, -1))
    case("store-changed", "made for another store", "not-authentic", put(whole, 6, invented("other", 16)))
    case("version-changed", "the version of the store key is changed", "not-authentic", put(whole, 22, bytes([0, 0, 0, 2])))
    case("root-key-id-changed", "one character of the root key's id is changed", "not-authentic", flipped(whole, 28))
    case("wrapped-changed", "one bit of the wrapped store key is changed", "not-authentic", flipped(whole, 28 + 32 + 2))
    case("sealed-as-record", "derived under the labels of a record", "not-authentic", keyring(purpose=b"record"))
    case("sealed-with-root-key", "sealed with the root key itself", "not-authentic", keyring(key=root))
    case("aad-empty", "sealed without associated data", "not-authentic", keyring(aad=b""))
    case("two-fields", "the blinding key is cut into two fields", "not-authentic", keyring(fields=(blinding[:12], blinding[20:])))
    case("empty", "no bytes at all", "shape", b"")
    case("magic", "a record's magic", "shape", put(whole, 0, b"IONV"))
    case("format-2", "a newer format", "unknown", put(whole, 4, b"\x02"))
    case("suite-2", "a newer suite", "unknown", put(whole, 5, b"\x02"))
    case("version-0", "versions count from 1", "shape", keyring(version=0))
    case("root-key-id-empty", "the root key must have an id", "shape", keyring(root_id=b""))
    case("root-key-id-space", "an id is visible ASCII", "shape", keyring(root_id=b"a b"))
    case("root-key-id-too-long", "2,049 characters", "shape", keyring(root_id=b"a" * 2049))
    case("wrapped-empty", "there must be a wrapped store key", "shape", keyring(wrapped=b""))
    case("wrapped-too-long", "4,097 bytes", "shape", keyring(wrapped=bytes(4097)))
    case("three-fields", "the envelope is longer than one key", "shape", keyring(fields=(blinding, b"", b"")))
    case("cut-by-one", "the last byte is missing", "shape", whole[:-1])
    case("appended", "a line feed too many", "shape", whole + b"\n")


if __name__ == "__main__":
    for folder in "record", "keyring":
        shutil.rmtree(HERE / folder, ignore_errors=True)
        (HERE / folder).mkdir()
    records()
    keyrings()
