//! MPEG-4 part 2: random access points (ISO/IEC 14496-2, 6.2). Its sequence is not looked into.

use super::{Look, nal};

/// Looks at the start of an access unit: configuration headers or an I-VOP make it a place to start at.
pub(super) fn look(es: &[u8]) -> Look {
    let mut look = Look::default();
    for at in nal::starts(es) {
        let Some(&code) = es.get(at) else { break };
        match code {
            0x00..=0x2f | 0xb0 | 0xb5 => look.picture(true),
            0xb6 => {
                let Some(&coding) = es.get(at + 1) else { break };
                look.picture(coding >> 6 == 0);
            }
            _ => continue,
        }
        break;
    }
    look
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_decoding_can_start() {
        assert_eq!(look(&[0, 0, 1, 0xb3, 0, 0, 1, 0xb6, 0x10]).key, Some(true));
        assert_eq!(look(&[0, 0, 1, 0xb6, 0x50]).key, Some(false));
        assert_eq!(look(&[0, 0, 1, 0xb0, 1]).key, Some(true));
        assert_eq!(look(&[0, 0, 1, 0xb6]).key, None);
    }
}
