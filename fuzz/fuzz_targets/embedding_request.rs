//! Embedding requests.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenfold_protocol::probe::embedding_request(data));
