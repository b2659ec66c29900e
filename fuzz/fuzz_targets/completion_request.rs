//! Completion requests.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenfold_protocol::probe::completion_request(data));
