//! Requests of the Anthropic API, and what they are translated to.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenfold_protocol::probe::messages_request(data));
