//! The requests to the process that keeps root, and the files that come with one. The process that sends them decodes packets, and
//! may have been taken over.
//!
//! Only requests are a part of the library that others may name, so this target contains the room.
#![no_main]

use keeper::{Request, pack, unpack};
use libfuzzer_sys::fuzz_target;
use library::keeper;

#[allow(dead_code, missing_docs, unreachable_pub, unused_imports)]
#[path = "../../src"]
mod library {
    pub(crate) mod keeper;
}

fuzz_target!(|data: &[u8]| {
    if let Some(request) = Request::decode(data) {
        let encoded = request.encode();
        let again = Request::decode(&encoded).expect("a request of our own");
        assert_eq!(again, request);
    }
    if let Some(files) = unpack(data) {
        assert_eq!(pack(&files).expect("names of a length that was read"), data);
    }
});
