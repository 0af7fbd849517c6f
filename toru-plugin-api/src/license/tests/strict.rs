//! A signature that only whoever has the secret can make, and that is refused nevertheless.

use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};

use super::{Ed25519, INSTANCE, LicenseError, LicenseVerifier};

/// Of the first example of RFC 8032, section 7.1.
const PUBLIC_KEY: [u8; 32] = [
    215, 90, 152, 1, 130, 177, 10, 183, 213, 75, 254, 211, 201, 100, 7, 58, 14, 225, 114, 243, 218, 166, 35,
    37, 175, 2, 26, 104, 247, 7, 81, 26,
];

/// Signed with the neutral point in place of a random one, so that one half of the signature is the same for all texts. Made
/// from the secret by the equation of RFC 8032, section 5.1.7: S = k a, with R = 0.
const KEY: &str = "toru1.ed25519.2026.eyJpbnN0YW5jZSI6IjlmMWMyZjBlLThmNmUtNGYwYi05ZjBiLTBhMWIyYzNkNGU1ZiIsImlzc3VlZCI6I\
    jIwMjYtMDEtMzEiLCJwbHVnaW4iOiJteS1wbHVnaW4ifQ.AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACPSCMoWWL8ml\
    eWlvdkTA5wMMV_eotYuSaurZgIx_IYDg";

#[test]
fn a_signature_of_small_order_is_refused_though_the_equation_holds() {
    let (signed, signature) = KEY.rsplit_once('.').unwrap();
    let signature = super::super::decode(signature).unwrap();
    let lenient = VerifyingKey::from_bytes(&PUBLIC_KEY).unwrap();
    let parsed = Signature::from_slice(&signature).unwrap();
    assert!(
        lenient.verify(signed.as_bytes(), &parsed).is_ok(),
        "without the strict check it would be accepted"
    );
    let verifier = LicenseVerifier::<Ed25519>::new("my-plugin")
        .key("2026", &PUBLIC_KEY)
        .unwrap();
    assert_eq!(
        verifier.verify(KEY, INSTANCE),
        Err(LicenseError::InvalidSignature)
    );
}
