//! Files of any content, as a scan reads them. What is found lies in the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toru_host::discovery::{elf, seal};

fuzz_target!(|file: &[u8]| {
    if let Ok(found) = elf::find_note(file) {
        let at = usize::try_from(found.offset).expect("an offset in memory");
        assert_eq!(&file[at..at + found.descriptor.len()], found.descriptor);
    }
    let _ = seal::verify(file);
});
