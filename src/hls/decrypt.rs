//! `METHOD=AES-128` (RFC 8216, 4.3.2.4 and 5.2): AES-128 in CBC mode with PKCS #7 padding, undone as it arrives.

use aes::Aes128;
use aes::cipher::{Array, BlockModeDecrypt, KeyIvInit};
use bytes::BytesMut;

const BLOCK: usize = 16;

/// Why a segment could not be decrypted to its end. What [`Decryptor::push`] gave before stays valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// The bytes are no whole number of blocks, or none at all.
    #[error("the encrypted segment is truncated")]
    Truncated,
    /// The last block does not end in padding.
    #[error("the segment's padding is wrong: most likely the key does not belong to it")]
    Padding,
}

/// Decrypts one segment. One block is held back until more arrives, because the last one carries the padding.
pub struct Decryptor {
    cipher: cbc::Decryptor<Aes128>,
    held: [u8; BLOCK],
    held_len: usize,
}

impl std::fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decryptor")
            .field("held_len", &self.held_len)
            .finish_non_exhaustive()
    }
}

impl Decryptor {
    /// For one segment; each starts anew with its own vector.
    pub fn new(key: &[u8; 16], iv: &[u8; 16]) -> Self {
        Self {
            cipher: cbc::Decryptor::new(&(*key).into(), &(*iv).into()),
            held: [0; BLOCK],
            held_len: 0,
        }
    }

    /// Takes encrypted bytes in pieces of any size and appends to `out` what is certain to be content.
    pub fn push(&mut self, data: &[u8], out: &mut BytesMut) {
        if data.is_empty() {
            return;
        }
        let start = out.len();
        out.reserve(self.held_len + data.len());
        out.extend_from_slice(&self.held[..self.held_len]);
        out.extend_from_slice(data);
        // 1 to 16 bytes stay: an incomplete block, or a complete one that may be the last.
        let keep = (out.len() - start - 1) % BLOCK + 1;
        let end = out.len() - keep;
        self.held[..keep].copy_from_slice(&out[end..]);
        self.held_len = keep;
        out.truncate(end);
        let (blocks, _) = Array::slice_as_chunks_mut(&mut out[start..]);
        self.cipher.decrypt_blocks(blocks);
    }

    /// Appends the content of the last block.
    pub fn finish(mut self, out: &mut BytesMut) -> Result<(), DecryptError> {
        if self.held_len != BLOCK {
            return Err(DecryptError::Truncated);
        }
        let mut block = Array::from(self.held);
        self.cipher.decrypt_block(&mut block);
        let padding = usize::from(block[BLOCK - 1]);
        let content = BLOCK
            .checked_sub(padding)
            .filter(|_| padding > 0)
            .ok_or(DecryptError::Padding)?;
        if block[content..].iter().any(|b| usize::from(*b) != padding) {
            return Err(DecryptError::Padding);
        }
        out.extend_from_slice(&block[..content]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::cipher::{BlockModeEncrypt, block_padding::Pkcs7};
    use proptest::prelude::*;

    const KEY: [u8; 16] = *b"sixteen byte key";
    const IV: [u8; 16] = [7; 16];

    fn encrypt(plain: &[u8]) -> Vec<u8> {
        let mut buffer = plain.to_vec();
        buffer.resize(plain.len() + BLOCK, 0);
        let cipher = cbc::Encryptor::<Aes128>::new(&KEY.into(), &IV.into());
        cipher
            .encrypt_padded::<Pkcs7>(&mut buffer, plain.len())
            .unwrap()
            .to_vec()
    }

    fn decrypt(key: &[u8; 16], data: &[u8], piece: usize) -> (Result<(), DecryptError>, Vec<u8>) {
        let (mut decryptor, mut out) = (Decryptor::new(key, &IV), BytesMut::new());
        data.chunks(piece)
            .for_each(|piece| decryptor.push(piece, &mut out));
        let result = decryptor.finish(&mut out);
        (result, out.to_vec())
    }

    #[test]
    fn nist_vector() {
        // SP 800-38A, F.2.2, first block.
        let key = 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes();
        let iv = 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f_u128.to_be_bytes();
        let data = 0x7649_abac_8119_b246_cee9_8e9b_12e9_197d_u128.to_be_bytes();
        let mut out = BytesMut::new();
        let mut decryptor = Decryptor::new(&key, &iv);
        decryptor.push(&data, &mut out);
        assert!(out.is_empty(), "the only block may be the last");
        decryptor.push(&data, &mut out);
        assert_eq!(
            out[..],
            0x6bc1_bee2_2e40_9f96_e93d_7e11_7393_172a_u128.to_be_bytes()
        );
    }

    #[test]
    fn faults_are_told_apart() {
        let data = encrypt(b"a segment that is longer than one block");
        assert_eq!(
            decrypt(&KEY, &data[..data.len() - 1], 7).0,
            Err(DecryptError::Truncated)
        );
        assert_eq!(decrypt(&KEY, &data[..32], 7).0, Err(DecryptError::Padding));
        assert_eq!(decrypt(&[0; 16], &data, 7).0, Err(DecryptError::Padding));
        assert_eq!(decrypt(&KEY, &[], 7).0, Err(DecryptError::Truncated));
        // One block whose last byte alone looks like padding.
        let unpadded = encrypt(b"ends in a two: \x02");
        assert_eq!(
            decrypt(&KEY, &unpadded[..16], 7).0,
            Err(DecryptError::Padding)
        );
        assert!(
            !format!("{:?}", Decryptor::new(&KEY, &IV)).contains("115"),
            "no key in logs"
        );
    }

    proptest! {
        #[test]
        fn any_content_in_any_pieces(plain in prop::collection::vec(any::<u8>(), 0..200), piece in 1_usize..70) {
            let (result, out) = decrypt(&KEY, &encrypt(&plain), piece);
            prop_assert_eq!(result, Ok(()));
            prop_assert_eq!(out, plain);
        }
    }
}
