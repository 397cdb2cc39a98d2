//! TLS to the server, with the certificate checks that the target's mode asks for.

use std::{io, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_cert::{Certificate, der::Decode};

use super::{
    error::WireError,
    target::{Host, Target, TlsMode},
};

/// What is needed to speak TLS with one target.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// `None` where the target goes without.
    pub(super) fn new(target: &Target) -> Result<Option<Self>, WireError> {
        let Host::Tcp(host, _) = &target.host else { return Ok(None) };
        if target.tls == TlsMode::Disable {
            return Ok(None);
        }
        // The provider is named here, because two are compiled into the program and its default need not be installed yet.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| refused("no TLS version is supported", error))?;
        let config = match target.tls {
            TlsMode::VerifyFull => config.with_root_certificates(roots(target)?),
            TlsMode::VerifyCa => {
                let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(target)?), provider.clone())
                    .build()
                    .map_err(|error| refused("the trusted roots cannot be used", error))?;
                config.dangerous().with_custom_certificate_verifier(Arc::new(AnyName { chain: Some(chain), provider }))
            }
            TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => {
                config.dangerous().with_custom_certificate_verifier(Arc::new(AnyName { chain: None, provider }))
            }
        };
        let name = ServerName::try_from(host.clone()).map_err(|error| refused("the host is no name that a certificate could bear", error))?;
        Ok(Some(Self { connector: TlsConnector::from(Arc::new(config.with_no_client_auth())), name }))
    }

    pub(super) async fn handshake(&self, socket: TcpStream) -> Result<TlsStream<TcpStream>, WireError> {
        self.connector.connect(self.name.clone(), socket).await.map_err(|cause| {
            let checked = cause.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
            let reason = match checked {
                Some(TlsError::InvalidCertificate(_)) => "its certificate is not trusted",
                _ => "the handshake failed",
            };
            WireError::Tls { reason, cause: Some(cause) }
        })
    }
}

fn roots(target: &Target) -> Result<RootCertStore, WireError> {
    let Some(path) = &target.root_certificate else {
        return Ok(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect());
    };
    let unreadable = |error| refused("the root certificate file cannot be read", error);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?).map_err(|error| refused("a root certificate cannot be used", error))?;
    }
    if roots.is_empty() {
        return Err(WireError::Tls { reason: "the root certificate file holds no certificate", cause: None });
    }
    Ok(roots)
}

fn refused(reason: &'static str, cause: impl std::error::Error + Send + Sync + 'static) -> WireError {
    WireError::Tls { reason, cause: Some(io::Error::other(cause)) }
}

/// Takes any name, and without a `chain` any certificate.
#[derive(Debug)]
struct AnyName {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            // The chain is checked before the name.
            Err(TlsError::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The `tls-server-end-point` binding (RFC 5929): the server's certificate, hashed as its own signature hashes. `None` where that is not defined.
pub(super) fn server_end_point(stream: &TlsStream<TcpStream>) -> Option<Vec<u8>> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    let algorithm = Certificate::from_der(certificate).ok()?.signature_algorithm.oid;
    let hash = match algorithm.to_string().as_str() {
        // md5, sha1 (both replaced by sha256, says the RFC) and sha256, with RSA, DSA or ECDSA
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.10045.4.1"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.3.2"
        | "2.16.840.1.101.3.4.3.2" => Sha256::digest(certificate).to_vec(),
        "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" => Sha224::digest(certificate).to_vec(),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Sha384::digest(certificate).to_vec(),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Sha512::digest(certificate).to_vec(),
        _ => return None, // RSASSA-PSS and Ed25519: what to hash is not agreed between implementations
    };
    Some(hash)
}
