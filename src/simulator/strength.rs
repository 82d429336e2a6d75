//! Authentication strengths: the three that every tenant has, and one that is too weak for MFA.

/// A named set of ways to sign in.
pub(super) struct Strength {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) built_in: bool,
    /// Whether every way in it is MFA.
    pub(super) mfa: bool,
    pub(super) combinations: &'static [&'static str],
}

/// As they are listed.
pub(super) const STRENGTHS: [Strength; 4] = [
    Strength {
        id: "00000000-0000-0000-0000-000000000002",
        name: "Multifactor authentication",
        description: "Every pair of factors that counts, telephones among them",
        built_in: true,
        mfa: true,
        combinations: &[
            "windowsHelloForBusiness",
            "fido2",
            "x509CertificateMultiFactor",
            "deviceBasedPush",
            "temporaryAccessPassOneTime",
            "temporaryAccessPassMultiUse",
            "password,microsoftAuthenticatorPush",
            "password,softwareOath",
            "password,hardwareOath",
            "password,sms",
            "password,voice",
            "federatedMultiFactor",
        ],
    },
    Strength {
        id: "00000000-0000-0000-0000-000000000003",
        name: "Passwordless MFA",
        description: "Two factors, and no password among them",
        built_in: true,
        mfa: true,
        combinations: &[
            "windowsHelloForBusiness",
            "fido2",
            "x509CertificateMultiFactor",
            "deviceBasedPush",
        ],
    },
    PHISHING_RESISTANT,
    SINGLE_FACTOR,
];

pub(super) const PHISHING_RESISTANT: Strength = Strength {
    id: "00000000-0000-0000-0000-000000000004",
    name: "Phishing-resistant MFA",
    description: "Keys and certificates that know whom they talk to",
    built_in: true,
    mfa: true,
    combinations: &["windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor"],
};

/// Made by an administrator who did not know what makes MFA.
pub(super) const SINGLE_FACTOR: Strength = Strength {
    id: "7c1f3a52-4e0d-4b7a-9f16-2d5c8be09a41",
    name: "Imported baseline",
    description: "Came with a template",
    built_in: false,
    mfa: false,
    combinations: &["password", "x509CertificateSingleFactor"],
};
