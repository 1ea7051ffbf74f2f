#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| segment_proto::fuzzing::message_decode(bytes));
