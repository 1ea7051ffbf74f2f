#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| segment_cli::fuzzing::repl_parser(bytes));
