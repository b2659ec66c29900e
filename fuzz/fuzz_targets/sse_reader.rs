//! Server-sent events in any pieces. The first byte says how large the pieces are.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some((piece, bytes)) = data.split_first() {
        tenfold_protocol::probe::sse_reader(bytes, usize::from(*piece));
    }
});
