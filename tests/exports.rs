//! What the executable gives the libraries that it loads.
#![cfg(feature = "accounting")]

use std::collections::BTreeSet;

/// What libraries must find in the executable, whoever loads them and when.
const EXPORTED: [&str; 11] = [
    "malloc",
    "calloc",
    "realloc",
    "free",
    "posix_memalign",
    "aligned_alloc",
    "memalign",
    "valloc",
    "pvalloc",
    "malloc_usable_size",
    "pthread_create",
];

#[test]
fn the_executable_is_the_allocator_of_its_libraries() {
    let file = std::fs::read(env!("CARGO_BIN_EXE_sightglass")).unwrap();
    let exported = exported(&file).expect("a 64-bit little-endian executable");
    let missing: Vec<_> = EXPORTED
        .iter()
        .filter(|name| !exported.contains(**name))
        .collect();
    assert!(missing.is_empty(), "not exported: {missing:?}");
    // What the executable only uses does not count.
    assert!(!exported.contains("g_slice_set_config"));
}

/// The names of functions that the dynamic symbol table of an ELF file defines.
fn exported(file: &[u8]) -> Option<BTreeSet<String>> {
    const DYNAMIC_SYMBOLS: u32 = 11;
    const FUNCTION: u8 = 2;
    let half = |at: usize| Some(u16::from_le_bytes(file.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| {
        let bytes = file.get(at..at + 8)?.try_into().ok()?;
        usize::try_from(u64::from_le_bytes(bytes)).ok()
    };
    if !file.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, size) = (long(0x28)?, usize::from(half(0x3a)?));
    let section = |index: usize| table + index * size;
    let symbols = (0..usize::from(half(0x3c)?))
        .map(section)
        .find(|&at| word(at + 4) == Some(DYNAMIC_SYMBOLS))?;
    let names = long(section(word(symbols + 0x28)? as usize) + 0x18)?;
    let (start, len) = (long(symbols + 0x18)?, long(symbols + 0x20)?);
    let mut found = BTreeSet::new();
    for at in (start..start + len).step_by(24) {
        let is_defined = half(at + 6)? != 0;
        if is_defined && file.get(at + 4)? & 0xf == FUNCTION {
            let name = file.get(names + word(at)? as usize..)?;
            let end = name.iter().position(|&byte| byte == 0)?;
            found.insert(String::from_utf8_lossy(&name[..end]).into_owned());
        }
    }
    Some(found)
}
