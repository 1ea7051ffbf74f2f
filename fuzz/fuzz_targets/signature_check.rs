#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| segment_proto::fuzzing::signature_check(bytes));
