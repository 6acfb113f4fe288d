//! What a browser is asked to do with a passkey, and whether its answer is right: WebAuthn, by the `webauthn_rp` crate. Always with a
//! passkey that says by itself whose it is, and always with the PIN, finger or face of its owner.

use crate::core::UserId;
use crate::store::passkey::Passkey;
use crate::store::user::User;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::num::NonZeroU32;
use webauthn_rp::bin::{Decode as _, Encode as _};
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::{
    CredProtect, Nickname, PublicKeyCredentialUserEntity, RegistrationVerificationOptions, UserHandle, Username,
};
use webauthn_rp::request::{AsciiDomain, PublicKeyCredentialDescriptor, RpId};
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthenticationServerState, DiscoverableCredentialRequestOptions,
    PublicKeyCredentialCreationOptions, Registration, RegistrationServerState,
};

/// Minutes in which a browser has to answer.
pub(super) const MINUTES: u32 = 2;
const MILLISECONDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(MINUTES * 60_000 - 1);
/// Bytes of what a device knows somebody by.
const HANDLE: usize = 32;

type Key = StaticState<CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>>;
type Shown = webauthn_rp::response::auth::DiscoverableAuthentication<HANDLE>;

/// Under what name the portal is known to devices, and from which pages answers are taken.
pub(in super::super) struct Party {
    id: RpId,
    origin: String,
}

impl Party {
    /// By the portal's public address; else the host that was asked for, if it is `localhost`. A passkey belongs to a name, and
    /// browsers offer none where a page could have been changed on its way.
    pub(super) fn of(public: Option<&str>, asked: Option<&str>) -> Option<Self> {
        let named = public.and_then(|public| Self::at(public, |_| true));
        named.or_else(|| Self::at(&format!("http://{}", asked?), |name| name == "localhost"))
    }

    fn at(address: &str, known: impl Fn(&str) -> bool) -> Option<Self> {
        let address = url::Url::parse(address).ok()?;
        let Some(url::Host::Domain(name)) = address.host() else { return None };
        if !known(name) || (address.scheme() != "https" && name != "localhost") {
            return None;
        }
        let id = RpId::Domain(AsciiDomain::try_from(name.to_owned()).ok()?);
        Some(Self { id, origin: address.origin().ascii_serialization() })
    }
}

/// What a browser is asked, and what has to be kept until it answers.
pub(super) struct Question {
    /// Names it; the answer does so too.
    pub(super) challenge: String,
    /// What the answer is compared with.
    pub(super) state: Vec<u8>,
    /// What the browser is told, in JSON.
    pub(super) options: String,
}

fn named(challenge: u128) -> String {
    format!("{challenge:032x}")
}

/// What devices know somebody by: nothing that says who they are.
fn handle(user: &UserId) -> Result<UserHandle<HANDLE>, String> {
    let digest = Sha256::digest(format!("beadle passkey {user}"));
    UserHandle::decode(digest.into()).map_err(|error| error.to_string())
}

/// The texts of the crate's errors name no person.
fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Asks for a new passkey, on another device than those that keep one already.
pub(super) fn ask_for_a_new_one(party: &Party, user: &User, has: &[Passkey]) -> Result<Question, String> {
    let id = handle(&user.id)?;
    let mut known = Vec::new();
    for passkey in has {
        let credential = URL_SAFE_NO_PAD.decode(&passkey.credential).map_err(said)?;
        let id = CredentialId::<Vec<u8>>::decode(credential).map_err(said)?;
        known.push(PublicKeyCredentialDescriptor { id, transports: AuthTransports::decode(0).map_err(said)? });
    }
    // Devices show both; a name they could not show is no reason to refuse.
    let name = Username::try_from(user.user_name.as_str()).or_else(|_| Username::try_from("beadle")).map_err(said)?;
    let entity =
        PublicKeyCredentialUserEntity { name, id: &id, display_name: Nickname::try_from(user.name.as_str()).ok() };
    let mut options = PublicKeyCredentialCreationOptions::passkey(&party.id, entity, known);
    options.timeout = MILLISECONDS;
    // Not every device can promise this; that its owner showed who they are is asked for with every answer.
    options.extensions.cred_protect = CredProtect::None;
    let challenge = named(options.challenge.as_data());
    let (server, client) = options.start_ceremony().map_err(said)?;
    let options = serde_json::to_string(&client).map_err(said)?;
    Ok(Question { challenge, state: server.encode().map_err(said)?, options })
}

/// A new passkey as a browser sent it.
pub(super) struct Made(Registration);

/// What is kept of a new passkey.
pub(super) struct Kept {
    pub(super) credential: String,
    pub(super) key: Vec<u8>,
    pub(super) state: Vec<u8>,
}

impl Made {
    pub(super) fn read(answer: &str) -> Option<Self> {
        Registration::from_json_relaxed(answer.as_bytes()).ok().map(Self)
    }

    /// Which question it answers.
    pub(super) fn challenge(&self) -> Option<String> {
        self.0.challenge_relaxed().ok().map(|sent| named(sent.0))
    }

    /// Whether it is what was asked for.
    pub(super) fn verify(&self, party: &Party, state: &[u8], user: &UserId) -> Result<Kept, String> {
        let state = RegistrationServerState::<HANDLE>::decode(state).map_err(said)?;
        let origins = [party.origin.as_str()];
        let options = RegistrationVerificationOptions::<&str, &str> {
            allowed_origins: &origins,
            error_on_unsolicited_extensions: false,
            ..Default::default()
        };
        let made = state.verify(&party.id, &self.0, &options).map_err(said)?;
        if *made.user_id() != handle(user)? {
            return Err("it was asked for by somebody else".to_owned());
        }
        let key = made.static_state().encode().map_err(said)?;
        let state = made.dynamic_state().encode().map_err(said)?.to_vec();
        Ok(Kept { credential: URL_SAFE_NO_PAD.encode(made.id().as_ref()), key, state })
    }
}

/// Asks for any passkey of somebody's.
pub(super) fn ask_for_one(party: &Party) -> Result<Question, String> {
    let mut options = DiscoverableCredentialRequestOptions::passkey(&party.id);
    options.0.timeout = MILLISECONDS;
    let challenge = named(options.0.challenge.as_data());
    let (server, client) = options.start_ceremony().map_err(said)?;
    let options = serde_json::to_string(&client).map_err(said)?;
    Ok(Question { challenge, state: server.encode().map_err(said)?, options })
}

/// What a browser sent that was asked for a passkey.
pub(super) struct Answer(Shown);

impl Answer {
    pub(super) fn read(answer: &str) -> Option<Self> {
        Shown::from_json_relaxed(answer.as_bytes()).ok().map(Self)
    }

    /// Which question it answers.
    pub(super) fn challenge(&self) -> Option<String> {
        self.0.challenge_relaxed().ok().map(|sent| named(sent.0))
    }

    /// Which passkey it says it is.
    pub(super) fn credential(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.raw_id().as_ref())
    }

    /// Whether it was made with this passkey; what is to be kept of it from now on.
    pub(super) fn verify(&self, party: &Party, state: &[u8], passkey: &Passkey) -> Result<Vec<u8>, String> {
        let state = DiscoverableAuthenticationServerState::decode(state).map_err(said)?;
        let user = handle(&passkey.user_id)?;
        let credential = URL_SAFE_NO_PAD.decode(&passkey.credential).map_err(said)?;
        let id = CredentialId::<&[u8]>::decode(credential.as_slice()).map_err(said)?;
        let key = Key::decode(&passkey.key).map_err(said)?;
        let so_far: [u8; 7] = passkey.state.as_slice().try_into().map_err(said)?;
        let so_far = DynamicState::decode(so_far).map_err(said)?;
        let mut known = AuthenticatedCredential::new(id, &user, key, so_far).map_err(said)?;
        let origins = [party.origin.as_str()];
        let options = AuthenticationVerificationOptions::<&str, &str> {
            allowed_origins: &origins,
            error_on_unsolicited_extensions: false,
            ..Default::default()
        };
        state.verify(&party.id, &self.0, &mut known, &options).map_err(said)?;
        Ok(known.dynamic_state().encode().map_err(said)?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(public: Option<&str>, asked: Option<&str>) -> Option<(String, String)> {
        Party::of(public, asked).map(|party| (party.id.as_ref().to_owned(), party.origin))
    }

    #[test]
    fn passkeys_belong_to_the_public_name_or_to_this_machine_by_its_name() {
        let known = |id: &str, origin: &str| Some((id.to_owned(), origin.to_owned()));
        let public = Some("https://cases.council.example/");
        assert_eq!(
            origin(public, Some("evil.example")),
            known("cases.council.example", "https://cases.council.example")
        );
        assert_eq!(origin(Some("https://c.example:8443"), None), known("c.example", "https://c.example:8443"));
        let here = known("localhost", "http://localhost:8080");
        assert_eq!(origin(None, Some("localhost:8080")), here);
        assert_eq!(origin(Some("http://127.0.0.1:8080"), Some("localhost:8080")), here);
        for (public, asked) in [
            (None, None),
            (None, Some("127.0.0.1:8080")),
            (None, Some("evil.example")),
            (None, Some("x@evil.example")),
            (Some("http://cases.council.example"), None),
            (Some("https://192.0.2.1"), Some("[::1]:8080")),
            (Some("not an address"), None),
        ] {
            assert_eq!(origin(public, asked), None, "{public:?} {asked:?}");
        }
    }
}
