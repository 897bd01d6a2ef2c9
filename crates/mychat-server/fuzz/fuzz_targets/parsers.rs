#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mychat_server_fuzz::parsers(data));
