//! The requests to the process that keeps root. The one that sends them decodes packets, and may have been taken over.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ovlsniff::keeper::Request;

fuzz_target!(|data: &[u8]| {
    let Some(request) = Request::decode(data) else { return };
    let encoded = request.encode();
    let again = Request::decode(&encoded).expect("a request of our own");
    assert_eq!(again, request);
});
