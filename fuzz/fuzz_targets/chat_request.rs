//! Chat requests.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenfold_protocol::probe::chat_request(data));
