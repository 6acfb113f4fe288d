//! Single sign-on by OpenID Connect: who somebody is, said by a provider that the council trusts.
//!
//! Authorization code flow with PKCE. What the provider is and which keys it signs with is fetched when it is first needed, again
//! after an hour, and once more where a token is signed with a key that is not known. Tokens are used once and kept nowhere.

use super::http::{client, is_protected, read};
use super::{Secret, SettingsError, one_line};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreIdToken, CoreJwsSigningAlgorithm as Algorithm,
    CoreProviderMetadata,
};
use openidconnect::{
    AdditionalClaims, AsyncHttpClient, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, TokenResponse as _, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use url::Url;

/// How long a provider may take for one answer.
const LIMIT: Duration = Duration::from_secs(10);
/// After so long the provider is asked anew what it is: it may have taken back a key.
const AGE: Duration = Duration::from_secs(3600);
/// After the provider could not be asked, so long nobody asks it again, nor waits for it.
const PAUSE: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const MOST_ANSWER: usize = 256 * 1024;
/// How far the provider's clock and ours may be apart, in seconds.
const SKEW: i64 = 120;
/// With these a provider may sign: with a key that only it has.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// The provider, and what it knows us by.
#[derive(Clone, Debug)]
pub struct OpenIdSettings {
    /// What the provider calls itself; its description stands below it.
    pub issuer: String,
    /// What the provider calls us.
    pub client_id: String,
    /// What we show it; a public client has none.
    pub secret: Option<Secret>,
    /// Which claim names a person as the administrator wrote it down.
    pub claim: String,
    /// Where the provider sends people back to: registered with it.
    pub redirect: Url,
    /// The provider as people know it.
    pub name: String,
}

/// Why nobody was signed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignOnError {
    /// The provider does not answer, or not as a provider does. One line, without an address.
    #[error("the provider of sign-ons cannot be asked: {0}")]
    Away(String),
    /// The provider, or what it said, does not let them in.
    #[error("the sign-on is refused: {0}")]
    Refused(String),
}

/// A sign-on that was begun: what the browser has to show again when it comes back.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The provider's page.
    pub url: Url,
    /// Comes back in the address.
    pub state: String,
    /// Comes back in the token.
    pub nonce: String,
    /// Shows that whoever ends it began it.
    pub verifier: String,
}

/// Who signed on, as the provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Somebody {
    /// The provider.
    pub issuer: String,
    /// Who, for ever.
    pub subject: String,
    /// What they are called now, in lower case, where the provider says so.
    pub name: Option<String>,
}

/// The way to the provider.
#[derive(Debug)]
pub struct SignOn {
    settings: OpenIdSettings,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    way: Way,
    known: Mutex<Known>,
}

/// What is known of the provider.
#[derive(Debug, Default)]
struct Known {
    /// What it said last, and when.
    said: Option<(Arc<CoreProviderMetadata>, Instant)>,
    /// Why it could not be asked last, and when that was.
    failed: Option<(SignOnError, Instant)>,
}

/// Claims of a council's own, such as `upn`, beside those that everybody knows.
#[derive(Debug, Deserialize, Serialize)]
struct Own {
    #[serde(flatten)]
    claims: serde_json::Map<String, Value>,
}

impl AdditionalClaims for Own {}

/// What stopped a request to the provider, without an address.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

/// Asks the provider; no redirect is followed.
#[derive(Clone, Debug)]
struct Way(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Way {
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Failed>> + Send>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        let way = self.0.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request);
            let request = request.map_err(|_| Failed("the request cannot be made".to_owned()))?;
            let answer = way.execute(request).await.map_err(|error| Failed(super::http::cause(&error)))?;
            let mut response = openidconnect::http::Response::builder().status(answer.status());
            for (name, value) in answer.headers() {
                response = response.header(name, value);
            }
            let (body, more) = read(answer, MOST_ANSWER).await.map_err(Failed)?;
            if more {
                return Err(Failed("its answer is too long".to_owned()));
            }
            response.body(body).map_err(|_| Failed("its answer cannot be read".to_owned()))
        })
    }
}

impl SignOn {
    /// Nothing is fetched yet.
    ///
    /// # Errors
    /// When the addresses are none, or would be asked in the clear over a network.
    pub fn new(settings: OpenIdSettings) -> Result<Self, SettingsError> {
        let wrong = |why: String| SettingsError(why);
        let url = Url::parse(&settings.issuer).map_err(|why| wrong(format!("issuer is no address: {why}")))?;
        if !is_protected(&url) {
            return Err(wrong("issuer must begin with https:// (http:// is for this machine only)".to_owned()));
        }
        let issuer =
            IssuerUrl::new(settings.issuer.clone()).map_err(|why| wrong(format!("issuer is no address: {why}")))?;
        let redirect = RedirectUrl::from_url(settings.redirect.clone());
        let way = Way(client(LIMIT, url.scheme() == "http")?);
        Ok(Self { settings, issuer, redirect, way, known: Mutex::default() })
    }

    /// The provider as people know it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// What the provider calls itself.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// What the provider says of itself, and its keys; fetched where it was not yet, where that was long ago, or `anew`. Where it cannot
    /// be asked, what it said before stands, unless that is not enough.
    async fn provider(&self, anew: bool) -> Result<Arc<CoreProviderMetadata>, SignOnError> {
        let mut known = self.known.lock().await;
        let before = known.said.as_ref().filter(|_| !anew);
        if let Some((said, _)) = before.filter(|(_, at)| at.elapsed() < AGE) {
            return Ok(Arc::clone(said));
        }
        let before = before.map(|(said, _)| Arc::clone(said));
        // Who waited for the lock while it could not be asked does not ask once more.
        if let Some((why, _)) = known.failed.as_ref().filter(|(_, at)| at.elapsed() < PAUSE) {
            return before.ok_or_else(|| why.clone());
        }
        let slow = |_| Err(SignOnError::Away("it does not answer in time".to_owned()));
        match tokio::time::timeout(LIMIT, self.fetch()).await.unwrap_or_else(slow) {
            Ok(said) => {
                *known = Known { said: Some((Arc::clone(&said), Instant::now())), failed: None };
                Ok(said)
            }
            Err(why) => {
                tracing::warn!(%why, "what the provider of sign-ons says of itself could not be fetched");
                known.failed = Some((why.clone(), Instant::now()));
                before.ok_or(why)
            }
        }
    }

    async fn fetch(&self) -> Result<Arc<CoreProviderMetadata>, SignOnError> {
        let found = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.way).await;
        let found = found.map_err(|why| SignOnError::Away(because(&why)))?;
        let (token, person) = (found.token_endpoint().map(|u| u.url()), found.userinfo_endpoint().map(|u| u.url()));
        let asked = [Some(found.authorization_endpoint().url()), Some(found.jwks_uri().url()), token, person];
        if asked.into_iter().flatten().any(|url| !is_protected(url)) {
            return Err(SignOnError::Away("it names an address without https://".to_owned()));
        }
        Ok(Arc::new(found))
    }

    fn secret(&self) -> Option<ClientSecret> {
        self.settings.secret.as_ref().map(|secret| ClientSecret::new(secret.reveal().to_owned()))
    }

    fn client_id(&self) -> ClientId {
        ClientId::new(self.settings.client_id.clone())
    }

    /// Begins: where the browser has to go, and what it has to show when it comes back.
    ///
    /// # Errors
    /// When the provider is away.
    pub async fn begin(&self) -> Result<Begun, SignOnError> {
        let provider = self.provider(false).await?;
        let client = CoreClient::from_provider_metadata((*provider).clone(), self.client_id(), self.secret())
            .set_redirect_uri(self.redirect.clone());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        for scope in ["profile", "email"] {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        let (state, nonce, verifier) = (state.into_secret(), nonce.secret().clone(), verifier.into_secret());
        Ok(Begun { url, state, nonce, verifier })
    }

    /// Ends it: changes the code that the browser brought for a token, and reads from it who they are.
    ///
    /// # Errors
    /// When the provider is away, or does not vouch for them.
    pub async fn finish(&self, code: String, begun: &Begun, now: DateTime<Utc>) -> Result<Somebody, SignOnError> {
        let provider = self.provider(false).await?;
        let client = CoreClient::from_provider_metadata((*provider).clone(), self.client_id(), self.secret())
            .set_redirect_uri(self.redirect.clone());
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| SignOnError::Away("it has no address for tokens".to_owned()))?
            .set_pkce_verifier(PkceCodeVerifier::new(begun.verifier.clone()));
        let tokens = request.request_async(&self.way).await.map_err(|why| match why {
            RequestTokenError::ServerResponse(said) => SignOnError::Refused(one_line(said.error().as_ref())),
            other => SignOnError::Away(because(&other)),
        })?;
        let token = tokens.id_token().ok_or_else(|| SignOnError::Refused("no token says who it is".to_owned()))?;
        let nonce = Nonce::new(begun.nonce.clone());
        let subject = match self.subject(&provider, token, &nonce, now) {
            // It may have taken new keys since we asked.
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_),
            )) => self.subject(&*self.provider(true).await?, token, &nonce, now),
            other => other,
        };
        let subject = subject.map_err(|why| SignOnError::Refused(because(&why)))?;
        let mut name = named(&self.settings.claim, &payload(&token.to_string()));
        if name.is_none()
            && let Ok(request) = client.user_info(tokens.access_token().clone(), Some(subject.clone()))
            // Who is linked already needs no name: its failing keeps nobody out.
            && let Ok(said) = request.request_async(&self.way).await
        {
            let said: UserInfoClaims<Own, CoreGenderClaim> = said;
            name = named(&self.settings.claim, &serde_json::to_value(said).unwrap_or_default());
        }
        Ok(Somebody { issuer: self.settings.issuer.clone(), subject: subject.to_string(), name })
    }

    /// Whom a token is about, if this provider made it, for us, now, in answer to this.
    fn subject(
        &self,
        provider: &CoreProviderMetadata,
        token: &CoreIdToken,
        nonce: &Nonce,
        now: DateTime<Utc>,
    ) -> Result<openidconnect::SubjectIdentifier, ClaimsVerificationError> {
        let client = CoreClient::from_provider_metadata(provider.clone(), self.client_id(), self.secret());
        let skew = TimeDelta::seconds(SKEW);
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now - skew)
            .set_issue_time_verifier_fn(move |issued| {
                if issued > now + skew { Err("it was made in the future".to_owned()) } else { Ok(()) }
            });
        Ok(token.claims(&verifier, nonce)?.subject().clone())
    }
}

/// What went wrong, in one line, down to the last cause.
fn because(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(deeper) = last.source() {
        last = deeper;
    }
    one_line(&last.to_string())
}

/// What a token says; it was verified before.
fn payload(token: &str) -> Value {
    let bytes = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// What a claim calls somebody. An email counts only where the provider has verified it: else anybody could call themselves so.
fn named(claim: &str, said: &Value) -> Option<String> {
    let vouched = claim != "email" || said["email_verified"] == Value::Bool(true);
    let name = said[claim].as_str()?.trim().to_lowercase();
    (vouched && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use axum::routing::get;
    use serde_json::json;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    #[test]
    fn a_name_is_taken_from_the_claim_that_was_set_and_an_email_only_where_it_is_verified() {
        let said = json!({"preferred_username": " Ann.Lane ", "email": "ann@b.example", "oid": 5});
        assert_eq!(named("preferred_username", &said).as_deref(), Some("ann.lane"));
        assert_eq!(named("email", &said), None);
        assert_eq!(named("oid", &said), None);
        assert_eq!(named("upn", &said), None);
        let verified = json!({"email": "Ann@b.example", "email_verified": true});
        assert_eq!(named("email", &verified).as_deref(), Some("ann@b.example"));
    }

    #[test]
    fn no_provider_is_asked_in_the_clear_over_a_network() {
        let of = |issuer: &str| {
            SignOn::new(OpenIdSettings {
                issuer: issuer.to_owned(),
                client_id: "beadle".to_owned(),
                secret: None,
                claim: "email".to_owned(),
                redirect: "https://cases.b.example/sign-on/done".parse().unwrap(),
                name: "Council".to_owned(),
            })
        };
        assert!(of("https://id.b.example").is_ok() && of("http://127.0.0.1:9").is_ok());
        for wrong in ["http://id.b.example", "id.b.example", ""] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    /// A provider that only describes itself: its address, how often it was asked, and whether it is away.
    async fn describes_itself() -> (String, Arc<AtomicUsize>, Arc<AtomicBool>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (asked, away) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let description = json!({
            "issuer": base, "authorization_endpoint": format!("{base}/auth"), "token_endpoint": format!("{base}/token"),
            "jwks_uri": format!("{base}/jwks"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        let (counted, gone) = (Arc::clone(&asked), Arc::clone(&away));
        let describe = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let away = gone.load(Ordering::Relaxed);
            let status = if away { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
            let body = description.to_string();
            async move { (status, [("content-type", "application/json")], body) }
        };
        let keys = || async { ([("content-type", "application/json")], "{\"keys\":[]}") };
        let app =
            axum::Router::new().route("/.well-known/openid-configuration", get(describe)).route("/jwks", get(keys));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (base, asked, away)
    }

    #[tokio::test]
    async fn the_provider_is_asked_again_after_an_hour_and_while_it_is_away_what_it_said_before_stands() {
        let (issuer, asked, away) = describes_itself().await;
        let settings = OpenIdSettings {
            redirect: format!("{issuer}/sign-on/done").parse().unwrap(),
            issuer,
            client_id: "beadle".to_owned(),
            secret: None,
            claim: "email".to_owned(),
            name: "Council".to_owned(),
        };
        let sign_on = SignOn::new(settings).unwrap();
        let times = || asked.load(Ordering::Relaxed);
        away.store(true, Ordering::Relaxed);
        for _ in 0..3 {
            assert!(matches!(sign_on.begin().await, Err(SignOnError::Away(_))));
        }
        assert_eq!(times(), 1, "nobody waits for what just failed");
        away.store(false, Ordering::Relaxed);
        sign_on.known.lock().await.failed = None;
        for _ in 0..3 {
            sign_on.begin().await.unwrap();
        }
        assert_eq!(times(), 2);
        let grow_old = async || {
            let mut known = sign_on.known.lock().await;
            known.said.as_mut().unwrap().1 = Instant::now().checked_sub(AGE).unwrap();
        };
        grow_old().await;
        sign_on.begin().await.unwrap();
        assert_eq!(times(), 3, "an hour later");
        grow_old().await;
        away.store(true, Ordering::Relaxed);
        for _ in 0..3 {
            sign_on.begin().await.unwrap();
        }
        assert_eq!(times(), 4, "what it said before stands, and it is not asked each time");
        assert!(sign_on.provider(true).await.is_err(), "but not where a key is missing");
    }
}
