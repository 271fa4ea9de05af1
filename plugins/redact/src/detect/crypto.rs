//! Addresses of wallets: those with checksums, and Ethereum's, which say what they are by their length.

use crate::bytes::{at, is_hex};
use crate::context::Context;
use sha2::{Digest, Sha256};

const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// As XRP has it, with the same letters in another order.
const RIPPLE: &[u8] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";
const BECH32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Whether `word` is an address.
pub(crate) fn is_address(word: &[u8], context: impl FnOnce() -> Context) -> bool {
    match (word.len(), at(word, 0)) {
        // Bitcoin, Litecoin, Dogecoin, Dash, Tron, Zcash
        (25..=36, b'1' | b'3' | b'2' | b'm' | b'n' | b'L' | b'M' | b'D' | b'X' | b'T' | b't') => {
            base58check(word, ALPHABET)
        }
        (25..=35, b'r') => base58check(word, RIPPLE),
        (42, b'0') => word.starts_with(b"0x") && word.iter().skip(2).all(|byte| is_hex(*byte)) && !is_uniform(word),
        // Monero: its checksum is of another hash, but no other word of 95 characters is of these letters.
        (95, b'4' | b'8') => word.iter().all(|byte| ALPHABET.contains(byte)),
        // Solana has no checksum: only what a word for it precedes.
        (32..=44, _) if word.iter().all(|byte| ALPHABET.contains(byte)) => context().has(Context::WALLET),
        (14..=110, b'b' | b't' | b'l' | b'a' | b'c') => bech32(word),
        _ => false,
    }
}

fn is_uniform(word: &[u8]) -> bool {
    word.get(2..)
        .is_some_and(|digits| digits.iter().all(|digit| Some(digit) == digits.first()))
}

/// A version of one byte or two, 20 bytes, and the first four of their hash.
fn base58check(word: &[u8], alphabet: &[u8]) -> bool {
    let mut number = [0u8; 26];
    for byte in word {
        let Some(digit) = alphabet.iter().position(|letter| letter == byte) else {
            return false;
        };
        let mut carry = digit as u32;
        for slot in number.iter_mut().rev() {
            carry += u32::from(*slot) * 58;
            *slot = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    [1, 0].iter().any(|skip| {
        let Some((body, sum)) = number.get(*skip..).and_then(<[u8]>::split_last_chunk::<4>) else {
            return false;
        };
        let hash = Sha256::digest(Sha256::digest(body));
        hash.starts_with(sum) && body.iter().any(|byte| *byte != 0)
    })
}

/// BIP 173 and 350: a name, a 1, and letters with a checksum.
fn bech32(word: &[u8]) -> bool {
    const NAMES: [&[u8]; 6] = [b"bc", b"tb", b"ltc", b"addr", b"cosmos", b"bcrt"];
    let starts = |name: &&&[u8]| word.starts_with(name) && word.get(name.len()) == Some(&b'1');
    let Some((name, [_, data @ ..])) = NAMES
        .iter()
        .find(starts)
        .and_then(|name| word.split_at_checked(name.len()))
    else {
        return false;
    };
    if data.len() < 8 {
        return false;
    }
    let step = |sum: u32, value: u32| {
        const GENERATORS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        let top = sum >> 25;
        let base = (sum & 0x01ff_ffff) << 5 ^ value;
        GENERATORS
            .iter()
            .enumerate()
            .filter(|(bit, _)| top >> bit & 1 == 1)
            .fold(base, |sum, (_, generator)| sum ^ generator)
    };
    let high = name.iter().map(|byte| u32::from(byte >> 5));
    let low = name.iter().map(|byte| u32::from(byte & 31));
    let mut sum = high.chain([0]).chain(low).fold(1, step);
    for byte in data {
        let Some(value) = BECH32.iter().position(|letter| letter == byte) else {
            return false;
        };
        sum = step(sum, value as u32);
    }
    matches!(sum, 1 | 0x2bc8_30a3)
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::found;

    #[test]
    fn addresses() {
        for address in [
            // The genesis block, BIP 173, BIP 350, EIP 55, and others from the wikis of their coins.
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
        ] {
            assert_eq!(
                found(&format!("to {address}, please")),
                [("crypto", address)],
                "{address}"
            );
        }
        for address in [
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            "0x0000000000000000000000000000000000000000",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
            "1111111111111111111114oLvT2x",
        ] {
            assert_eq!(found(&format!("to {address}, please")), [], "{address}");
        }
    }
}
