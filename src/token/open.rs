//! From the URI to the key: the module, the token in its reader, the PIN, then the key and the certificate that fit.

use std::path::Path;
use std::sync::{Arc, Mutex};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;

use super::key::TokenKey;
use super::uri::{Escaped, TokenUri};
use super::{TokenError, Tries};
use crate::pki::{Certificate, Identity, KeyKind, PrivateKey};
use crate::secret::Secret;

/// Keys and certificates that are looked at on one token.
const MOST_OBJECTS: usize = 64;
/// Certificates above the one of the key.
const DEEPEST: usize = 8;

/// What a token wants before it uses a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Nothing.
    Nothing,
    /// A PIN that is typed on the reader itself.
    Pad,
    /// A PIN.
    Pin,
}

/// A token that was found, before it was shown a PIN.
pub struct Token {
    module: Pkcs11,
    slot: Slot,
    info: TokenInfo,
    uri: TokenUri,
    session: Session,
    /// Another key of the token is in use in this process: PKCS#11 logs in once for all sessions.
    logged_in: bool,
}

/// A private key among the objects of a token.
struct Found {
    handle: ObjectHandle,
    id: Vec<u8>,
    label: String,
    rsa: bool,
    /// Of an RSA key, where the token tells it.
    modulus: Option<Vec<u8>>,
    each_use: bool,
}

impl Token {
    /// Finds the one token that fits.
    pub fn find(uri: &TokenUri) -> Result<Token, TokenError> {
        let path = uri.module().ok_or(TokenError::NoModule)?;
        let module = load(path).map_err(|source| TokenError::Module { path: path.to_owned(), source })?;
        let (mut fitting, mut present) = (Vec::new(), Vec::new());
        for slot in module.get_slots_with_token()? {
            // A card that is being pulled out is as good as none.
            let Ok(info) = module.get_token_info(slot) else { continue };
            present.push(info.label().to_owned());
            if info.token_initialized() && fits(uri, &info) {
                fitting.push((slot, info));
            }
        }
        match (fitting.pop(), fitting.is_empty()) {
            (Some((slot, info)), true) => {
                let session = module.open_ro_session(slot)?;
                let logged_in =
                    matches!(session.get_session_info()?.session_state(), SessionState::RoUser | SessionState::RwUser);
                Ok(Token { module, slot, info, uri: uri.clone(), session, logged_in })
            }
            (Some(_), false) => Err(TokenError::SeveralTokens { present }),
            (None, _) => Err(TokenError::NoToken { present }),
        }
    }

    /// What it wants before it uses a key.
    pub fn asks(&self) -> Asks {
        match (self.info.login_required() && !self.logged_in, self.info.protected_authentication_path()) {
            (false, _) => Asks::Nothing,
            (true, true) => Asks::Pad,
            (true, false) => Asks::Pin,
        }
    }

    /// Its name, for whoever is asked for its PIN.
    pub fn label(&self) -> &str {
        self.info.label()
    }

    /// Whether one more wrong PIN would lock it, as far as it tells.
    pub fn last_try(&self) -> bool {
        self.info.user_pin_final_try()
    }

    /// How many wrong PINs it still takes, as far as it tells.
    pub fn tries(&self) -> Tries {
        match (self.info.user_pin_final_try(), self.info.user_pin_count_low()) {
            (true, _) => Tries::One,
            (false, true) => Tries::Few,
            (false, false) => Tries::Untold,
        }
    }

    /// Shows the PIN, once, and takes the key with its certificate: that of the PEM text, which has its chain, or else
    /// the one on the token.
    pub fn identity(self, certificates: Option<&str>, pin: Option<&Secret<String>>) -> Result<Identity, TokenError> {
        if self.info.user_pin_locked() && self.asks() != Asks::Nothing {
            return Err(TokenError::Locked);
        }
        let given = certificates.map(|pem| Certificate::from_pem(pem.as_bytes())).transpose();
        let given = given.map_err(TokenError::Certificate)?;
        self.log_in(pin)?;
        let Token { module, slot, uri, session, .. } = self;
        let keys = private_keys(&session, &uri)?;
        if keys.is_empty() {
            return Err(TokenError::NoKey);
        }
        let (key, certificate, chain) = match given {
            Some(given) => with_given(&session, keys, given)?,
            None => with_own(&session, keys)?,
        };
        let holder = TokenKey {
            handle: key.handle,
            kind: certificate.key_kind(),
            mechanisms: module.get_mechanism_list(slot)?,
            each_use: key.each_use,
            pin: pin.filter(|_| key.each_use).cloned(),
            session: Arc::new(Mutex::new(session)),
        };
        let key = PrivateKey::held(&certificate, Arc::new(holder));
        // They belong together: the key was made from the certificate, and each signature is verified with it.
        Identity::new(certificate, chain, key).map_err(|_| TokenError::NoCertificate)
    }

    /// One try: a second one with the same PIN could be the one that locks the card.
    fn log_in(&self, pin: Option<&Secret<String>>) -> Result<(), TokenError> {
        let pin = match self.asks() {
            Asks::Nothing => return Ok(()),
            Asks::Pad => None,
            Asks::Pin => Some(AuthPin::from(pin.ok_or(TokenError::NotReady)?.expose().as_str())),
        };
        match self.session.login(UserType::User, pin.as_ref()) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(error) => Err(match TokenError::from(error) {
                TokenError::WrongPin { .. } => {
                    let info = self.module.get_token_info(self.slot).ok();
                    if info.as_ref().is_some_and(TokenInfo::user_pin_locked) {
                        return Err(TokenError::Locked);
                    }
                    let left = match info {
                        Some(info) if info.user_pin_final_try() => Tries::One,
                        Some(info) if info.user_pin_count_low() => Tries::Few,
                        _ => Tries::Untold,
                    };
                    TokenError::WrongPin { left }
                }
                other => other,
            }),
        }
    }
}

/// A process starts each module once; that another profile has done so already is as good.
fn load(path: &Path) -> Result<Pkcs11, Error> {
    let module = Pkcs11::new(path)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
        Err(error) => Err(error),
    }
}

fn fits(uri: &TokenUri, info: &TokenInfo) -> bool {
    let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
    fits(&uri.token, info.label())
        && fits(&uri.serial, info.serial_number())
        && fits(&uri.manufacturer, info.manufacturer_id())
        && fits(&uri.model, info.model())
}

fn private_keys(session: &Session, uri: &TokenUri) -> Result<Vec<Found>, TokenError> {
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    template.extend(uri.id.clone().map(Attribute::Id));
    template.extend(uri.object.clone().map(|label| Attribute::Label(label.into_bytes())));
    let handles = session.find_objects(&template)?;
    let found = handles.into_iter().take(MOST_OBJECTS).map(|handle| describe(session, handle));
    found.filter_map(Result::transpose).collect()
}

fn describe(session: &Session, handle: ObjectHandle) -> Result<Option<Found>, TokenError> {
    let wanted = [
        AttributeType::KeyType,
        AttributeType::Id,
        AttributeType::Label,
        AttributeType::Modulus,
        AttributeType::AlwaysAuthenticate,
    ];
    let (mut rsa, mut modulus) = (None, None);
    let mut found = Found { handle, id: Vec::new(), label: String::new(), rsa: false, modulus: None, each_use: false };
    for attribute in session.get_attributes(handle, &wanted)? {
        match attribute {
            Attribute::KeyType(kind) if kind == KeyType::RSA => rsa = Some(true),
            Attribute::KeyType(kind) if kind == KeyType::EC => rsa = Some(false),
            Attribute::Id(id) => found.id = id,
            Attribute::Label(label) => found.label = String::from_utf8_lossy(&label).into_owned(),
            Attribute::Modulus(octets) if !octets.is_empty() => modulus = Some(octets),
            Attribute::AlwaysAuthenticate(each_use) => found.each_use = each_use,
            _ => {}
        }
    }
    Ok(rsa.map(|rsa| Found { rsa, modulus, ..found }))
}

/// Whether a key can be that of a certificate, as far as the token tells: what it does not, the first signature shows.
fn belongs(key: &Found, certificate: &Certificate) -> bool {
    match certificate.key_kind() {
        KeyKind::Rsa { .. } if !key.rsa => false,
        KeyKind::Rsa { .. } => key.modulus.as_ref().is_none_or(|modulus| {
            let significant = &modulus[modulus.iter().position(|octet| *octet != 0).unwrap_or(0)..];
            certificate.public_key().windows(significant.len()).any(|part| part == significant)
        }),
        KeyKind::Ed25519 | KeyKind::X25519 | KeyKind::Other => false,
        _ => !key.rsa,
    }
}

type Chosen = (Found, Certificate, Vec<Certificate>);

fn with_given(session: &Session, keys: Vec<Found>, mut given: Vec<Certificate>) -> Result<Chosen, TokenError> {
    let own = given.iter().position(|certificate| keys.iter().any(|key| belongs(key, certificate)));
    let certificate = given.remove(own.ok_or(TokenError::NoKey)?);
    let mut fitting: Vec<Found> = keys.into_iter().filter(|key| belongs(key, &certificate)).collect();
    if fitting.len() > 1 {
        // The point of an elliptic-curve key is told by the public key beside it.
        let same = |key: &Found| public_point(session, &key.id).is_some_and(|point| point == certificate.public_key());
        fitting = match fitting.iter().any(same) {
            true => fitting.into_iter().filter(same).collect(),
            false => fitting,
        };
    }
    Ok((only(fitting)?, certificate, given))
}

fn with_own(session: &Session, keys: Vec<Found>) -> Result<Chosen, TokenError> {
    let mut certificates = Vec::new();
    for handle in session.find_objects(&[Attribute::Class(ObjectClass::CERTIFICATE)])?.into_iter().take(MOST_OBJECTS) {
        let (mut id, mut value) = (Vec::new(), Vec::new());
        for attribute in session.get_attributes(handle, &[AttributeType::Id, AttributeType::Value])? {
            match attribute {
                Attribute::Id(octets) => id = octets,
                Attribute::Value(octets) => value = octets,
                _ => {}
            }
        }
        // A certificate of another kind is not ours.
        if let Ok(certificate) = Certificate::from_der(&value) {
            certificates.push((id, certificate));
        }
    }
    let own = |key: &Found| certificates.iter().find(|(id, it)| *id == key.id && belongs(key, it));
    let with: Vec<Found> = keys.into_iter().filter(|key| own(key).is_some()).collect();
    if with.is_empty() {
        return Err(TokenError::NoCertificate);
    }
    let key = only(with)?;
    let certificate = own(&key).map(|(_, certificate)| certificate.clone()).ok_or(TokenError::NoCertificate)?;
    let mut chain: Vec<Certificate> = Vec::new();
    let mut last = certificate.clone();
    while chain.len() < DEEPEST && last.issuer() != last.subject() {
        let above = certificates.iter().map(|(_, it)| it).find(|it| it.subject() == last.issuer());
        let Some(above) = above else { break };
        chain.push(above.clone());
        last = above.clone();
    }
    Ok((key, certificate, chain))
}

fn only(mut keys: Vec<Found>) -> Result<Found, TokenError> {
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok(key),
        (None, _) => Err(TokenError::NoKey),
        (Some(key), false) => {
            let all = keys.iter().chain([&key]);
            let found = all.map(|key| format!("object={};id={}", key.label, Escaped(&key.id))).collect();
            Err(TokenError::SeveralKeys { found })
        }
    }
}

/// The point of the public key with this identifier: CKA_EC_POINT is an OCTET STRING around it.
fn public_point(session: &Session, id: &[u8]) -> Option<Vec<u8>> {
    let template = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Id(id.to_vec())];
    let handle = *session.find_objects(&template).ok()?.first()?;
    let point =
        session.get_attributes(handle, &[AttributeType::EcPoint]).ok()?.into_iter().find_map(|it| match it {
            Attribute::EcPoint(point) => Some(point),
            _ => None,
        })?;
    let inside = <&der::asn1::OctetStringRef as der::Decode<'_>>::from_der(&point);
    Some(inside.map_or_else(|_| point.clone(), |inside| inside.as_bytes().to_vec()))
}
