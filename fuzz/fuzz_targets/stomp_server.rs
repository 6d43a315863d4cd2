#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| everywire_fuzz_bodies::stomp_server(data));
