#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| segment_sim::fuzzing::machines(bytes));
