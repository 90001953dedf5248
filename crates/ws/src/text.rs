//! The incremental check that text is UTF-8 (RFC 6455 section 8.1).

/// Checks `bytes`, which may stop inside a character, and returns how many of them are whole
/// characters; the at most three bytes after those begin a character that the next bytes may finish.
///
/// `None` as soon as no continuation could make the bytes valid.
pub(crate) fn whole_characters(bytes: &[u8]) -> Option<usize> {
    match simdutf8::compat::from_utf8(bytes) {
        Ok(_) => Some(bytes.len()),
        Err(error) if error.error_len().is_none() => Some(error.valid_up_to()),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_character_waits_for_its_rest() {
        assert_eq!(whole_characters("سلام".as_bytes()), Some(8));
        assert_eq!(whole_characters(&"سلام".as_bytes()[..7]), Some(6));
        assert_eq!(whole_characters(&"a😀".as_bytes()[..4]), Some(1));
        assert_eq!(whole_characters(b""), Some(0));
    }

    #[test]
    fn what_no_continuation_can_mend_fails_at_once() {
        // An overlong form, a surrogate, a code point above U+10FFFF: each fails at its second byte.
        for bytes in [[0xc0, 0xaf], [0xe0, 0x80], [0xed, 0xa0], [0xf4, 0x90]] {
            assert_eq!(whole_characters(&bytes), None, "{bytes:x?}");
        }
        assert_eq!(whole_characters(&[0xed]), Some(0));
        assert_eq!(whole_characters(&[0xf4]), Some(0));
        assert_eq!(whole_characters(&[0x80]), None);
        assert_eq!(whole_characters(&[0xff]), None);
    }
}
